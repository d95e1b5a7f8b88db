/* Buffers of numbers as callers bring them: checked and converted in one pass. No twin: refnn/buffers.py does the same.
 *
 * A buffer may begin at any address.
 */

#include "core.h"

#define EXPONENT 0x7ff0000000000000
#define LOWEST_OF_EXPONENT 0x0010000000000000
#define BLOCK 64 /* numbers between two looks */

/* Whether one of some numbers is infinite or NaN: its exponent, all ones, then overflows into the sign. */
static int not_finite(int64_t count, const char *values) {
    uint64_t any = 0;
    for (int64_t k = 0; k < count; k++) {
        uint64_t bits;
        memcpy(&bits, values + k * (int64_t)sizeof bits, sizeof bits);
        any |= (bits & EXPONENT) + LOWEST_OF_EXPONENT;
    }
    return any >> 63 != 0;
}

int64_t refnn_not_finite(int64_t count, const void *values) {
    const char *bytes = values;
    const int64_t size = sizeof(double);
    int64_t k = 0;
    while (k + BLOCK <= count && !not_finite(BLOCK, bytes + k * size)) k += BLOCK;
    while (k < count && !not_finite(1, bytes + k * size)) k++;
    return k;
}

#define CONVERT(letter, type)                                                \
    case letter:                                                             \
        for (int64_t k = 0; k < count; k++) {                                \
            type value;                                                      \
            memcpy(&value, bytes + k * (int64_t)sizeof value, sizeof value); \
            doubles[k] = (double)value + zero;                               \
        }                                                                    \
        return REFNN_OK;

int32_t refnn_to_doubles(char format, int64_t count, const void *values, double zero, double *doubles) {
    const char *bytes = values;
    switch (format) {
        CONVERT('?', unsigned char)
        CONVERT('b', signed char)
        CONVERT('B', unsigned char)
        CONVERT('h', short)
        CONVERT('H', unsigned short)
        CONVERT('i', int)
        CONVERT('I', unsigned int)
        CONVERT('l', long)
        CONVERT('L', unsigned long)
        CONVERT('q', long long)
        CONVERT('Q', unsigned long long)
        CONVERT('f', float)
        CONVERT('d', double)
    }
    return REFNN_BAD_SAMPLES;
}

/* The class of a one-hot row; -1 if it is not one. */
static int32_t class_of(int64_t width, const double *row) {
    int64_t class = 0;
    while (class < width && row[class] == 0.0) class ++;
    int good = class < width && row[class] == 1.0;
    for (int64_t k = class + 1; k < width; k++) good &= row[k] == 0.0;
    return good ? (int32_t) class : -1;
}

int64_t refnn_one_hot(int64_t count, int64_t width, const double *rows, int32_t *classes) {
    int64_t n = 0;
    for (; n < count; n++, rows += width) {
        classes[n] = class_of(width, rows);
        if (classes[n] < 0) return n;
    }
    return n;
}

int64_t refnn_not_class(int64_t count, const int32_t *classes, int32_t outputs) {
    int64_t n = 0;
    while (n < count && classes[n] >= 0 && classes[n] < outputs) n++;
    return n;
}

int32_t refnn_are_aligned(const refnn_samples *samples) {
    return ((uintptr_t)samples->inputs | (uintptr_t)samples->y.rows) % sizeof(double) == 0;
}
