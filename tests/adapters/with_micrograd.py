"""micrograd (Python; github.com/karpathy/micrograd) as a program for refnn.check.

    python tests/adapters/with_micrograd.py FOLDER     the folder has micrograd/engine.py and micrograd/nn.py

Its perceptron has ReLU in all layers but the last, which has none, and biases. Losses are expressions of its values.
"""

import sys

sys.path.insert(0, sys.argv[1])
from micrograd.engine import Value
from micrograd.nn import MLP, Neuron

from serving import serve, sizes_of, training

sys.setrecursionlimit(100_000)  # backward() follows sums term by term


def values(rows):
    return [[Value(v) for v in row] for row in rows]


def data(rows):
    return [[v.data for v in row] for row in rows]


def grads(rows):
    return [[float(v.grad) for v in row] for row in rows]


def set_weights(neurons, w, b):
    """w: inputs x outputs"""
    for j, neuron in enumerate(neurons):
        for i, value in enumerate(neuron.w):
            value.data = w[i][j]
        neuron.b.data = b[j] if b else 0.0


def linear_forward(x, w, b):
    neurons = [Neuron(len(w), nonlin=False) for _ in w[0]]
    set_weights(neurons, w, b)
    return {"z": [[neuron(row).data for neuron in neurons] for row in x]}


def activation_forward(name, z):
    return {"a": [[v.relu().data for v in row] for row in values(z)]} if name == "relu" else None


def activation_backward(name, z, a, da):
    if name != "relu":
        return None
    z = values(z)
    sum((v.relu() * d for row, da_n in zip(z, da) for v, d in zip(row, da_n)), Value(0.0)).backward()
    return {"dz": grads(z)}


def loss_values(loss, o, y):
    squares = [sum(((v - t)**2 for v, t in zip(o_n, y_n)), Value(0.0)) for o_n, y_n in zip(o, y)]
    return [s / len(o[0]) for s in squares] if loss == "mse" else squares


def total(losses, reduction):
    return sum(losses, Value(0.0)) / (len(losses) if reduction == "mean" else 1)


def loss(loss, o, y, reduction):
    if loss == "cross_entropy":
        return None
    losses = loss_values(loss, values(o), y)
    return {"losses": [v.data for v in losses], "loss": total(losses, reduction).data}


def loss_gradient(loss, o, y, reduction):
    if loss == "cross_entropy":
        return None
    o = values(o)
    total(loss_values(loss, o, y), reduction).backward()
    return {"do": grads(o)}


class Network:
    """An MLP whose parameters are set from a flat list as the spec has it, and read as one."""

    def __init__(self, sizes, parameters):
        self.net = MLP(sizes[0], sizes[1:])
        for value, p in zip(self.values(), parameters):
            value.data = p

    def values(self):
        for layer in self.net.layers:
            yield from (neuron.w[i] for i in range(len(layer.neurons[0].w)) for neuron in layer.neurons)
            yield from (neuron.b for neuron in layer.neurons)

    def outputs(self, x):
        made = (self.net(row) for row in x)
        return [o if isinstance(o, list) else [o] for o in made]


def step(layers, loss, parameters, x, y, reduction, lr):
    sizes = sizes_of(layers, "relu", None, bias=True)
    if sizes is None or loss == "cross_entropy":
        return None
    network = Network(sizes, parameters)
    value = total(loss_values(loss, network.outputs(x), y), reduction)
    value.backward()
    for p in network.net.parameters():
        p.data -= lr * p.grad
    return {"loss": value.data, "gradients": [float(p.grad) for p in network.values()],
            "parameters": [p.data for p in network.values()]}


def sum_of_losses(layers, parameters, x, y, loss="sse"):
    network = Network(sizes_of(layers, "relu", None, bias=True), parameters)
    return sum(v.data for v in loss_values(loss, network.outputs(x), y))


def train(loss, **others):
    return training(step, lambda *of: sum_of_losses(*of, loss))(loss=loss, **others)


serve({"linear_forward": linear_forward, "activation_forward": activation_forward,
       "activation_backward": activation_backward, "loss": globals()["loss"], "loss_gradient": loss_gradient,
       "step": step, "train": train})
