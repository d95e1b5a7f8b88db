"""The fast kernels give the bits of the reference, with every instruction set and number of threads."""

import functools
import math

import pytest
import random_cases
from bits import difference, pattern
from borders import borders
from refnn import Conv2d, InputError, Linear, Model, Network, Sigmoid, Tanh, check_samples, mlp
from refnn.implementations import c as native
from refnn.reference import activations, linear
from refnn.reference.prng import SplitMix64

SIMD = native.simd_names()
THREADS = (1, 2, 3, 7) if native.lib.refnn_has_threads() else (1,)
SHAPES = 40


def outcome(network, samples, batch_size):
    gradients = network.gradients(samples)
    network.train_epoch(samples, lr=0.05, batch_size=batch_size, shuffle=True)
    few = [samples.inputs[n] for n in range(min(20, len(samples)))]
    return [list(gradients), list(network.parameters), list(network.evaluate(samples)), network.predict(few)]


@functools.cache
def expected(n):
    model, samples, batch_size = random_cases.shape(n)
    return outcome(Network(model, "python", seed=n), samples, batch_size)


def test_the_widest_instruction_set_is_the_default(monkeypatch):
    monkeypatch.delenv("REFNN_SIMD", raising=False)
    assert native.simd() == max(SIMD.values())
    assert next(iter(SIMD)) == "plain"


def test_the_core_rejects_invalid_models():
    """Python checks models first. A caller that does not gets an error status, not a read out of bounds."""
    lib, ffi = native.lib, native.ffi
    for kinds, fits in (([lib.REFNN_LINEAR, lib.REFNN_RELU], True), ([lib.REFNN_RELU, lib.REFNN_LINEAR], True),
                        ([99, lib.REFNN_LINEAR], False)):
        layers = ffi.new("refnn_layer[]", [{"kind": kind, "inputs": 3, "outputs": 3, "bias": 0} for kind in kinds])
        model = ffi.new("refnn_model *", {"layers": layers, "layer_count": len(kinds), "threads": 1})
        assert (lib.refnn_parameter_count(model) == 9) == fits
        assert (lib.refnn_workspace_size(model, 1) > 0) == fits


def test_unknown_instruction_set(monkeypatch):
    monkeypatch.setenv("REFNN_SIMD", "avx3")
    with pytest.raises(InputError, match="unknown instruction set in REFNN_SIMD 'avx3'"):
        Network(mlp([1, 1]), "c")


@pytest.mark.slow
@pytest.mark.parametrize("n", range(SHAPES))
@pytest.mark.parametrize("simd", SIMD)
def test_same_bits_with_every_instruction_set_and_number_of_threads(monkeypatch, simd, n):
    monkeypatch.setenv("REFNN_SIMD", simd)
    model, samples, batch_size = random_cases.shape(n)
    for threads in {1, THREADS[n % len(THREADS)]}:
        found = difference(outcome(Network(model, "c", n, threads), samples, batch_size), expected(n))
        assert found is None, f"{threads} threads: {found}"


@pytest.mark.parametrize("simd", SIMD)
def test_product(simd):
    """Sizes next to the borders of tiles, packing and the depth of a block."""
    random = SplitMix64(5)
    for m, k, n in [(1, 1, 1), (7, 300, 33), (37, 17, 5), (70, 513, 9), (13, 256, 64), (33, 1, 70), (6, 257, 41)]:
        a = [[random.normal() for _ in range(k)] for _ in range(m)]
        b = [[random.normal() for _ in range(n)] for _ in range(k)]
        flat_a, flat_b, c = native.doubles(m * k), native.doubles(k * n), native.doubles(m * n)
        flat_a[:] = native.array("d", [v for row in a for v in row])
        flat_b[:] = native.array("d", [v for row in b for v in row])
        for threads in THREADS:
            native.check(native.lib.refnn_matmul(SIMD[simd], threads, m, k, n, native.pointer(flat_a),
                                                 native.pointer(flat_b),
                                                 native.pointer(c)))
            assert difference(native.rows_of(native.pointer(c), m, n), linear.linear_forward(a, b, None)) is None


def function_inputs(name):
    random = SplitMix64(9)
    limit = 25.0 if name == "tanh" else 40.0
    x = [v for v in borders() if math.isfinite(v)]
    x += [limit * (2.0 * random.uniform() - 1.0) for _ in range(10_000)]
    x += [(1.0 if random.next() % 2 else -1.0) * math.ldexp(1.0 + random.uniform(), random.below(75) - 65)
          for _ in range(10_000)]
    return x


@pytest.mark.parametrize("simd", SIMD)
@pytest.mark.parametrize("layer", [Sigmoid(), Tanh()], ids=["sigmoid", "tanh"])
def test_vectorised_functions(monkeypatch, simd, layer):
    """Borders of cases and random numbers, in whole vectors and tails; also sorted, so that a block has only one
    case."""
    monkeypatch.setenv("REFNN_SIMD", simd)
    network = Network(Model([Linear(1, 1, bias=False), layer], loss="mse"), "c")
    network.parameters = [1.0]
    x = function_inputs(layer.name)
    for order in (x, sorted(x, key=abs), x[:61]):
        values = [row[0] for row in network.forward([[v] for v in order])]
        wrong = [(v, got) for v, got, right in zip(order, values,
                                                   activations.ACTIVATIONS[layer.name][0]([v + 0.0 for v in order]))
                 if pattern(got) != pattern(right)]
        assert wrong == []


@pytest.mark.parametrize("simd", SIMD)
def test_softmax_and_cross_entropy_with_far_apart_logits(monkeypatch, simd):
    monkeypatch.setenv("REFNN_SIMD", simd)
    random = SplitMix64(3)
    for width in (1, 3, 8, 10, 19):
        model = Model([Linear(width, width, bias=False)], loss="cross_entropy")
        identity = [1.0 if i == j else 0.0 for i in range(width) for j in range(width)]
        rows = [[scale * (random.uniform() - 0.5) for _ in range(width)] for scale in (1.0, 30.0, 2000.0, 1e300)
                for _ in range(5)]
        results = []
        for impl in ("c", "python"):
            network = Network(model, impl)
            network.parameters = identity
            classes = [n % width for n in range(len(rows))]
            results.append([network.predict(rows), network.loss(rows, classes), list(network.gradients(rows, classes))])
        assert difference(*results) is None


BEHIND_RELU = mlp([5, 40, 130, 2], "relu", init="he")  # its second layer looks for zeros


@functools.cache
def samples_of_relu():
    random = SplitMix64(4)
    x, y = ([[random.normal() for _ in range(width)] for _ in range(131)] for width in (5, 2))
    return check_samples(BEHIND_RELU, x, y)


@functools.cache
def expected_of_relu(batch_size):
    return outcome(Network(BEHIND_RELU, "python", 1), samples_of_relu(), batch_size)


@pytest.mark.parametrize("batch_size", [65, 131], ids=["a single row is left", "more rows than a step has"])
@pytest.mark.parametrize("simd", SIMD)
def test_zeros_of_relu_are_left_out(monkeypatch, simd, batch_size):
    monkeypatch.setenv("REFNN_SIMD", simd)
    for threads in THREADS[:3]:
        network = Network(BEHIND_RELU, "c", 1, threads)
        assert difference(outcome(network, samples_of_relu(), batch_size), expected_of_relu(batch_size)) is None


@pytest.mark.parametrize("simd", SIMD)
def test_zeros_of_relu_times_infinite_gradients(monkeypatch, simd):
    """The first layer's outputs are 0 in turn, dL/dz of the second is infinite, the loss is finite: dL/dw has NaN."""
    monkeypatch.setenv("REFNN_SIMD", simd)
    found = []
    for impl in ("c", "python"):
        network = Network(mlp([1, 40, 130, 1], "relu"), impl)
        network.parameters = [1.0, -1.0] * 20 + [0.0] * 40 + [1e-300] * 5200 + [0.0] * 130 + [1e308] * 130 + [0.0]
        assert math.isfinite(network.loss([[1.0]] * 60, [0.0] * 60))
        found.append(["nan" if value != value else value for value in network.gradients([[1.0]] * 60, [0.0] * 60)])
    assert found[0] == found[1]
    assert found[0][80:80 + 5200].count("nan") == 2600


def test_invalid_threads():
    for threads, message in ((0, "threads must be a whole number from 1 to 1024, not 0"), (1.5, "threads must be")):
        with pytest.raises(InputError, match=message):
            Network(mlp([1, 1]), "c", threads=threads)
    with pytest.raises(InputError, match="threads are for the C core; python computes with one"):
        Network(mlp([1, 1]), "python", threads=2)


@pytest.mark.slow
def test_a_small_workspace_gives_the_same_bits(monkeypatch):
    model, samples, batch_size = random_cases.shape(2)
    monkeypatch.setattr(native, "WORKSPACE", 20_000)
    network = Network(model, "c", 2)
    assert 1 <= network._implementation._rows < 8
    assert difference(outcome(network, samples, batch_size), expected(2)) is None


@pytest.mark.parametrize("shuffle", [False, True])
def test_several_epochs_in_one_call_give_the_same_bits(monkeypatch, shuffle):
    x = [[0.1 * k, 1.0 - 0.3 * k] for k in range(7)]
    y = [k % 3 for k in range(7)]
    model = mlp([2, 5, 3], loss="cross_entropy")
    settings = dict(epochs=20, lr=0.3, batch_size=2, lr_decay=0.9, lr_decay_every=3, shuffle=shuffle)
    histories = []
    for impl, work in (("python", native.CALL_WORK), ("c", native.CALL_WORK), ("c", 60_000), ("c", 1)):
        monkeypatch.setattr(native, "CALL_WORK", work)
        network = Network(model, impl, seed=4)
        history = network.train(x, y, **settings)
        histories.append([[list(epoch._replace(seconds=0.0)) for epoch in history], list(network.parameters),
                          network.epoch])
    for history in histories[1:]:
        assert difference(history, histories[0]) is None


def test_processors_that_appear_later_are_not_used(monkeypatch):
    """The workspace is large enough for the number of processors at the time when the network was made."""
    monkeypatch.setattr(native, "processors", lambda: 1)
    made = Network(Model([Conv2d(16, 16, 5)], "sse", input_shape=(16, 24, 24)), "c")
    monkeypatch.setattr(native, "processors", lambda: 8)
    for _ in range(2 * native.TRIALS + 2):
        made.forward([[0.5] * made.model.inputs] * 4)
        assert made._implementation._workspaces[0].model.threads == 1
