"""Checks of arguments that every entry point shares, with the same messages. Each raises InputError."""

from difflib import get_close_matches
from math import isfinite
from numbers import Real

from .errors import InputError


def pair(value, what, low=1):
    """A whole number, or two of them -> a pair; else InputError."""
    values = value if isinstance(value, (tuple, list)) else (value, value)
    if len(values) != 2:
        raise InputError(f"{what} must be a whole number or a pair of them, not {value!r}")
    return tuple(whole_number(v, what, low) for v in values)


def known_name(name, names, what):
    """`name`, if it is one of `names`; else InputError with the nearest one."""
    if isinstance(name, str) and name in names:
        return name
    near = get_close_matches(str(name), names, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(names)}"
    raise InputError(f"unknown {what} {str(name)!r}; {hint}")


def whole_number(value, what, low=1, high=2**31 - 1):
    """`value` as an int, if it is a whole number from low to high; else InputError."""
    if isinstance(value, bool) or not hasattr(value, "__index__") or not low <= value <= high:
        raise InputError(f"{what} must be a whole number from {low} to {high}, not {value!r}")
    return int(value)


def positive_number(value, what):
    """`value` as a float, if it is finite and above 0; else InputError."""
    try:
        number = float(value) if isinstance(value, Real) and not isinstance(value, bool) else 0.0
    except OverflowError:
        number = 0.0
    if not isfinite(number) or not number > 0.0:
        raise InputError(f"{what} must be a finite number above 0, not {value!r}")
    return number
