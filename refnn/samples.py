"""Where data enters: rows of numbers in any common form are checked here, once, and kept in one flat buffer.

Both implementations get the same objects: the reference takes row after row out of them as lists of floats, the C core
reads the buffers in place.
"""

from __future__ import annotations

import struct
import sys
import warnings
from array import array
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from hashlib import sha256
from math import prod
from numbers import Complex, Real
from typing import Any, SupportsIndex, Union

from .buffers import are_classes, array_of, as_array, buffer_of, doubles, first_not_finite, one_hot_classes
from .checks import shown, true_or_false, whole_number
from .errors import InputError
from .layers import Shape
from .model import Model

PIXELS = [byte / 255.0 for byte in range(256)]
WIDE = 64  # inputs from which a row may be an image, and the least value of its brightest pixel
FEW = 100  # rows in which pixels are looked for


class Pixels:
    """Inputs that are bytes and stand for byte / 255.0. Made by `pixels`, or of a contiguous buffer of bytes."""

    def __init__(self, values: Any) -> None:
        self.values = memoryview(values).cast("B")

    def __len__(self) -> int:
        """Number of bytes."""
        return len(self.values)

    def __getitem__(self, part: slice) -> Pixels:
        return Pixels(self.values[part])


def pixels(x: Any) -> Pixels:
    """Whole numbers from 0 to 255, in any form and shape, as inputs byte / 255.0. Raises InputError.

    A contiguous buffer of bytes is not copied. Without this function, bytes are plain numbers, as any others.
    """
    x = as_array(x, "x")
    view = buffer_of(x)
    if view is not None and view.format == "B" and view.c_contiguous and 0 not in view.shape:
        return Pixels(view)
    values = flat_numbers(view.tolist() if view is not None else x)
    try:
        if not all(type(value) is int or float(value).is_integer() for value in values):
            raise ValueError
        return Pixels(bytes(map(int, values)))
    except (TypeError, ValueError, OverflowError):
        raise InputError("pixels must be whole numbers from 0 to 255") from None


def flat_numbers(values: Any) -> list[Any]:
    """Nested sequences and buffers -> a list of their numbers."""
    if isinstance(values, str) or not hasattr(values, "__len__"):
        return [values]
    found = []
    for value in values:
        view = buffer_of(value)
        found += flat_numbers(value if view is None else view.tolist())
    return found


# Numbers, or rows of them: lists, arrays, buffers; or pixels
Numbers = Union[Iterable[float], Iterable[Iterable[float]], Pixels]


class Rows(Sequence[list[float]]):
    """A sequence of rows, each a list of `width` floats, over one flat buffer.

    values: a memoryview of doubles, or of bytes, which stand for byte / 255.0 (pixels)
    watch:  called by implementations with the number of rows that they have taken since the last call; or None

    Raises InputError if the buffer has another form, or does not hold whole rows.
    """

    def __init__(self, values: memoryview, width: SupportsIndex, watch: Callable[[int], None] | None = None) -> None:
        self.values = values
        self.width = whole_number(width, "width of Rows")
        self.watch = watch
        self.check()

    @classmethod
    def _of(cls, values: memoryview, width: int) -> Rows:
        """Rows of values whose form was checked before."""
        rows = cls.__new__(cls)
        rows.values = values
        rows.width = width
        rows.watch = None
        return rows

    def check(self) -> None:
        """Checks the form of the buffer, not its values. Raises InputError."""
        view = self.values
        if not isinstance(view, memoryview) or view.ndim != 1 or view.format not in ("d", "B") or not view.contiguous:
            raise InputError(f"values of Rows must be a flat memoryview of doubles or bytes, not {shown(view)}")
        if len(view) % whole_number(self.width, "width of Rows"):
            raise InputError(f"{len(view)} values are not rows of {self.width}")

    def __len__(self) -> int:
        return len(self.values) // self.width

    def __getitem__(self, n: int) -> list[float]:  # type: ignore[override]  # there are no slices
        """Row n, from 0 to len - 1."""
        if not 0 <= n < len(self):
            raise IndexError(n)
        if self.watch:
            self.watch(1)
        row = self.values[n * self.width:(n + 1) * self.width]
        return [PIXELS[byte] for byte in row] if self.values.format == "B" else list(row)

    def first(self, count: int) -> Rows:
        """The first `count` rows, over the same buffer."""
        return Rows(self.values[:count * self.width], self.width)


Targets = Union[Rows, "array[int]"]


class Samples:
    """Inputs and targets, checked: pass it in place of x and y, and it is not checked again.

    inputs:   Rows, samples x inputs
    targets:  Rows, samples x outputs; or, for a loss that takes classes, an array of class indices
    outputs:  the number of outputs that the network must have
    classes:  whether the targets are classes, so that an accuracy makes sense

    Raises InputError if the parts do not fit each other. check_samples makes them from any form of data.
    """

    def __init__(self, inputs: Rows, targets: Targets, outputs: SupportsIndex, classes: bool) -> None:
        self._set(inputs, targets, outputs, classes)
        for rows, name in ((inputs, "x"), (targets, "y")):
            if isinstance(rows, Rows) and rows.values.format == "d":
                check_finite(rows.values, rows.width, name)

    @classmethod
    def _of(cls, inputs: Rows, targets: Targets, outputs: int, classes: bool) -> Samples:
        """Samples of numbers that were checked before."""
        samples = cls.__new__(cls)
        samples._set(inputs, targets, outputs, classes)
        return samples

    def _set(self, inputs: Rows, targets: Targets, outputs: SupportsIndex, classes: bool) -> None:
        self.inputs = inputs
        self.targets = targets
        self.outputs = whole_number(outputs, "outputs")
        self.classes = true_or_false(classes, "classes")
        self.check()

    def check(self) -> None:
        """Checks that the parts fit each other: implementations rely on it. Raises InputError."""
        inputs, targets = self.inputs, self.targets
        if not isinstance(inputs, Rows):
            raise InputError(f"inputs of Samples must be Rows, not {shown(inputs)}")
        inputs.check()
        if isinstance(targets, Rows):
            targets.check()
            if targets.values.format != "d" or targets.width != self.outputs:
                raise InputError(f"targets of Samples must be rows of {shown(self.outputs)} doubles")
        elif not isinstance(targets, array) or targets.typecode != "i":
            raise InputError(f"targets of Samples must be Rows or an array of type 'i', not {shown(targets)}")
        elif not are_classes(targets, self.outputs):
            raise InputError(f"targets of Samples must be classes from 0 to {self.outputs - 1}")
        count = len(inputs)
        if len(targets) != count:
            raise InputError(f"x has {count} samples, y has {len(targets)}")
        if not count:
            raise InputError("x is empty")

    def __len__(self) -> int:
        return len(self.inputs)

    def first(self, count: SupportsIndex) -> Samples:
        """The first `count` samples, at least one, over the same buffers."""
        count = whole_number(count, "count")
        targets = self.targets.first(count) if isinstance(self.targets, Rows) else self.targets[:count]
        return Samples._of(self.inputs.first(count), targets, self.outputs, self.classes)

    def digest(self) -> str:
        """SHA-256 over the inputs and then the targets, as little-endian numbers, in hexadecimal digits."""
        hashed = sha256()
        targets = self.targets.values if isinstance(self.targets, Rows) else memoryview(self.targets)
        for values in (self.inputs.values, targets):
            if sys.byteorder == "big" and values.itemsize > 1:
                swapped = array(values.format, values)
                swapped.byteswap()
                values = memoryview(swapped)
            hashed.update(values)
        return hashed.hexdigest()

    def watched(self, watch: Callable[[int], None]) -> Samples:
        """The same samples over the same buffers, with a `watch` as of Rows."""
        return Samples._of(Rows(self.inputs.values, self.inputs.width, watch), self.targets, self.outputs, self.classes)


def check_samples(model: Model, x: Numbers | Samples, y: Numbers | None = None) -> Samples:
    """x, y in any form -> Samples that fit the model. Raises InputError.

    x may be Samples, which need no y; only their widths are checked again. Otherwise:

    x: rows of numbers (lists, tuples, a two-dimensional buffer such as a NumPy array), or a flat buffer of them;
       images of any number of dimensions if their numbers are in the model's order; Pixels, byte / 255.0 each.
       A buffer of doubles is not copied. Inputs that look like pixels, but are not Pixels, cause a warning.
    y: rows likewise, also Pixels; a flat sequence of numbers if there is one output; class indices or one-hot rows for
       classes
    """
    if not isinstance(model, Model):
        raise InputError(f"model must be a Model, not {shown(model)}")
    if isinstance(x, Samples):
        return fitting(model, x)
    if y is None:
        raise InputError("y is missing")
    inputs = check_rows(x, model.inputs, "x", model.shapes[0])
    warn_of_pixels(inputs)
    outputs = model.outputs
    given = list(check_rows(y, outputs, "y")) if isinstance(y, Pixels) else as_array(y, "y")
    if buffer_of(given) is None:
        try:
            given = list(given)
        except TypeError:
            raise InputError(f"y must be a sequence, not {shown(y)}") from None
    flat = is_flat(given)
    if not flat and outputs > 1 and (column := one_column(given)) is not None:
        given, flat = column, True
    if model.classes:
        classes = check_classes(given, outputs) if flat else check_one_hot(check_rows(given, outputs, "y"))
        return Samples._of(inputs, classes, outputs, classes=True)
    if flat and outputs > 1:
        return Samples._of(inputs, one_hot_rows(check_classes(given, outputs), outputs), outputs, classes=True)
    if flat and buffer_of(given) is None:
        given = [[value] for value in given]
    targets = check_rows(given, outputs, "y")
    one_hot = outputs > 1 and len(one_hot_classes(targets.values, outputs)) == len(targets)
    return Samples._of(inputs, targets, outputs, classes=one_hot)


def fitting(model: Model, samples: Samples) -> Samples:
    """`samples`, if they fit the model; else InputError."""
    samples.check()
    if samples.inputs.width != model.inputs:
        raise InputError(f"the samples have {samples.inputs.width} inputs, the network {model.inputs}")
    if samples.outputs != model.outputs:
        raise InputError(f"the samples have {samples.outputs} outputs, the network {model.outputs}")
    if model.classes == isinstance(samples.targets, Rows):
        raise InputError(f"the samples' targets are not for {model.loss}")
    return samples


def check_rows(rows: Any, width: int, name: str, shape: Shape = ()) -> Rows:
    """Rows of numbers in any form -> Rows of `width` finite numbers each; at least one row. Raises InputError.

    shape: that of the images which the rows stand for, (channels, height, width)
    """
    if isinstance(rows, Pixels):
        if len(rows) % width:
            raise InputError(f"{name} has {len(rows)} pixels, which are not rows of {width}")
        rows = memoryview(rows.values)
        if len(rows):
            return Rows(rows, width)
    rows = as_array(rows, name)
    view = buffer_of(rows)
    if view is None:
        values = memoryview(numbers_of_rows(rows, width, name))
    else:
        check_shape(view.shape, width, name, shape)
        if 0 in view.shape:
            values = memoryview(array("d"))
        else:
            values = doubles(view)
    if len(values) == 0:
        raise InputError(f"{name} is empty")
    if values.format == "d":
        check_finite(values, width, name)
    return Rows._of(values, width)


def check_shape(given: Shape, width: int, name: str, shape: Shape) -> None:
    """Raises InputError if a buffer of that shape has not rows of `width` numbers, or images in another order."""
    if len(given) == 1:
        if given[0] % width:
            raise InputError(f"{name} has {given[0]} numbers, which are not rows of {width}")
        return
    one = given[1:]
    if len(one) == 1 and one[0] == width or prod(one) == width and (len(shape) < 3 or one in (shape, shape[1:])):
        return
    if len(shape) == 3:
        needed = f"images of {' x '.join(map(str, shape))} (channels, rows, columns)"
        hint = "; x.transpose(0, 3, 1, 2) puts the channels first" if one == (*shape[1:], shape[0]) else ""
        raise InputError(f"{name} has shape {given}, the network needs rows of {width}, or {needed}{hint}")
    raise InputError(f"{name} has shape {given}, the network needs rows of {width}")


def warn_of_pixels(rows: Rows) -> None:
    """Warns of bytes that are not Pixels: rows of many whole numbers, of which the largest is a byte's."""
    if rows.width < WIDE or rows.values.format != "d":
        return
    few = rows.values[:rows.width * FEW]
    if all(map(float.is_integer, few)) and WIDE <= max(few) <= 255.0 and min(few) >= 0.0:
        warnings.warn("x looks like pixels from 0 to 255, which train badly; refnn.pixels(x) makes them byte / 255; "
                      "--standardize scales the columns of a table", stacklevel=4)


def one_column(rows: Any) -> list[Any] | None:
    """The numbers of rows with one number each, such as labels of shape (n, 1); None if the rows are longer."""
    view = buffer_of(rows)
    if view is not None:
        return [row[0] for row in view.tolist()] if view.ndim == 2 and view.shape[1] == 1 else None
    if all(hasattr(row, "__len__") and not isinstance(row, str) and len(row) == 1 for row in rows):
        return [row[0] for row in rows]
    return None


def check_flat(values: Any, count: int, name: str) -> array[float]:
    """A flat sequence or buffer of `count` finite numbers -> array of doubles, with no -0.0. Raises InputError."""
    values = as_array(values, name)
    view = buffer_of(values)
    if view is None or view.ndim > 1:
        try:
            values = list(values)
        except (TypeError, NotImplementedError):  # the latter of a memoryview with several dimensions
            raise InputError(f"{name} must be a sequence of numbers, not {shown(values)}") from None
    if len(values) != count:
        raise InputError(f"{name} must be {count} numbers, not {len(values)}")
    if view is None or view.ndim > 1:
        view = memoryview(numbers(values, lambda n: f"{name}[{n}]")).cast("d")
    checked = doubles(view, negative_zero=False)
    check_finite(checked, 0, name)
    return array_of(checked)


def check_classes(classes: Any, outputs: int) -> array[int]:
    """A flat sequence of class indices, 0 to outputs - 1 -> array of them. Raises InputError."""
    view = buffer_of(classes)
    values = view.tolist() if view is not None else classes
    whole = view is not None and view.format not in "fd?"
    if whole and 0 <= min(values, default=0) <= max(values, default=0) < outputs:
        return array("i", values)
    checked = array("i")
    for n, value in enumerate(values):
        if isinstance(value, bool) or not isinstance(value, (int, float)) and not hasattr(value, "__index__"):
            raise InputError(f"y[{n}] is {shown(value)}, not a class")
        if value != value or value in (float("inf"), float("-inf")) or value != int(value):
            raise InputError(f"y[{n}] is {shown(value)}, not a whole number: a class is 0 to {outputs - 1}")
        if not 0 <= value < outputs:
            known = f"the network's classes are 0 to {outputs - 1}" if outputs > 1 else (
                "a network with one output has only class 0: there must be one output for each class")
            raise InputError(f"y[{n}] is {shown(int(value))}, but {known}")
        checked.append(int(value))
    return checked


def one_hot_rows(classes: Sequence[int], count: int) -> Rows:
    """Class indices -> Rows, one-hot: class 4 of 10 is [0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0]"""
    values = array("d", bytes(8 * len(classes) * count))
    for n, label in enumerate(classes):
        values[n * count + label] = 1.0
    return Rows(memoryview(values), count)


def check_one_hot(rows: Rows) -> array[int]:
    """One-hot rows -> class indices. Raises InputError if a row is not one-hot."""
    classes = one_hot_classes(rows.values, rows.width)
    if len(classes) < len(rows):
        raise InputError(f"y[{len(classes)}] is not one-hot: a target must be a class, or a row of zeros with a single "
                         "one")
    return classes


def is_flat(values: Any) -> bool:
    """Whether these are numbers, not rows of numbers."""
    view = buffer_of(values)
    if view is not None:
        return bool(view.ndim == 1)
    return len(values) == 0 or isinstance(values[0], str) or not hasattr(values[0], "__len__")


def numbers_of_rows(rows: Any, width: int, name: str) -> array[float]:
    values = array("d")
    try:
        rows = iter(rows)
    except TypeError:
        raise InputError(f"{name} must be a sequence of rows, not {shown(rows)}") from None
    for n, row in enumerate(rows):
        row = as_array(row, f"{name}[{n}]")
        view = buffer_of(row)
        try:
            row = list(row) if view is None else view.tolist()
        except TypeError:
            raise InputError(f"{name}[{n}] must be a row of {width} numbers, not {shown(row)}") from None
        if len(row) != width:
            raise InputError(f"{name}[{n}] has {len(row)} numbers, the network needs {width}")
        values.frombytes(numbers(row, partial("{}[{}][{}]".format, name, n)))
    return values


def numbers(values: list[Any], where: Callable[[int], str]) -> bytes:
    """A list -> the bytes of its doubles. Raises InputError with the place of the first value that is not a number."""
    try:
        if not has_complex(values):
            return struct.pack(f"{len(values)}d", *values)  # takes a third of the time of array("d", values)
    except (TypeError, ValueError, OverflowError, struct.error):
        pass
    for n, value in enumerate(values):
        try:
            array("d", [repr(value) if is_complex(type(value)) else value])
        except (TypeError, ValueError):
            raise InputError(f"{where(n)} is {shown(value)}, not a number") from None
        except OverflowError:
            raise InputError(f"{where(n)} is too large for a double") from None
    raise AssertionError("every value is a number, but not all together")


def has_complex(values: list[Any]) -> bool:
    """Whether one of these is a complex number: then their sum is, too, and takes a fifth of the time of all types."""
    if values and type(values[0]) is float:
        try:
            return is_complex(type(sum(values)))
        except Exception:  # of any object's own method, or of numbers that floats do not add, such as Decimal
            pass
    return any(map(is_complex, set(map(type, values))))


def is_complex(kind: type) -> bool:
    """Whether these are complex numbers. NumPy's would lose their imaginary parts without an error."""
    return issubclass(kind, Complex) and not issubclass(kind, Real)


def check_finite(values: Sequence[float] | memoryview, width: int, name: str) -> None:
    """Raises InputError with the place of the first number that is infinite or NaN. width: as for place"""
    n = first_not_finite(values)
    if n is not None:
        raise InputError(f"{place(name, n, width)} is {values[n]}, not a finite number")


def place(name: str, n: int, width: int) -> str:
    """x[3][1] for number 31 in rows of 10; x[31] for a width of 0: a flat sequence"""
    return f"{name}[{n // width}][{n % width}]" if width else f"{name}[{n}]"
