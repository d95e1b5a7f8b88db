"""The mistake behind a wrong answer: the mutants that return the same."""

from collections.abc import Callable
from typing import Any

from .compare import EXACT, ROUNDING, WRONG, NoAnswer, compare, fitted
from .mutants import MUTANTS, Mutant
from .operations import OPERATIONS
from .operations.models import model_of
from .rounding import OPERATIONS as ROUNDED, Double, Number, Tensor, expected, judge
from .spoil import Variant, spoiled
from .vectors import Case

WORK = {"step": 3_000_000, "train": 100_000}  # multiply-adds: larger cases are not computed with each mutant


def answer_of(case: Case, variant: Variant) -> dict[str, Any] | None:
    """The answer of the book with a variant's functions; None if it fails."""
    try:
        with spoiled(variant):
            return OPERATIONS[case.op].answer(**case.inputs)
    except (ArithmeticError, ValueError, IndexError, TypeError):
        return None


def diagnose(case: Case, answer: dict[str, Any], spent: Callable[[], bool] = lambda: False,
             precision: type[Number] = Double) -> list[Mutant] | None:
    """The mutants that explain an answer: first those that return its bits, then those it is rounded from.

    spent: whether the time is up; then the answer is None
    """
    if work(case) > WORK.get(case.op, 0):
        return []
    right = whole(case, precision) if compare(case, answer, precision).verdict == WRONG else None
    found: dict[str, list[Mutant]] = {EXACT: [], ROUNDING: []}
    for mutant in MUTANTS:
        if spent():
            return None
        for variant in mutant.variants:
            likeness = likeness_to(case, answer_of(case, variant), answer, right)
            if likeness in found:
                found[likeness].append(mutant)
                break
    return found[EXACT] + found[ROUNDING]


def whole(case: Case, precision: type[Number]) -> list[Tensor] | None:
    """The tensors of a case, all from its inputs, and none from an answer; None for an operation that rounds
    nothing.
    """
    return expected(case, None, precision) if case.op in ROUNDED else None


def likeness_to(case: Case, mutated: dict[str, Any] | None, answer: dict[str, Any], right: list[Tensor] | None) -> str:
    """How well a mutant's answer explains an answer: EXACT, ROUNDING (only a wrong answer), or WRONG for not at all.

    right: the tensors of the case; the errors of the mutant's numbers are as large, in relation to the numbers
    """
    if mutated is None:
        return WRONG
    try:
        if compare(case, {key: values for key, values in mutated.items() if key in answer}).verdict == EXACT:
            return WRONG
        if compare(case._replace(answer=mutated), answer).verdict == EXACT:
            return EXACT
        mutated = fitted(case.answer, mutated, "the mutant")
    except NoAnswer:
        return WRONG
    if right is None:
        return WRONG
    tensors = [tensor.moved_to(mutated) for tensor in right if tensor.key in answer]
    if any(tensor is None for tensor in tensors):
        return WRONG
    moved = [tensor for tensor in tensors if tensor is not None]
    return ROUNDING if judge(moved, answer).first is None and judge(moved, case.answer).first is not None else WRONG


def work(case: Case) -> int:
    """The number of multiply-adds that a case takes the reference, roughly."""
    if case.op not in ("step", "train"):
        return 0
    terms = sum(model_of(case.inputs["layers"], input_shape=case.inputs.get("input_shape")).terms)
    samples, epochs = len(case.inputs["y"]), int(case.inputs.get("epochs", 0))
    return 3 * terms * samples * (epochs + 1)
