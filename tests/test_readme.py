"""The examples of README.md and of four pages of docs/ are correct, and CI runs the README's test command."""

import doctest
import os
import re
import shutil
import subprocess
import sys

import pytest
from documents import ROOT, blocks, run_block, shell

README = ROOT / "README.md"
DATA = ROOT / "docs" / "data.md"


@pytest.mark.parametrize("path, count", [
    (README, 10), (ROOT / "docs" / "python.md", 10), (ROOT / "docs" / "plots.md", 6), (ROOT / "docs" / "bits.md", 3)],
    ids=lambda value: getattr(value, "name", ""))
def test_examples_in_python(path, count):
    failed, tried = doctest.testfile(str(path), module_relative=False)
    assert tried >= count
    assert failed == 0


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="a shell of Unix")
@pytest.mark.parametrize("path, count", [(README, 4), (ROOT / "docs" / "plots.md", 1)],
                         ids=lambda value: getattr(value, "name", ""))
def test_commands(tmp_path, path, count):
    shutil.copy(ROOT / "data" / "iris.csv", tmp_path)
    run = shell(tmp_path)
    text = path.read_text(encoding="utf-8")
    assert sum(run_block(block, run, tmp_path) for language, block in blocks(text) if language == "console") == count


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The commands of docs/data.md make files there, which its Python code reads."""
    made = tmp_path_factory.mktemp("documents")
    shutil.copy(ROOT / "data" / "iris.csv", made)
    shutil.copytree(ROOT / "data" / "digits", made / "digits")
    before = os.getcwd()
    os.chdir(made)
    yield made
    os.chdir(before)


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="a shell of Unix")
def test_examples_of_own_data(folder):
    run = shell(folder)
    text = DATA.read_text(encoding="utf-8")
    assert sum(run_block(block, run, folder) for language, block in blocks(text) if language == "console") >= 10
    failed, tried = doctest.testfile(str(DATA), module_relative=False)
    assert tried >= 20
    assert failed == 0


def test_the_program_with_pytorch(folder):
    pytest.importorskip("torch")
    pytest.importorskip("safetensors.torch")
    [program] = [block for language, block in blocks(DATA.read_text(encoding="utf-8")) if "import torch" in block]
    exec(compile(program, "docs/data.md", "exec"), {})


def test_the_readme_is_short_and_its_links_exist():
    text = README.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 250
    links = re.findall(r"\]\(([^)#]+)\)", text)
    assert len(links) >= 10
    assert [link for link in links if not (ROOT / link).is_file()] == []
    pictures = [ROOT / link for link in re.findall(r"!\[[^]]+\]\((.*?)\)", text)]
    assert len(pictures) == 2
    assert sum(path.stat().st_size for path in pictures) < 200_000


def test_alices_numbers_are_those_of_the_step():
    """The table of the README: each name, and its number here, rounded."""
    done = subprocess.run([sys.executable, "-m", "refnn", "explain", "alice-bob", "--weights", "1", "--biases", "0"],
                          cwd=ROOT, capture_output=True, text=True, check=True).stdout
    listed = {"z0": -3.0, "a1": 0.0474, "z2": 0.0949, "a3": 0.5237, "L": 0.2269}
    for name, value in listed.items():
        found = re.search(rf"^    {name}\[0\] = (?:.*\n +=(?= -?[\d.]+$))? ?(-?[\d.]+)", done, re.M)
        assert found and round(float(found[1]), 4) == value, name
        digits = f"{value:g}"
        assert re.search(rf"^\| `{name}.*\| {digits} \|$", README.read_text(encoding="utf-8"), re.M), name


def test_other_output_is_found(tmp_path):
    run = shell(tmp_path)
    assert run_block("$ cat f\n1\n$ refnn predict f 1\nrefnn.predict: f: not a valid ...\n", run, tmp_path) == 2
    with pytest.raises(AssertionError):
        run_block("$ refnn --version\nrefnn 9\n", run, tmp_path)


def test_ci_runs_the_test_command_of_the_readme():
    commands = [line.strip() for line in README.read_text().splitlines() if line.startswith("    python3 -m venv")]
    assert len(commands) == 2
    assert commands[1] in (ROOT / ".ci" / "run").read_text()
