"""Folders of pictures: IDX files of any size and colour, with any labels, without a test; folders of picture files."""

import json
import random

import pytest
import refnn
from refnn import InputError
from refnn.folders import read_folder, read_idx_folder
from refnn.idx import write_idx
from refnn.pictures import Pictures, digit, drawn, read_picture
from refnn.train import main


def idx(folder, part, sizes, labels, suffix="", data=None):
    count = 1
    for size in sizes:
        count *= size
    data = bytes((7 * k) % 256 for k in range(count)) if data is None else data
    write_idx(folder / f"{part}-images-idx{len(sizes)}-ubyte{suffix}", sizes, data)
    write_idx(folder / f"{part}-labels-idx1-ubyte{suffix}", (len(labels),), bytes(labels))


def test_another_size_and_26_letters_without_a_test(tmp_path):
    labels = [1 + n % 26 for n in range(52)]
    idx(tmp_path, "emnist-letters-train", (52, 14, 15), labels)
    folder = read_folder(tmp_path)
    assert folder.pictures == Pictures((1, 14, 15), tuple(str(k) for k in range(1, 27)))
    assert list(folder.train[1]) == [label - 1 for label in labels]
    assert folder.test is None


def test_colours_in_either_order(tmp_path):
    first = bytes(range(2 * 3 * 6 * 5))
    idx(tmp_path, "train", (2, 3, 6, 5), [0, 1], data=first)
    last = bytes(first[90 * n + 30 * c + 5 * y + x] for n in range(2) for y in range(6) for x in range(5)
                 for c in range(3))
    idx(tmp_path, "t10k", (2, 6, 5, 3), [1, 0], data=last)
    folder = read_folder(tmp_path)
    assert folder.pictures == Pictures((3, 6, 5), ("0", "1"))
    assert bytes(folder.train[0].values) == bytes(folder.test[0].values) == first


@pytest.mark.parametrize("make, message", [
    (lambda f: idx(f, "t10k", (2, 3, 3), [0, 1]), "t10k-images-idx3-ubyte: images of 1 x 3 x 3, but those of "
     "train-images-idx3-ubyte have 1 x 2 x 3"),
    (lambda f: idx(f, "t10k", (2, 2, 3), [0, 9]),
     "t10k-labels-idx1-ubyte: label 1 is 9, which train-labels-idx1-ubyte does not have"),
    (lambda f: idx(f, "train", (2, 2, 3), [0]), "2 train images, but 1 labels"),
    (lambda f: (f / "train-labels-idx1-ubyte").unlink(), "no file train-labels-idx1-ubyte"),
    (lambda f: (f / "t10k-images-idx3-ubyte").unlink(), "no file t10k-images-idx3-ubyte"),
    (lambda f: (f / "train-images-idx3-ubyte").write_bytes(bytes([0, 0, 11, 3]) + bytes(12)),
     "its numbers are 16-bit integers, and only unsigned bytes are read"),
    (lambda f: (f / "train-images-idx3-ubyte").write_bytes(bytes([0, 0, 8, 2]) + bytes(12)), "; it has 2 dimensions"),
    (lambda f: idx(f, "train", (3, 2, 3), [4, 4, 4]), "train-labels-idx1-ubyte: all labels are 4"),
    (lambda f: (f / "train-images-idx3-ubyte").write_bytes(bytes([0, 0, 8, 3]) + bytes(12)), "it has no images")])
def test_invalid_idx_folders(tmp_path, make, message):
    idx(tmp_path, "train", (3, 2, 3), [0, 1, 2])
    idx(tmp_path, "t10k", (2, 2, 3), [0, 1])
    make(tmp_path)
    with pytest.raises(InputError) as caught:
        read_folder(tmp_path)
    assert message in str(caught.value) and str(tmp_path) in str(caught.value)


def test_digits_stay_digits(tmp_path):
    idx(tmp_path, "train", (3, 2, 3), [3, 7, 3])
    assert read_idx_folder(tmp_path, tuple("0123456789")).pictures.classes == tuple("0123456789")
    assert read_folder(tmp_path).pictures.classes == ("3", "7")


def pgm(path, height, width, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = bytes(value(y, x) for y in range(height) for x in range(width))
    path.write_bytes(b"P5 %d %d 255\n" % (width, height) + pixels)


@pytest.fixture
def classes(tmp_path):
    """Bars that lie and bars that stand, in noise."""
    generator = random.Random(3)
    for part, count in (("train", 20), ("test", 5)):
        for n in range(count):
            at = generator.randrange(6)
            for name, axis in (("lying", 0), ("standing", 1)):
                pgm(tmp_path / part / name / f"{n}.pgm", 6, 7,
                    lambda *place, at=at, axis=axis: 255 if place[axis] == at else generator.randrange(60))
    return tmp_path


def test_reading_is_reported(classes, tmp_path):
    reports = []
    read_folder(tmp_path, lambda *report: reports.append(report))
    assert reports == [*((f"reading {tmp_path / 'train'}", n, 40, "pictures") for n in range(40)),
                       *((f"reading {tmp_path / 'test'}", n, 10, "pictures") for n in range(10))]
    idx(tmp_path, "train", (30, 60, 60), [0, 1, 2] * 10)
    reports.clear()
    read_folder(tmp_path, lambda *report: reports.append(report))
    path = tmp_path / "train-images-idx3-ubyte"
    assert reports[0] == (f"reading {path}", 1 << 16, 16 + 30 * 3600, "bytes")
    assert (f"reading {path}", 16 + 30 * 3600, 16 + 30 * 3600, "bytes") in reports


def record(capsys, *arguments):
    assert main([*map(str, arguments), "--json", "-", "--quiet"]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.slow
def test_a_folder_for_each_class_learns(capsys, classes, tmp_path):
    whole = record(capsys, classes, "--epochs", 40, "--save", tmp_path / "f")
    assert whole["test"]["accuracy"] >= 0.9
    assert refnn.load(tmp_path / "f").pictures == Pictures((1, 6, 7), ("lying", "standing"))
    assert record(capsys, *whole["arguments"], "--impl", "python")["final_sha256"] == whole["final_sha256"]
    record(capsys, classes, "--epochs", 15, "--save", tmp_path / "f")
    assert record(capsys, "--resume", tmp_path / "f", "--epochs", 40)["final_sha256"] == whole["final_sha256"]
    assert main([str(classes), "--epochs", "1"]) == 0
    assert ("50 pictures (40 to train, 10 to test), 1 x 6 x 7 (channels, rows, columns), 2 classes: lying, standing"
            in capsys.readouterr().out)


def test_pictures_with_pillow(tmp_path):
    image = pytest.importorskip("PIL.Image")
    for name, mode, colour in (("a/1.png", "RGB", (255, 0, 9)), ("a/2.png", "L", 100), ("b/1.bmp", "RGB", (1, 2, 3)),
                               ("b/2.png", "RGBA", (0, 0, 0, 0)), ("b/3.png", "P", 0), ("b/4.png", "1", 1)):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        image.new(mode, (3, 2), colour).save(tmp_path / name)
    folder = read_folder(tmp_path)
    assert folder.pictures == Pictures((3, 2, 3), ("a", "b"))
    rows = [bytes(folder.train[0].values[18 * n:18 * n + 18]) for n in range(6)]
    assert rows[0] == bytes([255] * 6 + [0] * 6 + [9] * 6)
    assert rows[1] == bytes([100] * 18)
    assert rows[3] == bytes([255] * 18)  # what is transparent is white
    image.new("L", (4, 4)).save(tmp_path / "b" / "5.png")
    with pytest.raises(InputError, match=r"b/5.png: 4 x 4 pixels, but .*a/1.png has 2 x 3; all must have"):
        read_folder(tmp_path)
    (tmp_path / "b" / "5.png").write_bytes(b"\x89PNG\r\n\x1a\n nonsense")
    with pytest.raises(InputError, match=r"b/5.png: this picture cannot be read: "):
        read_folder(tmp_path)


def test_photos_that_lie_on_their_side_are_turned(tmp_path):
    image = pytest.importorskip("PIL.Image")
    photo = image.new("L", (3, 2))
    photo.putpixel((0, 0), 255)
    exif = photo.getexif()
    exif[0x112] = 6  # the camera's right is the top
    photo.save(tmp_path / "x.png", exif=exif)
    assert read_picture(tmp_path / "x.png")[1:] == (3, 2, bytes([0, 255, 0, 0, 0, 0]))


def test_hidden_files_are_no_pictures(classes):
    (classes / "train" / "lying" / "._0.pgm").write_bytes(b"of a Mac")
    assert len(read_folder(classes).train[1]) == 40


def test_one_class_is_named(tmp_path):
    pgm(tmp_path / "cats" / "1.pgm", 2, 2, lambda y, x: 0)
    with pytest.raises(InputError, match=r"not a folder of pictures for each class; only 'cats' has pictures"):
        read_folder(tmp_path)


def test_convolutions_on_a_folder_for_each_class(capsys, classes):
    made = record(capsys, "mnist-cnn", "--data", classes, "--epochs", 1)
    assert (made["samples"], made["test"]["samples"]) == (40, 10)
    idx(classes, "train", (2, 3, 3), [0, 1])
    assert main(["mnist-cnn", "--data", str(classes)]) == 2
    assert "pictures of 3 x 3 pixels are too small for this network; it needs 4 x 4" in capsys.readouterr().err


def test_without_pillow_there_is_one_line(capsys, monkeypatch, tmp_path):
    monkeypatch.setitem(__import__("sys").modules, "PIL.Image", None)
    for name in "ab":
        (tmp_path / name).mkdir()
        (tmp_path / name / "x.png").write_bytes(b"\x89PNG")
    assert main([str(tmp_path)]) == 2
    assert capsys.readouterr().err.endswith("other than PGM and PPM need Pillow: pip install 'refnn[images]'\n")


def test_folders_without_pictures(tmp_path):
    with pytest.raises(InputError, match=r"no IDX files named train-images\.\.\., and not a folder of pictures"):
        read_folder(tmp_path)


@pytest.mark.parametrize("content, pixels", [
    (b"P5 2 1 255\n\x01\xff", [1, 255]), (b"P5\n# a comment\n2 1\n255\n\x01\xff", [1, 255]),
    (b"P2 2 1 15 0 15", [0, 255]),
    (b"P6 1 1 255\n\x01\x02\x03", [1, 2, 3]), (b"P3 2 1 255 1 2 3 4 5 6", [1, 4, 2, 5, 3, 6])])
def test_pgm_and_ppm(tmp_path, content, pixels):
    (tmp_path / "x").write_bytes(content)
    assert list(read_picture(tmp_path / "x").pixels) == pixels


@pytest.mark.parametrize("content", [b"P5 2 1 255\n\x01", b"P5 2 1 65535\n\0\0\0\0", b"P5 0 1 255\n", b"P5 2 1\n",
                                     b"P2 2 1 255 1 x", b"P2 2 1 15 0 99", b"P5 99999999 1 255\n", b"P2 2 1 255 1 -1"])
def test_invalid_pgm(tmp_path, content):
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(InputError, match="x: "):
        read_picture(tmp_path / "x")


# Digits


def stroke(path, height, width, paper, ink, top, left, length, thickness):
    """A vertical stroke on paper."""
    pgm(path, height, width, lambda y, x: ink if top <= y < top + length and left <= x < left + thickness else paper)


@pytest.mark.parametrize("paper, ink", [(255, 0), (0, 255), (230, 40), (20, 200)])
@pytest.mark.parametrize("height, width, top, left, length, thickness", [
    (200, 300, 20, 30, 100, 10), (60, 50, 5, 30, 40, 4)])
def test_a_digit_is_made_as_those_of_mnist(tmp_path, paper, ink, height, width, top, left, length, thickness):
    """White on black, 20 pixels high, its centre of mass in the middle."""
    stroke(tmp_path / "x.pgm", height, width, paper, ink, top, left, length, thickness)
    pixels = digit(read_picture(tmp_path / "x.pgm"))
    rows = [pixels[28 * y:28 * y + 28] for y in range(28)]
    inked = [y for y, row in enumerate(rows) if max(row) > 127]
    assert inked == list(range(4, 24))
    assert [x for x in range(28) if rows[14][x] > 127] == [13, 14]
    assert max(pixels) == 255 and rows[0] == bytes(28)


def test_a_digit_of_mnist_is_taken_as_it_is(tmp_path):
    images = refnn.datasets.mnist("digits").test[0].values
    for n in range(5):
        pixels = bytes(images[784 * n:784 * n + 784])
        (tmp_path / "x").write_bytes(b"P5 28 28 255\n" + pixels)
        assert digit(read_picture(tmp_path / "x")) == pixels


def test_empty_paper(tmp_path):
    pgm(tmp_path / "x", 30, 30, lambda y, x: 250)
    with pytest.raises(InputError, match="there is nothing on the paper"):
        digit(read_picture(tmp_path / "x"))


def test_drawing():
    assert drawn(bytes([0, 255, 0, 255]), 2, 2) == [" @"]
    assert drawn(bytes([255, 0, 0, 0, 0, 128]), 3, 2) == ["=", " +"]
