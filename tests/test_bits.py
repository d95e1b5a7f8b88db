"""The comparison that all other tests rest on."""

import math

import pytest
from bits import difference


@pytest.mark.parametrize("a, b", [
    (0.0, -0.0), (1.0, math.nextafter(1.0, 2.0)), (math.nan, 1.0), (math.inf, -math.inf), (1.0, 1), (None, 0.0),
    ([1.0], [1.0, 2.0]), ([[1.0]], [[1.5]]), ({"a": 1.0}, {"b": 1.0}), ("a", "b"), (["a"], "a"), ({0: 1}, [1])])
def test_difference_is_found(a, b):
    assert difference(a, b)
    assert difference(b, a)


@pytest.mark.parametrize("a, b", [(math.nan, -math.nan), (0.5, 0.5), ([1.0, [2.0]], [1.0, [2.0]]), ("a", "a"),
                                  (None, None)])
def test_no_difference(a, b):
    assert difference(a, b) is None


def test_difference_names_the_place_and_the_bits():
    assert difference({"w": [[1.0, 2.0]]}, {"w": [[1.0, 2.5]]}) == (
        ".w[0][1]: 2.0 (4000000000000000) is not 2.5 (4004000000000000)")
