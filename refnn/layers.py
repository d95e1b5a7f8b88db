"""The layers of a network: their arguments, and the shapes and parameter counts that follow. No arithmetic on data.

A shape is (numbers,) for a row, or (channels, height, width) for an image.
"""

from dataclasses import dataclass
from math import prod
from typing import ClassVar

from .checks import pair, positive_number, whole_number
from .errors import InputError

__all__ = ["BatchNorm2d", "Conv2d", "Flatten", "Identity", "LeakyReLU", "Linear", "MaxPool2d", "ReLU", "Sigmoid", "Softmax",
           "Tanh"]  # what `from refnn import ...` offers; all other layers of a network are custom

@dataclass(frozen=True)
class Layer:
    """A layer without its numbers.

    output_shape(shape): what it makes of that shape; raises InputError, in words that follow "layer 3 ", where it does not fit
    terms(shape):        how many products its forward pass adds up for one sample
    """

    name: ClassVar[str]
    parameter_count: ClassVar[int] = 0
    buffer_count: ClassVar[int] = 0

    def output_shape(self, shape):
        return shape

    def terms(self, shape):
        return 0


@dataclass(frozen=True)
class Linear(Layer):
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

    def output_shape(self, shape):
        if len(shape) != 1:
            raise InputError(f"takes rows, but gets images of {times(shape)}: Flatten() makes rows of them")
        if shape != (self.inputs,):
            raise InputError(f"takes {self.inputs} numbers, but gets {shape[0]}")
        return (self.outputs,)

    def terms(self, shape):
        return self.inputs * self.outputs


@dataclass(frozen=True)
class Conv2d(Layer):
    """Every output channel sums, over all input channels, the image times a kernel that slides across it; plus a bias.

    kernel_size, stride, padding: a number, or a pair for rows and columns; the padding of zeros is on each side.
    """

    name: ClassVar[str] = "conv2d"
    in_channels: int
    out_channels: int
    kernel_size: tuple
    stride: tuple = 1
    padding: tuple = 0
    bias: bool = True

    def __post_init__(self):
        for name in ("in_channels", "out_channels"):
            object.__setattr__(self, name, whole_number(getattr(self, name), f"{name} of Conv2d"))
        for name, low in (("kernel_size", 1), ("stride", 1), ("padding", 0)):
            object.__setattr__(self, name, pair(getattr(self, name), f"{name} of Conv2d", low))
        if not isinstance(self.bias, bool):
            raise InputError(f"bias of Conv2d must be True or False, not {self.bias!r}")

    @property
    def parameter_count(self):
        height, width = self.kernel_size
        return self.out_channels * (self.in_channels * height * width + self.bias)

    def output_shape(self, shape):
        channels, *size = image(shape)
        if channels != self.in_channels:
            raise InputError(f"takes images of {self.in_channels} channels, but gets {channels}")
        padded = [length + 2 * padding for length, padding in zip(size, self.padding)]
        if any(kernel > length for kernel, length in zip(self.kernel_size, padded)):
            raise InputError(f"has a kernel of {times(self.kernel_size)}, larger than its padded image of {times(padded)}")
        return (self.out_channels, *windows(padded, self.kernel_size, self.stride))

    def terms(self, shape):
        _, height, width = self.output_shape(shape)
        return self.out_channels * self.in_channels * self.kernel_size[0] * self.kernel_size[1] * height * width


@dataclass(frozen=True)
class MaxPool2d(Layer):
    """The largest number of each window of kernel_size; windows that would reach beyond the image are left out.

    kernel_size, stride: a number, or a pair for rows and columns; the stride is the kernel's size unless given.
    """

    name: ClassVar[str] = "maxpool2d"
    kernel_size: tuple
    stride: tuple = None

    def __post_init__(self):
        object.__setattr__(self, "kernel_size", pair(self.kernel_size, "kernel_size of MaxPool2d"))
        object.__setattr__(self, "stride", self.kernel_size if self.stride is None else pair(self.stride, "stride of MaxPool2d"))

    def output_shape(self, shape):
        channels, *size = image(shape)
        if any(kernel > length for kernel, length in zip(self.kernel_size, size)):
            raise InputError(f"has windows of {times(self.kernel_size)}, larger than its image of {times(size)}: nothing would be left")
        return (channels, *windows(size, self.kernel_size, self.stride))


@dataclass(frozen=True)
class BatchNorm2d(Layer):
    """Every channel, less its mean and divided by its standard deviation; times gamma, plus beta.

    In training the mean and variance are those of the batch; running ones, by a factor of `momentum` nearer to the batch's
    after each step, take their place where the network is used. `eps` is added to the variance.
    """

    name: ClassVar[str] = "batchnorm2d"
    num_features: int
    eps: float = 1e-5
    momentum: float = 0.1

    def __post_init__(self):
        object.__setattr__(self, "num_features", whole_number(self.num_features, "num_features of BatchNorm2d"))
        object.__setattr__(self, "eps", positive_number(self.eps, "eps of BatchNorm2d"))
        object.__setattr__(self, "momentum", positive_number(self.momentum, "momentum of BatchNorm2d"))
        if self.momentum > 1.0:
            raise InputError(f"momentum of BatchNorm2d must be at most 1, not {self.momentum!r}")

    @property
    def parameter_count(self):
        return 2 * self.num_features

    buffer_count = parameter_count

    def output_shape(self, shape):
        if image(shape)[0] != self.num_features:
            raise InputError(f"takes images of {self.num_features} channels, but gets {shape[0]}")
        return shape


@dataclass(frozen=True)
class Flatten(Layer):
    """An image as a row, channel by channel, each row by row: in memory, no change."""

    name: ClassVar[str] = "flatten"

    def output_shape(self, shape):
        return (prod(shape),)


@dataclass(frozen=True)
class Activation(Layer):
    """A function of each number of a row, or, for softmax, of the whole row."""


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
LAYERS = (Linear, Conv2d, MaxPool2d, BatchNorm2d, Flatten, *ACTIVATIONS.values())


def windows(size, kernel, stride):
    """How many windows of `kernel` fit into `size`, `stride` apart: rows of them, columns of them."""
    return [(length - k) // step + 1 for length, k, step in zip(size, kernel, stride)]


def times(sizes):
    return " x ".join(map(str, sizes))


def image(shape):
    """`shape`, if it is an image's; else InputError."""
    if len(shape) != 3:
        raise InputError(f"takes images, but gets rows of {shape[0]} numbers")
    return shape
