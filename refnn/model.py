"""What a network is: its layers, loss and initialisation, and what shapes follow. No arithmetic on parameters or data.

    model = Model([Linear(2, 2), Sigmoid(), Linear(2, 1), Sigmoid()], loss="mse")

A network's parameters are one flat array in declared order: layer by layer the weights row by row, then the bias.
Samples are flat rows; an image lies in its row channel by channel, each row by row. A shape is (numbers,) of a row, or
(channels, height, width) of an image.
"""

from dataclasses import dataclass
from math import isfinite, prod

from .checks import known_name, whole_number
from .errors import InputError
from .layers import ACTIVATIONS, LAYERS, Conv2d, Linear

LOSSES = {"sse": "sum", "mse": "mean", "cross_entropy": "mean"}  # what each takes over its samples, unless told
REDUCTIONS = ("sum", "mean")
MAX_PARAMETERS = 2**31 - 1
MAX_NUMBERS = 2**31 - 1  # of one sample, between two layers
INITS = ("uniform", "normal", "normal_0.1", "fan_in", "fan_out", "he")


@dataclass(frozen=True)
class Model:
    """Layers in a row, a loss and an initialisation.

    layers: those above, each of which takes what the one before it gives; or, for impl="python", objects of one's own with
            the methods that reference/training.py describes
    loss:   "sse", "mse" or "cross_entropy" (on logits: the softmax belongs to the loss)
    init:   how every parameter of Linear and Conv2d is drawn: "uniform" in [0, 1); or normal with standard deviation
            1: "normal", 0.1: "normal_0.1", 1 / sqrt(fan_in): "fan_in", 1 / sqrt(fan_out): "fan_out", sqrt(2 / fan_in): "he",
            where fan_in and fan_out are the numbers that one output is made of, and that one input goes into: inputs and
            outputs of Linear, in_channels and out_channels times the kernel's size of Conv2d
    input_shape: (channels, height, width) of images, or (numbers,) of rows; None where the first layer is Linear, which says it

    shapes: what goes into layer 0, 1, ..., and last what comes out of the network
    """

    layers: tuple
    loss: str = "mse"
    init: str = "fan_in"
    input_shape: tuple = None

    def __post_init__(self):
        try:
            object.__setattr__(self, "layers", tuple(self.layers))
        except TypeError:
            raise InputError(f"layers must be a list of layers, not {self.layers!r}") from None
        known_name(self.loss, LOSSES, "loss")
        known_name(self.init, INITS, "init")
        object.__setattr__(self, "shapes", self._shapes())
        if self.parameter_count > MAX_PARAMETERS:
            raise InputError(f"a network of {self.parameter_count} parameters is too large; {MAX_PARAMETERS} are the most")

    def _shapes(self):
        if self.input_shape is not None:
            object.__setattr__(self, "input_shape", checked_shape(self.input_shape))
        elif not self.layers or not isinstance(self.layers[0], Linear):
            raise InputError("a model's first layer must be Linear, or input_shape say what goes in")
        if not self.layers:
            raise InputError("a model needs a layer")
        shapes = [self.input_shape or (self.layers[0].inputs,)]
        for k, layer in enumerate(self.layers):
            if is_own(layer):
                shapes.append(own_output_shape(layer, shapes[-1], k))
                continue
            try:
                shapes.append(layer.output_shape(shapes[-1]))
            except InputError as error:
                raise InputError(f"layer {k} {error}") from None
            if prod(shapes[-1]) > MAX_NUMBERS:
                raise InputError(f"layer {k} gives {prod(shapes[-1])} numbers; {MAX_NUMBERS} are the most")
        return shapes

    def __str__(self):
        """The shapes that go through it: 784-128-64-10, 1x28x28-4x28x28-4x14x14-784-10"""
        weighty = [shape for layer, before, shape in zip(self.layers, self.shapes, self.shapes[1:])
                   if shape != before or isinstance(layer, (Linear, Conv2d))]
        return "-".join("x".join(map(str, shape)) for shape in [self.shapes[0], *weighty])

    @property
    def inputs(self):
        return prod(self.shapes[0])

    @property
    def outputs(self):
        return prod(self.shapes[-1])

    @property
    def widths(self):
        """How many numbers go into layer 0, 1, ..., and last how many come out of the network."""
        return [prod(shape) for shape in self.shapes]

    @property
    def parameter_count(self):
        return sum(map(parameter_count, self.layers))

    @property
    def buffer_count(self):
        """How many numbers a network keeps beside its parameters: running means and variances."""
        return sum(map(buffer_count, self.layers))

    @property
    def terms(self):
        """How many products the forward pass of each layer adds up for one sample; 0 for a layer of one's own."""
        return [0 if is_own(layer) else layer.terms(shape) for layer, shape in zip(self.layers, self.shapes)]


def is_own(layer):
    """Whether this is not one of refnn's layers."""
    return type(layer) not in LAYERS


def parameter_count(layer):
    return sum(map(len, layer.parameters)) if is_own(layer) else layer.parameter_count


def buffer_count(layer):
    return sum(map(len, getattr(layer, "buffers", ()))) if is_own(layer) else layer.buffer_count


def own_output_shape(layer, shape, k):
    missing = [name for name in ("forward", "backward", "parameters") if isinstance(layer, type) or not hasattr(layer, name)]
    if missing:
        why = f": it has no {missing[0]}" if len(missing) < 3 else ""
        raise InputError(f"layer {k} is {layer!r}, not a layer{why}")
    if not isinstance(layer.parameters, (list, tuple)):
        raise InputError(f"the parameters of layer {k} must be a list of lists of finite floats, not {layer.parameters!r}")
    for row in layer.parameters:
        if not isinstance(row, list) or not all(isinstance(p, float) and isfinite(p) for p in row):
            raise InputError(f"the parameters of layer {k} must be lists of finite floats, not {row!r}")
    if not hasattr(layer, "outputs"):
        return shape
    return (whole_number(layer.outputs, f"outputs of layer {k}"),)


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


def checked_shape(shape):
    """`shape` as a tuple of 1 or 3 whole numbers; else InputError."""
    try:
        shape = tuple(shape)
    except TypeError:
        shape = ()
    if len(shape) not in (1, 3):
        raise InputError("input_shape must be (channels, height, width), or (numbers,) of rows")
    shape = tuple(whole_number(number, "every number of input_shape") for number in shape)
    if prod(shape) > MAX_NUMBERS:
        raise InputError(f"input_shape has {prod(shape)} numbers; {MAX_NUMBERS} are the most")
    return shape
