/* Losses and their gradients: the twin of refnn/reference/losses.py. */

#include "model.h"

double refnn_sse(int32_t outputs, const double *o, const double *y) {
    double s = 0.0;
    for (int32_t j = 0; j < outputs; j++) {
        double d = o[j] - y[j];
        s += d * d;
    }
    return s;
}

void refnn_sse_gradient(int32_t outputs, const double *o, const double *y, double *d) {
    for (int32_t j = 0; j < outputs; j++) d[j] = 2.0 * (o[j] - y[j]);
}

double refnn_mse(int32_t outputs, const double *o, const double *y) { return refnn_sse(outputs, o, y) / outputs; }

void refnn_mse_gradient(int32_t outputs, const double *o, const double *y, double *d) {
    refnn_sse_gradient(outputs, o, y, d);
    for (int32_t j = 0; j < outputs; j++) d[j] = d[j] / outputs;
}

double refnn_cross_entropy(int32_t outputs, const double *o, int32_t y) {
    double m = o[0];
    for (int32_t j = 1; j < outputs; j++) {
        if (o[j] > m) m = o[j];
    }
    double s = 0.0;
    for (int32_t j = 0; j < outputs; j++) s += refnn_exp(o[j] - m);
    return (m + refnn_log(s)) - o[y];
}

void refnn_cross_entropy_gradient(int32_t outputs, const double *o, int32_t y, double *d) {
    refnn_softmax_forward(outputs, o, d);
    d[y] = d[y] - 1.0;
}

void refnn_batch_gradient(int32_t loss, int32_t reduction, int32_t rows, int32_t outputs, const double *o,
                          const refnn_targets *y, double *d) {
    for (int32_t n = 0; n < rows; n++) {
        double *d_n = d + (int64_t)n * outputs;
        loss_gradient(loss, outputs, o + (int64_t)n * outputs, target_of(y, n, outputs), d_n);
        for (int32_t j = 0; reduction == REFNN_MEAN && j < outputs; j++) d_n[j] = d_n[j] / rows;
    }
}

int32_t refnn_argmax(int32_t width, const double *row) {
    int32_t best = 0;
    for (int32_t j = 1; j < width; j++) {
        if (row[j] > row[best]) best = j;
    }
    return best;
}
