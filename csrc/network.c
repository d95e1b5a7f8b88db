/* The network, layers in a row: the twin of refnn/reference/network.py.
 *
 * Samples go through the layers `rows` at a time; the workspace holds what that takes. Linear layers, activations and
 * losses are those of matmul.h: the twins' functions, made fast.
 */

#include "matmul.h"

#define PIXEL_MAX 255.0

enum { SPARSE_INPUTS = 32 }; /* so many inputs are looked through for zeros */

static int64_t layer_parameters(const refnn_layer *layer) {
    if (layer->kind != REFNN_LINEAR) return 0;
    return (int64_t)layer->inputs * layer->outputs + (layer->bias ? layer->outputs : 0);
}

static const refnn_layer *last_layer(const refnn_model *model) { return &model->layers[model->layer_count - 1]; }

static int good_model(const refnn_model *model) {
    if (!model->layers || model->layer_count < 1) return 0;
    if (model->loss < REFNN_SSE || model->loss > REFNN_CROSS_ENTROPY) return 0;
    if (model->init < REFNN_UNIFORM || model->init > REFNN_FAN_OUT) return 0;
    if (!refnn_simd_name(model->simd) || model->threads < 1) return 0;
    int64_t count = 0;
    for (int32_t k = 0; k < model->layer_count; k++) {
        const refnn_layer *layer = &model->layers[k];
        if (layer->kind < REFNN_LINEAR || layer->kind > REFNN_SOFTMAX) return 0;
        if (layer->inputs < 1 || layer->outputs < 1) return 0;
        if (layer->kind != REFNN_LINEAR && layer->inputs != layer->outputs) return 0;
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

/* The workspace, and what lies in it. */
typedef struct {
    const refnn_model *model;
    const refnn_samples *samples;
    processor p;
    double *x;         /* rows x inputs, and behind it every layer's outputs, rows x outputs */
    double *d;         /* rows x the widest layer: the gradient of a layer's outputs */
    double *d_before;  /* and of the layer before it */
    double *losses;    /* rows */
    int64_t *which;    /* rows: the samples' numbers */
    sparse_rows sparse, columns; /* the inputs without their zeros, row by row and column by column */
    int is_sparse;     /* whether the inputs are there rather than in x */
    double pixels[256];
    int64_t size; /* in doubles */
} workspace_parts;

static int64_t widest_layer(const refnn_model *model) {
    int64_t widest = model->layers[0].inputs;
    for (int32_t k = 0; k < model->layer_count; k++) {
        if (model->layers[k].outputs > widest) widest = model->layers[k].outputs;
    }
    return widest;
}

static workspace_parts lay_out(const refnn_model *model, const refnn_samples *samples, int64_t rows, double *memory) {
    workspace_parts w = {.model = model, .samples = samples, .p = {model->simd, model->threads}};
    int64_t inputs = model->layers[0].inputs;
    int64_t widest = widest_layer(model);
    int64_t widths = inputs;
    for (int32_t k = 0; k < model->layer_count; k++) widths += model->layers[k].outputs;
    w.x = memory;
    w.d = w.x + rows * widths;
    w.d_before = w.d + rows * widest;
    w.losses = w.d_before + rows * widest;
    w.which = (int64_t *)(w.losses + rows);
    w.size = rows * (widths + 2 * widest + 2);
    if (model->simd != 0 && inputs >= SPARSE_INPUTS) {
        w.sparse.stride = inputs;
        w.columns.stride = rows + 8; /* not a power of two, which would crowd the lists into few lines of the cache */
        w.sparse.value = memory + w.size;
        w.columns.value = w.sparse.value + rows * inputs;
        w.sparse.index = (int32_t *)(w.columns.value + w.columns.stride * inputs);
        w.columns.index = w.sparse.index + rows * inputs;
        w.sparse.count = w.columns.index + w.columns.stride * inputs;
        w.columns.count = w.sparse.count + rows;
        w.size += ((rows + w.columns.stride) * inputs * 3 + rows + inputs + 1) / 2;
    }
    for (int32_t value = 0; samples && samples->pixels && value < 256; value++) w.pixels[value] = value / PIXEL_MAX;
    return w;
}

int64_t refnn_workspace_size(const refnn_model *model, int32_t rows) {
    return good_model(model) && rows >= 1 ? lay_out(model, NULL, rows, NULL).size : 0;
}

int32_t refnn_initialise(const refnn_model *model, uint64_t seed, double *parameters) {
    enum { PARAMETERS = 1 };
    if (!good_model(model)) return REFNN_BAD_MODEL;
    uint64_t random = refnn_stream(seed, PARAMETERS);
    for (int32_t k = 0; k < model->layer_count; k++) {
        const refnn_layer *layer = &model->layers[k];
        if (layer->kind != REFNN_LINEAR) continue;
        double *b = parameters + (int64_t)layer->inputs * layer->outputs;
        refnn_linear_init(&random, model->init, layer->inputs, layer->outputs, parameters, layer->bias ? b : NULL);
        parameters += layer_parameters(layer);
    }
    return REFNN_OK;
}

static void gather_sparse(const void *job, int64_t begin, int64_t end) {
    const workspace_parts *w = job;
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
                uint64_t eight = 1;
                if (i + 8 <= inputs) memcpy(&eight, x + i, 8);
                int64_t end_of_eight = i + 8 <= inputs ? i + 8 : inputs;
                if (eight == 0) i = end_of_eight;
                for (; i < end_of_eight; i++) {
                    index[count] = (int32_t)i;
                    value[count] = w->pixels[x[i]];
                    count += x[i] != 0;
                }
            }
        }
        w->sparse.count[r] = (int32_t)count;
    }
}

static void gather_dense(const void *job, int64_t begin, int64_t end) {
    const workspace_parts *w = job;
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

/* Takes the inputs of `rows` samples from `position` on. */
static int32_t gather(workspace_parts *w, int64_t position, int32_t rows) {
    int32_t inputs = w->model->layers[0].inputs;
    for (int32_t r = 0; r < rows; r++) {
        w->which[r] = sample_at(w->model, w->samples, position + r);
        if (w->which[r] < 0) return REFNN_BAD_SAMPLES;
    }
    w->is_sparse = 0;
    if (w->sparse.stride) {
        int64_t count = 0;
        parallel(w->p.threads, rows, 1, gather_sparse, w);
        for (int32_t r = 0; r < rows; r++) count += w->sparse.count[r];
        w->is_sparse = count * 5 < (int64_t)rows * inputs * 2; /* below two fifths it pays */
    }
    if (!w->is_sparse) parallel(w->p.threads, rows, 8, gather_dense, w);
    return REFNN_OK;
}

/* Every layer's output, one behind the other, from what gather took. Returns the last. */
static double *forward(const workspace_parts *w, const double *parameters, int32_t rows) {
    double *x = w->x;
    for (int32_t k = 0; k < w->model->layer_count; k++) {
        const refnn_layer *layer = &w->model->layers[k];
        double *z = x + (int64_t)rows * layer->inputs;
        const double *b = layer->bias ? parameters + (int64_t)layer->inputs * layer->outputs : NULL;
        if (layer->kind != REFNN_LINEAR) {
            activation_forward(w->p, layer->kind, rows, layer->inputs, x, z);
        } else if (k == 0 && w->is_sparse) {
            linear_forward_sparse(w->p, rows, layer->outputs, &w->sparse, parameters, b, z);
        } else {
            linear_forward(w->p, rows, layer->inputs, layer->outputs, x, parameters, b, z);
        }
        parameters += layer_parameters(layer);
        x = z;
    }
    return x;
}

static void take_losses(const workspace_parts *w, int32_t rows, const double *o, int32_t with_gradient, int64_t batch) {
    loss_rows job = {.p = w->p, .loss = w->model->loss, .outputs = last_layer(w->model)->outputs, .o = o,
                     .which = w->which, .targets = w->samples->targets, .classes = w->samples->classes,
                     .losses = w->losses, .d = w->d, .with_gradient = with_gradient, .batch = batch};
    losses_and_gradients(&job, rows);
}

static int all_finite(const double *x, int64_t count) {
    int finite = 1;
    for (int64_t k = 0; k < count; k++) finite &= is_finite(x[k]);
    return finite;
}

/* From the outputs o of forward and their gradient in w->d: adds to `gradients`, or, where that is NULL, makes the step of
 * a whole batch, parameters -= lr * gradients, each layer once its gradient has gone on to the layer before it. */
static void backward(workspace_parts *w, double *parameters, int32_t rows, double *o, double *gradients, double lr) {
    double *a = o, *d = w->d, *d_before = w->d_before;
    for (int32_t k = 0; k < w->model->layer_count; k++) {
        parameters += layer_parameters(&w->model->layers[k]);
        if (gradients) gradients += layer_parameters(&w->model->layers[k]);
    }
    for (int32_t k = w->model->layer_count - 1; k >= 0; k--) {
        const refnn_layer *layer = &w->model->layers[k];
        int32_t inputs = layer->inputs, outputs = layer->outputs;
        int64_t weights = (int64_t)inputs * outputs;
        double *x = a - (int64_t)rows * inputs;
        a = x;
        if (layer->kind != REFNN_LINEAR) {
            activation_backward(w->p, layer->kind, rows, inputs, x + (int64_t)rows * inputs, d, d);
            continue;
        }
        parameters -= layer_parameters(layer);
        if (gradients) gradients -= layer_parameters(layer);
        double *b = layer->bias ? parameters + weights : NULL;
        double *db = layer->bias && gradients ? gradients + weights : NULL;
        if (k > 0) { /* nobody asks for the gradient of the data */
            linear_backward_input(w->p, rows, inputs, outputs, parameters, d, d_before);
        } else if (w->is_sparse && !all_finite(d, (int64_t)rows * outputs)) { /* 0 * infinity is not 0 */
            gather_dense(w, 0, rows);
            w->is_sparse = 0;
        }
        int sparse = k == 0 && w->is_sparse;
        if (gradients && sparse) {
            linear_backward_parameters_sparse(w->p, rows, inputs, outputs, &w->sparse, d, gradients, db, &w->columns);
        } else if (gradients) {
            linear_backward_parameters(w->p, rows, inputs, outputs, x, d, gradients, db);
        } else if (sparse) {
            linear_step_sparse(w->p, rows, inputs, outputs, &w->sparse, d, parameters, b, lr, &w->columns);
        } else {
            linear_step(w->p, rows, inputs, outputs, x, d, parameters, b, lr);
        }
        double *swapped = d;
        d = d_before;
        d_before = swapped;
    }
}

int32_t refnn_train(const refnn_model *model, double *parameters, double *gradients, const refnn_samples *samples,
                    int64_t start, int64_t stop, int64_t batch_size, double lr, int32_t reduction, int32_t rows,
                    double *workspace, int32_t *finite) {
    int64_t count = refnn_parameter_count(model);
    if (count == 0) return REFNN_BAD_MODEL;
    if (!good_samples(model, samples, start, stop, rows, 1) || batch_size < 1) return REFNN_BAD_SAMPLES;
    workspace_parts w = lay_out(model, samples, rows, workspace);
    *finite = 1;
    while (start < stop) {
        int64_t batch_start = start - start % batch_size;
        int64_t batch_stop = batch_start + batch_size < samples->count ? batch_start + batch_size : samples->count;
        int64_t end = batch_stop < stop ? batch_stop : stop;
        if (end > start + rows) end = start + rows;
        int32_t taken = (int32_t)(end - start);
        if (gather(&w, start, taken) != REFNN_OK) return REFNN_BAD_SAMPLES;
        double *o = forward(&w, parameters, taken);
        take_losses(&w, taken, o, 1, reduction == REFNN_MEAN ? batch_stop - batch_start : 0);
        *finite &= all_finite(w.losses, taken);
        if (model->simd != 0 && taken == batch_stop - batch_start && taken <= STEP_ROWS) {
            backward(&w, parameters, taken, o, NULL, lr);
        } else {
            if (start == batch_start) memset(gradients, 0, count * sizeof *gradients);
            backward(&w, parameters, taken, o, gradients, 0.0);
            if (end == batch_stop) linear_update(w.p, count, parameters, gradients, lr);
        }
        start = end;
    }
    return REFNN_OK;
}

int32_t refnn_evaluate(const refnn_model *model, const double *parameters, const refnn_samples *samples, int64_t start,
                       int64_t stop, int32_t rows, double *workspace, double *total, int64_t *correct) {
    if (!good_model(model)) return REFNN_BAD_MODEL;
    if (!good_samples(model, samples, start, stop, rows, 1)) return REFNN_BAD_SAMPLES;
    workspace_parts w = lay_out(model, samples, rows, workspace);
    int32_t outputs = last_layer(model)->outputs;
    for (; start < stop; start += rows) {
        if (rows > stop - start) rows = (int32_t)(stop - start);
        if (gather(&w, start, rows) != REFNN_OK) return REFNN_BAD_SAMPLES;
        double *o = forward(&w, parameters, rows);
        take_losses(&w, rows, o, 0, 0);
        for (int32_t r = 0; r < rows; r++) {
            *total += w.losses[r];
            int32_t right = model->loss == REFNN_CROSS_ENTROPY ? samples->classes[w.which[r]]
                                                               : refnn_argmax(outputs, samples->targets + w.which[r] * outputs);
            *correct += refnn_argmax(outputs, o + (int64_t)r * outputs) == right;
        }
    }
    return REFNN_OK;
}

int32_t refnn_train_epochs(const refnn_model *model, double *parameters, double *gradients, const refnn_samples *samples,
                           int32_t shuffle, uint64_t seed, uint64_t first_epoch, int32_t epochs, const double *lr,
                           int32_t *order, int64_t batch_size, int32_t reduction, int32_t rows, double *workspace,
                           double *losses, int64_t *correct, int32_t *finite) {
    refnn_samples ordered = *samples;
    int32_t all_epochs_finite = 1;
    if (shuffle) ordered.order = order;
    for (int32_t e = 0; e < epochs; e++) {
        if (shuffle) refnn_epoch_order(seed, first_epoch + e, (int32_t)samples->count, order);
        int32_t status = refnn_train(model, parameters, gradients, &ordered, 0, samples->count, batch_size, lr[e], reduction,
                                     rows, workspace, finite);
        if (status != REFNN_OK) return status;
        all_epochs_finite &= *finite;
        losses[e] = 0.0;
        correct[e] = 0;
        status = refnn_evaluate(model, parameters, samples, 0, samples->count, rows, workspace, &losses[e], &correct[e]);
        if (status != REFNN_OK) return status;
    }
    *finite = all_epochs_finite;
    return REFNN_OK;
}

int32_t refnn_forward(const refnn_model *model, const double *parameters, const refnn_samples *samples, int64_t start,
                      int64_t stop, int32_t rows, double *workspace, double *o) {
    if (!good_model(model)) return REFNN_BAD_MODEL;
    if (!good_samples(model, samples, start, stop, rows, 0)) return REFNN_BAD_SAMPLES;
    workspace_parts w = lay_out(model, samples, rows, workspace);
    int32_t outputs = last_layer(model)->outputs;
    for (; start < stop; start += rows) {
        if (rows > stop - start) rows = (int32_t)(stop - start);
        if (gather(&w, start, rows) != REFNN_OK) return REFNN_BAD_SAMPLES;
        memcpy(o, forward(&w, parameters, rows), (size_t)rows * outputs * sizeof *o);
        o += (int64_t)rows * outputs;
    }
    return REFNN_OK;
}

int32_t refnn_predict(const refnn_model *model, int64_t count, double *o) {
    if (!good_model(model)) return REFNN_BAD_MODEL;
    int32_t outputs = last_layer(model)->outputs;
    for (int64_t n = 0; model->loss == REFNN_CROSS_ENTROPY && n < count; n++) {
        refnn_activation_forward(REFNN_SOFTMAX, outputs, o + n * outputs, o + n * outputs);
    }
    return REFNN_OK;
}

int32_t refnn_gradients(const refnn_model *model, const double *parameters, const refnn_samples *samples, int64_t start,
                        int64_t stop, int32_t reduction, int32_t rows, double *workspace, double *gradients) {
    if (!good_model(model)) return REFNN_BAD_MODEL;
    if (!good_samples(model, samples, start, stop, rows, 1)) return REFNN_BAD_SAMPLES;
    workspace_parts w = lay_out(model, samples, rows, workspace);
    for (; start < stop; start += rows) {
        if (rows > stop - start) rows = (int32_t)(stop - start);
        if (gather(&w, start, rows) != REFNN_OK) return REFNN_BAD_SAMPLES;
        double *o = forward(&w, parameters, rows);
        take_losses(&w, rows, o, 1, reduction == REFNN_MEAN ? samples->count : 0);
        backward(&w, (double *)parameters, rows, o, gradients, 0.0);
    }
    return REFNN_OK;
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
