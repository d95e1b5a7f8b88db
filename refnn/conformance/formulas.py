"""What the operations' explanations are written with: formulas, and their operands."""

import textwrap
from typing import Callable, NamedTuple

TERMS = 6  # of a sum or a row, so many are written out


class Operation(NamedTuple):
    answer: Callable  # (**inputs) -> outputs by name
    explain: Callable  # (inputs, outputs, key, index) -> (formula, operands)


def formula(function):
    """The first paragraph of a reference function's documentation, which is its formula."""
    return " ".join(function.__doc__.split("\n\n")[0].split())


def shortened(parts):
    """Parts of a row or of a sum, with the middle left out where they are many."""
    if len(parts) > TERMS:
        parts[TERMS - 2:-1] = [f"... {len(parts) - TERMS + 1} more ..."]
    return parts


def row(numbers):
    return f"[{', '.join(shortened([repr(v) for v in numbers]))}]"


def addends(start, numbers):
    """A sum: 0.0 + 0.1 + ... + 0.3"""
    return " + ".join([repr(start), *shortened([repr(v) for v in numbers])])


def terms(start, pairs):
    """A sum of products: 0.5 + 0.1 * 2.0 + ... + 0.3 * -1.0"""
    return " + ".join([repr(start), *shortened([f"{a!r} * {b!r}" for a, b in pairs])])


def column(rows, j):
    return [values[j] for values in rows]


def given(function):
    """An explanation that tells the inputs alone."""
    return lambda inputs, outputs, key, index: (formula(function), textwrap.shorten(", ".join(f"{k} = {v}" for k, v in inputs.items()), 300))


def dig(values, index):
    for n in index:
        values = values[n]
    return values
