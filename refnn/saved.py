"""Networks in files: tensors in the safetensors format, and the model and the training as JSON in its metadata.

The metadata of a file, beside "format", which says that the tensors have PyTorch's shapes:

    refnn, spec   the versions
    model         layers, loss, init and input_shape
    training      seed, epoch, batches (the number of training steps), settings (the arguments of the last training)
    columns       of a network for a table: its columns, as in tables.py
    pictures      of a network for pictures: their shape, and the names of the classes
    run           of a file from the command line: the task and every option
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from . import checks
from .errors import InputError
from .files import PathLike, read_bytes, write_file
from .layers import LAYERS, CustomLayer, Layer, is_custom
from .model import Model
from .safetensors import Tensor, from_bytes, to_bytes

CLASSES = {layer.__name__: layer for layer in LAYERS}
MAX_DIGITS = 20  # of a whole number: a seed has at most 20


class Saved(NamedTuple):
    """The content of a file.

    model: None if the file has none (PyTorch's), or has one with custom layers
    info:  the metadata
    """

    tensors: dict[str, Tensor]
    model: Model | None
    info: dict[str, Any]


def write(path: PathLike, tensors: Mapping[str, Tensor], model: Model, info: Mapping[str, Any]) -> None:
    """Writes a file, whole or not at all. info: more metadata, which JSON can hold. Raises InputError."""
    fields = {"model": model_to_json(model), **info}
    texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in fields.items()}
    write_file(path, to_bytes(tensors, {"format": "pt", **texts}))


def read(path: PathLike) -> Saved:
    """Reads a file. Runs no code that the file holds. Raises InputError."""
    tensors, metadata = from_bytes(read_bytes(path), str(path))
    info: dict[str, Any] = {name: metadata.get(name) for name in ("refnn", "spec")}
    for name in ("model", "training", "run", "columns", "pictures"):
        if name in metadata:
            info[name] = parsed(metadata[name], f"{path}: {name}")
    model = model_from_json(info["model"], str(path)) if "model" in info else None
    return Saved(tensors, model, info)


def parsed(text: str, what: str) -> Any:
    """JSON of a file, an object. Raises InputError."""
    try:
        value = json.loads(text, parse_int=short_integer, parse_constant=refuse)
    except (ValueError, RecursionError):
        raise InputError(f"{what} in the metadata is not valid JSON") from None
    if not isinstance(value, dict):
        raise InputError(f"{what} in the metadata is not a JSON object")
    return value


def short_integer(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise ValueError
    return int(text)


def refuse(text: str) -> None:
    raise ValueError(text)


def model_to_json(model: Model) -> dict[str, Any]:
    return {"layers": [layer_to_json(layer) for layer in model.layers], "loss": model.loss, "init": model.init,
            "input_shape": model.input_shape}


def layer_to_json(layer: Layer | CustomLayer) -> dict[str, Any]:
    if is_custom(layer):
        return {"custom": type(layer).__name__}
    return {"layer": type(layer).__name__, **vars(layer)}


def model_from_json(fields: Mapping[str, Any], source: str) -> Model | None:
    """The model; None if it has custom layers. Raises InputError."""
    try:
        layers = fields["layers"]
        if any("custom" in layer for layer in layers):
            return None
        made = [layer_from_json(layer) for layer in layers]
        return Model(made, fields["loss"], fields["init"], fields["input_shape"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:  # InputError is a ValueError
        reason = str(error) if isinstance(error, InputError) else "it lacks a part, or a part has the wrong type"
        raise InputError(f"{source}: the model in the metadata is invalid: {reason}") from None


def layer_from_json(fields: Mapping[str, Any]) -> Layer:
    values = dict(fields)
    return CLASSES[checks.known_name(values.pop("layer"), CLASSES, "layer")](**values)
