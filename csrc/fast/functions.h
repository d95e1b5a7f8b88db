/* Activations, losses and the update over arrays, fast: functions of the chapters `activations`, `losses` and `linear`. No
 * twins in the book.
 */

#pragma once

#include "fast.h"

/* a = f(z) for rows x width; a may be z */
void activation_forward(int32_t simd, int32_t kind, int32_t rows, int32_t width, const double *z, double *a);

/* dz from da and a = f(z); dz may be da */
void activation_backward(int32_t simd, int32_t kind, int32_t rows, int32_t width, const double *a, const double *da,
                         double *dz);

/* Returns the loss of one row of outputs, and writes its gradient to d; the target is y, or class c for cross_entropy. */
double loss_and_gradient(int32_t simd, int32_t loss, int32_t outputs, const double *o, const double *y, int32_t c,
                         double *d);

/* p[k] -= lr * dp[k] */
void linear_update(int32_t simd, int64_t count, double *p, const double *dp, double lr);
