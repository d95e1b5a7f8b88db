"""The network: layers in a row. Forward, backward, update, an epoch, evaluation.

Parameters and data come checked. x is a sequence of rows (samples x inputs); y is a sequence of rows (samples x outputs)
or, for cross_entropy, of class indices.
"""

from math import isfinite

from . import prng
from .activations import BACKWARD, FORWARD, softmax
from .linear import linear_backward_input, linear_backward_parameters, linear_forward, linear_init, linear_update
from .losses import GRADIENT, LOSS, argmax
from ..model import Linear


class Network:
    """A network of `model`'s layers, with parameters drawn from `seed`."""

    def __init__(self, model, seed):
        self.model = model
        self.w = []  # one entry a layer: inputs x outputs; None for an activation
        self.b = []  # one entry a layer: outputs; None without bias
        random = prng.stream(seed, prng.PARAMETERS)
        for layer in model.layers:
            w = b = None
            if isinstance(layer, Linear):
                w, b = linear_init(random, model.init, layer.inputs, layer.outputs, layer.bias)
            self.w.append(w)
            self.b.append(b)

    def forward(self, x):
        """-> the output of every layer, the input first: [x, ..., o]"""
        outputs = [x]
        for layer, w, b in zip(self.model.layers, self.w, self.b):
            if isinstance(layer, Linear):
                outputs.append(linear_forward(outputs[-1], w, b))
            else:
                outputs.append([FORWARD[layer.name](z) for z in outputs[-1]])
        return outputs

    def backward(self, outputs, y, reduction):
        """-> dw, db: one entry a layer, as in self.w and self.b, from what forward returned.

        reduction: "sum" or "mean" over the samples; the mean is taken here, once, in the gradient of the loss
        """
        gradient = GRADIENT[self.model.loss]
        d = [gradient(o_n, y_n) for o_n, y_n in zip(outputs[-1], y)]
        if reduction == "mean":
            d = [[d_nj / len(d) for d_nj in d_n] for d_n in d]
        dw = [None] * len(self.w)
        db = [None] * len(self.b)
        for k in range(len(self.w) - 1, -1, -1):
            layer, x, a = self.model.layers[k], outputs[k], outputs[k + 1]
            if isinstance(layer, Linear):
                dw[k], db[k] = linear_backward_parameters(x, d, layer.bias)
                if k > 0:  # nobody asks for the gradient of the data
                    d = linear_backward_input(self.w[k], d)
            else:
                d = [BACKWARD[layer.name](a_n, d_n) for a_n, d_n in zip(a, d)]
        return dw, db

    def update(self, dw, db, lr):
        """One step of gradient descent: w -= lr * dw, b -= lr * db"""
        for k, w in enumerate(self.w):
            if w:
                linear_update(w, self.b[k], dw[k], db[k], lr)

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
            outputs = self.forward(x_batch)
            for o_n, y_n in zip(outputs[-1], y_batch):
                finite = finite and isfinite(LOSS[self.model.loss](o_n, y_n))
            dw, db = self.backward(outputs, y_batch, reduction)
            self.update(dw, db, lr)
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
        """-> dL/dp of every parameter, flat, in declared order"""
        return flatten(*self.backward(self.forward(list(x)), y, reduction))

    def apply_gradients(self, flat, lr):
        """update, with gradients as they come from `gradients`"""
        self.update(*unflatten(self.model, flat), lr)

    def get_parameters(self):
        """-> every parameter, flat, in declared order: layer by layer w row by row, then b"""
        return flatten(self.w, self.b)

    def set_parameters(self, flat):
        """Takes every parameter from a flat sequence in declared order."""
        self.w, self.b = unflatten(self.model, flat)


def flatten(w, b):
    """Layers' weights and biases -> one flat list in declared order."""
    flat = []
    for w_k, b_k in zip(w, b):
        for w_ki in w_k or []:
            flat.extend(w_ki)
        flat.extend(b_k or [])
    return flat


def unflatten(model, flat):
    """One flat sequence in declared order -> w, b: an entry a layer."""
    values = iter(flat)
    w = []
    b = []
    for layer in model.layers:
        linear = isinstance(layer, Linear)
        w.append([[next(values) for _ in range(layer.outputs)] for _ in range(layer.inputs)] if linear else None)
        b.append([next(values) for _ in range(layer.outputs)] if linear and layer.bias else None)
    return w, b
