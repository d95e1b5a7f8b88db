"""Answers of another form than the right one get a verdict, whatever they are, and the check goes on."""

import pytest
from refnn.conformance import vectors
from refnn.conformance.compare import FAILED, is_of_kind
from refnn.conformance.effort import Effort
from refnn.conformance.operations import OPERATIONS
from refnn.conformance.run import run
from refnn.conformance.subjects import Functions

OTHERS = (None, 0, "q", [], ["q"], [None], [[["q"]]], {"a": 1}, True, [0.5] * 9)


def spoilt(answer, key):
    """The answer with one tensor left out, of another kind, or with one wrong number in it."""
    yield {other: value for other, value in answer.items() if other != key}
    for value in OTHERS:
        yield {**answer, key: value}
    if isinstance(answer[key], list):
        yield {**answer, key: answer[key][:-1]}
        yield {**answer, key: [answer[key]]}
        for wrong in ("q", None, True):
            yield {**answer, key: [wrong, *answer[key][1:]]}


def smallest(op):
    """The smallest case of an operation, and the smallest with numbers that are not finite."""
    cases = sorted((case for rung in vectors.RUNGS if rung not in ("mnist", "mnist-cnn", "digits", "sin-cos")
                    for case in vectors.load(rung) if case.op == op), key=lambda case: len(repr(case.inputs)))
    return [cases[0], *[case for case in cases if "not-finite" in case.id][:1]]


@pytest.mark.slow
@pytest.mark.parametrize("op", OPERATIONS)
def test_every_answer_gets_a_verdict(op):
    for case in smallest(op):
        for key in case.answer:
            for answer in spoilt(case.answer, key):
                subject = Functions({op: lambda answer=answer, **inputs: answer}, "")
                result = run(case.id.split("/")[0], [case], subject, Effort(0.02))
                assert result.counts.total() == 1


def test_kinds_of_answers():
    right = {"losses": [1.0, 2.0], "digests": ["00", "11"]}
    assert is_of_kind(right, {"losses": [1.0, [2]], "digests": []})
    for key, value in (("losses", 1.0), ("losses", ["1.0"]), ("losses", [None]), ("losses", [True]), ("digests", "00"),
                       ("digests", [1.0])):
        assert not is_of_kind(right, {**right, key: value})
    assert not is_of_kind(right, {"losses": [1.0, 2.0]}) and not is_of_kind(right, [1.0])
    assert is_of_kind({"outputs": [1.0], "loss": 1.0}, {"loss": 2})  # outputs may be left out


def test_a_training_without_digests_is_told_what_to_answer():
    case, = vectors.load("truth-table", "truth-table/train/5-steps")
    subject = Functions({"train": lambda **inputs: {"losses": [2.0 * v for v in case.answer["losses"]]}}, "")
    failure, = run("truth-table", [case], subject, Effort(0.02)).failures
    assert failure.verdict == FAILED and "no 'digests'; one that rounds may answer any strings" in failure.reason
