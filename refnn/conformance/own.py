"""Questions about a network of the asker's own: its first parameters, every layer, a step, a short training."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from .. import implementations
from .. import files
from ..checks import known_name, printable, shown, whole_number
from ..cli import option
from ..errors import InputError
from ..model import LOSSES, Model, mlp
from ..rates import learning_rates
from ..reference.prng import SplitMix64, stream
from ..tasks import checked
from .operations import OPERATIONS
from .operations.in_c import cores
from .operations.layers import inputs_of, operations_of, tensors_of
from .operations.models import KINDS, hex64, model_of, parameters_of
from .vectors import Case

DATA = 4  # the stream of a seed that draws samples
ORDER = ("init", "forward", "loss", "backward", "update", "step", "train")
LARGEST = 50_000_000  # multiply-adds for a batch forward: what the reference computes, and backward, in a minute
DEFAULTS: dict[str, Any] = {"activation": "sigmoid", "bias": True, "loss": "mse", "init": "fan_in", "epochs": 2,
                            "batch_size": 4, "lr": 0.1, "lr_decay": 1.0, "lr_decay_every": 1, "shuffle": True}
TRAINING = ("epochs", "batch_size", "lr", "lr_decay", "lr_decay_every", "shuffle")
PERCEPTRON = ("activation", "output", "bias")  # settings that say which layers there are
RUNGS = {"initial_parameters": "init", "loss": "loss", "loss_gradient": "backward", "update": "update", "step": "step",
         "train": "train"}  # of operations whose names do not say it


class Own(NamedTuple):
    """layers: as the spec has them; settings: of a training"""

    layers: list[dict[str, Any]]
    model: Model
    settings: dict[str, Any]
    seed: int


def own(network: str | None, path: str | None, changes: Mapping[str, Any], seed: int) -> Own:
    """The network that the options describe. Raises InputError.

    network: sizes such as 784-30-10; path: a file with layers as JSON; changes: settings that the user gave
    """
    described = read_model(path) if path is not None else {}
    named_in_file: dict[str, Any] = {name: described[name] for name in ("loss", "init") if name in described}
    given: dict[str, Any] = {**DEFAULTS, **named_in_file, **changes}
    given = {name: checked(name, value, option(name)) for name, value in given.items()}
    learning_rates(given["epochs"], given["lr"], given["lr_decay"], given["lr_decay_every"])  # InputError, if 0
    seed = whole_number(seed, "--seed", 0)
    if path is None:
        model = perceptron(network or "", given)
    else:
        named = ["network"] * (network is not None) + [name for name in PERCEPTRON if name in changes]
        if named:
            raise InputError(f"--model has its layers; {option(named[0])} is for a network without it")
        model = read_layers(path, described, given)
    if model.parameter_count == 0:
        raise InputError("this network has no parameters")
    if model.classes and model.outputs == 1:
        raise InputError(f"--loss {given['loss']} needs one output for each class; this network has one output")
    if sum(model.terms) * given["batch_size"] > LARGEST:
        raise InputError(f"{sum(model.terms):,} multiply-adds for a sample, in batches of {given['batch_size']}: the "
                         "reference takes too long; a smaller --batch-size, or a smaller network of the same form, "
                         "tells as much")
    layers = [spelled(layer) for layer in model.layers if layer.name != "identity" or path is not None]
    settings = {name: given[name] for name in (*TRAINING, "loss", "init")}
    settings["reduction"] = given.get("reduction") or LOSSES[given["loss"]].reduction
    return Own(layers, model, settings, seed)


def read_layers(path: str, described: Mapping[str, Any], given: Mapping[str, Any]) -> Model:
    try:
        return model_of(described["layers"], given["loss"], given["init"], described.get("input_shape"))
    except (KeyError, TypeError, AttributeError) as error:
        what = printable(str(error), 300)
        raise InputError(f"--model {path!r}: a layer is not as in SPEC.md, sections 5 and 12: {what}") from None


def perceptron(network: str, given: Mapping[str, Any]) -> Model:
    try:
        sizes = [int(size) for size in network.split("-")]
    except ValueError:
        raise InputError(f"--network must be sizes such as 784-30-10, not {network!r}") from None
    output = given.get("output") or ("identity" if given["loss"] == "cross_entropy" else given["activation"])
    return mlp(sizes, given["activation"], output, given["bias"], given["loss"], given["init"])


def read_model(path: str) -> dict[str, Any]:
    """The file of --model: a list of layers, or an object with layers and perhaps input_shape, loss, init."""
    content = files.read_bytes(path, "--model")
    try:
        described = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise InputError(f"--model {path!r} is not JSON: {error}") from None
    if isinstance(described, list):
        described = {"layers": described}
    if not isinstance(described, dict) or not isinstance(described.get("layers"), list):
        raise InputError(f"--model {path!r}: a list of layers, or an object with layers, is expected")
    for layer in described["layers"]:
        if not isinstance(layer, dict) or not isinstance(layer.get("type"), str):
            raise InputError(f"--model {path!r}: a layer is an object with a type, not {shown(layer)}")
        known_name(layer["type"], KINDS, "type of layer")
    return described


def spelled(layer: Any) -> dict[str, Any]:
    """A layer of a model as the spec has it."""
    values = {name: list(value) if isinstance(value, tuple) else value for name, value in vars(layer).items()}
    return {"type": layer.name, **values}


def questions(of: Own) -> dict[str, list[Case]]:
    """The cases by rung, in the order of the rungs."""
    rungs: dict[str, list[Case]] = {rung: [] for rung in ORDER}
    for name, op, inputs in asked(of):
        rung = RUNGS.get(op) or ("backward" if "backward" in op else "forward")
        rungs[rung].append(Case(f"network/{op}/{name}", op, inputs, answered(op, inputs)))
    return {rung: cases for rung, cases in rungs.items() if cases}


def answered(op: str, inputs: dict[str, Any]) -> dict[str, Any]:
    """The right answer: by the C core, where it can and is here; it has the same bits and is faster."""
    if op == "train" and not implementations.missing():
        return OPERATIONS[op].in_c(cores()["plain"], **inputs)
    return OPERATIONS[op].answer(**inputs)


def asked(of: Own) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(name, operation, inputs) of each question."""
    shape = {"input_shape": list(of.model.input_shape)} if of.model.input_shape else {}
    network: dict[str, Any] = {"layers": of.layers, **shape}
    settings = dict(of.settings)
    loss, init, reduction = settings.pop("loss"), settings.pop("init"), settings["reduction"]
    first: dict[str, Any] = {**network, "init": init, "seed": hex64(of.seed)}
    yield "own", "initial_parameters", first
    parameters = OPERATIONS["initial_parameters"].answer(**first)["parameters"]
    random = stream(of.seed, DATA)
    x, y = samples(random, of.model, loss, settings["batch_size"])
    step = {**network, "loss": loss, "parameters": parameters, "x": x, "y": y, "reduction": reduction,
            "lr": settings["lr"]}
    out = OPERATIONS["step"].answer(**step)
    outputs = [x, *out["outputs"]]
    for k, layer in enumerate(of.layers):
        yield from layer_questions(of, k, layer, parameters, outputs[k:k + 2], out["deltas"][k])
    batch = {"loss": loss, "o": outputs[-1], "y": y, "reduction": reduction}
    yield "own", "loss", batch
    yield "own", "loss_gradient", batch
    yield "own", "update", {"p": parameters, "dp": out["gradients"], "lr": settings["lr"]}
    yield "own", "step", step
    x, y = samples(random, of.model, loss, 2 * settings["batch_size"] + max(1, settings["batch_size"] // 2))
    yield "own", "train", {**settings, **network, "loss": loss, "init": init, "seed": hex64(of.seed), "x": x, "y": y}


def samples(random: SplitMix64, model: Model, loss: str, count: int) -> tuple[list[list[float]], list[Any]]:
    """Random inputs and targets, both from 0 to 1; classes for cross_entropy."""
    inputs, outputs = model.inputs, model.outputs
    x = [[random.uniform() for _ in range(inputs)] for _ in range(count)]
    if loss == "cross_entropy":
        return x, [random.below(outputs) for _ in range(count)]
    return x, [[random.uniform() for _ in range(outputs)] for _ in range(count)]


def layer_questions(of: Own, k: int, layer: dict[str, Any], flat: Sequence[float], outputs: list[Any],
                    da: list[Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """The operations of one layer, on what it computes in the step. outputs: its input and its output"""
    x, a = outputs
    tensors = tensors_of(layer, of.model.shapes[k:k + 2], parameters_of(of.layers, flat, k), x, a, da)
    for op in operations_of(layer["type"]):
        inputs = inputs_of(op, tensors)
        if inputs is not None:  # running statistics are not part of a step
            yield f"layer-{k}", op, inputs
