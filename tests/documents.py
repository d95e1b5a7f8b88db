"""The examples of the documents: fenced blocks, and commands in them with what they print.

In a block ```console, a line "$ COMMAND" is followed by what the command prints, in which ... stands for anything.
After "$ cat FILE" that is the content of the file, and the file is made.
"""

import doctest
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def blocks(text):
    """The fenced blocks of a document: (language, content)."""
    return re.findall(r"^```(\w+)\n(.*?)^```$", text, re.M | re.S)


def commands(block):
    """The commands of a block, each with the lines below it."""
    return re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", block, re.M)


def shell(folder):
    """-> run(command), which returns what is printed in the folder. refnn and python are those of this process."""
    programs = folder / "bin"
    programs.mkdir()
    for name, module in (("refnn", "-m refnn"), ("python", "")):
        path = programs / name
        path.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} {module} "$@"\n')
        path.chmod(0o755)
    environment = dict(os.environ, COLUMNS="80", PATH=f"{programs}{os.pathsep}{os.environ['PATH']}",
                       PYTHONPATH=str(ROOT))

    def run(command):
        return subprocess.run(command, shell=True, cwd=folder, env=environment, text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=60).stdout
    return run


def run_block(block, run, folder):
    """Runs the commands of a block; returns their number. Fails if one prints something else."""
    listed = commands(block)
    for command, shown in listed:
        if command.startswith("cat "):
            (folder / command.removeprefix("cat ")).write_text(shown, encoding="utf-8")
            continue
        printed = run(command)
        assert doctest.OutputChecker().check_output(shown, printed, doctest.ELLIPSIS), f"{command}\n{printed}"
    return len(listed)
