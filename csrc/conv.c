/* Two-dimensional convolution: the twin of refnn/reference/conv.py. */

#include "core.h"

/* Where row r, column s of channel c of the book's padded X lies in x; -1 in the padding. So there is no copy of x. */
static int64_t unpadded(const refnn_layer *layer, int32_t c, int64_t r, int64_t s) {
    r -= layer->padding.rows;
    s -= layer->padding.columns;
    if (r < 0 || r >= layer->x.height || s < 0 || s >= layer->x.width) return -1;
    return (c * (int64_t)layer->x.height + r) * layer->x.width + s;
}

void refnn_conv2d_forward(int32_t rows, const refnn_layer *layer, const double *x, const double *w, const double *b,
                          double *z) {
    const int32_t height = layer->z.height, width = layer->z.width;
    const int64_t down = layer->stride.rows, across = layer->stride.columns;
    for (int32_t n = 0; n < rows; n++, x += layer->inputs) {
        const double *w_o = w;
        for (int32_t o = 0; o < layer->z.channels; o++, z += height * width) {
            for (int32_t k = 0; k < height * width; k++) z[k] = b ? b[o] : 0.0;
            for (int32_t c = 0; c < layer->x.channels; c++) {
                for (int32_t i = 0; i < layer->kernel.rows; i++) {
                    for (int32_t j = 0; j < layer->kernel.columns; j++, w_o++) {
                        for (int32_t r = 0; r < height; r++) {
                            for (int32_t s = 0; s < width; s++) {
                                int64_t k = unpadded(layer, c, r * down + i, s * across + j);
                                z[r * width + s] += (k < 0 ? 0.0 : x[k]) * *w_o;
                            }
                        }
                    }
                }
            }
        }
    }
}

void refnn_conv2d_backward_input(int32_t rows, const refnn_layer *layer, const double *w, const double *dz,
                                 double *dx) {
    const int32_t height = layer->z.height, width = layer->z.width;
    const int64_t down = layer->stride.rows, across = layer->stride.columns;
    const int64_t size = (int64_t)layer->kernel.rows * layer->kernel.columns;
    for (int32_t n = 0; n < rows; n++, dx += layer->inputs, dz += layer->outputs) {
        for (int32_t k = 0; k < layer->inputs; k++) dx[k] = 0.0;
        for (int32_t c = 0; c < layer->x.channels; c++) {
            for (int32_t o = 0; o < layer->z.channels; o++) {
                const double *w_oc = w + (o * (int64_t)layer->x.channels + c) * size;
                const double *dz_o = dz + o * (int64_t)height * width;
                for (int32_t i = 0; i < layer->kernel.rows; i++) {
                    for (int32_t j = 0; j < layer->kernel.columns; j++, w_oc++) {
                        for (int32_t r = 0; r < height; r++) {
                            for (int32_t s = 0; s < width; s++) {
                                int64_t k = unpadded(layer, c, r * down + i, s * across + j);
                                if (k >= 0) dx[k] += dz_o[r * width + s] * *w_oc;
                            }
                        }
                    }
                }
            }
        }
    }
}

void refnn_conv2d_backward_parameters(int32_t rows, const refnn_layer *layer, const double *x, const double *dz,
                                      double *dw, double *db) {
    const int32_t height = layer->z.height, width = layer->z.width;
    const int64_t down = layer->stride.rows, across = layer->stride.columns;
    for (int32_t o = 0; o < layer->z.channels; o++, dz += height * width) {
        for (int32_t c = 0; c < layer->x.channels; c++) {
            for (int32_t i = 0; i < layer->kernel.rows; i++) {
                for (int32_t j = 0; j < layer->kernel.columns; j++, dw++) {
                    *dw = 0.0;
                    for (int32_t n = 0; n < rows; n++) {
                        const double *x_n = x + n * (int64_t)layer->inputs, *dz_n = dz + n * (int64_t)layer->outputs;
                        for (int32_t r = 0; r < height; r++) {
                            for (int32_t s = 0; s < width; s++) {
                                int64_t k = unpadded(layer, c, r * down + i, s * across + j);
                                *dw += (k < 0 ? 0.0 : x_n[k]) * dz_n[r * width + s];
                            }
                        }
                    }
                }
            }
        }
        if (db) db[o] = 0.0;
        for (int32_t n = 0; db && n < rows; n++) {
            for (int32_t k = 0; k < height * width; k++) db[o] += dz[n * (int64_t)layer->outputs + k];
        }
    }
}
