"""Initialisation: the scale of the parameters, and the same random numbers scaled."""

import math

import pytest
from bits import assert_same_bits
from refnn import Conv2d, Linear, Model, Network, mlp
from refnn.model import INITS


@pytest.mark.parametrize("name", ["fan_in", "fan_out", "normal", "normal_0.1", "uniform"])
def test_initialisation_has_its_scale(impl, name):
    parameters = Network(mlp([100, 25], init=name), impl, seed=1).parameters
    spread = (sum(v * v for v in parameters) / len(parameters)) ** 0.5
    expected = {"fan_in": 0.1, "fan_out": 0.2, "normal": 1.0, "normal_0.1": 0.1, "uniform": 1 / 3**0.5}[name]
    assert abs(spread / expected - 1.0) < 0.05
    assert (min(parameters) >= 0.0) == (name == "uniform")


def test_scales_of_initialisation(impl):
    """The same random numbers, scaled: fan_in of Conv2d(3, 8, (2, 4)) is 24, fan_out is 64."""
    layer = Conv2d(3, 8, (2, 4))
    drawn = {init: list(Network(Model([layer], init=init, input_shape=(3, 4, 4)), impl).parameters) for init in INITS}
    for init, scale in (("normal_0.1", 0.1), ("fan_in", 1.0 / math.sqrt(24)), ("fan_out", 0.125),
                        ("he", math.sqrt(2.0 / 24))):
        assert_same_bits(drawn[init], [scale * v + 0.0 for v in drawn["normal"]])
    assert_same_bits(list(Network(Model([Linear(6, 5)], init="he"), impl).parameters),
                     [math.sqrt(2.0 / 6) * v + 0.0 for v in Network(Model([Linear(6, 5)], init="normal"),
                                                                    impl).parameters])
