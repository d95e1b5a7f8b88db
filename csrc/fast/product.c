/* Linear layers as dense products: see product.h. This file has no twin in the book; csrc/linear.c is the twin. */

#include "product.h"

enum {
    /* Terms of a sum in one pass, which are the rows of a packed panel. 128 take 1.01 to 1.08 of the time, 512 take
     * 0.92 to 1.0, but need 128 KiB of stack with AVX-512, all that some C libraries give to a thread. (EPYC, Zen 4) */
    DEPTH = 256,
    /* Packing pays from this number of rows on. With 32 rows it saves 15 to 20 % of the time with AVX2 and 512 columns
     * or more, and costs 10 % with AVX-512 or 64 columns; with 128 rows it saves up to 30 %. (EPYC, Zen 4) */
    PACK_ROWS = 32,
};

/* C (m x n) = start + A (m x k) B (k x n), each element's sum in ascending k; or C -= lr * that.
 * X_m, X_n, X_k: the strides of X in memory along m, n and k. */
typedef struct {
    int64_t n_count, k_count;
    const double *a;
    int64_t a_m, a_k;
    const double *b;
    int64_t b_k, b_n;
    double *c;
    int64_t c_m, c_n;
    int start;
    const double *bias;
    int finish; /* UPDATE only if k_count <= DEPTH */
    double lr;
} dense_product;

/* Terms k0 ... k0 + terms - 1 for columns n0 ... n0 + width - 1. */
typedef struct {
    int64_t k0, terms, n0, width;
    const double *b;    /* B's rows from k0 on and columns from n0 on, or a packed copy of them, */
    int64_t stride;     /* and the distance of these rows */
    const double *last; /* the last row; a copy where a vector would read beyond the end of B */
} panel;

typedef struct {
    void (*multiply)(const dense_product *p, int64_t begin, int64_t end);
    void (*sum_columns)(const layer_gradient *p, range j);
} product_kernels;

#define TEMPLATE "product_isa.h"
#include "instruction_sets.h"

static const product_kernels *const kernels[] = {NULL, INSTRUCTION_SETS(KERNELS_OF)};

void linear_forward(int32_t simd, int32_t rows, const refnn_layer *layer, range j, const double *x, const double *w,
                    const double *b, double *z) {
    const int32_t inputs = layer->inputs, outputs = layer->outputs;
    dense_product p = {.n_count = j.end - j.begin,
                       .k_count = inputs,
                       .a = x,
                       .a_m = inputs,
                       .a_k = 1,
                       .b = w + j.begin,
                       .b_k = outputs,
                       .b_n = 1,
                       .c = z + j.begin,
                       .c_m = outputs,
                       .c_n = 1,
                       .start = b ? FROM_BIAS : FROM_ZERO,
                       .bias = b ? b + j.begin : NULL};
    kernels[simd_for(simd, p.n_count)]->multiply(&p, 0, rows);
}

/* dx of one sample: eight sums at a time, since a single sum waits for each of its additions. */
static void backward_input_of_one(int64_t inputs, int64_t outputs, const double *w, const double *dz, double *dx) {
    int64_t i = 0;
    for (; i + 8 <= inputs; i += 8, w += 8 * outputs) {
        double s0 = 0.0, s1 = 0.0, s2 = 0.0, s3 = 0.0, s4 = 0.0, s5 = 0.0, s6 = 0.0, s7 = 0.0;
        for (int64_t j = 0; j < outputs; j++) {
            double d = dz[j];
            s0 += d * w[j];
            s1 += d * w[j + outputs];
            s2 += d * w[j + 2 * outputs];
            s3 += d * w[j + 3 * outputs];
            s4 += d * w[j + 4 * outputs];
            s5 += d * w[j + 5 * outputs];
            s6 += d * w[j + 6 * outputs];
            s7 += d * w[j + 7 * outputs];
        }
        dx[i] = s0, dx[i + 1] = s1, dx[i + 2] = s2, dx[i + 3] = s3;
        dx[i + 4] = s4, dx[i + 5] = s5, dx[i + 6] = s6, dx[i + 7] = s7;
    }
    for (; i < inputs; i++, w += outputs) {
        double s = 0.0;
        for (int64_t j = 0; j < outputs; j++) s += dz[j] * w[j];
        dx[i] = s;
    }
}

void linear_backward_input(int32_t simd, int32_t rows, const refnn_layer *layer, const double *w, const double *dz,
                           double *dx) {
    const int32_t inputs = layer->inputs, outputs = layer->outputs;
    if (rows == 1) {
        backward_input_of_one(inputs, outputs, w, dz, dx);
    } else { /* dx^T = w dz^T, so that the lanes of a vector are samples: a sum over lanes would change the order */
        dense_product p = {.n_count = rows,
                           .k_count = outputs,
                           .a = w,
                           .a_m = outputs,
                           .a_k = 1,
                           .b = dz,
                           .b_k = 1,
                           .b_n = outputs,
                           .c = dx,
                           .c_m = 1,
                           .c_n = inputs,
                           .start = FROM_ZERO};
        kernels[simd_for(simd, rows)]->multiply(&p, 0, inputs);
    }
}

void linear_backward_parameters(int32_t simd, const layer_gradient *p, range j) {
    const int32_t inputs = p->layer->inputs, outputs = p->layer->outputs;
    if (p->x) {
        dense_product dw = {.n_count = j.end - j.begin,
                            .k_count = p->rows,
                            .a = p->x,
                            .a_m = 1,
                            .a_k = inputs,
                            .b = p->dz + j.begin,
                            .b_k = outputs,
                            .b_n = 1,
                            .c = p->dw + j.begin,
                            .c_m = outputs,
                            .c_n = 1,
                            .start = p->step ? FROM_ZERO : FROM_C,
                            .finish = p->step ? UPDATE : STORE_SUM,
                            .lr = p->lr};
        kernels[simd_for(simd, dw.n_count)]->multiply(&dw, 0, inputs);
    } else {
        linear_gradient_sparse(simd, p, j);
    }
    if (p->db) kernels[simd]->sum_columns(p, j);
}
