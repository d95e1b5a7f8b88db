/* Activations and the gradient through them: the twin of refnn/reference/activations.py. */

#include "core.h"

void refnn_identity_forward(int32_t width, const double *z, double *a) {
    for (int32_t j = 0; j < width; j++) a[j] = z[j];
}

void refnn_identity_backward(int32_t width, const double *z, const double *a, const double *da, double *dz) {
    (void)z, (void)a;
    for (int32_t j = 0; j < width; j++) dz[j] = da[j];
}

void refnn_sigmoid_forward(int32_t width, const double *z, double *a) {
    for (int32_t j = 0; j < width; j++) a[j] = 1.0 / (1.0 + refnn_exp(-z[j]));
}

void refnn_sigmoid_backward(int32_t width, const double *z, const double *a, const double *da, double *dz) {
    (void)z;
    for (int32_t j = 0; j < width; j++) dz[j] = da[j] * (a[j] * (1.0 - a[j]));
}

void refnn_tanh_forward(int32_t width, const double *z, double *a) {
    for (int32_t j = 0; j < width; j++) a[j] = refnn_tanh(z[j]);
}

void refnn_tanh_backward(int32_t width, const double *z, const double *a, const double *da, double *dz) {
    (void)z;
    for (int32_t j = 0; j < width; j++) dz[j] = da[j] * (1.0 - a[j] * a[j]);
}

void refnn_relu_forward(int32_t width, const double *z, double *a) {
    for (int32_t j = 0; j < width; j++) a[j] = z[j] > 0.0 ? z[j] : 0.0;
}

void refnn_relu_backward(int32_t width, const double *z, const double *a, const double *da, double *dz) {
    (void)z;
    for (int32_t j = 0; j < width; j++) dz[j] = a[j] > 0.0 ? da[j] : 0.0;
}

void refnn_leaky_relu_forward(int32_t width, const double *z, double *a) {
    for (int32_t j = 0; j < width; j++) a[j] = z[j] > 0.0 ? z[j] : LEAKY_SLOPE * z[j];
}

void refnn_leaky_relu_backward(int32_t width, const double *z, const double *a, const double *da, double *dz) {
    (void)z;
    for (int32_t j = 0; j < width; j++) dz[j] = a[j] > 0.0 ? da[j] : LEAKY_SLOPE * da[j];
}

void refnn_softmax_forward(int32_t width, const double *z, double *a) {
    double m = z[0];
    for (int32_t j = 1; j < width; j++) {
        if (z[j] > m) m = z[j];
    }
    for (int32_t j = 0; j < width; j++) a[j] = refnn_exp(z[j] - m);
    double s = 0.0;
    for (int32_t j = 0; j < width; j++) s += a[j];
    for (int32_t j = 0; j < width; j++) a[j] = a[j] / s;
}

void refnn_softmax_backward(int32_t width, const double *z, const double *a, const double *da, double *dz) {
    (void)z;
    double s = 0.0;
    for (int32_t j = 0; j < width; j++) s += da[j] * a[j];
    for (int32_t j = 0; j < width; j++) dz[j] = a[j] * (da[j] - s);
}
