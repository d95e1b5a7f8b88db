/* The kernels of sparse.c: see instruction_sets.h. */

/* Columns n0 ... of row c of C, nv vectors of them: c = start + sum over k of value[k] * b[index[k]] */
INLINE void NAME(multiply_list)(const int nv, const sparse_product *p, const sparse_list *a, double *c, int64_t n0) {
    V sum[ROW_VECTORS];
    UNROLL for (int v = 0; v < nv; v++) {
        const double *from = p->start == FROM_BIAS ? p->bias + n0 : c + n0;
        sum[v] = p->start == FROM_ZERO ? (V){0} : LOAD(from + v * WIDTH);
    }
    for (int32_t k = 0; k < a->count; k++) {
        const double *b = p->b + a->index[k] * p->stride + n0;
        V x = SPLAT(a->value[k]);
        UNROLL for (int v = 0; v < nv; v++) sum[v] += x * LOAD(b + v * WIDTH);
    }
    V lr = SPLAT(p->lr);
    UNROLL for (int v = 0; v < nv; v++) {
        double *to = c + n0 + v * WIDTH;
        STORE(to, p->finish == UPDATE ? LOAD(to) - lr * sum[v] : sum[v]);
    }
}

/* Columns n0 ... of rows `begin` to `end`, nv vectors of them, with packed blocks of B: a block stays in the nearest
 * cache while all rows use it. */
INLINE void NAME(multiply_blocks)(const int nv, const sparse_product *p, int64_t begin, int64_t end, int64_t n0) {
    ALIGNED double block[BLOCK_ROWS * 4 * WIDTH];
    int32_t next[BLOCK_LISTS] = {0}; /* of each row of A, the first entry that belongs to no block so far */
    V lr = SPLAT(p->lr);
    const int64_t blocks = (p->k_count + BLOCK_ROWS - 1) / BLOCK_ROWS;
    const int64_t rows = (p->k_count + blocks - 1) / blocks;
    for (int64_t k0 = 0; k0 < p->k_count; k0 += rows) {
        const int64_t k_end = least(k0 + rows, p->k_count);
        const int start = k0 > 0 ? FROM_C : p->start;
        const int update = p->finish == UPDATE && k_end == p->k_count;
        for (int64_t k = k0; k < k_end; k++) {
            for (int v = 0; v < nv; v++) {
                STORE(block + (k - k0) * nv * WIDTH + v * WIDTH, LOAD(p->b + k * p->stride + n0 + v * WIDTH));
            }
        }
        for (int64_t m = begin; m < end; m++) {
            const sparse_list a = list_of(&p->a, m);
            double *c = p->c + m * p->stride + n0;
            int32_t k = next[m - begin];
            V sum[4];
            UNROLL for (int v = 0; v < nv; v++) {
                sum[v] = start == FROM_ZERO ? (V){0} : LOAD((start == FROM_BIAS ? p->bias + n0 : c) + v * WIDTH);
            }
            for (; k < a.count && a.index[k] < k_end; k++) {
                const double *b = block + (a.index[k] - k0) * nv * WIDTH;
                V x = SPLAT(a.value[k]);
                UNROLL for (int v = 0; v < nv; v++) sum[v] += x * LOAD(b + v * WIDTH);
            }
            UNROLL for (int v = 0; v < nv; v++) {
                double *to = c + v * WIDTH;
                STORE(to, update ? LOAD(to) - lr * sum[v] : sum[v]);
            }
            next[m - begin] = k;
        }
    }
}

/* Rows 0 ... rows - 1 of a product C = A B with sparse A. */
static void NAME(multiply)(const sparse_product *p, int64_t rows) {
    int64_t packed = 0; /* columns that are done */
    if (rows >= PACK_LISTS && p->k_count >= PACK_TERMS && (p->finish != UPDATE || p->k_count <= BLOCK_ROWS)) {
        for (int64_t m = 0; m < rows; m += BLOCK_LISTS) {
            int64_t m_end = least(m + BLOCK_LISTS, rows), n = 0;
            for (; n + 4 * WIDTH <= p->n_count; n += 4 * WIDTH) NAME(multiply_blocks)(4, p, m, m_end, n);
            for (; n + WIDTH <= p->n_count; n += WIDTH) NAME(multiply_blocks)(1, p, m, m_end, n);
            packed = n;
        }
    }
    for (int64_t m = 0; m < rows; m++) {
        const sparse_list a = list_of(&p->a, m);
        double *c = p->c + m * p->stride;
        int64_t n = packed;
        if (a.count == 0 && p->start != FROM_BIAS && (p->start == FROM_C || p->finish == UPDATE))
            continue; /* adds zeros */
        for (; n + ROW_VECTORS * WIDTH <= p->n_count; n += ROW_VECTORS * WIDTH) {
            NAME(multiply_list)(ROW_VECTORS, p, &a, c, n);
        }
        for (; n + 4 * WIDTH <= p->n_count; n += 4 * WIDTH) NAME(multiply_list)(4, p, &a, c, n);
        for (; n + WIDTH <= p->n_count; n += WIDTH) NAME(multiply_list)(1, p, &a, c, n);
        for (; n < p->n_count; n++) {
            double sum = p->start == FROM_ZERO ? 0.0 : p->start == FROM_BIAS ? p->bias[n] : c[n];
            for (int32_t k = 0; k < a.count; k++) sum += a.value[k] * p->b[a.index[k] * p->stride + n];
            c[n] = p->finish == UPDATE ? c[n] - p->lr * sum : sum;
        }
    }
}

static const sparse_kernels NAME(kernels) = {NAME(multiply)};
