"""Appendix: exp, expm1, log, tanh, sin, cos out of + - * /. Readers of the lesson can take these functions as given.

The math libraries of two platforms differ in the last bit, so these are written out: the algorithms and constants of
fdlibm (Sun Microsystems, 1993), which Java's StrictMath uses too. Results are within 1 ulp, those of tanh within 2.
Every operation below rounds once, to the nearest double. In this order the bits are the same everywhere.
"""

from math import floor, frexp, ldexp

INF = float("inf")
NAN = float("nan")

LN2_HIGH = 6.93147180369123816490e-01  # ln 2 = LN2_HIGH + LN2_LOW; the high part ends in zeros: k * LN2_HIGH is exact
LN2_LOW = 1.90821492927058770002e-10
INV_LN2 = 1.44269504088896338700e00
EXP_OVERFLOW = 7.09782712893383973096e02
EXP_UNDERFLOW = -7.45133219101941108420e02
HALF_LN2 = float.fromhex("0x1.62e43p-2")  # borders between cases look at the upper 32 bits of a double only
THREE_HALVES_LN2 = float.fromhex("0x1.0a2b2p+0")


def multiple_of_ln2(x):
    """The integer k for which exp reduces x to r = x - k ln 2, |r| <= ln 2 / 2 or a little more. Source: fdlibm."""
    size = abs(x)
    if size < HALF_LN2:
        return 0
    if size < THREE_HALVES_LN2:
        return 1 if x > 0.0 else -1
    return int(INV_LN2 * x + (0.5 if x > 0.0 else -0.5))


def exp(x):
    """e^x. Source: fdlibm e_exp.c: x = k ln 2 + r with |r| <= ln 2 / 2, e^x = 2^k e^r, e^r by a rational function."""
    if x != x:
        return x
    if x > EXP_OVERFLOW:
        return INF
    if x < EXP_UNDERFLOW:
        return 0.0
    if abs(x) < 2.0**-28:
        return 1.0 + x
    k = multiple_of_ln2(x)
    high, low = x - k * LN2_HIGH, k * LN2_LOW
    r = high - low
    t = r * r
    c = r - t * (1.66666666666666019037e-01 + t * (-2.77777777770155933842e-03 + t * (6.61375632143793436117e-05
        + t * (-1.65339022054652515390e-06 + t * 4.13813679705723846039e-08))))
    if k == 0:
        return 1.0 - ((r * c) / (c - 2.0) - r)
    y = 1.0 - ((low - (r * c) / (2.0 - c)) - high)
    if k >= -1021:
        return ldexp(y, k)
    return ldexp(y, k + 1000) * 2.0**-1000  # a subnormal result: rounded once, here


def expm1(x):
    """e^x - 1, exact near 0 too, for |x| < 50 (tanh needs no more). Source: fdlibm s_expm1.c."""
    if abs(x) < 2.0**-54:
        return x
    k = multiple_of_ln2(x)
    high, low = x - k * LN2_HIGH, k * LN2_LOW
    x = high - low
    c = (high - x) - low  # what rounding took from x
    half = 0.5 * x
    t = x * half
    r = 1.0 + t * (-3.33333333333331316428e-02 + t * (1.58730158725481460165e-03 + t * (-7.93650757867487942473e-05
        + t * (4.00821782732936239552e-06 + t * -2.01099218183624371326e-07))))
    s = 3.0 - r * half
    e = t * ((r - s) / (6.0 - x * s))
    if k == 0:
        return x - (x * e - t)
    e = x * (e - c) - c
    e = e - t
    if k == -1:
        return 0.5 * (x - e) - 0.5
    if k == 1:
        return -2.0 * (e - (x + 0.5)) if x < -0.25 else 1.0 + 2.0 * (x - e)
    if k <= -2 or k > 56:
        return ldexp(1.0 - (e - x), k) - 1.0
    if k < 20:
        return ldexp((1.0 - ldexp(1.0, -k)) - (e - x), k)
    return ldexp((x - (e + ldexp(1.0, -k))) + 1.0, k)


def log(x):
    """ln x; -inf at 0, NaN below.

    Source: fdlibm e_log.c: x = 2^k (1 + f) with sqrt(1/2) < 1 + f < sqrt(2), then a series in f / (2 + f).
    """
    if x != x or x == INF:
        return x
    if x <= 0.0:
        return -INF if x == 0.0 else NAN
    mantissa, exponent = frexp(x)
    m, k = 2.0 * mantissa, exponent - 1  # 1 <= m < 2
    f = m - 1.0
    if m >= 1.4142112731933594:  # 1 + 0x6a09c / 2^20, just below sqrt(2)
        f, k = mantissa - 1.0, exponent
    if -(2.0**-20) <= f < 2.0**-20:
        if f == 0.0:
            return 0.0 if k == 0 else k * LN2_HIGH + k * LN2_LOW
        r = f * f * (0.5 - 0.33333333333333333 * f)
        return f - r if k == 0 else k * LN2_HIGH - ((r - k * LN2_LOW) - f)
    s = f / (2.0 + f)
    z = s * s
    w = z * z
    even = w * (3.999999999940941908e-01 + w * (2.222219843214978396e-01 + w * 1.531383769920937332e-01))
    odd = z * (6.666666666666735130e-01 + w * (2.857142874366239149e-01 + w * (1.818357216161805012e-01
          + w * 1.479819860511658591e-01)))
    r = odd + even
    if 1.3799991607666016 <= m < 1.4200000762939453:  # 1 + 0x6147a / 2^20, 1 + 0x6b852 / 2^20
        h = 0.5 * f * f
        return f - (h - s * (h + r)) if k == 0 else k * LN2_HIGH - ((h - (s * (h + r) + k * LN2_LOW)) - f)
    return f - s * (f - r) if k == 0 else k * LN2_HIGH - ((s * (f - r) - k * LN2_LOW) - f)


def tanh(x):
    """(e^x - e^-x) / (e^x + e^-x). Source: fdlibm s_tanh.c."""
    if x != x:
        return x
    size = abs(x)
    if size < 2.0**-55:
        return x * (1.0 + x)
    if size >= 22.0:
        z = 1.0
    elif size >= 1.0:
        z = 1.0 - 2.0 / (expm1(2.0 * size) + 2.0)
    else:
        t = expm1(-2.0 * size)
        z = -t / (t + 2.0)
    return z if x >= 0.0 else -z


# sin and cos: x = n pi/2 + r with |r| <= pi/4; r is kept as the sum of two doubles, (r, tail).

TWO_OVER_PI = 6.36619772367581382433e-01
HALF_PI = 1.57079632679489655800e00
HALF_PI_1, HALF_PI_1_TAIL = 1.57079632673412561417e00, 6.07710050650619224932e-11  # the first 33 bits, and the rest
HALF_PI_2, HALF_PI_2_TAIL = 6.07710050630396597660e-11, 2.02226624879595063154e-21  # the next 33 bits, and the rest
HALF_PI_3, HALF_PI_3_TAIL = 2.02226624871116645580e-21, 8.47842766036889956997e-32
QUARTER_PI_BORDER = float.fromhex("0x1.921fcp-1")
TRIGONOMETRIC_LIMIT = 2.0**19 * HALF_PI


def upper_word(x):
    """x > 0 with all but the upper 32 bits of the double cleared: 21 significant bits remain."""
    mantissa, exponent = frexp(x)
    return ldexp(floor(ldexp(mantissa, 21)), exponent - 21)


def reduce_half_pi(x):
    """-> (n, r, tail). Source: fdlibm e_rem_pio2.c, its case of a medium-sized x."""
    size = abs(x)
    if size < QUARTER_PI_BORDER:
        return 0, x, 0.0
    if size < float.fromhex("0x1.2d97cp+1"):  # 3 pi/4: n is 1
        n = 1
        r = size - HALF_PI_1
        w = HALF_PI_1_TAIL
        if upper_word(size) == upper_word(HALF_PI):  # close to pi/2: more bits of it
            r = r - HALF_PI_2
            w = HALF_PI_2_TAIL
    else:
        n = int(size * TWO_OVER_PI + 0.5)
        r = size - n * HALF_PI_1
        w = n * HALF_PI_1_TAIL
        if n >= 32 or upper_word(size) == upper_word(n * HALF_PI):
            exponent = frexp(size)[1]
            if exponent - frexp(r - w)[1] > 16:  # close to n pi/2: more bits of it
                t = r
                w = n * HALF_PI_2
                r = t - w
                w = n * HALF_PI_2_TAIL - ((t - r) - w)
                if exponent - frexp(r - w)[1] > 49:
                    t = r
                    w = n * HALF_PI_3
                    r = t - w
                    w = n * HALF_PI_3_TAIL - ((t - r) - w)
    head = r - w
    tail = (r - head) - w
    return (n, head, tail) if x > 0.0 else (-n, -head, -tail)


def sin_kernel(x, tail, reduced):
    """sin(x + tail) for |x| <= pi/4; tail is 0 where nothing was reduced. Source: fdlibm k_sin.c."""
    if abs(x) < 2.0**-27:
        return x
    z = x * x
    v = z * x
    r = 8.33333333332248946124e-03 + z * (-1.98412698298579493134e-04 + z * (2.75573137070700676789e-06
        + z * (-2.50507602534068634195e-08 + z * 1.58969099521155010221e-10)))
    if not reduced:
        return x + v * (-1.66666666666666324348e-01 + z * r)
    return x - ((z * (0.5 * tail - v * r) - tail) - v * -1.66666666666666324348e-01)


def cos_kernel(x, tail):
    """cos(x + tail) for |x| <= pi/4. Source: fdlibm k_cos.c."""
    size = abs(x)
    if size < 2.0**-27:
        return 1.0
    z = x * x
    r = z * (4.16666666666666019037e-02 + z * (-1.38888888888741095749e-03 + z * (2.48015872894767294178e-05
        + z * (-2.75573143513906633035e-07 + z * (2.08757232129817482790e-09 + z * -1.13596475577881948265e-11)))))
    if size < float.fromhex("0x1.33333p-2"):
        return 1.0 - (0.5 * z - (z * r - x * tail))
    q = 0.28125 if size >= float.fromhex("0x1.90001p-1") else upper_word(0.25 * size)
    h = 0.5 * z - q
    a = 1.0 - q
    return a - (h - (z * r - x * tail))


def sin(x):
    """sin x for |x| <= 2^19 pi/2; NaN beyond. Source: fdlibm s_sin.c."""
    if not abs(x) <= TRIGONOMETRIC_LIMIT:
        return NAN
    n, r, tail = reduce_half_pi(x)
    value = cos_kernel(r, tail) if n % 2 else sin_kernel(r, tail, n != 0)
    return -value if n % 4 >= 2 else value


def cos(x):
    """cos x for |x| <= 2^19 pi/2; NaN beyond. Source: fdlibm s_cos.c."""
    if not abs(x) <= TRIGONOMETRIC_LIMIT:
        return NAN
    n, r, tail = reduce_half_pi(x)
    value = sin_kernel(r, tail, n != 0) if n % 2 else cos_kernel(r, tail)
    return -value if n % 4 in (1, 2) else value
