"""Buffers of numbers become doubles: the same by the C core and without it."""

import random
import struct
from array import array
from itertools import chain
from math import inf, nan

import pytest

from refnn import buffers, core
from refnn.buffers import NUMBER_FORMATS, are_classes, array_of, doubles, first_not_finite, one_hot_classes

EXTREMES = {"f": [0.0, -0.0, 1.5, -3.4e38, 1e-45, inf, nan], "d": [0.0, -0.0, 0.1, 1.8e308, 5e-324, inf, -inf, nan],
            "?": [False, True]}


@pytest.fixture(params=["with the core", "without the core"])
def either(request, monkeypatch):
    if request.param == "without the core":
        monkeypatch.setattr(buffers, "core", lambda: None)
    else:
        assert buffers.core() is core


def extremes(kind):
    """The least and largest numbers of a format, and some between."""
    if kind in EXTREMES:
        return EXTREMES[kind]
    bits = 8 * struct.calcsize(kind)
    low, high = (-2**(bits - 1), 2**(bits - 1) - 1) if kind.islower() else (0, 2**bits - 1)
    return [low, high, 0, 1, high // 3, high - 1, min(high, 2**53 + 1), min(high, 2**62 + 2**9)]


def bits(values):
    return struct.pack(f"{len(values)}d", *values)


@pytest.mark.usefixtures("either")
@pytest.mark.parametrize("kind", NUMBER_FORMATS)
def test_every_format_and_address(kind):
    values = extremes(kind) * 9
    packed = struct.pack(f"{len(values)}{kind}", *values)
    values = [float(value) for value in struct.unpack(f"{len(values)}{kind}", packed)]
    for offset in range(9):
        view = memoryview(bytes(offset) + packed + bytes(8 - offset))[offset:offset + len(packed)].cast(kind)
        assert bits(doubles(view)) == bits(values)
        assert bits(array_of(doubles(view, negative_zero=False))) == bits([value + 0.0 for value in values])


@pytest.mark.usefixtures("either")
def test_rows_in_any_order():
    numpy = pytest.importorskip("numpy")
    x = numpy.arange(24, dtype="float32").reshape(4, 6)
    for view in (x, x.T, x[::2], x[:, ::-3], x.astype("d").T, numpy.asfortranarray(x.astype("q"))):
        assert doubles(memoryview(view)).tolist() == view.astype("d").ravel().tolist()


def test_doubles_are_not_copied():
    values = array("d", [1.0, 2.0])
    view = doubles(memoryview(values))
    values[1] = 5.0
    assert view.tolist() == [1.0, 5.0]


@pytest.mark.usefixtures("either")
@pytest.mark.parametrize("wrong", [inf, -inf, nan])
def test_the_first_number_that_is_not_finite(wrong):
    finite = [0.0, -0.0, 1.7976931348623157e308, -1.7976931348623157e308, 5e-324, -2.0] * 25
    assert first_not_finite(memoryview(array("d", finite))) is None
    for place in (0, 1, 62, 63, 64, 65, 127, 128, 148, 149):
        values = array("d", finite)
        values[place] = values[-1] = wrong
        assert first_not_finite(values) == place
    assert first_not_finite(array("d")) is None


@pytest.mark.usefixtures("either")
def test_one_hot_rows():
    rows = [[0.0, 1.0, 0.0], [1.0, -0.0, 0.0], [0.0, 0.0, 1.0]]
    for wrong in ([0.0, 0.0, 0.0], [1.0, 1.0, 0.0], [0.0, 1.0, 1.0], [0.0, 0.5, 0.0], [1.0, 0.0, 5e-324],
                  [0.0, nan, 1.0]):
        for n in range(4):
            values = array("d", chain(*rows[:n], wrong, *rows[n:]))
            assert one_hot_classes(memoryview(values), 3).tolist() == [1, 0, 2][:n]
    assert one_hot_classes(memoryview(array("d", chain(*rows))), 3).tolist() == [1, 0, 2]


@pytest.mark.usefixtures("either")
@pytest.mark.parametrize("values, right", [([0, 2, 1], True), ([], True), ([2**31 - 1], False), ([0, 3], False),
                                           ([0, 1, -1], False)])
def test_classes(values, right):
    assert are_classes(array("i", values), 3) is right


@pytest.mark.usefixtures("either")
def test_random_buffers():
    source = random.Random(8)
    for _ in range(200):
        count = source.randrange(1, 300)
        values = array("d", struct.pack(f"{count}Q", *(source.getrandbits(64) for _ in range(count))))
        plain = [n for n, value in enumerate(values) if value - value != 0.0]
        assert first_not_finite(values) == (plain[0] if plain else None)
