"""Judges a training that is not exact: whether rounding explains it.

Rounding errors grow along a training, so its end says little. Instead the subject is asked for single steps, each from
its own parameters before it, and each is judged as a step. That needs parameters: those that the subject adds to its
answer to `train`, or those of its `step`. The losses are compared as long as rounding leaves them certain, which
trainings of the reference show whose parameters are off by as much.
"""

from __future__ import annotations

import random
from array import array
from collections import Counter
from collections.abc import Callable, Iterator
from math import hypot, isfinite, sqrt
from typing import Any, NamedTuple

from .. import implementations
from ..errors import RefnnError
from ..implementations import Constructor
from ..implementations.python import PythonImplementation
from ..model import LOSSES
from .compare import EXACT, ROUNDING, WRONG, Comparison, NoAnswer, compare, divergence, fitted, of_judgement
from .diagnosis import work
from .locate import Ask, Epoch, Located
from .operations import OPERATIONS
from .operations.in_c import cores
from .rounding import LIMIT, Number, Tensor, expected, judge
from .rounding.numbers import in_precision
from .rounding.tensors import Step
from .vectors import Case

STEPS = 300  # of a training that are judged
WORK = 600_000  # multiply-adds of all these steps; a parameter counts 10, a step 3,000
LARGEST = 5 * WORK  # of a single step
TRAINED = 200_000_000  # multiply-adds of the trainings that show how uncertain losses are; for the reference a tenth
REPEATED = 4  # such trainings
CERTAIN = 0.01  # of a loss: how uncertain it may be and still be compared


class Weighed(NamedTuple):
    """The verdict on a training.

    located: the step that is wrong; answer: to it; None if it is right by itself
    exact: no step that was judged is rounded; steps_right: some were judged, and none is wrong
    losses: the first of them as they should be, those that are certain enough to be compared
    """

    found: Comparison
    located: Located | None = None
    exact: bool = False
    answer: dict[str, Any] | None = None
    steps_right: bool = False
    losses: list[Tensor] | None = None


def weigh(case: Case, answer: dict[str, Any], ask: Ask, precision: type[Number],
          spent: Callable[[], bool] = lambda: False) -> Weighed:
    """Judges a training that is not exact. ask: the subject, for cases like parts of this one; its answers as they
    come; spent: whether the time is up: then no step after the first is judged
    """
    epoch = Epoch(case, 1, fast()[0])
    certain = list(losses(case, answer, precision, epoch))
    right = [abs(given - loss.value) <= LIMIT * loss.deviation for given, loss in zip(answer["losses"], certain)]
    compared = [*right, False].index(False)
    expected_losses = [Tensor("losses", [(e,) for e in range(len(certain))], certain)] if certain else None
    judged, exact = 0, True
    for step, found, located, given in steps(case, epoch, ask, precision):
        judged = step
        exact = exact and found.verdict == EXACT
        if found.verdict == WRONG:
            if certain and not compared:  # it is wrong before the first step
                return Weighed(wrong_loss(case, answer, certain, 0), losses=expected_losses)
            if located.case and is_right(located.case, ask(located.case), precision):
                return Weighed(found, located, losses=expected_losses)
            return Weighed(found, located, answer=given)
        if spent():
            break
    total = case.inputs["epochs"] * epoch.steps
    note = note_on(judged, total, compared, case.inputs["epochs"])
    if compared < len(certain):
        found = wrong_loss(case, answer, certain, compared)._replace(note=note)
    else:
        found = Comparison(ROUNDING if judged or compared > 1 else WRONG, note=note)
    return Weighed(found, None, exact, None, judged > 0, expected_losses)


def wrong_loss(case: Case, answer: dict[str, Any], certain: list[Number], epoch: int) -> Comparison:
    loss = certain[epoch]
    return Comparison(WRONG, divergence(case, answer, "losses", (epoch,), loss.value, loss.deviation))


def is_right(step: Case, given: dict[str, Any] | None, precision: type[Number]) -> bool:
    """Whether an answer to a step is right, which is wrong as a part of a training."""
    try:
        return given is not None and compare(step, fitted(step.answer, given, "the answer"), precision).verdict != WRONG
    except NoAnswer:
        return False


def note_on(judged: int, total: int, compared: int, epochs: int) -> str:
    """What was judged, in words."""
    if judged:
        steps = f"{judged:,} of {total:,} steps, each right up to rounding"
    else:
        steps = "no step was judged: that needs `parameters` in the answer to `train`, or an answer to `step`"
    if compared > epochs:
        return f"{steps}; so are all losses"
    return f"{steps}; the losses are right up to epoch {compared - 1}" if compared else steps


def steps(case: Case, epoch: Epoch, ask: Ask,
          precision: type[Number]) -> Iterator[tuple[int, Comparison, Located, dict[str, Any]]]:
    """(number, verdict, place, answer) of the first steps of a training, each from the subject's own parameters."""
    batch = affordable(case, epoch)
    affords = max(WORK // cost(case, epoch), int(cost(case, epoch) <= LARGEST))
    count = min(STEPS, case.inputs["epochs"] * epoch.steps, affords, STEPS if batch == epoch.size else 1)
    parameters: list[float] = epoch.start
    for number in range(count):
        epoch.move_to(number // epoch.steps + 1)
        within = number % epoch.steps
        step = epoch.step_as_case(parameters, within, batch, of_step)
        found, given = one_step(step, epoch.part(parameters, within, within + 1, batch), ask, precision)
        if given is None:
            return
        if found.verdict == WRONG:
            step = epoch.step_as_case(parameters, within, batch)
        parameters = given["parameters"]
        yield number + 1, found, Located(epoch.number, within + 1, step, tuple(epoch.chosen(within, within + 1))), given


def of_step(**inputs: Any) -> dict[str, Any]:
    """The answer to a step; by the C core, which is faster and has no outputs and deltas, if it is here."""
    step = OPERATIONS["step"]
    return step.answer(**inputs) if implementations.missing() else step.in_c(cores()["plain"], **inputs)


def one_step(step: Case, part: Case, ask: Ask, precision: type[Number]) -> tuple[Comparison, dict[str, Any] | None]:
    """The verdict on one step, and the subject's answer, with the parameters after it; None if it answers none."""
    given = ask(part)
    after = given.get("parameters") if isinstance(given, dict) else None
    if after is not None:
        try:
            after = fitted(step.answer["parameters"], after, "parameters")
        except NoAnswer:
            after = None
    if after is not None:
        answer = {"parameters": after}
        if after == step.answer["parameters"]:
            return Comparison(EXACT), answer
        return of_judgement(step, answer, judge(expected(step, answer, precision), answer), Counter()), answer
    given = ask(step)
    if given is None:
        return Comparison(""), None
    step = step._replace(answer=OPERATIONS["step"].answer(**step.inputs))
    given = fitted(step.answer, given, "the answer")
    return compare(step, given, precision), given


def losses(case: Case, answer: dict[str, Any], precision: type[Number], epoch: Epoch) -> Iterator[Number]:
    """The losses as they should be, with their deviations, as long as these are small.

    As long as the digests are right, the parameters are the reference's, and a loss is as certain as the first.
    """
    if cost(case, epoch) > LARGEST:
        return
    own = of_loss(case, precision, epoch)
    trained = trainings(case, precision, epoch)
    uncertain, exact = 0.0, True
    for e, (right, digest) in enumerate(zip(case.answer["losses"], case.answer["digests"])):
        exact = exact and answer["digests"][e] == digest
        if e and not trained and not exact or not isfinite(right) or right <= 0.0:
            return
        if not exact:
            uncertain = max([uncertain, *(abs(values[e] - right) / right for values in trained)])
        deviation = hypot(uncertain, own)
        if not LIMIT * deviation < CERTAIN:
            return
        yield precision(right, deviation * right)


def of_loss(case: Case, precision: type[Number], epoch: Epoch) -> float:
    """The deviation of a loss over all samples from given parameters, as a part of it."""
    loss, = first_step(case, precision, epoch, {"loss": 0.0})
    count = len(epoch.samples)
    of_sum = precision.of_sum(1.0, count, 1.0 / sqrt(count), 0.0)
    return float(hypot(loss.deviation / abs(loss.value), of_sum)) if loss.value else 0.0


def first_step(case: Case, precision: type[Number], epoch: Epoch, asked: dict[str, Any]) -> list[Any]:
    """Numbers of the first step, from the question alone, with the samples that can be afforded. asked: which"""
    epoch.move_to(1)
    step = epoch.step_as_case(epoch.start, 0, affordable(case, epoch), of_step)
    with in_precision(precision):
        return [number for tensor in Step(precision, step.inputs, asked).tensors() for number in tensor.numbers]


def takes_long(case: Case) -> bool:
    """Whether judging a single step takes about a second or more."""
    return cost(case, Epoch(case, 1, fast()[0])) > WORK // 2


def cost(case: Case, epoch: Epoch) -> int:
    """Of judging one step."""
    return work_of_sample(case, epoch) * affordable(case, epoch) + 10 * len(epoch.start) + 3000


def affordable(case: Case, epoch: Epoch) -> int:
    """The number of samples of a step that is judged: those of a batch, or fewer."""
    return min(int(epoch.size), max(1, WORK // work_of_sample(case, epoch)))


def work_of_sample(case: Case, epoch: Epoch) -> int:
    return max(1, int(work(case)) // (len(epoch.samples) * (int(case.inputs["epochs"]) + 1)))


def trainings(case: Case, precision: type[Number], epoch: Epoch) -> list[list[float]]:
    """The losses of trainings whose parameters are off, before each epoch, as rounding in all its steps leaves them.
    [] if it takes too long.
    """
    oracle, limit = fast()
    if work(case) * REPEATED > limit or cost(case, epoch) > WORK:
        return []
    parameters = first_step(case, precision, epoch, {"parameters": []})
    # where a decision hangs on rounding, the whole update is uncertain
    errors = [min(number.deviation, abs(number.value - before)) for number, before in zip(parameters, epoch.start)]
    generator = random.Random(0)
    return [training(case, errors, precision, generator, oracle) for _ in range(REPEATED)]


def fast() -> tuple[Constructor, int]:
    """The C core, or else the reference; and the multiply-adds that it may take."""
    try:
        return implementations.load("c"), TRAINED
    except RefnnError:
        return PythonImplementation, TRAINED // 10


def training(case: Case, errors: list[float], precision: type[Number], generator: random.Random,
             oracle: Constructor) -> list[float]:
    """errors: the deviations of the parameters after the first step"""
    epoch = Epoch(case, 1, oracle)
    samples, reduction = epoch.samples, LOSSES[case.inputs["loss"]].reduction
    made = []
    for number in range(case.inputs["epochs"] + 1):
        if number:
            epoch.move_to(number)
            epoch.train(number, 0, epoch.steps)
        scale = sqrt(epoch.steps) if number else 1.0
        epoch.net.set_parameters(array("d", [
            p + generator.gauss(0.0, scale * hypot(precision.unit * p, error if number else 0.0))
            for p, error in zip(epoch.net.get_parameters(), errors)]))
        made.append(epoch.net.evaluate(samples.inputs, samples.targets, reduction)[0])
    return made
