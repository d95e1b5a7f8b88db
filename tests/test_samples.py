"""Data at the edge: Samples made by hand, buffers of every form, numbers that would lose a part of themselves."""

import math
from array import array
from decimal import Decimal
from fractions import Fraction

import pytest
from bits import difference
from refnn import InputError, Linear, Model, Network, Samples, check_samples, mlp, pixels
from refnn.samples import Rows, one_hot_rows

X = Rows(memoryview(array("d", range(6))), 2)  # three samples of two numbers
CLASSES = array("i", [0, 1, 0])


def rows(count, width, kind="d"):
    return Rows(memoryview(array(kind, bytes(count * width * array(kind).itemsize))), width)


@pytest.mark.parametrize("targets, outputs, message", [
    (rows(3, 1), 50, "targets of Samples must be rows of 50 doubles"),
    (rows(3, 2), 1, "targets of Samples must be rows of 1 doubles"),
    (rows(3, 1, "B"), 1, "targets of Samples must be rows of 1 doubles"),
    (rows(2, 1), 1, "x has 3 samples, y has 2"),
    (array("d", [0.0]), 2, "targets of Samples must be Rows or an array of type 'i', not array('d', [0.0])"),
    (array("q", [0, 1]), 2, "targets of Samples must be Rows or an array of type 'i', not array('q', [0, 1])"),
    ([0, 1, 0], 2, "targets of Samples must be Rows or an array of type 'i', not [0, 1, 0]"),
    (array("i", [0, 2, 0]), 2, "targets of Samples must be classes from 0 to 1"),
    (array("i", [0, -1, 0]), 2, "targets of Samples must be classes from 0 to 1"),
    (array("i", [0, 1]), 2, "x has 3 samples, y has 2"),
    (CLASSES, 0, "outputs must be a whole number from 1 to 2147483647, not 0"),
    (Rows(memoryview(array("d", [math.nan] * 3)), 1), 1, "y[0][0] is nan, not a finite number"),
    (None, 1, "targets of Samples must be Rows or an array of type 'i', not None"),
])
def test_samples_that_do_not_fit(targets, outputs, message):
    with pytest.raises(InputError) as caught:
        Samples(X, targets, outputs, False)
    assert str(caught.value) == message


@pytest.mark.parametrize("values, width, message", [
    (memoryview(array("f", [1, 2])), 2, "values of Rows must be a flat memoryview of doubles or bytes, not <memory at"),
    (memoryview(array("d", range(8)))[::2], 2, "values of Rows must be a flat memoryview of doubles or bytes"),
    (memoryview(bytes(8)).cast("B", (2, 4)), 2, "values of Rows must be a flat memoryview of doubles or bytes"),
    ([1.0, 2.0], 2, r"values of Rows must be a flat memoryview of doubles or bytes, not \[1.0, 2.0\]"),
    (memoryview(array("d", range(5))), 2, "5 values are not rows of 2"),
    (memoryview(array("d", range(4))), 0, "width of Rows must be a whole number from 1"),
])
def test_rows_that_do_not_fit(values, width, message):
    with pytest.raises(InputError, match=message):
        Rows(values, width)


def test_samples_changed_after_their_check_are_refused(impl):
    """Nothing that is changed later may let C read out of bounds."""
    network = Network(mlp([2, 2], loss="cross_entropy"), impl)
    for change in (lambda samples: samples.targets.__setitem__(0, 99), lambda samples: samples.targets.pop(),
                   lambda samples: setattr(samples, "targets", array("d", [0, 1, 0])),
                   lambda samples: setattr(samples.inputs, "width", 1), lambda samples: setattr(samples, "inputs", 7),
                   lambda samples: setattr(samples.inputs, "values", memoryview(array("f", range(6))))):
        samples = Samples(Rows(X.values, 2), array("i", CLASSES), 2, True)
        network.loss(samples)
        change(samples)
        with pytest.raises(InputError):
            network.loss(samples)


def test_misaligned_buffers(impl):
    """A buffer of doubles may begin anywhere: it is the same as an aligned one."""
    network = Network(mlp([2, 3, 1], "tanh"), impl)
    x, y = array("d", [0.5, -1.0, 2.0, 3.0]), array("d", [1.0, 0.0])
    shifted = [memoryview(b"\0" * k + values.tobytes())[k:].cast("d") for values in (x, y) for k in (1, 3)]
    assert network.loss(shifted[0], shifted[2]) == network.loss(shifted[1], shifted[3]) == network.loss(x, y)
    assert network.predict(shifted[0]) == network.predict(x)
    assert network.gradients(shifted[1], shifted[2]) == network.gradients(x, y)


@pytest.mark.parametrize("kind", ["complex64", "complex128", "clongdouble"])
def test_complex_numbers_are_refused(impl, kind):
    numpy = pytest.importorskip("numpy")
    network = Network(mlp([2, 1]), impl)
    values = numpy.array([[1 + 2j, 3]], kind)
    for x in (values, values[0], list(values), values.tolist(), [[values[0, 0], 1.0]], values.astype("O"),
              [[1.0, values[0, 0]]], [[1.0, 2j]]):
        with pytest.raises(InputError, match="not a number|which are not rows|must be a row"):
            network.forward(x)
    with pytest.raises(InputError, match=r"y\[0\]"):
        network.loss([[1, 2]], values[0, :1])
    with pytest.raises(InputError, match=r"parameters\[0\] is .*, not a number"):
        network.parameters = numpy.zeros(3, kind)


def test_numbers_that_floats_do_not_add(impl):
    network = Network(mlp([2, 1]), impl)
    assert network.predict([[1.0, Decimal("0.5")]]) == network.predict([[1.0, 0.5]])


def test_masks(impl):
    numpy = pytest.importorskip("numpy")
    network = Network(mlp([2, 1]), impl)
    masked = numpy.ma.masked_array([[1.0, 2.0], [3.0, 4.0]], [[False, False], [True, False]])
    whole = numpy.ma.masked_array([[1.0, 2.0], [3.0, 4.0]])
    assert network.forward(whole) == network.forward(whole.data)
    for x in (masked, masked.astype("f"), masked.astype("u1")):
        with pytest.raises(InputError, match="x has masked values"):
            network.forward(x)
    with pytest.raises(InputError, match=r"x\[1\] has masked values"):
        network.forward(list(masked))
    with pytest.raises(InputError, match="y has masked values"):
        network.loss(whole, masked[:, 0])
    with pytest.raises(InputError, match="parameters has masked values"):
        network.parameters = numpy.ma.masked_array([1.0, 2.0, 3.0], [True, False, False])


@pytest.mark.parametrize("value", [10**5000, -10**5000, Decimal("1e999"), Decimal("NaN"), Fraction(10**5000, 3),
                                   "x" * 10**6, {}, [[]]], ids=lambda value: type(value).__name__)
def test_values_without_a_short_text(impl, value):
    network = Network(Model([Linear(1, 2)], "cross_entropy"), impl)
    for call in (lambda: network.forward([[value]]), lambda: network.loss([[1.0]], [value]),
                 lambda: network.forward(value), lambda: network.train([[1.0]], [0], epochs=value, lr=0.1),
                 lambda: Linear(value, 1), lambda: network.train([[1.0]], [0], epochs=1, lr=value),
                 lambda: Network(network.model, impl, seed=value),
                 lambda: Model([Linear(1, 2)], value), lambda: mlp(value), lambda: mlp([1, value]),
                 lambda: setattr(network, "parameters", value), lambda: setattr(network, "parameters", [value] * 4)):
        with pytest.raises(InputError) as caught:
            call()
        assert len(str(caught.value)) < 1000 and "\n" not in str(caught.value)


def test_samples_of_pixels_and_classes_train_alike():
    model = mlp([3, 2], loss="cross_entropy")
    samples = Samples(Rows(memoryview(bytes(range(9))), 3), CLASSES, 2, True)
    after = []
    for impl in ("python", "c"):
        network = Network(model, impl)
        network.train(samples, epochs=3, lr=0.1)
        after.append(network.parameters)
    assert after[0] == after[1]
    assert check_samples(model, samples) is samples


def test_a_digit_4():
    assert one_hot_rows([4], 10)[0] == [0, 0, 0, 0, 1, 0, 0, 0, 0, 0]


def test_data_in_any_form_give_the_same_bits(impl):
    numpy = pytest.importorskip("numpy")  # part of the test extra
    x = numpy.arange(48, dtype=float).reshape(12, 4) / 7
    y = numpy.arange(12) % 3

    def trained(inputs, targets):
        network = Network(mlp([4, 5, 3], loss="cross_entropy"), impl)
        network.train(inputs, targets, epochs=2, lr=0.1)
        return network.parameters

    expected = trained(x.tolist(), y.tolist())
    one_hot = numpy.eye(3)[y]
    assert difference(trained(x, one_hot.astype(numpy.uint8)), expected) is None
    assert difference(trained(x, iter(y.tolist())), expected) is None
    for form in (x, list(map(list, x)), array("d", x.ravel()), memoryview(x), x[:, ::-1][:, ::-1], tuple(map(tuple, x)),
                 [array("d", row) for row in x],
                 numpy.asfortranarray(x)):
        assert difference(trained(form, y), expected) is None
        assert difference(trained(form, one_hot), expected) is None
    for kind in (numpy.float16, numpy.int8, ">f8", object):
        assert difference(trained(numpy.arange(48).reshape(12, 4).astype(kind), y),
                          trained(numpy.arange(48.0).reshape(12, 4), y)) is None
    single = x.astype(numpy.float32)
    assert difference(trained(single, y), trained(single.tolist(), y)) is None
    some = bytes(range(48))
    scaled = trained([[b / 255 for b in some[4 * n:4 * n + 4]] for n in range(12)], y)
    array3 = numpy.arange(48).reshape(12, 2, 2)
    for form in (some, array3, array3.astype("u1"), numpy.asfortranarray(array3.astype("u1")), array3.tolist(),
                 array3.astype(float), list(array3.astype("u1"))):
        assert difference(trained(pixels(form), y), scaled) is None
    assert difference(trained(some, y), trained(numpy.arange(48).reshape(12, 4), y)) is None


def test_targets_in_any_form_give_the_same_bits(impl):
    numpy = pytest.importorskip("numpy")
    network = Network(mlp([2, 3], loss="mse"), impl)
    x = [[1, 2], [3, 4]]
    expected = network.loss(x, [[1, 0, 0], [0, 0, 1]])
    for form in (numpy.eye(3, dtype=numpy.uint8)[[0, 2]], numpy.eye(3)[[0, 2]], numpy.array([0, 2]),
                 numpy.array([0, 2], "u1"), [0, 2],
                 bytes([0, 2]), list(numpy.array([0, 2])), [b"\1\0\0", b"\0\0\1"],
                 (row for row in [[1, 0, 0], [0, 0, 1]])):
        assert network.loss(x, form) == expected
    many = numpy.zeros((5000, 3), numpy.uint8)
    assert network.loss(numpy.zeros((5000, 2)), many) == network.loss(numpy.zeros((5000, 2)), many.astype(float))


def test_doubles_and_bytes_are_not_copied():
    model = Model([Linear(2, 1)])
    x = array("d", [1.0, 2.0, 3.0, 4.0])
    samples = check_samples(model, x, [0, 0])
    x[0] = 9.0
    assert samples.inputs[0] == [9.0, 2.0]
    some = bytearray(4)
    samples = check_samples(model, pixels(some), [0, 0])
    some[3] = 255
    assert samples.inputs[1] == [0.0, 1.0]
