"""Checks of arguments that every entry point shares, with the same messages. Each raises InputError."""

import os
from collections.abc import Collection, Sequence
from difflib import get_close_matches
from itertools import islice
from math import inf, isfinite
from numbers import Real
from operator import index
from typing import Any, SupportsIndex, Union

from .errors import InputError

Size = Union[SupportsIndex, Sequence[SupportsIndex]]  # a whole number, or a pair of them: rows and columns


MAX_LAYERS = 100_000
LONGEST_NAME = 100  # characters; the search for a similar one takes time


def shown(value: object, longest: int = 500) -> str:
    """repr(value) for a message: one line, of at most `longest` characters."""
    try:
        text = repr(str(value) if isinstance(value, os.PathLike) else value)
    except Exception:  # whole numbers of more than 4,300 digits have none
        text = f"<{type(value).__name__}>"
    text = " ".join(text.split()) if "\n" in text else text
    return text if len(text) <= longest else f"{text[:longest - 20]}...{text[-17:]}"


def printable(text: str, width: int | None = None) -> str:
    """A text from outside for a terminal: without control characters, at most `width` characters."""
    plain = "".join(c if c.isprintable() else " " if c == "\t" else ascii(c)[1:-1] for c in text[:width])
    return plain if width is None or len(text) <= width >= len(plain) else plain[:width] + " ..."


def listed(names: Collection[str], longest: int = 20) -> str:
    """The names, or the first of them and their number, for a message: of at most 1,000 characters."""
    first = printable(", ".join(islice(names, longest)), 1000)
    return first if len(names) <= longest else f"{first}, ... ({len(names):,} in all)"


def known_name(name: Any, names: Collection[str], what: str) -> str:
    """`name`, if it is one of `names`; else InputError with the nearest one."""
    if isinstance(name, str) and name in names:
        return name
    text = shown(name)
    near = get_close_matches(name, names, n=1, cutoff=0.5) if isinstance(name, str) and len(name) < LONGEST_NAME else []
    hint = f"did you mean {near[0]!r}?" if near else f"known: {listed(names)}"
    raise InputError(f"unknown {what} {text if isinstance(name, str) else repr(text)}; {hint}")


def whole_number(value: Any, what: str, low: int = 1, high: int = 2**31 - 1) -> int:
    """`value` as an int, if it is a whole number from low to high; else InputError."""
    if type(value) is int and low <= value <= high:
        return value  # the usual case, in a quarter of the time
    try:
        number = None if isinstance(value, bool) else index(value)
    except Exception:  # of any object's own method
        number = None
    if number is None or not low <= number <= high:
        raise InputError(f"{what} must be a whole number from {low} to {high}, not {shown(value)}")
    return number


def positive_number(value: Any, what: str) -> float:
    """`value` as a float, if it is finite and above 0; else InputError."""
    if type(value) is float and 0.0 < value < inf:
        return value  # the usual case, as above
    try:
        number = float(value) if isinstance(value, Real) and not isinstance(value, bool) else 0.0
    except Exception:  # too large, or of any object's own method
        number = 0.0
    if not isfinite(number) or not number > 0.0:
        raise InputError(f"{what} must be a finite number above 0, not {shown(value)}")
    return number


def true_or_false(value: Any, what: str) -> bool:
    """`value`, if it is True or False; else InputError."""
    if not isinstance(value, bool):
        raise InputError(f"{what} must be True or False, not {shown(value)}")
    return value


def pair(value: Any, what: str, low: int = 1) -> tuple[int, int]:
    """A whole number or two of them -> (rows, columns); else InputError."""
    values = value if isinstance(value, (tuple, list)) else (value, value)
    if len(values) != 2:
        raise InputError(f"{what} must be a whole number or a pair of them, not {shown(value)}")
    return whole_number(values[0], what, low), whole_number(values[1], what, low)


def layer_sizes(values: Any, what: str) -> tuple[int, ...]:
    """A sequence of whole numbers -> a tuple of them; else InputError."""
    values = tuple_of(values, f"{what} must be a list of sizes")
    return tuple(whole_number(value, f"each of {what}") for value in values)


def tuple_of(values: Any, message: str) -> tuple[Any, ...]:
    """The items of `values`; else InputError with the message. There may be MAX_LAYERS of them."""
    try:
        items = tuple(islice(values, MAX_LAYERS + 1))
    except Exception:  # of any object's own method
        raise InputError(f"{message}, not {shown(values)}") from None
    if len(items) > MAX_LAYERS:
        raise InputError(f"{message}, of at most {MAX_LAYERS}")
    return items
