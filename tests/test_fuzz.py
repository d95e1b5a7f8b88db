"""Random cases give the same bits or exception with both implementations, every instruction set and number of threads.

random_cases.py makes the cases; some of its runs are invalid.
"""

import functools

import pytest
import random_cases
from bits import difference
from refnn import BatchNorm2d, Conv2d, DivergenceError, Flatten, Linear, MaxPool2d, Network, mlp
from refnn.implementations import c as native

RUNS, STACKS = 300, 60
SIMD = native.simd_names()
THREADS = (1, 3) if native.lib.refnn_has_threads() else (1,)


def outcome(impl, model, x, y, settings):
    """All results of a case, including the exception."""
    network = Network(mlp(**model), impl, seed=7)
    seen = {"initial": network.parameters}
    try:
        seen["forward"] = network.forward(x)
        seen["predict"] = network.predict(x)
        seen["gradients"] = network.gradients(x, y, settings["reduction"])
        seen["loss"] = network.loss(x, y, settings["reduction"])
        seen["evaluate"] = list(network.evaluate(x, y))
        seen["history"] = [epoch._replace(seconds=0.0)[:] for epoch in network.train(x, y, **settings)]
        if all(abs(g) < 1e300 for g in seen["gradients"]):
            network.update(seen["gradients"], 0.5)
    except Exception as error:
        seen["exception"] = [type(error).__name__, str(error)]
    seen["final"] = network.parameters
    return seen


@pytest.mark.parametrize("start", range(0, RUNS, 50))
def test_same_bits_or_same_exception(start):
    exceptions = 0
    for n in range(start, start + 50):
        python, c = (outcome(impl, *random_cases.run(n)) for impl in ("python", "c"))
        found = difference(python, c)
        assert found is None, f"REFNN_TEST_SEED={random_cases.SEED} run({n}): {found}\n{random_cases.run(n)}"
        exceptions += "exception" in python
    assert 0 < exceptions < 40, "the cases should be of both sorts"


def outcome_of_stack(network, samples, batch_size, lr):
    seen = {"initial": network.parameters, "gradients": network.gradients(samples),
            "dx": network.input_gradients(samples),
            "batch loss": network.batch_loss(samples), "buffers first": network.buffers}
    try:
        seen["history"] = [epoch._replace(seconds=0.0)[:] for epoch in
                           network.train(samples, epochs=2, lr=lr, batch_size=batch_size, shuffle=True)]
    except DivergenceError as error:
        seen["exception"] = str(error)
    return {**seen, "parameters": network.parameters, "buffers": network.buffers,
            "evaluate": list(network.evaluate(samples)),
            "predict": network.predict([samples.inputs[0]])}


@functools.cache
def expected(n):
    model, *rest = random_cases.stack(n)
    return outcome_of_stack(Network(model, "python", seed=n), *rest)


@pytest.mark.parametrize("n", range(STACKS))
def test_random_stacks(monkeypatch, n):
    model, *rest = random_cases.stack(n)
    for simd in SIMD:
        monkeypatch.setenv("REFNN_SIMD", simd)
        for threads in THREADS:
            found = difference(outcome_of_stack(Network(model, "c", n, threads), *rest), expected(n))
            assert found is None, (f"REFNN_TEST_SEED={random_cases.SEED} stack({n}), {simd}, {threads} threads: "
                                   f"{found}\n{model}")


def test_random_stacks_cover_every_layer():
    kinds = {type(layer) for n in range(STACKS) for layer in random_cases.stack(n)[0].layers}
    assert {Conv2d, MaxPool2d, BatchNorm2d, Flatten, Linear} <= kinds
    diverged = sum("exception" in expected(n) for n in range(STACKS))
    assert 0 < diverged < STACKS


def test_other_seeds_make_other_cases(monkeypatch):
    first = random_cases.stack(0)
    monkeypatch.setattr(random_cases, "SEED", random_cases.SEED + 1)
    assert random_cases.stack(0)[0] != first[0]
