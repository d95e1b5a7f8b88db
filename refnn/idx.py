"""The IDX file format of MNIST: a magic number, the dimensions, then the bytes. Raw or gzip.

Source: the format's description at the foot of the original MNIST page.
"""

from __future__ import annotations

import gzip
import os
import struct
import zlib
from collections.abc import Sequence
from pathlib import Path

from .errors import InputError
from .files import write_file

UNSIGNED_BYTE = 8


def read_idx(path: str | os.PathLike[str], dimensions: int) -> tuple[tuple[int, ...], memoryview]:
    """Reads an IDX file of unsigned bytes -> (the size of each dimension, the bytes). Raises InputError."""
    data = read_file(path)
    if len(data) < 4:
        raise InputError(f"{path}: truncated: {len(data)} bytes are no IDX file")
    if data[:4] != bytes([0, 0, UNSIGNED_BYTE, dimensions]):
        expected = bytes([0, 0, UNSIGNED_BYTE, dimensions])
        raise InputError(f"{path}: wrong magic number {data[:4].hex()}, expected {expected.hex()}")
    start = 4 + 4 * dimensions
    if len(data) < start:
        raise InputError(f"{path}: truncated: {len(data)} bytes, the header alone has {start}")
    sizes = struct.unpack_from(f">{dimensions}I", data, 4)
    items = 1
    for size in sizes:
        items *= size
    if len(data) - start != items:
        shape = " x ".join(map(str, sizes))
        raise InputError(f"{path}: its header says {shape} bytes, but {len(data) - start} follow")
    return sizes, memoryview(data)[start:]


def read_file(path: str | os.PathLike[str]) -> bytes:
    """The bytes of a file, decompressed if its content is gzip, whatever its name. Raises InputError."""
    try:
        return decompressed(Path(path).read_bytes(), path)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}") from None


def decompressed(data: bytes, name: object) -> bytes:
    """`data`, decompressed if it is gzip. Raises InputError, with `name` in it."""
    try:
        return gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InputError(f"{name}: truncated or damaged gzip file ({error})") from None


def write_idx(path: str | os.PathLike[str], sizes: Sequence[int], data: bytes) -> None:
    """Writes unsigned bytes as a gzip IDX file; the same arguments write the same bytes."""
    header = bytes([0, 0, UNSIGNED_BYTE, len(sizes)]) + struct.pack(f">{len(sizes)}I", *sizes)
    write_file(path, gzip.compress(header + bytes(data), mtime=0))
