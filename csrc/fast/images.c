/* Layers of images, fast: what lies around the kernels of images.h. */

#include "images.h"

/* One sample as the sliding kernel wants it: an image with its padding, in planes, one for each channel and, where outputs
 * are several pixels apart, each remainder of a pixel's row and column; so the next output reads the next pixel of a plane.
 * And what else it needs: a place in the image for each term and each vector, and the weights term by term. */
typedef struct {
    int64_t planes_down, planes_across; /* of a channel */
    int64_t height, row;                /* of a plane: so many rows, so long */
    int64_t channels, terms, outs, out_height, out_width;
    int64_t size; /* of all planes */
    double *image, *weight;
    int64_t *offset, *from, *to;
} view;

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

static int64_t kernel_size(const refnn_layer *layer) { return (int64_t)layer->kernel.rows * layer->kernel.columns; }

/* Where the parts of a view lie in the scratch; -> how much of it they take. */
static int64_t lay_out(view *v, double *scratch) {
    int64_t vectors = v->out_height * ((v->out_width + 1) / 2); /* at most */
    v->size = v->channels * v->planes_down * v->planes_across * v->height * v->row;
    v->image = scratch;
    v->weight = v->image + v->size;
    v->offset = (int64_t *)(v->weight + v->terms * v->outs);
    v->from = v->offset + v->terms;
    v->to = v->from + vectors;
    return v->size + v->terms * (v->outs + 1) + 2 * vectors;
}

static view view_forward(const refnn_layer *layer) {
    const refnn_pair kernel = layer->kernel, stride = layer->stride;
    return (view){.planes_down = least(kernel.rows, stride.rows), .planes_across = least(kernel.columns, stride.columns),
                  .height = layer->z.height + (kernel.rows - 1) / stride.rows,
                  .row = layer->z.width + (kernel.columns - 1) / stride.columns, .channels = layer->x.channels,
                  .terms = layer->x.channels * kernel_size(layer), .outs = layer->z.channels,
                  .out_height = layer->z.height, .out_width = layer->z.width};
}

/* An image of dz, `stride` pixels apart, with zeros between them and around them */
static view view_backward(const refnn_layer *layer) {
    return (view){.planes_down = 1, .planes_across = 1, .height = layer->x.height + (int64_t)layer->kernel.rows - 1,
                  .row = layer->x.width + (int64_t)layer->kernel.columns - 1, .channels = layer->z.channels,
                  .terms = layer->z.channels * kernel_size(layer), .outs = layer->x.channels,
                  .out_height = layer->x.height, .out_width = layer->x.width};
}

/* The widest kernels whose vectors are not longer than a row of so many; NULL where none are. */
static const image_kernels *kernels_within(int32_t simd, int64_t width) {
    const image_kernels *fast = image_kernels_of(simd, width);
    while (fast && fast->width > width) fast = image_kernels_of(--simd, width);
    return fast;
}

/* The vectors that cover every row of outputs; the last one of a row ends with it. -> how many */
static int64_t place_vectors(const view *v, int64_t width) {
    int64_t count = 0;
    for (int64_t r = 0; r < v->out_height; r++) {
        for (int64_t s = 0; s < v->out_width; s += width, count++) {
            int64_t start = least(s, v->out_width - width);
            v->from[count] = r * v->row + start;
            v->to[count] = r * v->out_width + start;
        }
    }
    return count;
}

/* So many output channels beside each other take whole vectors. */
static int64_t lanes_of(int64_t outs, int64_t width) { return (outs + width - 1) / width * width; }

int64_t conv2d_scratch(int32_t simd, const refnn_layer *layer) {
    if (simd == SIMD_PLAIN) return 0;
    view forward = view_forward(layer), backward = view_backward(layer);
    int64_t size = lay_out(&forward, NULL), other = lay_out(&backward, NULL);
    int64_t lanes = lanes_of(layer->z.channels, 8);
    int64_t gradient = forward.size + forward.terms + lanes * ((int64_t)layer->z.height * layer->z.width + forward.terms + 1);
    if (other > size) size = other;
    return gradient > size ? gradient : size;
}

/* offset[c, i, j]: where an output at place 0 finds pixel i, j of channel c */
static void forward_offsets(const refnn_layer *layer, const view *v, int64_t *offset) {
    const refnn_pair stride = layer->stride;
    for (int64_t c = 0; c < layer->x.channels; c++) {
        for (int64_t i = 0; i < layer->kernel.rows; i++) {
            for (int64_t j = 0; j < layer->kernel.columns; j++) {
                int64_t plane = (c * v->planes_down + i % stride.rows) * v->planes_across + j % stride.columns;
                *offset++ = (plane * v->height + i / stride.rows) * v->row + j / stride.columns;
            }
        }
    }
}

/* Puts one sample's x into the planes; what else is in them stays zero. */
static void spread(const image_kernels *fast, const refnn_layer *layer, const view *v, const double *x, double *image) {
    const refnn_pair stride = layer->stride, padding = layer->padding;
    const int64_t plane_size = v->height * v->row;
    for (int64_t c = 0; c < layer->x.channels; c++) {
        if (stride.rows == 1 && stride.columns == 1) {
            fast->copy(layer->x.height, layer->x.width, x, layer->x.width,
                       image + c * plane_size + padding.rows * v->row + padding.columns, v->row);
            x += layer->x.height * layer->x.width;
            continue;
        }
        for (int64_t y = 0; y < layer->x.height; y++, x += layer->x.width) {
            int64_t down = (y + padding.rows) % stride.rows, r = (y + padding.rows) / stride.rows;
            if (down >= v->planes_down || r >= v->height) continue;
            double *to = image + ((c * v->planes_down + down) * v->planes_across * v->height + r) * v->row;
            for (int64_t k = 0; k < layer->x.width; k++) {
                int64_t across = (k + padding.columns) % stride.columns, s = (k + padding.columns) / stride.columns;
                if (across < v->planes_across && s < v->row) to[across * plane_size + s] = x[k];
            }
        }
    }
}

static void set_zero(double *p, int64_t count) { memset(p, 0, (size_t)count * sizeof *p); }

void conv2d_forward(int32_t simd, int32_t rows, const refnn_layer *layer, const double *x, const double *w, const double *b,
                    double *z, double *scratch) {
    view v = view_forward(layer);
    const image_kernels *fast = kernels_within(simd, v.out_width);
    if (!fast) {
        refnn_conv2d_forward(rows, layer, x, w, b, z);
        return;
    }
    lay_out(&v, scratch);
    set_zero(v.image, v.size);
    forward_offsets(layer, &v, v.offset);
    for (int64_t k = 0; k < v.terms; k++) {
        for (int64_t o = 0; o < v.outs; o++) v.weight[k * v.outs + o] = w[o * v.terms + k];
    }
    sliding job = {v.outs, v.terms, place_vectors(&v, fast->width), v.image, v.offset, v.from, v.to, v.weight, b, z,
                   v.out_height * v.out_width};
    for (int32_t n = 0; n < rows; n++, x += layer->inputs, job.out += layer->outputs) {
        spread(fast, layer, &v, x, v.image);
        fast->slide(&job);
    }
}

/* Puts one sample's dz `stride` pixels apart: where the last weight of a kernel meets it at pixel 0, -padding of dx. */
static void spread_backward(const image_kernels *fast, const refnn_layer *layer, const view *v, const double *dz, double *image) {
    const int64_t top = layer->kernel.rows - 1 - (int64_t)layer->padding.rows;
    const int64_t left = layer->kernel.columns - 1 - (int64_t)layer->padding.columns;
    for (int64_t o = 0; o < layer->z.channels; o++) {
        if (layer->stride.rows == 1 && layer->stride.columns == 1 && top >= 0 && left >= 0) {
            fast->copy(layer->z.height, layer->z.width, dz, layer->z.width, image + (o * v->height + top) * v->row + left, v->row);
            dz += layer->z.height * layer->z.width;
            continue;
        }
        for (int64_t r = 0; r < layer->z.height; r++, dz += layer->z.width) {
            int64_t y = top + r * layer->stride.rows;
            if (y < 0 || y >= v->height) continue;
            double *to = image + (o * v->height + y) * v->row;
            for (int64_t s = 0; s < layer->z.width; s++) {
                int64_t k = left + s * layer->stride.columns;
                if (k >= 0 && k < v->row) to[k] = dz[s];
            }
        }
    }
}

void conv2d_backward_input(int32_t simd, int32_t rows, const refnn_layer *layer, const double *w, const double *dz, double *dx,
                           double *scratch) {
    view v = view_backward(layer);
    const image_kernels *fast = kernels_within(simd, v.out_width);
    if (!fast) {
        refnn_conv2d_backward_input(rows, layer, w, dz, dx);
        return;
    }
    const int64_t size = kernel_size(layer);
    lay_out(&v, scratch);
    set_zero(v.image, v.size);
    for (int64_t o = 0, k = 0; o < layer->z.channels; o++) {
        for (int64_t ij = 0; ij < size; ij++, k++) {
            int64_t i = ij / layer->kernel.columns, j = ij % layer->kernel.columns;
            v.offset[k] = (o * v.height + layer->kernel.rows - 1 - i) * v.row + layer->kernel.columns - 1 - j;
            for (int64_t c = 0; c < v.outs; c++) v.weight[k * v.outs + c] = w[(o * v.outs + c) * size + ij];
        }
    }
    sliding job = {v.outs, v.terms, place_vectors(&v, fast->width), v.image, v.offset, v.from, v.to, v.weight, NULL, dx,
                   v.out_height * v.out_width};
    for (int32_t n = 0; n < rows; n++, dz += layer->outputs, job.out += layer->inputs) {
        spread_backward(fast, layer, &v, dz, v.image);
        fast->slide(&job);
    }
}

/* Sums go to the parameters: added to gradients from which they started, or as a step. */
static void finish(double *to, double sum, int32_t step, double lr) { *to = step ? *to - lr * sum : sum; }

void conv2d_backward_parameters(int32_t simd, const layer_gradient *p, range o, double *scratch) {
    const refnn_layer *layer = p->layer;
    const double *x = p->x, *dz = p->dz;
    double *dw = p->dw, *db = p->db;
    const int64_t outs = o.end - o.begin, positions = (int64_t)layer->z.height * layer->z.width;
    const image_kernels *fast = image_kernels_of(simd, outs);
    if (!fast) {
        refnn_conv2d_backward_parameters(p->rows, layer, x, dz, dw, db);
        return;
    }
    view v = view_forward(layer);
    lay_out(&v, scratch);
    const int64_t lanes = lanes_of(outs, fast->width);
    double *channels = v.image + v.size, *sum = channels + positions * lanes, *bias = sum + v.terms * lanes;
    int64_t *offset = (int64_t *)(bias + lanes);
    set_zero(scratch, v.size + (positions + v.terms + 1) * lanes);
    forward_offsets(layer, &v, offset);
    dw += o.begin * v.terms;
    dz += o.begin * positions;
    for (int64_t a = 0; !p->step && a < outs; a++) {
        for (int64_t k = 0; k < v.terms; k++) sum[k * lanes + a] = dw[a * v.terms + k];
        if (db) bias[a] = db[o.begin + a];
    }
    correlating job = {v.terms, layer->stride.columns == 1 ? layer->kernel.columns : 1, layer->z.height, layer->z.width, v.row,
                       lanes, v.image, offset, channels, sum, db ? bias : NULL};
    for (int32_t n = 0; n < p->rows; n++, x += layer->inputs, dz += layer->outputs) {
        spread(fast, layer, &v, x, v.image);
        fast->interleave(positions, outs, dz, channels, lanes);
        fast->correlate(&job);
    }
    for (int64_t a = 0; a < outs; a++) {
        for (int64_t k = 0; k < v.terms; k++) finish(&dw[a * v.terms + k], sum[k * lanes + a], p->step, p->lr);
        if (db) finish(&db[o.begin + a], bias[a], p->step, p->lr);
    }
}

/* Whether windows are the kernel's kind: 2 x 2, side by side. */
static int pairs(const refnn_layer *layer) {
    return layer->kernel.rows == 2 && layer->kernel.columns == 2 && layer->stride.rows == 2 && layer->stride.columns == 2;
}

void maxpool2d_forward(int32_t simd, int32_t rows, const refnn_layer *layer, const double *x, double *a) {
    const image_kernels *fast = pairs(layer) ? image_kernels_of(simd, layer->z.width) : NULL;
    if (!fast) {
        refnn_maxpool2d_forward(rows, layer, x, a);
        return;
    }
    for (int64_t c = 0; c < (int64_t)rows * layer->x.channels; c++) {
        fast->pool(layer->z.height, layer->z.width, layer->x.width, x, a);
        x += layer->x.height * layer->x.width;
        a += layer->z.height * layer->z.width;
    }
}

void maxpool2d_backward(int32_t simd, int32_t rows, const refnn_layer *layer, const double *x, const double *da, double *dx) {
    const image_kernels *fast = pairs(layer) ? kernels_within(simd, layer->z.width) : NULL;
    if (!fast) {
        refnn_maxpool2d_backward(rows, layer, x, da, dx);
        return;
    }
    if (layer->x.height % 2 || layer->x.width % 2) set_zero(dx, (int64_t)rows * layer->inputs);
    for (int64_t c = 0; c < (int64_t)rows * layer->x.channels; c++) {
        fast->pool_backward(layer->z.height, layer->z.width, layer->x.width, x, da, dx);
        x += layer->x.height * layer->x.width;
        dx += layer->x.height * layer->x.width;
        da += layer->z.height * layer->z.width;
    }
}

static normalising batch_of(int32_t rows, const refnn_layer *layer, range c, const double *x, const double *mean, const double *f) {
    const int64_t size = (int64_t)layer->x.height * layer->x.width;
    return (normalising){rows, layer->inputs, c.end - c.begin, size, x + c.begin * size, mean + c.begin, f};
}

void batchnorm2d_statistics(int32_t simd, int32_t rows, const refnn_layer *layer, range c, const double *x, double *mean,
                            double *squares) {
    const image_kernels *fast = image_kernels_of(simd, 8);
    normalising job = batch_of(rows, layer, c, x, mean, NULL);
    if (!fast) {
        refnn_batchnorm2d_statistics(rows, layer->x.channels, (int32_t)job.size, x, mean, squares);
        return;
    }
    fast->sums(&job, mean + c.begin);
    for (int64_t k = c.begin; k < c.end; k++) mean[k] = mean[k] / (double)(rows * job.size);
    fast->squares(&job, squares + c.begin);
}

enum { TOGETHER = 64 }; /* channels whose factors are made at once */

void batchnorm2d_forward(int32_t simd, const batchnorm *p, range c, double *a) {
    double f[TOGETHER];
    const refnn_layer *layer = p->layer;
    const int32_t size = layer->x.height * layer->x.width;
    const image_kernels *fast = image_kernels_of(simd, size);
    if (!fast) {
        refnn_batchnorm2d_forward(p->rows, layer->x.channels, size, p->x, p->mean, p->variance, p->gamma, p->beta, layer->eps, a);
        return;
    }
    for (int64_t begin = c.begin; begin < c.end; begin += TOGETHER) {
        range some = {begin, least(begin + TOGETHER, c.end)};
        normalising job = batch_of(p->rows, layer, some, p->x, p->mean, f);
        for (int64_t k = 0; k < job.channels; k++) f[k] = 1.0 / sqrt(p->variance[begin + k] + layer->eps);
        fast->normalise(&job, p->gamma + begin, p->beta + begin, a + begin * size);
    }
}

void batchnorm2d_backward(int32_t simd, const batchnorm *p, range c, const double *da, double *dx, double *dgamma,
                          double *dbeta) {
    const refnn_layer *layer = p->layer;
    double f[TOGETHER], scale[TOGETHER], s[TOGETHER], t[TOGETHER];
    const int32_t size = layer->x.height * layer->x.width;
    const image_kernels *fast = image_kernels_of(simd, size);
    const double m = (double)((int64_t)p->rows * size);
    if (!fast) {
        refnn_batchnorm2d_backward(p->rows, layer->x.channels, size, p->x, p->mean, p->variance, p->gamma, da, layer->eps, dx,
                                   dgamma, dbeta);
        return;
    }
    for (int64_t begin = c.begin; begin < c.end; begin += TOGETHER) {
        range some = {begin, least(begin + TOGETHER, c.end)};
        normalising job = batch_of(p->rows, layer, some, p->x, p->mean, f);
        for (int64_t k = 0; k < job.channels; k++) f[k] = 1.0 / sqrt(p->variance[begin + k] + layer->eps);
        fast->products(&job, da + begin * size, dbeta + begin, dgamma + begin);
        for (int64_t k = 0; k < job.channels; k++) {
            scale[k] = p->gamma[begin + k] * f[k];
            s[k] = dbeta[begin + k] / m;
            t[k] = dgamma[begin + k] / m;
        }
        if (dx) fast->normalise_backward(&job, da + begin * size, scale, s, t, dx + begin * size);
    }
}
