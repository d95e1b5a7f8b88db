"""Compares the gradient of every parameter with a central difference of the loss."""

from refnn import Network, mlp
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
