"""Max pooling, forward and backward. x is samples x channels x rows x columns."""

from ...layers import MaxPool2d
from ...reference import pool
from .explaining import Operation, formula
from .in_c import lists, sizes


def maxpool2d_forward(x, kernel_size, stride):
    return {"a": pool.maxpool2d_forward(x, kernel_size, stride)}


def maxpool2d_forward_in_c(core, x, kernel_size, stride):
    layer = MaxPool2d(tuple(kernel_size), tuple(stride))
    shape = layer.output_shape(sizes(x)[1:])
    a = core.room(len(x), *shape)
    core.forward(layer, sizes(x)[1:], len(x), x=x, a=a)
    return {"a": lists(a, len(x), *shape)}


def explain_maxpool2d_forward(inputs, outputs, key, index):
    n, c, r, s = index
    (height, width), (down, right) = inputs["kernel_size"], inputs["stride"]
    window = [inputs["x"][n][c][i][s * right:s * right + width] for i in range(r * down, r * down + height)]
    return formula(pool.maxpool2d_forward), f"the window is {window}"


def maxpool2d_backward(x, da, kernel_size, stride):
    return {"dx": pool.maxpool2d_backward(x, da, kernel_size, stride)}


def maxpool2d_backward_in_c(core, x, da, kernel_size, stride):
    dx = core.room(*sizes(x))
    core.backward(MaxPool2d(tuple(kernel_size), tuple(stride)), sizes(x)[1:], len(x), x=x, da=da, dx=dx)
    return {"dx": lists(dx, *sizes(x))}


def explain_maxpool2d_backward(inputs, outputs, key, index):
    n, c, _, _ = index
    return formula(pool.maxpool2d_backward), f"x[{n}][{c}] = {inputs['x'][n][c]}, da[{n}][{c}] = {inputs['da'][n][c]}"


OPERATIONS = {
    "maxpool2d_forward": Operation(maxpool2d_forward, maxpool2d_forward_in_c, explain_maxpool2d_forward),
    "maxpool2d_backward": Operation(maxpool2d_backward, maxpool2d_backward_in_c, explain_maxpool2d_backward),
}
