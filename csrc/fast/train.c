/* The calls of network.c by the kernels: see train.h. No twin in the book; csrc/training.c is the twin. */

#include "train.h"

#include "functions.h"

/* Ends of batches and of passes: the position after `start` where either ends. */
static int64_t end_of_pass(const fast_call *c, int64_t start, int64_t stop) {
    return start + c->rows < stop ? start + c->rows : stop;
}

static void train(team *t, void *call) {
    fast_call *c = call;
    workspace *w = c->w;
    const refnn_training *how = c->how;
    w->team = t;
    for (int64_t start = c->start, end; start < c->stop; start = end) {
        const int64_t batch_start = start - start % how->batch_size;
        const int64_t batch_stop = least(batch_start + how->batch_size, w->samples->count);
        end = end_of_pass(c, start, least(batch_stop, c->stop));
        const int32_t rows = (int32_t)(end - start), whole = rows == batch_stop - batch_start;
        pass p = {.w = w,
                  .rows = rows,
                  .training = 1,
                  .with_losses = 1,
                  .with_gradients = 1,
                  .batch = how->reduction == REFNN_MEAN ? batch_stop - batch_start : 0};
        const int in_one_step = whole && rows <= STEP_ROWS; /* then no gradients go to memory and back */
        if (!in_one_step && start == batch_start) {
            memset(c->gradients, 0, (size_t)w->parameter_count * sizeof *c->gradients);
        }
        pass_samples(&p, start);
        c->finite &= all_finite(w->batch.losses, rows);
        collect_gradients(w, rows, in_one_step, how->lr);
        for (int32_t k = 0; !in_one_step && end == batch_stop && k < w->layers.count; k++) {
            fast_update(w->model->simd, &w->layers.memory[k], how->lr);
        }
    }
}

static void evaluate(team *t, void *call) {
    fast_call *c = call;
    workspace *w = c->w;
    const refnn_memory *last = &w->layers.memory[w->layers.count - 1];
    const int32_t outputs = last->layer->outputs;
    w->team = t;
    for (int64_t start = c->start, end; start < c->stop; start = end) {
        end = end_of_pass(c, start, c->stop);
        pass p = {.w = w, .rows = (int32_t)(end - start), .with_losses = 1};
        pass_samples(&p, start);
        for (int32_t r = 0; r < p.rows; r++) {
            const target y = target_of(&w->samples->y, w->which[r], outputs);
            *c->total += w->batch.losses[r];
            *c->correct += classified(w->model->loss, outputs, last->a + (int64_t)r * outputs, y);
        }
    }
}

static void outputs(team *t, void *call) {
    fast_call *c = call;
    workspace *w = c->w;
    const refnn_memory *last = &w->layers.memory[w->layers.count - 1];
    double *o = c->o;
    w->team = t;
    for (int64_t start = c->start, end; start < c->stop; start = end) {
        end = end_of_pass(c, start, c->stop);
        pass p = {.w = w, .rows = (int32_t)(end - start)};
        pass_samples(&p, start);
        const int64_t count = (int64_t)p.rows * last->layer->outputs;
        memcpy(o, last->a, (size_t)count * sizeof *o);
        o += count;
    }
}

static void gradients(team *t, void *call) {
    fast_call *c = call;
    workspace *w = c->w;
    const int64_t inputs = w->model->layers[0].inputs;
    w->team = t;
    for (int64_t start = c->start, end; start < c->stop; start = end) {
        end = end_of_pass(c, start, c->stop);
        pass p = {.w = w,
                  .rows = (int32_t)(end - start),
                  .training = 1,
                  .with_losses = 1,
                  .with_gradients = c->with_gradients || c->dx,
                  .batch = c->how->reduction == REFNN_MEAN ? w->samples->count : 0};
        w->layers.memory[0].dx = c->dx ? c->dx + start * inputs : NULL;
        pass_samples(&p, start);
        for (int32_t r = 0; r < p.rows; r++) *c->total += w->batch.losses[r];
        if (c->with_gradients) collect_gradients(w, p.rows, 0, 0.0);
    }
}

void fast_train(fast_call *c) { with_team(c->w->model->threads, train, c); }

void fast_evaluate(fast_call *c) { with_team(c->w->model->threads, evaluate, c); }

void fast_outputs(fast_call *c) { with_team(c->w->model->threads, outputs, c); }

void fast_gradients(fast_call *c) { with_team(c->w->model->threads, gradients, c); }
