"""Layers of images. Random stacks of layers give the same bits with both implementations, every instruction set and any
number of threads. Each layer alone gives the numbers that were computed by hand or with fractions.

REFNN_TEST_SEED selects other cases. A failure names its case, and `case(n)` makes it again.
"""

import functools
import math
import os
from fractions import Fraction

import pytest
from bits import assert_same_bits, difference, pattern
from refnn import (BatchNorm2d, Conv2d, DivergenceError, Flatten, Identity, InputError, Linear, MaxPool2d, Model,
                   Network, ReLU,
                   check_samples, gradient_check, pixels)
from refnn.implementations import c as native
from refnn.layers import ACTIVATIONS
from refnn.model import INITS
from refnn.reference.prng import stream

SEED = int(os.environ.get("REFNN_TEST_SEED", "1"))
CASES = 60
SIMD = native.simd_names()
THREADS = (1, 3) if native.lib.refnn_has_threads() else (1,)


def layer_for(shape, choose):
    """A random layer that fits an image of that shape."""
    channels, *size = shape
    kind = choose("conv", "conv", "conv", "pool", "norm", "norm", "activation")
    if kind == "conv":
        padding = [choose(0, 0, 1, 1, 2) for _ in size]
        kernel = [choose(*range(1, min(5, length + 2 * p) + 1)) for length, p in zip(size, padding)]
        return Conv2d(channels, choose(1, 2, 3, 4, 5, 8, 9), tuple(kernel),
                      (choose(1, 1, 1, 2, 3), choose(1, 1, 1, 2, 3)), tuple(padding),
                      choose(True, False))
    if kind == "pool":
        kernel = [choose(*range(1, min(3, length) + 1)) for length in size]
        return MaxPool2d(tuple(kernel), choose(None, 1, 2, (2, 3), (3, 1)))
    return BatchNorm2d(channels, choose(1e-5, 0.5),
                       choose(0.1, 1.0)) if kind == "norm" else ACTIVATIONS[choose(*ACTIVATIONS)]()


def case(n):
    """Case number n: a model, samples, a batch size."""
    random = stream(SEED, 1000 + n)

    def choose(*options):
        return options[random.below(len(options))]

    shape = (choose(1, 1, 2, 3, 5), choose(1, 2, 5, 7, 9, 12), choose(1, 3, 4, 8, 10, 17))
    layers, shapes = [], [shape]
    for _ in range(choose(1, 2, 3, 4, 5)):
        layers.append(layer_for(shapes[-1], choose))
        shapes.append(layers[-1].output_shape(shapes[-1]))
    if choose(True, True, False):
        layers += [Flatten(), Linear(math.prod(shapes[-1]), choose(1, 3, 10))]
    model = Model(layers, choose("mse", "cross_entropy"), choose(*INITS), shape)
    count = choose(1, 2, 3, 7, 11)
    x = [[choose(0.0, -1.0, random.normal(), random.normal(), random.normal()) for _ in range(model.inputs)]
         for _ in range(count)]
    y = [random.below(model.outputs) for _ in range(count)]
    if model.loss == "mse":
        y = [[random.normal() for _ in range(model.outputs)] for _ in range(count)]
    return model, check_samples(model, x, y), choose(1, 2, 4, 100), choose(0.001, 0.1, 1.0, 1e30)


def outcome(network, samples, batch_size, lr):
    seen = {"initial": network.parameters, "gradients": network.gradients(samples),
            "dx": network.input_gradients(samples),
            "batch loss": network.batch_loss(samples), "buffers first": network.buffers}
    try:
        seen["history"] = [epoch._replace(seconds=0.0)[:] for epoch in
                           network.train(samples, epochs=2, lr=lr, batch_size=batch_size, shuffle=True)]
    except DivergenceError as error:
        seen["exception"] = str(error)
    return {**seen, "parameters": network.parameters, "buffers": network.buffers,
            "evaluate": list(network.evaluate(samples)),
            "predict": network.predict([samples.inputs[0]])}


@functools.cache
def expected(n):
    model, *rest = case(n)
    return outcome(Network(model, "python", seed=n), *rest)


@pytest.mark.parametrize("n", range(CASES))
def test_random_stacks(monkeypatch, n):
    model, *rest = case(n)
    for simd in SIMD:
        monkeypatch.setenv("REFNN_SIMD", simd)
        for threads in THREADS:
            found = difference(outcome(Network(model, "c", n, threads), *rest), expected(n))
            assert found is None, f"REFNN_TEST_SEED={SEED} case({n}), {simd}, {threads} threads: {found}\n{model}"


def test_random_stacks_cover_every_layer():
    kinds = {type(layer) for n in range(CASES) for layer in case(n)[0].layers}
    assert {Conv2d, MaxPool2d, BatchNorm2d, Flatten, Linear} <= kinds
    diverged = sum("exception" in expected(n) for n in range(CASES))
    assert 0 < diverged < CASES


def test_other_seeds_make_other_cases(monkeypatch):
    first = case(0)
    monkeypatch.setitem(globals(), "SEED", SEED + 1)
    assert case(0)[0] != first[0]


@pytest.mark.parametrize("rows, work", [(1, 1), (5, 1000), (64, 100_000)])
def test_slices_change_no_bit(monkeypatch, rows, work):
    """Batch normalisation needs whole batches. They stay whole even if a call is limited to less work."""
    random = stream(4, 1)
    model = Model([Conv2d(1, 2, 2), BatchNorm2d(2), Flatten(), Linear(8, 2)], "mse", input_shape=(1, 3, 3))
    x = [[random.normal() for _ in range(9)] for _ in range(23)]
    y = [[random.normal() for _ in range(2)] for _ in range(23)]

    def trained(impl):
        network = Network(model, impl)
        network.train(x, y, epochs=2, lr=0.1, batch_size=7, shuffle=True)
        return [*network.parameters, *network.buffers, *network.gradients(x, y), network.loss(x, y),
                network.batch_loss(x, y)]

    expected = trained("python")
    monkeypatch.setattr(native, "ROWS", rows)
    monkeypatch.setattr(native, "CALL_WORK", work)
    assert_same_bits(trained("c"), expected)


# What each layer computes


def alone(impl, layer, shape, parameters=None):
    network = Network(Model([layer], "sse", input_shape=shape), impl)
    if parameters is not None:
        network.parameters = parameters
    return network


def test_convolution_by_hand(impl):
    """The kernel is not flipped. With padding 1 and stride 2, the outputs are at the corners."""
    x = [[1, 2, 3, 4, 5, 6, 7, 8, 9]]
    network = alone(impl, Conv2d(1, 1, 2), (1, 3, 3), [1, 10, 100, 1000, 0.5])
    assert network.forward(x) == [[5421.5, 6532.5, 8754.5, 9865.5]]
    network = alone(impl, Conv2d(1, 1, 3, stride=2, padding=1, bias=False), (1, 3, 3),
                    [0, 0, 0, 0, 1, 10, 0, 100, 1000])
    assert network.forward(x) == [[1 + 20 + 400 + 5000, 3 + 600, 7 + 80, 9]]
    two = alone(impl, Conv2d(2, 2, 1), (2, 1, 2), [1, 2, 3, 4, 0.5, 0.25])
    assert two.forward([[1, 2, 10, 20]]) == [[21.5, 42.5, 43.25, 86.25]]


def test_convolution_sums_over_channel_row_column(impl):
    """2^53 + 1 - 2^53 is 0, 2^53 - 2^53 + 1 is 1."""
    big = 2.0**53
    network = alone(impl, Conv2d(2, 1, (1, 2)), (2, 1, 2), [1, 1, 1, 1, 0])
    assert network.forward([[1, big, -big, 0], [big, -big, 1, 0], [1, 0, big, -big],
                            [big, 0, -big, 1]]) == [[0], [1], [0], [1]]
    network.parameters = [1, 1, 0, 0, big]  # the bias comes first
    assert network.forward([[1, -big, 0, 0]]) == [[0]]


def exact_convolution(layer, x, w, b, dz, size):
    """z, dx, dw, db of one sample, in fractions: x[c, y, x], w[o, c, i, j], dz[o, r, s] or a function of z."""
    channels, height, width = size
    (_, rows, columns), (sr, ss), (pr, ps) = layer.output_shape(size), layer.stride, layer.padding
    taps = [(o, c, i, j, r, s, r * sr + i - pr, s * ss + j - ps) for o in range(layer.out_channels)
            for c in range(channels)
            for i in range(layer.kernel_size[0]) for j in range(layer.kernel_size[1]) for r in range(rows)
            for s in range(columns)]
    taps = [tap for tap in taps if 0 <= tap[6] < height and 0 <= tap[7] < width]
    z = {(o, r, s): Fraction(b[o]) for o in range(layer.out_channels) for r in range(rows) for s in range(columns)}
    for o, c, i, j, r, s, v, u in taps:
        z[o, r, s] += Fraction(w[o, c, i, j]) * Fraction(x[c, v, u])
    dz = dz(z)
    dx, dw, db = dict.fromkeys(x, 0), dict.fromkeys(w, 0), [0] * layer.out_channels
    for o, c, i, j, r, s, v, u in taps:
        dx[c, v, u] += Fraction(w[o, c, i, j]) * dz[o, r, s]
        dw[o, c, i, j] += Fraction(x[c, v, u]) * dz[o, r, s]
    for (o, _, _), d in dz.items():
        db[o] += d
    return z, dx, dw, db


@pytest.mark.parametrize("n", range(12))
def test_convolution_is_exact(impl, n):
    """With small whole numbers nothing is rounded: outputs and gradients equal those of the definition."""
    random = stream(8, n + 1)

    def choose(*options):
        return options[random.below(len(options))]

    layer = Conv2d(choose(1, 2, 3), choose(1, 2, 5), (choose(1, 2, 3), choose(1, 3)), (choose(1, 2), choose(1, 3)),
                   (choose(0, 1), choose(0, 2)))
    size = (layer.in_channels, choose(3, 4, 6), choose(3, 5, 9))
    x = {(c, v, u): random.below(17) - 8 for c in range(size[0]) for v in range(size[1]) for u in range(size[2])}
    w = {(o, c, i, j): random.below(9) - 4 for o in range(layer.out_channels) for c in range(size[0])
         for i in range(layer.kernel_size[0]) for j in range(layer.kernel_size[1])}
    b = [random.below(5) - 2 for _ in range(layer.out_channels)]
    z, dx, dw, db = exact_convolution(layer, x, w, b, lambda z: {place: 2 * value for place, value in z.items()}, size)
    network = alone(impl, layer, size, [*w.values(), *b])
    row, zeros = [list(x.values())], [[0.0] * network.model.outputs]
    assert network.forward(row) == [list(z.values())]
    assert list(network.gradients(row, zeros)) == [*dw.values(), *db]
    assert network.input_gradients(row, zeros) == [list(dx.values())]


def test_pooling_by_hand(impl):
    """Windows with overlapping columns; rows and columns at the edge that do not fill a window are left out."""
    x = [[1, 5, 2, 0, 9,
          3, 4, 7, 7, 9,
          9, 9, 9, 9, 9]]
    network = alone(impl, MaxPool2d(2, (2, 1)), (1, 3, 5))
    assert network.forward(x) == [[5, 7, 7, 9]]
    assert alone(impl, MaxPool2d((2, 2)), (1, 3, 5)).forward(x) == [[5, 7]]
    assert alone(impl, MaxPool2d(1, 2), (1, 3, 5)).forward(x) == [[1, 2, 9, 9, 9, 9]]
    y = [[5 - 0.5, 7 - 1, 7 - 2, 9 - 4]]  # the loss's gradients are 1, 2, 4, 8
    assert network.input_gradients(x, y) == [[0, 1, 0, 0, 8, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0]]


@pytest.mark.parametrize("width", [2, 4, 6, 9, 16, 22, 33])
def test_pooling_returns_the_first_of_equal_numbers(impl, width):
    """All sixteen windows of 0 and 1, and windows with 0.0 and -0.0, at every position of a vector."""
    windows = [[v >> k & 1 for k in range(4)] for v in range(16)] + [[-0.0, 0.0, 0.0, -0.0], [0.0, -0.0, -0.0, 0.0],
                                                                     [-2, -1, -0.0, 0.0]]
    network = alone(impl, MaxPool2d(2), (1, 2, width))
    count = width // 2
    for n in range(len(windows)):
        used = [windows[(n + k) % len(windows)] for k in range(count)]
        x = []
        for half in (0, 2):
            x += [float(v) for w in used for v in w[half:half + 2]] + [9.0] * (width % 2)
        a = network.forward([x])[0]
        assert [pattern(v) for v in a] == [pattern(float(w[w.index(max(w))])) for w in used]
        dx = network.input_gradients([x], [[v - 0.5 for v in a]])[0]
        for k, w in enumerate(used):
            first = w.index(max(w))
            got = [dx[half * width + 2 * k + j] for half in (0, 1) for j in (0, 1)]
            assert got == [1.0 if i == first else 0.0 for i in range(4)]


def test_normalisation_by_hand(impl):
    """Channel 0 has 1, 3, 5, 7: mean 4, variance 5, unbiased variance 20 / 3. Variance + eps is 6.25, its root 2.5."""
    network = alone(impl, BatchNorm2d(2, eps=1.25, momentum=0.5), (2, 1, 2))
    assert list(network.parameters) == [1, 1, 0, 0]
    assert list(network.buffers) == [0, 0, 1, 1]
    network.parameters = [2.5, 2, 0.5, 8]
    x = [[1, 3, 4, 4], [5, 7, 4, 4]]
    assert network.forward([[0, 1.5, 0, 0]])[0][0] == 0.5  # from the running mean 0
    y = [[-2.5, -0.5, 8, 8], [1.5, 3.5, 8, 8]]  # 2.5 (x - 4) / 2.5 + 0.5, and 8
    assert network.batch_loss(x, y) == pytest.approx(0.0, abs=1e-28)
    assert list(network.buffers) == [0, 0, 1, 1]
    network.train_epoch(x, y, lr=1e-9, batch_size=2)
    assert_same_bits(list(network.buffers), [2.0, 2.0, 0.5 + 0.5 * (20.0 / 3.0), 0.5])
    network.parameters = [1, 1, 0, 0]
    network.buffers = [4, 0, 5, 1]
    assert network.forward([[6.5, 1.5, 1.5, 0]])[0] == pytest.approx([1.0, -1.0, 1.0, 0.0])


def test_normalisation_matches_the_formula(impl):
    """Compares with the mean and variance in fractions, to 1e-12."""
    random = stream(2, 1)
    count, channels, size = 5, 3, 6
    network = alone(impl, BatchNorm2d(channels), (channels, 2, 3))
    gamma, beta = [0.5, 2.0, -1.0], [0.25, 0.0, 3.0]
    network.parameters = gamma + beta
    x = [[random.normal() + 10.0 for _ in range(channels * size)] for _ in range(count)]
    expected = [[] for _ in x]
    running = [[], []]
    for c in range(channels):
        values = [Fraction(v) for row in x for v in row[c * size:(c + 1) * size]]
        mean = sum(values) / len(values)
        squares = sum((v - mean)**2 for v in values)
        running[0].append(0.1 * float(mean))
        running[1].append(0.9 + 0.1 * float(squares / (len(values) - 1)))
        deviation = math.sqrt(squares / len(values) + Fraction(1e-5))
        for row, out in zip(x, expected):
            out += [gamma[c] * float(Fraction(v) - mean) / deviation + beta[c] for v in row[c * size:(c + 1) * size]]
    assert network.batch_loss(x, expected) < 1e-24
    network.train_epoch(x, expected, lr=1e-12, batch_size=count)
    assert list(network.buffers) == pytest.approx(running[0] + running[1], rel=1e-12)


def test_one_number_has_no_variance(impl):
    network = alone(impl, BatchNorm2d(1), (1, 1, 1))
    network.train_epoch([[5.0]], [[1.0]], lr=0.5)
    assert_same_bits([*network.parameters, *network.buffers], [1.0, 1.0, 0.5, 0.9])


LONE = {"conv": (Conv2d(2, 3, (3, 2), (1, 2), (1, 0)), (2, 4, 5)),
        "conv without bias": (Conv2d(1, 9, 3, bias=False), (1, 5, 4)),
        "strided": (Conv2d(2, 2, 2, 3, 2), (2, 5, 6)), "pool": (MaxPool2d(2), (2, 4, 5)),
        "overlapping pool": (MaxPool2d(3, (1, 2)), (1, 4, 7)),
        "norm": (BatchNorm2d(3), (3, 2, 2)), "flatten": (Flatten(), (2, 2, 2)), "identity": (Identity(), (3,))}


@pytest.mark.parametrize("name", LONE)
@pytest.mark.parametrize("between", [False, True])
def test_gradients(impl, name, between):
    """The gradients of the layer alone, and of a layer before it, which get the gradient of its inputs."""
    layer, shape = LONE[name]
    random = stream(6, 1)
    layers = [layer, Flatten(), Linear(math.prod(layer.output_shape(shape)), 3)]
    if between:
        layers = [Conv2d(shape[0], shape[0], 1) if len(shape) == 3 else Identity(), *layers]
    network = Network(Model(layers, "cross_entropy", "he", shape), impl, seed=1)
    if name == "norm":
        network.parameters = [p + 0.25 for p in network.parameters]
    x = [[random.normal() for _ in range(network.model.inputs)] for _ in range(4)]
    before = network.parameters, network.buffers
    result = gradient_check(network, x, [0, 1, 2, 1])
    assert result.passed and 0.0 < result.worst < 1e-6, result
    assert (network.parameters, network.buffers) == before


def test_normalisation_of_a_sample_does_not_depend_on_the_others_after_training(impl):
    network = Network(Model([BatchNorm2d(1), Flatten(), Linear(4, 2)], "cross_entropy", input_shape=(1, 2, 2)), impl)
    x = [[1.0, 2.0, 3.0, 4.0], [0.0, -1.0, 5.0, 2.0], [7.0, 7.0, 7.0, 8.0]]
    network.train(x, [0, 1, 1], epochs=3, lr=0.1, batch_size=3)
    together = network.forward(x)
    assert_same_bits(together, [network.forward([row])[0] for row in x])


def test_divergence_restores_the_running_statistics(impl):
    """The state that remains is that after a whole step: parameters and statistics are of the same step."""
    model = Model([BatchNorm2d(1), Flatten(), Linear(2, 1, bias=False)], "sse", input_shape=(1, 1, 2))
    x, y = [[float(n), (n * n % 7) / 4] for n in range(20)], [0.0] * 20
    network, again = Network(model, impl), Network(model, impl)
    with pytest.raises(DivergenceError) as caught:
        network.train_epoch(x, y, lr=1e20, batch_size=2)
    samples = check_samples(model, x, y)
    states = [(list(again.parameters), list(again.buffers))]
    for first in range(0, 20, 2):
        again._implementation.train(samples.inputs, samples.targets, None, first, first + 2, 2, 1e20, "sum")
        states.append((list(again.parameters), list(again.buffers)))
    assert caught.value.step > 1
    assert (list(network.parameters), list(network.buffers)) in states[1:]


def test_buffers_can_be_read_and_set(impl):
    network = alone(impl, BatchNorm2d(2), (2, 1, 1))
    network.buffers = [1, 2, 3, 0]
    assert list(network.buffers) == [1, 2, 3, 0]
    for values, message in (([1, 2, 3, -1], "buffers[3] is -1.0, but it is a variance"),
                            ([1, 2, 3], "buffers must be 4 numbers, not 3"),
                            ([1, 2, 3, math.inf], "buffers[3] is inf, not a finite number")):
        with pytest.raises(InputError) as caught:
            network.buffers = values
        assert str(caught.value) == message
    assert list(network.buffers) == [1, 2, 3, 0]
    assert list(alone(impl, ReLU(), (3,)).buffers) == []


# Wrong shapes


@pytest.mark.parametrize("layers, shape, message", [
    ([Conv2d(3, 1, 1)], (1, 4, 4), "layer 0 expects images of 3 channels, got 1"),
    ([Conv2d(1, 1, (2, 5))], (1, 4, 4), "layer 0 has a kernel of 2 x 5, larger than its padded input of 4 x 4"),
    ([Conv2d(1, 1, 7, padding=1)], (1, 4, 4), "layer 0 has a kernel of 7 x 7, larger than its padded input of 6 x 6"),
    ([Conv2d(4, 1, 1)], (4,), "layer 0 expects images, got rows of 4 numbers"),
    ([MaxPool2d(2), MaxPool2d(2), MaxPool2d(2)], (1, 4, 4),
     "layer 2 has windows of 2 x 2, larger than its input of 1 x 1"),
    ([Flatten(), MaxPool2d(2)], (1, 4, 4), "layer 1 expects images, got rows of 16 numbers"),
    ([MaxPool2d(2), Linear(4, 1)], (1, 4, 4), "layer 1 expects rows, got images of 1 x 2 x 2; put Flatten() before it"),
    ([Flatten(), Linear(4, 1)], (1, 4, 4), "layer 1 expects 4 inputs, got 16"),
    ([Linear(4, 2), BatchNorm2d(2)], None, "layer 1 expects images, got rows of 2 numbers"),
    ([BatchNorm2d(2)], (1, 4, 4), "layer 0 expects images of 2 channels, got 1"),
    ([Conv2d(1, 1, 1)], None, "the first layer must be Linear, or input_shape must be given"),
    ([], (1, 4, 4), "a model needs at least one layer"),
    ([ReLU()], (1, 4), "input_shape must be (channels, height, width), or (numbers,) of rows"),
    ([ReLU()], 4, "input_shape must be (channels, height, width), or (numbers,) of rows, not 4"),
    ([ReLU()], (1, 0, 4), "every number of input_shape must be a whole number from 1 to 2147483647, not 0"),
    ([ReLU()], (2**16, 2**15, 1), "input_shape has 2147483648 numbers; the maximum is 2147483647"),
    ([Conv2d(1, 2**12, 1)], (1, 2**10, 2**10), "layer 0 has 4294967296 outputs; the maximum is 2147483647"),
    ([Conv2d(2**15, 2**15, 2)], (2**15, 2, 2),
     "a network of 4294967296 parameters is too large; the maximum is 2147483647"),
])
def test_shapes_that_do_not_fit(layers, shape, message):
    with pytest.raises(InputError) as caught:
        Model([layer if not isinstance(layer, Conv2d) or layer.out_channels < 2**15
               else Conv2d(2**15, 2**15, 2, bias=False)
               for layer in layers], input_shape=shape)
    assert str(caught.value) == message


@pytest.mark.parametrize("make, message", [
    (lambda: Conv2d(0, 1, 1), "in_channels of Conv2d must be a whole number from 1 to 2147483647, not 0"),
    (lambda: Conv2d(1, 1.5, 1), "out_channels of Conv2d must be a whole number from 1 to 2147483647, not 1.5"),
    (lambda: Conv2d(1, 1, 0), "kernel_size of Conv2d must be a whole number from 1 to 2147483647, not 0"),
    (lambda: Conv2d(1, 1, (1, 2, 3)), "kernel_size of Conv2d must be a whole number or a pair of them, not (1, 2, 3)"),
    (lambda: Conv2d(1, 1, 1, stride=0), "stride of Conv2d must be a whole number from 1 to 2147483647, not 0"),
    (lambda: Conv2d(1, 1, 1, padding=-1), "padding of Conv2d must be a whole number from 0 to 2147483647, not -1"),
    (lambda: Conv2d(1, 1, 1, padding="same"),
     "padding of Conv2d must be a whole number from 0 to 2147483647, not 'same'"),
    (lambda: Conv2d(1, 1, 1, bias=1), "bias of Conv2d must be True or False, not 1"),
    (lambda: MaxPool2d((2, 0)), "kernel_size of MaxPool2d must be a whole number from 1 to 2147483647, not 0"),
    (lambda: MaxPool2d(2, 0), "stride of MaxPool2d must be a whole number from 1 to 2147483647, not 0"),
    (lambda: BatchNorm2d(0), "num_features of BatchNorm2d must be a whole number from 1 to 2147483647, not 0"),
    (lambda: BatchNorm2d(1, eps=0), "eps of BatchNorm2d must be a finite number above 0, not 0"),
    (lambda: BatchNorm2d(1, momentum=-0.1), "momentum of BatchNorm2d must be a finite number above 0, not -0.1"),
    (lambda: BatchNorm2d(1, momentum=1.5), "momentum of BatchNorm2d must be at most 1, not 1.5"),
])
def test_invalid_layers(make, message):
    with pytest.raises(InputError) as caught:
        make()
    assert str(caught.value) == message


def test_samples_are_flat_rows(impl):
    network = alone(impl, MaxPool2d(2), (1, 2, 2))
    with pytest.raises(InputError, match=r"x\[0\] has 2 numbers, the network needs 4"):
        network.forward([[1, 2]])
    assert network.forward(pixels(bytes([0, 255, 0, 0]))) == [[1.0]]


def test_batches_too_large_for_memory(monkeypatch):
    monkeypatch.setattr(native, "LARGEST_WORKSPACE", 2**18)
    network = Network(Model([BatchNorm2d(1), Flatten(), Linear(64, 2)], "cross_entropy", input_shape=(1, 8, 8)), "c")
    x, y = [[0.5] * 64] * 2000, [0] * 2000
    network.train_epoch(x, y, lr=0.1, batch_size=20)
    with pytest.raises(InputError, match="to take 2000 samples through this network at once the C core needs .* "
                                         "BatchNorm2d needs the whole batch"):
        network.train_epoch(x, y, lr=0.1, batch_size=2000)


def test_the_core_rejects_part_of_a_batch():
    network = Network(Model([BatchNorm2d(1)], "sse", input_shape=(1, 1, 1)), "c")
    core, samples = network._implementation, check_samples(network.model, [[1.0]] * 4, [0.0] * 4)
    with pytest.raises(InputError, match="the C core refuses these samples"):
        core.train(samples.inputs, samples.targets, None, 0, 3, 4, 0.1, "sum")


def test_the_core_rejects_images_that_do_not_fit():
    lib, ffi = native.lib, native.ffi
    right = native.layer_struct(Conv2d(2, 3, 2, 1, 1), (2, 4, 5), (3, 5, 6))
    for wrong in ({}, {"inputs": 41}, {"z": (3, 5, 7)}, {"stride": (0, 1)}, {"kernel": (9, 9)}, {"padding": (-1, 1)},
                  {"x": (0, 4, 5)}):
        layers = ffi.new("refnn_layer[]", [{**right, **wrong}])
        model = ffi.new("refnn_model *", {"layers": layers, "layer_count": 1, "threads": 1})
        assert (lib.refnn_parameter_count(model) == 27) == (not wrong)


def test_scales_of_initialisation(impl):
    """The same random numbers, scaled: fan_in of Conv2d(3, 8, (2, 4)) is 24, fan_out is 64."""
    layer = Conv2d(3, 8, (2, 4))
    drawn = {init: list(Network(Model([layer], init=init, input_shape=(3, 4, 4)), impl).parameters) for init in INITS}
    for init, scale in (("normal_0.1", 0.1), ("fan_in", 1.0 / math.sqrt(24)), ("fan_out", 0.125),
                        ("he", math.sqrt(2.0 / 24))):
        assert_same_bits(drawn[init], [scale * v + 0.0 for v in drawn["normal"]])
    assert_same_bits(list(Network(Model([Linear(6, 5)], init="he"), impl).parameters),
                     [math.sqrt(2.0 / 6) * v + 0.0 for v in Network(Model([Linear(6, 5)], init="normal"),
                                                                    impl).parameters])


def test_pooling_of_many_channels(impl):
    channels = 30000
    made = Network(Model([MaxPool2d(2)], "sse", input_shape=(channels, 2, 2)), impl)
    image = [v for c in range(channels) for v in (0.0, 1.0, 2.0, float(c))]
    assert made.forward([image]) == [[max(2.0, float(c)) for c in range(channels)]]


def test_processors_that_appear_later_are_not_used(monkeypatch):
    """The workspace is large enough for the number of processors at the time when the network was made."""
    monkeypatch.setattr(native, "processors", lambda: 1)
    made = Network(Model([Conv2d(16, 16, 5)], "sse", input_shape=(16, 24, 24)), "c")
    monkeypatch.setattr(native, "processors", lambda: 8)
    for _ in range(2 * native.TRIALS + 2):
        made.forward([[0.5] * made.model.inputs] * 4)
        assert made._implementation._workspaces[0].model.threads == 1
