"""The learning rate of each epoch."""

from collections.abc import Iterator
from math import inf, log2
from typing import SupportsIndex

from .checks import positive_number, whole_number
from .errors import InputError


STEPS = 1_000_000  # multiplications that are tried before training


def check_range(first: float, decay: float, period: int, count: int) -> None:
    """Raises InputError if the rate of an epoch is 0 or infinite."""
    if 0.5 < decay <= 1.0:
        return  # such a factor rounds the smallest number to itself, never to 0
    last = first
    for epoch in range(period + 1, count + 1, period)[:STEPS]:
        last = last * decay
        if not 0.0 < last < inf:
            raise InputError(f"with lr_decay {decay} the learning rate is {last} from epoch {epoch} on")
    if log2(first) + (count - 1) // period * log2(decay) > 1025.0:  # a double is below 2^1024
        raise InputError(f"with lr_decay {decay} the learning rate is inf before epoch {count}")


def learning_rates(epochs: SupportsIndex, lr: float, decay: float, every: SupportsIndex,
                   done: int = 0) -> Iterator[float]:
    """-> the rate of each epoch: lr, multiplied by `decay` after every `every` epochs. Raises InputError.

    lr: the rate of epoch 1; done: the number of epochs before the first of these
    """
    count = done + whole_number(epochs, "epochs")
    first = positive_number(lr, "lr")
    decay = positive_number(decay, "lr_decay")
    period = whole_number(every, "lr_decay_every")
    check_range(first, decay, period, count)

    def rates(lr: float) -> Iterator[float]:
        for _ in range(done // period if decay != 1.0 else 0):
            lr = lr * decay
        for epoch in range(done + 1, count + 1):
            yield lr
            if epoch % period == 0:
                lr = lr * decay

    return rates(first)
