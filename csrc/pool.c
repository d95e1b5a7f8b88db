/* Max pooling: the twin of refnn/reference/pool.py. */

#include "core.h"

/* Where a window of one channel has its largest number, the first of equals. */
static int64_t largest(const refnn_layer *layer, const double *x, int64_t top, int64_t left) {
    int64_t best = top * layer->x.width + left;
    for (int64_t i = top; i < top + layer->kernel.rows; i++) {
        for (int64_t j = left; j < left + layer->kernel.columns; j++) {
            if (x[i * layer->x.width + j] > x[best]) best = i * layer->x.width + j;
        }
    }
    return best;
}

void refnn_maxpool2d_forward(int32_t rows, const refnn_layer *layer, const double *x, double *a) {
    for (int64_t k = 0; k < (int64_t)rows * layer->x.channels; k++, x += layer->x.height * layer->x.width) {
        for (int32_t r = 0; r < layer->z.height; r++) {
            for (int32_t s = 0; s < layer->z.width; s++) {
                *a++ = x[largest(layer, x, (int64_t)r * layer->stride.rows, (int64_t)s * layer->stride.columns)];
            }
        }
    }
}

void refnn_maxpool2d_backward(int32_t rows, const refnn_layer *layer, const double *x, const double *da, double *dx) {
    const int32_t size = layer->x.height * layer->x.width;
    for (int64_t k = 0; k < (int64_t)rows * layer->x.channels; k++, x += size, dx += size) {
        for (int32_t i = 0; i < size; i++) dx[i] = 0.0;
        for (int32_t r = 0; r < layer->z.height; r++) {
            for (int32_t s = 0; s < layer->z.width; s++) {
                dx[largest(layer, x, (int64_t)r * layer->stride.rows, (int64_t)s * layer->stride.columns)] += *da++;
            }
        }
    }
}
