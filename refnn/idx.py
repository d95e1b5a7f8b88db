"""The IDX file format of MNIST: a magic number, the dimensions, then the bytes. Raw or gzip.

Source: the format's description at the foot of the original MNIST page.
"""

import gzip
import struct
import zlib
from pathlib import Path

from .errors import InputError

UNSIGNED_BYTE = 8


def read_idx(path, dimensions):
    """-> (sizes, a memoryview of the bytes) of an IDX file of unsigned bytes with so many dimensions. Raises InputError."""
    data = read_file(path)
    if len(data) < 4:
        raise InputError(f"{path}: truncated: {len(data)} bytes are no IDX file")
    if data[:4] != bytes([0, 0, UNSIGNED_BYTE, dimensions]):
        raise InputError(f"{path}: wrong magic number {data[:4].hex()}, expected {bytes([0, 0, UNSIGNED_BYTE, dimensions]).hex()}")
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


def read_file(path):
    """The bytes of a file, decompressed where its content is gzip, whatever its name. Raises InputError."""
    try:
        return decompressed(Path(path).read_bytes(), path)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}") from None


def decompressed(data, name):
    """Bytes, decompressed where they are gzip. Raises InputError."""
    try:
        return gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InputError(f"{name}: truncated or damaged gzip file ({error})") from None


def write_idx(path, sizes, data):
    """Writes unsigned bytes of the given sizes as a gzip IDX file, the same bytes at every call."""
    header = bytes([0, 0, UNSIGNED_BYTE, len(sizes)]) + struct.pack(f">{len(sizes)}I", *sizes)
    Path(path).write_bytes(gzip.compress(header + bytes(data), mtime=0))
