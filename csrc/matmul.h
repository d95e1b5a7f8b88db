/* The fast kernels behind linear.c, activations.c and losses.c: the same functions, given a processor; the same bits.
 *
 * Every output's sum keeps its order; only which outputs are computed together differs. Where a kernel skips zero inputs,
 * what they would be multiplied with is finite, so the product is a zero, and no sum here is ever -0.0: nothing changes.
 */

#pragma once

#include "core.h"

/* Instruction sets; what an instance has is compiled for them and asked for by refnn_simd. */
enum { SIMD_PLAIN = 0, SIMD_BASE = 1, SIMD_AVX2 = 2, SIMD_AVX512 = 3, SIMD_COUNT = 4 };

typedef struct {
    int32_t simd;
    int32_t threads;
} processor;

/* Rows of numbers, most of them zero: row r has count[r] others, the k-th value[r * stride + k] in column
 * index[r * stride + k], columns ascending. */
typedef struct {
    int64_t stride;
    int32_t *count;
    int32_t *index;
    double *value;
} sparse_rows;

void linear_forward(processor p, int32_t rows, int32_t inputs, int32_t outputs, const double *x, const double *w,
                    const double *b, double *z);
void linear_backward_input(processor p, int32_t rows, int32_t inputs, int32_t outputs, const double *w, const double *dz,
                           double *dx);
void linear_backward_parameters(processor p, int32_t rows, int32_t inputs, int32_t outputs, const double *x,
                                const double *dz, double *dw, double *db);

/* The gradients of a whole batch and the update in one go: dw from 0.0, then w -= lr * dw. At most STEP_ROWS rows. */
enum { STEP_ROWS = 128 };
void linear_step(processor p, int32_t rows, int32_t inputs, int32_t outputs, const double *x, const double *dz, double *w,
                 double *b, double lr);

/* The same with sparse x. `columns` is room for `inputs` lists of `rows` entries: x again, column by column. */
void linear_forward_sparse(processor p, int32_t rows, int32_t outputs, const sparse_rows *x, const double *w,
                           const double *b, double *z);
void linear_backward_parameters_sparse(processor p, int32_t rows, int32_t inputs, int32_t outputs, const sparse_rows *x,
                                       const double *dz, double *dw, double *db, const sparse_rows *columns);
void linear_step_sparse(processor p, int32_t rows, int32_t inputs, int32_t outputs, const sparse_rows *x, const double *dz,
                        double *w, double *b, double lr, const sparse_rows *columns);

void linear_update(processor p, int64_t count, double *parameters, const double *gradients, double lr);

void activation_forward(processor p, int32_t kind, int32_t rows, int32_t width, const double *z, double *a);
void activation_backward(processor p, int32_t kind, int32_t rows, int32_t width, const double *a, const double *da,
                         double *dz);

/* The losses of some rows of outputs, and where with_gradient their gradients d, divided by `batch` if that is not 0; else
 * d is only room. Row r has the target of sample which[r]. */
typedef struct {
    processor p;
    int32_t loss, outputs;
    const double *o;
    const int64_t *which;
    const double *targets;
    const int32_t *classes;
    double *losses, *d;
    int32_t with_gradient;
    int64_t batch;
} loss_rows;

void losses_and_gradients(const loss_rows *job, int32_t rows);

/* Runs task(job, begin, end) over 0 ... count in pieces of a multiple of `grain`, on so many threads. */
typedef void (*range_task)(const void *job, int64_t begin, int64_t end);
void parallel(int32_t threads, int64_t count, int64_t grain, range_task task, const void *job);
