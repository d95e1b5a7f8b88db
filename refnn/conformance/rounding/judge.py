"""An answer against the tensors that were expected."""

from math import hypot, inf, isfinite, sqrt
from typing import NamedTuple

from .numbers import LIMIT, SPREAD


COMMON = sqrt((LIMIT / SPREAD)**2 - 1.0)  # how much more an error counts that a tensor's numbers may have in common


class Off(NamedTuple):
    """A number of an answer, and how far it is from the one expected."""

    key: str
    place: tuple[int, ...]
    expected: float
    answered: float
    deviation: float

    @property
    def deviations(self):
        return ratio(abs(self.answered - self.expected), self.deviation)


class Judgement(NamedTuple):
    """first: the first number that no rounding explains, or the farthest of the first tensor that is too far off as a
    whole; None where rounding explains all. farthest: of all numbers. undecided: numbers that rounding may have
    decided, or that are out of the precision's range; nothing is known of them. rms: the largest root mean square of a
    tensor, in deviations
    """

    first: Off | None
    farthest: Off | None
    undecided: int
    rms: float


def judge(tensors, answer):
    """An answer against the tensors that were expected -> Judgement"""
    first = farthest = None
    undecided, largest = 0, 0.0
    for tensor in tensors:
        squares, count, worst, worst_size = 0.0, 0, None, -1.0
        for place, number in zip(tensor.places, tensor.numbers):
            value, deviation = answer[tensor.key], number.deviation
            for n in place:
                value = value[n]
            error = abs(value - number.value)
            if not error < inf and is_certain(number, value):
                continue
            if deviation == inf:
                undecided += 1
                continue
            count += 1
            size = ratio(error, deviation)
            if not size <= worst_size:
                worst, worst_size = (place, number, value), size
            if not size <= LIMIT and first is None:
                first = Off(tensor.key, place, number.value, value, deviation)
            shared = deviation if tensor.inherits else number.shared
            squares += min(ratio(error, hypot(deviation, shared * COMMON)) if shared else size, 1e150)**2
        if count:
            largest = max(largest, sqrt(squares / count))
            place, number, value = worst
            off = Off(tensor.key, place, number.value, value, number.deviation)
            if squares > LIMIT**2 + SPREAD**2 * (count - 1):
                first = first or off
            if farthest is None or off.deviations > farthest.deviations:
                farthest = off
    return Judgement(first, farthest, undecided, largest)


def is_certain(number, value):
    """Whether a number is right as it stands: infinite or NaN, or infinite where the right one is out of range, or
    almost.
    """
    right = number.value
    if not isfinite(right):
        return value == right or value != value and right != right
    edge = LIMIT * number.deviation if number.deviation < inf else 0.0
    return value in (inf, -inf) and (value > 0.0) == (right > 0.0) and abs(right) + edge > number.largest


def ratio(error, deviation):
    """Deviations; nothing is right where the error is NaN, or where there is no deviation."""
    return 0.0 if error == 0.0 else error / deviation if deviation and error == error else inf
