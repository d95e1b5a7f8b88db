"""The formula of each operation, as SPEC.md has it; of one that has none there, as its explanation has it."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable
from functools import cache

from ..layers import ACTIVATIONS
from ..model import LOSSES
from .compare import tensors
from .operations import OPERATIONS
from .operations.layers import operations_of
from .operations.models import KINDS
from .vectors import FOLDER, Case


@cache
def sections() -> dict[int, str]:
    text = (FOLDER / "SPEC.md").read_text(encoding="utf-8")
    return {int(number): body for number, body in re.findall(r"^## (\d+)\. (.*?)(?=^## |\Z)", text, re.M | re.S)}


def entries(section: int, *labels: str) -> str:
    """The formulas of a section that stand under these labels, with their continuation lines."""
    found = re.findall(r"^    (([a-z_0-9]+)(?:\(\w+\))?: .*\n(?:     .*\n)*)", sections()[section], re.M)
    return "".join(textwrap.dedent("    " + text) for text, label in found if label in labels)


def passage(section: int, start: str, end: str) -> str:
    """What a section says from one text to another, without the second."""
    text = sections()[section]
    begin = text.index(start)
    return text[begin:text.index(end, begin + len(start))].strip("\n") + "\n"


FORMULAS: dict[str, Callable[[], str]] = {
    **{op: lambda kind=kind: entries(12, kind) for kind in KINDS for op in operations_of(kind)},  # type: ignore
    **{op: lambda op=op: entries(3, op)  # type: ignore
       for op in ("next", "uniform", "below", "normal", "permutation")},
    **{op: lambda: passage(3, "`stream(seed, k)`", "```") for op in ("stream", "epoch_order")},
    "exp": lambda: passage(4, "The functions exp and expm1", "**expm1(x)**"),
    "log": lambda: passage(4, "**log(x)**", "**sin(x)**"),
    "tanh": lambda: passage(4, "**expm1(x)**", "**log(x)**"),
    "sin": lambda: passage(4, "**sin(x)**", "```"),
    "cos": lambda: "As sin.",
    "initial_parameters": lambda: passage(5, "The parameters of a network", "The digest"),
    "linear_forward": lambda: entries(6, "linear"),
    "activation_forward": lambda: entries(6, *ACTIVATIONS),
    "loss": lambda: entries(7, *LOSSES) + passage(7, "The loss of several", "```"),
    "loss_gradient": lambda: entries(8, *LOSSES) + passage(8, "With the reduction", "The gradient"),
    "activation_backward": lambda: entries(8, *ACTIVATIONS),
    "linear_backward_input": lambda: entries(8, "linear"),
    "linear_backward_parameters": lambda: entries(8, "linear"),
    "update": lambda: entries(9, "update"),
    "step": lambda: entries(9, "step"),
    "train": lambda: passage(10, "Each epoch", "```"),
    "conv2d_forward": lambda: passage(12, "X is x with", "Below") + entries(12, "conv2d"),
    "batchnorm2d_statistics": lambda: passage(12, "Batch normalisation: k", "statistics:") + entries(12, "statistics"),
    **{f"batchnorm2d_{label}": lambda label=label: entries(12, label)  # type: ignore
       for label in ("forward", "backward", "track", "evaluation")},
}


def formula_of(op: str, case: Case) -> list[str]:
    """The lines of an operation's formula. case: one of this operation"""
    if op in FORMULAS:
        return textwrap.dedent(FORMULAS[op]()).strip("\n").splitlines()
    explain = OPERATIONS[op].explain
    return [explain(case.inputs, case.answer, key, places[0])[0] for key, places in tensors(case)]
