"""Where the samples come from. Each function returns a Data: pairs (x, y) for training and, if there are any, for
validation and test."""

from __future__ import annotations

import os
from array import array
from hashlib import sha256
from http.client import HTTPException
from pathlib import Path
from typing import NamedTuple, Optional
from urllib.error import URLError
from urllib.parse import urlsplit

from .checks import shown
from .download import abandon, claim, fetch, keep, reason
from .errors import InputError, UnavailableError
from .folders import find, find_idx, read_folder, read_idx_folder, visible
from .idx import blocks
from .pictures import Pictures
from .progress import Report, silent
from .reference.elementary import cos, sin
from .reference.prng import DATA, TWO_PI, stream
from .samples import Numbers

Pair = tuple[Numbers, Numbers]


class Data(NamedTuple):
    """Pairs (x, y), as check_samples takes them."""

    train: Pair
    validation: Optional[Pair] = None
    test: Optional[Pair] = None
    pictures: Optional[Pictures] = None  # what the samples of pictures mean


def truth_table() -> Data:
    """x1 xor x2, with a third input that is always 1."""
    return Data(([[0, 0, 1], [0, 1, 1], [1, 0, 1], [1, 1, 1]], [0, 1, 1, 0]))


def alice_bob() -> Data:
    """Weight minus 135 and height minus 66 of four people; 1 for a woman."""
    return Data(([[-2, -1], [25, 6], [17, 4], [-15, -6]], [1, 0, 0, 1]))


def sin_cos(seed: int) -> Data:
    """sin x1 - cos x2 on a grid of 100 x 100 points, from -5 in steps of 0.1; validation: 1,000 points of [-5, 5)^2."""
    axis = [-5.0 + 0.1 * i for i in range(100)]
    random = stream(seed, DATA)
    points = [[-5.0 + 10.0 * random.uniform(), -5.0 + 10.0 * random.uniform()] for _ in range(1000)]
    sines = [sin(v) for v in axis]
    cosines = [cos(v) for v in axis]
    x = array("d", [v for x1 in axis for x2 in axis for v in (x1, x2)])
    y = array("d", [s - c for s in sines for c in cosines])
    return Data((x, y), validation=(points, [sin(x1) - cos(x2) for x1, x2 in points]))


def points(seed: int) -> Data:
    """200 points of a plane, noise 0.1: 100 near the circle of radius 2, class 0, and 100 near the origin, class 1."""
    random = stream(seed, DATA)

    def noise() -> float:
        deviate: float = random.normal()
        return 0.1 * deviate

    x = []
    for _ in range(100):
        angle = TWO_PI * random.uniform()
        x.append([2.0 * cos(angle) + noise(), 2.0 * sin(angle) + noise()])
    for _ in range(100):
        x.append([noise(), noise()])
    return Data((x, [0] * 100 + [1] * 100))


# MNIST

FILES = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
DIGITS = tuple("0123456789")
MIRRORS = ("https://ossci-datasets.s3.amazonaws.com/mnist/", "https://storage.googleapis.com/cvdf-datasets/mnist/")


def mnist(source: str | os.PathLike[str] | None = None, report: Report = silent) -> Data:
    """Handwritten digits, 28 x 28 pixels: 60,000 for training and 10,000 for the test.

    source: a folder with IDX files, raw or .gz, of any size and with any labels, also without a test, or with a folder
    of pictures for each class; "digits" for the small set that comes with refnn; or None: the folder $REFNN_DATA, else
    the user's cache, else downloaded into it.
    """
    named = "--data" if source is not None else "REFNN_DATA"
    source = os.environ.get("REFNN_DATA") if source is None else source
    if source == "digits":
        folder = data_folder() / "digits"
    elif source is not None:
        folder = Path(source)
        if not str(source) or not is_folder(folder):
            raise InputError(f"no folder {shown(source, 100)}; {named} takes a folder with the MNIST files, or digits")
    else:
        folder = cache_folder()
        for name in FILES:
            if not find(folder, name):
                download(name, folder, report)
    has_classes = not find_idx(folder, "train", "images") and any(path.is_dir() for path in visible(folder))
    pictures, train, test = read_folder(folder, report) if has_classes else read_idx_folder(folder, DIGITS, report)
    return Data(train, test=test, pictures=pictures)


def is_folder(path: Path) -> bool:
    """Whether a path is a folder. False also for a path that no system call takes."""
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def download(name: str, folder: Path, report: Report = silent) -> None:
    """Fetches a file of MNIST, checks its SHA-256 and moves it into a folder. Raises UnavailableError."""
    path = folder / f"{name}.gz"
    try:
        part = claim(path)
        try:
            problems = fetch_from_mirrors(name, part, report)
            if not problems:
                keep(part, path)
        finally:
            abandon(part, path)
    except OSError as error:
        raise UnavailableError(f"{folder}: the files of MNIST cannot be kept here: {error.strerror or error}") from None
    if problems:
        raise UnavailableError(f"{name} of MNIST could not be downloaded ({'; '.join(problems)}); name a "
                               "folder that has the files with --data or REFNN_DATA, or try --data digits --lr 0.03")


def fetch_from_mirrors(name: str, part: Path, report: Report) -> list[str]:
    """Fetches a file from the first mirror that has it, and checks it. If none has, returns their problems."""
    problems = []
    for mirror in MIRRORS:
        resumed = part.stat().st_size > 0
        try:
            problem = fetched(f"{mirror}{name}.gz", name, part, report)
            if problem and resumed:  # the old part may be of another file
                problem = fetched(f"{mirror}{name}.gz", name, part, report)
        except (URLError, HTTPException) as error:
            problem = reason(error)
        if not problem:
            return []
        problems.append(f"{urlsplit(mirror).hostname}: {problem}")
    return problems


def fetched(url: str, name: str, part: Path, report: Report) -> str:
    """Completes a partial file, and empties it if it is not the right one. Returns the problem, or ""."""
    fetch(url, part, report)
    try:
        digest = sha256()
        for block in blocks(part, name):
            digest.update(block)
        problem = "" if digest.hexdigest() == FILES[name] else "wrong SHA-256"
    except InputError as error:
        problem = str(error)
    if problem:
        os.truncate(part, 0)
    return problem


def cache_folder() -> Path:
    """The folder of downloaded files, in the user's cache. Raises UnavailableError."""
    base = os.environ.get("LOCALAPPDATA") if os.name == "nt" else os.environ.get("XDG_CACHE_HOME")
    try:
        return Path(base or Path.home() / ".cache") / "refnn" / "mnist"
    except RuntimeError:
        raise UnavailableError("no folder for downloaded files: this user has no home directory; "
                               "name a folder that has the files of MNIST with --data or REFNN_DATA") from None


def data_folder() -> Path:
    """The folder of refnn's data: inside an installed package, beside the package in a checkout."""
    package = Path(__file__).resolve().parent
    return package / "data" if (package / "data").is_dir() else package.parent / "data"
