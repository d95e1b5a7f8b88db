/* Whole networks: checks what a call gets, and runs the twins or the kernels.
 *
 * With instruction set "plain" the functions of training.c do the work; with every other those of fast/train.c.
 */

#include "fast/train.h"

enum { FEW_NUMBERS = 64 };

static int is_plain(const refnn_model *model) { return model->simd == SIMD_PLAIN; }

int32_t refnn_needs_whole_batches(const refnn_model *model) {
    if (!good_model(model)) return 0;
    int whole = is_plain(model);
    for (int32_t k = 0; k < model->layer_count; k++) whole |= by_batch(&model->layers[k]);
    return whole;
}

/* Whether batches from `start` to `stop` can be computed. */
static int good_batches(const refnn_network *network, const refnn_samples *samples, int64_t start, int64_t stop,
                        int64_t batch_size) {
    if (batch_size < 1 || network->rows < 1) return 0;
    if (!refnn_needs_whole_batches(network->model)) return 1;
    return start % batch_size == 0 && (stop % batch_size == 0 || stop == samples->count) &&
           network->rows >= least(batch_size, samples->count);
}

int32_t refnn_network_outputs(const refnn_network *network, const refnn_samples *samples, int64_t start, int64_t stop,
                              double *o) {
    if (!good_model(network->model)) return REFNN_BAD_MODEL;
    if (!good_samples(network->model, samples, start, stop, 0) || network->rows < 1) return REFNN_BAD_SAMPLES;
    workspace w;
    lay_out(&w, network, samples, network->rows);
    const refnn_memory *last = &w.layers.memory[w.layers.count - 1];
    const int32_t outputs = last->layer->outputs;
    o += start * outputs;
    if (is_plain(network->model)) {
        for (int64_t position = start; position < stop; position++, o += outputs) {
            take_inputs(&w.layers, samples, sample_at(samples, position), 0);
            refnn_forward(&w.layers, 1, 0);
            memcpy(o, last->a, (size_t)outputs * sizeof *o);
        }
    } else {
        fast_outputs(&(fast_call){.w = &w, .start = start, .stop = stop, .rows = network->rows, .o = o});
    }
    return REFNN_OK;
}

int32_t refnn_predict(const refnn_model *model, int64_t count, double *o) {
    if (!good_model(model)) return REFNN_BAD_MODEL;
    const int32_t outputs = last_layer(model)->outputs;
    if (!takes_classes(model->loss)) return REFNN_OK;
    for (int64_t n = 0; n < count; n++, o += outputs) refnn_softmax_forward(outputs, o, o);
    return REFNN_OK;
}

/* Whether the twins train from `start` to `stop`. They do so with every instruction set where a step has so few numbers
 * that the kernels' preparations take longer than the work: a batch of 1 of 2-2-1 takes 0.64 of the time by the twins,
 * of 2-8-1 0.8, of 4-8-3 0.9 to 1.0, of 4-16-3 1.0 to 1.1 (EPYC, Zen 4). */
static int by_twins(const workspace *w, int64_t rows, int64_t start, int64_t stop, int64_t batch_size) {
    if (is_plain(w->model)) return 1;
    if (w->parameter_count * batch_size > FEW_NUMBERS || rows < batch_size) return 0;
    return start % batch_size == 0 && (stop % batch_size == 0 || stop == w->samples->count);
}

static int32_t train(workspace *w, const refnn_network *network, int64_t start, int64_t stop,
                     const refnn_training *how) {
    if (by_twins(w, network->rows, start, stop, how->batch_size)) {
        return refnn_epoch(&w->layers, &w->batch, w->samples, start, stop, how);
    }
    fast_call c = {.w = w,
                   .start = start,
                   .stop = stop,
                   .rows = network->rows,
                   .how = how,
                   .finite = 1,
                   .gradients = network->gradients};
    fast_train(&c);
    return c.finite;
}

static void evaluate(workspace *w, const refnn_network *network, int64_t start, int64_t stop, double *total,
                     int64_t *correct) {
    if (is_plain(network->model)) {
        refnn_evaluate(&w->layers, network->model->loss, w->samples, start, stop, total, correct);
    } else {
        fast_evaluate(&(fast_call){
            .w = w, .start = start, .stop = stop, .rows = network->rows, .total = total, .correct = correct});
    }
}

int32_t refnn_network_train(const refnn_network *network, const refnn_samples *samples, int64_t start, int64_t stop,
                            const refnn_training *how, int32_t *finite) {
    if (!good_model(network->model)) return REFNN_BAD_MODEL;
    if (!good_samples(network->model, samples, start, stop, 1)) return REFNN_BAD_SAMPLES;
    if (!good_batches(network, samples, start, stop, how->batch_size)) return REFNN_BAD_SAMPLES;
    workspace w;
    refnn_training same_loss = *how;
    same_loss.loss = network->model->loss;
    lay_out(&w, network, samples, least(network->rows, how->batch_size)); /* close together: few lines of the cache */
    *finite &= train(&w, network, start, stop, &same_loss);
    return REFNN_OK;
}

int32_t refnn_network_train_epochs(const refnn_network *network, const refnn_samples *samples,
                                   const refnn_epochs *epochs, const refnn_training *how, int32_t *finite) {
    if (!good_model(network->model)) return REFNN_BAD_MODEL;
    if (!good_samples(network->model, samples, 0, samples->count, 1)) return REFNN_BAD_SAMPLES;
    if (!good_batches(network, samples, 0, samples->count, how->batch_size)) return REFNN_BAD_SAMPLES;
    workspace w;
    refnn_training epoch = *how;
    refnn_samples ordered = *samples;
    epoch.loss = network->model->loss;
    if (epochs->order) ordered.order = epochs->order;
    lay_out(&w, network, samples, least(network->rows, samples->count));
    *finite = 1;
    for (int32_t e = 0; e < epochs->count; e++) {
        if (epochs->order) {
            refnn_epoch_order(epochs->seed, epochs->first + (uint64_t)e, (int32_t)samples->count, epochs->order);
        }
        epoch.lr = epochs->lr[e];
        epochs->losses[e] = 0.0;
        epochs->correct[e] = 0;
        w.samples = &ordered;
        *finite &= train(&w, network, 0, samples->count, &epoch);
        w.samples = samples;
        evaluate(&w, network, 0, samples->count, &epochs->losses[e], &epochs->correct[e]);
    }
    return REFNN_OK;
}

int32_t refnn_network_evaluate(const refnn_network *network, const refnn_samples *samples, int64_t start, int64_t stop,
                               double *total, int64_t *correct) {
    if (!good_model(network->model)) return REFNN_BAD_MODEL;
    if (!good_samples(network->model, samples, start, stop, 1) || network->rows < 1) return REFNN_BAD_SAMPLES;
    workspace w;
    lay_out(&w, network, samples, network->rows);
    evaluate(&w, network, start, stop, total, correct);
    return REFNN_OK;
}

/* One batch of all samples, forward and back. */
static void plain_gradients(workspace *w, int32_t reduction, double *total) {
    const int32_t rows = (int32_t)w->samples->count, loss = w->model->loss;
    const refnn_memory *last = &w->layers.memory[w->layers.count - 1];
    const int32_t outputs = last->layer->outputs;
    const refnn_targets y = {w->batch.rows, w->batch.classes};
    take_batch(&w->layers, &w->batch, w->samples, 0, rows);
    refnn_forward(&w->layers, rows, 1);
    for (int64_t n = 0; n < rows; n++) {
        *total += loss_value(loss, outputs, last->a + n * outputs, target_of(&y, n, outputs));
    }
    refnn_batch_gradient(loss, reduction, rows, outputs, last->a, &y, last->da);
    refnn_backward(&w->layers, rows);
}

int32_t refnn_network_gradients(const refnn_network *network, const refnn_samples *samples, int64_t start, int64_t stop,
                                int32_t reduction, double *total, double *gradients, double *dx) {
    if (!good_model(network->model)) return REFNN_BAD_MODEL;
    if (!good_samples(network->model, samples, start, stop, 1)) return REFNN_BAD_SAMPLES;
    if (!good_batches(network, samples, start, stop, samples->count)) return REFNN_BAD_SAMPLES;
    workspace w;
    refnn_network alone = *network;
    alone.buffers = NULL; /* they stay as they are */
    alone.gradients = gradients;
    lay_out(&w, &alone, samples, network->rows);
    w.layers.memory[0].dx = dx;
    if (is_plain(network->model)) {
        plain_gradients(&w, reduction, total);
    } else {
        const refnn_training how = {.reduction = reduction};
        fast_gradients(&(fast_call){.w = &w,
                                    .start = start,
                                    .stop = stop,
                                    .rows = network->rows,
                                    .how = &how,
                                    .total = total,
                                    .dx = dx,
                                    .with_gradients = gradients != NULL});
    }
    return REFNN_OK;
}

static int good_call(int32_t simd, int32_t rows, const refnn_layer *layer) {
    return refnn_simd_name(simd) && rows > 0 && good_layer(layer);
}

int64_t refnn_layer_scratch(int32_t simd, const refnn_layer *layer) {
    const int needed = simd != SIMD_PLAIN && layer->kind == REFNN_CONV2D && good_call(simd, 1, layer);
    return needed ? conv2d_scratch(layer) : 0;
}

int32_t refnn_layer_forward(int32_t simd, int32_t rows, const refnn_memory *m, int32_t training, double *scratch) {
    if (!good_call(simd, rows, m->layer)) return REFNN_BAD_MODEL;
    if (simd == SIMD_PLAIN) layer_forward(m, rows, training);
    else if (training && by_batch(m->layer)) fast_forward_batch(simd, m, rows, (range){0, batch_parts(m->layer)});
    else fast_forward(simd, m, (range){0, rows}, training, scratch);
    return REFNN_OK;
}

int32_t refnn_layer_backward(int32_t simd, int32_t rows, const refnn_memory *m, double *scratch) {
    if (!good_call(simd, rows, m->layer)) return REFNN_BAD_MODEL;
    if (simd == SIMD_PLAIN) {
        layer_backward(m, rows);
    } else if (by_batch(m->layer)) {
        fast_backward_batch(simd, m, rows, (range){0, batch_parts(m->layer)});
    } else {
        const collection all = {.rows = rows};
        if (m->dw) memset(m->dw, 0, (size_t)layer_weights(m->layer) * sizeof *m->dw);
        if (m->dw && m->db) memset(m->db, 0, (size_t)layer_biases(m->layer) * sizeof *m->db);
        if (m->dw) fast_collect(simd, &all, m, 0, 1, scratch);
        if (m->dx) fast_backward(simd, m, (range){0, rows}, scratch);
    }
    return REFNN_OK;
}

int32_t refnn_layer_update(int32_t simd, const refnn_memory *m, double lr) {
    if (!good_call(simd, 1, m->layer)) return REFNN_BAD_MODEL;
    refnn_memory copy = *m;
    if (simd == SIMD_PLAIN) refnn_update(&(refnn_layers){&copy, 1}, lr);
    else fast_update(simd, m, lr);
    return REFNN_OK;
}

int32_t refnn_batch_loss(const refnn_model *model, int32_t reduction, int32_t rows, const double *o,
                         const refnn_targets *y, double *losses, double *d, double *total) {
    if (!good_model(model) || rows < 1) return REFNN_BAD_MODEL;
    const int32_t outputs = last_layer(model)->outputs;
    const int32_t batch = reduction == REFNN_MEAN ? rows : 0;
    double sum = 0.0;
    for (int64_t n = 0; n < rows; n++) {
        const double *o_n = o + n * outputs;
        const target y_n = target_of(y, n, outputs);
        losses[n] = is_plain(model) ? loss_value(model->loss, outputs, o_n, y_n)
                                    : fast_loss(model, batch, o_n, y_n, d + n * outputs);
        sum += losses[n];
    }
    if (is_plain(model)) refnn_batch_gradient(model->loss, reduction, rows, outputs, o, y, d);
    *total = batch ? sum / (double)batch : sum;
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
