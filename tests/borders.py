"""Numbers at the borders between the cases of the elementary functions."""

import math

from refnn.reference import elementary


def borders():
    """The borders between the cases of the functions, and the doubles next to each."""
    constants = [elementary.HALF_LN2, elementary.THREE_HALVES_LN2, elementary.EXP_OVERFLOW, elementary.EXP_UNDERFLOW,
                 2.0**-28, 2.0**-54, 2.0**-55, 2.0**-27, 22.0, 1.0, 1.4142112731933594, 1.3799991607666016,
                 1.4200000762939453,
                 1.0 + 2.0**-20, 1.0 - 2.0**-20, elementary.QUARTER_PI_BORDER, float.fromhex("0x1.2d97cp+1"),
                 float.fromhex("0x1.33333p-2"), float.fromhex("0x1.90001p-1"), elementary.TRIGONOMETRIC_LIMIT,
                 2.0**-1022]
    constants += [(k + 0.5) * math.log(2.0) for k in range(-1076, 1025, 7)]
    constants += [n * elementary.HALF_PI for n in (*range(1, 40), 1000, 65537, 524287)]
    for constant in constants:
        for sign in (1.0, -1.0):
            x = sign * constant
            yield x
            up = down = x
            for _ in range(3):
                up, down = math.nextafter(up, math.inf), math.nextafter(down, -math.inf)
                yield up
                yield down
