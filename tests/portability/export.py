"""Writes the cases of driver.c, with the digests of what the Python reference computes for them.

    python tests/portability/export.py FILE

The file consists of 64-bit words, the low byte first: integers, bits of doubles, names of 32 characters. driver.c reads
it and says what a case consists of. The cases: the elementary functions at the points of the vectors and at random
ones; random numbers; the tasks, with few samples; random_cases.py's perceptrons, stacks of layers and shapes.
"""

import struct
import sys
from itertools import chain
from math import nan
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import random_cases
from refnn import check_samples, mlp, tasks
from refnn.conformance import vectors
from refnn.errors import InputError
from refnn.core import constant
from refnn.implementations.c import layer_struct
from refnn.implementations.python import PythonImplementation, flatten
from refnn.model import LOSSES
from refnn.reference import elementary
from refnn.reference.prng import MASK, SplitMix64, epoch_order, stream

END, FUNCTION, PRNG, NETWORK = range(4)
FUNCTIONS = ("exp", "log", "tanh", "sin", "cos", "expm1")
TASKS = {  # task: samples, epochs, batch size, learning rate
    "truth-table": (4, 1500, 4, 1.0), "alice-bob": (4, 1000, 1, 0.1), "sin-cos": (90, 2, 10, 0.01),
    "points": (200, 10, 200, 0.1), "mnist": (40, 1, 1, 0.03), "mnist-cnn": (24, 2, 8, 0.03)}
RUNS, STACKS, SHAPES = 40, 40, 25
DIVERGED = 0xDEAD


def bits(x):
    """The bits of a double; the same for all NaNs. An integer is its own."""
    return x & MASK if isinstance(x, int) else struct.unpack("<Q", struct.pack("<d", nan if x != x else x))[0]


def name(text):
    """32 characters as 4 words."""
    return struct.unpack("<4Q", text.encode("ascii").ljust(32, b"\0"))


def digest(*parts):
    """One number for all numbers of the parts: digest = next of SplitMix64(digest ^ bits of a number)."""
    value = 0
    for x in chain(*parts):
        value = SplitMix64(value ^ bits(x)).next()
    return value


def functions():
    random = SplitMix64(1)
    scales = {"exp": 300.0, "log": 1e6, "tanh": 10.0, "sin": 2e5, "cos": 2e5, "expm1": 20.0}
    for function in FUNCTIONS:
        points = [random.normal() * scales[function] * random.uniform() for _ in range(1000)]
        for case in vectors.load("elementary") if function != "expm1" else ():
            points += case.inputs["x"] if case.op == function else []
        points = list(map(abs, points)) if function == "log" else points
        points = [x for x in points if function != "expm1" or -50.0 < x < 50.0]
        yield [FUNCTION, *name(function), FUNCTIONS.index(function), len(points), *points,
               digest(getattr(elementary, function)(x) for x in points)]


def random_numbers():
    for seed, n in ((0, 1), (1, 2), (2**63, 1000), (2**64 - 1, 12345)):
        random = stream(seed, n)
        drawn = [draw() for _ in range(10) for draw in (random.next, random.uniform, random.normal)]
        yield [PRNG, *name(f"prng {n}"), seed, n,
               digest(drawn, [random.below(n)], random.permutation(n), epoch_order(seed, n, n))]


def layer_words(fields):
    """The fields of a refnn_layer, in order."""
    for field, count in (("kind", 1), ("inputs", 1), ("outputs", 1), ("bias", 1), ("x", 3), ("z", 3), ("kernel", 2),
                         ("stride", 2), ("padding", 2), ("eps", 1), ("momentum", 1)):
        value = fields.get(field, 0.0 if field in ("eps", "momentum") else (0,) * count)
        yield from value if isinstance(value, (tuple, list)) else [value]


def answers(model, samples, how):
    """The four digests: first parameters and buffers; gradients of all samples as one batch; losses; results."""
    seed, epochs, batch_size, lr, shuffle, reduction = how
    x, y = samples.inputs, samples.targets
    network = PythonImplementation(model, seed)
    initial = digest(network.get_parameters(), network.get_buffers())
    _, deltas, dp = network.batch(x, y, reduction, needs_dx=True)
    gradients = digest([network.batch_loss(x, y, reduction)], flatten(dp), *deltas[0])
    seen = []
    for epoch in range(1, epochs + 1):
        order = network.epoch_order(seed, epoch, len(x)) if shuffle else None
        finite = network.train(x, y, order, 0, len(x), batch_size, lr, reduction)
        if not finite or any(p - p != 0.0 for p in network.get_parameters()):
            return initial, gradients, digest(seen, [DIVERGED]), 0
        seen += network.evaluate(x, y, reduction)
    final = digest(network.get_parameters(), network.get_buffers(), *network.predict(x))
    return initial, gradients, digest(seen), final


def network_words(title, model, samples, seed=0, epochs=2, batch_size=1, lr=0.1, shuffle=True, reduction=None):
    x, y = samples.inputs, samples.targets
    reduction = reduction or LOSSES[model.loss].reduction
    layers = map(layer_struct, model.layers, model.shapes, model.shapes[1:])
    pixels = x.values.format == "B"
    return [NETWORK, *name(title), len(model.layers), *chain(*map(layer_words, layers)), constant(model.loss),
            constant(model.init), seed, epochs, batch_size, lr, int(shuffle), constant(reduction), len(x), int(pixels),
            *x.values, *(y if LOSSES[model.loss].classes else y.values),
            *answers(model, samples, (seed, epochs, batch_size, lr, shuffle, reduction))]


def of_tasks():
    for title, (count, epochs, batch_size, lr) in TASKS.items():
        task = tasks.task(title)
        train = task.data(0, "digits" if title.startswith("mnist") else None).train
        samples = check_samples(task.model(), *train).first(count)
        yield network_words(title, task.model(), samples, 0, epochs, batch_size, lr, task.shuffle, task.reduction)


def of_runs():
    for n in range(RUNS):
        arguments, x, y, settings = random_cases.run(n)
        model = mlp(**arguments)
        try:
            samples = check_samples(model, x, y)
        except InputError:
            continue
        if settings["lr"] > 0.0 and settings["batch_size"] > 0 and settings["reduction"] in (None, "sum", "mean"):
            yield network_words(f"run {n}", model, samples, n, 2, settings["batch_size"], settings["lr"],
                                settings["shuffle"], settings["reduction"])


def of_layers():
    for n in range(STACKS):
        model, samples, batch_size, lr = random_cases.stack(n)
        yield network_words(f"stack {n}", model, samples, n, 2, batch_size, lr)
    for n in range(SHAPES):
        model, samples, batch_size = random_cases.shape(n)
        yield network_words(f"shape {n}", model, samples, n, 1, batch_size, 0.01)


def write(path, cases):
    with open(path, "wb") as file:
        for words in chain(cases, [[END]]):
            file.write(struct.pack(f"<{len(words)}Q", *map(bits, words)))


if __name__ == "__main__":
    write(sys.argv[1], chain(functions(), random_numbers(), of_tasks(), of_runs(), of_layers()))
