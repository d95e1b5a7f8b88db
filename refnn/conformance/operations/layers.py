"""The operations of layers: which a kind of layer has, and what they take."""

from inspect import signature

from ...implementations.python import images
from ...layers import ACTIVATIONS
from . import activations, batchnorm, conv, linear, pool

OPERATIONS = {**linear.OPERATIONS, **activations.OPERATIONS, **conv.OPERATIONS, **pool.OPERATIONS,
              **batchnorm.OPERATIONS}


def chapter_of(kind):
    """What the names of a kind's operations begin with."""
    return "activation" if kind in ACTIVATIONS else kind


def operations_of(kind):
    """The operations of a kind of layer, by name; flatten has none."""
    return [op for op in OPERATIONS if op.startswith(f"{chapter_of(kind)}_")]


def operation_of(kind, what):
    """The operation that computes a tensor of a layer: "forward", its output; "dx"; of a parameter's gradient "dw"."""
    chapter = chapter_of(kind)
    if what == "forward":
        return f"{chapter}_forward"
    if f"{chapter}_backward" in OPERATIONS:
        return f"{chapter}_backward"
    return f"{chapter}_backward_input" if what == "dx" else f"{chapter}_backward_parameters"


def takes_images(kind, shape):
    """Whether the operations of a layer take images, not rows. shape: of the layer's input"""
    return len(shape) == 3 and kind not in (*ACTIVATIONS, "flatten")


def answer(op, inputs):
    return OPERATIONS[op].answer(**inputs)


def tensors_of(layer, shapes, parameters, x, a=None, da=None, answer=answer):
    """What the operations of a layer take, by name, but for running statistics.

    layer: as the spec has it; shapes: of its input and output; parameters: by name; x, a, da: in rows, the input, the
    output and dL/da; answer: (op, inputs) -> the outputs of an operation
    """
    kind = layer["type"]
    if takes_images(kind, shapes[0]):
        x, da = images(x, shapes[0]), da and images(da, shapes[1])
    statistics = f"{kind}_statistics"
    return {"b": None, **layer, **parameters, "name": kind, "size": list(shapes[0][1:]), "x": x, "z": x, "a": a,
            "da": da, "dz": da, **(answer(statistics, {"x": x}) if statistics in OPERATIONS else {})}


def inputs_of(op, tensors):
    """The inputs of an operation, by name; None if it takes others."""
    names = signature(OPERATIONS[op].answer).parameters
    return {name: tensors[name] for name in names} if set(names) <= set(tensors) else None
