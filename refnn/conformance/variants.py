"""Mistakes that are made from the reference itself: the functions that an operation runs, changed in one place.

A changed function is tried by giving the function another code object, so that every caller runs it.
"""

from __future__ import annotations

import ast
import inspect
import sys
import textwrap
import warnings
from array import array
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import ndiff
from functools import cache, cached_property
from math import sqrt
from pathlib import Path
from types import CodeType, FrameType, FunctionType
from typing import Any

from .. import rates
from ..implementations import python
from ..reference import elementary
from ..reference.elementary import cos, exp, log, sin, tanh
from . import operations
from .changes import RARE, Change, changes
from .mutants import fused
from .operations import models
from .spoil import PLACES, modules

LONGEST = 1_000_000  # a range in a changed function, and the rounds of its loops
BOOK = "refnn.reference"
OF_IMPLEMENTATION = ("build", "forward", "backward", "batch", "train", "evaluate", "images", "channels")  # that compute


@dataclass(frozen=True, eq=False)
class Variant:
    """A function of the reference with a change."""

    function: FunctionType
    tree: ast.FunctionDef
    change: Change

    @cached_property
    def lines(self) -> list[str]:
        """The lines that differ, each after - or +; of lines in another order also those between them."""
        before = ast.unparse(self.tree).splitlines()
        with changed(self.change):
            after = ast.unparse(self.tree).splitlines()
        lines = [line.replace("'", '"') for line in ndiff(before, after) if line[0] != "?"]
        differ = [n for n, line in enumerate(lines) if line[0] in "-+"]
        moved = {line[1:] for line in lines if line[0] == "-"} & {line[1:] for line in lines if line[0] == "+"}
        return lines[differ[0]:differ[-1] + 1] if moved else [lines[n] for n in differ]

    @property
    def replaced(self) -> tuple[str, ...]:
        """The function, and its lines that are changed: of other variants of them only the plainest is of interest."""
        return (self.place, *(line for line in self.lines if line[0] == "-"))

    @property
    def of_book(self) -> bool:
        return self.function.__module__.startswith(BOOK)

    @property
    def place(self) -> str:
        return f"{Path(self.function.__code__.co_filename).name}, {self.function.__qualname__}"

    @property
    def name(self) -> str:
        return self.place

    @property
    def says(self) -> str:
        lines = "this line" if sum(line[0] == "-" for line in self.lines) < 2 else "these lines"
        return f"your answers are the reference's with {lines} changed"

    @contextmanager
    def applied(self) -> Iterator[None]:
        """While it lasts, the reference computes with the changed function. Raises SyntaxError."""
        before = self.function.__code__
        self.function.__code__ = code_of(self)
        ROUNDS.count = 0
        try:
            yield
        finally:
            self.function.__code__ = before


@contextmanager
def changed(change: Change) -> Iterator[None]:
    before = getattr(change.owner, change.field)
    setattr(change.owner, change.field, change.value)
    try:
        yield
    finally:
        setattr(change.owner, change.field, before)


def code_of(variant: Variant) -> CodeType:
    """The changed function, whose loops count their rounds."""
    change = variant.change
    with changed(change):
        nodes = loops_of(variant.function)
        if isinstance(change.value, list):
            nodes = [*nodes, *(node for item in change.value for node in ast.walk(item) if isinstance(node, ast.For))]
        bodies = list({id(node.body): node.body for node in nodes}.values())
        for body in bodies:
            body.insert(0, COUNTED)
        try:
            made = compile(ast.Module([variant.tree], []), variant.function.__code__.co_filename, "exec")
        finally:
            for body in bodies:
                del body[0]
    return next(item for item in made.co_consts if isinstance(item, CodeType))


@cache
def loops_of(function: FunctionType) -> list[ast.For]:
    tree = tree_of(function)
    return [node for node in ast.walk(tree) if isinstance(node, ast.For)] if tree else []


class Rounds:
    """Counts the rounds of a changed function's loops. Raises ValueError if there are too many."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> None:
        self.count += 1
        if self.count > LONGEST:
            raise ValueError("too long")


ROUNDS = Rounds()
COUNTED = ast.parse("count_round()").body[0]


def variants(functions: Sequence[FunctionType]) -> Iterator[Variant]:
    """The variants of functions of the reference; plain changes first."""
    for rank in range(RARE + 1):
        for function in functions:
            tree = tree_of(function)
            if tree is not None:
                yield from (Variant(function, tree, change) for change in of_function(function)
                            if change.rank == rank)


@cache
def of_function(function: FunctionType) -> list[Change]:
    tree = tree_of(function)
    assert tree is not None
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    names |= {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    names |= siblings(function, tree)
    return list(changes(tree, sorted(names - {"self"}), lambda name: alternatives(function, name)))


def siblings(function: FunctionType, tree: ast.FunctionDef) -> set[str]:
    """The small whole constants of the function's module, if it uses one of them."""
    known = {name for name, value in function.__globals__.items() if type(value) is int and abs(value) < 100}
    return known if any(isinstance(node, ast.Name) and node.id in known for node in ast.walk(tree)) else set()


def alternatives(function: FunctionType, name: str) -> list[str]:
    """The other functions of the book, with as many parameters, that the function's module knows."""
    known = function.__globals__
    right = known.get(name)
    if not isinstance(right, FunctionType):
        return []
    count = right.__code__.co_argcount
    return [other for other, value in known.items() if isinstance(value, FunctionType) and value is not right
            and value.__module__.startswith("refnn.reference") and value.__code__.co_argcount == count]


@cache
def tree_of(function: FunctionType) -> ast.FunctionDef | None:
    """The syntax tree of a function, without its documentation; None if it cannot be compiled by itself."""
    if function.__code__.co_freevars:
        return None
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
    except (OSError, SyntaxError):
        return None
    if not isinstance(tree, ast.FunctionDef):
        return None
    tree.decorator_list, tree.returns = [], None
    for argument in ast.walk(tree.args):
        if isinstance(argument, ast.arg):
            argument.annotation = None
    if ast.get_docstring(tree) is not None:
        del tree.body[0]
    return tree


def calls(run: Callable[[], object], without: Sequence[Callable[..., object]] = ()) -> dict[CodeType, None]:
    """The code that is called, in the order of the first calls. without: functions that do not count, nor what they
    call
    """
    seen: dict[CodeType, None] = {}
    ignored = {function.__code__ for function in without}
    inside: list[FrameType] = []

    def look(frame: FrameType, event: str, argument: object) -> None:
        if event == "call" and not inside:
            if frame.f_code in ignored:
                inside.append(frame)
            else:
                seen.setdefault(frame.f_code)
        elif event == "return" and inside and inside[0] is frame:
            inside.clear()

    before = sys.getprofile()
    sys.setprofile(look)
    try:
        run()
    finally:
        sys.setprofile(before)
    return seen


def called(runs: Sequence[Callable[[], object]], without: Sequence[Callable[..., object]] = ()) -> list[FunctionType]:
    """The functions of the reference that every run calls, those of the book first, in the order of their first calls.

    without: as in `calls`. Functions of the appendix count only if nothing else of the book is called: programs have
    these functions from a library.
    """
    first, *others = [calls(run, without) for run in runs]
    known = {function.__code__: function for function in PLACES if isinstance(function, FunctionType)}
    found = [known[code] for code in first if code in known and is_told(known[code])
             and all(code in other for other in others)]
    book = [function for function in found if function.__module__ != elementary.__name__]
    found = book if any(function.__module__.startswith(BOOK) for function in book) else found
    return sorted(found, key=lambda function: not function.__module__.startswith(BOOK))


def is_told(function: FunctionType) -> bool:
    """Whether a function computes something that the spec describes."""
    module, name = function.__module__, function.__qualname__
    if module == python.__name__:
        return name.split(".")[-1] in OF_IMPLEMENTATION
    told = module.startswith((BOOK, rates.__name__, operations.__name__)) and module != models.__name__
    return told and not name.endswith("__init__")


# What changed functions may call beside the functions of their modules

def single(values: Any) -> Any:
    """Rounded to single precision. None, as for no bias, stays None, here and below."""
    if values is None:
        return None
    return [single(item) for item in values] if isinstance(values, list) else array("f", [values])[0]


def scaled(values: Any, factor: float) -> Any:
    if values is None:
        return None
    return [scaled(item, factor) for item in values] if isinstance(values, (list, tuple)) else factor * values


def clipped(values: Any, limit: float) -> Any:
    if isinstance(values, list):
        return [clipped(item, limit) for item in values]
    return None if values is None else min(max(values, -limit), limit)


def transposed(rows: Sequence[Sequence[Any]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows)]


def constant(value: float, count: int) -> list[float]:
    return [value for _ in limited(count)]


def limited(*bounds: int) -> range:
    """A range that is not too long."""
    made = range(*bounds)
    if len(made) > LONGEST:
        raise ValueError("too long")
    return made


HELPERS: dict[str, Any] = {function.__name__: function for function in (
    single, scaled, clipped, transposed, constant, fused, sqrt, exp, log, tanh, sin, cos)}


@contextmanager
def helped() -> Iterator[None]:
    """While it lasts, changed functions find what they call."""
    added: list[tuple[dict[str, Any], str]] = []
    for module in modules():
        known = vars(module)
        for name, helper in {**HELPERS, "range": limited, "count_round": ROUNDS}.items():
            if name not in known:
                known[name] = helper
                added.append((known, name))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the compiler, on changed functions
            yield
    finally:
        for known, name in added:
            del known[name]
