"""What a network is: its layers, loss and initialisation, and what shapes follow. No arithmetic on parameters or data.

    model = Model([Linear(2, 2), Sigmoid(), Linear(2, 1), Sigmoid()], loss="mse")

A network's parameters are one flat array in declared order: layer by layer the weights row by row (inputs x outputs),
then the bias.
"""

from dataclasses import dataclass
from difflib import get_close_matches
from math import isfinite
from numbers import Real
from typing import ClassVar

from .errors import InputError

LOSSES = {"sse": "sum", "mse": "mean", "cross_entropy": "mean"}  # what each takes over its samples, unless told
REDUCTIONS = ("sum", "mean")
MAX_PARAMETERS = 2**31 - 1
INITS = ("uniform", "normal", "normal_0.1", "fan_in", "fan_out")


@dataclass(frozen=True)
class Linear:
    """z = x w + b: `inputs` numbers in, `outputs` numbers out."""

    name: ClassVar[str] = "linear"
    inputs: int
    outputs: int
    bias: bool = True

    def __post_init__(self):
        object.__setattr__(self, "inputs", whole_number(self.inputs, "inputs of Linear"))
        object.__setattr__(self, "outputs", whole_number(self.outputs, "outputs of Linear"))
        if not isinstance(self.bias, bool):
            raise InputError(f"bias of Linear must be True or False, not {self.bias!r}")

    @property
    def parameter_count(self):
        return self.inputs * self.outputs + (self.outputs if self.bias else 0)


@dataclass(frozen=True)
class Activation:
    """A function of each number of a row, or, for softmax, of the whole row."""

    name: ClassVar[str]
    parameter_count: ClassVar[int] = 0


class Identity(Activation):
    name = "identity"


class Sigmoid(Activation):
    name = "sigmoid"


class Tanh(Activation):
    name = "tanh"


class ReLU(Activation):
    name = "relu"


class LeakyReLU(Activation):
    name = "leaky_relu"


class Softmax(Activation):
    name = "softmax"


ACTIVATIONS = {layer.name: layer for layer in (Identity, Sigmoid, Tanh, ReLU, LeakyReLU, Softmax)}


@dataclass(frozen=True)
class Model:
    """Layers in a row, a loss and an initialisation.

    layers: Linear and activations; each takes as many numbers as the one before it gives
    loss:   "sse", "mse" or "cross_entropy" (on logits: the softmax belongs to the loss)
    init:   how every parameter of a layer is drawn: "uniform" in [0, 1); "normal", standard deviation 1; "normal_0.1";
            "fan_in" and "fan_out", normal with standard deviation 1 / sqrt(inputs) and 1 / sqrt(outputs)
    """

    layers: tuple
    loss: str = "mse"
    init: str = "fan_in"

    def __post_init__(self):
        try:
            object.__setattr__(self, "layers", tuple(self.layers))
        except TypeError:
            raise InputError(f"layers must be a list of layers, not {self.layers!r}") from None
        known_name(self.loss, LOSSES, "loss")
        known_name(self.init, INITS, "init")
        if not self.layers or not isinstance(self.layers[0], Linear):
            raise InputError("a model's first layer must be Linear: its inputs are the network's")
        for k, (layer, width) in enumerate(zip(self.layers, self.widths)):
            if isinstance(layer, Linear) and layer.inputs != width:
                raise InputError(f"layer {k} takes {layer.inputs} numbers, but the layer before it gives {width}")
            if type(layer) not in (Linear, *ACTIVATIONS.values()):
                raise InputError(f"layer {k} is {layer!r}, not a layer")
        if self.parameter_count > MAX_PARAMETERS:
            raise InputError(f"a network of {self.parameter_count} parameters is too large; {MAX_PARAMETERS} are the most")

    @property
    def inputs(self):
        return self.layers[0].inputs

    @property
    def outputs(self):
        return self.widths[-1]

    @property
    def widths(self):
        """How many numbers go into layer 0, 1, ..., and last how many come out of the network."""
        widths = [self.inputs]
        for layer in self.layers:
            widths.append(getattr(layer, "outputs", widths[-1]))
        return widths

    @property
    def parameter_count(self):
        count = 0
        for layer in self.layers:
            count += layer.parameter_count
        return count


def mlp(sizes, activation="sigmoid", output="identity", bias=True, loss="mse", init="fan_in"):
    """The model of a multilayer perceptron: `sizes` are inputs, hidden layers, outputs, `output` the last activation."""
    if not hasattr(sizes, "__len__") or len(sizes) < 2:
        raise InputError("sizes must name the inputs and the outputs at least")
    hidden = ACTIVATIONS[known_name(activation, ACTIVATIONS, "activation")]
    last = ACTIVATIONS[known_name(output, ACTIVATIONS, "activation")]
    layers = []
    for inputs, outputs in zip(sizes[:-1], sizes[1:]):
        layers += [Linear(inputs, outputs, bias), hidden()]
    return Model(layers[:-1] + [last()], loss, init)


# What every entry point checks, in the same words.


def known_name(name, names, what):
    """`name`, if it is one of `names`; else InputError with the nearest one."""
    if isinstance(name, str) and name in names:
        return name
    near = get_close_matches(str(name), names, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(names)}"
    raise InputError(f"unknown {what} {str(name)!r}; {hint}")


def whole_number(value, what, low=1, high=2**31 - 1):
    """`value` as an int, if it is a whole number from low to high; else InputError."""
    if isinstance(value, bool) or not hasattr(value, "__index__") or not low <= value <= high:
        raise InputError(f"{what} must be a whole number from {low} to {high}, not {value!r}")
    return int(value)


def positive_number(value, what):
    """`value` as a float, if it is finite and above 0; else InputError."""
    try:
        number = float(value) if isinstance(value, Real) and not isinstance(value, bool) else 0.0
    except OverflowError:
        number = 0.0
    if not isfinite(number) or not number > 0.0:
        raise InputError(f"{what} must be a finite number above 0, not {value!r}")
    return number
