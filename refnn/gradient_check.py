"""Is a gradient right? Compares every derivative of a network's loss with a finite difference."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Sequence
from math import isnan
from typing import NamedTuple

from .checks import shown
from .errors import InputError
from .layers import parameter_count
from .model import Model
from .network import Network
from .samples import Numbers, Rows, Samples, check_samples

LIMIT = 1e-6
STEPS = (1e-5, 1e-6, 1e-4)  # the second and third if a kink, such as relu's, lies within the first


class GradientCheck(NamedTuple):
    """The result of gradient_check.

    passed: whether every derivative is right to 1e-6
    worst:  the largest error of a derivative, as a fraction of the largest derivative by its layer's parameters, or by
            the inputs
    where:  that derivative, or what is wrong, in words; the mistake is there, or in dx of a later layer
    """

    passed: bool
    worst: float
    where: str


def gradient_check(network: Network, x: Numbers | Samples, y: Numbers | None = None,
                   reduction: str | None = None) -> GradientCheck:
    """Compares every derivative of network.batch_loss, by each parameter and each input, with a central difference.

    Fails if all derivatives by a layer's parameters, or by the inputs, are zero: then nothing is tested. Raises
    InputError as network.loss does. The network is left unchanged.
    """
    if not isinstance(network, Network):
        raise InputError(f"network must be a Network, not {shown(network)}")
    samples = check_samples(network.model, x, y)
    parameters = network.parameters
    values = [*parameters, *(v for row in samples.inputs for v in row)]
    derivatives = [*network.gradients(samples, reduction=reduction),
                   *(d for row in network.input_gradients(samples, reduction=reduction) for d in row)]

    def difference(k: int, step: float) -> float:
        losses = []
        for to in (values[k] + step, values[k] - step):
            moved = array("d", values)
            moved[k] = to
            network.parameters = moved[:len(parameters)]
            inputs = Rows(memoryview(moved[len(parameters):]), samples.inputs.width)
            losses.append(network.batch_loss(Samples(inputs, samples.targets, samples.outputs, samples.classes),
                                             reduction=reduction))
        return (losses[0] - losses[1]) / (2.0 * step)

    found = [largest_error(start, stop, words, derivatives, difference)
             for start, stop, words in groups(network.model, len(values))]
    network.parameters = parameters
    return max(found, key=lambda check: check.worst)


def groups(model: Model, count: int) -> Iterator[tuple[int, int, Callable[[int], str]]]:
    """-> start, stop, and a description of number k, for the parameters of each layer, and for the inputs after them"""
    start = 0
    for n, layer in enumerate(model.layers):
        stop = start + parameter_count(layer)
        if stop > start:
            yield start, stop, f"parameter {{}} of layer {n}, {type(layer).__name__}".format
        start = stop
    yield start, count, lambda k: f"input {k % model.inputs} of sample {k // model.inputs}"


def largest_error(start: int, stop: int, words: Callable[[int], str], derivatives: Sequence[float],
                  difference: Callable[[int, float], float]) -> GradientCheck:
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
