"""python -m refnn.train: trains a network on one of the tasks, and reports the loss."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from . import SPEC, __version__, implementations
from .checks import whole_number
from .cli import Parser, add_settings, check_writable, command, integer, option, printer, write_json
from .network import Epoch, Network, digest
from .samples import check_samples
from .tasks import SETTINGS, TASKS, Task, task

LINES = 50  # up to this many epochs, all are printed; of more, about 20


def options() -> Parser:
    parser = Parser(prog="python -m refnn.train", description=__doc__, allow_abbrev=False)
    parser.add_argument("task", nargs="?", default="alice-bob", help=f"{', '.join(TASKS)} (default: alice-bob)")
    parser.add_argument("--impl", help="c or python (default: c if it is built)")
    add_settings(parser)
    parser.add_argument("--seed", type=integer, default=0, metavar="N",
                        help="of the parameters, the order and random data (default: 0)")
    parser.add_argument("--limit", type=integer, metavar="N", help="train on the first N samples only")
    parser.add_argument("--threads", type=integer, metavar="N",
                        help="threads of the C core (default: the fastest number; the bits are the same)")
    parser.add_argument("--data", metavar="DIR",
                        help="for tasks on MNIST: a folder with its files, or digits, a small set that is built in "
                             "(default: $REFNN_DATA, else the user's cache, else downloaded)")
    parser.add_argument("--json", metavar="FILE", help="write a record for programs; - for standard output")
    parser.add_argument("--quiet", action="store_true", help="print nothing but mistakes")
    parser.add_argument("--version", action="version", version=f"refnn {__version__}")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; returns its exit status."""
    return command("refnn.train", lambda: run(options().parse_args(arguments)))


def run(given: argparse.Namespace) -> int:
    chosen = adapted(given)
    impl = implementations.default() if given.impl is None else given.impl
    network = Network(chosen.model(), impl, whole_number(given.seed, "--seed", 0, 2**64 - 1), given.threads)
    model = network.model
    if given.limit is not None:
        whole_number(given.limit, "--limit")
    check_writable(given.json)
    say = printer(given)
    data = chosen.data(given.seed, given.data)
    train = check_samples(model, *data.train)
    if given.limit:
        train = train.first(given.limit)
    validation = data.validation and check_samples(model, *data.validation)
    test = data.test and check_samples(model, *data.test)

    say(f"refnn {__version__}: {given.task} in {implementations.describe(impl)}, seed {given.seed}")
    if not given.impl and impl != "c":
        say(str(implementations.missing()))
    say(f"{model} network, {model.parameter_count} parameters, {len(train)} samples, batches of {chosen.batch_size}")
    initial = digest(network.parameters)
    every = 1 if chosen.epochs <= LINES else -(-chosen.epochs // 20)

    def on_epoch(epoch: Epoch) -> None:
        if epoch.epoch % every == 0 or epoch.epoch == chosen.epochs:
            say(epoch_line(epoch, len(train)))

    history = network.train(train, validation=validation, on_epoch=on_epoch, **chosen.settings())
    result = network.evaluate(test) if test else None
    if result:
        accuracy = "" if result.accuracy is None else f"  accuracy {result.accuracy:.4f}"
        say(f"test: loss {result.loss:.6g}{accuracy}  ({0 if test is None else len(test)} samples)")
    for name, x in chosen.questions:
        say(f"{name}: {network.predict([x])[0][0]:.6f}")
    write_json(given.json, {
        "task": given.task, "impl": impl, "seed": given.seed, "spec": SPEC, "samples": len(train),
        "parameters": model.parameter_count, "initial_sha256": initial, "final_sha256": digest(network.parameters),
        "epochs": [epoch._asdict() for epoch in history], "test": result and result._asdict()})
    return 0


def adapted(given: argparse.Namespace) -> Task:
    """The task with what the command line changes, checked."""
    changes: dict[str, Any] = {name: getattr(given, name) for name in SETTINGS if getattr(given, name) is not None}
    return task(given.task).adapted(changes, option)


def epoch_line(epoch: Epoch, count: int) -> str:
    validation = "" if epoch.validation_loss is None else f"  validation {epoch.validation_loss:<11.6g}"
    accuracy = "" if epoch.accuracy is None else f"  accuracy {epoch.accuracy:.4f}"
    speed = f"  {count / epoch.seconds:,.0f} samples/s" if epoch.seconds else ""
    return f"epoch {epoch.epoch:4d}  loss {epoch.train_loss:<11.6g}{validation}{accuracy}  lr {epoch.lr:.6g}{speed}"


if __name__ == "__main__":
    sys.exit(main())
