/* The network, layers in a row: the twin of refnn/reference/network.py.
 *
 * Samples go through the layers `rows` at a time; the workspace holds what that takes. Linear layers, activations and
 * losses are those of fast/: the functions of the twins, made fast.
 */

#include "fast/functions.h"
#include "fast/images.h"
#include "fast/threads.h"

#define PIXEL_MAX 255.0

enum { SPARSE_INPUTS = 32 }; /* so many inputs are looked through for zeros */
enum { STATISTICS = 5 };
enum { VALUES = 256 }; /* of a pixel */

static int64_t layer_weights(const refnn_layer *layer) {
    if (layer->kind == REFNN_LINEAR) return (int64_t)layer->inputs * layer->outputs;
    if (layer->kind == REFNN_CONV2D) return (int64_t)layer->z.channels * layer->x.channels * layer->kernel.rows * layer->kernel.columns;
    return layer->kind == REFNN_BATCHNORM2D ? layer->x.channels : 0;
}

static int64_t layer_biases(const refnn_layer *layer) {
    if (layer->kind == REFNN_LINEAR) return layer->bias ? layer->outputs : 0;
    if (layer->kind == REFNN_CONV2D) return layer->bias ? layer->z.channels : 0;
    return layer->kind == REFNN_BATCHNORM2D ? layer->x.channels : 0;
}

static int64_t layer_parameters(const refnn_layer *layer) {
    int has_none = layer->kind > REFNN_LINEAR && layer->kind < REFNN_CONV2D;
    return has_none ? 0 : layer_weights(layer) + layer_biases(layer);
}

static int64_t layer_buffers(const refnn_layer *layer) { return layer->kind == REFNN_BATCHNORM2D ? 2 * (int64_t)layer->x.channels : 0; }

static const refnn_layer *last_layer(const refnn_model *model) { return &model->layers[model->layer_count - 1]; }

static int64_t numbers(const refnn_shape *shape) {
    if (shape->channels < 1 || shape->height < 1 || shape->width < 1) return 0;
    int64_t count = (int64_t)shape->channels * shape->height;
    return count > INT32_MAX ? 0 : count * shape->width;
}

/* Whether so many windows fit into a length. */
static int good_windows(int64_t length, int32_t kernel, int32_t stride, int32_t windows) {
    return kernel >= 1 && stride >= 1 && kernel <= length && (length - kernel) / stride + 1 == windows;
}

static int good_images(const refnn_layer *layer) {
    const refnn_shape *x = &layer->x, *z = &layer->z;
    refnn_pair padding = layer->kind == REFNN_CONV2D ? layer->padding : (refnn_pair){0, 0};
    if (numbers(x) != layer->inputs || numbers(z) != layer->outputs || padding.rows < 0 || padding.columns < 0) return 0;
    if (layer->kind != REFNN_CONV2D && x->channels != z->channels) return 0;
    if (layer->kind == REFNN_BATCHNORM2D) return layer->inputs == layer->outputs && layer->eps > 0.0;
    if (layer->kind == REFNN_CONV2D) {
        if ((int64_t)layer->kernel.rows * layer->kernel.columns > INT32_MAX / ((int64_t)x->channels * z->channels)) return 0;
        if ((x->height + (double)layer->kernel.rows) * (x->width + (double)layer->kernel.columns) > INT32_MAX) return 0;
    }
    return good_windows(x->height + 2 * (int64_t)padding.rows, layer->kernel.rows, layer->stride.rows, z->height)
        && good_windows(x->width + 2 * (int64_t)padding.columns, layer->kernel.columns, layer->stride.columns, z->width);
}

static int good_layer(const refnn_layer *layer) {
    if (layer->kind < REFNN_LINEAR || layer->kind > REFNN_BATCHNORM2D || layer->inputs < 1 || layer->outputs < 1) return 0;
    if (layer->kind >= REFNN_CONV2D) return good_images(layer);
    return layer->kind == REFNN_LINEAR || layer->inputs == layer->outputs;
}

static int good_model(const refnn_model *model) {
    if (!model->layers || model->layer_count < 1) return 0;
    if (model->loss < REFNN_SSE || model->loss > REFNN_CROSS_ENTROPY) return 0;
    if (model->init < REFNN_UNIFORM || model->init > REFNN_HE) return 0;
    if (!refnn_simd_name(model->simd) || model->threads < 1) return 0;
    int64_t count = 0;
    for (int32_t k = 0; k < model->layer_count; k++) {
        const refnn_layer *layer = &model->layers[k];
        if (!good_layer(layer)) return 0;
        if (k > 0 && layer->inputs != model->layers[k - 1].outputs) return 0;
        if (layer_parameters(layer) > INT32_MAX || (count += layer_parameters(layer)) > INT32_MAX) return 0;
    }
    return 1;
}

static int good_samples(const refnn_model *model, const refnn_samples *samples, int64_t start, int64_t stop,
                        int32_t rows, int needs_targets) {
    if (start < 0 || stop > samples->count || rows < 1 || (!samples->inputs && !samples->pixels)) return 0;
    return !needs_targets || (model->loss == REFNN_CROSS_ENTROPY ? !!samples->classes : !!samples->targets);
}

/* Which sample comes at `position`; -1 where the order or its class is out of range. */
static int64_t sample_at(const refnn_model *model, const refnn_samples *samples, int64_t position) {
    int64_t n = samples->order ? samples->order[position] : position;
    if (n < 0 || n >= samples->count) return -1;
    if (samples->classes && model->loss == REFNN_CROSS_ENTROPY) {
        if (samples->classes[n] < 0 || samples->classes[n] >= last_layer(model)->outputs) return -1;
    }
    return n;
}

int64_t refnn_parameter_count(const refnn_model *model) {
    if (!good_model(model)) return 0;
    int64_t count = 0;
    for (int32_t k = 0; k < model->layer_count; k++) count += layer_parameters(&model->layers[k]);
    return count;
}

int64_t refnn_buffer_count(const refnn_model *model) {
    if (!good_model(model)) return 0;
    int64_t count = 0;
    for (int32_t k = 0; k < model->layer_count; k++) count += layer_buffers(&model->layers[k]);
    return count;
}

/* The workspace, and what lies in it for `rows` samples. */
typedef struct {
    const refnn_model *model;
    const refnn_samples *samples;
    team *team;
    int64_t parameter_count, statistics_count, scratch_count;
    double *x;       /* rows x inputs, and behind it every layer's outputs, rows x outputs each */
    double *d;       /* the gradients of all outputs, as these lie */
    double *losses;  /* rows */
    int64_t *which;  /* rows: the samples' numbers */
    double *statistics; /* of every batchnorm2d: mean, squares, variance, dgamma, dbeta */
    double *scratch; /* of each thread, for layers of images */
    sparse_rows sparse, transposed; /* the inputs without their zeros, and the transpose of that */
    int is_sparse;   /* whether the inputs are there rather than in x */
    double *pixels; /* what each value of a pixel stands for */
    int64_t size; /* in doubles */
} workspace_parts;

static workspace_parts lay_out(const refnn_model *model, const refnn_samples *samples, int64_t rows, double *memory) {
    workspace_parts w = {.model = model, .samples = samples};
    int64_t inputs = model->layers[0].inputs;
    int64_t outputs = 0;
    for (int32_t k = 0; k < model->layer_count; k++) {
        const refnn_layer *layer = &model->layers[k];
        int64_t scratch = layer->kind == REFNN_CONV2D ? conv2d_scratch(model->simd, layer) : 0;
        outputs += layer->outputs;
        w.parameter_count += layer_parameters(layer);
        if (layer->kind == REFNN_BATCHNORM2D) w.statistics_count += STATISTICS * layer->x.channels;
        if (scratch > w.scratch_count) w.scratch_count = scratch;
    }
    w.x = memory;
    w.d = w.x + rows * (inputs + outputs);
    w.losses = w.d + rows * outputs;
    w.which = (int64_t *)(w.losses + rows);
    w.statistics = (double *)(w.which + rows);
    w.scratch = w.statistics + w.statistics_count;
    w.pixels = w.scratch + model->threads * w.scratch_count;
    w.size = rows * (inputs + 2 * outputs + 2) + w.statistics_count + model->threads * w.scratch_count + VALUES;
    if (model->simd != SIMD_PLAIN && inputs >= SPARSE_INPUTS && model->layers[0].kind == REFNN_LINEAR) {
        w.sparse.stride = inputs;
        w.transposed.stride = rows + 8; /* not a power of two, which would crowd the lists into few lines of the cache */
        w.sparse.value = memory + w.size;
        w.transposed.value = w.sparse.value + rows * inputs;
        w.sparse.index = (int32_t *)(w.transposed.value + w.transposed.stride * inputs);
        w.transposed.index = w.sparse.index + rows * inputs;
        w.sparse.count = w.transposed.index + w.transposed.stride * inputs;
        w.transposed.count = w.sparse.count + rows;
        w.size += ((rows + w.transposed.stride) * inputs * 3 + rows + inputs + 1) / 2;
    }
    for (int32_t value = 0; samples && samples->pixels && value < VALUES; value++) w.pixels[value] = value / PIXEL_MAX;
    return w;
}

int64_t refnn_workspace_size(const refnn_model *model, int32_t rows) {
    return good_model(model) && rows >= 1 ? lay_out(model, NULL, rows, NULL).size : 0;
}

int32_t refnn_initialise(const refnn_model *model, uint64_t seed, double *parameters, double *buffers) {
    enum { PARAMETERS = 1 };
    if (!good_model(model)) return REFNN_BAD_MODEL;
    uint64_t random = refnn_stream(seed, PARAMETERS);
    for (int32_t k = 0; k < model->layer_count; k++) {
        const refnn_layer *layer = &model->layers[k];
        double *w = parameters, *b = layer->bias ? parameters + layer_weights(layer) : NULL;
        if (layer->kind == REFNN_LINEAR) refnn_linear_init(&random, model->init, layer->inputs, layer->outputs, w, b);
        if (layer->kind == REFNN_CONV2D) refnn_conv2d_init(&random, model->init, layer, w, b);
        for (int32_t c = 0; layer->kind == REFNN_BATCHNORM2D && c < layer->x.channels; c++) {
            w[c] = buffers[layer->x.channels + c] = 1.0;
            w[layer->x.channels + c] = buffers[c] = 0.0;
        }
        parameters += layer_parameters(layer);
        buffers += layer_buffers(layer);
    }
    return REFNN_OK;
}

static void gather_sparse(const workspace_parts *w, int64_t begin, int64_t end) {
    int64_t inputs = w->sparse.stride;
    for (int64_t r = begin; r < end; r++) {
        int32_t *index = w->sparse.index + r * inputs;
        double *value = w->sparse.value + r * inputs;
        int64_t count = 0;
        if (w->samples->inputs) {
            const double *x = w->samples->inputs + w->which[r] * inputs;
            for (int64_t i = 0; i < inputs; i++) {
                index[count] = (int32_t)i;
                value[count] = x[i];
                count += x[i] != 0.0;
            }
        } else {
            const uint8_t *x = w->samples->pixels + w->which[r] * inputs;
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
        }
        w->sparse.count[r] = (int32_t)count;
    }
}

static void gather_dense(const workspace_parts *w, int64_t begin, int64_t end) {
    int64_t inputs = w->model->layers[0].inputs;
    for (int64_t r = begin; r < end; r++) {
        double *x = w->x + r * inputs;
        if (w->samples->inputs) {
            memcpy(x, w->samples->inputs + w->which[r] * inputs, (size_t)inputs * sizeof *x);
        } else {
            const uint8_t *pixels = w->samples->pixels + w->which[r] * inputs;
            for (int64_t i = 0; i < inputs; i++) x[i] = w->pixels[pixels[i]];
        }
    }
}

static int all_finite(const double *x, int64_t count) {
    int finite = 1;
    for (int64_t k = 0; k < count; k++) finite &= is_finite(x[k]);
    return finite;
}

/* What `rows` samples pass through: every layer, forward, the loss, and back again. The threads share a first linear layer
 * by its outputs, here and in collect, so that each finds in its own cache what it changed of the weights; batchnorm2d in
 * training by its channels; and all else by samples. */
typedef struct {
    const workspace_parts *w;
    const double *parameters;
    double *buffers;  /* or NULL, and then training keeps no running statistics */
    int32_t rows;
    int32_t training; /* whether batchnorm2d takes the batch's statistics */
    int32_t with_losses, with_gradients;
    int64_t batch;    /* the samples of the mean, or 0 for the sum */
    double *dx;       /* where the gradient of the data goes, or NULL */
    int64_t gathered; /* so many are there already */
} passage;

/* A layer, and where what belongs to it lies: of all rows, row n's part at n * width. */
typedef struct {
    const refnn_layer *layer;
    const double *parameters;
    double *buffers, *statistics;
    double *x;  /* what goes in; behind it what comes out */
    double *dz; /* the gradient of what comes out; before it that of what goes in */
} place;

static place first_place(const passage *p) {
    return (place){p->w->model->layers, p->parameters, p->buffers, p->w->statistics, p->w->x, p->w->d};
}

static void go(const passage *p, place *at, const refnn_layer *over, int64_t direction) {
    at->layer += direction;
    at->parameters += direction * layer_parameters(over);
    if (over->kind == REFNN_BATCHNORM2D) {
        at->statistics += direction * STATISTICS * over->x.channels;
        if (at->buffers) at->buffers += direction * layer_buffers(over);
    }
    at->x += direction * p->rows * over->inputs;
    at->dz += direction * p->rows * over->outputs;
}

static void go_on(const passage *p, place *at) { go(p, at, at->layer, 1); }

static void go_back(const passage *p, place *at) { go(p, at, at->layer - 1, -1); }

static const double *biases(const place *at) {
    return layer_biases(at->layer) ? at->parameters + layer_weights(at->layer) : NULL;
}

/* Whether the layer looks at all samples together, channel by channel. */
static int by_channels(const passage *p, const refnn_layer *layer) { return p->training && layer->kind == REFNN_BATCHNORM2D; }

/* Thread `share` of all: its part of so many columns, whole lines of the cache. */
static range share_of(const workspace_parts *w, int64_t count, int64_t share) {
    if (w->team->threads == 1) return (range){0, count};
    int64_t lines = (count + 7) / 8;
    int64_t end = lines * (share + 1) / w->team->threads * 8;
    return (range){lines * share / w->team->threads * 8, end < count ? end : count};
}

static range rows_of_share(const passage *p, int64_t share) { return share_of(p->w, p->rows, share); }

static range channels_of_share(const workspace_parts *w, int64_t count, int64_t share) {
    return (range){count * share / w->team->threads, count * (share + 1) / w->team->threads};
}

static void gather(const void *job, int64_t begin, int64_t end) {
    const passage *p = job;
    if (p->w->is_sparse) gather_sparse(p->w, begin > p->gathered ? begin : p->gathered, end);
    else gather_dense(p->w, begin, end);
}

static void pass_first_layer(const void *job, int64_t begin, int64_t end) {
    const passage *p = job;
    const workspace_parts *w = p->w;
    const refnn_layer *layer = &w->model->layers[0];
    int32_t inputs = layer->inputs, outputs = layer->outputs;
    const double *b = layer->bias ? p->parameters + (int64_t)inputs * outputs : NULL;
    double *z = w->x + (int64_t)p->rows * inputs;
    for (int64_t share = begin; share < end; share++) {
        range j = share_of(w, outputs, share);
        if (w->is_sparse && p->with_gradients) { /* for collect */
            sparse_transpose(&w->sparse, p->rows, channels_of_share(w, inputs, share), &w->transposed);
        }
        if (j.begin == j.end) continue;
        if (w->is_sparse) linear_forward_sparse(w->model->simd, p->rows, layer, j, &w->sparse, p->parameters, b, z);
        else linear_forward(w->model->simd, p->rows, layer, j, w->x, p->parameters, b, z);
    }
}

/* Some layers after one another, from `at` on or, backward, before it. */
typedef struct {
    const passage *p;
    place at;
    int32_t layers;
} piece;

static void forward_rows(const passage *p, const place *at, range n, double *scratch) {
    const refnn_layer *layer = at->layer;
    const int32_t simd = p->w->model->simd, rows = (int32_t)(n.end - n.begin);
    const double *w = at->parameters, *b = biases(at);
    const double *x = at->x + n.begin * layer->inputs;
    double *z = at->x + (int64_t)p->rows * layer->inputs + n.begin * layer->outputs;
    switch (layer->kind) {
    case REFNN_LINEAR:
        linear_forward(simd, rows, layer, (range){0, layer->outputs}, x, w, b, z);
        break;
    case REFNN_CONV2D:
        conv2d_forward(simd, rows, layer, x, w, b, z, scratch);
        break;
    case REFNN_MAXPOOL2D:
        maxpool2d_forward(simd, rows, layer, x, z);
        break;
    case REFNN_BATCHNORM2D: {
        const int32_t channels = layer->x.channels;
        batchnorm batch = {rows, layer, x, at->buffers, at->buffers + channels, w, b};
        batchnorm2d_forward(simd, &batch, (range){0, channels}, z);
        break;
    }
    case REFNN_FLATTEN:
        memcpy(z, x, (size_t)rows * layer->inputs * sizeof *z);
        break;
    default:
        activation_forward(simd, layer->kind, rows, layer->inputs, x, z);
    }
}

static void backward_rows(const passage *p, const place *at, range n, double *scratch) {
    const refnn_layer *layer = at->layer;
    const int32_t simd = p->w->model->simd, rows = (int32_t)(n.end - n.begin);
    const double *x = at->x + n.begin * layer->inputs, *dz = at->dz + n.begin * layer->outputs;
    const double *z = at->x + (int64_t)p->rows * layer->inputs + n.begin * layer->outputs;
    double *dx = (layer == p->w->model->layers ? p->dx : at->dz - (int64_t)p->rows * layer->inputs) + n.begin * layer->inputs;
    switch (layer->kind) {
    case REFNN_LINEAR:
        linear_backward_input(simd, rows, layer, at->parameters, dz, dx);
        break;
    case REFNN_CONV2D:
        conv2d_backward_input(simd, rows, layer, at->parameters, dz, dx, scratch);
        break;
    case REFNN_MAXPOOL2D:
        maxpool2d_backward(simd, rows, layer, x, dz, dx);
        break;
    case REFNN_FLATTEN:
        memcpy(dx, dz, (size_t)rows * layer->inputs * sizeof *dx);
        break;
    default:
        activation_backward(simd, layer->kind, rows, layer->inputs, z, dz, dx);
    }
}

static void forward_piece(const void *job, int64_t begin, int64_t end) {
    const piece *job_piece = job;
    const passage *p = job_piece->p;
    for (int64_t share = begin; share < end; share++) {
        range n = rows_of_share(p, share);
        place at = job_piece->at;
        for (int32_t k = 0; k < job_piece->layers && n.begin < n.end; k++, go_on(p, &at)) {
            forward_rows(p, &at, n, p->w->scratch + share * p->w->scratch_count);
        }
    }
}

static void backward_piece(const void *job, int64_t begin, int64_t end) {
    const piece *job_piece = job;
    const passage *p = job_piece->p;
    for (int64_t share = begin; share < end; share++) {
        range n = rows_of_share(p, share);
        place at = job_piece->at;
        for (int32_t k = 0; k < job_piece->layers && n.begin < n.end; k++) {
            go_back(p, &at);
            backward_rows(p, &at, n, p->w->scratch + share * p->w->scratch_count);
        }
    }
}

/* batchnorm2d of a whole batch; its statistics are kept for the way back, dgamma and dbeta for collect */
static void normalise(const void *job, int64_t begin, int64_t end) {
    const passage *p = ((const piece *)job)->p;
    const place *at = &((const piece *)job)->at;
    const refnn_layer *layer = at->layer;
    const int32_t simd = p->w->model->simd, count = layer->x.channels;
    const double m = (double)((int64_t)p->rows * layer->x.height * layer->x.width);
    double *mean = at->statistics, *squares = mean + count, *variance = squares + count;
    const batchnorm batch = {p->rows, layer, at->x, mean, variance, at->parameters, biases(at)};
    for (int64_t share = begin; share < end; share++) {
        range c = channels_of_share(p->w, count, share);
        batchnorm2d_statistics(simd, p->rows, layer, c, at->x, mean, squares);
        for (int64_t k = c.begin; k < c.end; k++) variance[k] = squares[k] / m;
        batchnorm2d_forward(simd, &batch, c, at->x + (int64_t)p->rows * layer->inputs);
        if (!at->buffers) continue;
        refnn_batchnorm2d_track((int32_t)(c.end - c.begin), at->buffers + c.begin, at->buffers + count + c.begin,
                                mean + c.begin, squares + c.begin, m, layer->momentum);
    }
}

static void normalise_backward(const void *job, int64_t begin, int64_t end) {
    const passage *p = ((const piece *)job)->p;
    const place *at = &((const piece *)job)->at;
    const refnn_layer *layer = at->layer;
    const int32_t count = layer->x.channels;
    double *mean = at->statistics, *variance = mean + 2 * count, *dgamma = mean + 3 * count, *dbeta = mean + 4 * count;
    const batchnorm batch = {p->rows, layer, at->x, mean, variance, at->parameters, NULL};
    double *dx = layer == p->w->model->layers ? p->dx : at->dz - (int64_t)p->rows * layer->inputs;
    for (int64_t share = begin; share < end; share++) {
        batchnorm2d_backward(p->w->model->simd, &batch, channels_of_share(p->w, count, share), at->dz, dx, dgamma, dbeta);
    }
}

/* Each sample's loss, and its gradient; `at` is behind the last layer. */
static void take_losses(const void *job, int64_t begin, int64_t end) {
    const passage *p = ((const piece *)job)->p;
    const place *at = &((const piece *)job)->at;
    const workspace_parts *w = p->w;
    const int32_t outputs = last_layer(w->model)->outputs;
    for (int64_t r = begin; r < end; r++) {
        int64_t n = w->which[r];
        const double *y = w->samples->targets ? w->samples->targets + n * outputs : NULL;
        double *d_r = at->dz - (p->rows - r) * outputs;
        w->losses[r] = loss_and_gradient(w->model->simd, w->model->loss, outputs, at->x + r * outputs, y,
                                         w->samples->classes ? w->samples->classes[n] : 0, d_r);
        for (int32_t j = 0; p->batch && j < outputs; j++) d_r[j] = d_r[j] / (double)p->batch;
    }
}

/* The layers that follow; those that can in one go for each sample. */
static void pass_forward(const passage *p, place *at) {
    team *t = p->w->team;
    const refnn_layer *end = p->w->model->layers + p->w->model->layer_count;
    while (at->layer < end) {
        piece job = {p, *at, 0};
        for (; at->layer < end && !by_channels(p, at->layer); job.layers++) go_on(p, at);
        if (job.layers) {
            parallel(t, t->threads, 1, forward_piece, &job);
        } else {
            parallel(t, t->threads, 1, normalise, &job);
            go_on(p, at);
        }
    }
}

static void pass_backward(const passage *p, place *at) {
    team *t = p->w->team;
    const refnn_layer *first = p->w->model->layers;
    const refnn_layer *stop = first + (p->dx || by_channels(p, first) ? 0 : 1); /* often nobody asks for the gradient of the data */
    while (at->layer > stop) {
        piece job = {p, *at, 0};
        for (; at->layer > stop && !by_channels(p, at->layer - 1); job.layers++) go_back(p, at);
        if (job.layers) {
            parallel(t, t->threads, 1, backward_piece, &job);
        } else {
            go_back(p, at);
            job.at = *at;
            parallel(t, t->threads, 1, normalise_backward, &job);
        }
    }
}

/* Sends job.rows samples from `position` on through the network; their outputs are then behind the other layers'. */
static int32_t pass_samples(workspace_parts *w, passage job, int64_t position) {
    job.w = w;
    for (int32_t r = 0; r < job.rows; r++) {
        w->which[r] = sample_at(w->model, w->samples, position + r);
        if (w->which[r] < 0) return REFNN_BAD_SAMPLES;
    }
    w->is_sparse = 0;
    if (w->sparse.stride) { /* whether zeros are worth skipping shows in the first samples */
        int64_t count = 0;
        job.gathered = job.rows < 4 ? job.rows : 4;
        gather_sparse(w, 0, job.gathered);
        for (int32_t r = 0; r < job.gathered; r++) count += w->sparse.count[r];
        w->is_sparse = count * 5 < job.gathered * w->sparse.stride * 2;
    }
    place at = first_place(&job);
    parallel(w->team, job.rows, 8, gather, &job);
    if (at.layer->kind == REFNN_LINEAR) {
        parallel(w->team, w->team->threads, 1, pass_first_layer, &job);
        go_on(&job, &at);
    }
    pass_forward(&job, &at);
    if (!job.with_losses) return REFNN_OK;
    piece losses = {&job, at, 0};
    parallel(w->team, job.rows, 8, take_losses, &losses);
    if (job.with_gradients) pass_backward(&job, &at);
    return REFNN_OK;
}

static const double *outputs_of(const workspace_parts *w, int32_t rows) {
    int64_t widths = 0;
    for (int32_t k = 0; k < w->model->layer_count; k++) widths += w->model->layers[k].inputs;
    return w->x + rows * widths;
}

/* What the parameters take from that: a share of every layer for each thread. */
typedef struct {
    const workspace_parts *w;
    double *to; /* the gradients; or, with step, the parameters */
    int32_t rows;
    int32_t step;
    double lr;
} collection;

static void collect_linear(const collection *p, const refnn_layer *layer, const double *x, const double *dz, double *to, int64_t share) {
    double *db = layer->bias ? to + layer_weights(layer) : NULL;
    layer_gradient gradient = {p->rows, layer, x, &p->w->transposed, dz, to, db, p->step, p->lr};
    range j = share_of(p->w, layer->outputs, share);
    if (j.begin < j.end) linear_backward_parameters(p->w->model->simd, &gradient, j);
}

static void collect_conv2d(const collection *p, const refnn_layer *layer, const double *x, const double *dz, double *to, int64_t share) {
    double *db = layer->bias ? to + layer_weights(layer) : NULL;
    range o = channels_of_share(p->w, layer->z.channels, share);
    double *scratch = p->w->scratch + share * p->w->scratch_count;
    layer_gradient gradient = {p->rows, layer, x, NULL, dz, to, db, p->step, p->lr};
    if (o.begin < o.end) conv2d_backward_parameters(p->w->model->simd, &gradient, o, scratch);
}

/* dgamma and dbeta, which the way back has made */
static void collect_batchnorm2d(const collection *p, const refnn_layer *layer, const double *sums, double *to) {
    for (int64_t c = 0; c < layer_parameters(layer); c++) to[c] = p->step ? to[c] - p->lr * sums[c] : to[c] + sums[c];
}

static void collect(const void *job, int64_t begin, int64_t end) {
    const collection *p = job;
    const workspace_parts *w = p->w;
    double *to = p->to, *x = w->x, *d = w->d, *statistics = w->statistics;
    for (int32_t k = 0; k < w->model->layer_count; k++) {
        const refnn_layer *layer = &w->model->layers[k];
        for (int64_t share = begin; share < end; share++) {
            if (layer->kind == REFNN_LINEAR) collect_linear(p, layer, k == 0 && w->is_sparse ? NULL : x, d, to, share);
            if (layer->kind == REFNN_CONV2D) collect_conv2d(p, layer, x, d, to, share);
            if (layer->kind == REFNN_BATCHNORM2D && share == 0) collect_batchnorm2d(p, layer, statistics + 3 * layer->x.channels, to);
        }
        to += layer_parameters(layer);
        if (layer->kind == REFNN_BATCHNORM2D) statistics += STATISTICS * layer->x.channels;
        x += (int64_t)p->rows * layer->inputs;
        d += (int64_t)p->rows * layer->outputs;
    }
}

/* Adds to `gradients`, or with step, for a whole batch, makes it: parameters -= lr * gradients. */
static void collect_gradients(workspace_parts *w, double *to, int32_t rows, int32_t step, double lr) {
    if (w->is_sparse && !all_finite(w->d, (int64_t)rows * w->model->layers[0].outputs)) { /* 0 * infinity is not 0 */
        gather_dense(w, 0, rows);
        w->is_sparse = 0;
    }
    collection job = {w, to, rows, step, lr};
    parallel(w->team, w->team->threads, 1, collect, &job);
}

/* What a call asks for, and its outcome. */
typedef struct {
    workspace_parts w;
    const double *parameters;
    double *trained; /* the parameters again, where they change */
    double *buffers;
    double *gradients, *dx;
    int64_t start, stop, batch_size;
    double lr;
    int32_t reduction, rows;
    double *o;
    double *total;
    int64_t *correct;
    int32_t finite;
    int32_t status;
} call;

/* Runs a body with as many threads as the model asks for. */
static int32_t run(call *c, void (*body)(team *, void *)) {
    with_team(c->w.model->simd == SIMD_PLAIN ? 1 : c->w.model->threads, body, c);
    return c->status;
}

/* Whether samples `start` to `end` are all of the batch, or the model can do with a part. */
static int good_batch(const workspace_parts *w, int64_t start, int64_t end, int64_t batch_start, int64_t batch_stop) {
    return !w->statistics_count || (start == batch_start && end == batch_stop);
}

static void train(team *t, void *argument) {
    call *c = argument;
    workspace_parts *w = &c->w;
    w->team = t;
    for (int64_t start = c->start, end; start < c->stop; start = end) {
        int64_t batch_start = start - start % c->batch_size;
        int64_t batch_stop = batch_start + c->batch_size;
        if (batch_stop > w->samples->count) batch_stop = w->samples->count;
        end = batch_stop < c->stop ? batch_stop : c->stop;
        if (end > start + c->rows) end = start + c->rows;
        int32_t taken = (int32_t)(end - start);
        int64_t batch = c->reduction == REFNN_MEAN ? batch_stop - batch_start : 0;
        passage job = {.parameters = c->trained, .buffers = c->buffers, .rows = taken, .training = 1, .with_losses = 1,
                       .with_gradients = 1, .batch = batch};
        c->status = good_batch(w, start, end, batch_start, batch_stop) ? pass_samples(w, job, start) : REFNN_BAD_SAMPLES;
        if (c->status != REFNN_OK) return;
        c->finite &= all_finite(w->losses, taken);
        if (w->model->simd != SIMD_PLAIN && taken == batch_stop - batch_start && taken <= STEP_ROWS) {
            collect_gradients(w, c->trained, taken, 1, c->lr);
        } else {
            if (start == batch_start) memset(c->gradients, 0, w->parameter_count * sizeof *c->gradients);
            collect_gradients(w, c->gradients, taken, 0, 0.0);
            if (end == batch_stop) linear_update(w->model->simd, w->parameter_count, c->trained, c->gradients, c->lr);
        }
    }
}

int32_t refnn_train(const refnn_model *model, double *parameters, double *buffers, double *gradients,
                    const refnn_samples *samples, int64_t start, int64_t stop, int64_t batch_size, double lr,
                    int32_t reduction, int32_t rows, double *workspace, int32_t *finite) {
    if (!good_model(model)) return REFNN_BAD_MODEL;
    if (!good_samples(model, samples, start, stop, rows, 1) || batch_size < 1) return REFNN_BAD_SAMPLES;
    call c = {.w = lay_out(model, samples, rows, workspace), .trained = parameters, .buffers = buffers,
              .gradients = gradients, .start = start, .stop = stop, .batch_size = batch_size, .lr = lr, .reduction = reduction, .rows = rows, .finite = 1};
    int32_t status = run(&c, train);
    *finite = c.finite;
    return status;
}

static void evaluate(team *t, void *argument) {
    call *c = argument;
    workspace_parts *w = &c->w;
    int32_t outputs = last_layer(w->model)->outputs;
    w->team = t;
    for (int64_t start = c->start; start < c->stop; start += c->rows) {
        int32_t rows = c->rows < c->stop - start ? c->rows : (int32_t)(c->stop - start);
        passage job = {.parameters = c->parameters, .buffers = c->buffers, .rows = rows, .with_losses = 1};
        c->status = pass_samples(w, job, start);
        if (c->status != REFNN_OK) return;
        const double *o = outputs_of(w, rows);
        for (int32_t r = 0; r < rows; r++, o += outputs) {
            int64_t n = w->which[r];
            *c->total += w->losses[r];
            int32_t right = w->model->loss == REFNN_CROSS_ENTROPY ? w->samples->classes[n]
                                                                  : refnn_argmax(outputs, w->samples->targets + n * outputs);
            *c->correct += refnn_argmax(outputs, o) == right;
        }
    }
}

int32_t refnn_evaluate(const refnn_model *model, const double *parameters, const double *buffers, const refnn_samples *samples,
                       int64_t start, int64_t stop, int32_t rows, double *workspace, double *total, int64_t *correct) {
    if (!good_model(model)) return REFNN_BAD_MODEL;
    if (!good_samples(model, samples, start, stop, rows, 1)) return REFNN_BAD_SAMPLES;
    call c = {.w = lay_out(model, samples, rows, workspace), .parameters = parameters, .buffers = (double *)buffers,
              .start = start, .stop = stop, .rows = rows, .total = total, .correct = correct};
    return run(&c, evaluate);
}

int32_t refnn_train_epochs(const refnn_model *model, double *parameters, double *buffers, double *gradients,
                           const refnn_samples *samples, int32_t shuffle, uint64_t seed, uint64_t first_epoch, int32_t epochs, const double *lr,
                           int32_t *order, int64_t batch_size, int32_t reduction, int32_t rows, double *workspace,
                           double *losses, int64_t *correct, int32_t *finite) {
    refnn_samples ordered = *samples;
    int32_t all_epochs_finite = 1;
    if (shuffle) ordered.order = order;
    for (int32_t e = 0; e < epochs; e++) {
        if (shuffle) refnn_epoch_order(seed, first_epoch + e, (int32_t)samples->count, order);
        int32_t status = refnn_train(model, parameters, buffers, gradients, &ordered, 0, samples->count, batch_size, lr[e],
                                     reduction, rows, workspace, finite);
        if (status != REFNN_OK) return status;
        all_epochs_finite &= *finite;
        losses[e] = 0.0;
        correct[e] = 0;
        status = refnn_evaluate(model, parameters, buffers, samples, 0, samples->count, rows, workspace, &losses[e], &correct[e]);
        if (status != REFNN_OK) return status;
    }
    *finite = all_epochs_finite;
    return REFNN_OK;
}

static void forward(team *t, void *argument) {
    call *c = argument;
    workspace_parts *w = &c->w;
    int32_t outputs = last_layer(w->model)->outputs;
    double *o = c->o;
    w->team = t;
    for (int64_t start = c->start; start < c->stop; start += c->rows) {
        int32_t rows = c->rows < c->stop - start ? c->rows : (int32_t)(c->stop - start);
        passage job = {.parameters = c->parameters, .buffers = c->buffers, .rows = rows};
        c->status = pass_samples(w, job, start);
        if (c->status != REFNN_OK) return;
        memcpy(o, outputs_of(w, rows), (size_t)rows * outputs * sizeof *o);
        o += (int64_t)rows * outputs;
    }
}

int32_t refnn_forward(const refnn_model *model, const double *parameters, const double *buffers, const refnn_samples *samples,
                      int64_t start, int64_t stop, int32_t rows, double *workspace, double *o) {
    if (!good_model(model)) return REFNN_BAD_MODEL;
    if (!good_samples(model, samples, start, stop, rows, 0)) return REFNN_BAD_SAMPLES;
    call c = {.w = lay_out(model, samples, rows, workspace), .parameters = parameters, .buffers = (double *)buffers,
              .start = start, .stop = stop, .rows = rows, .o = o};
    return run(&c, forward);
}

int32_t refnn_predict(const refnn_model *model, int64_t count, double *o) {
    if (!good_model(model)) return REFNN_BAD_MODEL;
    int32_t outputs = last_layer(model)->outputs;
    for (int64_t n = 0; model->loss == REFNN_CROSS_ENTROPY && n < count; n++) {
        refnn_activation_forward(REFNN_SOFTMAX, outputs, o + n * outputs, o + n * outputs);
    }
    return REFNN_OK;
}

static void gradients(team *t, void *argument) {
    call *c = argument;
    workspace_parts *w = &c->w;
    const int64_t inputs = w->model->layers[0].inputs;
    w->team = t;
    for (int64_t start = c->start; start < c->stop; start += c->rows) {
        int32_t rows = c->rows < c->stop - start ? c->rows : (int32_t)(c->stop - start);
        int64_t batch = c->reduction == REFNN_MEAN ? w->samples->count : 0;
        passage job = {.parameters = c->parameters, .rows = rows, .training = 1, .with_losses = 1,
                       .with_gradients = c->gradients || c->dx, .batch = batch, .dx = c->dx ? c->dx + start * inputs : NULL};
        c->status = good_batch(w, start, start + rows, 0, w->samples->count) ? pass_samples(w, job, start) : REFNN_BAD_SAMPLES;
        if (c->status != REFNN_OK) return;
        for (int32_t r = 0; r < rows; r++) *c->total += w->losses[r];
        if (c->gradients) collect_gradients(w, c->gradients, rows, 0, 0.0);
    }
}

int32_t refnn_gradients(const refnn_model *model, const double *parameters, const refnn_samples *samples, int64_t start,
                        int64_t stop, int32_t reduction, int32_t rows, double *workspace, double *total, double *to,
                        double *dx) {
    if (!good_model(model)) return REFNN_BAD_MODEL;
    if (!good_samples(model, samples, start, stop, rows, 1)) return REFNN_BAD_SAMPLES;
    call c = {.w = lay_out(model, samples, rows, workspace), .parameters = parameters, .start = start, .stop = stop,
              .rows = rows, .reduction = reduction, .total = total, .gradients = to, .dx = dx};
    return run(&c, gradients);
}

#if defined(__clang__)
#define COMPILER "clang " __clang_version__
#elif defined(__GNUC__)
#define COMPILER "gcc " __VERSION__
#elif defined(_MSC_VER)
#define COMPILER "MSVC"
#else
#define COMPILER "C"
#endif

const char *refnn_build(void) { return COMPILER; }
