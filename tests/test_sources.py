"""What the reference may not use, since its results differ from one platform or Python version to the next."""

import ast
from pathlib import Path

import pytest

REFERENCE = Path(__file__).parent.parent / "refnn" / "reference"
MATH = {"floor", "frexp", "ldexp", "sqrt", "isfinite"}  # exact, or correctly rounded everywhere
FORBIDDEN = {"sum", "pow", "fsum", "sumprod", "hypot", "fmean", "round", "divmod"}


def faults(source):
    """What a source uses against the rules, as lines of text."""
    found = []
    for node in ast.walk(ast.parse(source)):
        line = getattr(node, "lineno", 0)
        if isinstance(node, ast.Import):
            found += [f"{line}: import {name.name}" for name in node.names]
        if isinstance(node, ast.ImportFrom) and node.level == 0:
            found += [f"{line}: from {node.module} import {name.name}" for name in node.names
                      if node.module != "math" or name.name not in MATH]
        if isinstance(node, ast.ImportFrom) and node.level == 2 and node.module != "model":
            found.append(f"{line}: from ..{node.module} import")
        if isinstance(node, ast.Name) and node.id in FORBIDDEN or isinstance(node, ast.Attribute) and node.attr in FORBIDDEN:
            found.append(f"{line}: {getattr(node, 'id', None) or node.attr}")
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
            constant = isinstance(node.left, ast.Constant) and node.left.value in (2, 2.0)  # 2.0**-28: exact
            exponent = node.right.operand if isinstance(node.right, ast.UnaryOp) else node.right
            if not (constant and isinstance(exponent, ast.Constant)):
                found.append(f"{line}: **")
    return found


@pytest.mark.parametrize("path", sorted(REFERENCE.glob("*.py")), ids=lambda path: path.name)
def test_reference_keeps_the_rules(path):
    assert faults(path.read_text()) == []


@pytest.mark.parametrize("source", [
    "import math", "from math import exp", "sum([1.0])", "x = y ** 2", "import random", "from math import fsum",
    "from ..network import Network", "z = 2.0 ** k", "from numpy import dot"])
def test_a_breach_is_found(source):
    assert faults(source)
