"""While a check runs: the case that is asked, on a terminal; and waiting for a program to change."""

from __future__ import annotations

import os
import shlex
import shutil
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TextIO

from ..checks import printable
from ..errors import InputError
from .vectors import Case

OFTEN = 0.1  # seconds between two lines of progress
POLL = 0.3  # seconds between two looks at the files of a program


class StatusLine:
    """A line on a terminal that says which case is asked. On anything else it writes nothing."""

    def __init__(self, stream: TextIO, wanted: bool = True) -> None:
        self.stream = stream
        self.wanted = wanted and stream.isatty()
        self.written = 0
        self.next = 0.0

    def over(self, name: str, cases: list[Case]) -> Iterable[Case]:
        """The cases, one after the other, while the line names them."""
        return self._over(name, cases) if self.wanted else cases

    def _over(self, name: str, cases: list[Case]) -> Iterator[Case]:
        try:
            for number, case in enumerate(cases, 1):
                if time.monotonic() >= self.next:
                    self.write(f"{name}: {number} of {len(cases)}, {printable(case.id)}")
                    self.next = time.monotonic() + OFTEN
                yield case
        finally:
            self.write("")

    def write(self, text: str) -> None:
        text = text[:max(20, shutil.get_terminal_size().columns - 1)]
        if text or self.written:
            self.stream.write("\r" + text.ljust(self.written) + ("" if text else "\r"))
            self.stream.flush()
        self.written = len(text)


def files_of(command: str) -> list[Path]:
    """The files and folders that a command names: the program, its source. Raises InputError if there are none."""
    words = shlex.split(command)
    found = [Path(word) for word in words if os.path.exists(word)]
    if not found:
        raise InputError(f"--watch: no word of --cmd {command!r} is a file")
    return found


def state(paths: Iterable[Path]) -> list[tuple[str, int, int]]:
    """What changes when a file does: of a folder, of each of its files."""
    found = []
    for path in paths:
        for one in sorted(path.iterdir()) if path.is_dir() else [path]:
            try:
                status = one.stat()
                found.append((str(one), status.st_mtime_ns, status.st_size))
            except OSError:
                pass  # it is being written anew
    return found


def wait_for_change(paths: list[Path], before: list[tuple[str, int, int]]) -> None:
    """Returns when the files are no longer as they were, and have stayed the same for a moment."""
    now = state(paths)
    while now == before or len(now) < len(before) or now != state(paths):
        now = state(paths)
        time.sleep(POLL)
