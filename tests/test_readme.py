"""The examples of the documents are correct, and CI runs the README's test command."""

import doctest
import os
import re
import shutil

import pytest
from documents import DOCUMENTS, ROOT, commands, wrong_commands


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Of all documents: the commands make files that the sessions read."""
    made = tmp_path_factory.mktemp("documents")
    shutil.copy(ROOT / "data" / "iris.csv", made)
    shutil.copytree(ROOT / "data" / "digits", made / "digits")
    before = os.getcwd()
    os.chdir(made)
    yield made
    os.chdir(before)


@pytest.mark.slow
@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_examples(path, folder):
    text = path.read_text(encoding="utf-8")
    assert wrong_commands(text, folder) == []
    failed, tried = doctest.testfile(str(path), module_relative=False)
    assert tried + len(commands(text)) >= 10
    assert failed == 0


@pytest.mark.parametrize("text, wrong", [
    ("    $ refnn --version\n    refnn ...\n", 0), ("    $ refnn --version\n    refnn 9\n", 1),
    ("    $ cat f\n    1\n\n    $ refnn predict f 1\n    refnn.predict: f: not a valid ...\n", 0)])
def test_a_command_with_other_output_is_found(tmp_path, text, wrong):
    assert len(wrong_commands(text, tmp_path)) == wrong


def test_programs_with_pytorch(folder):
    """The fenced programs of the documents that import PyTorch, in their order."""
    pytest.importorskip("torch")
    pytest.importorskip("safetensors.torch")
    programs = [program for path in DOCUMENTS
                for program in re.findall(r"```python\n(import .*?)```", path.read_text(encoding="utf-8"), re.DOTALL)
                if "torch" in program]
    assert programs
    for program in programs:
        exec(compile(program, "a program of the documents", "exec"), {})


def test_ci_runs_the_test_command_of_the_readme():
    listed = [line.strip() for line in (ROOT / "README.md").read_text().splitlines()
              if line.startswith("    python3 -m venv")]
    assert len(listed) == 2
    assert listed[1] in (ROOT / ".ci" / "run").read_text()
