"""Losses: worked numbers, large outputs, and gradients of every loss after every activation."""

import pytest
from central_differences import TOLERANCE, problem, worst_difference
from networks import network
from refnn import Linear, Model
from refnn.layers import ACTIVATIONS
from refnn.model import LOSSES
from refnn.reference import losses


def test_mse_of_four():
    assert losses.mse([0.0, 0.0, 0.0, 0.0], [1.0, 0.0, 0.0, 1.0]) == 0.5


def test_mse_of_four_samples(impl):
    zero = network(impl, Model([Linear(1, 1)], loss="mse"), [0.0, 0.0])
    assert zero.loss([[7]] * 4, [1, 0, 0, 1]) == 0.5


def test_argmax_is_the_first_of_equal_outputs(impl):
    made = network(impl, Model([Linear(1, 3, bias=False)], loss="cross_entropy"), [1, 1, 0])
    assert made.evaluate([[1]], [0]).accuracy == 1.0
    assert made.evaluate([[1]], [1]).accuracy == 0.0


def test_cross_entropy_does_not_overflow(impl):
    made = network(impl, Model([Linear(1, 2, bias=False)], loss="cross_entropy"), [1, -1])
    assert made.loss([[1000]], [0]) == 0.0
    assert made.loss([[1000]], [1]) == 2000.0
    assert made.predict([[1000]]) == [[1.0, 0.0]]


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("reduction", ["sum", "mean"])
def test_gradients_match_central_differences(impl, activation, loss, reduction, random):
    network, x, y = problem(impl, activation, loss, random)
    assert worst_difference(network, x, y, reduction) < TOLERANCE
