/* What every file of fast/ includes: ranges, and the choice of an instruction set.
 *
 * No file in this folder has a twin in the book. They compute what the chapters define, with the same bits: each
 * output's sum keeps its order of terms, and only which outputs are computed together differs.
 */

#pragma once

#include "core.h"
#include "instruction_sets.h"

/* begin ... end - 1 */
typedef struct {
    int64_t begin, end;
} range;

static inline int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

/* Doubles in a vector of an instruction set. */
static inline int32_t simd_width(int32_t simd) {
    static const int8_t widths[] = {1, INSTRUCTION_SETS(WIDTH_OF)};
    return widths[simd];
}

/* The instruction set for rows of `count` numbers: AVX2 instead of AVX-512 if that needs less than 16/9 as many
 * vectors. On EPYC (Zen 4), whose units are 256 bits wide, AVX2 takes 0.7 to 0.9 of the time with up to 1.75 as many
 * vectors, and 0.8 to 1.4 with twice as many; where the units are 512 bits wide, an AVX-512 vector is cheaper than
 * there. */
static inline int32_t simd_for(int32_t simd, int64_t count) {
    return simd_width(simd) == 8 && 9 * ((count + 3) / 4) < 16 * ((count + 7) / 8) ? simd - 1 : simd;
}
