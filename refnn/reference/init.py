"""Chapter 9: initialisation. Where the first parameters come from.

If all neurons of a layer started alike, they would get the same gradients and stay alike: so each parameter is drawn at
random. The scale of a draw keeps z from growing or shrinking layer by layer: a sum of n products of independent
numbers with standard deviation 1 has standard deviation sqrt(n), hence 1 / sqrt(n).
"""

from math import sqrt


def draw_row(random, init, fan_in, fan_out, count):
    """Returns `count` parameters: draws, each times the scale of `init`

    fan_in: the number of inputs of each output; fan_out: the number of outputs that each input feeds
    """
    draw = random.uniform if init == "uniform" else random.normal
    scale = {"uniform": 1.0, "normal": 1.0, "normal_0.1": 0.1,
             "fan_in": 1.0 / sqrt(fan_in), "fan_out": 1.0 / sqrt(fan_out), "he": sqrt(2.0 / fan_in)}[init]
    return [scale * draw() + 0.0 for _ in range(count)]  # + 0.0: never -0.0


def linear_init(random, init, inputs, outputs, bias):
    """-> w, b: every parameter drawn in order, w row by row and then b, and scaled as the initialisation says."""
    w = [draw_row(random, init, inputs, outputs, outputs) for _ in range(inputs)]
    b = draw_row(random, init, inputs, outputs, outputs) if bias else None
    return w, b


def conv2d_init(random, init, in_channels, out_channels, kernel_size, bias):
    """-> w, b: every parameter drawn in order, w and then b."""
    height, width = kernel_size
    fan_in, fan_out = in_channels * height * width, out_channels * height * width
    w = [[[draw_row(random, init, fan_in, fan_out, width) for _ in range(height)] for _ in range(in_channels)]
         for _ in range(out_channels)]
    b = draw_row(random, init, fan_in, fan_out, out_channels) if bias else None
    return w, b


__test__ = {"by hand": """
A generator that always draws 1 shows the scale: 1 / sqrt(4) for four inputs, sqrt(2 / 8) for eight by He.

>>> class Ones:
...     def normal(self):
...         return 1.0
>>> linear_init(Ones(), "fan_in", 4, 1, bias=True)
([[0.5], [0.5], [0.5], [0.5]], [0.5])
>>> draw_row(Ones(), "he", 8, 1, 2)
[0.5, 0.5]
"""}
