"""Tinn (C, single precision; github.com/glouw/tinn) as a program for refnn.check.

    python tests/adapters/with_tinn.py FOLDER     the folder has Tinn.c

It trains on one sample at a time, and has one hidden layer and sigmoids. It has one bias a layer, which is not trained;
here they are 0, so that the network has no biases. The loss is half the squared error, so loss and rate are doubled.
Tinn shows no gradients.
"""

import ctypes
import sys
from pathlib import Path

from serving import library, serve, sizes_of, training

FLOATS = ctypes.POINTER(ctypes.c_float)


class Tinn(ctypes.Structure):
    _fields_ = [(name, FLOATS) for name in ("w", "x", "b", "h", "o")] + [
        (name, ctypes.c_int) for name in ("nb", "nw", "nips", "nhid", "nops")]


lib = library(Path(sys.argv[1]) / "Tinn.c")
lib.xtbuild.restype = Tinn
lib.xtpredict.restype, lib.xttrain.restype = FLOATS, ctypes.c_float
lib.xtpredict.argtypes = [Tinn, FLOATS]
lib.xttrain.argtypes = [Tinn, FLOATS, FLOATS, ctypes.c_float]
lib.xtfree.argtypes = [Tinn]


def floats(values):
    return (ctypes.c_float * len(values))(*values)


class Network:
    """A network of Tinn. Its weights are outputs x inputs, those of the spec inputs x outputs."""

    def __init__(self, sizes, parameters):
        self.sizes, self.net = sizes, lib.xtbuild(*sizes)
        self.net.b[0] = self.net.b[1] = 0.0
        for at, p in zip(self.places(), parameters):
            self.net.w[at] = p

    def __del__(self):
        lib.xtfree(self.net)

    def places(self):
        start = 0
        for inputs, outputs in zip(self.sizes[:-1], self.sizes[1:]):
            yield from (start + j * inputs + i for i in range(inputs) for j in range(outputs))
            start += inputs * outputs

    def parameters(self):
        return [self.net.w[at] for at in self.places()]


def sizes_for(layers):
    sizes = sizes_of(layers, "sigmoid", "sigmoid", bias=False)
    return sizes if sizes and len(sizes) == 3 else None


def squared_error(layers, parameters, x, y):
    """By training at rate 0: only this computes it."""
    network = Network(sizes_for(layers), parameters)
    return sum(2.0 * lib.xttrain(network.net, floats(x_n), floats(y_n), 0.0) for x_n, y_n in zip(x, y))


def step(layers, loss, parameters, x, y, reduction, lr):
    if sizes_for(layers) is None or loss != "sse" or len(x) != 1:
        return None
    network = Network(sizes_for(layers), parameters)
    value = 2.0 * lib.xttrain(network.net, floats(x[0]), floats(y[0]), 2.0 * lr)
    return {"loss": value, "parameters": network.parameters()}


serve({"step": step, "train": training(step, squared_error)})
