"""The mistake behind wrong answers: a mutant, or a variant of the reference, that answers the same."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from functools import cached_property, partial
from itertools import groupby
from math import frexp, isfinite, log2
from types import CodeType, FunctionType
from typing import Any, Union

from ..implementations import python
from ..reference import training
from .compare import EXACT, FAILED, ROUNDING, WRONG, NoAnswer, compare, fitted
from .mutants import Mutant
from .operations import OPERATIONS
from .operations.models import model_of
from .rounding import LIMIT, OPERATIONS as ROUNDED, Double, Number, Tensor, expected, judge
from .rounding.numbers import flat
from .screening import refuted_by
from .spoil import PLACES, spoiled
from .spoil import Variant as SpoiledBy
from .training_mutants import MUTANTS
from .variants import BOOK, Variant, called, calls, helped, variants
from .vectors import Case

WORK = {"step": 3_000_000, "train": 100_000}  # multiply-adds: larger cases are not computed with each mutant
FEW = 8  # failing cases whose functions are changed
ENOUGH = {Mutant: 0.25, Variant: 20.0}  # bits of wrong numbers that a mistake must explain: variants are many
LAST_BITS = {Mutant: 3.0, Variant: 6.0}  # the same for answers that are rounding, of which each number counts one
SHOWN = 3  # mistakes that explain the same answers
NEAR = 1e-3  # of a tensor's largest number: a mistake's answers farther off are not looked at closely

OUTSIDE: dict[str, Any] = {}  # the answer of a mistake that reads outside a list, which is NaN in JavaScript

Mistake = Union[Mutant, Variant]
Applied = AbstractContextManager[None]


class Answered:
    """A case and the answer to it.

    verdict: on it, FAILED if it has another form than the right one; precision: of the program
    steps_right: of a training, whether each step by itself is right
    first: the operation that computes the first wrong number
    losses: of a training, those that are certain enough to be compared, as they should be
    """

    def __init__(self, case: Case, answer: dict[str, Any], verdict: str, precision: type[Number] = Double,
                 steps_right: bool = False, first: str = "", losses: list[Tensor] | None = None) -> None:
        self.case, self.answer, self.verdict, self.precision = case, answer, verdict, precision
        self.steps_right, self.first, self.losses = steps_right, first, losses
        self.kept = pickle.dumps(case.inputs)
        self.inputs: dict[str, Any] = pickle.loads(self.kept)
        self.kept = pickle.dumps(self.inputs)
        self.slack = {key: NEAR * max((abs(v) for v in flat(values) if isinstance(v, float) and isfinite(v)),
                                      default=0.0) for key, values in answer.items()}

    @cached_property
    def right(self) -> list[Tensor] | None:
        """The tensors of the case, all from its inputs; None for an operation that rounds nothing."""
        if self.case.op == "train":
            return self.losses
        return expected(self.case, None, self.precision) if self.case.op in ROUNDED or self.case.op == "step" else None

    @cached_property
    def first_epoch(self) -> Answered | None:
        """Of a training of several epochs, what the answer has of the first: it refutes most mistakes."""
        inputs = self.case.inputs
        if self.case.op != "train" or self.verdict == FAILED or inputs["epochs"] < 2:
            return None
        case = self.case._replace(inputs={**inputs, "epochs": 1}, answer={
            key: values[:2] for key, values in self.case.answer.items()})
        losses = self.losses and [Tensor(tensor.key, tensor.places[:2], tensor.numbers[:2]) for tensor in self.losses]
        answer = {key: values[:2] for key, values in self.answer.items()}
        return Answered(case, answer, self.verdict, self.precision, self.steps_right, self.first, losses)

    def refutes(self, mistake: Callable[[], Applied]) -> bool:
        """Whether the first epoch of a training shows already that a mistake is another one."""
        if not self.first_epoch:
            return False
        made = self.first_epoch.by(mistake())
        return made is not OUTSIDE and self.first_epoch.likeness(made) == WRONG

    def right_losses(self) -> bool:
        """Whether the losses of the samples are right, of which the loss of the batch is computed."""
        if self.verdict == FAILED:
            return False
        return judge([tensor for tensor in self.right or () if tensor.key == "losses"], self.answer).first is None

    def batch_loss_alone(self) -> Answered:
        """The answer without the losses of the samples: a library computes them by another call."""
        return Answered(self.case, {"loss": self.answer["loss"]}, self.verdict, self.precision, first=self.first)

    def by(self, mistake: Applied) -> dict[str, Any] | None:
        """The answer of the reference with a mistake; None if it fails."""
        try:
            with mistake:
                made = OPERATIONS[self.case.op].answer(**self.inputs)
            return made if isinstance(made, dict) else None
        except IndexError:
            return OUTSIDE
        except Exception:  # a changed function can raise anything
            return None
        finally:
            if pickle.dumps(self.inputs) != self.kept:  # a changed function has written into them, perhaps 1.0 for 1
                self.inputs = pickle.loads(self.kept)

    def likeness(self, made: dict[str, Any] | None) -> str:
        """How well a mistake's answer explains this one: EXACT, ROUNDING, or WRONG for not at all."""
        if made is None:
            return WRONG
        if made is OUTSIDE:
            return ROUNDING if self.verdict == WRONG and any(v != v for v in flat([*self.answer.values()])) else WRONG
        if self.verdict == FAILED:
            return self.likeness_in_form(made)
        if self.verdict != WRONG and repr(made) == repr(self.case.answer):
            return self.verdict
        if any(far(self.answer[key], made.get(key), self.slack[key]) for key in self.answer if key != "digests"):
            return WRONG
        try:
            made = fitted({key: self.case.answer[key] for key in self.answer},
                          {key: made[key] for key in self.answer}, "the mistake")
            if repr(made) == repr(self.answer):
                return EXACT
            whole = len(made) == len(self.case.answer)  # else it is to a step of a training: parameters alone
            if whole and compare(self.case._replace(answer=made), self.answer).verdict == EXACT:
                return EXACT
        except NoAnswer:
            return WRONG
        moved = self.moved(made)
        return ROUNDING if moved and judge(moved, self.answer).first is None else WRONG

    def likeness_in_form(self, made: dict[str, Any]) -> str:
        """The same for an answer of another form than the right one, which the mistake's answer must have, too."""
        try:
            pairs = {key: list(zip(flat(values), flat(fitted(values, self.answer[key], key))))
                     for key, values in made.items()}
        except (NoAnswer, KeyError):
            return WRONG
        if all(repr(v) == repr(given) for of_key in pairs.values() for v, given in of_key):
            return EXACT
        largest = {tensor.key: tensor.largest for tensor in self.right or ()}
        for key, of_key in pairs.items():
            size, deviation = largest.get(key, (0.0, 0.0))
            limit = LIMIT * deviation * max([1.0, *(abs(v) / size for v, _ in of_key if size)])
            if not all(repr(v) == repr(given) or abs(v - given) <= limit for v, given in of_key):
                return WRONG
        return ROUNDING

    def moved(self, made: dict[str, Any]) -> list[Tensor] | None:
        """The tensors of a mistake's answer."""
        if self.right is None:
            return None
        moved = [tensor.moved_to(made) for tensor in self.right if tensor.key in self.answer]
        return None if None in moved else moved

    def evidence(self, made: dict[str, Any], exact: bool) -> float:
        """The bits of the numbers that the mistake explains and the right answer does not."""
        if self.verdict == FAILED:
            return sum(map(bits, flat([*self.answer.values()])))
        if exact or self.right is None:
            return sum(1.0 if self.verdict == ROUNDING else bits(v) for key, values in self.answer.items()
                       for v, right in zip(flat(values), flat(self.case.answer[key])) if repr(v) != repr(right))
        total = 0.0
        for tensor in self.moved(made) or ():
            for place, number in zip(tensor.places, tensor.numbers):
                right = self.case.answer[tensor.key]
                for n in place:
                    right = right[n]
                if not isfinite(number.value) and repr(number.value) != repr(right):
                    total += bits(number.value)
                moved = abs(number.value - right)
                if isfinite(moved) and moved > 16.0 * number.deviation:
                    total += min(20.0, log2(moved / number.deviation) - 3.0 if number.deviation else 20.0)
        return total


def far(answered: Any, made: Any, slack: float) -> bool:
    """Whether two answers are of different forms, or far from each other."""
    if isinstance(answered, list):
        return not isinstance(made, (list, tuple)) or len(made) != len(answered) or any(
            far(*pair, slack) for pair in zip(answered, made))
    if isinstance(answered, float):
        return not isinstance(made, (int, float)) or abs(answered - made) > slack and isfinite(answered)
    return bool(answered != made)


def bits(value: Any) -> float:
    """The significant bits of a number; of a text or an integer, about so. A 0, an infinity and NaN have next to none:
    many mistakes end in them.
    """
    if isinstance(value, str):
        return 4.0 * len(value)
    if isinstance(value, int):
        return 2.0
    if not isinstance(value, float) or not isfinite(value) or value == 0.0:
        return 0.25
    mantissa = int(abs(frexp(value)[0]) * 2.0**53)
    return min(20.0, 54.0 - (mantissa & -mantissa).bit_length())


def diagnose(answered: Sequence[Answered], spent: Callable[[], bool] = lambda: False,
             found_before: Sequence[Mistake] = ()) -> list[Mistake] | None:
    """The mistakes that explain all answers to an operation that are not right, and contradict no other, the likeliest
    first: those that return the same bits, then those that the answers are rounded from.

    spent: whether the time is up; then None if nothing was found
    found_before: the mistakes of other operations, which may be behind these answers, too
    """
    usable = sorted((item for item in answered if work(item.case) <= WORK.get(item.case.op, 0)), key=size)
    if all(item.case.op == "loss" and item.right_losses() for item in usable):
        usable = [item.batch_loss_alone() for item in usable]
    failing = [item for verdict in (WRONG, FAILED, ROUNDING) for item in usable if item.verdict == verdict]
    if not any(item.verdict in (WRONG, FAILED) or item.precision is Double for item in failing):
        return []
    passing = [item for item in usable if item.verdict == EXACT]
    found = Found(failing[0].precision)
    with helped():
        for mistake, applied in candidates(failing, found_before, lambda: bool(found.best)):
            if spent():
                return found.mistakes or None
            if found.full(mistake):
                break
            if not found.has(mistake):
                enough = (LAST_BITS if failing[0].verdict == ROUNDING else ENOUGH)[type(mistake)]
                found.of[explained(applied, failing, passing, enough)].append(mistake)
    return found.mistakes


class Found:
    """The mistakes found so far. of: how well they explain the answers -> the mistakes"""

    def __init__(self, precision: type[Number]) -> None:
        self.precision = precision
        self.of: dict[str, list[Mistake]] = {EXACT: [], ROUNDING: [], WRONG: []}

    @property
    def mistakes(self) -> list[Mistake]:
        """The plainest change of each line, and only a few."""
        plainest: dict[object, Mistake] = {}
        for mistake in sorted(self.of[EXACT] or self.of[ROUNDING], key=lambda mistake: (
                badness(mistake), MUTANTS.index(mistake) if isinstance(mistake, Mutant) else 0)):
            plainest.setdefault(mistake.replaced if isinstance(mistake, Variant) else mistake, mistake)
        return list(plainest.values())[:SHOWN]

    def full(self, following: Mistake) -> bool:
        """Whether there is nothing left to look for: mistakes are found that are better than those that follow."""
        return bool(self.best) and badness(self.best[0])[0] < badness(following)[0]

    @property
    def best(self) -> list[Mistake]:
        """The mistakes than which none explains the answers better."""
        return self.of[EXACT] or (self.of[ROUNDING] if self.precision is not Double else [])

    def has(self, mistake: Mistake) -> bool:
        return isinstance(mistake, Mutant) and mistake in self.of[EXACT] + self.of[ROUNDING]


def badness(mistake: Mistake) -> tuple[int, bool]:
    """Of two mistakes that explain the same, the one with the smaller badness is named first."""
    return (-1, False) if isinstance(mistake, Mutant) else (mistake.change.rank, not mistake.of_book)


def candidates(failing: Sequence[Answered], found_before: Sequence[Mistake],
               enough: Callable[[], bool] = lambda: False) -> Iterator[tuple[Mistake, Callable[[], Applied]]]:
    """Mistakes, and how each is applied. Of the reference's functions, those that compute the first wrong numbers are
    changed first, then those of the same chapter. enough: whether the others need not be changed
    """

    def run(item: Answered) -> None:
        OPERATIONS[item.case.op].answer(**item.inputs)

    used = calls(lambda: run(failing[0]))
    refuted = screen(failing[0])
    for mutant in reversed(MUTANTS) if failing[0].case.op == "train" else MUTANTS:  # the last ones are of trainings
        for variant in mutant.variants:
            if any(function.__code__ in used for function in variant) and not refuted(variant):
                yield mutant, lambda variant=variant: spoiled(variant)  # type: ignore[misc]
    for change in found_before:
        if isinstance(change, Variant):
            yield change, change.applied

    worst = [item for item in failing if item.verdict != ROUNDING] or failing
    functions = called([partial(run, item) for item in worst[:FEW]], irrelevant(failing))
    likely = {item.first for item in worst}
    chapters = {OPERATIONS[op].answer.__module__.split(".")[-1] for op in likely if op}

    def distance(function: FunctionType) -> int:
        return 0 if function.__name__ in likely else 1 if function.__module__.split(".")[-1] in chapters else 2

    for _, some in groupby(sorted(functions, key=distance), distance):
        if enough():
            return
        for change in variants(list(some)):
            yield change, change.applied


def screen(item: Answered) -> Callable[[SpoiledBy], bool]:
    """Whether a mutant's variant would have changed what is right in a training; False for other operations."""
    if item.case.op != "train":
        return lambda variant: False
    right, answered = (digests[:2] for digests in (item.case.answer["digests"], item.answer.get("digests", [])))
    exact = answered == right
    return refuted_by(item.inputs, answered[:1] == right[:1], exact or item.steps_right, exact)


def uses(whole: Answered, part: Answered) -> bool:
    """Whether an operation calls every function of the book that another one calls."""
    book = {function.__code__ for function in PLACES
            if isinstance(function, FunctionType) and function.__module__.startswith(BOOK)}

    def functions(item: Answered) -> set[CodeType]:
        return book.intersection(calls(lambda: OPERATIONS[item.case.op].answer(**item.inputs)))
    return whole.case.op != part.case.op and functions(part) <= functions(whole)


def explains(mistake: Mistake, failing: Sequence[Answered], exactly: bool = False) -> bool:
    """Whether a mistake explains these answers. exactly: to the bit"""
    accepted = (EXACT,) if exactly else (EXACT, ROUNDING)
    made = [partial(spoiled, variant) for variant in mistake.variants] if isinstance(
        mistake, Mutant) else [mistake.applied]
    with helped():
        return any(all(item.likeness(item.by(applied())) in accepted for item in failing) for applied in made)


def irrelevant(failing: Sequence[Answered]) -> list[Callable[..., object]]:
    """Functions of the reference that cannot be at fault, since what they compute is right or not used."""
    found: list[Callable[..., object]] = []
    trainings = [item for item in failing if item.case.op == "train"]
    if all(item.case.inputs.get("parameters") for item in failing):
        found.append(python.build)
    if trainings != failing:
        return found
    if all(item.steps_right for item in failing):
        found.append(training.step)
    for key, at, function in (("digests", 1, python.build), ("digests", None, python.PythonImplementation.train),
                              ("losses", 1, python.PythonImplementation.evaluate)):
        if all(item.answer[key][:at] == item.case.answer[key][:at] for item in failing):
            found.append(function)
    return found


def explained(mistake: Callable[[], Applied], failing: Sequence[Answered], passing: Sequence[Answered],
              enough: float) -> str:
    """How well a mistake explains all answers: EXACT, ROUNDING or WRONG. enough: bits of evidence"""
    likeness, exact_only = EXACT, failing[0].verdict == ROUNDING
    made = []
    if any(item.refutes(mistake) for item in failing):
        return WRONG
    for item in failing:
        made.append(item.by(mistake()))
        likeness = max(likeness, item.likeness(made[-1]), key=(EXACT, ROUNDING, WRONG).index)
        if likeness == WRONG or exact_only and likeness != EXACT:
            return WRONG
    evidence = sum(item.evidence(answer, likeness == EXACT) for item, answer in zip(failing, made) if answer)
    if evidence < enough:
        return WRONG
    for item in passing:
        likeness = max(likeness, item.likeness(item.by(mistake())), key=(EXACT, ROUNDING, WRONG).index)
        if likeness == WRONG or exact_only and likeness != EXACT:
            return WRONG
    return likeness


def size(item: Answered) -> int:
    return len(repr(item.case.inputs))


def work(case: Case) -> int:
    """The number of multiply-adds that a case takes the reference, roughly."""
    if case.op not in ("step", "train"):
        return 0
    terms = sum(model_of(case.inputs["layers"], input_shape=case.inputs.get("input_shape")).terms)
    samples, epochs = len(case.inputs["y"]), int(case.inputs.get("epochs", 0))
    return 3 * terms * samples * (epochs + 1)
