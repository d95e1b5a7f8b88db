"""The file of a sweep's finished points: one JSON object per line, only ever appended to.

While a sweep uses the file, it is locked. Each line reaches the disk before the next one is written. A line that was
cut when the sweep was killed is removed from the end; any other damaged line stays, is reported, and does not count.
"""

from __future__ import annotations

import errno
import json
import math
import os
import stat
from typing import Any, BinaryIO

from .errors import InputError
from .files import PathLike, checked, sync_folder, why
from .version import SPEC

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]
    import msvcrt

Point = dict[str, Any]
BEGIN = b'{"task": '  # of every line
NUMBERS = ("train_loss", "validation_loss", "accuracy", "seconds")
TEXTS = ("sha256", "diverged")
RESULT = ("spec", *NUMBERS, *TEXTS, "losses")  # what training adds to a point
LARGEST = 2**30  # bytes


def key(point: object) -> str:
    """The point as text, the same for the same settings."""
    return json.dumps(point, sort_keys=True)


class Kept:
    """The open file. Close it after use, or use it in a with statement. Raises InputError.

    results: the results in it, by the keys of their points
    damaged: the numbers of the lines that are not used, from 1
    """

    def __init__(self, path: PathLike) -> None:
        self.path = checked(path)
        self.results: dict[str, Point] = {}
        self.damaged: list[int] = []
        self._file = self._open()
        try:
            self._lock()
            self._read()
        except OSError as error:
            self._file.close()
            raise self._refused(error) from None
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Kept:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._file.close()  # which also unlocks it

    def append(self, result: Point) -> None:
        """Writes a result; if that fails, for example on a full disk, the file is as before. Raises InputError."""
        end = self._file.seek(0, os.SEEK_END)
        line = json.dumps(result).encode() + b"\n"
        try:
            while line:
                line = line[self._file.write(line):]  # on an almost full disk, a part is written
            os.fsync(self._file.fileno())
        except OSError as error:
            os.ftruncate(self._file.fileno(), end)
            raise self._refused(error) from None

    def _open(self) -> BinaryIO:
        """Opens the file without waiting, should it be a pipe; makes it if it does not exist."""
        flags = os.O_RDWR | os.O_APPEND | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        try:
            existed = os.path.exists(self.path)
            number = os.open(self.path, flags | os.O_CREAT, 0o666)
            if not stat.S_ISREG(os.fstat(number).st_mode):
                os.close(number)
                raise OSError(errno.EINVAL, "not a regular file")
            if not existed:
                sync_folder(os.path.dirname(os.path.realpath(self.path)))
            return open(number, "r+b", buffering=0)
        except (OSError, ValueError) as error:
            raise self._refused(error) from None

    def _lock(self) -> None:
        try:
            if fcntl is not None:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            else:
                self._file.seek(LARGEST)  # beyond the content, which others may then read
                msvcrt.locking(self._file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError as error:
            if error.errno not in (errno.EACCES, errno.EAGAIN, errno.EDEADLK):
                return  # some network file systems have no locks
            raise InputError(f"{self.path}: another sweep is using this file") from None

    def _read(self) -> None:
        """Reads the file. Removes a line at its end that was cut; refuses a file that no sweep has written."""
        size = self._file.seek(0, os.SEEK_END)
        if size > LARGEST:
            raise InputError(f"{self.path}: more than {LARGEST} bytes")
        self._file.seek(0)
        content = bytearray()
        while block := self._file.read(1 << 20):
            content += block
        *whole, rest = bytes(content).split(b"\n")
        for n, line in enumerate(whole, 1):
            result = parsed(line)
            if result is None:
                self.damaged.append(n)
            elif result["spec"] == SPEC and "losses" in result:  # files of earlier versions have no losses
                self.results[key({name: value for name, value in result.items() if name not in RESULT})] = result
        cut = rest.startswith(BEGIN) or BEGIN.startswith(rest)
        if len(self.damaged) == len(whole) > 0 or not cut and len(self.damaged) == len(whole):
            line_number = self.damaged[0] if self.damaged else 1
            raise InputError(f"{self.path}: line {line_number} is not a point of a sweep")
        if rest and cut:
            os.ftruncate(self._file.fileno(), size - len(rest))
        elif rest:
            self.damaged.append(len(whole) + 1)
            self._file.write(b"\n")

    def _refused(self, error: Exception) -> InputError:
        return InputError(f"{self.path}: finished points cannot be kept here: {why(error)}")


def parsed(line: bytes) -> Point | None:
    """A line's result; None if it is not a result."""
    try:
        result = json.loads(line, parse_constant=refused, parse_int=short)
    except (ValueError, RecursionError):
        return None
    if not isinstance(result, dict) or not isinstance(result.get("task"), str) or result.get("spec") is None:
        return None
    if not all(name in result and is_number(result[name]) for name in NUMBERS):
        return None
    if not all(name in result and isinstance(result[name], (str, type(None))) for name in TEXTS):
        return None
    losses = result.get("losses")
    if losses is not None and not (isinstance(losses, list) and losses and None not in losses
                                   and all(map(is_number, losses))):
        return None
    return result if (result["train_loss"] is None) == (result["diverged"] is not None) else None


def is_number(value: object) -> bool:
    return value is None or isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def refused(text: str) -> None:
    raise ValueError(text)


def short(text: str) -> int:
    if len(text) > 20:
        raise ValueError(text)
    return int(text)
