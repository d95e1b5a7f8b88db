"""A fused multiply-add in exp, log, tanh, sin or cos changes an answer of the vectors, unless it changes hardly any."""

import random
import struct
from fractions import Fraction

import pytest
from contractions import PARTS, fma, variant
from refnn.conformance import vectors
from refnn.reference import elementary

pytestmark = pytest.mark.slow

RARE = 500  # random points at which a fused multiply-add that the vectors do not show changes nothing


def points(name):
    return [x for case in vectors.load("elementary", f"elementary/{name}/*fused") for x in case.inputs["x"]]


def bits(function, xs):
    return [struct.pack("<d", function(x)) for x in xs]


def shown(name):
    """The numbers of the sums in which a fused multiply-add changes an answer, and of those in which it does not."""
    xs = points(name)
    right = bits(getattr(elementary, name), xs)
    count = variant(PARTS[name], set())[1]
    changed = {number for number in range(count) if bits(variant(PARTS[name], {number})[0][name], xs) != right}
    return changed, set(range(count)) - changed


@pytest.mark.parametrize("name", PARTS)
def test_without_fused_sums_nothing_changes(name):
    xs = points(name)
    assert bits(variant(PARTS[name], set())[0][name], xs) == bits(getattr(elementary, name), xs)


@pytest.mark.parametrize("name", PARTS)
def test_a_fused_sum_that_the_vectors_do_not_show_changes_hardly_any_result(name):
    generator = random.Random(1)
    xs = [abs(v) if name == "log" else v for v in (generator.uniform(-12.0, 12.0) for _ in range(RARE))]
    right = bits(getattr(elementary, name), xs)
    _, hidden = shown(name)
    for number in hidden:
        changed = sum(a != b for a, b in zip(bits(variant(PARTS[name], {number})[0][name], xs), right))
        assert changed == 0, f"sum {number} of {name}: {changed} of {RARE}"


@pytest.mark.parametrize("name", PARTS)
def test_several_fused_sums_are_shown(name):
    generator = random.Random(2)
    xs = points(name)
    right = bits(getattr(elementary, name), xs)
    changed, hidden = shown(name)
    every = sorted(changed | hidden)
    for chosen in [set(every), *({generator.choice(sorted(changed)), *generator.sample(every, 3)} for _ in range(60))]:
        assert bits(variant(PARTS[name], chosen)[0][name], xs) != right, chosen


@pytest.mark.parametrize("name, exact", [("exp", {0}), ("log", {0, 1, 2, 5, 19, 27})])
def test_sums_where_a_fused_multiply_add_changes_nothing(name, exact):
    """A product with the upper part of ln 2 or with 2 is exact; k times either part of ln 2, and their sum, for every
    exponent k of a double.
    """
    _, hidden = shown(name)
    assert exact <= hidden
    high, low = elementary.LN2_HIGH, elementary.LN2_LOW
    for k in range(-1075, 1025):
        assert Fraction(k) * Fraction(high) == Fraction(k * high)
        assert fma(k, low, k * high) == fma(k, high, k * low) == k * high + k * low


@pytest.mark.parametrize("name, sums", [("exp", {7}), ("log", {8, 11})])
def test_rare_sums_are_shown(name, sums):
    assert sums <= shown(name)[0]


def test_fma_rounds_once():
    x = 1.0 + 2.0**-27
    assert fma(x, x, -(1.0 + 2.0**-26)) == 2.0**-54
    assert str(fma(0.0, 1.0, -0.0)) == "0.0" and str(fma(-0.0, 1.0, -0.0)) == "-0.0"
    assert fma(float("inf"), 1.0, 0.0) == float("inf")
