/* Layers of images: see images.h. No twin in the book; csrc/conv.c, csrc/pool.c and csrc/batchnorm.c are the twins. */

#include "images.h"

enum {
    /* Output channels of a tile of a convolution. 2 take 1.03 to 1.3 of the time, 6 take 1.0 to 1.04, 8 take 1.0
     * to 1.27. (EPYC, Zen 4; 3 x 3 and 5 x 5 kernels, here and below) */
    TILE_CHANNELS = 4,
    /* Most terms of a tile of a correlation: with AVX2, 12 sums, the bias, dz and a pixel fill 15 of 16 registers. 9
     * and 18 take 0.94 to 1.05 of the time; tiles without runs up to 1.45 for one channel, 0.92 to 1.2 for eight. */
    TILE_TERMS = 12,
};

/* For each output channel o and each vector v: out[o * size + to[v]] = start[o]; for k ascending:
 * out[o * size + to[v]] += image[from[v] + offset[k]] * weight[k * outs + o]; likewise for the other lanes, next to
 * these. */
typedef struct {
    int64_t outs, terms, vectors;
    const double *image;
    const int64_t *offset, *from, *to;
    const double *weight, *start; /* start may be NULL: 0.0 */
    double *out;
    int64_t size; /* of a channel of out */
} convolution;

/* for r, s ascending: sum[k * lanes + o] += image[r * row + s + offset[k]] * dz[(r * width + s) * lanes + o], and
 * bias[o] += dz[(r * width + s) * lanes + o] (or NULL); lanes is a multiple of a vector's width. The terms are runs of
 * `run` neighbours in the image. */
typedef struct {
    int64_t terms, run, height, width, row, lanes;
    const double *image;
    const int64_t *offset;
    const double *dz;
    double *sum, *bias;
} correlation;

/* Some channels of a batch: channel c of sample n is x[n * width + c * size + k]. */
typedef struct {
    int64_t rows, width, channels, size;
    const double *x, *mean, *f;
} channel_batch;

typedef struct {
    void (*copy)(int64_t rows, int64_t width, const double *from, int64_t from_row, double *to, int64_t to_row);
    void (*interleave)(int64_t count, int64_t outs, const double *from, double *to, int64_t lanes);
    void (*convolve)(const convolution *p);
    void (*correlate)(const correlation *p);
    /* height x width windows of 2 x 2, side by side, in a channel with rows of `row` pixels */
    void (*pool)(int64_t height, int64_t width, int64_t row, const double *x, double *a);
    void (*pool_backward)(int64_t height, int64_t width, int64_t row, const double *x, const double *da, double *dx);
    void (*sums)(const channel_batch *p, double *s);
    void (*squares)(const channel_batch *p, double *s);
    void (*products)(const channel_batch *p, const double *da, double *s, double *t);
    void (*normalise)(const channel_batch *p, const double *gamma, const double *beta, double *a);
    void (*normalise_backward)(const channel_batch *p, const double *da, const double *scale, const double *s,
                               const double *t, double *dx);
} image_kernels;

#define TEMPLATE "images_isa.h"
#include "instruction_sets.h"

static const image_kernels *const kernels[] = {NULL, INSTRUCTION_SETS(KERNELS_OF)};

/* The widest instruction set whose vectors are not longer than a row of `width`; plain if there is none. */
static int32_t simd_within(int32_t simd, int64_t width) {
    while (simd != SIMD_PLAIN && simd_width(simd_for(simd, width)) > width) simd--;
    return simd == SIMD_PLAIN ? simd : simd_for(simd, width);
}

static void set_zero(double *p, int64_t count) { memset(p, 0, (size_t)count * sizeof *p); }

/* Convolution */

/* One sample as `convolve` reads it: a padded image as planes, one for each channel and, with a stride, for each
 * remainder of a pixel's row and column by the stride, so that neighbouring outputs read neighbouring pixels of a
 * plane. With it, the weights term by term, the offset of each term's pixel, and the positions of each vector in the
 * image and in the output. */
typedef struct {
    int64_t planes_down, planes_across; /* of a channel */
    int64_t height, row;                /* of a plane: number of rows, length of a row */
    int64_t channels, terms, outs, out_height, out_width;
    int64_t size; /* of all planes */
    double *image, *weight;
    int64_t *offset, *from, *to;
} planes;

static int64_t kernel_size(const refnn_layer *layer) { return (int64_t)layer->kernel.rows * layer->kernel.columns; }

static int has_stride(const refnn_layer *layer) { return layer->stride.rows != 1 || layer->stride.columns != 1; }

/* Sets the pointers into the scratch; returns its size. */
static int64_t lay_out(planes *v, double *scratch) {
    int64_t vectors = v->out_height * ((v->out_width + 1) / 2); /* at most, since a vector has at least 2 lanes */
    v->size = v->channels * v->planes_down * v->planes_across * v->height * v->row;
    v->image = scratch;
    v->weight = v->image + v->size;
    v->offset = (int64_t *)(v->weight + v->terms * v->outs);
    v->from = v->offset + v->terms;
    v->to = v->from + vectors;
    return v->size + v->terms * (v->outs + 1) + 2 * vectors;
}

/* The planes of x. */
static planes planes_forward(const refnn_layer *layer) {
    const refnn_pair kernel = layer->kernel, stride = layer->stride;
    return (planes){.planes_down = least(kernel.rows, stride.rows),
                    .planes_across = least(kernel.columns, stride.columns),
                    .height = layer->z.height + (kernel.rows - 1) / stride.rows,
                    .row = layer->z.width + (kernel.columns - 1) / stride.columns,
                    .channels = layer->x.channels,
                    .terms = layer->x.channels * kernel_size(layer),
                    .outs = layer->z.channels,
                    .out_height = layer->z.height,
                    .out_width = layer->z.width};
}

/* The planes of dz, its pixels `stride` apart, with zeros between them and around them. */
static planes planes_backward(const refnn_layer *layer) {
    return (planes){.planes_down = 1,
                    .planes_across = 1,
                    .height = layer->x.height + (int64_t)layer->kernel.rows - 1,
                    .row = layer->x.width + (int64_t)layer->kernel.columns - 1,
                    .channels = layer->z.channels,
                    .terms = layer->z.channels * kernel_size(layer),
                    .outs = layer->x.channels,
                    .out_height = layer->x.height,
                    .out_width = layer->x.width};
}

/* Covers each row of outputs with vectors, of which the last ends where the row ends; returns their number. */
static int64_t place_vectors(const planes *v, int64_t width) {
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

/* The number of output channels, rounded up to whole vectors. */
static int64_t lanes_of(int64_t outs, int64_t width) { return (outs + width - 1) / width * width; }

int64_t conv2d_scratch(const refnn_layer *layer) {
    planes forward = planes_forward(layer), backward = planes_backward(layer);
    int64_t size = lay_out(&forward, NULL), other = lay_out(&backward, NULL);
    int64_t lanes = lanes_of(layer->z.channels, 8);
    int64_t positions = (int64_t)layer->z.height * layer->z.width;
    int64_t gradient = forward.size + forward.terms + lanes * (positions + forward.terms + 1);
    if (other > size) size = other;
    return gradient > size ? gradient : size;
}

/* offset[c, i, j]: from the pixel of channel 0 that output r, s reads for i = j = 0, to that of channel c for i, j */
static void forward_offsets(const refnn_layer *layer, const planes *v, int64_t *offset) {
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

/* Writes x of one sample into the planes; the padding in them stays zero. */
static void fill_planes(const image_kernels *fast, const refnn_layer *layer, const planes *v, const double *x) {
    const refnn_pair stride = layer->stride, padding = layer->padding;
    const int64_t plane_size = v->height * v->row;
    for (int64_t c = 0; c < layer->x.channels; c++) {
        if (!has_stride(layer)) {
            fast->copy(layer->x.height, layer->x.width, x, layer->x.width,
                       v->image + c * plane_size + padding.rows * v->row + padding.columns, v->row);
            x += layer->x.height * layer->x.width;
            continue;
        }
        for (int64_t y = 0; y < layer->x.height; y++, x += layer->x.width) {
            int64_t down = (y + padding.rows) % stride.rows, r = (y + padding.rows) / stride.rows;
            if (down >= v->planes_down || r >= v->height) continue;
            double *to = v->image + ((c * v->planes_down + down) * v->planes_across * v->height + r) * v->row;
            for (int64_t k = 0; k < layer->x.width; k++) {
                int64_t across = (k + padding.columns) % stride.columns, s = (k + padding.columns) / stride.columns;
                if (across < v->planes_across && s < v->row) to[across * plane_size + s] = x[k];
            }
        }
    }
}

static convolution convolution_of(const planes *v, int64_t width, const double *start, double *out) {
    return (convolution){.outs = v->outs,
                         .terms = v->terms,
                         .vectors = place_vectors(v, width),
                         .image = v->image,
                         .offset = v->offset,
                         .from = v->from,
                         .to = v->to,
                         .weight = v->weight,
                         .start = start,
                         .out = out,
                         .size = v->out_height * v->out_width};
}

void conv2d_forward(int32_t simd, int32_t rows, const refnn_layer *layer, const double *x, const double *w,
                    const double *b, double *z, double *scratch) {
    planes v = planes_forward(layer);
    simd = simd_within(simd, v.out_width);
    if (simd == SIMD_PLAIN) {
        refnn_conv2d_forward(rows, layer, x, w, b, z);
        return;
    }
    lay_out(&v, scratch);
    set_zero(v.image, v.size);
    forward_offsets(layer, &v, v.offset);
    for (int64_t k = 0; k < v.terms; k++) {
        for (int64_t o = 0; o < v.outs; o++) v.weight[k * v.outs + o] = w[o * v.terms + k];
    }
    convolution p = convolution_of(&v, simd_width(simd), b, z);
    for (int32_t n = 0; n < rows; n++, x += layer->inputs, p.out += layer->outputs) {
        fill_planes(kernels[simd], layer, &v, x);
        kernels[simd]->convolve(&p);
    }
}

/* Writes dz of one sample into the planes, `stride` pixels apart: dz[o][0][0] goes where the kernel's last weight meets
 * it for pixel -padding, -padding of dx. */
static void fill_planes_backward(const image_kernels *fast, const refnn_layer *layer, const planes *v,
                                 const double *dz) {
    const int64_t top = layer->kernel.rows - 1 - (int64_t)layer->padding.rows;
    const int64_t left = layer->kernel.columns - 1 - (int64_t)layer->padding.columns;
    for (int64_t o = 0; o < layer->z.channels; o++) {
        double *image = v->image + o * v->height * v->row;
        if (!has_stride(layer) && top >= 0 && left >= 0) {
            fast->copy(layer->z.height, layer->z.width, dz, layer->z.width, image + top * v->row + left, v->row);
            dz += layer->z.height * layer->z.width;
            continue;
        }
        for (int64_t r = 0; r < layer->z.height; r++, dz += layer->z.width) {
            int64_t y = top + r * layer->stride.rows;
            if (y < 0 || y >= v->height) continue;
            for (int64_t s = 0; s < layer->z.width; s++) {
                int64_t k = left + s * layer->stride.columns;
                if (k >= 0 && k < v->row) image[y * v->row + k] = dz[s];
            }
        }
    }
}

void conv2d_backward_input(int32_t simd, int32_t rows, const refnn_layer *layer, const double *w, const double *dz,
                           double *dx, double *scratch) {
    planes v = planes_backward(layer);
    simd = simd_within(simd, v.out_width);
    if (simd == SIMD_PLAIN) {
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
    convolution p = convolution_of(&v, simd_width(simd), NULL, dx);
    for (int32_t n = 0; n < rows; n++, dz += layer->outputs, p.out += layer->inputs) {
        fill_planes_backward(kernels[simd], layer, &v, dz);
        kernels[simd]->convolve(&p);
    }
}

/* dw[o][k] and db[o] as `correlate` keeps them: sum[k * lanes + o] and bias[o]. */
static void load_gradient(const layer_gradient *p, range o, correlation *c) {
    for (int64_t a = o.begin; a < o.end; a++) {
        for (int64_t k = 0; k < c->terms; k++) c->sum[k * c->lanes + a - o.begin] = p->dw[a * c->terms + k];
        if (p->db) c->bias[a - o.begin] = p->db[a];
    }
}

/* Writes them back; or, with step, updates the parameters. */
static void store_gradient(const layer_gradient *p, range o, const correlation *c) {
    for (int64_t a = o.begin; a < o.end; a++) {
        for (int64_t k = 0; k < c->terms; k++) {
            double sum = c->sum[k * c->lanes + a - o.begin], *dw = &p->dw[a * c->terms + k];
            *dw = p->step ? *dw - p->lr * sum : sum;
        }
        if (p->db) p->db[a] = p->step ? p->db[a] - p->lr * c->bias[a - o.begin] : c->bias[a - o.begin];
    }
}

void conv2d_backward_parameters(int32_t simd, const layer_gradient *p, range o, double *scratch) {
    const refnn_layer *layer = p->layer;
    const int64_t outs = o.end - o.begin, positions = (int64_t)layer->z.height * layer->z.width;
    const image_kernels *fast = kernels[simd_for(simd, outs)];
    const int64_t lanes = lanes_of(outs, simd_width(simd_for(simd, outs)));
    planes v = planes_forward(layer);
    lay_out(&v, scratch);
    double *dz = v.image + v.size, *sum = dz + positions * lanes, *bias = sum + v.terms * lanes;
    int64_t *offset = (int64_t *)(bias + lanes);
    set_zero(scratch, v.size + (positions + v.terms + 1) * lanes);
    forward_offsets(layer, &v, offset);
    correlation c = {.terms = v.terms,
                     .run = layer->stride.columns == 1 ? layer->kernel.columns : 1,
                     .height = layer->z.height,
                     .width = layer->z.width,
                     .row = v.row,
                     .lanes = lanes,
                     .image = v.image,
                     .offset = offset,
                     .dz = dz,
                     .sum = sum,
                     .bias = p->db ? bias : NULL};
    if (!p->step) load_gradient(p, o, &c);
    for (int32_t n = 0; n < p->rows; n++) {
        fill_planes(fast, layer, &v, p->x + (int64_t)n * layer->inputs);
        fast->interleave(positions, outs, p->dz + (int64_t)n * layer->outputs + o.begin * positions, dz, lanes);
        fast->correlate(&c);
    }
    store_gradient(p, o, &c);
}

/* Pooling */

/* Whether the windows are 2 x 2 and side by side, as the kernels take them. */
static int has_kernel(const refnn_layer *layer) {
    return layer->kernel.rows == 2 && layer->kernel.columns == 2 && layer->stride.rows == 2 &&
           layer->stride.columns == 2;
}

void maxpool2d_forward(int32_t simd, int32_t rows, const refnn_layer *layer, const double *x, double *a) {
    if (!has_kernel(layer)) {
        refnn_maxpool2d_forward(rows, layer, x, a);
        return;
    }
    const image_kernels *fast = kernels[simd_for(simd, layer->z.width)];
    for (int64_t c = 0; c < (int64_t)rows * layer->x.channels; c++) {
        fast->pool(layer->z.height, layer->z.width, layer->x.width, x, a);
        x += layer->x.height * layer->x.width;
        a += layer->z.height * layer->z.width;
    }
}

void maxpool2d_backward(int32_t simd, int32_t rows, const refnn_layer *layer, const double *x, const double *da,
                        double *dx) {
    simd = simd_within(simd, layer->z.width);
    if (simd == SIMD_PLAIN || !has_kernel(layer)) {
        refnn_maxpool2d_backward(rows, layer, x, da, dx);
        return;
    }
    if (layer->x.height % 2 || layer->x.width % 2)
        set_zero(dx, (int64_t)rows * layer->inputs); /* pixels in no window */
    for (int64_t c = 0; c < (int64_t)rows * layer->x.channels; c++) {
        kernels[simd]->pool_backward(layer->z.height, layer->z.width, layer->x.width, x, da, dx);
        x += layer->x.height * layer->x.width;
        dx += layer->x.height * layer->x.width;
        da += layer->z.height * layer->z.width;
    }
}

/* Batch normalisation */

enum { CHUNK = 64 }; /* channels whose factors are on the stack at a time, since C owns no memory */

static channel_batch channels_of(int32_t rows, const refnn_layer *layer, range c, const double *x, const double *mean) {
    const int64_t size = (int64_t)layer->x.height * layer->x.width;
    return (channel_batch){rows, layer->inputs, c.end - c.begin, size, x + c.begin * size, mean + c.begin, NULL};
}

void batchnorm2d_statistics(int32_t simd, int32_t rows, const refnn_layer *layer, range c, const double *x,
                            double *mean, double *squares) {
    channel_batch batch = channels_of(rows, layer, c, x, mean);
    kernels[simd]->sums(&batch, mean + c.begin);
    for (int64_t k = c.begin; k < c.end; k++) mean[k] = mean[k] / (double)(rows * batch.size);
    kernels[simd]->squares(&batch, squares + c.begin);
}

/* f[k] = 1 / sqrt(variance + eps) of channels c */
static void factors(const refnn_batchnorm *p, range c, double *f) {
    for (int64_t k = c.begin; k < c.end; k++) f[k - c.begin] = 1.0 / sqrt(p->variance[k] + p->layer->eps);
}

void batchnorm2d_forward(int32_t simd, const refnn_batchnorm *p, range c, double *a) {
    double f[CHUNK];
    const refnn_layer *layer = p->layer;
    const int32_t size = layer->x.height * layer->x.width;
    for (int64_t begin = c.begin; begin < c.end; begin += CHUNK) {
        range chunk = {begin, least(begin + CHUNK, c.end)};
        channel_batch batch = channels_of(p->rows, layer, chunk, p->x, p->mean);
        factors(p, chunk, f);
        batch.f = f;
        kernels[simd_for(simd, size)]->normalise(&batch, p->gamma + begin, p->beta + begin, a + begin * size);
    }
}

void batchnorm2d_backward(int32_t simd, const refnn_batchnorm *p, range c, const double *da, double *dx, double *dgamma,
                          double *dbeta) {
    double f[CHUNK], scale[CHUNK], s[CHUNK], t[CHUNK];
    const refnn_layer *layer = p->layer;
    const int32_t size = layer->x.height * layer->x.width;
    const double m = (double)((int64_t)p->rows * size);
    const image_kernels *fast = kernels[simd_for(simd, size)];
    for (int64_t begin = c.begin; begin < c.end; begin += CHUNK) {
        range chunk = {begin, least(begin + CHUNK, c.end)};
        channel_batch batch = channels_of(p->rows, layer, chunk, p->x, p->mean);
        factors(p, chunk, f);
        batch.f = f;
        fast->products(&batch, da + begin * size, dbeta + begin, dgamma + begin);
        for (int64_t k = 0; k < batch.channels; k++) {
            scale[k] = p->gamma[begin + k] * f[k];
            s[k] = dbeta[begin + k] / m;
            t[k] = dgamma[begin + k] / m;
        }
        if (dx) fast->normalise_backward(&batch, da + begin * size, scale, s, t, dx + begin * size);
    }
}
