"""The page of `refnn explain --html`: one file that trains networks by itself, from the parts in refnn/web/."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from .conformance.mutants import MUTANTS
from .conformance.operations import OPERATIONS
from .conformance.operations.explaining import formula
from .errors import InputError
from .layers import ACTIVATIONS
from .model import LOSSES
from .reference import activations, linear, losses
from .runs import in_full, task_of
from .samples import check_samples
from .tasks import Task
from .version import __version__

WEB = Path(__file__).resolve().parent / "web"
SMALLER = {"sin-cos": {"hidden": (20, 10)}}  # what a page shows of a task that is larger
UNITS = 32  # of a layer
LAYERS = 4  # hidden ones
SHOWN = ("truth-table", "alice-bob", "points", "sin-cos")


def page(run: Mapping[str, Any]) -> str:
    """The page that begins with a run's task, seed and settings. Raises InputError."""
    name = run["task"]
    task = task_of(dict(run))
    if name not in SHOWN:
        raise InputError(f"--html is for {', '.join(SHOWN)}, not {name!r}")
    defaults = {shown: settings(shown, {}) for shown in SHOWN}
    tasks = {shown: settings(shown, SMALLER.get(shown, {})) for shown in SHOWN}
    tasks[name] = settings(name, {**SMALLER.get(name, {}), **run})
    check_samples(task.model(), *task.data(run["seed"], None).train)
    hidden = tasks[name]["hidden"]
    if len(hidden) > LAYERS or max(hidden, default=0) > UNITS:
        raise InputError(f"--html shows at most {LAYERS} hidden layers, of at most {UNITS} units")
    config = {"version": __version__, "start": {"task": name, "seed": str(run["seed"])}, "tasks": tasks,
              "defaults": defaults, "activations": list(ACTIVATIONS), "formulas": formulas(),
              "units": UNITS, "layers": LAYERS, "bugs": {mutant.name: mutant.says for mutant in MUTANTS}}
    return re.sub(r"\{\{(\S+?)\}\}", lambda found: part(found[1], config), part("page.html", config))


def part(name: str, config: dict[str, Any]) -> str:
    """A file of refnn/web/, or the configuration as JSON that may stand in HTML."""
    if name == "config":
        return json.dumps(config).replace("<", "\\u003c")
    return (WEB / name).read_text(encoding="utf-8").strip()


def settings(name: str, run: Mapping[str, Any]) -> dict[str, Any]:
    """Every setting of a task, and what else the page must know of it."""
    task: Task = task_of({**run, "task": name})
    return {**in_full({}, task), "reduction": task.reduction or LOSSES[task.loss].reduction, "inputs": task.inputs,
            "outputs": task.outputs}


def formulas() -> dict[str, tuple[str, str]]:
    """function, or dw and db -> its place in the book, and its formula"""
    functions: list[Callable[..., Any]] = [linear.linear_forward, linear.linear_backward_input]
    for pairs in (activations.ACTIVATIONS, losses.LOSSES):
        functions += [function for pair in pairs.values() for function in pair]
    found = {function.__name__: (place(function), formula(function)) for function in functions}
    one = {"x": [[1.0]], "dz": [[1.0]], "p": [1.0], "dp": [1.0], "lr": 1.0}
    for key, operation, function, index in (
            ("dw", "linear_backward_parameters", linear.linear_backward_parameters, (0, 0)),
            ("db", "linear_backward_parameters", linear.linear_backward_parameters, (0,)),
            ("update", "update", linear.linear_update, (0,))):
        found[key] = place(function), OPERATIONS[operation].explain(one, {}, key, index)[0]
    return found


def place(function: Callable[..., Any]) -> str:
    """linear.linear_forward: the chapter of the book, and the function"""
    return f"{function.__module__.rpartition('.')[2]}.{function.__name__}"
