/* The C core of refnn: the API, its documentation, and the text that cffi reads (so: no other directives).
 *
 * A network is described by a refnn_model and lives in one flat array of doubles, its parameters: layer by layer the
 * weights row by row, then the bias; an image lies in its row channel by channel, each row by row. Nothing here allocates, prints, keeps state or calls libm; the
 * caller hands in every buffer. Each file has a twin in refnn/reference/, whose functions these are, with the same bits.
 *
 * Functions that can refuse their arguments return a refnn_status. Matrices are rows after rows. n counts samples,
 * i inputs, j outputs; of images c and o count channels in and out, i and j a kernel's rows and columns, r and s those out.
 */

enum refnn_status {
    REFNN_OK = 0,
    REFNN_BAD_MODEL = 1,   /* unknown kinds, sizes below 1 or too large, layers that do not fit */
    REFNN_BAD_SAMPLES = 2, /* missing inputs or targets, an index or a class out of range, positions out of order, part of
                              a batch for a layer that needs the whole */
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
    int32_t kind;    /* refnn_kind */
    int32_t inputs;  /* numbers in */
    int32_t outputs; /* numbers out; an activation has as many as inputs */
    int32_t bias;    /* linear, conv2d: 1 with a bias, 0 without */
    refnn_shape x;   /* conv2d, maxpool2d, batchnorm2d: the images in */
    refnn_shape z;   /* and out */
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

typedef struct {
    int64_t count;
    const double *inputs;   /* count x inputs; or NULL, and then */
    const uint8_t *pixels;  /* count x inputs, each p standing for p / 255.0 */
    const double *targets;  /* count x outputs, for sse and mse */
    const int32_t *classes; /* count, for cross_entropy: the index of the right output */
    const int32_t *order;   /* count: which sample comes first, second, ...; or NULL: as they lie */
} refnn_samples;

/* elementary.c */

double refnn_exp(double x);
double refnn_expm1(double x); /* for |x| < 50 */
double refnn_log(double x);
double refnn_tanh(double x);
double refnn_sin(double x); /* NaN for |x| > 2^19 pi/2 */
double refnn_cos(double x); /* NaN for |x| > 2^19 pi/2 */

/* prng.c: a generator is its 64-bit state */

uint64_t refnn_next(uint64_t *state);
double refnn_uniform(uint64_t *state);
double refnn_normal(uint64_t *state);
int32_t refnn_below(uint64_t *state, int32_t n);
void refnn_permutation(uint64_t *state, int32_t n, int32_t *order);
uint64_t refnn_stream(uint64_t seed, uint64_t k);
void refnn_epoch_order(uint64_t seed, uint64_t epoch, int32_t n, int32_t *order);

/* activations.c: one row of `width` numbers; a and z, da and dz may be the same array */

void refnn_activation_forward(int32_t kind, int32_t width, const double *z, double *a);
void refnn_activation_backward(int32_t kind, int32_t width, const double *a, const double *da, double *dz);

/* losses.c: one row of outputs o; the target is y (sse, mse) or the class c (cross_entropy) */

double refnn_loss_value(int32_t loss, int32_t outputs, const double *o, const double *y, int32_t c);
void refnn_loss_gradient(int32_t loss, int32_t outputs, const double *o, const double *y, int32_t c, double *d);
int32_t refnn_argmax(int32_t width, const double *row);

/* linear.c: x is rows x inputs, w inputs x outputs, b outputs (or NULL), z rows x outputs; dx, dw, db, dz likewise */

/* So many parameters, drawn and scaled as the initialisation says: an output is made of fan_in numbers, a number goes into
 * fan_out outputs. */
void refnn_draw_row(uint64_t *random, int32_t init, int64_t fan_in, int64_t fan_out, int64_t count, double *p);

void refnn_linear_init(uint64_t *random, int32_t init, int32_t inputs, int32_t outputs, double *w, double *b);

/* z[n][j] = b[j]; for i ascending: z[n][j] += x[n][i] * w[i][j] */
void refnn_linear_forward(int32_t rows, int32_t inputs, int32_t outputs, const double *x, const double *w,
                          const double *b, double *z);

/* dx[n][i] = 0.0; for j ascending: dx[n][i] += dz[n][j] * w[i][j] */
void refnn_linear_backward_input(int32_t rows, int32_t inputs, int32_t outputs, const double *w, const double *dz,
                                 double *dx);

/* for n ascending: dw[i][j] += x[n][i] * dz[n][j], db[j] += dz[n][j]; dw and db hold the sum so far */
void refnn_linear_backward_parameters(int32_t rows, int32_t inputs, int32_t outputs, const double *x, const double *dz,
                                      double *dw, double *db);

/* p[k] -= lr * dp[k] */
void refnn_linear_update(int64_t count, double *p, const double *dp, double lr);

/* conv.c: x, z, w and b as the layer says: w is z.channels x x.channels x kernel, b z.channels (or NULL); X is x padded */

void refnn_conv2d_init(uint64_t *random, int32_t init, const refnn_layer *layer, double *w, double *b);

/* z[n][o][r][s] = b[o]; for c, i, j ascending: z[n][o][r][s] += X[n][c][r * stride + i][s * stride + j] * w[o][c][i][j] */
void refnn_conv2d_forward(int32_t rows, const refnn_layer *layer, const double *x, const double *w, const double *b, double *z);

/* dx = 0.0; for o, i, j ascending: dX[n][c][r * stride + i][s * stride + j] += dz[n][o][r][s] * w[o][c][i][j] */
void refnn_conv2d_backward_input(int32_t rows, const refnn_layer *layer, const double *w, const double *dz, double *dx);

/* for n, r, s ascending: dw[o][c][i][j] += X[n][c][r * stride + i][s * stride + j] * dz[n][o][r][s], db[o] += dz[n][o][r][s];
 * dw and db hold the sum so far */
void refnn_conv2d_backward_parameters(int32_t rows, const refnn_layer *layer, const double *x, const double *dz, double *dw,
                                      double *db);

/* pool.c */

/* a[n][c][r][s] = the largest x[n][c][r * stride + i][s * stride + j], the first of equals */
void refnn_maxpool2d_forward(int32_t rows, const refnn_layer *layer, const double *x, double *a);

/* dx = 0.0; for r, s ascending: dx[n][c][where window r, s has its largest] += da[n][c][r][s] */
void refnn_maxpool2d_backward(int32_t rows, const refnn_layer *layer, const double *x, const double *da, double *dx);

/* batchnorm.c: x, a, dx, da are rows x channels x size, the others have a number for each channel; m = rows * size */

/* mean[c] = (sum of x[n][c][k]) / m, squares[c] = sum of (x[n][c][k] - mean[c])^2 */
void refnn_batchnorm2d_statistics(int32_t rows, int32_t channels, int32_t size, const double *x, double *mean, double *squares);

/* a = gamma[c] * h + beta[c], where h = (x - mean[c]) * f[c] and f[c] = 1 / sqrt(variance[c] + eps) */
void refnn_batchnorm2d_forward(int32_t rows, int32_t channels, int32_t size, const double *x, const double *mean,
                               const double *variance, const double *gamma, const double *beta, double eps, double *a);

/* dbeta[c] = sum of da, dgamma[c] = sum of da * h, dx (or NULL) = (gamma[c] * f[c]) * ((da - dbeta[c] / m) - h * (dgamma[c] / m)) */
void refnn_batchnorm2d_backward(int32_t rows, int32_t channels, int32_t size, const double *x, const double *mean,
                                const double *variance, const double *gamma, const double *da, double eps, double *dx,
                                double *dgamma, double *dbeta);

/* running = (1 - momentum) * running + momentum * new; the new variance is squares[c] / (m - 1), or / 1 where m is 1 */
void refnn_batchnorm2d_track(int32_t channels, double *running_mean, double *running_variance, const double *mean,
                             const double *squares, double m, double momentum);

/* network.c: `buffers` are what training changes beside the parameters: of each batchnorm2d the running means, then the
 * running variances. Its batches must come whole: `rows` at least as large as they. */

/* How many doubles the parameters take; 0 for a bad model. */
int64_t refnn_parameter_count(const refnn_model *model);

/* How many doubles of workspace the functions below need to take `rows` samples at a time; 0 for a bad model. */
int64_t refnn_workspace_size(const refnn_model *model, int32_t rows);

/* How many doubles the buffers take; 0 for a bad model. */
int64_t refnn_buffer_count(const refnn_model *model);

/* Draws every parameter from `seed`; gamma is 1 and beta 0, the running means 0 and variances 1. */
int32_t refnn_initialise(const refnn_model *model, uint64_t seed, double *parameters, double *buffers);

/* Writes the outputs of samples number start ... stop - 1, (stop - start) x outputs, to o. */
int32_t refnn_forward(const refnn_model *model, const double *parameters, const double *buffers, const refnn_samples *samples,
                      int64_t start, int64_t stop, int32_t rows, double *workspace, double *o);

/* Turns count x outputs into what the network predicts: for cross_entropy softmax of each row, else no change. */
int32_t refnn_predict(const refnn_model *model, int64_t count, double *o);

/* Trains on samples number start ... stop - 1 of the order, a step for each batch_size of them, the last batch smaller.
 * Batches lie at multiples of batch_size in the order; a call may end in the middle of one and the next go on there, with
 * the same `gradients`, which are for this function alone. *finite becomes 0 where a loss is infinite or NaN.
 * Inputs and parameters must be finite; a run in which a parameter does not stay so must be thrown away. */
int32_t refnn_train(const refnn_model *model, double *parameters, double *buffers, double *gradients,
                    const refnn_samples *samples, int64_t start, int64_t stop, int64_t batch_size, double lr,
                    int32_t reduction, int32_t rows, double *workspace, int32_t *finite);

/* What samples number start ... stop - 1 have of the loss over all as one batch: adds their losses to *total and dL/dp of
 * every parameter to `gradients`, and writes dL/dx, samples x inputs, to dx; gradients and dx may be NULL. */
int32_t refnn_gradients(const refnn_model *model, const double *parameters, const refnn_samples *samples, int64_t start,
                        int64_t stop, int32_t reduction, int32_t rows, double *workspace, double *total, double *gradients,
                        double *dx);

/* Adds the losses of samples number start ... stop - 1 to *total, and to *correct how many of them have their largest
 * output where the target has it. */
int32_t refnn_evaluate(const refnn_model *model, const double *parameters, const double *buffers, const refnn_samples *samples,
                       int64_t start, int64_t stop, int32_t rows, double *workspace, double *total, int64_t *correct);

/* Trains for `epochs` epochs from number first_epoch on, epoch e with rate lr[e]; with shuffle each in its order of `seed`,
 * for which `order` has room. After epoch e, losses[e] is the sum of all samples' losses and correct[e] as above. */
int32_t refnn_train_epochs(const refnn_model *model, double *parameters, double *buffers, double *gradients,
                           const refnn_samples *samples, int32_t shuffle, uint64_t seed, uint64_t first_epoch, int32_t epochs, const double *lr,
                           int32_t *order, int64_t batch_size, int32_t reduction, int32_t rows, double *workspace,
                           double *losses, int64_t *correct, int32_t *finite);

/* The number of instruction sets that this build has, plain C included. */
int32_t refnn_simd_count(void);

/* The name of instruction set number 0 (plain C) ... refnn_simd_count() - 1, or NULL if this processor does not have it. */
const char *refnn_simd_name(int32_t simd);

/* 1 where the core was built with threads. */
int32_t refnn_has_threads(void);

/* The compiler that built this. */
const char *refnn_build(void);

/* For measurements: product C (m x n) = A (m x k) B (k x n), and a count of multiplications and additions done in registers. */
int32_t refnn_matmul(int32_t simd, int32_t threads, int32_t m, int32_t k, int32_t n, const double *a, const double *b,
                     double *c);
double refnn_peak(int32_t simd, int64_t steps, double *sink);
