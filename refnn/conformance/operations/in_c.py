"""The C core as the operations call it: lists in, lists out, under one instruction set. No arithmetic.

A layer is asked through the functions of csrc/network.c that run one layer: they call what training calls.
"""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from importlib import import_module
from math import prod
from types import ModuleType
from typing import Any

from ...layers import Identity, Layer, Matrix
from ...model import LOSSES, Model
from .models import nested


class Core:
    """The C core under one instruction set, "plain" or one of those of this machine."""

    def __init__(self, module: ModuleType, simd: str) -> None:
        self.c, self.lib, self.ffi = module, module.lib, module.ffi
        self.simd, self.number = simd, module.simd_names()[simd]

    def __getattr__(self, name: str) -> Any:
        """core.exp is refnn_exp."""
        return getattr(self.lib, f"refnn_{name}")

    def numbers(self, values: Any) -> Any:
        """A pointer to numbers in nested lists, or to those of a buffer; None -> NULL."""
        if values is None or isinstance(values, memoryview):
            return self.c.pointer(values)
        return self.c.pointer(array("d", flat(values)))

    def room(self, *sizes: int) -> memoryview:
        """A buffer of zeros."""
        buffer: memoryview = self.c.doubles(prod(sizes))
        return buffer

    def row(self, values: Sequence[float]) -> memoryview:
        """A buffer of these numbers."""
        return memoryview(array("d", values))

    def forward(self, layer: Layer, shape: Sequence[int], rows: int, training: bool = False, **arrays: Any) -> None:
        """Runs a layer forward. shape: of a sample's input; arrays: of refnn_memory, lists or buffers, by name."""
        memory, scratch, _keep = self._memory(layer, shape, arrays)
        self.c.check(self.lib.refnn_layer_forward(self.number, rows, memory, training, scratch))

    def backward(self, layer: Layer, shape: Sequence[int], rows: int, **arrays: Any) -> None:
        """Runs a layer backward: writes dx, dw and db, those that are given."""
        memory, scratch, _keep = self._memory(layer, shape, arrays)
        self.c.check(self.lib.refnn_layer_backward(self.number, rows, memory, scratch))

    def update(self, layer: Layer, shape: Sequence[int], lr: float, **arrays: Any) -> None:
        """Takes a step: w -= lr * dw, b -= lr * db."""
        memory, _, _keep = self._memory(layer, shape, arrays)
        self.c.check(self.lib.refnn_layer_update(self.number, memory, lr))

    def _memory(self, layer: Layer, shape: Sequence[int], arrays: dict[str, Any]) -> tuple[Any, Any, Any]:
        described = self.ffi.new("refnn_layer *", self.c.layer_struct(layer, shape, layer.output_shape(tuple(shape))))
        pointers = {name: self.numbers(values) for name, values in arrays.items()}
        scratch = self.numbers(self.room(self.lib.refnn_layer_scratch(self.number, described)))
        return self.ffi.new("refnn_memory *", {"layer": described, **pointers}), scratch, (described, pointers)

    def batch_loss(self, loss: str, o: Matrix, y: Any, reduction: str) -> tuple[memoryview, memoryview, float]:
        """The loss of each sample, dL/do of all, and the loss of the batch."""
        rows, outputs = len(o), len(o[0])
        layer = self.ffi.new("refnn_layer *", self.c.layer_struct(Identity(), (outputs,), (outputs,)))
        model = self.ffi.new("refnn_model *", {"layers": layer, "layer_count": 1, "loss": self.c.constant(loss),
                                               "simd": self.number, "threads": 1})
        values = self.ffi.new("int32_t[]", y) if LOSSES[loss].classes else self.numbers(y)
        targets = self.ffi.new("refnn_targets *", {"classes" if LOSSES[loss].classes else "rows": values})
        losses, do, total = self.room(rows), self.room(rows, outputs), self.ffi.new("double *")
        self.c.check(self.lib.refnn_batch_loss(model, self.c.constant(reduction), rows, self.numbers(o), targets,
                                               self.numbers(losses), self.numbers(do), total))
        return losses, do, total[0]

    def network(self, model: Model, seed: int) -> Any:
        """A network of this model, in this instruction set."""
        return self.c.CImplementation(model, seed, instruction_set=self.simd)

    def generator(self, seed: str) -> Any:
        """A pointer to the state of a random number generator."""
        return self.ffi.new("uint64_t *", int(seed, 16))


def cores() -> dict[str, Core]:
    """The core under each instruction set of this machine, plain first. Raises UnavailableError if it is not built."""
    c = import_module("refnn.implementations.c")
    return {simd: Core(c, simd) for simd in c.simd_names()}


def compiler() -> str:
    name: str = import_module("refnn.core").compiler()
    return name


def flat(values: Any) -> Iterator[float]:
    """The numbers in nested lists."""
    for value in values:
        if isinstance(value, list):
            yield from flat(value)
        else:
            yield value


def lists(values: Iterable[float], *sizes: int) -> list[Any]:
    """Flat numbers -> nested lists of these sizes."""
    made: list[Any] = nested(iter(values), sizes)
    return made


def sizes(values: Sequence[Any]) -> tuple[int, ...]:
    """The sizes of nested lists."""
    found = []
    while isinstance(values, list):
        found.append(len(values))
        values = values[0]
    return tuple(found)
