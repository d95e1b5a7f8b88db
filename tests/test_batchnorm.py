"""Batch normalisation: by hand, the formula in fractions, running statistics, whole batches, gradients."""

import math
from fractions import Fraction

import pytest
from bits import assert_same_bits
from networks import alone, check_gradients
from refnn import BatchNorm2d, Conv2d, DivergenceError, Flatten, InputError, Linear, Model, Network, ReLU, check_samples
from refnn.implementations import c as native
from refnn.reference.prng import stream

LONE = {"norm": (BatchNorm2d(3), (3, 2, 2))}


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


@pytest.mark.parametrize("name", LONE)
@pytest.mark.parametrize("between", [False, True])
def test_gradients(impl, name, between):
    check_gradients(impl, *LONE[name], between)


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


def test_batches_too_large_for_memory(monkeypatch):
    monkeypatch.setattr(native, "LARGEST_WORKSPACE", 2**18)
    network = Network(Model([BatchNorm2d(1), Flatten(), Linear(64, 2)], "cross_entropy", input_shape=(1, 8, 8)), "c")
    x, y = [[0.5] * 64] * 2000, [0] * 2000
    network.train_epoch(x, y, lr=0.1, batch_size=20)
    with pytest.raises(InputError, match="to take 2000 samples through this network at once the C core needs .* "
                                         "BatchNorm2d and REFNN_SIMD=plain need the whole batch"):
        network.train_epoch(x, y, lr=0.1, batch_size=2000)


def test_the_core_rejects_part_of_a_batch():
    network = Network(Model([BatchNorm2d(1)], "sse", input_shape=(1, 1, 1)), "c")
    core, samples = network._implementation, check_samples(network.model, [[1.0]] * 4, [0.0] * 4)
    with pytest.raises(InputError, match="the C core refuses these samples"):
        core.train(samples.inputs, samples.targets, None, 0, 3, 4, 0.1, "sum")
