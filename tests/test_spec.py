"""SPEC.md is complete: its sections have every name of the code's tables in backquotes, and the formulas."""

import re
from pathlib import Path

import pytest
from refnn.conformance.operations import OPERATIONS
from refnn.conformance.vectors import RUNGS
from refnn.layers import ACTIVATIONS, LAYERS
from refnn.model import INITS, LOSSES, REDUCTIONS

SPEC = (Path(__file__).resolve().parent.parent / "data" / "conformance" / "v1" / "SPEC.md").read_text()
SECTIONS = dict(re.findall(r"^## (\d+)\. (.*?)(?=^## |\Z)", SPEC, re.M | re.S))
KINDS = [layer.name for layer in LAYERS]
NAMED = [("6", ACTIVATIONS), ("6 12", KINDS), ("7", LOSSES), ("7 8", REDUCTIONS), ("5 12", INITS), ("11", OPERATIONS),
         ("11", RUNGS)]
FORMULAS = [("6", ACTIVATIONS), ("8", ACTIVATIONS), ("6 12", [kind for kind in KINDS if kind != "batchnorm2d"]),
            ("7", LOSSES), ("8", LOSSES)]  # the formulas of batchnorm2d have names of their own


def text_of(sections):
    return "\n".join(SECTIONS[number] for number in sections.split())


def names(sections, table):
    return [pytest.param(text_of(sections), name, id=f"section {sections}: {name}") for name in table]


@pytest.mark.parametrize("text, name", [param for place in NAMED for param in names(*place)])
def test_the_spec_names(text, name):
    assert f"`{name}`" in text


@pytest.mark.parametrize("text, name", [param for place in FORMULAS for param in names(*place)])
def test_the_spec_has_a_formula_for(text, name):
    assert re.search(rf"^    {name}: +\S", text, re.M)


def test_the_table_of_rungs_names_no_operation_that_the_code_lacks():
    rows = [line.split("|")[1:3] for line in SECTIONS["11"].splitlines() if line.startswith("|")][2:]
    assert {name for rungs, _ in rows for name in re.findall("`(.*?)`", rungs)} == set(RUNGS)
    assert {name for _, ops in rows for name in re.findall("`(.*?)`", ops)} == set(OPERATIONS)
