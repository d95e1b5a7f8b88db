"""A program that uses the whole public interface with types. mypy and pyright, both strict, accept it; and it runs."""

from __future__ import annotations

import copy
import pickle
import tempfile
from array import array
from collections.abc import Sequence
from pathlib import Path

import refnn
from refnn import (SPEC, BatchNorm2d, Conv2d, CustomLayer, DivergenceError, Epoch, Evaluation, Flatten, GradientCheck,
                   Identity, InputError, LeakyReLU, Linear, MaxPool2d, Model, Network, RefnnError, ReLU, Samples,
                   Sigmoid, Softmax, Tanh, UnavailableError, check_samples, gradient_check, mlp, pixels)
from refnn.datasets import Data, alice_bob, data_folder, mnist
from refnn.implementations import Constructor
from refnn.implementations.c import CImplementation
from refnn.implementations.python import PythonImplementation
from refnn.layers import Matrix
from refnn.network import digest
from refnn.pictures import Picture, Pictures, digit, read_picture
from refnn.predict import main as predict
from refnn.state import LayerView, TensorView
from refnn.sweep import grid, sweep
from refnn.tables import Choices, Columns, Table, read_table
from refnn.tasks import Task, task
from refnn.train import main as train_command

IMPLEMENTATIONS: list[Constructor] = [PythonImplementation, CImplementation]  # both satisfy the protocol


class Scale:
    """a = s x, with one s to learn."""

    def __init__(self) -> None:
        self.parameters = [[1.0]]

    def forward(self, x: Matrix) -> Matrix:
        return [[self.parameters[0][0] * v for v in row] for row in x]

    def backward(self, x: Matrix, a: Matrix, da: Matrix) -> tuple[Matrix, list[list[float]]]:
        s, ds = self.parameters[0][0], 0.0
        for x_n, da_n in zip(x, da):
            for v, d in zip(x_n, da_n):
                ds += v * d
        return [[s * d for d in row] for row in da], [[ds]]


def models() -> list[Model]:
    custom: CustomLayer = Scale()
    return [
        Model([Linear(2, 2), Sigmoid(), Linear(2, 1, bias=False), Tanh()], loss="mse", init="normal"),
        Model([Conv2d(1, 2, 3, padding=1), MaxPool2d(2), ReLU(), BatchNorm2d(2), Flatten(), Linear(8, 2)],
              loss="cross_entropy", init="he", input_shape=(1, 4, 5)),
        Model([Conv2d(1, 2, (3, 2), stride=(1, 2), padding=(1, 0)), MaxPool2d((2, 1), stride=1)],
              input_shape=[1, 4, 5]),
        Model((Linear(2, 2), custom, LeakyReLU(), Identity(), Softmax())),
        mlp([2, 3, 1], activation="tanh", output="sigmoid"),
    ]


def train(model: Model) -> list[Epoch]:
    x: list[list[int]] = [[-2, -1], [25, 6], [17, 4], [-15, -6]]
    y: Sequence[float] = [1, 0, 0, 1]
    samples: Samples = check_samples(model, x, y).first(4)
    network = Network(model, impl="python", seed=0)
    epochs: list[Epoch] = network.train(samples, epochs=2, lr=0.1, batch_size=2, shuffle=True, validation=(x, y),
                                        on_epoch=lambda epoch: epoch.train_loss)
    network.train(x, y, epochs=1, lr=0.1, validation=samples, reduction="sum", lr_decay=0.5, lr_decay_every=2)
    network.train_epoch(array("d", [1.0, 2.0]), [0.0], lr=0.1)
    evaluation: Evaluation = network.evaluate(samples)
    loss: float = network.loss(x, y) + network.batch_loss(samples) + evaluation.loss
    gradients: array[float] = network.gradients(samples)
    dx: list[list[float]] = network.input_gradients(x, y, reduction="mean")
    network.update(gradients, lr=0.01)
    network.parameters = [*network.parameters]
    network.buffers = network.buffers
    answers: list[list[float]] = network.predict(x) + network.forward(pixels(bytes([0, 255]))) + dx
    checked: GradientCheck = gradient_check(network, x, y)
    assert checked.passed and len(digest(network.parameters)) == 64 and loss > 0.0 and len(answers) == 9
    return epochs


def other() -> None:
    data: Data = alice_bob()
    digits = mnist("digits")
    chosen: Task = task("alice-bob").adapted({"epochs": 3, "hidden": (3, 2)})
    network = Network(chosen.model(), threads=None)
    history = network.train(*data.train, **chosen.settings())
    assert history[-1].lr == 0.1 and history[-1].accuracy is None and digits.test is not None and SPEC == 1
    results = sweep(grid("alice-bob", lr=[0.1], epochs=[2], seed=range(2)))
    assert [result["diverged"] for result in results] == [None, None]


def kept(folder: Path) -> None:
    """A network in files, in copies and in place."""
    network = Network(mlp([2, 3, 1]), "python")
    x, y = [[0.0, 1.0], [1.0, 0.0]], [[1.0], [0.0]]
    history: list[Epoch] = network.train(x, y, epochs=5, lr=0.1, on_epoch=lambda epoch: epoch.epoch == 2)
    network.save(folder / "network.safetensors", {"note": "two epochs"})
    loaded: Network = refnn.load(folder / "network.safetensors", model=network.model, impl="python", threads=1)
    more: list[Epoch] = loaded.train(x, y, epochs=1, lr=0.1, on_progress=lambda what, done, total: None)
    assert (history[-1].epoch, more[-1].epoch, loaded.epoch) == (2, 3, 3)
    state: dict[str, memoryview] = network.state_dict()
    network.load_state_dict(state)
    network.load_state_dict({name: values.tolist() for name, values in state.items()})
    layer: LayerView = network.layers[0]
    weight: TensorView = layer.weight
    weight[1, 0] = 0.5
    layer.bias[:] = [0.0, 0.1, 0.2]
    value: float = weight[1, 0]
    row: list[float] = weight[1].tolist()
    twin: Network = copy.deepcopy(network)
    again: Network = pickle.loads(pickle.dumps(network))
    assert (value, row[0], weight.shape) == (0.5, 0.5, (3, 2)) and twin.predict(x) == again.predict(x)
    assert repr(network).startswith("layer ") and sorted(layer.tensors) == ["bias", "weight"]


def own_data(folder: Path) -> None:
    """A table, pictures, and the commands."""
    table: Table = read_table(data_folder() / "iris.csv", Choices(targets=("species",), standardize=True))
    columns: Columns = table.columns
    classes: tuple[str, ...] | None = columns.classes
    network = Network(mlp([columns.input_width, columns.output_width], loss="cross_entropy"), seed=1)
    network.columns = columns
    network.train(*table.train, epochs=3, lr=0.1, batch_size=10, shuffle=True)
    [outputs] = network.predict(columns.encode([[5.1, "3.5", 1.4, 0.2]]))
    answer: dict[str, float] = columns.answer(outputs)
    assert classes is not None and list(answer) == list(classes)
    (folder / "x.pgm").write_bytes(b"P5 28 28 255\n" + bytes(range(196)) * 4)
    picture: Picture = read_picture(folder / "x.pgm")
    pictures = Pictures((1, 28, 28), tuple("0123456789"))
    digits = Network(mlp([784, 10], loss="cross_entropy"))
    digits.pictures = pictures
    ten: list[list[float]] = digits.predict(pixels(digit(picture))) + digits.predict(pixels(picture.pixels))
    assert [len(some) for some in ten] == [10, 10]
    path = str(folder / "alice.refnn")
    assert train_command(["--epochs", "2", "--quiet", "--save", path]) == 0
    assert predict([path, "-7,-3", "--quiet"]) == 0


def mistakes() -> None:
    errors: tuple[type[RefnnError], ...] = (InputError, UnavailableError, DivergenceError)
    try:
        Linear(0, 1)
    except errors as error:
        assert str(error).startswith("inputs of Linear must be")


if __name__ == "__main__":
    made = models()
    assert [str(model) for model in made][:2] == ["2-2-1", "1x4x5-2x4x5-2x2x2-8-2"]
    for made_model in (made[0], made[4]):
        train(made_model)
    other()
    with tempfile.TemporaryDirectory() as name:
        kept(Path(name))
        own_data(Path(name))
    mistakes()
