"""refnn predict: rows, tables, IDX entries and pictures; what is printed, and the record."""

import json
import math
from pathlib import Path

import pytest
import refnn
from refnn import datasets
from refnn.predict import main as predict
from refnn.train import main as train

pytestmark = pytest.mark.slow

IRIS = str(datasets.data_folder() / "iris.csv")
DIGITS = str(datasets.data_folder() / "digits" / "t10k-images-idx3-ubyte.gz")


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Saved networks by name: iris, regression, digits, alice."""
    folder = tmp_path_factory.mktemp("saved")
    for name, words in (("iris", f"{IRIS} --standardize"), ("regression", f"{IRIS} --ignore species --standardize"),
                        ("digits", "mnist --data digits --lr 0.03"), ("alice", "")):
        assert train([*words.split(), "--quiet", "--save", str(folder / name)]) == 0
    return lambda name: str(folder / name)


def record(capsys, *words):
    assert predict([*words, "--json", "-", "--quiet"]) == 0
    return json.loads(capsys.readouterr().out)["answers"]


def test_a_row_of_raw_numbers(capsys, saved):
    assert predict([saved("iris"), "5.1,3.5,1.4,0.2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("5.1,3.5,1.4,0.2: setosa (9")
    assert lines[1] == "one-hot: [1, 0, 0]"
    assert lines[2].startswith("    setosa  #####")
    [answer] = record(capsys, saved("iris"), "5.1,3.5,1.4,0.2")
    assert list(answer) == ["input", "class", "one_hot", "probabilities"]
    network = refnn.load(saved("iris"))
    assert [list(answer["probabilities"].values())] == network.predict(network.columns.encode([[5.1, 3.5, 1.4, 0.2]]))


def test_regression_answers_in_the_units_of_the_file(capsys, saved):
    [answer] = record(capsys, saved("regression"), "6.7,3.0,5.2")
    assert abs(answer["numbers"]["petal width"] - 2.3) < 0.5
    assert predict([saved("regression"), "6.7,3.0,5.2"]) == 0
    assert capsys.readouterr().out.startswith("6.7,3.0,5.2: petal width 1.8")


def test_negative_numbers_and_a_network_without_columns(capsys, saved):
    assert predict([saved("alice"), "-7,-3", "20,2"]) == 0
    assert capsys.readouterr().out == "-7,-3: 0.965868\n20,2: 0.0389218\n"


def test_a_table_with_its_answers(capsys, saved, tmp_path):
    assert predict([saved("iris"), IRIS]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith("iris.csv, line 2: setosa (99.87 %), right")
    right = int(lines[-1].split(" of 150 are right")[0])
    assert right >= 144
    names = "petal width,note,sepal width,petal length,sepal length"
    (tmp_path / "other.csv").write_text(f"{names}\n0.2,hello,3.5,1.4,5.1\n")
    [moved] = record(capsys, saved("iris"), str(tmp_path / "other.csv"))
    (tmp_path / "bare.csv").write_text("5.1,3.5,1.4,0.2\n")
    [bare] = record(capsys, saved("iris"), str(tmp_path / "bare.csv"))
    [typed] = record(capsys, saved("iris"), "5.1,3.5,1.4,0.2")
    assert moved["probabilities"] == bare["probabilities"] == typed["probabilities"]


def test_entries_of_an_idx_file(capsys, saved):
    answers = record(capsys, saved("digits"), f"{DIGITS}:0-99")
    assert len(answers) == 100
    assert sum(answer["right"] for answer in answers) >= 95
    assert answers[3]["one_hot"] == [1, 0, 0, 0, 0, 0, 0, 0, 0, 0] and answers[3]["expected"] == "0"
    assert record(capsys, saved("digits"), DIGITS, "--limit", "3") == answers[:3]
    assert record(capsys, saved("digits"), f"{DIGITS}:2") == answers[2:3]
    assert predict([saved("digits"), f"{DIGITS}:3"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith(":3: 0 (97.38 %), right")
    assert any("@" in line for line in lines[1:15])
    assert lines[15] == "one-hot: [1, 0, 0, 0, 0, 0, 0, 0, 0, 0]"
    assert lines[-1] == "1 of 1 are right, 100.00 %"


STROKES = {  # the digits of a child's hand, as lines through points of a square of 200
    0: [[(60 + 40 + 40 * math.cos(t / 8), 100 + 70 * math.sin(t / 8)) for t in range(51)]],
    1: [[(75, 55), (105, 30), (105, 170)]],
    2: [[(60, 70), (70, 42), (100, 30), (130, 42), (138, 70), (120, 105), (60, 165), (150, 165)]],
    3: [[(65, 40), (130, 40), (95, 90), (125, 100), (138, 128), (120, 160), (90, 168), (60, 155)]],
    4: [[(75, 30), (60, 105), (145, 105)], [(120, 60), (118, 170)]],
    5: [[(140, 35), (75, 35), (70, 90), (105, 82), (135, 100), (138, 135), (112, 165), (62, 160)]],
    7: [[(60, 35), (145, 35), (90, 170)]]}


def draw(lines, thickness=14):
    """Dark lines on white paper: the grey bytes of 200 x 200 pixels."""
    pixels = bytearray(b"\xff" * 40_000)
    for points in lines:
        for (x1, y1), (x2, y2) in zip(points, points[1:]):
            steps = int(max(abs(x2 - x1), abs(y2 - y1))) + 1
            for k in range(steps + 1):
                x, y = x1 + (x2 - x1) * k / steps, y1 + (y2 - y1) * k / steps
                for row in range(int(y - thickness / 2), int(y + thickness / 2) + 1):
                    for column in range(int(x - thickness / 2), int(x + thickness / 2) + 1):
                        if (row - y) ** 2 + (column - x) ** 2 <= thickness ** 2 / 4:
                            pixels[200 * row + column] = 0
    return bytes(pixels)


def test_a_narrow_terminal(capsys, saved, monkeypatch):
    monkeypatch.setenv("COLUMNS", "30")
    assert predict([saved("iris"), "5.1,3.5,1.4,0.2"]) == 0
    assert max(map(len, capsys.readouterr().out.splitlines()[2:])) <= 30


def test_drawn_digits(capsys, saved, tmp_path):
    """With the small set that comes with refnn; most are right, and PGM and PNG answer alike."""
    paths = []
    for number, lines in STROKES.items():
        paths.append(str(tmp_path / f"{number}.pgm"))
        (tmp_path / f"{number}.pgm").write_bytes(b"P5 200 200 255\n" + draw(lines))
    answers = record(capsys, saved("digits"), *paths)
    assert sum(answer["class"] == str(number) for answer, number in zip(answers, STROKES)) >= 5, answers
    image = pytest.importorskip("PIL.Image")
    image.frombytes("L", (200, 200), draw(STROKES[4])).convert("RGB").save(tmp_path / "4.png")
    [png] = record(capsys, saved("digits"), str(tmp_path / "4.png"))
    assert png["probabilities"] == answers[list(STROKES).index(4)]["probabilities"]


def test_mnist_from_training_to_answers(capsys, mnist_folder, tmp_path):
    """At least 95 of the first 100 test images, and five drawn digits as PNG."""
    image = pytest.importorskip("PIL.Image")
    model = str(tmp_path / "m")
    words = f"mnist --data {mnist_folder} --epochs 3 --lr 0.03 --quiet --save {model}"
    assert train(words.split()) == 0
    [images] = Path(mnist_folder).glob("t10k-images*")
    answers = record(capsys, model, f"{images}:0-99")
    assert sum(answer["right"] for answer in answers) >= 95
    paths = [str(tmp_path / f"{number}.png") for number in (1, 2, 3, 4, 7)]
    for path, number in zip(paths, (1, 2, 3, 4, 7)):
        image.frombytes("L", (200, 200), draw(STROKES[number])).save(path)
    assert [answer["class"] for answer in record(capsys, model, *paths)] == list("12347")


@pytest.mark.parametrize("model, words, message", [
    ("iris", ["1,2,3"], "1,2,3: 3 values, not 4: sepal length, sepal width, petal length, petal width"),
    ("iris", ["1,2,3,x"], "1,2,3,x: petal width: 'x' is not a number"),
    ("iris", ["1,2,,3"], "1,2,,3: petal length: the value is missing"),
    ("alice", ["1,2,3"], "1,2,3: 3 numbers, the network needs 2"),
    ("iris", ["nothing.csv"], "nothing.csv: No such file or directory"),
    ("iris", ["nothing"], "nothing: No such file or directory"),
    ("iris", ["T"], "no column 'sepal length'; the network needs sepal length, sepal width"),
    ("alice", ["T"], "3 columns, the network needs 2"),
    ("iris", [DIGITS], "this network does not take pictures; it has 4 inputs"),
    ("digits", [f"{DIGITS}:500"], "there is no entry 500; it has 500, from 0"),
    ("digits", [f"{DIGITS}:0-{10**17}"], f"there is no entry {10**17}; it has 500, from 0"),
    ("digits", [f"{DIGITS}:5-2"], "no entries from 5 to 2"),
    ("digits", [IRIS], "5 columns, the network needs 784"),
    ("digits", ["E"], "there is nothing on the paper"),
    ("alice", ["1,2", "--limit", "0"], "--limit must be a whole number from 1"),
    ("alice", ["1,2", "--impl", "cc"], "unknown implementation 'cc'; did you mean 'c'?"),
    ("nothing", ["1,2"], "No such file or directory"),
    ("alice", [], "the following arguments are required: INPUT")])
def test_mistakes(capsys, saved, tmp_path, monkeypatch, model, words, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "T").write_text("a,b,c\n1,2,3\n")
    (tmp_path / "E").write_bytes(b"P5 30 30 255\n" + b"\xff" * 900)
    assert predict([saved(model), *words]) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith("refnn.predict: ") and message in output.err and output.err.count("\n") == 1
