"""Imports go one way: a module imports only from floors below its own, and no modules import each other in a circle."""

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "refnn"

# From the ground up. A name ends in .* for all modules of a package, which may import each other.
FLOORS = [
    ["refnn.reference.*", "refnn.version", "refnn.interrupts"],
    ["refnn.errors"],
    ["refnn.sources", "refnn.checks", "refnn.locks", "refnn.progress", "refnn.safetensors"],
    ["refnn.core", "refnn.files"],
    ["refnn.buffers"],
    ["refnn.layers", "refnn.idx", "refnn.rates", "refnn.download", "refnn.kept", "refnn.tables", "refnn.pictures"],
    ["refnn.model"],
    ["refnn.samples", "refnn.saved"],
    ["refnn.folders"],
    ["refnn.datasets"],
    ["refnn.tasks"],
    ["refnn.implementations.*"],
    ["refnn.state"],
    ["refnn.network"],
    ["refnn.gradient_check"],
    ["refnn"],
    ["refnn.cli"],
    ["refnn.conformance.*"],
    ["refnn.figures"],
    ["refnn.plots"],
    ["refnn.runs"],
    ["refnn.page"],
    ["refnn.compiled"],
    ["refnn.contestants"],
    ["refnn.calls"],
    ["refnn.bench", "refnn.check", "refnn.explain", "refnn.predict", "refnn.sweep", "refnn.train"],
    ["refnn.__main__"],
]
BUILT = "refnn._core"  # the C core, imported by the implementation that stands on it


def name_of(path):
    """refnn.idx of refnn/idx.py, refnn.reference of refnn/reference/__init__.py"""
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def sources():
    """module -> its source"""
    return {name_of(path): path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py")}


def imports(module, source, modules, is_package):
    """The modules of refnn that a source imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names if name.name.split(".")[0] == "refnn"}
        if isinstance(node, ast.ImportFrom):
            base = module.split(".")[:len(module.split(".")) - node.level + is_package] if node.level else []
            origin = ".".join([*base, *([node.module] if node.module else [])])
            if origin.split(".")[0] == "refnn":
                parts = {f"{origin}.{name.name}" for name in node.names}
                found |= parts & modules | ({origin} if parts - modules else set())
    return found - {module, BUILT}


def graph(sources):
    """module -> what it imports. `from package import module` counts as an import of the module only."""
    packages = {module.rpartition(".")[0] for module in sources}
    modules = {*sources, BUILT}
    return {module: imports(module, source, modules, module in packages) for module, source in sources.items()}


def floor(module):
    """The number of a module's floor, and its name there."""
    for number, names in enumerate(FLOORS):
        for name in names:
            if module == name or name.endswith(".*") and f"{module}.".startswith(name[:-1]):
                return number, name
    raise AssertionError(f"{module} stands on no floor: add it to FLOORS")


def upward(imported):
    """Every import that does not go down, in words."""
    def fine(module, other):
        together = floor(other) == floor(module) and floor(module)[1].endswith(".*")
        return floor(other)[0] < floor(module)[0] or together

    return [f"{module} imports {other}" for module, others in imported.items() for other in others
            if not fine(module, other)]


def circle(imported):
    """The modules of a circle, or None."""
    try:
        TopologicalSorter(imported).prepare()
    except CycleError as error:
        return error.args[1]
    return None


def test_no_import_goes_up():
    assert upward(graph(sources())) == []


def test_no_circle():
    assert circle(graph(sources())) is None


def test_every_floor_has_its_modules():
    modules = set(sources())
    for names in FLOORS:
        for name in names:
            assert name in modules or name.removesuffix(".*") in modules, name


@pytest.mark.parametrize("module, line, imported", [
    ("refnn.checks", "from .layers import Linear", "refnn.layers"),
    ("refnn.layers", "def f():\n    from . import model", "refnn.model"),
    ("refnn.reference.linear", "from ..errors import InputError", "refnn.errors"),
    ("refnn.implementations.python", "from ..network import Network", "refnn.network"),
    ("refnn.network", "import refnn.train", "refnn.train"),
    ("refnn.train", "from .sweep import sweep", "refnn.sweep"),
    ("refnn.model", "from refnn import Network", "refnn"),
])
def test_an_upward_import_is_found(module, line, imported):
    made = sources()
    made[module] += f"\n{line}\n"
    assert upward(graph(made)) == [f"{module} imports {imported}"]


def test_a_circle_is_found():
    made = sources()
    made["refnn.reference.prng"] += "\nfrom .training import epoch\n"
    assert {"refnn.reference.prng", "refnn.reference.training"} <= set(circle(graph(made)))
