"""Compares the gradient of every parameter with a central difference of the loss."""

import pytest
from refnn import Network, mlp
from refnn.layers import ACTIVATIONS
from refnn.model import LOSSES

STEP = 1e-5
TOLERANCE = 1e-6


def worst_difference(network, x, y, reduction):
    """The largest difference between a gradient and its central difference, relative to the largest gradient."""
    gradients = network.gradients(x, y, reduction)
    parameters = network.parameters
    largest = max(map(abs, gradients))
    assert sum(g != 0.0 for g in gradients) > len(gradients) // 2, "most gradients are zero: nothing is tested"
    worst = 0.0
    for k, value in enumerate(parameters):
        around = []
        for moved in (value + STEP, value - STEP):
            shifted = parameters[:]
            shifted[k] = moved
            network.parameters = shifted
            around.append(network.loss(x, y, reduction))
        worst = max(worst, abs((around[0] - around[1]) / (2 * STEP) - gradients[k]) / largest)
    network.parameters = parameters
    return worst


def problem(impl, activation, loss, random, output="identity"):
    network = Network(mlp([4, 6, 5, 3], activation, output, loss=loss, init="normal"), impl, seed=5)
    x = [[random.normal() for _ in range(4)] for _ in range(5)]
    if LOSSES[loss].classes:
        y = [random.below(3) for _ in range(5)]
    else:
        y = [[random.normal() for _ in range(3)] for _ in range(5)]
    return network, x, y


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("reduction", ["sum", "mean"])
def test_gradients_match_central_differences(impl, activation, loss, reduction, random):
    network, x, y = problem(impl, activation, loss, random)
    assert worst_difference(network, x, y, reduction) < TOLERANCE


@pytest.mark.parametrize("output", ACTIVATIONS)
def test_gradients_through_the_output_activation(impl, output, random):
    network, x, y = problem(impl, "tanh", "sse", random, output)
    assert worst_difference(network, x, y, "sum") < TOLERANCE


def test_a_wrong_gradient_is_noticed(impl, random):
    """The gradient of another reduction is wrong by a factor, and the comparison must find that."""
    network, x, y = problem(impl, "sigmoid", "mse", random)
    gradients = network.gradients
    network.gradients = lambda x, y, reduction: gradients(x, y, "sum")
    assert worst_difference(network, x, y, "mean") > 0.1
