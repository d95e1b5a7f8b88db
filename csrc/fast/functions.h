/* Activations, losses and the update over arrays, fast: functions of the chapters `activations`, `losses` and `linear`.
 * No twins in the book.
 */

#pragma once

#include "fast.h"
#include "model.h"

/* a = f(z) for `count` numbers; a may be z. Returns 0 if there is no kernel for this kind, or for these numbers. */
int activation_forward(int32_t simd, int32_t kind, int64_t count, const double *z, double *a);

/* dz from da and a = f(z); dz may be da. Returns 0 if there is no kernel for this kind. */
int activation_backward(int32_t simd, int32_t kind, int64_t count, const double *a, const double *da, double *dz);

/* Returns the loss of one row of outputs, and writes its gradient to d. */
double loss_and_gradient(int32_t simd, int32_t loss, int32_t outputs, const double *o, target y, double *d);

/* p[k] -= lr * dp[k] */
void linear_update(int32_t simd, int64_t count, double *p, const double *dp, double lr);
