"""Locks, and methods that hold one while they run."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from threading import get_ident
from typing import Any, TypeVar

from .errors import InputError

Method = TypeVar("Method", bound=Callable[..., Any])


class ReadWriteLock:
    """Held by any number of readers or by one writer. A thread that holds it may take it again, a writer also to read.

    A writer that waits goes before new readers. `with lock.reading:` and `with lock.writing:` hold it.
    """

    def __init__(self) -> None:
        self.mutex = threading.Lock()  # held while the fields below are used
        self.changed = threading.Condition(self.mutex)
        self.readers: list[int] = []  # threads, each as often as it holds the lock to read
        self.writer: int | None = None
        self.depth = 0  # how often the writer holds it
        self.waiting = 0  # writers
        self.reading = Reading(self)
        self.writing = Writing(self)


class Reading:
    def __init__(self, lock: ReadWriteLock) -> None:
        self.lock = lock

    def __enter__(self) -> None:
        lock, me = self.lock, get_ident()
        with lock.mutex:
            while (lock.writer is not None or lock.waiting) and lock.writer != me and me not in lock.readers:
                lock.changed.wait()
            lock.readers.append(me)

    def __exit__(self, *_: object) -> None:
        lock = self.lock
        with lock.mutex:
            lock.readers.remove(get_ident())
            if lock.waiting:
                lock.changed.notify_all()


class Writing:
    def __init__(self, lock: ReadWriteLock) -> None:
        self.lock = lock

    def __enter__(self) -> None:
        lock, me = self.lock, get_ident()
        with lock.mutex:
            lock.waiting += 1
            try:
                while lock.writer not in (None, me) or lock.readers.count(me) < len(lock.readers):
                    lock.changed.wait()
            finally:
                lock.waiting -= 1
            lock.writer = me
            lock.depth += 1

    def __exit__(self, *_: object) -> None:
        lock = self.lock
        with lock.mutex:
            lock.depth -= 1
            if not lock.depth:
                lock.writer = None
                lock.changed.notify_all()


class Exclusive:
    """Held by one thread, which may take it again. Another does not wait: InputError with the message."""

    def __init__(self, message: str) -> None:
        self.lock = threading.RLock()
        self.message = message

    def __enter__(self) -> None:
        if not self.lock.acquire(blocking=False):
            raise InputError(self.message)

    def __exit__(self, *_: object) -> None:
        self.lock.release()


def holds(lock_of: Callable[[Any], AbstractContextManager[Any]]) -> Callable[[Method], Method]:
    """A decorator of methods, which hold `lock_of(self)` while they run."""

    def decorate(method: Method) -> Method:
        @functools.wraps(method)
        def run(self: Any, *args: Any, **keywords: Any) -> Any:
            with lock_of(self):
                return method(self, *args, **keywords)

        return run  # type: ignore[return-value]  # a wrapper of the same signature

    return decorate
