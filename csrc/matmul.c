/* The fast kernels, compiled for several instruction sets, and the choice among them: see matmul.h. */

#include "matmul.h"

enum { FROM_ZERO, FROM_BIAS, FROM_C };
enum { STORE_SUM, UPDATE };
enum { ROWS = 6, DEPTH = 256, PACK_ROWS = 32, GRAIN = 8 };
enum { BLOCK = 128, LISTS = 256, MANY_LISTS = 48 };

/* C (m x n) = start + A (m x k) B (k x n), each element's sum in ascending k; or C -= lr * that.
 * X_m, X_n, X_k: how far apart the elements of X lie in memory. */
typedef struct {
    int64_t n_count, k_count;
    const double *a;
    int64_t a_m, a_k;
    const double *b;
    int64_t b_k, b_n;
    double *c;
    int64_t c_m, c_n;
    int start;
    const double *bias;
    int finish; /* UPDATE: k_count is at most DEPTH */
    double lr;
} product;

/* The same with sparse A; B's and C's rows have n_count numbers. */
typedef struct {
    sparse_rows a;
    const double *b;
    int64_t n_count, k_count;
    double *c;
    int start;
    const double *bias;
    int finish;
    double lr;
} sparse_product;

typedef struct {
    range_task product;
    range_task sparse;
    void (*columns)(int64_t rows, int64_t width, const double *dz, double *b, int finish, double lr);
    void (*update)(int64_t count, double *p, const double *dp, double lr);
    int (*map)(int32_t function, int64_t count, const double *z, double *a);
    double (*peak)(int64_t steps, double *sink);
} kernels;

#if defined(__GNUC__) && (defined(__clang__) || __GNUC__ >= 9)
#define VECTORS 1
#define ALIGNED __attribute__((aligned(64))) /* a vector that lies in two lines of the cache costs two loads */
#define INLINE static inline __attribute__((always_inline))
#if defined(__clang__)
#define UNROLL _Pragma("unroll")
#else
#define UNROLL _Pragma("GCC unroll 32")
#pragma GCC diagnostic ignored "-Wpsabi" /* vectors are passed between inlined functions only */
#endif

#define NAME(x) base_##x
#define WIDTH 2
#if defined(__aarch64__)
#define COLUMNS 4
#define LONG 16
#else
#define COLUMNS 2
#define LONG 8
#endif
#include "matmul_isa.h"

#if defined(__x86_64__)
#define X86 1

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2")
#endif
#define NAME(x) avx2_##x
#define WIDTH 4
#define COLUMNS 2
#define LONG 8
#include "matmul_isa.h"
#if defined(__clang__)
#pragma clang attribute pop
#pragma clang attribute push(__attribute__((target("avx512f,avx512dq"))), apply_to = function)
#else
#pragma GCC pop_options
#pragma GCC push_options
#pragma GCC target("avx512f,avx512dq")
#endif
#define NAME(x) avx512_##x
#define WIDTH 8
#define COLUMNS 4
#define LONG 16
#include "matmul_isa.h"
#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
#endif
#endif

static const kernels *kernels_of(processor p) {
    switch (p.simd) {
#if defined(VECTORS)
    case SIMD_BASE:
        return &base_kernels;
#endif
#if defined(X86)
    case SIMD_AVX2:
        return &avx2_kernels;
    case SIMD_AVX512:
        return &avx512_kernels;
#endif
    default:
        return NULL;
    }
}

/* For a product with `columns` columns: where half vectors fit them much better, the narrower instruction set is faster. */
static const kernels *kernels_for(processor p, int64_t columns) {
    int narrow = p.simd == SIMD_AVX512 && 9 * ((columns + 3) / 4) < 16 * ((columns + 7) / 8);
    return kernels_of((processor){narrow ? SIMD_AVX2 : p.simd, 1});
}

const char *refnn_simd_name(int32_t simd) {
    switch (simd) {
    case SIMD_PLAIN:
        return "plain";
#if defined(VECTORS)
    case SIMD_BASE:
#if defined(X86)
        return "sse2";
#elif defined(__aarch64__)
        return "neon";
#else
        return "vectors";
#endif
#endif
#if defined(X86)
    case SIMD_AVX2:
        return __builtin_cpu_supports("avx2") ? "avx2" : NULL;
    case SIMD_AVX512:
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") ? "avx512" : NULL;
#endif
    default:
        return NULL;
    }
}

typedef struct {
    range_task task;
    const void *job;
} piece;

void parallel(int32_t threads, int64_t count, int64_t grain, range_task task, const void *job) {
#if defined(_OPENMP)
    int64_t grains = (count + grain - 1) / grain;
    if (threads > grains) threads = (int32_t)grains;
    if (threads > 1) {
#pragma omp parallel for num_threads(threads) schedule(static, 1)
        for (int32_t t = 0; t < threads; t++) {
            int64_t begin = grains * t / threads * grain;
            int64_t end = grains * (t + 1) / threads * grain;
            task(job, begin, end < count ? end : count);
        }
        return;
    }
#else
    (void)threads;
    (void)grain;
#endif
    task(job, 0, count);
}

int32_t refnn_has_threads(void) {
#if defined(_OPENMP)
    return 1;
#else
    return 0;
#endif
}

/* Linear layers */

void linear_forward(processor p, int32_t rows, int32_t inputs, int32_t outputs, const double *x, const double *w,
                    const double *b, double *z) {
    const kernels *fast = kernels_of(p);
    if (!fast) {
        refnn_linear_forward(rows, inputs, outputs, x, w, b, z);
        return;
    }
    product job = {.n_count = outputs, .k_count = inputs, .a = x, .a_m = inputs, .a_k = 1, .b = w, .b_k = outputs,
                   .b_n = 1, .c = z, .c_m = outputs, .c_n = 1, .start = b ? FROM_BIAS : FROM_ZERO, .bias = b};
    parallel(p.threads, rows, GRAIN, kernels_for(p, outputs)->product, &job);
}

typedef struct {
    int64_t inputs, outputs;
    const double *w, *dz;
    double *dx;
} one_row;

/* dx of one sample: eight sums at a time, since each alone waits for its last addition. */
static void backward_input_of_one(const void *job, int64_t begin, int64_t end) {
    const one_row *p = job;
    const double *dz = p->dz;
    int64_t outputs = p->outputs;
    int64_t i = begin;
    for (; i + 8 <= end; i += 8) {
        const double *w = p->w + i * outputs;
        double s0 = 0.0, s1 = 0.0, s2 = 0.0, s3 = 0.0, s4 = 0.0, s5 = 0.0, s6 = 0.0, s7 = 0.0;
        for (int64_t j = 0; j < outputs; j++) {
            double d = dz[j];
            s0 += d * w[j];
            s1 += d * w[j + outputs];
            s2 += d * w[j + 2 * outputs];
            s3 += d * w[j + 3 * outputs];
            s4 += d * w[j + 4 * outputs];
            s5 += d * w[j + 5 * outputs];
            s6 += d * w[j + 6 * outputs];
            s7 += d * w[j + 7 * outputs];
        }
        double *dx = p->dx + i;
        dx[0] = s0, dx[1] = s1, dx[2] = s2, dx[3] = s3, dx[4] = s4, dx[5] = s5, dx[6] = s6, dx[7] = s7;
    }
    for (; i < end; i++) {
        double s = 0.0;
        for (int64_t j = 0; j < outputs; j++) s += dz[j] * p->w[i * outputs + j];
        p->dx[i] = s;
    }
}

void linear_backward_input(processor p, int32_t rows, int32_t inputs, int32_t outputs, const double *w, const double *dz,
                           double *dx) {
    const kernels *fast = kernels_of(p);
    if (!fast) {
        refnn_linear_backward_input(rows, inputs, outputs, w, dz, dx);
    } else if (rows == 1) {
        one_row job = {inputs, outputs, w, dz, dx};
        parallel(p.threads, inputs, 64, backward_input_of_one, &job);
    } else { /* dx^T = w dz^T: vectors of samples */
        product job = {.n_count = rows, .k_count = outputs, .a = w, .a_m = outputs, .a_k = 1, .b = dz, .b_k = 1,
                       .b_n = outputs, .c = dx, .c_m = 1, .c_n = inputs, .start = FROM_ZERO};
        parallel(p.threads, inputs, GRAIN, kernels_for(p, rows)->product, &job);
    }
}

/* dw = x^T dz: added to dw and db, or with UPDATE taken from w and b */
static void backward_parameters(processor p, const kernels *fast, int32_t rows, int32_t inputs, int32_t outputs,
                                const double *x, const double *dz, double *w, double *b, int finish, double lr) {
    product job = {.n_count = outputs, .k_count = rows, .a = x, .a_m = 1, .a_k = inputs, .b = dz, .b_k = outputs,
                   .b_n = 1, .c = w, .c_m = outputs, .c_n = 1, .start = finish == UPDATE ? FROM_ZERO : FROM_C,
                   .finish = finish, .lr = lr};
    parallel(p.threads, inputs, GRAIN, kernels_for(p, outputs)->product, &job);
    if (b) fast->columns(rows, outputs, dz, b, finish, lr);
}

void linear_backward_parameters(processor p, int32_t rows, int32_t inputs, int32_t outputs, const double *x,
                                const double *dz, double *dw, double *db) {
    const kernels *fast = kernels_of(p);
    if (fast) backward_parameters(p, fast, rows, inputs, outputs, x, dz, dw, db, STORE_SUM, 0.0);
    else refnn_linear_backward_parameters(rows, inputs, outputs, x, dz, dw, db);
}

void linear_step(processor p, int32_t rows, int32_t inputs, int32_t outputs, const double *x, const double *dz, double *w,
                 double *b, double lr) {
    backward_parameters(p, kernels_of(p), rows, inputs, outputs, x, dz, w, b, UPDATE, lr);
}

/* Sparse inputs */

void linear_forward_sparse(processor p, int32_t rows, int32_t outputs, const sparse_rows *x, const double *w,
                           const double *b, double *z) {
    sparse_product job = {.a = *x, .b = w, .n_count = outputs, .k_count = x->stride, .c = z, .start = b ? FROM_BIAS : FROM_ZERO, .bias = b};
    parallel(p.threads, rows, 1, kernels_of(p)->sparse, &job);
}

typedef struct {
    const sparse_rows *x;
    const sparse_rows *columns;
    int64_t rows;
    range_task product;
    const sparse_product *job;
} transposed;

/* Columns `begin` to `end` of x as rows, and then their product. */
static void transpose_and_multiply(const void *job, int64_t begin, int64_t end) {
    const transposed *t = job;
    const sparse_rows *x = t->x, *columns = t->columns;
    for (int64_t i = begin; i < end; i++) columns->count[i] = 0;
    for (int64_t n = 0; n < t->rows; n++) {
        for (int32_t k = 0; k < x->count[n]; k++) {
            int32_t i = x->index[n * x->stride + k];
            if (i < begin || i >= end) continue;
            int64_t slot = i * columns->stride + columns->count[i]++;
            columns->index[slot] = (int32_t)n;
            columns->value[slot] = x->value[n * x->stride + k];
        }
    }
    t->product(t->job, begin, end);
}

static void backward_parameters_sparse(processor p, int32_t rows, int32_t inputs, int32_t outputs, const sparse_rows *x,
                                       const double *dz, double *w, double *b, const sparse_rows *columns, int finish,
                                       double lr) {
    const kernels *fast = kernels_of(p);
    sparse_product job = {.a = *columns, .b = dz, .n_count = outputs, .k_count = rows, .c = w,
                          .start = finish == UPDATE ? FROM_ZERO : FROM_C, .finish = finish, .lr = lr};
    if (rows == 1) { /* the one row's entries are the columns: no list of lists */
        transposed one = {x, columns, rows, fast->sparse, &job};
        transpose_and_multiply(&one, 0, inputs);
    } else {
        transposed all = {x, columns, rows, fast->sparse, &job};
        parallel(p.threads, inputs, GRAIN, transpose_and_multiply, &all);
    }
    if (b) fast->columns(rows, outputs, dz, b, finish, lr);
}

void linear_backward_parameters_sparse(processor p, int32_t rows, int32_t inputs, int32_t outputs, const sparse_rows *x,
                                       const double *dz, double *dw, double *db, const sparse_rows *columns) {
    backward_parameters_sparse(p, rows, inputs, outputs, x, dz, dw, db, columns, STORE_SUM, 0.0);
}

void linear_step_sparse(processor p, int32_t rows, int32_t inputs, int32_t outputs, const sparse_rows *x, const double *dz,
                        double *w, double *b, double lr, const sparse_rows *columns) {
    backward_parameters_sparse(p, rows, inputs, outputs, x, dz, w, b, columns, UPDATE, lr);
}

void linear_update(processor p, int64_t count, double *parameters, const double *gradients, double lr) {
    const kernels *fast = kernels_of(p);
    if (fast) fast->update(count, parameters, gradients, lr);
    else refnn_linear_update(count, parameters, gradients, lr);
}

/* Activations */

typedef struct {
    const kernels *fast;
    int32_t kind, width;
    const double *z;
    double *a;
} activation;

static void activate(const void *job, int64_t begin, int64_t end) {
    const activation *p = job;
    int64_t count = (end - begin) * p->width;
    const double *z = p->z + begin * p->width;
    double *a = p->a + begin * p->width;
    if (p->fast && (p->kind == REFNN_SIGMOID || p->kind == REFNN_TANH) && p->fast->map(p->kind, count, z, a)) return;
    if (p->kind != REFNN_SOFTMAX) {
        refnn_activation_forward(p->kind, (int32_t)count, z, a);
        return;
    }
    for (int64_t n = begin; n < end; n++, z += p->width, a += p->width) refnn_activation_forward(p->kind, p->width, z, a);
}

void activation_forward(processor p, int32_t kind, int32_t rows, int32_t width, const double *z, double *a) {
    activation job = {kernels_of(p), kind, width, z, a};
    parallel(p.threads, rows, GRAIN, activate, &job);
}

typedef struct {
    int32_t kind, width;
    const double *a, *da;
    double *dz;
} activation_gradient;

static void activate_backward(const void *job, int64_t begin, int64_t end) {
    const activation_gradient *p = job;
    int64_t start = begin * p->width;
    if (p->kind != REFNN_SOFTMAX) {
        refnn_activation_backward(p->kind, (int32_t)((end - begin) * p->width), p->a + start, p->da + start, p->dz + start);
        return;
    }
    for (int64_t n = begin; n < end; n++, start += p->width) {
        refnn_activation_backward(p->kind, p->width, p->a + start, p->da + start, p->dz + start);
    }
}

void activation_backward(processor p, int32_t kind, int32_t rows, int32_t width, const double *a, const double *da,
                         double *dz) {
    activation_gradient job = {kind, width, a, da, dz};
    parallel(p.threads, rows, GRAIN, activate_backward, &job);
}

/* Losses */

/* refnn_loss_value and refnn_loss_gradient for cross_entropy in one, e^(o - m) taken once */
static double cross_entropy(const kernels *fast, int32_t outputs, const double *o, int32_t c, double *d) {
    double m = o[0];
    for (int32_t j = 1; j < outputs; j++) {
        if (o[j] > m) m = o[j];
    }
    for (int32_t j = 0; j < outputs; j++) d[j] = o[j] - m;
    if (!fast || !fast->map(REFNN_SOFTMAX, outputs, d, d)) {
        for (int32_t j = 0; j < outputs; j++) d[j] = refnn_exp(d[j]);
    }
    double s = 0.0;
    for (int32_t j = 0; j < outputs; j++) s += d[j];
    for (int32_t j = 0; j < outputs; j++) d[j] = d[j] / s;
    d[c] = d[c] - 1.0;
    return (m + refnn_log(s)) - o[c];
}

static void lose(const void *job, int64_t begin, int64_t end) {
    const loss_rows *p = job;
    const kernels *fast = kernels_of(p->p);
    for (int64_t r = begin; r < end; r++) {
        const double *o = p->o + r * p->outputs;
        double *d = p->d + r * p->outputs;
        int64_t n = p->which[r];
        if (p->loss == REFNN_CROSS_ENTROPY) {
            p->losses[r] = cross_entropy(fast, p->outputs, o, p->classes[n], d);
        } else {
            const double *y = p->targets + n * p->outputs;
            p->losses[r] = refnn_loss_value(p->loss, p->outputs, o, y, 0);
            if (p->with_gradient) refnn_loss_gradient(p->loss, p->outputs, o, y, 0, d);
        }
        for (int32_t j = 0; p->with_gradient && p->batch && j < p->outputs; j++) d[j] = d[j] / (double)p->batch;
    }
}

void losses_and_gradients(const loss_rows *job, int32_t rows) { parallel(job->p.threads, rows, GRAIN, lose, job); }

/* For measurements */

int32_t refnn_matmul(int32_t simd, int32_t threads, int32_t m, int32_t k, int32_t n, const double *a, const double *b,
                     double *c) {
    if (!refnn_simd_name(simd) || threads < 1 || m < 1 || k < 1 || n < 1) return REFNN_BAD_MODEL;
    linear_forward((processor){simd, threads}, m, k, n, a, b, NULL, c);
    return REFNN_OK;
}

double refnn_peak(int32_t simd, int64_t steps, double *sink) {
    const kernels *fast = kernels_of((processor){simd, 1});
    return fast ? fast->peak(steps, sink) : 0.0;
}
