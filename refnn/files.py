"""Files: read without waiting for pipes and devices; written so that a reader finds the old file or the new one, whole,
even if the process is killed while it writes."""

from __future__ import annotations

import errno
import os
import stat
import time
from contextlib import suppress
from difflib import get_close_matches
from pathlib import Path
from typing import BinaryIO

from .checks import shown
from .errors import InputError

PathLike = str | os.PathLike[str]
LONGEST = 50  # characters of a name in the name of its temporary file; names end at 255 bytes
PATIENCE = 5.0  # seconds for a reader of a named pipe to appear


def write_file(path: PathLike, data: bytes, what: str = "") -> None:
    """Replaces a file. `what` begins the message: "--json". Raises InputError."""
    path = checked(path)
    try:
        replace_file(path, data)
    except (OSError, ValueError) as error:
        raise InputError(f"{what} {shown(path, 100)} could not be written: {why(error)}".lstrip()) from None


def checked(path: PathLike) -> str:
    """A path as a str. A number would be a file that is already open. Raises InputError."""
    try:
        return os.fsdecode(path)
    except TypeError:
        raise InputError(f"a path must be a str or a Path, not {shown(path, 100)}") from None


def replace_file(path: PathLike, data: bytes) -> None:
    """Writes `data` to a temporary file in the same folder, flushes it to the disk and renames it to `path`.

    A pipe or a device is written directly. Raises OSError.
    """
    if is_special(path):
        write_special(path, data)
        return
    target = target_of(path)
    temporary = part_of(target)
    try:
        discard(temporary)
        with open(temporary, "xb") as file:
            if target.exists():
                os.chmod(temporary, target.stat().st_mode & 0o777)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
        sync_folder(target.parent)
    finally:
        discard(temporary)


def is_special(path: PathLike) -> bool:
    """Whether a path is a pipe or a device. A folder is none: to write it fails as it should."""
    try:
        mode = os.stat(path).st_mode
    except OSError:
        return False
    return not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)


def write_special(path: PathLike, data: bytes) -> None:
    """Writes to a pipe or a device. A pipe without a reader is an error after a while. Raises OSError."""
    until = time.monotonic() + PATIENCE
    while True:
        try:
            number = os.open(path, os.O_WRONLY | getattr(os, "O_NONBLOCK", 0))
            break
        except OSError as error:
            if error.errno != errno.ENXIO or time.monotonic() > until:
                raise
            time.sleep(0.1)
    os.set_blocking(number, True)
    with open(number, "wb") as file:
        file.write(data)


def check_writable(path: PathLike, what: str = "") -> None:
    """Refuses a file that cannot be written, before the work rather than after it. Raises InputError."""
    path = checked(path)
    try:
        if is_special(path):
            if not os.access(path, os.W_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
            return  # opened once only: the reader of a pipe would take the first end for the end
        target = target_of(path)
        temporary = part_of(target)
        if target.exists():
            with open(target, "ab"):  # opened to append, a file does not change
                pass
        with open(temporary, "ab"):
            pass
        discard(temporary)
    except (OSError, ValueError) as error:
        raise InputError(f"{what} {shown(path, 100)} cannot be written: {why(error)}".lstrip()) from None


def read_bytes(path: PathLike, what: str = "") -> bytes:
    """The bytes of a regular file. `what` begins the message. Raises InputError."""
    path = checked(path)
    name = f"{what} {path}".lstrip() if len(str(path)) < 200 else f"{what} {shown(path, 100)}".lstrip()
    try:
        with open_regular(path) as file:
            return file.read()
    except OSError as error:
        raise InputError(f"{name}: {why(error)}{similar(path) if error.errno == errno.ENOENT else ''}") from None


def similar(path: str) -> str:
    """"; did you mean NAME?" if the folder of a missing file has a similar name; else nothing."""
    folder, name = os.path.split(path.rstrip(os.sep))
    with suppress(OSError):
        for near in get_close_matches(name[:LONGEST], os.listdir(folder or "."), n=1):
            return f"; did you mean {os.path.join(folder, near)}?"
    return ""


def open_regular(path: PathLike) -> BinaryIO:
    """Opens a file for reading. Refuses a pipe or a device without waiting for it. Raises OSError."""
    path = checked(path)
    try:
        number = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except ValueError as error:  # a null character in the path
        raise OSError(errno.EINVAL, str(error)) from None
    mode = os.fstat(number).st_mode
    if not stat.S_ISREG(mode):
        os.close(number)
        raise OSError(errno.EISDIR if stat.S_ISDIR(mode) else errno.EINVAL,
                      os.strerror(errno.EISDIR) if stat.S_ISDIR(mode) else "not a regular file")
    return open(number, "rb")


def why(error: Exception) -> str:
    """What an OSError says, in a few words."""
    return getattr(error, "strerror", None) or str(error)


def target_of(path: PathLike) -> Path:
    """The file that is written: of a symbolic link, which stays one, what it leads to. Raises OSError."""
    target = os.path.realpath(path)
    if os.path.islink(target):  # links in a circle
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
    return Path(target)


def part_of(target: Path) -> Path:
    """The temporary file of a file, in the same folder. One that a killed process leaves may be deleted."""
    return target.with_name(f"{target.name[:LONGEST]}.{os.getpid()}.part")


def sync_folder(folder: PathLike) -> None:
    """Flushes a rename to the disk, on systems that can open folders."""
    if hasattr(os, "O_DIRECTORY"):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def discard(path: Path) -> None:
    try:
        path.unlink()
    except OSError:
        pass
