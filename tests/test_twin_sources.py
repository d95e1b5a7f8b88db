"""The book and its twins in C: the same chapters, with the same functions in the same order.

A function f of the book is refnn_f in C, or a static f. So is a method f of a class, but for the layers: what these do
for the book, the table of kinds in csrc/model.c does for C. A C file may have further functions, none called refnn_.
"""

import ast
import re
from pathlib import Path

import pytest
from refnn.implementations.c import constant, ffi, lib
from refnn.layers import LAYERS
from refnn.model import INITS, LOSSES
from refnn.reference import prng

ROOT = Path(__file__).parent.parent
BOOK = {path.stem: path for path in (ROOT / "refnn" / "reference").glob("*.py") if not path.stem.startswith("__")}
TWINS = {path.stem: path for path in (ROOT / "csrc").glob("*.c")}
WITHOUT_A_CHAPTER = {"model", "network", "buffers"}  # kinds, sizes, checks; twins or kernels; numbers that come in
OTHER_NAMES = {"padded": "unpadded"}  # C reads through the padding and makes no copy
ONLY_IN_THE_BOOK = {"alice_and_bob"}
DEFINITION = re.compile(r"^(static )?(?:inline )?(?:const )?\w+ \*?(\w+)\([^;{}]*\) \{", re.MULTILINE)


def names_in_python(source):
    """The functions that have twins, in order."""
    names = []
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef):
            names.append(node.name)
        if isinstance(node, ast.ClassDef):
            methods = [method.name for method in node.body if isinstance(method, ast.FunctionDef)]
            names += [] if "backward" in methods else [name for name in methods if name != "__init__"]
    return [OTHER_NAMES.get(name, name) for name in names if name not in ONLY_IN_THE_BOOK]


def names_in_c(source):
    """-> all functions without refnn_, in order; those that are not static"""
    found = [(name.removeprefix("refnn_"), name.startswith("refnn_")) for _, name in DEFINITION.findall(source)]
    return [name for name, _ in found], [name for name, public in found if public]


def faults(python, c):
    """What is wrong with a pair of sources, as lines of text."""
    book = names_in_python(python)
    twin, public = names_in_c(c)
    found = [f"{name} has no twin" for name in book if name not in twin]
    found += [f"refnn_{name} is not in the book" for name in public if name not in book]
    in_order = [name for name in twin if name in book]
    if not found and in_order != book:
        found.append(f"the order is {in_order}, in the book it is {book}")
    return found


def test_every_chapter_has_a_twin():
    assert set(TWINS) - WITHOUT_A_CHAPTER == set(BOOK)


@pytest.mark.parametrize("chapter", BOOK)
def test_twins_have_the_same_functions_in_the_same_order(chapter):
    assert faults(BOOK[chapter].read_text(), TWINS[chapter].read_text()) == []


@pytest.mark.parametrize("old, new, fault", [
    ("refnn_mse_gradient(", "refnn_mean_gradient(", "mse_gradient has no twin"),
    ("int32_t refnn_argmax(", "int32_t refnn_largest(", "refnn_largest is not in the book"),
    ("double refnn_sse(", "double refnn_added(int32_t n) {\n    return n;\n}\n\ndouble refnn_sse(",
     "refnn_added is not in the book")])
def test_a_renamed_or_added_function_is_found(old, new, fault):
    source = TWINS["losses"].read_text()
    assert old in source
    assert fault in faults(BOOK["losses"].read_text(), source.replace(old, new))


def test_a_moved_function_is_found():
    source = TWINS["linear"].read_text()
    last = source.index("void refnn_linear_update")
    first = source.index("void refnn_linear_forward")
    moved = source[:first] + source[last:] + "\n" + source[first:last]
    assert "the order is" in faults(BOOK["linear"].read_text(), moved)[0]


def table(name_of):
    """All names of a table of the core, by number."""
    names = []
    while (name := name_of(len(names))) != ffi.NULL:
        names.append(ffi.string(name).decode())
    return names


def test_the_tables_of_the_core_name_every_layer_loss_and_initialisation():
    tables = {lib.refnn_kind_name: [layer.name for layer in LAYERS], lib.refnn_loss_name: LOSSES,
              lib.refnn_init_name: INITS}
    for name_of, expected in tables.items():
        names = table(name_of)
        assert sorted(names) == sorted(expected)
        assert [constant(name) for name in names] == list(range(len(names)))
        assert name_of(-1) == ffi.NULL


def test_streams_have_the_same_numbers():
    assert (lib.REFNN_PARAMETERS, lib.REFNN_SHUFFLING, lib.REFNN_DATA) == (prng.PARAMETERS, prng.SHUFFLING, prng.DATA)
