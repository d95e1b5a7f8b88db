/* The inputs of a batch, from the samples into the workspace: see pass.h. No twin in the book: nothing is computed but
 * p / 255.0, by a table. */

#include "pass.h"

/* Row r of `sparse`: the inputs of sample r that are not zero. */
static void gather_nonzero_doubles(const workspace *w, int64_t r) {
    const int64_t inputs = w->sparse.stride;
    const double *x = w->samples->inputs + w->which[r] * inputs;
    int32_t *index = w->sparse.index + r * inputs;
    double *value = w->sparse.value + r * inputs;
    int64_t count = 0;
    for (int64_t i = 0; i < inputs; i++) { /* no branch: every input is written, a zero is overwritten by the next */
        index[count] = (int32_t)i;
        value[count] = x[i];
        count += x[i] != 0.0;
    }
    w->sparse.count[r] = (int32_t)count;
}

/* The same, eight pixels at a time: most of an image's edge is zero. */
static void gather_nonzero_pixels(const workspace *w, int64_t r) {
    const int64_t inputs = w->sparse.stride;
    const uint8_t *x = w->samples->pixels + w->which[r] * inputs;
    int32_t *index = w->sparse.index + r * inputs;
    double *value = w->sparse.value + r * inputs;
    int64_t count = 0;
    for (int64_t i = 0; i < inputs;) {
        int64_t stop = i + 8 < inputs ? i + 8 : inputs;
        uint64_t eight = 1;
        if (i + 8 <= inputs) memcpy(&eight, x + i, 8);
        if (eight == 0) i = stop;
        for (; i < stop; i++) {
            index[count] = (int32_t)i;
            value[count] = w->pixels[x[i]];
            count += x[i] != 0;
        }
    }
    w->sparse.count[r] = (int32_t)count;
}

void gather_sparse(const workspace *w, int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; r++) {
        if (w->samples->inputs) gather_nonzero_doubles(w, r);
        else gather_nonzero_pixels(w, r);
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

int mostly_zero(const workspace *w, int32_t rows) {
    int64_t count = 0;
    for (int32_t r = 0; r < rows; r++) count += w->sparse.count[r];
    /* Less than 40 % are not zero. There, forward and gradients together, the sparse kernels need 0.55 to 0.8 of the
     * dense kernels' time, and as much from 50 to 60 % on (Zen 4; 784 x 128, batches of 10 and 100, each instruction
     * set). Where outputs are no whole vectors they lose earlier: 784 x 30 from 20 to 35 % on. */
    return count * 5 < rows * w->sparse.stride * 2;
}
