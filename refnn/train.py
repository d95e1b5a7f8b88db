"""Trains a network and reports the loss."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import closing
from typing import Any

from . import SPEC, __version__, files, implementations, saved
from .checks import whole_number
from .cli import (
    Parser,
    add_output,
    add_plot,
    add_settings,
    check_writable,
    command,
    integer,
    number,
    percent,
    task_table,
    write_json,
)
from .datasets import Data
from .errors import InputError
from .network import Epoch, Evaluation, Network, digest, network_of
from .plots import Fits, Plots, Subject, of_training
from .progress import Progress
from .runs import SAMPLES, arguments, continued, in_full, run_of, task_of
from .samples import Samples, check_samples
from .tasks import TASKS

LINES = 50  # up to this many epochs, all are printed; of more, about 20
SAVE_SECONDS = 10.0  # without --save-every: save after the epochs that end so long after the last time

EXAMPLES = """examples:
  refnn train iris.csv --target species --standardize --test-split 0.2
  refnn train                                    Alice and Bob
  refnn train mnist --epochs 20 --lr 0.01 --save digits.refnn
  refnn train --resume digits.refnn --epochs 30  ten more epochs"""


def options() -> Parser:
    parser = Parser(prog="refnn train", description=__doc__, allow_abbrev=False, epilog=f"{task_table()}\n\n{EXAMPLES}",
                    formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", nargs="?", metavar="TASK",
                        help=f"{', '.join(TASKS)} (default: alice-bob); or a table, FILE.csv; or a folder of pictures: "
                             "IDX files, or a folder of PNG, JPEG or PGM files for each class")
    data = parser.add_argument_group("data")
    data.add_argument("--data", metavar="DIR", help="for tasks on MNIST: a folder with its files, or digits, a small "
                      "set that is built in (default: $REFNN_DATA, else the user's cache, else downloaded)")
    data.add_argument("--limit", type=integer, metavar="N", help="train on the first N samples only, and evaluate on "
                      "as many")
    data.add_argument("--limit-test", type=integer, metavar="N", help="evaluate on the first N samples only")
    data.add_argument("--seed", type=integer, metavar="N",
                      help="of the parameters, the order and random data (default: 0)")
    add_table(parser)
    add_settings(parser)
    computing = parser.add_argument_group("computing", "These change no bit.")
    computing.add_argument("--impl", metavar="NAME", help="c or python (default: c if it is built)")
    computing.add_argument("--threads", type=integer, metavar="N", help="threads of the C core (default: the fastest)")
    kept = parser.add_argument_group("files")
    kept.add_argument("--save", metavar="FILE", help="keep the network and its training in FILE")
    kept.add_argument("--save-every", type=integer, metavar="N", help="save after every N epochs (default: after an "
                       "epoch that ends 10 seconds after the last time, and at the end)")
    kept.add_argument("--resume", metavar="FILE", help="continue the training of FILE, to the same bits, and keep it "
                       "there; --epochs is the number in all")
    add_plot(parser, "the losses and what the network has learned; with --resume of a finished training, the latter")
    add_output(parser)
    return parser


def add_table(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("tables", "A column of numbers is an input, a column of texts one for each text.")
    group.add_argument("--target", action="append", metavar="COLUMN", help="the column to be learned, by its name or, "
                       "without a header, its number (default: the last); several if they are numbers")
    group.add_argument("--ignore", action="append", metavar="COLUMN", help="a column to leave out")
    group.add_argument("--category", action="append", metavar="COLUMN", help="a column whose numbers are categories")
    group.add_argument("--header", action=argparse.BooleanOptionalAction,
                       help="whether the first line has names (default: if it has no number)")
    group.add_argument("--standardize", action=argparse.BooleanOptionalAction,
                       help="use (x - mean) / deviation in place of numbers")
    group.add_argument("--test-split", type=number, metavar="F", help="keep this fraction of the rows for the test")


def main(words: Sequence[str] | None = None) -> int:
    """Runs the command line; returns its exit status."""
    return command("refnn.train", lambda: Training(options().parse_args(words)).run())


class Training:
    """One call of the command. Reads and checks everything that is given; `run` trains."""

    def __init__(self, given: argparse.Namespace) -> None:
        self.given = given
        if given.save_every is not None:
            whole_number(given.save_every, "--save-every")
            if not given.save and not given.resume:
                raise InputError("--save-every needs --save or --resume")
        content = saved.read(given.resume) if given.resume else None
        given_options = vars(given)
        run = continued(given_options, content, given.resume) if content else run_of(given_options)
        self.impl = implementations.default() if given.impl is None else given.impl
        implementations.load(self.impl)
        check_writable(given.json)
        self.path = given.save or given.resume
        if self.path:
            files.check_writable(self.path, "--save")
        self.plots = Plots(given.plot) if given.plot is not None else None
        self.progress = Progress(sys.stderr if given.json == "-" else sys.stdout, given.quiet)
        with closing(self.progress):
            task = task_of(run, self.progress)
            data = task.data(run["seed"], run.get("data"), self.progress)
        self.record_run = in_full(run, task)
        self.task = task.fitted(data.pictures)
        self.network = self._network(run, data, content)
        self.first_epoch = self.network.epoch
        self._samples(run, data)
        self.samples_sha256 = self.train.digest() if self.path or given.json else None
        if content and content.info["run"].get(SAMPLES, self.samples_sha256) != self.samples_sha256:
            raise InputError(f"{run['task']}: its samples are not those that {given.resume} was trained with; in "
                             "Python, refnn.load continues with any")

    def _network(self, run: dict[str, Any], data: Data, content: saved.Saved | None) -> Network:
        given, model = self.given, self.task.model()
        if not content:
            network = Network(model, self.impl, run["seed"], given.threads)
            network.columns, network.pictures = self.task.columns, data.pictures
            return network
        network = network_of(content, given.resume, None, self.impl, given.threads)
        for what, now, then in (("columns", self.task.columns, network.columns),
                                ("pictures", data.pictures, network.pictures)):
            if now != then:
                raise InputError(f"{run['task']}: its {what} are not those that {given.resume} was trained with")
        if model != network.model:
            raise InputError(f"{given.resume}: this is the network of another model: {network.model}")
        return network

    def _samples(self, run: dict[str, Any], data: Data) -> None:
        """Checks the samples."""
        model = self.network.model
        limit, limit_test = run.get("limit"), run.get("limit_test", run.get("limit"))
        self.train = limited(check_samples(model, *data.train), limit)
        self.validation = data.validation and limited(check_samples(model, *data.validation), limit_test)
        self.test = data.test and limited(check_samples(model, *data.test), limit_test)

    def run(self) -> int:
        self._head()
        self.history: list[Epoch] = []
        self.initial = digest(self.network.parameters)
        self.saved_at = time.monotonic()
        left = self.task.epochs - self.network.epoch
        self.fits = Fits(self.network) if self.plots and self.record_run["task"] == "sin-cos" else None
        try:
            if left > 0:
                self._save()
                settings = {**self.task.settings(), "epochs": left}
                self.network.train(self.train, validation=self.validation, on_epoch=self._epoch,
                                   on_progress=self.progress, **settings)
                self._save()
            else:
                self.progress.say(f"{self.given.resume} is trained for {self.network.epoch} epochs; --epochs N, the "
                                  "number in all, continues")
            result = self.network.evaluate(self.test, on_progress=self.progress) if self.test else None
        except KeyboardInterrupt:
            self._interrupted()
            raise
        finally:
            self.progress.close()
        self._results(result)
        self._record(result)
        self._plot(result)
        return 0

    def _head(self) -> None:
        given, model, say = self.given, self.network.model, self.progress.say
        name = self.record_run["task"]
        say(f"refnn {__version__}: {name} in {implementations.describe(self.impl)}, seed {self.network.seed}")
        if not given.impl and self.impl != "c":
            say(str(implementations.missing()))
        for line in self.task.decisions:
            say(line)
        say(f"{model} network, {model.parameter_count:,} parameters, {len(self.train):,} samples, batches of "
            f"{self.task.batch_size}")
        if self.first_epoch:
            say(f"continues {given.resume} after epoch {self.first_epoch}")

    def _epoch(self, epoch: Epoch) -> None:
        self.history.append(epoch)
        if self.fits:
            self.fits(epoch)
        every = 1 if self.task.epochs <= LINES else -(-self.task.epochs // 20)
        if epoch.epoch % every == 0 or epoch.epoch == self.task.epochs or len(self.history) == 1:
            self.progress.say(epoch_line(epoch, len(self.train)))
        self.progress.whole("epochs", epoch.epoch, self.task.epochs)
        if epoch.epoch > self.first_epoch and self._is_due(epoch.epoch):
            self._save()

    def _is_due(self, epoch: int) -> bool:
        if self.given.save_every:
            return bool(epoch % self.given.save_every == 0)
        return time.monotonic() - self.saved_at >= SAVE_SECONDS

    def _save(self) -> None:
        if self.path:
            self.network.save(self.path, {**self.record_run, SAMPLES: self.samples_sha256})
            self.saved_at = time.monotonic()

    def _interrupted(self) -> None:
        """Ctrl-C: keeps what there is. A second one does not disturb this."""
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, signal.SIG_IGN)
        self.progress.close()
        epochs = f"after {self.network.epoch} whole epochs"
        if self.path:
            self._save()
            self.progress.say(f"stopped {epochs}; to continue: refnn train --resume {self.path}")
        else:
            self.progress.say(f"stopped {epochs}; with --save FILE a training can continue")
        self._record(None, interrupted=True)
        self._plot(None)

    def _results(self, result: Evaluation | None) -> None:
        say = self.progress.say
        if result and self.test:
            accuracy = "" if result.accuracy is None else f"  accuracy {percent(result.accuracy)}"
            say(f"test: loss {result.loss:.6g}{accuracy}  ({len(self.test):,} samples)")
        for name, x, meaning in self.task.questions:
            say(f"{name}: {self.network.predict([x])[0][0]:.3f} ({meaning})")
        if self.path:
            say(f"saved in {self.path}")

    def _record(self, result: Evaluation | None, interrupted: bool = False) -> None:
        network = self.network
        write_json(self.given.json, {
            "version": __version__, "spec": SPEC, "impl": self.impl, "run": self.record_run,
            "arguments": arguments(self.record_run), "samples": len(self.train), SAMPLES: self.samples_sha256,
            "parameters": network.model.parameter_count, "initial_sha256": self.initial,
            "final_sha256": digest(network.parameters), "epochs": [epoch._asdict() for epoch in self.history],
            "test": result and {**result._asdict(), "samples": len(self.test or ())}, "interrupted": interrupted})

    def _plot(self, result: Evaluation | None) -> None:
        """Draws the network on data that are held out, if there are any."""
        if self.plots:
            held_out = [(self.test, "test"), (self.validation, "validation"), (self.train, "training")]
            samples, which = next((samples, which) for samples, which in held_out if samples)
            subject = Subject(self.record_run["task"], self.task, self.network, samples, which, self.progress)
            with closing(self.progress):
                self.plots.write(of_training(subject, self.history, result, self.fits), self.progress.say)


def limited(samples: Samples, count: int | None) -> Samples:
    return samples.first(count) if count else samples


def epoch_line(epoch: Epoch, count: int) -> str:
    validation = "" if epoch.validation_loss is None else f"  validation {epoch.validation_loss:<11.6g}"
    accuracy = "" if epoch.accuracy is None else f"  accuracy {percent(epoch.accuracy)}"
    speed = f"  {count / epoch.seconds:,.0f} samples/s" if epoch.seconds else ""
    return f"epoch {epoch.epoch:4d}  loss {epoch.train_loss:<11.6g}{validation}{accuracy}  lr {epoch.lr:.6g}{speed}"


if __name__ == "__main__":
    sys.exit(main())
