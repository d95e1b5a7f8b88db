"""Networks for tests: with given parameters, of one layer, and the gradient check of a layer."""

import math

from refnn import BatchNorm2d, Conv2d, Flatten, Identity, Linear, Model, Network, gradient_check
from refnn.reference.prng import stream


def network(impl, model, parameters):
    """A network with these parameters."""
    made = Network(model, impl)
    made.parameters = parameters
    return made


def alone(impl, layer, shape, parameters=None):
    """A network of one layer, of images of that shape."""
    network = Network(Model([layer], "sse", input_shape=shape), impl)
    if parameters is not None:
        network.parameters = parameters
    return network


def check_gradients(impl, layer, shape, between):
    """Gradients of the layer alone, and of a layer before it, which get the gradient of its inputs."""
    random = stream(6, 1)
    layers = [layer, Flatten(), Linear(math.prod(layer.output_shape(shape)), 3)]
    if between:
        layers = [Conv2d(shape[0], shape[0], 1) if len(shape) == 3 else Identity(), *layers]
    network = Network(Model(layers, "cross_entropy", "he", shape), impl, seed=1)
    if isinstance(layer, BatchNorm2d):
        network.parameters = [p + 0.25 for p in network.parameters]
    x = [[random.normal() for _ in range(network.model.inputs)] for _ in range(4)]
    before = network.parameters, network.buffers
    result = gradient_check(network, x, [0, 1, 2, 1])
    assert result.passed and 0.0 < result.worst < 1e-6, result
    assert (network.parameters, network.buffers) == before
