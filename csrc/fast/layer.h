/* One layer through the kernels: what layer_forward and layer_backward of model.h do through the twins.
 *
 * A kind without a kernel runs as its twin. Every function takes the number of an instruction set, but plain C.
 */

#pragma once

#include "images.h"
#include "model.h"

/* Whether training takes the samples of a batch together: if the layer asks for it, or if only its twin can compute the
 * gradients of its parameters. */
int by_batch(const refnn_layer *layer);

/* Samples n of a batch; not for layers by_batch in training. */
void fast_forward(int32_t simd, const refnn_memory *m, range n, int32_t training, double *scratch);

/* dx of samples n, which must be wanted. */
void fast_backward(int32_t simd, const refnn_memory *m, range n, double *scratch);

/* Training of a layer by_batch. It consists of parts, which threads can share: the channels of batchnorm2d. */
int64_t batch_parts(const refnn_layer *layer);
void fast_forward_batch(int32_t simd, const refnn_memory *m, int32_t rows, range parts);

/* Writes dx and the gradients of the parameters. */
void fast_backward_batch(int32_t simd, const refnn_memory *m, int32_t rows, range parts);

/* The loss of a row of outputs o; writes its share of dL/do to d. batch: the number of rows if the loss is their
 * mean; 0: it is their sum */
double fast_loss(const refnn_model *model, int64_t batch, const double *o, target y, double *d);

/* What is to be done with the gradients of the parameters. */
typedef struct {
    int32_t rows;
    int32_t step; /* 0: add them to dw and db; 1: these rows are a batch, and its step is taken: w -= lr * dw */
    double lr;
    const sparse_rows *transposed; /* x^T without its zeros; NULL: it is not used */
} collection;

/* Share number `share` of `shares` of a layer's parameters. */
void fast_collect(int32_t simd, const collection *p, const refnn_memory *m, int64_t share, int64_t shares,
                  double *scratch);

/* w -= lr * dw, b -= lr * db */
void fast_update(int32_t simd, const refnn_memory *m, double lr);

/* Share number `share` of `shares` of count: whole lines of the cache, or just so. */
range share_of_lines(int64_t count, int64_t share, int64_t shares);
range share_of(int64_t count, int64_t share, int64_t shares);
