"""Contestants of the benchmark that are C libraries: genann and KANN, compiled from the folders that the user names.

    REFNN_GENANN=DIR REFNN_KANN=DIR refnn bench
"""

from __future__ import annotations

import ctypes
import functools
import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from .errors import InputError

FLAGS = ["-O3", "-march=native", "-shared", "-fPIC"]  # those of genann's Makefile, and a library

# Of each: make, a network of layers with sizes[k] inputs and sizes[k + 1] outputs and p, its parameters in refnn's
# order; step, which learns from a batch; answer, the outputs of the last layer. And of both: steps in batches, starting
# over at the end.
RUN = """
void run(void *net, long samples, long whole, int batch, int inputs, int outputs, number *x, number *y, number lr) {
    for (long done = 0; done < samples; done += batch) {
        long n = done % whole, rows = n + batch < whole ? batch : whole - n;
        step(net, (int)rows, x + n * inputs, y + n * outputs, lr);
    }
}
"""
GENANN = """
#include "genann.h"
typedef double number;
void *make(int layers, const int *sizes, const char *activations, int bias, int classes, const double *p) {
    genann *net = genann_init(sizes[0], layers - 1, layers > 1 ? sizes[1] : 0, sizes[layers]);
    double *w = net->weight;
    net->activation_hidden = net->activation_output = genann_act_sigmoid;
    for (int k = 0; k < layers; p += (sizes[k] + 1) * sizes[k + 1], k++) {
        for (int j = 0; j < sizes[k + 1]; j++) {
            *w++ = -p[sizes[k] * sizes[k + 1] + j]; /* its input is -1 */
            for (int i = 0; i < sizes[k]; i++) *w++ = p[i * sizes[k + 1] + j];
        }
    }
    return net;
}
static void step(void *net, int rows, number *x, number *y, number lr) { genann_train(net, x, y, lr); }
void answer(void *net, int rows, number *x, number *o) {
    int inputs = ((genann *)net)->inputs, outputs = ((genann *)net)->outputs;
    for (int n = 0; n < rows; n++) memcpy(o + n * outputs, genann_run(net, x + n * inputs), outputs * sizeof *o);
}
"""
KANN = """
#include "kann.h"
typedef float number;
void *make(int layers, const int *sizes, const char *activations, int bias, int classes, const double *p) {
    kad_node_t *t = kann_layer_input(sizes[0]), *w[99], *b[99], *y = kad_feed(2, 1, sizes[layers]), *cost;
    for (int k = 0; k < layers; k++) {
        t = kad_cmul(t, w[k] = kann_new_weight(sizes[k + 1], sizes[k]));
        if (bias) t = kad_add(t, b[k] = kann_new_bias(sizes[k + 1]));
        t = activations[k] == 's' ? kad_sigm(t) : activations[k] == 'r' ? kad_relu(t) : t;
    }
    t->ext_flag = KANN_F_OUT;
    y->ext_flag = KANN_F_TRUTH;
    cost = classes ? kad_ce_multi(kad_softmax(t), y) : kad_mse(t, y);
    cost->ext_flag = KANN_F_COST;
    kann_t *net = kann_new(cost, 0);
    for (int k = 0; k < layers; k++) {
        for (int i = 0; i < sizes[k]; i++) for (int j = 0; j < sizes[k + 1]; j++) w[k]->x[j * sizes[k] + i] = *p++;
        for (int j = 0; bias && j < sizes[k + 1]; j++) b[k]->x[j] = *p++;
    }
    return net;
}
static void step(void *net, int rows, number *x, number *y, number lr) {
    kann_t *a = net;
    kann_set_batch_size(a, rows);
    kann_feed_bind(a, KANN_F_IN, 0, &x);
    kann_feed_bind(a, KANN_F_TRUTH, 0, &y);
    kann_cost(a, 0, 1);
    kad_saxpy(kann_size_var(a), -lr, a->g, a->x);
}
void answer(void *net, int rows, number *x, number *o) {
    kann_t *a = net;
    kann_set_batch_size(a, rows);
    kann_feed_bind(a, KANN_F_IN, 0, &x);
    kann_eval(a, KANN_F_OUT, 0);
    kad_node_t *t = a->v[kann_find(a, KANN_F_OUT, 0)];
    memcpy(o, t->x, kad_len(t) * sizeof *o);
}
"""
SOURCES = {"genann": (GENANN, ["genann.c"]), "KANN": (KANN, ["kann.c", "kautodiff.c"])}


@functools.cache
def library(name: str) -> Any:
    """The library with functions make, run and answer. Raises ImportError if the user names no folder, InputError."""
    variable = f"REFNN_{name.upper()}"
    if variable not in os.environ:
        raise ImportError(f"{variable} is not set")
    glue, sources = SOURCES[name]
    folder = Path(os.environ[variable]).resolve()
    with tempfile.TemporaryDirectory() as made:
        source, target = Path(made, "glue.c"), Path(made, "library.so")
        source.write_text("#include <string.h>\n" + glue + RUN, encoding="utf-8")
        line = [os.environ.get("CC", "cc"), *FLAGS, f"-I{folder}", str(source), *(str(folder / s) for s in sources),
                "-o", str(target), "-lm"]
        try:
            done = subprocess.run(line, capture_output=True, text=True)
        except OSError as error:
            raise InputError(f"{variable}: {error}") from None
        if done.returncode:
            raise InputError(f"{variable}: {name} cannot be compiled: {done.stderr.strip().splitlines()[0]}")
        found = ctypes.CDLL(str(target))
    found.make.restype = ctypes.c_void_p
    return found
