"""Chapter 8: random numbers that are the same everywhere. SplitMix64, and what is drawn from it.

A network starts from random parameters and sees its samples in random order. Here both follow from one seed, so that
anybody can repeat a training to the last bit.

Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators" (2014). Integers only, modulo 2^64.
"""

from math import sqrt

from .elementary import cos, log

MASK = 2**64 - 1
TWO_PI = 6.283185307179586

# From one seed several streams are derived: the parameters, the order of samples and generated data have one each.
PARAMETERS, SHUFFLING, DATA = 1, 2, 3


class SplitMix64:
    """A stream of random numbers that is determined by `seed`, 0 <= seed < 2^64."""

    def __init__(self, seed):
        self.state = seed

    def next(self):
        """The next integer, 0 <= z < 2^64."""
        self.state = (self.state + 0x9E3779B97F4A7C15) & MASK
        z = self.state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        return z ^ (z >> 31)

    def uniform(self):
        """A double u, 0 <= u < 1: the upper 53 bits of the next integer, divided by 2^53."""
        return (self.next() >> 11) / 9007199254740992.0

    def normal(self):
        """A normally distributed number, mean 0, standard deviation 1, from two uniforms; 1 - u is never 0.

        Source: Box and Muller (1958).
        """
        u = self.uniform()
        v = self.uniform()
        return sqrt(-2.0 * log(1.0 - u)) * cos(TWO_PI * v)

    def below(self, n):
        """An integer i, 0 <= i < n: floor(u * n)."""
        return int(self.uniform() * n)

    def permutation(self, n):
        """0 ... n - 1 in random order. Source: Fisher and Yates (1938), from the end down."""
        order = list(range(n))
        for i in range(n - 1, 0, -1):
            j = self.below(i + 1)
            order[i], order[j] = order[j], order[i]
        return order


def stream(seed, k):
    """Stream k of a seed, k >= 1: the generator whose own seed is integer number k of SplitMix64(seed)."""
    generator = SplitMix64((seed + (k - 1) * 0x9E3779B97F4A7C15) & MASK)  # k - 1 numbers further on
    return SplitMix64(generator.next())


def epoch_order(seed, epoch, n):
    """The order in which epoch 1, 2, ... visits n samples when it shuffles."""
    return stream(stream(seed, SHUFFLING).state, epoch).permutation(n)


__test__ = {"by hand": """
The first number from seed 0, as published with the generator, and the uniform that its upper 53 bits make.

>>> hex(SplitMix64(0).next())
'0xe220a8397b1dcdaf'
>>> SplitMix64(0).uniform()
0.8833108082136426

A permutation of 3: i = 2 with floor(u * 3), then i = 1 with floor(u * 2), exchange places i and floor(...).

>>> random = SplitMix64(0)
>>> random.below(3), random.below(2), SplitMix64(0).permutation(3)
(2, 0, [1, 0, 2])
"""}
