/* A batch through the layers and back: see pass.h. No twin in the book; csrc/training.c is the twin.
 *
 * Threads share a first linear layer by its outputs, here and in collect_gradients, so that each finds in its own cache
 * the weights that it changed; a layer by_batch by its parts; and everything else by samples.
 */

#include "pass.h"

int all_finite(const double *x, int64_t count) {
    int finite = 1;
    for (int64_t k = 0; k < count; k++) finite &= is_finite(x[k]);
    return finite;
}

static void gather(const void *job, int64_t begin, int64_t end) {
    const pass *p = job;
    if (p->w->is_sparse) gather_sparse(p->w, begin > p->gathered ? begin : p->gathered, end);
    else gather_dense(p->w, begin, end);
}

static void first_forward(const void *job, int64_t begin, int64_t end) {
    const pass *p = job;
    const workspace *w = p->w;
    const refnn_memory *m = &w->layers.memory[0];
    const refnn_layer *layer = m->layer;
    for (int64_t share = begin; share < end; share++) {
        range j = share_of_lines(layer->outputs, share, w->team->threads);
        if (w->is_sparse && p->with_gradients) { /* for collect_gradients */
            sparse_transpose(&w->sparse, p->rows, share_of(layer->inputs, share, w->team->threads), &w->transposed);
        }
        if (j.begin == j.end) continue;
        if (w->is_sparse) linear_forward_sparse(w->model->simd, p->rows, layer, j, &w->sparse, m->w, m->b, m->a);
        else linear_forward(w->model->simd, p->rows, layer, j, m->x, m->w, m->b, m->a);
    }
}

/* Layers begin ... end - 1, neighbours: one after another for a thread's samples, or a single layer by_batch. */
typedef struct {
    const pass *p;
    range layers;
} run;

static void forward_run(const void *job, int64_t begin, int64_t end) {
    const run *layers = job;
    const pass *p = layers->p;
    const workspace *w = p->w;
    for (int64_t share = begin; share < end; share++) {
        range n = share_of_lines(p->rows, share, w->team->threads);
        for (int64_t k = layers->layers.begin; k < layers->layers.end && n.begin < n.end; k++) {
            fast_forward(w->model->simd, &w->layers.memory[k], n, p->training, w->scratch + share * w->scratch_count);
        }
    }
}

static void backward_run(const void *job, int64_t begin, int64_t end) {
    const run *layers = job;
    const pass *p = layers->p;
    const workspace *w = p->w;
    for (int64_t share = begin; share < end; share++) {
        range n = share_of_lines(p->rows, share, w->team->threads);
        for (int64_t k = layers->layers.end - 1; k >= layers->layers.begin && n.begin < n.end; k--) {
            fast_backward(w->model->simd, &w->layers.memory[k], n, w->scratch + share * w->scratch_count);
        }
    }
}

static void forward_batch(const void *job, int64_t begin, int64_t end) {
    const run *layer = job;
    const workspace *w = layer->p->w;
    const refnn_memory *m = &w->layers.memory[layer->layers.begin];
    for (int64_t share = begin; share < end; share++) {
        range parts = share_of(batch_parts(m->layer), share, w->team->threads);
        fast_forward_batch(w->model->simd, m, layer->p->rows, parts);
    }
}

static void backward_batch(const void *job, int64_t begin, int64_t end) {
    const run *layer = job;
    const workspace *w = layer->p->w;
    const refnn_memory *m = &w->layers.memory[layer->layers.begin];
    for (int64_t share = begin; share < end; share++) {
        range parts = share_of(batch_parts(m->layer), share, w->team->threads);
        fast_backward_batch(w->model->simd, m, layer->p->rows, parts);
    }
}

/* Whether layer k takes the samples together in this pass. */
static int is_alone(const pass *p, int64_t k) { return p->training && p->w->alone[k]; }

static void forward_layers(const pass *p, int64_t k) {
    team *t = p->w->team;
    const int64_t count = p->w->layers.count;
    while (k < count) {
        run job = {p, {k, k}};
        while (job.layers.end < count && !is_alone(p, job.layers.end)) job.layers.end++;
        if (job.layers.end > k) {
            parallel(t, t->threads, 1, forward_run, &job);
            k = job.layers.end;
        } else {
            parallel(t, t->threads, 1, forward_batch, &job);
            k++;
        }
    }
}

static void backward_layers(const pass *p) {
    team *t = p->w->team;
    const int64_t first = p->w->layers.memory[0].dx || is_alone(p, 0) ? 0 : 1; /* most often nobody needs dL/dx */
    int64_t k = p->w->layers.count;
    while (k > first) {
        run job = {p, {k, k}};
        while (job.layers.begin > first && !is_alone(p, job.layers.begin - 1)) job.layers.begin--;
        if (job.layers.begin < k) {
            parallel(t, t->threads, 1, backward_run, &job);
            k = job.layers.begin;
        } else {
            job.layers.begin = --k;
            parallel(t, t->threads, 1, backward_batch, &job);
        }
    }
}

/* The loss of each sample and its gradient. */
static void losses(const void *job, int64_t begin, int64_t end) {
    const pass *p = job;
    const workspace *w = p->w;
    const refnn_memory *last = &w->layers.memory[w->layers.count - 1];
    const int32_t outputs = last->layer->outputs;
    for (int64_t r = begin; r < end; r++) {
        const target y = target_of(&w->samples->y, w->which[r], outputs);
        w->batch.losses[r] = fast_loss(w->model, p->batch, last->a + r * outputs, y, last->da + r * outputs);
    }
}

void pass_samples(pass *p, int64_t position) {
    enum { PROBE = 4 }; /* rows that are searched for zeros before the choice */
    enum { GRAIN = 8 }; /* rows whose losses, one number each, fill a line of the cache */
    workspace *w = p->w;
    team *t = w->team;
    int64_t k = 0;
    for (int32_t r = 0; r < p->rows; r++) w->which[r] = sample_at(w->samples, position + r);
    w->is_sparse = 0;
    p->gathered = 0;
    if (w->sparse.stride) {
        p->gathered = least(p->rows, PROBE);
        gather_sparse(w, 0, p->gathered);
        w->is_sparse = mostly_zero(w, (int32_t)p->gathered);
    }
    parallel(t, p->rows, GRAIN, gather, p);
    if (w->model->layers[0].kind == REFNN_LINEAR) {
        parallel(t, t->threads, 1, first_forward, p);
        k = 1;
    }
    forward_layers(p, k);
    if (p->with_losses) parallel(t, p->rows, GRAIN, losses, p);
    if (p->with_gradients) backward_layers(p);
}

typedef struct {
    const workspace *w;
    collection what;
} collecting;

static void collect(const void *job, int64_t begin, int64_t end) {
    const collecting *p = job;
    const workspace *w = p->w;
    collection what = p->what;
    for (int32_t k = 0; k < w->layers.count; k++) {
        if (!w->layers.memory[k].w && !w->layers.memory[k].b) continue;
        what.transposed = k == 0 && w->is_sparse ? &w->transposed : NULL;
        for (int64_t share = begin; share < end; share++) {
            fast_collect(w->model->simd, &what, &w->layers.memory[k], share, w->team->threads,
                         w->scratch + share * w->scratch_count);
        }
    }
}

void collect_gradients(workspace *w, int32_t rows, int32_t step, double lr) {
    const refnn_memory *first = &w->layers.memory[0];
    if (w->is_sparse && !all_finite(first->da, (int64_t)rows * first->layer->outputs)) { /* 0 * infinity is not 0 */
        gather_dense(w, 0, rows);
        w->is_sparse = 0;
    }
    const collecting job = {w, {.rows = rows, .step = step, .lr = lr}};
    parallel(w->team, w->team->threads, 1, collect, &job);
}
