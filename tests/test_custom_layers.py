"""Custom layers, and gradient_check, which must find their mistakes."""

import pytest
from bits import assert_same_bits
from refnn import (BatchNorm2d, Conv2d, Flatten, InputError, Linear, MaxPool2d, Model, Network, ReLU, Sigmoid, Tanh,
                   gradient_check, mlp)
from refnn.reference.prng import SplitMix64


class Scale:
    """a[i] = x[i] * s[i]"""

    def __init__(self, values):
        self.parameters = [list(values)]

    def forward(self, x):
        return [[v * s for v, s in zip(row, self.parameters[0])] for row in x]

    def backward(self, x, a, da):
        ds = [0.0] * len(self.parameters[0])
        for row, d_row in zip(x, da):
            for i, (v, d) in enumerate(zip(row, d_row)):
                ds[i] += v * d
        return [[d * s for d, s in zip(d_row, self.parameters[0])] for d_row in da], [ds]


class WrongInput(Scale):
    def backward(self, x, a, da):
        return da, super().backward(x, a, da)[1]


class WrongParameter(Scale):
    def backward(self, x, a, da):
        dx, (ds,) = super().backward(x, a, da)
        ds[-1] *= 1.0 + 1e-5
        return dx, [ds]


class Silent(Scale):
    def backward(self, x, a, da):
        return [[0.0] * len(row) for row in da], [[0.0] * len(self.parameters[0])]


class Lost(Scale):
    def backward(self, x, a, da):
        return [[float("nan")] * len(row) for row in da], [[0.0] * len(self.parameters[0])]


class Short(Scale):
    def backward(self, x, a, da):
        return super().backward(x, a, da)[0], []


class PairSums:
    """Sums of neighbours: half the width. It has no parameters; its buffer counts the training batches."""

    parameters = ()

    def __init__(self, outputs):
        self.outputs = outputs
        self.buffers = [[0.0]]

    def forward(self, x):
        self.buffers[0][0] += self.training
        return [[row[i] + row[i + 1] for i in range(0, len(row), 2)] for row in x]

    def backward(self, x, a, da):
        return [[d for d in row for _ in range(2)] for row in da], ()


def rows(count, width, seed=1):
    random = SplitMix64(seed)
    return [[random.normal() for _ in range(width)] for _ in range(count)]


def network(layer, impl=None):
    return Network(Model([Linear(3, 4), Tanh(), layer, Linear(getattr(layer, "outputs", 4), 2)], "cross_entropy"), impl)


def test_a_custom_layer_trains():
    made = network(Scale([1.0, 2.0, 3.0, 4.0]))
    assert made.impl == "python"
    assert made.model.parameter_count == 16 + 4 + 10
    assert list(made.parameters)[16:20] == [1.0, 2.0, 3.0, 4.0]
    history = made.train(rows(6, 3), [0, 1] * 3, epochs=200, lr=0.5)
    assert history[-1].train_loss < history[0].train_loss / 2
    assert list(made.parameters)[16:20] != [1.0, 2.0, 3.0, 4.0]


def test_a_network_works_on_a_copy():
    layer = Scale([1.0, 2.0, 3.0, 4.0])
    first, second = network(layer), network(layer)
    first.train(rows(6, 3), [0, 1] * 3, epochs=1, lr=0.5)
    assert layer.parameters == [[1.0, 2.0, 3.0, 4.0]]
    assert list(second.parameters)[16:20] == [1.0, 2.0, 3.0, 4.0]


def test_outputs_and_buffers_of_a_custom_layer():
    made = network(PairSums(2))
    assert made.model.shapes == [(3,), (4,), (4,), (2,), (2,)]
    made.train(rows(6, 3), [0, 1] * 3, epochs=2, lr=0.5, batch_size=2)
    made.gradients(rows(6, 3), [0, 1] * 3)
    assert list(made.buffers) == [6.0]
    assert gradient_check(made, rows(4, 3), [0, 1, 1, 0]).passed


def test_a_custom_layer_can_come_first_and_before_images():
    model = Model([Scale([0.5] * 8), Conv2d(2, 1, 2), Flatten(), Linear(1, 2)], input_shape=(2, 2, 2))
    assert gradient_check(Network(model), rows(3, 8), rows(3, 2, 5)).passed
    assert Network(Model([Scale([0.5] * 3)], input_shape=(3,))).forward([[1, 2, 3]]) == [[0.5, 1, 1.5]]


def test_the_core_rejects_a_custom_layer():
    with pytest.raises(InputError) as caught:
        network(Scale([1.0] * 4), "c")
    assert str(caught.value) == "the C core has no layer of type Scale; impl='python' computes it"


@pytest.mark.parametrize("layer, message", [
    (Scale, "layer 2 is <class 'test_custom_layers.Scale'>, not a layer"),
    (object, "layer 2 is <class 'object'>, not a layer"),
    (7, "layer 2 is 7, not a layer"),
    (PairSums(0), "outputs of layer 2 must be a whole number from 1 to 2147483647, not 0"),
    (Scale([1.0, float("inf")]), "the parameters of layer 2 must be lists of finite floats, not [1.0, inf]"),
    (Scale([1.0, 2]), "the parameters of layer 2 must be lists of finite floats, not [1.0, 2]"),
    (PairSums(3), "layer 3 expects 2 inputs, got 3"),
])
def test_objects_that_are_not_layers(layer, message):
    with pytest.raises(InputError) as caught:
        Model([Linear(3, 4), Tanh(), layer, Linear(2, 2)])
    assert str(caught.value) == message


# gradient_check


def test_correct_gradients_pass(impl):
    for activation in (ReLU, Sigmoid, Tanh):
        made = Network(Model([Linear(3, 5), activation(), Linear(5, 2)], "cross_entropy"), impl)
        result = gradient_check(made, rows(5, 3), [0, 1, 1, 0, 1])
        assert result.passed and 0.0 < result.worst < 1e-6


@pytest.mark.slow
def test_the_network_of_the_article_passes(impl):
    layers = [Conv2d(1, 4, 3, padding=1), MaxPool2d(2), ReLU(), BatchNorm2d(4), Conv2d(4, 8, 3, padding=1),
              MaxPool2d(2), ReLU(), BatchNorm2d(8),
              Flatten(), Linear(8, 3)]
    made = Network(Model(layers, "cross_entropy", "he", (1, 4, 4)), impl, seed=2)
    result = gradient_check(made, rows(6, 16), [0, 1, 2, 2, 1, 0])
    assert result.passed, result


@pytest.mark.parametrize("layer, where", [
    (WrongInput([1.0, 2.0, 3.0, 4.0]), "of layer 0, Linear"),
    (WrongParameter([1.0, 2.0, 3.0, 4.0]), "parameter 3 of layer 2, WrongParameter"),
    (Silent([1.0, 2.0, 3.0, 4.0]), "of layer"),
    (Scale([0.0, 0.0, 0.0, 0.0]), "parameter 0 of layer 0, Linear: all derivatives are 0 here, so nothing is tested"),
    (Lost([1.0, 2.0, 3.0, 4.0]), "of layer 0, Linear"),
])
def test_wrong_gradients_fail(layer, where):
    result = gradient_check(network(layer), rows(4, 3), [0, 1, 1, 0])
    assert not result.passed
    assert result.worst > 1e-6
    assert where in result.where


def test_wrong_gradients_of_inputs_fail():
    result = gradient_check(Network(Model([WrongInput([2.0, 2.0, 2.0]), Linear(3, 2)], "cross_entropy",
                                          input_shape=(3,))), rows(4, 3), [0, 1, 1, 0])
    assert not result.passed and "input" in result.where and "of sample" in result.where


def test_a_broken_built_in_layer_is_found(monkeypatch):
    """Batch normalisation that ignores that the mean depends on every input."""
    from refnn.implementations import python
    right = python.batchnorm2d_backward

    def forgetful(x, mean, variance, gamma, da, eps):
        _, dgamma, dbeta = right(x, mean, variance, gamma, da, eps)
        return [[[d * g for d in c] for c, g in zip(row, gamma)] for row in da], dgamma, dbeta

    made = Network(Model([BatchNorm2d(2), Flatten(), Linear(4, 2)], "mse", input_shape=(2, 1, 2)), "python")
    assert gradient_check(made, rows(3, 4), rows(3, 2, 7)).passed
    monkeypatch.setattr(python, "batchnorm2d_backward", forgetful)
    result = gradient_check(made, rows(3, 4), rows(3, 2, 7))
    assert not result.passed and result.worst > 0.01 and result.where.startswith("input")


def test_gradient_check_does_not_change_the_network(impl):
    made = Network(mlp([3, 4, 2]), impl)
    before = made.parameters
    gradient_check(made, rows(3, 3), rows(3, 2, 5))
    assert_same_bits(made.parameters, before)


def test_samples_that_do_not_match(impl):
    with pytest.raises(InputError, match="x has 1 samples, y has 2"):
        gradient_check(Network(mlp([3, 4, 2]), impl), rows(1, 3), rows(2, 2))


@pytest.mark.parametrize("method, result, message", [
    ("forward", None, "forward of layer 2, Scale, must return lists of rows, not None"),
    ("forward", [[1.0, 2.0]] * 4, "forward of layer 2, Scale, must return 4 rows of [4] numbers, not 4 of [2]"),
    ("forward", [[1.0] * 4] * 3, "forward of layer 2, Scale, must return 4 rows of [4] numbers, not 3 of [4]"),
    ("backward", None, "backward of layer 2 must return dx and the gradients, not None"),
    ("backward", ([[1.0] * 4], [[1.0] * 4]),
     "backward of layer 2, Scale, must return 4 rows of [4] numbers, not 1 of [4]"),
    ("backward", ([[1.0] * 4] * 4, [1.0]), "backward of layer 2, Scale, must return lists of rows, not [1.0]"),
    ("backward", ([[1.0] * 4] * 4, []), "backward of layer 2, Scale, must return 1 rows of [4] numbers, not 0 of []"),
])
def test_results_of_a_custom_layer_are_checked(method, result, message):
    layer = Scale([1.0] * 4)
    setattr(layer, method, lambda *arguments: result)
    with pytest.raises(InputError) as caught:
        network(layer).gradients(rows(4, 3), [0, 1, 1, 0])
    assert str(caught.value) == message


def test_a_layer_without_a_dictionary():
    class Slotted(Scale):
        __slots__ = ()

    class Bare:
        __slots__ = ()
        parameters = ()

        def forward(self, x):
            return x

        def backward(self, x, a, da):
            return da, ()

    for layer in (Slotted([1.0] * 4), Bare()):
        assert gradient_check(network(layer), rows(4, 3), [0, 1, 1, 0]).passed
