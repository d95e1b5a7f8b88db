"""The reference: a neural network in plain Python, a book to be read from top to bottom.

    1  linear.py         z = x w + b, and the way back; what a gradient is
    2  activations.py    a = f(z), and the derivative of f
    3  losses.py         how wrong an output is; where derivatives begin
    4  training.py       forward, backward, step, epoch; Alice and Bob
    5  conv.py           the same, sliding across an image
    6  pool.py           the largest number of each window
    7  batchnorm.py      every channel normalised, scaled and shifted; the way back on one page
    8  prng.py           random numbers that are the same everywhere
    9  init.py           where the first parameters come from
       elementary.py     appendix: exp, log, tanh, sin, cos out of + - * /

Chapters 1 to 4 are the lesson: after them one step of training can be computed by hand. A chapter ends in an example
small enough for that, in `__test__`. `python -m refnn.reference` runs the lesson: it trains Alice and Bob.

In names and comments x_n is x[n], w_ij is w[i][j], and dz is dL/dz. A docstring begins with the formula as it is
computed and, where needed, explains why. Each chapter has a twin in csrc/ with the same functions in the
same order, which computes the same bits. The book imports nothing but `math`.
"""
