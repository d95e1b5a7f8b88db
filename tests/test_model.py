"""Layers and models are values: they compare, print and copy, and cannot be changed."""

import pickle
from copy import deepcopy

import pytest
import refnn
from networks import alone
from refnn import BatchNorm2d, Conv2d, Flatten, InputError, Linear, MaxPool2d, Model, Network, ReLU, layers
from refnn.layers import ACTIVATIONS, LAYERS

MADE = {
    "Linear(inputs=2, outputs=3, bias=True)": lambda: Linear(2, 3),
    "Conv2d(in_channels=1, out_channels=2, kernel_size=(3, 3), stride=(1, 1), padding=(1, 2), bias=False)":
        lambda: Conv2d(1, 2, 3, padding=(1, 2), bias=False),
    "MaxPool2d(kernel_size=(2, 2), stride=(2, 2))": lambda: MaxPool2d(2),
    "BatchNorm2d(num_features=4, eps=1e-05, momentum=0.1)": lambda: BatchNorm2d(4),
    "Flatten()": Flatten,
    **{f"{layer.__name__}()": layer for layer in ACTIVATIONS.values()},
    "Model(layers=(Linear(inputs=2, outputs=1, bias=False),), loss='sse', init='he', input_shape=None)":
        lambda: Model([Linear(2, 1, bias=False)], "sse", "he"),
}


@pytest.mark.parametrize("text", MADE)
def test_equal_arguments_make_equal_values(text):
    made = MADE[text]()
    assert repr(made) == text
    for other in (MADE[text](), deepcopy(made), pickle.loads(pickle.dumps(made))):
        assert other == made and hash(other) == hash(made) and repr(other) == text
    assert sum(make() == made for make in MADE.values()) == 1


def test_an_attribute_cannot_be_changed():
    for made, name in ((Linear(2, 3), "inputs"), (MaxPool2d(2), "name"), (Model([Linear(2, 1)]), "loss"),
                       (BatchNorm2d(1), "variances")):
        before = repr(made)
        with pytest.raises(AttributeError):
            setattr(made, name, 5)
        assert repr(made) == before


def test_every_layer_is_public():
    names = {layer.__name__ for layer in LAYERS}
    assert names < set(layers.__all__)
    assert all(getattr(refnn, name) is getattr(layers, name) and name in refnn.__all__ for name in layers.__all__)


def test_shapes_are_a_copy():
    model = Model([Linear(2, 1)])
    model.shapes.append((7,))
    assert model.shapes == [(2,), (1,)]


@pytest.mark.parametrize("shuffle", [True, False])
def test_epochs_in_one_call_are_the_same(shuffle):
    """train_epochs of both implementations returns the same losses, numbers of right answers and parameters."""
    x, y, seen = [[0.5, 1.0], [2.0, -1.0], [0.25, 3.0]], [0, 1, 1], []
    for impl in ("python", "c"):
        network = Network(Model([Linear(2, 2)], "cross_entropy"), impl)
        samples = refnn.check_samples(network.model, x, y)
        train_epochs = network._implementation.train_epochs
        answer = train_epochs(samples.inputs, samples.targets, 3, 1, [0.1, 0.2], 2, shuffle, "mean")
        seen.append((answer, network.parameters))
    assert seen[0] == seen[1]


def test_sizes_from_numpy_are_whole_numbers(impl):
    numpy = pytest.importorskip("numpy")
    layer = Linear(numpy.int8(100), numpy.int8(100), False)
    assert Network(Model([layer]), impl).model.parameter_count == 10000


@pytest.mark.parametrize("layers, shape, message", [
    ([Conv2d(3, 1, 1)], (1, 4, 4), "layer 0 expects images of 3 channels, got 1"),
    ([Conv2d(1, 1, (2, 5))], (1, 4, 4), "layer 0 has a kernel of 2 x 5, larger than its padded input of 4 x 4"),
    ([Conv2d(1, 1, 7, padding=1)], (1, 4, 4), "layer 0 has a kernel of 7 x 7, larger than its padded input of 6 x 6"),
    ([Conv2d(4, 1, 1)], (4,), "layer 0 expects images, got rows of 4 numbers"),
    ([MaxPool2d(2), MaxPool2d(2), MaxPool2d(2)], (1, 4, 4),
     "layer 2 has windows of 2 x 2, larger than its input of 1 x 1"),
    ([Flatten(), MaxPool2d(2)], (1, 4, 4), "layer 1 expects images, got rows of 16 numbers"),
    ([MaxPool2d(2), Linear(4, 1)], (1, 4, 4), "layer 1 expects rows, got images of 1 x 2 x 2; put Flatten() before it"),
    ([Flatten(), Linear(4, 1)], (1, 4, 4), "layer 1 expects 4 inputs, got 16"),
    ([Linear(4, 2), BatchNorm2d(2)], None, "layer 1 expects images, got rows of 2 numbers"),
    ([BatchNorm2d(2)], (1, 4, 4), "layer 0 expects images of 2 channels, got 1"),
    ([Conv2d(1, 1, 1)], None, "the first layer must be Linear, or input_shape must be given"),
    ([], (1, 4, 4), "a model needs at least one layer"),
    ([ReLU()], (1, 4), "input_shape must be (channels, height, width), or (numbers,) of rows"),
    ([ReLU()], 4, "input_shape must be (channels, height, width), or (numbers,) of rows, not 4"),
    ([ReLU()], (1, 0, 4), "every number of input_shape must be a whole number from 1 to 2147483647, not 0"),
    ([ReLU()], (2**16, 2**15, 1), "input_shape has 2147483648 numbers; the maximum is 2147483647"),
    ([Conv2d(1, 2**12, 1)], (1, 2**10, 2**10), "layer 0 has 4294967296 outputs; the maximum is 2147483647"),
    ([Conv2d(2**15, 2**15, 2)], (2**15, 2, 2),
     "a network of 4294967296 parameters is too large; the maximum is 2147483647"),
])
def test_shapes_that_do_not_fit(layers, shape, message):
    with pytest.raises(InputError) as caught:
        Model([layer if not isinstance(layer, Conv2d) or layer.out_channels < 2**15
               else Conv2d(2**15, 2**15, 2, bias=False)
               for layer in layers], input_shape=shape)
    assert str(caught.value) == message


@pytest.mark.parametrize("make, message", [
    (lambda: Conv2d(0, 1, 1), "in_channels of Conv2d must be a whole number from 1 to 2147483647, not 0"),
    (lambda: Conv2d(1, 1.5, 1), "out_channels of Conv2d must be a whole number from 1 to 2147483647, not 1.5"),
    (lambda: Conv2d(1, 1, 0), "kernel_size of Conv2d must be a whole number from 1 to 2147483647, not 0"),
    (lambda: Conv2d(1, 1, (1, 2, 3)), "kernel_size of Conv2d must be a whole number or a pair of them, not (1, 2, 3)"),
    (lambda: Conv2d(1, 1, 1, stride=0), "stride of Conv2d must be a whole number from 1 to 2147483647, not 0"),
    (lambda: Conv2d(1, 1, 1, padding=-1), "padding of Conv2d must be a whole number from 0 to 2147483647, not -1"),
    (lambda: Conv2d(1, 1, 1, padding="same"),
     "padding of Conv2d must be a whole number from 0 to 2147483647, not 'same'"),
    (lambda: Conv2d(1, 1, 1, bias=1), "bias of Conv2d must be True or False, not 1"),
    (lambda: MaxPool2d((2, 0)), "kernel_size of MaxPool2d must be a whole number from 1 to 2147483647, not 0"),
    (lambda: MaxPool2d(2, 0), "stride of MaxPool2d must be a whole number from 1 to 2147483647, not 0"),
    (lambda: BatchNorm2d(0), "num_features of BatchNorm2d must be a whole number from 1 to 2147483647, not 0"),
    (lambda: BatchNorm2d(1, eps=0), "eps of BatchNorm2d must be a finite number above 0, not 0"),
    (lambda: BatchNorm2d(1, momentum=-0.1), "momentum of BatchNorm2d must be a finite number above 0, not -0.1"),
    (lambda: BatchNorm2d(1, momentum=1.5), "momentum of BatchNorm2d must be at most 1, not 1.5"),
])
def test_invalid_layers(make, message):
    with pytest.raises(InputError) as caught:
        make()
    assert str(caught.value) == message


def test_samples_are_flat_rows(impl):
    network = alone(impl, MaxPool2d(2), (1, 2, 2))
    with pytest.raises(InputError, match=r"x\[0\] has 2 numbers, the network needs 4"):
        network.forward([[1, 2]])
    assert network.forward(refnn.pixels(bytes([0, 255, 0, 0]))) == [[1.0]]
