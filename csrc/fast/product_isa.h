/* The kernels of product.c: see instruction_sets.h. */

/* sum[r][v] += a[r] * b[v] for all vectors of a tile */
INLINE void NAME(add_term)(const int mr, const int nv, const double *a, int64_t a_m, const double *b,
                           V sum[TILE_ROWS][TILE_VECTORS]) {
    V row[TILE_VECTORS];
    UNROLL for (int v = 0; v < nv; v++) row[v] = LOAD(b + v * WIDTH);
    UNROLL for (int r = 0; r < mr; r++) {
        V x = SPLAT(a[r * a_m]);
        UNROLL for (int v = 0; v < nv; v++) sum[r][v] += x * row[v];
    }
}

/* What the tile at row m0 starts from, through `edge` (mr x nv vectors) where its vectors do not lie in C as they are.
 */
INLINE void NAME(start_tile)(const int mr, const int nv, const dense_product *p, const panel *b, int64_t m0,
                             double *edge, V sum[TILE_ROWS][TILE_VECTORS]) {
    const int direct = p->c_n == 1 && b->width == nv * WIDTH;
    const int start = b->k0 > 0 ? FROM_C : p->start;
    const double *c = p->c + m0 * p->c_m + b->n0 * p->c_n;
    if (start != FROM_ZERO && !direct) {
        for (int r = 0; r < mr; r++) {
            double *to = edge + r * nv * WIDTH;
            for (int64_t n = 0; n < b->width; n++)
                to[n] = start == FROM_BIAS ? p->bias[b->n0 + n] : c[r * p->c_m + n * p->c_n];
            for (int64_t n = b->width; n < nv * WIDTH; n++) to[n] = 0.0;
        }
    }
    UNROLL for (int r = 0; r < mr; r++) {
        UNROLL for (int v = 0; v < nv; v++) {
            if (start == FROM_ZERO) sum[r][v] = (V){0};
            else if (!direct) sum[r][v] = LOAD(edge + (r * nv + v) * WIDTH);
            else if (start == FROM_BIAS) sum[r][v] = LOAD(p->bias + b->n0 + v * WIDTH);
            else sum[r][v] = LOAD(c + r * p->c_m + v * WIDTH);
        }
    }
}

/* Stores the sums in C, or updates it with them. */
INLINE void NAME(finish_tile)(const int mr, const int nv, const dense_product *p, const panel *b, int64_t m0,
                              double *edge, V sum[TILE_ROWS][TILE_VECTORS]) {
    double *c = p->c + m0 * p->c_m + b->n0 * p->c_n;
    if (p->c_n == 1 && b->width == nv * WIDTH) {
        V lr = SPLAT(p->lr);
        UNROLL for (int r = 0; r < mr; r++) {
            UNROLL for (int v = 0; v < nv; v++) {
                double *to = c + r * p->c_m + v * WIDTH;
                STORE(to, p->finish == UPDATE ? LOAD(to) - lr * sum[r][v] : sum[r][v]);
            }
        }
        return;
    }
    UNROLL for (int r = 0; r < mr; r++) {
        UNROLL for (int v = 0; v < nv; v++) STORE(edge + (r * nv + v) * WIDTH, sum[r][v]);
    }
    for (int64_t n = 0; n < b->width; n++) {
        for (int r = 0; r < mr; r++) {
            double *to = c + r * p->c_m + n * p->c_n;
            double value = edge[r * nv * WIDTH + n];
            *to = p->finish == UPDATE ? *to - p->lr * value : value;
        }
    }
}

/* Rows m0 ... m0 + mr - 1 of a panel, mr <= TILE_ROWS, in nv <= TILE_VECTORS vectors; both are constants. Columns
 * beyond the panel's width hold whatever lies there, and are not stored. */
INLINE void NAME(tile)(const int mr, const int nv, const dense_product *p, const panel *b, int64_t m0) {
    V sum[TILE_ROWS][TILE_VECTORS];
    ALIGNED double edge[TILE_ROWS * TILE_VECTORS * WIDTH];
    NAME(start_tile)(mr, nv, p, b, m0, edge, sum);
    const int64_t a_m = p->a_m, a_k = p->a_k, terms = b->terms, stride = b->stride;
    const double *a = p->a + m0 * a_m + b->k0 * a_k, *row = b->b;
    for (int64_t k = 1; k < terms; k++, a += a_k, row += stride) NAME(add_term)(mr, nv, a, a_m, row, sum);
    NAME(add_term)(mr, nv, a, a_m, b->last, sum);
    NAME(finish_tile)(mr, nv, p, b, m0, edge, sum);
}

/* Rows `begin` to `end` of a panel of nv vectors. */
INLINE void NAME(tiles)(const int nv, const dense_product *p, const panel *b, int64_t begin, int64_t end) {
    int64_t m = begin;
    for (; m + TILE_ROWS <= end; m += TILE_ROWS) NAME(tile)(TILE_ROWS, nv, p, b, m);
    for (; m + 4 <= end; m += 4) NAME(tile)(4, nv, p, b, m);
    for (; m + 2 <= end; m += 2) NAME(tile)(2, nv, p, b, m);
    for (; m < end; m++) NAME(tile)(1, nv, p, b, m);
}

/* The panel's columns of B in whole vectors, the rest of the last one zeros. */
INLINE void NAME(pack)(const dense_product *p, const panel *b, int64_t width, double *packed) {
    for (int64_t k = 0; k < b->terms; k++, packed += width) {
        for (int64_t n = 0; n < b->width; n++) packed[n] = b->b[k * p->b_k + n * p->b_n];
        for (int64_t n = b->width; n < width; n++) packed[n] = 0.0;
    }
}

/* Rows `begin` to `end` of a product C = A B. */
static void NAME(multiply)(const dense_product *p, int64_t begin, int64_t end) {
    ALIGNED double packed[DEPTH * TILE_VECTORS * WIDTH];
    ALIGNED double last_row[TILE_VECTORS * WIDTH];
    panel b;
    for (b.k0 = 0; b.k0 < p->k_count; b.k0 += DEPTH) {
        b.terms = least(p->k_count - b.k0, DEPTH);
        for (b.n0 = 0; b.n0 < p->n_count; b.n0 += b.width) {
            b.width = least(p->n_count - b.n0, TILE_VECTORS * WIDTH);
            if (b.width > WIDTH && p->b_n == 1) b.width -= b.width % WIDTH; /* the rest is the next panel */
            const int nv = (int)((b.width + WIDTH - 1) / WIDTH);
            b.b = p->b + b.k0 * p->b_k + b.n0 * p->b_n;
            b.stride = p->b_k;
            b.last = b.b + (b.terms - 1) * b.stride;
            /* Columns that the last vector of a row takes from the next row. */
            int64_t beyond = b.n0 + nv * WIDTH - p->n_count;
            if (p->b_n != 1 || beyond > b.stride || end - begin >= PACK_ROWS) {
                NAME(pack)(p, &b, nv * WIDTH, packed);
                b.b = packed;
                b.stride = nv * WIDTH;
                b.last = packed + (b.terms - 1) * b.stride;
            } else if (beyond > 0) {
                for (int64_t n = 0; n < nv * WIDTH; n++) last_row[n] = n < b.width ? b.last[n] : 0.0;
                b.last = last_row;
            }
            if (nv == 1) NAME(tiles)(1, p, &b, begin, end);
            if (nv == 2) NAME(tiles)(2, p, &b, begin, end);
#if TILE_VECTORS == 4
            if (nv == 3) NAME(tiles)(3, p, &b, begin, end);
            if (nv == 4) NAME(tiles)(4, p, &b, begin, end);
#endif
        }
    }
}

/* db[j] += sum over n of dz[n][j]; or, with step, b[j] -= lr * that sum */
static void NAME(sum_columns)(const layer_gradient *p, range j) {
    const int64_t rows = p->rows, stride = p->layer->outputs;
    const double *dz = p->dz;
    const double lr = p->lr;
    const int step = p->step;
    double *b = p->db;
    int64_t k = j.begin;
    for (; k + WIDTH <= j.end; k += WIDTH) {
        V sum = step ? (V){0} : LOAD(b + k);
        for (int64_t n = 0; n < rows; n++) sum += LOAD(dz + n * stride + k);
        STORE(b + k, step ? LOAD(b + k) - SPLAT(lr) * sum : sum);
    }
    for (; k < j.end; k++) {
        double sum = step ? 0.0 : b[k];
        for (int64_t n = 0; n < rows; n++) sum += dz[n * stride + k];
        b[k] = step ? b[k] - lr * sum : sum;
    }
}

static const product_kernels NAME(kernels) = {NAME(multiply), NAME(sum_columns)};
