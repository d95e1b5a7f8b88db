"""The examples of the README are correct, and CI runs its test command."""

import doctest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def test_examples():
    failed, tried = doctest.testfile(str(ROOT / "README.md"), module_relative=False)
    assert tried >= 10
    assert failed == 0


def test_ci_runs_the_test_command_of_the_readme():
    commands = [line.strip() for line in (ROOT / "README.md").read_text().splitlines()
                if line.startswith("    python3 -m venv")]
    assert len(commands) == 2
    assert commands[1] in (ROOT / ".ci" / "run").read_text()
