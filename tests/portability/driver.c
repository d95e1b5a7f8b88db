/* Runs the cases of export.py with the core alone, and compares its digests with those of the Python reference.
 *
 *     driver FILE [THREADS]
 *
 * Each network is computed with every instruction set that the core has, by one thread; every fourth also by THREADS
 * threads. Prints each difference, and one line at the end; exits with 1 if there was a difference, and with 2
 * if the file cannot be read.
 */

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "refnn.h"

enum { END, FUNCTION, PRNG, NETWORK }; /* kinds of cases, as in export.py */
enum { DIVERGED = 0xDEAD, MOST_ROWS = 128, STAGES = 4 };

static const char *const STAGE[STAGES] = {"initial parameters", "gradients", "losses", "results"};

static FILE *file;
static char name[33]; /* of the case */
static int compared, different;

/* reading */

static uint64_t integer(void) {
    uint64_t value = 0;
    for (int k = 0; k < 64; k += 8) {
        const int byte = getc(file);
        if (byte == EOF) {
            puts("the file of cases is too short");
            exit(2);
        }
        value |= (uint64_t)byte << k;
    }
    return value;
}

static double number(void) {
    const uint64_t bits = integer();
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static void read_name(void) {
    for (int k = 0; k < 32; k += 8) {
        const uint64_t word = integer();
        for (int byte = 0; byte < 8; byte++) name[k + byte] = (char)(word >> 8 * byte & 0xff);
    }
}

static void *room(int64_t count, size_t size) {
    void *memory = calloc((size_t)count + 1, size);
    if (!memory) {
        puts("no memory");
        exit(2);
    }
    return memory;
}

static double *numbers(int64_t count) {
    double *x = room(count, sizeof *x);
    for (int64_t k = 0; k < count; k++) x[k] = number();
    return x;
}

/* digests */

static void add(uint64_t *digest, uint64_t word) {
    uint64_t state = *digest ^ word;
    *digest = refnn_next(&state);
}

static void add_numbers(uint64_t *digest, int64_t count, const double *x) {
    for (int64_t k = 0; k < count; k++) {
        uint64_t bits;
        memcpy(&bits, &x[k], sizeof bits);
        add(digest, x[k] != x[k] ? 0x7ff8000000000000 : bits);
    }
}

static void compare(uint64_t digest, uint64_t expected, const char *what, int32_t simd, int32_t threads) {
    compared++;
    if (digest == expected) return;
    different++;
    printf("%s, %s, %s, %d threads: %08lx%08lx is not %08lx%08lx\n", name, what, refnn_simd_name(simd), (int)threads,
           (unsigned long)(digest >> 32), (unsigned long)(digest & 0xffffffff), (unsigned long)(expected >> 32),
           (unsigned long)(expected & 0xffffffff));
}

/* cases */

static void check_function(void) {
    static double (*const functions[])(double) = {refnn_exp, refnn_log, refnn_tanh, refnn_sin, refnn_cos, refnn_expm1};
    const uint64_t function = integer();
    uint64_t digest = 0;
    for (uint64_t count = integer(); count > 0; count--) {
        const double y = functions[function](number());
        add_numbers(&digest, 1, &y);
    }
    compare(digest, integer(), "values", 0, 1);
}

static void check_random(void) {
    const uint64_t seed = integer(), n = integer();
    uint64_t state = refnn_stream(seed, n), digest = 0;
    int32_t *order = room((int64_t)n, sizeof *order);
    for (int k = 0; k < 10; k++) {
        add(&digest, refnn_next(&state));
        double drawn[2];
        drawn[0] = refnn_uniform(&state);
        drawn[1] = refnn_normal(&state);
        add_numbers(&digest, 2, drawn);
    }
    add(&digest, (uint64_t)refnn_below(&state, (int32_t)n));
    refnn_permutation(&state, (int32_t)n, order);
    for (uint64_t k = 0; k < n; k++) add(&digest, (uint64_t)order[k]);
    refnn_epoch_order(seed, n, (int32_t)n, order);
    for (uint64_t k = 0; k < n; k++) add(&digest, (uint64_t)order[k]);
    compare(digest, integer(), "values", 0, 1);
    free(order);
}

static refnn_layer read_layer(void) {
    refnn_layer layer;
    int32_t *fields = &layer.kind; /* the integers, up to padding */
    for (size_t k = 0; k < offsetof(refnn_layer, eps) / sizeof *fields; k++) fields[k] = (int32_t)integer();
    layer.eps = number();
    layer.momentum = number();
    return layer;
}

typedef struct {
    refnn_model model;
    refnn_samples samples;
    refnn_training how;
    uint64_t seed, epochs;
    int shuffle;
    uint64_t expected[STAGES];
} network_case;

static void compute(const network_case *c, int32_t simd, int32_t threads) {
    refnn_model model = c->model;
    model.simd = simd;
    model.threads = threads;
    const int64_t count = c->samples.count, parameters = refnn_parameter_count(&model);
    const int64_t buffers = refnn_buffer_count(&model);
    const int64_t inputs = model.layers[0].inputs, outputs = model.layers[model.layer_count - 1].outputs;
    const int32_t rows = (int32_t)(count > MOST_ROWS && !refnn_needs_whole_batches(&model) ? MOST_ROWS : count);
    refnn_network network = {&model, room(parameters, 8), room(buffers, 8), room(parameters, 8), NULL, rows};
    network.workspace = room(refnn_workspace_size(&model, rows), 8);
    double *gradients = room(parameters, 8), *dx = room(count * inputs, 8), *o = room(count * outputs, 8);
    int32_t *order = room(count, sizeof *order), status = 0, finite = 1;
    uint64_t digest[STAGES] = {0};

    status |= refnn_initialise(&model, c->seed, network.parameters, network.buffers);
    add_numbers(&digest[0], parameters, network.parameters);
    add_numbers(&digest[0], buffers, network.buffers);

    double loss = 0.0;
    status |= refnn_network_gradients(&network, &c->samples, 0, count, c->how.reduction, &loss, gradients, dx);
    if (c->how.reduction == REFNN_MEAN) loss /= (double)count;
    add_numbers(&digest[1], 1, &loss);
    add_numbers(&digest[1], parameters, gradients);
    add_numbers(&digest[1], count * inputs, dx);

    for (uint64_t epoch = 1; finite && epoch <= c->epochs; epoch++) {
        refnn_samples ordered = c->samples;
        if (c->shuffle) {
            refnn_epoch_order(c->seed, epoch, (int32_t)count, order);
            ordered.order = order;
        }
        status |= refnn_network_train(&network, &ordered, 0, count, &c->how, &finite);
        for (int64_t k = 0; k < parameters; k++) finite &= network.parameters[k] - network.parameters[k] == 0.0;
        if (!finite) {
            add(&digest[2], DIVERGED);
            break;
        }
        int64_t correct = 0;
        loss = 0.0;
        status |= refnn_network_evaluate(&network, &c->samples, 0, count, &loss, &correct);
        if (c->how.reduction == REFNN_MEAN) loss /= (double)count;
        add_numbers(&digest[2], 1, &loss);
        add(&digest[2], (uint64_t)correct);
    }
    if (finite) {
        status |= refnn_network_outputs(&network, &c->samples, 0, count, o);
        add_numbers(&digest[3], parameters, network.parameters);
        add_numbers(&digest[3], buffers, network.buffers);
        status |= refnn_predict(&model, count, o);
        add_numbers(&digest[3], count * outputs, o);
    }
    for (int k = 0; k < STAGES; k++)
        compare(status ? ~c->expected[k] : digest[k], c->expected[k], STAGE[k], simd, threads);
    void *all[] = {network.parameters, network.buffers, network.gradients, network.workspace, gradients, dx, o, order};
    for (size_t k = 0; k < sizeof all / sizeof *all; k++) free(all[k]);
}

static void check_network(int32_t threads) {
    network_case c;
    memset(&c, 0, sizeof c);
    c.model.layer_count = (int32_t)integer();
    refnn_layer *layers = room(c.model.layer_count, sizeof *layers);
    for (int32_t k = 0; k < c.model.layer_count; k++) layers[k] = read_layer();
    c.model.layers = layers;
    c.model.loss = (int32_t)integer();
    c.model.init = (int32_t)integer();
    c.seed = integer();
    c.epochs = integer();
    c.how.batch_size = (int64_t)integer();
    c.how.lr = number();
    c.shuffle = (int)integer();
    c.how.reduction = (int32_t)integer();
    c.samples.count = (int64_t)integer();
    const int64_t values = c.samples.count * layers[0].inputs;
    const int64_t outputs = layers[c.model.layer_count - 1].outputs;
    double *x = NULL, *rows = NULL;
    uint8_t *pixels = NULL;
    int32_t *classes = NULL;
    if (integer()) {
        c.samples.pixels = pixels = room(values, 1);
        for (int64_t k = 0; k < values; k++) pixels[k] = (uint8_t)integer();
    } else {
        c.samples.inputs = x = numbers(values);
    }
    if (c.model.loss == REFNN_CROSS_ENTROPY) {
        c.samples.y.classes = classes = room(c.samples.count, sizeof *classes);
        for (int64_t k = 0; k < c.samples.count; k++) classes[k] = (int32_t)integer();
    } else {
        c.samples.y.rows = rows = numbers(c.samples.count * outputs);
    }
    for (int k = 0; k < STAGES; k++) c.expected[k] = integer();
    for (int32_t simd = 0; simd < refnn_simd_count(); simd++) {
        if (!refnn_simd_name(simd)) continue;
        compute(&c, simd, 1);
        if (threads > 1 && refnn_has_threads()) compute(&c, simd, threads);
    }
    free(layers), free(x), free(rows), free(pixels), free(classes);
}

int main(int count, char **arguments) {
    file = count > 1 ? fopen(arguments[1], "rb") : NULL;
    if (!file) {
        puts("usage: driver FILE [THREADS]");
        return 2;
    }
    const int32_t threads = count > 2 ? atoi(arguments[2]) : 1;
    int cases = 0;
    for (uint64_t kind; (kind = integer()) != END; cases++) {
        read_name();
        if (kind == FUNCTION) check_function();
        else if (kind == PRNG) check_random();
        else check_network(cases % 4 == 0 ? threads : 1);
    }
    printf("%s: %d cases, %d digests, %d different; %s; instruction sets", different ? "DIFFERENT" : "equal", cases,
           compared, different, refnn_build());
    for (int32_t simd = 0; simd < refnn_simd_count(); simd++) {
        if (refnn_simd_name(simd)) printf(" %s", refnn_simd_name(simd));
    }
    printf("; threads %d\n", refnn_has_threads() ? (int)threads : 1);
    return different != 0;
}
