"""Compares an answer with the recorded one: exact, close or wrong, how far off in ulps, and the first such number."""

import struct
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from math import isfinite
from typing import Any, NamedTuple

from ..errors import RefnnError
from .operations import OPERATIONS
from .operations.explaining import dig
from .operations.models import parameter_places
from .vectors import Case, pattern

EXACT, CLOSE, WRONG, FAILED, UNKNOWN = "exact", "close", "wrong", "no answer", "not implemented"
CLOSENESS = 1e-6  # how far off a close number may be, as a part of the largest number of its tensor
LARGEST = 7  # digits of a distance in ulps; all distances with as many or more are counted together
OPTIONAL = {"outputs", "deltas"}  # what an answer may leave out

Index = tuple[int, ...]


class NoAnswer(RefnnError):
    """The answer is malformed or missing."""


@dataclass(frozen=True)
class Divergence:
    """The first number that is wrong or, if none is, that is not exact.

    key, index: its place in the answer; place: the same in words; formula, operands: how it is computed
    """

    key: str
    index: Index
    place: str
    expected: Any
    answered: Any
    formula: str
    operands: str


class Comparison(NamedTuple):
    """The result for one answer. ulps: how many numbers have which distance, None being a distance from NaN."""

    verdict: str
    divergence: Divergence | None = None
    ulps: Counter[int | None] = Counter()


def compare(case: Case, answer: dict[str, Any]) -> Comparison:
    """Compares a decoded answer with that of the case. Raises NoAnswer if it has another form."""
    answer = fitted(case.answer, answer, "the answer")
    distances: Counter[int | None] = Counter()
    first: dict[str, tuple[str, Index]] = {}  # verdict -> the first number that has it
    for key, places in tensors(case):
        if key not in answer:
            continue
        rights = [dig(case.answer[key], place) for place in places]
        limit = CLOSENESS * max((abs(v) for v in rights if isinstance(v, float) and isfinite(v)), default=0.0)
        for place, right in zip(places, rights):
            value = dig(answer[key], place)
            if isinstance(right, float):
                distances[ulps(right, value)] += 1
            first.setdefault(verdict_on(key, right, value, limit), (key, place))
    verdict = WRONG if WRONG in first else CLOSE if CLOSE in first else EXACT
    return Comparison(verdict, None if verdict == EXACT else divergence(case, answer, *first[verdict]), distances)


def verdict_on(key: str, right: Any, value: Any, limit: float) -> str:
    """The verdict on one number. limit: how far off a close one may be"""
    if isinstance(right, float):
        return EXACT if pattern(right) == pattern(value) else CLOSE if abs(value - right) <= limit else WRONG
    if right == value:
        return EXACT
    return CLOSE if key == "digests" else WRONG  # of a training, the losses decide how far off it is


def divergence(case: Case, answer: dict[str, Any], key: str, index: Index) -> Divergence:
    formula, operands = OPERATIONS[case.op].explain(case.inputs, case.answer, key, index)
    right, value = dig(case.answer[key], index), dig(answer[key], index)
    return Divergence(key, index, words(case, key, index), right, value, formula, operands)


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
            return float(value) if isinstance(right, float) else value.__index__()
    except Exception:  # implementations have their own types of numbers, which raise what they like
        pass
    kind = {str: "hex digits", int: "a whole number", float: "a number"}.get(type(right), "null")
    raise NoAnswer(f"{place} must be {kind}, not {brief(value)}")


def fitted_outputs(right: dict[str, Any], value: Any, place: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise NoAnswer(f"{place} must be an object with {', '.join(right)}, not {brief(value)}")
    for key in right:
        if key not in value and key not in OPTIONAL and right[key] is not None:
            raise NoAnswer(f"{place} has no {key!r}")
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
