"""The C core as the operations call it: lists in, lists out, under one instruction set. No arithmetic."""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from importlib import import_module
from math import prod
from types import ModuleType
from typing import Any

from ...model import Model
from .models import nested


class Core:
    """The C core under one instruction set, "plain" or one of those of this machine."""

    def __init__(self, module: ModuleType, simd: str) -> None:
        self.c, self.lib, self.ffi = module, module.lib, module.ffi
        self.simd = simd

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
        return self.c.doubles(prod(sizes))

    def row(self, values: Sequence[float]) -> memoryview:
        """A buffer of these numbers."""
        return memoryview(array("d", values))

    def layer(self, layer: Any, shape: Sequence[int]) -> Any:
        """A pointer to the description of a layer of images of this shape."""
        return self.ffi.new("refnn_layer *", self.c.layer_struct(layer, shape, layer.output_shape(shape)))

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
    return import_module("refnn.implementations.c").compiler()


def flat(values: Any) -> Iterator[float]:
    """The numbers in nested lists."""
    for value in values:
        if isinstance(value, list):
            yield from flat(value)
        else:
            yield value


def lists(values: Iterable[float], *sizes: int) -> list[Any]:
    """Flat numbers -> nested lists of these sizes."""
    return nested(iter(values), sizes)


def sizes(values: Sequence[Any]) -> tuple[int, ...]:
    """The sizes of nested lists."""
    found = []
    while isinstance(values, list):
        found.append(len(values))
        values = values[0]
    return tuple(found)
