"""Writing files: a reader finds the old file or the new one, whole, even if the process is killed while it writes."""

from __future__ import annotations

import os
from pathlib import Path

from .errors import InputError

PathLike = str | os.PathLike[str]


def write_file(path: PathLike, data: bytes, what: str = "") -> None:
    """Replaces a file. `what` begins the message: "--json". Raises InputError."""
    try:
        replace_file(path, data)
    except OSError as error:
        name = f"{what} {str(path)!r}".lstrip()
        raise InputError(f"{name} could not be written: {error.strerror or error}") from None


def replace_file(path: PathLike, data: bytes) -> None:
    """Writes `data` to a temporary file in the same folder, flushes it to the disk and renames it to `path`.

    A pipe or a device is written directly. Raises OSError.
    """
    target = Path(os.path.realpath(path))  # a symbolic link stays one
    temporary = target.with_name(f"{target.name}.{os.getpid()}.part")
    if target.exists() and not target.is_file():
        target.write_bytes(data)
        return
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


def check_writable(path: PathLike, what: str = "") -> None:
    """Refuses a file that cannot be written, before the work rather than after it. Raises InputError."""
    name = f"{what} {str(path)!r}".lstrip()
    target = Path(os.path.realpath(path))
    try:
        existed = target.exists()
        with open(target, "ab"):
            pass
        if not existed:
            target.unlink()
    except OSError as error:
        raise InputError(f"{name} cannot be written: {error.strerror or error}") from None


def read_bytes(path: PathLike) -> bytes:
    """The bytes of a file. Raises InputError."""
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}") from None


def sync_folder(folder: Path) -> None:
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
