"""The IDX file format of MNIST: a magic number, the dimensions, then the bytes. Raw or gzip.

Source: the format's description at the foot of the original MNIST page.
"""

from __future__ import annotations

import gzip
import struct
import zlib
from collections.abc import Iterator, Sequence
from math import prod
from typing import BinaryIO

from .errors import InputError
from .files import PathLike, open_regular, why, write_file
from .progress import Report, silent

UNSIGNED_BYTE = 8
TYPES = {9: "signed bytes", 11: "16-bit integers", 12: "32-bit integers", 13: "32-bit floats", 14: "64-bit floats"}
LARGEST = 2**30  # bytes of a file's content
BLOCK = 1 << 16
MEMBERS = 100_000  # of a gzip file; one member has all of a file, or a block of it


def read_idx(path: PathLike, dimensions: int, report: Report = silent) -> tuple[tuple[int, ...], memoryview]:
    """Reads an IDX file of unsigned bytes -> (the size of each dimension, the bytes). Raises InputError.

    Never reads much more than the header says, and at most 1 GB.
    """
    start = 4 + 4 * dimensions
    data = bytearray()
    sizes: tuple[int, ...] = ()
    more = ""
    for block in blocks(path, path):
        data += block
        if not sizes and len(data) >= start:
            sizes = read_header(data, dimensions, path)
        if sizes and len(data) > start + prod(sizes) + BLOCK:
            more = "more than "
            break
        report(f"reading {path}", len(data), start + prod(sizes) if sizes else 0, "bytes")
    if not sizes:
        sizes = read_header(data, dimensions, path)
    if len(data) - start != prod(sizes):
        shape = " x ".join(map(str, sizes))
        raise InputError(f"{path}: its header says {shape} bytes, but {more}{len(data) - start} follow")
    return sizes, memoryview(data).toreadonly()[start:]


def read_header(data: bytes | bytearray, dimensions: int, path: object) -> tuple[int, ...]:
    """The size of each dimension. Raises InputError."""
    if len(data) < 4:
        raise InputError(f"{path}: truncated: {len(data)} bytes are no IDX file")
    expected = bytes([0, 0, UNSIGNED_BYTE, dimensions])
    if data[:4] != expected:
        raise InputError(f"{path}: wrong magic number {data[:4].hex()}, expected {expected.hex()}{hint(data)}")
    start = 4 + 4 * dimensions
    if len(data) < start:
        raise InputError(f"{path}: truncated: {len(data)} bytes, the header alone has {start}")
    return struct.unpack_from(f">{dimensions}I", data, 4)


def hint(data: bytes | bytearray) -> str:
    """What a file with a wrong magic number may be, for the message."""
    if data[:3] == bytes([0, 0, UNSIGNED_BYTE]):
        return {1: "; it has labels", 3: "; it has images", 4: "; it has images"}.get(
            data[3], f"; it has {data[3]} dimensions")
    if data[:2] == b"\0\0":
        return f"; its numbers are {TYPES.get(data[2], 'of an unknown type')}, and only unsigned bytes are read"
    return "; it is a web page" if data.lstrip()[:1] == b"<" else ""


def blocks(path: PathLike, name: object) -> Iterator[bytes]:
    """The content of a file in blocks, decompressed if it is gzip. Raises InputError, with `name` in the message."""
    total = 0
    try:
        with open_regular(path) as file:
            first = file.read(BLOCK)
            for block in decompressed(file, first, name) if first[:2] == b"\x1f\x8b" else raw(file, first):
                total += len(block)
                if total > LARGEST:
                    raise InputError(f"{name}: more than {LARGEST} bytes, decompressed or not")
                yield block
    except OSError as error:
        raise InputError(f"{name}: {why(error)}") from None


def raw(file: BinaryIO, block: bytes) -> Iterator[bytes]:
    while block:
        yield block
        block = file.read(BLOCK)


def decompressed(file: BinaryIO, data: bytes, name: object) -> Iterator[bytes]:
    """The content of a gzip file in blocks. data: its first bytes, already read. Raises InputError."""
    members = 0
    member = None  # that is being decompressed
    try:
        while data or (data := file.read(BLOCK)):
            if member is None:
                data = data.lstrip(b"\0")  # padding may follow a member
                if not data:
                    continue
                members += 1
                if members > MEMBERS:
                    raise InputError(f"{name}: more than {MEMBERS} gzip members")
                member = zlib.decompressobj(16 + zlib.MAX_WBITS)
            if block := member.decompress(data, BLOCK):
                yield block
            data = member.unused_data if member.eof else member.unconsumed_tail
            if member.eof:
                member = None
    except zlib.error as error:
        raise InputError(f"{name}: truncated or damaged gzip file ({error})") from None
    if member is not None:
        raise InputError(f"{name}: truncated or damaged gzip file (it ends before its end-of-stream marker)")


def write_idx(path: PathLike, sizes: Sequence[int], data: bytes) -> None:
    """Writes unsigned bytes as a gzip IDX file; the same arguments write the same bytes."""
    header = bytes([0, 0, UNSIGNED_BYTE, len(sizes)]) + struct.pack(f">{len(sizes)}I", *sizes)
    write_file(path, gzip.compress(header + bytes(data), mtime=0))
