"""A network to use: one interface, whichever implementation computes."""

import time
from array import array
from math import isfinite
from typing import NamedTuple, Optional

from . import implementations
from .errors import DivergenceError, InputError
from .model import LOSSES, REDUCTIONS, Model, known_name, positive_number, whole_number
from .samples import Samples, check_flat, check_rows, check_samples


class Epoch(NamedTuple):
    """What one epoch of training left behind; epoch 0 is the state before training.

    train_loss, validation_loss: the loss over those data with the epoch's last parameters
    accuracy: the fraction classified rightly, of the validation data or else of the training data; None without classes
    lr:       the learning rate that the epoch used (epoch 0: that the first will use)
    seconds:  the epoch's training, without any evaluation
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
    """A network of `model`'s layers.

    impl: "c", "python", or None: "c" where the core is built
    seed: decides the first parameters and the order of shuffled samples; 0 to 2^64 - 1

    x is samples x inputs: lists of rows, or a buffer (array, memoryview, NumPy), which is not copied if it holds doubles;
    a buffer of bytes holds pixels, byte / 255.0 each. y is samples x outputs, or class indices. A `Samples` may stand for
    both. What does not fit raises InputError before anything is computed, the same from every implementation.

    reduction is "sum" or "mean" over the samples; None is the loss's own, "sum" for sse and "mean" for the others.
    """

    def __init__(self, model, impl=None, seed=0):
        if not isinstance(model, Model):
            raise InputError(f"model must be a Model, not {model!r}")
        self.model = model
        self.impl = impl or implementations.default()
        self.seed = whole_number(seed, "seed", 0, 2**64 - 1)
        self.epoch = 0  # epochs trained so far
        self._core = implementations.load(self.impl)(model, self.seed)

    @property
    def parameters(self):
        """Every parameter, a flat array of doubles in declared order: layer by layer w row by row, then b. A copy."""
        return array("d", self._core.get_parameters())

    @parameters.setter
    def parameters(self, values):
        self._core.set_parameters(check_flat(values, self.model.parameter_count, "parameters"))

    def forward(self, x):
        """The outputs of the last layer: samples x outputs, lists of floats."""
        return self._core.outputs(check_rows(x, self.model.inputs, "x"))

    def predict(self, x):
        """What the network says: for cross_entropy the probability of each class, else the outputs."""
        return self._core.predict(check_rows(x, self.model.inputs, "x"))

    def loss(self, x, y=None, reduction=None):
        """The loss over all samples."""
        samples = self._samples(x, y)
        return self._core.evaluate(samples.inputs, samples.targets, self._reduction(reduction))[0]

    def gradients(self, x, y=None, reduction=None):
        """dL/dp of `loss` for every parameter p: a flat array of doubles in the order of `parameters`."""
        samples = self._samples(x, y)
        return array("d", self._core.gradients(samples.inputs, samples.targets, self._reduction(reduction)))

    def update(self, gradients, lr):
        """One step of gradient descent: p -= lr * dL/dp. Raises DivergenceError, and changes nothing, on overflow."""
        gradients = check_flat(gradients, self.model.parameter_count, "gradients")
        before = self._core.get_parameters()
        self._core.apply_gradients(gradients, positive_number(lr, "lr"))
        if not self._finite():
            self._core.set_parameters(before)
            raise DivergenceError("the update makes a parameter infinite; nothing was changed", self.epoch, 0)

    def evaluate(self, x, y=None):
        """The loss, with the loss's own reduction, and the accuracy over some data."""
        samples = self._samples(x, y)
        loss, correct = self._core.evaluate(samples.inputs, samples.targets, LOSSES[self.model.loss])
        return Evaluation(loss, correct / len(samples) if samples.classes else None)

    def train_epoch(self, x, y=None, *, lr, batch_size=1, shuffle=False, reduction=None):
        """One pass over the samples, a step of gradient descent for each batch_size of them; the last batch is smaller.

        A loss or parameter that becomes infinite or NaN raises DivergenceError, with the epoch and the step in it; the
        parameters are then those before that step.
        """
        samples = self._samples(x, y)
        batch_size = whole_number(batch_size, "batch size")
        settings = batch_size, positive_number(lr, "lr"), self._reduction(reduction)
        count = len(samples)
        self.epoch += 1
        order = self._core.epoch_order(self.seed, self.epoch, count) if shuffle else None
        good = self._core.get_parameters()
        if self._train(samples, order, 0, count, settings):
            return
        # Somewhere on the way a number overflowed. Training is repeatable, so the step is found by halving.
        steps = -(-count // batch_size)
        fine, spoilt = 0, steps
        while True:
            self._core.set_parameters(good)
            if spoilt - fine == 1:
                raise DivergenceError(f"training diverged in epoch {self.epoch}, step {spoilt} of {steps}: the loss or a parameter "
                                      "is no longer finite; a smaller learning rate may help", self.epoch, spoilt)
            middle = (fine + spoilt) // 2
            if self._train(samples, order, fine * batch_size, middle * batch_size, settings):
                fine = middle
                good = self._core.get_parameters()
            else:
                spoilt = middle

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
        whole_number(epochs, "epochs")
        whole_number(batch_size, "batch size")
        whole_number(lr_decay_every, "lr_decay_every")
        lr = positive_number(lr, "lr")
        lr_decay = positive_number(lr_decay, "lr_decay")
        history = []

        def record(epoch, lr, seconds):
            train = self.evaluate(samples)
            held_out = self.evaluate(validation) if validation else None
            if not isfinite(train.loss) or held_out and not isfinite(held_out.loss):
                raise DivergenceError(f"the loss is not finite after epoch {epoch}", epoch, -(-len(samples) // batch_size))
            history.append(Epoch(epoch, train.loss, held_out and held_out.loss, (held_out or train).accuracy, lr, seconds))
            if on_epoch:
                on_epoch(history[-1])

        record(self.epoch, lr, 0.0)
        for epoch in range(1, epochs + 1):
            start = time.perf_counter()
            self.train_epoch(samples, lr=lr, batch_size=batch_size, shuffle=shuffle, reduction=reduction)
            record(self.epoch, lr, time.perf_counter() - start)
            if epoch % lr_decay_every == 0:
                lr = lr * lr_decay
        return history

    def _train(self, samples, order, start, stop, settings):
        return self._core.train(samples.inputs, samples.targets, order, start, stop, *settings) and self._finite()

    def _finite(self):
        return all(map(isfinite, self._core.get_parameters()))

    def _reduction(self, reduction):
        return LOSSES[self.model.loss] if reduction is None else known_name(reduction, REDUCTIONS, "reduction")

    def _samples(self, x, y=None):
        if not isinstance(x, Samples):
            if y is None:
                raise InputError("y is missing")
            return check_samples(self.model, x, y)
        if x.inputs.width != self.model.inputs:
            raise InputError(f"the samples have {x.inputs.width} inputs, the network {self.model.inputs}")
        if (self.model.loss == "cross_entropy") == hasattr(x.targets, "width"):
            raise InputError(f"the samples' targets are not for {self.model.loss}")
        if getattr(x.targets, "width", self.model.outputs) != self.model.outputs:
            raise InputError(f"the samples have {x.targets.width} outputs, the network {self.model.outputs}")
        return x
