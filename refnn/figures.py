"""Figures of trainings and sweeps. Each function takes numbers and returns a Figure of matplotlib (the extra `plot`):

    from refnn import figures
    figures.curves(network.train(x, y, epochs=100, lr=0.1)).savefig("loss.png")

Widths are 3.5 inches, a column, or 7 inches, a page; letters have 8 points or more. Colour-blind readers can tell the
colours apart: cividis, and PuOr for numbers of both signs. Lines also differ in style and markers, classes in markers.
"""

from __future__ import annotations

import io
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import wraps
from typing import Any

import matplotlib
import numpy
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter, PercentFormatter
from mpl_toolkits import mplot3d  # noqa: F401  # registers the projection "3d"
from PIL import Image

from .network import Epoch, Evaluation

COLUMN, PAGE = 3.5, 7.0  # inches
DPI = 200
SIGNED, UNSIGNED = "PuOr", "cividis"
STYLE = {"font.size": 8, "axes.titlesize": 9, "figure.titlesize": 9, "figure.constrained_layout.use": True,
         "axes.grid": True, "grid.alpha": 0.3, "lines.linewidth": 1.2, "lines.markersize": 3.5,
         "legend.fontsize": 8, "axes.axisbelow": True, "text.parse_math": False}  # a column may be named $x
LINES = ("-", "--", "-.", ":")
MARKERS = "osD^vP*X"
NAMED = 20  # classes up to which a confusion matrix shows its numbers


def styled(make: Callable[..., Figure]) -> Callable[..., Figure]:
    """A function that makes a figure, in one style whatever the user's matplotlibrc says."""
    @wraps(make)
    def made(*arguments: Any, **keywords: Any) -> Figure:
        with matplotlib.rc_context():
            matplotlib.rcdefaults()
            matplotlib.rcParams.update(STYLE)
            return make(*arguments, **keywords)
    return made


def png(figure: Figure) -> bytes:
    """The file of a figure."""
    file = io.BytesIO()
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        figure.savefig(file, format="png", dpi=DPI)
    return file.getvalue()


def gif(figures: Iterable[Figure], milliseconds: int = 400, dpi: int = 100) -> bytes:
    """The file of an animation that begins again after a rest on its last figure."""
    frames = []
    for figure in figures:
        file = io.BytesIO()
        figure.savefig(file, format="png", dpi=dpi)
        frames.append(Image.open(file).convert("RGB"))
    palette = frames[-1].quantize(256)  # one for all, or the colours of what stands still would flicker
    frames = [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames]
    file = io.BytesIO()
    frames[0].save(file, format="GIF", save_all=True, append_images=frames[1:], loop=0,
                   duration=[milliseconds] * (len(frames) - 1) + [5 * milliseconds])
    return file.getvalue()


@styled
def curves(history: Sequence[Epoch], loss: str = "loss", test: Evaluation | None = None) -> Figure:
    """The loss after each epoch and, if there are classes, the accuracy.

    loss: its name with its unit; test: the evaluation after training
    """
    with_accuracy = history[0].accuracy is not None
    figure = Figure((PAGE if with_accuracy else COLUMN, 2.6))
    left, *right = numpy.atleast_1d(figure.subplots(1, 1 + with_accuracy))
    validated = history[0].validation_loss is not None
    epochs = [epoch.epoch for epoch in history]
    line(left, epochs, [epoch.train_loss for epoch in history], 0, "training")
    if validated:
        line(left, epochs, [epoch.validation_loss for epoch in history], 1, "validation")
    if test:
        last(left, epochs, test.loss, f"test: {test.loss:.4g}")
    left.set(xlabel="epoch", ylabel=loss)
    logarithmic(left)
    for axes in right:
        line(axes, epochs, [epoch.accuracy for epoch in history], validated, "validation" if validated else "training")
        if test and test.accuracy is not None:
            last(axes, epochs, test.accuracy, f"test: {100 * test.accuracy:.2f} %")
        axes.set(xlabel="epoch", ylabel="accuracy (%)")
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, symbol=""))
    for axes in (left, *right):
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
        axes.legend()
    return figure


def line(axes: Any, x: Sequence[float], y: Sequence[float | None], n: int, label: str) -> None:
    """Line n of a diagram: each has its own colour, style and marker."""
    axes.plot(x, y, LINES[n % 4], marker=MARKERS[n % 8], markevery=-(-len(x) // 12), color=colour(n), label=label,
              markerfacecolor=("none" if n % 2 else None))


def last(axes: Any, epochs: Sequence[int], value: float, label: str) -> None:
    axes.plot(epochs[-1:], [value], "*", markersize=9, color=colour(2), markeredgecolor="black", label=label,
              linestyle="none", clip_on=False)


def colour(n: int) -> Any:
    """Colour n of lines: dark blue, then lighter and yellower, never too light for paper."""
    return matplotlib.colormaps[UNSIGNED]((0.0, 0.45, 0.8, 0.25, 0.65)[n % 5])


def logarithmic(axes: Any) -> None:
    """Makes the axis of a loss logarithmic if its lines span more than a factor of ten; else it begins at 0."""
    values = [float(v) for line in axes.lines for v in line.get_ydata()]
    if 0.0 < 10.0 * min(values) < max(values):
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if max(values) < 100.0 * min(values) else (1.0,)))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.yaxis.set_minor_formatter(NullFormatter())
    else:
        axes.set_ylim(bottom=0.0)


@styled
def surfaces(x1: Sequence[float], x2: Sequence[float], true: Sequence[float], fitted: Sequence[float],
             labels: Sequence[str] = ("x1", "x2", "y"), title: str = "") -> Figure:
    """A fitted function of two inputs beside the true one.

    true, fitted: values for x1[0] and each x2, then for x1[1], ...
    """
    figure = Figure((PAGE, 3.2), layout="none")  # none knows the labels of three dimensions
    figure.suptitle(title)
    grid = numpy.meshgrid(x1, x2, indexing="ij")
    low, high = min(true), max(true)
    margin = 0.1 * (high - low)
    for n, (name, values) in enumerate(((f"{labels[2]} of the network", fitted), (f"true {labels[2]}", true))):
        axes = figure.add_axes((0.5 * n, 0.08, 0.48, 0.78), projection="3d")
        axes.plot_surface(*grid, numpy.reshape(values, grid[0].shape), rcount=50, ccount=50, cmap=UNSIGNED, vmin=low,
                          vmax=high, linewidth=0, antialiased=False)
        axes.set(xlabel=labels[0], ylabel=labels[1], zlim=(low - margin, high + margin), title=name)
        axes.tick_params(pad=0)
        for axis in (axes.xaxis, axes.yaxis, axes.zaxis):
            axis.labelpad = 0
            axis.set_major_locator(MaxNLocator(4))
        axes.set_box_aspect((4, 4, 2.6), zoom=1.1)
    return figure


@styled
def error_map(x1: Sequence[float], x2: Sequence[float], error: Sequence[float],
              labels: Sequence[str] = ("x1", "x2", "error")) -> Figure:
    """An error at the points of a grid, in the order of `surfaces`."""
    figure = Figure((COLUMN, 2.9))
    axes = figure.subplots()
    largest = max(map(abs, error))
    shown = axes.pcolormesh(x1, x2, numpy.reshape(error, (len(x1), len(x2))).T, cmap=SIGNED, vmin=-largest,
                            vmax=largest, shading="nearest")
    axes.set(xlabel=labels[0], ylabel=labels[1], aspect="equal",
             title=f"rms {numpy.sqrt(numpy.mean(numpy.square(error))):.2g}, largest {largest:.2g}")
    axes.grid(False)
    figure.colorbar(shown, label=labels[2])
    return figure


@styled
def response(x1: Sequence[float], x2: Sequence[float], outputs: Sequence[float], points: Sequence[Sequence[float]],
             targets: Sequence[float], labels: Sequence[str] = ("x1", "x2", "output"),
             notes: Mapping[str, Sequence[float]] | None = None) -> Figure:
    """An output on a grid of two inputs, in the order of `surfaces`, and the data in the colours of their targets.

    notes: names of points
    """
    figure = Figure((COLUMN, 2.9))
    axes = figure.subplots()
    values = numpy.reshape(outputs, (len(x1), len(x2))).T
    scale = dict(cmap=UNSIGNED, vmin=min(*outputs, *targets), vmax=max(*outputs, *targets))
    shown = axes.pcolormesh(x1, x2, values, shading="nearest", **scale)
    if values.max() > values.min():
        axes.clabel(axes.contour(x1, x2, values, 4, colors="white", linewidths=0.8), fontsize=8)
    axes.scatter([point[0] for point in points], [point[1] for point in points], c=targets, s=28, edgecolors="white",
                 linewidths=1.2, **scale)
    for name, place in (notes or {}).items():
        if tuple(place) not in map(tuple, points):
            axes.plot(*place, "x", color="white")
        axes.annotate(name, place, xytext=(0, 6), textcoords="offset points", ha="center", color="black",
                      bbox={"boxstyle": "round,pad=0.15", "facecolor": "white", "alpha": 0.8, "linewidth": 0})
    axes.set(xlabel=labels[0], ylabel=labels[1])
    axes.grid(False)
    figure.colorbar(shown, label=labels[2])
    return figure


@styled
def regions(x1: Sequence[float], x2: Sequence[float], outputs: Sequence[Sequence[float]],
            points: Sequence[Sequence[float]], targets: Sequence[int], names: Sequence[str],
            labels: Sequence[str] = ("x1", "x2"), title: str = "") -> Figure:
    """Which class a network answers on a grid of two inputs, the boundary between classes, and the data.

    outputs: a row for each point of the grid, in the order of `surfaces`, with a number for each class
    """
    columns = max(1, min(3, 36 // max(map(len, names))))  # of the legend
    figure = Figure((COLUMN, 3.1 + 0.16 * -(-len(names) // columns)))
    axes = figure.subplots()
    cube = numpy.reshape(outputs, (len(x1), len(x2), len(names))).transpose(1, 0, 2)
    colours = matplotlib.colormaps[UNSIGNED](numpy.linspace(0.0, 1.0, len(names)))
    tints = 1.0 - 0.45 * (1.0 - colours)
    axes.pcolormesh(x1, x2, cube.argmax(2), cmap=matplotlib.colors.ListedColormap(tints), vmin=-0.5,
                    vmax=len(names) - 0.5, shading="nearest")
    for n in range(len(names)):
        lead = cube[..., n] - numpy.delete(cube, n, 2).max(2)
        if lead.min() < 0.0 < lead.max():
            axes.contour(x1, x2, lead, [0.0], colors="black", linewidths=1)
        chosen = [point for point, target in zip(points, targets) if target == n]
        axes.plot([point[0] for point in chosen], [point[1] for point in chosen], MARKERS[n % 8], color=colours[n],
                  markeredgecolor="black", markeredgewidth=0.5, linestyle="none")
    axes.set(xlabel=labels[0], ylabel=labels[1], title=title)
    if 0.8 < (x1[-1] - x1[0]) / (x2[-1] - x2[0]) < 1.25:
        axes.set_aspect("equal")
    axes.grid(False)
    legend = figure.legend(axes.lines, range(len(names)), loc="outside lower center", ncols=columns, fontsize=8)
    for text, name in zip(legend.get_texts(), names):
        text.set_text(name)  # as a label, _name would be left out
    return figure


@styled
def images(pictures: Sequence[Any], titles: Sequence[str], marked: Sequence[bool] = (), title: str = "",
           columns: int = 8, signed: bool = False) -> Figure:
    """Pictures in rows of `columns`, each an array of rows x columns, or rows x columns x 3 with values from 0 to 1.

    marked: which ones have a thick frame; signed: numbers of both signs, on one scale, with a legend of colours
    """
    side = PAGE / columns
    height = side * min(2.0, len(pictures[0]) / len(pictures[0][0]))
    columns = min(columns, len(pictures))
    rows = -(-len(pictures) // columns)
    lines = 1 + max(text.count("\n") for text in titles)
    figure = Figure((max(COLUMN, side * columns), 0.3 * bool(title) + rows * (height + 0.14 * lines)))
    figure.suptitle(title)
    grid = figure.subplots(rows, columns, squeeze=False)
    largest = max(float(numpy.abs(picture).max()) for picture in pictures) or 1.0
    scale = (dict(cmap=SIGNED, vmin=-largest, vmax=largest) if signed else dict(cmap="gray_r", vmin=0.0, vmax=1.0))
    for n, axes in enumerate(grid.flat):
        axes.set(xticks=[], yticks=[])
        axes.grid(False)
        if n >= len(pictures):
            axes.axis("off")
            continue
        shown = axes.imshow(pictures[n], interpolation="nearest", **scale)
        axes.set_title(titles[n] + "\n" * (lines - 1 - titles[n].count("\n")), fontsize=8, pad=2)
        for spine in axes.spines.values():
            spine.set_linewidth(2.5 if n < len(marked) and marked[n] else 0.4)
    if signed:
        figure.colorbar(shown, ax=grid, label="weight", shrink=min(1.0, 0.5 + 0.5 / rows), pad=0.02)
    return figure


@styled
def confusion(counts: Sequence[Sequence[int]], names: Sequence[str], title: str = "") -> Figure:
    """How often the network answers each class (columns) where another is right (rows)."""
    count = len(names)
    side = min(PAGE, max(COLUMN, 1.6 + 0.42 * min(count, NAMED)))
    figure = Figure((side, 0.9 * side))
    axes = figure.subplots()
    table = numpy.array(counts)
    shares = table / numpy.maximum(table.sum(1, keepdims=True), 1)
    shown = axes.imshow(shares, cmap=UNSIGNED, norm=matplotlib.colors.PowerNorm(0.5, 0.0, 1.0))
    every = -(-count // NAMED)
    ticks = range(0, count, every)
    axes.set_xticks(ticks, [names[n] for n in ticks], rotation=90 if max(map(len, names)) > 2 else 0)
    axes.set_yticks(ticks, [names[n] for n in ticks])
    axes.set(xlabel="answer of the network", ylabel="right answer")
    figure.suptitle(title)
    axes.grid(False)
    if count <= NAMED:
        for (row, column), number in numpy.ndenumerate(table):
            light = shares[row, column] ** 0.5 > 0.5
            axes.text(column, row, f"{number}" if number else "", ha="center", va="center",
                      color="black" if light else "white")
    figure.colorbar(shown, label="share of the row", shrink=0.85,
                    format=PercentFormatter(1.0, symbol=" %"), ticks=[0, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 1])
    return figure


@styled
def agreement(pairs: Sequence[tuple[str, Sequence[float], Sequence[float]]], title: str = "") -> Figure:
    """Answers over targets, a diagram for each of (name, targets, answers). A right answer lies on the diagonal."""
    columns = min(2, len(pairs))
    rows = -(-len(pairs) // columns)
    figure = Figure((COLUMN * columns, 3.1 * rows))
    figure.suptitle(title)
    grid = figure.subplots(rows, columns, squeeze=False)
    for axes in grid.flat[len(pairs):]:
        axes.axis("off")
    for axes, (name, targets, answers) in zip(grid.flat, pairs):
        ends = [min(targets), max(targets)]
        axes.plot(ends, ends, "-", color="0.5", label="right")
        axes.plot(targets, answers, "o", color=colour(0), alpha=0.6, label="network", linestyle="none")
        axes.set(xlabel="target", ylabel="answer of the network", title=name)
        axes.legend()
    return figure


@styled
def compared(runs: Mapping[str, Sequence[Sequence[float]]], loss: str = "loss", title: str = "") -> Figure:
    """The losses of several settings after each epoch: the median of their runs, and the range of the middle half.

    runs: the name of a setting -> the losses of each run, of epoch 0 and on
    """
    figure = Figure((COLUMN, 2.8 + 0.15 * (1 + len(runs) // 2)))
    axes = figure.subplots()
    for n, (name, losses) in enumerate(runs.items()):
        columns = list(zip(*losses))
        epochs = list(range(len(columns)))
        line(axes, epochs, [statistics.median(column) for column in columns], n, name)
        axes.fill_between(epochs, *numpy.percentile(columns, (25, 75), axis=1), color=colour(n), alpha=0.2, linewidth=0)
    axes.set(xlabel="epoch", ylabel=loss, title=title)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
    logarithmic(axes)
    counts = sorted({len(losses) for losses in runs.values()})
    figure.legend(loc="outside lower center", ncols=2, fontsize=8, title_fontsize=8,
                  title=f"median and middle half of {' to '.join(map(str, counts[:1] + counts[1:][-1:]))} runs")
    return figure


@styled
def ratios(times: Mapping[str, Mapping[str, float]], base: str, title: str = "") -> Figure:
    """Times of several contestants, as multiples of the time of `base`.

    times: the name of a row -> the name of each contestant -> its time, in any unit
    """
    figure = Figure((PAGE, 1.3 + 0.18 * len(times)))
    axes = figure.subplots()
    axes.axvline(1.0, color="black", label=base)
    for n, name in enumerate(dict.fromkeys(name for row in times.values() for name in row if name != base)):
        found = [(row[name] / row[base], k) for k, row in enumerate(times.values()) if name in row]
        axes.plot(*zip(*found), MARKERS[n % 8], color=colour(n), label=name, linestyle="none")
    axes.set(xscale="log", xlabel=f"time, as a multiple of that of {base}", title=title)
    axes.set_yticks(range(len(times)), list(times))
    axes.invert_yaxis()
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    figure.legend(loc="outside lower center", ncols=3)
    return figure
