/* A batch through the layers and back: see pass.h. No twin in the book; csrc/training.c is the twin.
 *
 * Threads share linear layers that are the first or look for zeros by their outputs, here and in collect_gradients, so
 * that each finds in its own cache the weights that it changed; a layer by_batch by its parts; and everything else by
 * samples.
 */

#include "pass.h"

enum { GRAIN = 8 }; /* rows of which one number each fills a line of the cache */

int all_finite(const double *x, int64_t count) {
    int finite = 1;
    for (int64_t k = 0; k < count; k++) finite &= is_finite(x[k]);
    return finite;
}

/* A layer whose inputs are gathered, or looked through for zeros. */
typedef struct {
    const pass *p;
    int64_t k;        /* its number */
    int64_t gathered; /* rows whose zeros are left out already */
} gathering;

static void gather(const void *job, int64_t begin, int64_t end) {
    const gathering *layer = job;
    const workspace *w = layer->p->w;
    if (!w->sparse[layer->k].is_used) gather_dense(w, begin, end);
    else gather_sparse(w, layer->k, begin > layer->gathered ? begin : layer->gathered, end);
}

static void forward_share(const void *job, int64_t begin, int64_t end) {
    const gathering *of = job;
    const pass *p = of->p;
    const workspace *w = p->w;
    const sparse_inputs *x = &w->sparse[of->k];
    const refnn_memory *m = &w->layers.memory[of->k];
    const refnn_layer *layer = m->layer;
    for (int64_t share = begin; share < end; share++) {
        range j = share_of_lines(layer->outputs, share, w->team->threads);
        if (x->is_used && p->with_gradients) { /* for collect_gradients */
            sparse_transpose(&x->rows, p->rows, share_of(layer->inputs, share, w->team->threads), &x->transposed);
        }
        if (j.begin == j.end) continue;
        if (x->is_used) linear_forward_sparse(w->model->simd, p->rows, layer, j, &x->rows, m->w, m->b, m->a);
        else linear_forward(w->model->simd, p->rows, layer, j, m->x, m->w, m->b, m->a);
    }
}

/* Layer k, which may be the first, or a linear layer that looks for zeros: gathers its inputs, and computes it if it is
 * linear. */
static void forward_gathered(const pass *p, int64_t k) {
    enum {
        PROBE = 4, /* rows that are searched for zeros before the choice */
        /* Rows from which skipping zeros pays behind ReLU, except for a single row. With 1024 x 1024 weights and AVX2,
         * 10 and 32 take 1.3 of the time, 1 and 128 take 0.75 and 0.9. (EPYC, Zen 4; training) */
        MANY = 48,
    };
    workspace *w = p->w;
    sparse_inputs *x = &w->sparse[k];
    gathering job = {p, k, 0};
    x->is_used = 0;
    if (x->rows.stride && (k == 0 || p->rows == 1 || p->rows >= MANY)) {
        job.gathered = least(p->rows, PROBE);
        gather_sparse(w, k, 0, job.gathered);
        x->is_used = zeros_pay(w, k, job.gathered);
    }
    if (k == 0 || x->is_used) parallel(w->team, p->rows, GRAIN, gather, &job);
    if (w->model->layers[k].kind == REFNN_LINEAR) parallel(w->team, w->team->threads, 1, forward_share, &job);
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
        while (job.layers.end < count && !is_alone(p, job.layers.end) && !p->w->sparse[job.layers.end].rows.stride) {
            job.layers.end++;
        }
        if (job.layers.end > k) {
            parallel(t, t->threads, 1, forward_run, &job);
            k = job.layers.end;
        } else if (p->w->sparse[k].rows.stride) {
            forward_gathered(p, k++);
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
    workspace *w = p->w;
    team *t = w->team;
    for (int32_t r = 0; r < p->rows; r++) w->which[r] = sample_at(w->samples, position + r);
    forward_gathered(p, 0);
    forward_layers(p, w->model->layers[0].kind == REFNN_LINEAR ? 1 : 0);
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
        what.transposed = w->sparse[k].is_used ? &w->sparse[k].transposed : NULL;
        for (int64_t share = begin; share < end; share++) {
            fast_collect(w->model->simd, &what, &w->layers.memory[k], share, w->team->threads,
                         w->scratch + share * w->scratch_count);
        }
    }
}

void collect_gradients(workspace *w, int32_t rows, int32_t step, double lr) {
    for (int32_t k = 0; k < w->layers.count; k++) {
        const refnn_memory *m = &w->layers.memory[k];
        sparse_inputs *x = &w->sparse[k];
        if (!x->is_used || all_finite(m->da, (int64_t)rows * m->layer->outputs)) continue;
        x->is_used = 0; /* 0 * infinity is not 0 */
        if (k == 0) gather_dense(w, 0, rows);
    }
    const collecting job = {w, {.rows = rows, .step = step, .lr = lr}};
    parallel(w->team, w->team->threads, 1, collect, &job);
}
