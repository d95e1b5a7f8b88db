/* The kernels of images.c: see instruction_sets.h. */

/* Convolution: `channels` output channels from o on, nv vectors; both numbers are constants. */
INLINE void NAME(convolve_tile)(const int channels, const int nv, const convolution *p, int64_t o, const int64_t *from,
                                const int64_t *to) {
    V sum[TILE_CHANNELS][TILE_VECTORS];
    const double *image[TILE_VECTORS];
    UNROLL for (int v = 0; v < nv; v++) image[v] = p->image + from[v];
    UNROLL for (int r = 0; r < channels; r++) {
        V start = SPLAT(p->start ? p->start[o + r] : 0.0);
        UNROLL for (int v = 0; v < nv; v++) sum[r][v] = start;
    }
    const double *weight = p->weight + o;
    for (int64_t k = 0; k < p->terms; k++, weight += p->outs) {
        V x[TILE_VECTORS];
        UNROLL for (int v = 0; v < nv; v++) x[v] = LOAD(image[v] + p->offset[k]);
        UNROLL for (int r = 0; r < channels; r++) {
            V w = SPLAT(weight[r]);
            UNROLL for (int v = 0; v < nv; v++) sum[r][v] += x[v] * w;
        }
    }
    UNROLL for (int r = 0; r < channels; r++) {
        UNROLL for (int v = 0; v < nv; v++) STORE(p->out + (o + r) * p->size + to[v], sum[r][v]);
    }
}

INLINE void NAME(convolve_vectors)(const int nv, const convolution *p, const int64_t *from, const int64_t *to) {
    int64_t o = 0;
    for (; o + TILE_CHANNELS <= p->outs; o += TILE_CHANNELS) NAME(convolve_tile)(TILE_CHANNELS, nv, p, o, from, to);
    for (; o + 2 <= p->outs; o += 2) NAME(convolve_tile)(2, nv, p, o, from, to);
    for (; o < p->outs; o++) NAME(convolve_tile)(1, nv, p, o, from, to);
}

static void NAME(convolve)(const convolution *p) {
    int64_t v = 0;
    for (; v + TILE_VECTORS <= p->vectors; v += TILE_VECTORS) {
        NAME(convolve_vectors)(TILE_VECTORS, p, p->from + v, p->to + v);
    }
    for (; v + 2 <= p->vectors; v += 2) NAME(convolve_vectors)(2, p, p->from + v, p->to + v);
    for (; v < p->vectors; v++) NAME(convolve_vectors)(1, p, p->from + v, p->to + v);
}

/* One vector of output channels, `runs` runs of `run` terms from k on; both numbers are constants, with a product of at
 * most TILE_TERMS. */
INLINE void NAME(correlate_tile)(const int runs, const int run, const correlation *p, int64_t o, int64_t k,
                                 double *bias) {
    V sum[TILE_TERMS], of_bias = bias ? LOAD(bias + o) : (V){0};
    const double *image[TILE_TERMS];
    UNROLL for (int a = 0; a < runs; a++) {
        image[a] = p->image + p->offset[k + a * run];
        UNROLL for (int b = 0; b < run; b++) sum[a * run + b] = LOAD(p->sum + (k + a * run + b) * p->lanes + o);
    }
    const double *dz = p->dz + o;
    for (int64_t r = 0; r < p->height; r++) {
        for (int64_t s = 0; s < p->width; s++, dz += p->lanes) {
            V d = LOAD(dz);
            UNROLL for (int a = 0; a < runs; a++) {
                UNROLL for (int b = 0; b < run; b++) sum[a * run + b] += SPLAT(image[a][s + b]) * d;
            }
            of_bias += d;
        }
        UNROLL for (int a = 0; a < runs; a++) image[a] += p->row;
    }
    UNROLL for (int a = 0; a < runs; a++) {
        UNROLL for (int b = 0; b < run; b++) STORE(p->sum + (k + a * run + b) * p->lanes + o, sum[a * run + b]);
    }
    if (bias) STORE(bias + o, of_bias);
}

/* Tiles as large as the registers allow; those of whole runs of 3 or 5 load a pixel's neighbours from one pointer. The
 * bias is summed with the first tile. */
static void NAME(correlate)(const correlation *p) {
    for (int64_t o = 0; o < p->lanes; o += WIDTH) {
        double *bias = p->bias;
        int64_t k = 0;
        if (p->run == 3) {
            for (; k + 12 <= p->terms; k += 12, bias = NULL) NAME(correlate_tile)(4, 3, p, o, k, bias);
            for (; k + 9 <= p->terms; k += 9, bias = NULL) NAME(correlate_tile)(3, 3, p, o, k, bias);
            for (; k + 3 <= p->terms; k += 3, bias = NULL) NAME(correlate_tile)(1, 3, p, o, k, bias);
        } else if (p->run == 5) {
            for (; k + 10 <= p->terms; k += 10, bias = NULL) NAME(correlate_tile)(2, 5, p, o, k, bias);
            for (; k + 5 <= p->terms; k += 5, bias = NULL) NAME(correlate_tile)(1, 5, p, o, k, bias);
        }
        for (; k + 6 <= p->terms; k += 6, bias = NULL) NAME(correlate_tile)(6, 1, p, o, k, bias);
        for (; k + 2 <= p->terms; k += 2, bias = NULL) NAME(correlate_tile)(2, 1, p, o, k, bias);
        for (; k < p->terms; k++, bias = NULL) NAME(correlate_tile)(1, 1, p, o, k, bias);
    }
}

/* a = the largest pixel of each window; the first of equals, which matters for 0.0 and -0.0 */
static void NAME(pool)(int64_t height, int64_t width, int64_t row, const double *restrict x, double *restrict a) {
    for (int64_t r = 0; r < height; r++, x += 2 * row, a += width) {
        for (int64_t s = 0; s < width; s++) {
            double best = x[2 * s];
            best = x[2 * s + 1] > best ? x[2 * s + 1] : best;
            best = x[row + 2 * s] > best ? x[row + 2 * s] : best;
            best = x[row + 2 * s + 1] > best ? x[row + 2 * s + 1] : best;
            a[s] = best;
        }
    }
}

#define EVEN_LANES FIRST(0, 0, 2, 2, 4, 4, 6, 6)
#define ODD_LANES FIRST(1, 1, 3, 3, 5, 5, 7, 7)

/* dx of a vector of pixels and of the one below it: WIDTH / 2 windows. d holds the gradient of each window twice. */
INLINE void NAME(pool_pixels_backward)(V d, const double *x, double *dx, int64_t row) {
    V top = LOAD(x), bottom = LOAD(x + row);
    V best = SHUFFLE(top, EVEN_LANES), next = SHUFFLE(top, ODD_LANES);
    M second = next > best;
    best = SELECT(second, next, best);
    next = SHUFFLE(bottom, EVEN_LANES);
    M third = next > best;
    best = SELECT(third, next, best);
    next = SHUFFLE(bottom, ODD_LANES);
    M fourth = next > best, below = third | fourth, left = {FIRST(-1, 0, -1, 0, -1, 0, -1, 0)};
    STORE(dx, (V)((M)d & ~below & (second ^ left)));
    STORE(dx + row, (V)((M)d & below & (fourth ^ left)));
}

/* width >= WIDTH; the last vector of a row overlaps the one before. */
static void NAME(pool_backward)(int64_t height, int64_t width, int64_t row, const double *x, const double *da,
                                double *dx) {
    enum { H = WIDTH / 2 };
    for (int64_t r = 0; r < height; r++, x += 2 * row, dx += 2 * row, da += width) {
        for (int64_t s = 0; s < width; s += WIDTH) {
            if (s + WIDTH > width) s = width - WIDTH;
            V d = 0.0 + LOAD(da + s);
            V left = SHUFFLE(d, FIRST(0, 0, 1, 1, 2, 2, 3, 3));
            V right = SHUFFLE(d, FIRST(H, H, H + 1, H + 1, H + 2, H + 2, H + 3, H + 3));
            NAME(pool_pixels_backward)(left, x + 2 * s, dx + 2 * s, row);
            NAME(pool_pixels_backward)(right, x + 2 * s + WIDTH, dx + 2 * s + WIDTH, row);
        }
    }
}

#undef EVEN_LANES
#undef ODD_LANES

/* Copies rows of `width` doubles from one row stride to another. */
static void NAME(copy)(int64_t rows, int64_t width, const double *from, int64_t from_row, double *to, int64_t to_row) {
    for (int64_t r = 0; r < rows; r++, from += from_row, to += to_row) {
        int64_t k = 0;
        for (; k + WIDTH <= width; k += WIDTH) STORE(to + k, LOAD(from + k));
        for (; k < width; k++) to[k] = from[k];
    }
}

/* The sums of `channels` channels from c on, a constant: several at a time, since a single sum waits for each of its
 * additions.
 *
 * s[c] = sum of x */
INLINE void NAME(sums_of)(const int channels, const channel_batch *p, int64_t c, double *s) {
    double sum[8] = {0};
    for (int64_t n = 0; n < p->rows; n++) {
        const double *x = p->x + n * p->width + c * p->size;
        for (int64_t k = 0; k < p->size; k++) {
            UNROLL for (int a = 0; a < channels; a++) sum[a] += x[a * p->size + k];
        }
    }
    for (int a = 0; a < channels; a++) s[c + a] = sum[a];
}

/* s[c] = sum of (x - mean[c])^2 */
INLINE void NAME(squares_of)(const int channels, const channel_batch *p, int64_t c, double *s) {
    double sum[8] = {0}, mean[8];
    for (int a = 0; a < channels; a++) mean[a] = p->mean[c + a];
    for (int64_t n = 0; n < p->rows; n++) {
        const double *x = p->x + n * p->width + c * p->size;
        for (int64_t k = 0; k < p->size; k++) {
            UNROLL for (int a = 0; a < channels; a++) {
                double d = x[a * p->size + k] - mean[a];
                sum[a] += d * d;
            }
        }
    }
    for (int a = 0; a < channels; a++) s[c + a] = sum[a];
}

/* s[c] = sum of da, t[c] = sum of da * ((x - mean[c]) * f[c]) */
INLINE void NAME(products_of)(const int channels, const channel_batch *p, const double *all_da, int64_t c, double *s,
                              double *t) {
    double sum[4] = {0}, product[4] = {0}, mean[4], f[4];
    for (int a = 0; a < channels; a++) {
        mean[a] = p->mean[c + a];
        f[a] = p->f[c + a];
    }
    for (int64_t n = 0; n < p->rows; n++) {
        const double *x = p->x + n * p->width + c * p->size, *da = all_da + n * p->width + c * p->size;
        for (int64_t k = 0; k < p->size; k++) {
            UNROLL for (int a = 0; a < channels; a++) {
                double d = da[a * p->size + k];
                sum[a] += d;
                product[a] += d * ((x[a * p->size + k] - mean[a]) * f[a]);
            }
        }
    }
    for (int a = 0; a < channels; a++) {
        s[c + a] = sum[a];
        t[c + a] = product[a];
    }
}

/* to[k * lanes + o] = from[o * count + k] */
static void NAME(interleave)(int64_t count, int64_t outs, const double *from, double *to, int64_t lanes) {
    int64_t o = 0;
    for (; o + WIDTH <= outs; o += WIDTH) {
        for (int64_t k = 0; k < count; k++) {
            V v = {0};
            UNROLL for (int a = 0; a < WIDTH; a++) v[a] = from[(o + a) * count + k];
            STORE(to + k * lanes + o, v);
        }
    }
    for (; o < outs; o++) {
        for (int64_t k = 0; k < count; k++) to[k * lanes + o] = from[o * count + k];
    }
}

static void NAME(sums)(const channel_batch *p, double *s) {
    int64_t c = 0;
    for (; c + 8 <= p->channels; c += 8) NAME(sums_of)(8, p, c, s);
    for (; c + 4 <= p->channels; c += 4) NAME(sums_of)(4, p, c, s);
    for (; c < p->channels; c++) NAME(sums_of)(1, p, c, s);
}

static void NAME(squares)(const channel_batch *p, double *s) {
    int64_t c = 0;
    for (; c + 8 <= p->channels; c += 8) NAME(squares_of)(8, p, c, s);
    for (; c + 4 <= p->channels; c += 4) NAME(squares_of)(4, p, c, s);
    for (; c < p->channels; c++) NAME(squares_of)(1, p, c, s);
}

static void NAME(products)(const channel_batch *p, const double *da, double *s, double *t) {
    int64_t c = 0;
    for (; c + 4 <= p->channels; c += 4) NAME(products_of)(4, p, da, c, s, t);
    for (; c < p->channels; c++) NAME(products_of)(1, p, da, c, s, t);
}

/* a = gamma[c] * h + beta[c], h = (x - mean[c]) * f[c] */
static void NAME(normalise)(const channel_batch *p, const double *gamma, const double *beta, double *a) {
    for (int64_t n = 0; n < p->rows; n++) {
        for (int64_t c = 0; c < p->channels; c++) {
            const double *restrict x = p->x + n * p->width + c * p->size;
            double *restrict to = a + n * p->width + c * p->size;
            const double mean = p->mean[c], f = p->f[c], times = gamma[c], plus = beta[c];
            for (int64_t k = 0; k < p->size; k++) to[k] = times * ((x[k] - mean) * f) + plus;
        }
    }
}

/* dx = scale[c] * ((da - s[c]) - h * t[c]), h as above */
static void NAME(normalise_backward)(const channel_batch *p, const double *all_da, const double *scale, const double *s,
                                     const double *t, double *dx) {
    for (int64_t n = 0; n < p->rows; n++) {
        for (int64_t c = 0; c < p->channels; c++) {
            const double *restrict x = p->x + n * p->width + c * p->size;
            const double *restrict da = all_da + n * p->width + c * p->size;
            double *restrict to = dx + n * p->width + c * p->size;
            const double mean = p->mean[c], f = p->f[c], times = scale[c], less = s[c], slope = t[c];
            for (int64_t k = 0; k < p->size; k++) to[k] = times * ((da[k] - less) - ((x[k] - mean) * f) * slope);
        }
    }
}

static const image_kernels NAME(kernels) = {
    .copy = NAME(copy),
    .interleave = NAME(interleave),
    .convolve = NAME(convolve),
    .correlate = NAME(correlate),
    .pool = NAME(pool),
    .pool_backward = NAME(pool_backward),
    .sums = NAME(sums),
    .squares = NAME(squares),
    .products = NAME(products),
    .normalise = NAME(normalise),
    .normalise_backward = NAME(normalise_backward),
};
