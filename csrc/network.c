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
    if (!model->layers || model->layer_count < 1 || model->layers[0].kind != REFNN_LINEAR) return 0;
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

/* The workspace, and what lies in it for `rows` samples. */
typedef struct {
    const refnn_model *model;
    const refnn_samples *samples;
    team *team;
    double *x;       /* rows x inputs, and behind it every layer's outputs, rows x outputs each */
    double *d;       /* the gradients of all outputs, as these lie */
    double *losses;  /* rows */
    int64_t *which;  /* rows: the samples' numbers */
    sparse_rows sparse, columns; /* the inputs without their zeros, row by row and column by column */
    int is_sparse;   /* whether the inputs are there rather than in x */
    double pixels[256];
    int64_t size; /* in doubles */
} workspace_parts;

static workspace_parts lay_out(const refnn_model *model, const refnn_samples *samples, int64_t rows, double *memory) {
    workspace_parts w = {.model = model, .samples = samples};
    int64_t inputs = model->layers[0].inputs;
    int64_t outputs = 0;
    for (int32_t k = 0; k < model->layer_count; k++) outputs += model->layers[k].outputs;
    w.x = memory;
    w.d = w.x + rows * (inputs + outputs);
    w.losses = w.d + rows * outputs;
    w.which = (int64_t *)(w.losses + rows);
    w.size = rows * (inputs + 2 * outputs + 2);
    if (model->simd != SIMD_PLAIN && inputs >= SPARSE_INPUTS) {
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

/* What `rows` samples pass through: every layer, forward, the loss, and back again. The threads share the first layer by
 * its outputs, here and in collect, so that each finds in its own cache what it changed of the weights; and all that
 * follows by samples. */
typedef struct {
    const workspace_parts *w;
    const double *parameters;
    int32_t rows;
    int32_t with_losses, with_gradients;
    int64_t batch;    /* the samples of the mean, or 0 for the sum */
    int64_t gathered; /* so many are there already */
} passage;

/* Thread `share` of all: its part of so many columns, whole lines of the cache. */
static columns share_of(const workspace_parts *w, int64_t count, int64_t share) {
    int64_t lines = (count + 7) / 8;
    int64_t end = lines * (share + 1) / w->team->threads * 8;
    return (columns){lines * share / w->team->threads * 8, end < count ? end : count};
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
        columns j = share_of(w, outputs, share);
        if (w->is_sparse && p->with_gradients) { /* for collect */
            sparse_transpose(&w->sparse, p->rows, inputs * share / w->team->threads, inputs * (share + 1) / w->team->threads, &w->columns);
        }
        if (j.begin == j.end) continue;
        if (w->is_sparse) linear_forward_sparse(w->model->simd, p->rows, outputs, j, &w->sparse, p->parameters, b, z);
        else linear_forward(w->model->simd, p->rows, inputs, outputs, j, w->x, p->parameters, b, z);
    }
}

static void pass(const void *job, int64_t begin, int64_t end) {
    const passage *p = job;
    const workspace_parts *w = p->w;
    const refnn_model *model = w->model;
    const double *parameters = p->parameters + layer_parameters(&model->layers[0]);
    int32_t simd = model->simd, rows = (int32_t)(end - begin);

    double *x = w->x + (int64_t)p->rows * model->layers[0].inputs; /* of all rows; row n's part lies at n * width */
    for (int32_t k = 1; k < model->layer_count; k++) {
        const refnn_layer *layer = &model->layers[k];
        double *z = x + (int64_t)p->rows * layer->inputs;
        const double *x_part = x + begin * layer->inputs;
        double *z_part = z + begin * layer->outputs;
        if (layer->kind == REFNN_LINEAR) {
            const double *b = layer->bias ? parameters + (int64_t)layer->inputs * layer->outputs : NULL;
            linear_forward(simd, rows, layer->inputs, layer->outputs, (columns){0, layer->outputs}, x_part, parameters, b, z_part);
        } else {
            activation_forward(simd, layer->kind, rows, layer->inputs, x_part, z_part);
        }
        parameters += layer_parameters(layer);
        x = z;
    }
    if (!p->with_losses) return;

    double *d = w->d + (x - w->x) - (int64_t)p->rows * model->layers[0].inputs; /* where x has the last layer's outputs */
    int32_t outputs = last_layer(model)->outputs;
    for (int64_t r = begin; r < end; r++) {
        int64_t n = w->which[r];
        const double *y = w->samples->targets ? w->samples->targets + n * outputs : NULL;
        double *d_r = d + r * outputs;
        w->losses[r] = loss_and_gradient(simd, model->loss, outputs, x + r * outputs, y,
                                         w->samples->classes ? w->samples->classes[n] : 0, d_r);
        for (int32_t j = 0; p->batch && j < outputs; j++) d_r[j] = d_r[j] / (double)p->batch;
    }
    if (!p->with_gradients) return;

    for (int32_t k = model->layer_count - 1; k > 0; k--) { /* nobody asks for the gradient of the data */
        const refnn_layer *layer = &model->layers[k];
        double *d_before = d - (int64_t)p->rows * layer->inputs;
        const double *d_part = d + begin * layer->outputs;
        double *d_before_part = d_before + begin * layer->inputs;
        parameters -= layer_parameters(layer);
        if (layer->kind == REFNN_LINEAR) {
            linear_backward_input(simd, rows, layer->inputs, layer->outputs, parameters, d_part, d_before_part);
        } else {
            activation_backward(layer->kind, rows, layer->inputs, x + begin * layer->inputs, d_part, d_before_part);
        }
        x -= (int64_t)p->rows * layer->inputs;
        d = d_before;
    }
}

/* Sends `rows` samples from `position` on through the network; their outputs are then behind the other layers'. */
static int32_t pass_samples(workspace_parts *w, const double *parameters, int64_t position, int32_t rows,
                            int32_t with_losses, int32_t with_gradients, int64_t batch) {
    for (int32_t r = 0; r < rows; r++) {
        w->which[r] = sample_at(w->model, w->samples, position + r);
        if (w->which[r] < 0) return REFNN_BAD_SAMPLES;
    }
    int32_t looked_at = rows < 4 ? rows : 4;
    w->is_sparse = 0;
    if (w->sparse.stride) { /* whether zeros are worth skipping shows in the first samples */
        int64_t count = 0;
        gather_sparse(w, 0, looked_at);
        for (int32_t r = 0; r < looked_at; r++) count += w->sparse.count[r];
        w->is_sparse = count * 5 < looked_at * w->sparse.stride * 2;
    }
    passage job = {w, parameters, rows, with_losses, with_gradients, batch, looked_at};
    parallel(w->team, rows, 8, gather, &job);
    parallel(w->team, w->team->threads, 1, pass_first_layer, &job);
    parallel(w->team, rows, 8, pass, &job);
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

static void collect(const void *job, int64_t begin, int64_t end) {
    const collection *p = job;
    const workspace_parts *w = p->w;
    double *to = p->to, *x = w->x, *d = w->d;
    for (int32_t k = 0; k < w->model->layer_count; k++) {
        const refnn_layer *layer = &w->model->layers[k];
        double *db = layer->bias ? to + (int64_t)layer->inputs * layer->outputs : NULL;
        layer_gradient gradient = {p->rows, layer->inputs, layer->outputs, k == 0 && w->is_sparse ? NULL : x, &w->columns, d,
                                   to, db, p->step, p->lr};
        for (int64_t share = begin; share < end && layer->kind == REFNN_LINEAR; share++) {
            columns j = share_of(w, layer->outputs, share);
            if (j.begin < j.end) linear_backward_parameters(w->model->simd, &gradient, 0, layer->inputs, j);
        }
        to += layer_parameters(layer);
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
    double *gradients;
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

static void train(team *t, void *argument) {
    call *c = argument;
    workspace_parts *w = &c->w;
    int64_t count = refnn_parameter_count(w->model);
    w->team = t;
    for (int64_t start = c->start, end; start < c->stop; start = end) {
        int64_t batch_start = start - start % c->batch_size;
        int64_t batch_stop = batch_start + c->batch_size;
        if (batch_stop > w->samples->count) batch_stop = w->samples->count;
        end = batch_stop < c->stop ? batch_stop : c->stop;
        if (end > start + c->rows) end = start + c->rows;
        int32_t taken = (int32_t)(end - start);
        int64_t batch = c->reduction == REFNN_MEAN ? batch_stop - batch_start : 0;
        c->status = pass_samples(w, c->trained, start, taken, 1, 1, batch);
        if (c->status != REFNN_OK) return;
        c->finite &= all_finite(w->losses, taken);
        if (w->model->simd != SIMD_PLAIN && taken == batch_stop - batch_start && taken <= STEP_ROWS) {
            collect_gradients(w, c->trained, taken, 1, c->lr);
        } else {
            if (start == batch_start) memset(c->gradients, 0, count * sizeof *c->gradients);
            collect_gradients(w, c->gradients, taken, 0, 0.0);
            if (end == batch_stop) linear_update(w->model->simd, count, c->trained, c->gradients, c->lr);
        }
    }
}

int32_t refnn_train(const refnn_model *model, double *parameters, double *gradients, const refnn_samples *samples,
                    int64_t start, int64_t stop, int64_t batch_size, double lr, int32_t reduction, int32_t rows,
                    double *workspace, int32_t *finite) {
    if (!good_model(model)) return REFNN_BAD_MODEL;
    if (!good_samples(model, samples, start, stop, rows, 1) || batch_size < 1) return REFNN_BAD_SAMPLES;
    call c = {.w = lay_out(model, samples, rows, workspace), .trained = parameters, .gradients = gradients, .start = start,
              .stop = stop, .batch_size = batch_size, .lr = lr, .reduction = reduction, .rows = rows, .finite = 1};
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
        c->status = pass_samples(w, c->parameters, start, rows, 1, 0, 0);
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

int32_t refnn_evaluate(const refnn_model *model, const double *parameters, const refnn_samples *samples, int64_t start,
                       int64_t stop, int32_t rows, double *workspace, double *total, int64_t *correct) {
    if (!good_model(model)) return REFNN_BAD_MODEL;
    if (!good_samples(model, samples, start, stop, rows, 1)) return REFNN_BAD_SAMPLES;
    call c = {.w = lay_out(model, samples, rows, workspace), .parameters = parameters, .start = start, .stop = stop,
              .rows = rows, .total = total, .correct = correct};
    return run(&c, evaluate);
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

static void forward(team *t, void *argument) {
    call *c = argument;
    workspace_parts *w = &c->w;
    int32_t outputs = last_layer(w->model)->outputs;
    double *o = c->o;
    w->team = t;
    for (int64_t start = c->start; start < c->stop; start += c->rows) {
        int32_t rows = c->rows < c->stop - start ? c->rows : (int32_t)(c->stop - start);
        c->status = pass_samples(w, c->parameters, start, rows, 0, 0, 0);
        if (c->status != REFNN_OK) return;
        memcpy(o, outputs_of(w, rows), (size_t)rows * outputs * sizeof *o);
        o += (int64_t)rows * outputs;
    }
}

int32_t refnn_forward(const refnn_model *model, const double *parameters, const refnn_samples *samples, int64_t start,
                      int64_t stop, int32_t rows, double *workspace, double *o) {
    if (!good_model(model)) return REFNN_BAD_MODEL;
    if (!good_samples(model, samples, start, stop, rows, 0)) return REFNN_BAD_SAMPLES;
    call c = {.w = lay_out(model, samples, rows, workspace), .parameters = parameters, .start = start, .stop = stop,
              .rows = rows, .o = o};
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
    w->team = t;
    for (int64_t start = c->start; start < c->stop; start += c->rows) {
        int32_t rows = c->rows < c->stop - start ? c->rows : (int32_t)(c->stop - start);
        int64_t batch = c->reduction == REFNN_MEAN ? w->samples->count : 0;
        c->status = pass_samples(w, c->parameters, start, rows, 1, 1, batch);
        if (c->status != REFNN_OK) return;
        collect_gradients(w, c->gradients, rows, 0, 0.0);
    }
}

int32_t refnn_gradients(const refnn_model *model, const double *parameters, const refnn_samples *samples, int64_t start,
                        int64_t stop, int32_t reduction, int32_t rows, double *workspace, double *to) {
    if (!good_model(model)) return REFNN_BAD_MODEL;
    if (!good_samples(model, samples, start, stop, rows, 1)) return REFNN_BAD_SAMPLES;
    call c = {.w = lay_out(model, samples, rows, workspace), .parameters = parameters, .start = start, .stop = stop,
              .rows = rows, .reduction = reduction, .gradients = to};
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
