"""A program as a subject: asked on its standard input, read from its standard output.

Whatever it does takes bounded time, memory and disk.
"""

from __future__ import annotations

import json
import os
import queue
import re
import shlex
import signal
import subprocess
import threading
from collections import Counter
from collections.abc import Sequence
from time import monotonic
from typing import IO, Any

from ..checks import printable
from ..errors import InputError
from .compare import NoAnswer, brief
from .diagnosis import work
from .subjects import Subject
from .operations.models import parameter_places
from .vectors import Case, decode, question

OPERATION, TRAINING, LONG_TRAINING = 5.0, 10.0, 30.0  # seconds for an answer, to which what is computed adds
SPEED = 1_000_000  # multiply-adds in a second that a slow program computes
START = 10.0  # seconds in addition, until a program has answered for the first time; then, what its first answer took
LOST = 2  # lost answers that end an operation: crashes in a rung, time-outs in all rungs
TIMEOUTS = 3  # time-outs in a row that end the program
CRASHING = 8.0  # seconds that crashes may take in all
SHORTEST = 2**20  # bytes that an answer may always have
SAID = 40  # lines of standard error that are shown
WIDTH = 300  # characters of such a line
TELLING = re.compile(r"(?!\s).*\b(\w*error|\w*exception|panic|panicked|fault|abort\w*)\b", re.I)  # names an error


class Lost(NoAnswer):
    """The program has crashed, has not answered in time, or its output is no answer.

    timeout: whether it was the time; said: the end of standard error
    """

    def __init__(self, reason: str, timeout: bool = False, said: Sequence[str] = ()) -> None:
        super().__init__(reason)
        self.reason, self.timeout, self.said = reason, timeout, said


class Program(Subject):
    """A program that is started once and asked on its standard input. It is started again after a crash or a hang."""

    def __init__(self, command: str, timeout: float | None = None, bits: bool = False) -> None:
        """command: split as a shell does; timeout: seconds for any answer; bits: send doubles as hex digits"""
        self.description = printable(command)
        try:
            self.command = shlex.split(command)
        except ValueError as error:
            raise InputError(f"--cmd {command!r} is no command: {error}") from None
        if not self.command:
            raise InputError("--cmd names no program")
        self.timeout = timeout and min(timeout, threading.TIMEOUT_MAX)
        self.bits = bits
        self.patience = Patience()
        self.process: subprocess.Popen[bytes] | None = None
        self.answered = False  # whether this process has answered
        self._start()

    def ask(self, case: Case) -> dict[str, Any] | None:
        self.patience.check(case)
        begin = monotonic()
        if self.process is None:
            self._start()
        first = not self.answered
        try:
            answer = self._answer(case)
        except Lost as error:
            self.close()
            said = self.errors.lines()
            lost = Lost(named_after(error.reason, said), error.timeout, said)
            self.patience.lost(case, lost, monotonic() - begin)
            raise lost from None
        self.patience.answered()
        if first:
            self.starting = max(self.starting or 0.0, monotonic() - begin)
        self.answered = True
        return answer

    def close(self) -> None:
        """Kills the program and what it has started. Its streams are closed by the threads that use them."""
        if self.process is None:
            return
        try:
            if hasattr(os, "killpg"):
                os.killpg(self.process.pid, signal.SIGKILL)
            else:
                self.process.kill()
        except ProcessLookupError:
            pass  # it has ended by itself
        self.process.wait()
        self.output.closed = True
        self.process = None

    def limit(self, case: Case) -> float:
        """The seconds that the program has for an answer."""
        if self.timeout:
            return self.timeout
        seconds = OPERATION + work(case) / SPEED
        if case.op == "train" and "long" not in case.flags:
            seconds = min(seconds + TRAINING - OPERATION, LONG_TRAINING)
        starting = START if self.starting is None and not self.patience.timeouts else self.starting or 0.0
        return seconds + (0.0 if self.answered else starting)

    def _start(self) -> None:
        try:
            self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                            stderr=subprocess.PIPE, start_new_session=True)
        except (OSError, ValueError) as error:  # ValueError: a command with a null character
            why = getattr(error, "strerror", error)
            raise InputError(f"--cmd {self.command[0]!r} cannot be started: {why}") from None
        self.output, self.errors = Lines(self.process.stdout), Tail(self.process.stderr)
        self.answered = False

    def _answer(self, case: Case) -> dict[str, Any] | None:
        self.output.longest = longest = SHORTEST + 100 * (numbers(case.answer) + parameters_in(case))
        line = self._line(question(case, self.bits), self.limit(case))
        if len(line) > longest:
            raise Lost(f"an answer of more than {longest:,} bytes")
        return read(line.decode("utf-8", errors="replace"), case.id)

    def _line(self, text: str, limit: float) -> bytes:
        """Asks, and returns the next line. A thread of its own does the asking: the program might not read."""
        assert self.process is not None
        threading.Thread(target=write_line, args=(self.process.stdin, text), daemon=True).start()
        try:
            line = self.output.waiting.get(timeout=limit)
        except queue.Empty:
            reason = f"no answer within {limit:.3g} s; is each answer flushed? (--timeout S sets the time)"
            raise Lost(reason, timeout=True) from None
        if line is not None:
            return line
        try:
            status = self.process.wait(min(limit, 5.0))
        except subprocess.TimeoutExpired:
            raise Lost("the program has closed its output") from None
        how = f"ended with status {status}" if status >= 0 else f"was killed by {signal_name(-status)}"
        raise Lost(f"the program {how}")


class Patience:
    """What a program may cost: when an operation, or the program, is not asked any more."""

    def __init__(self) -> None:
        self.lost_of: Counter[tuple[str, str]] = Counter()  # answers, by rung and operation
        self.first: dict[str, Lost] = {}  # the first lost answer of an operation
        self.timeouts_of: Counter[str] = Counter()  # by operation
        self.timeouts = 0  # in a row
        self.crashing = 0.0  # seconds
        self.never = 0  # lost answers of a program that has not answered yet
        self.has_answered = False

    def check(self, case: Case) -> None:
        """Raises NoAnswer if this case is not to be asked."""
        if self.timeouts >= TIMEOUTS:
            raise NoAnswer(f"not asked, since {TIMEOUTS} cases in a row had no answer in time")
        if self.never >= TIMEOUTS:
            raise NoAnswer(f"not asked, since the program answered none of its first {TIMEOUTS} questions")
        if self.crashing > CRASHING:
            raise NoAnswer(f"not asked, since crashes have taken {self.crashing:.0f} s")
        if self.timeouts_of[case.op] >= LOST or self.lost_of[rung_of(case), case.op] >= LOST:
            first = self.first[case.op]
            raise Lost(f"not asked, since {LOST} cases of {case.op} had no answer: {first.reason}", said=first.said)

    def answered(self) -> None:
        self.has_answered = True
        self.timeouts = 0

    def lost(self, case: Case, error: Lost, seconds: float) -> None:
        self.first.setdefault(case.op, error)
        self.lost_of[rung_of(case), case.op] += 1
        self.never += not self.has_answered
        if error.timeout:
            self.timeouts_of[case.op] += 1
            self.timeouts += 1
        else:
            self.timeouts = 0
            self.crashing += seconds


class Lines:
    """The lines of a stream, read by a thread. Few wait, and a line is cut after `longest` bytes. None: the end."""

    def __init__(self, stream: IO[bytes] | None) -> None:
        self.longest = SHORTEST
        self.waiting: queue.Queue[bytes | None] = queue.Queue(4)
        self.closed = False
        threading.Thread(target=self._read, args=(stream,), daemon=True).start()

    def _read(self, stream: IO[bytes]) -> None:
        with stream:
            parts, size = [], 0
            while not self.closed and size <= self.longest and (part := stream.readline(2**16)):
                parts.append(part)
                size += len(part)
                if part.endswith(b"\n"):
                    self._put(b"".join(parts))
                    parts, size = [], 0
            if parts:
                self._put(b"".join(parts))
            self._put(None)

    def _put(self, line: bytes | None) -> None:
        while not self.closed:
            try:
                return self.waiting.put(line, timeout=0.2)
            except queue.Full:
                pass  # the program writes more than it was asked


class Tail:
    """The last bytes of a stream, read by a thread."""

    def __init__(self, stream: IO[bytes] | None) -> None:
        self.kept = b""
        self.thread = threading.Thread(target=self._read, args=(stream,), daemon=True)
        self.thread.start()

    def _read(self, stream: IO[bytes]) -> None:
        with stream:
            while part := os.read(stream.fileno(), 2**16):
                self.kept = (self.kept + part)[-2**16:]

    def lines(self) -> list[str]:
        """The last lines, fit to be printed."""
        self.thread.join(0.5)  # what has started a process of its own session may never end
        lines = self.kept.decode("utf-8", errors="replace").strip().splitlines()
        return [printable(line, WIDTH) for line in lines[-SAID:]]


def read(line: str, asked: str) -> dict[str, Any] | None:
    """A line of output -> the decoded answer. Raises Lost."""
    try:
        answer = json.loads(line)
        answer = {"id": answer["id"], "out": decode(answer["out"])}
    except (ValueError, RecursionError):
        spelled = re.search(r"(^|[\[:,])\s*[+-]?(inf|nan)\b", line[:10_000])
        hint = '; infinities and NaN are spelled "Infinity", "-Infinity" and "NaN"' if spelled else ""
        raise Lost(f"not JSON: {line[:80].strip()!r}{hint}") from None
    except (TypeError, KeyError):
        raise Lost(f'not of the form {{"id": ..., "out": ...}}: {line[:80].strip()!r}') from None
    if answer["id"] != asked:
        raise Lost(f"answered {brief(answer['id'])}, out of order")
    out: dict[str, Any] | None = answer["out"]
    return out


def write_line(stream: IO[bytes], text: str) -> None:
    try:
        stream.write(text.encode() + b"\n")
        stream.flush()
    except (OSError, ValueError):
        pass  # it has ended: reading says so


def named_after(reason: str, said: list[str]) -> str:
    """A reason with the line of standard error that says most: the last one that names an error."""
    if not reason.startswith("the program "):
        return reason
    telling = [line for line in said if TELLING.match(line)] or said
    if telling:
        return f"{reason}: {telling[-1]}"
    hint = "; it must read until its input ends" if reason.endswith("status 0") else ""
    return f"{reason} and without a word{hint}"


def numbers(answer: Any) -> int:
    """The number of values in a right answer."""
    if isinstance(answer, dict):
        return sum(map(numbers, answer.values()))
    return sum(map(numbers, answer)) if isinstance(answer, list) else 1


def parameters_in(case: Case) -> int:
    """The number of parameters, which an answer to `train` may add."""
    return len(parameter_places(case.inputs["layers"])) if case.op == "train" else 0


def rung_of(case: Case) -> str:
    return case.id.split("/")[0]


def signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
