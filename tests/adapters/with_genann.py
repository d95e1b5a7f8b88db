"""genann (C, double precision; github.com/codeplea/genann) with its exact sigmoid, as a program for refnn.check.

    python tests/adapters/with_genann.py FOLDER     the folder has genann.c

It trains on one sample at a time, all hidden layers have the same size, and the network has sigmoids and biases. The
gradient is that of half the squared error, so the rate is doubled; a bias is a weight of the input -1. genann computes
no loss, and shows no gradients.
"""

import ctypes
import sys
from pathlib import Path

from serving import library, serve, sizes_of, training


class Genann(ctypes.Structure):
    _fields_ = [(name, ctypes.c_int) for name in ("inputs", "hidden_layers", "hidden", "outputs")] + [
        ("activation_hidden", ctypes.c_void_p), ("activation_output", ctypes.c_void_p),
        ("total_weights", ctypes.c_int), ("total_neurons", ctypes.c_int),
        *((name, ctypes.POINTER(ctypes.c_double)) for name in ("weight", "output", "delta"))]


lib = library(Path(sys.argv[1]) / "genann.c")
lib.genann_init.restype = ctypes.POINTER(Genann)
lib.genann_run.restype = ctypes.POINTER(ctypes.c_double)
lib.genann_act_sigmoid.restype = ctypes.c_double


def doubles(values):
    return (ctypes.c_double * len(values))(*values)


class Network:
    """A network of genann; its weights are set from a flat list of parameters as the spec has it, and read as one."""

    def __init__(self, sizes, parameters, output="genann_act_sigmoid"):
        self.sizes = sizes
        self.net = lib.genann_init(sizes[0], len(sizes) - 2, sizes[1] if len(sizes) > 2 else 0, sizes[-1])
        self.net.contents.activation_hidden = ctypes.cast(lib.genann_act_sigmoid, ctypes.c_void_p)
        self.net.contents.activation_output = ctypes.cast(getattr(lib, output), ctypes.c_void_p)
        for (at, sign), p in zip(self.places(), parameters):
            self.net.contents.weight[at] = sign * p

    def __del__(self):
        lib.genann_free(self.net)

    def places(self):
        """For each parameter of the spec its place in genann, and the sign. Each neuron has its bias, then weights."""
        start = 0
        for inputs, outputs in zip(self.sizes[:-1], self.sizes[1:]):
            yield from ((start + j * (inputs + 1) + 1 + i, 1.0) for i in range(inputs) for j in range(outputs))
            yield from ((start + j * (inputs + 1), -1.0) for j in range(outputs))
            start += (inputs + 1) * outputs

    def parameters(self):
        return [sign * self.net.contents.weight[at] for at, sign in self.places()]

    def run(self, x):
        return lib.genann_run(self.net, doubles(x))[:self.sizes[-1]]


def sizes_for(layers):
    sizes = sizes_of(layers, "sigmoid", "sigmoid", bias=True)
    return sizes if sizes and len(set(sizes[1:-1])) <= 1 else None


def squared_error(layers, parameters, x, y):
    network = Network(sizes_for(layers), parameters)
    return sum((o - t) * (o - t) for x_n, y_n in zip(x, y) for o, t in zip(network.run(x_n), y_n))


def step(layers, loss, parameters, x, y, reduction, lr):
    if sizes_for(layers) is None or loss != "sse" or len(x) != 1:
        return None
    network = Network(sizes_for(layers), parameters)
    value = squared_error(layers, parameters, x, y)
    lib.genann_train(network.net, doubles(x[0]), doubles(y[0]), ctypes.c_double(2.0 * lr))
    return {"loss": value, "parameters": network.parameters()}


def linear_forward(x, w, b):
    if b is None:
        return None
    network = Network([len(w), len(w[0])], [v for row in [*w, b] for v in row], "genann_act_linear")
    return {"z": [network.run(x_n) for x_n in x]}


def activation_forward(name, z):
    if name != "sigmoid":
        return None
    return {"a": [[lib.genann_act_sigmoid(None, ctypes.c_double(v)) for v in row] for row in z]}


serve({"linear_forward": linear_forward, "activation_forward": activation_forward, "step": step,
       "train": training(step, squared_error)})
