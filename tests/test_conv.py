"""Convolution: by hand, in whole numbers, in its order of sums, and gradients. Also the gradients of Flatten."""

from fractions import Fraction

import pytest
from networks import alone, check_gradients
from refnn import Conv2d, Flatten
from refnn.implementations import c as native
from refnn.reference.prng import stream

LONE = {"conv": (Conv2d(2, 3, (3, 2), (1, 2), (1, 0)), (2, 4, 5)),
        "conv without bias": (Conv2d(1, 9, 3, bias=False), (1, 5, 4)),
        "strided": (Conv2d(2, 2, 2, 3, 2), (2, 5, 6)), "flatten": (Flatten(), (2, 2, 2))}


def test_convolution_by_hand(impl):
    """The kernel is not flipped. With padding 1 and stride 2, the outputs are at the corners."""
    x = [[1, 2, 3, 4, 5, 6, 7, 8, 9]]
    network = alone(impl, Conv2d(1, 1, 2), (1, 3, 3), [1, 10, 100, 1000, 0.5])
    assert network.forward(x) == [[5421.5, 6532.5, 8754.5, 9865.5]]
    network = alone(impl, Conv2d(1, 1, 3, stride=2, padding=1, bias=False), (1, 3, 3),
                    [0, 0, 0, 0, 1, 10, 0, 100, 1000])
    assert network.forward(x) == [[1 + 20 + 400 + 5000, 3 + 600, 7 + 80, 9]]
    two = alone(impl, Conv2d(2, 2, 1), (2, 1, 2), [1, 2, 3, 4, 0.5, 0.25])
    assert two.forward([[1, 2, 10, 20]]) == [[21.5, 42.5, 43.25, 86.25]]


def test_convolution_sums_over_channel_row_column(impl):
    """2^53 + 1 - 2^53 is 0, 2^53 - 2^53 + 1 is 1."""
    big = 2.0**53
    network = alone(impl, Conv2d(2, 1, (1, 2)), (2, 1, 2), [1, 1, 1, 1, 0])
    assert network.forward([[1, big, -big, 0], [big, -big, 1, 0], [1, 0, big, -big],
                            [big, 0, -big, 1]]) == [[0], [1], [0], [1]]
    network.parameters = [1, 1, 0, 0, big]  # the bias comes first
    assert network.forward([[1, -big, 0, 0]]) == [[0]]


def exact_convolution(layer, x, w, b, dz, size):
    """z, dx, dw, db of one sample, in fractions: x[c, y, x], w[o, c, i, j], dz[o, r, s] or a function of z."""
    channels, height, width = size
    (_, rows, columns), (sr, ss), (pr, ps) = layer.output_shape(size), layer.stride, layer.padding
    taps = [(o, c, i, j, r, s, r * sr + i - pr, s * ss + j - ps) for o in range(layer.out_channels)
            for c in range(channels)
            for i in range(layer.kernel_size[0]) for j in range(layer.kernel_size[1]) for r in range(rows)
            for s in range(columns)]
    taps = [tap for tap in taps if 0 <= tap[6] < height and 0 <= tap[7] < width]
    z = {(o, r, s): Fraction(b[o]) for o in range(layer.out_channels) for r in range(rows) for s in range(columns)}
    for o, c, i, j, r, s, v, u in taps:
        z[o, r, s] += Fraction(w[o, c, i, j]) * Fraction(x[c, v, u])
    dz = dz(z)
    dx, dw, db = dict.fromkeys(x, 0), dict.fromkeys(w, 0), [0] * layer.out_channels
    for o, c, i, j, r, s, v, u in taps:
        dx[c, v, u] += Fraction(w[o, c, i, j]) * dz[o, r, s]
        dw[o, c, i, j] += Fraction(x[c, v, u]) * dz[o, r, s]
    for (o, _, _), d in dz.items():
        db[o] += d
    return z, dx, dw, db


@pytest.mark.parametrize("n", range(12))
def test_convolution_is_exact(impl, n):
    """With small whole numbers nothing is rounded: outputs and gradients equal those of the definition."""
    random = stream(8, n + 1)

    def choose(*options):
        return options[random.below(len(options))]

    layer = Conv2d(choose(1, 2, 3), choose(1, 2, 5), (choose(1, 2, 3), choose(1, 3)), (choose(1, 2), choose(1, 3)),
                   (choose(0, 1), choose(0, 2)))
    size = (layer.in_channels, choose(3, 4, 6), choose(3, 5, 9))
    x = {(c, v, u): random.below(17) - 8 for c in range(size[0]) for v in range(size[1]) for u in range(size[2])}
    w = {(o, c, i, j): random.below(9) - 4 for o in range(layer.out_channels) for c in range(size[0])
         for i in range(layer.kernel_size[0]) for j in range(layer.kernel_size[1])}
    b = [random.below(5) - 2 for _ in range(layer.out_channels)]
    z, dx, dw, db = exact_convolution(layer, x, w, b, lambda z: {place: 2 * value for place, value in z.items()}, size)
    network = alone(impl, layer, size, [*w.values(), *b])
    row, zeros = [list(x.values())], [[0.0] * network.model.outputs]
    assert network.forward(row) == [list(z.values())]
    assert list(network.gradients(row, zeros)) == [*dw.values(), *db]
    assert network.input_gradients(row, zeros) == [list(dx.values())]


@pytest.mark.parametrize("name", LONE)
@pytest.mark.parametrize("between", [False, True])
def test_gradients(impl, name, between):
    check_gradients(impl, *LONE[name], between)


def test_the_core_rejects_images_that_do_not_fit():
    lib, ffi = native.lib, native.ffi
    right = native.layer_struct(Conv2d(2, 3, 2, 1, 1), (2, 4, 5), (3, 5, 6))
    for wrong in ({}, {"inputs": 41}, {"z": (3, 5, 7)}, {"stride": (0, 1)}, {"kernel": (9, 9)}, {"padding": (-1, 1)},
                  {"x": (0, 4, 5)}):
        layers = ffi.new("refnn_layer[]", [{**right, **wrong}])
        model = ffi.new("refnn_model *", {"layers": layers, "layer_count": 1, "threads": 1})
        assert (lib.refnn_parameter_count(model) == 27) == (not wrong)
