"""Mistakes are named as changed lines of the reference, and nothing is named that the answers do not show."""

import ast
import inspect
import subprocess
import sys
import textwrap
from array import array
from copy import deepcopy

import pytest
from refnn.check import main
from refnn.conformance import changes, subjects, vectors
from refnn.conformance.compare import EXACT, ROUNDING, WRONG
from refnn.conformance.diagnosis import Answered, diagnose
from refnn.conformance.effort import Effort
from refnn.conformance.operations import OPERATIONS
from refnn.conformance.rounding import Single
from refnn.conformance.run import run
from refnn.conformance.spoil import PLACES, spoiled
from refnn.conformance.subjects import Functions, Subject
from refnn.conformance.variants import Variant, called, helped, limited, of_function, tree_of, variants
from refnn.reference import activations, batchnorm, conv, elementary, init, linear, losses, pool, prng, training

pytestmark = pytest.mark.slow

CHAPTERS = (linear, activations, losses, training, conv, pool, batchnorm, prng, init, elementary)


def rounded(values):
    """In single precision."""
    if isinstance(values, dict):
        return {key: rounded(value) for key, value in values.items()}
    if isinstance(values, (list, tuple)):
        return [rounded(item) for item in values]
    return array("f", [values])[0] if isinstance(values, float) and abs(values) < 1e38 else values


class Edited(Subject):
    """The reference with a text in a function replaced. single: inputs and outputs are in single precision"""

    def __init__(self, function, old, new, single=False):
        source = textwrap.dedent(inspect.getsource(function))
        assert source.count(old) == 1
        made = dict(function.__globals__)
        exec(source.replace(old, new), made)
        self.variant = {function: made[function.__name__]}
        self.convert = rounded if single else lambda values: values

    def ask(self, case):
        with spoiled(self.variant):
            return self.convert(OPERATIONS[case.op].answer(**self.convert(deepcopy(case.inputs))))


@pytest.fixture
def no_mutants(monkeypatch):
    """Mistakes that have a name in words are named by a line, too."""
    monkeypatch.setattr("refnn.conformance.diagnosis.MUTANTS", [])


def lines_of(rung, subject):
    """The lines that explain the first wrong operation of a rung."""
    worst = run(rung, [case for case in vectors.load(rung) if "1000" not in case.id], subject,
                Effort(30.0)).worst
    return [line.split(maxsplit=1) for line in worst.mistake.lines] if worst.diagnosis else None


EDITS = [
    ("prng", prng.SplitMix64.permutation, "self.below(i + 1)", "self.below(i)"),
    ("prng", prng.epoch_order, ".permutation(n)", ".permutation(n)[::-1]"),
    ("init", init.linear_init, "for _ in range(inputs)]", "for _ in range(inputs)][::-1]"),
    ("init", init.draw_row, '"fan_in": 1.0 / sqrt(fan_in)', '"fan_in": 1.0 / sqrt(fan_out)'),
    ("init", prng.SplitMix64.normal, "v = self.uniform()", "v = 1.0 - self.uniform()"),
    ("forward", activations.leaky_relu_forward, "LEAKY_SLOPE", "0.2"),
    ("loss", losses.mse, "/ len(o)", "/ 2.0"),
    ("backward", losses.cross_entropy_gradient, "do[y] - 1.0", "do[y] - 1.0 / len(o)"),
    ("backward", activations.tanh_backward, "1.0 - v * v", "1.0 - v"),
    ("backward", activations.softmax_backward, "v * (d - s)", "v * d - s"),
    ("backward", linear.linear_backward_parameters, "db[j] += dz_nj", "db[j] = dz_nj"),
    ("images", batchnorm.batchnorm2d_forward, "sqrt(v + eps)", "sqrt(v)"),
    ("images", batchnorm.batchnorm2d_forward, "sqrt(v + eps)", "(sqrt(v) + eps)"),
    ("backward", activations.tanh_backward, "(1.0 - v * v)", "((1.0 - v) * (1.0 - v))"),
    ("images", batchnorm.batchnorm2d_track, "(m - 1.0 if m > 1.0 else 1.0)", "m"),
    ("images", pool.largest, "x[i][j] > x[row][column]", "x[i][j] >= x[row][column]"),
    ("images", conv.conv2d_backward_input, "row[columns:columns + size[1]]", "row[rows:rows + size[1]]"),
    ("alice-bob", training.epoch, "range(0, len(order), batch_size)", "range(batch_size, len(order), batch_size)"),
    ("alice-bob", training.evaluate, "total += value(o_n, y_n)", "total = value(o_n, y_n)"),
]


@pytest.mark.parametrize("rung, function, old, new", EDITS, ids=[f"{edit[1].__name__}: {edit[3]}" for edit in EDITS])
def test_a_mistake_is_named_as_a_line(no_mutants, rung, function, old, new):
    found = lines_of(rung, Edited(function, old, new))
    tree = tree_of(function)
    changed = [line for line in ast.unparse(tree).replace("'", '"').splitlines() if ["-", line.strip()] in found]
    assert changed, found
    assert any(sign == "+" for sign, _ in found) or "+" not in new


@pytest.mark.parametrize("rung, function, old, new", [EDITS[k] for k in (2, 5, 6, 7, 8, 9, 10, 11)],
                         ids=[f"{EDITS[k][1].__name__}: {EDITS[k][3]}" for k in (2, 5, 6, 7, 8, 9, 10, 11)])
def test_a_mistake_in_single_precision_is_named_as_a_line(no_mutants, rung, function, old, new):
    found = lines_of(rung, Edited(function, old, new, single=True))
    assert found and any(old.split()[0] in text for sign, text in found if sign == "-"), found


def test_the_report_has_the_line(monkeypatch, capsys):
    edited = Edited(losses.cross_entropy_gradient, "do[y] - 1.0", "do[y] + 1.0")
    monkeypatch.setattr(subjects, "named", lambda name: edited)
    assert main(["--impl", "python", "backward"]) == 1
    assert """
backward: wrong: your answers are the reference's with this line changed
  losses.py, cross_entropy_gradient
    -     do[y] = do[y] - 1.0
    +     do[y] = do[y] + 1.0
""" in capsys.readouterr().out


def test_a_formula_that_is_equal_on_paper_only_rounds_otherwise(monkeypatch, capsys):
    edited = Edited(activations.sigmoid_backward, "d * (v * (1.0 - v))", "d * v * (1.0 - v)")
    monkeypatch.setattr(subjects, "named", lambda name: edited)
    assert main(["--impl", "python", "backward"]) == 1
    output = capsys.readouterr().out
    assert "backward: rounding: rounds otherwise" in output and "+     return [d * v * (1.0 - v) for " in output


# What is not named

def answers(op, rung, change):
    return [Answered(case, answer, EXACT if answer == case.answer else WRONG) for case in vectors.load(rung)
            if case.op == op for answer in [change(case, deepcopy(case.answer))]]


def test_a_mistake_that_a_passing_answer_contradicts_is_not_named():
    def negative(case, answer):
        return {"dz": [[-v for v in row] for row in answer["dz"]]}

    everywhere = answers("activation_backward", "backward", negative)
    assert diagnose([item for item in everywhere if item.case.inputs["name"] == "tanh"])
    assert diagnose([Answered(item.case, item.case.answer, EXACT) if item.case.id.endswith("/tanh") else item
                     for item in everywhere if item.case.inputs["name"] == "tanh"]) == []


def test_noise_is_not_named():
    def noisy(case, answer):
        return {"a": [[v * (1.0 + 1e-4 * ((7 * n + 3 * j) % 5 - 2)) for j, v in enumerate(row)]
                      for n, row in enumerate(answer["a"])]}

    assert diagnose(answers("activation_forward", "forward", noisy)) == []


def test_too_few_wrong_bits_name_nothing():
    """Any change that makes a 0 of a 1 would explain this."""
    def zero(case, answer):
        return {"z": 0.0} if case.id == "product/dot/one" else answer

    assert vectors.load("product", "product/dot/one")[0].answer != {"z": 0.0}
    assert diagnose(answers("dot", "product", zero)) == []


def test_rounding_of_a_wrong_answer_must_be_as_small_as_the_precision():
    case, = vectors.load("backward", "backward/activation_backward/tanh")
    with spoiled(Edited(activations.tanh_backward, "1.0 - v * v", "1.0 - v").variant):
        wrong = OPERATIONS[case.op].answer(**case.inputs)
    assert diagnose([Answered(case, rounded(wrong), WRONG, Single)])
    assert diagnose([Answered(case, {"dz": [[v * 1.00001 for v in row] for row in wrong["dz"]]}, WRONG, Single)]) == []


# The search

def functions_of(chapter):
    made = [*vars(chapter).values(), *vars(getattr(chapter, "SplitMix64", object)).values()]
    return [value for value in made if inspect.isfunction(value) and value.__module__ == chapter.__name__]


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: chapter.__name__.split(".")[-1])
def test_every_change_compiles_and_leaves_the_reference_as_it_was(chapter):
    functions = [function for function in functions_of(chapter) if function.__name__ != "alice_and_bob"]
    before = {function: (function.__code__, ast.dump(tree_of(function))) for function in functions}
    with helped():
        for variant in variants(functions):
            if variant.change.rank == changes.PLAIN:
                with variant.applied():
                    assert variant.function.__code__ is not before[variant.function][0]
    assert {function: (function.__code__, ast.dump(tree_of(function))) for function in functions} == before
    assert "single" not in vars(chapter)


def test_the_reference_is_as_it_was_after_a_search():
    codes = {function: function.__code__ for function in PLACES if inspect.isfunction(function)}
    cases = vectors.load("backward")
    run("backward", cases, Edited(losses.sse_gradient, "2.0 * (v - t)", "2.5 * (v - t * t)"), Effort(30.0))
    assert {function: function.__code__ for function in codes} == codes
    assert run("backward", cases, subjects.named("python")).verdict == EXACT


def test_a_function_can_be_replaced_after_changed_functions_had_helpers():
    """In a new process: the places of functions are taken once."""
    program = ("from refnn.conformance.variants import helped\n"
               "from refnn.conformance.spoil import spoiled\n"
               "from refnn.reference import activations, elementary\n"
               "from refnn.reference.linear import linear_update\n"
               "with helped(), spoiled({linear_update: abs}): pass\n"
               "with spoiled({elementary.tanh: abs}): assert activations.tanh is abs\n")
    subprocess.run([sys.executable, "-c", program], check=True)


def test_inputs_that_a_changed_function_writes_into_are_restored():
    case, = vectors.load("backward", "backward/loss_gradient/cross_entropy-1x4-mean")
    item = Answered(case, case.answer, ROUNDING)
    edited = Edited(losses.cross_entropy_gradient, "softmax_forward(o)", "o")
    assert item.by(spoiled(edited.variant)) != case.answer
    assert item.inputs == case.inputs == vectors.load("backward", case.id)[0].inputs
    assert item.by(spoiled({})) == case.answer


def test_a_changed_function_cannot_allocate_without_bound():
    assert limited(5) == range(5)
    with pytest.raises(ValueError, match="too long"):
        limited(10**9)
    shifts = [change for change in of_function(prng.SplitMix64.next) if isinstance(change.value, ast.LShift)]
    assert shifts and all(isinstance(change.owner.right, ast.Constant) for change in shifts)


def test_a_changed_loop_ends():
    """The list that is read is the one that is filled: without a count, the loop would not end."""
    tree = tree_of(linear.linear_forward)
    assignment = tree.body[0]
    assert ast.unparse(assignment) == "z = []"
    endless = Variant(linear.linear_forward, tree, changes.Change(0, assignment, "value", changes.made("x")))
    with helped(), endless.applied(), pytest.raises(ValueError, match="too long"):
        linear.linear_forward([[1.0]], [[1.0]], None)
    assert linear.linear_forward([[1.0]], [[1.0]], None) == [[1.0]]
    assert not any(variant.change.owner is assignment and isinstance(variant.change.value, ast.Name)
                   for variant in variants([linear.linear_forward]))


def test_only_functions_that_an_operation_calls_are_changed():
    case, = vectors.load("backward", "backward/activation_backward/tanh")
    found = {function.__qualname__ for function in called([lambda: OPERATIONS[case.op].answer(**case.inputs)])}
    assert found == {"Activation.backward", "tanh_backward", "activation_backward"}
    exp = vectors.load("elementary", "elementary/exp/*")[0]
    assert elementary.exp in called([lambda: OPERATIONS["exp"].answer(**exp.inputs)])


def test_the_mistake_of_one_operation_is_tried_first_in_the_next():
    edited = Edited(conv.conv2d_forward, "X_row[s] * w_ocij", "X_row[s] + w_ocij")
    core = {op: operation.answer for op, operation in OPERATIONS.items()}
    subject = Functions({**core, **{op: lambda op=op, **inputs: edited.ask(vectors.Case("", op, inputs, {}))
                                    for op in ("conv2d_forward", "step")}}, "edited")
    result = run("images", vectors.load("images"), subject, Effort(30.0))
    assert {failure.case.op for failure in result.failures} == {"conv2d_forward", "step"}
    assert len({failure.mistake for failure in result.failures}) == 1
