"""Answers from a saved network, for rows of numbers, tables, and pictures."""

from __future__ import annotations

import argparse
import re
import shutil
import sys
from array import array
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from functools import partial
from math import prod
from pathlib import Path
from typing import Any, NamedTuple

from .checks import printable, whole_number
from .cli import Parser, add_output, check_writable, command, integer, percent, write_json
from .errors import InputError
from .files import read_bytes
from .folders import read_images
from .idx import read_idx
from .network import Network, load
from .pictures import Pictures, digit, drawn, is_picture, read_picture
from .progress import Progress, Report
from .samples import Pixels
from .tables import EVERY, checked_number, read_cells, two_dimensional

BAR = 30  # characters
FULL = 5  # up to this many answers are shown in full, more in one line each
ENTRIES = re.compile(r"(.+):(\d{1,18})(?:-(\d{1,18}))?", re.ASCII)  # FILE:7, FILE:0-99
DIGITS = Pictures((1, 28, 28), tuple("0123456789"))

EXAMPLES = """examples:
  refnn predict iris.refnn 5.1,3.5,1.4,0.2
  refnn predict iris.refnn flowers.csv
  refnn predict digits.refnn four.png photo.jpg
  refnn predict digits.refnn t10k-images-idx3-ubyte.gz:0-99"""


class Item(NamedTuple):
    """Something to be answered.

    x:        the network's inputs, with one row
    expected: the right answer, where it is known
    picture:  makes lines that show it
    """

    name: str
    x: Any
    expected: str | None = None
    picture: Callable[[], Sequence[str]] = tuple


def options() -> Parser:
    parser = Parser(prog="refnn predict", description=__doc__, allow_abbrev=False, epilog=EXAMPLES,
                    formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", metavar="MODEL", help="a file of refnn train --save, or of Network.save")
    parser.add_argument("inputs", nargs="+", metavar="INPUT", help="numbers such as 5.1,3.5,1.4,0.2; or a CSV file; or "
                        "a picture (PNG, JPEG, PGM); or an IDX file, of which FILE:7 and FILE:0-99 are entries")
    parser.add_argument("--limit", type=integer, metavar="N", help="answer the first N of each file only")
    parser.add_argument("--impl", metavar="NAME", help="c or python (default: c if it is built)")
    add_output(parser)
    return parser


def main(words: Sequence[str] | None = None) -> int:
    """Runs the command line; returns its exit status."""
    given = sys.argv[1:] if words is None else words
    plain = [f" {word}" if re.match(r"-[\d.]", word) else word for word in given]  # -7,3 is no option
    return command("refnn.predict", lambda: run(options().parse_args(plain)))


def run(given: argparse.Namespace) -> int:
    if given.limit is not None:
        whole_number(given.limit, "--limit")
    check_writable(given.json)
    network = load(given.model, impl=given.impl)
    progress = Progress(sys.stderr if given.json == "-" else sys.stdout, given.quiet)
    with closing(progress):
        items = [item for text in given.inputs for item in items_of(network, text, given.limit, progress)]
    answers = []
    right = known = 0
    for n, item in enumerate(items):
        [outputs] = network.predict(item.x)
        answer = answer_of(network, item, outputs)
        answers.append(answer)
        for line in shown_in_full(item, answer) if len(items) <= FULL else [in_one_line(answer)]:
            progress.say(printable(line))
        if len(items) > FULL:
            progress.whole("answers", n + 1, len(items))
        known += item.expected is not None
        right += answer.get("right", False)
    progress.close()
    if known:
        progress.say(f"{right:,} of {known:,} are right, {percent(right / known)}")
    write_json(given.json, {"model": given.model, "impl": network.impl, "answers": answers})
    return 0


def items_of(network: Network, text: str, limit: int | None, report: Report) -> Iterator[Item]:
    """What an argument names."""
    text = text.strip()
    path, entries = text, None
    if not Path(text).exists() and (found := ENTRIES.fullmatch(text)) and Path(found[1]).exists():
        path = found[1]
        entries = range(int(found[2]), int(found[3] or found[2]) + 1)
    if not Path(path).exists() and re.fullmatch(r"[^/\\]*[\d,;][^/\\]*", text) and not text.lower().endswith(".csv"):
        yield numbers_item(network, text)
        return
    start = read_bytes(path)[:16]
    if is_picture(start):
        yield picture_item(network, path)
    elif start[:2] in (b"\0\0", b"\x1f\x8b"):
        yield from idx_items(network, path, entries, limit, report)
    else:
        yield from table_items(network, path, limit, report)


def numbers_item(network: Network, text: str) -> Item:
    cells = [cell.strip() for cell in re.split("[,;]", text)]
    if network.columns:
        return Item(text, network.columns.encode([cells], lambda n, name: f"{text}: {name}" if name else text))
    if len(cells) != network.model.inputs:
        raise InputError(f"{text}: {len(cells)} numbers, the network needs {network.model.inputs}")
    return Item(text, array("d", [checked_number(cell, lambda: text) for cell in cells]))


def table_items(network: Network, path: str, limit: int | None, report: Report) -> Iterator[Item]:
    """The rows of a CSV file: its columns by their names or, without a header, in order."""
    columns = network.columns
    wanted = [column.name for column in columns.inputs] if columns else []
    cells = read_cells(path, None, wanted, report)
    places = list(range(len(cells.names)))
    if columns:
        missing = [name for name in wanted if name not in cells.names]
        if missing and (cells.has_header or len(cells.names) != len(wanted)):
            raise InputError(f"{path}: no column {missing[0]!r}; the network needs {', '.join(wanted)}")
        places = places if missing else [cells.names.index(name) for name in wanted]
    elif len(places) != network.model.inputs:
        raise InputError(f"{path}: {len(places)} columns, the network needs {network.model.inputs}")
    target = columns.targets[0].name if columns and columns.classes else None
    for n, row in enumerate(cells.rows[:limit]):
        if n % EVERY == 0:
            report(f"checking {path}", n, len(cells.rows[:limit]), "rows")
        chosen = [row[k] for k in places]
        if columns:
            x: Any = columns.encode([chosen], lambda _, name, n=n: cells.place(n, name))  # type: ignore[misc]
        else:
            x = two_dimensional(array("d", [checked_number(text, partial(cells.place, n, name))
                                            for text, name in zip(chosen, cells.names)]), len(chosen))
        yield Item(cells.place(n, ""), x, row[cells.names.index(target)] if target in cells.names else None)


def pictures_of(network: Network, name: str) -> Pictures:
    """What pictures mean to a network: what its file says, or digits if it has 784 inputs and 10 outputs."""
    if network.pictures:
        return network.pictures
    if (network.model.inputs, network.model.outputs) == (784, 10):
        return DIGITS
    raise InputError(f"{name}: this network does not take pictures; it has {network.model.inputs} inputs")


def picture_item(network: Network, path: str) -> Item:
    pictures = pictures_of(network, path)
    picture = read_picture(path)
    try:
        pixels = digit(picture) if pictures == DIGITS else pictures.fitted(picture, path)
    except InputError as error:
        raise InputError(str(error) if path in str(error) else f"{path}: {error}") from None
    return Item(path, Pixels(pixels), None, partial(lines_of, pictures, pixels))


def idx_items(network: Network, path: str, entries: range | None, limit: int | None, report: Report) -> Iterator[Item]:
    """Entries of an IDX file of images, with their labels if these lie beside it."""
    pictures = pictures_of(network, path)
    shape, pixels = read_images(Path(path), report)
    if shape != pictures.shape:
        raise InputError(f"{path}: images of {' x '.join(map(str, shape))}, not {' x '.join(map(str, pictures.shape))}")
    size = prod(shape)
    count = len(pixels) // size
    labels_path = Path(path).with_name(re.sub(r"idx[34]", "idx1", Path(path).name.replace("images", "labels")))
    labels = read_idx(labels_path, 1)[1] if labels_path != Path(path) and labels_path.exists() else None
    chosen = (entries if entries is not None else range(count))[:limit]
    if entries is not None and not entries:
        raise InputError(f"{path}: no entries from {entries.start} to {entries.stop - 1}")
    if chosen and chosen[-1] >= count:
        raise InputError(f"{path}: there is no entry {chosen[-1]}; it has {count}, from 0")
    for n in chosen:
        one = bytes(pixels[n * size:(n + 1) * size])
        expected = str(labels[n]) if labels is not None and n < len(labels) else None
        yield Item(f"{path}:{n}", Pixels(one), expected, partial(lines_of, pictures, one))


def lines_of(pictures: Pictures, pixels: bytes) -> list[str]:
    channels, height, width = pictures.shape
    return drawn(pixels, height, width) if channels == 1 and width <= 80 else []


def answer_of(network: Network, item: Item, outputs: list[float]) -> dict[str, Any]:
    """An answer, as in the record of --json."""
    classes = network.pictures.classes if network.pictures else network.columns.classes if network.columns else None
    if classes is None and network.model.classes:
        classes = DIGITS.classes if network.model.outputs == 10 else tuple(map(str, range(network.model.outputs)))
    answer: dict[str, Any] = {"input": item.name}
    if classes is None:
        named = network.columns.answer(outputs) if network.columns else {str(k): v for k, v in enumerate(outputs)}
        return {**answer, "numbers": named}
    best = outputs.index(max(outputs))
    answer |= {"class": classes[best], "one_hot": [int(k == best) for k in range(len(outputs))],
               "probabilities": dict(zip(classes, outputs))}
    if item.expected is not None:
        answer |= {"expected": item.expected, "right": item.expected == classes[best]}
    return answer


def shown_in_full(item: Item, answer: dict[str, Any]) -> Iterator[str]:
    yield in_one_line(answer)
    yield from item.picture()
    if "class" not in answer:
        return
    yield f"one-hot: {answer['one_hot']}"
    width = max(map(len, answer["probabilities"]))
    longest = max(1, min(BAR, shutil.get_terminal_size().columns - width - 12))
    for name, probability in answer["probabilities"].items():
        bar = "#" * int(longest * min(max(probability, 0.0), 1.0) + 0.5)
        yield f"{name:>{width}}  {bar:{longest}}  {percent(probability):>8}"
    yield ""


def in_one_line(answer: dict[str, Any]) -> str:
    if "class" not in answer:
        numbers = answer["numbers"]
        return f"{answer['input']}: " + ", ".join(f"{value:.6g}" if len(numbers) == 1 and name == "0" else
                                                  f"{name} {value:.6g}" for name, value in numbers.items())
    said = f"{answer['input']}: {answer['class']} ({percent(answer['probabilities'][answer['class']])})"
    if "expected" not in answer:
        return said
    return said + (", right" if answer["right"] else f", wrong: it is {answer['expected']}")


if __name__ == "__main__":
    sys.exit(main())
