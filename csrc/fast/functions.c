/* Activations, losses and the update over arrays: see functions.h. No twin in the book; csrc/activations.c,
 * csrc/losses.c and csrc/linear.c are the twins. */

#include "functions.h"

typedef struct {
    int (*map)(int32_t kind, int64_t count, const double *z, double *a);
    void (*relu)(int leaky, int64_t count, const double *z, double *a);
    void (*relu_backward)(int leaky, int64_t count, const double *a, const double *da, double *dz);
    void (*update)(int64_t count, double *p, const double *dp, double lr);
} function_kernels;

#define TEMPLATE "functions_isa.h"
#include "instruction_sets.h"

static const function_kernels *const kernels[] = {NULL, INSTRUCTION_SETS(KERNELS_OF)};

int activation_forward(int32_t simd, int32_t kind, int64_t count, const double *z, double *a) {
    const function_kernels *fast = kernels[simd];
    switch (kind) {
    case REFNN_SIGMOID:
    case REFNN_TANH:
        return fast->map(kind, count, z, a);
    case REFNN_RELU:
    case REFNN_LEAKY_RELU:
        fast->relu(kind == REFNN_LEAKY_RELU, count, z, a);
        return 1;
    default:
        return 0;
    }
}

int activation_backward(int32_t simd, int32_t kind, int64_t count, const double *a, const double *da, double *dz) {
    const int leaky = kind == REFNN_LEAKY_RELU;
    if (kind != REFNN_RELU && !leaky) return 0;
    kernels[simd]->relu_backward(leaky, count, a, da, dz);
    return 1;
}

/* Loss and gradient of cross_entropy together: both need e^(o - m). */
static double cross_entropy(const function_kernels *fast, int32_t outputs, const double *o, int32_t c, double *d) {
    double m = o[0];
    for (int32_t j = 1; j < outputs; j++) {
        if (o[j] > m) m = o[j];
    }
    for (int32_t j = 0; j < outputs; j++) d[j] = o[j] - m;
    if (!fast->map(REFNN_SOFTMAX, outputs, d, d)) {
        for (int32_t j = 0; j < outputs; j++) d[j] = refnn_exp(d[j]);
    }
    double s = 0.0;
    for (int32_t j = 0; j < outputs; j++) s += d[j];
    for (int32_t j = 0; j < outputs; j++) d[j] = d[j] / s;
    d[c] = d[c] - 1.0;
    return (m + refnn_log(s)) - o[c];
}

double loss_and_gradient(int32_t simd, int32_t loss, int32_t outputs, const double *o, target y, double *d) {
    if (loss == REFNN_CROSS_ENTROPY) return cross_entropy(kernels[simd], outputs, o, y.class, d);
    loss_gradient(loss, outputs, o, y, d);
    return loss_value(loss, outputs, o, y);
}

void linear_update(int32_t simd, int64_t count, double *p, const double *dp, double lr) {
    kernels[simd]->update(count, p, dp, lr);
}
