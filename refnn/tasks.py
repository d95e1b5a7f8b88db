"""The tasks, as data: which network learns what from which samples, and how. From five articles, see the README."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path
from typing import Any, NamedTuple

from . import datasets
from .checks import known_name, layer_sizes, positive_number, true_or_false, whole_number
from .datasets import Data
from .errors import InputError
from .folders import read_folder
from .layers import ACTIVATIONS, BatchNorm2d, Conv2d, Flatten, Layer, Linear, MaxPool2d, ReLU, Shape, times
from .model import INITS, LOSSES, REDUCTIONS, Model, mlp
from .pictures import Pictures
from .progress import Report, silent
from .rates import learning_rates
from .tables import Choices, Columns, read_table


class Setting(NamedTuple):
    """A field of Task that may be changed.

    kind:  int: a whole number, from 1; float: a number above 0; str: one of `names`; tuple: layer sizes; bool
    training: whether it is an argument of Network.train
    perceptron: whether it is for multilayer perceptrons only
    """

    kind: type
    help: str
    names: Collection[str] = ()
    training: bool = False
    perceptron: bool = False


SETTINGS = {
    "hidden": Setting(tuple, "units of the hidden layers; none for no hidden layer", perceptron=True),
    "activation": Setting(str, "activation of the hidden layers", ACTIVATIONS, perceptron=True),
    "output": Setting(str, "activation of the last layer", ACTIVATIONS, perceptron=True),
    "bias": Setting(bool, "whether layers have a bias", perceptron=True),
    "loss": Setting(str, "loss", LOSSES),
    "init": Setting(str, "distribution of the initial parameters", INITS),
    "epochs": Setting(int, "passes over the training data", training=True),
    "batch_size": Setting(int, "samples per step", training=True),
    "lr": Setting(float, "learning rate", training=True),
    "lr_decay": Setting(float, "factor on the rate after every few epochs", training=True),
    "lr_decay_every": Setting(int, "number of those epochs", training=True),
    "shuffle": Setting(bool, "whether each epoch has its own order of samples", training=True),
    "reduction": Setting(str, "of the gradient over a batch", REDUCTIONS, training=True),
}


@dataclass(frozen=True)
class Task:
    """A network, its data, and how it is trained."""

    data: Callable[..., Data]  # (seed, source, report)
    loss: str
    init: str
    epochs: int
    batch_size: int
    lr: float
    inputs: int = 0  # of a multilayer perceptron, as are the next five
    hidden: tuple[int, ...] = ()
    outputs: int = 0
    activation: str = "sigmoid"  # of the hidden layers
    output: str = "identity"  # the activation of the last layer
    bias: bool = True
    layers: tuple[Layer, ...] = ()  # of any other network
    input_shape: Shape | None = None  # of any other network
    lr_decay: float = 1.0
    lr_decay_every: int = 1
    shuffle: bool = False
    reduction: str | None = None  # "sum" or "mean" over the batch; None: the loss's own
    questions: tuple[tuple[str, list[float], str], ...] = ()  # name, input, and the meaning of the answer
    columns: Columns | None = None  # of a table
    fit: Callable[[Pictures], tuple[Layer, ...]] | None = None  # the layers for other pictures
    decisions: tuple[str, ...] = ()  # what was decided when the data were read, in lines

    def settings(self) -> dict[str, Any]:
        """The arguments of Network.train."""
        return {name: getattr(self, name) for name, setting in SETTINGS.items() if setting.training}

    def adapted(self, changes: Mapping[str, Any], called: Callable[[str], str] = str) -> Task:
        """The task with some SETTINGS replaced, checked. Raises InputError.

        called: a setting's name -> its name in messages
        """
        for name in changes:
            if self.layers and SETTINGS[known_name(name, SETTINGS, "setting")].perceptron:
                raise InputError(f"{called(name)} is for multilayer perceptrons; this task has a fixed list of layers")
        task = replace(self, **{name: checked(name, value, called(name)) for name, value in changes.items()})
        # An InputError now, not after the data are loaded.
        learning_rates(task.epochs, task.lr, task.lr_decay, task.lr_decay_every)
        if task.model().classes and task.model().outputs == 1:
            raise InputError(f"{called('loss')} {task.loss} needs one output for each class; this task has one output")
        return task

    def fitted(self, pictures: Pictures | None) -> Task:
        """The task with a network for these pictures; None: the task as it is."""
        if pictures is None or (pictures.shape, len(pictures.classes)) == ((1, 28, 28), 10):
            return self
        if self.fit:
            return replace(self, layers=self.fit(pictures), input_shape=pictures.shape)
        return replace(self, inputs=prod(pictures.shape), outputs=len(pictures.classes))

    def model(self) -> Model:
        if self.layers:
            return Model(self.layers, self.loss, self.init, self.input_shape)
        sizes = (self.inputs, *self.hidden, self.outputs)
        return mlp(sizes, self.activation, self.output, self.bias, self.loss, self.init)


def checked(name: str, value: Any, called: str) -> Any:
    """The value of a setting; else InputError."""
    kind, _, names, _, _ = SETTINGS[known_name(name, SETTINGS, "setting")]
    if kind is str:
        return known_name(value, names, name)
    checks: dict[type, Callable[[Any, str], Any]] = {
        int: whole_number, float: positive_number, tuple: layer_sizes, bool: true_or_false}
    return checks[kind](value, called)


def made(make: Callable[[int], Data]) -> Callable[..., Data]:
    """The data of a task that makes its samples from the seed."""

    def data(seed: int, source: str | None, report: Report = silent) -> Data:
        if source is not None:
            raise InputError("--data is for tasks that read files; this task makes its own samples")
        return make(seed)

    return data


def mnist(seed: int, source: str | None, report: Report = silent) -> Data:
    return datasets.mnist(source, report)


def convolutional(pictures: Pictures) -> tuple[Layer, ...]:
    """The layers of mnist-cnn, for pictures of any shape."""
    channels, height, width = pictures.shape
    if min(height, width) < 4:
        raise InputError(f"pictures of {height} x {width} pixels are too small for this network; it needs 4 x 4")
    return (Conv2d(channels, 4, 3, padding=1), MaxPool2d(2), ReLU(), BatchNorm2d(4),
            Conv2d(4, 8, 3, padding=1), MaxPool2d(2), ReLU(), BatchNorm2d(8), Flatten(),
            Linear(8 * (height // 4) * (width // 4), len(pictures.classes)))


TASKS = {
    "truth-table": Task(
        data=made(lambda seed: datasets.truth_table()), inputs=3, hidden=(4,), outputs=1, activation="sigmoid",
        output="sigmoid", bias=False, loss="sse", init="uniform", epochs=1500, batch_size=4, lr=1.0,
        questions=(("0 0 1", [0, 0, 1], "right: 0"), ("0 1 1", [0, 1, 1], "right: 1"),
                   ("1 0 1", [1, 0, 1], "right: 1"), ("1 1 1", [1, 1, 1], "right: 0"))),
    "alice-bob": Task(
        data=made(lambda seed: datasets.alice_bob()), inputs=2, hidden=(2,), outputs=1, activation="sigmoid",
        output="sigmoid", bias=True, loss="mse", init="normal", epochs=1000, batch_size=1, lr=0.1,
        questions=(("Emily", [-7, -3], "female: 1, male: 0"), ("Frank", [20, 2], "female: 1, male: 0"))),
    "sin-cos": Task(
        data=made(datasets.sin_cos), inputs=2, hidden=(100, 80, 50, 30, 10), outputs=1, activation="relu",
        output="identity", bias=True, loss="mse", init="normal_0.1", epochs=30, batch_size=10, lr=0.01, lr_decay=0.9,
        lr_decay_every=3, shuffle=True, reduction="sum"),
    "points": Task(
        data=made(datasets.points), inputs=2, hidden=(4,), outputs=2, activation="relu", output="identity", bias=True,
        loss="cross_entropy", init="fan_in", epochs=2000, batch_size=200, lr=0.1,
        questions=(("on the circle", [0, 2], "probability of the circle"),
                   ("in the middle", [0, 0], "probability of the circle"))),
    "mnist": Task(
        data=mnist, inputs=784, hidden=(128, 64), outputs=10, activation="sigmoid",
        output="identity", bias=False, loss="cross_entropy", init="fan_out", epochs=5, batch_size=1, lr=0.001),
    "mnist-cnn": Task(
        data=mnist, input_shape=(1, 28, 28),
        layers=convolutional(Pictures((1, 28, 28), datasets.DIGITS)), fit=convolutional,
        loss="cross_entropy", init="he", epochs=2, batch_size=100, lr=0.01, shuffle=True),
}


def folder_task(path: str, report: Report = silent) -> Task:
    """A task of a folder of pictures: a perceptron for them. Raises InputError."""
    folder = read_folder(Path(path), report)
    pictures, names = folder.pictures, folder.pictures.classes
    count, tests = len(folder.train[1]), len(folder.test[1]) if folder.test else 0
    few = ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
    decision = (f"{path}: {count + tests:,} pictures ({count:,} to train, {tests:,} to test), {times(pictures.shape)} "
                f"(channels, rows, columns), {len(names)} classes: {few}")

    def data(seed: int, source: str | None, report: Report = silent) -> Data:
        if source is not None:
            raise InputError("--data is for the tasks of MNIST; here the task is a folder itself")
        return Data(folder.train, test=folder.test, pictures=pictures)

    return Task(data=data, inputs=prod(pictures.shape), hidden=(64,), outputs=len(names), activation="relu",
                loss="cross_entropy", init="he", epochs=10, batch_size=20, lr=0.05, shuffle=True, decisions=(decision,))


def table_task(path: str, choices: Choices, seed: int, report: Report = silent) -> Task:
    """A task of a CSV file: a perceptron for its columns. Raises InputError."""
    table = read_table(path, choices, seed, report)
    columns = table.columns
    classes = columns.classes is not None

    def data(seed: int, source: str | None, report: Report = silent) -> Data:
        if source is not None:
            raise InputError("--data is for tasks that read folders; this one reads a table")
        return Data(table.train, test=table.test)

    return Task(data=data, inputs=columns.input_width, hidden=(16,), outputs=columns.output_width, activation="tanh",
                loss="cross_entropy" if classes else "mse", init="fan_in", epochs=100, batch_size=10,
                lr=0.1 if classes else 0.01, shuffle=True, columns=columns, decisions=tuple(table.decisions))


def task(name: str) -> Task:
    """The task of that name. Raises InputError, with the nearest name, for an unknown one."""
    return TASKS[known_name(name, TASKS, "task")]
