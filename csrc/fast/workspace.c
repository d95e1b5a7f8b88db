/* How the workspace is divided: see workspace.h. This file has no twin in the book: it computes nothing. */

#include "workspace.h"

#include "layer.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#endif

enum {
    /* Doubles in a line of the cache. Each array begins at one: a vector that lies in two lines costs two loads. */
    LINE = 8,
    /* Inputs from which a first layer looks for zeros: fewer do not pay for the lists. */
    SPARSE_INPUTS = 32,
    /* Outputs from which a layer behind ReLU does: 128 x 64 at half zeros takes 0.8 to 0.9 of the time to train, but
     * no less to predict. (EPYC, Zen 4) */
    SPARSE_OUTPUTS = 128,
    /* Values of a byte. */
    BYTES = 256,
/* Doubles between two arrays that nobody may touch: the address sanitizer reports it. */
#if defined(__SANITIZE_ADDRESS__)
    GAP = LINE,
#else
    GAP = 0,
#endif
};

/* Lets the sanitizer report accesses from the end of an array to the start of the next. */
static void guard(double *start, int64_t count, int64_t taken) {
#if defined(__SANITIZE_ADDRESS__)
    ASAN_UNPOISON_MEMORY_REGION(start, (size_t)count * sizeof *start);
    ASAN_POISON_MEMORY_REGION(start + count, (size_t)(taken - count) * sizeof *start);
#else
    (void)start, (void)count, (void)taken;
#endif
}

/* The next `count` doubles; NULL where only the size is wanted. */
static void *take(workspace *w, int64_t count) {
    double *start = w->memory ? w->memory + w->size : NULL;
    const int64_t taken = (count + LINE - 1) / LINE * LINE + GAP;
    w->size += taken;
    if (start) guard(start, count, taken);
    return start;
}

static void *take_bytes(workspace *w, int64_t count) {
    return take(w, (count + (int64_t)sizeof(double) - 1) / (int64_t)sizeof(double));
}

static int32_t *take_integers(workspace *w, int64_t count) { return take_bytes(w, count * (int64_t)sizeof(int32_t)); }

static void take_layers(workspace *w, const refnn_network *network, int64_t rows) {
    const refnn_model *model = w->model;
    double *parameters = network->parameters, *gradients = network->gradients, *buffers = network->buffers;
    double *x = take(w, rows * model->layers[0].inputs), *dx = NULL;
    for (int32_t k = 0; k < model->layer_count; k++) {
        const refnn_layer *layer = &model->layers[k];
        refnn_memory m = {.layer = layer, .buffers = buffers, .x = x, .dx = dx};
        m.a = x = take(w, rows * layer->outputs);
        m.da = dx = take(w, rows * layer->outputs);
        m.statistics = take(w, layer_statistics(layer));
        w->parameter_count += layer_parameters(layer);
        double *sums = by_batch(layer) ? take(w, layer_parameters(layer)) : NULL; /* such a layer always needs dw */
        if (!w->memory) continue;
        split_parameters(layer, parameters, &m.w, &m.b);
        split_parameters(layer, gradients ? gradients : sums, &m.dw, &m.db);
        parameters += layer_parameters(layer);
        gradients += gradients ? layer_parameters(layer) : 0;
        buffers += buffers ? layer_buffers(layer) : 0;
        w->layers.memory[k] = m;
    }
}

/* `rows` lists of at most `stride` entries. */
static sparse_rows take_lists(workspace *w, int64_t rows, int64_t stride) {
    return (sparse_rows){.stride = stride,
                         .count = take_integers(w, rows),
                         .index = take_integers(w, rows * stride),
                         .value = take(w, rows * stride)};
}

/* Whether layer k looks for zeros among its inputs. */
static int looks_for_zeros(const refnn_model *model, int32_t k) {
    const refnn_layer *layer = &model->layers[k];
    if (layer->kind != REFNN_LINEAR || layer->inputs < SPARSE_INPUTS) return 0;
    return k == 0 || (model->layers[k - 1].kind == REFNN_RELU && layer->outputs >= SPARSE_OUTPUTS);
}

static void take_sparse(workspace *w, int64_t rows) {
    const refnn_model *model = w->model;
    w->sparse = take_bytes(w, model->layer_count * (int64_t)sizeof(sparse_inputs));
    for (int32_t k = 0; k < model->layer_count; k++) {
        const int64_t inputs = model->layers[k].inputs;
        sparse_inputs x = {0};
        if (looks_for_zeros(model, k)) {
            x.rows = take_lists(w, rows, inputs);
            x.transposed = take_lists(w, inputs, rows + 8); /* a power of two would crowd them into few lines */
        }
        if (w->memory) w->sparse[k] = x;
    }
}

/* What only the kernels need. */
static void take_fast(workspace *w, int64_t rows) {
    const refnn_model *model = w->model;
    w->alone = take_integers(w, model->layer_count);
    for (int32_t k = 0; k < model->layer_count; k++) {
        const int64_t count = refnn_layer_scratch(model->simd, &model->layers[k]);
        if (count > w->scratch_count) w->scratch_count = (count + LINE - 1) / LINE * LINE;
        if (w->memory) w->alone[k] = by_batch(&model->layers[k]);
    }
    w->which = take(w, rows);
    w->scratch = take(w, model->threads * w->scratch_count);
    w->pixels = take(w, BYTES);
    for (int32_t byte = 0; w->samples && w->samples->pixels && byte < BYTES; byte++) {
        w->pixels[byte] = pixel_value((uint8_t)byte);
    }
    take_sparse(w, rows);
}

void lay_out(workspace *w, const refnn_network *network, const refnn_samples *samples, int64_t rows) {
    const refnn_model *model = network->model;
    const int32_t outputs = last_layer(model)->outputs;
    *w = (workspace){.model = model, .samples = samples, .memory = network->workspace};
    w->layers.count = model->layer_count;
    w->layers.memory = take_bytes(w, model->layer_count * (int64_t)sizeof(refnn_memory));
    take_layers(w, network, rows);
    w->batch.losses = take(w, rows);
    w->batch.rows = takes_classes(model->loss) ? NULL : take(w, rows * outputs);
    w->batch.classes = take_integers(w, rows);
    if (model->simd != SIMD_PLAIN) take_fast(w, rows);
}

int64_t refnn_workspace_size(const refnn_model *model, int32_t rows) {
    if (!good_model(model) || rows < 1) return 0;
    const refnn_network network = {.model = model};
    workspace w;
    lay_out(&w, &network, NULL, rows);
    return w.size;
}
