"""Every known mistake is recognised from its results, and no correct answer is called a mistake."""

import os
from copy import deepcopy
from functools import cache

import pytest
from refnn.conformance import vectors
from refnn.conformance.compare import EXACT, WRONG, NoAnswer
from refnn.conformance.effort import Effort
from refnn.conformance.training_mutants import MUTANTS
from refnn.conformance.operations import OPERATIONS
from refnn.conformance.operations.training import OPERATIONS as OPERATIONS_OF_TRAINING
from refnn.conformance.operations.training import step, train
from refnn.conformance.run import run
from refnn.conformance.spoil import spoiled
from refnn.conformance.subjects import Subject, named
from refnn.conformance.variants import calls
from refnn.implementations import python
from refnn.rates import learning_rates
from refnn.reference import activations, linear, prng, training

pytestmark = pytest.mark.slow

FIRST = 1  # variants of a mutant that are tried each time
RUNGS = [rung for rung in vectors.RUNGS if rung not in ("sin-cos", "digits", "mnist", "mnist-cnn")]


@cache
def cases(rung):
    return [case for case in vectors.load(rung) if not case.id.endswith(("1500-steps", "1000-epochs", "2000-steps"))]


@cache
def code_of(rung, name):
    """What a case of a rung calls; of a training, what its first epoch calls."""
    case = next(case for case in cases(rung) if case.id == name)
    inputs = dict(deepcopy(case.inputs), **({"epochs": 1} if case.op == "train" else {}))
    return frozenset(calls(lambda: OPERATIONS[case.op].answer(**inputs)))


class Spoiled(Subject):
    """The reference with one variant of a mutant. It computes only what the variant can change."""

    def __init__(self, variant):
        self.variant = variant
        self.code = {function.__code__ for function in variant}

    def ask(self, case):
        rung = case.id.split("/")[0]
        if rung in RUNGS and case in cases(rung) and self.code.isdisjoint(code_of(rung, case.id)):
            return case.answer
        with spoiled(self.variant):
            try:
                return OPERATIONS[case.op].answer(**case.inputs)
            except IndexError as error:
                raise NoAnswer(str(error)) from None


def first_failure(subject):
    """The first rung that is not exact, or None. Of images, steps and trainings are asked last."""
    for rung in RUNGS:
        for large in (False, True):
            some = [case for case in cases(rung) if rung != "images" or (case.op in ("step", "train")) == large]
            result = run(rung, some, subject, Effort(30.0))
            if result.verdict != EXACT:
                return result
            if rung != "images":
                break
    return None


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_mistake_is_named(mutant):
    """In its first variant; with REFNN_TEST_VARIANTS=all, in every one."""
    seen = 0
    chosen = mutant.variants if os.environ.get("REFNN_TEST_VARIANTS") == "all" else mutant.variants[:FIRST]
    for variant in chosen:
        result = first_failure(Spoiled(variant))
        if result and (mutant.name != "single-answer" or result.verdict == WRONG):  # or all is in single precision
            found = [(failure.case.id, failure.mistake and failure.mistake.name) for failure in result.failures]
            assert mutant in (result.worst.diagnosis or ()), f"{result.name}: {found}"
            seen += 1
    # a platform's library can have the bits of the spec in some functions; every other mistake shows in each variant
    assert seen == len(chosen) or mutant.name in ("platform", "single-answer")


def test_a_function_that_the_book_does_not_use_cannot_be_replaced():
    def sum_of(numbers):
        return 0.0

    with pytest.raises(LookupError, match=r"test_mutants\..*sum_of is not a function that the book uses"):
        with spoiled({linear.linear_update: sum_of, sum_of: linear.linear_update}):
            pass
    assert linear.linear_update is not sum_of


@pytest.mark.parametrize("function, places", [
    # a table
    (activations.sigmoid_forward, lambda: [activations.sigmoid_forward, activations.ACTIVATIONS["sigmoid"][0]]),
    (linear.linear_update, lambda: [linear.linear_update, training.linear_update]),  # another module of the book
    (prng.SplitMix64.below, lambda: [prng.SplitMix64.below]),  # a class
    (python.PythonImplementation.train, lambda: [python.PythonImplementation.train]),  # the Python implementation
    (step, lambda: [OPERATIONS["step"].answer, OPERATIONS_OF_TRAINING["step"].answer]),  # a named tuple in two tables
    (learning_rates, lambda: [train.__globals__["learning_rates"]])])  # a function that an operation imports
def test_a_function_is_replaced_wherever_it_is(function, places):
    def wrong():
        raise AssertionError

    with spoiled({function: wrong}):
        assert [place is wrong for place in places()] == [True] * len(places())
    assert [place is function for place in places()] == [True] * len(places())


def test_the_reference_is_restored_after_a_mutant():
    before = {op: operation.answer for op, operation in OPERATIONS.items()}
    for mutant in MUTANTS:
        for variant in mutant.variants:
            with pytest.raises(KeyError):
                with spoiled(variant):
                    raise KeyError
    assert {op: operation.answer for op, operation in OPERATIONS.items()} == before
    assert run("", cases("step") + cases("alice-bob"), named("python")).verdict == EXACT
