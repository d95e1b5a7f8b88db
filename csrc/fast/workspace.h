/* The memory of a call: every pointer into the workspace, set once and read by everybody. */

#pragma once

#include "model.h"
#include "sparse.h"
#include "threads.h"

typedef struct {
    const refnn_model *model;
    const refnn_samples *samples;
    refnn_layers layers;
    int64_t parameter_count;
    refnn_batch batch;
    /* What follows is for the kernels; the twins do without. */
    team *team;
    int32_t *alone;  /* of each layer: whether training takes it by_batch, see layer.h */
    int64_t *which;  /* the index of each sample of the batch */
    double *pixels;  /* what each value of a byte stands for */
    double *scratch; /* scratch_count for each thread */
    int64_t scratch_count;
    sparse_inputs *sparse; /* of each layer */
    double *memory;
    int64_t size; /* in doubles */
} workspace;

/* Sets all pointers for `rows` samples at a time. samples is NULL where only the size is wanted. */
void lay_out(workspace *w, const refnn_network *network, const refnn_samples *samples, int64_t rows);
