"""Arrays as other libraries have them: images, columns of labels, PyTorch and pandas; and the rule for bytes."""

import warnings

import pytest
from bits import assert_same_bits
from refnn import Conv2d, Flatten, InputError, Linear, Model, Network, ReLU, check_samples, mlp, pixels

numpy = pytest.importorskip("numpy")

X = numpy.arange(2 * 3 * 4 * 5, dtype=float).reshape(2, 3, 4, 5) / 7  # two images of 3 channels
ROWS = X.reshape(2, 60)


@pytest.fixture
def images(impl):
    layers = [Conv2d(3, 2, 3), ReLU(), Flatten(), Linear(12, 4)]
    return Network(Model(layers, loss="cross_entropy", input_shape=(3, 4, 5)), impl)


@pytest.fixture
def rows(impl):
    return Network(mlp([60, 4], loss="cross_entropy"), impl)


def test_images_in_any_number_of_dimensions(images, rows):
    for network in (images, rows):
        expected = network.loss(ROWS.tolist(), [1, 3])
        for form in (X, ROWS, X.ravel(), numpy.asfortranarray(X), memoryview(X)):
            assert network.loss(form, [1, 3]) == expected
    grey = Network(Model([Conv2d(1, 2, 3), Flatten(), Linear(12, 2)], input_shape=(1, 4, 5)))
    assert_same_bits(grey.forward(X[:, 0]), grey.forward(X[:, :1].copy()))
    assert_same_bits(grey.forward(X[:, 0]), grey.forward(X[:, 0].reshape(2, 20)))


NEEDED = ", the network needs rows of 60, or images of 3 x 4 x 5 (channels, rows, columns)"


@pytest.mark.parametrize("shape, message", [
    ((2, 4, 5, 3), f"x has shape (2, 4, 5, 3){NEEDED}; x.transpose(0, 3, 1, 2) puts the channels first"),
    ((2, 3, 5, 4), f"x has shape (2, 3, 5, 4){NEEDED}"),
    ((2, 3, 4), f"x has shape (2, 3, 4){NEEDED}"),
    ((3, 59), f"x has shape (3, 59){NEEDED}"),
    ((61,), "x has 61 numbers, which are not rows of 60")])
def test_other_shapes_are_refused_with_a_hint(images, shape, message):
    with pytest.raises(InputError) as caught:
        images.forward(numpy.zeros(shape))
    assert str(caught.value) == message


@pytest.mark.parametrize("kind", ["f2", ">f8", ">f4", ">i2", "<i8", "?", "u4"])
def test_every_type_of_numbers(images, kind):
    x = numpy.array(X).reshape(2, *images.model.shapes[0]).astype(kind)
    assert images.forward(x) == images.forward(x.astype(float))


def test_pixels_as_targets():
    """Of an autoencoder: inputs and targets are byte / 255."""
    picture = pixels(bytes(range(120)))
    network = Network(mlp([60, 4, 60]))
    fractions = numpy.arange(120).reshape(2, 60) / 255
    assert network.loss(picture, picture) == network.loss(fractions, fractions)


def test_columns_of_labels(images):
    expected = images.loss(X, [1, 3])
    for form in (numpy.array([[1], [3]]), numpy.array([[1.0], [3.0]]), [[1], [3]], [(1,), (3,)],
                 numpy.array([1, 3], "u1"), numpy.array([[1], [3]], object)):
        assert images.loss(X, form) == expected
    squared = Network(mlp([60, 4], loss="mse"))
    assert squared.loss(X, [[1], [3]]) == squared.loss(X, [1, 3]) == squared.loss(X, numpy.array([[1], [3]]))
    one = Network(mlp([60, 1]))
    assert one.loss(X, [[1], [3]]) == one.loss(X, [1, 3])


def test_tensors_of_pytorch(images):
    torch = pytest.importorskip("torch")
    expected = images.loss(X, [1, 3])
    assert images.loss(torch.tensor(X), torch.tensor([1, 3])) == expected
    assert images.loss(torch.tensor(X), torch.tensor([[1], [3]])) == expected
    with pytest.raises(InputError, match=r"x cannot be read as an array: .*detach\(\)"):
        images.loss(torch.tensor(X, requires_grad=True), [1, 3])


def test_frames_of_pandas(rows):
    pandas = pytest.importorskip("pandas")
    expected = rows.loss(ROWS, [1, 3])
    assert rows.loss(pandas.DataFrame(ROWS), pandas.Series([1, 3])) == expected
    assert rows.loss(pandas.DataFrame(ROWS), pandas.DataFrame({"label": [1, 3]})) == expected
    with pytest.raises(InputError, match=r"x\[0\]\[0\] is 'a', not a number"):
        Network(mlp([2, 1])).forward(pandas.DataFrame({"name": ["a", "b"], "size": [1.0, 2.0]}))


def test_arrays_of_dates(rows):
    """They have no buffer, and __array__ returns them as they are."""
    with pytest.raises(InputError, match=r"^x\[0\]\[0\] is \w+.datetime64\('2020-01-01'\), not a number$"):
        rows.forward(numpy.array([["2020-01-01"] * 60], "datetime64[D]"))


# Bytes


def test_bytes_are_numbers_and_pixels_only_by_request(rows):
    data = numpy.arange(120).reshape(2, 60) % 60
    expected = rows.forward(data.tolist())
    for kind in ("u1", "i1", "i8", "u2", "f4", "f8"):
        assert_same_bits(rows.forward(data.astype(kind)), expected)
        assert_same_bits(rows.forward(pixels(data.astype(kind))), rows.forward((data / 255.0).tolist()))


@pytest.mark.parametrize("x", [[[256]], [[-1]], [[0.5]], [["a"]], [[None]], 3, [[float("nan")]], [[10**400]]])
def test_pixels_that_are_none(x):
    if x == 3:
        assert len(pixels(x)) == 1
        return
    with pytest.raises(InputError, match="pixels must be whole numbers from 0 to 255"):
        pixels(x)


def test_the_shape_of_pixels(rows):
    with pytest.raises(InputError, match="x has 61 pixels, which are not rows of 60"):
        rows.forward(pixels(bytes(61)))
    with pytest.raises(InputError, match="x is empty"):
        rows.forward(pixels(b""))


def test_a_warning_of_the_trap():
    """Pixels from 0 to 255 that are taken as numbers train to chance."""
    model = mlp([100, 3])
    data = numpy.arange(500).reshape(5, 100) % 256
    for form in (data, data.astype("u1"), data.astype(float), data.tolist(), bytes(data.astype("u1"))):
        with pytest.warns(UserWarning, match=r"x looks like pixels .*; refnn.pixels\(x\) makes them byte / 255"):
            check_samples(model, form, [0, 1, 2, 0, 1])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_samples(model, pixels(data), [0, 1, 2, 0, 1])
        for fine in (data / 255, data % 17, data + 0.5, data * 10, data - 1):
            check_samples(model, fine, [0, 1, 2, 0, 1])
