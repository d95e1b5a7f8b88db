"""What looking into failures may take: rungs that depend on a wrong one are not looked into, others not for long."""

from itertools import count

import pytest
from refnn.check import main
from refnn.conformance import diagnosis, subjects, vectors
from refnn.conformance.effort import NEEDS, Effort, cause
from refnn.conformance.run import run

pytestmark = pytest.mark.slow


def spoilt(op, change):
    """The C core with the answers of an operation changed."""
    right = subjects.named("c").variants["plain"].functions
    return subjects.Functions({**right, op: lambda **inputs: change(right[op](**inputs))}, "spoilt")


def one_more(answer):
    return {"dz": [[v + 1.0 for v in row] for row in answer["dz"]]}


def test_needs_are_rungs_that_come_before():
    rungs = [*vectors.RUNGS, "train"]
    assert all(set(needed) <= set(rungs[:rungs.index(rung)]) for rung, needed in NEEDS.items())


def test_the_cause_is_the_first_rung_that_is_wrong():
    assert cause("step", {"backward", "forward"}) == "forward"
    assert cause("product", {"prng"}) is None and cause("step", set()) is None


def test_a_rung_takes_half_of_what_is_left():
    clock = [0.0]
    effort = Effort(8.0, lambda: clock[0])
    for allowed in (4.0, 2.0, 1.0):
        with effort:
            clock[0] += allowed - 0.5
            assert not effort.spent()
            clock[0] += 0.5
            assert effort.spent()
    with Effort(0.0) as none:
        assert none.spent()


def test_without_effort_failures_are_counted_and_not_explained():
    cases = vectors.load("backward")
    looked_at = run("backward", cases, spoilt("activation_backward", one_more), Effort(30.0))
    counted = run("backward", cases, spoilt("activation_backward", one_more), Effort(0.0))
    assert counted.counts == looked_at.counts and len(counted.failures) == len(looked_at.failures)
    assert all(failure.diagnosis is None for failure in counted.failures)
    assert any(failure.diagnosis is not None for failure in looked_at.failures)


@pytest.fixture
def looked_at(monkeypatch):
    """The operations whose failures are looked into. The C core has a wrong activation_backward and a wrong step."""
    found = []
    monkeypatch.setattr("refnn.conformance.run.diagnose",
                        lambda answered, *rest: found.append(answered[0].case.op) or [])
    subject = spoilt("activation_backward", one_more)
    core = dict(subject.functions)
    subject.functions["step"] = lambda **inputs: {**core["step"](**inputs), "loss": 0.0}
    monkeypatch.setattr(subjects, "named", lambda name: subject)
    return found


def test_a_rung_that_depends_on_a_wrong_one_is_checked_but_not_explained(looked_at, capsys):
    assert main(["--impl", "c", "forward", "backward", "step"]) == 1
    assert set(looked_at) == {"activation_backward"}
    assert "step: wrong" in capsys.readouterr().out
    assert main(["--impl", "c", "forward", "step"]) == 1
    assert "step" in looked_at


def test_known_failures_do_not_keep_the_next_rung_from_being_explained(looked_at, tmp_path):
    known = tmp_path / "known.txt"
    known.write_text("backward/activation_backward/*\n")
    assert main(["--impl", "c", "backward", "step", "--known-failures", str(known)]) == 1
    assert looked_at == ["step"]


def test_accepted_rounding_is_not_explained():
    cases = vectors.load("backward", "*/activation_backward/sigmoid")
    rounded = spoilt("activation_backward", lambda answer: {"dz": [[v * (1.0 + 2.0**-52) for v in row]
                                                                   for row in answer["dz"]]})
    result = run("backward", cases, rounded, Effort(), lambda failure: failure.verdict == "rounding")
    assert result.verdict == "rounding" and result.worst.diagnosis is None
    assert run("backward", cases, rounded, Effort(30.0)).worst.diagnosis is not None


def test_a_wrong_order_of_exact_steps_is_wrong_when_the_time_is_up():
    """One exact step does not make a training right: the step or the order that is not is looked for all the same."""
    core = subjects.named("c").variants["plain"].functions
    unshuffled = {"train": lambda **inputs: core["train"](**{**inputs, "shuffle": False})}
    cases = vectors.load("sin-cos", "*/505-samples")  # rounding would change its losses, too
    failure, = run("sin-cos", cases, subjects.Functions({**core, **unshuffled}, ""), Effort(1e-9)).failures
    assert failure.verdict == "wrong" and failure.located and failure.located.case is None


@pytest.mark.parametrize("op, rung, change", [
    ("step", "step", lambda answer: {**answer, "gradients": [2.0 * g for g in answer["gradients"]]}),
    ("train", "alice-bob", lambda answer: {
        **answer, "digests": answer["digests"][:1] + ["0" * 64] * (len(answer["digests"]) - 1)}),
    ("exp", "elementary", lambda answer: {"y": [v * (1.0 + 1e-13) for v in answer["y"]]})])
def test_the_search_ends_when_its_time_is_up(monkeypatch, op, rung, change):
    """The clock goes on by one second whenever it is read: at most once per mistake that is tried."""
    subject, clock, tried = spoilt(op, change), count(), []
    monkeypatch.setattr(subjects, "named", lambda name: subject)
    monkeypatch.setattr("refnn.check.Effort", lambda seconds=200.0: Effort(seconds, clock.__next__, clock.__next__))
    monkeypatch.setattr(diagnosis, "explained", lambda *answers: tried.append(answers) or "wrong")
    assert main(["--impl", "c", rung]) == 1
    assert 20 < len(tried) <= 200
