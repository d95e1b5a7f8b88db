"""Rules for source files. The reference must not use anything that depends on the platform or Python version."""

import ast
from pathlib import Path

import pytest

REFERENCE = Path(__file__).parent.parent / "refnn" / "reference"
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
            if not (constants and node.left.value == 2 and isinstance(exponent.value, int)):  # 2.0**-28: a constant, exact
                found.append(f"{line}: **")
    return found


@pytest.mark.parametrize("path", sorted(REFERENCE.glob("*.py")), ids=lambda path: path.name)
def test_reference_follows_the_rules(path):
    assert faults(path.read_text()) == []


@pytest.mark.parametrize("source", [
    "import math", "from math import exp", "sum([1.0])", "x = y ** 2", "import random", "from math import fsum",
    "from ..network import Network", "z = 2.0 ** k", "from numpy import dot", "x **= 2.0", "2.0 ** 0.5", "__import__('math')", "x.__pow__(2)",
    "from math import sqrt as pow", "from ...x import y", "from ..model import Model"])
def test_a_violation_is_found(source):
    assert faults(source)
