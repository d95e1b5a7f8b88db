"""A network to use: one interface for every implementation."""

from __future__ import annotations

import sys
import time
from array import array
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from copy import deepcopy
from hashlib import sha256
from itertools import chain, islice
from math import isfinite, prod
from operator import index
from typing import Any, NamedTuple, Optional, SupportsIndex

from . import implementations, saved
from .checks import known_name, positive_number, shown, true_or_false, whole_number
from .errors import DivergenceError, InputError
from .files import PathLike
from .locks import Exclusive, ReadWriteLock, holds
from .layers import Matrix, buffer_count, is_custom, parameter_count, times
from .model import REDUCTIONS, Model
from .pictures import Pictures
from .rates import learning_rates
from .samples import Numbers, Samples, check_flat, check_rows, check_samples
from .state import LayerView, flat_state, places, tensors
from .tables import Columns
from .version import SPEC, __version__

State = tuple["array[float]", "array[float]"]  # parameters and buffers: all that training changes


OnProgress = Callable[[str, int, int], object]


class Epoch(NamedTuple):
    """The state after one epoch of training; epoch 0 is the state before training.

    train_loss, validation_loss: the loss over those data with the epoch's last parameters
    accuracy: the fraction classified correctly, of the validation data if given, else of the training data; None
              without classes
    lr:       the learning rate of the epoch (epoch 0: that of the first)
    seconds:  training time, without evaluation. Small epochs trained in one call: their average, evaluation included;
              that is so only without on_epoch and validation.
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


@holds
def reads(network: Network) -> AbstractContextManager[None]:
    """A method that reads parameters or buffers: beside other such methods."""
    return network._lock.reading


@holds
def writes(network: Network) -> AbstractContextManager[None]:
    """A method that changes parameters or buffers: alone."""
    return network._lock.writing


@holds
def computes(network: Network) -> AbstractContextManager[None]:
    """A method that computes with the parameters: beside others, if the implementation can."""
    implementations.check_arithmetic()
    return network._lock.reading if network._implementation.concurrent else network._lock.writing


@holds
def trains(network: Network) -> AbstractContextManager[None]:
    """A method that trains: one thread at a time."""
    implementations.check_arithmetic()
    return network._training


class _Settings(NamedTuple):
    """What every epoch of a training shares."""

    batch_size: int
    shuffle: bool
    reduction: str


class Copy(array):  # type: ignore[type-arg]  # array is not generic at run time before Python 3.12
    """A copy of a network's numbers. Assigning to one of them would not change the network, so it raises TypeError."""

    def __setitem__(self, key: Any, value: Any) -> None:
        raise TypeError("this is a copy of the network's numbers; assign to network.layers[k].weight[...], or all at "
                        "once: network.parameters = values. list(network.parameters) can be changed")


class Network:
    """A network of `model`'s layers. It has its own copy of custom layers.

    impl: "c", "python", or None: "c" if the core is built and has all the layers, else "python"
    seed: decides the initial parameters and the order of shuffled samples; 0 to 2^64 - 1
    threads: number of threads of the C core; None: chosen by the size of the work. The bits are the same.

    x is samples x inputs: lists of rows, or an array (buffers, NumPy, PyTorch, pandas), which is not copied if it holds
    doubles. Images may have any number of dimensions. Numbers are taken as they are; refnn.pixels(x) are byte / 255.0
    each. y is samples x outputs, or class indices. `Samples` may replace both. Data that do not fit raise InputError
    before anything is computed, the same from every implementation.

    reduction is "sum" or "mean" over the samples; None is the loss's own: "sum" for sse, "mean" for the others.

    A network may be used by several threads. Calls that only compute run side by side with the C core. Each epoch of a
    training runs alone; a second training at the same time raises InputError. If the floating-point modes of the thread
    are not the default ones, methods that compute raise UnavailableError.
    """

    def __init__(self, model: Model, impl: str | None = None, seed: SupportsIndex = 0,
                 threads: SupportsIndex | None = None) -> None:
        self._describe(model, impl, seed, threads)
        self._start(self.seed)

    @classmethod
    def _of(cls, state: State, model: Model, impl: str | None, seed: SupportsIndex,
            threads: SupportsIndex | None) -> Network:
        """The same network with that state. No parameters are drawn."""
        network = cls.__new__(cls)
        network._describe(model, impl, seed, threads)
        network._start(None)
        network._restore(state)
        return network

    def _describe(self, model: Model, impl: str | None, seed: SupportsIndex, threads: SupportsIndex | None) -> None:
        """Checks the constructor's arguments, and sets what copies and files keep."""
        if not isinstance(model, Model):
            raise InputError(f"model must be a Model, not {shown(model)}")
        try:
            self.model = deepcopy(model)
        except Exception as error:  # of a custom layer, which may hold anything
            raise InputError(f"the network needs its own copy of the layers: {error}") from None
        if impl is None:
            impl = "python" if any(map(is_custom, model.layers)) else implementations.default()
        self.impl = impl
        self.seed = whole_number(seed, "seed", 0, 2**64 - 1)
        self.threads = None if threads is None else whole_number(threads, "threads", 1, 1024)
        self.epoch = 0  # epochs trained so far
        self.batches = 0  # steps trained so far
        self.settings: dict[str, Any] = {}  # the arguments of the last call of train, without data, epochs and on_epoch
        self.columns: Columns | None = None  # of a table: what inputs and outputs mean; kept in files
        self.pictures: Pictures | None = None  # the same of pictures

    def _start(self, seed: int | None) -> None:
        """Makes what copies and files do not keep. seed: None if the state is set afterwards"""
        self._implementation = implementations.load(self.impl)(self.model, seed, self.threads)
        self._lock = ReadWriteLock()
        self._training = Exclusive("this network is being trained in another thread")

    def __repr__(self) -> str:
        """The layers, the shapes of their outputs and their numbers of parameters, as a table."""
        model = self.model
        rows = [("layer", "output", "parameters"), ("input", times(model.shapes[0]), "")]
        for k, (layer, shape) in enumerate(zip(model.layers, model.shapes[1:])):
            text = type(layer).__name__ if is_custom(layer) else layer.brief()
            rows.append((f"{k} {text}", times(shape), f"{parameter_count(layer):,}"))
        rows.append(("total", "", f"{model.parameter_count:,}"))
        widths = [max(len(row[column]) for row in rows) for column in range(3)]
        lines = [f"{name:{widths[0]}}  {shape:{widths[1]}}  {count:>{widths[2]}}".rstrip()
                 for name, shape, count in rows]
        return "\n".join([*lines, f"loss {model.loss}, impl {self.impl}, seed {self.seed}, epoch {self.epoch}"])

    @reads
    def __getstate__(self) -> dict[str, Any]:
        """For copy and pickle: everything but the implementation's memory."""
        state = {name: value for name, value in vars(self).items()
                 if name not in ("_implementation", "_lock", "_training")}
        return {**state, "state": self._state()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        flat = state.pop("state")
        vars(self).update(state)
        self._start(None)
        self._restore(flat)

    @property
    def layers(self) -> tuple[LayerView, ...]:
        """The layers with their tensors in place: network.layers[0].weight[i, j] = 5.0 changes the network."""
        flat = self._implementation.parameters, self._implementation.buffers
        return tuple(LayerView(k, layer, listed, *flat)
                     for k, (layer, listed) in enumerate(zip(self.model.layers, places(self.model))))

    @reads
    def state_dict(self) -> dict[str, memoryview[Any]]:
        """A copy of every tensor, by its name and in its shape in the equivalent torch.nn.Sequential: 0.weight, ..."""
        named = tensors(self.model, *self._state(), self.batches)
        return {name: tensor.view() for name, tensor in named.items()}

    @writes
    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Sets every tensor. state: as from state_dict, here or in PyTorch; or nested lists

        Raises InputError, and changes nothing, if a tensor is missing, unknown, of the wrong shape or not finite.
        """
        parameters, buffers, self.batches = flat_state(self.model, state)
        self._restore((parameters, buffers))

    @reads
    def save(self, path: PathLike, run: Mapping[str, Any] | None = None) -> None:
        """Writes the network to a safetensors file, with all that is needed to train it further. Raises InputError.

        run: more to keep with it, which JSON can hold
        """
        training = {"seed": self.seed, "epoch": self.epoch, "batches": self.batches, "settings": self.settings}
        info = {"refnn": __version__, "spec": str(SPEC), "training": training, **({"run": run} if run else {}),
                **({"columns": self.columns.to_json()} if self.columns else {}),
                **({"pictures": self.pictures._asdict()} if self.pictures else {})}
        saved.write(path, tensors(self.model, *self._state(), self.batches), self.model, info)

    @property
    @reads
    def parameters(self) -> array[float]:
        """Every parameter, a flat array of doubles in declared order: layer by layer w row by row, then b. A copy."""
        return Copy("d", self._implementation.get_parameters())

    @parameters.setter
    @writes
    def parameters(self, values: Iterable[float]) -> None:
        self._implementation.set_parameters(check_flat(values, self.model.parameter_count, "parameters"))

    @property
    @reads
    def buffers(self) -> array[float]:
        """What training changes beside the parameters, a flat array of doubles. A copy.

        For each BatchNorm2d: the running means, then the running variances.
        """
        return Copy("d", self._implementation.get_buffers())

    @buffers.setter
    @writes
    def buffers(self, values: Iterable[float]) -> None:
        checked = check_flat(values, self.model.buffer_count, "buffers")
        start = 0
        for layer in self.model.layers:
            for k in () if is_custom(layer) else layer.variances:
                if checked[start + k] < 0.0:
                    raise InputError(f"buffers[{start + k}] is {checked[start + k]}, but it is a variance")
            start += buffer_count(layer)
        self._implementation.set_buffers(checked)

    @computes
    def forward(self, x: Numbers) -> Matrix:
        """The outputs of the last layer: samples x outputs, lists of floats."""
        return self._implementation.outputs(check_rows(x, self.model.inputs, "x", self.model.shapes[0]))

    @computes
    def predict(self, x: Numbers) -> Matrix:
        """The answers, samples x outputs: the probability of each class for cross_entropy, else the outputs."""
        return self._implementation.predict(check_rows(x, self.model.inputs, "x", self.model.shapes[0]))

    @computes
    def loss(self, x: Numbers | Samples, y: Numbers | None = None, reduction: str | None = None) -> float:
        """The loss over all samples."""
        samples = check_samples(self.model, x, y)
        return self._implementation.evaluate(samples.inputs, samples.targets, self._reduction(reduction))[0]

    @computes
    def gradients(self, x: Numbers | Samples, y: Numbers | None = None, reduction: str | None = None) -> array[float]:
        """dL/dp of every parameter p: a flat array of doubles in the order of `parameters`.

        L is the loss of all samples as one batch of training. It equals `loss` unless a layer computes otherwise in
        training (BatchNorm2d does).
        """
        samples = check_samples(self.model, x, y)
        return self._implementation.gradients(samples.inputs, samples.targets, self._reduction(reduction))

    @computes
    def input_gradients(self, x: Numbers | Samples, y: Numbers | None = None, reduction: str | None = None) -> Matrix:
        """dL/dx of the same loss: samples x inputs, lists of floats."""
        samples = check_samples(self.model, x, y)
        return self._implementation.input_gradients(samples.inputs, samples.targets, self._reduction(reduction))

    @computes
    def batch_loss(self, x: Numbers | Samples, y: Numbers | None = None, reduction: str | None = None) -> float:
        """The loss of all samples as one batch of training, of which `gradients` are the gradients."""
        samples = check_samples(self.model, x, y)
        return self._implementation.batch_loss(samples.inputs, samples.targets, self._reduction(reduction))

    @writes
    def update(self, gradients: Iterable[float], lr: float) -> None:
        """One step of gradient descent: p -= lr * dL/dp. Raises DivergenceError, and changes nothing, on overflow."""
        checked = check_flat(gradients, self.model.parameter_count, "gradients")
        before = self._state()
        self._implementation.apply_gradients(checked, positive_number(lr, "lr"))
        if not self._implementation.finite():
            self._restore(before)
            raise DivergenceError("the update makes a parameter infinite; nothing was changed", self.epoch, 0)

    def evaluate(self, x: Numbers | Samples, y: Numbers | None = None, *,
                 on_progress: OnProgress | None = None) -> Evaluation:
        """The loss, with the loss's own reduction, and the accuracy over some data. on_progress: as in `train`"""
        return self._evaluate(watched(check_samples(self.model, x, y), "test", on_progress))

    @trains
    def train_epoch(self, x: Numbers | Samples, y: Numbers | None = None, *, lr: float, batch_size: SupportsIndex = 1,
                    shuffle: bool = False, reduction: str | None = None) -> None:
        """One pass over the samples, a step of gradient descent per batch of batch_size; the last batch may be smaller.

        If a loss or parameter becomes infinite or NaN, raises DivergenceError with the epoch and the step; the
        parameters are then the last with which the loss of a step was finite.
        """
        samples = check_samples(self.model, x, y)
        settings = self._settings(batch_size, shuffle, reduction)
        self._train_epoch(samples, positive_number(lr, "lr"), settings)

    @trains
    def train(self, x: Numbers | Samples, y: Numbers | None = None, *, epochs: SupportsIndex, lr: float,
              batch_size: SupportsIndex = 1, lr_decay: float = 1.0, lr_decay_every: SupportsIndex = 1,
              shuffle: bool = False, reduction: str | None = None,
              validation: Samples | tuple[Numbers, Numbers] | None = None,
              on_epoch: Callable[[Epoch], object] | None = None,
              on_progress: OnProgress | None = None) -> list[Epoch]:
        """Trains for some epochs; returns an Epoch for the state before and after each.

        Raises DivergenceError as train_epoch does.

        lr:         the rate of epoch 1
        lr_decay, lr_decay_every: after every lr_decay_every epochs the rate is multiplied by lr_decay. Epochs trained
                    before count: 2 epochs and then 3 have the same bits as 5.
        validation: a pair (x, y) or Samples to evaluate on after each epoch
        on_epoch:   called with each Epoch when the network is in that state; if it returns True, training stops
        on_progress: called with the name of the present work and the number of samples done, and to do, in it

        After any other exception, such as Ctrl-C, the network is as it was after its last whole epoch.
        """
        samples = check_samples(self.model, x, y)
        held_out = self._held_out(validation)
        rates = learning_rates(epochs, lr, lr_decay, lr_decay_every, self.epoch)
        settings = self._settings(batch_size, shuffle, reduction)
        self.settings = {"lr": float(lr), "batch_size": settings.batch_size, "lr_decay": float(lr_decay),
                         "lr_decay_every": index(lr_decay_every), "shuffle": settings.shuffle,
                         "reduction": settings.reduction}
        if on_epoch is not None and not callable(on_epoch):
            raise InputError(f"on_epoch must be a function, not {shown(on_epoch)}")
        first_lr = next(rates)
        rates = chain([first_lr], rates)
        first = self._epoch(samples, held_out, first_lr, 0.0, on_progress)
        if not first:
            raise DivergenceError("the loss is not finite before training", self.epoch, 0)
        history = [first]
        if on_epoch and on_epoch(first) is True:
            return history
        together = held_out is None and on_epoch is None and on_progress is None
        per_call = self._implementation.epochs_per_call(len(samples)) if together else 1
        while per_call > 1 and (next_rates := list(islice(rates, per_call))):
            block = self._train_epochs(samples, next_rates, settings)
            if not block:
                rates = chain(next_rates, rates)  # trained one by one, they show where a number overflows
                break
            history += block
        for rate in rates:
            history.append(self._next_epoch(samples, held_out, rate, settings, on_progress))
            if on_epoch and on_epoch(history[-1]) is True:
                break
        return history

    def _held_out(self, validation: Samples | tuple[Numbers, Numbers] | None) -> Samples | None:
        if validation is None:
            return None
        if isinstance(validation, Samples):
            return check_samples(self.model, validation)
        if not isinstance(validation, (tuple, list)) or len(validation) != 2:
            raise InputError(f"validation must be a pair (x, y) or Samples, not {shown(validation)}")
        return check_samples(self.model, *validation)

    @writes
    def _next_epoch(self, samples: Samples, held_out: Samples | None, lr: float, settings: _Settings,
                    on_progress: OnProgress | None) -> Epoch:
        """Trains one epoch and evaluates the network."""
        before = self._state()
        start = time.perf_counter()
        self._train_epoch(watched(samples, f"epoch {self.epoch + 1}", on_progress), lr, settings, before)
        epoch = self._epoch(samples, held_out, lr, time.perf_counter() - start, on_progress)
        if epoch:
            return epoch
        steps = -(-len(samples) // settings.batch_size)
        self._restore(before)
        self.epoch -= 1
        self.batches -= steps
        raise self._divergence(steps, steps)

    def _epoch(self, samples: Samples, held_out: Samples | None, lr: float, seconds: float,
               on_progress: OnProgress | None) -> Epoch | None:
        """The Epoch of the present state; None if a loss is not finite."""
        train = self._evaluate(watched(samples, f"epoch {self.epoch}, evaluation", on_progress))
        validation = None
        if held_out:
            validation = self._evaluate(watched(held_out, f"epoch {self.epoch}, validation", on_progress))
        if not isfinite(train.loss) or validation and not isfinite(validation.loss):
            return None
        accuracy = (validation or train).accuracy
        return Epoch(self.epoch, train.loss, validation and validation.loss, accuracy, lr, seconds)

    @writes
    def _train_epoch(self, samples: Samples, lr: float, settings: _Settings, before: State | None = None) -> None:
        """train_epoch with checked arguments. before: the present state, if the caller has it"""
        before = before or self._state()
        batch_size, shuffle, reduction = settings
        count = len(samples)
        steps = -(-count // batch_size)
        order = self._implementation.epoch_order(self.seed, self.epoch + 1, count) if shuffle else None

        def run(start: int, stop: int) -> bool:
            """Steps start ... stop - 1 of the epoch; returns whether every loss was finite."""
            return self._implementation.train(samples.inputs, samples.targets, order, start * batch_size,
                                              min(stop * batch_size, count), batch_size, lr, reduction)

        done = self.epoch, self.batches
        try:
            if run(0, steps) and self._implementation.finite():
                self.epoch, self.batches = done[0] + 1, done[1] + steps
                return
        except BaseException:
            self.epoch, self.batches = done
            self._restore(before)
            raise
        raise self._divergence(self._last_finite(run, steps, before), steps)

    def _last_finite(self, run: Callable[[int, int], bool], steps: int, before: State) -> int:
        """Restores the last state with which a step's loss was finite; returns the first step, from 1, that is spoilt.

        Training is repeatable, so the step is found by halving.
        """
        good, fine, spoilt = before, 0, steps
        while spoilt - fine > 1:
            self._restore(good)
            middle = (fine + spoilt) // 2
            if run(fine, middle) and self._implementation.finite():
                good, fine = self._state(), middle
            else:
                spoilt = middle
        self._restore(good)
        if not run(fine, spoilt) and fine > 0:
            self._restore(before)  # the loss of step `spoilt` is not finite: the update before it went too far
            run(0, fine - 1)
        else:
            self._restore(good)
        return spoilt

    @writes
    def _train_epochs(self, samples: Samples, rates: list[float], settings: _Settings) -> list[Epoch]:
        """Trains some epochs in one call -> their Epochs; if a number is not finite, [], and nothing is changed."""
        before = self._state()
        start = time.perf_counter()
        try:
            all_finite, losses, correct = self._implementation.train_epochs(
                samples.inputs, samples.targets, self.seed, self.epoch + 1, rates, *settings)
        except BaseException:
            self._restore(before)
            raise
        seconds = (time.perf_counter() - start) / len(rates)
        if not (all_finite and self._implementation.finite() and all(map(isfinite, losses))):
            self._restore(before)
            return []
        block = []
        self.batches += len(rates) * -(-len(samples) // settings.batch_size)
        for lr, loss, right in zip(rates, losses, correct):
            self.epoch += 1
            mean = loss / len(samples) if self.model.reduction == "mean" else loss
            block.append(Epoch(self.epoch, mean, None, right / len(samples) if samples.classes else None, lr, seconds))
        return block

    @computes
    def _evaluate(self, samples: Samples) -> Evaluation:
        loss, correct = self._implementation.evaluate(samples.inputs, samples.targets, self.model.reduction)
        return Evaluation(loss, correct / len(samples) if samples.classes else None)

    def _settings(self, batch_size: SupportsIndex, shuffle: bool, reduction: str | None) -> _Settings:
        return _Settings(whole_number(batch_size, "batch size"), true_or_false(shuffle, "shuffle"),
                         self._reduction(reduction))

    def _reduction(self, reduction: str | None) -> str:
        return self.model.reduction if reduction is None else known_name(reduction, REDUCTIONS, "reduction")

    def _divergence(self, step: int, steps: int) -> DivergenceError:
        return DivergenceError(f"training diverged in epoch {self.epoch + 1}, step {step} of {steps}: the loss or a "
                               "parameter is no longer finite; a smaller learning rate may help", self.epoch + 1, step)

    def _state(self) -> State:
        """A copy, for callers that hold the lock."""
        return self._implementation.get_parameters(), self._implementation.get_buffers()

    def _restore(self, state: State) -> None:
        """Sets the state, for callers that hold the lock to write."""
        self._implementation.set_parameters(state[0])
        self._implementation.set_buffers(state[1])


def load(path: PathLike, model: Model | None = None, impl: str | None = None,
         threads: SupportsIndex | None = None) -> Network:
    """The network in a file of Network.save, or of PyTorch's state dict, which needs the model. Raises InputError.

    model: must be that of the file, if the file has one; needed also if it has custom layers
    """
    return network_of(saved.read(path), str(path), model, impl, threads)


def network_of(content: saved.Saved, source: str, model: Model | None = None, impl: str | None = None,
               threads: SupportsIndex | None = None) -> Network:
    """The network of a file's content. source: the file's name, for messages"""
    if model is None:
        model = content.model
    elif content.model is not None and content.model != model:
        raise InputError(f"{source}: this is the network of another model: {content.model}")
    if model is None:
        why = "its model has custom layers" if "model" in content.info else "it has no model"
        raise InputError(f"{source}: {why}; load(path, model) needs it")
    try:
        parameters, buffers, batches = flat_state(model, content.tensors)  # before memory is taken for the network
        training = content.info.get("training", {})
        network = Network._of((parameters, buffers), model, impl, training.get("seed", 0), threads)
        network.epoch = whole_number(training.get("epoch", 0), "epoch", 0, 2**63)
        network.batches = whole_number(training.get("batches", batches), "batches", 0, 2**63)
        network.settings = check_settings(training.get("settings", {}))
        if "columns" in content.info:
            network.columns = Columns.from_json(content.info["columns"])
            if (network.columns.input_width, network.columns.output_width) != (model.inputs, model.outputs):
                raise InputError("the columns in the metadata do not fit the model")
        if "pictures" in content.info:
            network.pictures = Pictures.from_json(content.info["pictures"])
            if (prod(network.pictures.shape), len(network.pictures.classes)) != (model.inputs, model.outputs):
                raise InputError("the pictures in the metadata do not fit the model")
    except InputError as error:
        raise InputError(f"{source}: {error}") from None
    return network


SETTINGS = ("lr", "batch_size", "lr_decay", "lr_decay_every", "shuffle", "reduction")


def check_settings(settings: Any) -> dict[str, Any]:
    """Settings of a file. Their values are checked when `train` gets them."""
    if not isinstance(settings, dict) or not all(name in SETTINGS for name in settings):
        raise InputError("the training's settings in the metadata are invalid")
    return settings


def watched(samples: Samples, what: str, on_progress: OnProgress | None) -> Samples:
    """The samples, with calls of on_progress while they are used."""
    if on_progress is None:
        return samples
    done = 0

    def watch(count: int) -> None:
        nonlocal done
        done += count
        on_progress(what, min(done, len(samples)), len(samples))

    return samples.watched(watch)


def digest(parameters: Iterable[float]) -> str:
    """SHA-256 over parameters as little-endian doubles, in hexadecimal digits."""
    values = array("d", parameters)
    if sys.byteorder == "big":
        values.byteswap()
    return sha256(values.tobytes()).hexdigest()
