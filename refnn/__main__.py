"""The command refnn, and python -m refnn: COMMAND [options]"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from difflib import get_close_matches
from importlib import import_module

from .cli import command
from .errors import InputError
from .version import __version__

COMMANDS = {
    "train": "train a network, on a task or on your own data",
    "predict": "answers from a saved network",
    "explain": "every number of a step of training, with its formula",
    "sweep": "train with every combination of some settings, and compare",
    "check": "compare an implementation with the bits of the reference",
    "bench": "measure speed",
}
HELP = "\n".join([
    "usage: refnn COMMAND [options]", "",
    "A neural network written twice: in plain Python to be read, and in C to be fast.", "",
    *(f"  {name:8} {text}" for name, text in COMMANDS.items()), "",
    "refnn COMMAND --help explains a command; refnn --version prints the version.",
    "pip install 'refnn[progress]' adds progress bars, 'refnn[images]' PNG and JPEG,",
    "'refnn[plot]' the pictures of --plot, 'refnn[peers]' NumPy, PyTorch and",
    "scikit-learn to bench.",
    "refnn train, without more, trains Alice and Bob."])


def main(words: Sequence[str] | None = None) -> int:
    """Runs a command; returns its exit status."""
    return command("refnn", lambda: run(sys.argv[1:] if words is None else words), imports=True)


def run(words: Sequence[str]) -> int:
    name, *rest = words or ["--help"]
    if name in ("--help", "-h", "help"):
        print(HELP)
        return 0
    if name == "--version":
        print(f"refnn {__version__}")
        return 0
    if name not in COMMANDS:
        near = get_close_matches(name, COMMANDS, n=1)
        hint = f"did you mean {near[0]}?" if near else f"the commands are {', '.join(COMMANDS)}"
        raise InputError(f"unknown command {name!r}; {hint}")
    status: int = import_module(f".{name}", __package__).main(rest)
    return status


if __name__ == "__main__":
    sys.exit(main())
