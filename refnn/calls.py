"""What users of a network call, for the benchmark: data in, epochs, predictions, files, start-up.

Each call is done by refnn and by the other libraries that are installed; those convert the same data to their own
arrays in each call.
"""

from __future__ import annotations

import os
import subprocess
import sys
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from importlib.util import find_spec
from typing import Any

from .contestants import Peer, Work, arrays, peers
from .model import mlp
from .network import Network, load
from .samples import Rows, Samples, check_rows, pixels

DOUBLE, FLOAT, POINTER, OBJECT = 8, 4, 8, 24  # bytes; OBJECT: of a float in a list
FEW, MANY, BATCH = 2_000, 10_000, 256
START = """import refnn
network = refnn.Network(refnn.mlp([784, 128, 64, 10], loss="cross_entropy"), {!r})
network.train_epoch([[0.5] * 784], [1], lr=0.1)"""


@dataclass
class Call:
    """The same call of every contestant.

    runs:  contestant -> the call
    units: the number of things that the time is divided by, each a `unit`
    flops: multiplications and additions of the call; bytes: what it must read and write
    """

    name: str
    runs: dict[str, Callable[[], object]]
    unit: str = "call"
    units: int = 1
    flops: float = 0.0
    bytes: float = 0.0


def dense(rows: int, width: int) -> Rows:
    """Inputs of which none is zero."""
    some = array("d", [(k % 97 + 1) / 97 for k in range(97)])
    return Rows(memoryview((some * (rows * width // 97 + 1))[:rows * width]), width)


def dense_samples(count: int) -> Samples:
    """Dense inputs as large as the images of MNIST, and their classes."""
    return Samples(dense(count, 784), array("i", [n % 10 for n in range(count)]), 10, classes=True)


def dense_work() -> Work:
    """The network of MNIST with dense inputs."""
    model = mlp([784, 128, 64, 10], output="sigmoid", bias=False, loss="cross_entropy")
    return Work("dense inputs, batch 128", model, dense_samples(FEW), 128, 1e-3, "mean")


def wide_work() -> Work:
    model = mlp([784, 1024, 1024, 10], activation="relu", loss="cross_entropy")
    return Work("784-1024-1024-10, batch 128", model, dense_samples(512), 128, 1e-3, "mean")


def calls(threads: int, folder: str, start: bool = True) -> Iterator[Call]:
    """All of them, made when they are wanted. folder: for files; start: also the start of a process"""
    work = dense_work()
    yield from data_in(dense(1_000, 784))
    yield from epochs(work, threads)
    yield from predictions(work, threads)
    yield from files(wide_work(), threads, folder)
    if start:
        yield start_up()


def data_in(rows: Rows) -> Iterator[Call]:
    """Rows of 784 numbers in several forms. The peers also make doubles of them, and look for NaN and infinities."""
    count, width = len(rows), rows.width
    forms: dict[str, tuple[Any, int]] = {  # and the bytes of a number: read, and written where it is converted
        "doubles": (rows.values, DOUBLE), "float32": (array("f", rows.values), FLOAT + DOUBLE),
        "lists": (list(rows), POINTER + OBJECT + DOUBLE), "bytes": (bytes(count * width), 0)}  # they are not read
    for form, (x, size) in forms.items():
        call = Call(f"data in, {form}", {}, "row of 784", count, bytes=float(size * count * width))
        if form == "bytes":
            call.runs["refnn C"] = lambda x=x: check_rows(pixels(x), width, "x")  # type: ignore[misc]
            yield call
            continue
        if find_spec("numpy"):
            import numpy as np
            x = x if form == "lists" else np.asarray(x)
            call.runs["NumPy"] = lambda x=x: np.isfinite(np.asarray(x, float)).all()  # type: ignore[misc]
        if find_spec("torch"):
            import torch
            call.runs["PyTorch float64"] = lambda x=x: torch.isfinite(  # type: ignore[misc]
                torch.as_tensor(x, dtype=torch.float64)).all()
        yield replace(call, runs={"refnn C": lambda x=x: check_rows(x, width, "x"), **call.runs})  # type: ignore[misc]


def epochs(work: Work, threads: int) -> Iterator[Call]:
    """Of raw arrays: with evaluations before and after, and without."""
    x, y = work.samples.inputs.values, work.samples.targets
    network = Network(work.model, "c", 0, threads)
    forward = 2.0 * sum(work.model.terms)
    for batch_size, evaluations in (32, 2), (BATCH, 0):
        part = replace(work, batch_size=batch_size)
        options: dict[str, Any] = {"lr": work.lr, "batch_size": batch_size}
        name = f"train, one epoch, batch {batch_size}" if evaluations else f"train_epoch, batch {batch_size}"
        train = network.train if evaluations else network.train_epoch
        if evaluations:
            options["epochs"] = 1
        call = Call(name, {"refnn C": partial(train, x, y, **options)},
                    "sample", FEW, FEW * (part.flops() + evaluations * forward))
        for peer_name, peer in peers(part, threads):
            call.runs[peer_name] = epoch_of(peer, part, evaluations > 0)
        yield call


def epoch_of(peer: Peer, work: Work, evaluations: bool) -> Callable[[], None]:
    x, y = arrays(work)

    def run() -> None:
        a, b = peer.convert(x, y)
        if evaluations:
            peer.loss(a, b)
        for start in range(0, len(x), work.batch_size):
            peer.step(a[start:start + work.batch_size], b[start:start + work.batch_size])
        if evaluations:
            peer.loss(a, b)

    return run


def predictions(work: Work, threads: int) -> Iterator[Call]:
    """Answers as lists."""
    network = Network(work.model, "c", 0, threads)
    found = dict(peers(work, threads))
    for count in (1, MANY):
        x = dense(count, 784).values
        call = Call(f"predict, {count:,} row{'s' * (count > 1)}", {
            "refnn C": lambda x=x: network.predict(x)},  # type: ignore[misc]
            "row", count, 2.0 * sum(work.model.terms) * count, DOUBLE * (work.model.parameter_count + len(x)))
        for name, peer in found.items():
            call.runs[name] = prediction_of(peer, x, work.samples.targets)
        yield call


def prediction_of(peer: Peer, x: memoryview, y: Any) -> Callable[[], object]:
    import numpy as np
    rows, some = np.asarray(x).reshape(-1, 784), np.asarray(y[:1])
    return lambda: peer.predict(peer.convert(rows, some)[0])


def files(work: Work, threads: int, folder: str) -> Iterator[Call]:
    """A wide network made, read, set, saved and loaded; each moves its parameters once, or in and out of a copy."""
    network = Network(work.model, "c", 0, threads)
    path = os.path.join(folder, "network.safetensors")
    size = float(DOUBLE * work.model.parameter_count)
    values = network.parameters
    yield Call("parameters read", {"refnn C": lambda: network.parameters}, bytes=2 * size)
    yield Call("parameters set", {"refnn C": lambda: setattr(network, "parameters", values)}, bytes=2 * size)
    save = Call("save", {"refnn C": lambda: network.save(path)}, bytes=size)
    opened = Call("load", {"refnn C": lambda: load(path, impl="c")}, bytes=size)
    network.save(path)
    if peer := dict(peers(work, threads)).get("PyTorch float64"):
        import torch
        other = os.path.join(folder, "network.pt")
        tensors = peer.network.state_dict()  # type: ignore[attr-defined]
        torch.save(tensors, other)
        save.runs["PyTorch float64"] = lambda: torch.save(tensors, other)
        opened.runs["PyTorch float64"] = lambda: torch.load(other)
    yield save
    yield opened


def start_up() -> Call:
    """A new process: import, load the core, one step. The others only import."""
    codes = {"refnn C": START.format("c"), "refnn Python": START.format("python"), "Python alone": "pass"}
    codes.update({name: f"import {module}" for name, module in (("NumPy", "numpy"), ("PyTorch", "torch"))
                  if find_spec(module)})
    return Call("start of a process", {
        name: lambda code=code: subprocess.run([sys.executable, "-c", code], check=True)  # type: ignore[misc]
        for name, code in codes.items()})
