"""Measures the speed of the C core on this machine, and of other libraries that are installed.

All contestants train the same network on the same samples, with the same batches and rate, from the same parameters.
Those that compute in double precision must first reach the same loss to 1e-6. Then they are timed in turn, in several
rounds, in one process, with the same number of threads. To install the other libraries: pip install 'refnn[peers]'.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import sys
import time
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from . import __version__, implementations
from .checks import whole_number
from .cli import Parser, check_writable, command, integer, printer, write_json
from .errors import RefnnError
from .layers import BatchNorm2d, Conv2d, CustomLayer, Layer, Linear
from .model import Model
from .network import Network
from .samples import Samples, check_samples
from .tasks import task

ROUNDS = 5
SLICE = 0.15  # seconds of each turn
CHECK_STEPS = 3


@dataclass
class Work:
    """One network trained on some samples in batches, repeatedly."""

    name: str
    model: Model
    samples: Samples
    batch_size: int
    lr: float
    reduction: str
    epochs: int = 0  # if not 0: whole epochs in one call, including the loss after each

    def flops(self) -> float:
        """The number of multiplications and additions for one sample, including those with zeros."""
        terms = [count for count in self.model.terms if count]
        return 2.0 * (2 * sum(terms) + sum(terms[1:]) + self.model.parameter_count / self.batch_size)


def works() -> list[Work]:
    made = []
    mnist = task("mnist")
    pixels = check_samples(mnist.model(), *mnist.data(0, os.environ.get("REFNN_DATA") or "digits").train).first(2000)
    for batch_size in (1, 10, 32, 128, 1024):
        made.append(Work(f"mnist, batch {batch_size}", mnist.model(), pixels, batch_size, 0.001, "mean"))
    made.append(Work("mnist-cnn, batch 100", task("mnist-cnn").model(), pixels.first(1000), 100, 0.01, "mean"))
    sin_cos = task("sin-cos")
    points = check_samples(sin_cos.model(), *sin_cos.data(0, None).train)
    made.append(Work("sin-cos, batch 10", sin_cos.model(), points, 10, 1e-4, "sum"))
    alice_bob = task("alice-bob")
    people = check_samples(alice_bob.model(), *alice_bob.data(0, None).train)
    made.append(Work("alice-bob, batch 1, with its loss", alice_bob.model(), people, 1, 0.1, "mean", epochs=5000))
    return made


# Contestants: each takes a work and returns two functions, or None if it cannot do the work: run(samples), which trains
# on that number of samples, starting over at the end; and loss(), the loss over all samples now.

Contestant = tuple[Callable[[int], None], Callable[[], float]]


def refnn_c(work: Work, threads: int) -> Contestant:
    return of_network(Network(work.model, "c", 0, threads), work)


def refnn_python(work: Work, threads: int) -> Contestant:
    return of_network(Network(work.model, "python", 0), work)


def of_network(network: Network, work: Work) -> Contestant:
    x, y = work.samples.inputs, work.samples.targets
    count = len(work.samples)
    implementation = network._implementation
    whole_epochs = work.epochs and implementation.epochs_per_call(count) > 1

    def run(samples: int) -> None:
        if whole_epochs:
            rates = [work.lr] * (samples // count)
            implementation.train_epochs(x, y, 0, 1, rates, work.batch_size, False, work.reduction)
            return
        while samples > 0:
            stop = min(samples, count - count % work.batch_size)
            implementation.train(x, y, None, 0, stop, work.batch_size, work.lr, work.reduction)
            samples -= stop

    return run, lambda: network.loss(work.samples)


class NumpyNetwork:
    """A multilayer perceptron in NumPy: linear layers, each with an activation."""

    def __init__(self, work: Work) -> None:
        import numpy
        self.np, self.work = numpy, work
        self.layers: list[list[Any]] = []  # [w] or [w, b]
        self.activations: list[str] = []
        parameters = iter(matrices(work))
        for layer in work.model.layers:
            if isinstance(layer, Linear):
                self.layers.append([next(parameters).copy() for _ in range(1 + layer.bias)])
            elif isinstance(layer, Layer):
                self.activations.append(layer.name)

    def forward(self, x: Any) -> list[Any]:
        outputs = [x]
        for (w, *b), name in zip(self.layers, self.activations):
            z = outputs[-1] @ w
            if b:
                z += b[0]
            if name == "sigmoid":
                z = 1.0 / (1.0 + self.np.exp(-z))
            elif name == "relu":
                z = self.np.maximum(z, 0.0)
            outputs.append(z)
        return outputs

    def losses(self, o: Any, y: Any) -> Any:
        if self.work.model.classes:
            m = o.max(axis=1, keepdims=True)
            return (m + self.np.log(self.np.exp(o - m).sum(axis=1, keepdims=True)) - o)[self.np.arange(len(o)), y]
        return ((o - y) ** 2).mean(axis=1)

    def loss_gradient(self, o: Any, y: Any) -> Any:
        if self.work.model.classes:
            e = self.np.exp(o - o.max(axis=1, keepdims=True))
            d = e / e.sum(axis=1, keepdims=True)
            d[self.np.arange(len(o)), y] -= 1.0
        else:
            d = 2.0 * (o - y) / o.shape[1]
        return d / len(o) if self.work.reduction == "mean" else d

    def step(self, x: Any, y: Any) -> None:
        outputs = self.forward(x)
        d = self.loss_gradient(outputs[-1], y)
        updates = []
        for k in range(len(self.layers) - 1, -1, -1):
            a, (w, *b) = outputs[k + 1], self.layers[k]
            if self.activations[k] != "identity":
                d = d * (a * (1.0 - a)) if self.activations[k] == "sigmoid" else d * (a > 0.0)
            updates.append((w, outputs[k].T @ d))
            if b:
                updates.append((b[0], d.sum(axis=0)))
            if k:
                d = d @ w.T
        for p, gradient in updates:
            p -= self.work.lr * gradient


def numpy_double(work: Work, threads: int) -> Contestant | None:
    if work.model.input_shape:
        return None  # only multilayer perceptrons
    network = NumpyNetwork(work)
    x, y = arrays(work)
    return batches(network.step, x, y, work), lambda: float(network.losses(network.forward(x)[-1], y).mean())


def torch_single(work: Work, threads: int) -> Contestant:
    import torch
    return with_torch(work, threads, torch.float32)


def torch_double(work: Work, threads: int) -> Contestant:
    import torch
    return with_torch(work, threads, torch.float64)


def with_torch(work: Work, threads: int, kind: Any) -> Contestant:
    import torch
    torch.set_num_threads(threads)
    all_x, all_y = arrays(work)
    x = torch.from_numpy(all_x.reshape(-1, *work.model.shapes[0])).to(kind)
    y = torch.from_numpy(all_y) if work.model.classes else torch.from_numpy(all_y).to(kind)
    layers = [layer for layer in work.model.layers if isinstance(layer, Layer) and layer.name != "identity"]
    network = torch.nn.Sequential(*[torch_layer(layer, torch.nn) for layer in layers]).to(kind)
    with torch.no_grad():
        for p, value in zip(network.parameters(), matrices(work)):
            p.copy_(torch.from_numpy(value.T if value.ndim == 2 else value))
    loss = {"mse": torch.nn.MSELoss, "cross_entropy": torch.nn.CrossEntropyLoss}[work.model.loss]
    of_batch, of_all = loss(reduction=work.reduction), loss()
    optimizer = torch.optim.SGD(network.parameters(), lr=work.lr)

    def step(a: Any, t: Any) -> None:
        optimizer.zero_grad()
        of_batch(network(a), t).backward()
        optimizer.step()

    def loss_now() -> float:
        with torch.no_grad():
            loss = float(of_all(network.eval()(x), y))
        network.train()
        return loss

    return batches(step, x, y, work), loss_now


def torch_layer(layer: Layer, nn: Any) -> Any:
    """PyTorch's layer of the same name."""
    kind = getattr(nn, type(layer).__name__)
    if isinstance(layer, Conv2d):
        return kind(layer.in_channels, layer.out_channels, layer.kernel_size, layer.stride, layer.padding,
                    bias=layer.bias)
    return kind(*vars(layer).values())


def scikit_learn(work: Work, threads: int) -> Contestant | None:
    """Its loss is half of mse, and its biases cannot be left out: only sin-cos, with another rate, is the same work."""
    last = work.model.layers[-1]
    if work.model.loss != "mse" or not (isinstance(last, Layer) and last.name == "identity"):
        return None
    from sklearn.neural_network import MLPRegressor
    x, y = arrays(work)
    values = matrices(work)
    factor = 2.0 * (work.batch_size if work.reduction == "sum" else 1.0)
    hidden = [layer.outputs for layer in work.model.layers if isinstance(layer, Linear)][:-1]
    network = MLPRegressor(hidden_layer_sizes=hidden, solver="sgd", alpha=0.0, learning_rate_init=work.lr * factor,
                           momentum=0.0, nesterovs_momentum=False, batch_size=work.batch_size, shuffle=False)
    network.partial_fit(x[:work.batch_size], y[:work.batch_size, 0])  # creates what the next lines replace
    network.coefs_ = [w.copy() for w in values[0::2]]
    network.intercepts_ = [b.copy() for b in values[1::2]]
    network._optimizer.params = network.coefs_ + network.intercepts_
    return batches(lambda a, t: network.partial_fit(a, t[:, 0]), x, y, work), (
        lambda: float(((network.predict(x) - y[:, 0]) ** 2).mean()))


CONTESTANTS: dict[str, Callable[[Work, int], Contestant | None]] = {
    "refnn C": refnn_c, "refnn Python": refnn_python, "NumPy": numpy_double, "PyTorch float64": torch_double,
    "PyTorch float32": torch_single, "scikit-learn": scikit_learn}
SINGLE = ("PyTorch float32",)


def arrays(work: Work) -> tuple[Any, Any]:
    """The samples as NumPy arrays: x of doubles, y of classes or doubles."""
    import numpy as np
    y = np.array(list(work.samples.targets), np.int64 if work.model.classes else float)
    return np.array(list(work.samples.inputs)), y


def matrices(work: Work) -> list[Any]:
    """The initial parameters as NumPy arrays: w and, if there is one, b of each layer."""
    import numpy as np
    flat = np.array(Network(work.model, "c", 0).parameters)
    parts = []
    for layer in work.model.layers:
        for shape in shapes(layer):
            count = int(np.prod(shape))
            parts.append(flat[:count].reshape(shape))
            flat = flat[count:]
    return parts


def shapes(layer: Layer | CustomLayer) -> Sequence[tuple[int, ...]]:
    """The shape of each of a layer's parameters."""
    if isinstance(layer, Linear):
        return [(layer.inputs, layer.outputs), (layer.outputs,)][:1 + layer.bias]
    if isinstance(layer, Conv2d):
        return [(layer.out_channels, layer.in_channels, *layer.kernel_size), (layer.out_channels,)][:1 + layer.bias]
    return [(layer.num_features,)] * 2 if isinstance(layer, BatchNorm2d) else []


def batches(step: Callable[[Any, Any], object], x: Any, y: Any, work: Work) -> Callable[[int], None]:
    """run(samples) over whole batches, from the first on, starting over at the end."""
    whole = max(len(x) - len(x) % work.batch_size, work.batch_size)

    def run(samples: int) -> None:
        for start in range(0, samples, work.batch_size):
            first = start % whole
            step(x[first:first + work.batch_size], y[first:first + work.batch_size])

    return run


def measure(work: Work, threads: int, rounds: int) -> dict[str, tuple[float, float]]:
    """Microseconds per sample of every contestant that is installed: name -> (best, median)."""
    runs, losses = {}, {}
    for name, make in CONTESTANTS.items():
        try:
            made = make(work, threads)
        except ImportError:
            continue
        if made:
            run, loss = made
            run(CHECK_STEPS * (work.batch_size if not work.epochs else len(work.samples)))
            losses[name] = loss()
            runs[name] = run
    for name, reached in losses.items():
        allowed = 1e-3 if name in SINGLE else 1e-6
        if abs(reached - losses["refnn C"]) > allowed * abs(losses["refnn C"]):
            raise RefnnError(f"{name} does other work: {work.name} has loss {reached!r} there, "
                             f"{losses['refnn C']!r} in C")
    times: dict[str, list[float]] = {name: [] for name in runs}
    sizes = {}
    for name, run in runs.items():
        unit = work.batch_size if not work.epochs else len(work.samples) * (work.epochs if name == "refnn C" else 1)
        start = time.perf_counter()
        run(unit)
        sizes[name] = unit * max(1, int(SLICE / max(time.perf_counter() - start, 1e-9)))
    for _ in range(rounds):
        for name, run in runs.items():
            start = time.perf_counter()
            run(sizes[name])
            times[name].append((time.perf_counter() - start) / sizes[name] * 1e6)
    return {name: (min(values), statistics.median(values)) for name, values in times.items()}


def peak(c: Any, rounds: int) -> tuple[float, float]:
    """GFLOP/s of one thread: of multiplications and additions in registers, and of a product of 1024 x 1024 matrices.

    c: the module of the C implementation
    """
    sink = array("d", [0.999, 0.5] + [0.0] * 10)
    n = 1024
    left, right, out = c.doubles(n * n), c.doubles(n * n), c.doubles(n * n)
    left[:] = right[:] = array("d", [k % 17 / 17 for k in range(n * n)])
    simd = c.simd()
    top = product = 0.0
    for _ in range(rounds):
        start = time.perf_counter()
        flops = c.lib.refnn_peak(simd, 3_000_000, c.pointer(sink))
        middle = time.perf_counter()
        c.lib.refnn_matmul(simd, 1, n, n, n, c.pointer(left), c.pointer(right), c.pointer(out))
        stop = time.perf_counter()
        top = max(top, flops / (middle - start) / 1e9)
        product = max(product, 2.0 * n**3 / (stop - middle) / 1e9)
    return top, product


def processor_name() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            return next(line.split(":")[1].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; returns its exit status."""
    return command("refnn.bench", lambda: run(options().parse_args(arguments)))


def options() -> Parser:
    parser = Parser(prog="refnn bench", description=(__doc__ or "").split("\n\n")[0], allow_abbrev=False)
    parser.add_argument("--threads", type=integer, default=1, metavar="N",
                        help="threads of every contestant (default: 1)")
    parser.add_argument("--rounds", type=integer, default=ROUNDS, metavar="N",
                        help=f"turns of each (default: {ROUNDS})")
    parser.add_argument("--json", metavar="FILE", help="write a record for programs; - for standard output")
    return parser


def run(given: argparse.Namespace) -> int:
    threads, rounds = whole_number(given.threads, "--threads", 1, 1024), whole_number(given.rounds, "--rounds")
    check_writable(given.json)
    implementations.load("c")
    from . import core as c
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(variable, str(threads))
    say = printer(given)
    say(f"refnn {__version__}, C ({c.build()}) on {processor_name()}, {threads} thread{'s' * (threads > 1)}")
    top, product = peak(c, rounds)
    share = f" ({100 * product / top:.0f} %)" if top else ""
    say(f"peak of one thread, multiplications and additions: {top:.1f} GFLOP/s; "
        f"product of 1024 x 1024 matrices: {product:.1f}{share}")
    say("microseconds per sample, best of rounds (median), and the ratio to refnn C")
    measured = []
    for work in works():
        say(f"\n{work.name}")  # Python and the import of PyTorch take seconds
        times = measure(work, threads, rounds)
        best = times["refnn C"][0]
        speed = work.flops() / best / 1e3
        note = f"{speed:.1f} GFLOP/s" + (f", {100 * speed / top:.0f} % of peak" if top else "")
        for name, (fastest, median) in times.items():
            ratio = f"{fastest / best:8.2f} x" if name != "refnn C" else note
            say(f"  {name:16} {fastest:10.3f} ({median:.3f})  {ratio}")
        measured.append({"name": work.name, "gflops": speed, "microseconds": {
            name: {"best": fastest, "median": median} for name, (fastest, median) in times.items()}})
    write_json(given.json, {"refnn": __version__, "build": c.build(), "processor": processor_name(), "threads": threads,
                            "rounds": rounds, "peak_gflops": top, "product_gflops": product, "works": measured})
    return 0


if __name__ == "__main__":
    sys.exit(main())
