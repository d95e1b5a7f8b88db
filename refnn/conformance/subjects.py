"""Who is asked: an implementation in this process. (A program that answers in lines of JSON: program.py.)

The C core is several subjects, one for each instruction set: a case is exact only if all of their answers are.
"""

from __future__ import annotations

from copy import deepcopy
from functools import partial
from importlib.metadata import entry_points
from typing import Any

from .. import implementations
from ..checks import known_name
from ..errors import UnavailableError
from .compare import NoAnswer
from .operations import OPERATIONS
from .operations.in_c import compiler, cores
from .rounding import Number
from .vectors import Case

GROUP = "refnn.implementations"


def named(name: str) -> Subject:
    """The implementation of a name: c, python, or one registered in the entry-point group refnn.implementations."""
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


class Subject:
    """Who is asked. description: in words, for the report; precision: that of its arithmetic, None until it is known;
    starting: the seconds until a first answer, None until there is one
    """

    description = ""
    starting: float | None = None
    precision: type[Number] | None = None

    @property
    def variants(self) -> dict[str, Subject]:
        """The subjects that are asked instead of this one, by name; most are asked themselves, under the name ""."""
        return {"": self}

    def ask(self, case: Case) -> dict[str, Any] | None:
        """The decoded answer; None if the operation is not implemented. Raises NoAnswer; it can be called again."""
        raise NotImplementedError

    def close(self) -> None:
        """Ends what the subject has started."""


class Functions(Subject):
    """Functions named as the operations, in a dictionary or as attributes of a module or an object, on plain lists.

    Each takes the operation's inputs as keyword arguments and returns a dictionary of its outputs; a single output may
    also be returned without the dictionary.
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


class CCore(Subject):
    """The C core, under every instruction set of this machine: "plain", which are the book's twins, and the kernels."""

    def __init__(self) -> None:
        implementations.load("c")
        self.cores = cores()
        self.description = f"C ({compiler()}; {', '.join(self.cores)})"

    @property
    def variants(self) -> dict[str, Subject]:
        return {simd: Functions({op: partial(operation.in_c, core) for op, operation in OPERATIONS.items()}, simd)
                for simd, core in self.cores.items()}
