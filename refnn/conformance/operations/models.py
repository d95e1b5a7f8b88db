"""Networks as the spec describes them: layers in a list, parameters in a flat list."""

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

from ...layers import LAYERS, Layer
from ...model import Model

KINDS = {kind.name: kind for kind in LAYERS}


def hex64(integer: int) -> str:
    """A 64-bit integer as the spec writes it."""
    return f"{integer:016x}"


def model_of(layers: list[dict[str, Any]], loss: str = "mse", init: str = "normal",
             input_shape: Sequence[int] | None = None) -> Model:
    """The spec's layers -> a Model."""
    return Model([layer_of(**layer) for layer in layers], loss, init, input_shape)


def layer_of(type: str, **arguments: Any) -> Layer:
    return KINDS[type](**arguments)


def parameter_places(layers: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
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
        w, b = (layer["inputs"], layer["outputs"]), (layer["outputs"],)
    elif layer["type"] == "conv2d":
        w, b = (layer["out_channels"], layer["in_channels"], *layer["kernel_size"]), (layer["out_channels"],)
    else:
        return {}
    return {"w": w, "b": b} if layer["bias"] else {"w": w}


def parameters_of(layers: list[dict[str, Any]], flat: Sequence[float], k: int) -> dict[str, Any]:
    """The parameters of layer k by name, in nested lists."""
    values = iter([p for p, (owner, *_) in zip(flat, parameter_places(layers)) if owner == k])
    return {name: nested(values, sizes) for name, sizes in parameter_sizes(layers[k]).items()}


def nested(values: Iterator[float], sizes: Sequence[int]) -> Any:
    """The next values of an iterator in nested lists of these sizes."""
    if not sizes:
        return next(values)
    return [nested(values, sizes[1:]) for _ in range(sizes[0])]
