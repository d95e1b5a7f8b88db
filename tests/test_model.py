"""Layers and models are values: they compare, print and copy, and cannot be changed."""

import pickle
from copy import deepcopy

import pytest
import refnn
from refnn import BatchNorm2d, Conv2d, Flatten, Linear, MaxPool2d, Model, Network, layers
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
