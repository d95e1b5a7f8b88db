/* The fast kernels behind conv.c, pool.c and batchnorm.c: the same functions for an instruction set, the same bits.
 *
 * Every output's sum keeps its order; only which outputs are computed together differs. Where a kernel multiplies zeros that
 * the twin leaves out, their factors are parameters, which are finite, and no sum here is ever -0.0: nothing changes.
 */

#pragma once

#include "product.h"

/* How many doubles of scratch the three functions that follow need. */
int64_t conv2d_scratch(int32_t simd, const refnn_layer *layer);

void conv2d_forward(int32_t simd, int32_t rows, const refnn_layer *layer, const double *x, const double *w, const double *b,
                    double *z, double *scratch);
void conv2d_backward_input(int32_t simd, int32_t rows, const refnn_layer *layer, const double *w, const double *dz, double *dx,
                           double *scratch);

/* Output channels o; plain C takes all at once and has no step. */
void conv2d_backward_parameters(int32_t simd, const layer_gradient *p, range o, double *scratch);

void maxpool2d_forward(int32_t simd, int32_t rows, const refnn_layer *layer, const double *x, double *a);
void maxpool2d_backward(int32_t simd, int32_t rows, const refnn_layer *layer, const double *x, const double *da, double *dx);

/* Inputs, statistics and parameters of a batchnorm2d layer. */
typedef struct {
    int32_t rows;
    const refnn_layer *layer;
    const double *x;
    const double *mean, *variance; /* one number for each channel, as gamma and beta */
    const double *gamma, *beta;
} batchnorm;

/* Channels c; plain C takes all at once. dx may be NULL. */
void batchnorm2d_statistics(int32_t simd, int32_t rows, const refnn_layer *layer, range c, const double *x, double *mean,
                            double *squares);
void batchnorm2d_forward(int32_t simd, const batchnorm *p, range c, double *a);
void batchnorm2d_backward(int32_t simd, const batchnorm *p, range c, const double *da, double *dx, double *dgamma,
                          double *dbeta);

/* For each output channel o and each vector v: out[o * size + to[v]] = start[o]; for k ascending:
 * out[o * size + to[v]] += image[from[v] + offset[k]] * weight[k * outs + o], and so on for the width of a vector. */
typedef struct {
    int64_t outs, terms, vectors;
    const double *image;
    const int64_t *offset, *from, *to;
    const double *weight, *start; /* start may be NULL: 0.0 */
    double *out;
    int64_t size; /* of a channel of out */
} sliding;

/* for r, s ascending: sum[k * lanes + o] += image[r * row + s + offset[k]] * dz[(r * width + s) * lanes + o], and
 * bias[o] += dz[(r * width + s) * lanes + o] (or NULL); lanes is a multiple of a vector's width. Terms come in runs of
 * `run` next to each other in the image. */
typedef struct {
    int64_t terms, run, height, width, row, lanes;
    const double *image;
    const int64_t *offset;
    const double *dz;
    double *sum, *bias;
} correlating;

/* Some channels of a batch: x[n * width + c * size + k] */
typedef struct {
    int64_t rows, width, channels, size;
    const double *x, *mean, *f;
} normalising;

typedef struct {
    int32_t width; /* of a vector */
    void (*copy)(int64_t rows, int64_t width, const double *from, int64_t from_row, double *to, int64_t to_row);
    void (*interleave)(int64_t count, int64_t outs, const double *from, double *to, int64_t lanes);
    void (*slide)(const sliding *p);
    void (*correlate)(const correlating *p);
    /* 2 x 2 windows, side by side: height x width of them in a channel with rows of `row`; backward width is a vector's or more */
    void (*pool)(int64_t height, int64_t width, int64_t row, const double *x, double *a);
    void (*pool_backward)(int64_t height, int64_t width, int64_t row, const double *x, const double *da, double *dx);
    void (*sums)(const normalising *p, double *s);
    void (*squares)(const normalising *p, double *s);
    void (*products)(const normalising *p, const double *da, double *s, double *t);
    void (*normalise)(const normalising *p, const double *gamma, const double *beta, double *a);
    void (*normalise_backward)(const normalising *p, const double *da, const double *scale, const double *s, const double *t, double *dx);
} image_kernels;

/* Those of an instruction set, or of a narrower one where so many outputs fit its vectors better; NULL for plain C. */
const image_kernels *image_kernels_of(int32_t simd, int64_t outputs);
