/* The kernel of bench.c: see instruction_sets.h. */

/* Multiplies and adds in registers, `steps` times in each of them; returns the number of operations. Twelve sums hide
 * the latency of an addition. */
static double NAME(peak)(int64_t steps, double *sink) {
    enum { SUMS = 12 };
    V sum[SUMS], x = SPLAT(sink[0]), y = SPLAT(sink[1]);
    UNROLL for (int s = 0; s < SUMS; s++) sum[s] = SPLAT(sink[s]);
    for (int64_t k = 0; k < steps; k++) {
        UNROLL for (int s = 0; s < SUMS; s++) sum[s] = sum[s] * x + y;
    }
    for (int s = 0; s < SUMS; s++) sink[s] = sum[s][0];
    return 2.0 * SUMS * WIDTH * (double)steps;
}

static const bench_kernels NAME(kernels) = {NAME(peak)};
