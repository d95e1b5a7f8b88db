#include "images.h"

int64_t conv2d_scratch(int32_t simd, const refnn_layer *layer) {
    int64_t K = (int64_t)layer->x.channels * layer->kernel.rows * layer->kernel.columns;
    return simd == SIMD_PLAIN ? 0 : (K + 1) * layer->z.channels;
}

void conv2d_forward(int32_t simd, int32_t rows, const refnn_layer *layer, const double *x, const double *w, const double *b,
                    double *z, double *scratch) {
    refnn_conv2d_forward(rows, layer, x, w, b, z);
}
void conv2d_backward_input(int32_t simd, int32_t rows, const refnn_layer *layer, const double *w, const double *dz, double *dx,
                           double *scratch) {
    refnn_conv2d_backward_input(rows, layer, w, dz, dx);
}
void conv2d_backward_parameters(int32_t simd, int32_t rows, const refnn_layer *layer, columns o, const double *x,
                                const double *dz, double *dw, double *db, int32_t step, double lr, double *scratch) {
    if (o.begin > 0) return;
    if (!step) {
        refnn_conv2d_backward_parameters(rows, layer, x, dz, dw, db);
        return;
    }
    int64_t K = (int64_t)layer->x.channels * layer->kernel.rows * layer->kernel.columns * layer->z.channels;
    memset(scratch, 0, sizeof(double) * conv2d_scratch(simd, layer));
    refnn_conv2d_backward_parameters(rows, layer, x, dz, scratch, db ? scratch + K : NULL);
    refnn_linear_update(K, dw, scratch, lr);
    if (db) refnn_linear_update(layer->z.channels, db, scratch + K, lr);
}
void maxpool2d_forward(int32_t simd, int32_t rows, const refnn_layer *layer, const double *x, double *a) {
    refnn_maxpool2d_forward(rows, layer, x, a);
}
void maxpool2d_backward(int32_t simd, int32_t rows, const refnn_layer *layer, const double *x, const double *da, double *dx) {
    refnn_maxpool2d_backward(rows, layer, x, da, dx);
}
#define SIZE (layer->x.height * layer->x.width)
void batchnorm2d_statistics(int32_t simd, int32_t rows, const refnn_layer *layer, columns c, const double *x, double *mean,
                            double *squares) {
    if (c.begin == 0) refnn_batchnorm2d_statistics(rows, layer->x.channels, SIZE, x, mean, squares);
}
void batchnorm2d_forward(int32_t simd, int32_t rows, const refnn_layer *layer, columns c, const double *x, const double *mean,
                         const double *variance, const double *gamma, const double *beta, double *a) {
    refnn_batchnorm2d_forward(rows, layer->x.channels, SIZE, x, mean, variance, gamma, beta, layer->eps, a);
}
void batchnorm2d_backward(int32_t simd, int32_t rows, const refnn_layer *layer, columns c, const double *x, const double *mean,
                          const double *variance, const double *gamma, const double *da, double *dx, double *dgamma,
                          double *dbeta) {
    refnn_batchnorm2d_backward(rows, layer->x.channels, SIZE, x, mean, variance, gamma, da, layer->eps, dx, dgamma, dbeta);
}
