/* The C core of refnn: the API, its documentation, and the text that cffi reads. So it has no preprocessor directives.
 *
 * A network is described by a refnn_model. Its parameters are one flat array of doubles: layer by layer the weights row
 * by row, then the bias. An image lies in its row channel by channel, each channel row by row. Nothing here allocates,
 * prints, keeps state or calls libm; the caller passes every buffer.
 *
 * Each chapter of the book, refnn/reference/, has a twin here: a file with the same functions in the same order, which
 * compute the same bits. Their names begin with refnn_. With instruction set 0, "plain", training runs the twins and
 * nothing else; with every other it runs the kernels of fast/, which compute the same bits.
 *
 * Functions that can reject their arguments return a refnn_status. Matrices are stored row after row. n counts samples,
 * i inputs, j outputs; for images c and o count channels in and out, i and j rows and columns of a kernel, r and s
 * those of an output.
 */

enum refnn_status {
    REFNN_OK = 0,
    REFNN_BAD_MODEL = 1,   /* unknown kinds, sizes below 1 or too large, layers that do not fit */
    REFNN_BAD_SAMPLES = 2, /* missing inputs or targets, an index or a class out of range, positions out of order, part
                              of a batch that must be taken whole */
};

enum refnn_kind {
    REFNN_LINEAR = 0,
    REFNN_IDENTITY = 1,
    REFNN_SIGMOID = 2,
    REFNN_TANH = 3,
    REFNN_RELU = 4,
    REFNN_LEAKY_RELU = 5,
    REFNN_SOFTMAX = 6,
    REFNN_FLATTEN = 7, /* in memory, no change */
    REFNN_CONV2D = 8,
    REFNN_MAXPOOL2D = 9,
    REFNN_BATCHNORM2D = 10,
};

enum refnn_loss { REFNN_SSE = 0, REFNN_MSE = 1, REFNN_CROSS_ENTROPY = 2 };

enum refnn_reduction { REFNN_SUM = 0, REFNN_MEAN = 1 };

enum refnn_init {
    REFNN_UNIFORM = 0,    /* uniform in [0, 1) */
    REFNN_NORMAL = 1,     /* normal, standard deviation 1 */
    REFNN_NORMAL_0_1 = 2, /* normal, standard deviation 0.1 */
    REFNN_FAN_IN = 3,     /* normal, standard deviation 1 / sqrt(fan_in) */
    REFNN_FAN_OUT = 4,    /* normal, standard deviation 1 / sqrt(fan_out) */
    REFNN_HE = 5,         /* normal, standard deviation sqrt(2 / fan_in) */
};

typedef struct {
    int32_t channels, height, width;
} refnn_shape;

typedef struct {
    int32_t rows, columns;
} refnn_pair;

typedef struct {
    int32_t kind;              /* refnn_kind */
    int32_t inputs;            /* numbers in */
    int32_t outputs;           /* numbers out; an activation has as many as inputs */
    int32_t bias;              /* linear, conv2d: 1 with a bias, 0 without */
    refnn_shape x;             /* conv2d, maxpool2d, batchnorm2d: the images in */
    refnn_shape z;             /* and out */
    refnn_pair kernel, stride; /* conv2d, maxpool2d */
    refnn_pair padding;        /* conv2d: rows of zeros above and below, columns of zeros left and right */
    double eps, momentum;      /* batchnorm2d */
} refnn_layer;

typedef struct {
    const refnn_layer *layers;
    int32_t layer_count;
    int32_t loss;    /* refnn_loss */
    int32_t init;    /* refnn_init */
    int32_t simd;    /* instruction set, one that refnn_simd_name knows; the bits are the same with each */
    int32_t threads; /* at least 1; the bits are the same with any number */
} refnn_model;

/* linear.c: x is rows x inputs, w inputs x outputs, b outputs (or NULL), z rows x outputs; dx, dw, db, dz likewise */

/* z[n][j] = b[j]; for i ascending: z[n][j] += x[n][i] * w[i][j] */
void refnn_linear_forward(int32_t rows, int32_t inputs, int32_t outputs, const double *x, const double *w,
                          const double *b, double *z);

/* dx[n][i] = 0.0; for j ascending: dx[n][i] += dz[n][j] * w[i][j] */
void refnn_linear_backward_input(int32_t rows, int32_t inputs, int32_t outputs, const double *w, const double *dz,
                                 double *dx);

/* dw[i][j] = 0.0; for n ascending: dw[i][j] += x[n][i] * dz[n][j], and db[j] += dz[n][j] */
void refnn_linear_backward_parameters(int32_t rows, int32_t inputs, int32_t outputs, const double *x, const double *dz,
                                      double *dw, double *db);

/* p[k] -= lr * dp[k] */
void refnn_linear_update(int64_t count, double *p, const double *dp, double lr);

/* activations.c: one row of `width` numbers; z and a, da and dz may be the same array. A backward function may read z,
 * a or both. */

void refnn_identity_forward(int32_t width, const double *z, double *a);
void refnn_identity_backward(int32_t width, const double *z, const double *a, const double *da, double *dz);
void refnn_sigmoid_forward(int32_t width, const double *z, double *a);
void refnn_sigmoid_backward(int32_t width, const double *z, const double *a, const double *da, double *dz);
void refnn_tanh_forward(int32_t width, const double *z, double *a);
void refnn_tanh_backward(int32_t width, const double *z, const double *a, const double *da, double *dz);
void refnn_relu_forward(int32_t width, const double *z, double *a);
void refnn_relu_backward(int32_t width, const double *z, const double *a, const double *da, double *dz);
void refnn_leaky_relu_forward(int32_t width, const double *z, double *a);
void refnn_leaky_relu_backward(int32_t width, const double *z, const double *a, const double *da, double *dz);
void refnn_softmax_forward(int32_t width, const double *z, double *a);
void refnn_softmax_backward(int32_t width, const double *z, const double *a, const double *da, double *dz);

/* losses.c: one row of outputs o; the target y is a row (sse, mse) or the index of the right class (cross_entropy);
 * d is dL/do */

double refnn_sse(int32_t outputs, const double *o, const double *y);
void refnn_sse_gradient(int32_t outputs, const double *o, const double *y, double *d);
double refnn_mse(int32_t outputs, const double *o, const double *y);
void refnn_mse_gradient(int32_t outputs, const double *o, const double *y, double *d);
double refnn_cross_entropy(int32_t outputs, const double *o, int32_t y);
void refnn_cross_entropy_gradient(int32_t outputs, const double *o, int32_t y, double *d);

/* The targets of some rows of outputs; one of the two is NULL. */
typedef struct {
    const double *rows;     /* rows x outputs, for sse and mse */
    const int32_t *classes; /* rows, for cross_entropy */
} refnn_targets;

/* d[n] = the gradient of row n's loss, divided by the number of rows if reduction is REFNN_MEAN */
void refnn_batch_gradient(int32_t loss, int32_t reduction, int32_t rows, int32_t outputs, const double *o,
                          const refnn_targets *y, double *d);

int32_t refnn_argmax(int32_t width, const double *row);

/* training.c: layers in a row */

/* A layer and its memory. For batchnorm2d w is gamma, b is beta. */
typedef struct {
    const refnn_layer *layer;
    double *w, *b;      /* parameters; NULL: it has none */
    double *dw, *db;    /* their gradients; NULL: not wanted, but batchnorm2d always needs them */
    double *buffers;    /* batchnorm2d: running means, then running variances; NULL: training does not update them */
    double *statistics; /* batchnorm2d: mean, squares, variance of a batch of training */
    double *x, *a;      /* rows x inputs, rows x outputs */
    double *dx, *da;    /* dL/dx (NULL: not wanted), dL/da */
} refnn_memory;

/* A row of layers: the output of one is the input of the next, memory[k].a == memory[k + 1].x, and memory[k].da ==
 * memory[k + 1].dx. */
typedef struct {
    refnn_memory *memory;
    int32_t count;
} refnn_layers;

/* Room for what a batch has beside its inputs. */
typedef struct {
    double *rows;     /* targets, rows x outputs */
    int32_t *classes; /* or classes, rows */
    double *losses;   /* of each sample */
} refnn_batch;

typedef struct {
    int64_t count;
    const double *inputs;  /* count x inputs; or NULL, and then */
    const uint8_t *pixels; /* count x inputs, each p standing for p / 255.0 */
    refnn_targets y;
    const int32_t *order; /* count: which sample comes first, second, ...; NULL: 0, 1, 2, ... */
} refnn_samples;

typedef struct {
    int32_t loss;      /* refnn_loss */
    int32_t reduction; /* refnn_reduction */
    int64_t batch_size;
    double lr;
} refnn_training;

/* Computes the outputs of every layer from memory[0].x. training: 1: batchnorm2d uses the statistics of the rows. */
void refnn_forward(const refnn_layers *layers, int32_t rows, int32_t training);

/* Computes dL/da of every layer and the gradients of its parameters from da of the last layer. */
void refnn_backward(const refnn_layers *layers, int32_t rows);

/* p -= lr * dL/dp for every parameter p. */
void refnn_update(const refnn_layers *layers, double lr);

/* Learns from one batch of inputs memory[0].x. Writes the loss of each sample before the update. */
void refnn_step(const refnn_layers *layers, int32_t rows, const refnn_batch *batch, const refnn_training *how);

/* Learns from samples number start ... stop - 1 of the order; the last batch may be smaller. Returns 1 if the loss of
 * each sample before its step was finite. */
int32_t refnn_epoch(const refnn_layers *layers, const refnn_batch *room, const refnn_samples *samples, int64_t start,
                    int64_t stop, const refnn_training *how);

/* Adds the losses of samples number start ... stop - 1 to *total, and to *correct the number of those whose largest
 * output is where the target says. */
void refnn_evaluate(const refnn_layers *layers, int32_t loss, const refnn_samples *samples, int64_t start, int64_t stop,
                    double *total, int64_t *correct);

/* conv.c: x, z, w and b as the layer says: w is z.channels x x.channels x kernel, b z.channels (or NULL); X is x with
 * its padding */

/* z[n][o][r][s] = b[o];
 * for c, i, j ascending: z[n][o][r][s] += X[n][c][r * stride + i][s * stride + j] * w[o][c][i][j] */
void refnn_conv2d_forward(int32_t rows, const refnn_layer *layer, const double *x, const double *w, const double *b,
                          double *z);

/* dx = 0.0; for o, i, j ascending: dX[n][c][r * stride + i][s * stride + j] += dz[n][o][r][s] * w[o][c][i][j] */
void refnn_conv2d_backward_input(int32_t rows, const refnn_layer *layer, const double *w, const double *dz, double *dx);

/* dw[o][c][i][j] = 0.0;
 * for n, r, s ascending: dw[o][c][i][j] += X[n][c][r * stride + i][s * stride + j] * dz[n][o][r][s],
 * and db[o] += dz[n][o][r][s] */
void refnn_conv2d_backward_parameters(int32_t rows, const refnn_layer *layer, const double *x, const double *dz,
                                      double *dw, double *db);

/* pool.c */

/* a[n][c][r][s] = the largest x[n][c][r * stride + i][s * stride + j], the first of equals */
void refnn_maxpool2d_forward(int32_t rows, const refnn_layer *layer, const double *x, double *a);

/* dx = 0.0; for r, s ascending: dx[n][c][where window r, s has its largest] += da[n][c][r][s] */
void refnn_maxpool2d_backward(int32_t rows, const refnn_layer *layer, const double *x, const double *da, double *dx);

/* batchnorm.c: x, a, da, dx are rows x channels x size; everything else has one number for each channel;
 * m = rows * size */

typedef struct {
    int32_t rows;
    const refnn_layer *layer;
    const double *x, *mean, *variance;
    const double *gamma, *beta; /* backward does not read beta */
} refnn_batchnorm;

/* mean[c] = (sum of x[n][c][k]) / m, squares[c] = sum of (x[n][c][k] - mean[c])^2; returns m */
double refnn_batchnorm2d_statistics(int32_t rows, const refnn_layer *layer, const double *x, double *mean,
                                    double *squares);

/* a = gamma[c] * h + beta[c], where h = (x - mean[c]) * f[c] and f[c] = 1 / sqrt(variance[c] + eps) */
void refnn_batchnorm2d_forward(const refnn_batchnorm *p, double *a);

/* dbeta[c] = sum of da, dgamma[c] = sum of da * h,
 * dx (or NULL) = (gamma[c] * f[c]) * ((da - dbeta[c] / m) - h * (dgamma[c] / m)) */
void refnn_batchnorm2d_backward(const refnn_batchnorm *p, const double *da, double *dx, double *dgamma, double *dbeta);

/* running = (1 - momentum) * running + momentum * new; the new variance is squares[c] / (m - 1), or / 1 where m is 1 */
void refnn_batchnorm2d_track(int32_t channels, double *running_mean, double *running_variance, const double *mean,
                             const double *squares, double m, double momentum);

/* prng.c: the state of a generator is a 64-bit number. One seed has several independent streams; their numbers: */

enum refnn_stream_number { REFNN_PARAMETERS = 1, REFNN_SHUFFLING = 2, REFNN_DATA = 3 };

uint64_t refnn_next(uint64_t *state);
double refnn_uniform(uint64_t *state);
double refnn_normal(uint64_t *state);
int32_t refnn_below(uint64_t *state, int32_t n);
void refnn_permutation(uint64_t *state, int32_t n, int32_t *order);
uint64_t refnn_stream(uint64_t seed, uint64_t k);
void refnn_epoch_order(uint64_t seed, uint64_t epoch, int32_t n, int32_t *order);

/* init.c: fan_in is the number of inputs of each output, fan_out the number of outputs that each input feeds; b may be
 * NULL */

void refnn_draw_row(uint64_t *random, int32_t init, int64_t fan_in, int64_t fan_out, int64_t count, double *p);
void refnn_linear_init(uint64_t *random, int32_t init, int32_t inputs, int32_t outputs, double *w, double *b);
void refnn_conv2d_init(uint64_t *random, int32_t init, const refnn_layer *layer, double *w, double *b);

/* elementary.c */

double refnn_exp(double x);
double refnn_expm1(double x); /* for |x| < 50 */
double refnn_log(double x);
double refnn_tanh(double x);
double refnn_sin(double x); /* NaN for |x| > 2^19 pi/2 */
double refnn_cos(double x); /* NaN for |x| > 2^19 pi/2 */

/* model.c */

/* The name of a layer's kind, a loss and an initialisation, by number, as in Python; NULL if there is none. */
const char *refnn_kind_name(int32_t kind);
const char *refnn_loss_name(int32_t loss);
const char *refnn_init_name(int32_t init);

/* The number of doubles that the parameters take; 0 for an invalid model. */
int64_t refnn_parameter_count(const refnn_model *model);

/* The number of doubles that the buffers take: of each batchnorm2d the running means, then the running variances. */
int64_t refnn_buffer_count(const refnn_model *model);

/* 1 if batches of training must be taken whole: with batchnorm2d, or where the twins run. */
int32_t refnn_needs_whole_batches(const refnn_model *model);

/* Draws every parameter from `seed`; gamma is 1 and beta 0, the running means 0 and variances 1. */
int32_t refnn_initialise(const refnn_model *model, uint64_t seed, double *parameters, double *buffers);

/* network.c: whole networks, by the model's instruction set and number of threads */

typedef struct {
    const refnn_model *model;
    double *parameters, *buffers;
    double *gradients; /* as many as parameters, for training: a call that ends inside a batch leaves its sums here */
    double *workspace;
    int32_t rows; /* the samples that go through the layers together; the workspace has room for them */
} refnn_network;

/* The number of doubles of workspace for that many rows; 0 for an invalid model. */
int64_t refnn_workspace_size(const refnn_model *model, int32_t rows);

/* Writes the outputs of samples number start ... stop - 1 to these rows of o, count x outputs. */
int32_t refnn_network_outputs(const refnn_network *network, const refnn_samples *samples, int64_t start, int64_t stop,
                              double *o);

/* Turns count x outputs into what the network predicts: for cross_entropy softmax of each row, else no change. */
int32_t refnn_predict(const refnn_model *model, int64_t count, double *o);

/* Trains on samples number start ... stop - 1 of the order, one step per batch; the last batch may be smaller. Batches
 * begin at multiples of the batch size. A call may end inside a batch and the next go on there, unless batches must be
 * taken whole; those need rows >= batch size, too. The loss is the model's; *finite becomes 0 if it was not finite for
 * a sample before its step. Inputs and parameters must be finite; if a parameter is not after the call, the run must be
 * thrown away. */
int32_t refnn_network_train(const refnn_network *network, const refnn_samples *samples, int64_t start, int64_t stop,
                            const refnn_training *how, int32_t *finite);

/* Several epochs: the first is number `first`; the k-th has rate lr[k]. */
typedef struct {
    int32_t count;
    uint64_t first;
    const double *lr;
    int32_t *order;   /* shuffled: room for the order of an epoch; NULL: not shuffled */
    uint64_t seed;    /* of the orders */
    double *losses;   /* out: after each epoch, the sum of the losses of all samples */
    int64_t *correct; /* out: and the number of them that are classified correctly */
} refnn_epochs;

int32_t refnn_network_train_epochs(const refnn_network *network, const refnn_samples *samples,
                                   const refnn_epochs *epochs, const refnn_training *how, int32_t *finite);

/* What refnn_evaluate does. */
int32_t refnn_network_evaluate(const refnn_network *network, const refnn_samples *samples, int64_t start, int64_t stop,
                               double *total, int64_t *correct);

/* The share of samples start ... stop - 1 in the loss of all samples as one batch of training: adds their losses to
 * *total and dL/dp of every parameter to `gradients`, and writes dL/dx, samples x inputs, to dx. `gradients` and dx may
 * be NULL. */
int32_t refnn_network_gradients(const refnn_network *network, const refnn_samples *samples, int64_t start, int64_t stop,
                                int32_t reduction, double *total, double *gradients, double *dx);

/* One layer, by one thread, with any instruction set: for checks of the functions that training calls. `scratch` has
 * refnn_layer_scratch doubles. backward reads x, a, da and the statistics, and writes dx, dw and db; it may be called
 * without forward, with any numbers. */
int64_t refnn_layer_scratch(int32_t simd, const refnn_layer *layer);
int32_t refnn_layer_forward(int32_t simd, int32_t rows, const refnn_memory *m, int32_t training, double *scratch);
int32_t refnn_layer_backward(int32_t simd, int32_t rows, const refnn_memory *m, double *scratch);
int32_t refnn_layer_update(int32_t simd, const refnn_memory *m, double lr);

/* The loss of a batch with outputs o, by the model's loss and instruction set: writes the loss of each row to `losses`,
 * dL/do to d, and the loss of the batch to *total. */
int32_t refnn_batch_loss(const refnn_model *model, int32_t reduction, int32_t rows, const double *o,
                         const refnn_targets *y, double *losses, double *d, double *total);

/* buffers.c: numbers as callers bring them, at any address */

/* The index of the first double that is infinite or NaN; count if there is none. */
int64_t refnn_not_finite(int64_t count, const void *values);

/* Converts numbers of a C type, named by its letter in Python's module struct, and adds `zero`: 0.0 makes -0.0 into
 * 0.0, -0.0 changes nothing. REFNN_BAD_SAMPLES for another letter. */
int32_t refnn_to_doubles(char format, int64_t count, const void *values, double zero, double *doubles);

/* Writes the class of each one-hot row until a row is not one-hot; returns the number of classes. */
int64_t refnn_one_hot(int64_t count, int64_t width, const double *rows, int32_t *classes);

/* The index of the first number that is not from 0 to outputs - 1; count if there is none. */
int64_t refnn_not_class(int64_t count, const int32_t *classes, int32_t outputs);

/* Whether the doubles of inputs and targets begin at multiples of 8 bytes. All other functions need that. */
int32_t refnn_are_aligned(const refnn_samples *samples);

/* The number of instruction sets that this build has, plain C included. */
int32_t refnn_simd_count(void);

/* The name of instruction set 0 (plain C) ... refnn_simd_count() - 1; NULL if this processor does not have it. */
const char *refnn_simd_name(int32_t simd);

/* 1 if the core was built with threads. */
int32_t refnn_has_threads(void);

/* The compiler that built this. */
const char *refnn_build(void);

/* For measurements: the product C (m x n) = A (m x k) B (k x n); and `steps` rounds of multiplications and additions in
 * registers, as many as the processor can do: returns their number. */
int32_t refnn_matmul(int32_t simd, int32_t threads, int32_t m, int32_t k, int32_t n, const double *a, const double *b,
                     double *c);
double refnn_peak(int32_t simd, int64_t steps, double *sink);
