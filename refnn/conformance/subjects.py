"""Who is asked: an implementation in this process. (A program that answers in lines of JSON: program.py.)

A subject has ask(case), which returns the decoded answer, or None if it does not implement the operation. ask raises NoAnswer
if the answer is malformed or missing, and can be called again. A subject may have `variants`, a dictionary of subjects: then
each of them is asked, and the answer is exact only if all of theirs are.
"""

from __future__ import annotations

from copy import deepcopy
from functools import partial
from importlib.metadata import entry_points
from typing import Any, Protocol

from .. import implementations
from ..errors import UnavailableError
from ..checks import known_name
from .compare import NoAnswer
from .operations import OPERATIONS
from .operations.in_c import compiler, cores
from .vectors import Case

GROUP = "refnn.implementations"


def named(name: str) -> Subject:
    """The implementation of that name: c, python, or one registered under the entry-point group refnn.implementations."""
    if name == "python":
        return Functions({op: operation.answer for op, operation in OPERATIONS.items()}, implementations.describe(name))
    if name == "c":
        return CCore()
    registered = {entry.name: entry for entry in entry_points(group=GROUP)}
    entry = registered[known_name(name, [*implementations.IMPLEMENTATIONS, *registered], "implementation")]
    try:
        return Functions(entry.load(), f"{name} ({entry.value})")
    except Exception as error:
        raise UnavailableError(f"implementation {name!r} ({entry.value}) cannot be loaded: {error!r}") from error


class Subject(Protocol):
    """description: in words, for the report"""

    description: str

    def ask(self, case: Case) -> dict[str, Any] | None:
        """The decoded answer; None if the operation is not implemented. Raises NoAnswer."""

    def close(self) -> None:
        """Ends what the subject has started."""


def variants(subject: Subject) -> dict[str, Subject]:
    """The subjects that are asked in the place of one, by name; most are asked themselves, under the name ""."""
    return getattr(subject, "variants", None) or {"": subject}


class Functions:
    """Functions named as the operations, in a dictionary or as attributes of a module or an object, on plain lists.

    Each takes the operation's inputs as keyword arguments and returns a dictionary of its outputs; a single output may also
    be returned without the dictionary.
    """

    def __init__(self, functions: Any, description: str) -> None:
        self.functions = functions
        self.description = description

    def ask(self, case: Case) -> dict[str, Any] | None:
        try:
            functions = self.functions
            function = functions.get(case.op) if isinstance(functions, dict) else getattr(functions, case.op, None)
            if function is None:
                return None
            answer = function(**deepcopy(case.inputs))
        except Exception as error:
            raise NoAnswer(f"{type(error).__name__}: {error}") from error
        return answer if isinstance(answer, dict) or answer is None else {next(iter(case.answer)): answer}

    def close(self) -> None:
        pass


class CCore:
    """The C core, under every instruction set of this machine: "plain", which are the book's twins, and the kernels."""

    def __init__(self) -> None:
        implementations.load("c")
        self.variants = {simd: Functions({op: partial(operation.in_c, core) for op, operation in OPERATIONS.items()}, simd)
                         for simd, core in cores().items()}
        self.description = f"C ({compiler()}; {', '.join(self.variants)})"

    def close(self) -> None:
        pass
