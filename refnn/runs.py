"""A run: what decides a training from the command line. It is kept in saved networks and in the records of --json.

A run is a dictionary that JSON can hold: the task, the seed, and every option that changes a number. The
implementation, the number of threads and the files that are written change none, and are not part of it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from .checks import whole_number
from .cli import option
from .errors import InputError
from .model import LOSSES
from .progress import Report, silent
from .saved import Saved
from .tables import Choices
from .tasks import SETTINGS, TASKS, Task, folder_task, table_task, task

Run = dict[str, Any]

TABLE = ("target", "ignore", "category", "header", "test_split", "standardize")  # for CSV files
DATA = ("seed", "limit", "limit_test", "data", *TABLE)  # options beside the task and its settings
NAMES = ("task", *DATA, *SETTINGS)
SAMPLES = "samples_sha256"  # in files: the digest of the training's samples
LATER = ("limit_test", "data", *(name for name, setting in SETTINGS.items() if setting.training))  # may change later


def run_of(options: Mapping[str, Any]) -> Run:
    """The run that the options of a command line ask for. Raises InputError."""
    run = {name: options[name] for name in NAMES if options.get(name) is not None}
    return checked({"task": "alice-bob", "seed": 0, **run})


def continued(options: Mapping[str, Any], content: Saved, source: str) -> Run:
    """The run of a saved network, with what may change when its training continues. Raises InputError."""
    if "run" not in content.info:
        raise InputError(f"{source}: not from a training with --save; in Python, refnn.load continues it")
    run = {name: value for name, value in content.info["run"].items() if name != SAMPLES}
    if not all(name in NAMES for name in run) or not isinstance(run.get("task"), str):
        raise InputError(f"{source}: the run in the metadata is invalid")
    for name in NAMES:
        value = options.get(name)
        if value is None:
            continue
        moved = name == "task" and value not in TASKS and run[name] not in TASKS  # a file; its samples are compared
        if name not in LATER and not moved and plain(value) != run.get(name):
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
    given = [name for name in TABLE if name in run]
    if given and not is_table(run):
        raise InputError(f"{option(given[0])} is for tables: refnn train FILE.csv")
    for name in ("target", "ignore", "category"):
        if not isinstance(run.get(name, []), list) or not all(isinstance(text, str) for text in run.get(name, [])):
            raise InputError(f"{option(name)} must be a list of texts")
    if "test_split" in run and not (isinstance(run["test_split"], float) and 0.0 < run["test_split"] < 1.0):
        raise InputError(f"--test-split must be a number between 0 and 1, not {run['test_split']!r}")
    return run


def is_table(run: Run) -> bool:
    """Whether the run's task is a CSV file, also one that does not exist."""
    return run["task"] not in TASKS and (os.path.isfile(run["task"]) or any(c in run["task"] for c in (".", os.sep)))


def task_of(run: Run, report: Report = silent) -> Task:
    """The run's task with the run's settings. Raises InputError."""
    settings = {name: run[name] for name in SETTINGS if name in run}
    if run["task"] not in TASKS and os.path.isdir(run["task"]):
        return folder_task(run["task"], report).adapted(settings, option)
    if not is_table(run):
        return task(run["task"]).adapted(settings, option)
    classes = None if "loss" not in run else bool(LOSSES.get(str(run["loss"]), LOSSES["mse"]).classes)
    choices = Choices(tuple(run.get("target", ())), tuple(run.get("ignore", ())), tuple(run.get("category", ())),
                      run.get("header"), classes, bool(run.get("standardize")), run.get("test_split", 0.0))
    return table_task(run["task"], choices, run["seed"], report).adapted(settings, option)


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
        elif name == "hidden":
            words += [option(name), ",".join(map(str, value)) or "none"]
        elif isinstance(value, list):
            words += [word for text in value for word in (option(name), text)]
        elif name != "task":
            words += [option(name), str(value)]
    return words


