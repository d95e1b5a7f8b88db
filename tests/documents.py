"""The examples in README.md and docs/: commands with what they print, and sessions of Python.

In an indented block, "$ refnn WORDS" is a command and the lines below it are its output, in which ... stands for
anything. "$ cat FILE" shows a file, which is made.
"""

import doctest
import os
import shlex
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def commands(text):
    """-> the commands of a document, each with its output"""
    found = []
    inside = False
    for line in text.splitlines():
        if line.startswith("    $ "):
            found.append((line[6:], []))
            inside = True
        elif inside and line.startswith("    "):
            found[-1][1].append(line[4:])
        else:
            inside = False
    return [(command, "".join(f"{line}\n" for line in output)) for command, output in found]


def wrong_commands(text, folder):
    """Runs the commands of a document in a folder -> those that print something else, with what they print."""
    wrong = []
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "80"}
    for command, expected in commands(text):
        program, *words = shlex.split(command)
        if program == "cat":
            (folder / words[0]).write_text(expected, encoding="utf-8")
            continue
        assert program == "refnn", command
        done = subprocess.run([sys.executable, "-m", "refnn", *words], cwd=folder, env=environment, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if not doctest.OutputChecker().check_output(expected, done.stdout, doctest.ELLIPSIS):
            wrong.append((command, done.stdout))
    return wrong
