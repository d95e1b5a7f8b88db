"""Chapter 7: batch normalisation. Every channel, less its mean, divided by its standard deviation; scaled, shifted.

x is samples x channels x positions (an image's rows one after another), and a likewise. gamma, beta, mean and variance
have a number for each channel. Source: Ioffe and Szegedy, "Batch normalization" (2015).

The way back is worked out here for one channel. Its m numbers, from all samples and positions, are x_1 ... x_m.

    mean = (x_1 + ... + x_m) / m                     variance = ((x_1 - mean)^2 + ... + (x_m - mean)^2) / m
    f    = 1 / sqrt(variance + eps)                  h_k = (x_k - mean) * f           a_k = gamma * h_k + beta

gamma and beta. The derivative of a_k by beta is 1 and by gamma is h_k, for each k, and the chain rule adds them up:

    dbeta = da_1 + ... + da_m                        dgamma = da_1 h_1 + ... + da_m h_m

x. The derivative of a_k by h_k is gamma, so dL/dh_k = gamma da_k. How does h_k follow one x_i? In three ways:

    1. directly, if k = i: the derivative of (x_k - mean) * f by x_i is f.
    2. through the mean: x_i moves it by 1 / m, and every h_k falls by f / m.
    3. through the variance: x_i moves it by 2 (x_i - mean) / m. (The mean moves too, but to the variance that is
       nothing: the differences x_k - mean add up to 0.) The derivative of f by the variance is -f^3 / 2. Together f
       moves by -f^3 (x_i - mean) / m = -f^2 h_i / m, and h_k by x_k - mean times that: -f h_k h_i / m.

The chain rule multiplies each by dL/dh_k = gamma da_k and adds over k. Terms 2 and 3 then contain the sums from above:

    dx_i = gamma f da_i  -  gamma f dbeta / m  -  gamma f h_i dgamma / m        terms 1, 2, 3
         = gamma f ((da_i - dbeta / m) - h_i (dgamma / m))                      as it is computed

So dx is da without its mean and without its trend along h: no change of x that only moves or stretches the channel
can change L, since normalisation takes it out again.

Every sum runs from 0.0 over samples and then positions, in ascending order.
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

    Why: see the page above.
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
One channel of two numbers, 1 and 5: mean 3, variance 4; with eps = 0, f = 1/2 and h = -1, 1.

>>> x = [[[1.0, 5.0]]]
>>> mean, squares, m = batchnorm2d_statistics(x)
>>> mean, squares, m
([3.0], [8.0], 2.0)
>>> batchnorm2d_forward(x, [3.0], [4.0], gamma=[10.0], beta=[0.5], eps=0.0)
[[[-9.5, 10.5]]]

With da = 1, 0: dbeta = 1, dgamma = -1, and dx_1 = 10 / 2 * ((1 - 1/2) - (-1) (-1/2)) = 0, dx_2 likewise: two numbers
become -1 and 1 whatever they are.

>>> batchnorm2d_backward(x, [3.0], [4.0], [10.0], [[[1.0, 0.0]]], eps=0.0)
([[[0.0, 0.0]]], [-1.0], [1.0])
"""}
