/* Linear layers as products with a sparse matrix, fast: functions of the chapter `linear` (csrc/linear.c) for inputs
 * of which many are zero. No twins in the book.
 *
 * Leaving zeros out does not change a bit: what they would be multiplied with is finite, so each product is a zero, and
 * no sum here is ever -0.0.
 */

#pragma once

#include "fast.h"

/* A sparse matrix, row by row: row r has count[r] entries, the k-th value[r * stride + k] in column index[r * stride +
 * k], columns ascending. */
typedef struct {
    int64_t stride;
    int32_t *count;
    int32_t *index;
    double *value;
} sparse_rows;

/* The inputs of a layer for a batch, if it looks for zeros among them; else both strides are 0. */
typedef struct {
    sparse_rows rows, transposed; /* x without its zeros, and x^T */
    int is_used;                  /* whether this batch's x is there, too; or only, of the first layer */
} sparse_inputs;

typedef struct layer_gradient layer_gradient; /* see product.h */

/* Outputs j of z = x w + b */
void linear_forward_sparse(int32_t simd, int32_t rows, const refnn_layer *layer, range j, const sparse_rows *x,
                           const double *w, const double *b, double *z);

/* Rows i of x^T; each has room for as many entries as x has rows. */
void sparse_transpose(const sparse_rows *x, int32_t rows, range i, const sparse_rows *transposed);

/* Outputs j of dw = x^T dz with p->transposed */
void linear_gradient_sparse(int32_t simd, const layer_gradient *p, range j);
