"""Random misuse of the public interface: python tests/misuse.py [--seed N] [--calls N].

Every call has one argument or more of the wrong type, form or size. The only exceptions that may appear are refnn's
own; both implementations must answer alike: the same exception with the same message, or the same bits.
"""

import argparse
import datetime
import math
import os
import random
import re
import sys
import tempfile
import time
import traceback
from array import array
from decimal import Decimal
from fractions import Fraction

import numpy
import refnn
from refnn import (BatchNorm2d, Conv2d, Flatten, Linear, MaxPool2d, Model, Network, RefnnError, ReLU, Samples,
                   Sigmoid, Softmax, check_samples, gradient_check, mlp)
from refnn.network import load
from refnn.samples import Rows


class Lying:
    """An object whose methods lie or fail."""

    def __len__(self):
        return 10

    def __iter__(self):
        return iter("abc")

    def __index__(self):
        raise RuntimeError("no index")

    def __repr__(self):
        raise RuntimeError("no repr")


class Textual:
    """A custom layer whose methods return texts."""

    parameters = [[1.0]]

    def forward(self, x):
        return ["ab"] * len(x)

    def backward(self, x, a, da):
        return ["ab"] * len(x), [["c"]]


class Forward(Textual):
    parameters = ()

    def __init__(self, result):
        self.result = result

    def forward(self, x):
        return self.result


class Backward(Forward):
    def forward(self, x):
        return x

    def backward(self, x, a, da):
        return self.result


def wrong(choose):
    """A value that is probably not what is asked for. choose: a random.Random"""
    return choose.choice([
        None, True, False, 0, 1, -1, 2, 3, 2**31, 2**63, 2**64, -2**63, 10**400, 10**5000, 0.0, -0.0, 0.5, 1.0, 1e300,
        5e-324, -1.5, math.nan, math.inf, -math.inf, 1j, "", "1", "sigmoid", "mse", "c", "x" * 1000, "\0", "\udcff",
        b"",
        b"ab", bytes(7), bytearray(b"abcd"), memoryview(b"abcdefgh"), [], [[]], [[[]]], [0], [1], [1, 2], [[1, 2]],
        [[1], [2]],
        [[1, 2], [3]], ["a", "b"], [["a", "b"]], [[None, 1]], [[1, [2]]], [[math.nan, 1]], [[1, 2], [3, 4]], [0, 1],
        [[1, 0], [0, 1]], (), (1,), (1, 2), (1, 2, 3), {}, {1: 2}, {1, 2}, frozenset(), range(0), range(4), object(),
        Lying(), int, list, len, lambda *arguments: 1, iter([1, 2]), (v for v in "ab"), Decimal("0.1"), Decimal("NaN"),
        Fraction(1, 3), datetime.date(2000, 1, 1), array("d"), array("d", [1.0, 2.0]), array("i", [1, 2]),
        array("d", [math.nan] * 2),
        memoryview(array("d", range(8))).cast("B").cast("d", (2, 2, 2)), memoryview(array("d", range(8)))[::2],
        memoryview(bytes(20))[3:19].cast("d"), memoryview(array("f", [1, 2])), numpy.zeros(2), numpy.zeros((2, 2)),
        numpy.zeros((2, 2), "f"), numpy.zeros((0, 2)), numpy.zeros((2, 0)), numpy.array(1.0), numpy.array(3),
        numpy.array([1, 2]), numpy.array([[1, 2], [3, 4]])[:, ::-1], numpy.array([[1, 2]], ">f8"),
        numpy.ones((2, 2), "?"),
        numpy.zeros((2, 2), "c16"), numpy.zeros((2, 2), "U3"), numpy.zeros((2, 2), "O"), numpy.zeros((2, 2), "M8[D]"),
        numpy.zeros(2, [("a", "f8")]), numpy.float64(1.5), numpy.int64(3), numpy.bool_(True), numpy.complex64(1j),
        numpy.ma.masked, numpy.ma.masked_array([[1.0, 2.0]], [[True, False]]), numpy.zeros((1, 2, 2)), numpy.str_("a"),
        Linear(2, 2), Linear, Sigmoid(), Model([Linear(2, 2)]), mlp, refnn, InputErrorish(), Textual(), Ellipsis,
        Rows(memoryview(array("d", range(4))), 2),
        Samples(Rows(memoryview(array("d", range(4))), 2), array("i", [0, 1]), 2, True),
    ])


class InputErrorish(Exception):
    pass


GOOD = {
    "x": [[0.5, -1.0], [2.0, 1.0]], "y": [0, 1], "epochs": 2, "lr": 0.1, "batch_size": 1, "lr_decay": 0.5,
    "lr_decay_every": 1, "shuffle": True, "reduction": "mean", "validation": None, "on_epoch": None,
    "gradients": [0.0] * 12, "seed": 1, "threads": None,
}


def arguments(choose, *names):
    """Arguments of a call by name, some of them wrong, some left out."""
    needed = ("x", "y", "epochs", "lr", "gradients")
    chosen = {name: GOOD[name] for name in names if name in needed or choose.random() < 0.5}
    for name in choose.sample(names, min(len(names), choose.choice([1, 1, 1, 2, 3]))):
        chosen[name] = wrong(choose)
    return chosen


def layers(choose):
    """A list of layers, some of them made with wrong arguments."""
    value = lambda: choose.choice([1, 2, 3, (1, 2), wrong(choose)])  # noqa: E731
    makers = [lambda: Linear(value(), value()), lambda: Linear(2, 3), lambda: Linear(2, 2, value()), ReLU,
              lambda: Conv2d(value(), value(), value(), value(), value(), choose.choice([True, value()])),
              lambda: Conv2d(1, 2, choose.choice([1, 2, 3, 2**20, 2**31 - 1]), choose.choice([1, 2, 2**31 - 1]),
                             choose.choice([0, 1, 2, 2**20, 2**30, 2**31 - 1])),
              lambda: MaxPool2d(value(), value()), lambda: BatchNorm2d(value(), value(), value()), Flatten, Softmax,
              lambda: wrong(choose), lambda: Forward(wrong(choose)), lambda: Backward(wrong(choose)),
              lambda: Backward((wrong(choose), wrong(choose)))]
    return [choose.choice(makers)() for _ in range(choose.randint(1, 4))]


def small(model):
    """Whether a model can be computed in plain Python at once."""
    return sum(model.terms) + sum(model.widths) + model.parameter_count < 20_000


def make_model(choose):
    kind = choose.random()
    if kind < 0.4:
        chosen = {"layers": layers(choose), "loss": choose.choice(["mse", "sse", "cross_entropy", wrong(choose)]),
                  "init": choose.choice(["he", "fan_in", wrong(choose)]),
                  "input_shape": choose.choice([None, (2,), (1, 4, 4), (2, 3, 3), wrong(choose), (wrong(choose),)])}
        if choose.random() < 0.7:
            chosen["loss"], chosen["init"] = "mse", "he"
        return Model(**chosen)
    if kind < 0.5:
        return mlp(*[choose.choice([[2, 3, 2], wrong(choose)]), *[wrong(choose) for _ in range(choose.randint(0, 3))]])
    return mlp([2, 2, 2], "tanh", loss=choose.choice(["mse", "cross_entropy", "sse"]))


TEXT = ("forward", "predict")
WITH_Y = ("loss", "gradients", "input_gradients", "batch_loss", "evaluate", "train", "train_epoch", "gradient_check")


def use(choose, network):
    """One call of a network's method -> what it returns, as text."""
    kind = choose.randrange(14)
    if kind < 2:
        return repr(getattr(network, TEXT[kind])(**arguments(choose, "x")))
    if kind < 10:
        name = WITH_Y[kind - 2]
        if name == "gradient_check":
            return repr(gradient_check(network, **arguments(choose, "x", "y", "reduction")))
        names = {"evaluate": ["x", "y"], "train_epoch": ["x", "y", "lr", "batch_size", "shuffle", "reduction"],
                 "train": ["x", "y", "epochs", "lr", "batch_size", "lr_decay", "lr_decay_every", "shuffle", "reduction",
                           "validation", "on_epoch"]}.get(name, ["x", "y", "reduction"])
        chosen = arguments(choose, *names)
        if name == "train" and isinstance(chosen.get("epochs"), int) and chosen["epochs"] > 5:
            chosen["epochs"] = 5  # long, not wrong
        getattr(network, name)(**chosen)
        return repr(network.parameters.tobytes())
    if kind == 10:
        network.update(**arguments(choose, "gradients", "lr"))
        return repr(network.parameters.tobytes())
    if kind == 11:
        setattr(network, choose.choice(["parameters", "buffers"]), wrong(choose))
        return repr(network.parameters.tobytes())
    if kind == 12:
        network.load_state_dict(choose.choice([wrong(choose), {**network.state_dict(), "0.weight": wrong(choose)},
                                               {"0.weight": wrong(choose)}]))
        return repr(network.parameters.tobytes())
    first = check_samples(network.model, GOOD["x"], GOOD["y"]).first(wrong(choose))
    return repr(len(first))


def elsewhere(choose, folder):
    """One call of a constructor or a function."""
    kind = choose.randrange(6)
    if kind == 0:
        Rows(wrong(choose), choose.choice([2, wrong(choose)]))
    elif kind == 1:
        good = [Rows(memoryview(array("d", range(4))), 2), array("i", [0, 1]), 2, True]
        good[choose.randrange(4)] = wrong(choose)
        Samples(*good)
    elif kind == 2:
        check_samples(wrong(choose) if choose.random() < 0.3 else mlp([2, 2]), wrong(choose), wrong(choose))
    elif kind == 3:
        path = os.path.join(folder, f"{choose.random()}")
        with open(path, "wb") as file:
            file.write(choose.randbytes(choose.randint(0, 200)))
        load(choose.choice([path, folder, wrong_path(choose), "/dev/zero"]))
    elif kind == 4:
        Network(mlp([2, 2])).save(choose.choice([wrong_path(choose), folder, os.path.join(folder, "x", "y")]))
    else:
        Network(choose.choice([mlp([2, 2]), wrong(choose)]), choose.choice(["c", "python", None, wrong(choose)]),
                choose.choice([0, wrong(choose)]), choose.choice([None, 1, wrong(choose)]))


def wrong_path(choose):
    """A path to nothing; not a number, which would be a file that is open."""
    return choose.choice(["", "x" * 5000, "\0", "/nowhere/x", b"/nowhere/y", None, 1.5, [], object(),
                          "/nowhere/\udcff"])


def outcome(call):
    """What a call returns or raises, as text. Another exception than refnn's is raised on."""
    try:
        return call()
    except RefnnError as error:
        text = str(error)
        if "\n" in text or len(text) > 2000:
            raise AssertionError(f"a message of {len(text)} characters: {text[:300]}") from error
        return f"{type(error).__name__}: {text}"


def attempt(seed, folder):
    """One call of each implementation with the same random arguments."""
    choose = random.Random(seed)
    if choose.random() < 0.3:
        return outcome(lambda: elsewhere(choose, folder))
    made = []
    text = outcome(lambda: made.append(make_model(choose)))
    if not made:
        return text
    model = made[0]
    state = choose.getstate()
    answers: list[str] = []
    for impl in ("python", "c"):
        choose.setstate(state)

        def call(impl=impl):
            if not small(model):
                return "too large to compute here"
            return use(choose, Network(model, impl))
        answers.append(re.sub("0x[0-9a-f]+", "0x", str(outcome(call))))
    custom = "the C core has no layer of type" in answers[1]
    if answers[0] != answers[1] and not custom:
        raise AssertionError(f"python: {answers[0][:300]}\nc: {answers[1][:300]}")
    return answers[0]


def run(seed, calls, report=print):
    """Returns the number of calls that were refused, and a list of (seed of the call, traceback) of the faulty ones."""
    faults, refused = [], 0
    with tempfile.TemporaryDirectory() as folder:
        for number in range(seed, seed + calls):
            begin = time.monotonic()
            try:
                refused += "Error: " in (attempt(number, folder) or "")
            except Exception:
                faults.append((number, traceback.format_exc()))
                report(f"--seed {number} --calls 1\n{faults[-1][1]}")
            if time.monotonic() - begin > 10.0:
                faults.append((number, f"{time.monotonic() - begin:.0f} s"))
                report(f"--seed {number} --calls 1: {faults[-1][1]}")
    return refused, faults


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--calls", type=int, default=10_000)
    given = parser.parse_args()
    refused, faults = run(given.seed * 1_000_000 if given.calls > 1 else given.seed, given.calls)
    print(f"{given.calls} calls, {refused} refused, {len(faults)} faulty")
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main())
