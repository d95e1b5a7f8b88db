"""Right programs that round otherwise are never called wrong; mistakes larger than rounding are."""

import json
import random
import sys
import warnings
from fnmatch import fnmatchcase
from math import inf
from pathlib import Path

import pytest
from random_networks import NETWORKS, question
from refnn.check import main
from refnn.conformance import vectors
from refnn.conformance.compare import fitted
from refnn.conformance.operations.explaining import dig
from refnn.conformance.rounding import PRECISIONS, Double, Single, expected, judge
from refnn.conformance.rounding.numbers import FUNCTIONS, in_precision, product
from refnn.conformance.rounding.operations import OPERATIONS
from refnn.conformance.vectors import Case
from refnn.reference import activations, batchnorm, linear

HERE = Path(__file__).resolve().parent
numpy = pytest.importorskip("numpy")
from right_programs import DOUBLE, SINGLE, SUMS, NumPy, ascending, fused

pytestmark = pytest.mark.slow

NAN = ("images/maxpool2d_*/not-finite", "forward/activation_forward/relu-not-finite")  # libraries have other rules
NOT_FINITE = {"not finite", "zero"}  # flags of cases in which a compensated or a fused sum makes NaN of Infinity
PROGRAMS = {"numpy single": (NumPy(SINGLE), Single), "numpy double": (NumPy(DOUBLE), Double),
            "fused double": (NumPy(DOUBLE, ascending, dot=fused), Double)}
PROGRAMS.update({f"{name} single": (NumPy(SINGLE, add), Single) for name, add in SUMS.items()})
PROGRAMS.update({f"{name} double": (NumPy(DOUBLE, add), Double) for name, add in SUMS.items()})
PYTORCH = {"pytorch single": "float32", "pytorch double": "float64"}


def program_named(name):
    """A program and its precision. PyTorch is imported only when it is tested: it takes much memory."""
    if name not in PYTORCH:
        return PROGRAMS[name]
    torch = pytest.importorskip("torch")
    from torch_programs import PyTorch
    return PyTorch(getattr(torch, PYTORCH[name])), PRECISIONS[name.split()[1]]


def cases():
    for rung in vectors.RUNGS:
        if rung not in ("mnist", "digits", "sin-cos", "mnist-cnn"):
            yield from (case for case in vectors.load(rung, long=False) if case.op == "step" or case.op in OPERATIONS)


def answered(program, case):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # overflow, as some cases ask for
        return getattr(program, case.op)(**case.inputs)


def judged(program, precision, case, keys=None):
    answer = answered(program, case)
    if keys is not None:
        answer = {key: answer[key] for key in keys}
    return judge(expected(case, answer, precision), answer)


def test_values_are_those_of_the_vectors():
    for case in cases():
        for tensor in expected(case, case.answer, Single):
            for place, number in zip(tensor.places, tensor.numbers):
                right = dig(case.answer[tensor.key], place)
                same = number.value == right or number.value != number.value and right != right
                assert same, (case.id, tensor.key, place)


@pytest.mark.parametrize("name", [*PROGRAMS, *PYTORCH])
def test_every_operation(name):
    program, precision = program_named(name)
    for case in cases():
        other_sums = name.startswith(("compensated", "fused")) and NOT_FINITE & set(case.flags)
        if hasattr(program, case.op) and not other_sums and not any(fnmatchcase(case.id, known) for known in NAN):
            answer = fitted(case.answer, answered(program, case), "the answer")
            found = judge(expected(case, answer, precision), answer)
            assert found.first is None, (case.id, found)


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("name", ["numpy single", "numpy double", "ascending single", "pytorch single",
                                  "pytorch double"])
def test_networks(name, network):
    """With all tensors, each is judged by the ones before it; without, errors add up from the question to the
    parameters.
    """
    program = program_named(name)
    for seed, keys in enumerate((None, ("loss", "gradients", "parameters"), ("loss", "parameters"))):
        found = judged(*program, question(network, seed), keys)
        assert found.first is None, (seed, found)


def test_batch_normalisation_of_a_far_off_mean():
    """The error of the mean, from a long sum, is the same for all samples; gradients of one sign add it up."""
    generator = random.Random(1)
    x = [[[[generator.gauss(30.0, 1.0) for _ in range(20)] for _ in range(20)]] for _ in range(10)]
    da = [[[[1.0 + 0.01 * v for v in row] for row in channel] for channel in image] for image in x]
    layers = [{"type": "batchnorm2d", "num_features": 1, "eps": 1e-5, "momentum": 0.1}]
    program = NumPy(SINGLE, ascending)
    case = Case("far off", "step", {
        "layers": layers, "loss": "sse", "parameters": [1.0, 0.0], "x": [[v for row in n[0] for v in row] for n in x],
        "y": [[-1.0 for row in n[0] for v in row] for n in da], "reduction": "mean", "lr": 0.1,
        "input_shape": [1, 20, 20]}, {})
    found = judged(program, Single, case, ("loss", "gradients", "parameters"))
    assert found.first is None, found


# Mistakes

class Wrong(NumPy):
    """A program with one mistake: a factor on one gradient, another eps."""

    def __init__(self, dtype, factor=1.0, layer=0, eps=None, **others):
        super().__init__(dtype, **others)
        self.factor, self.layer, self.eps = factor, layer, eps

    def backward(self, layer, p, x, a, da):
        dx, gradients = super().backward(layer, p, x, a, da)
        if layer is self.layer:
            gradients = [g * self.dtype(self.factor) for g in gradients]
        return dx, gradients

    def normalise(self, *others):
        return super().normalise(*others[:-1], self.eps or others[-1])

    def denormalise(self, *others):
        return super().denormalise(*others[:-1], self.eps or others[-1])


@pytest.mark.parametrize("keys", [None, ("loss", "gradients", "parameters")])
@pytest.mark.parametrize("factor, share", [(1.0001, 1.0), (1.00005, 0.9)])
def test_factor_on_the_gradients_of_a_layer_in_single_precision(factor, share, keys):
    asked = [question("wide", 0), *(question("leaky, softmax inside", seed) for seed in range(2))]
    found = [judged(Wrong(SINGLE, factor, layer), Single, case, keys).first
             for case in asked for layer in case.inputs["layers"] if layer["type"] == "linear"]
    assert sum(off is not None and off.key == "gradients" for off in found) >= share * len(found)


def test_eps_of_batch_normalisation_in_single_precision():
    for seed in range(3):
        found = judged(Wrong(SINGLE, eps=1e-8), Single, question("images", seed))
        assert found.first.key == "outputs" and found.first.place[0] in (1, 5)


def test_single_precision_in_one_function_of_a_double_program():
    program = NumPy(DOUBLE, exp=lambda x: numpy.exp(x.astype(numpy.float32)).astype(numpy.float64))
    found = judged(program, Double, question("saturated sigmoid", 0))
    assert (found.first.key, found.first.place[0]) == ("outputs", 1)
    softmax = Case("", "activation_forward", {"name": "softmax", "z": [[0.1, 0.2, 0.3]]}, {})
    assert judged(program, Double, softmax).first


# Decisions

def test_decisions_that_hang_on_rounding_are_counted():
    layers = [{"type": "linear", "inputs": 3, "outputs": 1, "bias": False}, {"type": "relu"}]
    x = [[0.1, 0.2, -0.3]]  # z is next to 0
    case = Case("", "step", {"layers": layers, "loss": "sse", "parameters": [1.0, 1.0, 1.0], "x": x, "y": [[1.0]],
                             "reduction": "sum", "lr": 0.1}, {})
    for dtype, precision in ((SINGLE, Single), (DOUBLE, Double)):
        found = judged(NumPy(dtype), precision, case, ("loss", "gradients", "parameters"))
        assert found.first is None and found.undecided == 3  # of the gradients
        assert judged(NumPy(dtype), precision, case).undecided == 0  # its own output is the decision


def test_equal_numbers_of_a_window():
    x = [[[[0.1, 0.1 + 2.0**-40], [0.0, 0.0]]]]
    case = Case("", "maxpool2d_backward", {"x": x, "da": [[[[1.0]]]], "kernel_size": [2, 2], "stride": [2, 2]}, {})
    assert judged(NumPy(DOUBLE), Double, case).undecided == 0
    found = judged(NumPy(SINGLE), Single, case)
    assert found.first is None and found.undecided == 2


# The model

def test_products_are_those_of_the_books_loop():
    """The unit for sums of products has the value and the deviation of the book's own loop over numbers."""
    generator = random.Random(3)
    for precision in (Single, Double):
        x = [[precision(generator.gauss(0, 1), abs(generator.gauss(0, 1e-6))) for _ in range(20)] for _ in range(3)]
        w = [[precision(generator.gauss(0, 1), abs(generator.gauss(0, 1e-6))) for _ in range(4)] for _ in range(20)]
        b = [precision(generator.gauss(0, 1), 1e-7) for _ in range(4)]
        for book, unit in zip(linear.linear_forward(x, w, b), product(precision, x, list(zip(*w)), b)):
            for one, other in zip(book, unit):
                assert one.value == other.value
                assert one.deviation == pytest.approx(other.deviation, rel=1e-9)


@pytest.mark.parametrize("n", [2, 10, 100])
def test_deviation_of_a_sum_covers_every_order(n):
    """Right sums in single precision stay within the deviation on average, in every order but one by size."""
    generator = numpy.random.default_rng(n)
    for make in (lambda: generator.normal(size=n), lambda: generator.uniform(size=n),
                 lambda: generator.normal(size=n)**5):
        squares = dict.fromkeys(SUMS, 0.0)
        for _ in range(100):
            terms = make().astype(numpy.float32)
            ones = [Single(1.0)] * n
            number = product(Single, [[Single(float(t)) for t in terms]], [ones])[0][0]
            for name, add in SUMS.items():
                squares[name] += ((float(add(terms)) - number.value) / number.deviation)**2 / 100
        assert max(squares.values()) <= 1.0, squares


def test_deviations_are_neither_too_small_nor_far_too_large():
    """The functions of the book in single precision: the root mean square of error / deviation."""
    generator = numpy.random.default_rng(5)
    z = generator.normal(size=(200, 10)).astype(numpy.float32).astype(float).tolist()
    da = generator.normal(size=(200, 10)).astype(numpy.float32).astype(float).tolist()
    for name in ("sigmoid", "tanh", "softmax"):
        a = numpy.array(activations.Activation(name).forward(z), numpy.float32).astype(float).tolist()
        for op, inputs in (("activation_forward", {"z": z}), ("activation_backward", {"z": z, "a": a, "da": da})):
            found = judged(NumPy(SINGLE), Single, Case("", op, {"name": name, **inputs}, {}))
            assert 0.05 < found.rms < 1.0 and found.farthest.deviations < 4.0


def test_a_function_of_an_uncertain_number():
    assert FUNCTIONS["exp"](Double(-2000.0, 100.0)).deviation < 1e-300
    assert FUNCTIONS["exp"](Double(0.0, 100.0)).deviation == inf
    assert FUNCTIONS["tanh"](Double(0.0, 100.0)).deviation <= 1.0
    assert FUNCTIONS["log"](Double(1.0, 1.0)).deviation == inf


def test_overflow_of_single_precision():
    with in_precision(Single):
        assert activations.sigmoid_forward([Single(-100.0)])[0].deviation < 1e-38  # 1 / (1 + inf)
        assert (Single(1e30) * Single(1e30)).deviation == inf
        assert Single.given(1e100).deviation == inf and Double.given(1e100).deviation == 0.0


def test_the_functions_of_the_reference_return():
    """What `in_precision` replaces is there again afterwards, also after an exception."""
    before = activations.exp, batchnorm.sqrt
    with pytest.raises(ZeroDivisionError), in_precision(Single):
        raise ZeroDivisionError
    assert (activations.exp, batchnorm.sqrt) == before


# The command

PROGRAM = """import json, sys, warnings
sys.path.insert(0, {tests!r})
from right_programs import *
from refnn.conformance.vectors import decode, encode
warnings.simplefilter("ignore")
program = NumPy({dtype})
program.answers_parameters = {parameters}
{mistake}
for line in sys.stdin:
    case = json.loads(line)
    function = getattr(program, case["op"], None)
    answer = encode(function(**decode(case["in"]))) if function else None
    print(json.dumps({{"id": case["id"], "out": answer}}), flush=True)
"""


@pytest.fixture
def command(tmp_path):
    """Makes a program in NumPy, and returns the command for it."""
    def made(dtype, parameters=True, mistake=""):
        path = tmp_path / "program.py"
        path.write_text(PROGRAM.format(tests=str(HERE), dtype=dtype, parameters=parameters, mistake=mistake))
        return f'"{sys.executable}" "{path}"'
    return made


RUNGS = ["elementary", "product", "forward", "loss", "backward", "update", "step", "truth-table", "alice-bob", "points"]


@pytest.mark.parametrize("dtype, parameters", [("SINGLE", True), ("DOUBLE", False)])
def test_a_right_program_is_accepted(command, dtype, parameters, capsys, tmp_path):
    program = command(dtype, parameters)
    assert main(["--cmd", program, *RUNGS, "--accept", "rounding", "--json", str(tmp_path / "record")]) == 0
    rungs = json.loads((tmp_path / "record").read_text())["rungs"]
    assert rungs[-1]["precision"] == dtype.lower()
    assert sum(rung["undecided"] for rung in rungs) == sum(
        failure["undecided"] for rung in rungs for failure in rung["failures"])
    said = capsys.readouterr().out
    assert "Conforms up to rounding: " in said and "not implemented" not in said
    assert ("precision: single, found from the answers" in said) == (dtype == "SINGLE")
    assert main(["--cmd", program, "product"]) == 1


def test_single_precision_is_wrong_where_double_is_stated(command, capsys):
    assert main(["--cmd", command("SINGLE"), "update", "--accept", "rounding", "--precision", "double"]) == 1
    assert "standard deviations of rounding; 10 are rounding" in " ".join(capsys.readouterr().out.split())


def test_a_known_failure_has_a_verdict(command, tmp_path, capsys):
    (tmp_path / "known").write_text("update/* rounding\n")
    known = ["--known-failures", str(tmp_path / "known"), "--precision", "single", "update"]
    assert main(["--cmd", command("SINGLE"), *known]) == 0
    wrong = "program.update = lambda p, dp, lr: {'p': [v + lr * d for v, d in zip(p, dp)]}"
    assert main(["--cmd", command("SINGLE", mistake=wrong), *known]) == 1
    assert "update: wrong" in capsys.readouterr().out
    (tmp_path / "known").write_text("update/* rouding\n")
    assert main(["--cmd", command("SINGLE"), *known]) == 2


def test_a_training_with_a_wrong_step(command, capsys):
    """The rate of every step is off by a ten-thousandth."""
    wrong = "step = program.step\nprogram.step = lambda *a, **k: step(*a[:6], a[6] * 1.0001, *a[7:])"
    assert main(["--cmd", command("SINGLE", mistake=wrong), "alice-bob", "--accept", "rounding"]) == 1
    assert "alice-bob: wrong" in capsys.readouterr().out


def test_trainings_are_judged_step_by_step_behind_a_wrong_rung(command, tmp_path):
    """They use another function than the operation that is wrong."""
    wrong = "program.activation_backward = lambda name, z, a, da: {'dz': [[2.0 * d for d in row] for row in da]}"
    assert main(["--cmd", command("DOUBLE", mistake=wrong), "backward", "truth-table", "sin-cos", "--accept",
                 "rounding", "--json", str(tmp_path / "record")]) == 1
    rungs = json.loads((tmp_path / "record").read_text())["rungs"]
    assert [rung["verdict"] for rung in rungs] == ["wrong", "rounding", "wrong"]
    assert "its steps were not judged" in rungs[2]["failures"][0]["reason"]  # of large networks, which take long
    assert all(failure["diagnosis"] == [] for failure in rungs[1]["failures"])
