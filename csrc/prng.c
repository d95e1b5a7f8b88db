/* Random numbers that are the same everywhere: the twin of refnn/reference/prng.py. */

#include "core.h"

#define GOLDEN 0x9e3779b97f4a7c15
#define TWO_PI 6.283185307179586

uint64_t refnn_next(uint64_t *state) {
    uint64_t z = *state += GOLDEN;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

double refnn_uniform(uint64_t *state) { return (double)(refnn_next(state) >> 11) / 9007199254740992.0; }

double refnn_normal(uint64_t *state) {
    double u = refnn_uniform(state);
    double v = refnn_uniform(state);
    return sqrt(-2.0 * refnn_log(1.0 - u)) * refnn_cos(TWO_PI * v);
}

int32_t refnn_below(uint64_t *state, int32_t n) { return (int32_t)(refnn_uniform(state) * n); }

void refnn_permutation(uint64_t *state, int32_t n, int32_t *order) {
    for (int32_t i = 0; i < n; i++) order[i] = i;
    for (int32_t i = n - 1; i > 0; i--) {
        int32_t j = refnn_below(state, i + 1);
        int32_t swapped = order[i];
        order[i] = order[j];
        order[j] = swapped;
    }
}

uint64_t refnn_stream(uint64_t seed, uint64_t k) {
    uint64_t state = seed + (k - 1) * GOLDEN;
    return refnn_next(&state);
}

void refnn_epoch_order(uint64_t seed, uint64_t epoch, int32_t n, int32_t *order) {
    uint64_t state = refnn_stream(refnn_stream(seed, REFNN_SHUFFLING), epoch);
    refnn_permutation(&state, n, order);
}
