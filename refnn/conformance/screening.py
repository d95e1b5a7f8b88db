"""What a mistake would have changed in a training, though it is right: then it need not be tried on the whole."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..implementations import python
from .operations import OPERATIONS
from .operations.models import model_of
from .spoil import Variant, spoiled

FAR = 1e-3  # of the largest parameter: what differs by less can be rounding

Question = Callable[[], list[float]]


def refuted_by(inputs: dict[str, Any], first_right: bool, steps_right: bool,
               exact: bool) -> Callable[[Variant], bool]:
    """A test for variants of mutants.

    inputs: of a training; first_right: its first parameters are right to the bit; exact: so are those after a step
    """
    asked: list[tuple[Question, float]] = []
    model = model_of(inputs["layers"], inputs["loss"], inputs.get("init", "normal"), inputs.get("input_shape"))

    def first() -> list[float]:
        return list(python.PythonImplementation(model, int(inputs["seed"], 16)).get_parameters())

    given = inputs.get("parameters")
    parameters = given or first()
    if first_right and not given:
        asked.append((first, 0.0))

    def step() -> list[float]:
        samples = int(inputs["batch_size"])
        of_step = {key: inputs[key] for key in ("layers", "loss", "reduction", "lr", "input_shape") if key in inputs}
        answer = OPERATIONS["step"].answer(parameters=parameters, x=inputs["x"][:samples], y=inputs["y"][:samples],
                                           **of_step)
        made: list[float] = answer["parameters"]
        return made

    if steps_right and "x" in inputs:
        asked.append((step, 0.0 if exact else FAR))
    right = [(ask, far, ask()) for ask, far in asked]

    def refuted(variant: Variant) -> bool:
        with spoiled(variant):
            return any(differs(ask, parameters, far) for ask, far, parameters in right)
    return refuted


def differs(ask: Question, right: list[float], far: float) -> bool:
    """Whether an answer is farther from the right one than `far` of its largest number."""
    try:
        made = ask()
    except Exception:  # a mistake can raise anything
        return False
    limit = far * max(map(abs, right), default=0.0)
    return len(made) != len(right) or any(abs(v - w) > limit for v, w in zip(made, right))
