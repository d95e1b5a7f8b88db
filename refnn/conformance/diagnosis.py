"""The mistake behind a wrong answer: the mutants that return the same."""

from collections.abc import Callable
from typing import Any

from .compare import CLOSE, EXACT, WRONG, NoAnswer, compare
from .mutants import MUTANTS, Mutant
from .operations import OPERATIONS
from .operations.models import model_of
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


def diagnose(case: Case, answer: dict[str, Any], spent: Callable[[], bool] = lambda: False) -> list[Mutant] | None:
    """The mutants that explain an answer: first those that return its bits, then those that come close.

    spent: whether the time is up; then the answer is None
    """
    if work(case) > WORK.get(case.op, 0):
        return []
    verdict = compare(case, answer).verdict
    found: dict[str, list[Mutant]] = {EXACT: [], CLOSE: []}
    for mutant in MUTANTS:
        if spent():
            return None
        for variant in mutant.variants:
            if callable(variant):
                likeness = EXACT if variant(case, answer) else WRONG
            else:
                likeness = likeness_to(case, answer_of(case, variant), answer, verdict)
            if likeness in found:
                found[likeness].append(mutant)
                break
    return found[EXACT] + found[CLOSE]


def likeness_to(case: Case, mutated: dict[str, Any] | None, answer: dict[str, Any], verdict: str) -> str:
    """How well a mutant's answer explains an answer: EXACT, CLOSE (only a wrong answer), or WRONG for not at all."""
    if mutated is None:
        return WRONG
    try:
        distance = compare(case, {key: values for key, values in mutated.items() if key in answer}).verdict
        likeness = compare(case._replace(answer=mutated), answer).verdict
    except NoAnswer:
        return WRONG
    if distance == EXACT or likeness == CLOSE and not verdict == distance == WRONG:
        return WRONG
    return likeness


def work(case: Case) -> int:
    """The number of multiply-adds that a case takes the reference, roughly."""
    if case.op not in ("step", "train"):
        return 0
    terms = sum(model_of(case.inputs["layers"], input_shape=case.inputs.get("input_shape")).terms)
    samples, epochs = len(case.inputs["y"]), int(case.inputs.get("epochs", 0))
    return 3 * terms * samples * (epochs + 1)
