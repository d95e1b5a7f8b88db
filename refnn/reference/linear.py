"""The linear layer: z = x w + b.

x is samples x inputs, w inputs x outputs, b outputs (or None), z samples x outputs. d... is dL/d...: dz, dx, dw, db.
Every sum runs in ascending order of its index, from the bias or from 0.0.
"""

from math import sqrt


def draw_row(random, init, fan_in, fan_out, count):
    """So many parameters, drawn and scaled as the initialisation says.

    fan_in, fan_out: how many numbers one output is made of, how many outputs one number goes into
    """
    draw = random.uniform if init == "uniform" else random.normal
    scale = {"uniform": 1.0, "normal": 1.0, "normal_0.1": 0.1,
             "fan_in": 1.0 / sqrt(fan_in), "fan_out": 1.0 / sqrt(fan_out), "he": sqrt(2.0 / fan_in)}[init]
    return [scale * draw() + 0.0 for _ in range(count)]  # + 0.0: never -0.0


def linear_init(random, init, inputs, outputs, bias):
    """-> w, b: every parameter drawn in order, w row by row and then b, and scaled as the initialisation says."""
    w = [draw_row(random, init, inputs, outputs, outputs) for _ in range(inputs)]
    b = draw_row(random, init, inputs, outputs, outputs) if bias else None
    return w, b


def linear_forward(x, w, b):
    """z[n][j] = b[j]; for i ascending: z[n][j] += x[n][i] * w[i][j]"""
    z = []
    for x_n in x:
        z_n = list(b or [0.0] * len(w[0]))
        for x_ni, w_i in zip(x_n, w):
            for j, w_ij in enumerate(w_i):
                z_n[j] += x_ni * w_ij
        z.append(z_n)
    return z


def linear_backward_input(w, dz):
    """dx[n][i] = 0.0; for j ascending: dx[n][i] += dz[n][j] * w[i][j]"""
    dx = []
    for dz_n in dz:
        dx_n = []
        for w_i in w:
            s = 0.0
            for dz_nj, w_ij in zip(dz_n, w_i):
                s += dz_nj * w_ij
            dx_n.append(s)
        dx.append(dx_n)
    return dx


def linear_backward_parameters(x, dz, bias):
    """dw[i][j] = 0.0; for n ascending: dw[i][j] += x[n][i] * dz[n][j], and db[j] += dz[n][j] (None without bias)"""
    dw = [[0.0 + x_0i * dz_0j for dz_0j in dz[0]] for x_0i in x[0]]
    db = [0.0 + dz_0j for dz_0j in dz[0]] if bias else None
    for x_n, dz_n in zip(x[1:], dz[1:]):
        for x_ni, dw_i in zip(x_n, dw):
            for j, dz_nj in enumerate(dz_n):
                dw_i[j] += x_ni * dz_nj
        if bias:
            for j, dz_nj in enumerate(dz_n):
                db[j] += dz_nj
    return dw, db


def linear_update(p, dp, lr):
    """p[j] -= lr * dp[j], in place; p is a row of weights, or the bias"""
    for j, dp_j in enumerate(dp):
        p[j] -= lr * dp_j


class Linear:
    """The layer: its parameters are w row by row, then b."""

    needs_dx = True  # False where nobody asks for the gradient of the data

    def __init__(self, layer, random, init, shape=None):
        self.w, self.b = linear_init(random, init, layer.inputs, layer.outputs, layer.bias)
        self.parameters = self.w + ([self.b] if layer.bias else [])

    def forward(self, x):
        return linear_forward(x, self.w, self.b)

    def backward(self, x, z, dz):
        dw, db = linear_backward_parameters(x, dz, self.b is not None)
        return linear_backward_input(self.w, dz) if self.needs_dx else None, dw + ([db] if db else [])
