/* Batch normalisation: the twin of refnn/reference/batchnorm.py. */

#include "core.h"

/* The book's positions of a channel: its rows one behind the other. */
static int32_t positions(const refnn_layer *layer) { return layer->x.height * layer->x.width; }

double refnn_batchnorm2d_statistics(int32_t rows, const refnn_layer *layer, const double *x, double *mean,
                                    double *squares) {
    const int32_t size = positions(layer);
    const int64_t width = layer->inputs;
    const double m = (double)((int64_t)rows * size);
    for (int32_t c = 0; c < layer->x.channels; c++, x += size) {
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
    return m;
}

void refnn_batchnorm2d_forward(const refnn_batchnorm *p, double *a) {
    const int32_t size = positions(p->layer);
    const double *x = p->x;
    for (int32_t n = 0; n < p->rows; n++) {
        for (int32_t c = 0; c < p->layer->x.channels; c++, x += size, a += size) {
            double f = 1.0 / sqrt(p->variance[c] + p->layer->eps);
            for (int32_t k = 0; k < size; k++) a[k] = p->gamma[c] * ((x[k] - p->mean[c]) * f) + p->beta[c];
        }
    }
}

void refnn_batchnorm2d_backward(const refnn_batchnorm *p, const double *da, double *dx, double *dgamma, double *dbeta) {
    const int32_t size = positions(p->layer);
    const int64_t width = p->layer->inputs;
    const double m = (double)((int64_t)p->rows * size);
    for (int32_t c = 0; c < p->layer->x.channels; c++) {
        const double *x_c = p->x + (int64_t)c * size, *da_c = da + (int64_t)c * size;
        const double mean = p->mean[c], f = 1.0 / sqrt(p->variance[c] + p->layer->eps);
        double s = 0.0, t = 0.0;
        for (int32_t n = 0; n < p->rows; n++) {
            for (int64_t k = n * width; k < n * width + size; k++) {
                s += da_c[k];
                t += da_c[k] * ((x_c[k] - mean) * f);
            }
        }
        dbeta[c] = s;
        dgamma[c] = t;
        double scale = p->gamma[c] * f;
        s = s / m;
        t = t / m;
        if (!dx) continue; /* nobody asks for the gradient of the data */
        double *dx_c = dx + (int64_t)c * size;
        for (int32_t n = 0; n < p->rows; n++) {
            for (int64_t k = n * width; k < n * width + size; k++) {
                dx_c[k] = scale * ((da_c[k] - s) - ((x_c[k] - mean) * f) * t);
            }
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
