"""Is a gradient right? Every derivative of a network's loss, held against a difference of two losses."""

from array import array
from math import isnan
from typing import NamedTuple

from .model import parameter_count
from .samples import Rows

LIMIT = 1e-6
STEPS = (1e-5, 1e-6, 1e-4)  # the others where a kink, such as relu's, lies within the first


class GradientCheck(NamedTuple):
    """What gradient_check found.

    passed: whether every derivative is right to 1e-6
    worst:  the largest error of a derivative, as a fraction of the largest derivative by its layer's parameters, or by the inputs
    where:  which derivative that is, or what is wrong, in words; the mistake is there, or in dx of a layer behind it
    """

    passed: bool
    worst: float
    where: str


def gradient_check(network, x, y=None, reduction=None):
    """Compares every derivative of network.batch_loss, by each parameter and each input, with a central difference.

    Where all derivatives by a layer's parameters, or by the inputs, are zero, nothing would be tested: that fails. Raises
    InputError as network.loss does. The network stays as it is.
    """
    samples = network._samples(x, y)
    targets = list(samples.targets) if isinstance(samples.targets, Rows) else samples.targets
    parameters = network.parameters
    values = [*parameters, *(v for row in samples.inputs for v in row)]
    derivatives = [*network.gradients(samples, reduction=reduction),
                   *(d for row in network.input_gradients(samples, reduction=reduction) for d in row)]

    def difference(k, step):
        losses = []
        for to in (values[k] + step, values[k] - step):
            moved = values[:k] + [to] + values[k + 1:]
            network.parameters = moved[:len(parameters)]
            losses.append(network.batch_loss(array("d", moved[len(parameters):]), targets, reduction))
        return (losses[0] - losses[1]) / (2.0 * step)

    found = [largest_error(start, stop, words, derivatives, difference) for start, stop, words in groups(network.model, len(values))]
    network.parameters = parameters
    return max(found, key=lambda check: check.worst)


def groups(model, count):
    """-> start, stop, and words for number k, of each layer's parameters and of the inputs behind them"""
    start = 0
    for n, layer in enumerate(model.layers):
        stop = start + parameter_count(layer)
        if stop > start:
            yield start, stop, f"parameter {{}} of layer {n}, {type(layer).__name__}".format
        start = stop
    yield start, count, lambda k: f"input {k % model.inputs} of sample {k // model.inputs}"


def largest_error(start, stop, words, derivatives, difference):
    """-> the GradientCheck of one group"""
    differences = [difference(k, STEPS[0]) for k in range(start, stop)]
    scale = max(map(abs, [*derivatives[start:stop], *differences]))
    if scale == 0.0:
        return GradientCheck(False, float("inf"), f"{words(0)}: all derivatives are 0 here, so nothing is tested")
    worst = GradientCheck(True, 0.0, words(0))
    for k in range(start, stop):
        error = abs(derivatives[k] - differences[k - start]) / scale
        for step in STEPS[1:]:
            if not error <= LIMIT:
                error = min(error, abs(derivatives[k] - difference(k, step)) / scale)
        if isnan(error):
            error = float("inf")
        if error > worst.worst:
            worst = GradientCheck(error <= LIMIT, error, words(k - start))
    return worst
