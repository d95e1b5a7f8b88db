"""The tensors of an answer as they should be, in the order in which they are computed.

Of a step each tensor follows from the program's own answers before it, as far as it gives them. So errors do not add up
over the layers, a decision that hangs on rounding is the program's own, and the first tensor that is wrong is where the
mistake is.
"""

from itertools import accumulate
from math import isfinite
from typing import Any, NamedTuple

from ...implementations.python import flat_rows
from ..operations.explaining import dig
from ..operations.layers import inputs_of, operation_of, takes_images, tensors_of
from ..operations.models import model_of, parameters_of
from .numbers import convert, flat, in_precision, indexes
from .operations import answers


class Tensor(NamedTuple):
    """A tensor of an answer: its key, the index of each of its numbers, and the numbers as they should be, flat.

    inherits: the errors of its numbers may have a common cause in earlier tensors that are not in the answer
    """

    key: str
    places: list[Any]
    numbers: list[Any]
    inherits: bool = False

    @property
    def largest(self):
        """The size of the largest number, and the largest deviation."""
        return (max((abs(v.value) for v in self.numbers if isfinite(v.value)), default=0.0),
                max((v.deviation for v in self.numbers if isfinite(v.deviation)), default=0.0))

    def moved_to(self, answer):
        """The tensor with the values of an answer, that of a mutant; None if the answer does not have it.

        Where another formula cancels, nothing is known of the mutant: each number is as uncertain as the tensor's most
        uncertain one, in proportion.
        """
        if answer.get(self.key) is None:
            return None
        values = [dig(answer[self.key], place) for place in self.places]
        size, deviation = self.largest
        moved = max((abs(v) for v in values if isfinite(v)), default=0.0)
        deviation *= max(1.0, moved / size) if size else 1.0
        numbers = [type(number)(value, deviation) for value, number in zip(values, self.numbers)]
        return self._replace(numbers=numbers, inherits=True)


def expected(case, answer, precision):
    """The tensors of a case for an answer of the right form, in the order in which they are computed.

    answer: None for all tensors of the right answer, from the question alone
    """
    with in_precision(precision):
        if case.op == "step":
            return list(Step(precision, case.inputs, answer).tensors())
        return [Tensor(key, list(indexes(values)), list(flat(values)))
                for key, values in answers(precision, case.op, case.inputs).items() if values is not None]


class Layer:
    """A layer of a step, on flat rows of numbers. shapes: of its input and its output"""

    def __init__(self, precision, spec, shapes, parameters):
        self.precision, self.spec, self.kind = precision, spec, spec["type"]
        self.shapes, self.parameters = shapes, parameters

    def run(self, what, x, a=None, da=None):
        """The outputs of the operation that computes "forward", "dx" or "dp"."""
        def answer(op, inputs):
            return answers(self.precision, op, inputs)

        op = operation_of(self.kind, what)
        return answer(op, inputs_of(op, tensors_of(self.spec, self.shapes, self.parameters, x, a, da, answer)))

    def rows(self, values):
        return flat_rows(values) if takes_images(self.kind, self.shapes[0]) else values

    def forward(self, x):
        """-> the output"""
        return x if self.kind == "flatten" else self.rows(next(iter(self.run("forward", x).values())))

    def backward_input(self, x, a, da):
        """-> dL/dx"""
        if self.kind == "flatten":
            return da
        made = self.run("dx", x, a, da)
        return self.rows(made["dx"] if "dx" in made else made["dz"])

    def backward_parameters(self, x, da):
        """-> the derivatives by the parameters, flat"""
        made = self.run("dp", x, da=da)
        return [v for name in self.parameters for v in flat(made[f"d{name}"])]


TENSORS = ("outputs", "loss", "deltas", "gradients", "parameters")


class Step:
    """The tensors of a step, each from the answers before it, or from what these should be where they are not given."""

    def __init__(self, precision, inputs, answer):
        model = model_of(inputs["layers"], inputs["loss"], input_shape=inputs.get("input_shape"))
        self.precision, self.inputs = precision, inputs
        self.answer = answer or {}
        self.told = set(TENSORS if answer is None else answer)  # the tensors that are asked for
        self.parameters = convert(precision.given, inputs["parameters"])
        specs = inputs["layers"]
        self.layers = [Layer(precision, spec, model.shapes[k:k + 2], parameters_of(specs, self.parameters, k))
                       for k, spec in enumerate(specs)]
        self.starts = [0, *accumulate(layer.parameter_count for layer in model.layers)]

    def followed(self, numbers, answered):
        """The numbers that the next tensors follow from: as answered, which a program may have rounded in between."""
        if answered is not None:
            return convert(lambda v: self.precision(v, self.precision.unit * abs(v)), answered)
        return numbers

    def tensors(self):
        """All of the step, in the order in which they are computed."""
        outputs = [convert(self.precision.given, self.inputs["x"])]
        for k, layer in enumerate(self.layers):
            a = layer.forward(outputs[-1])
            if "outputs" in self.told:
                yield Tensor("outputs", [(k, *place) for place in indexes(a)], list(flat(a)))
            outputs.append(self.followed(a, self.answer["outputs"][k] if "outputs" in self.answer else None))
        of_loss = {"o": outputs[-1], **{name: self.inputs[name] for name in ("loss", "y", "reduction")}}
        if "loss" in self.told:
            yield Tensor("loss", [()], [answers(self.precision, "loss", of_loss)["loss"]])
        if not self.told - {"outputs", "loss"}:
            return
        gradients = [None] * len(self.parameters)
        yield from self.backward(outputs, answers(self.precision, "loss_gradient", of_loss)["do"], gradients)
        after = answers(self.precision, "update", {"p": self.parameters, "dp": gradients, "lr": self.inputs["lr"]})["p"]
        for start, stop in zip(self.starts, self.starts[1:]):
            yield Tensor("parameters", [(p,) for p in range(start, stop)], after[start:stop],
                         not {"outputs", "deltas"} <= set(self.answer) and "gradients" not in self.answer)

    def backward(self, outputs, da, gradients):
        """The tensors of the way back; fills in the gradients that the update uses."""
        for k in reversed(range(len(self.layers))):
            if "deltas" in self.told:
                yield Tensor("deltas", [(k, *place) for place in indexes(da)], list(flat(da)),
                             "outputs" not in self.answer)
            da = self.followed(da, self.answer["deltas"][k] if "deltas" in self.answer else None)
            start, stop = self.starts[k:k + 2]
            if stop > start:
                found = self.layers[k].backward_parameters(outputs[k], da)
                if "gradients" in self.told:
                    yield Tensor("gradients", [(p,) for p in range(start, stop)], found,
                                 not {"outputs", "deltas"} <= set(self.answer))
                answered = self.answer["gradients"][start:stop] if "gradients" in self.answer else None
                gradients[start:stop] = self.followed(found, answered)
            if k:
                da = self.layers[k].backward_input(outputs[k], outputs[k + 1], da)
