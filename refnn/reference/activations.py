"""Chapter 2: activations, a = f(z).

Two linear layers in a row are no more than one: (x w + b) v + c = x (w v) + (b v + c). An activation after each of
them, a function that is not a straight line, lets a network represent functions that no single linear layer can.
(identity is for a last layer that needs none.) All but softmax take each number by itself.

Each activation is a pair over one sample's row: `NAME_forward(z)` returns a, and `NAME_backward(z, a, da)` returns dz,
where da is dL/da and dz is dL/dz. Formulas without an index hold for every number of the row. For a function of one
number the chain rule has one term, dL/dz = dL/da * da/dz. The way back may use z, a or both; those below need only a.
"""

from .elementary import exp, tanh

LEAKY_SLOPE = 0.01


def identity_forward(z):
    """a = z"""
    return z


def identity_backward(z, a, da):
    """dz = da"""
    return da


def sigmoid_forward(z):
    """a = 1 / (1 + e^-z)

    Where e^-z overflows to infinity, a is 0.
    """
    return [1.0 / (1.0 + exp(-v)) for v in z]


def sigmoid_backward(z, a, da):
    """dz = da * (a * (1 - a))

    Why: write a = 1 / u with u = 1 + e^-z. Then da/du = -1 / u^2 and du/dz = -e^-z. By the chain rule
    da/dz = (e^-z) / u^2 = (1 / u) * ((u - 1) / u). The first factor is a, the second 1 - 1 / u = 1 - a.
    """
    return [d * (v * (1.0 - v)) for v, d in zip(a, da)]


def tanh_forward(z):
    """a = tanh z = (e^z - e^-z) / (e^z + e^-z)"""
    return [tanh(v) for v in z]


def tanh_backward(z, a, da):
    """dz = da * (1 - a * a)

    Why: tanh z = p / q with p = e^z - e^-z and q = e^z + e^-z. The derivative of p is q, and that of q is p. By the
    quotient rule da/dz = (q * q - p * p) / q^2 = 1 - (p / q)^2 = 1 - a^2.
    """
    return [d * (1.0 - v * v) for v, d in zip(a, da)]


def relu_forward(z):
    """a = z where z > 0, else 0"""
    return [v if v > 0.0 else 0.0 for v in z]


def relu_backward(z, a, da):
    """dz = da where a > 0, else 0

    Why: right of 0 the line has slope 1, left of it slope 0. At 0 there is a corner and no derivative; 0 is taken.
    """
    return [d if v > 0.0 else 0.0 for v, d in zip(a, da)]


def leaky_relu_forward(z):
    """a = z where z > 0, else 0.01 z"""
    return [v if v > 0.0 else LEAKY_SLOPE * v for v in z]


def leaky_relu_backward(z, a, da):
    """dz = da where a > 0, else 0.01 da"""
    return [d if v > 0.0 else LEAKY_SLOPE * d for v, d in zip(a, da)]


def softmax_forward(z):
    """a[j] = e^(z[j] - m) / s, where m = max z and s = sum over k of e^(z[k] - m)

    The outputs are positive and add up to 1: probabilities. Subtracting m multiplies numerator and denominator by the
    same e^(-m). The quotient stays the same, and no power overflows.
    """
    m = max(z)
    e = [exp(v - m) for v in z]
    s = 0.0
    for v in e:
        s += v
    return [v / s for v in e]


def softmax_backward(z, a, da):
    """dz[j] = a[j] * (da[j] - s), where s = sum over k of da[k] a[k]

    Why: write E[k] = e^(z[k]) and t = E[0] + E[1] + ..., so that a[k] = E[k] / t. z[j] is in every a[k], through t, and
    the chain rule has a term for each k. The derivative of E[k] / t with respect to z[j] is -(E[k] / t^2) * E[j], which
    is -a[k] a[j]; where k = j the numerator adds E[j] / t = a[j].
    Together dz[j] = da[j] a[j] - sum over k of da[k] a[k] a[j] = a[j] * (da[j] - s).
    """
    s = 0.0
    for v, d in zip(a, da):
        s += d * v
    return [v * (d - s) for v, d in zip(a, da)]


ACTIVATIONS = {
    "identity": (identity_forward, identity_backward),
    "sigmoid": (sigmoid_forward, sigmoid_backward),
    "tanh": (tanh_forward, tanh_backward),
    "relu": (relu_forward, relu_backward),
    "leaky_relu": (leaky_relu_forward, leaky_relu_backward),
    "softmax": (softmax_forward, softmax_backward),
}


class Activation:
    """An activation as a layer, for a batch of rows. It has no parameters."""

    parameters = ()

    def __init__(self, name):
        self.name = name

    def forward(self, z):
        f, _ = ACTIVATIONS[self.name]
        return [f(z_n) for z_n in z]

    def backward(self, z, a, da):
        _, f = ACTIVATIONS[self.name]
        return [f(z_n, a_n, da_n) for z_n, a_n, da_n in zip(z, a, da)], ()


__test__ = {"by hand": """
The steepest point of sigmoid is z = 0: there a = 1 / (1 + 1) = 1/2, and da/dz = 1/2 * (1 - 1/2) = 1/4.

>>> sigmoid_forward([0.0]), sigmoid_backward([0.0], [0.5], [1.0])
([0.5], [0.25])

Two equal inputs share softmax: a = 1/2, 1/2. With da = 1, 0: s = 1/2, and dz = 1/2 * (1 - 1/2), 1/2 * (0 - 1/2).

>>> softmax_backward([3.0, 3.0], softmax_forward([3.0, 3.0]), [1.0, 0.0])
[0.25, -0.25]
"""}
