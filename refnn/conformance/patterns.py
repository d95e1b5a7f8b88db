"""What all wrong numbers of an operation have in common: a fact that is said where no mistake is named.

A wrong number is one that is farther off than NEAR. Every fact holds for all wrong numbers of all wrong answers to the
operation, for a step for those of the tensor that goes wrong first.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from itertools import product
from math import inf, isfinite, sqrt
from typing import Any

from ..model import LOSSES
from ..network import digest
from ..samples import check_samples
from .compare import Divergence, Index, tensors
from .diagnosis import Answered, bits
from .operations.explaining import dig
from .operations.models import model_of
from .rounding import Double
from .trainings import fast
from .vectors import RUNGS, Case, load

NEAR = 8.0  # units of the last place: closer numbers are the same
SAME = 64.0  # units of the last place, by which factors and differences may vary
ENOUGH = 40.0  # bits of wrong numbers that are those of another answer
SINGLE = 2.0**-24  # what single precision rounds by, as a part of the number


class Numbers:
    """The numbers of a tensor of an answer. wrong: the positions of those that are wrong"""

    def __init__(self, item: Answered, key: str, places: Sequence[Index]) -> None:
        self.case, self.places = item.case, places
        self.unit = 2.0**-52 if item.precision is Double else 2.0**-23
        self.right = [dig(item.case.answer[key], place) for place in places]
        self.answered = [dig(item.answer[key], place) for place in places]
        self.wrong = [n for n, pair in enumerate(zip(self.right, self.answered)) if not self.near(*pair)]

    def near(self, right: Any, answered: Any) -> bool:
        if not isinstance(right, float) or not isfinite(right) or not isfinite(answered):
            return repr(right) == repr(answered)
        return bool(abs(answered - right) <= NEAR * self.unit * max(abs(right), abs(answered)))

    @cached_property
    def pairs(self) -> list[tuple[Any, Any]]:
        """The wrong numbers: (right, answered)."""
        return [(self.right[n], self.answered[n]) for n in self.wrong]


def common(wrong: Sequence[tuple[Answered, Divergence | None]]) -> str:
    """The fact about the wrong answers to an operation, "" if there is none."""
    found = []
    for item, first in wrong:
        of_item = [numbers for numbers in compared(item, first) if numbers.wrong]
        if not of_item:
            return ""
        found += of_item
    pairs = [pair for numbers in found for pair in numbers.pairs]
    if len(pairs) < 3 or len({repr(right) for right, _ in pairs}) < 2:
        return ""
    said = shifted(found)
    if not said and all(isinstance(right, float) for right, _ in pairs):
        said = permuted(found) or same(pairs)
        if not said and all(isfinite(right) and isfinite(answered) for right, answered in pairs):
            said = scaled(found) or displaced(found) or in_single(wrong, pairs)
    return said


def compared(item: Answered, first: Divergence | None) -> Iterator[Numbers]:
    """Of a step the tensor that goes wrong first, of a training the losses if all parameters are right."""
    if item.case.op == "train":
        if item.answer["digests"] == item.case.answer["digests"]:
            yield Numbers(item, "losses", [(n,) for n in range(len(item.case.answer["losses"]))])
        return
    for key, places in tensors(item.case):
        if key in item.answer and places and (
                item.case.op != "step" or first and key == first.key and first.index in places):
            yield Numbers(item, key, places)


def shifted(found: Sequence[Numbers]) -> str:
    """Each wrong number is the right one of the place before or after it."""
    for axis, by in product(range(max(len(place) for numbers in found for place in numbers.places)), (-1, 1)):
        moved: list[str] = []
        if all(is_shifted(numbers, axis, by, moved) for numbers in found) and len(set(moved)) > 1:
            border = ", apart from those at the border," if len(moved) < sum(len(one.wrong) for one in found) else ""
            last = all(axis == len(one.places[0]) - 1 for one in found)
            what = "place" if last else "row" if axis == 0 else f"index {axis}"
            if len(moved) > 2:
                return f"each wrong number{border} is the right one of the {what} {'before' if by < 0 else 'after'} it"
    return ""


def is_shifted(numbers: Numbers, axis: int, by: int, moved: list[str]) -> bool:
    """Whether the wrong numbers are those of the next places along an axis. moved: they are added to it"""
    right = dict(zip(numbers.places, numbers.right))
    inside = 0
    for n in numbers.wrong:
        place = numbers.places[n]
        at = (*place[:axis], place[axis] + by, *place[axis + 1:]) if axis < len(place) else None
        if at is None or at in right and not numbers.near(right[at], numbers.answered[n]):
            return False
        if at in right:
            inside += 1
            moved.append(repr(right[at]))
    return 2 * inside >= len(numbers.wrong)


def permuted(found: Sequence[Numbers]) -> str:
    """The numbers of each tensor are its right ones in another order."""
    for numbers in found:
        right, answered = (sorted(values, key=repr) if any(v != v for v in values) else sorted(values)
                           for values in zip(*numbers.pairs))
        if not all(map(numbers.near, right, answered)):
            return ""
    wrong = [repr(right) for numbers in found for right, _ in numbers.pairs]
    enough = len(set(wrong)) > 2 or len(wrong) >= 8
    return "the wrong numbers are the right ones in another order" if enough else ""


def same(pairs: Sequence[tuple[float, float]]) -> str:
    answered = {repr(value) for _, value in pairs}
    return f"each wrong number is {answered.pop()}" if len(answered) == 1 else ""


def scaled(found: Sequence[Numbers]) -> str:
    """Each wrong number is the right one times a factor, perhaps the number of samples of its case."""
    right, answered = max((pair for numbers in found for pair in numbers.pairs), key=lambda pair: abs(pair[0]))
    factor = answered / right if right else inf
    if not isfinite(factor) or abs(factor - 1.0) < 100.0 * SAME * found[0].unit:
        return ""
    if all(is_scaled(numbers, factor) for numbers in found):
        return f"each wrong number is {times(factor, found)} the right one"
    counts = [samples(numbers.case) for numbers in found]
    for said, power in ("", 1), ("1 / ", -1):
        if all(n and is_scaled(numbers, float(n) if power > 0 else 1.0 / n) for n, numbers in zip(counts, found)):
            return f"each wrong number is {said}n times the right one, where n is the number of samples"
    return ""


def is_scaled(numbers: Numbers, factor: float) -> bool:
    return all(right and abs(answered - factor * right) <= SAME * numbers.unit * abs(answered)
               for right, answered in numbers.pairs)


def times(factor: float, found: Sequence[Numbers]) -> str:
    """A factor in words."""
    unit = found[0].unit

    def is_near(value: float) -> bool:
        return abs(factor - value) <= SAME * unit * abs(value)

    for value, said in ((-1.0, "minus"), (2.0, "twice"), (0.5, "half")):
        if is_near(value):
            return said
    if all(is_near(float(samples(numbers.case) or 0)) and not is_square(numbers.case) for numbers in found):
        return f"{samples(found[0].case)} times, which is the number of samples,"
    sign = "-" if factor < 0.0 else ""
    for n in range(2, 1001):
        for value, said in ((float(n), f"{n}"), (1.0 / n, f"1 / {n}"), (sqrt(n), f"sqrt({n})"),
                            (1.0 / sqrt(n), f"1 / sqrt({n})")):
            if is_near(-value if sign else value):
                exact = "" if said == f"{n}" else f" ({sign}{said})"
                return f"{sign}{value:.17g}{exact} times"
    return f"{factor:.13g} times"


def samples(case: Case) -> int | None:
    """The number of samples of a case."""
    rows = case.inputs.get("y", case.inputs.get("x"))
    return len(rows) if isinstance(rows, list) else None


def is_square(case: Case) -> bool:
    """Whether a case has as many outputs as samples."""
    rows = case.inputs.get("o", case.inputs.get("y"))
    return isinstance(rows, list) and isinstance(rows[0], list) and len(rows[0]) == len(rows)


def displaced(found: Sequence[Numbers]) -> str:
    """Each wrong number differs from the right one by the same."""
    right, answered = min((pair for numbers in found for pair in numbers.pairs),
                          key=lambda pair: abs(pair[0]) + abs(pair[1]))
    by = answered - right
    for numbers in found:
        for right, answered in numbers.pairs:
            slack = SAME * numbers.unit * max(abs(right), abs(answered))
            if not abs(answered - right - by) <= slack or abs(by) < 1e4 * slack:
                return ""
    return f"each wrong number is the right one {'minus' if by < 0.0 else 'plus'} {abs(by):.12g}"


def in_single(wrong: Sequence[tuple[Answered, Any]], pairs: Sequence[tuple[float, float]]) -> str:
    """The wrong numbers of a program in double precision are those of single precision, or right up to it."""
    off = sorted(abs(answered - right) / abs(right) if right else 1.0 for right, answered in pairs)
    if any(item.precision is not Double for item, _ in wrong) or off[-1] > 8.0 * SINGLE:
        return ""
    if all(is_single(answered) for _, answered in pairs) and not all(is_single(right) for right, _ in pairs):
        return "each wrong number is one of single precision, next to the right one"
    if off[len(off) // 2] < SINGLE / 32.0:
        return ""
    return (f"each wrong number is off by less than {2.0 * off[-1]:.1g} of it; single precision rounds by up to "
            f"{SINGLE:.1g}")


def is_single(value: float) -> bool:
    return array("f", [value])[0] == value


def of_arguments(items: Sequence[Answered]) -> str:
    """Which arguments of a function of one number are wrong, by all answers to it: negative, large or tiny ones."""
    sides: dict[bool, list[float]] = {True: [], False: []}  # whether the value is wrong -> arguments with finite values
    for item in items:
        if list(item.case.inputs) != ["x"] or list(item.case.answer) != ["y"]:
            return ""
        numbers = Numbers(item, "y", [(n,) for n in range(len(item.case.answer["y"]))])
        for n, x in enumerate(item.case.inputs["x"]):
            if n in numbers.wrong or x and isfinite(numbers.right[n]):
                sides[n in numbers.wrong].append(x)
    wrong, right = sides[True], sides[False]
    if len(wrong) < 3 or len(right) < 3 or any(x != x for x in wrong):
        return ""
    smallest, largest = min(map(abs, wrong)), max(map(abs, wrong))
    if max(wrong) < 0.0 and sum(smallest <= x <= largest for x in right) >= 3:
        return "only negative x are wrong"
    if smallest > max(map(abs, right)):
        return f"of the x asked with finite values, those from |x| = {smallest!r} on are wrong, and no others"
    if largest < min(map(abs, right)):
        return f"of the x asked with finite values, those up to |x| = {largest!r} are wrong, and no others"
    return ""


def of_another(item: Answered, before: Sequence[Case]) -> str:
    """Which case an answer is right for. before: the cases of the rung that were asked before this one."""
    case, answer = item.case, item.answer
    if case.op == "train" and answer["digests"][0] != case.answer["digests"][0]:
        for name, first in first_digests(before):
            if first == answer["digests"][0]:
                return f"its first parameters are those of {name}"
        return ""
    given = repr(answer)
    weight = sum(min(20.0, bits(answered)) for key, places in tensors(case) if key in answer
                 for right, answered in Numbers(item, key, places).pairs)
    for other in reversed(before):
        if other.op == case.op and weight >= ENOUGH and repr({key: other.answer.get(key) for key in answer}) == given:
            return f"the answer is that to {other.id}, asked before"
    return ""


PIXELS: dict[str, Callable[[int], float]] = {  # wrong conversions of a byte
    "byte / 256": lambda v: v / 256.0, "bytes": float, "1 - byte / 255": lambda v: 1.0 - v / 255.0,
    "2 * byte / 255 - 1": lambda v: 2.0 * (v / 255.0) - 1.0, "byte / 128 - 1": lambda v: v / 128.0 - 1.0,
    "(byte / 255 - 0.1307) / 0.3081": lambda v: (v / 255.0 - 0.1307) / 0.3081,
    "byte / 255 - 0.5": lambda v: v / 255.0 - 0.5, "0 or 1, as byte > 127": lambda v: float(v > 127),
    "0 or 1, as byte > 0": lambda v: float(v > 0), "0": lambda v: 0.0}


def of_pixels(item: Answered) -> str:
    """The wrong conversion of pixels of which a training's first loss is."""
    inputs, unit = item.case.inputs, 2.0**-52 if item.precision is Double else 2.0**-23
    if item.case.op != "train" or "pixels" not in inputs or not Numbers(item, "losses", [(0,)]).wrong:
        return ""
    model = model_of(inputs["layers"], inputs["loss"], inputs.get("init", "normal"), inputs.get("input_shape"))
    network = fast()[0](model, int(inputs["seed"], 16))
    if "parameters" in inputs:
        network.set_parameters(array("d", inputs["parameters"]))
    values = bytes.fromhex("".join(inputs["pixels"]))
    for said, convert in PIXELS.items():
        table = [convert(v) for v in range(256)]
        samples = check_samples(model, array("d", (table[v] for v in values)), inputs["y"])
        loss, _ = network.evaluate(samples.inputs, samples.targets, LOSSES[inputs["loss"]].reduction)
        if abs(loss - item.answer["losses"][0]) <= 1e4 * unit * abs(loss):
            return f"the first loss is that of pixels as {said}: a pixel is byte / 255"
    return ""


def first_digests(before: Sequence[Case]) -> Iterator[tuple[str, str]]:
    """The digests of first parameters: of trainings of the rung, and of the questions for first parameters."""
    for case in reversed(before):
        if case.op == "train" and "parameters" not in case.inputs:
            yield case.id, case.answer["digests"][0]
    for name in RUNGS:
        for case in load(name, f"{name}/initial_parameters/*"):
            yield case.id, digest(array("d", case.answer["parameters"]))
