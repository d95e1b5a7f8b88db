/* The kinds of layers and losses, each with its functions, and what a model's layers take. */

#pragma once

#include "core.h"

typedef void activation(int32_t width, const double *z, double *a);
typedef void activation_gradient(int32_t width, const double *z, const double *a, const double *da, double *dz);

/* A kind of layer. A function that is NULL has nothing to do for this kind. */
typedef struct {
    const char *name;
    /* an activation has these two; everything else about it follows */
    activation *forward_row;
    activation_gradient *backward_row;
    /* all others have these; backward writes dx, dw and db, those that are not NULL */
    void (*forward)(const refnn_memory *m, int32_t rows, int32_t training);
    void (*backward)(const refnn_memory *m, int32_t rows);
    int (*fits)(const refnn_layer *layer); /* whether its sizes agree; NULL: if it has as many outputs as inputs */
    int64_t (*weights)(const refnn_layer *layer);
    int64_t (*biases)(const refnn_layer *layer);
    int64_t (*buffers)(const refnn_layer *layer);
    int64_t (*statistics)(const refnn_layer *layer);
    void (*initialise)(const refnn_memory *m, uint64_t *random, int32_t init);
    int whole_batches; /* whether training needs all samples of a batch together */
} layer_kind;

/* The kind of a layer that is known to be valid. */
const layer_kind *kind_of(const refnn_layer *layer);

/* Numbers of doubles; layer_parameters: weights, then biases */
int64_t layer_weights(const refnn_layer *layer);
int64_t layer_biases(const refnn_layer *layer);
int64_t layer_parameters(const refnn_layer *layer);
int64_t layer_buffers(const refnn_layer *layer);
int64_t layer_statistics(const refnn_layer *layer);

/* Sets w and b, or dw and db, to where a layer's parameters, or their gradients, begin. */
static inline void split_parameters(const refnn_layer *layer, double *from, double **w, double **b) {
    *w = from && layer_weights(layer) ? from : NULL;
    *b = from && layer_biases(layer) ? from + layer_weights(layer) : NULL;
}

/* One layer by its twins. */
void layer_forward(const refnn_memory *m, int32_t rows, int32_t training);
void layer_backward(const refnn_memory *m, int32_t rows);

/* A loss takes a row of targets or a class: it has the first two functions or the last two. */
typedef struct {
    const char *name;
    double (*of_row)(int32_t outputs, const double *o, const double *y);
    void (*gradient_of_row)(int32_t outputs, const double *o, const double *y, double *d);
    double (*of_class)(int32_t outputs, const double *o, int32_t y);
    void (*gradient_of_class)(int32_t outputs, const double *o, int32_t y, double *d);
} loss_kind;

int takes_classes(int32_t loss);

/* The target of one sample. */
typedef struct {
    const double *row;
    int32_t class;
} target;

static inline target target_of(const refnn_targets *y, int64_t n, int32_t outputs) {
    return (target){y->rows ? y->rows + n * outputs : NULL, y->classes ? y->classes[n] : 0};
}

double loss_value(int32_t loss, int32_t outputs, const double *o, target y);
void loss_gradient(int32_t loss, int32_t outputs, const double *o, target y, double *d);

/* 1 if the largest of the outputs o is where the target says. */
int classified(int32_t loss, int32_t outputs, const double *o, target y);

/* What a byte of an image stands for. */
static inline double pixel_value(uint8_t byte) { return byte / 255.0; }

const refnn_layer *last_layer(const refnn_model *model);

int good_layer(const refnn_layer *layer);
int good_model(const refnn_model *model);

/* Whether `samples` has all that a call needs for start ... stop - 1 of its order. */
int good_samples(const refnn_model *model, const refnn_samples *samples, int64_t start, int64_t stop,
                 int needs_targets);

/* The index of the sample at a position of the order. */
static inline int64_t sample_at(const refnn_samples *samples, int64_t position) {
    return samples->order ? samples->order[position] : position;
}

/* training.c: what the book writes as [x[n] for n in batch], [y[n] for n in batch] */

/* The inputs of sample n: to row `row` of the first layer. */
void take_inputs(const refnn_layers *layers, const refnn_samples *samples, int64_t n, int32_t row);

/* The samples from `position` of the order on: inputs to the first layer, targets to the batch. */
void take_batch(const refnn_layers *layers, const refnn_batch *batch, const refnn_samples *samples, int64_t position,
                int32_t rows);
