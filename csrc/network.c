/* The network, layers in a row: the twin of refnn/reference/network.py.
 *
 * The workspace for `rows` samples: their inputs, the output of every layer, and two gradients d as wide as the widest
 * layer, one of the layer at hand and one of the layer before it.
 */

#include "core.h"

#define PIXEL_MAX 255.0

static int64_t layer_parameters(const refnn_layer *layer) {
    if (layer->kind != REFNN_LINEAR) return 0;
    return (int64_t)layer->inputs * layer->outputs + (layer->bias ? layer->outputs : 0);
}

static const refnn_layer *last_layer(const refnn_model *model) { return &model->layers[model->layer_count - 1]; }

static int good_model(const refnn_model *model) {
    if (!model->layers || model->layer_count < 1) return 0;
    if (model->loss < REFNN_SSE || model->loss > REFNN_CROSS_ENTROPY) return 0;
    if (model->init < REFNN_UNIFORM || model->init > REFNN_FAN_OUT) return 0;
    for (int32_t k = 0; k < model->layer_count; k++) {
        const refnn_layer *layer = &model->layers[k];
        if (layer->kind < REFNN_LINEAR || layer->kind > REFNN_SOFTMAX) return 0;
        if (layer->inputs < 1 || layer->outputs < 1) return 0;
        if (layer->kind != REFNN_LINEAR && layer->inputs != layer->outputs) return 0;
        if (k > 0 && layer->inputs != model->layers[k - 1].outputs) return 0;
    }
    return 1;
}

static int good_samples(const refnn_model *model, const refnn_samples *samples, int64_t start, int64_t stop,
                        int needs_targets) {
    if (start < 0 || stop > samples->count || (!samples->inputs && !samples->pixels)) return 0;
    return !needs_targets || (model->loss == REFNN_CROSS_ENTROPY ? !!samples->classes : !!samples->targets);
}

/* Which sample comes at `position`; -1 where the order or its class is out of range. */
static int64_t sample_at(const refnn_model *model, const refnn_samples *samples, int64_t position) {
    int64_t n = samples->order ? samples->order[position] : position;
    if (n < 0 || n >= samples->count) return -1;
    if (samples->classes && model->loss == REFNN_CROSS_ENTROPY) {
        if (samples->classes[n] < 0 || samples->classes[n] >= last_layer(model)->outputs) return -1;
    }
    return n;
}

static double sample_loss(const refnn_model *model, const refnn_samples *samples, int64_t n, const double *o) {
    int32_t outputs = last_layer(model)->outputs;
    const double *y = samples->targets ? samples->targets + n * outputs : NULL;
    return refnn_loss_value(model->loss, outputs, o, y, samples->classes ? samples->classes[n] : 0);
}

int64_t refnn_parameter_count(const refnn_model *model) {
    if (!good_model(model)) return 0;
    int64_t count = 0;
    for (int32_t k = 0; k < model->layer_count; k++) count += layer_parameters(&model->layers[k]);
    return count;
}

int64_t refnn_workspace_size(const refnn_model *model, int32_t rows) {
    if (!good_model(model) || rows < 1) return 0;
    int64_t widths = model->layers[0].inputs;
    int64_t widest = widths;
    for (int32_t k = 0; k < model->layer_count; k++) {
        int64_t width = model->layers[k].outputs;
        widths += width;
        if (width > widest) widest = width;
    }
    return rows * (widths + 2 * widest);
}

int32_t refnn_initialise(const refnn_model *model, uint64_t seed, double *parameters) {
    enum { PARAMETERS = 1 };
    if (!good_model(model)) return REFNN_BAD_MODEL;
    uint64_t random = refnn_stream(seed, PARAMETERS);
    for (int32_t k = 0; k < model->layer_count; k++) {
        const refnn_layer *layer = &model->layers[k];
        if (layer->kind != REFNN_LINEAR) continue;
        double *b = parameters + (int64_t)layer->inputs * layer->outputs;
        refnn_linear_init(&random, model->init, layer->inputs, layer->outputs, parameters, layer->bias ? b : NULL);
        parameters += layer_parameters(layer);
    }
    return REFNN_OK;
}

/* Copies the inputs of `rows` samples from `position` on to the front of the workspace. */
static int32_t gather(const refnn_model *model, const refnn_samples *samples, int64_t position, int32_t rows, double *x) {
    int32_t inputs = model->layers[0].inputs;
    for (int32_t r = 0; r < rows; r++, x += inputs) {
        int64_t n = sample_at(model, samples, position + r);
        if (n < 0) return REFNN_BAD_SAMPLES;
        if (samples->inputs) {
            memcpy(x, samples->inputs + n * inputs, inputs * sizeof *x);
        } else {
            for (int32_t i = 0; i < inputs; i++) x[i] = samples->pixels[n * inputs + i] / PIXEL_MAX;
        }
    }
    return REFNN_OK;
}

/* From the inputs at the front of the workspace: every layer's output, one behind the other. Returns the last. */
static double *forward(const refnn_model *model, const double *parameters, int32_t rows, double *workspace) {
    double *x = workspace;
    for (int32_t k = 0; k < model->layer_count; k++) {
        const refnn_layer *layer = &model->layers[k];
        double *z = x + (int64_t)rows * layer->inputs;
        if (layer->kind == REFNN_LINEAR) {
            const double *b = layer->bias ? parameters + (int64_t)layer->inputs * layer->outputs : NULL;
            refnn_linear_forward(rows, layer->inputs, layer->outputs, x, parameters, b, z);
            parameters += layer_parameters(layer);
        } else {
            for (int32_t n = 0; n < rows; n++) {
                int64_t row = (int64_t)n * layer->inputs;
                refnn_activation_forward(layer->kind, layer->inputs, x + row, z + row);
            }
        }
        x = z;
    }
    return x;
}

/* From the outputs o that forward left in the workspace: adds to the gradients of every parameter.
 * batch: the samples of the mean, or 0 for the sum. */
static void backward(const refnn_model *model, const double *parameters, const refnn_samples *samples, int64_t position,
                     int32_t rows, int64_t batch, double *o, double *gradients) {
    int32_t outputs = last_layer(model)->outputs;
    int64_t half = 0; /* where the second d lies */
    for (int32_t k = 0; k < model->layer_count; k++) {
        if (model->layers[k].inputs > half) half = model->layers[k].inputs;
        if (model->layers[k].outputs > half) half = model->layers[k].outputs;
        parameters += layer_parameters(&model->layers[k]);
        gradients += layer_parameters(&model->layers[k]);
    }
    double *d = o + (int64_t)rows * outputs;
    double *d_before = d + half * rows;
    for (int32_t r = 0; r < rows; r++) {
        int64_t n = sample_at(model, samples, position + r);
        const double *y = samples->targets ? samples->targets + n * outputs : NULL;
        double *d_r = d + (int64_t)r * outputs;
        refnn_loss_gradient(model->loss, outputs, o + (int64_t)r * outputs, y, samples->classes ? samples->classes[n] : 0, d_r);
        for (int32_t j = 0; batch && j < outputs; j++) d_r[j] = d_r[j] / (double)batch;
    }
    double *a = o;
    for (int32_t k = model->layer_count - 1; k >= 0; k--) {
        const refnn_layer *layer = &model->layers[k];
        double *x = a - (int64_t)rows * layer->inputs;
        if (layer->kind == REFNN_LINEAR) {
            parameters -= layer_parameters(layer);
            gradients -= layer_parameters(layer);
            double *db = layer->bias ? gradients + (int64_t)layer->inputs * layer->outputs : NULL;
            refnn_linear_backward_parameters(rows, layer->inputs, layer->outputs, x, d, gradients, db);
            if (k > 0) { /* nobody asks for the gradient of the data */
                refnn_linear_backward_input(rows, layer->inputs, layer->outputs, parameters, d, d_before);
                double *swapped = d;
                d = d_before;
                d_before = swapped;
            }
        } else {
            for (int32_t n = 0; n < rows; n++) {
                int64_t row = (int64_t)n * layer->inputs;
                refnn_activation_backward(layer->kind, layer->inputs, a + row, d + row, d + row);
            }
        }
        a = x;
    }
}

int32_t refnn_train(const refnn_model *model, double *parameters, double *gradients, const refnn_samples *samples,
                    int64_t start, int64_t stop, int64_t batch_size, double lr, int32_t reduction, int32_t rows,
                    double *workspace, int32_t *finite) {
    int64_t count = refnn_parameter_count(model);
    if (count == 0) return REFNN_BAD_MODEL;
    if (!good_samples(model, samples, start, stop, 1) || batch_size < 1) return REFNN_BAD_SAMPLES;
    int32_t outputs = last_layer(model)->outputs;
    *finite = 1;
    while (start < stop) {
        int64_t batch_start = start - start % batch_size;
        int64_t batch_stop = batch_start + batch_size < samples->count ? batch_start + batch_size : samples->count;
        int64_t end = batch_stop < stop ? batch_stop : stop;
        if (end > start + rows) end = start + rows;
        int32_t taken = (int32_t)(end - start);
        if (start == batch_start) memset(gradients, 0, count * sizeof *gradients);
        if (gather(model, samples, start, taken, workspace) != REFNN_OK) return REFNN_BAD_SAMPLES;
        double *o = forward(model, parameters, taken, workspace);
        for (int32_t r = 0; r < taken; r++) {
            double loss = sample_loss(model, samples, sample_at(model, samples, start + r), o + (int64_t)r * outputs);
            if (!is_finite(loss)) *finite = 0;
        }
        int64_t batch = reduction == REFNN_MEAN ? batch_stop - batch_start : 0;
        backward(model, parameters, samples, start, taken, batch, o, gradients);
        if (end == batch_stop) refnn_linear_update(count, parameters, gradients, lr);
        start = end;
    }
    return REFNN_OK;
}

int32_t refnn_evaluate(const refnn_model *model, const double *parameters, const refnn_samples *samples, int64_t start,
                       int64_t stop, int32_t rows, double *workspace, double *total, int64_t *correct) {
    if (!good_model(model)) return REFNN_BAD_MODEL;
    if (!good_samples(model, samples, start, stop, 1)) return REFNN_BAD_SAMPLES;
    int32_t outputs = last_layer(model)->outputs;
    for (; start < stop; start += rows) {
        if (rows > stop - start) rows = (int32_t)(stop - start);
        if (gather(model, samples, start, rows, workspace) != REFNN_OK) return REFNN_BAD_SAMPLES;
        double *o = forward(model, parameters, rows, workspace);
        for (int32_t r = 0; r < rows; r++) {
            int64_t n = sample_at(model, samples, start + r);
            const double *o_r = o + (int64_t)r * outputs;
            *total += sample_loss(model, samples, n, o_r);
            int32_t right = model->loss == REFNN_CROSS_ENTROPY ? samples->classes[n]
                                                               : refnn_argmax(outputs, samples->targets + n * outputs);
            *correct += refnn_argmax(outputs, o_r) == right;
        }
    }
    return REFNN_OK;
}

int32_t refnn_forward(const refnn_model *model, const double *parameters, const refnn_samples *samples, int64_t start,
                      int64_t stop, int32_t rows, double *workspace, double *o) {
    if (!good_model(model)) return REFNN_BAD_MODEL;
    if (!good_samples(model, samples, start, stop, 0)) return REFNN_BAD_SAMPLES;
    int32_t outputs = last_layer(model)->outputs;
    for (; start < stop; start += rows) {
        if (rows > stop - start) rows = (int32_t)(stop - start);
        if (gather(model, samples, start, rows, workspace) != REFNN_OK) return REFNN_BAD_SAMPLES;
        memcpy(o, forward(model, parameters, rows, workspace), (size_t)rows * outputs * sizeof *o);
        o += (int64_t)rows * outputs;
    }
    return REFNN_OK;
}

int32_t refnn_predict(const refnn_model *model, int64_t count, double *o) {
    if (!good_model(model)) return REFNN_BAD_MODEL;
    int32_t outputs = last_layer(model)->outputs;
    for (int64_t n = 0; model->loss == REFNN_CROSS_ENTROPY && n < count; n++) {
        refnn_activation_forward(REFNN_SOFTMAX, outputs, o + n * outputs, o + n * outputs);
    }
    return REFNN_OK;
}

int32_t refnn_gradients(const refnn_model *model, const double *parameters, const refnn_samples *samples, int64_t start,
                        int64_t stop, int32_t reduction, int32_t rows, double *workspace, double *gradients) {
    if (!good_model(model)) return REFNN_BAD_MODEL;
    if (!good_samples(model, samples, start, stop, 1)) return REFNN_BAD_SAMPLES;
    for (; start < stop; start += rows) {
        if (rows > stop - start) rows = (int32_t)(stop - start);
        if (gather(model, samples, start, rows, workspace) != REFNN_OK) return REFNN_BAD_SAMPLES;
        double *o = forward(model, parameters, rows, workspace);
        backward(model, parameters, samples, start, rows, reduction == REFNN_MEAN ? samples->count : 0, o, gradients);
    }
    return REFNN_OK;
}

#if defined(__clang__)
#define COMPILER "clang " __clang_version__
#elif defined(__GNUC__)
#define COMPILER "gcc " __VERSION__
#elif defined(_MSC_VER)
#define COMPILER "MSVC"
#else
#define COMPILER "C"
#endif

#if defined(__AVX512F__)
#define INSTRUCTIONS "AVX-512"
#elif defined(__AVX2__)
#define INSTRUCTIONS "AVX2"
#elif defined(__x86_64__) || defined(_M_X64)
#define INSTRUCTIONS "x86-64"
#elif defined(__aarch64__) || defined(_M_ARM64)
#define INSTRUCTIONS "arm64"
#else
#define INSTRUCTIONS "plain"
#endif

const char *refnn_build(void) { return COMPILER ", " INSTRUCTIONS; }
