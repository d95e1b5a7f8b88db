"""A network to use: one interface, whichever implementation computes."""

import sys
import time
from array import array
from copy import deepcopy
from hashlib import sha256
from itertools import chain, islice
from math import isfinite
from typing import NamedTuple, Optional

from . import implementations
from .checks import known_name, positive_number, whole_number
from .errors import DivergenceError, InputError
from .layers import BatchNorm2d
from .model import LOSSES, REDUCTIONS, Model, buffer_count, is_own
from .samples import Rows, Samples, check_flat, check_rows, check_samples


class Epoch(NamedTuple):
    """What one epoch of training left behind; epoch 0 is the state before training.

    train_loss, validation_loss: the loss over those data with the epoch's last parameters
    accuracy: the fraction classified rightly, of the validation data or else of the training data; None without classes
    lr:       the learning rate that the epoch used (epoch 0: that the first will use)
    seconds:  the epoch's training, without evaluation; where one call trains several small epochs, their average, with it
    """

    epoch: int
    train_loss: float
    validation_loss: Optional[float]
    accuracy: Optional[float]
    lr: float
    seconds: float


class Evaluation(NamedTuple):
    """The loss over some data, and the fraction classified rightly (None without classes)."""

    loss: float
    accuracy: Optional[float]


class Network:
    """A network of `model`'s layers; of layers of one's own, a network has a copy.

    impl: "c", "python", or None: "c" where the core is built and has all the layers
    seed: decides the first parameters and the order of shuffled samples; 0 to 2^64 - 1
    threads: of the C core; None: one for small work, as many as there are processors for large. The bits are the same.

    x is samples x inputs: lists of rows, or a buffer (array, memoryview, NumPy), which is not copied if it holds doubles;
    a buffer of bytes holds pixels, byte / 255.0 each. y is samples x outputs, or class indices. A `Samples` may stand for
    both. What does not fit raises InputError before anything is computed, the same from every implementation.

    reduction is "sum" or "mean" over the samples; None is the loss's own, "sum" for sse and "mean" for the others.
    """

    def __init__(self, model, impl=None, seed=0, threads=None):
        if not isinstance(model, Model):
            raise InputError(f"model must be a Model, not {model!r}")
        self.model = model = deepcopy(model)
        self.impl = ("python" if any(map(is_own, model.layers)) else implementations.default()) if impl is None else impl
        self.seed = whole_number(seed, "seed", 0, 2**64 - 1)
        self.epoch = 0  # epochs trained so far
        load = implementations.load(self.impl)
        if threads is None:
            self._core = load(model, self.seed)
        else:
            threads = whole_number(threads, "threads", 1, 1024)
            if self.impl != "c" and threads > 1:
                raise InputError(f"threads are for the C core; {self.impl} computes with one")
            self._core = load(model, self.seed, threads) if self.impl == "c" else load(model, self.seed)

    @property
    def parameters(self):
        """Every parameter, a flat array of doubles in declared order: layer by layer w row by row, then b. A copy."""
        return array("d", self._core.get_parameters())

    @parameters.setter
    def parameters(self, values):
        self._core.set_parameters(check_flat(values, self.model.parameter_count, "parameters"))

    @property
    def buffers(self):
        """What training changes beside the parameters, a flat array of doubles: layer by layer the running means, then the
        running variances, of BatchNorm2d. A copy."""
        return array("d", self._core.get_buffers())

    @buffers.setter
    def buffers(self, values):
        values = check_flat(values, self.model.buffer_count, "buffers")
        start = 0
        for layer in self.model.layers:
            if isinstance(layer, BatchNorm2d):
                for n in range(start + layer.num_features, start + layer.buffer_count):
                    if values[n] < 0.0:
                        raise InputError(f"buffers[{n}] is {values[n]}, but it is a variance")
            start += buffer_count(layer)
        self._core.set_buffers(values)

    def forward(self, x):
        """The outputs of the last layer: samples x outputs, lists of floats."""
        return self._core.outputs(check_rows(x, self.model.inputs, "x", pixels=True))

    def predict(self, x):
        """What the network says: for cross_entropy the probability of each class, else the outputs."""
        return self._core.predict(check_rows(x, self.model.inputs, "x", pixels=True))

    def loss(self, x, y=None, reduction=None):
        """The loss over all samples."""
        samples = self._samples(x, y)
        return self._core.evaluate(samples.inputs, samples.targets, self._reduction(reduction))[0]

    def gradients(self, x, y=None, reduction=None):
        """dL/dp of every parameter p, L being the loss of all samples as one batch of training: a flat array of doubles in the
        order of `parameters`. It is the gradient of `loss` where no layer computes otherwise in training (BatchNorm2d does)."""
        samples = self._samples(x, y)
        return array("d", self._core.gradients(samples.inputs, samples.targets, self._reduction(reduction)))

    def input_gradients(self, x, y=None, reduction=None):
        """dL/dx of the same loss: samples x inputs, lists of floats."""
        samples = self._samples(x, y)
        return self._core.input_gradients(samples.inputs, samples.targets, self._reduction(reduction))

    def batch_loss(self, x, y=None, reduction=None):
        """That loss: of all samples as one batch of training."""
        samples = self._samples(x, y)
        return self._core.batch_loss(samples.inputs, samples.targets, self._reduction(reduction))

    def update(self, gradients, lr):
        """One step of gradient descent: p -= lr * dL/dp. Raises DivergenceError, and changes nothing, on overflow."""
        gradients = check_flat(gradients, self.model.parameter_count, "gradients")
        before = self._state()
        self._core.apply_gradients(gradients, positive_number(lr, "lr"))
        if not self._finite():
            self._restore(before)
            raise DivergenceError("the update makes a parameter infinite; nothing was changed", self.epoch, 0)

    def evaluate(self, x, y=None):
        """The loss, with the loss's own reduction, and the accuracy over some data."""
        samples = self._samples(x, y)
        loss, correct = self._core.evaluate(samples.inputs, samples.targets, LOSSES[self.model.loss])
        return Evaluation(loss, correct / len(samples) if samples.classes else None)

    def train_epoch(self, x, y=None, *, lr, batch_size=1, shuffle=False, reduction=None):
        """One pass over the samples, a step of gradient descent for each batch_size of them; the last batch is smaller.

        A loss or parameter that becomes infinite or NaN raises DivergenceError, with the epoch and the step in it; the
        parameters are then the last with which the loss of a step was finite.
        """
        samples = self._samples(x, y)
        batch_size = whole_number(batch_size, "batch size")
        settings = batch_size, positive_number(lr, "lr"), self._reduction(reduction)
        count = len(samples)
        order = self._core.epoch_order(self.seed, self.epoch + 1, count) if shuffle else None
        first = self._state()
        if self._train(samples, order, 0, count, settings) and self._finite():
            self.epoch += 1
            return
        # Somewhere on the way a number overflowed. Training is repeatable, so the step is found by halving.
        steps = -(-count // batch_size)
        good, fine, spoilt = first, 0, steps
        while spoilt - fine > 1:
            self._restore(good)
            middle = (fine + spoilt) // 2
            if self._train(samples, order, fine * batch_size, middle * batch_size, settings) and self._finite():
                good, fine = self._state(), middle
            else:
                spoilt = middle
        self._restore(good)
        if not self._train(samples, order, fine * batch_size, min(spoilt * batch_size, count), settings) and fine > 0:
            self._restore(first)  # the loss of step `spoilt` is spoilt: the step before it went too far
            self._train(samples, order, 0, (fine - 1) * batch_size, settings)
        else:
            self._restore(good)
        raise self._divergence(spoilt, steps)

    def train(self, x, y=None, *, epochs, lr, batch_size=1, lr_decay=1.0, lr_decay_every=1, shuffle=False, reduction=None,
              validation=None, on_epoch=None):
        """Trains for some epochs; returns an Epoch for the state before and after each.

        lr_decay, lr_decay_every: after every lr_decay_every epochs the rate is multiplied by lr_decay
        validation: a pair (x, y) or Samples to evaluate on after each epoch
        on_epoch:   called with each Epoch as it is ready
        """
        samples = self._samples(x, y)
        if validation is not None:
            validation = self._samples(validation) if isinstance(validation, Samples) else self._samples(*validation)
        rates = learning_rates(epochs, lr, lr_decay, lr_decay_every)
        settings = dict(batch_size=whole_number(batch_size, "batch size"), shuffle=bool(shuffle), reduction=self._reduction(reduction))
        history = []

        def record(lr, seconds):
            train = self.evaluate(samples)
            held_out = self.evaluate(validation) if validation else None
            finite = isfinite(train.loss) and (not held_out or isfinite(held_out.loss))
            if finite:
                history.append(Epoch(self.epoch, train.loss, held_out and held_out.loss, (held_out or train).accuracy, lr, seconds))
                if on_epoch:
                    on_epoch(history[-1])
            return finite

        if not record(float(lr), 0.0):
            raise DivergenceError("the loss is not finite before training", self.epoch, 0)
        several = getattr(self._core, "epochs_of_a_call", lambda samples: 0)(len(samples)) if validation is None else 0
        while several > 1 and (next_rates := list(islice(rates, several))):
            block = self._train_epochs(samples, next_rates, settings)
            for epoch in block:
                history.append(epoch)
                if on_epoch:
                    on_epoch(epoch)
            if not block:
                rates = chain(next_rates, rates)  # something overflowed: epoch by epoch it shows where
                break
        for lr in rates:
            before = self._state()
            start = time.perf_counter()
            self.train_epoch(samples, lr=lr, **settings)
            if not record(lr, time.perf_counter() - start):
                self._restore(before)
                self.epoch -= 1
                steps = -(-len(samples) // batch_size)
                raise self._divergence(steps, steps)
        return history

    def _train_epochs(self, samples, rates, settings):
        """Some epochs in one call -> their Epochs; or, if anything became infinite or NaN, [], with nothing changed."""
        before = self._state()
        start = time.perf_counter()
        finite, losses, correct = self._core.train_epochs(
            samples.inputs, samples.targets, self.seed, self.epoch + 1, rates, **settings)
        seconds = (time.perf_counter() - start) / len(rates)
        if not (finite and self._finite() and all(map(isfinite, losses))):
            self._restore(before)
            return []
        count = len(samples)
        block = []
        for lr, loss, right in zip(rates, losses, correct):
            self.epoch += 1
            loss = loss / count if LOSSES[self.model.loss] == "mean" else loss
            block.append(Epoch(self.epoch, loss, None, right / count if samples.classes else None, lr, seconds))
        return block

    def _divergence(self, step, steps):
        return DivergenceError(f"training diverged in epoch {self.epoch + 1}, step {step} of {steps}: the loss or a parameter is no "
                               "longer finite; a smaller learning rate may help", self.epoch + 1, step)

    def _train(self, samples, order, start, stop, settings):
        return self._core.train(samples.inputs, samples.targets, order, start, stop, *settings)

    def _finite(self):
        return all(map(isfinite, chain(*self._state())))

    def _state(self):
        """All that training changes: parameters and buffers."""
        return self._core.get_parameters(), self._core.get_buffers()

    def _restore(self, state):
        self._core.set_parameters(state[0])
        self._core.set_buffers(state[1])

    def _reduction(self, reduction):
        return LOSSES[self.model.loss] if reduction is None else known_name(reduction, REDUCTIONS, "reduction")

    def _samples(self, x, y=None):
        if not isinstance(x, Samples):
            if y is None:
                raise InputError("y is missing")
            return check_samples(self.model, x, y)
        if x.inputs.width != self.model.inputs:
            raise InputError(f"the samples have {x.inputs.width} inputs, the network {self.model.inputs}")
        if x.outputs != self.model.outputs:
            raise InputError(f"the samples have {x.outputs} outputs, the network {self.model.outputs}")
        if (self.model.loss == "cross_entropy") == isinstance(x.targets, Rows):
            raise InputError(f"the samples' targets are not for {self.model.loss}")
        return x


def learning_rates(epochs, lr, decay, every):
    """-> an iterator over the rate of each epoch: after every so many epochs it is multiplied by `decay`."""
    epochs = whole_number(epochs, "epochs")
    lr = positive_number(lr, "lr")
    decay = positive_number(decay, "lr_decay")
    every = whole_number(every, "lr_decay_every")

    def rates(lr):
        for epoch in range(1, epochs + 1):
            yield lr
            if epoch % every == 0:
                lr = lr * decay

    last = lr
    for epoch in range(every + 1, epochs + 1, every):
        if last * decay == last:
            break
        last = last * decay
        if not 0.0 < last < float("inf"):
            raise InputError(f"with lr_decay {decay} the learning rate is {last} from epoch {epoch} on")
    return rates(lr)


def digest(parameters):
    """SHA-256 over parameters as little-endian doubles."""
    values = array("d", parameters)
    if sys.byteorder == "big":
        values.byteswap()
    return sha256(values.tobytes()).hexdigest()
