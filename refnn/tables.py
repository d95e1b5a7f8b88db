"""Tables in CSV files: which columns are numbers and which are categories, and the rows as numbers for a network.

A number is one input. A category is one input for each of its values, in the order of their first appearance: 1 for the
row's value, 0 for the others. If numbers are standardised, (x - mean) / deviation takes their place, with

    mean = (x[0] + x[1] + ...) / n;   deviation = sqrt(((x[0] - mean)^2 + (x[1] - mean)^2 + ...) / n), or 1 if that is 0

over the rows of the training data in the order of the file, each sum from 0.0 and each operation rounded by itself.
"""

from __future__ import annotations

import csv
import io
import re
import shlex
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import get_close_matches
from functools import partial
from itertools import pairwise
from math import floor, isfinite, sqrt
from typing import Any, NamedTuple

from .checks import known_name, listed, printable, shown
from .errors import InputError
from .files import PathLike, read_bytes
from .progress import Report, silent
from .reference.prng import DATA, stream

MISSING = {"", "?", "na", "n/a", "nan", "null"}
FEW = 10  # different whole numbers that a target of classes has at most; different texts that need no repetition
DELIMITERS = ",;\t|"
NOTATIONS = re.compile(r"[-+(]?[$€£]?\s*\d[\d.,'\s]*[)%$€£]?|\d+([-/]\d+){2}.*")  # 1,234.5  0,5  5 %  2024-12-31
EVERY = 1000  # rows between two calls of a Report


class Column(NamedTuple):
    """A column of a table.

    categories: its values in the order of their first appearance; None if it is a number
    mean, deviation: (x - mean) / deviation is used in place of a number x
    """

    name: str
    categories: tuple[str, ...] | None = None
    mean: float = 0.0
    deviation: float = 1.0

    @property
    def width(self) -> int:
        return 1 if self.categories is None else len(self.categories)

    def number(self, value: Any, place: Callable[[], str]) -> float:
        """A number of the column, as the network takes it. Raises InputError."""
        return (checked_number(value, place) - self.mean) / self.deviation

    def category(self, value: Any, place: Callable[[], str]) -> int:
        """The index of a category. Raises InputError."""
        text = str(value).strip()
        categories = self.categories or ()
        if text not in categories:
            near = get_close_matches(text, categories, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known: {listed(categories)}"
            raise InputError(f"{place()}: unknown category {shown(text)}; {hint}")
        return categories.index(text)


class Columns:
    """What the inputs and outputs of a network mean.

    inputs, targets: the columns of each
    """

    def __init__(self, inputs: Sequence[Column], targets: Sequence[Column]) -> None:
        self.inputs, self.targets = tuple(inputs), tuple(targets)

    @property
    def input_width(self) -> int:
        """Number of inputs of the network."""
        return sum(column.width for column in self.inputs)

    @property
    def output_width(self) -> int:
        """Number of outputs of the network."""
        return sum(column.width for column in self.targets)

    @property
    def classes(self) -> tuple[str, ...] | None:
        """The names of the classes; None if the targets are numbers."""
        return self.targets[0].categories

    def encode(self, rows: Iterable[Sequence[Any]],
               place: Callable[[int, str], str] | None = None) -> memoryview[Any]:
        """Rows of raw values, numbers or texts, in the order of `inputs` -> a buffer of rows for Network.predict.

        place: number of a row, from 0, and name of a column -> the place, for messages. Raises InputError.
        """
        values = array("d")
        place = place or row_and_column
        for n, row in enumerate(rows):
            if len(row) != len(self.inputs):
                raise InputError(f"{place(n, '')}: {len(row)} values, not {len(self.inputs)}: "
                                 f"{listed([column.name for column in self.inputs])}")
            for column, value in zip(self.inputs, row):
                where = partial(place, n, column.name)
                if column.categories is None:
                    values.append(column.number(value, where))
                else:
                    one_hot = [0.0] * column.width
                    one_hot[column.category(value, where)] = 1.0
                    values.extend(one_hot)
        return two_dimensional(values, self.input_width)

    def answer(self, outputs: Sequence[float]) -> dict[str, float]:
        """A row of Network.predict -> probabilities by class, or numbers by target, in the units of the file."""
        if self.classes is not None:
            return dict(zip(self.classes, outputs))
        return {column.name: value * column.deviation + column.mean for column, value in zip(self.targets, outputs)}

    def to_json(self) -> dict[str, Any]:
        return {name: [column._asdict() for column in columns]
                for name, columns in (("inputs", self.inputs), ("targets", self.targets))}

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Columns:
        """Raises InputError."""
        try:
            made = cls(*([column_from_json(**column) for column in fields[name]] for name in ("inputs", "targets")))
        except (KeyError, TypeError):
            raise InputError("the columns in the metadata are invalid") from None
        if not made.inputs or not made.targets or made.classes is not None and len(made.targets) > 1:
            raise InputError("the columns in the metadata are invalid")
        return made

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Columns) and (self.inputs, self.targets) == (other.inputs, other.targets)

    __hash__ = None  # type: ignore[assignment]


def row_and_column(n: int, name: str) -> str:
    return f"row {n}" + (f", column {shown(name)}" if name else "")


def column_from_json(name: Any, categories: Any, mean: Any, deviation: Any) -> Column:
    texts = () if categories is None else tuple(categories)
    numbers = (mean, deviation)
    if not all(isinstance(text, str) for text in (name, *texts)) or not all(type(v) in (int, float) for v in numbers):
        raise TypeError
    if not isfinite(mean) or not isfinite(deviation) or not deviation > 0.0 or categories is not None and not texts:
        raise TypeError
    return Column(name, None if categories is None else texts, float(mean), float(deviation))


class Cells(NamedTuple):
    """The cells of a file, checked only for their number. lines: the number of each row's last line, from 1"""

    source: str
    names: list[str]
    rows: list[list[str]]
    lines: list[int]
    has_header: bool

    def place(self, n: int, name: str) -> str:
        return f"{self.source}, line {self.lines[n]}" + (f", column {shown(name)}" if name else "")

    def column(self, name: str) -> list[str]:
        """The texts of a column. Raises InputError if one is missing."""
        k = self.names.index(name)
        texts = [row[k] for row in self.rows]
        for n, text in enumerate(texts):
            if text.lower() in MISSING:
                raise InputError(f"{self.place(n, name)}: the value is missing; leave out the line, or the column: "
                                 f"--ignore {printable(shlex.quote(name), 500)}")
        return texts


def read_cells(path: PathLike, header: bool | None = None, wanted: Sequence[str] = (),
               report: Report = silent) -> Cells:
    """The rows of a CSV file. Raises InputError.

    header: whether the first line has the names of the columns; None: it has if none of its cells is a number, or if
        one is a `wanted` name. A column without a name is called by its number, from 1.
    """
    try:
        text = read_bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: byte {error.start} is not UTF-8 text") from None
    first = re.sub(r'"[^"]*"', "", text.split("\n", 1)[0])
    delimiter = max(DELIMITERS, key=first.count)
    total = text.count("\n")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows: list[list[str]] = []
    lines: list[int] = []
    try:
        for row in reader:
            cells = [cell.strip() for cell in row]
            if any(cells):
                rows.append(cells)
                lines.append(reader.line_num)
                if len(rows) % EVERY == 0:
                    report(f"reading {path}", reader.line_num, total, "lines")
    except csv.Error as error:
        raise InputError(f"{path}, line {reader.line_num}: {error}") from None
    if not rows:
        raise InputError(f"{path}: it is empty")
    for n, row in enumerate(rows):
        if len(row) != len(rows[0]):
            raise InputError(f"{path}, line {lines[n]}: {len(row)} columns, but the first line has {len(rows[0])}")
    if header is None:
        header = not any(is_number(cell) for cell in rows[0]) or any(name in rows[0] for name in wanted)
    names = rows.pop(0) if header else [""] * len(rows[0])
    names = [name or str(k) for k, name in enumerate(names, 1)]
    lines = lines[1:] if header else lines
    if len(set(names)) < len(names):
        raise InputError(f"{path}: two columns have the name {shown(Counter(names).most_common(1)[0][0])}")
    if len(names) == 1:
        raise InputError(f"{path}: it has only one column; a comma, semicolon, tab or | must separate columns")
    if not rows:
        raise InputError(f"{path}: there are no rows below its header")
    return Cells(str(path), names, rows, lines, header)


class Table(NamedTuple):
    """A table, ready for training.

    train, test: pairs (x, y) as check_samples takes them; test is None without a split
    decisions:   what was decided, in lines
    """

    columns: Columns
    train: tuple[Any, Any]
    test: tuple[Any, Any] | None
    decisions: list[str]


class Choices(NamedTuple):
    """How a table is to be read.

    targets:  the names of the columns that are to be learned; the last column that is not left out unless given
    ignore:   columns to leave out; category: columns of numbers that are categories
    header:   as in read_cells
    classes:  whether the target is a class; None: as its values suggest
    standardize: whether numbers, those of the targets included, are standardised
    test_split: the fraction of the rows that are kept for the test, drawn by the seed
    """

    targets: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    category: tuple[str, ...] = ()
    header: bool | None = None
    classes: bool | None = None
    standardize: bool = False
    test_split: float = 0.0


def read_table(path: PathLike, choices: Choices | None = None, seed: int = 0, report: Report = silent) -> Table:
    """Reads a CSV file for training. Raises InputError, with the line and the column."""
    chosen = choices or Choices()
    cells = read_cells(path, chosen.header, chosen.targets, report)
    targets = tuple(dict.fromkeys(chosen.targets)) or tuple(n for n in cells.names if n not in chosen.ignore)[-1:]
    for name in targets:
        if name in chosen.ignore:
            raise InputError(f"{cells.source}: column {shown(name)} cannot be the target and be left out")
    for name in (*targets, *chosen.ignore, *chosen.category):
        known_name(name, cells.names, f"column of {cells.source}:")
    inputs = [name for name in cells.names if name not in targets and name not in chosen.ignore]
    if not inputs:
        raise InputError(f"{cells.source}: no column is left for the inputs")
    train, test = split_rows(len(cells.rows), chosen.test_split, seed)
    made: list[Column] = []
    for name in inputs:
        report(f"checking {path}", len(made), len(inputs), "columns")
        made.append(column_of(cells, name, train, chosen))
    goals = [target_of(cells, name, train, chosen, len(targets)) for name in targets]
    columns = Columns(made, goals)
    parts = [encoded(cells, columns, rows, report) if rows else None for rows in (train, test)]
    assert parts[0]
    return Table(columns, parts[0], parts[1], list(decisions(cells, columns, chosen, len(train), len(test))))


def split_rows(count: int, fraction: float, seed: int) -> tuple[list[int], list[int]]:
    """-> the rows for training and for the test, each in the order of the file"""
    tests = floor(count * fraction + 0.5)
    if fraction and not 1 <= tests < count:
        raise InputError(f"--test-split {fraction} of {count} rows leaves none for the test, or none for training")
    drawn = set(stream(seed, DATA).permutation(count)[:tests]) if tests else set()
    return [n for n in range(count) if n not in drawn], [n for n in range(count) if n in drawn]


def column_of(cells: Cells, name: str, train: Sequence[int], chosen: Choices) -> Column:
    """An input column: a number if all its cells are."""
    texts = cells.column(name)
    if name not in chosen.category:
        if all(map(is_number, texts)):
            return number_column(cells, name, texts, train, chosen.standardize)
        refuse_doubtful(cells, name, texts, False)
    return Column(name, tuple(dict.fromkeys(texts)))


def target_of(cells: Cells, name: str, train: Sequence[int], chosen: Choices, count: int) -> Column:
    """A target column, one of `count`: a class, or a number."""
    texts = cells.column(name)
    categories = tuple(dict.fromkeys(texts))
    if len(categories) < 2:
        raise InputError(f"{cells.source}: all rows have the same {shown(name)}")
    classes = True if name in chosen.category else chosen.classes
    bad = next((n for n, text in enumerate(texts) if not is_number(text)), None)
    if bad is None:
        if classes is None:
            few = len(categories) <= FEW and 2 * len(categories) <= len(texts)
            classes = few and all(float(text).is_integer() for text in categories)
        if not classes or count > 1:
            return number_column(cells, name, texts, train, chosen.standardize)
    elif count > 1:
        raise InputError(f"{cells.place(bad, name)}: {shown(texts[bad])} is not a number; "
                         "several targets must be numbers")
    elif not classes:
        refuse_doubtful(cells, name, texts, True)
    return Column(name, categories)


def refuse_doubtful(cells: Cells, name: str, texts: Sequence[str], target: bool) -> None:
    """Refuses a column of texts that are probably not meant as categories."""
    bad = [n for n, text in enumerate(texts) if not is_number(text)]
    quoted = printable(shlex.quote(name), 500)
    options = f"--category {quoted} makes each text a category" + f", --ignore {quoted} leaves it out" * (not target)
    if 2 * len(bad) < len(texts) or all(NOTATIONS.fullmatch(texts[n]) for n in bad):
        raise InputError(f"{cells.place(bad[0], name)}: {shown(texts[bad[0]])} is not a number as refnn "
                         f"reads it, such as -1234.5; {options}")
    different = len(set(texts))
    if different > FEW and 2 * different > len(texts):
        raise InputError(f"{cells.source}: column {shown(name)} has {different} different texts in {len(texts)} rows, "
                         f"such as {shown(texts[0])}; {options}")


def number_column(cells: Cells, name: str, texts: Sequence[str], train: Sequence[int], standardize: bool) -> Column:
    values = list(map(float, texts))
    if not all(map(isfinite, values)):
        n = next(n for n, value in enumerate(values) if not isfinite(value))
        raise InputError(f"{cells.place(n, name)}: {shown(texts[n])} is not a finite number")
    if not standardize:
        return Column(name)
    mean, deviation = statistics([values[n] for n in train])
    if not isfinite(mean) or not isfinite(deviation):
        raise InputError(f"{cells.source}: the numbers of column {shown(name)} are too large to be standardised")
    return Column(name, None, mean, deviation)


def statistics(values: Sequence[float]) -> tuple[float, float]:
    """-> the mean and the standard deviation, or 1.0 in place of 0.0; the order of operations is defined above"""
    total = 0.0
    for value in values:
        total += value
    mean = total / len(values)
    total = 0.0
    for value in values:
        total += (value - mean) * (value - mean)
    return mean, sqrt(total / len(values)) or 1.0


def encoded(cells: Cells, columns: Columns, rows: Sequence[int], report: Report) -> tuple[Any, Any]:
    """-> inputs and targets of some rows, as Columns.encode makes them, column by column"""

    def texts(column: Column) -> list[str]:
        k = cells.names.index(column.name)
        return [cells.rows[n][k] for n in rows]

    def filled(some: Sequence[Column], width: int) -> memoryview[Any]:
        values, start = array("d", bytes(8 * len(rows) * width)), 0
        for done, column in enumerate(some):
            report(f"encoding {cells.source}", done, len(some), "columns")
            if column.categories is None:
                values[start::width] = array("d", [(v - column.mean) / column.deviation
                                                   for v in map(float, texts(column))])
            else:
                index = {text: k for k, text in enumerate(column.categories)}
                for n, text in enumerate(texts(column)):
                    values[n * width + start + index[text]] = 1.0
            start += column.width
        return two_dimensional(values, width)

    x = filled(columns.inputs, columns.input_width)
    if columns.classes is None:
        return x, filled(columns.targets, columns.output_width)
    index = {text: k for k, text in enumerate(columns.classes)}
    return x, [index[text] for text in texts(columns.targets[0])]


def decisions(cells: Cells, columns: Columns, chosen: Choices, train: int, test: int) -> Iterable[str]:
    header = "first line is the header" if cells.has_header else "no header: columns are called 1, 2, ..."
    yield f"{cells.source}: {len(cells.rows):,} rows ({train:,} to train, {test:,} to test), {header}"
    yield "inputs: " + listed([described(column, chosen.standardize) for column in columns.inputs])
    for column in columns.inputs:
        if column.categories is None and counts_rows(cells, column.name):
            yield f"{column.name} counts the rows; --ignore {shlex.quote(column.name)} leaves it out"
    kind = "regression" if columns.classes is None else "classification"
    yield f"{kind}: " + listed([described(column, chosen.standardize) for column in columns.targets])


def counts_rows(cells: Cells, name: str) -> bool:
    """Whether a column is the number of the row, as an index or an identifier is."""
    k = cells.names.index(name)
    return len(cells.rows) > FEW and all(float(b[k]) - float(a[k]) == 1.0 for a, b in pairwise(cells.rows))


def described(column: Column, standardize: bool) -> str:
    if column.categories is None:
        return f"{column.name} (number{', standardised' if standardize else ''})"
    return f"{column.name} ({len(column.categories)} categories: {listed(column.categories, 5)})"


def is_number(text: str) -> bool:
    try:
        number = float(text)
    except ValueError:
        return False
    return number == number and "_" not in text


def checked_number(value: Any, place: Callable[[], str]) -> float:
    """A finite number, of a text or a number. Raises InputError."""
    try:
        number = float(value)
        if isinstance(value, str) and not is_number(value):
            raise ValueError
    except (TypeError, ValueError, OverflowError):
        if isinstance(value, str) and value.strip().lower() in MISSING:
            raise InputError(f"{place()}: the value is missing") from None
        raise InputError(f"{place()}: {shown(value)} is not a number") from None
    if not isfinite(number):
        raise InputError(f"{place()}: {shown(value)} is not a finite number")
    return number


def two_dimensional(values: array[float], width: int) -> memoryview[Any]:
    """A flat array as a buffer of rows."""
    if not values:
        return memoryview(values)
    return memoryview(values).cast("B").cast("d", (len(values) // width, width))
