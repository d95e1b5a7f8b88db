/* Batch normalisation: the twin of refnn/reference/batchnorm.py. */

#include "core.h"

void refnn_batchnorm2d_statistics(int32_t rows, int32_t channels, int32_t size, const double *x, double *mean, double *squares) {
    const double m = (double)((int64_t)rows * size);
    const int64_t width = (int64_t)channels * size;
    for (int32_t c = 0; c < channels; c++, x += size) {
        double s = 0.0;
        for (int32_t n = 0; n < rows; n++) {
            for (int32_t k = 0; k < size; k++) s += x[n * width + k];
        }
        mean[c] = s / m;
        s = 0.0;
        for (int32_t n = 0; n < rows; n++) {
            for (int32_t k = 0; k < size; k++) {
                double d = x[n * width + k] - mean[c];
                s += d * d;
            }
        }
        squares[c] = s;
    }
}

void refnn_batchnorm2d_forward(int32_t rows, int32_t channels, int32_t size, const double *x, const double *mean,
                               const double *variance, const double *gamma, const double *beta, double eps, double *a) {
    for (int32_t n = 0; n < rows; n++) {
        for (int32_t c = 0; c < channels; c++, x += size, a += size) {
            double f = 1.0 / sqrt(variance[c] + eps);
            for (int32_t k = 0; k < size; k++) a[k] = gamma[c] * ((x[k] - mean[c]) * f) + beta[c];
        }
    }
}

void refnn_batchnorm2d_backward(int32_t rows, int32_t channels, int32_t size, const double *x, const double *mean,
                                const double *variance, const double *gamma, const double *da, double eps, double *dx,
                                double *dgamma, double *dbeta) {
    const double m = (double)((int64_t)rows * size);
    const int64_t width = (int64_t)channels * size;
    for (int32_t c = 0; c < channels; c++, x += size, da += size, dx += dx ? size : 0) {
        double f = 1.0 / sqrt(variance[c] + eps);
        double s = 0.0, t = 0.0;
        for (int32_t n = 0; n < rows; n++) {
            for (int32_t k = 0; k < size; k++) {
                s += da[n * width + k];
                t += da[n * width + k] * ((x[n * width + k] - mean[c]) * f);
            }
        }
        dbeta[c] = s;
        dgamma[c] = t;
        double scale = gamma[c] * f;
        s = s / m;
        t = t / m;
        for (int32_t n = 0; dx && n < rows; n++) {
            for (int64_t k = n * width; k < n * width + size; k++) dx[k] = scale * ((da[k] - s) - ((x[k] - mean[c]) * f) * t);
        }
    }
}

void refnn_batchnorm2d_track(int32_t channels, double *running_mean, double *running_variance, const double *mean,
                             const double *squares, double m, double momentum) {
    for (int32_t c = 0; c < channels; c++) {
        running_mean[c] = (1.0 - momentum) * running_mean[c] + momentum * mean[c];
        double variance = squares[c] / (m > 1.0 ? m - 1.0 : 1.0);
        running_variance[c] = (1.0 - momentum) * running_variance[c] + momentum * variance;
    }
}
