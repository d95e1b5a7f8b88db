"""The safetensors file format: named tensors and text. Reading a file runs no code and trusts no number in it.

    8 bytes        N, the length of the header, little-endian
    N bytes        the header, a JSON object: {"NAME": {"dtype": "F64", "shape": [3, 4], "data_offsets": [0, 96]}, ...,
                   "__metadata__": {"KEY": "TEXT", ...}}; spaces may follow it
    the rest       the tensors' numbers, little-endian, row by row, without gaps

Source: https://huggingface.co/docs/safetensors, the section on the format.
"""

from __future__ import annotations

import json
import sys
from array import array
from collections.abc import Mapping
from math import prod
from typing import Any, NamedTuple

from .errors import InputError

MAX_HEADER = 10_000_000  # bytes
MAX_DIGITS = 15  # of a number in a header: every file size, and exact as a double
METADATA = "__metadata__"
TYPES = {"F64": ("d", 8), "F32": ("f", 4), "I64": ("q", 8)}  # dtype -> the code of array, bytes per number
NAMES = {"d": "F64", "q": "I64"}  # what is written


class Tensor(NamedTuple):
    """Numbers of some shape, row by row; () is the shape of a single number.

    values: doubles; or, for integers of 64 bits, an array of type "q"
    """

    shape: tuple[int, ...]
    values: array[Any]

    def view(self) -> memoryview[Any]:
        """The numbers as a buffer of the tensor's shape. (A memoryview without numbers can have only one dimension.)"""
        view: memoryview[Any] = memoryview(self.values)
        if 0 in self.shape:
            return view
        code: Any = self.values.typecode
        return view.cast("B").cast(code, self.shape)


def to_bytes(tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> bytes:
    """The content of a file; the same tensors and texts make the same bytes."""
    header: dict[str, Any] = {METADATA: dict(metadata)} if metadata else {}
    data = bytearray()
    for name, tensor in tensors.items():
        start = len(data)
        data += little_endian(tensor.values).tobytes()
        header[name] = {"dtype": NAMES[tensor.values.typecode], "shape": list(tensor.shape),
                        "data_offsets": [start, len(data)]}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # the numbers begin at a multiple of 8 bytes
    return len(text).to_bytes(8, "little") + text + bytes(data)


def from_bytes(content: bytes, source: str) -> tuple[dict[str, Tensor], dict[str, str]]:
    """-> the tensors and the metadata of a file. F32 becomes doubles. Raises InputError, which names the `source`."""
    try:
        header, data = split(content)
        metadata = checked_metadata(header.pop(METADATA, {}))
        entries = {name: checked_entry(name, entry) for name, entry in header.items()}
        check_layout(entries, len(data))
        return {name: read_tensor(entry, data) for name, entry in entries.items()}, metadata
    except Fault as fault:
        raise InputError(f"{source}: not a valid safetensors file: {fault}") from None


class Fault(Exception):
    """What is wrong with a file."""


class Entry(NamedTuple):
    """A tensor's line in the header."""

    dtype: str
    shape: tuple[int, ...]
    start: int
    stop: int


def split(content: bytes) -> tuple[dict[str, Any], memoryview]:
    """-> the header, and the bytes after it"""
    if len(content) < 8:
        raise Fault(f"it has {len(content)} bytes")
    length = int.from_bytes(content[:8], "little")
    if length > min(MAX_HEADER, len(content) - 8):
        if content.startswith((b"PK", b"\x80")):
            raise Fault("it seems to be of torch.save or pickle, which can run code; safetensors.torch.save_file makes "
                        "a valid one")
        raise Fault(f"its header should have {length} bytes, but the file has {len(content)}, "
                    f"and a header at most {MAX_HEADER}")
    text = content[8:8 + length]
    if not text.startswith(b"{"):
        raise Fault("its header does not begin with {")
    try:
        header = json.loads(text.decode(), object_pairs_hook=without_duplicates, parse_int=short_integer,
                            parse_float=refuse_number, parse_constant=refuse_number)
    except (ValueError, RecursionError) as error:
        raise Fault(f"its header is not JSON ({str(error) or type(error).__name__})") from None
    return header, memoryview(content)[8 + length:]


def without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        seen: set[str] = set()
        twice = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        raise Fault(f"{shown(twice)} is in it twice")
    return fields


def short_integer(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise Fault("a number in its header is too large")
    return int(text)


def refuse_number(text: str) -> None:
    raise Fault(f"{shown(text)} in its header is not a whole number")


def checked_metadata(metadata: Any) -> dict[str, str]:
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise Fault(f"{METADATA} must be an object of texts")
    return metadata


def checked_entry(name: str, entry: Any) -> Entry:
    """The line of a tensor, with a shape that its offsets have room for."""
    if not isinstance(entry, dict) or entry.keys() != {"dtype", "shape", "data_offsets"}:
        raise Fault(f"tensor {shown(name)} must have dtype, shape and data_offsets, and nothing else")
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(dtype, str) or dtype not in TYPES:
        raise Fault(f"tensor {shown(name)} has dtype {shown(dtype)}; refnn reads {', '.join(TYPES)}")
    if not are_sizes(shape) or not are_sizes(offsets) or len(offsets) != 2:
        raise Fault(f"the shape and data_offsets of tensor {shown(name)} must be lists of whole numbers")
    start, stop = offsets
    if stop - start != prod(shape) * TYPES[dtype][1]:
        raise Fault(f"tensor {shown(name)} of shape {shown(shape)} does not have {stop - start} bytes")
    return Entry(dtype, tuple(shape), start, stop)


def are_sizes(values: Any) -> bool:
    return isinstance(values, list) and len(values) <= 32 and all(type(value) is int and value >= 0 for value in values)


def check_layout(entries: Mapping[str, Entry], size: int) -> None:
    """The tensors must lie one after the other, from the first byte to the last."""
    end = 0
    for name, entry in sorted(entries.items(), key=lambda item: (item[1].start, item[1].stop)):
        if entry.start != end:
            raise Fault(f"tensor {shown(name)} begins at byte {entry.start}, but the one before it ends at byte {end}")
        end = entry.stop
    if end != size:
        raise Fault(f"its tensors end at byte {end}, its data at byte {size}")


def read_tensor(entry: Entry, data: memoryview) -> Tensor:
    code, _ = TYPES[entry.dtype]
    values = array(code)
    values.frombytes(data[entry.start:entry.stop])
    values = little_endian(values)
    return Tensor(entry.shape, array("d", values) if code == "f" else values)


def little_endian(values: array[Any]) -> array[Any]:
    """`values`, or on a big-endian processor a copy, with the bytes of each number in little-endian order."""
    if sys.byteorder == "little":
        return values
    swapped = values[:]
    swapped.byteswap()
    return swapped


def shown(value: Any) -> str:
    """A value from a file, for a message: on one line, at most 60 characters."""
    text = repr(value)
    return text if len(text) <= 60 else text[:56] + " ..."
