/* Linear layers as dense products, fast: the functions of the chapter `linear` (csrc/linear.c). No twins in the book.
 *
 * Every function takes the number of an instruction set, but plain C.
 */

#pragma once

#include "sparse.h"

enum {
    /* Rows of a tile of sums. With AVX2, 6 x 2 sums, 2 vectors of B and 1 of A fill 15 of 16 registers: 4 rows
     * take 1.06 to 1.08 of the time, 8 rows 1.2 to 1.5; with SSE2 and AVX-512 0.97 to 1.08. (EPYC, Zen 4) */
    TILE_ROWS = 6,
    /* Most rows of a batch that can update the parameters with no gradient in memory, which needs the whole sum in one
     * pass: at most DEPTH rows for a dense product and BLOCK_ROWS for a packed sparse one. */
    STEP_ROWS = 128,
};

/* Of a product C: what the sums start from, and what is done with them. */
enum { FROM_ZERO, FROM_BIAS, FROM_C };
enum { STORE_SUM, UPDATE };

/* The gradients of a layer's parameters, for linear and conv2d: adds them to dw and db (or NULL). With step, dw and db
 * are the parameters, and a whole batch updates them: w -= lr * dw with dw from 0.0; at most STEP_ROWS rows for linear.
 */
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
