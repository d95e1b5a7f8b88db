/* The linear layer, z = x w + b: the twin of refnn/reference/linear.py. */

#include "core.h"

void refnn_linear_forward(int32_t rows, int32_t inputs, int32_t outputs, const double *x, const double *w,
                          const double *b, double *z) {
    for (int32_t n = 0; n < rows; n++) {
        const double *x_n = x + (int64_t)n * inputs;
        double *z_n = z + (int64_t)n * outputs;
        for (int32_t j = 0; j < outputs; j++) z_n[j] = b ? b[j] : 0.0;
        for (int32_t i = 0; i < inputs; i++) {
            const double *w_i = w + (int64_t)i * outputs;
            for (int32_t j = 0; j < outputs; j++) z_n[j] += x_n[i] * w_i[j];
        }
    }
}

void refnn_linear_backward_input(int32_t rows, int32_t inputs, int32_t outputs, const double *w, const double *dz,
                                 double *dx) {
    for (int32_t n = 0; n < rows; n++) {
        const double *dz_n = dz + (int64_t)n * outputs;
        double *dx_n = dx + (int64_t)n * inputs;
        for (int32_t i = 0; i < inputs; i++) {
            const double *w_i = w + (int64_t)i * outputs;
            double s = 0.0;
            for (int32_t j = 0; j < outputs; j++) s += dz_n[j] * w_i[j];
            dx_n[i] = s;
        }
    }
}

void refnn_linear_backward_parameters(int32_t rows, int32_t inputs, int32_t outputs, const double *x, const double *dz,
                                      double *dw, double *db) {
    memset(dw, 0, (size_t)inputs * outputs * sizeof *dw);
    if (db) memset(db, 0, (size_t)outputs * sizeof *db);
    for (int32_t n = 0; n < rows; n++) {
        const double *x_n = x + (int64_t)n * inputs;
        const double *dz_n = dz + (int64_t)n * outputs;
        for (int32_t i = 0; i < inputs; i++) {
            double *dw_i = dw + (int64_t)i * outputs;
            for (int32_t j = 0; j < outputs; j++) dw_i[j] += x_n[i] * dz_n[j];
        }
        for (int32_t j = 0; db && j < outputs; j++) db[j] += dz_n[j];
    }
}

void refnn_linear_update(int64_t count, double *p, const double *dp, double lr) {
    for (int64_t k = 0; k < count; k++) p[k] -= lr * dp[k];
}
