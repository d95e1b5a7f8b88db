"""A mistake that would have changed what is right in a training is not tried on the whole of it."""

import pytest
from refnn.conformance import vectors
from refnn.conformance.screening import refuted_by
from refnn.implementations import python
from refnn.reference import init, linear, prng, training

RIGHT_DRAW, RIGHT_UPDATE, RIGHT_ORDER = init.draw_row, linear.linear_update, prng.epoch_order
FIRST = {RIGHT_DRAW: lambda random, init, fan_in, fan_out, count: [0.5] * count}
STEP = {RIGHT_UPDATE: lambda p, dp, lr: RIGHT_UPDATE(p, dp, 2.0 * lr)}
ROUNDED = {RIGHT_UPDATE: lambda p, dp, lr: RIGHT_UPDATE(p, dp, lr * (1.0 + 2.0**-50))}
ORDER = {RIGHT_ORDER: lambda seed, epoch, n: list(range(n))}
FAILS = {training.update: lambda layers, gradients, lr: {}[lr]}


@pytest.mark.parametrize("first_right, steps_right, exact, refuted", [
    (True, True, True, [FIRST, STEP, ROUNDED]), (True, True, False, [FIRST, STEP]), (True, False, False, [FIRST]),
    (False, True, False, [STEP]), (False, False, False, [])])
def test_what_is_right_in_a_training_refutes_mistakes(first_right, steps_right, exact, refuted):
    case, = vectors.load("alice-bob", "alice-bob/train/batches-of-3")
    test = refuted_by(case.inputs, first_right, steps_right, exact)
    assert [variant for variant in (FIRST, STEP, ROUNDED, ORDER, FAILS) if test(variant)] == refuted
    assert python.prng.epoch_order is RIGHT_ORDER
