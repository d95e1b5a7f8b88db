/* What every file of the core includes: the API, and what the compiler must not do to it. */

#pragma once

#include <float.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "refnn.h"

#if defined(__FAST_MATH__) || defined(_M_FP_FAST)
#error "refnn must not be built with -ffast-math: its results are promised to the bit"
#endif

/* 0, 1 and 16 compute double as double. Compilers without the macro are left to the test at import. */
#if defined(FLT_EVAL_METHOD) && FLT_EVAL_METHOD != 0 && FLT_EVAL_METHOD != 1 && FLT_EVAL_METHOD != 16
#error "refnn needs double arithmetic without extended precision (on 32-bit x86: -msse2 -mfpmath=sse)"
#endif

static inline uint64_t bits_of(double x) {
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static inline double double_of(uint64_t bits) {
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* |x|, by its bits: no call */
static inline double size_of(double x) { return double_of(bits_of(x) & 0x7fffffffffffffff); }

static inline int is_finite(double x) { return (bits_of(x) >> 52 & 0x7ff) != 0x7ff; }

#define INF double_of(0x7ff0000000000000)
#define NOT_A_NUMBER double_of(0x7ff8000000000000)

/* Constants of exp and expm1, which the kernels for arrays need too: see refnn/reference/elementary.py. */
#define LN2_HIGH 6.93147180369123816490e-01
#define LN2_LOW 1.90821492927058770002e-10
#define INV_LN2 1.44269504088896338700e+00
#define HALF_LN2 0x1.62e43p-2
#define THREE_HALVES_LN2 0x1.0a2b2p+0

/* of leaky_relu */
#define LEAKY_SLOPE 0.01
