/* Linear layers as dense products, fast: the functions of the chapter `linear` (csrc/linear.c). No twins in the book.
 *
 * Every function takes the number of an instruction set, but plain C.
 */

#pragma once

#include "sparse.h"

enum {
    /* Rows of a tile of sums. */
    TILE_ROWS = 6,
    /* Most rows of a batch that updates parameters without gradients in memory: a sparse product finishes its sums in one
     * block, a dense one in one panel. */
    STEP_ROWS = 128,
};

/* Of a product C: what the sums start from, and what is done with them. */
enum { FROM_ZERO, FROM_BIAS, FROM_C };
enum { STORE_SUM, UPDATE };

/* The gradients of a layer's parameters, for linear and conv2d: adds them to dw and db (or NULL). With step, dw and db are
 * the parameters, and a whole batch updates them: w -= lr * dw with dw from 0.0; at most STEP_ROWS rows for linear. */
struct layer_gradient {
    int32_t rows;
    const refnn_layer *layer;
    const double *x;               /* rows x inputs; or NULL, for linear, and then */
    const sparse_rows *transposed; /* x^T without its zeros */
    const double *dz;
    double *dw, *db;
    int32_t step;
    double lr;
};

/* Outputs j of z = x w + b */
void linear_forward(int32_t simd, int32_t rows, const refnn_layer *layer, range j, const double *x, const double *w,
                    const double *b, double *z);

/* dx = dz w^T */
void linear_backward_input(int32_t simd, int32_t rows, const refnn_layer *layer, const double *w, const double *dz,
                           double *dx);

/* Outputs j of dw = x^T dz and db */
void linear_backward_parameters(int32_t simd, const layer_gradient *p, range j);
