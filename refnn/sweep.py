"""python -m refnn.sweep: trains a network in every combination of some settings and seeds, and compares the medians.

Without arguments: how width and depth decide what sin-cos learns, at a constant rate. From Python:

    points = grid("sin-cos", hidden=[(10,), (20,)], lr=[0.001, 0.01], seed=range(20))
    results = sweep(points, executor=any_executor, keep="points.jsonl")
"""

import dataclasses
import json
import multiprocessing
import os
import signal
import statistics
import sys
import threading
import time
from contextlib import contextmanager
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from itertools import product

from . import SPEC, implementations
from .checks import known_name, whole_number
from .cli import Parser, check_writable, command, integer, number, printer, sizes, write_json
from .errors import DivergenceError, InputError
from .network import Network, digest
from .samples import check_samples
from .tasks import TASKS, task

WIDTHS = ((10,), (20,), (50,), (100,))
DEPTHS = ((20,), (20, 20), (20, 20, 20), (20, 20, 20, 20))
DEFAULT = dict(hidden=list(dict.fromkeys(WIDTHS + DEPTHS)), lr=[0.001], lr_decay=[1.0])
KEEP = "refnn-sweep.jsonl"
RESULT = ("spec", "train_loss", "validation_loss", "accuracy", "sha256", "diverged", "seconds")  # what training adds to a point


def grid(name, **values):
    """Every combination of the values, lists by the name of a task's field, or seed: a list of points, dictionaries."""
    fields = [field.name for field in dataclasses.fields(task(name)) if field.name not in ("data", "layers", "input_shape")]
    for field, chosen in values.items():
        known_name(field, [*fields, "seed", "impl", "limit", "data"], "setting")
        if isinstance(chosen, (str, int, float)):
            raise InputError(f"{field} must be a list of values, not {chosen!r}")
    return [{"task": name, **dict(zip(values, chosen))} for chosen in product(*values.values())]


def train_point(point):
    """Trains one point. -> the point with its result: losses, accuracy and digest, or why it diverged.

    point: {"task": name}, and any of seed, impl, limit, data and the task's fields
    """
    changes = {key: value for key, value in point.items() if key not in ("task", "seed", "impl", "limit", "data")}
    chosen = task(point["task"]).adapted(changes)
    seed = point.get("seed", 0)
    model = chosen.model()
    data = chosen.data(seed, point.get("data"))
    train = check_samples(model, *data.train)
    if "limit" in point:
        train = train.first(point["limit"])
    held_out = check_samples(model, *(data.validation or data.test)) if data.validation or data.test else None
    impl = point.get("impl") or implementations.default()
    network = Network(model, impl, seed, 1)  # one thread: it is the points that run side by side
    begin = time.perf_counter()
    result = {"train_loss": None, "validation_loss": None, "accuracy": None, "sha256": None, "diverged": None}
    try:
        last = network.train(train, **chosen.settings())[-1]
        evaluation = network.evaluate(held_out) if held_out else None
        result.update(train_loss=last.train_loss, validation_loss=evaluation and evaluation.loss,
                      accuracy=(evaluation or last).accuracy, sha256=digest(network.parameters))
    except DivergenceError as error:
        result["diverged"] = str(error)
    return {**point, "spec": SPEC, **result, "seconds": time.perf_counter() - begin}


def sweep(points, executor=None, keep=None, on_result=None):
    """Trains every point; one that fails, or whose process dies, is lost alone.

    executor:  a concurrent.futures.Executor, or anything with its submit (Dask, MPI, Ray); None: here, one after the other
    keep:      a file to which each result is added as it is there, one JSON a line; points that it has are not trained again
    on_result: called with each result, those of the file included
    -> the results in the order of the points; for a point that was lost {**point, "lost": why}
    """
    points = [json.loads(json.dumps(point)) for point in points]  # as they will be read back
    kept = read(keep) if keep else {}
    results = {}

    def take(n, result):
        results[n] = result
        if on_result:
            on_result(result)

    def finish(n, call):
        try:
            result = call()
        except Exception as error:
            return take(n, {**points[n], "lost": f"{type(error).__name__}: {error}"})
        if keep:
            with keeping(keep), open(keep, "a", encoding="utf-8") as file:
                file.write(json.dumps(result) + "\n")
        take(n, result)

    waiting = []
    for n, point in enumerate(points):
        if key(point) in kept:
            take(n, kept[key(point)])
        else:
            waiting.append(n)
    if executor is None:
        for n in waiting:
            finish(n, lambda: train_point(points[n]))
    else:
        futures = {executor.submit(train_point, points[n]): n for n in waiting}
        for future in as_completed(futures):
            finish(futures[future], future.result)
    return [results[n] for n in range(len(points))]


def key(point):
    return json.dumps(point, sort_keys=True)


def read(path):
    """The results in a file, by the keys of their points; a last line that was not finished is cut off."""
    if not os.path.exists(path):
        return {}
    with keeping(path), open(path, encoding="utf-8") as file:
        *whole, rest = file.read().split("\n")
    kept = {}
    for n, line in enumerate(whole, 1):
        try:
            result = json.loads(line)
            point = {name: value for name, value in result.items() if name not in RESULT}
            if result["spec"] == SPEC:
                kept[key(point)] = result
        except (ValueError, AttributeError, TypeError, KeyError):
            raise InputError(f"{path}: line {n} is not a point of a sweep") from None
    if rest and not rest.startswith('{"task": '):
        raise InputError(f"{path}: line {len(whole) + 1} is not a point of a sweep")
    if rest:
        with keeping(path), open(path, "w", encoding="utf-8") as file:
            file.writelines(line + "\n" for line in whole)
    return kept


@contextmanager
def keeping(path):
    try:
        yield
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: finished points cannot be kept here: {getattr(error, 'strerror', None) or error}") from None


class Processes(Executor):
    """So many processes; one that dies takes the call that it was at with it, and another takes its place."""

    def __init__(self, jobs):
        self.threads = ThreadPoolExecutor(jobs)
        self.own = threading.local()
        self.pools = []

    def submit(self, function, *arguments):
        return self.threads.submit(self._call, function, *arguments)

    def _call(self, function, *arguments):
        if not hasattr(self.own, "pool"):
            self.own.pool = ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), leave_quietly)
            self.pools.append(self.own.pool)
        try:
            return self.own.pool.submit(function, *arguments).result()
        except BrokenProcessPool:
            del self.own.pool
            raise

    def shutdown(self, wait=True, *, cancel_futures=False):
        self.threads.shutdown(wait, cancel_futures=cancel_futures)
        for pool in self.pools:
            pool.shutdown(wait, cancel_futures=cancel_futures)


def leave_quietly():
    """In a process of the pool: Ctrl-C ends it without a traceback, and so does the death of the one that started it."""
    signal.signal(signal.SIGINT, lambda *_: os._exit(130))
    threading.Thread(target=outlive, args=(os.getppid(),), daemon=True).start()


def outlive(parent):
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


def options():
    parser = Parser(prog="python -m refnn.sweep", description=__doc__.splitlines()[0], allow_abbrev=False)
    parser.add_argument("task", nargs="?", help=f"{', '.join(TASKS)} (default: sin-cos at a constant rate of 0.001, with one hidden layer of "
                        "10, 20, 50, 100 units and with 1, 2, 3, 4 layers of 20)")
    parser.add_argument("--hidden", type=sizes, nargs="+", metavar="N,N,...", help="units of the hidden layers, one or more choices")
    parser.add_argument("--lr", type=number, nargs="+", metavar="F", help="learning rates")
    parser.add_argument("--batch-size", type=integer, nargs="+", metavar="N", help="samples of one step")
    parser.add_argument("--seeds", type=integer, default=20, metavar="N", help="each with the seeds 0 to N - 1 (default: 20)")
    parser.add_argument("--epochs", type=integer, metavar="N", help="passes over the training data")
    parser.add_argument("--limit", type=integer, metavar="N", help="train on the first N samples only")
    parser.add_argument("--data", metavar="DIR", help="for mnist and mnist-cnn: as in refnn.train")
    parser.add_argument("--impl", help="c or python (default: c where it is built)")
    parser.add_argument("--jobs", type=integer, default=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
                        metavar="N", help="processes (default: one for each processor)")
    parser.add_argument("--keep", default=KEEP, metavar="FILE", help="where finished points are kept; a rerun goes on from there "
                        f"(default: {KEEP})")
    parser.add_argument("--json", metavar="FILE", help="write the results for programs; - for standard output")
    parser.add_argument("--quiet", action="store_true", help="print nothing but mistakes")
    return parser


def main(arguments=None):
    """Runs the command line; returns its exit status: 1 where points were lost."""
    lost = []
    return command("refnn.sweep", lambda: lost.extend(run(options().parse_args(arguments)))) or int(bool(lost))


def run(given):
    """-> the points that were lost"""
    points = points_of(given)
    implementations.load(given.impl or implementations.default())
    if given.json is not None:
        check_writable(given.json)
    say = printer(given)
    finished = read(given.keep)
    with keeping(given.keep), open(given.keep, "a"):
        pass
    kept = len([point for point in points if key(point) in finished])
    again = f", {kept} of them kept in {given.keep}" if kept else f"; finished ones are kept in {given.keep}"
    say(f"{len(points)} point{'s' * (len(points) != 1)}, {given.jobs} at a time{again}")
    done = []

    def on_result(result):
        done.append(result)
        if sys.stderr.isatty() and not given.quiet:
            print(f"\r{len(done)} of {len(points)}", end="" if len(done) < len(points) else "\n", file=sys.stderr, flush=True)

    executor = Processes(given.jobs)
    try:
        results = sweep(points, executor, given.keep, on_result)
    finally:
        executor.shutdown(cancel_futures=True)
    for line in table(results):
        say(line)
    lost = [result for result in results if "lost" in result]
    for result in lost:
        say(f"lost: {key({name: value for name, value in result.items() if name != 'lost'})}: {result['lost']}")
    if given.json is not None:
        write_json(given.json, results)
    return lost


def points_of(given):
    """The grid of the command line, every point checked before any is trained."""
    seeds = range(whole_number(given.seeds, "--seeds"))
    whole_number(given.jobs, "--jobs", 1, 1024)
    values = dict(DEFAULT) if given.task is None else {}
    values.update({name: list(dict.fromkeys(getattr(given, name))) for name in ("hidden", "lr", "batch_size")
                   if getattr(given, name) is not None})
    values.update({name: [getattr(given, name)] for name in ("epochs", "limit", "data", "impl") if getattr(given, name) is not None})
    if given.limit is not None:
        whole_number(given.limit, "--limit")
    points = grid(given.task or "sin-cos", **values, seed=seeds)
    for point in points[::len(seeds)]:
        task(point["task"]).adapted({name: point[name] for name in ("hidden", "lr", "batch_size", "lr_decay", "epochs") if name in point},
                                    lambda name: "--" + name.replace("_", "-")).model()
    task(points[0]["task"]).data(0, given.data)
    return points


def table(results):
    """A line for each combination, with the medians over its seeds."""
    groups = {}
    for result in results:
        settings = {name: value for name, value in result.items() if name not in (*RESULT, "seed", "lost")}
        groups.setdefault(key(settings), (settings, []))[1].append(result)
    yield f"{'hidden':18}{'rate':>8}{'batch':>7}{'runs':>6}  {'median loss':12}{'lowest':12}{'highest':12}{'held out':12}accuracy"
    for settings, runs in groups.values():
        chosen = task(settings["task"]).adapted({name: settings[name] for name in ("hidden", "lr", "batch_size") if name in settings})
        hidden = "as in the task" if chosen.layers else ",".join(map(str, chosen.hidden)) or "none"
        finished = [result for result in runs if result.get("train_loss") is not None]
        losses = [result["train_loss"] for result in finished]
        cells = [statistics.median(losses), min(losses), max(losses)] if losses else []
        cells += [statistics.median(values) if (values := [result[name] for result in finished if result[name] is not None]) else None
                  for name in ("validation_loss", "accuracy")]
        shown = "".join(f"{'-' if cell is None else f'{cell:.4g}':12}" for cell in cells)
        diverged = len([result for result in runs if result.get("diverged")])
        others = [f"{count} {what}" for count, what in ((diverged, "diverged"), (len(runs) - len(finished) - diverged, "lost")) if count]
        yield (f"{hidden:18}{chosen.lr:>8g}{chosen.batch_size:>7}{len(finished):>6}  {shown}".rstrip()
               + (f"  ({', '.join(others)})" if others else ""))


if __name__ == "__main__":
    sys.exit(main())
