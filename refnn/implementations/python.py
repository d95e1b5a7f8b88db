"""The Python implementation: the interface over the functions of the book, refnn/reference/.

The book's network is a list of layers. Here that list is built from a model, and what the interface needs beside the
lesson is added: images in flat rows, buffers, custom layers, flat parameters.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence, Set
from itertools import accumulate, chain
from math import isfinite
from numbers import Real
from typing import Any

from .. import layers as described
from ..checks import shown
from ..errors import InputError
from ..layers import CustomLayer, Layer, Matrix, Shape, is_custom
from ..model import Model
from ..reference import activations, linear, prng, training
from ..reference.batchnorm import batchnorm2d_backward, batchnorm2d_forward, batchnorm2d_statistics, batchnorm2d_track
from ..reference.conv import conv2d_backward_input, conv2d_backward_parameters, conv2d_forward
from ..reference.init import conv2d_init, linear_init
from ..reference.losses import LOSSES, batch_gradient
from ..reference.pool import maxpool2d_backward, maxpool2d_forward
from ..samples import Rows, Targets

Gradient = Sequence[Sequence[float]]  # of one layer's parameters
Images = list[list[Matrix]]  # samples x channels x rows x columns


class Linear(linear.Linear):
    """The book's layer. `needs_dx` is False where nobody needs dL/dx: that of the data, while training."""

    needs_dx = True

    def backward(self, x: Matrix, z: Matrix, dz: Matrix) -> Any:
        if self.needs_dx:
            return super().backward(x, z, dz)
        dw, db = linear.linear_backward_parameters(x, dz, self.b is not None)
        return None, dw + ([db] if db else [])


class Conv2d:
    """Convolution over flat rows. Its parameters are the rows of all kernels, in order, then b."""

    needs_dx = True

    def __init__(self, layer: described.Conv2d, shape: Shape, w: list[list[Matrix]], b: list[float] | None) -> None:
        self.layer, self.shape, self.output_shape = layer, shape, layer.output_shape(shape)
        self.w, self.b = w, b
        self.parameters = kernel_rows(w) + ([b] if b else [])

    def forward(self, x: Matrix) -> Matrix:
        return flat_rows(conv2d_forward(images(x, self.shape), self.w, self.b, self.layer.stride, self.layer.padding))

    def backward(self, x: Matrix, z: Matrix, dz: Matrix) -> tuple[Matrix | None, Gradient]:
        layer, dz_images = self.layer, images(dz, self.output_shape)
        dw, db = conv2d_backward_parameters(images(x, self.shape), dz_images, layer.kernel_size, layer.stride,
                                            layer.padding, layer.bias)
        gradient = kernel_rows(dw) + ([db] if db else [])
        if not self.needs_dx:
            return None, gradient
        dx = conv2d_backward_input(self.w, dz_images, self.shape[1:], layer.stride, layer.padding)
        return flat_rows(dx), gradient


class MaxPool2d:
    """Max pooling over flat rows. It has no parameters."""

    parameters = ()

    def __init__(self, layer: described.MaxPool2d, shape: Shape) -> None:
        self.layer, self.shape, self.output_shape = layer, shape, layer.output_shape(shape)

    def forward(self, x: Matrix) -> Matrix:
        return flat_rows(maxpool2d_forward(images(x, self.shape), self.layer.kernel_size, self.layer.stride))

    def backward(self, x: Matrix, a: Matrix, da: Matrix) -> tuple[Matrix, Gradient]:
        x_images, da_images = images(x, self.shape), images(da, self.output_shape)
        return flat_rows(maxpool2d_backward(x_images, da_images, self.layer.kernel_size, self.layer.stride)), ()


class BatchNorm2d:
    """Batch normalisation over flat rows.

    Its parameters are gamma, first 1, and beta, first 0; its buffers the running mean, first 0, and variance, first 1.
    training: True: forward uses the statistics of the batch, and updates the buffers; False: it uses the buffers
    """

    training = False

    def __init__(self, layer: described.BatchNorm2d) -> None:
        self.layer = layer
        count = layer.num_features
        self.parameters = [[1.0] * count, [0.0] * count]
        self.buffers = [[0.0] * count, [1.0] * count]

    def forward(self, x: Matrix) -> Matrix:
        positions = channels(x, self.layer.num_features)
        mean, variance = self.buffers
        if self.training:
            mean, squares, m = batchnorm2d_statistics(positions)
            variance = [s / m for s in squares]
            running_mean, running_variance = self.buffers
            batchnorm2d_track(running_mean, running_variance, mean, squares, m, self.layer.momentum)
            self.mean, self.variance = mean, variance  # for backward
        gamma, beta = self.parameters
        return flat_channels(batchnorm2d_forward(positions, mean, variance, gamma, beta, self.layer.eps))

    def backward(self, x: Matrix, a: Matrix, da: Matrix) -> tuple[Matrix, Gradient]:
        count = self.layer.num_features
        gamma, _ = self.parameters
        dx, dgamma, dbeta = batchnorm2d_backward(channels(x, count), self.mean, self.variance, gamma,
                                                 channels(da, count), self.layer.eps)
        return flat_channels(dx), [dgamma, dbeta]


class Flatten:
    """Images are flat rows already. It has no parameters."""

    parameters = ()

    def forward(self, x: Matrix) -> Matrix:
        return x

    def backward(self, x: Matrix, a: Matrix, da: Matrix) -> tuple[Matrix, Gradient]:
        return da, ()


class CheckedLayer:
    """A custom layer, number k of a network, with a check of what it returns. Raises InputError."""

    training = False

    def __init__(self, layer: CustomLayer, k: int, outputs: int) -> None:
        self.layer, self.k, self.outputs = layer, k, outputs

    @property
    def parameters(self) -> Sequence[list[float]]:
        return self.layer.parameters

    @property
    def buffers(self) -> Sequence[list[float]]:
        return getattr(self.layer, "buffers", ())

    def forward(self, x: Matrix) -> Matrix:
        if hasattr(self.layer, "__dict__"):
            self.layer.training = self.training  # type: ignore[attr-defined]  # the protocol does not require it
        a = self.layer.forward(x)
        self._check(a, "forward", len(x), [self.outputs] * len(x))
        return a

    def backward(self, x: Matrix, a: Matrix, da: Matrix) -> tuple[Matrix, Gradient]:
        result: object = self.layer.backward(x, a, da)
        if not isinstance(result, tuple) or len(result) != 2:
            raise InputError(f"backward of layer {self.k} must return dx and the gradients, not {shown(result)}")
        dx, gradients = result
        self._check(dx, "backward", len(x), list(map(len, x)))
        self._check(gradients, "backward", len(self.parameters), list(map(len, self.parameters)))
        return dx, gradients

    def _check(self, rows: Gradient, method: str, count: int, widths: list[int]) -> None:
        name = f"{method} of layer {self.k}, {type(self.layer).__name__},"
        try:
            given = list(map(len, rows))
        except TypeError:
            raise InputError(f"{name} must return lists of rows, not {shown(rows)}") from None
        if given != widths:
            raise InputError(f"{name} must return {count} rows of {sorted(set(widths))} numbers, "
                             f"not {len(given)} of {sorted(set(given))}")
        for row in rows:
            odd = isinstance(row, (str, bytes, Mapping, Set))
            if odd or not all(issubclass(kind, Real) for kind in set(map(type, row))):
                raise InputError(f"{name} must return rows of real numbers, not {shown(row)}")


class Zeros:
    """In place of a generator of random numbers."""

    @staticmethod
    def normal() -> float:
        return 0.0

    uniform = normal


def build(model: Model, seed: int | None) -> list[Any]:
    """Returns the layers of a model, with parameters drawn from `seed`; None: zeros."""
    random = Zeros() if seed is None else prng.stream(seed, prng.PARAMETERS)
    return [build_layer(layer, k, model, random) for k, layer in enumerate(model.layers)]


def build_layer(layer: Layer | CustomLayer, k: int, model: Model, random: prng.SplitMix64 | Zeros) -> Any:
    if is_custom(layer):
        return CheckedLayer(layer, k, model.widths[k + 1])
    shape = model.shapes[k]
    if isinstance(layer, described.Linear):
        return Linear(*linear_init(random, model.init, layer.inputs, layer.outputs, layer.bias))
    if isinstance(layer, described.Conv2d):
        return Conv2d(layer, shape, *conv2d_init(random, model.init, layer.in_channels, layer.out_channels,
                                                 layer.kernel_size, layer.bias))
    if isinstance(layer, described.MaxPool2d):
        return MaxPool2d(layer, shape)
    if isinstance(layer, described.BatchNorm2d):
        return BatchNorm2d(layer)
    return Flatten() if isinstance(layer, described.Flatten) else activations.Activation(layer.name)


class PythonImplementation:
    """A network of `model`'s layers in plain Python, with parameters drawn from `seed`.

    For the methods see Implementation. Parameters and data are checked already.
    """

    concurrent = False  # layers are switched between training and use

    def __init__(self, model: Model, seed: int | None, threads: int | None = None) -> None:
        if threads is not None and threads > 1:
            raise InputError("threads are for the C core; python computes with one")
        self.model = model
        self.layers = build(model, seed)

    @staticmethod
    def epoch_order(seed: int, epoch: int, n: int) -> Sequence[int]:
        order: list[int] = prng.epoch_order(seed, epoch, n)
        return order

    def train(self, x: Rows, y: Targets, order: Sequence[int] | None, start: int, stop: int, batch_size: int, lr: float,
              reduction: str) -> bool:
        order = (range(len(x)) if order is None else order)[start:stop]
        self._set_mode(in_training=True, needs_dx=False)
        losses = training.epoch(self.layers, x, y, order, batch_size, self.model.loss, reduction, lr)
        return all(map(isfinite, losses))

    def train_epochs(self, x: Rows, y: Targets, seed: int, first_epoch: int, lrs: Sequence[float], batch_size: int,
                     shuffle: bool, reduction: str) -> tuple[bool, list[float], list[int]]:
        finite, losses, correct = True, [], []
        for epoch, lr in enumerate(lrs, first_epoch):
            order = self.epoch_order(seed, epoch, len(x)) if shuffle else None
            finite = self.train(x, y, order, 0, len(x), batch_size, lr, reduction) and finite
            loss, right = self.evaluate(x, y, "sum")
            losses.append(loss)
            correct.append(right)
        return finite, losses, correct

    def epochs_per_call(self, samples: int) -> int:
        return 1

    def evaluate(self, x: Rows, y: Targets, reduction: str) -> tuple[float, int]:
        self._set_mode(in_training=False)
        loss, correct = training.evaluate(self.layers, x, y, self.model.loss, reduction)
        return loss, correct

    def outputs(self, x: Rows) -> Matrix:
        self._set_mode(in_training=False)
        return [training.forward(self.layers, [x_n])[-1][0] for x_n in x]

    def predict(self, x: Rows) -> Matrix:
        o = self.outputs(x)
        return [activations.softmax_forward(o_n) for o_n in o] if self.model.classes else o

    def gradients(self, x: Rows, y: Targets, reduction: str) -> array[float]:
        _, _, gradients = self.batch(x, y, reduction)
        return flatten(gradients)

    def input_gradients(self, x: Rows, y: Targets, reduction: str) -> Matrix:
        _, deltas, _ = self.batch(x, y, reduction, needs_dx=True)
        dx: Matrix = deltas[0]
        return dx

    def batch_loss(self, x: Rows, y: Targets, reduction: str) -> float:
        value, _ = LOSSES[self.model.loss]
        total = 0.0
        for o_n, y_n in zip(self._batch_outputs(x)[-1], y):
            total += value(o_n, y_n)
        return total / len(x) if reduction == "mean" else total

    def batch(self, x: Rows, y: Targets, reduction: str, needs_dx: bool = False) -> tuple[Any, Any, Any]:
        """-> outputs, deltas, gradients of the samples as one batch of training; the buffers stay as they are"""
        outputs = self._batch_outputs(x, needs_dx)
        do = batch_gradient(self.model.loss, outputs[-1], y, reduction)
        deltas, gradients = training.backward(self.layers, outputs, do)
        return outputs, deltas, gradients

    def _batch_outputs(self, x: Rows, needs_dx: bool = False) -> list[Matrix]:
        self._set_mode(in_training=True, needs_dx=needs_dx)
        buffers = self.get_buffers()
        outputs: list[Matrix] = training.forward(self.layers, list(x))
        self.set_buffers(buffers)
        return outputs

    def _set_mode(self, in_training: bool, needs_dx: bool = False) -> None:
        self.layers[0].needs_dx = needs_dx
        for layer in self.layers:
            layer.training = in_training

    def apply_gradients(self, flat: array[float], lr: float) -> None:
        values = iter(flat)
        gradients = [[[next(values) for _ in p] for p in layer.parameters] for layer in self.layers]
        training.update(self.layers, gradients, lr)

    @property
    def parameters(self) -> InPlace:
        return InPlace(row for layer in self.layers for row in layer.parameters)

    @property
    def buffers(self) -> InPlace:
        return InPlace(row for layer in self.layers for row in buffers_of(layer))

    def get_parameters(self) -> array[float]:
        return flatten(layer.parameters for layer in self.layers)

    def set_parameters(self, flat: array[float]) -> None:
        fill([layer.parameters for layer in self.layers], flat)

    def get_buffers(self) -> array[float]:
        return flatten(buffers_of(layer) for layer in self.layers)

    def set_buffers(self, flat: array[float]) -> None:
        fill([buffers_of(layer) for layer in self.layers], flat)

    def finite(self) -> bool:
        rows = chain.from_iterable(chain(layer.parameters, buffers_of(layer)) for layer in self.layers)
        return all(map(isfinite, chain.from_iterable(rows)))


class InPlace:
    """Lists of floats as one flat sequence, in place."""

    def __init__(self, rows: Iterable[list[float]]) -> None:
        self.rows = list(rows)
        self.ends = list(accumulate(map(len, self.rows)))

    def __len__(self) -> int:
        return self.ends[-1] if self.ends else 0

    def __getitem__(self, k: int) -> float:
        n = bisect_right(self.ends, k)
        return self.rows[n][k - self.ends[n]]

    def __setitem__(self, k: int, value: float) -> None:
        n = bisect_right(self.ends, k)
        self.rows[n][k - self.ends[n]] = value


def buffers_of(layer: Any) -> Sequence[list[float]]:
    buffers: Sequence[list[float]] = getattr(layer, "buffers", ())
    return buffers


def fill(layers: Iterable[Sequence[list[float]]], flat: Iterable[float]) -> None:
    """Parameters or buffers of every layer, in place, from a flat sequence in declared order."""
    values = iter(flat)
    for rows in layers:
        for row in rows:
            row[:] = [next(values) for _ in row]


def flatten(layers: Iterable[Gradient]) -> array[float]:
    """Parameters, gradients or buffers of every layer -> one flat array in declared order."""
    return array("d", chain.from_iterable(chain.from_iterable(layers)))


def images(rows: Matrix, shape: Shape) -> Images:
    """Flat rows -> samples x channels x rows x columns; shape is (channels, height, width)."""
    channels, height, width = shape
    return [[[row[start:start + width] for start in range(c * height * width, (c + 1) * height * width, width)]
             for c in range(channels)] for row in rows]


def flat_rows(x: Images) -> Matrix:
    """Samples x channels x rows x columns -> flat rows."""
    return [[v for channel in image for row in channel for v in row] for image in x]


def channels(rows: Matrix, count: int) -> list[Matrix]:
    """Flat rows -> samples x channels x positions."""
    size = len(rows[0]) // count
    return [[row[start:start + size] for start in range(0, len(row), size)] for row in rows]


def flat_channels(x: list[Matrix]) -> Matrix:
    """Samples x channels x positions -> flat rows."""
    return [[v for channel in x_n for v in channel] for x_n in x]


def kernel_rows(w: list[list[Matrix]]) -> Matrix:
    """The rows of all kernels, in order."""
    return [row for w_o in w for w_oc in w_o for row in w_oc]
