"""Programs to begin with: they read questions and answer null. A function for each operation waits to be filled in.

data/starters/ has the part that reads and writes, a file for each language. A line with ":functions:" is replaced by
the functions, one with ":table:" by what calls them.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator
from typing import NamedTuple

from ..checks import known_name
from ..datasets import data_folder
from ..errors import InputError
from . import vectors
from .formulas import formula_of
from .vectors import Case

WIDTH = 110  # of a function's first line


class Signature(NamedTuple):
    """What an operation takes and returns, as its cases have it.

    rung: the first with this operation; optional: inputs that not every case has; out: the names of the outputs
    """

    op: str
    rung: str
    inputs: list[str]
    optional: list[str]
    out: list[str]
    formula: list[str]


def signatures() -> list[Signature]:
    """The operations in the order of the rungs."""
    found: dict[str, list[tuple[str, Case]]] = {}
    for rung in vectors.RUNGS:
        try:
            cases = vectors.load(rung, long=False)
        except InputError:
            continue  # MNIST's files are not on this machine
        for case in cases:
            found.setdefault(case.op, []).append((rung, case))
    return [signature(op, of) for op, of in found.items()]


def signature(op: str, cases: list[tuple[str, Case]]) -> Signature:
    names = list(dict.fromkeys(name for _, case in cases for name in case.inputs))
    required = [name for name in names if all(name in case.inputs for _, case in cases)]
    rung, first = cases[0]
    return Signature(op, rung, required, [name for name in names if name not in required], list(first.answer),
                     formula_of(op, first))


class Language(NamedTuple):
    """file: of data/starters; comment: the start of a comment; function, entry: the lines of an operation"""

    file: str
    comment: str
    function: Callable[[Signature], tuple[list[str], list[str]]]
    entry: Callable[[Signature], str]


def camel(op: str) -> str:
    return "".join(word.capitalize() for word in op.split("_"))


def in_python(made: Signature) -> tuple[list[str], list[str]]:
    names = made.inputs + [f"{name}=None" for name in made.optional]
    head = f"def answer_{made.op}({', '.join(names)}):"
    return textwrap.wrap(head, WIDTH, subsequent_indent=" " * 8), ["    return None"]


def in_javascript(made: Signature) -> tuple[list[str], list[str]]:
    head = f"function answer{camel(made.op)}({{ {', '.join(made.inputs + made.optional)} }}) {{"
    return textwrap.wrap(head, WIDTH, subsequent_indent=" " * 4), ["  return null;", "}"]


def in_c(made: Signature) -> tuple[list[str], list[str]]:
    return [f"static json *answer_{made.op}(const json *in) {{"], ["    return NULL;", "}"]


def in_rust(made: Signature) -> tuple[list[str], list[str]]:
    return [f"fn answer_{made.op}(input: &Json) -> Option<Json> {{"], ["    None", "}"]


def in_java(made: Signature) -> tuple[list[str], list[str]]:
    head = f"    static Object answer{camel(made.op)}(Map<String, Object> in) {{"
    return [head], ["        return null;", "    }"]


def in_go(made: Signature) -> tuple[list[str], list[str]]:
    return [f"func answer{camel(made.op)}(in Object) Object {{"], ["\treturn nil", "}"]


LANGUAGES = {
    "python": Language("starter.py", "    # ", in_python, lambda made: f'    "{made.op}": answer_{made.op},'),
    "javascript": Language("starter.mjs", "  // ", in_javascript, lambda made: f"  {made.op}: answer{camel(made.op)},"),
    "c": Language("starter.c", "    // ", in_c, lambda made: f'    {{"{made.op}", answer_{made.op}}},'),
    "rust": Language("starter.rs", "    // ", in_rust, lambda made: f'        "{made.op}" => answer_{made.op}(input),'),
    "java": Language("Starter.java", "        // ", in_java,
                     lambda made: f'            case "{made.op}": return answer{camel(made.op)}(in);'),
    "go": Language("starter.go", "\t// ", in_go, lambda made: f'\t"{made.op}": answer{camel(made.op)},'),
}


def starter(language: str) -> str:
    """The text of a program in this language. Raises InputError."""
    chosen = LANGUAGES[known_name(language, LANGUAGES, "language")]
    made = signatures()
    template = (data_folder() / "starters" / chosen.file).read_text(encoding="utf-8")
    lines: list[str] = []
    for line in template.splitlines():
        if ":functions:" in line:
            lines += functions(chosen, made)
        elif ":table:" in line:
            lines += [chosen.entry(one) for one in made]
        else:
            lines.append(line)
    return "\n".join(lines) + "\n"


def functions(language: Language, made: list[Signature]) -> Iterator[str]:
    """A function for each operation, with what it takes and returns, and its formula."""
    rung = None
    for one in made:
        head, body = language.function(one)
        indent = head[0][:len(head[0]) - len(head[0].lstrip())]
        marker = language.comment.strip()
        if one.rung != rung:
            rung = one.rung
            yield from (f"{indent}{marker} Rung {rung}: {vectors.RUNGS[rung].title}", "")
        yield from head
        absent = [f"may be absent: {', '.join(one.optional)}"] if one.optional else []
        for line in (f"in: {', '.join(one.inputs)}", *absent, f"out: {', '.join(one.out)}", *one.formula):
            yield (language.comment + line).rstrip()
        yield from body
        yield from [""] * (2 if language.file.endswith(".py") else 1)
