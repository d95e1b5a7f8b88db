"""The operations of the conformance checker: three parts each, from the book's tables, under every instruction set."""

from types import SimpleNamespace

import pytest
from refnn.conformance import subjects, vectors
from refnn.conformance.operations import OPERATIONS, layers
from refnn.conformance.operations.explaining import Operation, given
from refnn.conformance.operations.in_c import cores
from refnn.conformance.own import Own, layer_questions
from refnn.conformance.report import failure_in_full, of_failure
from refnn.conformance.rounding import Double
from refnn.conformance.rounding import tensors as rounding
from refnn.conformance.rounding.numbers import convert
from refnn.conformance.rounding.operations import OPERATIONS as OF_ONE
from refnn.conformance.rounding.operations import by_the_book
from refnn.conformance.run import run
from refnn.reference import activations, losses
from refnn.reference.elementary import exp


def silu_forward(z):
    """a = z / (1 + e^-z)"""
    return [v / (1.0 + exp(-v)) for v in z]


def silu_backward(z, a, da):
    """dz = da * (s * (1 + z * (1 - s))), where s = 1 / (1 + e^-z)"""
    s = [1.0 / (1.0 + exp(-v)) for v in z]
    return [d * (v * (1.0 + u * (1.0 - v))) for v, u, d in zip(s, z, da)]


def halves(o, y):
    """L = (sum over j of (o[j] - y[j])^2) / 2"""
    return losses.sse(o, y) / 2.0


def halves_gradient(o, y):
    """do[j] = o[j] - y[j]"""
    return [v - t for v, t in zip(o, y)]


def test_an_activation_in_the_book_s_table_needs_no_operation_of_its_own(monkeypatch):
    monkeypatch.setitem(activations.ACTIVATIONS, "silu", (silu_forward, silu_backward))
    z, da = [[0.0, 2.0]], [[1.0, 10.0]]
    forward, backward = OPERATIONS["activation_forward"], OPERATIONS["activation_backward"]
    a = forward.answer("silu", z)["a"]
    assert a == [silu_forward(z[0])]
    assert backward.answer("silu", z, a, da) == {"dz": [silu_backward(z[0], a[0], da[0])]}
    inputs = {"name": "silu", "z": z, "a": a, "da": da}
    assert forward.explain(inputs, {}, "a", (0, 1)) == ("a = z / (1 + e^-z)", "z = 2.0")
    assert backward.explain(inputs, {}, "dz", (0, 1))[1] == "z = 2.0, da = 10.0"  # what the formula names


def test_a_formula_about_a_row_has_the_row_as_operand():
    inputs = {"name": "softmax", "z": [[1.0, 2.0]]}
    _, operands = OPERATIONS["activation_forward"].explain(inputs, {}, "a", (0, 1))
    assert operands == "j = 1, z = [1.0, 2.0]"


def test_a_loss_in_the_book_s_table_needs_no_operation_of_its_own(monkeypatch):
    monkeypatch.setitem(losses.LOSSES, "halves", (halves, halves_gradient))
    o, y = [[1.0], [3.0]], [[0.0], [0.0]]
    assert OPERATIONS["loss"].answer("halves", o, y, "mean") == {"losses": [0.5, 4.5], "loss": 2.5}
    assert OPERATIONS["loss_gradient"].answer("halves", o, y, "mean") == {"do": [[0.5], [1.5]]}
    inputs = {"loss": "halves", "o": o, "y": y, "reduction": "sum"}
    assert OPERATIONS["loss_gradient"].explain(inputs, {}, "do", (1, 0)) == ("do[j] = o[j] - y[j]",
                                                                            "j = 0, o = [3.0], y = [0.0]")


# The instruction sets of the C core

class SpoiltUnder(subjects.CCore):
    """The C core with a wrong dot product under one instruction set."""

    def __init__(self, simd):
        super().__init__()
        self.simd = simd

    @property
    def variants(self):
        right = super().variants
        wrong = subjects.Functions({**right[self.simd].functions, "dot": lambda x, w: {"z": 12.5}}, self.simd)
        return {**right, self.simd: wrong}


def test_the_c_core_is_asked_under_every_instruction_set():
    subject = subjects.named("c")
    assert list(subject.variants) == list(cores()) and next(iter(cores())) == "plain"
    assert subject.description.endswith(f"; {', '.join(cores())})")


def test_an_answer_is_exact_only_under_all_instruction_sets():
    simd = list(cores())[-1]  # the widest, or plain itself
    case, = vectors.load("product", "product/dot/one")
    result = run("product", [case], SpoiltUnder(simd))
    assert result.verdict == "wrong" and result.counts.total() == 1
    failure, = result.failures
    assert failure.variants == (simd,) and failure.found.divergence.answered == 12.5
    assert next(failure_in_full(failure)).split() == ["case", "product/dot/one", f"({simd})"]
    assert of_failure(failure, [])["variants"] == [simd]


def test_layers_run_in_the_kernels_of_each_instruction_set(monkeypatch):
    """The number of the instruction set reaches the functions that run a layer."""
    seen = []
    for simd, core in cores().items():
        lib = core.lib

        class Spy:
            def __getattr__(self, name, lib=lib):
                function = getattr(lib, name)
                if name != "refnn_layer_forward":
                    return function
                return lambda number, *arguments: seen.append(number) or function(number, *arguments)

        monkeypatch.setattr(core, "lib", Spy())
        assert OPERATIONS["dot"].in_c(core, [2.0], [3.0]) == {"z": 6.0}, simd
    assert seen == [core.number for core in cores().values()] and len(set(seen)) == len(seen)


# A kind of layer

def negative2d_forward(x):
    """a = -x"""
    return {"a": [[[[-v for v in row] for row in channel] for channel in x_n] for x_n in x]}


def negative2d_backward(x, da):
    """dx = -da"""
    return {"dx": negative2d_forward(da)["a"]}


def negative2d_statistics(x):
    return {"variance": [1.0]}


@pytest.fixture
def negative2d(monkeypatch):
    """A layer of images in the table of operations. -> the layer, its input and output in rows, their shapes, da"""
    for function in (negative2d_forward, negative2d_backward, negative2d_statistics):
        monkeypatch.setitem(layers.OPERATIONS, function.__name__, Operation(function, None, given(function)))
        monkeypatch.setitem(OPERATIONS, function.__name__, layers.OPERATIONS[function.__name__])
        monkeypatch.setitem(OF_ONE, function.__name__, by_the_book(function.__name__))
    return {"type": "negative2d"}, [[[1.0, 2.0]], [[-1.0, -2.0]]], [(1, 1, 2)] * 2, [[10.0, 20.0]]


def test_a_kind_of_layer_needs_no_questions_of_its_own(negative2d):
    layer, (x, a), shapes, da = negative2d
    of = Own([layer], SimpleNamespace(shapes=shapes), {}, 0)
    assert list(layer_questions(of, 0, layer, [], [x, a], da)) == [
        ("layer-0", "negative2d_forward", {"x": [[[[1.0, 2.0]]]]}),
        ("layer-0", "negative2d_backward", {"x": [[[[1.0, 2.0]]]], "da": [[[[10.0, 20.0]]]]}),
        ("layer-0", "negative2d_statistics", {"x": [[[[1.0, 2.0]]]]})]
    tensors = layers.tensors_of(layer, shapes, {}, x, a, da)
    assert tensors["variance"] == [1.0] and tensors["size"] == [1, 2] and layers.inputs_of("dot", tensors) is None


def test_operations_of_layers_are_judged_by_the_book_unless_they_have_functions_of_their_own():
    assert set(layers.OPERATIONS) <= set(OF_ONE)


def test_a_kind_of_layer_needs_no_rounding_of_its_own(negative2d):
    layer, (x, a), shapes, da = negative2d
    made = rounding.Layer(Double, layer, shapes, {})
    x, a, da = (convert(Double.given, rows) for rows in (x, a, da))
    assert [[v.value for v in row] for row in made.forward(x)] == [[-1.0, -2.0]]
    assert [[v.value for v in row] for row in made.backward_input(x, a, da)] == [[-10.0, -20.0]]


@pytest.mark.parametrize("kind, what, op", [
    ("relu", "forward", "activation_forward"), ("relu", "dx", "activation_backward"),
    ("linear", "dx", "linear_backward_input"), ("conv2d", "dw", "conv2d_backward_parameters"),
    ("conv2d", "forward", "conv2d_forward"), ("batchnorm2d", "dgamma", "batchnorm2d_backward"),
    ("maxpool2d", "dx", "maxpool2d_backward")])
def test_the_operation_that_computes_a_tensor(kind, what, op):
    assert layers.operation_of(kind, what) == op
    assert op in layers.operations_of(kind)
