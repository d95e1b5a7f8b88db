"""Pictures from files, and digits as MNIST has them. PNG and JPEG need Pillow; PGM and PPM do not."""

from __future__ import annotations

import importlib
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from .errors import InputError, UnavailableError
from .files import PathLike, read_bytes

SIDE = 28  # pixels of an image of MNIST
BOX = 20  # pixels of the longer side of its digit
FAINT = 0.1  # of the strongest ink: what is fainter is paper
INK = " .:-=+*#%@"
SIGNATURES = (b"\x89PNG", b"\xff\xd8\xff", b"P2", b"P3", b"P5", b"P6", b"GIF8", b"BM", b"RIFF", b"II*\0", b"MM\0*")

Grey = list[list[float]]


class Picture(NamedTuple):
    """Bytes from 0 to 255, channel by channel, each row by row. One channel is grey, three are red, green and blue."""

    channels: int
    height: int
    width: int
    pixels: bytes

    def grey(self) -> Grey:
        """Rows of brightness."""
        size = self.height * self.width
        parts = [self.pixels[c * size:(c + 1) * size] for c in range(self.channels)]
        flat = [0.299 * r + 0.587 * g + 0.114 * b for r, g, b in zip(*parts)] if self.channels == 3 else list(parts[0])
        return [[float(v) for v in flat[start:start + self.width]] for start in range(0, size, self.width)]


class Pictures(NamedTuple):
    """What the inputs and outputs of a network for pictures mean.

    shape: (channels, rows, columns); classes: the names of the classes
    """

    shape: tuple[int, ...]
    classes: tuple[str, ...]

    def fitted(self, picture: Picture, name: str) -> bytes:
        """The pixels of a picture in this shape: grey in every channel, or colours as grey. Raises InputError."""
        if (picture.height, picture.width) != self.shape[1:]:
            raise InputError(f"{name}: {picture.height} x {picture.width} pixels, "
                             f"not {self.shape[1]} x {self.shape[2]}")
        if picture.channels == self.shape[0]:
            return picture.pixels
        if picture.channels == 1:
            return picture.pixels * self.shape[0]
        if self.shape[0] == 1:
            return bytes(int(v + 0.5) for row in picture.grey() for v in row)
        raise InputError(f"{name}: {picture.channels} channels, not {self.shape[0]}")

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Pictures:
        """Raises InputError."""
        shape, classes = fields.get("shape"), fields.get("classes")
        if (isinstance(shape, list) and len(shape) == 3 and all(type(n) is int and 0 < n < 2**20 for n in shape)
                and isinstance(classes, list) and classes and all(isinstance(name, str) for name in classes)):
            return cls(tuple(shape), tuple(classes))
        raise InputError("the pictures in the metadata are invalid")


def is_picture(content: bytes) -> bool:
    return content.startswith(SIGNATURES)


def read_picture(path: PathLike) -> Picture:
    """Reads a picture. Raises InputError; UnavailableError if it needs Pillow, which is not installed."""
    content = read_bytes(path)
    if content[:2] in (b"P2", b"P3", b"P5", b"P6"):
        return read_netpbm(content, str(path))
    try:
        image_module = importlib.import_module("PIL.Image")
    except ImportError:
        raise UnavailableError(f"{path}: pictures other than PGM and PPM need Pillow: "
                               "pip install 'refnn[images]'") from None
    try:
        with image_module.open(path) as image:
            image.load()
            return from_pillow(importlib.import_module("PIL.ImageOps").exif_transpose(image))
    except Exception as error:  # Pillow raises many kinds
        raise InputError(f"{path}: this picture cannot be read: {' '.join(str(error).split())[:200]}") from None


def from_pillow(image: Any) -> Picture:
    """A picture of Pillow; what is transparent becomes white."""
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        image = image.convert("RGBA")
        module = importlib.import_module("PIL.Image")
        paper = module.new("RGBA", image.size, "white")
        paper.alpha_composite(image)
        image = paper.convert("RGB")
    if image.mode.startswith("I;16") or image.mode == "I":
        image = image.point(lambda v: v / 257).convert("L")
    if image.mode in ("1", "L"):
        return Picture(1, image.height, image.width, image.convert("L").tobytes())
    bands = image.convert("RGB").split()
    if bands[0].tobytes() == bands[1].tobytes() == bands[2].tobytes():
        bands = bands[:1]
    return Picture(len(bands), image.height, image.width, b"".join(band.tobytes() for band in bands))


def read_netpbm(content: bytes, name: str) -> Picture:
    """PGM and PPM, as text or bytes, of up to 8 bits. Source: the format's pages at netpbm.sourceforge.net"""
    space = rb"(?:\s|#[^\n]*\n)+"
    header = re.match(rb"P([2356])" + (space + rb"(\d{1,5})") * 3 + rb"\s", content)
    if not header:
        raise InputError(f"{name}: not a PGM or PPM file")
    kind, width, height, largest = map(int, header.groups())
    channels = 3 if kind in (3, 6) else 1
    count = width * height * channels
    if not count or not 0 < largest < 256:
        raise InputError(f"{name}: {width} x {height} pixels with values from 0 to {largest} are not read")
    rest = content[header.end():]
    try:
        values = list(rest[:count] if kind > 3 else map(int, rest.split()[:count]))
        scaled = bytes(values) if largest == 255 else bytes(255 * v // largest for v in values)
    except ValueError:
        raise InputError(f"{name}: a pixel is not a number from 0 to {largest}") from None
    if len(scaled) != count:
        raise InputError(f"{name}: truncated: {len(scaled)} of {count} values")
    return Picture(channels, height, width, b"".join(scaled[c::channels] for c in range(channels)))


def digit(picture: Picture) -> bytes:
    """A picture of one digit -> 28 x 28 bytes as in MNIST: white on black, 20 pixels high or wide, centred by its mass.

    A picture of 28 x 28 pixels on black is taken as it is. Raises InputError if there is nothing on the paper.
    """
    grey = picture.grey()
    height, width = picture.height, picture.width
    border = sorted(grey[0] + grey[-1] + [row[0] for row in grey] + [row[-1] for row in grey])
    paper = border[len(border) // 2]
    if (height, width) == (SIDE, SIDE) and paper == 0.0:
        return bytes(int(v + 0.5) for row in grey for v in row)
    sign = -1.0 if paper > 127.5 else 1.0
    ink = [[max(0.0, sign * (v - paper)) for v in row] for row in grey]
    strongest = max(map(max, ink))
    if strongest < 16.0:
        raise InputError("there is nothing on the paper")
    ink = [[v / strongest if v > FAINT * strongest else 0.0 for v in row] for row in ink]
    rows = [n for n, row in enumerate(ink) if max(row) > 0.25]
    columns = [n for n in range(width) if max(row[n] for row in ink) > 0.25]
    cut = [row[columns[0]:columns[-1] + 1] for row in ink[rows[0]:rows[-1] + 1]]
    scale = BOX / max(len(cut), len(cut[0]))
    small = resized(cut, max(1, int(len(cut) * scale + 0.5)), max(1, int(len(cut[0]) * scale + 0.5)))
    return centred(small)


def resized(rows: Grey, height: int, width: int) -> Grey:
    """Each new pixel is the mean of the part of the old picture that it covers."""
    def along(values: list[list[float]], count: int) -> list[list[float]]:
        """Shrinks or stretches a list of rows to `count` rows."""
        ratio = len(values) / count
        made = []
        for n in range(count):
            total, weight = [0.0] * len(values[0]), 0.0
            for k in range(int(n * ratio), min(len(values), int((n + 1) * ratio) + 1)):
                part = min(k + 1.0, (n + 1) * ratio) - max(float(k), n * ratio)
                if part > 1e-9:
                    total = [t + part * v for t, v in zip(total, values[k])]
                    weight += part
            made.append([t / weight for t in total])
        return made

    narrow = along([list(column) for column in zip(*along(rows, height))], width)
    return [list(row) for row in zip(*narrow)]


def centred(small: Grey) -> bytes:
    """The digit in a black square, its centre of mass in the middle, or as near as it fits."""
    mass = down = right = 0.0
    for y, row in enumerate(small):
        for x, v in enumerate(row):
            mass += v
            down += v * (y + 0.5)
            right += v * (x + 0.5)
    top = min(max(0, int(SIDE / 2 - down / mass + 0.5)), SIDE - len(small))
    left = min(max(0, int(SIDE / 2 - right / mass + 0.5)), SIDE - len(small[0]))
    pixels = bytearray(SIDE * SIDE)
    strongest = max(map(max, small))
    for y, row in enumerate(small):
        for x, v in enumerate(row):
            pixels[(top + y) * SIDE + left + x] = int(255.0 * v / strongest + 0.5)
    return bytes(pixels)


def drawn(pixels: bytes, height: int, width: int) -> list[str]:
    """A grey picture in characters, two rows of pixels to a line."""
    lines = []
    for y in range(0, height, 2):
        upper = pixels[y * width:(y + 1) * width]
        lower = pixels[(y + 1) * width:(y + 2) * width] or upper
        lines.append("".join(INK[(a + b) * len(INK) // 511] for a, b in zip(upper, lower)).rstrip())
    return lines
