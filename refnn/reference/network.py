"""The network: layers in a row. Forward, backward, update, an epoch, evaluation.

Parameters and data come checked. x is a sequence of rows (samples x inputs); y is a sequence of rows (samples x outputs)
or, for cross_entropy, of class indices.
"""

from math import isfinite

from ..model import OwnLayer, is_own
from . import prng
from .activations import Activation, softmax
from .batchnorm import BatchNorm2d
from .conv import Conv2d
from .linear import Linear, linear_update
from .losses import LOSS, argmax, batch_gradient
from .pool import MaxPool2d


class Flatten:
    """The layer that makes rows of images, which lie in rows already."""

    parameters = ()

    def __init__(self, layer, random, init, shape):
        pass

    def forward(self, x):
        return x

    def backward(self, x, a, da):
        return da, ()


LAYERS = {"linear": Linear, "conv2d": Conv2d, "maxpool2d": MaxPool2d, "batchnorm2d": BatchNorm2d, "flatten": Flatten}
# by the names that the model gives them; the others are activations. All are made with (layer, random, init, shape), used or not.


class Network:
    """A network of `model`'s layers, with parameters drawn from `seed`.

    A layer has `parameters`, a list of lists of floats in declared order, and two methods:

        forward(x) -> a                       its output, samples x outputs, from its input, samples x inputs
        backward(x, a, da) -> dx, gradients   dL/dx from dL/da, and dL/dp of every parameter, in the shape of `parameters`

    x, a and da are lists of rows of floats. A layer may have `buffers`, lists of floats that training changes otherwise; and
    it is told by `training`, before each forward, whether one comes that backward may follow, over a whole batch.
    """

    def __init__(self, model, seed):
        self.model = model
        random = prng.stream(seed, prng.PARAMETERS)
        self.layers = []
        for k, layer in enumerate(model.layers):
            if is_own(layer):
                self.layers.append(OwnLayer(layer, k, model.widths[k + 1]))
            else:
                self.layers.append(LAYERS.get(layer.name, Activation)(layer, random, model.init, model.shapes[k]))
        self.layers[0].needs_dx = False

    def forward(self, x, training=False):
        """-> the output of every layer, the input first: [x, ..., o]"""
        outputs = [x]
        for layer in self.layers:
            layer.training = training
            outputs.append(layer.forward(outputs[-1]))
        return outputs

    def backward(self, outputs, y, reduction):
        """-> deltas, gradients: dL/da of every layer's output a, and dL/dp of its parameters, from what forward returned.

        reduction: "sum" or "mean" over the samples
        """
        d = batch_gradient(self.model.loss, outputs[-1], y, reduction)
        deltas, gradients = [], []
        for layer, x, a in zip(self.layers[::-1], outputs[-2::-1], outputs[:0:-1]):
            deltas.insert(0, d)
            d, of_layer = layer.backward(x, a, d)
            gradients.insert(0, of_layer)
        return deltas, gradients

    def update(self, gradients, lr):
        """One step of gradient descent: p -= lr * dp"""
        for layer, of_layer in zip(self.layers, gradients):
            for p, dp in zip(layer.parameters, of_layer):
                linear_update(p, dp, lr)

    epoch_order = staticmethod(prng.epoch_order)

    def train(self, x, y, order, start, stop, batch_size, lr, reduction):
        """Trains on samples number start ... stop - 1 of `order`, a step for each batch_size of them.

        order: which sample comes first, second, ...; None for as they lie
        The last batch is smaller where they do not divide. Returns whether every loss was finite.
        """
        order = range(len(x)) if order is None else order
        finite = True
        for first in range(start, stop, batch_size):
            batch = order[first:min(first + batch_size, stop)]
            x_batch = [x[n] for n in batch]
            y_batch = [y[n] for n in batch]
            outputs = self.forward(x_batch, training=True)
            for o_n, y_n in zip(outputs[-1], y_batch):
                finite = finite and isfinite(LOSS[self.model.loss](o_n, y_n))
            self.update(self.backward(outputs, y_batch, reduction)[1], lr)
        return finite

    def evaluate(self, x, y, reduction):
        """-> the loss over all samples, and how many have their largest output where the target has it"""
        loss = LOSS[self.model.loss]
        total = 0.0
        correct = 0
        for o_n, y_n in zip(self.outputs(x), y):
            total += loss(o_n, y_n)
            correct += argmax(o_n) == (y_n if self.model.loss == "cross_entropy" else argmax(y_n))
        return total / len(x) if reduction == "mean" else total, correct

    def outputs(self, x):
        """-> the last layer's output, samples x outputs"""
        return [self.forward([x_n])[-1][0] for x_n in x]

    def predict(self, x):
        """-> the outputs; for cross_entropy the probabilities, softmax of the outputs"""
        o = self.outputs(x)
        return [softmax(o_n) for o_n in o] if self.model.loss == "cross_entropy" else o

    def gradients(self, x, y, reduction):
        """-> dL/dp of every parameter, flat, in declared order; L is the loss of the samples as one batch"""
        return flatten(self.of_batch(x, y, reduction)[2])

    def input_gradients(self, x, y, reduction):
        """-> dL/dx, samples x inputs, likewise"""
        outputs, deltas, _ = self.of_batch(x, y, reduction)
        first = self.layers[0]
        first.needs_dx = True
        dx, _ = first.backward(outputs[0], outputs[1], deltas[0])
        first.needs_dx = False
        return dx

    def of_batch(self, x, y, reduction):
        """-> what forward and backward make of the samples as one batch; the buffers are as before"""
        buffers = self.get_buffers()
        outputs = self.forward(list(x), training=True)
        self.set_buffers(buffers)
        return outputs, *self.backward(outputs, y, reduction)

    def batch_loss(self, x, y, reduction):
        """-> the loss of the samples as one batch, of which `gradients` are the gradients"""
        buffers = self.get_buffers()
        total = 0.0
        for o_n, y_n in zip(self.forward(list(x), training=True)[-1], y):
            total += LOSS[self.model.loss](o_n, y_n)
        self.set_buffers(buffers)
        return total / len(x) if reduction == "mean" else total

    def apply_gradients(self, flat, lr):
        """update, with gradients as they come from `gradients`"""
        values = iter(flat)
        self.update([[[next(values) for _ in p] for p in layer.parameters] for layer in self.layers], lr)

    def get_parameters(self):
        """-> every parameter, flat, in declared order: layer by layer the weights row by row, then the bias"""
        return flatten(layer.parameters for layer in self.layers)

    def set_parameters(self, flat):
        """Takes every parameter from a flat sequence in declared order."""
        fill([layer.parameters for layer in self.layers], flat)

    def get_buffers(self):
        """-> every buffer, flat, in declared order: layer by layer the running means, then the running variances"""
        return flatten(buffers_of(layer) for layer in self.layers)

    def set_buffers(self, flat):
        """Takes every buffer from a flat sequence in declared order."""
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
    return [v for rows in layers for row in rows for v in row]
