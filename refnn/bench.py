"""python -m refnn.bench: how fast the C core trains here, beside whatever else is installed.

Every work is the same for all: the same network, samples, batches and rate, from the same parameters. Those that compute in
double precision must reach the same loss to 1e-6 first. Then they are timed in turn, round after round, in one process, on
the same number of threads. Peers: pip install 'refnn[peers]'.
"""

import os
import platform
import statistics
import sys
import time
from array import array
from dataclasses import dataclass

from . import __version__, implementations
from .checks import whole_number
from .cli import Parser, check_writable, command, integer, write_json
from .errors import RefnnError
from .layers import BatchNorm2d, Conv2d, Linear
from .model import Model
from .network import Network
from .samples import Samples, check_samples
from .tasks import task

ROUNDS = 5
SLICE = 0.15  # seconds of each turn
CHECK_STEPS = 3


@dataclass
class Work:
    """One network trained on some samples in batches, time and again."""

    name: str
    model: Model
    samples: Samples
    batch_size: int
    lr: float
    reduction: str
    epochs: int = 0  # where not 0: whole epochs in one call, the loss after each included

    def flops(self):
        """Multiplications and additions of one sample, none left out for a zero."""
        terms = [count for count in self.model.terms if count]
        return 2.0 * (2 * sum(terms) + sum(terms[1:]) + self.model.parameter_count / self.batch_size)


def works():
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


# Contestants: each takes a work and gives two functions: run(samples), which trains on so many samples, wrapping round, and
# loss(), the loss over all samples now.


def refnn_c(work, threads):
    return of_network(Network(work.model, "c", 0, threads), work)


def refnn_python(work, threads):
    return of_network(Network(work.model, "python", 0), work)


def of_network(network, work):
    x, y = work.samples.inputs, work.samples.targets
    count = len(work.samples)

    def run(samples):
        if work.epochs:
            network._implementation.train_epochs(x, y, 0, 1, [work.lr] * (samples // count), work.batch_size, False, work.reduction)
            return
        while samples > 0:
            stop = min(samples, count - count % work.batch_size)
            network._implementation.train(x, y, None, 0, stop, work.batch_size, work.lr, work.reduction)
            samples -= stop

    return run, lambda: network.loss(work.samples)


def numpy_double(work, threads):
    """Multilayer perceptrons only."""
    if work.model.input_shape:
        return None
    import numpy as np
    x, y = arrays(work, np)
    parameters = [p.copy() for p in matrices(work)]
    activations = [layer.name for layer in work.model.layers if not hasattr(layer, "outputs")]
    biased = work.model.layers[0].bias
    count = len(x)

    def forward(a):
        outputs = [a]
        for k, name in enumerate(activations):
            z = outputs[-1] @ parameters[2 * k if biased else k]
            if biased:
                z += parameters[2 * k + 1]
            outputs.append(1.0 / (1.0 + np.exp(-z)) if name == "sigmoid" else np.maximum(z, 0.0) if name == "relu" else z)
        return outputs

    def losses_of(o, t):
        if work.model.loss == "cross_entropy":
            m = o.max(axis=1, keepdims=True)
            return (m + np.log(np.exp(o - m).sum(axis=1, keepdims=True)) - o)[np.arange(len(o)), t]
        return ((o - t) ** 2).mean(axis=1)

    def step(a, t):
        outputs = forward(a)
        o = outputs[-1]
        if work.model.loss == "cross_entropy":
            e = np.exp(o - o.max(axis=1, keepdims=True))
            d = e / e.sum(axis=1, keepdims=True)
            d[np.arange(len(o)), t] -= 1.0
        else:
            d = 2.0 * (o - t) / o.shape[1]
        if work.reduction == "mean":
            d /= len(o)
        steps = []
        for k in range(len(activations) - 1, -1, -1):
            a = outputs[k + 1]
            if activations[k] != "identity":
                d = d * (a * (1.0 - a)) if activations[k] == "sigmoid" else d * (a > 0.0)
            w = parameters[2 * k if biased else k]
            steps.append((w, outputs[k].T @ d))
            if biased:
                steps.append((parameters[2 * k + 1], d.sum(axis=0)))
            if k:
                d = d @ w.T
        for p, gradient in steps:
            p -= work.lr * gradient

    return batches(step, x, y, work, count), lambda: float(losses_of(forward(x)[-1], y).mean())


def torch_single(work, threads):
    import torch
    return with_torch(work, threads, torch.float32)


def torch_double(work, threads):
    import torch
    return with_torch(work, threads, torch.float64)


def with_torch(work, threads, kind):
    import numpy as np
    import torch
    torch.set_num_threads(threads)
    x, y = arrays(work, np)
    x = torch.from_numpy(x.reshape(-1, *work.model.shapes[0])).to(kind)
    y = torch.from_numpy(y) if work.model.loss == "cross_entropy" else torch.from_numpy(y).to(kind)
    network = torch.nn.Sequential(*[torch_layer(layer, torch.nn) for layer in work.model.layers if layer.name != "identity"]).to(kind)
    with torch.no_grad():
        for p, value in zip(network.parameters(), matrices(work)):
            p.copy_(torch.from_numpy(value.T if value.ndim == 2 else value))
    loss = torch.nn.CrossEntropyLoss if work.model.loss == "cross_entropy" else torch.nn.MSELoss
    of_batch, of_all = loss(reduction=work.reduction), loss()
    optimizer = torch.optim.SGD(network.parameters(), lr=work.lr)

    def step(a, t):
        optimizer.zero_grad()
        of_batch(network(a), t).backward()
        optimizer.step()

    def loss_now():
        with torch.no_grad():
            loss = float(of_all(network.eval()(x), y))
        network.train()
        return loss

    return batches(step, x, y, work, len(x)), loss_now


def torch_layer(layer, nn):
    """PyTorch's layer of the same name."""
    kind = getattr(nn, type(layer).__name__)
    if isinstance(layer, Conv2d):
        return kind(layer.in_channels, layer.out_channels, layer.kernel_size, layer.stride, layer.padding, bias=layer.bias)
    return kind(*vars(layer).values())


def scikit_learn(work, threads):
    """Its loss is half of mse, its biases cannot be left out: the same work as sin-cos, with another rate."""
    if work.model.loss != "mse" or work.model.layers[-1].name != "identity":
        return None
    import numpy as np
    from sklearn.neural_network import MLPRegressor
    x, y = arrays(work, np)
    values = matrices(work)
    factor = 2.0 * (work.batch_size if work.reduction == "sum" else 1.0)
    hidden = [layer.outputs for layer in work.model.layers if hasattr(layer, "outputs")][:-1]
    network = MLPRegressor(hidden_layer_sizes=hidden, solver="sgd", alpha=0.0, learning_rate_init=work.lr * factor, momentum=0.0,
                           nesterovs_momentum=False, batch_size=work.batch_size, shuffle=False)
    network.partial_fit(x[:work.batch_size], y[:work.batch_size, 0])  # makes what the next lines replace
    network.coefs_ = [w.copy() for w in values[0::2]]
    network.intercepts_ = [b.copy() for b in values[1::2]]
    network._optimizer.params = network.coefs_ + network.intercepts_
    return batches(lambda a, t: network.partial_fit(a, t[:, 0]), x, y, work, len(x)), (
        lambda: float(((network.predict(x) - y[:, 0]) ** 2).mean()))


CONTESTANTS = {"refnn C": refnn_c, "refnn Python": refnn_python, "NumPy": numpy_double, "PyTorch float64": torch_double,
               "PyTorch float32": torch_single, "scikit-learn": scikit_learn}
SINGLE = ("PyTorch float32",)


def arrays(work, np):
    """The samples as arrays of doubles, and of classes or doubles."""
    x = np.array([work.samples.inputs[n] for n in range(len(work.samples))])
    y = work.samples.targets
    return x, np.array(y, np.int64) if work.model.loss == "cross_entropy" else np.array([y[n] for n in range(len(y))])


def matrices(work):
    """The first parameters as NumPy arrays: w and, where there is one, b of each layer."""
    import numpy as np
    flat = np.array(Network(work.model, "c", 0).parameters)
    parts = []
    for layer in work.model.layers:
        for shape in shapes(layer):
            count = int(np.prod(shape))
            parts.append(flat[:count].reshape(shape))
            flat = flat[count:]
    return parts


def shapes(layer):
    """The shape of each of a layer's parameters."""
    if isinstance(layer, Linear):
        return [(layer.inputs, layer.outputs), (layer.outputs,)][:1 + layer.bias]
    if isinstance(layer, Conv2d):
        return [(layer.out_channels, layer.in_channels, *layer.kernel_size), (layer.out_channels,)][:1 + layer.bias]
    return [(layer.num_features,)] * 2 if isinstance(layer, BatchNorm2d) else []


def batches(step, x, y, work, count):
    """run(samples) over whole batches, from the first on, wrapping round."""
    whole = max(count - count % work.batch_size, work.batch_size)

    def run(samples):
        for start in range(0, samples, work.batch_size):
            first = start % whole
            step(x[first:first + work.batch_size], y[first:first + work.batch_size])

    return run


def measure(work, threads, rounds):
    """Microseconds a sample of every contestant that is here: name -> (best, median)."""
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
    for name, loss in losses.items():
        allowed = 1e-3 if name in SINGLE else 1e-6
        if abs(loss - losses["refnn C"]) > allowed * abs(losses["refnn C"]):
            raise RefnnError(f"{name} does other work: {work.name} has loss {loss!r} there, {losses['refnn C']!r} in C")
    times = {name: [] for name in runs}
    sizes = {}
    for name, run in runs.items():
        unit = work.batch_size if not work.epochs else len(work.samples) * (work.epochs if name == "refnn C" else 1)
        start = time.perf_counter()
        run(unit)
        sizes[name] = unit * max(1, int(SLICE / (time.perf_counter() - start)))
    for _ in range(rounds):
        for name, run in runs.items():
            start = time.perf_counter()
            run(sizes[name])
            times[name].append((time.perf_counter() - start) / sizes[name] * 1e6)
    return {name: (min(values), statistics.median(values)) for name, values in times.items()}


def peak(native, rounds):
    """GFLOP/s of one thread that does nothing but multiply and add in registers, and of a product of 1024 x 1024 matrices."""
    sink = array("d", [0.999, 0.5] + [0.0] * 10)
    n = 1024
    a, b, c = native.doubles(n * n), native.doubles(n * n), native.doubles(n * n)
    a[:] = b[:] = array("d", [k % 17 / 17 for k in range(n * n)])
    simd = native.simd()
    best = [0.0, 0.0]
    for _ in range(rounds):
        start = time.perf_counter()
        flops = native.lib.refnn_peak(simd, 3_000_000, native.pointer(sink))
        middle = time.perf_counter()
        native.lib.refnn_matmul(simd, 1, n, n, n, native.pointer(a), native.pointer(b), native.pointer(c))
        stop = time.perf_counter()
        best = [max(best[0], flops / (middle - start) / 1e9), max(best[1], 2.0 * n**3 / (stop - middle) / 1e9)]
    return best


def processor_name():
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            return next(line.split(":")[1].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def main(arguments=None):
    """Runs the command line; returns its exit status."""
    return command("refnn.bench", lambda: run(options().parse_args(arguments)))


def options():
    parser = Parser(prog="python -m refnn.bench", description=__doc__.split("\n\n")[0], allow_abbrev=False)
    parser.add_argument("--threads", type=integer, default=1, metavar="N", help="of every contestant (default: 1)")
    parser.add_argument("--rounds", type=integer, default=ROUNDS, metavar="N", help=f"turns of each (default: {ROUNDS})")
    parser.add_argument("--json", metavar="FILE", help="write a record for programs; - for standard output")
    return parser


def run(given):
    threads, rounds = whole_number(given.threads, "--threads", 1, 1024), whole_number(given.rounds, "--rounds")
    json_path = given.json
    if json_path is not None:
        check_writable(json_path)
    implementations.load("c")
    from .implementations import c as native
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(variable, str(threads))
    stream = sys.stderr if json_path == "-" else sys.stdout

    def say(line):
        print(line, file=stream, flush=True)

    top, product = peak(native, rounds)
    share = f" ({100 * product / top:.0f} %)" if top else ""
    say(f"refnn {__version__}, C ({native.build()}) on {processor_name()}, {threads} thread{'s' * (threads > 1)}")
    say(f"peak of one thread, multiplications and additions: {top:.1f} GFLOP/s; product of 1024 x 1024 matrices: {product:.1f}{share}")
    say("microseconds a sample, best of rounds (median), and how many times as long as refnn C")
    record = {"refnn": __version__, "build": native.build(), "processor": processor_name(), "threads": threads, "rounds": rounds,
              "peak_gflops": top, "product_gflops": product, "works": []}
    for work in works():
        times = measure(work, threads, rounds)
        best = times["refnn C"][0]
        speed = work.flops() / best / 1e3
        note = f", {speed:.1f} GFLOP/s" + (f", {100 * speed / top:.0f} % of peak" if top else "")
        say(f"\n{work.name}{note}")
        for name, (fastest, median) in times.items():
            say(f"  {name:16} {fastest:10.3f} ({median:.3f})" + (f"  {fastest / best:8.2f} x" if name != "refnn C" else ""))
        record["works"].append({"name": work.name, "gflops": speed, "microseconds": {
            name: {"best": fastest, "median": median} for name, (fastest, median) in times.items()}})
    if json_path is not None:
        write_json(json_path, record)


if __name__ == "__main__":
    sys.exit(main())
