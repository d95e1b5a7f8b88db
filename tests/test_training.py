"""Training: Alice's step, the mean of a batch, and slices of a batch."""

import pytest
from bits import difference
from central_differences import problem, worst_difference
from networks import network
from refnn import Linear, Model, Network, Sigmoid, mlp
from refnn.implementations import c as native
from refnn.reference.prng import stream
from refnn.samples import check_samples


def test_alice(impl):
    made = network(impl, mlp([2, 2, 1], output="sigmoid", loss="mse"), [1, 1, 1, 1, 0, 0, 1, 1, 0])
    assert round(made.forward([[-2, -1]])[0][0], 3) == 0.524
    assert round(made.gradients([[-2, -1]], [1])[0], 7) == 0.0214695
    hidden = network(impl, Model([Linear(2, 1), Sigmoid()]), [1, 1, 0])
    assert round(hidden.forward([[-2, -1]])[0][0], 4) == 0.0474


def test_mean_is_taken_with_the_true_size_of_the_last_batch(impl):
    """w = 1, x = 1, y = 0, lr = 1/8: a batch of any size changes w to w - w / 4"""
    made = network(impl, Model([Linear(1, 1, bias=False)], loss="mse"), [1])
    made.train_epoch([[1]] * 3, [0] * 3, lr=0.125, batch_size=2)
    assert list(made.parameters) == [0.5625]
    made.parameters = [1]
    made.train_epoch([[1]] * 3, [0] * 3, lr=0.125, batch_size=2, reduction="sum")
    assert list(made.parameters) == [0.375]  # 1 - 2/4 = 1/2, then 1/2 - 1/8


def test_a_wrong_gradient_is_noticed(impl, random):
    """The gradient of another reduction is wrong by a factor, and the comparison must find that."""
    network, x, y = problem(impl, "sigmoid", "mse", random)
    gradients = network.gradients
    network.gradients = lambda x, y, reduction: gradients(x, y, "sum")
    assert worst_difference(network, x, y, "mean") > 0.1


@pytest.mark.parametrize("batch_size", [1, 70, 200, 333])
def test_slices_and_chunks_change_no_bit(monkeypatch, batch_size):
    """The C core limits the samples at a time and the work of a call. Neither limit changes a bit."""
    random = stream(3, 1)
    x = [[random.normal() for _ in range(5)] for _ in range(333)]
    y = [[random.normal() for _ in range(2)] for _ in range(333)]

    def trained(impl):
        network = Network(mlp([5, 4, 2]), impl)
        network.train(x, y, epochs=2, lr=0.1, batch_size=batch_size, shuffle=True)
        return [*network.parameters, *network.gradients(x, y), *network.evaluate(x, y)[:1], *network.forward(x)]

    expected = trained("python")
    for rows, work in ((64, 20_000_000), (1, 1), (7, 1000), (64, 5000)):
        monkeypatch.setattr(native, "ROWS", rows)
        monkeypatch.setattr(native, "CALL_WORK", work)
        assert difference(trained("c"), expected) is None


@pytest.mark.parametrize("batch_size, sizes", [(32, [32] * 10 + [13]), (500, [128, 128, 77])])
def test_a_slice_is_a_whole_pass(monkeypatch, batch_size, sizes):
    """A call that is limited to less work than a pass over a batch would read every weight more often than needed."""
    if native.simd() == native.simd_names()["plain"]:
        sizes = [333] if batch_size == 500 else sizes  # the twins compute a batch as a whole
    network = Network(mlp([5, 4, 2]), "c")
    samples = check_samples(network.model, [[0.5] * 5] * 333, [[0.5, 0.5]] * 333).watched((seen := []).append)
    monkeypatch.setattr(native, "CALL_WORK", 1)
    network.train_epoch(samples, lr=0.1, batch_size=batch_size)
    assert seen == sizes
    seen.clear()
    network.loss(samples)
    assert seen == [128, 128, 77]
