"""Prints the changes of the book that no case of the vectors notices: what a new case should be made for.

    python tests/corpus/unseen.py [--common] [FUNCTION ...]          FUNCTION: a part of its name, as in conv2d_

Each function is changed in one place at a time, as `refnn check` changes it to explain a mistake, and computes the
short cases that call it, trainings with two epochs. --common: the second rank of changes instead of the first. Many of
those that are left are equal to the function, as with a row's length taken from another row: they are to be read.
"""

import argparse
import struct
import time
from copy import deepcopy
from itertools import takewhile
from types import FunctionType

from refnn.conformance import vectors
from refnn.conformance.changes import COMMON, PLAIN
from refnn.conformance.operations import OPERATIONS
from refnn.conformance.spoil import PLACES
from refnn.conformance.variants import calls, helped, is_told, variants

RUNGS = [rung for rung in vectors.RUNGS if rung not in ("digits", "mnist", "mnist-cnn")]
SECONDS = 0.5  # for the cases of one change


def same(a, b):
    """Whether two answers have the same bits; all NaNs are one number."""
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, (list, tuple)):
        return isinstance(b, (list, tuple)) and len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, float) and isinstance(b, float):
        return a != a and b != b or struct.pack("d", a) == struct.pack("d", b)
    return a == b


class Asked:
    """A case, what it calls, and the seconds that it takes."""

    def __init__(self, case):
        self.function, self.inputs = OPERATIONS[case.op].answer, case.inputs
        if case.op == "train":
            self.inputs = dict(case.inputs, epochs=min(2, case.inputs["epochs"]))
        self.code = set(calls(self.answer))
        begin = time.perf_counter()
        self.right = self.answer()
        self.seconds = time.perf_counter() - begin

    def answer(self):
        return self.function(**deepcopy(self.inputs))

    def notices(self):
        try:
            return not same(self.answer(), self.right)
        except Exception:
            return True


def in_time(asked):
    end = time.perf_counter() + SECONDS
    return takewhile(lambda _: time.perf_counter() < end, asked)


def unseen(function, asked, rank):
    """The changes of a function that no case notices. The case that noticed the last one is asked first."""
    asked = [one for one in asked if function.__code__ in one.code]
    for variant in variants([function]):
        if variant.change.rank != rank:
            continue
        try:
            with variant.applied():
                found = next((one for one in in_time(asked) if one.notices()), None)
        except SyntaxError:
            continue
        if found is None:
            yield variant
        else:
            asked.insert(0, asked.pop(asked.index(found)))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("functions", nargs="*", default=[""])
    parser.add_argument("--common", action="store_true")
    given = parser.parse_args()
    cases = [case for rung in RUNGS for case in vectors.load(rung) if "long" not in case.flags]
    asked = sorted(map(Asked, cases), key=lambda one: one.seconds)
    with helped():
        for function in (item for item in PLACES if isinstance(item, FunctionType)):
            name = f"{function.__module__}.{function.__qualname__}"
            if is_told(function) and any(part in name for part in given.functions):
                for variant in unseen(function, asked, COMMON if given.common else PLAIN):
                    print(variant.place, *variant.lines, sep="\n  ", flush=True)


if __name__ == "__main__":
    main()
