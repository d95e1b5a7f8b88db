"""Rules for sources: nothing in the reference depends on the platform or the Python version; plain English; short
lines."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
REFERENCE = ROOT / "refnn" / "reference"
MATH = {"floor", "frexp", "ldexp", "sqrt", "isfinite"}  # exact, or correctly rounded everywhere
FORBIDDEN = {"sum", "pow", "fsum", "sumprod", "hypot", "fmean", "round", "divmod"}


def faults(source):
    """The violations in a source, as lines of text."""
    found = []
    for node in ast.walk(ast.parse(source)):
        line = getattr(node, "lineno", 0)
        if isinstance(node, ast.Import):
            found += [f"{line}: import {name.name}" for name in node.names]
        if isinstance(node, ast.ImportFrom) and node.level == 0:
            found += [f"{line}: from {node.module} import {name.name} as {name.asname}" for name in node.names
                      if node.module != "math" or name.name not in MATH or name.asname]
        if isinstance(node, ast.ImportFrom) and node.level > 1:
            found.append(f"{line}: from ..{node.module} import")
        name = node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
        if name in FORBIDDEN or name.startswith("__") and name not in ("__init__", "__test__"):
            found.append(f"{line}: {name}")
        if isinstance(node, ast.AugAssign) and isinstance(node.op, ast.Pow):
            found.append(f"{line}: **=")
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
            exponent = node.right.operand if isinstance(node.right, ast.UnaryOp) else node.right
            constants = isinstance(node.left, ast.Constant) and isinstance(exponent, ast.Constant)
            power_of_two = constants and node.left.value == 2 and isinstance(exponent.value, int)
            if not power_of_two:  # 2.0**-28 is a constant, and exact
                found.append(f"{line}: **")
    return found


@pytest.mark.parametrize("path", sorted(REFERENCE.glob("*.py")), ids=lambda path: path.name)
def test_reference_follows_the_rules(path):
    assert faults(path.read_text()) == []


@pytest.mark.parametrize("source", [
    "import math", "from math import exp", "sum([1.0])", "x = y ** 2", "import random", "from math import fsum",
    "from ..network import Network", "z = 2.0 ** k", "from numpy import dot", "x **= 2.0", "2.0 ** 0.5",
    "__import__('math')", "x.__pow__(2)", "from math import sqrt as pow", "from ...x import y",
    "from ..model import Model"])
def test_a_violation_is_found(source):
    assert faults(source)


# English and line length

PHRASES = [r"so\s+many", r"such\s+that\s+do\s+so", r"(is|are|was|were)\s+told\s+(by|of)", r"of\s+one's\s+own",
           r"(hold|holds|held|holding)\s([^.\s]+\s){0,8}against", r"what\s([^.\s]+\s){1,5}makes?\s+of",
           r"in\s+turn\s+gives?", r"comes?\s+to"]
BANNED = re.compile(rf"\b({'|'.join(PHRASES)})\b", re.IGNORECASE)
CONTINUED = re.compile(r"\s*\n\s*(//|#|\*)?\s*")  # a line break, and the start of a comment on the next line
COLUMNS = 120
LINES = 50  # of a function


def tracked(suffixes):
    """The tracked files with these suffixes, as paths from the root."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    names = [name for name in listed.split("\0") if name.endswith(suffixes)]
    return [name for name in names if (ROOT / name).is_file()]


def banned_phrases(text):
    return [found[0] for found in BANNED.finditer(CONTINUED.sub(" ", text))]


def test_the_english_is_plain():
    texts = {name: (ROOT / name).read_bytes() for name in tracked("")}
    found = {name: banned_phrases(text.decode()) for name, text in texts.items() if b"\0" not in text}
    assert {name: phrases for name, phrases in found.items() if phrases} == {}


def test_lines_are_short():
    """At most 120 columns, in code and in documents."""
    found = [f"{name}:{n}" for name in tracked((".py", ".c", ".h", ".md"))
             for n, line in enumerate((ROOT / name).read_text(encoding="utf-8").splitlines(), 1) if len(line) > COLUMNS]
    assert found == []


def test_contributing_names_files_that_exist():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = re.findall(r"`([\w/.]+\.(?:py|c|h|md))`", text)
    folders = (ROOT, ROOT / "tests", ROOT / "data" / "conformance" / "v1", ROOT / "data" / "conformance")
    assert len(named) > 40
    assert [name for name in named if not any((folder / name).is_file() for folder in folders)] == []


def test_functions_are_short():
    found = [f"{name}:{node.lineno} {node.name}" for name in tracked(".py")
             for node in ast.walk(ast.parse((ROOT / name).read_text(encoding="utf-8")))
             if isinstance(node, ast.FunctionDef) and node.end_lineno - node.lineno >= LINES]
    assert found == []


@pytest.mark.parametrize("words", [
    "a row of so . many", "is told . by help", "held . against the oracle", "it holds an answer . against it",
    "layers of one's . own", "what the core makes . of it", "which in turn . gives", "what it comes . to",
    "such that . do so"])
@pytest.mark.parametrize("between", [" ", "\n", "\n    // ", "\n # ", "\n * "])
def test_a_banned_phrase_is_found(words, between):
    assert banned_phrases(words) == []
    assert banned_phrases(words.replace(" . ", between))
