"""Chapter 9: initialisation. Where the first parameters come from.

Two neurons of a layer that start with the same weights, in and out, get the same gradients and stay the same. So each
parameter is drawn at random, and times a scale. If inputs and weights are independent, with mean 0 and standard
deviation 1, a sum of n products has standard deviation sqrt(n); weights times 1 / sqrt(n) bring that back to 1, so
that z neither grows nor shrinks from layer to layer.

    uniform      uniform in [0, 1)
    normal       normal, standard deviation 1
    normal_0.1   normal, standard deviation 0.1
    fan_in       normal, 1 / sqrt(fan_in): as above, forward
    fan_out      normal, 1 / sqrt(fan_out): as above, for the sums of the way back
    he           normal, sqrt(2 / fan_in): ReLU makes about half of its inputs 0. Source: He et al. (2015)
"""

from math import sqrt


def draw_row(random, init, fan_in, fan_out, count):
    """Returns `count` draws, each times the scale of `init`.

    fan_in: the number of inputs of each output. fan_out: the number of outputs that each input feeds (of a convolution,
    with stride 1 and away from the edges).
    """
    draw = random.uniform if init == "uniform" else random.normal
    scale = {"uniform": 1.0, "normal": 1.0, "normal_0.1": 0.1,
             "fan_in": 1.0 / sqrt(fan_in), "fan_out": 1.0 / sqrt(fan_out), "he": sqrt(2.0 / fan_in)}[init]
    return [scale * draw() + 0.0 for _ in range(count)]  # + 0.0: never -0.0


def linear_init(random, init, inputs, outputs, bias):
    """Returns w, b: every parameter drawn in order, w row by row and then b."""
    w = [draw_row(random, init, inputs, outputs, outputs) for _ in range(inputs)]
    b = draw_row(random, init, inputs, outputs, outputs) if bias else None
    return w, b


def conv2d_init(random, init, in_channels, out_channels, kernel_size, bias):
    """Returns w, b: every parameter drawn in order, w with its last index fastest and then b."""
    height, width = kernel_size
    fan_in, fan_out = in_channels * height * width, out_channels * height * width
    w = [[[draw_row(random, init, fan_in, fan_out, width) for _ in range(height)] for _ in range(in_channels)]
         for _ in range(out_channels)]
    b = draw_row(random, init, fan_in, fan_out, out_channels) if bias else None
    return w, b


__test__ = {"by hand": """
A generator that always draws 1 shows the scale: 1 / sqrt(4) for four inputs; sqrt(2 / 2) for two by He.

>>> class Ones:
...     def normal(self):
...         return 1.0
>>> linear_init(Ones(), "fan_in", 4, 1, bias=True)
([[0.5], [0.5], [0.5], [0.5]], [0.5])
>>> draw_row(Ones(), "he", 2, 1, 3)
[1.0, 1.0, 1.0]
"""}
