"""Measures the speed of the C core on this machine, and of other libraries that are installed.

First trainings: all contestants train the same network on the same samples, with the same batches and rate, from the
same parameters. Those that compute in double precision must first reach the same loss to 1e-6. Then what users call:
data in, epochs, predictions, files, start-up. All are timed in turn, in several rounds, in one process, with the same
number of threads. To install the other libraries: pip install 'refnn[peers]'.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import sys
import tempfile
import time
from array import array
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from . import __version__, implementations
from .calls import Call, calls, dense_work, wide_work
from .checks import whole_number
from .cli import Parser, add_plot, check_writable, command, integer, printer, write_json
from .contestants import SINGLE, Work, contestants
from .errors import RefnnError
from .plots import Figures, Plots
from .samples import check_samples
from .tasks import task

ROUNDS = 5
SLICE = 0.15  # seconds of each turn
QUICK_SLICE = 0.03
CHECK_STEPS = 3
PYTHON_WORK = 1e9  # multiplications and additions of an epoch in which plain Python takes part: some 20 seconds;
QUICK_PYTHON_WORK = 1e7  # with --quick


class Time(NamedTuple):
    """Microseconds of one sample, or of what else is counted: the least of the rounds, and their median."""

    best: float
    median: float


Say = Callable[[str], None]


def works() -> list[Work]:
    """The trainings that are measured. The samples of MNIST are in $REFNN_DATA, else the digits in refnn."""
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
    return [*made, dense_work(), wide_work()]


def in_turn(runs: Mapping[str, Callable[[int], object]], units: Mapping[str, int], rounds: int,
            seconds: float) -> dict[str, Time]:
    """Times runs[name](count) in turn; -> the time of one of the count.

    units: the counts are multiples of these; seconds: of each turn
    """
    counts = {}
    for name, run in runs.items():
        start = time.perf_counter()
        run(units[name])
        counts[name] = units[name] * max(1, int(seconds / max(time.perf_counter() - start, 1e-9)))
    times: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            start = time.perf_counter()
            run(counts[name])
            times[name].append((time.perf_counter() - start) / counts[name] * 1e6)
    return {name: Time(min(values), statistics.median(values)) for name, values in times.items()}


def measure(work: Work, threads: int, rounds: int, quick: bool = False) -> dict[str, Time]:
    """Times of a sample, by contestant. Raises RefnnError if one does other work."""
    most = QUICK_PYTHON_WORK if quick else PYTHON_WORK
    found = contestants(work, threads, python=work.flops() * len(work.samples) <= most)
    losses = {}
    for name, (run, loss) in found.items():
        run(CHECK_STEPS * (work.batch_size if not work.epochs else len(work.samples)))
        losses[name] = loss()
    for name, reached in losses.items():
        allowed = 1e-3 if name in SINGLE else 1e-6
        if abs(reached - losses["refnn C"]) > allowed * abs(losses["refnn C"]):
            raise RefnnError(f"{name} does other work: {work.name} has loss {reached!r} there, "
                             f"{losses['refnn C']!r} in C")
    units = {name: work.batch_size if not work.epochs else len(work.samples) * (work.epochs if name == "refnn C" else 1)
             for name in found}
    return in_turn({name: run for name, (run, _) in found.items()}, units, rounds, QUICK_SLICE if quick else SLICE)


def measure_call(call: Call, rounds: int, quick: bool = False) -> dict[str, Time]:
    """Times of one unit of a call, by contestant."""
    def repeat(run: Callable[[], object], count: int) -> None:
        for _ in range(count // call.units):
            run()

    runs = {name: partial(repeat, run) for name, run in call.runs.items()}
    return in_turn(runs, dict.fromkeys(runs, call.units), rounds, QUICK_SLICE if quick else SLICE)


def bandwidth(size: int, rounds: int) -> float:
    """Bytes per second of a block copy that reads and writes `size` bytes in all, again and again."""
    source, target = memoryview(bytes(max(size // 2, 4096))), memoryview(bytearray(max(size // 2, 4096)))

    def copy(count: int) -> None:
        for _ in range(count):
            target[:] = source

    copied = in_turn({"": copy}, {"": 1}, rounds, QUICK_SLICE)[""]
    return 2.0 * len(source) / copied.best * 1e6


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
    parser.add_argument("--rounds", type=integer, metavar="N", help=f"turns of each (default: {ROUNDS})")
    parser.add_argument("--quick", action="store_true",
                        help="about 20 seconds: 2 short rounds, plain Python only with small networks, no start-up")
    parser.add_argument("--json", metavar="FILE", help="write a record for programs; - for standard output")
    add_plot(parser, "the times of all, as multiples of refnn's")
    return parser


def run(given: argparse.Namespace) -> int:
    threads = whole_number(given.threads, "--threads", 1, 1024)
    rounds = (2 if given.quick else ROUNDS) if given.rounds is None else whole_number(given.rounds, "--rounds")
    check_writable(given.json)
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(variable, str(threads))  # before NumPy is imported, which matplotlib does
    plots = Plots(given.plot) if given.plot is not None else None
    implementations.load("c")
    from . import core as c
    say = printer(given)
    say(f"refnn {__version__}, C ({c.build()}) on {processor_name()}, {threads} thread{'s' * (threads > 1)}")
    top, product = peak(c, rounds)
    share = f" ({100 * product / top:.0f} %)" if top else ""
    say(f"peak of one thread, multiplications and additions: {top:.1f} GFLOP/s; "
        f"product of 1024 x 1024 matrices: {product:.1f}{share}")
    say("microseconds, best of rounds (median), and the ratio to refnn C")
    measured = [report_work(work, measure(work, threads, rounds, given.quick), top, say) for work in works()]
    with tempfile.TemporaryDirectory() as folder:
        called = [report_call(call, measure_call(call, rounds, given.quick), top, rounds, say)
                  for call in calls(threads, folder, start=not given.quick)]
    write_json(given.json, {"refnn": __version__, "build": c.build(), "processor": processor_name(), "threads": threads,
                            "rounds": rounds, "peak_gflops": top, "product_gflops": product, "works": measured,
                            "calls": called})
    if plots:
        title = f"{processor_name()}, {threads} thread{'s' * (threads > 1)}"
        plots.write(of_rows(plots, [*measured, *called], title), say)
    return 0


def of_rows(plots: Plots, rows: Sequence[dict[str, Any]], title: str) -> Figures:
    """The figure of all rows that have several contestants. rows: their records"""
    times = {row["name"]: {name: taken["best"] for name, taken in row["microseconds"].items()} for row in rows}
    yield "speed.png", plots.made.ratios({name: row for name, row in times.items() if len(row) > 1}, "refnn C", title)


def report_work(work: Work, times: dict[str, Time], top: float, say: Say) -> dict[str, Any]:
    """Prints the times of a training; -> its record. top: the peak in GFLOP/s, 0.0 if it is not known"""
    speed = work.flops() / times["refnn C"].best / 1e3
    say_times(f"{work.name}, per sample", times, f"{speed:.1f} GFLOP/s"
              + (f", {100 * speed / top:.0f} % of peak" if top else ""), say)
    return {"name": work.name, "gflops": speed, "microseconds": records(times)}


def report_call(call: Call, times: dict[str, Time], top: float, rounds: int, say: Say) -> dict[str, Any]:
    """Prints the times of a call and its bound, the longer of its operations at `top` GFLOP/s and its bytes at the
    bandwidth of as many; -> its record."""
    bounds = {"operations": call.flops / top / 1e3 if top else 0.0,
              "bytes": call.bytes / bandwidth(int(call.bytes), rounds) * 1e6 if call.bytes else 0.0}
    what = max(bounds, key=lambda name: bounds[name])
    bound = bounds[what] / call.units
    share = bound / times["refnn C"].best
    say_times(f"{call.name}, per {call.unit}", times,
              f"{100 * share:.0f} % of the bound by {what}, {bound:.3f}" if bound else "", say)
    return {"name": call.name, "unit": call.unit, "bound": bound, "share": share, "microseconds": records(times)}


def say_times(title: str, times: dict[str, Time], note: str, say: Say) -> None:
    say(f"\n{title}")
    for name, (best, median) in times.items():
        ratio = note if name == "refnn C" else f"{best / times['refnn C'].best:8.2f} x"
        say(f"  {name:16} {best:12.3f} ({median:.3f})  {ratio}".rstrip())


def records(times: dict[str, Time]) -> dict[str, dict[str, float]]:
    return {name: taken._asdict() for name, taken in times.items()}


if __name__ == "__main__":
    sys.exit(main())
