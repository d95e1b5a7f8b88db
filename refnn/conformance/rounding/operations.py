"""The operations of the spec on numbers that carry a deviation: what a right program may answer.

The functions take the precision and then the inputs as the spec names them, with numbers in place of floats. They are
the book's, as in ../operations, but for those below: where rounding may decide, where errors have a common cause, and
for sums of products, where a unit is faster.
"""

from math import hypot, inf, sqrt

from ...implementations import python
from ...implementations.python import images
from ...reference import activations, batchnorm, conv, losses, pool
from .. import operations
from ..operations.batchnorm import images as in_rows
from ..operations.batchnorm import positions
from ..operations.models import model_of
from .numbers import FUNCTIONS, Number, convert, flat, mixed, product, settled, value_of

STEP = 2.0**-17  # relative, for differences


def lifted(precision, inputs):
    """An operation's inputs with their floats as numbers."""
    def lift(value):
        return precision.given(value) if isinstance(value, float) else value
    return {key: convert(lift, value) for key, value in inputs.items()}


def transposed(rows):
    return [list(column) for column in zip(*rows)]


# Sums of products

def dot(precision, x, w):
    return {"z": product(precision, [x], [w])[0][0]}


def matmul(precision, a, b):
    return {"c": product(precision, a, transposed(b))}


def linear_forward(precision, x, w, b):
    return {"z": product(precision, x, transposed(w), b)}


def linear_backward_input(precision, w, dz):
    return {"dx": product(precision, dz, w)}


def linear_backward_parameters(precision, x, dz, bias):
    columns = transposed(dz)
    ones = [[precision(1.0)] * len(dz)]
    db = product(precision, ones, columns)[0] if bias else None
    return {"dw": product(precision, transposed(x), columns), "db": db}


def conv2d_forward(precision, x, w, b, stride, padding):
    kernels = [[v for w_oc in w_o for row in w_oc for v in row] for w_o in w]
    z = []
    for x_n in x:
        X = padded(precision, x_n, padding)
        height, width = output_size(X, w, stride)
        patches = [patch(X, r * stride[0], s * stride[1], len(w[0][0]), len(w[0][0][0]))
                   for r in range(height) for s in range(width)]
        z.append([[row[start:start + width] for start in range(0, height * width, width)]
                  for row in transposed(product(precision, patches, kernels, b))])
    return {"z": z}


def padded(precision, x_n, padding):
    return convert(lambda v: v if isinstance(v, Number) else precision(v), conv.padded(x_n, padding))


def output_size(X, w, stride):
    return (len(X[0]) - len(w[0][0])) // stride[0] + 1, (len(X[0][0]) - len(w[0][0][0])) // stride[1] + 1


def patch(X, top, left, height, width):
    return [v for X_c in X for row in X_c[top:top + height] for v in row[left:left + width]]


def conv2d_backward_input(precision, w, dz, size, stride, padding):
    dx = []
    for dz_n in dz:
        height, width = (n + 2 * p for n, p in zip(size, padding))
        terms = [[[([], []) for _ in range(width)] for _ in range(height)] for _ in w[0]]
        for w_o, dz_no in zip(w, dz_n):
            for c, w_oc in enumerate(w_o):
                for i, w_oci in enumerate(w_oc):
                    for j, w_ocij in enumerate(w_oci):
                        for r, dz_nor in enumerate(dz_no):
                            for s, dz_nors in enumerate(dz_nor):
                                dzs, ws = terms[c][r * stride[0] + i][s * stride[1] + j]
                                dzs.append(dz_nors)
                                ws.append(w_ocij)
        dx.append([[[product(precision, [dzs], [ws])[0][0] if ws else precision(0.0)
                     for dzs, ws in row[padding[1]:padding[1] + size[1]]]
                    for row in channel[padding[0]:padding[0] + size[0]]] for channel in terms])
    return {"dx": dx}


def conv2d_backward_parameters(precision, x, dz, kernel_size, stride, padding, bias):
    X = [padded(precision, x_n, padding) for x_n in x]
    columns = [[v for dz_n in dz for row in dz_n[o] for v in row] for o in range(len(dz[0]))]
    height, width = len(dz[0][0]), len(dz[0][0][0])
    rows = [[X_n[c][r * stride[0] + i][s * stride[1] + j] for X_n in X for r in range(height) for s in range(width)]
            for c in range(len(X[0])) for i in range(kernel_size[0]) for j in range(kernel_size[1])]
    dw = images(transposed(product(precision, rows, columns)), (len(X[0]), *kernel_size))
    ones = [[precision(1.0)] * len(columns[0])]
    return {"dw": dw, "db": product(precision, ones, columns)[0] if bias else None}


# Activations, losses

def activation_forward(precision, name, z):
    a = activations.Activation(name).forward(z)
    if name in ("relu", "leaky_relu"):
        a = [[either(precision, v, a_nj) if v.doubts(precision(0.0)) else a_nj for v, a_nj in zip(z_n, a_n)]
             for z_n, a_n in zip(z, a)]
    return {"a": a}


def either(precision, z, a):
    """relu where rounding may decide the sign of z: the function is continuous, so a is off by little."""
    return precision(precision.given(a).value, abs(z.value) + z.deviation)


def activation_backward(precision, name, z, a, da):
    dz, _ = activations.Activation(name).backward(z, a, da)
    if name in ("relu", "leaky_relu"):
        dz = [[precision(precision.given(d).value, inf) if v.doubts(precision(0.0)) else d for v, d in zip(a_n, dz_n)]
              for a_n, dz_n in zip(a, dz)]
    return {"dz": dz}


def loss(precision, loss, o, y, reduction):
    each = [losses.LOSSES[loss][0](o_n, y_n) for o_n, y_n in zip(o, y)]
    total = 0.0
    for value in settled(precision, each):
        total += value
    return {"losses": each, "loss": total / len(each) if reduction == "mean" else total}


# Images

def maxpool2d_forward(precision, x, kernel_size, stride):
    a = pool.maxpool2d_forward(x, kernel_size, stride)
    for x_n, a_n in zip(x, a):
        for x_nc, a_nc in zip(x_n, a_n):
            for r, a_ncr in enumerate(a_nc):
                for s, largest in enumerate(a_ncr):
                    others = rivals(x_nc, r * stride[0], s * stride[1], kernel_size)
                    a_ncr[s] = precision(largest.value, max([largest.deviation, *(v.deviation + largest.value - v.value
                                                                                 for v in others)]))
    return {"a": a}


def maxpool2d_backward(precision, x, da, kernel_size, stride):
    dx = convert(precision.given, pool.maxpool2d_backward(x, da, kernel_size, stride))
    for x_n, da_n, dx_n in zip(x, da, dx):
        for x_nc, da_nc, dx_nc in zip(x_n, da_n, dx_n):
            undecided = {id(v) for r, da_ncr in enumerate(da_nc) for s in range(len(da_ncr))
                         for v in rivals(x_nc, r * stride[0], s * stride[1], kernel_size)}
            for x_row, dx_row in zip(x_nc, dx_nc):
                dx_row[:] = [precision(d.value, inf) if id(v) in undecided else d for v, d in zip(x_row, dx_row)]
    return {"dx": dx}


def rivals(x, top, left, kernel_size):
    """The numbers of a window of which rounding may make any the largest: none, or two and more."""
    row, column = pool.largest(x, top, left, kernel_size)
    largest = x[row][column]
    window = [v for values in x[top:top + kernel_size[0]] for v in values[left:left + kernel_size[1]]]
    found = [v for v in window if v is not largest and v.doubts(largest)]
    return [largest, *found] if found else []


def batchnorm2d_forward(precision, x, mean, variance, gamma, beta, eps):
    def forward(x, mean, variance, gamma, beta, eps):
        return {"a": batchnorm.batchnorm2d_forward(x, mean, variance, gamma, beta, eps)}
    a = in_common(precision, forward, mean, variance, x=positions(x), gamma=gamma, beta=beta, eps=eps)["a"]
    scales = [value_of(g) / (sqrt(value_of(v) + value_of(eps)) or 1.0) for g, v in zip(gamma, variance)]
    fold(precision, a, positions(x), scales, [value_of(m) * scale for m, scale in zip(mean, scales)])
    return {"a": in_rows(a, x)}


def fold(precision, a, x, scales, shifts):
    """Adds the roundings of x * scale and of beta - shift, for programs that compute a channel as their sum.

    The error of beta - shift is a source: all numbers of the channel have it.
    """
    for c, number, v in by_channel(a, x):
        number.own = hypot(number.own, precision.unit * value_of(v) * scales[c])
        shift = precision(0.0, 0.0, {("shift", c, shifts[c]): precision.unit * shifts[c]})
        number.sources = mixed(number, 1.0, shift, 1.0)


def batchnorm2d_backward(precision, x, mean, variance, gamma, da, eps):
    def backward(x, mean, variance, gamma, da, eps):
        return dict(zip(("dx", "dgamma", "dbeta"), batchnorm.batchnorm2d_backward(x, mean, variance, gamma, da, eps)))
    made = in_common(precision, backward, mean, variance, x=positions(x), gamma=gamma, da=positions(da), eps=eps)
    return {"dgamma": made["dgamma"], "dbeta": made["dbeta"], "dx": in_rows(made["dx"], x)}


def in_common(precision, function, mean, variance, **inputs):
    """A function of batch normalisation, whose numbers have the errors of mean and variance in common.

    To take these for independent errors of every number would be wrong by far in a sum over samples. So mean and
    variance are certain at first. Then the error of each is a source of error, and a difference shows what it does to
    each number.
    """
    results = function(mean=convert(certain(precision), mean), variance=convert(certain(precision), variance), **inputs)
    results = settled_results(precision, results)
    plain = {key: convert(value_of, values) for key, values in inputs.items()}
    at = {"mean": convert(value_of, mean), "variance": convert(value_of, variance)}
    before = function(**plain, **at)
    sizes = [v + plain["eps"] if v + plain["eps"] > 0.0 else 1.0 for v in at["variance"]]
    steps = {"mean": [STEP * sqrt(size) for size in sizes], "variance": [STEP * size for size in sizes]}
    for name, numbers in (("mean", mean), ("variance", variance)):
        after = function(**plain, **dict(at, **{name: [v + step for v, step in zip(at[name], steps[name])]}))
        for key, values in results.items():
            for c, number, old, new in by_channel(values, before[key], after[key]):
                slope = (value_of(new) - value_of(old)) / steps[name][c]
                cause = numbers[c]
                causes = precision(0.0, 0.0, {(name, c, cause.value): cause.alone, **(cause.sources or {})})
                number.sources = mixed(number, 1.0, causes, slope)
    return results


def by_channel(*tensors):
    """(channel, the number of each tensor), of lists by channel or by sample, channel and position."""
    if isinstance(tensors[0][0], list):
        for samples in zip(*tensors):
            for c, rows in enumerate(zip(*samples)):
                for numbers in zip(*rows):
                    yield c, *numbers
    else:
        for c, numbers in enumerate(zip(*tensors)):
            yield c, *numbers


def certain(precision):
    return lambda number: precision(number.value)


def settled_results(precision, results):
    return {key: settled(precision, convert(precision.given, values)) for key, values in results.items()}


def batchnorm2d_track(precision, running_mean, running_variance, x, momentum):
    mean, variance = list(running_mean), list(running_variance)
    new, squares, m = batchnorm.batchnorm2d_statistics(positions(x))
    batchnorm.batchnorm2d_track(mean, variance, settled(precision, new), settled(precision, squares), m, momentum)
    return {"running_mean": mean, "running_variance": variance}


def batchnorm2d_evaluation(precision, x, running_mean, running_variance, gamma, beta, eps):
    return batchnorm2d_forward(precision, x, running_mean, running_variance, gamma, beta, eps)


# Random numbers, elementary functions

def pointwise(name):
    return lambda precision, x: {"y": [FUNCTIONS[name](precision.given(v)) for v in flat(x)]}


def initial_parameters(precision, layers, init, seed, input_shape=None):
    model = model_of(layers, init=init, input_shape=input_shape)
    return {"parameters": list(flat([list(layer.parameters) for layer in python.build(model, int(seed, 16))]))}


def by_the_book(op):
    return lambda precision, **inputs: operations.OPERATIONS[op].answer(**inputs)


OPERATIONS = {
    **{op: by_the_book(op) for op in (*operations.layers.OPERATIONS, "loss_gradient", "uniform", "normal")},
    **{name: pointwise(name) for name in ("exp", "log", "tanh", "sin", "cos")},
    **{function.__name__: function for function in (
        dot, matmul, linear_forward, linear_backward_input, linear_backward_parameters, conv2d_forward,
        conv2d_backward_input, conv2d_backward_parameters, activation_forward, activation_backward, loss,
        maxpool2d_forward, maxpool2d_backward, batchnorm2d_forward, batchnorm2d_backward, batchnorm2d_track,
        batchnorm2d_evaluation, initial_parameters)},
}


def answers(precision, op, inputs):
    """The outputs of an operation other than `step` and `train`, as numbers. inputs: floats, or numbers"""
    return settled_results(precision, OPERATIONS[op](precision, **lifted(precision, inputs)))
