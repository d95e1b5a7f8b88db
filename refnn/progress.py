"""Progress on a terminal or in a log: bars if tqdm is installed and standard error is a terminal, else a few lines."""

from __future__ import annotations

import importlib
import sys
import time
from collections.abc import Callable
from typing import Any, TextIO

FIRST = 1.0  # seconds until work of a kind is reported for the first time
GROWTH = 1.5  # of the time until the next line, up to
LONGEST = 60.0  # seconds

Report = Callable[[str, int, int, str], object]  # what is being done, how many are done, how many there are, of what


def silent(what: str, done: int, total: int, unit: str) -> None:
    """A Report that reports nothing."""


def bars() -> tuple[Any, str]:
    """-> tqdm's class, if it is installed and standard error is a terminal; else None, and how to get it on one"""
    if not sys.stderr.isatty():
        return None, ""
    try:
        return importlib.import_module("tqdm").tqdm, ""
    except ImportError:
        return None, "; pip install 'refnn[progress]' adds bars"


class Progress:
    """Reports how far a piece of work is; call it as often as there is something new.

    stream: where lines go; quiet: report nothing
    """

    def __init__(self, stream: TextIO, quiet: bool = False, clock: Callable[[], float] = time.monotonic) -> None:
        self.stream, self.quiet, self.clock = stream, quiet, clock
        found: tuple[Any, str] = (None, "") if quiet else bars()
        self.bar_class, self.hint = found
        self.outer: Any = None  # the bar of epochs or points
        self.bar: Any = None
        self.what = ""
        self.start = self.next = clock()
        self.wait = FIRST

    def say(self, line: str) -> None:
        """Prints a line, above the bars if there are any."""
        if self.quiet:
            return
        if self.bar_class is not None and (self.outer is not None or self.bar is not None):
            self.bar_class.write(line, file=self.stream)
            self.stream.flush()
        else:
            print(line, file=self.stream, flush=True)

    def whole(self, what: str, done: int, total: int) -> None:
        """Progress of the whole work, such as epochs, shown only as a bar."""
        if self.bar_class is not None:
            if self.outer is None:
                self.outer = self.bar_class(total=total, desc=what, leave=False, delay=FIRST, unit="", file=sys.stderr)
            self.outer.update(done - self.outer.n)

    def __call__(self, what: str, done: int, total: int, unit: str = "samples") -> None:
        """`done` of `total` are done; another `what` begins other work. total: 0 if it is not known"""
        if self.quiet:
            return
        if what != self.what:
            self._begin(what, total, unit)
        if self.bar_class is not None:
            self.bar.total = total or None  # of a download, it is known after the first answer
            self.bar.update(done - self.bar.n)
            if done >= total > 0:
                self.bar.close()
                self.bar, self.what = None, ""
            return
        now = self.clock()
        if now < self.next:
            return
        left = (now - self.start) / done * (total - done) if done and total else None
        if left is None or left >= FIRST:
            self.wait = min(self.wait * GROWTH, LONGEST)
            self.next = now + self.wait
            of = f" of {total:,}" if total else ""
            print(f"{what}: {done:,}{of} {unit}" + ("" if left is None else f", {duration(left)} left")
                  + self.hint, file=self.stream, flush=True)
            self.hint = ""  # it is said once

    def close(self) -> None:
        """Removes the bars."""
        for bar in (self.bar, self.outer):
            if bar is not None:
                bar.close()
        self.bar = self.outer = None
        self.what = ""

    def _begin(self, what: str, total: int, unit: str) -> None:
        self.what = what
        self.start = self.clock()
        self.next = max(self.next, self.start + FIRST)
        if self.bar_class is not None:
            if self.bar is not None:
                self.bar.close()
            self.bar = self.bar_class(total=total or None, desc=what, leave=False, delay=FIRST / 2, unit=" " + unit,
                                      unit_scale=not 0 < total < 1000, file=sys.stderr)


def duration(seconds: float) -> str:
    """4 s, 3:05 min, 2:03 h"""
    whole = int(seconds + 0.5)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02d} min"
    return f"{whole // 3600}:{whole % 3600 // 60:02d} h"
