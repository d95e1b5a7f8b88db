"""The learning rate of each epoch."""

from collections.abc import Iterator
from typing import SupportsIndex

from .checks import positive_number, whole_number
from .errors import InputError


def learning_rates(epochs: SupportsIndex, lr: float, decay: float, every: SupportsIndex,
                   done: int = 0) -> Iterator[float]:
    """-> the rate of each epoch: lr, multiplied by `decay` after every `every` epochs. Raises InputError.

    lr: the rate of epoch 1; done: the number of epochs before the first of these
    """
    count = done + whole_number(epochs, "epochs")
    first = positive_number(lr, "lr")
    decay = positive_number(decay, "lr_decay")
    period = whole_number(every, "lr_decay_every")
    last = first
    for epoch in range(period + 1, count + 1, period):
        if last * decay == last:
            break
        last = last * decay
        if not 0.0 < last < float("inf"):
            raise InputError(f"with lr_decay {decay} the learning rate is {last} from epoch {epoch} on")

    def rates(lr: float) -> Iterator[float]:
        for epoch in range(1, count + 1):
            if epoch > done:
                yield lr
            if epoch % period == 0:
                lr = lr * decay

    return rates(first)
