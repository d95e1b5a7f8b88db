/* Layers of images, fast: functions of the chapters `conv`, `pool` and `batchnorm`. No twins in the book.
 *
 * Where a kernel multiplies zeros that the twin leaves out, the other factors are parameters, which are finite, and no
 * sum here is ever -0.0: the bits are the same. Every function takes the number of an instruction set, but plain C.
 */

#pragma once

#include "product.h"

/* Doubles of scratch that the three functions of conv2d need. */
int64_t conv2d_scratch(const refnn_layer *layer);

void conv2d_forward(int32_t simd, int32_t rows, const refnn_layer *layer, const double *x, const double *w,
                    const double *b, double *z, double *scratch);
void conv2d_backward_input(int32_t simd, int32_t rows, const refnn_layer *layer, const double *w, const double *dz,
                           double *dx, double *scratch);

/* Output channels o */
void conv2d_backward_parameters(int32_t simd, const layer_gradient *p, range o, double *scratch);

void maxpool2d_forward(int32_t simd, int32_t rows, const refnn_layer *layer, const double *x, double *a);
void maxpool2d_backward(int32_t simd, int32_t rows, const refnn_layer *layer, const double *x, const double *da,
                        double *dx);

/* Channels c; dx may be NULL. */
void batchnorm2d_statistics(int32_t simd, int32_t rows, const refnn_layer *layer, range c, const double *x,
                            double *mean, double *squares);
void batchnorm2d_forward(int32_t simd, const refnn_batchnorm *p, range c, double *a);
void batchnorm2d_backward(int32_t simd, const refnn_batchnorm *p, range c, const double *da, double *dx, double *dgamma,
                          double *dbeta);
