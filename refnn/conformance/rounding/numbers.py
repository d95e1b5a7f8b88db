"""How far from the reference a right answer may be: the deviations that rounding causes, derived from the computation.

The rules are in data/conformance/v1/SPEC.md, section 13. A number here carries a value, which the reference computes in
doubles, and the standard deviation of the difference between it and what another right program computes. The functions
of the book run on such numbers unchanged; `in_precision` replaces exp, log, tanh, sin, cos and sqrt for them. Sums of
products, which take nearly all the time, are a unit: `product` returns a whole matrix of them.

Deviations are combined by `hypot`, so that no square of a large or small number leaves the range of a double.
"""

import math
from array import array
from contextlib import contextmanager
from math import hypot, inf, isfinite, isinf, nan, sqrt
from typing import ClassVar

from ...reference import activations, batchnorm, elementary, init, losses, prng

LIMIT = 10.0  # deviations that a number may be off
SPREAD = 2.0  # root mean square, in deviations, that a large tensor may be off
ULPS = 2  # of a library's exp, log, tanh, sin, cos


class Number:
    """A value and its standard deviation, in one of the precisions below; inf where nothing is known of the answer.

    The deviation of a sum in progress is not known before its end: `count` is the number of its terms that are not 0,
    `root` the root of the sum of their squares, `walk` that of the squares of all partial sums after the first.

    Errors of different numbers are independent, but for those of a few sources that many numbers share.
    sources: source -> how far one deviation of it moves the number, with its sign
    """

    __slots__ = ("count", "own", "root", "sources", "value", "walk")
    name: ClassVar[str]
    unit: ClassVar[float]  # the deviation of one rounding, relative to its result
    smallest: ClassVar[float]
    largest: ClassVar[float]

    def __init__(self, value, own=0.0, sources=None):
        self.value, self.own, self.sources = value, own, sources
        self.count, self.root, self.walk = 1, abs(value), 0.0

    @property
    def alone(self):
        """The deviation without that of the sources."""
        if self.count < 2:
            return self.own
        return hypot(self.own, self.of_sum(self.value, self.count, self.root, self.walk))

    @property
    def shared(self):
        """The deviation that comes from the sources."""
        return hypot(*self.sources.values()) if self.sources else 0.0

    @property
    def deviation(self):
        return hypot(self.alone, *self.sources.values()) if self.sources else self.alone

    def __repr__(self):
        return f"{self.value!r} +- {self.deviation:.3g}"

    @classmethod
    def of_sum(cls, total, count, root, walk):
        """The deviation that the additions of a sum cause, in the reference's order or in any other."""
        anyhow = sqrt(count - 1) * hypot(root / sqrt(2.0), total / sqrt(3.0)) if count > 2 else abs(total)
        return cls.unit * max(walk, anyhow)

    @classmethod
    def given(cls, value):
        """A number of the question, or a constant: off by what the precision cannot hold of it."""
        return value if isinstance(value, cls) else cls(value, cls.lost(value))

    @classmethod
    def computed(cls, value, *parts, roundings=1, sources=None):
        """A result with the deviations that it inherits, and its own rounding."""
        if not isfinite(value):
            return cls(value, 0.0 if all(map(isfinite, parts)) else inf)
        own = hypot(*parts, cls.unit * roundings * value, cls.smallest) if abs(value) <= cls.largest else inf
        return cls(value, inf if own != own else own, sources)

    def __add__(self, other):
        other = self.given(other)
        if not self.value and not self.own and not self.sources:
            return other
        value = self.value + other.value
        if not other.value and not other.own and not other.sources:
            return self
        result = type(self)(value)
        if self.own == inf or other.own == inf or not abs(value) <= self.largest:
            result.own = 0.0 if value != value else inf
            return result
        result.count = self.count + 1
        result.root = hypot(self.root, other.value)
        result.walk = hypot(self.walk, value)
        result.own = hypot(self.own, other.alone)
        result.sources = mixed(self, 1.0, other, 1.0)
        return result

    __radd__ = __add__

    def __neg__(self):
        result = type(self)(-self.value, self.own, mixed(self, -1.0))
        result.count, result.root, result.walk = self.count, self.root, self.walk
        return result

    def __sub__(self, other):
        return type(self)(0.0) if self is other and isfinite(self.value) else self + -self.given(other)

    def __rsub__(self, other):
        return self.given(other) + -self

    def __mul__(self, other):
        a, da = self.value, self.alone
        if self is other:
            return self.computed(a * a, 2.0 * part(a, da), da * da, sources=mixed(self, 2.0 * a))
        other = self.given(other)
        b, db = other.value, other.alone
        if not (a or da or self.sources) or not (b or db or other.sources):
            return type(self)(a * b)  # exactly 0
        return self.computed(a * b, part(a, db), part(b, da), part(da, db), sources=mixed(self, b, other, a))

    __rmul__ = __mul__

    def __truediv__(self, other):
        other = self.given(other)
        a, b, da, db = self.value, other.value, self.alone, other.alone
        if abs(b) > self.largest and isfinite(a) and da < inf:
            # the divisor is out of range, and the quotient next to 0
            return self.computed(a / b, (abs(a) + da) / self.largest)
        value = quotient(a, b)
        if db and not LIMIT * db < abs(b):
            return type(self)(value, inf)
        sources = mixed(self, quotient(1.0, b), other, -quotient(value, b)) if self.sources or other.sources else None
        return self.computed(value, quotient(da, b), quotient(value, b) * db if db else 0.0, sources=sources)

    def __rtruediv__(self, other):
        return self.given(other) / self

    def __gt__(self, other):
        return self.value > value_of(other)

    def __lt__(self, other):
        return self.value < value_of(other)

    def __ge__(self, other):
        return self.value >= value_of(other)

    def __int__(self):
        return int(self.value)

    def doubts(self, other):
        """Whether rounding may decide which of two numbers is the larger one."""
        deviation = hypot(self.deviation, other.deviation)
        if deviation == inf and other.deviation < inf:
            return abs(self.value) <= self.largest
        return deviation > 0.0 and not abs(self.value - other.value) > LIMIT * deviation


def mixed(a, derivative, b=None, other_derivative=0.0):
    """The sources of a result, from its derivatives by one or two numbers; None without any."""
    if not a.sources and not (b and b.sources):
        return None
    sources = {source: derivative * size for source, size in (a.sources or {}).items()}
    for source, size in (b and b.sources or {}).items():
        sources[source] = sources.get(source, 0.0) + other_derivative * size
    return sources


def part(a, b):
    return a * b if a and b else 0.0  # not NaN for 0 * inf


def quotient(a, b):
    if b:
        return a / b
    return nan if a != a or not a or b != b else math.copysign(inf, a) * math.copysign(1.0, b)


def value_of(number):
    return number.value if isinstance(number, Number) else number


class Double(Number):
    """Double precision. The reference itself rounds as often, hence the square root of 2."""

    __slots__ = ()
    name = "double"
    unit = sqrt(2.0 / 3.0) * 2.0**-53  # the deviation of one rounding, relative to its result
    smallest = 2.0**-1074
    normal = 2.0**-1022
    largest = math.ldexp(1.0 - 2.0**-53, 1024)

    @staticmethod
    def lost(value):
        return 0.0

    @staticmethod
    def holds(value):
        return True


class Single(Number):
    """Single precision; the reference's own rounding is nothing beside it."""

    __slots__ = ()
    name = "single"
    unit = sqrt(1.0 / 3.0) * 2.0**-24
    smallest = 2.0**-149
    normal = 2.0**-126
    largest = math.ldexp(1.0 - 2.0**-24, 128)

    @classmethod
    def lost(cls, value):
        """What a conversion to single precision takes from a value; inf where it is out of range."""
        if abs(value) > cls.largest and isfinite(value):
            return inf
        return abs(value - array("f", [value])[0]) if isfinite(value) else 0.0

    @classmethod
    def holds(cls, value):
        """Whether the value is a single-precision number, or the shortest decimal of one."""
        if value != value or isinf(value):
            return True
        if abs(value) > cls.largest:
            return False
        single = array("f", [value])[0]
        return value == single or any(float(f"{single:.{digits}g}") == value for digits in range(6, 10))


PRECISIONS = {precision.name: precision for precision in (Double, Single)}


# The functions that the book does not build from + - * /, on numbers

def of_library(function, derivative):
    """A function of a library, good to 2 ulps. derivative: of (x, function(x))

    Where x is so uncertain that the function bends over its range, the deviation follows from the ends of that range.
    Where x is out of the precision's range, the function is known if it is the same at infinity. The book has no sin
    and cos of large numbers; libraries have.
    """
    def f(x):
        if not isinstance(x, Number):
            return function(x)
        value, deviation = function(x.value), x.alone
        if deviation == inf and abs(x.value) > x.largest and function(math.copysign(inf, x.value)) == value:
            deviation = 0.0
        if deviation == inf or not isfinite(value) and (LIMIT * deviation > abs(x.value) or value != value
                                                        and function in (elementary.sin, elementary.cos)):
            return type(x)(value, inf)
        slope = derivative(x.value, value) if isfinite(value) else 0.0
        inherited = abs(part(slope, deviation))
        if isfinite(value) and LIMIT * deviation > 1e-3 * (abs(x.value) if function is elementary.log else 1.0):
            ends = [function(x.value + sign * LIMIT * deviation) for sign in (-1.0, 1.0)]
            inherited = max(inf if end != end else abs(end - value) / LIMIT for end in ends)
        return x.computed(value, inherited, x.normal, roundings=2 * ULPS, sources=mixed(x, slope))
    return f


def root(x):
    """The square root, which every library rounds once."""
    deviation = x.alone
    if deviation == inf or not x.value >= 0.0:
        return type(x)(nan if x.value < 0.0 else x.value, deviation)
    value = sqrt(x.value)
    slope = 0.5 / value if value else 0.0
    inherited = min(deviation * slope, sqrt(deviation)) if value else sqrt(deviation)
    return x.computed(value, inherited, sources=mixed(x, slope))


FUNCTIONS = {
    "exp": of_library(elementary.exp, lambda x, y: y),
    "log": of_library(elementary.log, lambda x, y: 1.0 / x if x > 0.0 else 0.0),
    "tanh": of_library(elementary.tanh, lambda x, y: 1.0 - y * y),
    "sin": of_library(elementary.sin, lambda x, y: elementary.cos(x)),
    "cos": of_library(elementary.cos, lambda x, y: -elementary.sin(x)),
}


@contextmanager
def in_precision(precision):
    """While it lasts, the functions of the book take and return numbers of a precision where they are given any."""

    def uniform(generator):
        return precision.given(drawn(generator))

    drawn = prng.SplitMix64.uniform
    changed = [(module, name, FUNCTIONS[name]) for module in (activations, losses, prng) for name in FUNCTIONS
               if hasattr(module, name)]
    changed += [(module, "sqrt", lambda x: root(precision.given(x))) for module in (batchnorm, init, prng)]
    changed.append((prng.SplitMix64, "uniform", uniform))
    kept = [getattr(owner, name) for owner, name, _ in changed]
    try:
        for owner, name, function in changed:
            setattr(owner, name, function)
        yield
    finally:
        for (owner, name, _), function in zip(changed, kept):
            setattr(owner, name, function)


# Tensors: nested lists of numbers

def convert(function, values):
    """Nested lists with a function of each number; None stays."""
    if isinstance(values, (list, tuple)):
        return [convert(function, item) for item in values]
    return None if values is None else function(values)


def flat(values):
    """The numbers of nested lists."""
    if isinstance(values, (list, tuple)):
        for item in values:
            yield from flat(item)
    else:
        yield values


def indexes(values, prefix=()):
    """The index of each number of nested lists, in the order of `flat`."""
    if isinstance(values, (list, tuple)):
        for n, item in enumerate(values):
            yield from indexes(item, (*prefix, n))
    else:
        yield prefix


def settled(precision, values):
    """Results of one operation as inputs of the next: every sum is at its end."""
    return convert(lambda number: precision(number.value, number.alone, number.sources), values)


def product(precision, rows, columns, starts=None):
    """Sums of products as a unit: numbers s[n][j] = starts[j] + rows[n][0] * columns[j][0] + rows[n][1] * columns[j][1]
    + ...

    The values are those of the book: products are added in this order, from starts[j] or from 0.0.
    """
    rows, columns = [Vector(row) for row in rows], [Vector(column) for column in columns]
    starts = starts or [precision(0.0)] * len(columns)
    return [[row.times(column, start) for column, start in zip(columns, starts)] for row in rows]


class Vector:
    """A row of numbers, scaled so that no square overflows or vanishes."""

    def __init__(self, numbers):
        self.values = [number.value for number in numbers]
        self.deviations = [number.alone for number in numbers]
        self.numbers = numbers
        self.sources = {source for number in numbers if number.sources for source in number.sources}
        sizes = [max(abs(v), d) for v, d in zip(self.values, self.deviations)]
        self.certain = all(map(isfinite, sizes))
        self.scale = 2.0 ** -max(-1000, min(1000, math.frexp(max(sizes, default=0.0))[1])) if self.certain else 1.0
        self.precision = type(numbers[0])
        if self.certain:
            self.squares = [(v * self.scale)**2 for v in self.values]
            self.variances = [(d * self.scale)**2 for d in self.deviations] if any(self.deviations) else None

    def times(self, other, start):
        number = self.product(other, start)
        if self.sources or other.sources or start.sources:
            number.sources = dict(start.sources or {})
            for numbers, values in ((self.numbers, other.values), (other.numbers, self.values)):
                for v, w in zip(numbers, values):
                    for source, size in (v.sources or {}).items():
                        number.sources[source] = number.sources.get(source, 0.0) + size * w
        return number

    def product(self, other, start):
        """Without sources."""
        precision = self.precision
        s = start.value
        if not (self.certain and other.certain and start.own < inf):
            return self.slowly(other, start)
        walk = squares = 0.0
        count = int(s != 0.0)
        first = s
        scale = self.scale * other.scale
        s = s * scale if 1e-290 < scale < 1e290 else nan
        if s != s or isinf(s):
            return self.slowly(other, start)
        total = first
        for v, w in zip(self.values, other.values):
            t = v * w
            if t:
                total += t
                t *= scale
                squares += t * t
                s += t
                if count:
                    walk += s * s
                count += 1
        variance = squares  # of the roundings of the products
        inherited = 0.0
        if self.variances:
            inherited += dot(self.variances, other.squares)
        if other.variances:
            inherited += dot(self.squares, other.variances)
            if self.variances:
                inherited += dot(self.variances, other.variances)
        size = max(sqrt(walk), sqrt(squares), abs(s)) / scale
        if not size <= precision.largest or not isfinite(total):
            return self.slowly(other, start)
        deviation = hypot(precision.unit * sqrt(variance) / scale, sqrt(inherited) / scale, start.alone,
                          precision.smallest * sqrt(count))
        if count > 1:
            squares += (first * scale)**2
            deviation = hypot(deviation, precision.of_sum(s, count, sqrt(squares), sqrt(walk)) / scale)
        return precision(total, deviation if count or inherited or start.alone else 0.0)

    def slowly(self, other, start):
        """One by one, where numbers are infinite or near it; at once, where nothing is known of one of the terms."""
        precision = self.precision
        if all(map(isfinite, self.values)) and all(map(isfinite, other.values)) and any(
                d == inf and (w or e) or e == inf and (v or d)
                for v, d, w, e in zip(self.values, self.deviations, other.values, other.deviations)):
            total = start.value
            for v, w in zip(self.values, other.values):
                total += v * w
            return precision(total, inf if total == total else 0.0)
        s = precision(start.value, start.alone)
        for v, d, w, e in zip(self.values, self.deviations, other.values, other.deviations):
            s = s + precision(v, d) * precision(w, e)
        return precision(s.value, s.deviation)


def dot(a, b):
    s = 0.0
    for v, w in zip(a, b):
        s += v * w
    return s
