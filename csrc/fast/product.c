/* The fast kernels, compiled for several instruction sets, and the choice among them: see product.h. */

#include "images.h"

#if defined(_OPENMP) && defined(__GNUC__) && !defined(_WIN32)
#define THREADS 1
#include <omp.h>
#include <sched.h>
#endif

enum { FROM_ZERO, FROM_BIAS, FROM_C };
enum { STORE_SUM, UPDATE };
enum { ROWS = 6, DEPTH = 256, PACK_ROWS = 32 };
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

/* The same with sparse A; B's and C's rows are `stride` apart. */
typedef struct {
    sparse_rows a;
    const double *b;
    int64_t n_count, k_count, stride;
    double *c;
    int start;
    const double *bias;
    int finish;
    double lr;
} sparse_product;

typedef struct {
    range_task product;
    range_task sparse;
    void (*columns)(int64_t rows, int64_t width, int64_t stride, const double *dz, double *b, int finish, double lr);
    void (*update)(int64_t count, double *p, const double *dp, double lr);
    int (*map)(int32_t function, int64_t count, const double *z, double *a);
    void (*relu)(int leaky, int64_t count, const double *z, double *a);
    void (*relu_backward)(int leaky, int64_t count, const double *a, const double *da, double *dz);
    double (*peak)(int64_t steps, double *sink);
} kernels;

#if defined(__GNUC__) && (defined(__clang__) || __GNUC__ >= 9)
#define VECTORS 1
#define ALIGNED __attribute__((aligned(64))) /* a vector that lies in two lines of the cache costs two loads */
#define INLINE static inline __attribute__((always_inline))
#if defined(__clang__)
#define UNROLL _Pragma("unroll")
#define SHUFFLE(v, ...) __builtin_shufflevector(v, v, __VA_ARGS__)
#else
#define UNROLL _Pragma("GCC unroll 32")
#define SHUFFLE(v, ...) __builtin_shuffle(v, (M){__VA_ARGS__})
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
#include "product_isa.h"

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
#include "product_isa.h"
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
#include "product_isa.h"
#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
#endif
#endif

static const kernels *kernels_of(int32_t simd) {
    switch (simd) {
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
static const kernels *kernels_for(int32_t simd, int64_t columns) {
    int narrow = simd == SIMD_AVX512 && 9 * ((columns + 3) / 4) < 16 * ((columns + 7) / 8);
    return kernels_of(narrow ? SIMD_AVX2 : simd);
}

const image_kernels *image_kernels_of(int32_t simd, int64_t outputs) {
    const kernels *of = kernels_for(simd, outputs);
#if defined(VECTORS)
    if (of == &base_kernels) return &base_image_kernels;
#endif
#if defined(X86)
    if (of == &avx2_kernels) return &avx2_image_kernels;
    if (of == &avx512_kernels) return &avx512_image_kernels;
#endif
    return NULL;
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

/* Thread number `thread`'s piece of the team's task. */
static void take_part(const team *t, int32_t thread) {
    int64_t grains = (t->count + t->grain - 1) / t->grain;
    int64_t begin = grains * thread / t->threads * t->grain;
    int64_t end = grains * (thread + 1) / t->threads * t->grain;
    if (end > t->count) end = t->count;
    if (begin < end) t->task(t->job, begin, end);
}

#if defined(THREADS)
/* Waits until *number is `expected`; gives the processor away now and then, should there be more threads than processors. */
static void wait_for(const int32_t *number, int32_t expected) {
    for (uint32_t looks = 1; __atomic_load_n(number, __ATOMIC_ACQUIRE) != expected; looks++) {
        if (looks % 4096 == 0) sched_yield();
    }
}

static void work(team *t, int32_t thread) {
    for (int32_t orders = 1;; orders++) {
        wait_for(&t->orders, orders);
        if (!t->task) return;
        take_part(t, thread);
        __atomic_add_fetch(&t->done, 1, __ATOMIC_RELEASE);
    }
}
#endif

void parallel(team *t, int64_t count, int64_t grain, range_task task, const void *job) {
    t->task = task;
    t->job = job;
    t->count = count;
    t->grain = grain;
    if (t->threads == 1) {
        take_part(t, 0);
        return;
    }
#if defined(THREADS)
    __atomic_store_n(&t->done, 0, __ATOMIC_RELAXED);
    __atomic_add_fetch(&t->orders, 1, __ATOMIC_RELEASE);
    if (!task) return;
    take_part(t, 0);
    wait_for(&t->done, t->threads - 1);
#endif
}

void with_team(int32_t threads, void (*body)(team *, void *), void *argument) {
    team t = {.threads = 1};
#if defined(THREADS)
    if (threads > 1) {
#pragma omp parallel num_threads(threads)
        {
            if (omp_get_thread_num() == 0) {
                t.threads = omp_get_num_threads();
                body(&t, argument);
                if (t.threads > 1) parallel(&t, 0, 1, NULL, NULL);
            } else {
                work(&t, omp_get_thread_num());
            }
        }
        return;
    }
#endif
    (void)threads;
    body(&t, argument);
}

int32_t refnn_has_threads(void) {
#if defined(THREADS)
    return 1;
#else
    return 0;
#endif
}

/* Linear layers */

void linear_forward(int32_t simd, int32_t rows, const refnn_layer *layer, range j, const double *x, const double *w,
                    const double *b, double *z) {
    const int32_t inputs = layer->inputs, outputs = layer->outputs;
    if (simd == SIMD_PLAIN) {
        refnn_linear_forward(rows, inputs, outputs, x, w, b, z);
        return;
    }
    product job = {.n_count = j.end - j.begin, .k_count = inputs, .a = x, .a_m = inputs, .a_k = 1, .b = w + j.begin,
                   .b_k = outputs, .b_n = 1, .c = z + j.begin, .c_m = outputs, .c_n = 1,
                   .start = b ? FROM_BIAS : FROM_ZERO, .bias = b ? b + j.begin : NULL};
    kernels_for(simd, job.n_count)->product(&job, 0, rows);
}

void linear_forward_sparse(int32_t simd, int32_t rows, const refnn_layer *layer, range j, const sparse_rows *x,
                           const double *w, const double *b, double *z) {
    sparse_product job = {.a = *x, .b = w + j.begin, .n_count = j.end - j.begin, .k_count = x->stride,
                          .stride = layer->outputs,
                          .c = z + j.begin, .start = b ? FROM_BIAS : FROM_ZERO, .bias = b ? b + j.begin : NULL};
    kernels_of(simd)->sparse(&job, 0, rows);
}

/* dx of one sample: eight sums at a time, since each alone waits for its last addition. */
static void backward_input_of_one(int64_t inputs, int64_t outputs, const double *w, const double *dz, double *dx) {
    int64_t i = 0;
    for (; i + 8 <= inputs; i += 8, w += 8 * outputs) {
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
        dx[i] = s0, dx[i + 1] = s1, dx[i + 2] = s2, dx[i + 3] = s3;
        dx[i + 4] = s4, dx[i + 5] = s5, dx[i + 6] = s6, dx[i + 7] = s7;
    }
    for (; i < inputs; i++, w += outputs) {
        double s = 0.0;
        for (int64_t j = 0; j < outputs; j++) s += dz[j] * w[j];
        dx[i] = s;
    }
}

void linear_backward_input(int32_t simd, int32_t rows, const refnn_layer *layer, const double *w, const double *dz,
                           double *dx) {
    const int32_t inputs = layer->inputs, outputs = layer->outputs;
    if (simd == SIMD_PLAIN) {
        refnn_linear_backward_input(rows, inputs, outputs, w, dz, dx);
    } else if (rows == 1) {
        backward_input_of_one(inputs, outputs, w, dz, dx);
    } else { /* dx^T = w dz^T: vectors of samples */
        product job = {.n_count = rows, .k_count = outputs, .a = w, .a_m = outputs, .a_k = 1, .b = dz, .b_k = 1,
                       .b_n = outputs, .c = dx, .c_m = 1, .c_n = inputs, .start = FROM_ZERO};
        kernels_for(simd, rows)->product(&job, 0, inputs);
    }
}

/* The first entry of a sorted list that is not below `limit`. */
static int32_t first_from(const int32_t *index, int32_t count, int64_t limit) {
    int32_t low = 0;
    while (low < count) {
        int32_t middle = low + (count - low) / 2;
        if (index[middle] < limit) low = middle + 1;
        else count = middle;
    }
    return low;
}

void sparse_transpose(const sparse_rows *x, int32_t rows, range i, const sparse_rows *transposed) {
    for (int64_t k = i.begin; k < i.end; k++) transposed->count[k] = 0;
    for (int32_t n = 0; n < rows; n++) {
        const int32_t *index = x->index + n * x->stride;
        const double *value = x->value + n * x->stride;
        int32_t count = x->count[n];
        for (int32_t k = i.begin > 0 ? first_from(index, count, i.begin) : 0; k < count && index[k] < i.end; k++) {
            int64_t slot = index[k] * transposed->stride + transposed->count[index[k]]++;
            transposed->index[slot] = n;
            transposed->value[slot] = value[k];
        }
    }
}

void linear_backward_parameters(int32_t simd, const layer_gradient *p, range j) {
    const int32_t inputs = p->layer->inputs, outputs = p->layer->outputs;
    if (simd == SIMD_PLAIN) {
        refnn_linear_backward_parameters(p->rows, inputs, outputs, p->x, p->dz, p->dw, p->db);
        return;
    }
    const int start = p->step ? FROM_ZERO : FROM_C, finish = p->step ? UPDATE : STORE_SUM;
    if (p->x) { /* dw = x^T dz */
        product job = {.n_count = j.end - j.begin, .k_count = p->rows, .a = p->x, .a_m = 1, .a_k = inputs,
                       .b = p->dz + j.begin, .b_k = outputs, .b_n = 1, .c = p->dw + j.begin, .c_m = outputs,
                       .c_n = 1, .start = start, .finish = finish, .lr = p->lr};
        kernels_for(simd, job.n_count)->product(&job, 0, inputs);
    } else {
        sparse_product job = {.a = *p->transposed, .b = p->dz + j.begin, .n_count = j.end - j.begin, .k_count = p->rows,
                              .stride = outputs, .c = p->dw + j.begin, .start = start, .finish = finish, .lr = p->lr};
        kernels_of(simd)->sparse(&job, 0, inputs);
    }
    if (p->db) {
        kernels_of(simd)->columns(p->rows, j.end - j.begin, outputs, p->dz + j.begin, p->db + j.begin, finish, p->lr);
    }
}

void linear_update(int32_t simd, int64_t count, double *parameters, const double *gradients, double lr) {
    if (simd == SIMD_PLAIN) refnn_linear_update(count, parameters, gradients, lr);
    else kernels_of(simd)->update(count, parameters, gradients, lr);
}

/* Activations and losses */

void activation_forward(int32_t simd, int32_t kind, int32_t rows, int32_t width, const double *z, double *a) {
    const kernels *fast = kernels_of(simd);
    int64_t count = (int64_t)rows * width;
    if (fast && (kind == REFNN_SIGMOID || kind == REFNN_TANH) && fast->map(kind, count, z, a)) return;
    if (fast && (kind == REFNN_RELU || kind == REFNN_LEAKY_RELU)) {
        fast->relu(kind == REFNN_LEAKY_RELU, count, z, a);
        return;
    }
    for (int64_t n = 0; n < count; n += width) refnn_activation_forward(kind, width, z + n, a + n);
}

void activation_backward(int32_t simd, int32_t kind, int32_t rows, int32_t width, const double *a, const double *da, double *dz) {
    const kernels *fast = kernels_of(simd);
    int64_t count = (int64_t)rows * width;
    if (fast && (kind == REFNN_RELU || kind == REFNN_LEAKY_RELU)) {
        fast->relu_backward(kind == REFNN_LEAKY_RELU, count, a, da, dz);
        return;
    }
    for (int64_t n = 0; n < count; n += width) refnn_activation_backward(kind, width, a + n, da + n, dz + n);
}

/* Both for cross_entropy in one, e^(o - m) taken once. */
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

double loss_and_gradient(int32_t simd, int32_t loss, int32_t outputs, const double *o, const double *y, int32_t c, double *d) {
    if (loss == REFNN_CROSS_ENTROPY) return cross_entropy(kernels_of(simd), outputs, o, c, d);
    refnn_loss_gradient(loss, outputs, o, y, c, d);
    return refnn_loss_value(loss, outputs, o, y, c);
}

/* For measurements */

typedef struct {
    int32_t simd, m, k, n;
    const double *a, *b;
    double *c;
} measured;

static void multiply(const void *job, int64_t begin, int64_t end) {
    const measured *p = job;
    const refnn_layer layer = {.inputs = p->k, .outputs = p->n};
    linear_forward(p->simd, (int32_t)(end - begin), &layer, (range){0, p->n}, p->a + begin * p->k, p->b, NULL,
                   p->c + begin * p->n);
}

static void multiply_with(team *t, void *job) {
    const measured *p = job;
    parallel(t, p->m, ROWS, multiply, p);
}

int32_t refnn_matmul(int32_t simd, int32_t threads, int32_t m, int32_t k, int32_t n, const double *a, const double *b,
                     double *c) {
    if (!refnn_simd_name(simd) || threads < 1 || m < 1 || k < 1 || n < 1) return REFNN_BAD_MODEL;
    measured job = {simd, m, k, n, a, b, c};
    with_team(threads, multiply_with, &job);
    return REFNN_OK;
}

double refnn_peak(int32_t simd, int64_t steps, double *sink) {
    return simd != SIMD_PLAIN && refnn_simd_name(simd) ? kernels_of(simd)->peak(steps, sink) : 0.0;
}
