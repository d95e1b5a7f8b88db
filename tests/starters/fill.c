// A function for each kind of input and output.
static uint64_t next(uint64_t *state) {
    uint64_t z = *state += UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

static double uniform(uint64_t *state) { return (double)(next(state) >> 11) / 9007199254740992.0; }

static json *answer_next(const json *in) {
    uint64_t state = seed(in, "seed");
    json *integers = list();
    for (int64_t n = integer(in, "count"); n > 0; n--) append(integers, from_seed(next(&state)));
    return set(object(), "integers", integers);
}

static json *answer_below(const json *in) {
    uint64_t state = seed(in, "seed");
    json *integers = list();
    for (int64_t n = integer(in, "count"); n > 0; n--)
        append(integers, from_integer((int64_t)(uniform(&state) * (double)integer(in, "n"))));
    return set(object(), "integers", integers);
}

static json *answer_stream(const json *in) {
    uint64_t state = seed(in, "seed"), last = 0;
    for (int64_t n = integer(in, "k"); n > 0; n--) last = next(&state);
    return set(object(), "seed", from_seed(last));
}

static json *answer_dot(const json *in) {
    int count;
    double z = 0.0, *x = numbers(in, "x", &count), *w = numbers(in, "w", &count);
    for (int i = 0; i < count; i++) z += x[i] * w[i];
    return set(object(), "z", from_double(z));
}

static json *product(const double *x, const double *w, const double *b, int n, int inputs, int outputs) {
    double *z = take((size_t)n * outputs * sizeof(double));
    for (int r = 0; r < n; r++)
        for (int j = 0; j < outputs; j++) {
            double s = b ? b[j] : 0.0;
            for (int i = 0; i < inputs; i++) s += x[r * inputs + i] * w[i * outputs + j];
            z[r * outputs + j] = s;
        }
    return from_matrix(z, n, outputs);
}

static json *answer_matmul(const json *in) {
    int m, k, n;
    double *a = matrix(in, "a", &m, &k), *b = matrix(in, "b", &k, &n);
    return set(object(), "c", product(a, b, NULL, m, k, n));
}

static json *answer_linear_forward(const json *in) {
    int m, k, n;
    double *x = matrix(in, "x", &m, &k), *w = matrix(in, "w", &k, &n);
    return set(object(), "z", product(x, w, is_null(in, "b") ? NULL : numbers(in, "b", &n), m, k, n));
}

static json *answer_linear_backward_parameters(const json *in) {
    int n, i, j;
    double *x = matrix(in, "x", &n, &i), *dz = matrix(in, "dz", &n, &j);
    double *dw = take((size_t)i * j * sizeof(double)), *db = take((size_t)j * sizeof(double));
    for (int r = 0; r < n; r++)
        for (int b = 0; b < j; b++) {
            for (int a = 0; a < i; a++) dw[a * j + b] += x[r * i + a] * dz[r * j + b];
            db[b] += dz[r * j + b];
        }
    json *out = set(object(), "dw", from_matrix(dw, i, j));
    return set(out, "db", integer(in, "bias") ? from_numbers(db, j) : value_of(NOTHING));
}

static json *answer_update(const json *in) {
    int count;
    double *p = numbers(in, "p", &count), *dp = numbers(in, "dp", &count), lr = number(in, "lr");
    for (int i = 0; i < count; i++) p[i] = p[i] - lr * dp[i];
    return set(object(), "p", from_numbers(p, count));
}
