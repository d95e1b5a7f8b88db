"""Random files and answers: python tests/fuzz.py TARGET ... [--inputs N] [--seed N] [--first N]

Each input is a good one with a few random changes. Reading it must end soon and within bounded memory, with a result or
with one of refnn's exceptions, whose message is one line. A fault is printed with the arguments that make its input
again. The targets:

    idx          IDX files, as read_idx reads them, compressed or not
    csv          tables, read for training with random choices
    safetensors  saved networks: loaded, used, and prepared to continue their training
    json         files of --model, and the file of a sweep's finished points
    program      lines that a program answers: read, compared, looked into, reported
"""

import argparse
import contextlib
import gzip
import json
import random
import signal
import sys
import tempfile
import time
import traceback
from itertools import islice
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from refnn import (BatchNorm2d, Conv2d, Flatten, Linear, MaxPool2d, Model, Network, ReLU, RefnnError, mlp, runs, saved,
                   tasks)
from refnn.conformance import own, program, report, vectors
from refnn.conformance.effort import Effort
from refnn.conformance.run import run as ask
from refnn.conformance.subjects import Subject
from refnn.idx import read_idx
from refnn.kept import Kept
from refnn.network import network_of
from refnn.sweep import grid, sweep
from refnn.tables import Choices, read_table

SECONDS = 5.0  # of processor time for an input
MEMORY = 2**31  # bytes beside what the process has at the start
BYTES = [0, 1, 2, 8, 9, 10, 13, 31, 34, 44, 58, 91, 92, 93, 123, 125, 127, 128, 192, 239, 254, 255]
TOKENS = [
    b"", b"\0" * 8, b"\xff" * 8, b"\x7f\xff\xff\xff", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\x1f\x8b\x08", b'"', b'""',
    b",", b",,", b";", b"\t", b"\n", b"\r\n", b"\r", b"\n\n", b"{", b"}", b"[", b"]", b":", b"[" * 3000, b"9" * 5000,
    b"-1", b"0", b"1e999", b"-1e-999", b"NaN", b"Infinity", b"null", b"true", b"?", b"1_0", b"0x10", b"0.1", b" ",
    b"\\ud800", b"\\u0000", b"x" * 70_000, b"setosa", b"__proto__", b"\xd9\xa1", b"'", b"#"]
VALUES = [
    None, True, False, 0, 1, -1, 2, 3, 7, 2**31, 2**63, 2**64, 10**18, 10**30, -0.0, 0.5, 1e308, 5e-324, float("nan"),
    float("inf"), "", "x", "NaN", "Infinity", "1", "c", "\0", "\ud800", "é" * 50, "relu", "linear", "3ff0000000000000",
    [], [[]], [1], [1, 2], [0.5, "x"], {}, {"a": 1}, {"type": "relu"}, "x" * 100_000, [0] * 10_000, "\x1b[31m"]


class TooLong(BaseException):
    """Reading an input has taken more than SECONDS."""


# changes

def changed(choose, data, others):
    """A few random changes of bytes. choose: a random.Random; others: more good inputs"""
    data = bytearray(data)
    for _ in range(choose.choice([1, 1, 1, 2, 3, 8])):
        start = choose.randrange(len(data) + 1)
        stop = min(len(data), start + choose.choice([0, 1, 1, 2, 4, 8, 30, 1000]))
        kind = choose.randrange(7)
        if kind == 0 and start < len(data):
            data[start] ^= 1 << choose.randrange(8)
        elif kind == 1 and start < len(data):
            data[start] = choose.choice(BYTES)
        elif kind == 2:
            del data[start:stop]
        elif kind == 3:
            data[start:start] = data[start:stop] * choose.choice([1, 2, 100])
        elif kind == 4:
            data[start:stop] = choose.choice(TOKENS)
        elif kind == 5:
            del data[start:]
        else:
            other = choose.choice(others)
            data[start:stop] = other[choose.randrange(len(other) + 1):][:choose.choice([1, 8, 100])]
    return bytes(data)


def changed_value(choose, value):
    """A JSON value with one part replaced, removed, repeated or wrapped."""
    if isinstance(value, (list, dict)) and value and choose.random() < 0.8:
        copy = value.copy()
        keys = list(copy) if isinstance(copy, dict) else range(len(copy))
        key = choose.choice(keys)
        kind = choose.random()
        if kind < 0.1:
            del copy[key]
        elif kind < 0.15 and isinstance(copy, list):
            copy *= choose.choice([0, 2, 3])
        elif kind < 0.2 and isinstance(copy, dict):
            copy[choose.choice(["x", "", "bias", *keys])] = copy.pop(key)
        else:
            copy[key] = changed_value(choose, copy[key])
        return copy
    return choose.choice([choose.choice(VALUES), [value], {"x": value}, value])


def changed_json(choose, text, others):
    """Changes in the structure of a line of JSON, in its bytes, or in both."""
    if choose.random() < 0.7:
        value = json.loads(text)
        for _ in range(choose.choice([1, 1, 2, 4])):
            value = changed_value(choose, value)
        text = json.dumps(value, ensure_ascii=choose.random() < 0.8).encode("utf-8", "surrogatepass")
    return changed(choose, text, others) if choose.random() < 0.4 else text


# targets: (folder) -> (good inputs, change(choose, data, others), read(choose, path))

def idx(folder):
    images = (ROOT / "data" / "digits" / "t10k-images-idx3-ubyte.gz").read_bytes()
    labels = (ROOT / "data" / "digits" / "t10k-labels-idx1-ubyte.gz").read_bytes()
    three = b"\0\0\x08\x03\0\0\0\x03" + gzip.decompress(images)[8:16 + 3 * 784]
    colours = b"\0\0\x08\x04\0\0\0\x02\0\0\0\x03\0\0\0\x04\0\0\0\x01" + bytes(24)
    members = gzip.compress(three[:900]) + gzip.compress(three[900:])
    good = [three, gzip.decompress(labels), colours, labels, gzip.compress(three), members,
            gzip.compress(three, 0) + bytes(512)]

    def change(choose, data, others):
        data = changed(choose, data, others)
        return gzip.compress(data, choose.choice([0, 1, 9])) if choose.random() < 0.2 else data

    def read(choose, path):
        sizes, data = read_idx(path, choose.choice([1, 3, 3, 3, 4]))
        assert len(data) == len(bytes(data))
        count = 1
        for size in sizes:
            count *= size
        assert count == len(data)

    return good, change, read


def csv(folder):
    lines = (ROOT / "data" / "iris.csv").read_bytes().splitlines(keepends=True)
    numbers = b"a;b;c\n" + b"".join(b"%d;%d.5;x%d\n" % (n, n, n % 3) for n in range(9))
    good = [b"".join(lines[:8] + lines[60:66]), numbers,
            b'1,2,3\r\n4,5,"6"\r\n7,8,9\r\n', b'\xef\xbb\xbfname\ttarget\n"a ""b"""\t1\n\nc\t2e-3\n']

    def read(choose, path):
        names = ["a", "b", "c", "1", "3", "species", "target", "name", "", "x" * 100, "\udcff"]
        some = lambda: tuple(choose.sample(names, choose.choice([0] * 10 + [1, 2])))  # noqa: E731
        table = read_table(path, Choices(some(), some(), some(), choose.choice([None, True, False]),
                                         choose.choice([None, None, True, False]), choose.random() < 0.5,
                                         choose.choice([0.0, 0.2, 0.9])), choose.randrange(3))
        network = Network(mlp([table.columns.input_width, table.columns.output_width], output="identity",
                              loss="cross_entropy" if table.columns.classes is not None else "mse"), "python")
        network.loss(*table.train)
        assert table.decisions

    return good, changed, read


def safetensors(folder):
    path = folder / "good"
    images = [Conv2d(1, 2, 3, padding=1), MaxPool2d(2), ReLU(), BatchNorm2d(2), Flatten(), Linear(8, 2)]
    good = []
    for model in (mlp([2, 3, 1], "tanh"), Model(images, "cross_entropy", "he", (1, 4, 5))):
        network = Network(model, "python", 3)
        x = [[0.5] * model.inputs, [0.25] * model.inputs]
        network.train(x, [0, 1] if model.classes else [[0.0], [1.0]], epochs=2, lr=0.1, batch_size=2)
        network.save(path)
        good.append(path.read_bytes())
        run = runs.in_full(runs.run_of({"task": "alice-bob"}), tasks.task("alice-bob"))
        inputs = [{"name": "a", "mean": 1.0, "deviation": 2.0}, {"name": "b", "categories": ["x"]}]
        info = {"run": run, "pictures": {"shape": [1, 4, 5], "classes": ["a", "b"]},
                "columns": {"inputs": inputs, "targets": [{"name": "c", "categories": ["y", "z"]}]}}
        metadata = {**saved.from_bytes(good[-1], "")[1], **{name: json.dumps(value) for name, value in info.items()}}
        good.append(saved.to_bytes(saved.from_bytes(good[-1], "")[0], metadata))

    def change(choose, data, others):
        if choose.random() < 0.4:
            return changed(choose, data, others)
        length = int.from_bytes(data[:8], "little")
        header = json.loads(data[8:8 + length])
        texts = header["__metadata__"]
        if choose.random() < 0.6:
            name = choose.choice([name for name in texts if texts[name].startswith("{")])
            texts[name] = changed_json(choose, texts[name].encode(), others).decode("latin-1")
            text = json.dumps(header).encode()
        else:
            text = changed_json(choose, data[8:8 + length], others)
        return len(text).to_bytes(8, "little") + text + data[8 + length:]

    def read(choose, path):
        content = saved.read(path)
        if choose.random() < 0.5:
            runs.continued({"task": None}, content, str(path))
        network = network_of(content, str(path), impl="python")
        if network.model.parameter_count + sum(network.model.widths) < 10_000:
            network.predict([[0.5] * network.model.inputs])
            repr(network)

    return good, change, read


def json_files(folder):
    layers = [{"type": "conv2d", "in_channels": 1, "out_channels": 2, "kernel_size": [2, 2], "stride": [1, 1],
               "padding": [0, 1], "bias": True}, {"type": "maxpool2d", "kernel_size": [2, 2], "stride": [2, 2]},
              {"type": "batchnorm2d", "num_features": 2, "eps": 1e-5, "momentum": 0.1}, {"type": "flatten"},
              {"type": "linear", "inputs": 8, "outputs": 2, "bias": False}, {"type": "tanh"}]
    model = {"layers": layers, "input_shape": [1, 4, 5], "loss": "mse", "init": "he"}
    path = folder / "points"
    sweep(grid("alice-bob", lr=[0.1, 1e300], epochs=[2], seed=range(2)), None, path)
    good = [json.dumps(value).encode() for value in (model, layers[4:], {"layers": layers[4:]})]
    good += [path.read_bytes(), path.read_bytes()]

    def change(choose, data, others):
        if not data.startswith(b'{"task"'):
            return changed_json(choose, data, others)
        lines = data.splitlines()
        n = choose.randrange(len(lines))
        lines[n] = changed_json(choose, lines[n], others)
        return b"\n".join(lines) + choose.choice([b"", b"\n"])

    def read(choose, path):
        if path.read_bytes()[:7] == b'{"task"':
            with Kept(path) as kept:
                json.dumps(kept.results)
        else:
            own.own(None, str(path), {}, 0)

    return good, change, read


class Answering(Subject):
    """Answers every question with the same line."""

    def __init__(self, line):
        self.line = line

    def ask(self, case):
        return program.read(self.line, case.id)


def programs(folder):
    rungs = ("prng", "elementary", "init", "product", "forward", "loss", "backward", "update", "step", "images",
             "points", "alice-bob")
    cases = {case.id: case for rung in rungs for case in islice(vectors.load(rung, long=False), 40)
             if len(str(case.answer)) < 20_000}
    good = [json.dumps({"id": case.id, "out": vectors.encode(case.answer)}).encode() for case in cases.values()]

    def change(choose, data, others):
        name = json.loads(data)["id"]
        return name.encode() + b"\n" + changed_json(choose, data, others)

    def read(choose, path):
        name, line = path.read_bytes().split(b"\n", 1)
        effort = Effort(0.2 if choose.random() < 0.02 else 0.0)
        result = ask("rung", [cases[name.decode()]], Answering(line.decode("utf-8", "replace")), effort)
        said = []
        report.report(said.append, [result], [])
        json.dumps(report.of_rung(result, []))
        text = "\n".join(said)
        assert all(character.isprintable() or character == "\n" for character in text), "control characters"
        assert len(text) < 20_000, "a long report"

    return good, change, read


TARGETS = {"idx": idx, "csv": csv, "safetensors": safetensors, "json": json_files, "program": programs}


# running

@contextlib.contextmanager
def limited(seconds):
    """Raises TooLong after some seconds of processor time, where signals can do that."""
    def stop(*_):
        raise TooLong(f"more than {seconds} seconds")

    if not hasattr(signal, "setitimer"):
        yield
        return
    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0.0)
        signal.signal(signal.SIGPROF, before)


def limit_memory():
    try:
        import resource
        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, resource.getrlimit(resource.RLIMIT_AS)[1]))
    except (ImportError, OSError):
        print("memory is not limited on this system", file=sys.stderr)


def attempt(read, choose, path):
    """-> whether the input was accepted. Raises what is a fault."""
    try:
        with limited(SECONDS):
            read(choose, path)
    except RefnnError as error:
        text = str(error)
        assert len(text.splitlines()) == 1 and len(text) < 2000, f"a message of {len(text)} characters: {text[:300]!r}"
        return False
    return True


def run(name, inputs, seed=1, first=0, say=print):
    """-> the number of inputs that were accepted, and the faults as text."""
    faults, accepted = [], 0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "input")
        good, change, read = TARGETS[name](Path(folder))
        for number in range(first, first + inputs):
            choose = random.Random(f"{name} {seed} {number}")
            path.write_bytes(change(choose, choose.choice(good), good))
            try:
                accepted += attempt(read, choose, path)
            except (Exception, TooLong):
                again = f"tests/fuzz.py {name} --seed {seed} --first {number} --inputs 1"
                faults.append(f"{again}\n{traceback.format_exc()}")
                say(faults[-1])
    return accepted, faults


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("targets", nargs="+", choices=list(TARGETS), metavar="TARGET")
    parser.add_argument("--inputs", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="number of the first input")
    given = parser.parse_args()
    limit_memory()
    found = 0
    for name in given.targets:
        begin = time.monotonic()
        accepted, faults = run(name, given.inputs, given.seed, given.first)
        print(f"{name}: {given.inputs:,} inputs, {accepted:,} accepted, {len(faults)} faults, "
              f"{time.monotonic() - begin:.0f} s", flush=True)
        found += len(faults)
    return int(found > 0)


if __name__ == "__main__":
    sys.exit(main())
