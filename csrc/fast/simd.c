/* The choice of the instruction set: which there are, and which of them this processor has.
 *
 * This file has no twin in the book: it computes nothing.
 */

#include "fast.h"

#define RETURN_NAME(id, width, supported) \
    if (simd == SIMD_##id) return (supported) ? #id : NULL;

int32_t refnn_simd_count(void) { return SIMD_COUNT; }

const char *refnn_simd_name(int32_t simd) {
    if (simd == SIMD_PLAIN) return "plain";
    INSTRUCTION_SETS(RETURN_NAME)
    return NULL;
}
