"""docs/checking.md: its commands are run in their order, and print what the page shows."""

import doctest
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from refnn.check import options

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "checking.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.M | re.S)


@pytest.fixture
def shell(tmp_path):
    """shell(command) -> what it prints. refnn and python are those of this test."""
    (tmp_path / "bin").mkdir()
    for name, module in (("refnn", "-m refnn"), ("python", "")):
        path = tmp_path / "bin" / name
        path.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} {module} "$@"\n')
        path.chmod(0o755)
    environment = dict(os.environ, COLUMNS="80", PATH=f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}",
                       PYTHONPATH=str(ROOT))

    def run(command):
        return subprocess.run(command, shell=True, cwd=tmp_path, env=environment, capture_output=True, text=True,
                              timeout=60).stdout
    return run


def write(folder, code):
    """Saves a block of Python: a file that its first line names, or a function of mine.py in the place of the old."""
    named = re.match(r"# (\w+\.py)\n", code)
    if named:
        (folder / named[1]).write_text(code)
        return
    source = (folder / "mine.py").read_text()
    function = re.escape(code.split("(")[0])
    made, count = re.subn(rf"^{function}\(.*?(?=\n\n\n)", lambda _: code.rstrip("\n"), source, flags=re.M | re.S)
    assert count == 1, code
    (folder / "mine.py").write_text(made)


@pytest.mark.skipif(os.name == "nt", reason="a shell of Unix")
def test_every_command_prints_what_the_page_shows(shell, tmp_path):
    ran = 0
    for language, block in BLOCKS:
        if language == "python":
            write(tmp_path, block)
        commands = re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", block, re.M) if language == "console" else []
        for command, shown in commands:
            printed = shell(command)
            assert doctest.OutputChecker().check_output(shown, printed, doctest.ELLIPSIS), f"{command}\n{printed}"
        ran += len(commands)
    assert ran >= 12


def test_the_commands_that_are_not_run_have_arguments_that_exist():
    text = PAGE.replace("\\\n", " ")
    commands = re.findall(r"^(?:    |      - run: )refnn check (.*)$", text, re.M)
    assert len(commands) == 4
    for command in commands:
        assert options().parse_args(shlex.split(command)).cmd
    for path in re.findall(r"\btests/[\w/]+\.\w+", PAGE):
        assert (ROOT / path).exists(), path
