/* exp, expm1, log, tanh, sin, cos, out of + - * / alone: the twin of refnn/reference/elementary.py. */

#include "core.h"

#define EXP_OVERFLOW 7.09782712893383973096e+02
#define EXP_UNDERFLOW -7.45133219101941108420e+02

/* 2^k for a normal result */
static inline double power_of_two(int k) { return double_of((uint64_t)(k + 1023) << 52); }

/* y 2^k for a normal result; y is near 1, k may be 1024 */
static inline double scale(double y, int k) {
    int half = k / 2;
    return y * power_of_two(half) * power_of_two(k - half);
}

/* x = mantissa 2^exponent, 1/2 <= mantissa < 1, for x > 0 */
static double split(double x, int *exponent) {
    int shift = 0;
    if (x < DBL_MIN) {
        x *= 0x1p54;
        shift = 54;
    }
    uint64_t bits = bits_of(x);
    *exponent = (int)(bits >> 52) - 1022 - shift;
    return double_of((bits & 0x000fffffffffffff) | 0x3fe0000000000000);
}

static int multiple_of_ln2(double x) {
    double size = size_of(x);
    if (size < HALF_LN2) return 0;
    if (size < THREE_HALVES_LN2) return x > 0.0 ? 1 : -1;
    return (int)(INV_LN2 * x + (x > 0.0 ? 0.5 : -0.5));
}

double refnn_exp(double x) {
    if (x != x) return x;
    if (x > EXP_OVERFLOW) return INF;
    if (x < EXP_UNDERFLOW) return 0.0;
    if (size_of(x) < 0x1p-28) return 1.0 + x;
    int k = multiple_of_ln2(x);
    double high = x - k * LN2_HIGH, low = k * LN2_LOW;
    double r = high - low;
    double t = r * r;
    double c = r - t * (1.66666666666666019037e-01 +
                        t * (-2.77777777770155933842e-03 +
                             t * (6.61375632143793436117e-05 +
                                  t * (-1.65339022054652515390e-06 + t * 4.13813679705723846039e-08))));
    if (k == 0) return 1.0 - ((r * c) / (c - 2.0) - r);
    double y = 1.0 - ((low - (r * c) / (2.0 - c)) - high);
    if (k >= -1021) return scale(y, k);
    return scale(y, k + 1000) * 0x1p-1000; /* a subnormal result: rounded once, here */
}

double refnn_expm1(double x) {
    if (size_of(x) < 0x1p-54) return x;
    int k = multiple_of_ln2(x);
    double high = x - k * LN2_HIGH, low = k * LN2_LOW;
    x = high - low;
    double c = (high - x) - low; /* what rounding took from x */
    double half = 0.5 * x;
    double t = x * half;
    double r = 1.0 + t * (-3.33333333333331316428e-02 +
                          t * (1.58730158725481460165e-03 +
                               t * (-7.93650757867487942473e-05 +
                                    t * (4.00821782732936239552e-06 + t * -2.01099218183624371326e-07))));
    double s = 3.0 - r * half;
    double e = t * ((r - s) / (6.0 - x * s));
    if (k == 0) return x - (x * e - t);
    e = x * (e - c) - c;
    e = e - t;
    if (k == -1) return 0.5 * (x - e) - 0.5;
    if (k == 1) return x < -0.25 ? -2.0 * (e - (x + 0.5)) : 1.0 + 2.0 * (x - e);
    if (k <= -2 || k > 56) return scale(1.0 - (e - x), k) - 1.0;
    if (k < 20) return scale((1.0 - power_of_two(-k)) - (e - x), k);
    return scale((x - (e + power_of_two(-k))) + 1.0, k);
}

double refnn_log(double x) {
    if (x != x || x == INF) return x;
    if (x <= 0.0) return x == 0.0 ? -INF : NOT_A_NUMBER;
    int exponent;
    double mantissa = split(x, &exponent);
    double m = 2.0 * mantissa; /* 1 <= m < 2 */
    double f = m - 1.0;
    int k = exponent - 1;
    if (m >= 1.4142112731933594) { /* 1 + 0x6a09c / 2^20, just below sqrt(2) */
        f = mantissa - 1.0;
        k = exponent;
    }
    if (-0x1p-20 <= f && f < 0x1p-20) {
        if (f == 0.0) return k == 0 ? 0.0 : k * LN2_HIGH + k * LN2_LOW;
        double r = f * f * (0.5 - 0.33333333333333333 * f);
        return k == 0 ? f - r : k * LN2_HIGH - ((r - k * LN2_LOW) - f);
    }
    double s = f / (2.0 + f);
    double z = s * s;
    double w = z * z;
    double even = w * (3.999999999940941908e-01 + w * (2.222219843214978396e-01 + w * 1.531383769920937332e-01));
    double odd = z * (6.666666666666735130e-01 +
                      w * (2.857142874366239149e-01 + w * (1.818357216161805012e-01 + w * 1.479819860511658591e-01)));
    double r = odd + even;
    if (1.3799991607666016 <= m && m < 1.4200000762939453) { /* 1 + 0x6147a / 2^20, 1 + 0x6b852 / 2^20 */
        double h = 0.5 * f * f;
        return k == 0 ? f - (h - s * (h + r)) : k * LN2_HIGH - ((h - (s * (h + r) + k * LN2_LOW)) - f);
    }
    return k == 0 ? f - s * (f - r) : k * LN2_HIGH - ((s * (f - r) - k * LN2_LOW) - f);
}

double refnn_tanh(double x) {
    if (x != x) return x;
    double size = size_of(x);
    double z;
    if (size < 0x1p-55) return x * (1.0 + x);
    if (size >= 22.0) {
        z = 1.0;
    } else if (size >= 1.0) {
        z = 1.0 - 2.0 / (refnn_expm1(2.0 * size) + 2.0);
    } else {
        double t = refnn_expm1(-2.0 * size);
        z = -t / (t + 2.0);
    }
    return x >= 0.0 ? z : -z;
}

/* sin and cos: x = n pi/2 + r with |r| <= pi/4; r is kept as the sum of two doubles, (r, tail). */

#define TWO_OVER_PI 6.36619772367581382433e-01
#define HALF_PI 1.57079632679489655800e+00
#define HALF_PI_1 1.57079632673412561417e+00
#define HALF_PI_1_TAIL 6.07710050650619224932e-11
#define HALF_PI_2 6.07710050630396597660e-11
#define HALF_PI_2_TAIL 2.02226624879595063154e-21
#define HALF_PI_3 2.02226624871116645580e-21
#define HALF_PI_3_TAIL 8.47842766036889956997e-32
#define QUARTER_PI_BORDER 0x1.921fcp-1
#define TRIGONOMETRIC_LIMIT (0x1p19 * HALF_PI)

static double upper_word(double x) { return double_of(bits_of(x) & 0xffffffff00000000); }

static int exponent_of(double x) { return (int)(bits_of(x) >> 52 & 0x7ff); }

static int reduce_half_pi(double x, double *head, double *tail) {
    double size = size_of(x);
    if (size < QUARTER_PI_BORDER) {
        *head = x;
        *tail = 0.0;
        return 0;
    }
    int n;
    double r, w;
    if (size < 0x1.2d97cp+1) { /* 3 pi/4: n is 1 */
        n = 1;
        r = size - HALF_PI_1;
        w = HALF_PI_1_TAIL;
        if (upper_word(size) == upper_word(HALF_PI)) { /* close to pi/2: more bits of it */
            r = r - HALF_PI_2;
            w = HALF_PI_2_TAIL;
        }
    } else {
        n = (int)(size * TWO_OVER_PI + 0.5);
        r = size - n * HALF_PI_1;
        w = n * HALF_PI_1_TAIL;
        if (n >= 32 || upper_word(size) == upper_word(n * HALF_PI)) {
            int exponent = exponent_of(size);
            if (exponent - exponent_of(r - w) > 16) { /* close to n pi/2: more bits of it */
                double t = r;
                w = n * HALF_PI_2;
                r = t - w;
                w = n * HALF_PI_2_TAIL - ((t - r) - w);
                if (exponent - exponent_of(r - w) > 49) {
                    t = r;
                    w = n * HALF_PI_3;
                    r = t - w;
                    w = n * HALF_PI_3_TAIL - ((t - r) - w);
                }
            }
        }
    }
    *head = r - w;
    *tail = (r - *head) - w;
    if (x > 0.0) return n;
    *head = -*head;
    *tail = -*tail;
    return -n;
}

static double sin_kernel(double x, double tail, int reduced) {
    if (size_of(x) < 0x1p-27) return x;
    double z = x * x;
    double v = z * x;
    double r =
        8.33333333332248946124e-03 +
        z * (-1.98412698298579493134e-04 +
             z * (2.75573137070700676789e-06 + z * (-2.50507602534068634195e-08 + z * 1.58969099521155010221e-10)));
    if (!reduced) return x + v * (-1.66666666666666324348e-01 + z * r);
    return x - ((z * (0.5 * tail - v * r) - tail) - v * -1.66666666666666324348e-01);
}

static double cos_kernel(double x, double tail) {
    double size = size_of(x);
    if (size < 0x1p-27) return 1.0;
    double z = x * x;
    double r = z * (4.16666666666666019037e-02 +
                    z * (-1.38888888888741095749e-03 +
                         z * (2.48015872894767294178e-05 +
                              z * (-2.75573143513906633035e-07 +
                                   z * (2.08757232129817482790e-09 + z * -1.13596475577881948265e-11)))));
    if (size < 0x1.33333p-2) return 1.0 - (0.5 * z - (z * r - x * tail));
    double q = size >= 0x1.90001p-1 ? 0.28125 : upper_word(0.25 * size);
    double h = 0.5 * z - q;
    double a = 1.0 - q;
    return a - (h - (z * r - x * tail));
}

double refnn_sin(double x) {
    if (!(size_of(x) <= TRIGONOMETRIC_LIMIT)) return NOT_A_NUMBER;
    double r, tail;
    int n = reduce_half_pi(x, &r, &tail);
    double value = n & 1 ? cos_kernel(r, tail) : sin_kernel(r, tail, n != 0);
    return n & 2 ? -value : value;
}

double refnn_cos(double x) {
    if (!(size_of(x) <= TRIGONOMETRIC_LIMIT)) return NOT_A_NUMBER;
    double r, tail;
    int n = reduce_half_pi(x, &r, &tail);
    double value = n & 1 ? sin_kernel(r, tail, n != 0) : cos_kernel(r, tail);
    return (n + 1) & 2 ? -value : value;
}
