"""genann, Tinn and micrograd are right up to rounding, and wrong with a mistake in them.

REFNN_PROGRAMS names a folder with genann/, tinn/ and micrograd/: checkouts of github.com/codeplea/genann,
github.com/glouw/tinn and github.com/karpathy/micrograd. Without it these tests are skipped.
"""

import os
import re
import shutil
import sys
from pathlib import Path

import pytest
from refnn.check import main

pytestmark = pytest.mark.slow

ADAPTERS = Path(__file__).resolve().parent / "adapters"
NETWORKS = {
    "genann": ["--network", "8-5-5-3", "--loss", "sse", "--batch-size", "1"],
    "tinn": ["--network", "8-5-3", "--no-bias", "--loss", "sse", "--batch-size", "1"],
    "micrograd": ["--network", "8-5-4-2", "--activation", "relu", "--output", "identity", "--loss", "mse"],
}
ACCEPTED = ["--accept", "rounding", "--known-failures", str(ADAPTERS / "known.txt")]
MISTAKES = [
    ("genann", "genann.c", "const int windex = k * (ann->hidden + 1) + (j + 1);",
     "const int windex = k * (ann->hidden + 1) + j;"),
    ("genann", "genann.c", "return y * (1.0 - y);", "y = 1 / (1 + exp(-y)); return y * (1.0 - y);"),
    ("genann", "genann.c", "(ann->hidden+1) * (ann->hidden) * (h-1))", "(ann->hidden+1) * (ann->hidden) * h)"),
    ("genann", "genann.c", "return 1.0 / (1 + exp(-a));", "return 1.0 / (1 + expf(-a));"),
    ("tinn", "Tinn.c", "return a * (1.0f - a);", "return a * (1.0001f - a);"),
    ("tinn", "Tinn.c", "sum += a * b * t.x[j * t.nhid + i];", "sum += a * t.x[j * t.nhid + i];"),
    ("tinn", "Tinn.c", "i] -= rate * a * b * t.h[i];", "i] += rate * a * b * t.h[i];"),
    ("micrograd", "micrograd/engine.py", "            self.grad += other.data * out.grad",
     "            self.grad = other.data * out.grad"),
    ("micrograd", "micrograd/engine.py", "(out.data > 0) * out.grad", "out.grad"),
    ("micrograd", "micrograd/engine.py", "other * self.data**(other-1)", "self.data**(other-1)"),
]


@pytest.fixture
def folder(request, tmp_path):
    """folder(name) -> a copy of a program, to plant mistakes in."""
    def copied(name):
        programs = os.environ.get("REFNN_PROGRAMS")
        if not programs:
            pytest.skip("needs other people's programs: REFNN_PROGRAMS names their folder")
        if name != "micrograd" and shutil.which(os.environ.get("CC", "cc").split()[0]) is None:
            pytest.skip("no C compiler on this machine")
        return Path(shutil.copytree(Path(programs) / name, tmp_path / name))
    return copied


def checked(name, folder):
    command = f'"{sys.executable}" "{ADAPTERS / f"with_{name}.py"}" "{folder}"'
    return main(["--cmd", command, *NETWORKS[name], *ACCEPTED])


@pytest.mark.parametrize("name", NETWORKS)
def test_the_program_is_right_up_to_rounding(name, folder, capsys):
    assert checked(name, folder(name)) == 0
    said = capsys.readouterr().out
    assert "Conforms up to rounding" in said
    # the sums of micrograd have another order each time
    assert re.search("^step +1  (rounding|exact).*\ntrain +1  (rounding|exact)", said, re.M)


@pytest.mark.parametrize("name, file, old, new", MISTAKES, ids=[f"{name}-{new}" for name, _, _, new in MISTAKES])
def test_the_program_is_wrong_with_a_mistake(name, file, old, new, folder, capsys):
    path = folder(name) / file
    source = path.read_text()
    assert source.count(old) == 1
    path.write_text(source.replace(old, new))
    assert checked(name, path.parents[1 if "/" in file else 0]) == 1
    assert ": wrong" in capsys.readouterr().out
