"""python -m refnn.train: trains a network on one of the tasks, and says how it goes."""

import argparse
import dataclasses
import sys

from . import SPEC, __version__, implementations
from .checks import whole_number
from .cli import Parser, check_writable, command, integer, number, printer, sizes, write_json
from .layers import ACTIVATIONS
from .model import INITS, LOSSES
from .network import Network, digest
from .samples import check_samples
from .tasks import TASKS, task

LINES = 50  # up to so many epochs all are printed; of more, about 20


def options():
    parser = Parser(prog="python -m refnn.train", description=__doc__, allow_abbrev=False)
    parser.add_argument("task", nargs="?", default="alice-bob", help=f"{', '.join(TASKS)} (default: alice-bob)")
    parser.add_argument("--impl", help="c or python (default: c where it is built)")
    parser.add_argument("--epochs", type=integer, metavar="N", help="passes over the training data")
    parser.add_argument("--batch-size", type=integer, metavar="N", help="samples of one step")
    parser.add_argument("--lr", type=number, metavar="F", help="learning rate")
    parser.add_argument("--lr-decay", type=number, metavar="F", help="factor on the rate after every few epochs")
    parser.add_argument("--lr-decay-every", type=integer, metavar="N", help="how many epochs those are")
    parser.add_argument("--hidden", type=sizes, metavar="N,N,...", help="units of the hidden layers; none for no hidden layer")
    parser.add_argument("--activation", metavar="NAME", help=f"of the hidden layers: {', '.join(ACTIVATIONS)}")
    parser.add_argument("--loss", metavar="NAME", help=", ".join(LOSSES))
    parser.add_argument("--reduction", metavar="NAME", help="of the gradient over a batch: sum or mean")
    parser.add_argument("--init", metavar="NAME", help=f"how parameters are drawn: {', '.join(INITS)}")
    parser.add_argument("--bias", action=argparse.BooleanOptionalAction, help="whether layers have a bias")
    parser.add_argument("--shuffle", action=argparse.BooleanOptionalAction, help="whether each epoch has an order of its own")
    parser.add_argument("--seed", type=integer, default=0, metavar="N", help="of the parameters, the order and random data (default: 0)")
    parser.add_argument("--limit", type=integer, metavar="N", help="train on the first N samples only")
    parser.add_argument("--threads", type=integer, metavar="N", help="of the C core (default: what pays; the bits are the same)")
    parser.add_argument("--data", metavar="DIR", help="for mnist and mnist-cnn: a folder with its files, or digits, a small set that is built in "
                        "(default: $REFNN_DATA, else the user's cache, else downloaded)")
    parser.add_argument("--json", metavar="FILE", help="write a record for programs; - for standard output")
    parser.add_argument("--quiet", action="store_true", help="print nothing but mistakes")
    parser.add_argument("--version", action="version", version=f"refnn {__version__}")
    return parser


def main(arguments=None):
    """Runs the command line; returns its exit status."""
    return command("refnn.train", lambda: run(options().parse_args(arguments)))


def run(given):
    chosen = adapted(given)
    impl = implementations.default() if given.impl is None else given.impl
    implementations.load(impl)
    model = chosen.model()
    if given.json is not None:
        check_writable(given.json)
    say = printer(given)
    data = chosen.data(given.seed, given.data)
    train = check_samples(model, *data.train)
    if given.limit:
        train = train.first(given.limit)
    validation = data.validation and check_samples(model, *data.validation)
    test = data.test and check_samples(model, *data.test)
    network = Network(model, impl, given.seed, given.threads)

    say(f"refnn {__version__}: {given.task} in {implementations.describe(impl)}, seed {given.seed}")
    if not given.impl and impl != "c":
        say(implementations.missing())
    say(f"{model} network, {model.parameter_count} parameters, {len(train)} samples, batches of {chosen.batch_size}")
    initial = digest(network.parameters)
    every = 1 if chosen.epochs <= LINES else -(-chosen.epochs // 20)

    def on_epoch(epoch):
        if epoch.epoch % every == 0 or epoch.epoch == chosen.epochs:
            say(epoch_line(epoch, len(train)))

    history = network.train(train, validation=validation, on_epoch=on_epoch, **chosen.settings())
    result = network.evaluate(test) if test else None
    if result:
        accuracy = "" if result.accuracy is None else f"  accuracy {result.accuracy:.4f}"
        say(f"test: loss {result.loss:.6g}{accuracy}  ({len(test)} samples)")
    for name, x in chosen.questions:
        say(f"{name}: {network.predict([x])[0][0]:.6f}")
    if given.json is not None:
        write_json(given.json, {
            "task": given.task, "impl": impl, "seed": given.seed, "spec": SPEC, "samples": len(train),
            "parameters": model.parameter_count, "initial_sha256": initial, "final_sha256": digest(network.parameters),
            "epochs": [epoch._asdict() for epoch in history], "test": result and result._asdict()})


def adapted(given):
    """The task with what the command line changes, checked."""
    chosen = task(given.task)
    changes = {field.name: getattr(given, field.name, None) for field in dataclasses.fields(chosen) if field.name != "data"}
    whole_number(given.seed, "--seed", 0, 2**64 - 1)
    if given.limit is not None:
        whole_number(given.limit, "--limit")
    return chosen.adapted({name: value for name, value in changes.items() if value is not None}, lambda name: "--" + name.replace("_", "-"))


def epoch_line(epoch, count):
    validation = "" if epoch.validation_loss is None else f"  validation {epoch.validation_loss:<11.6g}"
    accuracy = "" if epoch.accuracy is None else f"  accuracy {epoch.accuracy:.4f}"
    speed = f"  {count / epoch.seconds:,.0f} samples/s" if epoch.seconds else ""
    return f"epoch {epoch.epoch:4d}  loss {epoch.train_loss:<11.6g}{validation}{accuracy}  lr {epoch.lr:.6g}{speed}"


if __name__ == "__main__":
    sys.exit(main())
