"""An answer against the recorded one: exact, close or wrong, how far off in ulps, and which number is the first."""

import struct
from collections import Counter
from math import isfinite
from typing import NamedTuple, Optional

from ..errors import RefnnError
from .operations import OPERATIONS
from .operations.explaining import dig
from .operations.models import parameter_places
from .vectors import pattern

EXACT, CLOSE, WRONG, FAILED, UNKNOWN = "exact", "close", "wrong", "no answer", "not implemented"
CLOSENESS = 1e-6  # of the largest number of its tensor: how far off a number may be and still be called close
LARGEST = 7  # digits of a distance in ulps, from which on distances are told together
OPTIONAL = {"outputs", "deltas"}  # what an answer may leave out


class NoAnswer(RefnnError):
    """Something came that is no answer, or nothing came."""


class Divergence(NamedTuple):
    """The first number that is wrong, or, where none is, that is not exact: its key in the answer, its index there, both in
    words, and how it is made."""

    key: str
    index: tuple
    place: str
    expected: object
    answered: object
    formula: str
    operands: str


class Comparison(NamedTuple):
    """What is to be said of one answer. ulps: how many numbers are how far off."""

    verdict: str
    divergence: Optional[Divergence] = None
    ulps: Counter = Counter()


def compare(case, answer):
    """An answer as it was decoded -> Comparison. Raises NoAnswer where it does not have the right one's form."""
    answer = fitted(case.answer, answer, "the answer")
    distances = Counter()
    first = {}
    for key, places in tensors(case):
        if key not in answer:
            continue
        rights = [dig(case.answer[key], place) for place in places]
        limit = CLOSENESS * max((abs(v) for v in rights if isinstance(v, float) and isfinite(v)), default=0.0)
        for place, right in zip(places, rights):
            value = dig(answer[key], place)
            if isinstance(right, float):
                distances[ulps(right, value)] += 1
                verdict = EXACT if pattern(right) == pattern(value) else CLOSE if abs(value - right) <= limit else WRONG
            else:
                verdict = EXACT if right == value else CLOSE if key == "digests" else WRONG  # how far off is for the losses to say
            first.setdefault(verdict, (key, place, right, value))
    if CLOSE not in first and WRONG not in first:
        return Comparison(EXACT, None, distances)
    verdict = WRONG if WRONG in first else CLOSE
    key, place, right, value = first[verdict]
    return Comparison(verdict, Divergence(key, place, words(case, key, place), right, value,
                                          *OPERATIONS[case.op].explain(case.inputs, case.answer, key, place)), distances)


def fitted(right, value, place):
    """An answer with its numbers as floats where the right one has floats. Raises NoAnswer where the forms differ."""
    if isinstance(right, dict):
        if not isinstance(value, dict):
            raise NoAnswer(f"{place} must be an object with {', '.join(right)}, not {brief(value)}")
        missing = [key for key in right if key not in value and key not in OPTIONAL and right[key] is not None]
        if missing:
            raise NoAnswer(f"{place} has no {missing[0]!r}")
        return {key: fitted(right[key], value[key], key) for key in right if key in value}
    if isinstance(right, list):
        value = value.tolist() if hasattr(value, "tolist") else value
        if not isinstance(value, (list, tuple)) or len(value) != len(right):
            raise NoAnswer(f"{place} must be a list of {len(right)}, not {f'of {len(value)}' if isinstance(value, (list, tuple)) else brief(value)}")
        return [fitted(*pair, f"{place}[{n}]") for n, pair in enumerate(zip(right, value))]
    if right is None and value is None:
        return None
    try:
        if isinstance(right, str):
            return value.lower()
        if right is not None and not isinstance(value, (bool, str)):
            return float(value) if isinstance(right, float) else value.__index__()
    except Exception:  # of an implementation's own kind of number
        pass
    kind = {str: "hex digits", int: "a whole number", float: "a number"}.get(type(right), "null")
    raise NoAnswer(f"{place} must be {kind}, not {brief(value)}")


def brief(value):
    try:
        text = "null" if value is None else repr(value)
    except Exception as error:  # of integers of more digits than Python writes, among others
        text = f"what cannot be told ({type(error).__name__})"
    return text if len(text) <= 60 else text[:60] + " ..."


def tensors(case):
    """The tensors of a right answer in the order in which they are computed: (key, the index of each of its numbers).

    Of a step these are the layers' outputs; the loss; from the last layer to the first its delta and its gradients; the parameters.
    """
    answer = case.answer
    if case.op == "step":
        of_layer = [[] for _ in case.inputs["layers"]]
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


def indexes(values, prefix=()):
    """The index of each number in nested lists."""
    if isinstance(values, list):
        for n, item in enumerate(values):
            yield from indexes(item, (*prefix, n))
    else:
        yield prefix


def ulps(a, b):
    """How many doubles lie between a and b, 0 for the same bits; None where one of them alone is NaN."""
    if a != a or b != b:
        return 0 if a != a and b != b else None
    return abs(rank(a) - rank(b)) or int(pattern(a) != pattern(b))


def rank(x):
    """The place of a double in the order of all: 0.0 and -0.0 are both 0."""
    bits, = struct.unpack("<q", struct.pack("<d", x))
    return bits if bits >= 0 else -(bits & 0x7FFFFFFFFFFFFFFF)


def words(case, key, index):
    """The place of a number for people: step/step/alice: deltas[2][0][1], gradient of layer 2 (linear), sample 0, unit 1"""
    place = key + "".join(f"[{n}]" for n in index)
    if case.op == "train":
        return f"{place}, after epoch {index[0]}"
    if case.op != "step" or key == "loss":
        return place
    layers = case.inputs["layers"]
    if key in ("outputs", "deltas"):
        k, n, j = index
        what = "output" if key == "outputs" else "gradient of the output"
        return f"{place}: {what} of layer {k} ({layers[k]['type']}), sample {n}, unit {j}"
    k, which, *of = parameter_places(layers)[index[0]]
    name = ("d" if key == "gradients" else "") + which + "".join(f"[{n}]" for n in of)
    return f"{place}: {name} of layer {k} ({layers[k]['type']})"


def histogram(distances):
    """Counter of ulps -> 120 exact, 14 off by 1 ulp, 3 by 2 to 9, 1 by 10 to 99, ..., and 1 by more"""
    ranges = Counter()
    for distance, number in distances.items():
        ranges[LARGEST if distance is None else min(len(str(distance)) if distance > 1 else distance - 1, LARGEST)] += number
    names = {-1: "exact", 0: "off by 1 ulp", LARGEST: f"by {10**(LARGEST - 1):,} or more"}
    return ", ".join(f"{ranges[r]:,} {names.get(r) or f'by {max(2, 10**(r - 1)):,} to {10**r - 1:,}'}" for r in sorted(ranges))
