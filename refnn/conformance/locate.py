"""Finds the step at which a training run goes wrong.

The oracle trains up to the first epoch whose result differs. From there the subject is asked to train for fewer and
fewer steps of that epoch, until one is left, which becomes a case.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Optional

from ..implementations import Constructor
from ..network import digest
from ..rates import learning_rates
from ..samples import Pixels, check_samples
from .operations import OPERATIONS
from .operations.models import model_of
from .vectors import Case


class Located(NamedTuple):
    """The place in a training run where it goes wrong.

    epoch, step: from 1; step is None if every step alone is right: then the order of samples or the rate is wrong
    case:        the step as a case
    samples:     the numbers of its samples
    """

    epoch: int
    step: int | None = None
    case: Case | None = None
    samples: tuple[int, ...] = ()


Ask = Callable[[Case], Optional[dict[str, Any]]]  # a case -> the subject's answer, or None


def locate(case: Case, answer: dict[str, Any], ask: Ask, oracle: Constructor) -> Located | None:
    """The step that goes wrong in a case of `train`.

    None if the parameters are wrong before training, or if the subject does not answer parts of the training.
    """
    wrong = [e for e, right in enumerate(case.answer["digests"]) if answer["digests"][e] != right]
    if not wrong or wrong[0] == 0:
        return None
    epoch = Epoch(case, wrong[0], oracle)
    whole = agreement(epoch, ask, epoch.start, 0, epoch.steps)
    if whole is None:
        return None
    if whole[0]:
        return Located(wrong[0])
    good, fine, spoilt = epoch.start, 0, epoch.steps
    while spoilt - fine > 1:
        middle = (fine + spoilt) // 2
        agrees, parameters = agreement(epoch, ask, good, fine, middle) or (False, good)
        if agrees:
            good, fine = parameters, middle
        else:
            spoilt = middle
    return Located(wrong[0], fine + 1, epoch.step_as_case(good, fine), tuple(epoch.chosen(fine, spoilt)))


def agreement(epoch: Epoch, ask: Ask, parameters: list[float], first: int,
              last: int) -> tuple[bool, list[float]] | None:
    """Whether subject and oracle, both started from `parameters`, agree after steps first ... last - 1 of an epoch; and
    the oracle's parameters there. None if the subject does not answer.
    """
    right = epoch.trained(parameters, first, last)
    given = ask(epoch.part(parameters, first, last))
    return None if given is None else (given["digests"][1] == digest(right), right)


class Epoch:
    """An epoch of a case of `train`. Its steps count from 0. start: the oracle's parameters before it"""

    def __init__(self, case: Case, number: int, oracle: Constructor) -> None:
        inputs = case.inputs
        self.case, self.inputs, self.number = case, inputs, number
        self.size = inputs["batch_size"]
        self.rates = list(learning_rates(inputs["epochs"], inputs["lr"], inputs["lr_decay"], inputs["lr_decay_every"]))
        self.rate = self.rates[number - 1]
        model = model_of(inputs["layers"], inputs["loss"], inputs.get("init", "normal"), inputs.get("input_shape"))
        x = Pixels(bytes.fromhex("".join(inputs["pixels"]))) if "pixels" in inputs else inputs["x"]
        self.samples = check_samples(model, x, inputs["y"])
        self.steps = -(-len(self.samples) // self.size)
        self.seed = int(inputs["seed"], 16)
        self.net = oracle(model, self.seed)
        if "parameters" in inputs:
            self.net.set_parameters(array("d", inputs["parameters"]))
        for earlier in range(1, number):
            self.train(earlier, 0, self.steps)
        self.start = list(self.net.get_parameters())
        self.order = self.order_of(number) or range(len(self.samples))

    def move_to(self, number: int) -> None:
        """Makes this epoch another one; `start` and the net stay."""
        self.number, self.rate = number, self.rates[number - 1]
        self.order = self.order_of(number) or range(len(self.samples))

    def order_of(self, epoch: int) -> Sequence[int] | None:
        return self.net.epoch_order(self.seed, epoch, len(self.samples)) if self.inputs["shuffle"] else None

    def train(self, epoch: int, first: int, last: int) -> None:
        """Steps first ... last - 1 of an epoch, by the oracle."""
        start, stop = first * self.size, min(last * self.size, len(self.samples))
        self.net.train(self.samples.inputs, self.samples.targets, self.order_of(epoch), start, stop, self.size,
                       self.rates[epoch - 1], self.inputs["reduction"])

    def trained(self, parameters: list[float], first: int, last: int) -> list[float]:
        """The oracle's parameters after steps first ... last - 1 of this epoch, started from these."""
        self.net.set_parameters(array("d", parameters))
        self.train(self.number, first, last)
        return list(self.net.get_parameters())

    def chosen(self, first: int, last: int) -> Sequence[int]:
        """The numbers of the samples of steps first ... last - 1."""
        return self.order[first * self.size:last * self.size]

    def part(self, parameters: list[float], first: int, last: int, limit: int | None = None) -> Case:
        """Steps first ... last - 1 as a case of `train`. Its answer has the right form only. limit: of samples"""
        part = dict(self.inputs, parameters=parameters, shuffle=False, epochs=1)
        part.update(lr=self.rate, lr_decay=1.0, lr_decay_every=1)
        part.pop("init", None)
        for key in ("x", "pixels", "y"):
            if key in part:
                part[key] = [part[key][n] for n in self.chosen(first, last)[:limit]]
        form = {"losses": [0.0, 0.0], "digests": ["", ""]}
        return Case(f"{self.case.id}, steps {first + 1} to {last} of epoch {self.number}", "train", part, form)

    def step_as_case(self, parameters: list[float], number: int, limit: int | None = None,
                     answered: Callable[..., dict[str, Any]] = OPERATIONS["step"].answer) -> Case:
        """One step as a case of `step`. limit: of samples; answered: gives its answer"""
        chosen = self.chosen(number, number + 1)[:limit]
        step = {"layers": self.inputs["layers"], "loss": self.inputs["loss"], "parameters": parameters,
                "x": [self.samples.inputs[n] for n in chosen], "y": [self.inputs["y"][n] for n in chosen],
                "reduction": self.inputs["reduction"], "lr": self.rate}
        if "input_shape" in self.inputs:
            step["input_shape"] = self.inputs["input_shape"]
        return Case(f"{self.case.id}, step {number + 1} of epoch {self.number}", "step", step,
                    answered(**step))
