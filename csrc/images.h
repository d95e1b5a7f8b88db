/* The fast kernels behind conv.c, pool.c and batchnorm.c: the same functions for an instruction set, the same bits. */

#pragma once

#include "matmul.h"

/* How many doubles of scratch the functions of a layer need. */
int64_t conv2d_scratch(int32_t simd, const refnn_layer *layer);

void conv2d_forward(int32_t simd, int32_t rows, const refnn_layer *layer, const double *x, const double *w, const double *b,
                    double *z, double *scratch);
void conv2d_backward_input(int32_t simd, int32_t rows, const refnn_layer *layer, const double *w, const double *dz, double *dx,
                           double *scratch);

/* Output channels o: adds the gradients to dw and db (or NULL); or, with step, makes the step of a whole batch, in which w
 * and b are given for dw and db: w -= lr * dw with dw from 0.0. Plain C takes all channels at once and makes no step. */
void conv2d_backward_parameters(int32_t simd, int32_t rows, const refnn_layer *layer, columns o, const double *x,
                                const double *dz, double *dw, double *db, int32_t step, double lr, double *scratch);

void maxpool2d_forward(int32_t simd, int32_t rows, const refnn_layer *layer, const double *x, double *a);
void maxpool2d_backward(int32_t simd, int32_t rows, const refnn_layer *layer, const double *x, const double *da, double *dx);

/* Channels c; plain C takes all at once. dx may be NULL. */
void batchnorm2d_statistics(int32_t simd, int32_t rows, const refnn_layer *layer, columns c, const double *x, double *mean,
                            double *squares);
void batchnorm2d_forward(int32_t simd, int32_t rows, const refnn_layer *layer, columns c, const double *x, const double *mean,
                         const double *variance, const double *gamma, const double *beta, double *a);
void batchnorm2d_backward(int32_t simd, int32_t rows, const refnn_layer *layer, columns c, const double *x, const double *mean,
                          const double *variance, const double *gamma, const double *da, double *dx, double *dgamma,
                          double *dbeta);
