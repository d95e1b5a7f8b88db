"""Buffers of numbers, such as NumPy's and PyTorch's arrays, as flat doubles: by the C core where it is built."""

from __future__ import annotations

import functools
from array import array
from collections.abc import Sequence
from math import isfinite
from typing import Any

from .errors import InputError, UnavailableError

NUMBER_FORMATS = tuple("dfBbhHiIlLqQ?")  # the most frequent first


@functools.cache
def core() -> Any:
    """The compiled core; None if it is not built here."""
    try:
        from . import core
    except UnavailableError:
        return None
    return core


def as_array(values: Any, name: str) -> Any:
    """`values`; if they are no buffer but offer a NumPy array (PyTorch, pandas), that array.

    Raises InputError if the array cannot be had, or if it has masked values: NumPy's buffer holds something there, too.
    """
    if not hasattr(values, "__array__"):
        return values
    if hasattr(values, "filled") and hasattr(values, "mask") and getattr(values.mask, "any", bool)():
        raise InputError(f"{name} has masked values")
    try:
        letter = memoryview(values).format
        other = letter not in NUMBER_FORMATS and letter.lstrip("<>=!") in ("e", *NUMBER_FORMATS)
        return values.astype("d") if other else values  # of half precision, or in another order of bytes
    except (TypeError, ValueError, BufferError):
        pass
    try:
        made = values.__array__()
        return values if made is values else as_array(made, name)  # itself: an array without a buffer, as of dates
    except (TypeError, ValueError, RuntimeError) as error:
        raise InputError(f"{name} cannot be read as an array: {str(error).splitlines()[0]}") from None


def buffer_of(values: Any) -> Any:
    """A memoryview of `values` if they are a buffer of numbers with one dimension or more; else None."""
    try:
        view = memoryview(values)
    except (TypeError, ValueError):
        return None
    return view if view.ndim > 0 and view.format in NUMBER_FORMATS else None


def doubles(view: memoryview, negative_zero: bool = True) -> memoryview:
    """The numbers of a buffer, row by row, as flat doubles; not copied if they are that already.

    negative_zero: whether -0.0 stays; if not, it becomes 0.0, and the numbers are always copied
    """
    kind = view.format
    zero = -0.0 if negative_zero else 0.0  # x + -0.0 is x for every x, and -0.0 + 0.0 is 0.0
    if kind == "d" and view.c_contiguous and negative_zero:
        return view.cast("B").cast("d")  # type: ignore[return-value]
    values = view.cast("B") if view.c_contiguous else memoryview(view.tobytes())
    native = core()
    if native is None:
        return memoryview(array("d", [value + zero for value in values.cast(kind)]))  # type: ignore[call-overload]
    count = len(values) // view.itemsize
    converted = native.room(count)
    native.lib.refnn_to_doubles(kind.encode(), count, native.ffi.from_buffer(values), zero, converted)
    return memoryview(native.ffi.buffer(converted)).cast("B").cast("d")  # type: ignore[return-value]


def array_of(values: Any) -> array[float]:
    """A copy of flat doubles, as one block: array("d", values) would take them one by one."""
    copy = array("d")
    copy.frombytes(values.cast("B"))
    return copy


def first_not_finite(values: Sequence[float] | memoryview) -> int | None:
    """The index of the first number of flat doubles that is infinite or NaN."""
    native = core()
    if native is None:
        found = all(map(isfinite, values)) or next(n for n, value in enumerate(values) if not isfinite(value))
        return None if found is True else found
    n: int = native.lib.refnn_not_finite(len(values), native.ffi.from_buffer(values))
    return None if n == len(values) else n


def one_hot_classes(values: memoryview, width: int) -> array[int]:
    """Rows of doubles -> their classes, up to the first row that is not zeros with a single one."""
    native, count = core(), len(values) // width
    classes = array("i", bytes(4 * count))
    if native is not None:
        return classes[:native.lib.refnn_one_hot(count, width, native.aligned(values), native.integers(classes))]
    for n in range(count):
        row: list[float] = values[n * width:(n + 1) * width].tolist()  # type: ignore[assignment]
        if row.count(1.0) != 1 or row.count(0.0) != width - 1:
            return classes[:n]
        classes[n] = row.index(1.0)
    return classes


def are_classes(values: array[int], outputs: int) -> bool:
    """Whether these integers are all from 0 to outputs - 1."""
    native = core()
    if native is None:
        return not values or 0 <= min(values) <= max(values) < outputs
    return bool(native.lib.refnn_not_class(len(values), native.ffi.from_buffer("int32_t[]", values), outputs)
                == len(values))
