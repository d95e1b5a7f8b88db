"""Trains a network with every combination of settings, and compares the medians.

Each setting of a task takes one value or several. Without arguments: how width
and depth decide what sin-cos learns, at a constant rate. In Python:

    points = grid("sin-cos", hidden=[(10,), (20,)], lr=[0.001], seed=range(20))
    results = sweep(points, executor=any_executor, keep="points.jsonl")
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import signal
import statistics
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from functools import partial
from itertools import islice, product
from math import prod
from typing import Any

from . import SPEC, implementations
from .checks import known_name, shown, whole_number
from .cli import (
    Parser,
    add_output,
    add_plot,
    add_settings,
    check_writable,
    command,
    integer,
    option,
    percent,
    write_json,
)
from .errors import DivergenceError, InputError
from .files import PathLike
from .kept import RESULT, Kept, Point, key
from .network import Network, digest
from .plots import Plots, of_sweep
from .progress import Progress, Report
from .samples import check_samples
from .tasks import SETTINGS, TASKS, task

WIDTHS = ((10,), (20,), (50,), (100,))
DEPTHS = ((20,), (20, 20), (20, 20, 20), (20, 20, 20, 20))
DEFAULT: dict[str, list[Any]] = {"hidden": list(dict.fromkeys(WIDTHS + DEPTHS)), "lr": [0.001], "lr_decay": [1.0]}
KEEP = "refnn-sweep.jsonl"
EXAMPLES = """examples:
  refnn sweep mnist --data digits --hidden 10 20,20 --lr 0.01 0.03 --seeds 5
  refnn sweep                                    widths and depths on sin-cos"""
OTHERS = ("seed", "impl", "limit", "data")  # what a point may have beside the task's settings
MAX_POINTS = 1_000_000


def grid(name: str, **values: Iterable[Any]) -> list[Point]:
    """Every combination of the values as a list of points.

    values: a list of values for each setting to vary, and for seed, impl, limit, data
    """
    task(name)
    for field, chosen in values.items():
        known_name(field, [*SETTINGS, *OTHERS], "setting")
        if isinstance(chosen, str) or not isinstance(chosen, Iterable):
            raise InputError(f"{field} must be a list of values, not {shown(chosen)}")
        values[field] = tuple(islice(chosen, MAX_POINTS + 1))
    if prod(len(tuple(chosen)) for chosen in values.values()) > MAX_POINTS:
        raise InputError(f"these are more than {MAX_POINTS} points")
    return [{"task": name, **dict(zip(values, chosen))} for chosen in product(*values.values())]


def settings_of(point: Point) -> dict[str, Any]:
    """The settings of a task among what a point or its result holds."""
    return {name: value for name, value in point.items() if name in SETTINGS}


def train_point(point: Point) -> Point:
    """Trains one point. -> the point with its result: losses, accuracy and digest, or why it diverged.

    "losses" are those of the training data, of epoch 0 and on; the others are of the end.

    point: {"task": name}, and any of seed, impl, limit, data and the task's settings
    """
    chosen = task(point["task"]).adapted(settings_of(point))
    seed = point.get("seed", 0)
    model = chosen.model()
    data = chosen.data(seed, point.get("data"))
    train = check_samples(model, *data.train)
    if "limit" in point:
        train = train.first(point["limit"])
    pair = data.validation or data.test
    held_out = check_samples(model, *pair) if pair else None
    impl = point.get("impl") or implementations.default()
    network = Network(model, impl, seed, 1)  # one thread each: points run in parallel
    begin = time.perf_counter()
    result: Point = {"train_loss": None, "validation_loss": None, "accuracy": None, "sha256": None, "diverged": None,
                     "losses": None}
    try:
        history = network.train(train, **chosen.settings())
        last = history[-1]
        evaluation = network.evaluate(held_out) if held_out else None
        result.update(train_loss=last.train_loss, validation_loss=evaluation and evaluation.loss,
                      accuracy=(evaluation or last).accuracy, sha256=digest(network.parameters),
                      losses=[epoch.train_loss for epoch in history])
    except DivergenceError as error:
        result["diverged"] = str(error)
    return {**point, "spec": SPEC, **result, "seconds": time.perf_counter() - begin}


def sweep(points: Iterable[Point], executor: Any = None, keep: Kept | PathLike | None = None,
          on_result: Callable[[Point], object] | None = None) -> list[Point]:
    """Trains every point. If one fails, or its process dies, only that point is lost.

    executor:  a concurrent.futures.Executor, or any object with its submit (Dask, MPI, Ray); None: one after another
    keep:      a file to which each result is appended, one JSON per line, or that file open, a Kept; points found in it
               are not trained again
    on_result: called with each result, including those of the file
    -> the results in the order of the points; for a lost point {**point, "lost": why}
    """
    if keep is not None and not isinstance(keep, Kept):
        with Kept(keep) as kept:
            for n in kept.damaged:
                warnings.warn(f"{kept.path}: line {n} is damaged and is not used", stacklevel=2)
            return sweep(points, executor, kept, on_result)
    points = [json.loads(json.dumps(point)) for point in points]  # as they are read back from the file
    found = keep.results if keep else {}
    results: dict[int, Point] = {}

    def take(n: int, result: Point) -> None:
        results[n] = result
        if on_result:
            on_result(result)

    def finish(n: int, call: Callable[[], Point]) -> None:
        try:
            result = call()
        except Exception as error:
            return take(n, {**points[n], "lost": f"{type(error).__name__}: {error}"})
        if keep:
            keep.append(result)
        take(n, result)

    waiting = []
    for n, point in enumerate(points):
        if key(point) in found:
            take(n, found[key(point)])
        else:
            waiting.append(n)
    if executor is None:
        for n in waiting:
            finish(n, partial(train_point, points[n]))
    else:
        futures = {executor.submit(train_point, points[n]): n for n in waiting}
        for future in as_completed(futures):
            finish(futures[future], future.result)
    return [results[n] for n in range(len(points))]


class Processes(Executor):
    """A pool of processes. One that dies loses only the call that it was running, and is replaced."""

    def __init__(self, jobs: int) -> None:
        self.threads = ThreadPoolExecutor(jobs)
        self.own = threading.local()  # each thread has its pool of one process
        self.pools: list[ProcessPoolExecutor] = []

    def submit(self, function: Callable[..., Any], /, *arguments: Any, **keywords: Any) -> Future[Any]:
        return self.threads.submit(self._call, function, *arguments, **keywords)

    def _call(self, function: Callable[..., Any], *arguments: Any, **keywords: Any) -> Any:
        if not hasattr(self.own, "pool"):
            self.own.pool = ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), end_with_parent)
            self.pools.append(self.own.pool)
        if hasattr(signal, "pthread_sigmask"):  # the new process inherits it, until it can end quietly
            signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
        try:
            return self.own.pool.submit(function, *arguments, **keywords).result()
        except BrokenProcessPool:
            del self.own.pool
            raise

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        self.threads.shutdown(wait, cancel_futures=cancel_futures)
        for pool in self.pools:
            pool.shutdown(wait, cancel_futures=cancel_futures)

    def kill(self) -> None:
        """Ends all calls. Ctrl-C reaches the processes, but other interruptions do not."""
        self.shutdown(wait=False, cancel_futures=True)
        ended = threading.Thread(target=self.shutdown)
        ended.start()
        while ended.is_alive():
            for process in multiprocessing.active_children():  # each time, since a thread may be about to start one
                process.kill()
            ended.join(0.05)


def end_with_parent() -> None:
    """Makes a process of the pool end without a traceback on Ctrl-C, and when its parent process has ended."""
    signal.signal(signal.SIGINT, lambda *_: os._exit(130))
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
    threading.Thread(target=wait_for_parent, daemon=True).start()


def wait_for_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()  # by a pipe that the parent holds open: at once, and also if it ended before this call
        os._exit(1)


def processors() -> int:
    """The number of processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def options() -> Parser:
    parser = Parser(prog="refnn sweep", description=__doc__, allow_abbrev=False, epilog=EXAMPLES,
                    formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", nargs="?",
                        help=f"{', '.join(TASKS)} (default: sin-cos at a constant rate of 0.001, with one "
                             "hidden layer of 10, 20, 50, 100 units and with 1, 2, 3, 4 layers of 20)")
    add_settings(parser, nargs="+")
    parser.add_argument("--seeds", type=integer, default=20, metavar="N",
                        help="each with the seeds 0 to N - 1 (default: 20)")
    parser.add_argument("--limit", type=integer, metavar="N", help="train on the first N samples only")
    parser.add_argument("--data", metavar="DIR", help="for tasks on MNIST: as in refnn.train")
    parser.add_argument("--impl", help="c or python (default: c if it is built)")
    parser.add_argument("--jobs", type=integer, default=processors(), metavar="N",
                        help="processes (default: one per processor)")
    parser.add_argument("--keep", default=KEEP, metavar="FILE",
                        help=f"file of finished points, which a rerun does not train again (default: {KEEP})")
    add_plot(parser, "the losses of the settings, medians over the seeds")
    add_output(parser)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; returns its exit status: 1 if points were lost."""
    return command("refnn.sweep", lambda: run(options().parse_args(arguments)))


def run(given: argparse.Namespace) -> int:
    implementations.load(given.impl or implementations.default())
    check_writable(given.json)
    plots = Plots(given.plot) if given.plot is not None else None
    progress = Progress(sys.stderr if given.json == "-" else sys.stdout, given.quiet)
    with closing(progress):
        points = points_of(given, progress)
    with Kept(given.keep) as kept:
        for n in kept.damaged:
            print(f"refnn.sweep: {kept.path}: line {n} is damaged and is not used", file=sys.stderr)
        results = train_all(points, kept, given.jobs, progress)
    for line in table(results):
        progress.say(line)
    lost = [result for result in results if "lost" in result]
    for result in lost:
        point = key({name: value for name, value in result.items() if name != "lost"})
        progress.say(f"lost: {point}: {result['lost']}")
    write_json(given.json, results)
    if plots:
        groups = [(task(settings["task"]).adapted(settings_of(settings)), runs) for settings, runs in grouped(results)]
        plots.write(of_sweep(groups), progress.say)
    return int(bool(lost))


def train_all(points: list[Point], kept: Kept, jobs: int, progress: Progress) -> list[Point]:
    """Trains what is not kept, in processes, and shows how many points are finished."""
    found = len([point for point in points if key(point) in kept.results])
    again = f", {found} of them kept in {kept.path}" if found else f"; finished ones are kept in {kept.path}"
    progress.say(f"{len(points)} point{'s' * (len(points) != 1)}, {jobs} at a time{again}")
    done = -found

    def on_result(result: Point) -> None:
        nonlocal done
        done += 1
        if done > 0:  # those that are kept come first
            progress("training", done, len(points) - found, "points")

    executor = Processes(jobs)
    try:
        return sweep(points, executor, kept, on_result)
    except BaseException:
        executor.kill()
        raise
    finally:
        executor.shutdown(cancel_futures=True)
        progress.close()


def points_of(given: argparse.Namespace, report: Report) -> list[Point]:
    """The grid of the command line, every point checked before any is trained."""
    seeds = range(whole_number(given.seeds, "--seeds"))
    whole_number(given.jobs, "--jobs", 1, 1024)
    values = dict(DEFAULT) if given.task is None else {}
    for name in (*SETTINGS, "limit", "data", "impl"):
        value = getattr(given, name)
        if value is not None:
            values[name] = list(dict.fromkeys(value)) if isinstance(value, list) else [value]
    if given.limit is not None:
        whole_number(given.limit, "--limit")
    points = grid(given.task or "sin-cos", **values, seed=seeds)
    for point in points[::len(seeds)]:
        task(point["task"]).adapted(settings_of(point), option)
    task(points[0]["task"]).data(0, given.data, report)
    return points


COLUMNS = ("hidden", "lr", "batch_size")  # settings that a table always shows


def grouped(results: Sequence[Point]) -> list[tuple[Point, list[Point]]]:
    """Each combination of settings, and its results for the seeds."""
    groups: dict[str, tuple[Point, list[Point]]] = {}
    for result in results:
        settings = {name: value for name, value in result.items() if name not in (*RESULT, "seed", "lost")}
        groups.setdefault(key(settings), (settings, []))[1].append(result)
    return list(groups.values())


def table(results: Sequence[Point]) -> Iterator[str]:
    """A line for each combination, with the medians over its seeds."""
    groups = grouped(results)
    varied = [name for name in SETTINGS if name not in COLUMNS
              and len({key(settings.get(name)) for settings, _ in groups}) > 1]
    yield (f"{'hidden':18}{'rate':>8}{'batch':>7}{'runs':>6}  "
           f"{'median loss':12}{'lowest':12}{'highest':12}{'held out':12}accuracy")
    for settings, runs in groups:
        yield line_of(settings, runs, varied)


def line_of(settings: Point, runs: Sequence[Point], varied: Sequence[str]) -> str:
    """A table's line for the runs of one combination."""
    chosen = task(settings["task"]).adapted(settings_of(settings))
    hidden = "as in the task" if chosen.layers else ",".join(map(str, chosen.hidden)) or "none"
    finished = [result for result in runs if result.get("train_loss") is not None]
    losses = [result["train_loss"] for result in finished]
    cells = [take(losses) if losses else None for take in (statistics.median, min, max)]
    for name in ("validation_loss", "accuracy"):
        values = [result[name] for result in finished if result[name] is not None]
        cells.append(statistics.median(values) if values else None)
    *cells, accuracy = cells
    shown = "".join(f"{'-' if cell is None else f'{cell:.4g}':12}" for cell in cells)
    shown += "-" if accuracy is None else percent(accuracy)
    others = "".join(f"  {option(name)} {getattr(chosen, name)}" for name in varied)
    diverged = len([result for result in runs if result.get("diverged")])
    lost = len(runs) - len(finished) - diverged
    failed = [f"{count} {what}" for count, what in ((diverged, "diverged"), (lost, "lost")) if count]
    return (f"{hidden:18}{chosen.lr:>8g}{chosen.batch_size:>7}{len(finished):>6}  {shown}".rstrip() + others
            + (f"  ({', '.join(failed)})" if failed else ""))


if __name__ == "__main__":
    sys.exit(main())
