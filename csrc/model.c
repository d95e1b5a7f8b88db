/* What a network is made of: the kinds of layers and losses, what is valid, and how large it is.
 *
 * A new kind of layer or loss is a line in one of the tables. Nothing else in the core knows how many kinds there are,
 * or in which order. The fast kernels know some kinds by name; all others run as their twins.
 */

#include "model.h"

#define COUNT_OF(array) ((int32_t)(sizeof(array) / sizeof *(array)))

/* What the layer classes of refnn/implementations/python.py do: the functions of a chapter with one signature */

static int64_t weights_of_linear(const refnn_layer *layer) { return (int64_t)layer->inputs * layer->outputs; }

static int64_t biases_of_linear(const refnn_layer *layer) { return layer->bias ? layer->outputs : 0; }

static int any_sizes(const refnn_layer *layer) {
    (void)layer;
    return 1;
}

static void initialise_linear(const refnn_memory *m, uint64_t *random, int32_t init) {
    refnn_linear_init(random, init, m->layer->inputs, m->layer->outputs, m->w, m->b);
}

static void forward_linear(const refnn_memory *m, int32_t rows, int32_t training) {
    const refnn_layer *layer = m->layer;
    (void)training;
    refnn_linear_forward(rows, layer->inputs, layer->outputs, m->x, m->w, m->b, m->a);
}

static void backward_linear(const refnn_memory *m, int32_t rows) {
    const refnn_layer *layer = m->layer;
    if (m->dw) refnn_linear_backward_parameters(rows, layer->inputs, layer->outputs, m->x, m->da, m->dw, m->db);
    if (m->dx) refnn_linear_backward_input(rows, layer->inputs, layer->outputs, m->w, m->da, m->dx);
}

static int64_t weights_of_conv2d(const refnn_layer *layer) {
    return (int64_t)layer->z.channels * layer->x.channels * layer->kernel.rows * layer->kernel.columns;
}

static int64_t biases_of_conv2d(const refnn_layer *layer) { return layer->bias ? layer->z.channels : 0; }

static void initialise_conv2d(const refnn_memory *m, uint64_t *random, int32_t init) {
    refnn_conv2d_init(random, init, m->layer, m->w, m->b);
}

static void forward_conv2d(const refnn_memory *m, int32_t rows, int32_t training) {
    (void)training;
    refnn_conv2d_forward(rows, m->layer, m->x, m->w, m->b, m->a);
}

static void backward_conv2d(const refnn_memory *m, int32_t rows) {
    if (m->dw) refnn_conv2d_backward_parameters(rows, m->layer, m->x, m->da, m->dw, m->db);
    if (m->dx) refnn_conv2d_backward_input(rows, m->layer, m->w, m->da, m->dx);
}

static void forward_maxpool2d(const refnn_memory *m, int32_t rows, int32_t training) {
    (void)training;
    refnn_maxpool2d_forward(rows, m->layer, m->x, m->a);
}

static void backward_maxpool2d(const refnn_memory *m, int32_t rows) {
    if (m->dx) refnn_maxpool2d_backward(rows, m->layer, m->x, m->da, m->dx);
}

static int64_t channels_of_batchnorm2d(const refnn_layer *layer) { return layer->x.channels; }

static int64_t buffers_of_batchnorm2d(const refnn_layer *layer) { return 2 * (int64_t)layer->x.channels; }

static int64_t statistics_of_batchnorm2d(const refnn_layer *layer) { return 3 * (int64_t)layer->x.channels; }

static void initialise_batchnorm2d(const refnn_memory *m, uint64_t *random, int32_t init) {
    const int32_t channels = m->layer->x.channels;
    double *running_mean = m->buffers, *running_variance = m->buffers + channels;
    (void)random, (void)init;
    for (int32_t c = 0; c < channels; c++) {
        m->w[c] = running_variance[c] = 1.0;
        m->b[c] = running_mean[c] = 0.0;
    }
}

static void forward_batchnorm2d(const refnn_memory *m, int32_t rows, int32_t training) {
    const refnn_layer *layer = m->layer;
    const int32_t channels = layer->x.channels;
    const double *from = training ? m->statistics : m->buffers;
    const refnn_batchnorm batch = {rows, layer, m->x, from, from + (training ? 2 : 1) * (int64_t)channels, m->w, m->b};
    if (training) {
        double *mean = m->statistics, *squares = mean + channels, *variance = squares + channels;
        const double count = refnn_batchnorm2d_statistics(rows, layer, m->x, mean, squares);
        for (int32_t c = 0; c < channels; c++) variance[c] = squares[c] / count;
        if (m->buffers) {
            refnn_batchnorm2d_track(channels, m->buffers, m->buffers + channels, mean, squares, count, layer->momentum);
        }
    }
    refnn_batchnorm2d_forward(&batch, m->a);
}

static void backward_batchnorm2d(const refnn_memory *m, int32_t rows) {
    const int32_t channels = m->layer->x.channels;
    const double *mean = m->statistics, *variance = mean + 2 * (int64_t)channels;
    const refnn_batchnorm batch = {rows, m->layer, m->x, mean, variance, m->w, m->b};
    refnn_batchnorm2d_backward(&batch, m->da, m->dx, m->dw, m->db);
}

static void forward_flatten(const refnn_memory *m, int32_t rows, int32_t training) {
    (void)training;
    memcpy(m->a, m->x, (size_t)rows * m->layer->inputs * sizeof *m->a);
}

static void backward_flatten(const refnn_memory *m, int32_t rows) {
    if (m->dx) memcpy(m->dx, m->da, (size_t)rows * m->layer->inputs * sizeof *m->dx);
}

/* The number of doubles of an image; 0 if it is not valid. */
static int64_t numbers(const refnn_shape *shape) {
    if (shape->channels < 1 || shape->height < 1 || shape->width < 1) return 0;
    int64_t count = (int64_t)shape->channels * shape->height;
    return count > INT32_MAX ? 0 : count * shape->width;
}

static int images_fit(const refnn_layer *layer) {
    return numbers(&layer->x) == layer->inputs && numbers(&layer->z) == layer->outputs;
}

/* Whether that number of windows fits into a length. */
static int windows_fit(int64_t length, int32_t kernel, int32_t stride, int32_t windows) {
    return kernel >= 1 && stride >= 1 && kernel <= length && (length - kernel) / stride + 1 == windows;
}

static int conv2d_fits(const refnn_layer *layer) {
    const refnn_shape *x = &layer->x, *z = &layer->z;
    const refnn_pair kernel = layer->kernel, padding = layer->padding;
    if (!images_fit(layer) || padding.rows < 0 || padding.columns < 0) return 0;
    /* the sizes of w and of the padded image, which the kernels compute, must not overflow */
    if ((int64_t)kernel.rows * kernel.columns > INT32_MAX / ((int64_t)x->channels * z->channels)) return 0;
    if ((x->height + (double)kernel.rows) * (x->width + (double)kernel.columns) > INT32_MAX) return 0;
    return windows_fit(x->height + 2 * (int64_t)padding.rows, kernel.rows, layer->stride.rows, z->height) &&
           windows_fit(x->width + 2 * (int64_t)padding.columns, kernel.columns, layer->stride.columns, z->width);
}

static int maxpool2d_fits(const refnn_layer *layer) {
    const refnn_shape *x = &layer->x, *z = &layer->z;
    return images_fit(layer) && x->channels == z->channels &&
           windows_fit(x->height, layer->kernel.rows, layer->stride.rows, z->height) &&
           windows_fit(x->width, layer->kernel.columns, layer->stride.columns, z->width);
}

static int batchnorm2d_fits(const refnn_layer *layer) {
    return images_fit(layer) && layer->x.channels == layer->z.channels && layer->inputs == layer->outputs &&
           layer->eps > 0.0;
}

#define ACTIVATION(function) \
    .name = #function, .forward_row = refnn_##function##_forward, .backward_row = refnn_##function##_backward

static const layer_kind KINDS[] = {
    [REFNN_LINEAR] = {.name = "linear",
                      .forward = forward_linear,
                      .backward = backward_linear,
                      .fits = any_sizes,
                      .weights = weights_of_linear,
                      .biases = biases_of_linear,
                      .initialise = initialise_linear},
    [REFNN_IDENTITY] = {ACTIVATION(identity)},
    [REFNN_SIGMOID] = {ACTIVATION(sigmoid)},
    [REFNN_TANH] = {ACTIVATION(tanh)},
    [REFNN_RELU] = {ACTIVATION(relu)},
    [REFNN_LEAKY_RELU] = {ACTIVATION(leaky_relu)},
    [REFNN_SOFTMAX] = {ACTIVATION(softmax)},
    [REFNN_FLATTEN] = {.name = "flatten", .forward = forward_flatten, .backward = backward_flatten},
    [REFNN_CONV2D] = {.name = "conv2d",
                      .forward = forward_conv2d,
                      .backward = backward_conv2d,
                      .fits = conv2d_fits,
                      .weights = weights_of_conv2d,
                      .biases = biases_of_conv2d,
                      .initialise = initialise_conv2d},
    [REFNN_MAXPOOL2D] = {.name = "maxpool2d",
                         .forward = forward_maxpool2d,
                         .backward = backward_maxpool2d,
                         .fits = maxpool2d_fits},
    [REFNN_BATCHNORM2D] = {.name = "batchnorm2d",
                           .forward = forward_batchnorm2d,
                           .backward = backward_batchnorm2d,
                           .fits = batchnorm2d_fits,
                           .weights = channels_of_batchnorm2d,
                           .biases = channels_of_batchnorm2d,
                           .buffers = buffers_of_batchnorm2d,
                           .statistics = statistics_of_batchnorm2d,
                           .initialise = initialise_batchnorm2d,
                           .whole_batches = 1},
};

static const loss_kind LOSSES[] = {
    [REFNN_SSE] = {.name = "sse", .of_row = refnn_sse, .gradient_of_row = refnn_sse_gradient},
    [REFNN_MSE] = {.name = "mse", .of_row = refnn_mse, .gradient_of_row = refnn_mse_gradient},
    [REFNN_CROSS_ENTROPY] = {.name = "cross_entropy",
                             .of_class = refnn_cross_entropy,
                             .gradient_of_class = refnn_cross_entropy_gradient},
};

static const char *const INITS[] = {
    [REFNN_UNIFORM] = "uniform", [REFNN_NORMAL] = "normal",   [REFNN_NORMAL_0_1] = "normal_0.1",
    [REFNN_FAN_IN] = "fan_in",   [REFNN_FAN_OUT] = "fan_out", [REFNN_HE] = "he",
};

const char *refnn_kind_name(int32_t kind) { return kind >= 0 && kind < COUNT_OF(KINDS) ? KINDS[kind].name : NULL; }

const char *refnn_loss_name(int32_t loss) { return loss >= 0 && loss < COUNT_OF(LOSSES) ? LOSSES[loss].name : NULL; }

const char *refnn_init_name(int32_t init) { return init >= 0 && init < COUNT_OF(INITS) ? INITS[init] : NULL; }

const layer_kind *kind_of(const refnn_layer *layer) { return &KINDS[layer->kind]; }

static int64_t of_layer(int64_t (*size)(const refnn_layer *), const refnn_layer *layer) {
    return size ? size(layer) : 0;
}

int64_t layer_weights(const refnn_layer *layer) { return of_layer(kind_of(layer)->weights, layer); }

int64_t layer_biases(const refnn_layer *layer) { return of_layer(kind_of(layer)->biases, layer); }

int64_t layer_parameters(const refnn_layer *layer) { return layer_weights(layer) + layer_biases(layer); }

int64_t layer_buffers(const refnn_layer *layer) { return of_layer(kind_of(layer)->buffers, layer); }

int64_t layer_statistics(const refnn_layer *layer) { return of_layer(kind_of(layer)->statistics, layer); }

void layer_forward(const refnn_memory *m, int32_t rows, int32_t training) {
    const layer_kind *kind = kind_of(m->layer);
    const int64_t width = m->layer->inputs;
    if (!kind->forward_row) {
        kind->forward(m, rows, training);
        return;
    }
    for (int32_t n = 0; n < rows; n++) kind->forward_row((int32_t)width, m->x + n * width, m->a + n * width);
}

void layer_backward(const refnn_memory *m, int32_t rows) {
    const layer_kind *kind = kind_of(m->layer);
    const int64_t width = m->layer->inputs;
    if (!kind->backward_row) {
        kind->backward(m, rows);
        return;
    }
    for (int64_t k = 0; m->dx && k < rows * width; k += width) {
        kind->backward_row((int32_t)width, m->x + k, m->a + k, m->da + k, m->dx + k);
    }
}

int takes_classes(int32_t loss) { return LOSSES[loss].of_class != NULL; }

double loss_value(int32_t loss, int32_t outputs, const double *o, target y) {
    const loss_kind *kind = &LOSSES[loss];
    return kind->of_class ? kind->of_class(outputs, o, y.class) : kind->of_row(outputs, o, y.row);
}

void loss_gradient(int32_t loss, int32_t outputs, const double *o, target y, double *d) {
    const loss_kind *kind = &LOSSES[loss];
    if (kind->of_class) kind->gradient_of_class(outputs, o, y.class, d);
    else kind->gradient_of_row(outputs, o, y.row, d);
}

int classified(int32_t loss, int32_t outputs, const double *o, target y) {
    int32_t right = takes_classes(loss) ? y.class : refnn_argmax(outputs, y.row);
    return refnn_argmax(outputs, o) == right;
}

const refnn_layer *last_layer(const refnn_model *model) { return &model->layers[model->layer_count - 1]; }

int good_layer(const refnn_layer *layer) {
    if (!refnn_kind_name(layer->kind) || layer->inputs < 1 || layer->outputs < 1) return 0;
    const layer_kind *kind = kind_of(layer);
    return kind->fits ? kind->fits(layer) : layer->inputs == layer->outputs;
}

int good_model(const refnn_model *model) {
    if (!model->layers || model->layer_count < 1) return 0;
    if (!refnn_loss_name(model->loss) || !refnn_init_name(model->init)) return 0;
    if (!refnn_simd_name(model->simd) || model->threads < 1) return 0;
    int64_t count = 0;
    for (int32_t k = 0; k < model->layer_count; k++) {
        const refnn_layer *layer = &model->layers[k];
        if (!good_layer(layer)) return 0;
        if (k > 0 && layer->inputs != model->layers[k - 1].outputs) return 0;
        if (layer_parameters(layer) > INT32_MAX || (count += layer_parameters(layer)) > INT32_MAX) return 0;
    }
    return 1;
}

int good_samples(const refnn_model *model, const refnn_samples *samples, int64_t start, int64_t stop,
                 int needs_targets) {
    const int32_t *classes = needs_targets && takes_classes(model->loss) ? samples->y.classes : NULL;
    if (start < 0 || stop > samples->count || (!samples->inputs && !samples->pixels)) return 0;
    if (needs_targets && !(takes_classes(model->loss) ? !!classes : !!samples->y.rows)) return 0;
    const int32_t outputs = last_layer(model)->outputs;
    for (int64_t position = start; (samples->order || classes) && position < stop; position++) {
        int64_t n = sample_at(samples, position);
        if (n < 0 || n >= samples->count) return 0;
        if (classes && (classes[n] < 0 || classes[n] >= outputs)) return 0;
    }
    return 1;
}

int64_t refnn_parameter_count(const refnn_model *model) {
    if (!good_model(model)) return 0;
    int64_t count = 0;
    for (int32_t k = 0; k < model->layer_count; k++) count += layer_parameters(&model->layers[k]);
    return count;
}

int64_t refnn_buffer_count(const refnn_model *model) {
    if (!good_model(model)) return 0;
    int64_t count = 0;
    for (int32_t k = 0; k < model->layer_count; k++) count += layer_buffers(&model->layers[k]);
    return count;
}

int32_t refnn_initialise(const refnn_model *model, uint64_t seed, double *parameters, double *buffers) {
    if (!good_model(model)) return REFNN_BAD_MODEL;
    uint64_t random = refnn_stream(seed, REFNN_PARAMETERS);
    for (int32_t k = 0; k < model->layer_count; k++) {
        const refnn_layer *layer = &model->layers[k];
        refnn_memory m = {.layer = layer, .buffers = buffers};
        split_parameters(layer, parameters, &m.w, &m.b);
        if (kind_of(layer)->initialise) kind_of(layer)->initialise(&m, &random, model->init);
        parameters += layer_parameters(layer);
        buffers += layer_buffers(layer);
    }
    return REFNN_OK;
}
