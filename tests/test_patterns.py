"""What wrong numbers have in common is said where no mistake is named, and only if it holds for all of them."""

import random
from array import array
from math import sqrt

import pytest
from refnn.conformance import report, vectors
from refnn.conformance.compare import WRONG, Divergence
from refnn.conformance.diagnosis import Answered
from refnn.conformance.effort import Effort
from refnn.conformance.operations import OPERATIONS
from refnn.conformance.patterns import Numbers, common, of_another, of_pixels, times
from refnn.conformance.rounding import Double, Single
from refnn.conformance.run import run
from refnn.conformance.subjects import Functions
from refnn.conformance.vectors import Case

CORE = {op: operation.answer for op, operation in OPERATIONS.items()}
generator = random.Random(0)
RIGHT = [[generator.gauss(0.0, 1.0) for _ in range(4)] for _ in range(3)]


def said(change, right=RIGHT, precision=Double, **inputs):
    """The fact about two wrong answers. change: a matrix -> a wrong one"""
    pairs = []
    for n, rows in enumerate((right, [[3.0 * v + 1.0 for v in row] for row in right])):
        case = Case(f"product/matmul/{n}", "matmul", inputs, {"c": rows})
        pairs.append((Answered(case, {"c": change(rows)}, WRONG, precision), None))
    return common(pairs)


def each(function):
    return lambda rows: [[function(v) for v in row] for row in rows]


@pytest.mark.parametrize("factor, words", [
    (-1.0, "each wrong number is minus the right one"), (2.0, "each wrong number is twice the right one"),
    (0.5, "each wrong number is half the right one"), (3.0, "each wrong number is 3 times the right one"),
    (sqrt(10.0), "each wrong number is 3.1622776601683795 (sqrt(10)) times the right one"),
    (-1.0 / 7.0, "each wrong number is -0.14285714285714285 (-1 / 7) times the right one"),
    (1.2345, "each wrong number is 1.2345 times the right one")])
def test_a_factor(factor, words):
    assert said(each(lambda v: factor * v)) == words


def test_a_factor_that_is_the_number_of_samples():
    assert said(each(lambda v: 5.0 * v), x=[[0.0]] * 5) == (
        "each wrong number is 5 times, which is the number of samples, the right one")
    cases = [Case(f"product/matmul/{n}", "matmul", {"x": [[0.0]] * n}, {"c": RIGHT}) for n in (3, 6)]
    pairs = [(Answered(case, {"c": [[v / n for v in row] for row in RIGHT]}, WRONG), None)
             for n, case in zip((3, 6), cases)]
    assert common(pairs) == "each wrong number is 1 / n times the right one, where n is the number of samples"


@pytest.mark.parametrize("change, words", [
    (each(lambda v: v + 0.25), "each wrong number is the right one plus 0.25"),
    (each(lambda v: v - 1.0), "each wrong number is the right one minus 1"),
    (each(lambda v: 0.0), "each wrong number is 0.0"),
    (each(lambda v: float("nan")), "each wrong number is nan"),
    (lambda rows: [sorted(row) for row in rows[::-1]], "the wrong numbers are the right ones in another order"),
    (lambda rows: [*rows[1:], [7.0, 8.0, 9.0, 10.0]],
     "each wrong number, apart from those at the border, is the right one of the row after it"),
    (lambda rows: [[5.0, *row[:-1]] for row in rows],
     "each wrong number, apart from those at the border, is the right one of the place before it"),
    (lambda rows: [rows[0], rows[0], rows[1]], "each wrong number is the right one of the row before it"),
    (each(lambda v: array("f", [v])[0]), "each wrong number is one of single precision, next to the right one"),
    (each(lambda v: array("f", [3.0 * v])[0] / 3.0), "each wrong number is off by less than 1e-07 of it; single "
                                                      "precision rounds by up to 6e-08")])
def test_what_all_wrong_numbers_have_in_common(change, words):
    assert said(change) == words


def test_a_factor_that_may_be_the_number_of_outputs():
    case, = vectors.load("loss", "loss/loss/mse-3x3-sum")
    item = Answered(case, {**case.answer, "loss": 3.0 * case.answer["loss"]}, WRONG)
    assert times(3.0, [Numbers(item, "loss", [()])]) == "3 times"


@pytest.mark.parametrize("change", [
    lambda rows: [[2.0 * v for v in row] for row in rows[:2]] + [[2.0001 * v for v in rows[2]]],  # one row is another
    lambda rows: [[2.0 * v for v in row] for row in rows[:2]] + [[v + 1.0 for v in rows[2]]],
    lambda rows: [[v + 1.0 for v in row] for row in rows[:2]] + [[v + 1.001 for v in rows[2]]],
    lambda rows: [sorted(rows[0]), sorted(rows[1]), [v + 1.0 for v in rows[2]]],
    lambda rows: [rows[1], [rows[2][0] + 1.0, *rows[2][1:]], rows[2]],
    lambda rows: [[2.0 * rows[0][0], *rows[0][1:]], *rows[1:]],  # of two numbers
    lambda rows: [[array("f", [v])[0] for v in rows[0]], rows[1], [1.5 * v for v in rows[2]]]])
def test_a_pattern_that_one_number_breaks_is_not_said(change):
    assert said(change) == ""


def test_an_answer_whose_wrong_numbers_are_not_seen_breaks_a_pattern():
    """Its number is off by one unit of the last place, where that is wrong."""
    case = Case("product/matmul/2", "matmul", {}, {"c": RIGHT})
    near = Answered(case, {"c": each(lambda v: v * (1.0 + 2.0**-52))(RIGHT)}, WRONG)
    twice = Answered(case, {"c": each(lambda v: 2.0 * v)(RIGHT)}, WRONG)
    assert common([(twice, None)]) and not common([(twice, None), (near, None)])


@pytest.mark.parametrize("change", [each(lambda v: 1e308 * v / abs(v) * 1.5), each(lambda v: 5e-324 * (v > 0.0))])
def test_numbers_out_of_range_have_no_factor(change):
    assert said(change) == "" and said(change, right=each(lambda v: 1e-300 * v)(RIGHT)) == ""


def test_a_program_in_single_precision_is_not_told_its_precision():
    assert said(each(lambda v: array("f", [v + 2.0**-20 * abs(v)])[0]), precision=Single) == ""


def test_of_a_step_the_tensor_that_goes_wrong_first_is_looked_at():
    case, = vectors.load("step", "step/step/batch-mean")
    answer = {**case.answer, "deltas": [case.answer["deltas"][0], *each(lambda row: [-v for v in row])(
        case.answer["deltas"][1:])], "parameters": [v + n for n, v in enumerate(case.answer["parameters"], 1)]}
    first = Divergence("deltas", (2, 0, 0), "", 0.0, 0.0, "", "")
    assert common([(Answered(case, answer, WRONG), first)]) == "each wrong number is minus the right one"


def test_an_answer_to_a_case_before():
    one, two = vectors.load("init", "init/normal/*")[:2]
    item = Answered(two, one.answer, WRONG)
    assert of_another(item, [one]) == f"the answer is that to {one.id}, asked before"
    assert of_another(item, []) == ""
    zero = Case("product/dot/0", "dot", {}, {"z": 0.0})  # an answer that many cases have
    assert of_another(Answered(zero._replace(answer={"z": 1.0}), {"z": 0.0}, WRONG), [zero]) == ""


@pytest.mark.parametrize("is_wrong, words", [
    (lambda x: x < -1.0, "only negative x are wrong"), (lambda x: x > 1.0, ""),
    (lambda x: abs(x) > 100.0, "of the x asked with finite values, those from |x| = "),
    (lambda x: 0.0 < abs(x) < 1e-3, "of the x asked with finite values, those up to |x| = "),
    (lambda x: 1.0 < abs(x) < 2.0, ""), (lambda x: x < -1.0 or x != x, ""), (lambda x: x < -1.0 or x == 0.0, "")])
def test_the_arguments_that_are_wrong(is_wrong, words):
    def sin(x):
        return {"y": [v + x[n] * 1e-3 * n + 0.01 if is_wrong(x[n]) and v == v else 7.0 + n if is_wrong(x[n]) else v
                      for n, v in enumerate(CORE["sin"](x=x)["y"])]}

    cases = vectors.load("elementary", "elementary/sin/*")
    result = run("elementary", cases, Functions({**CORE, "sin": sin}, ""), Effort(0.0))
    assert bool(words) == bool(result.worst.pattern) and result.worst.pattern.startswith(words)


def test_the_first_parameters_of_another_seed():
    _, one, two, _ = vectors.load("alice-bob")
    answer = {"digests": one.answer["digests"], "losses": one.answer["losses"]}
    assert of_another(Answered(two, answer, WRONG), [one]) == f"its first parameters are those of {one.id}"
    answer = {"digests": ["0" * 64], "losses": [1.0]}
    assert of_another(Answered(two, answer, WRONG), [one]) == ""


def wrong_loss(loss, o, y, reduction):
    answer = CORE["loss"](loss=loss, o=o, y=y, reduction=reduction)
    return {key: [1.2345 * v for v in made] if isinstance(made, list) else 1.2345 * made
            for key, made in answer.items()}


def test_a_named_mistake_has_no_pattern():
    def dot(x, w):
        return {"z": CORE["dot"](x=x, w=w)["z"] + 1.0}

    cases = vectors.load("product", "product/dot/random-*")
    result = run("product", cases, Functions({**CORE, "dot": dot}, ""), Effort(30.0))
    assert result.worst.mistake and not any(failure.pattern for failure in result.failures)
    assert run("product", cases, Functions({**CORE, "dot": dot}, ""), Effort(0.0)).worst.pattern.endswith("plus 1")
    result = run("loss", vectors.load("loss"), Functions({**CORE, "loss": wrong_loss}, ""), Effort(0.0))
    assert "1.2345 times the right one" in result.worst.pattern
    shown = list(report.failure_in_full(result.worst))
    assert any(line.startswith("  pattern   each wrong number is 1.2345 times") for line in shown)
    assert report.of_failure(result.worst, [])["pattern"] == result.worst.pattern


@pytest.mark.filterwarnings("ignore:x looks like pixels")
@pytest.mark.parametrize("said, convert", [("byte / 256", lambda v: v / 256.0), ("bytes", float)])
def test_pixels_that_are_converted_otherwise(said, convert):
    """The first loss alone is asked, of the training that follows in the same question."""
    def train(pixels, x=None, **inputs):
        rows = [[convert(v) for v in bytes.fromhex(row)] for row in pixels]
        return CORE["train"](x=rows, **inputs)

    case, = vectors.load("digits", "digits/train/100-samples")
    few = {**case.inputs, "pixels": case.inputs["pixels"][:3], "y": case.inputs["y"][:3], "epochs": 1}
    right = Case(case.id, "train", few, CORE["train"](**few))
    item = Answered(right, train(**few), WRONG)
    assert of_pixels(item) == f"the first loss is that of pixels as {said}: a pixel is byte / 255"
    assert of_pixels(Answered(right, {**right.answer, "losses": [1.0]}, WRONG)) == ""
    assert of_pixels(Answered(right, right.answer, WRONG)) == ""
