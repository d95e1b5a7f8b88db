"""The operations of the spec by the C core: its functions one by one, and its network."""

from array import array

from ..implementations.c import CImplementation, constant, doubles, ffi, layer_struct, lib, pointer, rows_of
from ..implementations.python import images
from ..layers import Conv2d, MaxPool2d
from ..samples import check_samples
from .operations import hex64, model_of, train_with


def generator(seed):
    return ffi.new("uint64_t *", int(seed, 16))


def drawn(function, key="numbers", convert=lambda value: value):
    def answer(seed, count, **arguments):
        state = generator(seed)
        return {key: [convert(function(state, *arguments.values())) for _ in range(count)]}
    return answer


def permutation(seed, n):
    order = ffi.new("int32_t[]", n)
    lib.refnn_permutation(generator(seed), n, order)
    return {"order": list(order)}


def stream(seed, k):
    return {"seed": hex64(lib.refnn_stream(int(seed, 16), k))}


def epoch_order(seed, epoch, n):
    return {"order": list(CImplementation.epoch_order(int(seed, 16), epoch, n))}


def pointwise(function):
    return lambda x: {"y": [function(v) for v in x]}


def initial_parameters(layers, init, seed, input_shape=None):
    return {"parameters": list(CImplementation(model_of(layers, init=init, input_shape=input_shape), int(seed, 16)).get_parameters())}


def flat(rows):
    return array("d", [v for row in rows for v in row])


def product(x, w, b):
    z = doubles(len(x) * len(w[0]))
    lib.refnn_linear_forward(len(x), len(w), len(w[0]), pointer(flat(x)), pointer(flat(w)),
                             pointer(b and array("d", b)), pointer(z))
    return rows_of(z, len(w[0]))


def dot(x, w):
    return {"z": product([x], [[v] for v in w], None)[0][0]}


def matmul(a, b):
    return {"c": product(a, b, None)}


def linear_forward(x, w, b):
    return {"z": product(x, w, b)}


def activation_forward(name, z):
    a = [doubles(len(z_n)) for z_n in z]
    for z_n, a_n in zip(z, a):
        lib.refnn_activation_forward(constant(name), len(z_n), pointer(array("d", z_n)), pointer(a_n))
    return {"a": [a_n.tolist() for a_n in a]}


def activation_backward(name, z, a, da):
    dz = [doubles(len(a_n)) for a_n in a]
    for a_n, da_n, dz_n in zip(a, da, dz):
        lib.refnn_activation_backward(constant(name), len(a_n), pointer(array("d", a_n)), pointer(array("d", da_n)), pointer(dz_n))
    return {"dz": [dz_n.tolist() for dz_n in dz]}


def each_sample(loss, o, y):
    """o, y and the class of each sample as the core's functions of losses take them."""
    for o_n, y_n in zip(o, y):
        classes = loss == "cross_entropy"
        yield len(o_n), pointer(array("d", o_n)), ffi.NULL if classes else pointer(array("d", y_n)), y_n if classes else 0


# Sums and means over samples are made inside the core's network, where `step` and `train` show them; for single functions, here.

def loss(loss, o, y, reduction):
    losses = [lib.refnn_loss_value(constant(loss), *sample) for sample in each_sample(loss, o, y)]
    total = 0.0
    for value in losses:
        total += value
    return {"losses": losses, "loss": total / len(losses) if reduction == "mean" else total}


def loss_gradient(loss, o, y, reduction):
    do = [doubles(len(o_n)) for o_n in o]
    for sample, do_n in zip(each_sample(loss, o, y), do):
        lib.refnn_loss_gradient(constant(loss), *sample, pointer(do_n))
    return {"do": [[d / len(o) if reduction == "mean" else d for d in do_n] for do_n in do]}


def linear_backward_input(w, dz):
    dx = doubles(len(dz) * len(w))
    lib.refnn_linear_backward_input(len(dz), len(w), len(w[0]), pointer(flat(w)), pointer(flat(dz)), pointer(dx))
    return {"dx": rows_of(dx, len(w))}


def linear_backward_parameters(x, dz, bias):
    inputs, outputs = len(x[0]), len(dz[0])
    dw, db = doubles(inputs * outputs), doubles(outputs)
    lib.refnn_linear_backward_parameters(len(x), inputs, outputs, pointer(flat(x)), pointer(flat(dz)), pointer(dw),
                                         pointer(db if bias else None))
    return {"dw": rows_of(dw, outputs), "db": db.tolist() if bias else None}


def update(p, dp, lr):
    p = array("d", p)
    lib.refnn_linear_update(len(p), pointer(p), pointer(array("d", dp)), lr)
    return {"p": list(p)}


def shape_of(x):
    return len(x[0]), len(x[0][0]), len(x[0][0][0])


def conv_layer(w, x_shape, stride, padding, bias):
    """A refnn_layer of a convolution, and the shape of its output."""
    layer = Conv2d(len(w[0]), len(w), (len(w[0][0]), len(w[0][0][0])), tuple(stride), tuple(padding), bias)
    return ffi.new("refnn_layer *", layer_struct(layer, x_shape, layer.output_shape(x_shape))), layer.output_shape(x_shape)


def pool_layer(shape, kernel_size, stride):
    layer = MaxPool2d(tuple(kernel_size), tuple(stride))
    return ffi.new("refnn_layer *", layer_struct(layer, shape, layer.output_shape(shape))), layer.output_shape(shape)


def flat_images(x):
    return array("d", [v for image in x for channel in image for row in channel for v in row])


def images_of(values, shape):
    """Flat doubles -> nested lists; shape: of one sample."""
    size = shape[0] * shape[1] * shape[2]
    return images([values[start:start + size].tolist() for start in range(0, len(values), size)], shape)


def conv2d_forward(x, w, b, stride, padding):
    layer, shape = conv_layer(w, shape_of(x), stride, padding, b is not None)
    z = doubles(len(x) * shape[0] * shape[1] * shape[2])
    lib.refnn_conv2d_forward(len(x), layer, pointer(flat_images(x)), pointer(flat_images(w)), pointer(b and array("d", b)), pointer(z))
    return {"z": images_of(z, shape)}


def conv2d_backward_input(w, dz, size, stride, padding):
    shape = (len(w[0]), *size)
    layer, _ = conv_layer(w, shape, stride, padding, False)
    dx = doubles(len(dz) * shape[0] * shape[1] * shape[2])
    lib.refnn_conv2d_backward_input(len(dz), layer, pointer(flat_images(w)), pointer(flat_images(dz)), pointer(dx))
    return {"dx": images_of(dx, shape)}


def conv2d_backward_parameters(x, dz, kernel_size, stride, padding, bias):
    shape = (len(x[0]), *kernel_size)
    kernels = [[[[0.0] * kernel_size[1]] * kernel_size[0]] * len(x[0])] * len(dz[0])
    layer, _ = conv_layer(kernels, shape_of(x), stride, padding, bias)
    dw, db = doubles(len(dz[0]) * shape[0] * shape[1] * shape[2]), doubles(len(dz[0]))
    lib.refnn_conv2d_backward_parameters(len(x), layer, pointer(flat_images(x)), pointer(flat_images(dz)), pointer(dw),
                                         pointer(db if bias else None))
    return {"dw": images_of(dw, shape), "db": db.tolist() if bias else None}


def maxpool2d_forward(x, kernel_size, stride):
    layer, shape = pool_layer(shape_of(x), kernel_size, stride)
    a = doubles(len(x) * shape[0] * shape[1] * shape[2])
    lib.refnn_maxpool2d_forward(len(x), layer, pointer(flat_images(x)), pointer(a))
    return {"a": images_of(a, shape)}


def maxpool2d_backward(x, da, kernel_size, stride):
    layer, _ = pool_layer(shape_of(x), kernel_size, stride)
    flat_x = flat_images(x)
    dx = doubles(len(flat_x))
    lib.refnn_maxpool2d_backward(len(x), layer, pointer(flat_x), pointer(flat_images(da)), pointer(dx))
    return {"dx": images_of(dx, shape_of(x))}


def sizes(x):
    """rows, channels, size, as the core's batch normalisation takes them."""
    channels, height, width = shape_of(x)
    return len(x), channels, height * width


def statistics(x):
    mean, squares = doubles(len(x[0])), doubles(len(x[0]))
    lib.refnn_batchnorm2d_statistics(*sizes(x), pointer(flat_images(x)), pointer(mean), pointer(squares))
    return mean, squares


def batchnorm2d_statistics(x):
    mean, squares = statistics(x)
    rows, _, size = sizes(x)
    return {"mean": mean.tolist(), "variance": [s / (rows * size) for s in squares]}


def batchnorm2d_forward(x, mean, variance, gamma, beta, eps):
    flat_x = flat_images(x)
    a = doubles(len(flat_x))
    lib.refnn_batchnorm2d_forward(*sizes(x), pointer(flat_x), *(pointer(array("d", v)) for v in (mean, variance, gamma, beta)), eps, pointer(a))
    return {"a": images_of(a, shape_of(x))}


def batchnorm2d_backward(x, mean, variance, gamma, da, eps):
    flat_x = flat_images(x)
    dx, dgamma, dbeta = doubles(len(flat_x)), doubles(len(gamma)), doubles(len(gamma))
    lib.refnn_batchnorm2d_backward(*sizes(x), pointer(flat_x), *(pointer(array("d", v)) for v in (mean, variance, gamma)),
                                   pointer(flat_images(da)), eps, pointer(dx), pointer(dgamma), pointer(dbeta))
    return {"dx": images_of(dx, shape_of(x)), "dgamma": dgamma.tolist(), "dbeta": dbeta.tolist()}


def batchnorm2d_track(running_mean, running_variance, x, momentum):
    mean, variance = array("d", running_mean), array("d", running_variance)
    rows, channels, size = sizes(x)
    lib.refnn_batchnorm2d_track(channels, pointer(mean), pointer(variance), *map(pointer, statistics(x)), rows * size, momentum)
    return {"running_mean": list(mean), "running_variance": list(variance)}


def step(layers, loss, parameters, x, y, reduction, lr, input_shape=None):
    model = model_of(layers, loss, input_shape=input_shape)
    samples = check_samples(model, x, y)
    data = samples.inputs, samples.targets
    net = CImplementation(model, 0)
    net.set_parameters(parameters)
    answer = {"loss": net.batch_loss(*data, reduction), "gradients": list(net.gradients(*data, reduction))}
    net.train(*data, None, 0, len(x), len(x), lr, reduction)
    return dict(answer, parameters=list(net.get_parameters()))


def train(**inputs):
    return train_with(CImplementation, **inputs)


OPERATIONS = {
    "next": drawn(lib.refnn_next, "integers", hex64),
    "uniform": drawn(lib.refnn_uniform),
    "below": drawn(lib.refnn_below, "integers"),
    "normal": drawn(lib.refnn_normal),
    **{name: pointwise(getattr(lib, f"refnn_{name}")) for name in ("exp", "log", "tanh", "sin", "cos")},
    **{function.__name__: function for function in (
        permutation, stream, epoch_order, initial_parameters, dot, matmul, linear_forward, activation_forward, loss, loss_gradient,
        activation_backward, linear_backward_input, linear_backward_parameters, update, conv2d_forward, conv2d_backward_input,
        conv2d_backward_parameters, maxpool2d_forward, maxpool2d_backward, batchnorm2d_statistics, batchnorm2d_forward,
        batchnorm2d_backward, batchnorm2d_track, step, train)},
}
