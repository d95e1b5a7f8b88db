"""The Python implementation: the interface over the functions of the book, refnn/reference/.

The book's network is a list of layers. Here that list is built from a model, and what the interface needs beside the
lesson is added: images in flat rows, buffers, custom layers, flat parameters.
"""

from itertools import chain
from math import isfinite

from ..errors import InputError
from ..model import is_own
from ..reference import activations, linear, prng, training
from ..reference.batchnorm import batchnorm2d_backward, batchnorm2d_forward, batchnorm2d_statistics, batchnorm2d_track
from ..reference.conv import conv2d_backward_input, conv2d_backward_parameters, conv2d_forward
from ..reference.init import conv2d_init, linear_init
from ..reference.losses import LOSSES, batch_gradient
from ..reference.pool import maxpool2d_backward, maxpool2d_forward


class Linear(linear.Linear):
    """The book's layer. `needs_dx` is False where nobody needs dL/dx: that of the data, while training."""

    needs_dx = True

    def backward(self, x, z, dz):
        if self.needs_dx:
            return super().backward(x, z, dz)
        dw, db = linear.linear_backward_parameters(x, dz, self.b is not None)
        return None, dw + ([db] if db else [])


class Conv2d:
    """Convolution over flat rows. Its parameters are the rows of all kernels, in order, then b."""

    needs_dx = True

    def __init__(self, layer, shape, w, b):
        self.layer, self.shape, self.output_shape = layer, shape, layer.output_shape(shape)
        self.w, self.b = w, b
        self.parameters = kernel_rows(w) + ([b] if b else [])

    def forward(self, x):
        x = images(x, self.shape)
        return flat_rows(conv2d_forward(x, self.w, self.b, self.layer.stride, self.layer.padding))

    def backward(self, x, z, dz):
        layer, dz = self.layer, images(dz, self.output_shape)
        dw, db = conv2d_backward_parameters(images(x, self.shape), dz, layer.kernel_size, layer.stride, layer.padding,
                                            layer.bias)
        gradient = kernel_rows(dw) + ([db] if db else [])
        if not self.needs_dx:
            return None, gradient
        dx = conv2d_backward_input(self.w, dz, self.shape[1:], layer.stride, layer.padding)
        return flat_rows(dx), gradient


class MaxPool2d:
    """Max pooling over flat rows. It has no parameters."""

    parameters = ()

    def __init__(self, layer, shape):
        self.layer, self.shape, self.output_shape = layer, shape, layer.output_shape(shape)

    def forward(self, x):
        return flat_rows(maxpool2d_forward(images(x, self.shape), self.layer.kernel_size, self.layer.stride))

    def backward(self, x, a, da):
        x, da = images(x, self.shape), images(da, self.output_shape)
        return flat_rows(maxpool2d_backward(x, da, self.layer.kernel_size, self.layer.stride)), ()


class BatchNorm2d:
    """Batch normalisation over flat rows.

    Its parameters are gamma, first 1, and beta, first 0; its buffers the running mean, first 0, and variance, first 1.
    training: True: forward uses the statistics of the batch, and updates the buffers; False: it uses the buffers
    """

    training = False

    def __init__(self, layer):
        self.layer = layer
        count = layer.num_features
        self.parameters = [[1.0] * count, [0.0] * count]
        self.buffers = [[0.0] * count, [1.0] * count]

    def forward(self, x):
        x = channels(x, self.layer.num_features)
        mean, variance = self.buffers
        if self.training:
            mean, squares, m = batchnorm2d_statistics(x)
            variance = [s / m for s in squares]
            batchnorm2d_track(*self.buffers, mean, squares, m, self.layer.momentum)
            self.mean, self.variance = mean, variance  # for backward
        gamma, beta = self.parameters
        return flat_channels(batchnorm2d_forward(x, mean, variance, gamma, beta, self.layer.eps))

    def backward(self, x, a, da):
        x, da = channels(x, self.layer.num_features), channels(da, self.layer.num_features)
        gamma, _ = self.parameters
        dx, dgamma, dbeta = batchnorm2d_backward(x, self.mean, self.variance, gamma, da, self.layer.eps)
        return flat_channels(dx), [dgamma, dbeta]


class Flatten:
    """Images are flat rows already. It has no parameters."""

    parameters = ()

    def forward(self, x):
        return x

    def backward(self, x, a, da):
        return da, ()


class CustomLayer:
    """A custom layer, number k of a network, with a check of what it returns. Raises InputError."""

    training = False

    def __init__(self, layer, k, outputs):
        self.layer, self.k, self.outputs = layer, k, outputs

    @property
    def parameters(self):
        return self.layer.parameters

    @property
    def buffers(self):
        return getattr(self.layer, "buffers", ())

    def forward(self, x):
        if hasattr(self.layer, "__dict__"):
            self.layer.training = self.training
        a = self.layer.forward(x)
        self._check(a, "forward", len(x), [self.outputs] * len(x))
        return a

    def backward(self, x, a, da):
        result = self.layer.backward(x, a, da)
        if not isinstance(result, tuple) or len(result) != 2:
            raise InputError(f"backward of layer {self.k} must return dx and the gradients, not {result!r}")
        dx, gradients = result
        self._check(dx, "backward", len(x), list(map(len, x)))
        self._check(gradients, "backward", len(self.parameters), list(map(len, self.parameters)))
        return dx, gradients

    def _check(self, rows, method, count, widths):
        name = f"{method} of layer {self.k}, {type(self.layer).__name__},"
        try:
            given = list(map(len, rows))
        except TypeError:
            raise InputError(f"{name} must return lists of rows, not {rows!r}") from None
        if given != widths:
            raise InputError(f"{name} must return {count} rows of {sorted(set(widths))} numbers, "
                             f"not {len(given)} of {sorted(set(given))}")


def build(model, seed):
    """Returns the layers of a model, with parameters drawn from `seed`."""
    random = prng.stream(seed, prng.PARAMETERS)
    return [build_layer(layer, k, model, random) for k, layer in enumerate(model.layers)]


def build_layer(layer, k, model, random):
    if is_own(layer):
        return CustomLayer(layer, k, model.widths[k + 1])
    shape = model.shapes[k]
    if layer.name == "linear":
        return Linear(*linear_init(random, model.init, layer.inputs, layer.outputs, layer.bias))
    if layer.name == "conv2d":
        return Conv2d(layer, shape, *conv2d_init(random, model.init, layer.in_channels, layer.out_channels,
                                                 layer.kernel_size, layer.bias))
    if layer.name == "maxpool2d":
        return MaxPool2d(layer, shape)
    if layer.name == "batchnorm2d":
        return BatchNorm2d(layer)
    return Flatten() if layer.name == "flatten" else activations.Activation(layer.name)


class PythonImplementation:
    """A network of `model`'s layers in plain Python, with parameters drawn from `seed`.

    For the methods see Implementation. Parameters and data are checked already.
    """

    def __init__(self, model, seed):
        self.model = model
        self.layers = build(model, seed)

    epoch_order = staticmethod(prng.epoch_order)

    def train(self, x, y, order, start, stop, batch_size, lr, reduction):
        order = (range(len(x)) if order is None else order)[start:stop]
        self._set_mode(in_training=True, needs_dx=False)
        losses = training.epoch(self.layers, x, y, order, batch_size, self.model.loss, reduction, lr)
        return all(map(isfinite, losses))

    def evaluate(self, x, y, reduction):
        self._set_mode(in_training=False)
        return training.evaluate(self.layers, x, y, self.model.loss, reduction)

    def outputs(self, x):
        self._set_mode(in_training=False)
        return [training.forward(self.layers, [x_n])[-1][0] for x_n in x]

    def predict(self, x):
        o = self.outputs(x)
        return [activations.softmax_forward(o_n) for o_n in o] if self.model.loss == "cross_entropy" else o

    def gradients(self, x, y, reduction):
        _, _, gradients = self.batch(x, y, reduction)
        return flatten(gradients)

    def input_gradients(self, x, y, reduction):
        _, deltas, _ = self.batch(x, y, reduction, needs_dx=True)
        return deltas[0]

    def batch_loss(self, x, y, reduction):
        value, _ = LOSSES[self.model.loss]
        total = 0.0
        for o_n, y_n in zip(self._batch_outputs(x)[-1], y):
            total += value(o_n, y_n)
        return total / len(x) if reduction == "mean" else total

    def batch(self, x, y, reduction, needs_dx=False):
        """-> outputs, deltas, gradients of the samples as one batch of training; the buffers stay as they are"""
        outputs = self._batch_outputs(x, needs_dx)
        do = batch_gradient(self.model.loss, outputs[-1], y, reduction)
        return outputs, *training.backward(self.layers, outputs, do)

    def _batch_outputs(self, x, needs_dx=False):
        self._set_mode(in_training=True, needs_dx=needs_dx)
        buffers = self.get_buffers()
        outputs = training.forward(self.layers, list(x))
        self.set_buffers(buffers)
        return outputs

    def _set_mode(self, in_training, needs_dx=False):
        self.layers[0].needs_dx = needs_dx
        for layer in self.layers:
            layer.training = in_training

    def apply_gradients(self, flat, lr):
        values = iter(flat)
        gradients = [[[next(values) for _ in p] for p in layer.parameters] for layer in self.layers]
        training.update(self.layers, gradients, lr)

    def get_parameters(self):
        return flatten(layer.parameters for layer in self.layers)

    def set_parameters(self, flat):
        fill([layer.parameters for layer in self.layers], flat)

    def get_buffers(self):
        return flatten(buffers_of(layer) for layer in self.layers)

    def set_buffers(self, flat):
        fill([buffers_of(layer) for layer in self.layers], flat)


def buffers_of(layer):
    return getattr(layer, "buffers", ())


def fill(layers, flat):
    """Parameters or buffers of every layer, in place, from a flat sequence in declared order."""
    values = iter(flat)
    for rows in layers:
        for row in rows:
            row[:] = [next(values) for _ in row]


def flatten(layers):
    """Parameters, gradients or buffers of every layer -> one flat list in declared order."""
    return list(chain.from_iterable(chain.from_iterable(layers)))


def images(rows, shape):
    """Flat rows -> samples x channels x rows x columns; shape is (channels, height, width)."""
    channels, height, width = shape
    return [[[row[start:start + width] for start in range(c * height * width, (c + 1) * height * width, width)]
             for c in range(channels)] for row in rows]


def flat_rows(x):
    """Samples x channels x rows x columns -> flat rows."""
    return [[v for channel in image for row in channel for v in row] for image in x]


def channels(rows, count):
    """Flat rows -> samples x channels x positions."""
    size = len(rows[0]) // count
    return [[row[start:start + size] for start in range(0, len(row), size)] for row in rows]


def flat_channels(x):
    """Samples x channels x positions -> flat rows."""
    return [[v for channel in x_n for v in channel] for x_n in x]


def kernel_rows(w):
    """The rows of all kernels, in order."""
    return [row for w_o in w for w_oc in w_o for row in w_oc]
