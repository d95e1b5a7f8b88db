/* The fast kernels behind linear.c, activations.c and losses.c: the same functions for an instruction set, the same bits.
 *
 * Every output's sum keeps its order; only which outputs are computed together differs. Where a kernel skips zero inputs,
 * what they would be multiplied with is finite, so the product is a zero, and no sum here is ever -0.0: nothing changes.
 */

#pragma once

#include "core.h"

/* Instruction sets, as refnn_simd_name numbers them; BASE is what every processor of its kind has. */
enum { SIMD_PLAIN = 0, SIMD_BASE = 1, SIMD_AVX2 = 2, SIMD_AVX512 = 3 };

/* Rows of numbers, most of them zero: row r has count[r] others, the k-th value[r * stride + k] in column
 * index[r * stride + k], columns ascending. */
typedef struct {
    int64_t stride;
    int32_t *count;
    int32_t *index;
    double *value;
} sparse_rows;

/* begin ... end - 1 */
typedef struct {
    int64_t begin, end;
} range;

/* Outputs j of a linear layer; plain C takes all at once. */
void linear_forward(int32_t simd, int32_t rows, const refnn_layer *layer, range j, const double *x, const double *w,
                    const double *b, double *z);
void linear_forward_sparse(int32_t simd, int32_t rows, const refnn_layer *layer, range j, const sparse_rows *x,
                           const double *w, const double *b, double *z);
void linear_backward_input(int32_t simd, int32_t rows, const refnn_layer *layer, const double *w, const double *dz,
                           double *dx);

/* Rows i of x^T; each has room for as many entries as x has rows. */
void sparse_transpose(const sparse_rows *x, int32_t rows, range i, const sparse_rows *transposed);

/* The gradients of a layer's parameters, of linear and conv2d: adds them to dw and db (or NULL). With step, dw and db are
 * the parameters, and a whole batch updates them: w -= lr * dw with dw from 0.0; at most STEP_ROWS rows for linear. */
enum { STEP_ROWS = 128 };
typedef struct {
    int32_t rows;
    const refnn_layer *layer;
    const double *x;                /* rows x inputs; or NULL, for linear, and then */
    const sparse_rows *transposed; /* x^T without its zeros */
    const double *dz;
    double *dw, *db;
    int32_t step;
    double lr;
} layer_gradient;

/* Outputs j; plain C takes all at once and has no step. */
void linear_backward_parameters(int32_t simd, const layer_gradient *p, range j);

void linear_update(int32_t simd, int64_t count, double *parameters, const double *gradients, double lr);

void activation_forward(int32_t simd, int32_t kind, int32_t rows, int32_t width, const double *z, double *a);
void activation_backward(int32_t simd, int32_t kind, int32_t rows, int32_t width, const double *a, const double *da,
                         double *dz);

/* The loss of one row of outputs, and its gradient d: refnn_loss_value and refnn_loss_gradient. */
double loss_and_gradient(int32_t simd, int32_t loss, int32_t outputs, const double *o, const double *y, int32_t c, double *d);

/* Threads that work on one thing after another until the whole call is done: a team of one needs no OpenMP. They wait for
 * each other by looking again and again, since waking a thread that sleeps takes longer than most of what it is woken for. */
typedef void (*range_task)(const void *job, int64_t begin, int64_t end);
typedef struct {
    int32_t threads;
    int32_t orders, done; /* how many tasks were given out, and how many threads have done the last of them */
    range_task task;      /* NULL: go home */
    const void *job;
    int64_t count, grain;
} team;

/* Calls body(a team of so many threads, argument); only the caller runs it, the others wait for `parallel`. */
void with_team(int32_t threads, void (*body)(team *, void *), void *argument);

/* Runs task(job, begin, end) over 0 ... count in pieces of a multiple of `grain`, one for each thread of the team. */
void parallel(team *t, int64_t count, int64_t grain, range_task task, const void *job);
