"""The recorded cases. A rung is a file of data/conformance/v1/; a case is one question and its right answer.

index.json lists the rungs and has the version of the spec. A rung's file has a line for each case; only the lines that
are asked for are decoded.
"""

import json
import os
import re
import struct
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, NamedTuple

from .. import datasets, folders
from ..errors import InputError, UnavailableError
from ..idx import read_idx

FOLDER = datasets.data_folder() / "conformance" / "v1"
FIRST = "1.0"  # the version of rungs and cases that name no other
WORDS = {"seed", "integers", "digests", "pixels"}  # whose strings are no doubles
BITS = re.compile("[0-9a-fA-F]{16}")
ID = re.compile(r' *\{"id": "([^"]+)"')


@dataclass(frozen=True)
class Rung:
    """since: the version of the spec that added the rung."""

    name: str
    title: str
    count: int
    since: str


class Case(NamedTuple):
    """inputs, answer: what stands under "in" and "out" in the file, doubles as floats, data written out."""

    id: str
    op: str
    inputs: dict[str, Any]
    answer: dict[str, Any]
    flags: tuple[str, ...] = ()


def read_index(path: Path) -> tuple[str, dict[str, Rung]]:
    """The version of the spec, and the rungs by name, in their order."""
    index = json.loads(path.read_text(encoding="utf-8"))
    rungs = [Rung(rung["rung"], rung["title"], rung["count"], rung.get("since", FIRST)) for rung in index["rungs"]]
    return index["spec"], {rung.name: rung for rung in rungs}


def numbers(version: str) -> tuple[int, ...]:
    """A version in the order of versions: 1.9 comes before 1.10."""
    return tuple(map(int, version.split(".")))


VERSION, RUNGS = read_index(FOLDER / "index.json")
VERSIONS = [f"{VERSION.split('.')[0]}.{minor}" for minor in range(numbers(VERSION)[1] + 1)]  # all up to this one


def load(rung: str, ids: str = "*", spec: str = VERSION, long: bool = True) -> list[Case]:
    """The cases of a rung that a program of version `spec` can answer.

    ids:  their ids match this pattern, in which * stands for anything
    long: False leaves out the cases with the flag "long", unless the pattern is the very id

    Raises InputError if they need the MNIST files and these are not on this machine.
    """
    if not may_match(rung, ids):
        return []
    head, lines = read_rung((FOLDER / f"{rung}.json").read_text(encoding="utf-8"))
    cases: list[Case] = []
    data: dict[str, dict[str, Any]] = {}
    for line in lines:
        found = ID.match(line)
        name = found[1] if found else ""
        if not fnmatchcase(name, ids):
            continue
        record = json.loads(line)
        if numbers(record.get("since", RUNGS[rung].since)) > numbers(spec):
            continue
        if "long" in record.get("flags", ()) and not long and name != ids:
            continue
        source = record["in"].get("data")
        if source and source not in data:
            data[source] = read_data(FOLDER, head["data"][source])
        cases.append(read_case(record, data))
    return cases


def may_match(rung: str, ids: str) -> bool:
    """Whether a pattern of ids matches any id of a rung, as far as the pattern's start tells."""
    start = re.split(r"[*?\[]", ids)[0]
    return start.startswith(f"{rung}/") or f"{rung}/".startswith(start) and start != ids


def read_rung(text: str) -> tuple[dict[str, Any], list[str]]:
    """A rung's file -> (all of it but the cases, the line of each case)."""
    head, _, cases = text.partition(',\n "cases": [\n')
    return json.loads(head + "}"), cases.removesuffix("\n ]\n}\n").split(",\n")


def read_case(record: dict[str, Any], data: dict[str, dict[str, Any]]) -> Case:
    """A case as it stands in the file -> Case. data: the file's data that the case names, as read_data returns them."""
    inputs = decode(record["in"])
    if "data" in inputs:
        samples = inputs.pop("samples")
        inputs.update({key: rows[:samples] for key, rows in data[inputs.pop("data")].items()})
    return Case(record["id"], record["op"], inputs, decode(record["out"]), tuple(record.get("flags", ())))


def read_data(folder: Path, source: dict[str, Any]) -> dict[str, Any]:
    """A file's data -> {"x": rows, "y": rows} or, from IDX files, {"pixels": hex digits by sample, "y": classes}."""
    if "images" not in source:
        data: dict[str, Any] = decode(source)
        return data
    folder = folder / source["folder"] if "folder" in source else mnist_folder()
    (count, height, width), images = read_idx(folders.existing(folder, source["images"]), 3)
    _, labels = read_idx(folders.existing(folder, source["labels"]), 1)
    size = height * width
    return {"pixels": [bytes(images[n * size:(n + 1) * size]).hex() for n in range(count)], "y": list(labels)}


def mnist_folder() -> Path:
    """The folder of the MNIST files on this machine: $REFNN_DATA or the user's cache. Nothing is downloaded."""
    try:
        folder = Path(os.environ.get("REFNN_DATA") or datasets.cache_folder())
    except UnavailableError as error:
        raise InputError(str(error)) from None
    if not all(folders.find(folder, name) for name in datasets.FILES):
        raise InputError("no MNIST files on this machine; REFNN_DATA names their folder")
    return folder


def decode(value: Any, key: str | None = None) -> Any:
    """Parsed JSON with spelled doubles ("-0.0", "NaN", "3ff0000000000000") as floats. The strings of WORDS stay."""
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


def encode(value: Any, bits: bool = False) -> Any:
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


def pattern(x: float) -> str:
    """The 16 hex digits of a double, the sign first; all NaNs are one."""
    return struct.pack(">d", x if x == x else float("nan")).hex()


def question(case: Case, bits: bool = False) -> str:
    """The line that asks a program a case."""
    return json.dumps({"id": case.id, "op": case.op, "in": encode(case.inputs, bits)})
