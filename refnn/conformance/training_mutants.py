"""Mistakes of updates, learning rates and batches, in the form of mutants.py."""

import math
from itertools import accumulate

from ..implementations import python
from ..reference import linear, training
from .families import decayed
from .loss_mutants import MUTANTS as MUTANTS
from .mutants import mutant, plain_total
from .operations import OPERATIONS
from .operations.training import train_with

# The right functions
backward, update, epoch, linear_update = training.backward, training.update, training.epoch, linear.linear_update
train = OPERATIONS["train"].answer


# Updates

def updates_by(rule):
    """rule: a gradient -> what is multiplied by the learning rate"""
    def changed(p, dp, lr):
        linear_update(p, [rule(d) for d in dp], lr)
    return {linear_update: changed}


def times_rate_first(eps):
    """The same update, rounded in another order."""
    def changed(p, dp, lr):
        for j, d in enumerate(dp):
            p[j] -= lr * d / (abs(d) + eps)
    return {linear_update: changed}


def adam(d, eps):
    m, v = 0.1 * d, 0.001 * (d * d)
    return (m / (1.0 - 0.9)) / (math.sqrt(v / (1.0 - 0.999)) + eps)


mutant("sign-update", "the update takes the sign of the gradient, as Adam and RMSprop do in their first step: it is "
       "plain gradient descent, p - lr * dp",
       updates_by(lambda d: math.copysign(1.0, d) if d else 0.0), updates_by(lambda d: d / (abs(d) + 1e-8)),
       times_rate_first(1e-8), times_rate_first(1e-7), updates_by(lambda d: adam(d, 1e-8)),
       updates_by(lambda d: d / math.sqrt(d * d + 1e-8)), updates_by(lambda d: d / (math.sqrt(0.1 * d * d) + 1e-8)),
       updates_by(lambda d: d / (math.sqrt(0.01 * d * d) + 1e-8)))


def changed_gradients(change, answered):
    """change: (layers, gradients, samples) -> the gradients. answered: whether the gradients of a step are the changed
    ones, or its parameters alone show them.
    """
    def gradients_of(layers, outputs, do):
        deltas, gradients = backward(layers, outputs, do)
        return deltas, change(layers, gradients, len(do))

    def updated(layers, gradients, lr):
        update(layers, change(layers, gradients, 1), lr)

    return {backward: gradients_of} if answered else {update: updated}


def each(function, gradients):
    return [[[function(d) for d in row] for row in rows] for rows in gradients]


def norm(gradients):
    return math.sqrt(plain_total(0.0, [(d, d) for rows in gradients for row in rows for d in row]))


def of_norm(limit, scaled):
    """Gradients of a norm of at most `limit`. scaled: (gradient, limit, norm) -> the gradient of a larger norm"""
    def change(layers, gradients, samples):
        size = norm(gradients)
        return each(lambda d: scaled(d, limit, size), gradients) if size > limit else gradients
    return change


def of_norm_each(limit):
    """The same for each layer by itself."""
    whole = of_norm(limit, lambda d, most, size: d * (most / size))
    return lambda layers, gradients, samples: [whole(layers, [rows], samples)[0] for rows in gradients]


def of_values(limit):
    return lambda layers, gradients, samples: each(lambda d: min(max(d, -limit), limit), gradients)


LIMITS = (1.0, 5.0, 0.5)
SCALED = (lambda d, limit, size: d * (limit / size), lambda d, limit, size: d * limit / size,
          lambda d, limit, size: d * (limit / (size + 1e-6)))


def update_of_norm(limit):
    """The learning rate is divided, not the gradients."""
    def updated(layers, gradients, lr):
        update(layers, gradients, lr / max(norm(gradients) / limit, 1.0))
    return {update: updated}


mutant("clipping", "gradients are clipped, by their norm or by value: the update takes them as they are",
       *map(update_of_norm, LIMITS),
       *(changed_gradients(of_norm(limit, scaled), True) for limit in LIMITS for scaled in SCALED),
       *(changed_gradients(change, answered) for limit in LIMITS for change, answered in (
           (of_values(limit), True), (of_values(limit), False), (of_norm_each(limit), True))))


def is_weight(layer, rows, k):
    """Whether row k of a layer's parameters is one of weights."""
    return isinstance(layer, (python.Linear, python.Conv2d)) and k < rows - bool(layer.b)


def penalised(factor, chosen):
    """dp + factor(samples) * p where chosen(layer, rows, k) of row k of a layer's parameters."""
    def change(layers, gradients, samples):
        return [[[d + factor(samples) * p for d, p in zip(row, layer.parameters[k])]
                 if chosen(layer, len(rows), k) else row for k, row in enumerate(rows)]
                for layer, rows in zip(layers, gradients)]
    return change


def of_linear(layer, rows, k):
    return isinstance(layer, python.Linear) and is_weight(layer, rows, k)


PENALTIES = (1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 0.01, 0.02, 0.1)
mutant("l2", "the gradients have an L2 penalty (weight decay), dw + k * w: the loss has none",
       *(changed_gradients(penalised(factor, chosen), answered)
         for factor in (*(lambda samples, k=k: k for k in PENALTIES),
                        *(lambda samples, k=k: k / samples for k in (1e-3, 0.01, 0.1)))
         for answered, chosen in ((True, of_linear), (True, is_weight), (True, lambda *_: True), (False, is_weight))
         if answered or factor(2) == factor(1)))


def frozen(kept):
    """kept: (number of the layer, numbers of those with parameters, row, rows, layer) -> whether it is not updated"""
    def updated(layers, gradients, lr):
        have = [k for k, rows in enumerate(gradients) if rows]
        before = [[list(p) for p in layer.parameters] for layer in layers]
        update(layers, gradients, lr)
        for k, layer in enumerate(layers):
            for row, p in enumerate(layer.parameters):
                if kept(k, have, row, len(layer.parameters), layer):
                    p[:] = before[k][row]
    return {update: updated}


mutant("biases-kept", "biases are never updated",
       frozen(lambda k, have, row, rows, layer: isinstance(layer, (python.Linear, python.Conv2d))
              and not is_weight(layer, rows, row)),
       frozen(lambda k, have, row, rows, layer: row == rows - 1 and not is_weight(layer, rows, row)))
mutant("layer-kept", "a layer's parameters are never updated: each step updates those of all layers",
       frozen(lambda k, have, *_: k == have[0]), frozen(lambda k, have, *_: k == have[-1]),
       frozen(lambda k, have, *_: k != have[-1]), frozen(lambda k, have, *_: k != have[0]),
       frozen(lambda k, have, row, rows, layer: k == have[0] and is_weight(layer, rows, row)),
       frozen(lambda k, have, row, rows, layer: k == have[-1] and is_weight(layer, rows, row)))


# Learning rates

def decayed_by_batch(after_epochs):
    """The rate decays after every batch, or after every lr_decay_every batches."""
    def trained(lr, lr_decay, lr_decay_every, batch_size, **inputs):
        class Decaying(python.PythonImplementation):
            rate, batches = lr, 0

            def train(self, x, y, order, start, stop, size, rate, reduction):
                order = (range(len(x)) if order is None else order)[start:stop]
                for first in range(0, len(order), size):
                    super().train(x, y, order[first:first + size], 0, size, size, self.rate, reduction)
                    self.batches += 1
                    if after_epochs or self.batches % int(lr_decay_every) == 0:
                        self.rate = self.rate * lr_decay
                return True

        return train_with(Decaying, lr=lr, lr_decay=lr_decay, lr_decay_every=lr_decay_every, batch_size=batch_size,
                          **inputs)
    return {train: trained}


mutant("decay-by-batch", "the learning rate decays after batches: it does after epochs",
       decayed_by_batch(True), decayed_by_batch(False))


def compounded(power):
    """Each decay multiplies the decayed rate by decay ** power(epoch, every)."""
    def rate(lr, decay, every, e):
        for number in range(1, e + 1):
            if number % every == 0:
                lr = lr * decay ** power(number, every)
        return lr
    return decayed(rate)


mutant("decay-compounded", "a rate that has decayed is multiplied by lr_decay ^ epoch: each decay multiplies it by "
       "lr_decay", compounded(lambda e, every: e), compounded(lambda e, every: e // every),
       compounded(lambda e, every: e - 1))


# Batches

def epoch_of(batches_of):
    """Epochs of other batches. batches_of: (order, batch size) -> their samples"""
    def changed(layers, x, y, order, batch_size, *rest):
        values = []
        for batch in batches_of(list(order), int(batch_size)):
            values += epoch(layers, x, y, batch, max(1, len(batch)), *rest)
        return values
    return {epoch: changed}


def plain_batches(order, size):
    return [order[start:start + size] for start in range(0, len(order), size)]


def pieces(order, count):
    """As many batches as possible of about the same size, at most `count`; the first are larger by one."""
    size, larger = divmod(len(order), min(count, len(order)))
    ends = list(accumulate(size + (k < larger) for k in range(min(count, len(order)))))
    return [order[start:end] for start, end in zip([0, *ends], ends)]


mutant("first-or-last-batch", "the first or the last batch of an epoch is left out, whether it is full or not",
       epoch_of(lambda order, size: plain_batches(order, size)[:-1]),
       epoch_of(lambda order, size: plain_batches(order, size)[1:]))
mutant("number-of-batches", "batch_size is taken for the number of batches: it is the number of samples of a batch",
       epoch_of(pieces), epoch_of(lambda order, size: plain_batches(order, max(1, len(order) // size))),
       epoch_of(lambda order, size: plain_batches(order, -(-len(order) // size))))
mutant("even-batches", "the samples of an epoch are spread evenly over its batches: each but the last has batch_size",
       epoch_of(lambda order, size: pieces(order, -(-len(order) // size))))
mutant("batch-size", "batch_size is ignored: each sample is a batch, or all of them are one",
       epoch_of(lambda order, size: plain_batches(order, 1)), epoch_of(lambda order, size: [order]))
