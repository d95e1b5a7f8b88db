"""The layers of a network: their arguments, and the shapes and parameter counts that follow. No arithmetic on data.

A shape is (numbers,) for a row, or (channels, height, width) for an image. Layers cannot be changed once made.
"""

from __future__ import annotations

from collections.abc import Sequence
from inspect import Parameter, signature
from math import prod
from typing import TYPE_CHECKING, Any, ClassVar, Final, Protocol, SupportsIndex

from .checks import Size, pair, positive_number, true_or_false, whole_number
from .errors import InputError

if TYPE_CHECKING:
    from typing_extensions import TypeIs

# What `from refnn import ...` offers of this file.
__all__ = ["BatchNorm2d", "Conv2d", "CustomLayer", "Flatten", "Identity", "LeakyReLU", "Linear", "MaxPool2d", "ReLU",
           "Sigmoid", "Softmax", "Tanh"]

Shape = tuple[int, ...]
MAX_PADDED = 2**29 - 1  # numbers of an image and its padding; the C core computes with 32-bit sizes
Matrix = list[list[float]]


class Description:
    """Base of layers and models. Attributes are set once, in the constructor; equal attributes make equal objects."""

    def __setattr__(self, name: str, value: Any) -> None:
        if hasattr(self, name):
            raise AttributeError(f"{name} of {type(self).__name__} cannot be changed")
        super().__setattr__(name, value)

    def __repr__(self) -> str:
        fields = ((name, value) for name, value in vars(self).items() if not name.startswith("_"))
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in fields)})"

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and vars(other) == vars(self)

    def __hash__(self) -> int:
        return hash((type(self), *vars(self).values()))


class Layer(Description):
    """A layer of a model, without values of parameters. Attributes have the constructor's argument names and order."""

    name: ClassVar[str]

    @property
    def default_stride(self) -> tuple[int, int] | None:
        """The stride that an argument of None stands for."""
        return None

    def brief(self) -> str:
        """The call that makes the layer, without arguments that have their default value."""
        texts = []
        for name, value in vars(self).items():
            default = signature(type(self)).parameters[name].default
            if default is Parameter.empty:
                texts.append(repr(value))
            elif value not in (default, (default, default)) and (default is not None or value != self.default_stride):
                texts.append(f"{name}={value!r}")
        return f"{type(self).__name__}({', '.join(texts)})"

    @property
    def parameter_count(self) -> int:
        """Number of parameters."""
        return 0

    @property
    def buffer_count(self) -> int:
        """Number of buffers: values beside the parameters that training changes."""
        return 0

    @property
    def variances(self) -> range:
        """Which of the buffers are variances, and must not be negative."""
        return range(0)

    def output_shape(self, shape: Shape) -> Shape:
        """The shape of the output for an input of `shape`. Raises InputError; its message continues "layer 3 ..."."""
        return shape

    def terms(self, shape: Shape) -> int:
        """Number of products in the forward pass of one sample of `shape`."""
        return 0


class CustomLayer(Protocol):
    """A layer written by the user, for impl="python": any object with these members may stand in a model.

    x, a and da are lists of rows of floats, one row per sample; a is the result of forward(x), da is dL/da.

    Optional attributes: outputs, the number of outputs, if it differs from the number of inputs; buffers, lists of
    floats that training changes beside the parameters. Before each forward, the network sets `training`: True if
    backward on the whole batch may follow.
    """

    @property
    def parameters(self) -> Sequence[list[float]]:
        """Lists of finite floats, which training changes in place."""

    def forward(self, x: Matrix, /) -> Matrix:
        """-> a"""

    def backward(self, x: Matrix, a: Matrix, da: Matrix, /) -> tuple[Matrix, Sequence[Sequence[float]]]:
        """-> dL/dx, and dL/dp of every parameter p, in the shape of `parameters`"""


class Linear(Layer):
    """z = x w + b: `inputs` numbers in, `outputs` numbers out."""

    name = "linear"

    def __init__(self, inputs: SupportsIndex, outputs: SupportsIndex, bias: bool = True) -> None:
        self.inputs: Final = whole_number(inputs, "inputs of Linear")
        self.outputs: Final = whole_number(outputs, "outputs of Linear")
        self.bias: Final = true_or_false(bias, "bias of Linear")

    @property
    def parameter_count(self) -> int:
        return self.inputs * self.outputs + (self.outputs if self.bias else 0)

    def output_shape(self, shape: Shape) -> Shape:
        if len(shape) != 1:
            raise InputError(f"expects rows, got images of {times(shape)}; put Flatten() before it")
        if shape != (self.inputs,):
            raise InputError(f"expects {self.inputs} inputs, got {shape[0]}")
        return (self.outputs,)

    def terms(self, shape: Shape) -> int:
        return self.inputs * self.outputs


class Conv2d(Layer):
    """Each output channel is the sum over the input channels of the image times a kernel that slides across it, plus b.

    kernel_size, stride, padding: a number, or a pair for rows and columns; zeros are padded on each side.
    """

    name = "conv2d"

    def __init__(self, in_channels: SupportsIndex, out_channels: SupportsIndex, kernel_size: Size, stride: Size = 1,
                 padding: Size = 0, bias: bool = True) -> None:
        self.in_channels: Final = whole_number(in_channels, "in_channels of Conv2d")
        self.out_channels: Final = whole_number(out_channels, "out_channels of Conv2d")
        self.kernel_size: Final = pair(kernel_size, "kernel_size of Conv2d")
        self.stride: Final = pair(stride, "stride of Conv2d")
        self.padding: Final = pair(padding, "padding of Conv2d", 0)
        self.bias: Final = true_or_false(bias, "bias of Conv2d")

    @property
    def parameter_count(self) -> int:
        height, width = self.kernel_size
        return self.out_channels * (self.in_channels * height * width + self.bias)

    def output_shape(self, shape: Shape) -> Shape:
        channels, height, width = image(shape)
        if channels != self.in_channels:
            raise InputError(f"expects images of {self.in_channels} channels, got {channels}")
        padded = (height + 2 * self.padding[0], width + 2 * self.padding[1])
        if any(kernel > length for kernel, length in zip(self.kernel_size, padded)):
            raise InputError(f"has a kernel of {times(self.kernel_size)}, "
                             f"larger than its padded input of {times(padded)}")
        if channels * prod(padded) > MAX_PADDED:
            raise InputError(f"has a padded input of {times((channels, *padded))} numbers; the maximum is {MAX_PADDED}")
        return (self.out_channels, *windows(padded, self.kernel_size, self.stride))

    def terms(self, shape: Shape) -> int:
        return prod(self.output_shape(shape)) * self.in_channels * prod(self.kernel_size)


class MaxPool2d(Layer):
    """The maximum of each window of kernel_size; windows that would reach beyond the image are left out.

    kernel_size, stride: a number, or a pair for rows and columns; the stride is the kernel's size unless given.
    """

    name = "maxpool2d"

    def __init__(self, kernel_size: Size, stride: Size | None = None) -> None:
        self.kernel_size: Final = pair(kernel_size, "kernel_size of MaxPool2d")
        self.stride: Final = self.kernel_size if stride is None else pair(stride, "stride of MaxPool2d")

    @property
    def default_stride(self) -> tuple[int, int]:
        return self.kernel_size

    def output_shape(self, shape: Shape) -> Shape:
        channels, *size = image(shape)
        if any(kernel > length for kernel, length in zip(self.kernel_size, size)):
            raise InputError(f"has windows of {times(self.kernel_size)}, larger than its input of {times(size)}")
        return (channels, *windows(size, self.kernel_size, self.stride))


class BatchNorm2d(Layer):
    """Each channel minus its mean, divided by its standard deviation; times gamma, plus beta.

    In training, mean and variance are the batch's; the running mean and variance, which each step moves by the fraction
    `momentum` towards the batch's, replace them outside training. `eps` is added to the variance.
    """

    name = "batchnorm2d"

    def __init__(self, num_features: SupportsIndex, eps: float = 1e-5, momentum: float = 0.1) -> None:
        self.num_features: Final = whole_number(num_features, "num_features of BatchNorm2d")
        self.eps: Final = positive_number(eps, "eps of BatchNorm2d")
        self.momentum: Final = positive_number(momentum, "momentum of BatchNorm2d")
        if self.momentum > 1.0:
            raise InputError(f"momentum of BatchNorm2d must be at most 1, not {momentum!r}")

    @property
    def parameter_count(self) -> int:
        return 2 * self.num_features

    @property
    def buffer_count(self) -> int:
        return 2 * self.num_features

    @property
    def variances(self) -> range:
        return range(self.num_features, 2 * self.num_features)

    def output_shape(self, shape: Shape) -> Shape:
        if image(shape)[0] != self.num_features:
            raise InputError(f"expects images of {self.num_features} channels, got {shape[0]}")
        return shape


class Flatten(Layer):
    """An image as a row: channel by channel, each row by row. The order in memory does not change."""

    name = "flatten"

    def output_shape(self, shape: Shape) -> Shape:
        return (prod(shape),)


class Activation(Layer):
    """A function of each number of a row or, for softmax, of the whole row."""


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


_ACTIVATIONS: tuple[type[Activation], ...] = (Identity, Sigmoid, Tanh, ReLU, LeakyReLU, Softmax)
ACTIVATIONS = {layer.name: layer for layer in _ACTIVATIONS}
LAYERS: tuple[type[Layer], ...] = (Linear, Conv2d, MaxPool2d, BatchNorm2d, Flatten, *_ACTIVATIONS)


def is_custom(layer: Layer | CustomLayer) -> TypeIs[CustomLayer]:
    """Whether this is none of refnn's layers; a subclass of one is custom, too."""
    return type(layer) not in LAYERS


def parameter_count(layer: Layer | CustomLayer) -> int:
    """Number of parameters of any layer."""
    return sum(map(len, layer.parameters)) if is_custom(layer) else layer.parameter_count


def buffer_count(layer: Layer | CustomLayer) -> int:
    """Number of buffers of any layer."""
    return sum(map(len, getattr(layer, "buffers", ()))) if is_custom(layer) else layer.buffer_count


def windows(size: Sequence[int], kernel: Sequence[int], stride: Sequence[int]) -> tuple[int, ...]:
    """The number of windows of `kernel` that fit into `size` at steps of `stride`: (rows of them, columns of them)."""
    return tuple((length - k) // step + 1 for length, k, step in zip(size, kernel, stride))


def image(shape: Shape) -> Shape:
    """`shape`, if it is (channels, height, width); else InputError."""
    if len(shape) != 3:
        raise InputError(f"expects images, got rows of {shape[0]} numbers")
    return shape


def times(sizes: Sequence[int]) -> str:
    return " x ".join(map(str, sizes))
