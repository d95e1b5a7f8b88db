/* A batch through the layers and back, shared by the threads of a team. */

#pragma once

#include "layer.h"
#include "workspace.h"

typedef struct {
    workspace *w;
    int32_t rows;
    int32_t training; /* whether layers compute as in training */
    int32_t with_losses, with_gradients;
    int64_t batch; /* the number of samples that the loss is the mean of; 0: it is the sum */
} pass;

/* Takes p->rows samples from `position` of the order through the network. Their outputs are then in the last layer's a,
 * their losses in w->batch.losses; dL/da of every layer, and the gradients of layers by_batch, in the layers' memory.
 * dL/dx of the first layer is computed if its dx is not NULL. */
void pass_samples(pass *p, int64_t position);

/* Adds the gradients of the last pass to dw and db; with step, where the pass was a whole batch, takes its step. */
void collect_gradients(workspace *w, int32_t rows, int32_t step, double lr);

int all_finite(const double *x, int64_t count);

/* gather.c: for rows `begin` to `end` of the batch */

/* The inputs of layer k that are not zero, into w->sparse[k].rows */
void gather_sparse(const workspace *w, int64_t k, int64_t begin, int64_t end);

/* The inputs of the first layer */
void gather_dense(const workspace *w, int64_t begin, int64_t end);

/* Whether skipping the zeros of layer k's inputs pays, judged by the first `rows` lists. */
int zeros_pay(const workspace *w, int64_t k, int64_t rows);
