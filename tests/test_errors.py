"""Invalid input: both implementations raise the same message, before they compute anything."""

import math
from fractions import Fraction

import pytest
from refnn import DivergenceError, InputError, Linear, Model, Network, ReLU, Sigmoid, check_samples, mlp
from refnn.model import LOSSES

NAN, INF = math.nan, math.inf
X, Y = [[1.0, 2.0], [3.0, 4.0]], [0, 1]


@pytest.fixture
def network(impl):
    return Network(Model([Linear(2, 3), ReLU(), Linear(3, 2)], loss="cross_entropy"), impl)


@pytest.mark.parametrize("x, y, message", [
    ([[1, 2], [3]], Y, "x[1] has 1 numbers, the network needs 2"),
    ([[1, 2], [3, 4, 5]], Y, "x[1] has 3 numbers, the network needs 2"),
    ([], [], "x is empty"),
    ([[]], [0], "x[0] has 0 numbers, the network needs 2"),
    (b"", [], "x is empty"),
    (b"abc", [0], "x has 3 numbers, which are not rows of 2"),
    ([[1, NAN], [3, 4]], Y, "x[0][1] is nan, not a finite number"),
    ([[1, 2], [-INF, 4]], Y, "x[1][0] is -inf, not a finite number"),
    ([[1, "2"], [3, 4]], Y, "x[0][1] is '2', not a number"),
    ([[1, None], [3, 4]], Y, "x[0][1] is None, not a number"),
    ([[1, 1j], [3, 4]], Y, "x[0][1] is 1j, not a number"),
    ([[1, 10**400], [3, 4]], Y, "x[0][1] is too large for a double"),
    (["ab", "cd"], Y, "x[0][0] is 'a', not a number"),
    ([1, 2], Y, "x[0] must be a row of 2 numbers, not 1"),
    (7, Y, "x must be a sequence of rows, not 7"),
    (X, 7, "y must be a sequence, not 7"),
    (X, None, "y is missing"),
    (X, [0], "x has 2 samples, y has 1"),
    (X, [], "x has 2 samples, y has 0"),
    (X, [0, 2], "y[1] is 2, but the network's classes are 0 to 1"),
    (X, [0, -1], "y[1] is -1, but the network's classes are 0 to 1"),
    (X, [0, 0.5], "y[1] is 0.5, not a whole number: a class is 0 to 1"),
    (X, [0, NAN], "y[1] is nan, not a whole number: a class is 0 to 1"),
    (X, [0, "1"], "y[1] is '1', not a class"),
    (X, [0, None], "y[1] is None, not a class"),
    (X, [[1, 0], [1, 1]], "y[1] is not one-hot: a target must be a class, or a row of zeros with a single one"),
    (X, [[1, 0], [0, 1, 0]], "y[1] has 3 numbers, the network needs 2"),
])
def test_data(network, x, y, message):
    before = network.parameters
    for call in (network.loss, network.gradients, network.evaluate, lambda x, y: network.train(x, y, epochs=1, lr=0.1),
                 lambda x, y: network.train_epoch(x, y, lr=0.1)):
        with pytest.raises(InputError) as caught:
            call(x, y)
        assert str(caught.value) == message
    assert network.parameters == before


@pytest.mark.parametrize("x", ["np.zeros((0, 2))", "np.array(3.0)", "np.array([['a', 'b']])", "np.zeros((1, 2, 2))",
                               "np.zeros((2, 3))",
                               "np.array([[1, 2j]])", "np.array([[1, None]])", "np.zeros((2, 2), 'datetime64[D]')"])
def test_arrays(network, x):
    numpy = pytest.importorskip("numpy")
    with pytest.raises(InputError):
        network.forward(eval(x, {"np": numpy}))


def test_samples_of_another_network(network, impl):
    samples = check_samples(mlp([2, 5], loss="cross_entropy"), X, [4, 4])
    with pytest.raises(InputError, match="the samples have 5 outputs, the network 2"):
        network.loss(samples)
    with pytest.raises(InputError, match="the samples have 2 inputs, the network 3"):
        Network(mlp([3, 5], loss="cross_entropy"), impl).loss(samples)
    with pytest.raises(InputError, match="the samples' targets are not for mse"):
        Network(mlp([2, 5], loss="mse"), impl).loss(samples)
    with pytest.raises(InputError, match="count must be a whole number from 1"):
        samples.first(0)


def test_whole_floats_are_classes(network):
    assert network.loss(X, [0.0, 1.0]) == network.loss(X, Y)


@pytest.mark.parametrize("settings, message", [
    (dict(batch_size=0), "batch size must be a whole number from 1 to 2147483647, not 0"),
    (dict(batch_size=-3), "batch size must be a whole number from 1 to 2147483647, not -3"),
    (dict(batch_size=2.0), "batch size must be a whole number from 1 to 2147483647, not 2.0"),
    (dict(lr=0.0), "lr must be a finite number above 0, not 0.0"),
    (dict(lr=-0.1), "lr must be a finite number above 0, not -0.1"),
    (dict(lr=NAN), "lr must be a finite number above 0, not nan"),
    (dict(lr=INF), "lr must be a finite number above 0, not inf"),
    (dict(lr=10**400), f"lr must be a finite number above 0, not {10**400}"),
    (dict(lr=Fraction(1, 10**400)), f"lr must be a finite number above 0, not {Fraction(1, 10**400)!r}"),
    (dict(lr=0.1, lr_decay=0.1, epochs=400), "with lr_decay 0.1 the learning rate is 0.0 from epoch 324 on"),
    (dict(lr="0.1"), "lr must be a finite number above 0, not '0.1'"),
    (dict(epochs=0), "epochs must be a whole number from 1 to 2147483647, not 0"),
    (dict(epochs=1.5), "epochs must be a whole number from 1 to 2147483647, not 1.5"),
    (dict(lr_decay=0), "lr_decay must be a finite number above 0, not 0"),
    (dict(lr_decay_every=0), "lr_decay_every must be a whole number from 1 to 2147483647, not 0"),
    (dict(reduction="men"), "unknown reduction 'men'; did you mean 'mean'?"),
])
def test_settings(network, settings, message):
    before = network.parameters
    with pytest.raises(InputError) as caught:
        network.train(X, Y, **{"epochs": 1, "lr": 0.1, **settings})
    assert str(caught.value) == message
    assert network.parameters == before


@pytest.mark.parametrize("values, message", [
    ([0.0] * 16, "parameters must be 17 numbers, not 16"),
    ([0.0] * 16 + [NAN], "parameters[16] is nan, not a finite number"),
    ([INF] + [0.0] * 16, "parameters[0] is inf, not a finite number"),
    (["1"] + [0.0] * 16, "parameters[0] is '1', not a number"),
    (7, "parameters must be a sequence of numbers, not 7"),
])
def test_parameters(network, values, message):
    before = network.parameters
    with pytest.raises(InputError) as caught:
        network.parameters = values
    assert str(caught.value) == message
    assert network.parameters == before


def test_minus_zero_does_not_enter_the_parameters(network):
    network.parameters = [-0.0] * 17
    assert all(math.copysign(1.0, p) == 1.0 for p in network.parameters)


@pytest.mark.parametrize("make, message", [
    (lambda impl: Network(mlp([2, 1]), "cc"), "unknown implementation 'cc'; did you mean 'c'?"),
    (lambda impl: Network(mlp([2, 1]), "fortran"), "unknown implementation 'fortran'; known: python, c"),
    (lambda impl: Network(mlp([2, 1]), impl, seed=-1), f"seed must be a whole number from 0 to {2**64 - 1}, not -1"),
    (lambda impl: Network(mlp([2, 1]), impl, seed=2**64),
     f"seed must be a whole number from 0 to {2**64 - 1}, not {2**64}"),
    (lambda impl: Network(mlp([2, 1]), impl, seed=0.5), f"seed must be a whole number from 0 to {2**64 - 1}, not 0.5"),
    (lambda impl: Network([Linear(2, 1)], impl), "model must be a Model, not [Linear(inputs=2, outputs=1, bias=True)]"),
    (lambda impl: Model([]), "the first layer must be Linear, or input_shape must be given"),
    (lambda impl: Model([Sigmoid(), Linear(2, 1)]), "the first layer must be Linear, or input_shape must be given"),
    (lambda impl: Model([Linear(2, 3), Linear(2, 1)]), "layer 1 expects 2 inputs, got 3"),
    (lambda impl: Model([Linear(2, 3), "relu"]), "layer 1 is 'relu', not a layer"),
    (lambda impl: Model([Linear(2, 3), Sigmoid]), "layer 1 is <class 'refnn.layers.Sigmoid'>, not a layer"),
    (lambda impl: Model([Linear(2, 1)], loss="msee"), "unknown loss 'msee'; did you mean 'mse'?"),
    (lambda impl: Model([Linear(2, 1)], loss=None), f"unknown loss 'None'; known: {', '.join(LOSSES)}"),
    (lambda impl: Model([Linear(2, 1)], init="fanin"), "unknown init 'fanin'; did you mean 'fan_in'?"),
    (lambda impl: mlp([2, 3, 1], "sigmiod"), "unknown activation 'sigmiod'; did you mean 'sigmoid'?"),
    (lambda impl: mlp([2]), "sizes must have at least two numbers: inputs and outputs"),
    (lambda impl: mlp(5), "sizes must be a list of sizes, not 5"),
    (lambda impl: mlp([2, 0, 1]), "each of sizes must be a whole number from 1 to 2147483647, not 0"),
    (lambda impl: Model(5), "layers must be a list of layers, not 5"),
    (lambda impl: Model([Linear(2, 1)], loss=[]), f"unknown loss '[]'; known: {', '.join(LOSSES)}"),
    (lambda impl: Network(mlp([2, 1]), ""), "unknown implementation ''; known: python, c"),
    (lambda impl: Linear(1, 1, bias=None), "bias of Linear must be True or False, not None"),
    (lambda impl: mlp([2**31 - 1, 2]), "a network of 4294967296 parameters is too large; the maximum is 2147483647"),
    (lambda impl: mlp([2**31 - 1] * 4), "a network of 13835058048839712768 parameters is too large; the maximum is "
                                        "2147483647"),
    (lambda impl: Linear(0, 1), "inputs of Linear must be a whole number from 1 to 2147483647, not 0"),
    (lambda impl: Linear(1, 2.5), "outputs of Linear must be a whole number from 1 to 2147483647, not 2.5"),
])
def test_networks(impl, make, message):
    with pytest.raises(InputError) as caught:
        make(impl)
    assert str(caught.value) == message


def test_divergence_names_the_step_and_keeps_the_last_finite_parameters(impl):
    """w is 1, then 1 - 2e200. The loss of this overflows in step 2, so the last w with a finite loss is 1."""
    network = Network(Model([Linear(1, 1, bias=False)], loss="sse"), impl)
    network.parameters = [1.0]
    with pytest.raises(DivergenceError) as caught:
        network.train([[1.0]] * 10, [0.0] * 10, epochs=3, lr=1e200)
    assert (caught.value.epoch, caught.value.step) == (1, 2)
    assert str(caught.value).startswith("training diverged in epoch 1, step 2 of 10: ")
    assert list(network.parameters) == [1.0]
    assert network.epoch == 0
    assert network.train([[1.0]] * 10, [0.0] * 10, epochs=1, lr=0.1)[-1].train_loss < 0.2  # training can continue


def test_divergence_in_a_later_epoch(impl):
    """|w| starts at 1 and doubles at each step. The square of 2^512 overflows, in step 513."""
    network = Network(Model([Linear(1, 1, bias=False)], loss="sse"), impl)
    network.parameters = [1.0]
    with pytest.raises(DivergenceError) as caught:
        network.train([[1.0]] * 10, [0.0] * 10, epochs=60, lr=1.5)
    assert (caught.value.epoch, caught.value.step) == (52, 3)
    assert abs(network.parameters[0]) == 2.0**511
    assert network.epoch == 51


def test_loss_that_is_not_finite_from_the_start(impl):
    """The loss of every sample is finite, but their sum is not."""
    network = Network(Model([Linear(1, 1, bias=False)], loss="sse"), impl)
    network.parameters = [2.0**511]
    with pytest.raises(DivergenceError, match="the loss is not finite before training"):
        network.train([[1.0]] * 10, [0.0] * 10, epochs=1, lr=1e-9)
    assert list(network.parameters) == [2.0**511]


def test_loss_that_is_not_finite_after_an_epoch(impl):
    """The loss of the step is finite. The loss of all samples after it is not, so the epoch is undone."""
    network = Network(Model([Linear(1, 1, bias=False)], loss="sse"), impl)
    network.parameters = [2.0**500]
    with pytest.raises(DivergenceError, match="training diverged in epoch 1, step 1 of 1: "):
        network.train([[1.0]], [0.0], epochs=2, lr=2.0**12)
    assert list(network.parameters) == [2.0**500]
    assert network.epoch == 0


def test_divergence_hidden_by_relu_is_found(impl):
    """relu(NaN) is 0, so the loss stays finite when a weight before it becomes NaN. The parameters are also checked."""
    network = Network(Model([Linear(1, 1, bias=False), ReLU(), Linear(1, 1, bias=False)], loss="sse"), impl)
    network.parameters = [1e10, 1e10]
    with pytest.raises(DivergenceError) as caught:
        network.train([[1.0]] * 4, [0.0] * 4, epochs=1, lr=1e300)
    assert caught.value.step == 1
    assert list(network.parameters) == [1e10, 1e10]


def test_update_that_overflows_changes_nothing(impl):
    network = Network(mlp([1, 1]), impl)
    before = network.parameters
    with pytest.raises(DivergenceError):
        network.update([1e308, 1e308], lr=1e10)
    assert network.parameters == before
    with pytest.raises(InputError, match="gradients must be 2 numbers, not 1"):
        network.update([1.0], lr=1.0)
