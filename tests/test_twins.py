"""Random networks, data and settings, some of them invalid, give the same bits or exception with both implementations.

REFNN_TEST_SEED selects other cases. A failure names its case, and `case(n)` makes it again.
"""

import os
from array import array

import pytest
from bits import difference
from refnn import Linear, Model, Network, mlp, pixels
from refnn.layers import ACTIVATIONS
from refnn.model import INITS, LOSSES, REDUCTIONS
from refnn.reference.prng import stream

SEED = int(os.environ.get("REFNN_TEST_SEED", "1"))
COUNT = 300


def case(n):
    """Case number n: a model, data and settings. One case in ten is invalid."""
    random = stream(SEED, n + 1)

    def choose(*options):
        return options[random.below(len(options))]

    sizes = [choose(1, 1, 2, 3, 5, 8, 17, 33) for _ in range(choose(2, 2, 3, 4))]
    loss = choose(*LOSSES)
    model = dict(sizes=sizes, activation=choose(*ACTIVATIONS), output=choose("identity", *ACTIVATIONS),
                 bias=choose(True, False), loss=loss, init=choose(*INITS))
    count = choose(1, 2, 3, 7, 20, 70)
    special = [0.0, -0.0, 1.0, -1.0, 5e-324, 1e-200, 1e200, -1e308]

    def number():
        return choose(*special) if random.below(20) == 0 else choose(0.0, random.normal(), random.normal())

    x = [[number() for _ in range(sizes[0])] for _ in range(count)]
    y = [random.below(sizes[-1]) for _ in range(count)]
    if not LOSSES[loss].classes:
        y = [[random.normal() for _ in range(sizes[-1])] for _ in range(count)]
    settings = dict(lr=choose(0.001, 0.1, 1.0, 30.0), batch_size=choose(1, 2, 3, 8, 100), shuffle=choose(True, False),
                    reduction=choose(None, *REDUCTIONS), epochs=choose(1, 2, 3), lr_decay=choose(1.0, 0.5),
                    lr_decay_every=choose(1, 2))
    if random.below(10) == 0:
        choose(lambda: x.append([0.0] * (sizes[0] + 1)), lambda: y.pop(), lambda: x[-1].__setitem__(0, float("nan")),
               lambda: x[-1].__setitem__(0, "1"), lambda: y.__setitem__(0, sizes[-1]), lambda: settings.update(lr=-1.0),
               lambda: settings.update(batch_size=0), lambda: settings.update(reduction="median"),
               lambda: settings.update(epochs=1.5))()
    return model, x, y, settings


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


@pytest.mark.parametrize("start", range(0, COUNT, 50))
def test_same_bits_or_same_exception(start):
    exceptions = 0
    for n in range(start, start + 50):
        python, c = (outcome(impl, *case(n)) for impl in ("python", "c"))
        found = difference(python, c)
        assert found is None, f"REFNN_TEST_SEED={SEED} case({n}): {found}\n{case(n)}"
        exceptions += "exception" in python
    assert 0 < exceptions < 40, "the cases should be of both sorts"


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


def test_sizes_from_numpy_are_whole_numbers(impl):
    numpy = pytest.importorskip("numpy")
    layer = Linear(numpy.int8(100), numpy.int8(100), False)
    assert Network(Model([layer]), impl).model.parameter_count == 10000


def test_doubles_and_bytes_are_not_copied():
    from refnn import check_samples
    model = Model([Linear(2, 1)])
    x = array("d", [1.0, 2.0, 3.0, 4.0])
    samples = check_samples(model, x, [0, 0])
    x[0] = 9.0
    assert samples.inputs[0] == [9.0, 2.0]
    some = bytearray(4)
    samples = check_samples(model, pixels(some), [0, 0])
    some[3] = 255
    assert samples.inputs[1] == [0.0, 1.0]


@pytest.mark.parametrize("batch_size", [1, 70, 200, 333])
def test_slices_and_chunks_change_no_bit(monkeypatch, batch_size):
    """The C core limits the samples at a time and the work of a call. Neither limit changes a bit."""
    from refnn.implementations import c as native
    random = stream(3, 1)
    x = [[random.normal() for _ in range(5)] for _ in range(333)]
    y = [[random.normal() for _ in range(2)] for _ in range(333)]

    def trained(impl):
        network = Network(mlp([5, 4, 2]), impl)
        network.train(x, y, epochs=2, lr=0.1, batch_size=batch_size, shuffle=True)
        return [*network.parameters, *network.gradients(x, y), *network.evaluate(x, y)[:1], *network.forward(x)]

    expected = trained("python")
    for rows, work in ((64, 20_000_000), (1, 1), (7, 1000), (64, 5000)):
        monkeypatch.setattr(native, "ROWS", rows)
        monkeypatch.setattr(native, "CALL_WORK", work)
        assert difference(trained("c"), expected) is None
