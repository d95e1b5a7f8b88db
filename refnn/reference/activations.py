"""Activations: a = f(z), row by row, and the gradient through them, taken from the output a.

Each pair is `NAME(z)` -> a and `NAME_backward(a, da)` -> dz, where da is dL/da and dz is dL/dz; rows are lists of floats.
"""

from .elementary import exp, tanh as tanh_of

LEAKY_SLOPE = 0.01


def identity(z):
    """a = z"""
    return z


def identity_backward(a, da):
    """dz = da"""
    return da


def sigmoid(z):
    """a = 1 / (1 + e^-z)"""
    return [1.0 / (1.0 + exp(-v)) for v in z]


def sigmoid_backward(a, da):
    """dz = da * (a * (1 - a))"""
    return [d * (v * (1.0 - v)) for v, d in zip(a, da)]


def tanh(z):
    """a = tanh z"""
    return [tanh_of(v) for v in z]


def tanh_backward(a, da):
    """dz = da * (1 - a * a)"""
    return [d * (1.0 - v * v) for v, d in zip(a, da)]


def relu(z):
    """a = z where z > 0, else 0"""
    return [v if v > 0.0 else 0.0 for v in z]


def relu_backward(a, da):
    """dz = da where a > 0, else 0"""
    return [d if v > 0.0 else 0.0 for v, d in zip(a, da)]


def leaky_relu(z):
    """a = z where z > 0, else 0.01 z"""
    return [v if v > 0.0 else LEAKY_SLOPE * v for v in z]


def leaky_relu_backward(a, da):
    """dz = da where a > 0, else 0.01 da"""
    return [d if v > 0.0 else LEAKY_SLOPE * d for v, d in zip(a, da)]


def softmax(z):
    """a[j] = e^(z[j] - m) / s, where m = max z and s = sum over k of e^(z[k] - m)"""
    m = max(z)
    e = [exp(v - m) for v in z]
    s = 0.0
    for v in e:
        s += v
    return [v / s for v in e]


def softmax_backward(a, da):
    """dz[j] = a[j] * (da[j] - s), where s = sum over k of da[k] a[k]"""
    s = 0.0
    for v, d in zip(a, da):
        s += d * v
    return [v * (d - s) for v, d in zip(a, da)]


FORWARD = {"identity": identity, "sigmoid": sigmoid, "tanh": tanh, "relu": relu, "leaky_relu": leaky_relu, "softmax": softmax}
BACKWARD = {"identity": identity_backward, "sigmoid": sigmoid_backward, "tanh": tanh_backward, "relu": relu_backward,
            "leaky_relu": leaky_relu_backward, "softmax": softmax_backward}


class Activation:
    """The layer, for a batch of rows. It has no parameters."""

    parameters = ()

    def __init__(self, layer, random, init, shape=None):
        self.name = layer.name

    def forward(self, z):
        return [FORWARD[self.name](z_n) for z_n in z]

    def backward(self, z, a, da):
        return [BACKWARD[self.name](a_n, da_n) for a_n, da_n in zip(a, da)], ()
