"""A run: what decides a training from the command line. It is kept in saved networks and in the records of --json.

A run is a dictionary that JSON can hold: the task, the seed, and every option that changes a number. The
implementation, the number of threads and the files that are written change none, and are not part of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .checks import whole_number
from .cli import option
from .errors import InputError
from .saved import Saved
from .tasks import SETTINGS, Task, task

Run = dict[str, Any]

DATA = ("seed", "limit", "limit_test", "data")  # options beside the task and its settings
NAMES = ("task", *DATA, *SETTINGS)
LATER = ("limit_test", "data", *(name for name, setting in SETTINGS.items() if setting.training))  # may change later


def run_of(options: Mapping[str, Any]) -> Run:
    """The run that the options of a command line ask for. Raises InputError."""
    run = {name: options[name] for name in NAMES if options.get(name) is not None}
    return checked({"task": "alice-bob", "seed": 0, **run})


def continued(options: Mapping[str, Any], content: Saved, source: str) -> Run:
    """The run of a saved network, with what may change when its training continues. Raises InputError."""
    if "run" not in content.info:
        raise InputError(f"{source}: not from a training with --save; in Python, refnn.load continues it")
    run = content.info["run"]
    if not all(name in NAMES for name in run) or not isinstance(run.get("task"), str):
        raise InputError(f"{source}: the run in the metadata is invalid")
    for name in NAMES:
        value = options.get(name)
        if value is None:
            continue
        if name not in LATER and plain(value) != run.get(name):
            what = "the task" if name == "task" else option(name)
            raise InputError(f"{what} cannot change when a training continues; in {source} it is {run.get(name)!r}")
        run[name] = value
    return checked(run)


def checked(run: Run) -> Run:
    """`run`, if its values are valid, except for those that `adapted` checks."""
    whole_number(run.get("seed"), "--seed", 0, 2**64 - 1)
    for name in ("limit", "limit_test"):
        if name in run:
            whole_number(run[name], option(name))
    if not isinstance(run.get("data"), (str, type(None))):
        raise InputError("--data must be a text")
    return run


def task_of(run: Run) -> Task:
    """The run's task with the run's settings. Raises InputError."""
    return task(run["task"]).adapted({name: run[name] for name in SETTINGS if name in run}, option)


def in_full(run: Run, chosen: Task) -> Run:
    """The run with every setting of its task, also those that were not given."""
    settings = {name: getattr(chosen, name) for name, setting in SETTINGS.items()
                if not (chosen.layers and setting.perceptron) and getattr(chosen, name) is not None}
    whole = {**run, **settings}
    return {name: plain(whole[name]) for name in NAMES if name in whole}


def plain(value: Any) -> Any:
    """The value as JSON returns it."""
    return list(value) if isinstance(value, tuple) else value


def arguments(run: Run) -> list[str]:
    """The arguments of `refnn train` that repeat a run."""
    words = [run["task"]]
    for name, value in run.items():
        if isinstance(value, bool):
            words.append(option(name) if value else option("no_" + name))
        elif name in ("hidden",):
            words += [option(name), ",".join(map(str, value)) or "none"]
        elif name != "task":
            words += [option(name), str(value)]
    return words


