"""Batch normalisation: every channel, less its mean and divided by its standard deviation; times gamma, plus beta.

x is samples x channels x positions (an image's rows one after another), a likewise; gamma, beta, mean, variance and
deviation have a number for each channel. d... is dL/d...: da, dx, dgamma, dbeta. Every sum runs from 0.0 over samples and
then positions, in ascending order; m is how many numbers it has. Source: Ioffe and Szegedy (2015).
"""

from math import sqrt


def batchnorm2d_statistics(x):
    """-> mean[c] = (sum of x[n][c][k]) / m, squares[c] = sum of (x[n][c][k] - mean[c])^2, m"""
    mean, squares = [], []
    m = float(len(x) * len(x[0][0]))
    for c in range(len(x[0])):
        s = 0.0
        for x_n in x:
            for v in x_n[c]:
                s += v
        mean.append(s / m)
        s = 0.0
        for x_n in x:
            for v in x_n[c]:
                d = v - mean[c]
                s += d * d
        squares.append(s)
    return mean, squares, m


def batchnorm2d_forward(x, mean, variance, gamma, beta, eps):
    """a[n][c][k] = gamma[c] * h[n][c][k] + beta[c], where h[n][c][k] = (x[n][c][k] - mean[c]) * f[c]
    and f[c] = 1 / sqrt(variance[c] + eps)
    """
    a = []
    f = [1.0 / sqrt(v + eps) for v in variance]
    for x_n in x:
        a_n = []
        for c, x_nc in enumerate(x_n):
            a_n.append([gamma[c] * ((v - mean[c]) * f[c]) + beta[c] for v in x_nc])
        a.append(a_n)
    return a


def batchnorm2d_backward(x, mean, variance, gamma, da, eps):
    """-> dx, dgamma, dbeta, where mean and variance are x's own:

    dbeta[c] = sum of da[n][c][k], dgamma[c] = sum of da[n][c][k] * h[n][c][k],
    dx[n][c][k] = (gamma[c] * f[c]) * ((da[n][c][k] - dbeta[c] / m) - h[n][c][k] * (dgamma[c] / m))
    """
    dgamma, dbeta = [], []
    m = float(len(x) * len(x[0][0]))
    f = [1.0 / sqrt(v + eps) for v in variance]
    dx = [[] for _ in x]
    for c in range(len(gamma)):
        s = t = 0.0
        for x_n, da_n in zip(x, da):
            for v, d in zip(x_n[c], da_n[c]):
                s += d
                t += d * ((v - mean[c]) * f[c])
        dbeta.append(s)
        dgamma.append(t)
        scale, s, t = gamma[c] * f[c], s / m, t / m
        for x_n, da_n, dx_n in zip(x, da, dx):
            dx_n.append([scale * ((d - s) - ((v - mean[c]) * f[c]) * t) for v, d in zip(x_n[c], da_n[c])])
    return dx, dgamma, dbeta


def batchnorm2d_track(running_mean, running_variance, mean, squares, m, momentum):
    """running[c] = (1 - momentum) * running[c] + momentum * new[c], in place; the new variance is squares[c] / (m - 1), as
    that of all data is estimated from m of them (where m is 1: squares[c], which is 0)
    """
    for c in range(len(mean)):
        running_mean[c] = (1.0 - momentum) * running_mean[c] + momentum * mean[c]
        variance = squares[c] / (m - 1.0 if m > 1.0 else 1.0)
        running_variance[c] = (1.0 - momentum) * running_variance[c] + momentum * variance


def channels(rows, count):
    """Flat rows -> samples x channels x positions."""
    size = len(rows[0]) // count
    return [[row[start:start + size] for start in range(0, len(row), size)] for row in rows]


def rows_of(x):
    """Samples x channels x positions -> flat rows."""
    return [[v for channel in x_n for v in channel] for x_n in x]


class BatchNorm2d:
    """The layer: its parameters are gamma, at first 1, and beta, at first 0; its buffers the running mean and variance."""

    training = False  # whether the statistics are the batch's

    def __init__(self, layer, random, init, shape):
        self.layer = layer
        count = layer.num_features
        self.parameters = [[1.0] * count, [0.0] * count]
        self.buffers = [[0.0] * count, [1.0] * count]

    def forward(self, x):
        x = channels(x, self.layer.num_features)
        mean, variance = self.buffers
        if self.training:
            mean, squares, m = batchnorm2d_statistics(x)
            variance = [s / m for s in squares]
            batchnorm2d_track(*self.buffers, mean, squares, m, self.layer.momentum)
            self.mean, self.variance = mean, variance
        return rows_of(batchnorm2d_forward(x, mean, variance, *self.parameters, self.layer.eps))

    def backward(self, x, a, da):
        count = self.layer.num_features
        dx, dgamma, dbeta = batchnorm2d_backward(channels(x, count), self.mean, self.variance, self.parameters[0],
                                                 channels(da, count), self.layer.eps)
        return rows_of(dx), [dgamma, dbeta]
