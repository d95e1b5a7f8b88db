"""Draws the digits of this folder: python data/digits/draw.py, from a checkout.

There are 2,000 digits for training and 500 for testing, of 28 x 28 pixels, in MNIST's format. A digit consists of a few
strokes, which are bent, sheared, rotated and scaled at random and drawn with a pen of random thickness and some noise.
Every machine draws the same bytes.
"""

import sys
from math import floor, sqrt
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent))

from refnn.idx import write_idx
from refnn.reference.elementary import cos, sin
from refnn.reference.prng import stream

SEED = 28
SIZE = 28
COUNTS = {"train": 2000, "t10k": 500}
DEGREE = 0.017453292519943295


def arc(x, y, rx, ry, start, stop):
    """Returns points on an ellipse, from one angle to another, in degrees. y points down, so angles run clockwise."""
    steps = 12
    angles = [DEGREE * (start + (stop - start) * k / steps) for k in range(steps + 1)]
    return [(x + rx * cos(a), y + ry * sin(a)) for a in angles]


# The strokes of each digit, as points in a unit square: x to the right, y down.
STROKES = {
    0: [arc(0.5, 0.5, 0.27, 0.38, -90, 270)],
    1: [[(0.36, 0.27), (0.54, 0.12), (0.5, 0.88)]],
    2: [arc(0.49, 0.33, 0.24, 0.21, -170, 30) + [(0.27, 0.87), (0.77, 0.85)]],
    3: [arc(0.47, 0.31, 0.23, 0.19, -150, 90) + arc(0.47, 0.68, 0.26, 0.19, -90, 150)],
    4: [[(0.56, 0.12), (0.24, 0.6), (0.8, 0.6)], [(0.64, 0.36), (0.6, 0.89)]],
    5: [[(0.74, 0.13), (0.36, 0.13), (0.31, 0.46)] + arc(0.48, 0.65, 0.25, 0.22, -125, 145)],
    6: [[(0.66, 0.12), (0.42, 0.34)] + arc(0.48, 0.66, 0.22, 0.22, -170, 190)],
    7: [[(0.24, 0.15), (0.75, 0.14), (0.43, 0.89)]],
    8: [arc(0.5, 0.31, 0.19, 0.18, 90, 450), arc(0.5, 0.68, 0.23, 0.2, -90, 270)],
    9: [arc(0.51, 0.35, 0.21, 0.22, 10, 370) + [(0.71, 0.4), (0.62, 0.88)]],
}


def draw(index):
    """Returns the label and the 784 pixels, 0 to 255, of image number `index`."""
    random = stream(SEED, index + 1)

    def between(low, high):
        return low + (high - low) * random.uniform()

    label = random.below(10)
    angle = DEGREE * between(-14.0, 14.0)
    shear, width, height = between(-0.3, 0.2), between(17.0, 24.0), between(20.0, 24.0)
    across, down = 14.0 + between(-1.5, 1.5), 14.0 + between(-1.5, 1.5)
    thickness, ink = between(0.7, 1.7), between(0.8, 1.0)

    distance = [SIZE] * (SIZE * SIZE)  # from each pixel to the nearest stroke
    for stroke in STROKES[label]:
        points = []
        for x, y in stroke:
            x = x - 0.5 + between(-0.025, 0.025)
            y = y - 0.5 + between(-0.025, 0.025)
            x, y = width * (x - shear * y), height * y
            points.append((across + cos(angle) * x - sin(angle) * y, down + sin(angle) * x + cos(angle) * y))
        for start, stop in zip(points[:-1], points[1:]):
            approach(distance, start, stop)
    pixels = bytearray()
    for d in distance:
        value = ink * (thickness + 0.5 - d)
        value = 0.0 if value < 0.0 else 1.0 if value > 1.0 else value
        if value > 0.0:
            value *= between(0.85, 1.0)
        elif random.uniform() < 0.01:
            value = between(0.0, 0.4)
        pixels.append(floor(255.0 * value + 0.5))
    return label, bytes(pixels)


def approach(distance, start, stop):
    """Lowers the distance of the pixels near a segment to their distance from it."""
    (x0, y0), (x1, y1) = start, stop
    dx, dy = x1 - x0, y1 - y0
    length = dx * dx + dy * dy + 1e-9
    left, right = (x0, x1) if x0 < x1 else (x1, x0)
    top, bottom = (y0, y1) if y0 < y1 else (y1, y0)
    for row in range(max(0, floor(top) - 3), min(SIZE, floor(bottom) + 4)):
        for column in range(max(0, floor(left) - 3), min(SIZE, floor(right) + 4)):
            x, y = column + 0.5 - x0, row + 0.5 - y0
            along = (x * dx + y * dy) / length
            along = 0.0 if along < 0.0 else 1.0 if along > 1.0 else along
            x, y = x - along * dx, y - along * dy
            d = sqrt(x * x + y * y)
            if d < distance[row * SIZE + column]:
                distance[row * SIZE + column] = d


def main():
    first = 0
    for part, count in COUNTS.items():
        images = [draw(index) for index in range(first, first + count)]
        write_idx(HERE / f"{part}-images-idx3-ubyte.gz", (count, SIZE, SIZE), b"".join(pixels for _, pixels in images))
        write_idx(HERE / f"{part}-labels-idx1-ubyte.gz", (count,), bytes(label for label, _ in images))
        first += count


if __name__ == "__main__":
    main()
