"""Activations: worked numbers, and gradients through the output activation."""

import pytest
from bits import assert_same_bits
from central_differences import TOLERANCE, problem, worst_difference
from networks import check_gradients, network
from refnn import Identity, LeakyReLU, Linear, Model, ReLU, Softmax
from refnn.layers import ACTIVATIONS
from refnn.reference import activations


def test_softmax_of_5_and_1(impl):
    made = network(impl, Model([Linear(2, 2, bias=False), Softmax()], loss="mse"), [1, 0, 0, 1])
    assert_same_bits([round(v, 8) for v in made.forward([[5, 1]])[0]], [0.98201379, 0.01798621])
    assert_same_bits(made.forward([[5, 1]])[0], activations.softmax_forward([5.0, 1.0]))


def test_relu_network_by_hand(impl):
    """x = 2 -> z = (1, -4) -> a = (1, 0) -> o = 3 + 1 = 4; y = 2: do = 4, dw2 = (4, 0), db2 = 4, dz = (12, 0)"""
    model = Model([Linear(1, 2), ReLU(), Linear(2, 1)], loss="sse")
    made = network(impl, model, [0.5, -2, 0, 0, 3, 5, 1])
    assert made.forward([[2]]) == [[4.0]]
    assert_same_bits(list(made.gradients([[2]], [2])), [24.0, 0.0, 12.0, 0.0, 4.0, 0.0, 4.0])


def test_relu_is_flat_at_zero_and_never_minus_zero(impl):
    made = network(impl, Model([Linear(1, 3, bias=False), ReLU()], loss="sse"), [1, -1, 0])
    assert_same_bits(made.forward([[0.0], [1.0], [-1.0]]), [[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    assert_same_bits(list(made.gradients([[1.0]], [[5.0, 5.0, 5.0]])), [-8.0, 0.0, 0.0])


def test_leaky_relu_has_its_slope(impl):
    made = network(impl, Model([Linear(1, 1, bias=False), LeakyReLU()], loss="sse"), [1])
    assert made.forward([[-4], [4]]) == [[-0.04], [4.0]]
    assert list(made.gradients([[-4]], [0])) == [2.0 * -0.04 * 0.01 * -4.0]


@pytest.mark.parametrize("output", ACTIVATIONS)
def test_gradients_through_the_output_activation(impl, output, random):
    network, x, y = problem(impl, "tanh", "sse", random, output)
    assert worst_difference(network, x, y, "sum") < TOLERANCE


@pytest.mark.parametrize("name", ["identity"])
@pytest.mark.parametrize("between", [False, True])
def test_gradients(impl, name, between):
    check_gradients(impl, Identity(), (3,), between)
