"""Labelled pictures in a folder: IDX files such as MNIST's, of any size, or a folder of pictures for each class."""

from __future__ import annotations

from math import prod
from pathlib import Path
from typing import NamedTuple, Optional

from .checks import shown
from .errors import InputError
from .idx import blocks, read_idx
from .layers import Shape, times
from .pictures import Picture, Pictures, read_picture
from .progress import Report, silent
from .samples import Pixels

Labelled = tuple[Pixels, bytes]  # pictures, and the index of the class of each
CHANNELS = (1, 3, 4)  # numbers that a dimension of channels has
SUFFIXES = (".png", ".jpg", ".jpeg", ".pgm", ".ppm", ".bmp", ".gif", ".tif", ".tiff", ".webp")
MAX_CLASSES = 256


class Folder(NamedTuple):
    """The pictures of a folder, for training and, if there are any, for the test."""

    pictures: Pictures
    train: Labelled
    test: Optional[Labelled]


def read_folder(folder: Path, report: Report = silent) -> Folder:
    """IDX files, or a folder of pictures for each class; these may be in folders train and test. Raises InputError."""
    if find_idx(folder, "train", "images"):
        return read_idx_folder(folder, (), report)
    parts = {name: folder / name for name in ("train", "test") if (folder / name).is_dir()}
    train = read_classes(parts.get("train", folder), report)
    pictures = Pictures(shape_of(train), tuple(train))
    if len(pictures.classes) > MAX_CLASSES:
        raise InputError(f"{folder}: {len(pictures.classes)} classes; the maximum is {MAX_CLASSES}")
    test = read_classes(parts["test"], report) if "train" in parts and "test" in parts else None
    return Folder(pictures, labelled(train, pictures), labelled(test, pictures) if test else None)


class Part(NamedTuple):
    """The files of the training data, or of the test."""

    images: Path
    labels: Path
    shape: Shape
    pixels: memoryview | bytes
    indices: bytes


def read_idx_folder(folder: Path, classes: tuple[str, ...] = (), report: Report = silent) -> Folder:
    """IDX files; those of the test may be missing. Raises InputError, with the name of the file.

    classes: the names of the classes if the labels are their indices; else the classes are the labels that occur
    """
    train = read_part(folder, "train", report)
    has_test = find_idx(folder, "t10k", "images") or find_idx(folder, "t10k", "labels")
    test = read_part(folder, "t10k", report) if has_test else None
    found = sorted(set(train.indices))
    if len(found) < 2:
        raise InputError(f"{train.labels}: all labels are {found[0]}")
    if not classes or found[-1] >= len(classes):
        classes, known = tuple(map(str, found)), bytes(found)
    else:
        known = bytes(range(len(classes)))
    if test and test.shape != train.shape:
        raise InputError(f"{test.images}: images of {times(test.shape)}, but those of {train.images.name} have "
                         f"{times(train.shape)}")
    if test and (strange := test.indices.translate(None, known)):
        raise InputError(f"{test.labels}: label {test.indices.index(strange[0])} is {strange[0]}, which "
                         f"{train.labels.name} does not have")
    table = bytes(known.index(k) if k in known else 0 for k in range(256))
    pairs = [(Pixels(part.pixels), part.indices.translate(table)) for part in (train, test) if part]
    return Folder(Pictures(train.shape, classes), pairs[0], pairs[1] if test else None)


def read_part(folder: Path, part: str, report: Report) -> Part:
    """The images and labels of a part, train or t10k. Raises InputError."""
    paths = []
    for what, kind in (("images", "idx3"), ("labels", "idx1")):
        paths.append(find_idx(folder, part, what) or existing(folder, f"{part}-{what}-{kind}-ubyte"))
    shape, pixels = read_images(paths[0], report)
    (count,), labels = read_idx(paths[1], 1)
    if count != len(pixels) // prod(shape):
        raise InputError(f"{folder}: {len(pixels) // prod(shape)} {part} images, but {count} labels")
    return Part(paths[0], paths[1], shape, pixels, bytes(labels))


def find_idx(folder: Path, part: str, what: str) -> Path | None:
    """The IDX file of a part, train or t10k, with images or labels: MNIST's name, or one that has these words in it."""
    if path := find(folder, f"{part}-{what}-idx{3 if what == 'images' else 1}-ubyte"):
        return path
    words = ("t10k", "test") if part == "t10k" else (part,)
    near = [path for path in visible(folder)
            if what in path.name and "idx" in path.name and any(word in path.name for word in words)]
    return near[0] if near else None


def find(folder: Path, name: str) -> Path | None:
    """The file of that name in a folder, in either spelling, raw or .gz; None if there is none. Raises InputError."""
    for spelling in (name, name.replace("-idx", ".idx")):
        for path in (folder / spelling, folder / (spelling + ".gz")):
            try:
                if path.is_file():
                    return path
            except OSError as error:
                raise InputError(f"{folder}: {error.strerror or error}") from None
    return None


def existing(folder: Path, name: str) -> Path:
    path = find(folder, name)
    if not path:
        raise InputError(f"{folder}: no file {name} or {name}.gz")
    return path


def read_images(path: Path, report: Report = silent) -> tuple[Shape, memoryview | bytes]:
    """-> (channels, rows, columns) and the pixels in this order, of a file of 3 or 4 dimensions. Raises InputError.

    Of 4 dimensions, the last is that of the channels if it alone has 1, 3 or 4 of them; else the second.
    """
    first = next(iter(blocks(path, path)), b"")
    dimensions = first[3] if len(first) > 3 and first[3] == 4 else 3
    (count, *sizes), pixels = read_idx(path, dimensions, report)
    if not count or not prod(sizes):
        raise InputError(f"{path}: it has no images")
    if dimensions == 3:
        return (1, *sizes), pixels
    if sizes[2] not in CHANNELS or sizes[0] in CHANNELS:
        return tuple(sizes), pixels
    height, width, channels = sizes
    size = prod(sizes)
    ordered = b"".join(bytes(pixels[start + c:start + size:channels]) for start in range(0, len(pixels), size)
                       for c in range(channels))
    return (channels, height, width), ordered


def read_classes(folder: Path, report: Report) -> dict[str, list[tuple[Path, Picture]]]:
    """The pictures of each class, a subfolder, in the order of their names. Raises InputError."""
    paths = [path for subfolder in visible(folder) if subfolder.is_dir() for path in visible(subfolder)
             if path.suffix.lower() in SUFFIXES]
    classes = {path.parent.name for path in paths}
    if len(classes) < 2:
        one = f"; only {shown(min(classes))} has pictures" if classes else ""
        raise InputError(f"{folder}: no IDX files named train-images..., and not a folder of pictures for each "
                         f"class{one}")
    found: dict[str, list[tuple[Path, Picture]]] = {}
    for n, path in enumerate(paths):
        report(f"reading {folder}", n, len(paths), "pictures")
        found.setdefault(path.parent.name, []).append((path, read_picture(path)))
    return found


def visible(folder: Path) -> list[Path]:
    """What is in a folder, by name, without hidden files. Raises InputError."""
    try:
        return sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError as error:
        raise InputError(f"{folder}: {error.strerror or error}") from None


def shape_of(classes: dict[str, list[tuple[Path, Picture]]]) -> Shape:
    """The shape of all pictures; of 3 channels if one has colours. Raises InputError if their sizes differ."""
    together = [entry for pictures in classes.values() for entry in pictures]
    first_path, first = together[0]
    for path, picture in together:
        if (picture.height, picture.width) != (first.height, first.width):
            raise InputError(f"{path}: {picture.height} x {picture.width} pixels, but {first_path} has "
                             f"{first.height} x {first.width}; all must have the same size")
    return (max(picture.channels for _, picture in together), first.height, first.width)


def labelled(classes: dict[str, list[tuple[Path, Picture]]], pictures: Pictures) -> Labelled:
    pixels, labels = bytearray(), bytearray()
    for name, entries in classes.items():
        if name not in pictures.classes:
            raise InputError(f"{entries[0][0].parent}: there is no such class to train with: {shown(name)}")
        for path, picture in entries:
            pixels += pictures.fitted(picture, str(path))
            labels.append(pictures.classes.index(name))
    return Pixels(bytes(pixels)), bytes(labels)

