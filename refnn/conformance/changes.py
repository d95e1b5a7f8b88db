"""Functions changed in one place, as somebody may write them by mistake.

A change puts something else into one field of the function's syntax tree: another operator, another expression, the
statements of a block in another order. Ranks are for the search: plain mistakes are tried first.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cache
from itertools import chain
from typing import Any, NamedTuple

PLAIN, COMMON, RARE = range(3)  # ranks

# Replacements as templates: E is the expression itself, N another name in the function. RULES have a pattern, in which
# A, B, C and D are any expressions, and what such an expression is replaced by.
RULES = {
    "A + B": ["A", "B", "B / A"],
    "A - B": ["A", "B", "B - A"],
    "A * B": ["A", "B", "single(A) * single(B)"],
    "A / B": ["A", "B", "B / A", "A * (1.0 / B)", "A // B"],
    "A // B": ["A", "B", "-(-A // B)"],
    "A % B": ["A", "B"], "A & B": ["A", "B"], "A ^ B": ["A", "B"], "A >> B": ["A", "B"],
    "A * (B - C)": ["A * B - C", "A * B - A * C", "A - B * C"],
    "A * (B + C)": ["A * B + C", "A * B + A * C"],
    "A * (B * C)": ["A * B * C", "A * C * B"],
    "A * B * C": ["A * (B * C)", "A * C * B", "B * C"],
    "A * (B / C)": ["A * B / C", "A / C * B"],
    "A * B / C": ["A * (B / C)", "A / C * B", "A / (B * C)"],
    "(A - B) * C": ["A - B * C", "A * C - B * C"],
    "(A + B) * C": ["A + B * C", "A * C + B * C"],
    "(A - B) / C": ["A - B / C", "A / C - B / C"],
    "(A + B) / C": ["A + B / C", "A / C + B / C"],
    "A / (B + C)": ["A / B + C"],
    "A + B + C": ["A + (B + C)", "A + C + B"],
    "A - B - C": ["A - (B + C)", "A - (B - C)", "A - C - B"],
    "A + B - C": ["A + (B - C)", "A - C + B"],
    "A - (B - C)": ["A - B - C", "A - B + C"],
    "A * B + C * D": ["C * B + A * D", "fused(A, B, C * D)", "fused(C, D, A * B)"],
    "A * B - C": ["fused(A, B, -C)"], "A * B + C": ["fused(A, B, C)", "A * (B + C)", "(A + C) * B"],
    "A - B * C": ["fused(-B, C, A)", "(A - B) * C", "(A - B) * (A - C)"], "A + B * C": ["fused(B, C, A)"],
    "-A": ["A", "0.0"],
    "A if C else B": ["A", "B", "B if C else A"],
    "[A]": ["[]", "[A, A]"],
    "A[B][C]": ["A[C][B]"],
    "range(A)": ["range(A - 1)", "range(A + 1)", "range(1, A)"],
    "range(A, B)": ["range(B)", "range(A, B - 1)", "range(A, B + 1)"],
    "range(A, B, C)": ["range(B + 1, A + 1)", "range(A + 1)", "range(1, A + 1)", "range(A, B + C, C)", "range(A)"],
    "max(A)": ["min(A)", "A[0]"],
    "exp(A)": ["single(exp(single(A)))", "exp(A) - 1.0", "A + 1.0"],
    "tanh(A)": ["single(tanh(single(A)))"],
    "sqrt(A + B)": ["sqrt(A) + B", "A + B"],
    "sqrt(A)": ["single(sqrt(single(A)))"],
    "log(A)": ["single(log(single(A)))", "log(A) / log(2.0)", "log(A) / log(10.0)", "log(1.0 + A)"],
    "cos(A)": ["sin(A)"], "sin(A)": ["cos(A)"],
    "int(A)": ["int(A + 0.5)", "round(A)"],
}
SMALL = ("1e-3", "1e-4", "1e-5", "1e-6", "1e-7", "1e-8", "1e-9", "1e-10", "1e-12", "1e-15", "1e-16")
LIMITS = ("0.5", "1.0", "5.0", "10.0", "20.0", "30.0", "50.0", "100.0", "500.0", "700.0")  # of numbers that are clipped
OF_NUMBER = {
    PLAIN: ["-E", "2.0 * E", "0.5 * E"],
    COMMON: ["E * E", "sqrt(E)", "1.0 - E", "1.0 / E", "abs(E)", "E + 1", "E - 1", "single(E)", "0.0 * E",
             "2.0 * E - 1.0", "E - 0.5", "1.0 - 2.0 * E"],
    RARE: [*(f"E + {small}" for small in SMALL), *(f"max(E, {small})" for small in SMALL),
           *(f"min(max(E, -{limit}), {limit})" for limit in LIMITS)],
}
WITH_NAME = ["E * N", "E / N", "E + N", "E - N", "E / len(N)", "E * len(N)", "E / len(N[0])", "E * (1.0 - N)"]
OF_LIST = {
    PLAIN: ["scaled(E, -1.0)"],
    COMMON: ["E[::-1]", "transposed(E)", "scaled(E, 2.0)", "scaled(E, 0.5)", "scaled(E, 0.0)", "single(E)"],
    RARE: ["[row[::-1] for row in E]", "scaled(E, 1.0 / len(E))", "scaled(E, len(E))",
           *(f"clipped(E, {limit})" for limit in ("0.1", "0.5", "1.0", "5.0", "10.0"))],
}
LIST_WITH_NAME = ["scaled(E, 1.0 / len(N))", "scaled(E, len(N))", "scaled(E, N)", "scaled(E, 1.0 / N)",
                  "constant(0.0, N)", "constant(1.0, N)"]
OF_LOOP = {PLAIN: ["list(E)[::-1]", "list(E)[1:]", "list(E)[:-1]"], COMMON: ["list(E)[::2]", "list(E)[:1]"]}
OF_INDEX = {PLAIN: ["E + 1", "E - 1"], COMMON: ["-E", "0", "-1", "E - 2", "E // 2", "2 * E"]}
OF_COUNTED = {COMMON: ["E[::-1]", "E[1:]", "E[:-1]", "transposed(E)"]}
USUAL = ("0", "1", "2", "3", "0.0", "1.0", "2.0", "0.5", "0.1", "0.2", "0.3", "0.01", "0.02", "0.05", "0.001", "0.9",
         "0.99", "0.999", "1e-4", "1e-5", "1e-6", "1e-7", "1e-8", "1e-9", "1e-10", "1e-12", "1e-15", "1e-16")
DIGITS = "0123456789ABCDEF"
LONG = 12  # digits of a constant that may be mistyped
ARITHMETIC = (ast.Add, ast.Sub, ast.Mult, ast.Div)
BITS = (ast.BitXor, ast.BitAnd, ast.BitOr, ast.LShift, ast.RShift)
ORDER = (ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Eq, ast.NotEq)
COUNTED = ("len", "zip", "enumerate", "list", "reversed")  # functions of lists


class Change(NamedTuple):
    """What is put into a field of a node of a function's tree."""

    rank: int
    owner: ast.AST
    field: str
    value: Any


def changes(function: ast.FunctionDef, names: Sequence[str],
            others: Callable[[str], Sequence[str]]) -> Iterator[Change]:
    """All changes of a function, by rank.

    names: what may stand in place of a name; others: function -> the functions that may be called instead
    """
    found = [change for node in ast.walk(function) if not isinstance(node, ast.arguments)
             for change in of_node(node, names, others)]
    found += exchanged(function)
    return iter(sorted(found, key=lambda change: change.rank))


def exchanged(function: ast.FunctionDef) -> Iterator[Change]:
    """One constant of the function in place of another."""
    constants = [node for node in ast.walk(function) if isinstance(node, ast.Constant)
                 and type(node.value) in (int, float)]
    for node in constants:
        for value in dict.fromkeys(other.value for other in constants if type(other.value) is type(node.value)):
            if value != node.value:
                yield Change(PLAIN, node, "value", value)


def of_node(node: ast.AST, names: Sequence[str], others: Callable[[str], Sequence[str]]) -> Iterator[Change]:
    yield from operators(node)
    for field, value in ast.iter_fields(node):
        if field == "returns" or isinstance(node, ast.arg):
            continue
        if isinstance(value, ast.expr):
            for rank, new in replacements(value, node, field, names, others):
                yield Change(rank, node, field, new)
        elif isinstance(value, list) and value and isinstance(value[0], ast.expr):
            for k, item in enumerate(value):
                for rank, new in replacements(item, node, field, names, others):
                    yield Change(rank, node, field, [*value[:k], new, *value[k + 1:]])
            if field in ("args", "elts"):
                for k in range(len(value) - 1):
                    yield Change(PLAIN, node, field, [*value[:k], value[k + 1], value[k], *value[k + 2:]])
        elif isinstance(value, list) and value and isinstance(value[0], ast.stmt):
            for rank, statements in chain(rearranged(value), renamed(value, names)):
                yield Change(rank, node, field, statements or [ast.copy_location(ast.Pass(), value[0])])


def operators(node: ast.AST) -> Iterator[Change]:
    """Other operators."""
    if isinstance(node, (ast.BinOp, ast.AugAssign)):
        constant = isinstance(node, ast.BinOp) and isinstance(node.right, ast.Constant)
        group = ARITHMETIC if isinstance(node.op, ARITHMETIC) else BITS if isinstance(node.op, BITS) else ()
        for op in group:
            if not isinstance(node.op, op) and (op is not ast.LShift or constant):  # no shift by a large number
                yield Change(PLAIN, node, "op", op())
        if isinstance(node.op, ast.FloorDiv):
            yield Change(PLAIN, node, "op", ast.Div())
    elif isinstance(node, ast.BoolOp):
        yield Change(PLAIN, node, "op", ast.Or() if isinstance(node.op, ast.And) else ast.And())
    elif isinstance(node, ast.Compare):
        for order in ORDER:
            if not isinstance(node.ops[0], order):
                yield Change(PLAIN, node, "ops", [order(), *node.ops[1:]])


def replacements(e: ast.expr, owner: ast.AST, field: str, names: Sequence[str],
                 others: Callable[[str], Sequence[str]]) -> Iterator[tuple[int, ast.expr]]:
    """Other expressions in place of one."""
    if field == "func":
        if isinstance(e, ast.Name):
            yield from ((COMMON, made(name)) for name in others(e.id))
        return
    if isinstance(getattr(e, "ctx", None), ast.Store) or isinstance(e, (ast.Tuple, ast.Slice)) or (
            field == "value" and isinstance(owner, ast.Attribute)) or field in ("keys", "annotation"):
        return
    yield from of_parts(e)
    if not isinstance(e, (ast.List, ast.ListComp)) and called(e) != "list":  # a list that is read must not be filled
        rank = PLAIN if isinstance(e, (ast.Name, ast.Constant)) else COMMON
        yield from ((rank, made(name)) for name in names if name != getattr(e, "id", None))
    if field == "iter":
        yield from templates(OF_LOOP, E=e)
    elif field in ("slice", "lower", "upper", "step") or called(owner) == "range":
        yield from templates(OF_INDEX, E=e)
    elif field == "value" and isinstance(owner, ast.Subscript) or called(owner) in COUNTED:
        yield from templates(OF_COUNTED, E=e)
    elif not isinstance(e, (ast.Compare, ast.BoolOp)):
        yield from of_value(e, owner, names)


def of_value(e: ast.expr, owner: ast.AST, names: Sequence[str]) -> Iterator[tuple[int, ast.expr]]:
    """A number or a list with something done to it."""
    if isinstance(e, (ast.Name, ast.Attribute)) or called(e) == "len":
        yield from ((COMMON, made(value)) for value in USUAL)
    if not isinstance(e, (ast.ListComp, ast.List, ast.Constant)):
        yield from templates(OF_NUMBER, E=e)
    if not isinstance(e, (ast.ListComp, ast.List)):
        yield from with_names(WITH_NAME, e, names)
    if isinstance(owner, ast.Return) or isinstance(e, (ast.Call, ast.ListComp)) or (
            isinstance(owner, (ast.Call, ast.Tuple)) and isinstance(e, ast.Name)):
        yield from templates(OF_LIST, E=e)
        yield from with_names(LIST_WITH_NAME, e, names)


def with_names(texts: Sequence[str], e: ast.expr, names: Sequence[str]) -> Iterator[tuple[int, ast.expr]]:
    return ((RARE, made(text, E=e, N=made(name))) for name in names for text in texts)


def of_parts(e: ast.expr) -> Iterator[tuple[int, ast.expr]]:
    """What is made of the parts of an expression, some of them left out or exchanged."""
    for pattern, texts in RULES.items():
        parts: dict[str, ast.expr] = {}
        if matches(parsed(pattern), e, parts):
            yield from ((PLAIN, made(text, **parts)) for text in texts)
    if isinstance(e, ast.BoolOp):
        yield from ((PLAIN, value) for value in e.values)
    elif isinstance(e, ast.Compare):
        yield from ((PLAIN, made(text, E=e)) for text in ("not E", "True", "False"))
    elif isinstance(e, ast.Constant):
        yield from of_constant(e)
    elif isinstance(e, ast.Subscript) and isinstance(e.slice, ast.Slice):
        yield from of_slice(e.value, e.slice)
    elif called(e) not in ("", *COUNTED, "range") and isinstance(e, ast.Call) and e.args:
        yield PLAIN, e.args[0]


def matches(pattern: Any, node: Any, parts: dict[str, ast.expr]) -> bool:
    """Whether a tree has the form of a pattern; fills in the parts, which are named by capitals in it."""
    if isinstance(pattern, ast.Name) and pattern.id.isupper():
        parts[pattern.id] = node
        return isinstance(node, ast.expr) and not isinstance(node, ast.Slice)
    if isinstance(pattern, list):
        return len(pattern) == len(node) and all(matches(*pair, parts) for pair in zip(pattern, node))
    if isinstance(pattern, ast.AST):
        return type(pattern) is type(node) and all(
            matches(value, getattr(node, field, None), parts) for field, value in ast.iter_fields(pattern))
    return bool(pattern == node)


def of_constant(e: ast.Constant) -> Iterator[tuple[int, ast.expr]]:
    value = e.value
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return
    near = [value + 1, value - 1, -value, 2 * value, value + 2, value - 2]
    if isinstance(value, float):
        near += [0.5 * value, 0.0, 1.0, 10.0 * value, 0.1 * value]
    yield from ((PLAIN, ast.copy_location(ast.Constant(other), e)) for other in near if other != value)
    if isinstance(value, float):
        yield from ((COMMON, made(other)) for other in USUAL)
    yield from ((COMMON, ast.copy_location(ast.Constant(other), e)) for other in mistyped(value))


def mistyped(value: float) -> Iterator[float]:
    """A constant of many digits with one of them changed, left out or exchanged with the next."""
    text, base = (f"{value:X}", 16) if isinstance(value, int) else (repr(value), 10)
    places = [k for k, digit in enumerate(text.partition("e")[0]) if digit in DIGITS]
    while places and text[places[0]] == "0":
        del places[0]
    for k in places if len(places) >= LONG else []:
        before, digit, after = text[:k], text[k], text[k + 1:]
        others = [before + other + after for other in DIGITS[:base] if other != digit]
        for other in [*others, before + after, before + after[:1] + digit + after[1:]]:
            if other[:1] not in ("", "e") and (base == 16 or "." in other):
                with suppress(ValueError):
                    yield type(value)(int(other, 16) if base == 16 else float(other))


def of_slice(e: ast.expr, of: ast.Slice) -> Iterator[tuple[int, ast.expr]]:
    parts = {"E": e, "A": of.lower or made("0"), "B": of.upper or made("None"), "C": of.step or made("1")}
    texts = ["E", "E[A:]", "E[:B]", "E[A:B]", "E[A + 1:B:C]", "E[A:B + 1:C]", "E[A:B - 1:C]", "E[A * C:B:C]"]
    return ((PLAIN, made(text, **parts)) for text in texts)


def rearranged(block: list[ast.stmt]) -> Iterator[tuple[int, list[ast.stmt]]]:
    """The statements of a block with one left out, moved, repeated, or changed as a whole."""
    for k, statement in enumerate(block):
        before, after = block[:k], block[k + 1:]
        yield PLAIN, [*before, *after]
        for m in range(k + 1, len(block)):
            yield PLAIN if m == k + 1 else COMMON, [*before, *block[k + 1:m + 1], statement, *block[m + 1:]]
            if m > k + 1:
                yield COMMON, [*before, block[m], *block[k:m], *block[m + 1:]]
        yield COMMON, [*before, statement, statement, *after]
        if isinstance(statement, ast.AugAssign):
            target = statement.target
            yield PLAIN, [*before, ast.copy_location(ast.Assign([target], statement.value), statement), *after]
        if isinstance(statement, ast.For):
            yield from ((COMMON, [*before, *loop, *after]) for loop in of_loop(statement))
            if after:
                yield COMMON, [*before, with_body(statement, [*statement.body, after[0]]), *after[1:]]
            if before:
                yield COMMON, [*before[:-1], with_body(statement, [before[-1], *statement.body]), *after]
        if isinstance(statement, ast.If):
            yield COMMON, [*before, *statement.body, *after]


def renamed(block: list[ast.stmt], names: Sequence[str]) -> Iterator[tuple[int, list[ast.stmt]]]:
    """The statements of a block with one that reads another name wherever it reads a name more than once."""
    for k, statement in enumerate(block):
        if not isinstance(statement, (ast.For, ast.If)):
            read = [node.id for node in ast.walk(statement) if isinstance(node, ast.Name)
                    and isinstance(node.ctx, ast.Load)]
            for name in sorted({name for name in read if read.count(name) > 1 and name in names}):
                for other in names:
                    if other != name:
                        yield COMMON, [*block[:k], put(statement, {name: made(other)}), *block[k + 1:]]


def of_loop(loop: ast.For) -> Iterator[list[ast.stmt]]:
    """A loop with one of its statements before or after it, or with one round only."""
    if len(loop.body) > 1:
        for k, statement in enumerate(loop.body):
            rest = with_body(loop, [*loop.body[:k], *loop.body[k + 1:]])
            yield [statement, rest]
            yield [rest, statement]
    yield [with_body(loop, [*loop.body, ast.copy_location(ast.Break(), loop)])]
    for node in ast.walk(loop.target):
        if isinstance(node, ast.Name):
            yield [with_body(loop, [ast.copy_location(ast.If(made(node.id), loop.body, []), loop)])]


def with_body(loop: ast.For, body: list[ast.stmt]) -> ast.For:
    changed = copy.copy(loop)
    changed.body = body
    return changed


def called(node: ast.AST) -> str:
    """The name of the function that is called; "" for anything else."""
    return node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""


def templates(texts: Mapping[int, Sequence[str]], **parts: ast.expr) -> Iterator[tuple[int, ast.expr]]:
    return ((rank, made(text, **parts)) for rank, group in texts.items() for text in group)


def made(text: str, **parts: ast.expr) -> ast.expr:
    """The expression of a template."""
    return put(parsed(text), parts) if parts else parsed(text)


@cache
def parsed(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body


def put(node: Any, parts: dict[str, ast.expr]) -> Any:
    """A tree with parts in place of their names."""
    if isinstance(node, list):
        return [put(item, parts) for item in node]
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
        return parts.get(node.id, node)
    if not isinstance(node, (ast.expr, ast.comprehension, ast.Slice, ast.stmt, ast.keyword)):
        return node
    changed = copy.copy(node)
    for field, value in ast.iter_fields(node):
        setattr(changed, field, put(value, parts))
    return changed
