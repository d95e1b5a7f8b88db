"""The mistake behind a wrong answer: which mutant gives the same."""

from contextlib import contextmanager

from ..implementations import python
from ..reference import activations, batchnorm, conv, elementary, init, linear, losses, pool, prng, training
from . import operations
from .compare import CLOSE, EXACT, WRONG, NoAnswer, compare
from .mutants import MUTANTS
from .operations import OPERATIONS

WORK = {"step": 3_000_000, "train": 100_000}  # multiply-adds of a case: larger ones are not computed as each mutant would


@contextmanager
def spoiled(variant):
    """While it lasts, the reference computes with a variant's functions."""
    modules = (activations, batchnorm, conv, elementary, init, linear, losses, pool, prng, training, python, operations)
    tables = [table for module in modules for table in [vars(module), *(v for v in vars(module).values() if type(v) is dict)]]
    classes = [python.PythonImplementation, activations.Activation, prng.SplitMix64]
    undo = []
    try:
        for right, wrong in variant.items():
            for table in tables:
                for name, value in list(table.items()):
                    if value is right:
                        undo.append((table.__setitem__, name, value))
                        table[name] = wrong
                    elif isinstance(value, operations.Operation) and value.answer is right:
                        undo.append((table.__setitem__, name, value))
                        table[name] = value._replace(answer=wrong)
                    elif type(value) is tuple and right in value:
                        undo.append((table.__setitem__, name, value))
                        table[name] = tuple(wrong if item is right else item for item in value)
            for owner in classes:
                for name, value in list(vars(owner).items()):
                    if value is right or isinstance(value, staticmethod) and value.__func__ is right:
                        undo.append((lambda name, value, owner=owner: setattr(owner, name, value), name, value))
                        setattr(owner, name, staticmethod(wrong) if isinstance(value, staticmethod) else wrong)
        yield
    finally:
        for put, name, value in reversed(undo):
            put(name, value)


def answer_of(case, variant):
    """What a variant answers; None where it cannot."""
    try:
        with spoiled(variant):
            return OPERATIONS[case.op].answer(**case.inputs)
    except (ArithmeticError, ValueError, IndexError, TypeError):
        return None


def diagnose(case, answer):
    """-> the mutants whose answer this is: first those that give it to the bit, then those that come close."""
    if work(case) > WORK.get(case.op, 0):
        return []
    verdict = compare(case, answer).verdict
    found = {EXACT: [], CLOSE: []}
    for mutant in MUTANTS:
        for variant in mutant.variants:
            if callable(variant):
                likeness = EXACT if variant(case, answer) else WRONG
            else:
                likeness = likeness_to(case, answer_of(case, variant), answer, verdict)
            if likeness in found:
                found[likeness].append(mutant)
                break
    return found[EXACT] + found[CLOSE]


def likeness_to(case, mutated, answer, verdict):
    """How well an answer is explained by a mutant's: EXACT, CLOSE (of answers that are wrong), or WRONG for not at all."""
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


def work(case):
    """Roughly how many multiply-adds the case takes the reference."""
    if case.op not in ("step", "train"):
        return 0
    terms = sum(operations.model_of(case.inputs["layers"], input_shape=case.inputs.get("input_shape")).terms)
    return 3 * terms * len(case.inputs["y"]) * (case.inputs.get("epochs", 0) + 1)
