"""The tasks, as data: which network learns what from which samples, and how. From five articles, see the README."""

from dataclasses import dataclass, replace
from typing import Callable, Optional

from . import datasets
from .checks import known_name, layer_sizes, positive_number, whole_number
from .errors import InputError
from .layers import ACTIVATIONS, BatchNorm2d, Conv2d, Flatten, Linear, MaxPool2d, ReLU
from .model import INITS, LOSSES, REDUCTIONS, Model, mlp
from .network import learning_rates

PERCEPTRON = ("hidden", "activation", "output", "bias")
NAMES = {"activation": ACTIVATIONS, "output": ACTIVATIONS, "loss": LOSSES, "reduction": REDUCTIONS, "init": INITS}


@dataclass(frozen=True)
class Task:
    """A network, its data, and how it is trained. Every field can be replaced."""

    data: Callable  # (seed, source) -> datasets.Data
    loss: str
    init: str
    epochs: int
    batch_size: int
    lr: float
    inputs: int = 0  # of a multilayer perceptron, and so on
    hidden: tuple = ()
    outputs: int = 0
    activation: str = "sigmoid"  # of the hidden layers
    output: str = "identity"  # the activation of the last layer
    bias: bool = True
    layers: tuple = ()  # of any other network
    input_shape: Optional[tuple] = None  # of any other network
    lr_decay: float = 1.0
    lr_decay_every: int = 1
    shuffle: bool = False
    reduction: Optional[str] = None  # "sum" or "mean" over the batch; None: the loss's own
    questions: tuple = ()  # (name, input) pairs, asked of the trained network

    def settings(self):
        """The arguments of Network.train."""
        return {name: getattr(self, name) for name in
                ("epochs", "batch_size", "lr", "lr_decay", "lr_decay_every", "shuffle", "reduction")}

    def adapted(self, changes, called=str):
        """The task with some fields replaced, checked. called: a field's name -> what a mistake is to call it. Raises InputError."""
        for name, value in changes.items():
            if self.layers and name in PERCEPTRON:
                raise InputError(f"{called(name)} is for multilayer perceptrons; this task has layers of its own")
            if name in NAMES:
                known_name(value, NAMES[name], name)
            elif name in ("epochs", "batch_size", "lr_decay_every"):
                whole_number(value, called(name))
            elif name == "hidden":
                layer_sizes(value, called(name))
            elif name in ("lr", "lr_decay"):
                positive_number(value, called(name))
        task = replace(self, **changes)
        learning_rates(task.epochs, task.lr, task.lr_decay, task.lr_decay_every)
        return task

    def model(self):
        if self.layers:
            return Model(self.layers, self.loss, self.init, self.input_shape)
        return mlp((self.inputs, *self.hidden, self.outputs), self.activation, self.output, self.bias, self.loss, self.init)


def without_source(make):
    """A data function of a task whose samples cannot come from elsewhere."""

    def data(seed, source):
        if source is not None:
            raise InputError("--data is for mnist and mnist-cnn; this task makes its own samples")
        return make(seed)

    return data


TASKS = {
    "truth-table": Task(
        data=without_source(lambda seed: datasets.truth_table()), inputs=3, hidden=(4,), outputs=1, activation="sigmoid",
        output="sigmoid", bias=False, loss="sse", init="uniform", epochs=1500, batch_size=4, lr=1.0,
        questions=(("0 0 1", [0, 0, 1]), ("0 1 1", [0, 1, 1]), ("1 0 1", [1, 0, 1]), ("1 1 1", [1, 1, 1]))),
    "alice-bob": Task(
        data=without_source(lambda seed: datasets.alice_bob()), inputs=2, hidden=(2,), outputs=1, activation="sigmoid",
        output="sigmoid", bias=True, loss="mse", init="normal", epochs=1000, batch_size=1, lr=0.1,
        questions=(("Emily", [-7, -3]), ("Frank", [20, 2]))),
    "sin-cos": Task(
        data=without_source(datasets.sin_cos), inputs=2, hidden=(100, 80, 50, 30, 10), outputs=1, activation="relu",
        output="identity", bias=True, loss="mse", init="normal_0.1", epochs=30, batch_size=10, lr=0.01, lr_decay=0.9,
        lr_decay_every=3, shuffle=True, reduction="sum"),
    "points": Task(
        data=without_source(datasets.points), inputs=2, hidden=(4,), outputs=2, activation="relu", output="identity", bias=True,
        loss="cross_entropy", init="fan_in", epochs=2000, batch_size=200, lr=0.1,
        questions=(("on the circle", [0, 2]), ("in the middle", [0, 0]))),
    "mnist": Task(
        data=lambda seed, source: datasets.mnist(source), inputs=784, hidden=(128, 64), outputs=10, activation="sigmoid",
        output="identity", bias=False, loss="cross_entropy", init="fan_out", epochs=5, batch_size=1, lr=0.001),
    "mnist-cnn": Task(
        data=lambda seed, source: datasets.mnist(source), input_shape=(1, 28, 28),
        layers=(Conv2d(1, 4, 3, padding=1), MaxPool2d(2), ReLU(), BatchNorm2d(4), Conv2d(4, 8, 3, padding=1), MaxPool2d(2), ReLU(),
                BatchNorm2d(8), Flatten(), Linear(392, 10)),
        loss="cross_entropy", init="he", epochs=2, batch_size=100, lr=0.01, shuffle=True),
}


def task(name):
    """The task of that name. Raises InputError, with the nearest name, for an unknown one."""
    return TASKS[known_name(name, TASKS, "task")]
