"""The book, refnn/reference/: it stands alone, its examples are correct, and its bits are those of the C core."""

import doctest
import importlib
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bits import assert_same_bits
from refnn import Network, tasks
from refnn.reference import training

BOOK = Path(training.__file__).parent
CHAPTERS = [path.stem for path in sorted(BOOK.glob("*.py")) if not path.stem.startswith("__")]
WORDS = ["neuron", "weight", "bias", "gradient", "chain rule", "derivative", "learning rate", "epoch", "batch"]


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_the_examples_of_a_chapter(chapter):
    module = importlib.import_module(f"refnn.reference.{chapter}")
    results = doctest.testmod(module)
    assert results.failed == 0
    assert results.attempted > 0 or chapter == "elementary"


def test_the_table_of_contents_names_every_chapter():
    contents = (BOOK / "__init__.py").read_text()
    assert [name for name in CHAPTERS if f"{name}.py" not in contents] == []


def test_the_lesson_explains_the_terms_that_readers_search_for():
    text = " ".join((BOOK / f"{name}.py").read_text() for name in ("linear", "activations", "losses", "training"))
    assert [word for word in WORDS if word not in text.lower()] == []


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_every_backward_function_says_why(chapter):
    """Every function NAME_backward... and NAME_gradient says why, except those that repeat the reason of another."""
    repeats = {"identity_backward", "leaky_relu_backward", "mse_gradient"}
    module = importlib.import_module(f"refnn.reference.{chapter}")
    silent = [name for name, function in vars(module).items()
              if getattr(function, "__module__", "") == module.__name__ and ("_backward" in name or "_gradient" in name)
              and "Why" not in function.__doc__]
    assert set(silent) <= repeats


def test_alice_and_bob_with_the_book_alone(tmp_path):
    """A copy of the folder, run without any other package, trains to the parameters of the C core."""
    shutil.copytree(BOOK, tmp_path / "book", ignore=shutil.ignore_patterns("__pycache__"))
    result = subprocess.run([sys.executable, "-I", "-S", "-c", f"import sys; sys.path.insert(0, {str(tmp_path)!r}); "
                             "import runpy; runpy.run_module('book', run_name='__main__')"],
                            capture_output=True, text=True, check=True)
    lines = result.stdout.split("\n")
    assert sum(line.startswith("epoch ") for line in lines) == 1000
    task = tasks.task("alice-bob")
    network = Network(task.model(), "c", seed=0)
    history = network.train(*task.data(0, None)[0], **task.settings())
    losses = [float(line.split()[-1]) for line in lines if line.startswith("epoch ")]
    assert_same_bits(losses, [epoch.train_loss for epoch in history[1:]])
    parameters = [float(line) for line in lines[lines.index("parameters:") + 1:] if line]
    assert_same_bits(parameters, list(network.parameters))
