"""Convolution, forward and backward.

x is samples x channels x rows x columns, w output channels x channels x kernel rows x kernel columns.
"""

from ...layers import Conv2d
from ...reference import conv
from .explaining import Operation, addends, formula, terms
from .in_c import lists, sizes


def conv2d_forward(x, w, b, stride, padding):
    return {"z": conv.conv2d_forward(x, w, b, stride, padding)}


def conv2d_forward_in_c(core, x, w, b, stride, padding):
    layer = layer_of(sizes(w), stride, padding, b is not None)
    shape = layer.output_shape(sizes(x)[1:])
    z = core.room(len(x), *shape)
    core.forward(layer, sizes(x)[1:], len(x), x=x, w=w, b=b, a=z)
    return {"z": lists(z, len(x), *shape)}


def layer_of(w_sizes, stride, padding, bias):
    out_channels, in_channels, *kernel_size = w_sizes
    return Conv2d(in_channels, out_channels, tuple(kernel_size), tuple(stride), tuple(padding), bias)


def explain_conv2d_forward(inputs, outputs, key, index):
    n, o, r, s = index
    X, kernels = conv.padded(inputs["x"][n], inputs["padding"]), inputs["w"][o]
    down, right = inputs["stride"]
    pairs = [(X[c][r * down + i][s * right + j], w_ocij) for c, w_oc in enumerate(kernels)
             for i, w_oci in enumerate(w_oc) for j, w_ocij in enumerate(w_oci)]
    return formula(conv.conv2d_forward), terms(inputs["b"][o] if inputs["b"] else 0.0, pairs)


def conv2d_backward_input(w, dz, size, stride, padding):
    return {"dx": conv.conv2d_backward_input(w, dz, size, stride, padding)}


def conv2d_backward_input_in_c(core, w, dz, size, stride, padding):
    shape = (len(w[0]), *size)
    dx = core.room(len(dz), *shape)
    core.backward(layer_of(sizes(w), stride, padding, False), shape, len(dz), w=w, da=dz, dx=dx)
    return {"dx": lists(dx, len(dz), *shape)}


def explain_conv2d_backward_input(inputs, outputs, key, index):
    n, c, x_row, x_column = index
    (down, right), (above, left) = inputs["stride"], inputs["padding"]
    pairs = []
    for dz_o, w_o in zip(inputs["dz"][n], inputs["w"]):
        for i, kernel_row in enumerate(w_o[c]):
            for j, v in enumerate(kernel_row):
                r, s = x_row + above - i, x_column + left - j
                if r % down == 0 and s % right == 0 and 0 <= r // down < len(dz_o) and 0 <= s // right < len(dz_o[0]):
                    pairs.append((dz_o[r // down][s // right], v))
    return formula(conv.conv2d_backward_input), terms(0.0, pairs)


def conv2d_backward_parameters(x, dz, kernel_size, stride, padding, bias):
    dw, db = conv.conv2d_backward_parameters(x, dz, kernel_size, stride, padding, bias)
    return {"dw": dw, "db": db}


def conv2d_backward_parameters_in_c(core, x, dz, kernel_size, stride, padding, bias):
    w_sizes = (len(dz[0]), len(x[0]), *kernel_size)
    dw, db = core.room(*w_sizes), core.room(len(dz[0])) if bias else None
    core.backward(layer_of(w_sizes, stride, padding, bias), sizes(x)[1:], len(x), x=x, da=dz, dw=dw, db=db)
    return {"dw": lists(dw, *w_sizes), "db": lists(db, len(dz[0])) if bias else None}


def explain_conv2d_backward_parameters(inputs, outputs, key, index):
    o = index[0]
    if key == "db":
        return ("db[o] = 0.0; for n, r, s ascending: db[o] += dz[n][o][r][s]",
                addends(0.0, [v for dz_n in inputs["dz"] for dz_nor in dz_n[o] for v in dz_nor]))
    _, c, i, j = index
    down, right = inputs["stride"]
    X = [conv.padded(x_n, inputs["padding"]) for x_n in inputs["x"]]
    pairs = [(X_n[c][r * down + i][s * right + j], v)
             for X_n, dz_n in zip(X, inputs["dz"]) for r, dz_nor in enumerate(dz_n[o]) for s, v in enumerate(dz_nor)]
    return formula(conv.conv2d_backward_parameters), terms(0.0, pairs)


OPERATIONS = {
    "conv2d_forward": Operation(conv2d_forward, conv2d_forward_in_c, explain_conv2d_forward),
    "conv2d_backward_input": Operation(
        conv2d_backward_input, conv2d_backward_input_in_c, explain_conv2d_backward_input),
    "conv2d_backward_parameters": Operation(
        conv2d_backward_parameters, conv2d_backward_parameters_in_c, explain_conv2d_backward_parameters),
}
