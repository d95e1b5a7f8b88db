"""Networks as the spec describes them: layers in a list, parameters in a flat list."""

from collections.abc import Sequence
from itertools import product
from typing import Any

from ...layers import LAYERS
from ...model import Model

KINDS = {kind.name: kind for kind in LAYERS}


def hex64(integer: int) -> str:
    """A 64-bit integer as the spec writes it."""
    return f"{integer:016x}"


def model_of(layers: list[dict[str, Any]], loss: str = "mse", init: str = "normal",
             input_shape: Sequence[int] | None = None) -> Model:
    """The spec's layers -> a Model."""
    made = [KINDS[layer["type"]](**{name: value for name, value in layer.items() if name != "type"}) for layer in layers]
    return Model(made, loss, init, input_shape)


def parameter_places(layers: list[dict[str, Any]]) -> list[tuple]:
    """The place of every parameter, in their order: its layer, its name, its indices.

    (layer, "w", i, j) and (layer, "b", j) of linear, (layer, "w", o, c, i, j) and (layer, "b", o) of conv2d,
    (layer, "gamma", c) and (layer, "beta", c) of batchnorm2d
    """
    return [(k, name, *index) for k, layer in enumerate(layers) for name, sizes in parameter_sizes(layer).items()
            for index in product(*map(range, sizes))]


def parameter_sizes(layer: dict[str, Any]) -> dict[str, tuple[int, ...]]:
    """The parameters of a layer and their sizes."""
    if layer["type"] == "batchnorm2d":
        return {"gamma": (layer["num_features"],), "beta": (layer["num_features"],)}
    if layer["type"] == "linear":
        sizes = {"w": (layer["inputs"], layer["outputs"]), "b": (layer["outputs"],)}
    elif layer["type"] == "conv2d":
        sizes = {"w": (layer["out_channels"], layer["in_channels"], *layer["kernel_size"]), "b": (layer["out_channels"],)}
    else:
        return {}
    return sizes if layer["bias"] else {"w": sizes["w"]}


def parameters_of(layers: list[dict[str, Any]], flat: Sequence[float], k: int) -> dict[str, Any]:
    """The parameters of layer k by name, in nested lists."""
    values = iter([p for p, (owner, *_) in zip(flat, parameter_places(layers)) if owner == k])
    return {name: nested(values, sizes) for name, sizes in parameter_sizes(layers[k]).items()}


def nested(values, sizes):
    """The next values of an iterator in nested lists of these sizes."""
    if not sizes:
        return next(values)
    return [nested(values, sizes[1:]) for _ in range(sizes[0])]
