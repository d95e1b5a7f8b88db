/* Training, layers in a row: the twin of refnn/reference/training.py.
 *
 * A layer of the book is an object with parameters, forward and backward. Here it is a refnn_memory; layer_forward and
 * layer_backward find the functions of its kind. What the book returns as lists lies in the memory of the layers.
 */

#include "model.h"

void refnn_forward(const refnn_layers *layers, int32_t rows, int32_t training) {
    for (int32_t k = 0; k < layers->count; k++) layer_forward(&layers->memory[k], rows, training);
}

void refnn_backward(const refnn_layers *layers, int32_t rows) {
    for (int32_t k = layers->count - 1; k >= 0; k--) layer_backward(&layers->memory[k], rows);
}

void refnn_update(const refnn_layers *layers, double lr) {
    for (int32_t k = 0; k < layers->count; k++) {
        const refnn_memory *m = &layers->memory[k];
        if (m->w) refnn_linear_update(layer_weights(m->layer), m->w, m->dw, lr);
        if (m->b) refnn_linear_update(layer_biases(m->layer), m->b, m->db, lr);
    }
}

void refnn_step(const refnn_layers *layers, int32_t rows, const refnn_batch *batch, const refnn_training *how) {
    const refnn_memory *last = &layers->memory[layers->count - 1];
    const int32_t outputs = last->layer->outputs;
    const refnn_targets y = {batch->rows, batch->classes};
    refnn_forward(layers, rows, 1);
    for (int32_t n = 0; n < rows; n++) {
        batch->losses[n] = loss_value(how->loss, outputs, last->a + (int64_t)n * outputs, target_of(&y, n, outputs));
    }
    refnn_batch_gradient(how->loss, how->reduction, rows, outputs, last->a, &y, last->da);
    refnn_backward(layers, rows);
    refnn_update(layers, how->lr);
}

void take_inputs(const refnn_layers *layers, const refnn_samples *samples, int64_t n, int32_t row) {
    const int64_t inputs = layers->memory[0].layer->inputs;
    double *x = layers->memory[0].x + row * inputs;
    for (int64_t i = 0; i < inputs; i++) {
        x[i] = samples->inputs ? samples->inputs[n * inputs + i] : pixel_value(samples->pixels[n * inputs + i]);
    }
}

void take_batch(const refnn_layers *layers, const refnn_batch *batch, const refnn_samples *samples, int64_t position,
                int32_t rows) {
    const int32_t outputs = layers->memory[layers->count - 1].layer->outputs;
    for (int32_t row = 0; row < rows; row++) {
        const int64_t n = sample_at(samples, position + row);
        const target y = target_of(&samples->y, n, outputs);
        take_inputs(layers, samples, n, row);
        if (batch->rows) memcpy(batch->rows + (int64_t)row * outputs, y.row, (size_t)outputs * sizeof *y.row);
        batch->classes[row] = y.class;
    }
}

int32_t refnn_epoch(const refnn_layers *layers, const refnn_batch *room, const refnn_samples *samples, int64_t start,
                    int64_t stop, const refnn_training *how) {
    int32_t finite = 1;
    for (int64_t end; start < stop; start = end) {
        end = start + how->batch_size < stop ? start + how->batch_size : stop;
        const int32_t rows = (int32_t)(end - start);
        take_batch(layers, room, samples, start, rows);
        refnn_step(layers, rows, room, how);
        for (int32_t row = 0; row < rows; row++) finite &= is_finite(room->losses[row]);
    }
    return finite;
}

void refnn_evaluate(const refnn_layers *layers, int32_t loss, const refnn_samples *samples, int64_t start, int64_t stop,
                    double *total, int64_t *correct) {
    const refnn_memory *last = &layers->memory[layers->count - 1];
    const int32_t outputs = last->layer->outputs;
    for (int64_t position = start; position < stop; position++) {
        int64_t n = sample_at(samples, position);
        const target y = target_of(&samples->y, n, outputs);
        take_inputs(layers, samples, n, 0);
        refnn_forward(layers, 1, 0);
        *total += loss_value(loss, outputs, last->a, y);
        *correct += classified(loss, outputs, last->a, y);
    }
}
