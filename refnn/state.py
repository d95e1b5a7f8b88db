"""Parameters and buffers by name: the names, shapes and orientation of the equivalent torch.nn.Sequential.

Layer 0, a Linear, has 0.weight, outputs x inputs, and 0.bias. Conv2d has weight and bias. BatchNorm2d has weight
(gamma), bias (beta), running_mean, running_var and num_batches_tracked. A custom layer has parameters.0, ... and
buffers.0, ...
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from itertools import product
from math import prod
from operator import index
from typing import Any, NamedTuple, overload

from .buffers import as_array, buffer_of
from .checks import shown
from .errors import InputError
from .implementations import Flat
from .layers import BatchNorm2d, Conv2d, CustomLayer, Layer, Linear, is_custom
from .model import Model
from .safetensors import Tensor
from .samples import check_flat

BATCHES = "num_batches_tracked"  # of BatchNorm2d: the number of training steps, a whole number


class Place(NamedTuple):
    """Where a tensor's numbers are: number i, j, ... is number start + i * strides[0] + j * strides[1] + ...

    buffer: whether of the flat buffers, not of the flat parameters
    """

    name: str
    shape: tuple[int, ...]
    start: int
    strides: tuple[int, ...]
    buffer: bool = False

    def runs(self) -> Iterator[slice]:
        """Slices of the flat numbers that make the tensor, row by row."""
        *outer, last = self.shape
        *strides, step = self.strides
        for indices in product(*map(range, outer)):
            start = self.start + dot(indices, strides)
            yield slice(start, start + last * step, step)


def dot(indices: Sequence[int], strides: Sequence[int]) -> int:
    total = 0
    for i, stride in zip(indices, strides):
        total += i * stride
    return total


def places(model: Model) -> list[list[Place]]:
    """Of each layer: where its tensors are. Names are without the layer's number."""
    found: list[list[Place]] = []
    parameters = buffers = 0
    for layer in model.layers:
        listed: list[Place] = []
        for name, shape, strides in tensors_of(layer):
            listed.append(Place(name, shape, parameters, strides or contiguous(shape)))
            parameters += prod(shape)
        for name, shape in buffers_of(layer):
            listed.append(Place(name, shape, buffers, contiguous(shape), buffer=True))
            buffers += prod(shape)
        found.append(listed)
    return found


def tensors_of(layer: Layer | CustomLayer) -> Iterator[tuple[str, tuple[int, ...], tuple[int, ...]]]:
    """Name, shape and strides of each of a layer's parameters, in declared order; no strides: row by row."""
    if is_custom(layer):
        yield from ((f"parameters.{k}", (len(row),), ()) for k, row in enumerate(layer.parameters))
    elif isinstance(layer, Linear):
        yield "weight", (layer.outputs, layer.inputs), (1, layer.outputs)
        if layer.bias:
            yield "bias", (layer.outputs,), ()
    elif isinstance(layer, Conv2d):
        yield "weight", (layer.out_channels, layer.in_channels, *layer.kernel_size), ()
        if layer.bias:
            yield "bias", (layer.out_channels,), ()
    elif isinstance(layer, BatchNorm2d):
        yield "weight", (layer.num_features,), ()
        yield "bias", (layer.num_features,), ()


def buffers_of(layer: Layer | CustomLayer) -> Iterator[tuple[str, tuple[int, ...]]]:
    if is_custom(layer):
        yield from ((f"buffers.{k}", (len(row),)) for k, row in enumerate(getattr(layer, "buffers", ())))
    elif isinstance(layer, BatchNorm2d):
        yield "running_mean", (layer.num_features,)
        yield "running_var", (layer.num_features,)


def contiguous(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(prod(shape[k + 1:]) for k in range(len(shape)))


def tensors(model: Model, parameters: array[float], buffers: array[float], batches: int) -> dict[str, Tensor]:
    """Flat parameters and buffers -> every tensor by its name. batches: the number of training steps"""
    named: dict[str, Tensor] = {}
    for k, listed in enumerate(places(model)):
        for place in listed:
            flat = buffers if place.buffer else parameters
            values = array("d")
            for run in place.runs():
                values.extend(flat[run])
            named[f"{k}.{place.name}"] = Tensor(place.shape, values)
        if isinstance(model.layers[k], BatchNorm2d):
            named[f"{k}.{BATCHES}"] = Tensor((), array("q", [batches]))
    return named


def flat_state(model: Model, state: Mapping[str, Any]) -> tuple[array[float], array[float], int]:
    """Tensors by name, in any form -> flat parameters and buffers in declared order, and the number of training steps.

    Every tensor must be there, and no other; num_batches_tracked may be missing. Raises InputError.
    """
    if not isinstance(state, Mapping):
        raise InputError(f"a state must be a dictionary of tensors, not {shown(state)}")
    found: list[tuple[Place, array[float]]] = []
    batches, known = 0, set()
    for k, listed in enumerate(places(model)):
        for place in listed:
            name = f"{k}.{place.name}"
            known.add(name)
            if name not in state:
                near = get_close_matches(name, [str(other) for other in state], n=1)
                raise InputError(f"there is no tensor {name}" + (f"; there is {near[0]}" if near else ""))
            found.append((place, shaped(state[name], place.shape, name)))
            check_range(found[-1][1], place.name, name)
        if isinstance(model.layers[k], BatchNorm2d):
            known.add(f"{k}.{BATCHES}")
            batches = max(batches, count_of(state.get(f"{k}.{BATCHES}", 0), f"{k}.{BATCHES}"))
    for name in state:
        if name not in known:
            raise InputError(f"the model has no tensor {name!r}")
    parameters = array("d", bytes(8 * model.parameter_count))
    buffers = array("d", bytes(8 * model.buffer_count))
    for place, values in found:
        flat, start = buffers if place.buffer else parameters, 0
        for run in place.runs():
            flat[run] = values[start:start + place.shape[-1]]
            start += place.shape[-1]
    return parameters, buffers, batches


def shaped(values: Any, shape: tuple[int, ...], name: str) -> array[float]:
    """A tensor of that shape (Tensor, array, nested lists) -> its finite numbers, row by row. Raises InputError."""
    if isinstance(values, TensorView):
        values = values.tolist()
    if isinstance(values, Tensor):
        values = values.view()
    values = as_array(values, name)
    view = buffer_of(values)
    if view is not None and view.shape != shape:
        raise InputError(f"{name} has shape {view.shape}, the model needs {shape}")
    if view is None:
        return check_flat(values if len(shape) == 1 else flattened(values, shape, name), prod(shape), name)
    block = view if view.c_contiguous else memoryview(view.tobytes())
    return check_flat(block.cast("B").cast(view.format), prod(shape), name)


def flattened(values: Any, shape: tuple[int, ...], name: str) -> list[Any]:
    """Nested lists -> a list of their numbers, row by row."""
    if not shape:
        return [values]
    if not isinstance(values, (list, tuple)) or len(values) != shape[0]:
        raise InputError(f"{name} must be nested lists, {' x '.join(map(str, shape))}")
    return [number for row in values for number in flattened(row, shape[1:], name)]


def check_range(values: Sequence[float], kind: str, name: str) -> None:
    """Raises InputError if these are variances and one is negative."""
    for k, value in enumerate(values) if kind == "running_var" else ():
        if value < 0.0:
            raise InputError(f"{name}[{k}] is {value}, but it is a variance")


def count_of(value: Any, name: str) -> int:
    """A whole number in any form: a Tensor, an array with one number, an int."""
    if isinstance(value, Tensor) and len(value.values) == 1:
        value = value.values[0]
    elif isinstance(value, memoryview) and value.ndim == 0:
        value = value[()]
    try:
        number = index(value)
    except TypeError:
        number = -1
    if number < 0:
        raise InputError(f"{name} must be a whole number from 0")
    return number


class TensorView:
    """A tensor of a network, in place: reading it reads the network, assigning to it changes the network.

    view[i, j] is a number and view[i] a row, also to assign to; view[:] = values replaces all. Raises InputError for a
    value that is not a finite number, IndexError for an index out of range.
    """

    def __init__(self, flat: Flat, place: Place, name: str) -> None:
        self._flat, self._place, self._name = flat, place, name

    @property
    def shape(self) -> tuple[int, ...]:
        return self._place.shape

    def __len__(self) -> int:
        return self.shape[0]

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self)))

    @overload
    def __getitem__(self, key: int) -> Any: ...
    @overload
    def __getitem__(self, key: tuple[int, ...]) -> Any: ...
    @overload
    def __getitem__(self, key: slice) -> TensorView: ...

    def __getitem__(self, key: Any) -> Any:
        """A float if every index is given, else a TensorView."""
        part = self._part(key)
        return part if part.shape else part._flat[part._place.start]

    def __setitem__(self, key: int | tuple[int, ...] | slice, value: Any) -> None:
        part = self._part(key)
        place, name = part._place, part._name
        values = check_flat([value], 1, name) if not place.shape else shaped(value, place.shape, name)
        check_range(values, place.name, name)
        positions = (place.start + dot(i, place.strides) for i in product(*map(range, place.shape)))
        for position, number in zip(positions, values):
            part._flat[position] = number

    def tolist(self) -> Any:
        """Nested lists of floats."""
        return [self[i] if len(self.shape) == 1 else self[i].tolist() for i in range(len(self))]

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        """A copy, for NumPy."""
        import numpy
        return numpy.array(self.tolist(), dtype=dtype)

    def __eq__(self, other: object) -> bool:
        return bool(self.tolist() == (other.tolist() if isinstance(other, TensorView) else other))

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<{self._name}, {' x '.join(map(str, self.shape))}>"

    def _part(self, key: Any) -> TensorView:
        if isinstance(key, slice):
            if key != slice(None):
                raise IndexError(f"{self._name}: an index is a whole number, or : for all")
            return self
        keys = key if isinstance(key, tuple) else (key,)
        if len(keys) > len(self.shape):
            raise IndexError(f"{self._name} has {len(self.shape)} dimensions, not {len(keys)}")
        indices = [index(k) + length * (index(k) < 0) for k, length in zip(keys, self.shape)]
        if not all(0 <= i < length for i, length in zip(indices, self.shape)):
            raise IndexError(f"{self._name} has shape {self.shape}; there is no {list(keys)}")
        place, n = self._place, len(keys)
        start = place.start + dot(indices, place.strides)
        part = place._replace(shape=place.shape[n:], start=start, strides=place.strides[n:])
        return TensorView(self._flat, part, f"{self._name}[{', '.join(map(str, indices))}]")


class LayerView:
    """A layer of a network. Its attributes are TensorViews with PyTorch's names.

    layer:   its description
    tensors: every one of them by its name
    """

    def __init__(self, k: int, layer: Layer | CustomLayer, listed: list[Place], parameters: Flat,
                 buffers: Flat) -> None:
        self.layer = layer
        self.tensors = {place.name: TensorView(buffers if place.buffer else parameters, place, f"{k}.{place.name}")
                        for place in listed}
        self._k = k

    @property
    def weight(self) -> TensorView:
        """Linear: outputs x inputs. Conv2d: out_channels x in_channels x kernel rows x columns. BatchNorm2d: gamma."""
        return self._tensor("weight")

    @property
    def bias(self) -> TensorView:
        """One number per output or channel. BatchNorm2d: beta."""
        return self._tensor("bias")

    @property
    def running_mean(self) -> TensorView:
        return self._tensor("running_mean")

    @property
    def running_var(self) -> TensorView:
        return self._tensor("running_var")

    def __repr__(self) -> str:
        return f"<layer {self._k}: {self.layer!r}>"

    def _tensor(self, name: str) -> TensorView:
        if name not in self.tensors:
            raise AttributeError(f"layer {self._k}, {type(self.layer).__name__}, has no {name}")
        return self.tensors[name]
