"""Chapter 7: batch normalisation. It gives every channel mean 0 and standard deviation 1, then scales and shifts it.

x is samples x channels x positions (an image's rows one after another), and a likewise. gamma, beta, mean and variance
have a number for each channel. eps, a small constant, keeps a channel of equal numbers from a division by 0. Source:
Ioffe and Szegedy, "Batch normalization" (2015).

In training, mean and variance are those of the batch, so a sample's output depends on the other samples. For use
afterwards, running averages of them are kept. The way back is worked out here for one channel. Its m numbers, from all
samples and positions, are x_0 ... x_(m-1), and x_i - mean is written c_i.

    mean = (x_0 + x_1 + ...) / m                variance = (c_0^2 + c_1^2 + ...) / m
    f    = 1 / sqrt(variance + eps)             h_k = c_k * f                            a_k = gamma * h_k + beta

gamma and beta. The derivative of a_k with respect to beta is 1 and to gamma is h_k. The chain rule adds over k:

    dbeta = da_0 + da_1 + ...                   dgamma = da_0 h_0 + da_1 h_1 + ...

x. The derivative of a_k with respect to h_k is gamma: dL/dh_k = gamma da_k. How does h_k depend on x_i? In three ways:

    1. Directly, if k = i: the derivative of (x_k - mean) * f is f.
    2. Through the mean, whose derivative is 1 / m: that of h_k is -f / m.
    3. Through f. The derivative of the variance is 2 c_i / m. (x_i also moves the mean, but that does not change the
       variance: its derivative with respect to the mean is -2 / m times the sum of all c_k, which is 0.) The derivative
       of f with respect to the variance is -f^3 / 2. Their product is -f^3 c_i / m, and that of h_k is c_k times it.
       With c = h / f this is -f h_k h_i / m.

The chain rule multiplies each by dL/dh_k = gamma da_k and adds over k. Terms 2 and 3 then contain the sums from above:

    dx_i = gamma f da_i  -  gamma f dbeta / m  -  gamma f h_i dgamma / m        terms 1, 2, 3
         = gamma f ((da_i - dbeta / m) - h_i (dgamma / m))                      as it is computed

Apart from the factor gamma f, dx is da less its mean, and less a multiple of h. If eps is 0, L does not change when a
whole channel is shifted or stretched, since normalisation takes that out again.

Every sum runs from 0.0 over samples and then positions, in ascending order.
"""

from math import sqrt


def batchnorm2d_statistics(x):
    """mean[c] = (sum of x[n][c][k]) / m, squares[c] = sum of (x[n][c][k] - mean[c])^2, and m

    The batch's variance is squares / m; the running one takes squares / (m - 1).
    """
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
    """Returns dx, dgamma, dbeta, where mean and variance are those of x:

    dbeta[c] = sum of da[n][c][k], dgamma[c] = sum of da[n][c][k] * h[n][c][k],
    dx[n][c][k] = (gamma[c] * f[c]) * ((da[n][c][k] - dbeta[c] / m) - h[n][c][k] * (dgamma[c] / m))

    Why: the page above works it out.
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
    """running[c] = (1 - momentum) * running[c] + momentum * new[c], in place

    These stand in for the batch's statistics once training is over. The new variance is squares[c] / (m - 1), the
    unbiased estimate from m numbers; where m is 1 it is squares[c], which is 0.
    """
    for c in range(len(mean)):
        running_mean[c] = (1.0 - momentum) * running_mean[c] + momentum * mean[c]
        variance = squares[c] / (m - 1.0 if m > 1.0 else 1.0)
        running_variance[c] = (1.0 - momentum) * running_variance[c] + momentum * variance


__test__ = {"by hand": """
One channel of four numbers, 1, 1, 5, 5: mean 3, variance 4. With eps = 0, f = 1/2 and h = -1, -1, 1, 1.

>>> x = [[[1.0, 1.0, 5.0, 5.0]]]
>>> batchnorm2d_statistics(x)
([3.0], [16.0], 4.0)
>>> batchnorm2d_forward(x, [3.0], [4.0], gamma=[10.0], beta=[0.5], eps=0.0)
[[[-9.5, -9.5, 10.5, 10.5]]]

With da = 1, 0, 0, 0: dbeta = 1 and dgamma = -1. dx_0 = 10 * 1/2 * ((1 - 1/4) - (-1) (-1/4)) = 5 * 1/2,
dx_1 = 5 * ((0 - 1/4) - (-1) (-1/4)) = 5 * (-1/2), dx_2 = 5 * ((0 - 1/4) - 1 * (-1/4)) = 0.

>>> batchnorm2d_backward(x, [3.0], [4.0], [10.0], [[[1.0, 0.0, 0.0, 0.0]]], eps=0.0)
([[[2.5, -2.5, 0.0, 0.0]]], [-1.0], [1.0])
"""}
