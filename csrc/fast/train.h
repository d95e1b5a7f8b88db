/* The calls of network.c by the kernels: samples number start ... stop - 1, in passes over as many rows as fit. */

#pragma once

#include "pass.h"

typedef struct {
    workspace *w;
    int64_t start, stop;
    int32_t rows;              /* of a pass */
    const refnn_training *how; /* train, gradients */
    double *gradients;         /* train: of all parameters */
    int32_t finite;            /* out, train: 1 if all losses were */
    double *total;             /* out: as in refnn.h */
    int64_t *correct;
    double *o, *dx;
    int32_t with_gradients; /* gradients: whether those of the parameters are wanted */
} fast_call;

void fast_train(fast_call *c);
void fast_evaluate(fast_call *c);
void fast_outputs(fast_call *c);
void fast_gradients(fast_call *c);
