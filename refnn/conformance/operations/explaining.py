"""The form of an operation, and what explanations are written with: formulas, and their operands."""

import re
import textwrap
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

TERMS = 6  # the terms of a sum, or numbers of a row, that are written out


class Operation(NamedTuple):
    """An operation of the spec.

    answer:  (**inputs) -> its outputs by name, from the book
    in_c:    (core, **inputs) -> the same from the C core; core is a Core
    explain: (inputs, outputs, key, index) -> the formula of the number outputs[key][index], and the operands in it
    """

    answer: Callable[..., dict[str, Any]]
    in_c: Callable[..., dict[str, Any]]
    explain: Callable[[dict[str, Any], dict[str, Any], str, Sequence[int]], tuple[str, str]]


def formula(function: Callable[..., Any]) -> str:
    """The first paragraph of the documentation of a function of the book, which is its formula."""
    return " ".join((function.__doc__ or "").split("\n\n")[0].split())


def given(function: Callable[..., Any]) -> Callable[..., tuple[str, str]]:
    """An explanation that shows the inputs, shortened, as operands."""

    def explain(inputs, outputs, key, index):
        operands = ", ".join(f"{name} = {value}" for name, value in inputs.items())
        return formula(function), textwrap.shorten(operands, 300)

    return explain


def shortened(parts: list[str]) -> list[str]:
    """Parts of a row or of a sum; the middle of many is left out."""
    if len(parts) > TERMS:
        parts[TERMS - 2:-1] = [f"... {len(parts) - TERMS + 1} more ..."]
    return parts


def row(numbers: Iterable[float]) -> str:
    return f"[{', '.join(shortened([repr(v) for v in numbers]))}]"


def addends(start: float, numbers: Iterable[float]) -> str:
    """A sum: 0.0 + 0.1 + ... + 0.3"""
    return " + ".join([repr(start), *shortened([repr(v) for v in numbers])])


def terms(start: float, pairs: Iterable[tuple[float, float]]) -> str:
    """A sum of products: 0.5 + 0.1 * 2.0 + ... + 0.3 * -1.0"""
    return " + ".join([repr(start), *shortened([f"{a!r} * {b!r}" for a, b in pairs])])


def column(rows: Iterable[Sequence[float]], j: int) -> list[float]:
    return [values[j] for values in rows]


def named_in(text: str, j: int, rows: dict[str, Sequence[float]]) -> str:
    """The operands of number j of a row: those of `rows` that a formula names.

    A formula with indices, such as softmax's, needs whole rows; others need number j of each.
    """
    used = {name: numbers for name, numbers in rows.items() if re.search(rf"\b{name}\b", text)}
    if "[j]" in text:
        return ", ".join([f"j = {j}", *(f"{name} = {row(numbers)}" for name, numbers in used.items())])
    return ", ".join(f"{name} = {numbers[j]!r}" for name, numbers in used.items())


def dig(values: Any, index: Iterable[Any]) -> Any:
    """values[index[0]][index[1]] ..."""
    for n in index:
        values = values[n]
    return values
