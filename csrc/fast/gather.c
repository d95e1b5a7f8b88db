/* The inputs of a batch, from the samples into the workspace, and lists of inputs that are not zero: see pass.h. No
 * twin in the book: nothing is computed but p / 255.0, by a table. */

#include "pass.h"

/* Row r of `rows`: those of some inputs that are not zero. */
static void gather_nonzero_doubles(const sparse_rows *rows, int64_t r, const double *x) {
    const int64_t inputs = rows->stride;
    int32_t *index = rows->index + r * inputs;
    double *value = rows->value + r * inputs;
    int64_t count = 0;
    for (int64_t i = 0; i < inputs; i++) { /* no branch: every input is written, a zero is overwritten by the next */
        index[count] = (int32_t)i;
        value[count] = x[i];
        count += x[i] != 0.0;
    }
    rows->count[r] = (int32_t)count;
}

/* The same, eight pixels at a time: most of an image's edge is zero. */
static void gather_nonzero_pixels(const sparse_rows *rows, int64_t r, const uint8_t *x, const double *pixels) {
    const int64_t inputs = rows->stride;
    int32_t *index = rows->index + r * inputs;
    double *value = rows->value + r * inputs;
    int64_t count = 0;
    for (int64_t i = 0; i < inputs;) {
        int64_t stop = i + 8 < inputs ? i + 8 : inputs;
        uint64_t eight = 1;
        if (i + 8 <= inputs) memcpy(&eight, x + i, 8);
        if (eight == 0) i = stop;
        for (; i < stop; i++) {
            index[count] = (int32_t)i;
            value[count] = pixels[x[i]];
            count += x[i] != 0;
        }
    }
    rows->count[r] = (int32_t)count;
}

void gather_sparse(const workspace *w, int64_t k, int64_t begin, int64_t end) {
    const sparse_rows *rows = &w->sparse[k].rows;
    for (int64_t r = begin; r < end; r++) {
        const int64_t sample = w->which[r] * rows->stride;
        if (k > 0) gather_nonzero_doubles(rows, r, w->layers.memory[k].x + r * rows->stride);
        else if (w->samples->inputs) gather_nonzero_doubles(rows, r, w->samples->inputs + sample);
        else gather_nonzero_pixels(rows, r, w->samples->pixels + sample, w->pixels);
    }
}

void gather_dense(const workspace *w, int64_t begin, int64_t end) {
    const int64_t inputs = w->model->layers[0].inputs;
    for (int64_t r = begin; r < end; r++) {
        double *x = w->layers.memory[0].x + r * inputs;
        if (w->samples->inputs) {
            memcpy(x, w->samples->inputs + w->which[r] * inputs, (size_t)inputs * sizeof *x);
        } else {
            const uint8_t *pixels = w->samples->pixels + w->which[r] * inputs;
            for (int64_t i = 0; i < inputs; i++) x[i] = w->pixels[pixels[i]];
        }
    }
}

int zeros_pay(const workspace *w, int64_t k, int64_t rows) {
    const sparse_rows *x = &w->sparse[k].rows;
    int64_t count = 0;
    for (int64_t r = 0; r < rows; r++) count += x->count[r];
    /* Less than 40 % are not zero. There, forward and gradients together, the sparse kernels need 0.55 to 0.8 of the
     * dense kernels' time, and as much from 50 to 60 % on (Zen 4; 784 x 128, batches of 10 and 100, each instruction
     * set). Where outputs are no whole vectors they lose earlier: 784 x 30 from 20 to 35 % on. Layers behind ReLU are
     * larger: with 60 % and 1024 x 1024, batches of 128, they need 0.85, with 50 % 0.7. */
    return count * 5 < rows * x->stride * (k > 0 ? 3 : 2);
}
