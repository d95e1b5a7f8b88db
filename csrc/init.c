/* Where the first parameters come from: the twin of refnn/reference/init.py. */

#include "core.h"

void refnn_draw_row(uint64_t *random, int32_t init, int64_t fan_in, int64_t fan_out, int64_t count, double *p) {
    double scale = 1.0;
    if (init == REFNN_NORMAL_0_1) scale = 0.1;
    if (init == REFNN_FAN_IN) scale = 1.0 / sqrt((double)fan_in);
    if (init == REFNN_FAN_OUT) scale = 1.0 / sqrt((double)fan_out);
    if (init == REFNN_HE) scale = sqrt(2.0 / (double)fan_in);
    for (int64_t k = 0; k < count; k++) {
        double draw = init == REFNN_UNIFORM ? refnn_uniform(random) : refnn_normal(random);
        p[k] = scale * draw + 0.0; /* never -0.0 */
    }
}

void refnn_linear_init(uint64_t *random, int32_t init, int32_t inputs, int32_t outputs, double *w, double *b) {
    refnn_draw_row(random, init, inputs, outputs, (int64_t)inputs * outputs, w);
    if (b) refnn_draw_row(random, init, inputs, outputs, outputs, b);
}

void refnn_conv2d_init(uint64_t *random, int32_t init, const refnn_layer *layer, double *w, double *b) {
    int64_t size = (int64_t)layer->kernel.rows * layer->kernel.columns;
    int64_t fan_in = layer->x.channels * size, fan_out = layer->z.channels * size;
    refnn_draw_row(random, init, fan_in, fan_out, layer->z.channels * fan_in, w);
    if (b) refnn_draw_row(random, init, fan_in, fan_out, layer->z.channels, b);
}
