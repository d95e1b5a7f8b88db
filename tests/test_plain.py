"""With REFNN_SIMD=plain the twins of the book train, and nothing else: a build that counts calls shows it."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent
CHAPTERS = ("linear", "activations", "losses", "training", "conv", "pool", "batchnorm", "prng", "init", "elementary")
# What plain needs of fast/: sizes, pointers and names. These functions compute no number of a network.
PREPARES = {"lay_out", "take", "take_integers", "take_bytes", "take_layers", "refnn_workspace_size", "refnn_simd_name",
            "refnn_simd_count", "refnn_has_threads", "by_batch", "least"}

PROGRAM = """
from inspect import signature
from refnn import *
from refnn.layers import ACTIVATIONS, LAYERS
from refnn.model import INITS, LOSSES
from refnn.tasks import TASKS, task

def use(model, x, y):
    network, samples = Network(model, "c"), check_samples(model, x, y)
    samples = samples.first(min(8, len(samples)))
    network.train(samples, epochs=2, lr=0.01, batch_size=4, shuffle=True)
    network.gradients(samples), network.input_gradients(samples), network.batch_loss(samples)
    network.evaluate(samples)
    network.predict([[0.5] * model.inputs])

for name in TASKS:
    source = "digits" if name.startswith("mnist") else None
    use(task(name).model(), *task(name).data(0, source).train)

def smallest(kind):
    return kind(*(1 for name in signature(kind).parameters.values() if name.default is name.empty))

images = [smallest(kind) for kind in LAYERS if kind not in (Linear, Flatten, *ACTIVATIONS.values())]
activations = [layer for kind in ACTIVATIONS.values() for layer in (Linear(16, 16), kind())]
layers = [*images, Flatten(), *activations, Linear(16, 3)]
x = [[(7 * n + 3 * k) % 11 / 11 for k in range(16)] for n in range(8)]
for loss, kind in LOSSES.items():
    y = [n % 3 if kind.classes else [0.5, 0.0, 1.0] for n in range(8)]
    for init in INITS:
        use(Model(layers, loss, init, input_shape=(1, 4, 4)), x, y)
"""


@pytest.fixture(scope="module")
def calls(tmp_path_factory):
    """The number of calls of every function of the core while PROGRAM runs: file -> function -> calls."""
    if not (shutil.which("gcc") and shutil.which("gcov")):
        pytest.skip("needs gcc and gcov")
    folder = tmp_path_factory.mktemp("counted")
    for name in ("refnn", "csrc", "data"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("_core*", "*.o", "__pycache__"))
    build = (ROOT / "build_ext.py").read_text()
    (folder / "build_ext.py").write_text(build.replace('"-O3"', '"-O2"'))  # compiles in half the time
    environment = {**os.environ, "CC": "gcc", "CFLAGS": "--coverage -g", "LDFLAGS": "--coverage",
                   "PYTHONPATH": str(folder), "REFNN_SIMD": "plain"}
    for program in ("import build_ext; build_ext.ffibuilder.compile()", PROGRAM):
        done = subprocess.run([sys.executable, "-W", "ignore", "-c", program], cwd=folder, capture_output=True,
                              text=True, env=environment)
        assert done.returncode == 0, done.stderr
    found = {}
    for path in folder.rglob("*.gcda"):
        report = subprocess.run(["gcov", "--json-format", "--stdout", path], cwd=folder, capture_output=True, text=True)
        for file in json.loads(report.stdout)["files"]:
            for function in file["functions"]:
                counts = found.setdefault(file["file"], {})
                counts[function["name"]] = counts.get(function["name"], 0) + function["execution_count"]
    return found


def test_no_kernel_runs(calls):
    ran = {name for file, counts in calls.items() if "csrc/fast/" in file
           for name, count in counts.items() if count > 0}
    assert "lay_out" in ran, "fast/ was counted"
    assert ran <= PREPARES


def test_every_twin_runs(calls):
    """Every function of every chapter, but sin, which is in the book for the data of tasks."""
    idle = {name for file, counts in calls.items() if Path(file).stem in CHAPTERS
            for name, count in counts.items() if count == 0}
    assert {Path(file).stem for file in calls} >= set(CHAPTERS)
    assert idle <= {"refnn_sin"}
