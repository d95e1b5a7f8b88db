"""What is evidence of a mistake, what is tried first, and which failure a report begins with."""

import inspect
from copy import deepcopy
from dataclasses import replace

import pytest
from refnn.check import main
from refnn.conformance import report, subjects, trainings, vectors
from refnn.conformance.compare import EXACT, FAILED, ROUNDING, WRONG
from refnn.conformance.diagnosis import Answered, candidates, diagnose
from refnn.conformance.effort import Effort
from refnn.conformance.operations import OPERATIONS
from refnn.conformance.operations.training import computed_by
from refnn.conformance.rounding import Double, Single
from refnn.conformance.families import MUTANTS
from refnn.conformance.run import Failure, Result, agree, run
from refnn.conformance.spoil import spoiled
from refnn.conformance.subjects import Functions, Subject
from refnn.conformance.trainings import weigh
from refnn.conformance.variants import Variant, helped
from refnn.reference import conv, elementary, linear, prng
from test_variants import rounded

CORE = {op: operation.answer for op, operation in OPERATIONS.items()}


def with_changed(rung, pattern="*", seconds=30.0, **functions):
    """The failures of a rung, by operation, where the reference has other functions for some operations."""
    result = run(rung, vectors.load(rung, pattern), Functions({**CORE, **functions}, ""), Effort(seconds))
    return {failure.case.op: failure for failure in result.failures}


@pytest.mark.parametrize("verdict", [WRONG, ROUNDING])
def test_integers_that_a_changed_function_makes_floats_are_restored(verdict):
    case, = vectors.load("images", "images/conv2d_forward/padding")

    def spoils(x, w, b, stride, padding):
        padding[:] = map(float, padding)
        return []

    item = Answered(case, case.answer, verdict)
    item.by(spoiled({conv.conv2d_forward: spoils}))
    assert [type(n) for n in item.inputs["padding"]] == [int, int]
    assert item.by(spoiled({})) == case.answer


@pytest.mark.slow
def test_an_answer_of_another_form_is_evidence():
    def swapped(stride, **inputs):
        return CORE["conv2d_forward"](stride=stride[::-1], **inputs)

    failure = with_changed("images", "*/conv2d_forward/*", conv2d_forward=swapped)["conv2d_forward"]
    assert failure.verdict == FAILED and any("stride[::-1]" in line for line in failure.mistake.lines)


class InSinglePrecision(Subject):
    """The reference with a mistake. It reads and writes numbers in single precision."""

    def __init__(self, name):
        self.variant = next(mutant for mutant in MUTANTS if mutant.name == name).variants[0]

    def ask(self, case):
        with spoiled(self.variant):
            return rounded(OPERATIONS[case.op].answer(**rounded(deepcopy(case.inputs))))


class WithMistypedExp(Subject):
    def __init__(self):
        right, wrong = "2.77777777770155933842e-03", "2.77777777777155933842e-03"
        source = inspect.getsource(elementary.exp)
        assert source.count(right) == 1
        made = dict(vars(elementary))
        exec(source.replace(right, wrong), made)
        self.variant = {elementary.exp: made["exp"]}

    def ask(self, case):
        with spoiled(self.variant):
            return OPERATIONS[case.op].answer(**deepcopy(case.inputs))


@pytest.mark.slow
def test_a_mistyped_digit_is_named_and_the_platform_is_not():
    """The losses alone are also those of the platform's exp; its own operation refutes that."""
    subject, effort = WithMistypedExp(), Effort(30.0)
    first, then = (run(rung, [case for case in vectors.load(rung) if case.op in ("exp", "log", "tanh", "loss")],
                       subject, effort) for rung in ("elementary", "loss"))
    assert any("0.0027777777777715593" in line for line in first.worst.mistake.lines)
    assert then.failures and not any(failure.diagnosis for failure in then.failures)


def test_a_last_bit_of_one_number_is_no_evidence_of_a_changed_line():
    """As of V8's exp, which is the reference's but at 1: some changed line does the same to the numbers asked."""
    def exp(x):
        return {"y": [2.718281828459045 if v == 1.0 else y for v, y in zip(x, CORE["exp"](x)["y"])]}

    failure = with_changed("elementary", "elementary/exp/*", exp=exp)["exp"]
    assert failure.verdict == ROUNDING and not failure.diagnosis


@pytest.mark.slow
@pytest.mark.parametrize("name", ["momentum", "not-zeroed", "last-batch", "full-batch-size", "order-again",
                                  "decay-every", "loss-while-training", "epoch-before"])
def test_a_mistake_in_trainings_of_a_program_in_single_precision_is_named(name):
    subject, effort = InSinglePrecision(name), Effort(30.0)
    results = [run(rung, [case for case in vectors.load(rung) if "1" not in case.id], subject, effort)
               for rung in ("step", "truth-table", "alice-bob")]
    agree(results)
    named = [failure.mistake.name for result in results for failure in result.failures if failure.mistake]
    assert results[0].verdict == ROUNDING and named and set(named) == {name}


def test_losses_that_follow_exact_parameters_are_compared():
    """Off by half a percent, which is rounding where the parameters are uncertain."""
    case, = vectors.load("images", "images/train/*")
    wrong = {**case.answer, "losses": [v * (1.005 if e == 2 else 1.0) for e, v in enumerate(case.answer["losses"])]}
    found = weigh(case, wrong, lambda part: OPERATIONS[part.op].answer(**part.inputs), Double).found
    assert found.verdict == WRONG and found.divergence.index == (2,)


def test_a_training_is_wrong_at_its_first_loss_before_its_first_step():
    case, = vectors.load("images", "images/train/*")

    def ask(part):
        answer = OPERATIONS[part.op].answer(**part.inputs)
        return {**answer, "parameters": [1.0 + v for v in answer["parameters"]]} if part.op == "step" else answer

    wrong = {**case.answer, "losses": [1.5 * v for v in case.answer["losses"]], "digests": [""] * 4}
    weighed = weigh(case, wrong, ask, Double)
    assert weighed.found.divergence.index == (0,) and not weighed.steps_right and weighed.located is None


@pytest.mark.parametrize("precision", [Single, Double])
def test_a_mistake_is_named_by_answers_of_another_form_alone(precision):
    case, = vectors.load("images", "images/maxpool2d_forward/ragged")
    mutant, = (mutant for mutant in MUTANTS if mutant.name == "pooling-parts")
    made = Answered(case, case.answer, FAILED).by(spoiled(mutant.variants[0]))
    assert len(made["a"][0][0]) > len(case.answer["a"][0][0])
    assert mutant in diagnose([Answered(case, made, FAILED, precision)])


def test_an_answer_of_another_form_than_the_mistakes_is_not_explained():
    case, = vectors.load("images", "images/conv2d_forward/stride")
    item = Answered(case, {"z": case.answer["z"][0]}, FAILED)
    assert item.likeness(case.answer) == WRONG
    item.answer = case.answer
    assert item.likeness(case.answer) == EXACT
    item.answer = {"z": [[[[v + 1e-3 for v in row] for row in channel] for channel in z] for z in case.answer["z"]]}
    assert item.likeness(case.answer) == WRONG


@pytest.mark.slow
def test_a_known_failure_is_no_evidence():
    def doubled(name, **inputs):
        a = CORE["activation_forward"](name=name, **inputs)["a"]
        return {"a": [[0.5 * v for v in row] for row in a] if name == "tanh" else
                     [[0.25 for v in row] for row in a] if name == "softmax" else a}

    def diagnosis(settled):
        result = run("forward", vectors.load("forward"), Functions({**CORE, "activation_forward": doubled}, ""),
                     settled=settled)
        return next(failure for failure in result.failures if failure.case.inputs["name"] == "tanh").mistake

    assert diagnosis(lambda failure: False) is None
    assert diagnosis(lambda failure: failure.case.inputs["name"] == "softmax").name == "activations.py, tanh_forward"


def test_a_mistake_must_explain_the_parts_of_its_operation():
    """All uniform numbers are 0: changes of `below` would explain its zeros, but not that uniform is wrong."""
    zero = {prng.SplitMix64.uniform: lambda self: 0.0}

    def of(op):
        def answer(**inputs):
            with spoiled(zero):
                return CORE[op](**inputs)
        return answer

    failures = with_changed("prng", **{op: of(op) for op in ("uniform", "below", "permutation")})
    assert {"uniform", "below", "permutation"} <= set(failures)
    assert not any(failure.diagnosis for failure in failures.values())


@pytest.mark.parametrize("key, index, op", [
    ("outputs", (0, 0, 0), "linear_forward"), ("outputs", (1, 0, 0), "activation_forward"), ("loss", (), "loss"),
    ("deltas", (3, 0, 0), "loss_gradient"), ("deltas", (2, 0, 0), "activation_backward"),
    ("deltas", (1, 0, 0), "linear_backward_input"), ("gradients", (0,), "linear_backward_parameters"),
    ("parameters", (0,), "update")])
def test_the_operation_that_computes_a_number_of_a_step(key, index, op):
    case, = vectors.load("step", "step/step/batch-mean")
    assert computed_by(case.inputs["layers"], key, index) == op


def test_functions_that_compute_the_first_wrong_number_are_changed_first():
    case, = vectors.load("step", "step/step/batch-mean")
    with helped():
        failing = [Answered(case, case.answer, WRONG, first="linear_backward_parameters")]
        changed = (mistake for mistake, _ in candidates(failing, []) if isinstance(mistake, Variant))
        assert next(changed).function.__name__ == "linear_backward_parameters"


@pytest.mark.slow
def test_a_gradient_that_is_wrong_in_steps_only_is_named():
    parameters = linear.linear_backward_parameters

    def mean(x, dz, bias):
        dw, db = parameters(x, dz, bias)
        return dw, db and [v / len(dz) for v in db]

    def step(**inputs):
        with spoiled({parameters: mean}):
            return CORE["step"](**inputs)

    failure = with_changed("step", "step/step/batch-*", 5.0, step=step)["step"]
    assert failure.mistake and failure.mistake.name == "linear.py, linear_backward_parameters"


def test_a_report_begins_with_the_first_wrong_rung_and_not_with_a_crash_that_follows():
    case, = vectors.load("product", "product/dot/one")

    def begins(*verdicts):
        results = [Result(f"rung-{n}", failures=[Failure(case, verdict)]) for n, verdict in enumerate(verdicts)]
        said = []
        report.report(said.append, results, [])
        return said[0].strip().split(":")[0]

    assert begins(WRONG, FAILED) == "rung-0"
    assert begins(FAILED, WRONG) == "rung-0"
    assert begins(ROUNDING, WRONG, FAILED) == "rung-1"


def test_an_answer_of_another_form_is_shown_before_wrong_numbers_that_follow():
    """The numbers of a pooling with a wrong stride, and then its gradient."""
    first, second, *_ = vectors.load("product", "product/dot/*")

    def shown(failures):
        return Result("product", failures=failures).worst

    wrong, crash = Failure(second, WRONG), Failure(first, FAILED, "the program ended")
    form = Failure(first, FAILED, "z must be a list of 3, not of 1", answer={"z": [1.0]})
    named = Failure(second, WRONG, diagnosis=[object()])
    assert shown([form, wrong]) is form and shown([wrong, form]) is wrong
    assert shown([crash, wrong]) is wrong and shown([form, named]) is named

    def begins(*failures):
        said = []
        report.report(said.append, [Result(f"rung-{n}", failures=[one]) for n, one in enumerate(failures)], [])
        return said[0].strip().split(":")[0]

    assert begins(replace(wrong, verdict=ROUNDING), form) == "rung-1"
    assert begins(form, wrong) == "rung-0" and begins(crash, form) == "rung-0"


def test_quiet_does_not_print_what_is_accepted(monkeypatch, capsys):
    subject = Functions({**CORE, "dot": lambda x, w: {"z": CORE["dot"](x=x[::-1], w=w[::-1])["z"]}}, "")
    monkeypatch.setattr(subjects, "named", lambda name: subject)
    arguments = ["--impl", "c", "--case", "product/dot/random-*", "--accept", "rounding"]
    assert main(arguments) == 0
    assert "product: rounding" in capsys.readouterr().out
    assert main([*arguments, "--quiet"]) == 0
    assert capsys.readouterr().out == ""



# Trainings

def test_losses_are_compared_when_the_time_for_steps_is_up():
    case, = vectors.load("points", "points/train/20-steps")
    answer = {"losses": [1.1 * case.answer["losses"][0], *case.answer["losses"][1:]],
              "digests": ["0" * 64 for _ in case.answer["digests"]]}
    found = weigh(case, answer, lambda asked: asked.answer, Double, spent=lambda: True).found
    assert found.verdict == WRONG and found.divergence.place == "losses[0], after epoch 0"


@pytest.mark.slow
def test_the_first_loss_is_compared_where_trainings_take_too_long():
    case, = vectors.load("digits", "digits/train/100-samples")
    epoch = trainings.Epoch(case, 1, trainings.fast()[0])
    assert trainings.trainings(case, Double, epoch) == []
    loss, = trainings.losses(case, {**case.answer, "digests": ["", "", ""]}, Double, epoch)
    assert loss.value == case.answer["losses"][0] and loss.deviation < 1e-6 * loss.value
    assert len([*trainings.losses(case, case.answer, Double, epoch)]) == 3


@pytest.mark.slow
def test_an_update_is_uncertain_where_a_decision_hangs_on_rounding():
    """Equal numbers in windows, of images with black borders: the gradients behind them are undecided."""
    case, = vectors.load("mnist-cnn", "mnist-cnn/train/60-samples")
    found = trainings.trainings(case, Double, trainings.Epoch(case, 1, trainings.fast()[0]))
    after = [losses[1] for losses in found]
    assert len(set(after)) == len(after)
    assert all(abs(loss - case.answer["losses"][1]) < 0.01 for loss in after)
