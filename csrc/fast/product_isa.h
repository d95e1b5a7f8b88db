/* The kernels for one instruction set. product.c includes this once for each, having defined
 *
 *     NAME(x)   x with the instruction set in its name
 *     WIDTH     doubles in a vector
 *     COLUMNS   vectors side by side in a tile of the product (ROWS x COLUMNS vectors of sums stay in registers)
 *     LONG      vectors of sums that stay in registers where one row is computed
 */

typedef double NAME(vector) __attribute__((vector_size(8 * WIDTH)));
typedef double NAME(unaligned) __attribute__((vector_size(8 * WIDTH), aligned(8), may_alias));
typedef int64_t NAME(mask) __attribute__((vector_size(8 * WIDTH)));

#define V NAME(vector)
#define M NAME(mask)
#define LOAD(p) ((V) * (const NAME(unaligned) *)(p))
#define STORE(p, v) (*(NAME(unaligned) *)(p) = (v))
#define SPLAT(x) ((x) - (V){0}) /* x - 0.0 is x, -0.0 included */
#define SELECT(m, a, b) ((V)(((M)(a) & (m)) | ((M)(b) & ~(m))))

/* sum[r][v] += a[r] * b[v] for a tile */
INLINE void NAME(term)(const int mr, const int nv, const double *a, int64_t a_m, const double *b, V sum[ROWS][COLUMNS]) {
    V row[COLUMNS];
    UNROLL for (int v = 0; v < nv; v++) row[v] = LOAD(b + v * WIDTH);
    UNROLL for (int r = 0; r < mr; r++) {
        V x = SPLAT(a[r * a_m]);
        UNROLL for (int v = 0; v < nv; v++) sum[r][v] += x * row[v];
    }
}

/* One tile of a product: mr <= ROWS rows, nv <= COLUMNS vectors of which `width` columns count, terms k0 ... k0 + kc - 1;
 * b is the first row of B's columns, or of a packed copy of them, with row distance b_k, and `last` the last row. Columns
 * beyond `width` hold whatever lies there, and are not stored. mr and nv are constants. */
INLINE void NAME(tile)(const int mr, const int nv, const product *p, int64_t m0, int64_t n0, int64_t width, int64_t k0,
                       int64_t kc, const double *b, int64_t b_k, const double *last) {
    V sum[ROWS][COLUMNS];
    ALIGNED double edge[ROWS * COLUMNS * WIDTH];
    const int direct = p->c_n == 1 && width == nv * WIDTH;
    const int start = k0 > 0 ? FROM_C : p->start;
    double *c = p->c + m0 * p->c_m + n0 * p->c_n;
    const double *a = p->a + m0 * p->a_m + k0 * p->a_k;

    if (start != FROM_ZERO && !direct) {
        for (int r = 0; r < mr; r++) {
            for (int64_t n = 0; n < nv * WIDTH; n++) {
                double from = n >= width ? 0.0 : start == FROM_BIAS ? p->bias[n0 + n] : c[r * p->c_m + n * p->c_n];
                edge[(r * nv) * WIDTH + n] = from;
            }
        }
    }
    UNROLL for (int r = 0; r < mr; r++) {
        UNROLL for (int v = 0; v < nv; v++) {
            if (start == FROM_ZERO) sum[r][v] = (V){0};
            else if (!direct) sum[r][v] = LOAD(edge + (r * nv + v) * WIDTH);
            else if (start == FROM_BIAS) sum[r][v] = LOAD(p->bias + n0 + v * WIDTH);
            else sum[r][v] = LOAD(c + r * p->c_m + v * WIDTH);
        }
    }
    const int64_t a_m = p->a_m, a_k = p->a_k;
    for (int64_t k = 1; k < kc; k++, a += a_k, b += b_k) NAME(term)(mr, nv, a, a_m, b, sum);
    NAME(term)(mr, nv, a, a_m, last, sum);
    if (direct) {
        V lr = SPLAT(p->lr);
        UNROLL for (int r = 0; r < mr; r++) {
            UNROLL for (int v = 0; v < nv; v++) {
                double *to = c + r * p->c_m + v * WIDTH;
                STORE(to, p->finish == UPDATE ? LOAD(to) - lr * sum[r][v] : sum[r][v]);
            }
        }
        return;
    }
    UNROLL for (int r = 0; r < mr; r++) {
        UNROLL for (int v = 0; v < nv; v++) STORE(edge + (r * nv + v) * WIDTH, sum[r][v]);
    }
    for (int64_t n = 0; n < width; n++) {
        for (int r = 0; r < mr; r++) {
            double *to = c + r * p->c_m + n * p->c_n;
            double value = edge[r * nv * WIDTH + n];
            *to = p->finish == UPDATE ? *to - p->lr * value : value;
        }
    }
}

/* A panel of up to COLUMNS vectors of B, all rows of A from `begin` to `end`. */
INLINE void NAME(panel)(const int nv, const product *p, int64_t begin, int64_t end, int64_t n0, int64_t width, int64_t k0,
                        int64_t kc, const double *b, int64_t b_k, const double *last) {
    int64_t m = begin;
    for (; m + ROWS <= end; m += ROWS) NAME(tile)(ROWS, nv, p, m, n0, width, k0, kc, b, b_k, last);
    for (; m + 4 <= end; m += 4) NAME(tile)(4, nv, p, m, n0, width, k0, kc, b, b_k, last);
    for (; m + 2 <= end; m += 2) NAME(tile)(2, nv, p, m, n0, width, k0, kc, b, b_k, last);
    for (; m < end; m++) NAME(tile)(1, nv, p, m, n0, width, k0, kc, b, b_k, last);
}

/* Rows `begin` to `end` of a product C = A B. */
static void NAME(product)(const void *job, int64_t begin, int64_t end) {
    const product *p = job;
    ALIGNED double packed[DEPTH * COLUMNS * WIDTH];
    ALIGNED double last_row[COLUMNS * WIDTH];
    for (int64_t k0 = 0; k0 < p->k_count; k0 += DEPTH) {
        int64_t kc = p->k_count - k0 < DEPTH ? p->k_count - k0 : DEPTH;
        int64_t width;
        for (int64_t n0 = 0; n0 < p->n_count; n0 += width) {
            width = p->n_count - n0 < COLUMNS * WIDTH ? p->n_count - n0 : COLUMNS * WIDTH;
            if (width > WIDTH && p->b_n == 1) width -= width % WIDTH; /* what is left makes a panel of its own */
            const int nv = (int)((width + WIDTH - 1) / WIDTH);
            const double *b = p->b + k0 * p->b_k + n0 * p->b_n;
            int64_t b_k = p->b_k;
            int64_t beyond = n0 + nv * WIDTH - p->n_count; /* columns that a row's last vector takes from the next row */
            const double *last = b + (kc - 1) * b_k;
            if (p->b_n != 1 || beyond > b_k || end - begin >= PACK_ROWS) {
                b_k = nv * WIDTH;
                for (int64_t k = 0; k < kc; k++) {
                    double *to = packed + k * b_k;
                    for (int64_t n = 0; n < width; n++) to[n] = b[k * p->b_k + n * p->b_n];
                    for (int64_t n = width; n < b_k; n++) to[n] = 0.0;
                }
                b = packed;
                last = b + (kc - 1) * b_k;
            } else if (beyond > 0) {
                for (int64_t n = 0; n < nv * WIDTH; n++) last_row[n] = n < width ? last[n] : 0.0;
                last = last_row;
            }
            switch (nv) {
            case 1: NAME(panel)(1, p, begin, end, n0, width, k0, kc, b, b_k, last); break;
            case 2: NAME(panel)(2, p, begin, end, n0, width, k0, kc, b, b_k, last); break;
#if COLUMNS > 2
            case 3: NAME(panel)(3, p, begin, end, n0, width, k0, kc, b, b_k, last); break;
            case 4: NAME(panel)(4, p, begin, end, n0, width, k0, kc, b, b_k, last); break;
#endif
            }
        }
    }
}

/* One list of terms: columns n0 ... of c = start + sum over k of value[k] * b[index[k]], nv vectors of them. */
INLINE void NAME(list)(const int nv, const sparse_product *p, int32_t count, const int32_t *index, const double *value,
                       double *c, int64_t n0) {
    V sum[LONG];
    UNROLL for (int v = 0; v < nv; v++) {
        const double *from = p->start == FROM_BIAS ? p->bias + n0 : c + n0;
        sum[v] = p->start == FROM_ZERO ? (V){0} : LOAD(from + v * WIDTH);
    }
    for (int32_t k = 0; k < count; k++) {
        const double *b = p->b + index[k] * p->stride + n0;
        V x = SPLAT(value[k]);
        UNROLL for (int v = 0; v < nv; v++) sum[v] += x * LOAD(b + v * WIDTH);
    }
    V lr = SPLAT(p->lr);
    UNROLL for (int v = 0; v < nv; v++) {
        double *to = c + n0 + v * WIDTH;
        STORE(to, p->finish == UPDATE ? LOAD(to) - lr * sum[v] : sum[v]);
    }
}

/* Columns n0 ... of rows `begin` to `end`, nv vectors of them, from a packed copy of what B has there: it stays in the
 * nearest cache while all rows use it, BLOCK rows of B at a time. */
INLINE void NAME(lists)(const int nv, const sparse_product *p, int64_t begin, int64_t end, int64_t n0) {
    ALIGNED double block[BLOCK * 4 * WIDTH];
    int32_t position[LISTS];
    V lr = SPLAT(p->lr);
    for (int64_t m = begin; m < end; m++) position[m - begin] = 0;
    const int64_t blocks = (p->k_count + BLOCK - 1) / BLOCK;
    const int64_t rows = (p->k_count + blocks - 1) / blocks;
    for (int64_t k0 = 0; k0 < p->k_count; k0 += rows) {
        int64_t k_end = k0 + rows < p->k_count ? k0 + rows : p->k_count;
        const int start = k0 > 0 ? FROM_C : p->start;
        const int update = p->finish == UPDATE && k_end == p->k_count;
        for (int64_t k = k0; k < k_end; k++) {
            for (int v = 0; v < nv; v++) {
                STORE(block + (k - k0) * nv * WIDTH + v * WIDTH, LOAD(p->b + k * p->stride + n0 + v * WIDTH));
            }
        }
        for (int64_t m = begin; m < end; m++) {
            const int32_t *index = p->a.index + m * p->a.stride;
            const double *value = p->a.value + m * p->a.stride;
            double *c = p->c + m * p->stride + n0;
            int32_t count = p->a.count[m];
            int32_t k = position[m - begin];
            V sum[4];
            UNROLL for (int v = 0; v < nv; v++) {
                sum[v] = start == FROM_ZERO ? (V){0} : LOAD((start == FROM_BIAS ? p->bias + n0 : c) + v * WIDTH);
            }
            for (; k < count && index[k] < k_end; k++) {
                const double *b = block + (index[k] - k0) * nv * WIDTH;
                V x = SPLAT(value[k]);
                UNROLL for (int v = 0; v < nv; v++) sum[v] += x * LOAD(b + v * WIDTH);
            }
            UNROLL for (int v = 0; v < nv; v++) {
                double *to = c + v * WIDTH;
                STORE(to, update ? LOAD(to) - lr * sum[v] : sum[v]);
            }
            position[m - begin] = k;
        }
    }
}

/* Rows `begin` to `end` of a product C = A B with sparse A. */
static void NAME(sparse)(const void *job, int64_t begin, int64_t end) {
    const sparse_product *p = job;
    int64_t n = 0;
    if (end - begin >= MANY_LISTS && p->k_count >= MANY_LISTS && (p->finish != UPDATE || p->k_count <= BLOCK)) {
        for (int64_t m = begin; m < end; m += LISTS) {
            int64_t m_end = m + LISTS < end ? m + LISTS : end;
            n = 0;
            for (; n + 4 * WIDTH <= p->n_count; n += 4 * WIDTH) NAME(lists)(4, p, m, m_end, n);
            for (; n + WIDTH <= p->n_count; n += WIDTH) NAME(lists)(1, p, m, m_end, n);
        }
    }
    const int64_t done = n;
    for (int64_t m = begin; m < end; m++) {
        int32_t count = p->a.count[m];
        const int32_t *index = p->a.index + m * p->a.stride;
        const double *value = p->a.value + m * p->a.stride;
        double *c = p->c + m * p->stride;
        n = done;
        if (count == 0 && p->start != FROM_BIAS && (p->start == FROM_C || p->finish == UPDATE)) continue; /* no change */
        for (; n + LONG * WIDTH <= p->n_count; n += LONG * WIDTH) NAME(list)(LONG, p, count, index, value, c, n);
        for (; n + 4 * WIDTH <= p->n_count; n += 4 * WIDTH) NAME(list)(4, p, count, index, value, c, n);
        for (; n + WIDTH <= p->n_count; n += WIDTH) NAME(list)(1, p, count, index, value, c, n);
        for (; n < p->n_count; n++) {
            double sum = p->start == FROM_ZERO ? 0.0 : p->start == FROM_BIAS ? p->bias[n] : c[n];
            for (int32_t k = 0; k < count; k++) sum += value[k] * p->b[index[k] * p->stride + n];
            c[n] = p->finish == UPDATE ? c[n] - p->lr * sum : sum;
        }
    }
}

/* Sums of columns: db[j] = start + sum over n of dz[n][j], or b[j] -= lr * that. */
static void NAME(columns)(int64_t rows, int64_t width, int64_t stride, const double *dz, double *b, int finish, double lr) {
    int64_t j = 0;
    for (; j + WIDTH <= width; j += WIDTH) {
        V sum = finish == UPDATE ? (V){0} : LOAD(b + j);
        for (int64_t n = 0; n < rows; n++) sum += LOAD(dz + n * stride + j);
        STORE(b + j, finish == UPDATE ? LOAD(b + j) - SPLAT(lr) * sum : sum);
    }
    for (; j < width; j++) {
        double sum = finish == UPDATE ? 0.0 : b[j];
        for (int64_t n = 0; n < rows; n++) sum += dz[n * stride + j];
        b[j] = finish == UPDATE ? b[j] - lr * sum : sum;
    }
}

static void NAME(update)(int64_t count, double *p, const double *dp, double lr) {
    for (int64_t k = 0; k < count; k++) p[k] -= lr * dp[k];
}

/* Whether |x| < limit for all; false with a NaN. */
INLINE int NAME(all_below)(int64_t count, const double *x, double limit) {
    M below = (M){0} - 1;
    int64_t k = 0;
    for (; k + WIDTH <= count; k += WIDTH) below &= (V)((M)LOAD(x + k) & 0x7fffffffffffffff) < SPLAT(limit);
    int all = 1;
    for (int v = 0; v < WIDTH; v++) all &= below[v] != 0;
    for (; k < count; k++) all &= size_of(x[k]) < limit;
    return all;
}

/* k with y 2^k = e^x, 1.5 2^52 more than that, so that its lowest bits are the integer's: fdlibm's choice of k. */
INLINE V NAME(exponent)(V x, V size) {
    const V magic = SPLAT(0x1.8p52);
    M sign = (M)x & INT64_MIN;
    V one = (V)((M)SPLAT(1.0) | sign);
    V t = SPLAT(INV_LN2) * x + (V)((M)SPLAT(0.5) | sign);
    V k = (t + magic) - magic; /* to nearest, and from there towards zero */
    k = SELECT((V)((M)k & 0x7fffffffffffffff) > (V)((M)t & 0x7fffffffffffffff), k - one, k);
    k = SELECT(size < SPLAT(THREE_HALVES_LN2), one, k);
    return SELECT(size < SPLAT(HALF_LN2), (V){0}, k) + magic;
}

/* y 2^k for normal results, k as above */
INLINE V NAME(scaled)(V y, V k) { return (V)((M)y + ((M)k << 52)); }

/* refnn_exp for |x| < 708: the same operations, case by case in lanes */
INLINE V NAME(exp)(V x) {
    V size = (V)((M)x & 0x7fffffffffffffff);
    V k_magic = NAME(exponent)(x, size);
    V k = k_magic - SPLAT(0x1.8p52);
    V high = x - k * SPLAT(LN2_HIGH);
    V low = k * SPLAT(LN2_LOW);
    V r = high - low;
    V t = r * r;
    V c = r - t * (1.66666666666666019037e-01 + t * (-2.77777777770155933842e-03 + t * (6.61375632143793436117e-05
        + t * (-1.65339022054652515390e-06 + t * 4.13813679705723846039e-08))));
    V y = 1.0 - ((low - (r * c) / (2.0 - c)) - high);
    return SELECT(size < SPLAT(0x1p-28), 1.0 + x, NAME(scaled)(y, k_magic));
}

/* refnn_tanh for finite x: its expm1 case by case in lanes */
INLINE V NAME(tanh)(V given) {
    V size_given = (V)((M)given & 0x7fffffffffffffff);
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
    V r = 1.0 + t * (-3.33333333333331316428e-02 + t * (1.58730158725481460165e-03 + t * (-7.93650757867487942473e-05
        + t * (4.00821782732936239552e-06 + t * -2.01099218183624371326e-07))));
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

#define SIGMOID(x) (1.0 / (1.0 + NAME(exp)(-(x))))

/* a = f(z) for an array; the tail that is no whole vector goes through a padded copy */
#define MAP(function)                                              \
    do {                                                           \
        int64_t k = 0;                                             \
        for (; k + WIDTH <= count; k += WIDTH) {                   \
            V y = function(LOAD(z + k));                           \
            STORE(a + k, y);                                       \
        }                                                          \
        if (k < count) {                                           \
            double tail[WIDTH] = {0};                              \
            memcpy(tail, z + k, (size_t)(count - k) * sizeof *z);  \
            V y = function(LOAD(tail));                            \
            STORE(tail, y);                                        \
            memcpy(a + k, tail, (size_t)(count - k) * sizeof *a);  \
        }                                                          \
    } while (0)

/* Whether it could: e^z needs |z| < 708, tanh finite z. */
static int NAME(map)(int32_t function, int64_t count, const double *z, double *a) {
    if (!NAME(all_below)(count, z, function == REFNN_TANH ? INF : 708.0)) return 0;
    if (function == REFNN_TANH) MAP(NAME(tanh));
    else if (function == REFNN_SIGMOID) MAP(SIGMOID);
    else MAP(NAME(exp));
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

/* As many multiplications and additions as the processor can do, `steps` rounds of them; returns how many. */
static double NAME(peak)(int64_t steps, double *sink) {
    enum { SUMS = 12 };
    V sum[SUMS], x = SPLAT(sink[0]), y = SPLAT(sink[1]);
    UNROLL for (int s = 0; s < SUMS; s++) sum[s] = SPLAT(sink[s]);
    for (int64_t k = 0; k < steps; k++) {
        UNROLL for (int s = 0; s < SUMS; s++) sum[s] = sum[s] * x + y;
    }
    for (int s = 0; s < SUMS; s++) sink[s] = sum[s][0];
    return 2.0 * SUMS * WIDTH * (double)steps;
}

#include "images_isa.h"

static const kernels NAME(kernels) = {NAME(product), NAME(sparse), NAME(columns), NAME(update), NAME(map), NAME(relu), NAME(relu_backward),
                                      NAME(peak)};

#undef V
#undef M
#undef LOAD
#undef STORE
#undef SPLAT
#undef SELECT
#undef SIGMOID
#undef MAP
#undef NAME
#undef WIDTH
#undef COLUMNS
#undef LONG
