/* For measurements: the product alone, and the most that the processor can do.
 *
 * This file has no twin in the book: refnn/bench.py uses it.
 */

#include "product.h"
#include "threads.h"

typedef struct {
    double (*peak)(int64_t steps, double *sink);
} bench_kernels;

#define TEMPLATE "bench_isa.h"
#include "instruction_sets.h"

static const bench_kernels *const kernels[] = {NULL, INSTRUCTION_SETS(KERNELS_OF)};

typedef struct {
    int32_t simd, m, k, n;
    const double *a, *b;
    double *c;
} multiplication;

static void multiply_rows(const void *job, int64_t begin, int64_t end) {
    const multiplication *p = job;
    const refnn_layer layer = {.inputs = p->k, .outputs = p->n};
    const int32_t rows = (int32_t)(end - begin);
    const double *a = p->a + begin * p->k;
    double *c = p->c + begin * p->n;
    if (p->simd == SIMD_PLAIN) refnn_linear_forward(rows, p->k, p->n, a, p->b, NULL, c);
    else linear_forward(p->simd, rows, &layer, (range){0, p->n}, a, p->b, NULL, c);
}

static void multiply(team *t, void *job) {
    const multiplication *p = job;
    parallel(t, p->m, TILE_ROWS, multiply_rows, p);
}

int32_t refnn_matmul(int32_t simd, int32_t threads, int32_t m, int32_t k, int32_t n, const double *a, const double *b,
                     double *c) {
    if (!refnn_simd_name(simd) || threads < 1 || m < 1 || k < 1 || n < 1) return REFNN_BAD_MODEL;
    multiplication job = {simd, m, k, n, a, b, c};
    with_team(threads, multiply, &job);
    return REFNN_OK;
}

double refnn_peak(int32_t simd, int64_t steps, double *sink) {
    return simd != SIMD_PLAIN && refnn_simd_name(simd) ? kernels[simd]->peak(steps, sink) : 0.0;
}
