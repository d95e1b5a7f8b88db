"""Chapter 1: the linear layer, z = x w + b.

A neuron multiplies each of its inputs by a weight, adds up the products, and adds a bias. For inputs x0, x1, ...:

    z = b + x0 w0 + x1 w1 + ...

A linear layer is a row of neurons that read the same inputs: column j of w and b[j] belong to neuron j. A batch is a
number of samples that go through the layer together; each is a row of x, and gives a row of z.

    x  samples x inputs       w  inputs x outputs       b  outputs, or None       z  samples x outputs

    z[n][j] = b[j] + x[n][0] w[0][j] + x[n][1] w[1][j] + ...

The network's error on the batch is one number, the loss L (chapter 3). The weights and biases are its parameters, and
learning changes them so that L falls. The derivative dL/dp of L with respect to one parameter p is a rate: if p grows
by a small number h and nothing else changes, L grows by about h * dL/dp. The derivatives with respect to all parameters
together are the gradient. To lower L, every parameter takes a step against its derivative: p -= lr * dL/dp, where the
learning rate lr sets the size of the step.

The chain rule finds the derivatives. If v acts on L only through u_0, u_1, ..., then

    dL/dv = dL/du_0 * du_0/dv + dL/du_1 * du_1/dv + ...

The input and the parameters of a layer act on L only through its output. So a layer takes dL/dz from the next layer.
From that it finds dL/dw and dL/db, by which it learns, and dL/dx, which the layer before it needs. This walk from the
last layer to the first is backpropagation. In the code dz stands for dL/dz, dw for dL/dw, and so on; each has the same
shape as the variable it belongs to.

Each addition rounds, so the order of a sum decides its last bits. Every sum runs in ascending order of its index, from
the bias or from 0.0.
"""


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
    """dx[n][i] = 0.0; for j ascending: dx[n][i] += dz[n][j] * w[i][j]

    Why: x[n][i] goes into every neuron j of its own sample, as the term x[n][i] * w[i][j] of z[n][j]. If x[n][i] grows
    by h, z[n][j] grows by h * w[i][j]: the derivative of z[n][j] with respect to x[n][i] is w[i][j]. Chain rule: L
    depends on x[n][i] through z[n][0], z[n][1], ..., so the products dL/dz[n][j] * w[i][j] add up over j.
    """
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
    """dw[i][j] = 0.0; for n ascending: dw[i][j] += x[n][i] * dz[n][j], and db[j] += dz[n][j] (None without bias)

    Why: w[i][j] is used once in each sample n, in the same term x[n][i] * w[i][j] of z[n][j]. The derivative of z[n][j]
    with respect to w[i][j] is therefore x[n][i]; with respect to b[j] it is 1. Chain rule: L depends on w[i][j] through
    z[0][j], z[1][j], ..., so x[n][i] * dL/dz[n][j] adds up over the samples n, and so does 1 * dL/dz[n][j] for b[j].
    Nothing is divided by the number of samples: where L is a mean, dz holds that division already (chapter 3).
    """
    dw = [[0.0 + x_0i * dz_0j for dz_0j in dz[0]] for x_0i in x[0]]  # sample 0: each sum begins with 0.0
    db = [0.0 + dz_0j for dz_0j in dz[0]] if bias else None
    for x_n, dz_n in zip(x[1:], dz[1:]):
        for x_ni, dw_i in zip(x_n, dw):
            for j, dz_nj in enumerate(dz_n):
                dw_i[j] += x_ni * dz_nj
        for j, dz_nj in enumerate(dz_n if bias else []):
            db[j] += dz_nj
    return dw, db


def linear_update(p, dp, lr):
    """p[j] -= lr * dp[j], in place; p is a row of weights, or the bias"""
    for j, dp_j in enumerate(dp):
        p[j] -= lr * dp_j


class Linear:
    """A linear layer. Its parameters are the rows of w, then b: the same lists, so to update one is to update both."""

    def __init__(self, w, b=None):
        self.w, self.b = w, b
        self.parameters = w + ([b] if b else [])

    def forward(self, x):
        return linear_forward(x, self.w, self.b)

    def backward(self, x, z, dz):
        """Returns dx, and the derivatives of the parameters, in their order."""
        dw, db = linear_backward_parameters(x, dz, self.b is not None)
        return linear_backward_input(self.w, dz), dw + ([db] if db else [])


__test__ = {"by hand": """
Two samples, two neurons. (What stands after >>> can be typed into Python; the next line is what Python answers.) The
first number is z[0][0] = b[0] + x[0][0] * w[0][0] + x[0][1] * w[1][0] = 0.5 + 2 * 3 - 4.

>>> layer = Linear(w=[[3.0, 1.0], [-1.0, 0.0]], b=[0.5, 0.0])
>>> x = [[2.0, 4.0], [1.0, 0.0]]
>>> z = layer.forward(x)
>>> z
[[2.5, 2.0], [3.5, 1.0]]

Say dz is as follows. dx sums over the neurons: dx[0][0] = 10 * 3 + 1 * 1. dw and db sum over the samples:
dw[0][0] = 2 * 10 + 1 * 20, dw[0][1] = 2 * 1 + 1 * 0, dw[1][0] = 4 * 10 + 0 * 20, and db[0] = 10 + 20.

>>> dx, (dw_0, dw_1, db) = layer.backward(x, z, [[10.0, 1.0], [20.0, 0.0]])
>>> dx, dw_0, dw_1, db
([[31.0, -10.0], [60.0, -20.0]], [40.0, 2.0], [40.0, 4.0], [30.0, 1.0])

A step with learning rate 0.1 takes 0.1 * 30 and 0.1 * 1 from b.

>>> linear_update(layer.b, db, lr=0.1)
>>> layer.b
[-2.5, -0.1]
"""}
