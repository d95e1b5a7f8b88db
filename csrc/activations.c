/* Activations and the gradient through them: the twin of refnn/reference/activations.py. */

#include "core.h"

static void softmax(int32_t width, const double *z, double *a) {
    double m = z[0];
    for (int32_t j = 1; j < width; j++) {
        if (z[j] > m) m = z[j];
    }
    for (int32_t j = 0; j < width; j++) a[j] = refnn_exp(z[j] - m);
    double s = 0.0;
    for (int32_t j = 0; j < width; j++) s += a[j];
    for (int32_t j = 0; j < width; j++) a[j] = a[j] / s;
}

static void softmax_backward(int32_t width, const double *a, const double *da, double *dz) {
    double s = 0.0;
    for (int32_t j = 0; j < width; j++) s += da[j] * a[j];
    for (int32_t j = 0; j < width; j++) dz[j] = a[j] * (da[j] - s);
}

void refnn_activation_forward(int32_t kind, int32_t width, const double *z, double *a) {
    switch (kind) {
    case REFNN_IDENTITY:
        for (int32_t j = 0; j < width; j++) a[j] = z[j];
        break;
    case REFNN_SIGMOID:
        for (int32_t j = 0; j < width; j++) a[j] = 1.0 / (1.0 + refnn_exp(-z[j]));
        break;
    case REFNN_TANH:
        for (int32_t j = 0; j < width; j++) a[j] = refnn_tanh(z[j]);
        break;
    case REFNN_RELU:
        for (int32_t j = 0; j < width; j++) a[j] = z[j] > 0.0 ? z[j] : 0.0;
        break;
    case REFNN_LEAKY_RELU:
        for (int32_t j = 0; j < width; j++) a[j] = z[j] > 0.0 ? z[j] : LEAKY_SLOPE * z[j];
        break;
    case REFNN_SOFTMAX:
        softmax(width, z, a);
        break;
    }
}

void refnn_activation_backward(int32_t kind, int32_t width, const double *a, const double *da, double *dz) {
    switch (kind) {
    case REFNN_IDENTITY:
        for (int32_t j = 0; j < width; j++) dz[j] = da[j];
        break;
    case REFNN_SIGMOID:
        for (int32_t j = 0; j < width; j++) dz[j] = da[j] * (a[j] * (1.0 - a[j]));
        break;
    case REFNN_TANH:
        for (int32_t j = 0; j < width; j++) dz[j] = da[j] * (1.0 - a[j] * a[j]);
        break;
    case REFNN_RELU:
        for (int32_t j = 0; j < width; j++) dz[j] = a[j] > 0.0 ? da[j] : 0.0;
        break;
    case REFNN_LEAKY_RELU:
        for (int32_t j = 0; j < width; j++) dz[j] = a[j] > 0.0 ? da[j] : LEAKY_SLOPE * da[j];
        break;
    case REFNN_SOFTMAX:
        softmax_backward(width, a, da, dz);
        break;
    }
}
