"""A program that keeps something between questions: a second answer shows it."""

import sys

import pytest
from refnn.check import main
from refnn.conformance import vectors
from refnn.conformance.again import SHARE, Again
from refnn.conformance.compare import EXACT, FAILED, ROUNDING, WRONG, NoAnswer
from refnn.conformance.effort import Effort
from refnn.conformance.operations import OPERATIONS
from refnn.conformance.run import run
from refnn.conformance.subjects import Functions

CORE = {op: operation.answer for op, operation in OPERATIONS.items()}


class Counting(Functions):
    """Functions, and the cases that they were asked. seconds: that an answer takes"""

    def __init__(self, seconds=0.0, **functions):
        super().__init__({**CORE, **functions}, "")
        self.asked, self.seconds = [], seconds

    def ask(self, case):
        self.asked.append(case.id)
        return super().ask(case)


def asked_again(rung, subject, pattern="*", taken=1e9):
    """The result of a rung after the questions were repeated. taken: seconds that the check has taken until then"""
    times = iter([0.0])
    again = Again(lambda: next(times, taken))
    result = run(rung, vectors.load(rung, pattern), subject, Effort(0.0))
    subject.first = len(subject.asked)
    again.ask(result, subject)
    return result


def worn(op, kept, change):
    """An operation whose answers change when it has given some. change: what is made of an answer"""
    given = []

    def answer(**inputs):
        given.append(1)
        made = CORE[op](**inputs)
        return change(made) if len(given) > kept else made
    return {op: answer}


def test_each_operation_of_a_rung_is_asked_once_more():
    subject = Counting()
    result = asked_again("product", subject)
    assert subject.asked[subject.first:] == ["product/dot/one", next(
        case.id for case in vectors.load("product") if case.op == "matmul")]
    assert result.verdict == EXACT and result.counts[EXACT] == subject.first == len(result.right)


def test_an_operation_that_keeps_something_is_wrong():
    count = sum(case.op == "dot" for case in vectors.load("product"))
    result = asked_again("product", Counting(**worn("dot", count, lambda made: {"z": made["z"] + 1.0})))
    failure, = result.failures
    assert (failure.case.id, failure.verdict, result.counts[WRONG]) == ("product/dot/one", WRONG, 1)
    assert "right at first" in failure.reason and "keeps something between questions" in failure.reason
    assert result.counts.total() == len(vectors.load("product")) and failure.case not in result.right


def test_a_training_that_keeps_something_is_wrong():
    result = asked_again("truth-table", Counting(**worn("train", 1, lambda made: {**made, "losses": [
        1.001 * loss for loss in made["losses"]]})), "truth-table/train/5-steps")
    assert [failure.verdict for failure in result.failures] == [WRONG]


def test_answers_that_are_rounded_otherwise_each_time_are_right():
    """As those of threads that add in any order."""
    times = []

    def dot(x, w):
        times.append(1)
        return {"z": CORE["dot"](x=x, w=w)["z"] * (1.0 + 2.0**-52 * min(len(times), 3))}

    result = asked_again("product", Counting(dot=dot), "product/dot/random-*")
    assert result.verdict == ROUNDING and not any(failure.reason for failure in result.failures)


class Restarted(Counting):
    """A program that is right in a new process, until it has answered a number of questions."""

    def __init__(self, kept, change):
        super().__init__(dot=lambda x, w: (change if len(self.since) > kept else dict)(CORE["dot"](x=x, w=w)))
        self.since = []

    def ask(self, case):
        self.since.append(case.id)
        return super().ask(case)

    def close(self):
        self.since = []


def test_a_wrong_case_is_asked_alone_in_a_new_process():
    subject = Restarted(1, lambda made: {"z": made["z"] + 1.0})
    failures = asked_again("product", subject, "product/dot/random-*").failures
    said = [failure.reason for failure in failures if "right at first" not in failure.reason]
    assert len(said) > 1 and "right in a new process" in said[0] and not any(said[1:])
    always = Restarted(-1, lambda made: {"z": made["z"] + 1.0})
    assert not any(failure.reason for failure in asked_again("product", always, "product/dot/random-*").failures)


def test_what_crashes_or_hangs_is_not_asked_again():
    def dot(x, w):
        raise NoAnswer("no answer within 5 s")

    subject = Counting(dot=dot)
    assert asked_again("product", subject).verdict == FAILED
    assert len(subject.asked) == subject.first


def test_asking_again_takes_a_small_part_of_the_time():
    subject = Counting()
    result = asked_again("product", subject, taken=1e-9)
    assert len(subject.asked) == subject.first
    assert all(seconds > SHARE * 1e-9 for seconds in result.seconds.values())


PROGRAM = """
import json, sys
seen = {{}}
for line in sys.stdin:
    case = json.loads(line)
    n = seen[case["id"]] = seen.get(case["id"], 0) + 1
    print(case["id"], file=open({log!r}, "a"))
    x, w = case["in"].get("x"), case["in"].get("w")
    out = {{"z": x[0] * w[0] + (n > 1)}} if case["id"] == "product/dot/one" else None
    print(json.dumps({{"id": case["id"], "out": out}}), flush=True)
"""


@pytest.mark.slow
def test_a_program_is_asked_again_but_not_a_single_case(tmp_path, capsys):
    path, log = tmp_path / "mine.py", tmp_path / "log"
    path.write_text(PROGRAM.format(log=str(log)))
    command = f'"{sys.executable}" "{path}"'
    assert main(["--cmd", command, "--case", "product/dot/*"]) == 1
    assert log.read_text().split().count("product/dot/one") == 1
    assert main(["--cmd", command, "product"]) == 1
    assert log.read_text().split().count("product/dot/one") >= 3
    said = " ".join(capsys.readouterr().out.split())
    assert "product/dot/one reason right at first, but not when asked again after the others" in said
