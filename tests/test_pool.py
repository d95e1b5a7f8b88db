"""Pooling: by hand, the first of equal numbers, gradients."""

import pytest
from bits import pattern
from networks import alone, check_gradients
from refnn import MaxPool2d, Model, Network

LONE = {"pool": (MaxPool2d(2), (2, 4, 5)), "overlapping pool": (MaxPool2d(3, (1, 2)), (1, 4, 7))}


def test_pooling_by_hand(impl):
    """Windows with overlapping columns; rows and columns at the edge that do not fill a window are left out."""
    x = [[1, 5, 2, 0, 9,
          3, 4, 7, 7, 9,
          9, 9, 9, 9, 9]]
    network = alone(impl, MaxPool2d(2, (2, 1)), (1, 3, 5))
    assert network.forward(x) == [[5, 7, 7, 9]]
    assert alone(impl, MaxPool2d((2, 2)), (1, 3, 5)).forward(x) == [[5, 7]]
    assert alone(impl, MaxPool2d(1, 2), (1, 3, 5)).forward(x) == [[1, 2, 9, 9, 9, 9]]
    y = [[5 - 0.5, 7 - 1, 7 - 2, 9 - 4]]  # the loss's gradients are 1, 2, 4, 8
    assert network.input_gradients(x, y) == [[0, 1, 0, 0, 8, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0]]


@pytest.mark.parametrize("width", [2, 4, 6, 9, 16, 22, 33])
def test_pooling_returns_the_first_of_equal_numbers(impl, width):
    """All sixteen windows of 0 and 1, and windows with 0.0 and -0.0, at every position of a vector."""
    windows = [[v >> k & 1 for k in range(4)] for v in range(16)] + [[-0.0, 0.0, 0.0, -0.0], [0.0, -0.0, -0.0, 0.0],
                                                                     [-2, -1, -0.0, 0.0]]
    network = alone(impl, MaxPool2d(2), (1, 2, width))
    count = width // 2
    for n in range(len(windows)):
        used = [windows[(n + k) % len(windows)] for k in range(count)]
        x = []
        for half in (0, 2):
            x += [float(v) for w in used for v in w[half:half + 2]] + [9.0] * (width % 2)
        a = network.forward([x])[0]
        assert [pattern(v) for v in a] == [pattern(float(w[w.index(max(w))])) for w in used]
        dx = network.input_gradients([x], [[v - 0.5 for v in a]])[0]
        for k, w in enumerate(used):
            first = w.index(max(w))
            got = [dx[half * width + 2 * k + j] for half in (0, 1) for j in (0, 1)]
            assert got == [1.0 if i == first else 0.0 for i in range(4)]


def test_pooling_of_many_channels(impl):
    channels = 30000
    made = Network(Model([MaxPool2d(2)], "sse", input_shape=(channels, 2, 2)), impl)
    image = [v for c in range(channels) for v in (0.0, 1.0, 2.0, float(c))]
    assert made.forward([image]) == [[max(2.0, float(c)) for c in range(channels)]]


@pytest.mark.parametrize("name", LONE)
@pytest.mark.parametrize("between", [False, True])
def test_gradients(impl, name, between):
    check_gradients(impl, *LONE[name], between)
