"""What the command lines share: a user's mistake is one line and exit status 2, never a traceback."""

from __future__ import annotations

import argparse
import errno
import io
import json
import os
import sys
import warnings
from collections.abc import Callable
from contextlib import suppress
from difflib import get_close_matches
from typing import Any, NoReturn

from . import files, interrupts
from .checks import printable, shown
from .errors import InputError, RefnnError
from .tasks import SETTINGS, TASKS
from .version import __version__


def command(name: str, run: Callable[[], int], imports: bool = False) -> int:
    """Returns what run() returns, the exit status. A mistake of the user is printed in one line, with status 2.

    imports: whether run() imports the modules of another command; until that one begins, Ctrl-C ends the process at
    once. As an exception it can be lost there: CPython drops what is raised while it looks for some attributes.
    """
    prepare_streams()
    if not imports:
        interrupts.raise_them()
    try:
        with warnings.catch_warnings():
            warnings.showwarning = lambda message, *_: print(f"{name}: warning: {message}", file=sys.stderr)
            status = run()
        sys.stdout.flush()
        return status
    except RefnnError as error:
        return complain(name, str(error))
    except MemoryError:
        return complain(name, "not enough memory for this network and these data")
    except KeyboardInterrupt:
        complain(name, "interrupted")
        sys.unraisablehook = lambda _: None  # at exit, CPython cannot join the threads of a pool that was being made
        exec("")  # CPython would end by the signal if the interrupt had left an exec of a text, as NamedTuple has one
        return 130
    except BrokenPipeError:
        drop_output()  # the reader has closed the pipe: no message
        return 1
    except OSError as error:
        drop_output()
        where = shown(error.filename, 100) if error.filename else "standard output"
        return complain(name, f"{where}: {files.why(error)}")


def prepare_streams() -> None:
    """Makes the standard streams usable if they are closed, or cannot encode every name of a file."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number: else a file of ours would become that stream
    if sys.stdout is None:
        sys.stdout = ClosedOutput()
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


class ClosedOutput(io.StringIO):
    """Standard output that the caller has closed: an error as soon as something is printed."""

    def write(self, text: str) -> int:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))


def complain(name: str, message: str) -> int:
    """Prints a line on standard error, if that is possible. Returns the exit status 2."""
    with suppress(OSError):
        print(f"{name}: {printable(' '.join(message.splitlines()))}", file=sys.stderr, flush=True)
    return 2


def drop_output() -> None:
    """Sends what standard output still holds nowhere: at the end of the process, it would fail again."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def check_writable(path: str | None) -> None:
    """Raises InputError if the file of --json cannot be written: before the work, not after it."""
    if path is None or path == "-":
        return
    files.check_writable(path, "--json")


def write_json(path: str | None, record: object) -> None:
    """Writes the record to the file of --json, if there is one; - is standard output."""
    if path is None:
        return
    text = json.dumps(record, indent=1) + "\n"
    if path == "-":
        sys.stdout.write(text)
        return
    files.write_file(path, text.encode(), "--json")


def printer(given: argparse.Namespace, always: bool = False) -> Callable[[str], None]:
    """A print for progress: to standard error if the record goes to standard output; silent with --quiet.

    always: not silent
    """
    stream = sys.stderr if given.json == "-" else sys.stdout

    def say(line: str) -> None:
        if always or not getattr(given, "quiet", False):
            print(line, file=stream, flush=True)

    return say


class Parser(argparse.ArgumentParser):
    """argparse, except that a mistake raises InputError with one line."""

    def parse_known_args(self, words: Any = None, namespace: Any = None) -> Any:
        for word in sys.argv[1:] if words is None else words:
            if word.startswith("--") and word.endswith("=--"):  # argparse fails on it
                raise InputError(f"argument {word.removesuffix('=--')}: expected one argument")
        return super().parse_known_args(words, namespace)

    def error(self, message: str) -> NoReturn:
        if message.startswith("unrecognized arguments: "):
            word = message.split(": ", 1)[1].split(" ")[0]
            near = get_close_matches(word.split("=")[0], self._option_string_actions, n=1)
            hint = f"did you mean {near[0]}?" if near else "--help lists the options"
            another = f"one task at a time, not {word!r} as well"
            message = f"unknown option {word}; {hint}" if word.startswith("-") else another
        raise InputError(message)


def option(name: str) -> str:
    """The option of a setting: --batch-size of batch_size."""
    return "--" + name.replace("_", "-")


def add_settings(parser: argparse.ArgumentParser, nargs: str | None = None) -> None:
    """Adds an option for every setting of a task. nargs: "+" if each takes several values."""
    groups = [parser.add_argument_group(title, "Each task has its own values; see below." if not nargs else None)
              for title in ("network", "training")]
    for name, setting in SETTINGS.items():
        add_setting(groups[setting.training], name, nargs)


def add_setting(group: argparse._ActionsContainer, name: str, nargs: str | None = None) -> None:
    """Adds the option of a setting."""
    setting = SETTINGS[name]
    names = f": {', '.join(setting.names)}" if setting.names else ""
    if setting.kind is bool:
        group.add_argument(option(name), action=argparse.BooleanOptionalAction, help=setting.help)
    else:
        parse, metavar = FORMS[setting.kind]
        group.add_argument(option(name), type=parse, nargs=nargs, metavar=metavar, help=setting.help + names)


def add_output(parser: argparse.ArgumentParser) -> None:
    """Adds the options that every command has."""
    group = parser.add_argument_group("output")
    group.add_argument("--json", metavar="FILE", help="write a record for programs; - for standard output")
    group.add_argument("--quiet", action="store_true", help="print nothing but mistakes")
    group.add_argument("--version", action="version", version=f"refnn {__version__}")


def add_plot(parser: argparse.ArgumentParser, what: str) -> None:
    """Adds --plot."""
    parser.add_argument("--plot", metavar="DIR", help=f"draw pictures, PNG and GIF files in DIR: {what}")


def task_table() -> str:
    """Each task's own values, as lines of at most 80 columns."""
    rows = [("task", "hidden", "loss", "epochs", "batch", "rate", "decay", "order")]
    for name, task in TASKS.items():
        hidden = "layers" if task.layers else ",".join(map(str, task.hidden)) or "none"
        decay = f"{task.lr_decay:g}/{task.lr_decay_every}" if task.lr_decay != 1.0 else ""
        rows.append((name, hidden, task.loss, str(task.epochs), str(task.batch_size), f"{task.lr:g}", decay,
                     "shuffled" if task.shuffle else ""))
    widths = [max(map(len, column)) for column in zip(*rows)]
    lines = ["  " + " ".join(f"{cell:{width}}" for cell, width in zip(row, widths)).rstrip() for row in rows]
    return "\n".join(["the tasks' own values:", *lines])


def percent(fraction: float) -> str:
    """An accuracy as people read it: 92.01 %"""
    return f"{100.0 * fraction:.2f} %"


def integer(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None


def number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None


def sizes(text: str) -> tuple[int, ...]:
    try:
        return () if text == "none" else tuple(int(size) for size in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a list of sizes such as 100,80,50") from None


# The kind of a setting: how its text is read, and its name in --help.
FORMS: dict[type, tuple[Callable[[str], Any], str]] = {
    int: (integer, "N"), float: (number, "F"), str: (str, "NAME"), tuple: (sizes, "N,N,...")}
