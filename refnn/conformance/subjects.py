"""Who is asked: an implementation in this process, or a program that answers in lines of JSON.

A subject has ask(case), which returns the decoded answer, or None if it does not implement the operation. ask raises NoAnswer
if the answer is malformed or missing, and can be called again. A subject may have `variants`, a dictionary of subjects: then
each of them is asked, and the answer is exact only if all of theirs are.
"""

from __future__ import annotations

import json
import os
import queue
import re
import shlex
import signal
import subprocess
import tempfile
import threading
from copy import deepcopy
from functools import partial
from importlib.metadata import entry_points
from typing import Any, Protocol, TextIO

from .. import implementations
from ..errors import InputError, UnavailableError
from ..checks import known_name
from .compare import NoAnswer
from .operations import OPERATIONS
from .operations.in_c import compiler, cores
from .vectors import Case, decode, question

GROUP = "refnn.implementations"
LONGEST = 2**28  # characters of an answer


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


class Program:
    """A program that is started once and asked on its standard input. It is started again after a crash or a hang."""

    def __init__(self, command: str, timeout: float, bits: bool = False) -> None:
        """command: split as a shell does; timeout: seconds for an answer; bits: send doubles as hex digits"""
        self.description = command
        try:
            self.command = shlex.split(command)
        except ValueError as error:
            raise InputError(f"--cmd {command!r} is no command: {error}") from None
        if not self.command:
            raise InputError("--cmd names no program")
        self.timeout = min(timeout, threading.TIMEOUT_MAX)
        self.bits = bits
        self.process = None
        self._start()

    def ask(self, case: Case) -> dict[str, Any] | None:
        if self.process is None:
            self._start()
        try:
            line = self._line(question(case, self.bits))
            answer = self._read(line, case.id)
        except NoAnswer:
            self.close()
            raise
        return answer

    def close(self) -> None:
        """Kills the program and what it has started. Its streams are closed by the threads that use them."""
        if self.process is not None:
            try:
                if hasattr(os, "killpg"):
                    os.killpg(self.process.pid, signal.SIGKILL)
                else:
                    self.process.kill()
            except ProcessLookupError:
                pass  # it has ended by itself
            self.process.wait()
            self.process = None

    def _start(self) -> None:
        self.said = tempfile.TemporaryFile("w+", errors="replace")
        try:
            self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.said,
                                            encoding="utf-8", errors="replace", start_new_session=True)
        except OSError as error:
            raise InputError(f"--cmd {self.command[0]!r} cannot be started: {error.strerror}") from None
        self.lines = queue.Queue()
        threading.Thread(target=read_lines, args=(self.process.stdout, self.lines), daemon=True).start()

    def _line(self, text: str) -> str:
        """Asks, and returns the next line. A thread of its own does the asking: the program might not read."""
        threading.Thread(target=write_line, args=(self.process.stdin, text), daemon=True).start()
        try:
            line = self.lines.get(timeout=self.timeout)
        except queue.Empty:
            raise NoAnswer(f"no answer within {self.timeout:g} s; is each answer flushed?") from None
        if line is not None:
            return line
        try:
            status = self.process.wait(self.timeout)
        except subprocess.TimeoutExpired:
            raise NoAnswer("the program has closed its output") from None
        self.said.seek(0)
        said = self.said.read()[-2000:].strip().splitlines()
        raise NoAnswer(f"the program ended with status {status}" + (f": {said[-1]}" if said else " and without a word"))

    def _read(self, line: str, asked: str) -> dict[str, Any] | None:
        if len(line) > LONGEST:
            raise NoAnswer("an answer without end")
        try:
            answer = json.loads(line)
            answer = {"id": answer["id"], "out": decode(answer["out"])}
        except (ValueError, RecursionError):
            hint = '; infinities and NaN are spelled "Infinity", "-Infinity" and "NaN"' if re.search(r"\b(inf|nan)\b", line) else ""
            raise NoAnswer(f"not JSON: {line[:80].strip()!r}{hint}") from None
        except (TypeError, KeyError):
            raise NoAnswer(f'not of the form {{"id": ..., "out": ...}}: {line[:80].strip()!r}') from None
        if answer["id"] != asked:
            raise NoAnswer(f"answered {answer['id']!r}, out of order")
        return answer["out"]


def read_lines(stream: TextIO, lines: queue.Queue[str | None]) -> None:
    """Puts each line into a queue, and None at the end."""
    try:
        while line := stream.readline(LONGEST + 1):
            lines.put(line)
    except (OSError, ValueError):
        pass
    lines.put(None)
    stream.close()


def write_line(stream: TextIO, text: str) -> None:
    try:
        stream.write(text + "\n")
        stream.flush()
    except (OSError, ValueError):
        pass  # it has ended: reading says so
