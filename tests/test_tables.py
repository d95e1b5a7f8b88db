"""Tables: what is decided about columns, standardisation to the bit, mistakes with line and column, training."""

import json
from fractions import Fraction
from math import sqrt
from pathlib import Path

import pytest
import refnn
from bits import assert_same_bits
from refnn import InputError
from refnn.tables import Choices, Column, Columns, read_cells, read_table, statistics
from refnn.train import main

IRIS = str(Path(__file__).resolve().parent.parent / "data" / "iris.csv")


@pytest.fixture
def table(tmp_path):
    def write(text, **choices):
        path = tmp_path / "t.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_table(path, Choices(**choices))
    return write


def listed(pair):
    x, y = pair
    return x.tolist(), y if isinstance(y, list) else y.tolist()


def test_numbers_and_categories(table):
    made = table("size,colour,kind\n1,red,a\n2.5,blue,b\n-3e1,red,a\n")
    assert [column[:2] for column in made.columns.inputs] == [("size", None), ("colour", ("red", "blue"))]
    assert made.columns.classes == ("a", "b")
    assert listed(made.train) == ([[1.0, 1.0, 0.0], [2.5, 0.0, 1.0], [-30.0, 1.0, 0.0]], [0, 1, 0])
    assert made.decisions[1:] == ["inputs: size (number), colour (2 categories: red, blue)",
                                  "classification: kind (2 categories: a, b)"]


@pytest.mark.parametrize("text, names", [
    ("a,b\n1,2\n3,4\n", ["a", "b"]), ("1,2\n3,4\n", ["1", "2"]), ("a;b\n1;2\n", ["a", "b"]),
    ("a\tb\n1\t2\n", ["a", "b"]),
    ("a|b\n1|2\n", ["a", "b"]), ('"a, b, c";d\n1;2\n', ["a, b, c", "d"]),
    ("\ufeffa,b\r\n1,2\r\n", ["a", "b"]), ('"a, b",c\n1,2\n', ["a, b", "c"]), ("a,b\n\n1,2\n,\n", ["a", "b"]),
    ("a,1\nx,2\n", ["1", "2"])])
def test_header_and_delimiter(tmp_path, text, names):
    (tmp_path / "t").write_text(text, encoding="utf-8")
    assert read_cells(tmp_path / "t").names == names


def test_the_header_can_be_given(tmp_path):
    (tmp_path / "t").write_text("x,y\na,b\n")
    assert read_cells(tmp_path / "t", header=False).names == ["1", "2"]
    (tmp_path / "t").write_text("2020,2021\n1,2\n")
    assert read_cells(tmp_path / "t", wanted=["2021"]).names == ["2020", "2021"]
    assert read_cells(tmp_path / "t", header=True).names == ["2020", "2021"]


@pytest.mark.parametrize("values, choices, classes", [
    ("0 1 1 0", {}, ("0", "1")), ("3 1 1 3", {}, ("3", "1")), ("0.5 1 1 0", {}, None), ("1 2 3 4", {}, None),
    ("a b a b", {}, ("a", "b")), ("0 1 1 0", {"classes": False}, None),
    ("0.5 1 1 0.5", {"classes": True}, ("0.5", "1")),
    ("1 2 3 4", {"category": ("y",)}, ("1", "2", "3", "4"))])
def test_the_target_decides_the_kind(table, values, choices, classes):
    made = table("x,y\n" + "".join(f"{n},{value}\n" for n, value in enumerate(values.split())), **choices)
    assert made.columns.classes == classes


def test_several_targets(table):
    made = table("a,b,c\n1,2,3\n4,5,6\n7,8,10\n", targets=("c", "a"))
    assert listed(made.train) == ([[2.0], [5.0], [8.0]], [[3.0, 1.0], [6.0, 4.0], [10.0, 7.0]])
    assert made.columns.answer([0.25, 0.5]) == {"c": 0.25, "a": 0.5}


def test_ignored_columns_and_categories_of_numbers(table):
    made = table("id,zip,y\nx1,10,1.5\nx2,20,2.5\nx3,10,3.5\n", ignore=("id",), category=("zip",))
    assert made.columns.inputs == (Column("zip", ("10", "20")),)
    assert listed(made.train)[0] == [[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]]


def test_standardisation_is_defined_to_the_bit(table):
    values = [0.1, 0.7, -2.3, 5.9, 1e-3]
    total = 0.0
    for v in values:
        total += v
    mean = total / 5
    squares = 0.0
    for v in values:
        squares += (v - mean) * (v - mean)
    deviation = sqrt(squares / 5)
    made = table("x,k,y\n" + "".join(f"{v},7,{3 * v}\n" for v in values), standardize=True)
    assert made.columns.inputs == (Column("x", None, mean, deviation), Column("k", None, 7.0, 1.0))
    x, y = listed(made.train)
    assert_same_bits([row[0] for row in x], [(v - mean) / deviation for v in values])
    assert [row[1] for row in x] == [0.0] * 5
    back = [made.columns.answer(row)["y"] for row in y]
    assert max(abs(a - 3 * b) for a, b in zip(back, values)) < 1e-14
    exact = sum(map(Fraction, values)) / 5
    assert abs(Fraction(mean) - exact) < 1e-15
    assert statistics([3.0]) == (3.0, 1.0)


def test_statistics_are_those_of_the_training_rows(tmp_path):
    (tmp_path / "t").write_text("x,y\n" + "".join(f"{n},{n * n}\n" for n in range(10)))
    made = read_table(tmp_path / "t", Choices(standardize=True, test_split=0.3), seed=4)
    train, test = (read_table(tmp_path / "t", Choices(test_split=0.3), seed=4)[part] for part in (1, 2))
    xs = [row[0] for row in listed(train)[0]]
    assert len(xs) == 7 and len(listed(test)[0]) == 3
    assert sorted(xs + [row[0] for row in listed(test)[0]]) == list(range(10))
    assert made.columns.inputs[0][2:] == statistics(xs)
    other = read_table(tmp_path / "t", Choices(test_split=0.3), seed=5)
    assert listed(other.train) != listed(train)


@pytest.mark.parametrize("text, choices, message", [
    ("", {}, "t.csv: it is empty"),
    ("a,b\n", {}, "t.csv: there are no rows below its header"),
    ("a,b\n1,2\n3\n", {}, "t.csv, line 3: 1 columns, but the first line has 2"),
    ("a,b\n1,2\n3,4,5\n", {}, "t.csv, line 3: 3 columns, but the first line has 2"),
    ("a,a\n1,2\n", {}, "t.csv: two columns have the name 'a'"),
    ("a\n1\n2\n", {}, "t.csv: it has only one column; a comma, "
     "semicolon, tab or | must separate columns"),
    ("a,b\n1,2\n,3\n", {}, "t.csv, line 3, column 'a': the value is missing"),
    ("a,b\n1,2\nNaN,3\n", {}, "t.csv, line 3, column 'a': the value is missing"),
    ("a,b\n1,2\n?,3\n", {}, "t.csv, line 3, column 'a': the value is missing"),
    ("a,b\n1,NA\n2,3\n", {}, "t.csv, line 2, column 'b': the value is missing"),
    ("a,b\n1,2\n2,3\nx,3\n", {}, "t.csv, line 4, column 'a': 'x' is not a number as refnn reads it, such as "
     "-1234.5; --category a makes each text a category, --ignore a leaves it out"),
    ("a,b\n1,2\n2,3\n1_0,3\n", {}, "t.csv, line 4, column 'a': '1_0' is not a number"),
    ("a,b\n1,2\n2,3\n3,inf\n", {}, "t.csv, line 4, column 'b': 'inf' is not a finite number"),
    ("a,b\n1,2\n2,3\n1e999,3\n", {}, "t.csv, line 4, column 'a': '1e999' is not a finite number"),
    ('a,b\n"x\ny",2\n"x\ny",3\n,3\n', {}, "t.csv, line 6, column 'a': the value is missing"),
    ("a,b\n1,2\n2,3\n3,x\n", {}, "t.csv, line 4, column 'b': 'x' is not a number as refnn reads it, such as "
     "-1234.5; --category b makes each text a category"),
    ("a,b,c\n1,2,x\n2,3,y\n", {"targets": ("b", "c")},
     "t.csv, line 2, column 'c': 'x' is not a number; several targets must be numbers"),
    ("a,b\n1,x\n2,x\n", {}, "t.csv: all rows have the same 'b'"),
    ("a,b\n1,2\n2,3\n", {"targets": ("c",)}, "unknown column of"),
    ("a,colour\n1,2\n2,3\n", {"targets": ("color",)}, "did you mean 'colour'?"),
    ("a,b\n1,2\n2,3\n", {"ignore": ("a",)}, "t.csv: no column is left for the inputs"),
    ("a,b\n1,2\n2,3\n", {"ignore": ("a",), "targets": ("a",)}, "column 'a' cannot be the target and be left out"),
    ("a,b\n1,2\n2,3\n", {"test_split": 0.1}, "--test-split 0.1 of 2 rows leaves none for the test"),
    ("name,y\n" + "".join(f"p{n},{n % 2}\n" for n in range(150)), {},
     "column 'name' has 150 different texts in 150 rows, such as 'p0'; --category name makes each text a category, "
     "--ignore name leaves it out"),
    ("a;b\n0,5;1\n0,7;2\n", {}, "t.csv, line 2, column 'a': '0,5' is not a number as refnn reads it"),
    ("a;b\n1;0,5\n2;0,7\n", {}, "t.csv, line 2, column 'b': '0,5' is not a number as refnn reads it"),
    ("a,b\n" + "".join(f"{n},u{n}\n" for n in range(30)), {}, "column 'b' has 30 different texts in 30 rows, such as"),
    ("a,b\n1,2.5\n2,2.5\n", {}, "t.csv: all rows have the same 'b'"),
    ("my col,b\n1,2\n,3\n", {}, "column 'my col': the value is missing; leave out the line, or the column: --ignore "
     "'my col'"),
    ("a,b\n1e308,1\n1e308,1.5\n", {"standardize": True}, "the numbers of column 'a' are too large to be standardised"),
    (b"a,b\n\xff,2\n", {}, "t.csv: byte 4 is not UTF-8 text"),
    ('a,b\n"1,2\n', {}, "t.csv, line 2: unexpected end of data"),
])
def test_mistakes(table, text, choices, message):
    with pytest.raises(InputError) as caught:
        table(text, **choices)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["1,234.5", "1'234", "0,5", "5%", "5 %", "$3", "€ 3.5", "2024-01-31", "31.12.2024",
                                  "1/2/24 9:30"])
def test_numbers_in_other_notations(table, text):
    """They are refused, unless they are said to be categories. Texts with numbers in them are categories."""
    rows = f'a,b\n"{text}",0.5\n"{text}",1.5\n'
    with pytest.raises(InputError, match="line 2, column 'a': .* is not a number as refnn reads it, such as -1234.5; "):
        table(rows)
    assert table(rows, category=("a",)).columns.inputs == (Column("a", (text,)),)
    assert table(rows.replace(text, "r5 x")).columns.inputs == (Column("a", ("r5 x",)),)


def test_columns_without_names(table):
    """They are called by their numbers. A table of pandas has one: its index."""
    made = table(",size,,kind\n0,1,2,a\n1,2,5,b\n", ignore=("1",))
    assert [column.name for column in made.columns.inputs] == ["size", "3"]


def test_a_column_that_counts_the_rows_is_told(table):
    rows = "".join(f"{n + 100},{n},{n * n % 7}.5\n" for n in range(11))
    hint = "id counts the rows; --ignore id leaves it out"
    assert hint in table("id,size,y\n" + rows).decisions
    assert hint not in table("id,size,y\n" + rows, ignore=("id",)).decisions
    assert hint not in table("id,size,y\n" + rows.replace("105,", "106,")).decisions


def test_a_target_counts_once(table):
    assert table("a,b\n1,2\n2,3\n", targets=("b", "b")).columns.targets == (Column("b"),)


def test_wide_tables_are_told_in_short_lines(table):
    names = [f"pixel{k}" for k in range(3000)]
    text = ",".join([*names, "kind"]) + "\n" + ("1," * 3000 + "a\n") + ("2," * 3000 + "b\n")
    made = table(text)
    assert made.columns.input_width == 3000
    assert made.decisions[1].endswith("pixel19 (number), ... (3,000 in all)")
    for call in (lambda: made.columns.encode([[1]]), lambda: table(text, targets=("?",))):
        with pytest.raises(InputError) as caught:
            call()
        assert len(str(caught.value)) < 400


def test_reading_is_reported(tmp_path):
    (tmp_path / "t.csv").write_text("a,b,c\n" + "1,2,x\n3,4,y\n" * 1500)
    reports = []
    read_table(tmp_path / "t.csv", report=lambda *report: reports.append(report))
    path = tmp_path / "t.csv"
    assert reports[:3] == [(f"reading {path}", lines, 3001, "lines") for lines in (1000, 2000, 3000)]
    assert reports[3:] == [(f"{what} {path}", k, 2, "columns") for what in ("checking", "encoding") for k in (0, 1)]


def test_columns_in_json():
    columns = Columns([Column("a", None, 0.1, 2.0), Column("b", ("x", "y"))], [Column("c", ("n", "m"))])
    assert Columns.from_json(json.loads(json.dumps(columns.to_json()))) == columns
    good = columns.to_json()
    column = good["inputs"][0]
    for bad in ({}, {**good, "inputs": []}, {**good, "targets": []}, {**good, "inputs": 1}, {**good, "inputs": [1]},
                {**good, "inputs": [{**column, "more": 1}]}, {**good, "inputs": [{**column, "name": 1}]},
                {**good, "inputs": [{**column, "mean": "1"}]}, {**good, "inputs": [{**column, "deviation": 0}]},
                {**good, "inputs": [{**column, "categories": []}]}, {**good, "inputs": [{**column, "categories": [1]}]},
                {**good, "targets": good["targets"] * 2}):
        with pytest.raises(InputError, match="the columns in the metadata are invalid"):
            Columns.from_json(bad)


def record(capsys, *arguments):
    assert main([*arguments, "--json", "-", "--quiet"]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("options", ["--standardize --test-split 0.2", "", "--target petal+width --ignore species",
                                     "--loss mse --seed 3", "--target petal+width --target sepal+width --standardize"])
def test_iris_to_the_same_bits(capsys, tmp_path, options):
    """Both implementations, resumed in the other one, and repeated from the record."""
    options = [word.replace("+", " ") for word in options.split()]
    path = str(tmp_path / "f")
    whole = record(capsys, IRIS, *options, "--epochs", "6", "--impl", "c")
    record(capsys, IRIS, *options, "--epochs", "2", "--impl", "python", "--save", path)
    end = record(capsys, "--resume", path, "--epochs", "6", "--impl", "c")
    assert end["final_sha256"] == whole["final_sha256"]
    assert record(capsys, *whole["arguments"])["final_sha256"] == whole["final_sha256"]
    network = refnn.load(path)
    assert network.columns is not None and network.columns.input_width == network.model.inputs
    assert end["test"] == whole["test"]


def test_iris_learns(capsys):
    words = [IRIS, "--target", "species", "--standardize", "--test-split", "0.2", "--seed"]
    accuracies = [record(capsys, *words, str(seed))["test"]["accuracy"] for seed in range(5)]
    assert sorted(accuracies)[2] >= 0.95, accuracies


def test_the_decisions_are_printed(capsys):
    assert main([IRIS, "--target", "species", "--standardize", "--test-split", "0.2", "--epochs", "1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].endswith("150 rows (120 to train, 30 to test), first line is the header")
    assert lines[2].startswith("inputs: sepal length (number, standardised), ")
    assert lines[3] == "classification: species (3 categories: setosa, versicolor, virginica)"
    assert lines[4] == "4-16-3 network, 131 parameters, 120 samples, batches of 10"


def test_pixels_in_a_table_cause_a_warning_in_one_line(capsys, tmp_path):
    data = tmp_path / "d.csv"
    data.write_text(",".join(f"p{k}" for k in range(64)) + ",kind\n" + ("255," * 64 + "a\n") + ("9," * 64 + "b\n"))
    assert main([str(data), "--epochs", "1", "--quiet"]) == 0
    error = capsys.readouterr().err
    assert error.startswith("refnn.train: warning: x looks like pixels from 0 to 255, which train badly; ")
    assert error.count("\n") == 1


def test_a_table_that_has_changed_is_noticed(capsys, tmp_path):
    path, data = tmp_path / "f", tmp_path / "d.csv"
    data.write_text("x,y\n1,a\n2,b\n3,a\n")
    record(capsys, str(data), "--epochs", "2", "--save", str(path))
    for text, what in (("x,y\n1,b\n2,a\n3,a\n", "columns"), ("x,y\n1,a\n2,b\n3,c\n", "columns"),
                       ("x,y\n1,a\n2,b\n4,a\n", "samples"),
                       ("x,y\n1,a\n2,b\n3,b\n", "samples"), ("x,y\n1,a\n2,b\n3,a\n1,a\n", "samples"),
                       ("x,y\n1,a\n3,a\n2,b\n", "samples")):
        data.write_text(text)
        assert main(["--resume", str(path), "--epochs", "3"]) == 2
        assert f"{data}: its {what} are not those that {path} was trained with" in capsys.readouterr().err
    data.unlink()
    moved = tmp_path / "moved.csv"
    moved.write_text("x;y\n1.0;a\n2;b\n3;a\n")  # the same numbers
    assert record(capsys, str(moved), "--resume", str(path), "--epochs", "3")["run"]["task"] == str(moved)
    assert main(["mnist", "--resume", str(path)]) == 2
    assert "the task cannot change when a training continues" in capsys.readouterr().err


@pytest.mark.parametrize("arguments, message", [
    (["nothing.csv"], "nothing.csv: No such file or directory"),
    (["mnist", "--target", "x"], "--target is for tables: refnn train FILE.csv"),
    ([IRIS, "--test-split", "1.5"], "--test-split must be a number between 0 and 1, not 1.5"),
    ([IRIS, "--data", "digits"], "--data is for tasks that read folders"),
    ([IRIS, "--target", "sepal length", "--target", "species"], "several targets must be numbers"),
    ([IRIS, "--target", "petal width", "--loss", "cross_entropy"], None)])
def test_mistakes_on_the_command_line(capsys, arguments, message):
    status = main([*arguments, "--epochs", "1"])
    output = capsys.readouterr()
    if message is None:
        assert status == 0
    else:
        assert (status, output.out) == (2, "")
        assert message in output.err and output.err.count("\n") == 1


def test_raw_rows_from_python(capsys, tmp_path):
    path = str(tmp_path / "f")
    record(capsys, IRIS, "--standardize", "--save", path)
    network = refnn.load(path)
    columns = network.columns
    [probabilities] = network.predict(columns.encode([[5.1, "3.5", 1.4, 0.2]]))
    answer = columns.answer(probabilities)
    assert max(answer, key=answer.get) == "setosa" and answer["setosa"] > 0.95
    with pytest.raises(InputError, match=r"row 0: 3 values, not 4: sepal length, "):
        columns.encode([[1, 2, 3]])
    with pytest.raises(InputError, match="row 1, column 'petal width': 'x' is not a number"):
        columns.encode([[1, 2, 3, 4], [1, 2, 3, "x"]])
