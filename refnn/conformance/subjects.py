"""Who is asked: an implementation in this process, or a program that answers in lines of JSON.

A subject has ask(case) -> what it answers, decoded; None where it does not do the operation. It raises NoAnswer for what
should be an answer and is not, and goes on with the next case.
"""

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

from .. import implementations
from ..errors import InputError, UnavailableError
from ..checks import known_name
from .compare import NoAnswer
from .operations import OPERATIONS
from .operations.in_c import Core
from .vectors import decode, question

GROUP = "refnn.implementations"
LONGEST = 2**28  # characters of an answer


def named(name):
    """The implementation of that name: c, python, or one registered under the entry-point group refnn.implementations."""
    if name == "python":
        return Functions({op: operation.answer for op, operation in OPERATIONS.items()}, implementations.describe(name))
    if name == "c":
        implementations.load("c")
        core = Core("plain")
        return Functions({op: partial(operation.in_c, core) for op, operation in OPERATIONS.items()}, implementations.describe(name))
    registered = {entry.name: entry for entry in entry_points(group=GROUP)}
    entry = registered[known_name(name, [*implementations.IMPLEMENTATIONS, *registered], "implementation")]
    try:
        return Functions(entry.load(), f"{name} ({entry.value})")
    except Exception as error:
        raise UnavailableError(f"implementation {name!r} ({entry.value}) cannot be loaded: {error!r}") from error


class Functions:
    """Functions named as the operations, in a dictionary or as attributes of a module or an object, on plain lists.

    Each takes the operation's inputs as keyword arguments and returns a dictionary of its outputs; where there is one output
    only, that will do without the dictionary.
    """

    def __init__(self, functions, description):
        self.functions = functions
        self.description = description

    def ask(self, case):
        try:
            functions = self.functions
            function = functions.get(case.op) if isinstance(functions, dict) else getattr(functions, case.op, None)
            if function is None:
                return None
            answer = function(**deepcopy(case.inputs))
        except Exception as error:
            raise NoAnswer(f"{type(error).__name__}: {error}") from error
        return answer if isinstance(answer, dict) or answer is None else {next(iter(case.answer)): answer}

    def close(self):
        pass


class Program:
    """A program that is started once and asked on its standard input. After a crash or a hang it is started again."""

    def __init__(self, command, timeout, bits=False):
        """command: as for a shell, but without one; timeout: seconds for an answer; bits: send doubles as hex digits"""
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

    def ask(self, case):
        if self.process is None:
            self._start()
        try:
            line = self._line(question(case, self.bits))
            answer = self._read(line, case.id)
        except NoAnswer:
            self.close()
            raise
        return answer

    def close(self):
        """Ends the program and what it has started, whatever they do. Its streams are closed by the threads that use them."""
        if self.process is not None:
            try:
                os.killpg(self.process.pid, signal.SIGKILL) if hasattr(os, "killpg") else self.process.kill()
            except ProcessLookupError:
                pass  # it has ended by itself
            self.process.wait()
            self.process = None

    def _start(self):
        self.said = tempfile.TemporaryFile("w+", errors="replace")
        try:
            self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.said,
                                            encoding="utf-8", errors="replace", start_new_session=True)
        except OSError as error:
            raise InputError(f"--cmd {self.command[0]!r} cannot be started: {error.strerror}") from None
        self.lines = queue.Queue()
        threading.Thread(target=read_lines, args=(self.process.stdout, self.lines), daemon=True).start()

    def _line(self, text):
        """Asks, and returns the next line that comes; the asking has a thread of its own, for a program that does not read."""
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

    def _read(self, line, asked):
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


def read_lines(stream, lines):
    """Puts each line into a queue, and None at the end."""
    try:
        while line := stream.readline(LONGEST + 1):
            lines.put(line)
    except (OSError, ValueError):
        pass
    lines.put(None)
    stream.close()


def write_line(stream, text):
    try:
        stream.write(text + "\n")
        stream.flush()
    except (OSError, ValueError):
        pass  # it has ended: reading says so
