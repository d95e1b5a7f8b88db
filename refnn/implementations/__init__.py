"""The implementations of a network: what each must do, written once, and their names."""

from __future__ import annotations

import platform
from array import array
from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple, Optional, Protocol

from ..checks import known_name
from ..errors import UnavailableError
from ..layers import Matrix

if TYPE_CHECKING:
    from ..model import Model
    from ..samples import Rows, Targets

ONE, SMALLEST, TINY = 1.0, 5e-324, 2.0**-55  # SMALLEST: the smallest double above 0; TINY: below half an ulp of 1


class Flat(Protocol):
    """Parameters or buffers in declared order, in place."""

    def __len__(self) -> int: ...

    def __getitem__(self, k: int, /) -> float: ...

    def __setitem__(self, k: int, value: float, /) -> None: ...



class Implementation(Protocol):
    """A network of a model's layers, with parameters drawn from a seed.

    All arguments are checked before: an implementation need not check them again. x is samples x inputs; y is samples x
    outputs, or class indices, as the model's loss needs. reduction is "sum" or "mean" over the samples. Parameters,
    gradients and buffers are flat arrays of doubles in declared order. All implementations return the same bits.

    A batch of training is computed as in training: BatchNorm2d normalises it by its own statistics. Everything else is
    computed with the buffers' values. Only methods that train or set values change parameters or buffers.

    Raises InputError if the implementation cannot compute the model or a batch of that size at all.
    """

    concurrent: bool
    """Whether methods that change neither parameters nor buffers may run in several threads at a time."""

    def epoch_order(self, seed: int, epoch: int, n: int) -> Sequence[int]:
        """The order of n samples in an epoch, from 1, when they are shuffled: indices 0 to n - 1."""

    def train(self, x: Rows, y: Targets, order: Sequence[int] | None, start: int, stop: int, batch_size: int, lr: float,
              reduction: str) -> bool:
        """Trains on the samples order[start:stop], one step per batch; the last batch may be smaller.

        order: indices of samples; None: 0, 1, 2, ...
        Returns whether the loss of every step was finite, each taken before its update.
        """

    def train_epochs(self, x: Rows, y: Targets, seed: int, first_epoch: int, lrs: Sequence[float], batch_size: int,
                     shuffle: bool, reduction: str) -> tuple[bool, list[float], list[int]]:
        """Trains for whole epochs, one per rate in lrs; the first has number first_epoch, from 1, for its order.

        Returns whether every loss was finite; and for each epoch, with its last parameters, the sum of the losses of
        all samples, and the number of samples classified correctly.
        """

    def epochs_per_call(self, samples: int) -> int:
        """The number of epochs over so small a data set that one call of train_epochs should take; 1: use train."""

    def evaluate(self, x: Rows, y: Targets, reduction: str) -> tuple[float, int]:
        """The loss over all samples, and the number of samples whose largest output is the target's largest."""

    def outputs(self, x: Rows) -> Matrix:
        """The outputs of the last layer, samples x outputs."""

    def predict(self, x: Rows) -> Matrix:
        """softmax of the outputs if the loss takes classes, else the outputs; samples x outputs."""

    def batch_loss(self, x: Rows, y: Targets, reduction: str) -> float:
        """The loss of all samples as one batch of training."""

    def gradients(self, x: Rows, y: Targets, reduction: str) -> array[float]:
        """dL/dp of every parameter, L being batch_loss."""

    def input_gradients(self, x: Rows, y: Targets, reduction: str) -> Matrix:
        """dL/dx, samples x inputs, L being batch_loss."""

    def apply_gradients(self, flat: array[float], lr: float) -> None:
        """p -= lr * dL/dp for every parameter."""

    @property
    def parameters(self) -> Flat:
        """Every parameter, in place: what is assigned to a number of it is used from then on."""

    @property
    def buffers(self) -> Flat:
        """Every buffer, in place."""

    def get_parameters(self) -> array[float]:
        """A copy of every parameter."""

    def set_parameters(self, flat: array[float]) -> None:
        """Replaces every parameter."""

    def get_buffers(self) -> array[float]:
        """A copy of every buffer: layer by layer the running means, then the running variances."""

    def set_buffers(self, flat: array[float]) -> None:
        """Replaces every buffer."""

    def finite(self) -> bool:
        """Whether every parameter and buffer is finite."""


class Constructor(Protocol):
    """The class of an implementation. Raises InputError.

    seed: None if parameters and buffers are set afterwards: none are drawn
    threads: a number, or None for its own choice
    """

    def __call__(self, model: Model, seed: int | None, threads: int | None = None) -> Implementation: ...


class Place(NamedTuple):
    """Where an implementation is. It is imported when it is first used: the C core may not be built here."""

    module: str
    name: str


IMPLEMENTATIONS = {"python": Place("refnn.implementations.python", "PythonImplementation"),
                   "c": Place("refnn.implementations.c", "CImplementation")}


def check_arithmetic() -> None:
    """Raises UnavailableError if the processor's floating-point modes have been changed in this thread."""
    if SMALLEST * ONE == 0.0:
        raise UnavailableError("subnormal numbers are flushed to zero in this process: a library built with "
                               "-ffast-math, or a call such as torch.set_flush_denormal, has changed the processor's "
                               "arithmetic")
    if ONE + TINY != ONE or ONE - TINY != ONE:
        raise UnavailableError("numbers are not rounded to the nearest in this process: a call such as fesetround has "
                               "changed the processor's arithmetic")


def load(name: str) -> Constructor:
    """The class of that name. Raises InputError for an unknown one, UnavailableError if it is not built here."""
    check_arithmetic()
    place = IMPLEMENTATIONS[known_name(name, IMPLEMENTATIONS, "implementation")]
    constructor: Constructor = getattr(import_module(place.module), place.name)
    return constructor


def default() -> str:
    """"c" if the core is built, else "python"."""
    return "python" if missing() else "c"


def describe(name: str) -> str:
    """What an implementation is made of, in words."""
    if name == "c":
        return f"C ({import_module('refnn.core').build()})"
    return f"plain Python ({platform.python_implementation()} {platform.python_version()})"


def missing() -> Optional[str]:
    """Why the C core cannot be used here, in a sentence; None if it can."""
    try:
        load("c")
    except UnavailableError as error:
        return str(error)
    return None
