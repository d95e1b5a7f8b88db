/* One layer through the kernels: see layer.h. No twin in the book; csrc/model.c does the same with the twins. */

#include "layer.h"

#include "functions.h"

range share_of(int64_t count, int64_t share, int64_t shares) {
    return (range){count * share / shares, count * (share + 1) / shares};
}

range share_of_lines(int64_t count, int64_t share, int64_t shares) {
    enum { LINE = 8 }; /* doubles: no two threads write to the same line */
    if (shares == 1) return (range){0, count};
    const range lines = share_of((count + LINE - 1) / LINE, share, shares);
    return (range){lines.begin * LINE, least(lines.end * LINE, count)};
}

int by_batch(const refnn_layer *layer) {
    switch (layer->kind) {
    case REFNN_LINEAR:
    case REFNN_CONV2D:
        return 0;
    default:
        return kind_of(layer)->whole_batches || layer_parameters(layer) > 0;
    }
}

int64_t batch_parts(const refnn_layer *layer) { return layer->kind == REFNN_BATCHNORM2D ? layer->x.channels : 1; }

/* The memory of the samples from n.begin on; in *part, if it has to be another. */
static const refnn_memory *rows_of(const refnn_memory *m, range n, refnn_memory *part) {
    if (n.begin == 0) return m;
    *part = *m;
    part->x += n.begin * m->layer->inputs;
    part->a += n.begin * m->layer->outputs;
    if (m->dx) part->dx += n.begin * m->layer->inputs;
    if (m->da) part->da += n.begin * m->layer->outputs;
    return part;
}

void fast_forward(int32_t simd, const refnn_memory *m, range n, int32_t training, double *scratch) {
    const refnn_layer *layer = m->layer;
    const int32_t rows = (int32_t)(n.end - n.begin);
    const double *x = m->x + n.begin * layer->inputs;
    double *a = m->a + n.begin * layer->outputs;
    switch (layer->kind) {
    case REFNN_LINEAR:
        linear_forward(simd, rows, layer, (range){0, layer->outputs}, x, m->w, m->b, a);
        break;
    case REFNN_CONV2D:
        conv2d_forward(simd, rows, layer, x, m->w, m->b, a, scratch);
        break;
    case REFNN_MAXPOOL2D:
        maxpool2d_forward(simd, rows, layer, x, a);
        break;
    case REFNN_BATCHNORM2D: {
        const refnn_batchnorm batch = {rows, layer, x, m->buffers, m->buffers + layer->x.channels, m->w, m->b};
        batchnorm2d_forward(simd, &batch, (range){0, layer->x.channels}, a);
        break;
    }
    default:
        if (activation_forward(simd, layer->kind, (int64_t)rows * layer->inputs, x, a)) break;
        refnn_memory part;
        layer_forward(rows_of(m, n, &part), rows, training);
    }
}

void fast_backward(int32_t simd, const refnn_memory *m, range n, double *scratch) {
    const refnn_layer *layer = m->layer;
    const int32_t rows = (int32_t)(n.end - n.begin);
    const double *x = m->x + n.begin * layer->inputs, *a = m->a + n.begin * layer->outputs;
    const double *da = m->da + n.begin * layer->outputs;
    double *dx = m->dx + n.begin * layer->inputs;
    switch (layer->kind) {
    case REFNN_LINEAR:
        linear_backward_input(simd, rows, layer, m->w, da, dx);
        break;
    case REFNN_CONV2D:
        conv2d_backward_input(simd, rows, layer, m->w, da, dx, scratch);
        break;
    case REFNN_MAXPOOL2D:
        maxpool2d_backward(simd, rows, layer, x, da, dx);
        break;
    default:
        if (activation_backward(simd, layer->kind, (int64_t)rows * layer->inputs, a, da, dx)) break;
        refnn_memory part;
        layer_backward(rows_of(m, n, &part), rows);
    }
}

void fast_forward_batch(int32_t simd, const refnn_memory *m, int32_t rows, range parts) {
    const refnn_layer *layer = m->layer;
    if (layer->kind != REFNN_BATCHNORM2D) {
        if (parts.begin < parts.end) layer_forward(m, rows, 1);
        return;
    }
    const int32_t count = layer->x.channels;
    const double size = (double)((int64_t)rows * layer->x.height * layer->x.width);
    double *mean = m->statistics, *squares = mean + count, *variance = squares + count;
    const refnn_batchnorm batch = {rows, layer, m->x, mean, variance, m->w, m->b};
    batchnorm2d_statistics(simd, rows, layer, parts, m->x, mean, squares);
    for (int64_t c = parts.begin; c < parts.end; c++) variance[c] = squares[c] / size;
    batchnorm2d_forward(simd, &batch, parts, m->a);
    if (!m->buffers) return;
    double *running_mean = m->buffers + parts.begin, *running_variance = running_mean + count;
    refnn_batchnorm2d_track((int32_t)(parts.end - parts.begin), running_mean, running_variance, mean + parts.begin,
                            squares + parts.begin, size, layer->momentum);
}

void fast_backward_batch(int32_t simd, const refnn_memory *m, int32_t rows, range parts) {
    if (m->layer->kind == REFNN_BATCHNORM2D) {
        const double *mean = m->statistics, *variance = mean + 2 * (int64_t)m->layer->x.channels;
        const refnn_batchnorm batch = {rows, m->layer, m->x, mean, variance, m->w, m->b};
        batchnorm2d_backward(simd, &batch, parts, m->da, m->dx, m->dw, m->db);
    } else if (parts.begin < parts.end) {
        layer_backward(m, rows);
    }
}

double fast_loss(const refnn_model *model, int64_t batch, const double *o, target y, double *d) {
    const int32_t outputs = last_layer(model)->outputs;
    const double loss = loss_and_gradient(model->simd, model->loss, outputs, o, y, d);
    for (int32_t j = 0; batch && j < outputs; j++) d[j] = d[j] / (double)batch;
    return loss;
}

void fast_collect(int32_t simd, const collection *p, const refnn_memory *m, int64_t share, int64_t shares,
                  double *scratch) {
    const refnn_layer *layer = m->layer;
    double *dw = p->step ? m->w : m->dw, *db = p->step ? m->b : m->db;
    const layer_gradient gradient = {p->rows, layer, p->transposed ? NULL : m->x, p->transposed, m->da, dw, db,
                                     p->step, p->lr};
    switch (layer->kind) {
    case REFNN_LINEAR: {
        const range j = share_of_lines(layer->outputs, share, shares);
        if (j.begin < j.end) linear_backward_parameters(simd, &gradient, j);
        break;
    }
    case REFNN_CONV2D: {
        const range o = share_of(layer->z.channels, share, shares);
        if (o.begin < o.end) conv2d_backward_parameters(simd, &gradient, o, scratch);
        break;
    }
    default: /* the gradients of layers by_batch are in dw and db since the way back */
        if (p->step && share == 0) fast_update(simd, m, p->lr);
    }
}

void fast_update(int32_t simd, const refnn_memory *m, double lr) {
    if (m->w) linear_update(simd, layer_weights(m->layer), m->w, m->dw, lr);
    if (m->b) linear_update(simd, layer_biases(m->layer), m->b, m->db, lr);
}
