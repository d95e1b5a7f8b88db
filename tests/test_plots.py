"""--plot: the figures hold the numbers of the training, every letter can be read, and no bit of a training changes."""

import io
import json
import shlex
import shutil
import signal
import statistics
import subprocess
import sys
from pathlib import Path

import numpy
import pytest
import refnn
from matplotlib.collections import PathCollection, QuadMesh
from matplotlib.text import Text
from PIL import Image
from refnn import figures, plots, sweep, train
from refnn.kept import Kept
from refnn.network import Epoch, Evaluation
from refnn.samples import check_samples
from refnn.tables import Choices
from refnn.tasks import TASKS, table_task

ROOT = Path(__file__).resolve().parent.parent
HISTORY = [Epoch(n, 2.0 / 10.0**n, 3.0 / 10.0**n, n / 4, 0.1, 1.0) for n in range(4)]
X1, X2 = [0.0, 1.0, 2.0], [5.0, 6.0]
VALUES = [1.0, 2.0, 3.0, 4.0, 5.0, 7.0]  # of (0, 5), (0, 6), (1, 5), ...
COUNTS = [[5, 0, 1], [0, 7, 0], [2, 0, 20]]
MADE = {  # a call of each function
    "curves": lambda: figures.curves(HISTORY, "loss (units)", Evaluation(0.1, 0.5)),
    "surfaces": lambda: figures.surfaces(X1, X2, VALUES, VALUES[::-1], title="epoch 1"),
    "error_map": lambda: figures.error_map(X1, X2, VALUES),
    "response": lambda: figures.response(X1, X2, VALUES, [[1.0, 5.5]], [3.0], notes={"here": (2.0, 6.0)}),
    "regions": lambda: figures.regions(X1, X2, [[v, 4.5 - v] for v in VALUES],
                                       [[0.0, 5.0], [2.0, 6.0]], [1, 0], ["a", "_b"]),
    "images": lambda: figures.images([[[0.0, 1.0]], [[0.5, 0.5]]], ["4 (90 %)", "5\nnot 6"], [False, True], "title"),
    "confusion": lambda: figures.confusion(COUNTS, ["cat", "dog", "$x$"], "3 are wrong"),
    "agreement": lambda: figures.agreement([("price", [1.0, 2.0], [1.5, 1.75])], "rows"),
    "compared": lambda: figures.compared({"a": [[4.0, 1.0], [2.0, 0.5], [9.0, 0.25]]}, title="one"),
    "ratios": lambda: figures.ratios({"save": {"c": 2.0, "numpy": 5.0}, "load": {"c": 4.0, "torch": 1.0}}, "c"),
}


@pytest.fixture(autouse=True)
def few_pictures(monkeypatch):
    """Forty pictures in a figure take half a second."""
    monkeypatch.setattr(plots, "SHOWN", 10)


def mesh(axes):
    [found] = [one for one in axes.collections if isinstance(one, QuadMesh)]
    rows, columns, _ = found.get_coordinates().shape
    return numpy.reshape(found.get_array(), (rows - 1, columns - 1))  # flat before matplotlib 3.8


def scatter(axes):
    [found] = [one for one in axes.collections if isinstance(one, PathCollection) and one.get_array() is not None]
    return found


def texts(figure):
    return [text for text in figure.findobj(Text) if text.get_text().strip()]


# The figures


@pytest.mark.parametrize("name", MADE)
def test_letters_have_eight_points(name):
    figure = MADE[name]()
    content = figures.png(figure)
    width, height = figure.get_size_inches()
    assert Image.open(io.BytesIO(content)).size == (int(width * figures.DPI), int(height * figures.DPI))
    assert width in (figures.COLUMN, figures.PAGE)
    assert texts(figure) and min(text.get_fontsize() for text in texts(figure)) >= 8.0


def test_every_function_is_tried():
    made = {name for name, value in vars(figures).items() if hasattr(value, "__wrapped__")}
    assert made == set(MADE)


def test_curves_are_the_history():
    left, right = MADE["curves"]().axes
    training, validation, test = left.lines
    assert list(training.get_xdata()) == [0, 1, 2, 3]
    assert list(training.get_ydata()) == [epoch.train_loss for epoch in HISTORY]
    assert list(validation.get_ydata()) == [epoch.validation_loss for epoch in HISTORY]
    assert (list(test.get_xdata()), list(test.get_ydata())) == ([3], [0.1])
    assert left.get_yscale() == "log" and left.get_ylabel() == "loss (units)"
    assert list(right.lines[0].get_ydata()) == [0.0, 0.25, 0.5, 0.75]
    assert [text.get_text() for text in right.get_legend().get_texts()] == ["validation", "test: 50.00 %"]
    styles = [(line.get_linestyle(), line.get_color(), line.get_marker()) for line in (training, validation)]
    assert all(a != b for a, b in zip(*styles))


def test_a_loss_of_one_decade_has_a_linear_axis_from_0():
    [axes] = figures.curves([epoch._replace(train_loss=1.0 + epoch.epoch, validation_loss=None, accuracy=None)
                             for epoch in HISTORY]).axes
    assert axes.get_yscale() == "linear" and axes.get_ylim()[0] == 0.0


def test_surfaces_have_the_heights():
    for axes, values in zip(MADE["surfaces"]().axes, (VALUES[::-1], VALUES)):
        grid = numpy.reshape(values, (3, 2))
        means = (grid[:-1, :-1] + grid[1:, :-1] + grid[:-1, 1:] + grid[1:, 1:]) / 4
        [surface] = axes.collections
        assert numpy.allclose(surface.get_array(), means.ravel(), rtol=1e-12)
        assert axes.get_zlim() == pytest.approx((0.4, 7.6))


def test_maps_have_the_values_at_their_places():
    expected = numpy.reshape(VALUES, (3, 2)).T  # x2 upwards, x1 to the right
    axes = MADE["error_map"]().axes[0]
    assert (mesh(axes) == expected).all()
    assert axes.get_title() == f"rms {statistics.mean(v * v for v in VALUES) ** 0.5:.2g}, largest 7"
    axes = MADE["response"]().axes[0]
    assert (mesh(axes) == expected).all()
    points = scatter(axes)
    assert points.get_offsets().tolist() == [[1.0, 5.5]] and list(points.get_array()) == [3.0]
    assert points.get_clim() == (1.0, 7.0)
    [note] = axes.texts[-1:]
    assert (note.get_text(), note.xy) == ("here", (2.0, 6.0))


def test_regions_are_the_largest_outputs():
    axes = MADE["regions"]().axes[0]
    assert mesh(axes).tolist() == [[1, 0, 0], [1, 0, 0]]
    assert [line.get_xydata().tolist() for line in axes.lines] == [[[2.0, 6.0]], [[0.0, 5.0]]]
    [legend] = axes.figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["a", "_b"]
    assert [handle.get_marker() for handle in legend.legend_handles] == [line.get_marker() for line in axes.lines]
    assert axes.lines[0].get_marker() != axes.lines[1].get_marker()


def test_images_and_their_titles():
    first, second = MADE["images"]().axes
    assert first.images[0].get_array().tolist() == [[0.0, 1.0]]
    assert (first.get_title().strip(), second.get_title()) == ("4 (90 %)", "5\nnot 6")
    widths = [axes.spines["left"].get_linewidth() for axes in (first, second)]
    assert widths[1] > 2 * widths[0]


def test_confusion_shows_the_counts():
    axes = MADE["confusion"]().axes[0]
    shown = [[0] * 3 for _ in range(3)]
    for text in axes.texts:
        column, row = map(int, text.get_position())
        shown[row][column] = int(text.get_text() or 0)
    assert shown == COUNTS
    assert numpy.allclose(axes.images[0].get_array()[2], [2 / 22, 0, 20 / 22])
    assert [label.get_text() for label in axes.get_yticklabels()] == ["cat", "dog", "$x$"]
    assert len(figures.confusion([[0] * 30] * 30, [f"class {n}" for n in range(30)]).axes[0].texts) == 0


def test_agreement_and_medians():
    right, answers = MADE["agreement"]().axes[0].lines
    assert answers.get_xydata().tolist() == [[1.0, 1.5], [2.0, 1.75]]
    assert right.get_xydata().tolist() == [[1.0, 1.0], [2.0, 2.0]]
    [line] = MADE["compared"]().axes[0].lines
    assert list(line.get_ydata()) == [4.0, 0.5]


def test_ratios():
    _, *points = MADE["ratios"]().axes[0].lines
    assert {line.get_label(): line.get_xydata().tolist() for line in points} == {
        "numpy": [[2.5, 0.0]], "torch": [[0.25, 1.0]]}


def test_an_animation_has_every_frame():
    frames = [figures.error_map(X1, X2, [n * v for v in VALUES]) for n in (1, 2, 3)]
    content = Image.open(io.BytesIO(figures.gif(frames, 300)))
    assert content.n_frames == 3 and content.info["loop"] == 0
    durations = []
    for n in range(3):
        content.seek(n)
        durations.append(content.info["duration"])
    assert durations == [300, 300, 1500]


# Trainings


def made_by(monkeypatch, capsys, *words):
    """The figures that a training makes, by the names of their files, and its record."""
    found = {}
    monkeypatch.setattr(plots.Plots, "write", lambda self, figures, say: found.update(
        (name, list(figure) if name.endswith(".gif") else figure) for name, figure in figures))
    assert train.main([*words, "--quiet", "--json", "-"]) == 0
    return found, json.loads(capsys.readouterr().out)


@pytest.fixture
def tables(tmp_path, monkeypatch):
    """Tables with two numbers and a class, and with two numbers and a number."""
    monkeypatch.chdir(tmp_path)
    rows = [line.split(",") for line in (ROOT / "data" / "iris.csv").read_text().splitlines()]
    for name, columns in (("class.csv", (2, 3, 4)), ("number.csv", (0, 2, 3))):
        Path(name).write_text("".join(",".join(row[k] for k in columns) + "\n" for row in rows))
    shutil.copy(ROOT / "data" / "iris.csv", tmp_path)


RUNS = {
    "truth-table --epochs 3": ["loss.png"],
    "alice-bob --epochs 3": ["loss.png", "plane.png"],
    "points --epochs 3": ["loss.png", "plane.png"],
    "sin-cos --limit 20 --hidden 4 --epochs 2": ["loss.png", "surface.png", "error.png", "surface.gif"],
    "mnist --data digits --limit 30 --epochs 1": ["loss.png", "pictures.png", "worst.png", "weights.png",
                                                  "confusion.png"],
    "mnist-cnn --data digits --limit 30 --epochs 1 --loss mse": ["loss.png", "pictures.png", "worst.png",
                                                                 "weights.png", "confusion.png"],
    "iris.csv --epochs 1 --test-split 0.2": ["loss.png", "confusion.png"],
    "class.csv --epochs 1 --standardize": ["loss.png", "plane.png", "confusion.png"],
    "number.csv --epochs 1 --standardize": ["loss.png", "plane.png", "answers.png"],
    "iris.csv --epochs 1 --ignore species --target 'petal width' --target 'petal length'": ["loss.png", "plane.png",
                                                                                            "answers.png"]}


@pytest.mark.parametrize("words", RUNS)
def test_no_bit_of_a_training_changes(monkeypatch, capsys, tables, words):
    arguments = shlex.split(words)
    assert train.main([*arguments, "--quiet", "--json", "-"]) == 0
    plain = json.loads(capsys.readouterr().out)
    found, plotted = made_by(monkeypatch, capsys, *arguments, "--plot", "p")
    for record in (plain, plotted):
        for epoch in record["epochs"]:
            del epoch["seconds"]
    assert plain == plotted
    expected = [name for name in RUNS[words] if name != "plane.png" or "--target" not in words]
    assert list(found) == expected
    losses = [epoch["train_loss"] for epoch in plain["epochs"]]
    assert list(found["loss.png"].axes[0].lines[0].get_ydata()) == losses


def test_the_files_of_sin_cos(capsys, tmp_path):
    folder = tmp_path / "new" / "folder"
    words = ["sin-cos", "--limit", "20", "--hidden", "4", "--epochs", "2", "--plot", str(folder)]
    assert train.main(words) == 0
    names = ["loss.png", "surface.png", "error.png", "surface.gif"]
    assert capsys.readouterr().out.splitlines()[-4:] == [f"written: {folder / name}" for name in names]
    assert sorted(path.name for path in folder.iterdir()) == sorted(names)
    assert Image.open(folder / "surface.gif").n_frames == 3


def test_surface_and_error_are_the_networks(monkeypatch, capsys, tmp_path):
    words = ["sin-cos", "--limit", "50", "--hidden", "4", "--epochs", "2", "--save", str(tmp_path / "n")]
    found, _ = made_by(monkeypatch, capsys, *words, "--plot", str(tmp_path))
    network = refnn.load(tmp_path / "n")
    points = [[x1, x2] for x1 in plots.GRID for x2 in plots.GRID]
    trained = TASKS["sin-cos"].data(0, None).train[0]
    assert min(abs(x1 - trained[200 * n]) for x1 in plots.GRID for n in range(100)) > 0.04  # none is a training point
    expected = numpy.reshape([row[0] for row in network.predict(points)], (50, 50))
    error = expected - numpy.array([[numpy.sin(x1) - numpy.cos(x2) for x2 in plots.GRID] for x1 in plots.GRID])
    assert numpy.allclose(mesh(found["error.png"].axes[0]), error.T, atol=1e-12)
    means = (expected[:-1, :-1] + expected[1:, :-1] + expected[:-1, 1:] + expected[1:, 1:]) / 4
    shown = [frame.axes[0].collections[0].get_array() for frame in found["surface.gif"]]
    assert numpy.allclose(shown[-1], means.ravel(), rtol=1e-12)
    assert not numpy.allclose(shown[0], shown[1]) and not numpy.allclose(shown[1], shown[2])
    titles = [frame._suptitle.get_text() for frame in found["surface.gif"]]
    assert [title.split(",")[0] for title in titles] == ["epoch 0", "epoch 1", "epoch 2"]


def test_a_long_animation_has_some_of_the_epochs(monkeypatch):
    monkeypatch.setattr(plots, "fit", lambda network: [])
    fits = plots.Fits(refnn.Network(refnn.mlp([2, 1])))
    for n in range(100, 301):
        fits(Epoch(n, 1.0, None, None, 0.1, 1.0))
        assert min(n - 99, 31) <= len(fits.kept) <= plots.FRAMES
    assert [epoch.epoch for epoch, _ in fits.kept] == list(range(100, 301, 4))


def subject(words, name="mnist"):
    """A network after a short training, and its test samples."""
    task = TASKS[name].adapted(words)
    data = task.data(0, "digits")
    network = refnn.Network(task.model())
    network.pictures = data.pictures
    network.train(check_samples(network.model, *data.train).first(300), **task.settings())
    return plots.Subject(name, task, network, check_samples(network.model, *data.test).first(100), "test")


def test_pictures_and_mistakes_are_those_of_the_test(monkeypatch):
    monkeypatch.setattr(plots, "PART", 40)
    shown = subject({"lr": 0.1, "epochs": 3})
    reported = []
    shown.report = lambda *words: reported.append(words)
    network, samples = shown.network, shown.samples
    found = dict(plots.of_training(shown, []))
    assert list(found) == ["pictures.png", "worst.png", "weights.png", "confusion.png"]
    assert reported == [("answers", done, 100, "samples") for done in (40, 80, 100)]
    outputs = network.predict([samples.inputs[n] for n in range(100)])
    answers = [row.index(max(row)) for row in outputs]
    right = [answer == target for answer, target in zip(answers, samples.targets)]
    assert 5 < right.count(False) < 95
    for n, axes in zip(range(0, 100, 10), found["pictures.png"].axes):
        assert axes.images[0].get_array().ravel().tolist() == samples.inputs[n]
        expected = f"{answers[n]} ({100 * max(outputs[n]):.0f} %)" + ("" if right[n] else f"\nis {samples.targets[n]}")
        assert axes.get_title().strip() == expected
    worst = sorted((n for n in range(100) if not right[n]), key=lambda n: outputs[n][samples.targets[n]])[:10]
    for n, axes in zip(worst, found["worst.png"].axes):
        assert axes.images[0].get_array().ravel().tolist() == samples.inputs[n]
    counts = plots.confusion_counts(samples.targets, outputs)
    assert sum(counts[n][n] for n in range(10)) == round(100 * network.evaluate(samples).accuracy)
    assert [sum(row) for row in counts] == [list(samples.targets).count(n) for n in range(10)]
    title = f"{right.count(False)} of 100 test samples are wrong"
    assert found["confusion.png"]._suptitle.get_text() == title
    shown = sum(int(text.get_text() or 0) for text in found["confusion.png"].axes[0].texts)
    assert shown == 100


@pytest.mark.parametrize("name, words", [("mnist", {"hidden": (3,), "epochs": 1}), ("mnist-cnn", {"epochs": 1})])
def test_weights_are_those_of_the_first_layer(name, words):
    shown = subject(words, name)
    weight = numpy.array(shown.network.state_dict()["0.weight"])
    figure = dict(plots.of_training(shown, []))["weights.png"]
    for n, axes in enumerate(axes for axes in figure.axes if axes.images):
        image = axes.images[0].get_array()
        assert (image == weight[n].reshape(image.shape)).all() and image.shape in ((28, 28), (3, 3))
    assert n == len(weight) - 1


def test_colours_stay_in_place():
    rows = plots.picture([float(n) for n in range(18)], (3, 2, 3))
    assert rows == [[(0, 6, 12), (1, 7, 13), (2, 8, 14)], [(3, 9, 15), (4, 10, 16), (5, 11, 17)]]
    weights = plots.first_weights(refnn.Network(refnn.mlp([18, 2])), refnn.pictures.Pictures((3, 2, 3), ("a", "b")))
    assert [text for _, text in weights] == [f"unit {n}\ninput {c}" for n in range(2) for c in range(3)]


def test_a_table_is_drawn_in_the_units_of_its_file(tables):
    for path, outputs in (("class.csv", 3), ("number.csv", 1)):
        task = table_task(path, Choices(standardize=True), 0)
        network = refnn.Network(task.model())
        network.columns = task.columns
        samples = check_samples(network.model, *task.data(0, None).train)
        network.train(samples, **{**task.settings(), "epochs": 5})
        found = dict(plots.of_training(plots.Subject(path, task, network, samples, "training"), []))
        rows = [line.split(",") for line in Path(path).read_text().splitlines()[1:]]
        axes = found["plane.png"].axes[0]
        assert (axes.get_xlabel(), axes.get_ylabel()) == tuple(column.name for column in task.columns.inputs)
        if outputs == 1:
            points = scatter(axes)
            places, targets = points.get_offsets(), [float(row[2]) for row in rows]
            assert numpy.allclose(points.get_array(), targets)
            answers = found["answers.png"].axes[0].lines[1].get_xydata()
            encoded = task.columns.encode([row[:2] for row in rows])
            expected = [task.columns.answer(row)["petal width"] for row in network.predict(encoded)]
            assert numpy.allclose(answers, list(zip(targets, expected)))
        else:
            places = numpy.concatenate([line.get_xydata() for line in axes.lines])  # class after class, as in the file
        assert numpy.allclose(places, [[float(v) for v in row[:2]] for row in rows])
        x1, x2 = 3.0, 1.0
        grid = [plots.axis([float(row[k]) for row in rows]) for k in range(2)]
        near = [min(range(plots.FINE), key=lambda n: abs(axis[n] - x)) for axis, x in zip(grid, (x1, x2))]
        [answer] = network.predict(task.columns.encode([[grid[0][near[0]], grid[1][near[1]]]]))
        value = mesh(axes)[near[1]][near[0]]
        expected = answer.index(max(answer)) if outputs == 3 else task.columns.answer(answer)["petal width"]
        assert value == pytest.approx(expected)


# Commands


def test_a_resumed_training_and_a_finished_one(monkeypatch, capsys, tmp_path):
    path = str(tmp_path / "f")
    assert train.main(["points", "--epochs", "3", "--save", path, "--quiet"]) == 0
    found, record = made_by(monkeypatch, capsys, "--resume", path, "--epochs", "5", "--plot", str(tmp_path))
    line = found["loss.png"].axes[0].lines[0]
    assert list(line.get_xdata()) == [3, 4, 5] and len(record["epochs"]) == 3
    found, record = made_by(monkeypatch, capsys, "--resume", path, "--plot", str(tmp_path))
    assert list(found) == ["plane.png"] and record["epochs"] == []


def test_ctrl_c_draws_what_was_trained(monkeypatch, capsys, tmp_path):
    def is_due(self, epoch):
        if epoch == 3:
            raise KeyboardInterrupt
        return False

    monkeypatch.setattr(train.Training, "_is_due", is_due)
    found = {}
    monkeypatch.setattr(plots.Plots, "write", lambda self, figures, say: found.update(figures))
    handler = signal.getsignal(signal.SIGINT)
    try:
        assert train.main(["alice-bob", "--plot", str(tmp_path)]) == 130
    finally:
        signal.signal(signal.SIGINT, handler)
    assert list(found) == ["loss.png", "plane.png"]
    assert list(found["loss.png"].axes[0].lines[0].get_xdata()) == [0, 1, 2, 3]


@pytest.mark.parametrize("command", [train.main, sweep.main])
def test_a_folder_that_cannot_be_written_is_refused_at_once(capsys, tmp_path, command):
    (tmp_path / "file").write_text("")
    (tmp_path / "d" / "loss.png").mkdir(parents=True)
    for folder in ("file", "file/d", "d", "a\0b"):
        assert command(["points", "--plot", str(tmp_path / folder)]) == 2
        output = capsys.readouterr()
        assert "--plot " in output.err and "cannot be written: " in output.err and output.err.count("\n") == 1
        assert output.out == ""


@pytest.mark.parametrize("command", [train.main, sweep.main])
def test_without_matplotlib_one_line_says_what_to_install(monkeypatch, capsys, tmp_path, command):
    monkeypatch.delitem(sys.modules, "refnn.figures")
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert command(["points", "--plot", str(tmp_path)]) == 2
    assert capsys.readouterr().err.endswith(": --plot needs matplotlib: pip install 'refnn[plot]'\n")


def test_the_core_does_not_import_matplotlib():
    code = ("import sys, refnn.train, refnn.sweep, refnn.predict, refnn.explain, refnn.check, refnn.bench\n"
            "print([name for name in ('matplotlib', 'numpy', 'PIL', 'refnn.figures') if name in sys.modules])")
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True).stdout == "[]\n"


# Sweeps


def test_a_sweep_of_widths_and_depths(capsys, tmp_path):
    words = ["sin-cos", "--limit", "30", "--epochs", "2", "--hidden", "3", "2", "3,3", "2,3", "--seeds", "3", "--jobs",
             "1", "--keep", str(tmp_path / "k")]
    assert sweep.main([*words, "--plot", str(tmp_path), "--json", str(tmp_path / "json")]) == 0
    assert [line for line in capsys.readouterr().out.splitlines() if line.startswith("written")] == [
        f"written: {tmp_path / name}" for name in ("widths.png", "depths.png", "losses.png")]
    results = json.loads((tmp_path / "json").read_text())
    groups = [(TASKS["sin-cos"].adapted(sweep.settings_of(point)), runs) for point, runs in sweep.grouped(results)]
    found = dict(plots.of_sweep(groups))
    for name, labels in (("widths.png", {"1 x 2": [2], "1 x 3": [3]}), ("depths.png", {"1 x 3": [3], "2 x 3": [3, 3]}),
                         ("losses.png", {f"hidden {','.join(map(str, h))}": h for h in ([3], [2], [3, 3], [2, 3])})):
        lines = {line.get_label(): list(line.get_ydata()) for line in found[name].axes[0].lines}
        assert lines == {label: [statistics.median(result["losses"][n] for result in results
                                                   if result["hidden"] == hidden) for n in range(3)]
                         for label, hidden in labels.items()}
    assert all(result["losses"][-1] == result["train_loss"] and len(result["losses"]) == 3 for result in results)


def test_a_point_that_was_kept_without_losses_is_trained_again(tmp_path):
    points = sweep.grid("alice-bob", epochs=[2], seed=range(2))
    results = sweep.sweep(points, None, tmp_path / "k")
    lines = (tmp_path / "k").read_text().splitlines()
    old = {name: value for name, value in json.loads(lines[0]).items() if name != "losses"}
    (tmp_path / "k").write_text(f"{json.dumps(old)}\n{lines[1]}\n")
    with Kept(tmp_path / "k") as kept:
        assert len(kept.results) == 1 and kept.damaged == []
    again = sweep.sweep(points, None, tmp_path / "k")
    assert [result["losses"] for result in again] == [result["losses"] for result in results]


def test_a_sweep_without_a_finished_run_has_no_figures():
    assert list(plots.of_sweep([(TASKS["points"], [{"losses": None}])])) == []
