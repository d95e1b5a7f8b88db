"""Random cases give the same bits or exception with both implementations, every instruction set and number of threads.

random_cases.py makes the cases; some of its runs are invalid.
"""

import functools

import pytest
import differential
import random_cases
from bits import difference
from differential import outcome_of_run, outcome_of_stack
from networks import check_gradients
from refnn import Flatten, Linear, Network
from refnn.implementations import c as native

RUNS, STACKS = 150, 30
SIMD = native.simd_names()
THREADS = (1, 3) if native.lib.refnn_has_threads() else (1,)


@pytest.mark.parametrize("start", range(0, RUNS, 50))
def test_same_bits_or_same_exception(start):
    exceptions = 0
    for n in range(start, start + 50):
        python, c = (outcome_of_run(impl, *random_cases.run(n)) for impl in ("python", "c"))
        found = difference(python, c)
        assert found is None, f"REFNN_TEST_SEED={random_cases.SEED} run({n}): {found}\n{random_cases.run(n)}"
        exceptions += "exception" in python
    assert 0 < exceptions < 40, "the cases should be of both sorts"


@functools.cache
def expected(n):
    model, *rest = random_cases.stack(n)
    return outcome_of_stack(Network(model, "python", seed=n), *rest)


@pytest.mark.slow
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
    assert {*random_cases.OF_IMAGES, Flatten, Linear} <= kinds
    diverged = sum("exception" in expected(n) for n in range(STACKS))
    assert 0 < diverged < STACKS


@pytest.mark.parametrize("kind", random_cases.OF_IMAGES)
def test_gradients_of_random_layers(impl, kind):
    for n in range(4):
        random = random_cases.stream(random_cases.SEED, 2000 + n)
        shape = (1 + random.below(3), 3 + random.below(4), 3 + random.below(4))
        check_gradients(impl, random_cases.layer_of(kind, shape, random_cases.chooser(random)), shape, n % 2 == 0)


def test_other_seeds_make_other_cases(monkeypatch):
    first = random_cases.stack(0)
    monkeypatch.setattr(random_cases, "SEED", random_cases.SEED + 1)
    assert random_cases.stack(0)[0] != first[0]


@pytest.mark.parametrize("kind", range(4))
def test_a_sample_of_the_differential_fuzzer(kind):
    seen = [differential.differences(4 * n + kind) for n in range(3)]
    assert [place for _, _, found in seen for place in found] == []
    assert {runs for runs, _, _ in seen} <= set(range(len(SIMD), 2 * len(SIMD) + 1))


@pytest.mark.slow
def test_extreme_cases_overflow():
    ends = [differential.outcome(n, "python") for n in range(2, 120, 4)]
    assert 0 < sum("exception" in end for end in ends) < len(ends)


def test_a_difference_is_found(monkeypatch):
    monkeypatch.setattr(differential, "EXTREME", [1.0])
    right = differential.outcome
    monkeypatch.setattr(differential, "outcome", lambda n, impl, *threads: {**right(n, impl), "impl": impl})
    _, _, found = differential.differences(2)
    assert "--first 2 --cases 1: plain, 1 threads: .impl: 'c' is not 'python'" in found[0]
