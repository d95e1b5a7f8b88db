"""The recorded cases: a rung is a file of data/conformance/v1/, a case is one question and its right answer."""

import json
import os
import re
import struct
from pathlib import Path
from typing import NamedTuple

from .. import datasets
from ..errors import InputError
from ..idx import read_idx

VERSION = "1.1"  # spec 1, and how often rules or cases were added
RUNGS = ("prng", "elementary", "init", "product", "forward", "loss", "backward", "update", "step",
         "truth-table", "alice-bob", "sin-cos", "digits", "mnist", "points", "images", "mnist-cnn")
WORDS = {"seed", "integers", "digests", "pixels"}  # whose strings are no doubles
BITS = re.compile("[0-9a-fA-F]{16}")


class Case(NamedTuple):
    """inputs, answer: what stands under "in" and "out" in the file, doubles as floats, data written out."""

    id: str
    op: str
    inputs: dict
    answer: dict
    flags: tuple = ()


def load(rung):
    """The cases of a rung. Raises InputError where the mnist rung finds no MNIST files on this machine."""
    folder = datasets.data_folder() / "conformance" / "v1"
    record = json.loads((folder / f"{rung}.json").read_text(encoding="utf-8"))
    data = {name: read_data(folder, source) for name, source in record.get("data", {}).items()}
    return [read_case(case, data) for case in record["cases"]]


def read_case(record, data):
    inputs = decode(record["in"])
    if "data" in inputs:
        samples = inputs.pop("samples")
        inputs.update({key: rows[:samples] for key, rows in data[inputs.pop("data")].items()})
    return Case(record["id"], record["op"], inputs, decode(record["out"]), tuple(record.get("flags", ())))


def read_data(folder, source):
    """A file's data -> {"x": rows, "y": rows} or, from IDX files, {"pixels": [hex digits of a sample, ...], "y": classes}."""
    if "images" not in source:
        return decode(source)
    folder = folder / source["folder"] if "folder" in source else mnist_folder()
    (count, height, width), images = read_idx(datasets.existing(folder, source["images"]), 3)
    _, labels = read_idx(datasets.existing(folder, source["labels"]), 1)
    size = height * width
    return {"pixels": [bytes(images[n * size:(n + 1) * size]).hex() for n in range(count)], "y": list(labels)}


def mnist_folder():
    """Where the MNIST files are on this machine: in $REFNN_DATA or the user's cache. Nothing is downloaded."""
    folder = Path(os.environ.get("REFNN_DATA") or datasets.cache_folder())
    if not all(datasets.find(folder, name) for name in datasets.FILES):
        raise InputError("no MNIST files on this machine; REFNN_DATA names their folder")
    return folder


def decode(value, key=None):
    """What JSON gave -> with spelled doubles ("-0.0", "NaN", "3ff0000000000000") as floats, but for the strings of WORDS."""
    if isinstance(value, dict):
        return {name: decode(item, name) for name, item in value.items()}
    if isinstance(value, list):
        return [decode(item, key) for item in value]
    if isinstance(value, str) and key not in WORDS:
        if BITS.fullmatch(value):
            return struct.unpack(">d", bytes.fromhex(value))[0]
        if value in ("-0.0", "Infinity", "-Infinity", "NaN"):
            return float(value)
    return value


def encode(value, bits=False):
    """The reverse of decode; bits: every double as the 16 hex digits of its bits."""
    if isinstance(value, dict):
        return {name: encode(item, bits) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [encode(item, bits) for item in value]
    if isinstance(value, float):
        if bits:
            return pattern(value)
        if value != value:
            return "NaN"
        if value in (float("inf"), float("-inf")):
            return "Infinity" if value > 0.0 else "-Infinity"
        return "-0.0" if pattern(value) == "8000000000000000" else value
    return value


def pattern(x):
    """The 16 hex digits of a double, the sign first; all NaNs are one."""
    return struct.pack(">d", x if x == x else float("nan")).hex()


def question(case, bits=False):
    """The line that asks a program for a case."""
    return json.dumps({"id": case.id, "op": case.op, "in": encode(case.inputs, bits)})
