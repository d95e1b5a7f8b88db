"""A network to use: one interface for every implementation."""

from __future__ import annotations

import sys
import time
from array import array
from collections.abc import Callable, Iterable
from copy import deepcopy
from hashlib import sha256
from itertools import chain, islice
from math import isfinite
from typing import NamedTuple, Optional, SupportsIndex

from . import implementations
from .checks import known_name, positive_number, whole_number
from .errors import DivergenceError, InputError
from .layers import Matrix, buffer_count, is_custom
from .model import REDUCTIONS, Model
from .rates import learning_rates
from .samples import Numbers, Samples, check_flat, check_rows, check_samples

State = tuple["array[float]", "array[float]"]  # parameters and buffers: all that training changes


class Epoch(NamedTuple):
    """The state after one epoch of training; epoch 0 is the state before training.

    train_loss, validation_loss: the loss over those data with the epoch's last parameters
    accuracy: the fraction classified correctly, of the validation data if given, else of the training data; None
              without classes
    lr:       the learning rate of the epoch (epoch 0: that of the first)
    seconds:  training time, without evaluation. Small epochs trained in one call: their average, evaluation included.
    """

    epoch: int
    train_loss: float
    validation_loss: Optional[float]
    accuracy: Optional[float]
    lr: float
    seconds: float


class Evaluation(NamedTuple):
    """The loss over some data, and the fraction classified correctly (None without classes)."""

    loss: float
    accuracy: Optional[float]


class _Settings(NamedTuple):
    """What every epoch of a training shares."""

    batch_size: int
    shuffle: bool
    reduction: str


class Network:
    """A network of `model`'s layers. It has its own copy of custom layers.

    impl: "c", "python", or None: "c" if the core is built and has all the layers, else "python"
    seed: decides the initial parameters and the order of shuffled samples; 0 to 2^64 - 1
    threads: number of threads of the C core; None: chosen by the size of the work. The bits are the same.

    x is samples x inputs: lists of rows, or a buffer (array, memoryview, NumPy), which is not copied if it holds
    doubles; a buffer of bytes holds pixels, byte / 255.0 each. y is samples x outputs, or class indices. `Samples` may
    replace both. Data that do not fit raise InputError before anything is computed, the same from every implementation.

    reduction is "sum" or "mean" over the samples; None is the loss's own: "sum" for sse, "mean" for the others.
    """

    def __init__(self, model: Model, impl: str | None = None, seed: SupportsIndex = 0,
                 threads: SupportsIndex | None = None) -> None:
        if not isinstance(model, Model):
            raise InputError(f"model must be a Model, not {model!r}")
        self.model = deepcopy(model)
        if impl is None:
            impl = "python" if any(map(is_custom, model.layers)) else implementations.default()
        self.impl = impl
        self.seed = whole_number(seed, "seed", 0, 2**64 - 1)
        self.epoch = 0  # epochs trained so far
        implementation = implementations.load(self.impl)
        count = None if threads is None else whole_number(threads, "threads", 1, 1024)
        self._implementation = implementation(self.model, self.seed, count)

    @property
    def parameters(self) -> array[float]:
        """Every parameter, a flat array of doubles in declared order: layer by layer w row by row, then b. A copy."""
        return self._implementation.get_parameters()

    @parameters.setter
    def parameters(self, values: Iterable[float]) -> None:
        self._implementation.set_parameters(check_flat(values, self.model.parameter_count, "parameters"))

    @property
    def buffers(self) -> array[float]:
        """What training changes beside the parameters, a flat array of doubles. A copy.

        For each BatchNorm2d: the running means, then the running variances.
        """
        return self._implementation.get_buffers()

    @buffers.setter
    def buffers(self, values: Iterable[float]) -> None:
        checked = check_flat(values, self.model.buffer_count, "buffers")
        start = 0
        for layer in self.model.layers:
            for k in () if is_custom(layer) else layer.variances:
                if checked[start + k] < 0.0:
                    raise InputError(f"buffers[{start + k}] is {checked[start + k]}, but it is a variance")
            start += buffer_count(layer)
        self._implementation.set_buffers(checked)

    def forward(self, x: Numbers) -> Matrix:
        """The outputs of the last layer: samples x outputs, lists of floats."""
        return self._implementation.outputs(check_rows(x, self.model.inputs, "x", pixels=True))

    def predict(self, x: Numbers) -> Matrix:
        """The answers, samples x outputs: the probability of each class for cross_entropy, else the outputs."""
        return self._implementation.predict(check_rows(x, self.model.inputs, "x", pixels=True))

    def loss(self, x: Numbers | Samples, y: Numbers | None = None, reduction: str | None = None) -> float:
        """The loss over all samples."""
        samples = check_samples(self.model, x, y)
        return self._implementation.evaluate(samples.inputs, samples.targets, self._reduction(reduction))[0]

    def gradients(self, x: Numbers | Samples, y: Numbers | None = None, reduction: str | None = None) -> array[float]:
        """dL/dp of every parameter p: a flat array of doubles in the order of `parameters`.

        L is the loss of all samples as one batch of training. It equals `loss` unless a layer computes otherwise in
        training (BatchNorm2d does).
        """
        samples = check_samples(self.model, x, y)
        return self._implementation.gradients(samples.inputs, samples.targets, self._reduction(reduction))

    def input_gradients(self, x: Numbers | Samples, y: Numbers | None = None, reduction: str | None = None) -> Matrix:
        """dL/dx of the same loss: samples x inputs, lists of floats."""
        samples = check_samples(self.model, x, y)
        return self._implementation.input_gradients(samples.inputs, samples.targets, self._reduction(reduction))

    def batch_loss(self, x: Numbers | Samples, y: Numbers | None = None, reduction: str | None = None) -> float:
        """The loss of all samples as one batch of training, of which `gradients` are the gradients."""
        samples = check_samples(self.model, x, y)
        return self._implementation.batch_loss(samples.inputs, samples.targets, self._reduction(reduction))

    def update(self, gradients: Iterable[float], lr: float) -> None:
        """One step of gradient descent: p -= lr * dL/dp. Raises DivergenceError, and changes nothing, on overflow."""
        checked = check_flat(gradients, self.model.parameter_count, "gradients")
        before = self._state()
        self._implementation.apply_gradients(checked, positive_number(lr, "lr"))
        if not finite(self._state()):
            self._restore(before)
            raise DivergenceError("the update makes a parameter infinite; nothing was changed", self.epoch, 0)

    def evaluate(self, x: Numbers | Samples, y: Numbers | None = None) -> Evaluation:
        """The loss, with the loss's own reduction, and the accuracy over some data."""
        return self._evaluate(check_samples(self.model, x, y))

    def train_epoch(self, x: Numbers | Samples, y: Numbers | None = None, *, lr: float, batch_size: SupportsIndex = 1,
                    shuffle: bool = False, reduction: str | None = None) -> None:
        """One pass over the samples, a step of gradient descent per batch of batch_size; the last batch may be smaller.

        If a loss or parameter becomes infinite or NaN, raises DivergenceError with the epoch and the step; the
        parameters are then the last with which the loss of a step was finite.
        """
        samples = check_samples(self.model, x, y)
        settings = self._settings(batch_size, shuffle, reduction)
        self._train_epoch(samples, positive_number(lr, "lr"), settings, self._state())

    def train(self, x: Numbers | Samples, y: Numbers | None = None, *, epochs: SupportsIndex, lr: float,
              batch_size: SupportsIndex = 1, lr_decay: float = 1.0, lr_decay_every: SupportsIndex = 1,
              shuffle: bool = False, reduction: str | None = None,
              validation: Samples | tuple[Numbers, Numbers] | None = None,
              on_epoch: Callable[[Epoch], object] | None = None) -> list[Epoch]:
        """Trains for some epochs; returns an Epoch for the state before and after each.

        Raises DivergenceError as train_epoch does.

        lr_decay, lr_decay_every: after every lr_decay_every epochs the rate is multiplied by lr_decay
        validation: a pair (x, y) or Samples to evaluate on after each epoch
        on_epoch:   called with each Epoch once it is known
        """
        samples = check_samples(self.model, x, y)
        held_out = None if validation is None else check_samples(
            self.model, *(validation if isinstance(validation, tuple) else (validation,)))
        rates = learning_rates(epochs, lr, lr_decay, lr_decay_every)
        settings = self._settings(batch_size, shuffle, reduction)
        history: list[Epoch] = []

        def record(epoch: Epoch) -> None:
            history.append(epoch)
            if on_epoch:
                on_epoch(epoch)

        first = self._epoch(samples, held_out, float(lr), 0.0)
        if not first:
            raise DivergenceError("the loss is not finite before training", self.epoch, 0)
        record(first)
        per_call = self._implementation.epochs_per_call(len(samples)) if held_out is None else 1
        while per_call > 1 and (next_rates := list(islice(rates, per_call))):
            block = self._train_epochs(samples, next_rates, settings)
            if not block:
                rates = chain(next_rates, rates)  # trained one by one, they show where a number overflows
                break
            for epoch in block:
                record(epoch)
        for rate in rates:
            before = self._state()
            start = time.perf_counter()
            self._train_epoch(samples, rate, settings, before)
            last = self._epoch(samples, held_out, rate, time.perf_counter() - start)
            if not last:
                self._restore(before)
                self.epoch -= 1
                steps = -(-len(samples) // settings.batch_size)
                raise self._divergence(steps, steps)
            record(last)
        return history

    def _epoch(self, samples: Samples, held_out: Samples | None, lr: float, seconds: float) -> Epoch | None:
        """The Epoch of the present state; None if a loss is not finite."""
        train = self._evaluate(samples)
        validation = self._evaluate(held_out) if held_out else None
        if not isfinite(train.loss) or validation and not isfinite(validation.loss):
            return None
        accuracy = (validation or train).accuracy
        return Epoch(self.epoch, train.loss, validation and validation.loss, accuracy, lr, seconds)

    def _train_epoch(self, samples: Samples, lr: float, settings: _Settings, before: State) -> None:
        """train_epoch with checked arguments; `before` is the present state."""
        batch_size, shuffle, reduction = settings
        count = len(samples)
        steps = -(-count // batch_size)
        order = self._implementation.epoch_order(self.seed, self.epoch + 1, count) if shuffle else None

        def run(start: int, stop: int) -> bool:
            """Steps start ... stop - 1 of the epoch; returns whether every loss was finite."""
            return self._implementation.train(samples.inputs, samples.targets, order, start * batch_size,
                                              min(stop * batch_size, count), batch_size, lr, reduction)

        if run(0, steps) and finite(self._state()):
            self.epoch += 1
        else:
            raise self._divergence(self._last_finite(run, steps, before), steps)

    def _last_finite(self, run: Callable[[int, int], bool], steps: int, before: State) -> int:
        """Restores the last state with which a step's loss was finite; returns the first step, from 1, that is spoilt.

        Training is repeatable, so the step is found by halving.
        """
        good, fine, spoilt = before, 0, steps
        while spoilt - fine > 1:
            self._restore(good)
            middle = (fine + spoilt) // 2
            if run(fine, middle) and finite(state := self._state()):
                good, fine = state, middle
            else:
                spoilt = middle
        self._restore(good)
        if not run(fine, spoilt) and fine > 0:
            self._restore(before)  # the loss of step `spoilt` is not finite: the update before it went too far
            run(0, fine - 1)
        else:
            self._restore(good)
        return spoilt

    def _train_epochs(self, samples: Samples, rates: list[float], settings: _Settings) -> list[Epoch]:
        """Trains some epochs in one call -> their Epochs; if a number is not finite, [], and nothing is changed."""
        before = self._state()
        start = time.perf_counter()
        all_finite, losses, correct = self._implementation.train_epochs(
            samples.inputs, samples.targets, self.seed, self.epoch + 1, rates, *settings)
        seconds = (time.perf_counter() - start) / len(rates)
        if not (all_finite and finite(self._state()) and all(map(isfinite, losses))):
            self._restore(before)
            return []
        block = []
        for lr, loss, right in zip(rates, losses, correct):
            self.epoch += 1
            mean = loss / len(samples) if self.model.reduction == "mean" else loss
            block.append(Epoch(self.epoch, mean, None, right / len(samples) if samples.classes else None, lr, seconds))
        return block

    def _evaluate(self, samples: Samples) -> Evaluation:
        loss, correct = self._implementation.evaluate(samples.inputs, samples.targets, self.model.reduction)
        return Evaluation(loss, correct / len(samples) if samples.classes else None)

    def _settings(self, batch_size: SupportsIndex, shuffle: bool, reduction: str | None) -> _Settings:
        return _Settings(whole_number(batch_size, "batch size"), bool(shuffle), self._reduction(reduction))

    def _reduction(self, reduction: str | None) -> str:
        return self.model.reduction if reduction is None else known_name(reduction, REDUCTIONS, "reduction")

    def _divergence(self, step: int, steps: int) -> DivergenceError:
        return DivergenceError(f"training diverged in epoch {self.epoch + 1}, step {step} of {steps}: the loss or a "
                               "parameter is no longer finite; a smaller learning rate may help", self.epoch + 1, step)

    def _state(self) -> State:
        return self._implementation.get_parameters(), self._implementation.get_buffers()

    def _restore(self, state: State) -> None:
        self._implementation.set_parameters(state[0])
        self._implementation.set_buffers(state[1])


def finite(state: State) -> bool:
    """Whether every parameter and buffer is finite."""
    return all(map(isfinite, chain(*state)))


def digest(parameters: Iterable[float]) -> str:
    """SHA-256 over parameters as little-endian doubles, in hexadecimal digits."""
    values = array("d", parameters)
    if sys.byteorder == "big":
        values.byteswap()
    return sha256(values.tobytes()).hexdigest()
