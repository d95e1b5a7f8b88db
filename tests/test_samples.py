"""Data at the edge: Samples made by hand, buffers of every form, numbers that would lose a part of themselves."""

import math
from array import array
from decimal import Decimal
from fractions import Fraction

import pytest
from refnn import InputError, Linear, Model, Network, Samples, check_samples, mlp
from refnn.samples import Rows

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
    for x in (values, values[0], list(values), values.tolist(), [[values[0, 0], 1.0]], values.astype("O")):
        with pytest.raises(InputError, match="not a number|which are not rows|must be a row"):
            network.forward(x)
    with pytest.raises(InputError, match=r"y\[0\]"):
        network.loss([[1, 2]], values[0, :1])
    with pytest.raises(InputError, match=r"parameters\[0\] is .*, not a number"):
        network.parameters = numpy.zeros(3, kind)


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
