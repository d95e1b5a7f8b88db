"""Compares an answer with the recorded one: exact, rounding or wrong, how far off, and the first such number.

An answer that is not exact is rounding if its precision explains every number of it; rounding/ derives how far off
these may be.
"""

import struct
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from ..errors import RefnnError
from .operations import OPERATIONS
from .operations.explaining import dig
from .operations.models import parameter_places
from .rounding import OPERATIONS as ROUNDED, Double, Judgement, Number, expected, judge
from .vectors import Case, pattern

EXACT, ROUNDING, WRONG, FAILED, UNKNOWN = "exact", "rounding", "wrong", "no answer", "not implemented"
LARGEST = 7  # digits of a distance in ulps; all distances with as many or more are counted together
OPTIONAL = {"outputs", "deltas", "gradients"}  # what an answer may leave out

Index = tuple[int, ...]


class NoAnswer(RefnnError):
    """The answer is malformed or missing."""


@dataclass(frozen=True)
class Divergence:
    """The first number that is wrong or, if all are rounding, the one that is farthest off.

    key, index: its place in the answer; place: the same in words; formula, operands: how it is computed
    expected:   of a step, what follows from the program's own numbers before it
    deviation:  the standard deviation that rounding causes; None if it is not known
    """

    key: str
    index: Index
    place: str
    expected: Any
    answered: Any
    formula: str
    operands: str
    deviation: float | None = None


class Comparison(NamedTuple):
    """The result for one answer.

    ulps:      how many numbers have which distance, None being a distance from NaN
    undecided: how many numbers nothing is known of, because a decision hangs on rounding or they are out of range
    note:      what else there is to say
    """

    verdict: str
    divergence: Divergence | None = None
    ulps: Counter[int | None] = Counter()
    undecided: int = 0
    note: str = ""


def compare(case: Case, answer: dict[str, Any], precision: type[Number] = Double) -> Comparison:
    """Compares a decoded answer with that of the case. Raises NoAnswer if it has another form.

    Of a training that is not exact this says only where it differs first: its rounding is judged in trainings.py.
    """
    answer = fitted(case.answer, answer, "the answer")
    distances: Counter[int | None] = Counter()
    first: tuple[str, Index] | None = None  # the first number that is not exact
    other: tuple[str, Index] | None = None  # the first of them that is not a float
    for key, places in tensors(case):
        for place in places if key in answer else ():
            right, value = dig(case.answer[key], place), dig(answer[key], place)
            if isinstance(right, float):
                distances[ulps(right, value)] += 1
            if right != value if not isinstance(right, float) else pattern(right) != pattern(value):
                first = first or (key, place)
                if not isinstance(right, float):
                    other = other or (key, place)
    if first is None:
        return Comparison(EXACT, None, distances)
    if other or case.op not in ROUNDED:
        key, place = first if case.op == "train" else other or first
        return Comparison(WRONG, divergence(case, answer, key, place), distances)
    found = of_judgement(case, answer, judge(expected(case, answer, precision), answer), distances)
    if found.divergence is None:  # all that differ are undecided, or zeros of another sign
        found = found._replace(divergence=divergence(case, answer, *first))
    return found


def of_judgement(case: Case, answer: dict[str, Any], judged: Judgement, distances: Counter[int | None]) -> Comparison:
    verdict, off = (WRONG, judged.first) if judged.first else (ROUNDING, judged.farthest)
    found = None
    if off is not None and off.answered != off.expected:
        found = divergence(case, answer, off.key, off.place, off.expected, off.deviation)
    return Comparison(verdict, found, distances, judged.undecided)


def divergence(case: Case, answer: dict[str, Any], key: str, index: Index, right: Any = None,
               deviation: float | None = None) -> Divergence:
    """right: the number as it should be, if it follows from the answer"""
    formula, operands = OPERATIONS[case.op].explain(case.inputs, {**case.answer, **answer}, key, index)
    right = dig(case.answer[key], index) if right is None else right
    return Divergence(key, index, words(case, key, index), right, dig(answer[key], index), formula, operands, deviation)


def fitted(right: Any, value: Any, place: str) -> Any:
    """The answer with floats where the right one has floats. Raises NoAnswer if their forms differ."""
    if isinstance(right, dict):
        return fitted_outputs(right, value, place)
    if isinstance(right, list):
        return fitted_list(right, value, place)
    if right is None and value is None:
        return None
    try:
        if isinstance(right, str):
            return value.lower()
        if right is not None and not isinstance(value, (bool, str)):
            return float(value) if isinstance(right, float) else whole(value)
    except Exception:  # implementations have their own types of numbers, which raise what they like
        pass
    kind = {str: "hex digits", int: "a whole number", float: "a number"}.get(type(right), "null")
    raise NoAnswer(f"{place} must be {kind}, not {brief(value)}")


def is_of_kind(right: Any, value: Any) -> bool:
    """Whether an answer has what the right one has, but perhaps in lists of other lengths: numbers, or strings."""
    if isinstance(right, dict):
        return isinstance(value, dict) and all(
            is_of_kind(right[key], value[key]) if key in value else key in OPTIONAL for key in right)
    if isinstance(right, list):
        return isinstance(value, list) and all(is_of_kind(first_of(right), item) if not isinstance(item, list)
                                               else is_of_kind(right, item) for item in value)
    if right is None or isinstance(right, str):
        return isinstance(value, type(right))
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def first_of(values: Any) -> Any:
    """The first number or string in nested lists, None if there is none."""
    while isinstance(values, list):
        values = values[0] if values else None
    return values


def whole(value: Any) -> int:
    """An integer, which an answer may also write as 1.0."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    index: int = value.__index__()
    return index


def fitted_outputs(right: dict[str, Any], value: Any, place: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise NoAnswer(f"{place} must be an object with {', '.join(right)}, not {brief(value)}")
    for key in right:
        if key not in value and key not in OPTIONAL and right[key] is not None:
            rounded = "; one that rounds may answer any strings, such as empty ones" if key == "digests" else ""
            raise NoAnswer(f"{place} has no {key!r}{rounded}")
    return {key: fitted(right[key], value[key], key) for key in right if key in value}


def fitted_list(right: list[Any], value: Any, place: str) -> list[Any]:
    value = value.tolist() if hasattr(value, "tolist") else value
    if not isinstance(value, (list, tuple)):
        raise NoAnswer(f"{place} must be a list of {len(right)}, not {brief(value)}")
    if len(value) != len(right):
        raise NoAnswer(f"{place} must be a list of {len(right)}, not of {len(value)}")
    return [fitted(*pair, f"{place}[{n}]") for n, pair in enumerate(zip(right, value))]


def brief(value: Any) -> str:
    try:
        text = "null" if value is None else repr(value)
    except Exception as error:  # such as an integer with more digits than Python writes
        text = f"a value that cannot be printed ({type(error).__name__})"
    return text if len(text) <= 60 else text[:60] + " ..."


def tensors(case: Case) -> Iterator[tuple[str, list[Index]]]:
    """The tensors of a right answer in the order of computation: (key, the index of each of its numbers).

    Those of a step are the output of each layer; the loss; from the last layer to the first its delta and gradients;
    the parameters of each layer.
    """
    answer = case.answer
    if case.op == "step":
        of_layer: list[list[Index]] = [[] for _ in case.inputs["layers"]]
        for p, (k, *_) in enumerate(parameter_places(case.inputs["layers"])):
            of_layer[k].append((p,))
        for k, rows in enumerate(answer["outputs"]):
            yield "outputs", list(indexes(rows, (k,)))
        yield "loss", [()]
        for k in reversed(range(len(of_layer))):
            yield "deltas", list(indexes(answer["deltas"][k], (k,)))
            yield "gradients", of_layer[k]
        for places in of_layer:
            yield "parameters", places
    elif case.op == "train":
        for e in range(len(answer["losses"])):
            yield "digests", [(e,)]
            yield "losses", [(e,)]
    else:
        yield from ((key, list(indexes(values))) for key, values in answer.items())


def indexes(values: Any, prefix: Index = ()) -> Iterator[Index]:
    """The index of each number in nested lists."""
    if isinstance(values, list):
        for n, item in enumerate(values):
            yield from indexes(item, (*prefix, n))
    else:
        yield prefix


def ulps(a: float, b: float) -> int | None:
    """The distance between two doubles in steps to the next double. 0 for the same bits; None if one is NaN."""
    if a != a or b != b:
        return 0 if a != a and b != b else None
    return abs(rank(a) - rank(b)) or int(pattern(a) != pattern(b))


def rank(x: float) -> int:
    """The place of a double in the order of all: 0.0 and -0.0 are both 0."""
    bits: int = struct.unpack("<q", struct.pack("<d", x))[0]
    return bits if bits >= 0 else -(bits & 0x7FFFFFFFFFFFFFFF)


def words(case: Case, key: str, index: Index) -> str:
    """The place of a number in words: deltas[2][0][1]: gradient of the output of layer 2 (linear), sample 0, unit 1"""
    place = key + "".join(f"[{n}]" for n in index)
    if case.op == "train":
        return f"{place}, after epoch {index[0]}"
    if case.op != "step" or key == "loss":
        return place
    layers = case.inputs["layers"]
    if key in ("outputs", "deltas"):
        k, n, j = index
        tensor = "output" if key == "outputs" else "gradient of the output"
        return f"{place}: {tensor} of layer {k} ({layers[k]['type']}), sample {n}, unit {j}"
    k, which, *of = parameter_places(layers)[index[0]]
    name = ("d" if key == "gradients" else "") + which + "".join(f"[{n}]" for n in of)
    return f"{place}: {name} of layer {k} ({layers[k]['type']})"


def histogram(distances: Counter[int | None]) -> str:
    """Counted ulps in words: 120 exact, 14 off by 1 ulp, 3 by 2 to 9, 1 by 10 to 99, 2 by 1,000,000 or more"""
    ranges: Counter[int] = Counter()
    for distance, number in distances.items():
        ranges[range_of(distance)] += number
    return ", ".join(f"{ranges[digits]:,} {range_name(digits)}" for digits in sorted(ranges))


def range_of(distance: int | None) -> int:
    """The digits of a distance, at most LARGEST; -1 for 0, 0 for 1."""
    if distance is None:
        return LARGEST
    return min(len(str(distance)), LARGEST) if distance > 1 else distance - 1


def range_name(digits: int) -> str:
    if digits == LARGEST:
        return f"by {10**(LARGEST - 1):,} or more"
    return {-1: "exact", 0: "off by 1 ulp"}.get(digits) or f"by {max(2, 10**(digits - 1)):,} to {10**digits - 1:,}"
