"""Layers of images: random stacks of every layer give the same bits from both implementations, with every instruction set and
number of threads; and each layer alone gives what was worked out by hand or with fractions.

REFNN_TEST_SEED chooses other cases; a failure names the case, and `case(n)` makes it again.
"""

import functools
import math
import os
from fractions import Fraction

import pytest
from bits import assert_same_bits, difference
from refnn import (BatchNorm2d, Conv2d, DivergenceError, Flatten, InputError, Linear, MaxPool2d, Model, Network, ReLU, Tanh,
                   check_samples, native)
from refnn.model import ACTIVATIONS, INITS
from refnn.reference import batchnorm, conv, pool
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
        return Conv2d(channels, choose(1, 2, 3, 4, 5, 8, 9), tuple(kernel), (choose(1, 1, 1, 2, 3), choose(1, 1, 1, 2, 3)), tuple(padding),
                      choose(True, False))
    if kind == "pool":
        kernel = [choose(*range(1, min(3, length) + 1)) for length in size]
        return MaxPool2d(tuple(kernel), choose(None, 1, 2, (2, 3), (3, 1)))
    return BatchNorm2d(channels, choose(1e-5, 0.5), choose(0.1, 1.0)) if kind == "norm" else ACTIVATIONS[choose(*ACTIVATIONS)]()


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
    model = Model(layers, choose("mse", "cross_entropy"), choose("he", *INITS), shape)
    count = choose(1, 2, 3, 7, 11)
    x = [[choose(0.0, -1.0, random.normal(), random.normal(), random.normal()) for _ in range(model.inputs)] for _ in range(count)]
    y = [random.below(model.outputs) for _ in range(count)]
    if model.loss == "mse":
        y = [[random.normal() for _ in range(model.outputs)] for _ in range(count)]
    return model, check_samples(model, x, y), choose(1, 2, 4, 100), choose(0.001, 0.1, 1.0, 1e30)


def outcome(network, samples, batch_size, lr):
    seen = {"initial": network.parameters, "gradients": network.gradients(samples), "dx": network.input_gradients(samples),
            "batch loss": network.batch_loss(samples), "buffers first": network.buffers}
    try:
        seen["history"] = [epoch._replace(seconds=0.0)[:] for epoch in
                           network.train(samples, epochs=2, lr=lr, batch_size=batch_size, shuffle=True)]
    except DivergenceError as error:
        seen["exception"] = str(error)
    return {**seen, "parameters": network.parameters, "buffers": network.buffers, "evaluate": list(network.evaluate(samples)),
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


def test_random_stacks_are_of_all_sorts():
    kinds = {type(layer) for n in range(CASES) for layer in case(n)[0].layers}
    assert {Conv2d, MaxPool2d, BatchNorm2d, Flatten, Linear, ReLU} <= kinds
    diverged = sum("exception" in expected(n) for n in range(CASES))
    assert 0 < diverged < CASES // 2
