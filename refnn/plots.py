"""The pictures of --plot: which figures show a training or a sweep, from which numbers, and their files."""

from __future__ import annotations

import importlib
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import Any

from . import files
from .checks import shown
from .errors import InputError, UnavailableError
from .kept import Point
from .network import Epoch, Evaluation, Network
from .pictures import Pictures
from .progress import Report, silent
from .reference.elementary import cos, sin
from .reference.losses import argmax
from .samples import Pixels, Rows, Samples
from .tables import Column
from .tasks import SETTINGS, Task

LOSSES = {"sse": "sum of squared errors", "mse": "mean squared error", "cross_entropy": "cross-entropy (nats)"}
PLANES = {"alice-bob": ("weight - 135 (pounds)", "height - 66 (inches)", "output (1: female, 0: male)"),
          "points": ("x1", "x2", "output"), "sin-cos": ("x1 (radians)", "x2 (radians)", "sin x1 - cos x2")}
CLASSES = {"points": ("circle", "middle")}
PEOPLE = {"Alice": (-2, -1), "Bob": (25, 6), "Charlie": (17, 4), "Diana": (-15, -6)}
# Of sin-cos: between the points of the training, so that the network has seen none of them.
GRID = [-4.95 + 0.2 * n for n in range(50)]
FINE = 120  # points of a side of the plane of two inputs
FRAMES = 60  # of an animation, at most
SHOWN = 40  # pictures of a figure
CURVES = 8  # of a figure
PART = 200  # samples between two calls of a report

Figures = Iterator[tuple[str, Any]]  # the name of a file, and a figure, or the figures of an animation


class Plots:
    """The folder of --plot; it is made if it does not exist.

    Raises InputError if nothing can be written there, and UnavailableError without matplotlib.
    """

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.made = module()
        try:
            os.makedirs(folder, exist_ok=True)
        except (OSError, ValueError) as error:
            raise InputError(f"--plot {shown(folder, 100)} cannot be written: {files.why(error)}") from None
        files.check_writable(os.path.join(folder, "loss.png"), "--plot")

    def write(self, figures: Figures, say: Callable[[str], object]) -> None:
        """Writes the files, and says their names. Raises InputError."""
        for name, figure in figures:
            content = self.made.gif(figure) if name.endswith(".gif") else self.made.png(figure)
            path = os.path.join(self.folder, name)
            files.write_file(path, content, "--plot")
            say(f"written: {path}")


def module() -> Any:
    """refnn.figures, which imports matplotlib. Raises UnavailableError."""
    try:
        return importlib.import_module("refnn.figures")
    except ImportError:
        raise UnavailableError("--plot needs matplotlib: pip install 'refnn[plot]'") from None


class Subject:
    """What the pictures of a training show.

    name: of the task; samples: those that are drawn; which: "test", "validation" or "training"; report: called while
    the network answers
    """

    def __init__(self, name: str, task: Task, network: Network, samples: Samples, which: str,
                 report: Report = silent) -> None:
        self.name, self.task, self.network, self.samples, self.which = name, task, network, samples, which
        self.report = report

    @cached_property
    def outputs(self) -> list[list[float]]:
        """The network's answers to the samples."""
        inputs, found = self.samples.inputs, []
        for start in range(0, len(inputs), PART):
            values = inputs.values[start * inputs.width:(start + PART) * inputs.width]
            found += self.network.predict(Pixels(values) if values.format == "B" else values)
            self.report("answers", len(found), len(inputs), "samples")
        return found

    @cached_property
    def targets(self) -> list[int]:
        """The class of each sample."""
        targets = self.samples.targets
        return [argmax(row) for row in targets] if isinstance(targets, Rows) else list(targets)

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes."""
        network = self.network
        of_data = network.pictures or network.columns
        names = of_data.classes if of_data else CLASSES.get(self.name)
        return tuple(map(brief, names or map(str, range(network.model.outputs))))

    @property
    def mistakes(self) -> str:
        """37 of 500 test samples are wrong"""
        wrong = len([1 for target, row in zip(self.targets, self.outputs) if target != argmax(row)])
        return f"{wrong:,} of {len(self.targets):,} {self.which} samples are wrong"

    def plane(self) -> list[Column] | None:
        """The two inputs of a network that has two numbers as inputs, else None."""
        columns = self.network.columns
        if columns:
            inputs = list(columns.inputs)
        elif self.network.model.inputs == 2 and not self.network.pictures:
            inputs = [Column(name) for name in PLANES.get(self.name, PLANES["points"])[:2]]
        else:
            return None
        return inputs if len(inputs) == 2 and not any(column.categories for column in inputs) else None


class Fits:
    """What a network of sin-cos answers between the points of its training, after each epoch; of many, some."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.every = 1
        self.kept: list[tuple[Epoch, list[float]]] = []

    def __call__(self, epoch: Epoch) -> None:
        if self.kept and (epoch.epoch - self.kept[0][0].epoch) % self.every:
            return
        self.kept.append((epoch, fit(self.network)))
        if len(self.kept) > FRAMES:  # a training may stop at any time, so their number is not known before
            self.kept = self.kept[::2]
            self.every *= 2


def fit(network: Network) -> list[float]:
    return [row[0] for row in network.predict([[x1, x2] for x1 in GRID for x2 in GRID])]


def of_training(subject: Subject, history: Sequence[Epoch], test: Evaluation | None = None,
                fits: Fits | None = None) -> Figures:
    """The figures of a training. history: without an epoch, there are no curves"""
    figures = module()
    network = subject.network
    if history:
        yield "loss.png", figures.curves(history, LOSSES[network.model.loss], test)
    plane = subject.plane()
    if subject.name == "sin-cos":
        yield from of_surface(subject, history, fits)
    elif network.pictures:
        yield from of_pictures(subject, network.pictures)
    elif plane and (subject.samples.classes or network.model.outputs == 1):
        yield "plane.png", of_plane(subject, plane)
    if subject.samples.classes and subject.name not in CLASSES:
        counts = confusion_counts(subject.targets, subject.outputs)
        yield "confusion.png", figures.confusion(counts, subject.classes, subject.mistakes)
    elif network.columns and not subject.samples.classes:
        yield "answers.png", of_numbers(subject)


def of_surface(subject: Subject, history: Sequence[Epoch], fits: Fits | None) -> Figures:
    """sin-cos: the surface after each epoch and at the end, and the error."""
    figures = module()
    true = [sin(x1) - cos(x2) for x1 in GRID for x2 in GRID]
    labels = PLANES["sin-cos"]

    def surface(values: Sequence[float], epoch: Epoch | None) -> Any:
        of = "" if epoch is None else (f"epoch {epoch.epoch}, training loss {epoch.train_loss:.5f}"
                                       + ("" if epoch.validation_loss is None else
                                          f", validation loss {epoch.validation_loss:.5f}"))
        return figures.surfaces(GRID, GRID, true, values, labels, of)

    fitted = fit(subject.network)
    yield "surface.png", surface(fitted, history[-1] if history else None)
    yield "error.png", figures.error_map(GRID, GRID, [a - b for a, b in zip(fitted, true)],
                                         (*labels[:2], "error: network - true value"))
    if fits and history:
        kept = [(epoch, values) for epoch, values in fits.kept if epoch.epoch < history[-1].epoch]
        yield "surface.gif", (surface(values, epoch) for epoch, values in [*kept, (history[-1], fitted)])


def of_plane(subject: Subject, columns: Sequence[Column]) -> Any:
    """The answers on the plane of two inputs, in the units of the data, with the data."""
    figures, network, samples = module(), subject.network, subject.samples
    points = [[value * column.deviation + column.mean for value, column in zip(row, columns)] for row in samples.inputs]
    axes = [axis([point[k] for point in points]) for k in range(2)]
    grid = [[(x1 - columns[0].mean) / columns[0].deviation, (x2 - columns[1].mean) / columns[1].deviation]
            for x1 in axes[0] for x2 in axes[1]]
    outputs = network.predict(grid)
    labels = [brief(column.name, 30) for column in columns]
    if samples.classes:
        return figures.regions(*axes, outputs, points, subject.targets, subject.classes, labels, subject.mistakes)
    targets = [row[0] for row in samples.targets]  # type: ignore[index]  # rows, as these are no classes
    if network.columns:
        [answer] = network.columns.targets
        outputs = [[row[0] * answer.deviation + answer.mean] for row in outputs]
        targets = [value * answer.deviation + answer.mean for value in targets]
        labels.append(brief(answer.name, 30))
    else:
        labels.append(PLANES.get(subject.name, PLANES["points"])[2])
    notes = {**PEOPLE, **{f"{name}?": x for name, x, _ in subject.task.questions}} if subject.name in PLANES else {}
    return figures.response(*axes, [row[0] for row in outputs], points, targets, labels, notes)


def of_pictures(subject: Subject, pictures: Pictures) -> Figures:
    """Some pictures with their answers, the worst answers, and the weights of the first layer."""
    figures = module()
    outputs, targets, names = subject.outputs, subject.targets, subject.classes
    inputs = subject.samples.inputs
    answers = [argmax(row) for row in outputs]
    wrong = [answer != target for answer, target in zip(answers, targets)]

    def grid(chosen: Sequence[int], title: str) -> Any:
        texts = [f"{names[answers[n]]} ({number(outputs[n][answers[n]], subject)})"
                 + (f"\nis {names[targets[n]]}" if wrong[n] else "") for n in chosen]
        shapes = [picture(inputs[n], pictures.shape) for n in chosen]
        return figures.images(shapes, texts, [wrong[n] for n in chosen], title)

    count = min(SHOWN, len(targets))
    some = [n * len(targets) // count for n in range(count)]  # files of a folder stand in the order of their classes
    title = f"{count} of {len(targets):,} {subject.which} samples; framed: wrong"
    yield "pictures.png", grid(some, title)
    worst = sorted(range(len(targets)), key=lambda n: (not wrong[n], outputs[n][targets[n]]))[:SHOWN]
    yield "worst.png", grid(worst, f"the worst answers; {subject.mistakes}")
    kernels = first_weights(subject.network, pictures)
    if kernels:
        yield "weights.png", figures.images([image for image, _ in kernels], [text for _, text in kernels],
                                            title="the weights of the first layer", signed=True)


def of_numbers(subject: Subject) -> Any:
    """A table's targets that are numbers, and the answers, in the units of the file."""
    columns = subject.network.columns
    assert columns is not None
    targets = [columns.answer(row) for row in subject.samples.targets]  # type: ignore[arg-type]  # rows
    answers = list(map(columns.answer, subject.outputs))
    pairs = [(brief(column.name, 30), *([row[column.name] for row in rows] for rows in (targets, answers)))
             for column in columns.targets[:CURVES]]
    return module().agreement(pairs, f"{subject.which} data, {len(targets):,} rows")


def of_sweep(groups: Sequence[tuple[Task, Sequence[Point]]]) -> Figures:
    """The figures of a sweep: widths of one hidden layer, numbers of equal layers, or all settings.

    groups: each combination of settings as a task, and its results
    """
    figures = module()
    groups = [(task, finished) for task, runs in groups if (finished := [run for run in runs if run.get("losses")])]
    losses = {task.loss for task, _ in groups}
    label = f"{LOSSES[losses.pop()]}, training" if len(losses) == 1 else "training loss"
    varied = [name for name in SETTINGS if len({getattr(task, name) for task, _ in groups}) > 1]
    rest = list(groups)
    if varied == ["hidden"]:
        widths = sorted((group for group in groups if len(group[0].hidden) == 1), key=lambda group: group[0].hidden)
        equal = Counter(task.hidden[0] for task, _ in groups if len(set(task.hidden)) == 1)
        unit = max(equal, key=lambda width: equal[width], default=0)
        depths = sorted((group for group in groups if set(group[0].hidden) == {unit}),
                        key=lambda group: len(group[0].hidden))
        for name, chosen, title in (("widths.png", widths, "one hidden layer"),
                                    ("depths.png", depths, f"hidden layers of {unit} units")):
            if len(chosen) > 1:
                texts = [f"{len(task.hidden)} x {task.hidden[0]}" for task, _ in chosen]
                yield name, figures.compared(dict(zip(texts, map(runs_of, chosen))), label, title)
                rest = [group for group in rest if group not in chosen]
    if rest:
        best = sorted(groups, key=lambda group: middle([run[-1] for run in runs_of(group)]))[:CURVES]
        named = {", ".join(f"{name} {setting(task, name)}" for name in varied) or "all runs": runs_of((task, runs))
                 for task, runs in best}
        title = f"the best {CURVES} of {len(groups)} settings" if len(groups) > CURVES else ""
        yield "losses.png", figures.compared(named, label, title)


def runs_of(group: tuple[Task, Sequence[Point]]) -> list[list[float]]:
    """The losses of each run of a combination."""
    return [run["losses"] for run in group[1]]


def setting(task: Task, name: str) -> str:
    value = getattr(task, name)
    return ",".join(map(str, value)) or "none" if isinstance(value, tuple) else str(value)


def middle(values: Sequence[float]) -> float:
    return sorted(values)[len(values) // 2]


def confusion_counts(targets: Sequence[int], outputs: Sequence[Sequence[float]]) -> list[list[int]]:
    """counts[right class][class of the largest output]"""
    counts = [[0] * len(outputs[0]) for _ in outputs[0]]
    for target, row in zip(targets, outputs):
        counts[target][argmax(row)] += 1
    return counts


def first_weights(network: Network, pictures: Pictures) -> list[tuple[list[Any], str]]:
    """The weights of each unit or channel of the first layer, one picture for each channel of its input."""
    weight = network.state_dict().get("0.weight")
    if weight is None:
        return []
    own = weight.shape or ()
    outputs, channels, height, width = own if len(own) == 4 else (own[0], *pictures.shape)
    what = "channel" if len(own) == 4 else "unit"
    flat = weight.cast("B").cast("d")
    found = []
    for n in range(min(SHOWN, outputs * channels)):
        start = n * height * width
        rows = [list(flat[start + y * width:start + (y + 1) * width]) for y in range(height)]
        found.append((rows, f"{what} {n // channels}" + (f"\ninput {n % channels}" if channels > 1 else "")))
    return found


def picture(row: Sequence[float], shape: Sequence[int]) -> list[Any]:
    """A row of inputs as rows of grey, or of (red, green, blue)."""
    channels, height, width = shape
    size = height * width
    return [[tuple(row[c * size + y * width + x] for c in range(3)) if channels == 3 else row[y * width + x]
             for x in range(width)] for y in range(height)]


def axis(values: Sequence[float]) -> list[float]:
    """The points of a side of the plane, with a margin around the data."""
    low, high = min(values), max(values)
    margin = 0.1 * (high - low) or 1.0
    return [low - margin + (high - low + 2.0 * margin) * n / (FINE - 1) for n in range(FINE)]


def number(output: float, subject: Subject) -> str:
    """A probability in percent, or any other output."""
    return f"{100 * output:.0f} %" if subject.network.model.loss == "cross_entropy" else f"{output:.2f}"


def brief(text: str, longest: int = 16) -> str:
    return text if len(text) <= longest else text[:longest - 1] + "…"
