"""The operations of layers of images, and how their numbers are made; see operations.py.

x is samples x channels x rows x columns, w output channels x channels x kernel rows x kernel columns.
"""

from ..reference import batchnorm, conv, pool
from .formulas import Operation, addends, dig, formula, given, terms


def conv2d_forward(x, w, b, stride, padding):
    return {"z": conv.conv2d_forward(x, w, b, stride, padding)}


def explain_conv2d_forward(inputs, outputs, key, index):
    n, o, r, s = index
    X, kernels = conv.padded(inputs["x"][n], inputs["padding"]), inputs["w"][o]
    pairs = [(X[c][r * inputs["stride"][0] + i][s * inputs["stride"][1] + j], v)
             for c, kernel in enumerate(kernels) for i, row_ in enumerate(kernel) for j, v in enumerate(row_)]
    return formula(conv.conv2d_forward), terms(inputs["b"][o] if inputs["b"] else 0.0, pairs)


def conv2d_backward_input(w, dz, size, stride, padding):
    return {"dx": conv.conv2d_backward_input(w, dz, size, stride, padding)}


def explain_conv2d_backward_input(inputs, outputs, key, index):
    n, c, row_, column_ = index
    (height, width), (down, right) = inputs["stride"], inputs["padding"]
    pairs = []
    for o, dz_o in enumerate(inputs["dz"][n]):
        for i, kernel_row in enumerate(inputs["w"][o][c]):
            for j, v in enumerate(kernel_row):
                r, s = row_ + down - i, column_ + right - j
                if r % height == 0 and s % width == 0 and 0 <= r // height < len(dz_o) and 0 <= s // width < len(dz_o[0]):
                    pairs.append((dz_o[r // height][s // width], v))
    return formula(conv.conv2d_backward_input), terms(0.0, pairs)


def conv2d_backward_parameters(x, dz, kernel_size, stride, padding, bias):
    dw, db = conv.conv2d_backward_parameters(x, dz, kernel_size, stride, padding, bias)
    return {"dw": dw, "db": db}


def explain_conv2d_backward_parameters(inputs, outputs, key, index):
    o = index[0]
    if key == "db":
        return "db[o] = 0.0; for n, r, s ascending: db[o] += dz[n][o][r][s]", addends(0.0, [v for dz_n in inputs["dz"] for r in dz_n[o] for v in r])
    _, c, i, j = index
    pairs = [(X[c][r * inputs["stride"][0] + i][s * inputs["stride"][1] + j], v)
             for X, dz_n in zip([conv.padded(x_n, inputs["padding"]) for x_n in inputs["x"]], inputs["dz"])
             for r, dz_r in enumerate(dz_n[o]) for s, v in enumerate(dz_r)]
    return formula(conv.conv2d_backward_parameters), terms(0.0, pairs)


def maxpool2d_forward(x, kernel_size, stride):
    return {"a": pool.maxpool2d_forward(x, kernel_size, stride)}


def maxpool2d_backward(x, da, kernel_size, stride):
    return {"dx": pool.maxpool2d_backward(x, da, kernel_size, stride)}


def explain_window(inputs, outputs, key, index):
    n, c, r, s = index
    (height, width), (down, right) = inputs["kernel_size"], inputs["stride"]
    window = [inputs["x"][n][c][i][s * right:s * right + width] for i in range(r * down, r * down + height)]
    return formula(pool.maxpool2d_forward), f"the window is {window}"


def explain_maxpool2d_backward(inputs, outputs, key, index):
    n, c, _, _ = index
    return formula(pool.maxpool2d_backward), f"x[{n}][{c}] = {inputs['x'][n][c]}, da[{n}][{c}] = {inputs['da'][n][c]}"


def flat_channels(x):
    """Samples x channels x rows x columns -> samples x channels x positions"""
    return [[[v for row_ in channel for v in row_] for channel in image] for image in x]


def like(x, flat):
    """The reverse, in the shape of x."""
    width = len(x[0][0][0])
    return [[[channel[start:start + width] for start in range(0, len(channel), width)] for channel in image] for image in flat]


def batchnorm2d_statistics(x):
    mean, squares, m = batchnorm.batchnorm2d_statistics(flat_channels(x))
    return {"mean": mean, "variance": [s / m for s in squares]}


def batchnorm2d_forward(x, mean, variance, gamma, beta, eps):
    return {"a": like(x, batchnorm.batchnorm2d_forward(flat_channels(x), mean, variance, gamma, beta, eps))}


def explain_batchnorm2d_forward(inputs, outputs, key, index):
    c = index[1]
    return ("a = gamma * ((x - mean) * f) + beta, where f = 1 / sqrt(variance + eps)", f"x = {dig(inputs['x'], index)!r}, "
            + ", ".join(f"{name} = {inputs[name][c]!r}" for name in ("mean", "variance", "gamma", "beta")))


def batchnorm2d_backward(x, mean, variance, gamma, da, eps):
    dx, dgamma, dbeta = batchnorm.batchnorm2d_backward(flat_channels(x), mean, variance, gamma, flat_channels(da), eps)
    return {"dgamma": dgamma, "dbeta": dbeta, "dx": like(x, dx)}


def explain_batchnorm2d_backward(inputs, outputs, key, index):
    if key != "dx":
        return {"dbeta": "dbeta[c] = sum of da[n][c][k]", "dgamma": "dgamma[c] = sum of da[n][c][k] * h[n][c][k]"}[key], f"c = {index[0]}"
    c = index[1]
    return ("dx = (gamma * f) * ((da - dbeta / m) - h * (dgamma / m)), where f = 1 / sqrt(variance + eps) and h = (x - mean) * f",
            f"x = {dig(inputs['x'], index)!r}, da = {dig(inputs['da'], index)!r}, "
            + ", ".join(f"{name} = {inputs[name][c]!r}" for name in ("mean", "variance", "gamma"))
            + f", dgamma = {outputs['dgamma'][c]!r}, dbeta = {outputs['dbeta'][c]!r}")


def batchnorm2d_track(running_mean, running_variance, x, momentum):
    running = list(running_mean), list(running_variance)
    batchnorm.batchnorm2d_track(*running, *batchnorm.batchnorm2d_statistics(flat_channels(x)), momentum)
    return {"running_mean": running[0], "running_variance": running[1]}


OPERATIONS = {
    "conv2d_forward": Operation(conv2d_forward, explain_conv2d_forward),
    "conv2d_backward_input": Operation(conv2d_backward_input, explain_conv2d_backward_input),
    "conv2d_backward_parameters": Operation(conv2d_backward_parameters, explain_conv2d_backward_parameters),
    "maxpool2d_forward": Operation(maxpool2d_forward, explain_window),
    "maxpool2d_backward": Operation(maxpool2d_backward, explain_maxpool2d_backward),
    "batchnorm2d_statistics": Operation(batchnorm2d_statistics, given(batchnorm.batchnorm2d_statistics)),
    "batchnorm2d_forward": Operation(batchnorm2d_forward, explain_batchnorm2d_forward),
    "batchnorm2d_backward": Operation(batchnorm2d_backward, explain_batchnorm2d_backward),
    "batchnorm2d_track": Operation(batchnorm2d_track, given(batchnorm.batchnorm2d_track)),
}
