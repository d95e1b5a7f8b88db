"""A lock for many readers or one writer."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

Method = TypeVar("Method", bound=Callable[..., Any])


class ReadWriteLock:
    """Held by any number of readers or by one writer. A thread that holds it may take it again, a writer also to read.

    A writer that waits goes before new readers.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._readers: dict[int, int] = {}  # thread -> how often it holds the lock to read
        self._writer: int | None = None
        self._depth = 0  # how often the writer holds it
        self._waiting = 0  # writers

    @contextmanager
    def reading(self) -> Iterator[None]:
        me = threading.get_ident()
        with self._changed:
            while self._writer not in (None, me) or self._waiting and self._writer != me and me not in self._readers:
                self._changed.wait()
            self._readers[me] = self._readers.get(me, 0) + 1
        try:
            yield
        finally:
            with self._changed:
                self._readers[me] -= 1
                if not self._readers[me]:
                    del self._readers[me]
                    self._changed.notify_all()

    @contextmanager
    def writing(self) -> Iterator[None]:
        me = threading.get_ident()
        with self._changed:
            self._waiting += 1
            try:
                while self._writer not in (None, me) or self._readers.keys() - {me}:
                    self._changed.wait()
            finally:
                self._waiting -= 1
            self._writer = me
            self._depth += 1
        try:
            yield
        finally:
            with self._changed:
                self._depth -= 1
                if not self._depth:
                    self._writer = None
                    self._changed.notify_all()


def reads(method: Method) -> Method:
    """A method of an object with `_lock` that other readers may run at the same time."""

    @functools.wraps(method)
    def run(self: Any, *args: Any, **keywords: Any) -> Any:
        with self._lock.reading():
            return method(self, *args, **keywords)

    return run  # type: ignore[return-value]  # a wrapper of the same signature


def writes(method: Method) -> Method:
    """A method of an object with `_lock` that runs alone."""

    @functools.wraps(method)
    def run(self: Any, *args: Any, **keywords: Any) -> Any:
        with self._lock.writing():
            return method(self, *args, **keywords)

    return run  # type: ignore[return-value]  # a wrapper of the same signature
