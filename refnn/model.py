"""What a network is: its layers, loss and initialisation, and the shapes that follow. No arithmetic on data.

    model = Model([Linear(2, 2), Sigmoid(), Linear(2, 1), Sigmoid()], loss="mse")

A network's parameters are one flat array in declared order: layer by layer the weights row by row, then the bias.
Samples are flat rows; an image lies in its row channel by channel, each row by row. For shapes see layers.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import isfinite, prod
from typing import Any, Final, NamedTuple, SupportsIndex

from .checks import known_name, layer_sizes, shown, tuple_of, whole_number
from .errors import InputError
from .layers import (ACTIVATIONS, Conv2d, CustomLayer, Description, Layer, Linear, Shape, buffer_count, is_custom,
                     parameter_count)


class Loss(NamedTuple):
    """What the package must know of a loss, beside its formula.

    reduction: "sum" or "mean": how the losses of samples are combined unless the caller says otherwise
    classes:   whether targets are class indices and outputs are logits, of which predict returns the softmax
    """

    reduction: str
    classes: bool = False


LOSSES = {"sse": Loss("sum"), "mse": Loss("mean"), "cross_entropy": Loss("mean", classes=True)}
REDUCTIONS = ("sum", "mean")
INITS = ("uniform", "normal", "normal_0.1", "fan_in", "fan_out", "he")
MAX_PARAMETERS = 2**31 - 1
MAX_NUMBERS = 2**31 - 1  # of one sample, between two layers


class Model(Description):
    """Layers in a row, a loss and an initialisation. Cannot be changed once made. Raises InputError.

    layers: each takes the output of the one before it; refnn's layers or, for impl="python", custom ones (CustomLayer)
    loss:   "sse", "mse" or "cross_entropy" (on logits: the softmax belongs to the loss)
    init:   the distribution of the initial parameters of Linear and Conv2d: "uniform" in [0, 1); or normal with
            standard deviation 1: "normal", 0.1: "normal_0.1", 1 / sqrt(fan_in): "fan_in", 1 / sqrt(fan_out): "fan_out",
            sqrt(2 / fan_in): "he". fan_in is the number of inputs of each output, fan_out the number of outputs that
            each input feeds: inputs and outputs of Linear; in_channels and out_channels times the kernel's size of
            Conv2d.
    input_shape: (channels, height, width) of images, or (numbers,) of rows; needed unless the first layer is Linear
    """

    def __init__(self, layers: Iterable[Layer | CustomLayer], loss: str = "mse", init: str = "fan_in",
                 input_shape: Sequence[SupportsIndex] | None = None) -> None:
        self.layers: Final = tuple_of(layers, "layers must be a list of layers")
        self.loss: Final = known_name(loss, LOSSES, "loss")
        self.init: Final = known_name(init, INITS, "init")
        self.input_shape: Final = None if input_shape is None else checked_shape(input_shape)
        self._shapes: Final = tuple(self._all_shapes())
        if self.parameter_count > MAX_PARAMETERS:
            raise InputError(f"a network of {self.parameter_count} parameters is too large; "
                             f"the maximum is {MAX_PARAMETERS}")

    def _all_shapes(self) -> Iterable[Shape]:
        first = self.layers[0] if self.layers else None
        if self.input_shape is not None:
            shape = self.input_shape
        elif isinstance(first, Linear):
            shape = (first.inputs,)
        else:
            raise InputError("the first layer must be Linear, or input_shape must be given")
        if first is None:
            raise InputError("a model needs at least one layer")
        yield shape
        for k, layer in enumerate(self.layers):
            if is_custom(layer):
                shape = custom_output_shape(layer, shape, k)
            else:
                try:
                    shape = layer.output_shape(shape)
                except InputError as error:
                    raise InputError(f"layer {k} {error}") from None
            if prod(shape) > MAX_NUMBERS:
                raise InputError(f"layer {k} has {prod(shape)} outputs; the maximum is {MAX_NUMBERS}")
            yield shape

    def __str__(self) -> str:
        """The shapes along the network: 784-128-64-10, 1x28x28-4x28x28-4x14x14-784-10"""
        changed = [shape for layer, before, shape in zip(self.layers, self._shapes, self._shapes[1:])
                   if shape != before or isinstance(layer, (Linear, Conv2d))]
        return "-".join("x".join(map(str, shape)) for shape in [self._shapes[0], *changed])

    @property
    def shapes(self) -> list[Shape]:
        """The input shapes of layer 0, 1, ..., and last the network's output shape."""
        return list(self._shapes)

    @property
    def widths(self) -> list[int]:
        """The numbers of inputs of layer 0, 1, ..., and last the network's number of outputs."""
        return [prod(shape) for shape in self._shapes]

    @property
    def inputs(self) -> int:
        return prod(self._shapes[0])

    @property
    def outputs(self) -> int:
        return prod(self._shapes[-1])

    @property
    def parameter_count(self) -> int:
        return sum(map(parameter_count, self.layers))

    @property
    def buffer_count(self) -> int:
        """Number of values that a network keeps beside its parameters: running means and variances."""
        return sum(map(buffer_count, self.layers))

    @property
    def terms(self) -> list[int]:
        """Number of products in the forward pass of each layer for one sample; 0 for a custom layer."""
        return [0 if is_custom(layer) else layer.terms(shape) for layer, shape in zip(self.layers, self._shapes)]

    @property
    def reduction(self) -> str:
        """The loss's own reduction: "sum" or "mean" over the samples."""
        return LOSSES[self.loss].reduction

    @property
    def classes(self) -> bool:
        """Whether the loss takes class indices as targets, and logits as outputs."""
        return LOSSES[self.loss].classes


def custom_output_shape(layer: Any, shape: Shape, k: int) -> Shape:
    """The output shape of layer number k, which is custom. Raises InputError if it is no layer."""
    missing = [name for name in ("forward", "backward", "parameters")
               if isinstance(layer, type) or not hasattr(layer, name)]
    if missing:
        why = f": it has no {missing[0]}" if len(missing) < 3 else ""
        raise InputError(f"layer {k} is {shown(layer)}, not a layer{why}")
    if not isinstance(layer.parameters, (list, tuple)):
        raise InputError(f"the parameters of layer {k} must be a list of lists of finite floats, "
                         f"not {shown(layer.parameters)}")
    for row in layer.parameters:
        if not isinstance(row, list) or not all(isinstance(p, float) and isfinite(p) for p in row):
            raise InputError(f"the parameters of layer {k} must be lists of finite floats, not {shown(row)}")
    if not hasattr(layer, "outputs"):
        return shape
    return (whole_number(layer.outputs, f"outputs of layer {k}"),)


def mlp(sizes: Sequence[SupportsIndex], activation: str = "sigmoid", output: str = "identity", bias: bool = True,
        loss: str = "mse", init: str = "fan_in") -> Model:
    """A multilayer perceptron. Raises InputError.

    sizes: the numbers of inputs, of units in each hidden layer, and of outputs
    activation, output: the names of the activation of the hidden layers, and of the last layer
    """
    widths = layer_sizes(sizes, "sizes")
    if len(widths) < 2:
        raise InputError("sizes must have at least two numbers: inputs and outputs")
    hidden = ACTIVATIONS[known_name(activation, ACTIVATIONS, "activation")]
    last = ACTIVATIONS[known_name(output, ACTIVATIONS, "activation")]
    layers: list[Layer] = []
    for inputs, outputs in zip(widths[:-1], widths[1:]):
        layers += [Linear(inputs, outputs, bias), hidden()]
    return Model([*layers[:-1], last()], loss, init)


def checked_shape(shape: Any) -> Shape:
    """`shape` as a tuple of 1 or 3 whole numbers; else InputError."""
    message = "input_shape must be (channels, height, width), or (numbers,) of rows"
    shape = tuple_of(shape, message)
    if len(shape) not in (1, 3):
        raise InputError(message)
    checked = tuple(whole_number(number, "every number of input_shape") for number in shape)
    if prod(checked) > MAX_NUMBERS:
        raise InputError(f"input_shape has {prod(checked)} numbers; the maximum is {MAX_NUMBERS}")
    return checked
