/* Losses and their gradients: the twin of refnn/reference/losses.py. */

#include "core.h"

static double sse(int32_t outputs, const double *o, const double *y) {
    double s = 0.0;
    for (int32_t j = 0; j < outputs; j++) {
        double d = o[j] - y[j];
        s += d * d;
    }
    return s;
}

static double cross_entropy(int32_t outputs, const double *o, int32_t c) {
    double m = o[0];
    for (int32_t j = 1; j < outputs; j++) {
        if (o[j] > m) m = o[j];
    }
    double s = 0.0;
    for (int32_t j = 0; j < outputs; j++) s += refnn_exp(o[j] - m);
    return (m + refnn_log(s)) - o[c];
}

double refnn_loss_value(int32_t loss, int32_t outputs, const double *o, const double *y, int32_t c) {
    switch (loss) {
    case REFNN_SSE:
        return sse(outputs, o, y);
    case REFNN_MSE:
        return sse(outputs, o, y) / outputs;
    default:
        return cross_entropy(outputs, o, c);
    }
}

void refnn_loss_gradient(int32_t loss, int32_t outputs, const double *o, const double *y, int32_t c, double *d) {
    switch (loss) {
    case REFNN_SSE:
        for (int32_t j = 0; j < outputs; j++) d[j] = 2.0 * (o[j] - y[j]);
        break;
    case REFNN_MSE:
        for (int32_t j = 0; j < outputs; j++) d[j] = 2.0 * (o[j] - y[j]) / outputs;
        break;
    default:
        refnn_activation_forward(REFNN_SOFTMAX, outputs, o, d);
        d[c] = d[c] - 1.0;
    }
}

int32_t refnn_argmax(int32_t width, const double *row) {
    int32_t best = 0;
    for (int32_t j = 1; j < width; j++) {
        if (row[j] > row[best]) best = j;
    }
    return best;
}
