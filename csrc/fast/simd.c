/* The choice of the instruction set: which there are, and which of them this processor has.
 *
 * This file has no twin in the book: it computes nothing.
 */

#include "fast.h"

#define CASE_OF(id, width, supported) \
    case SIMD_##id: return supported ? #id : NULL;

int32_t refnn_simd_count(void) { return SIMD_COUNT; }

const char *refnn_simd_name(int32_t simd) {
    switch (simd) {
    case SIMD_PLAIN: return "plain";
    INSTRUCTION_SETS(CASE_OF)
    default: return NULL;
    }
}
