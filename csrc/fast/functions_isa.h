/* The kernels of functions.c: see instruction_sets.h. exp and tanh are those of csrc/elementary.c operation by
 * operation: each lane computes all the cases that the twin branches into, and keeps the result of its own. */

/* |x| */
INLINE V NAME(size)(V x) { return (V)((M)x & 0x7fffffffffffffff); }

/* Whether |x[k]| < limit for all k; false if one is NaN. */
INLINE int NAME(all_below)(int64_t count, const double *x, double limit) {
    M below = (M){0} - 1;
    int64_t k = 0;
    for (; k + WIDTH <= count; k += WIDTH) below &= NAME(size)(LOAD(x + k)) < SPLAT(limit);
    int all = 1;
    for (int v = 0; v < WIDTH; v++) all &= below[v] != 0;
    for (; k < count; k++) all &= size_of(x[k]) < limit;
    return all;
}

/* fdlibm's k of e^x = y 2^k, plus 1.5 * 2^52: the lowest bits of this sum are those of the integer k. */
INLINE V NAME(exponent)(V x, V size) {
    const V magic = SPLAT(0x1.8p52);
    M sign = (M)x & INT64_MIN;
    V one = (V)((M)SPLAT(1.0) | sign);
    V t = SPLAT(INV_LN2) * x + (V)((M)SPLAT(0.5) | sign);
    V k = (t + magic) - magic; /* rounds to nearest; the next line corrects it to rounding towards zero */
    k = SELECT(NAME(size)(k) > NAME(size)(t), k - one, k);
    k = SELECT(size < SPLAT(THREE_HALVES_LN2), one, k);
    return SELECT(size < SPLAT(HALF_LN2), (V){0}, k) + magic;
}

/* y 2^k for normal results; k as `exponent` returns it */
INLINE V NAME(scaled)(V y, V k) { return (V)((M)y + ((M)k << 52)); }

/* refnn_exp for |x| < 708 */
INLINE V NAME(exp)(V x) {
    V size = NAME(size)(x);
    V k_magic = NAME(exponent)(x, size);
    V k = k_magic - SPLAT(0x1.8p52);
    V high = x - k * SPLAT(LN2_HIGH);
    V low = k * SPLAT(LN2_LOW);
    V r = high - low;
    V t = r * r;
    V c = r - t * (1.66666666666666019037e-01 +
                   t * (-2.77777777770155933842e-03 +
                        t * (6.61375632143793436117e-05 +
                             t * (-1.65339022054652515390e-06 + t * 4.13813679705723846039e-08))));
    V y = 1.0 - ((low - (r * c) / (2.0 - c)) - high);
    return SELECT(size < SPLAT(0x1p-28), 1.0 + x, NAME(scaled)(y, k_magic));
}

/* refnn_tanh for finite x, refnn_expm1 included */
INLINE V NAME(tanh)(V given) {
    V size_given = NAME(size)(given);
    M large = size_given >= SPLAT(1.0);
    V clamped = SELECT(size_given < SPLAT(22.0), size_given, SPLAT(21.0));
    V x = SELECT(large, 2.0 * clamped, -2.0 * clamped);
    V k_magic = NAME(exponent)(x, 2.0 * clamped);
    V k = k_magic - SPLAT(0x1.8p52);
    V high = x - k * SPLAT(LN2_HIGH);
    V low = k * SPLAT(LN2_LOW);
    x = high - low;
    V c = (high - x) - low;
    V half = 0.5 * x;
    V t = x * half;
    V r = 1.0 + t * (-3.33333333333331316428e-02 +
                     t * (1.58730158725481460165e-03 +
                          t * (-7.93650757867487942473e-05 +
                               t * (4.00821782732936239552e-06 + t * -2.01099218183624371326e-07))));
    V s = 3.0 - r * half;
    V e = t * ((r - s) / (6.0 - x * s));
    V near_zero = x - (x * e - t);
    e = x * (e - c) - c;
    e = e - t;
    V minus_one = 0.5 * (x - e) - 0.5;
    V far = NAME(scaled)(1.0 - (e - x), k_magic) - 1.0;
    V power = (V)((M)SPLAT(1.0) - ((M)k_magic << 52)); /* 2^-k */
    V below_20 = NAME(scaled)((1.0 - power) - (e - x), k_magic);
    V below_57 = NAME(scaled)((x - (e + power)) + 1.0, k_magic);
    V expm1 = SELECT(k > SPLAT(56.0), far, below_57);
    expm1 = SELECT(k < SPLAT(20.0), below_20, expm1);
    expm1 = SELECT(k <= SPLAT(-2.0), far, expm1);
    expm1 = SELECT(k == SPLAT(-1.0), minus_one, expm1);
    expm1 = SELECT(k == SPLAT(0.0), near_zero, expm1);
    V z = SELECT(large, 1.0 - 2.0 / (expm1 + 2.0), -expm1 / (expm1 + 2.0));
    z = SELECT(size_given < SPLAT(22.0), z, SPLAT(1.0));
    z = SELECT(given >= SPLAT(0.0), z, -z);
    return SELECT(size_given < SPLAT(0x1p-55), given * (1.0 + given), z);
}

/* f(z) of sigmoid and tanh; of softmax, its e^z */
INLINE V NAME(function)(const int32_t kind, V z) {
    if (kind == REFNN_TANH) return NAME(tanh)(z);
    return kind == REFNN_SIGMOID ? 1.0 / (1.0 + NAME(exp)(-z)) : NAME(exp)(z);
}

/* a[k] = f(z[k]); a last part of a vector goes through a padded copy. */
INLINE void NAME(map_all)(const int32_t kind, int64_t count, const double *z, double *a) {
    int64_t k = 0;
    for (; k + WIDTH <= count; k += WIDTH) STORE(a + k, NAME(function)(kind, LOAD(z + k)));
    if (k < count) {
        double tail[WIDTH] = {0};
        memcpy(tail, z + k, (size_t)(count - k) * sizeof *z);
        STORE(tail, NAME(function)(kind, LOAD(tail)));
        memcpy(a + k, tail, (size_t)(count - k) * sizeof *a);
    }
}

/* Returns 0, and does nothing, if an element is out of range: e^z needs |z| < 708, tanh a finite z. */
static int NAME(map)(int32_t kind, int64_t count, const double *z, double *a) {
    if (!NAME(all_below)(count, z, kind == REFNN_TANH ? INF : 708.0)) return 0;
    if (kind == REFNN_TANH) NAME(map_all)(REFNN_TANH, count, z, a);
    else if (kind == REFNN_SIGMOID) NAME(map_all)(REFNN_SIGMOID, count, z, a);
    else NAME(map_all)(REFNN_SOFTMAX, count, z, a);
    return 1;
}

/* a = z where z > 0, else slope * z */
INLINE void NAME(rectify)(const int leaky, int64_t count, const double *z, double *a) {
    const V slope = SPLAT(LEAKY_SLOPE);
    int64_t k = 0;
    for (; k + WIDTH <= count; k += WIDTH) {
        V x = LOAD(z + k), other = leaky ? slope * x : (V){0};
        STORE(a + k, SELECT(x > (V){0}, x, other));
    }
    for (; k < count; k++) a[k] = z[k] > 0.0 ? z[k] : leaky ? LEAKY_SLOPE * z[k] : 0.0;
}

/* dz = da where a > 0, else slope * da */
INLINE void NAME(rectify_backward)(const int leaky, int64_t count, const double *a, const double *da, double *dz) {
    const V slope = SPLAT(LEAKY_SLOPE);
    int64_t k = 0;
    for (; k + WIDTH <= count; k += WIDTH) {
        V d = LOAD(da + k), other = leaky ? slope * d : (V){0};
        STORE(dz + k, SELECT(LOAD(a + k) > (V){0}, d, other));
    }
    for (; k < count; k++) dz[k] = a[k] > 0.0 ? da[k] : leaky ? LEAKY_SLOPE * da[k] : 0.0;
}

static void NAME(relu)(int leaky, int64_t count, const double *z, double *a) {
    if (leaky) NAME(rectify)(1, count, z, a);
    else NAME(rectify)(0, count, z, a);
}

static void NAME(relu_backward)(int leaky, int64_t count, const double *a, const double *da, double *dz) {
    if (leaky) NAME(rectify_backward)(1, count, a, da, dz);
    else NAME(rectify_backward)(0, count, a, da, dz);
}

static void NAME(update)(int64_t count, double *p, const double *dp, double lr) {
    for (int64_t k = 0; k < count; k++) p[k] -= lr * dp[k];
}

static const function_kernels NAME(kernels) = {NAME(map), NAME(relu), NAME(relu_backward), NAME(update)};
