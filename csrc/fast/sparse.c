/* Linear layers as products with a sparse matrix: see sparse.h. No twin in the book; csrc/linear.c is the twin. */

#include "product.h"

enum {
    /* Most rows of B in a packed block. 128 take 1.03 to 1.15 of the time, 64 another 1.03 to 1.3; 256 need 64 KiB of
     * stack with AVX-512. (EPYC, Zen 4; 20 % of A are not zero, here and below) */
    BLOCK_ROWS = 256,
    /* Rows of A that use a block one after another. 64 take 0.9 to 1.15 of the time, 1024 take 1.0 to 1.3. */
    BLOCK_LISTS = 256,
    /* Packing pays from this number of rows of A on: 32 take 1.0 to 1.04 of the time with it, 64 take 0.92 to 0.95. */
    PACK_LISTS = 48,
    /* And from this number of rows of B on, since a block is used for few terms: 64 take 1.08 to 1.25 of the time with
     * it, 100 take 0.92 to 1.11, 128 take 0.93 to 1.02. */
    PACK_TERMS = 96,
};

/* C (m x n) = start + A (m x k) B (k x n) with sparse A, each element's sum in ascending k; or C -= lr * that. */
typedef struct {
    sparse_rows a;
    const double *b;
    int64_t n_count, k_count;
    int64_t stride; /* of B and C */
    double *c;
    int start;
    const double *bias;
    int finish;
    double lr;
} sparse_product;

/* One row of A. */
typedef struct {
    int32_t count;
    const int32_t *index;
    const double *value;
} sparse_list;

static inline sparse_list list_of(const sparse_rows *a, int64_t m) {
    return (sparse_list){a->count[m], a->index + m * a->stride, a->value + m * a->stride};
}

typedef struct {
    void (*multiply)(const sparse_product *p, int64_t rows);
} sparse_kernels;

#define TEMPLATE "sparse_isa.h"
#include "instruction_sets.h"

static const sparse_kernels *const kernels[] = {NULL, INSTRUCTION_SETS(KERNELS_OF)};

void linear_forward_sparse(int32_t simd, int32_t rows, const refnn_layer *layer, range j, const sparse_rows *x,
                           const double *w, const double *b, double *z) {
    sparse_product p = {.a = *x,
                        .b = w + j.begin,
                        .n_count = j.end - j.begin,
                        .k_count = x->stride,
                        .stride = layer->outputs,
                        .c = z + j.begin,
                        .start = b ? FROM_BIAS : FROM_ZERO,
                        .bias = b ? b + j.begin : NULL};
    kernels[simd]->multiply(&p, rows);
}

void linear_gradient_sparse(int32_t simd, const layer_gradient *p, range j) {
    sparse_product dw = {.a = *p->transposed,
                         .b = p->dz + j.begin,
                         .n_count = j.end - j.begin,
                         .k_count = p->rows,
                         .stride = p->layer->outputs,
                         .c = p->dw + j.begin,
                         .start = p->step ? FROM_ZERO : FROM_C,
                         .finish = p->step ? UPDATE : STORE_SUM,
                         .lr = p->lr};
    kernels[simd]->multiply(&dw, p->layer->inputs);
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
        const sparse_list row = list_of(x, n);
        int32_t k = i.begin > 0 ? first_from(row.index, row.count, i.begin) : 0;
        for (; k < row.count && row.index[k] < i.end; k++) {
            int64_t slot = row.index[k] * transposed->stride + transposed->count[row.index[k]]++;
            transposed->index[slot] = n;
            transposed->value[slot] = row.value[k];
        }
    }
}
