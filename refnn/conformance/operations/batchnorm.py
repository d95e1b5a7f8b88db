"""Batch normalisation: statistics, forward, backward, running statistics. x is samples x channels x rows x columns."""

from ...layers import BatchNorm2d
from ...reference import batchnorm
from .explaining import Operation, dig, given
from .in_c import lists, sizes


def positions(x):
    """Samples x channels x rows x columns -> samples x channels x positions, as the book takes them."""
    return [[[v for channel_row in channel for v in channel_row] for channel in image] for image in x]


def images(flat, x):
    """The reverse, in the shape of x."""
    width = len(x[0][0][0])
    return [[[channel[start:start + width] for start in range(0, len(channel), width)] for channel in image]
            for image in flat]


def batchnorm2d_statistics(x):
    mean, squares, m = batchnorm.batchnorm2d_statistics(positions(x))
    return {"mean": mean, "variance": [s / m for s in squares]}


def batchnorm2d_statistics_in_c(core, x):
    statistics, _ = in_training(core, x)
    mean, _, variance = lists(statistics, 3, len(x[0]))
    return {"mean": mean, "variance": variance}


def in_training(core, x, momentum=0.1, running=None):
    """The batch's mean, squares and variance, and the running mean and variance after it, by a forward pass."""
    channels = len(x[0])
    statistics, buffers = core.room(3, channels), core.row(running) if running else None
    core.forward(BatchNorm2d(channels, momentum=momentum), sizes(x)[1:], len(x), training=True, x=x, w=[1.0] * channels,
                 b=[0.0] * channels, statistics=statistics, buffers=buffers, a=core.room(*sizes(x)))
    return statistics, buffers


def batchnorm2d_forward(x, mean, variance, gamma, beta, eps):
    return {"a": images(batchnorm.batchnorm2d_forward(positions(x), mean, variance, gamma, beta, eps), x)}


def batchnorm2d_forward_in_c(core, x, mean, variance, gamma, beta, eps):
    a = core.room(*sizes(x))
    core.forward(BatchNorm2d(len(gamma), eps), sizes(x)[1:], len(x), x=x, buffers=[*mean, *variance], w=gamma, b=beta,
                 a=a)
    return {"a": lists(a, *sizes(x))}


def explain_batchnorm2d_forward(inputs, outputs, key, index):
    c = index[1]
    return ("a = gamma * ((x - mean) * f) + beta, where f = 1 / sqrt(variance + eps)",
            f"x = {dig(inputs['x'], index)!r}, " + of_channel(inputs, c, "mean", "variance", "gamma", "beta"))


def batchnorm2d_evaluation(x, running_mean, running_variance, gamma, beta, eps):
    return batchnorm2d_forward(x, running_mean, running_variance, gamma, beta, eps)


def batchnorm2d_evaluation_in_c(core, x, running_mean, running_variance, gamma, beta, eps):
    return batchnorm2d_forward_in_c(core, x, running_mean, running_variance, gamma, beta, eps)


def explain_batchnorm2d_evaluation(inputs, outputs, key, index):
    statistics = {"mean": inputs["running_mean"], "variance": inputs["running_variance"]}
    return explain_batchnorm2d_forward({**inputs, **statistics}, outputs, key, index)


def of_channel(values, c, *names):
    return ", ".join(f"{name} = {values[name][c]!r}" for name in names)


def batchnorm2d_backward(x, mean, variance, gamma, da, eps):
    dx, dgamma, dbeta = batchnorm.batchnorm2d_backward(positions(x), mean, variance, gamma, positions(da), eps)
    return {"dgamma": dgamma, "dbeta": dbeta, "dx": images(dx, x)}


def batchnorm2d_backward_in_c(core, x, mean, variance, gamma, da, eps):
    dx, dgamma, dbeta = core.room(*sizes(x)), core.room(len(gamma)), core.room(len(gamma))
    core.backward(BatchNorm2d(len(gamma), eps), sizes(x)[1:], len(x), x=x, statistics=[*mean, *mean, *variance],
                  w=gamma, da=da, dx=dx, dw=dgamma, db=dbeta)  # backward does not read the squares, after the means
    return {"dx": lists(dx, *sizes(x)), "dgamma": dgamma.tolist(), "dbeta": dbeta.tolist()}


def explain_batchnorm2d_backward(inputs, outputs, key, index):
    if key == "dbeta":
        return "dbeta[c] = sum of da[n][c][k]", f"c = {index[0]}"
    if key == "dgamma":
        return "dgamma[c] = sum of da[n][c][k] * h[n][c][k]", f"c = {index[0]}"
    c = index[1]
    return (("dx = (gamma * f) * ((da - dbeta / m) - h * (dgamma / m)), where f = 1 / sqrt(variance + eps) "
             "and h = (x - mean) * f"),
            ", ".join([f"x = {dig(inputs['x'], index)!r}, da = {dig(inputs['da'], index)!r}",
                       of_channel(inputs, c, "mean", "variance", "gamma"), of_channel(outputs, c, "dgamma", "dbeta")]))


def batchnorm2d_track(running_mean, running_variance, x, momentum):
    running = list(running_mean), list(running_variance)
    batchnorm.batchnorm2d_track(*running, *batchnorm.batchnorm2d_statistics(positions(x)), momentum)
    return {"running_mean": running[0], "running_variance": running[1]}


def batchnorm2d_track_in_c(core, running_mean, running_variance, x, momentum):
    _, buffers = in_training(core, x, momentum, [*running_mean, *running_variance])
    mean, variance = lists(buffers, 2, len(x[0]))
    return {"running_mean": mean, "running_variance": variance}


OPERATIONS = {
    "batchnorm2d_statistics": Operation(
        batchnorm2d_statistics, batchnorm2d_statistics_in_c, given(batchnorm.batchnorm2d_statistics)),
    "batchnorm2d_forward": Operation(batchnorm2d_forward, batchnorm2d_forward_in_c, explain_batchnorm2d_forward),
    "batchnorm2d_backward": Operation(batchnorm2d_backward, batchnorm2d_backward_in_c, explain_batchnorm2d_backward),
    "batchnorm2d_evaluation": Operation(
        batchnorm2d_evaluation, batchnorm2d_evaluation_in_c, explain_batchnorm2d_evaluation),
    "batchnorm2d_track": Operation(batchnorm2d_track, batchnorm2d_track_in_c, given(batchnorm.batchnorm2d_track)),
}
