"""Common mistakes in layers of images, in the form of mutants.py."""

import math

from ..implementations import python
from ..reference import batchnorm, conv, losses, pool, training
from .mutants import MUTANTS as MUTANTS
from .mutants import ONE_SAMPLE, gradient_of_one, mutant
from .operations import batchnorm as operations

# The right functions
conv2d_forward, batchnorm2d_backward = conv.conv2d_forward, batchnorm.batchnorm2d_backward
conv2d_backward_input, conv2d_backward_parameters = conv.conv2d_backward_input, conv.conv2d_backward_parameters
maxpool2d_forward, maxpool2d_backward = pool.maxpool2d_forward, pool.maxpool2d_backward
padded, batchnorm_forward = conv.padded, python.BatchNorm2d.forward


# Convolution

def forward_with_flipped_kernel(x, w, b, stride, padding):
    return conv2d_forward(x, flipped(w), b, stride, padding)


def flipped(w):
    return [[[row[::-1] for row in kernel[::-1]] for kernel in w_o] for w_o in w]


def backward_input_with_flipped_kernel(w, *rest):
    return conv2d_backward_input(flipped(w), *rest)


def backward_parameters_with_flipped_kernel(*inputs):
    dw, db = conv2d_backward_parameters(*inputs)
    return flipped(dw), db


mutant("flipped-kernel", "the kernel is flipped, as in mathematics: here it is not, as in all frameworks",
       {conv2d_forward: forward_with_flipped_kernel}, {conv2d_backward_input: backward_input_with_flipped_kernel},
       {conv2d_backward_parameters: backward_parameters_with_flipped_kernel})


def padded_by(place, fill=0.0):
    """Padding by place(p, size, padding): the row or column of x at place p, from -padding; None outside, at `fill`."""
    def padded(x, padding):
        size = len(x[0]), len(x[0][0])
        rows, columns = ([place(p, n, k) for p in range(-k, n + k)] for n, k in zip(size, padding))
        return [[[fill if None in (i, j) else x_c[i][j] for j in columns] for i in rows] for x_c in x]
    return {conv.padded: padded}


mutant("padding", "images are not padded with zeros, the same number on each side",
       padded_by(lambda p, n, k: p if 0 <= p < n else None, 1.0), padded_by(lambda p, n, k: min(max(p, 0), n - 1)),
       padded_by(lambda p, n, k: n - 1 - abs(n - 1 - abs(p))), padded_by(lambda p, n, k: p % n),
       padded_by(lambda p, n, k: p + k if p + k < n else None), padded_by(lambda p, n, k: p - k if p >= k else None))


def padded_by_the_other(x, padding):
    """As large as it must be, but the rows of x lie where the padding of columns ends, and the reverse."""
    size = len(x[0]), len(x[0][0])
    rows, columns = ([p + k - other if 0 <= p + k - other < n else None for p in range(-k, n + k)]
                     for n, k, other in zip(size, padding, reversed(padding)))
    return [[[0.0 if None in (i, j) else x_c[i][j] for j in columns] for i in rows] for x_c in x]


mutant("padding-exchanged", "the padding of rows and that of columns are exchanged",
       {padded: padded_by_the_other}, {padded: lambda x, padding: padded(x, padding[::-1])})
mutant("convolution-of-one", ONE_SAMPLE, *gradient_of_one(conv2d_backward_parameters, lambda rows: rows[-1:]),
       *gradient_of_one(conv2d_backward_parameters, lambda rows: rows[:1]))


def averaged(of_w, of_b):
    """A convolution's gradients of the parameters, divided by of_w and of_b(samples, positions)."""
    def mean(x, dz, *rest):
        dw, db = conv2d_backward_parameters(x, dz, *rest)
        counts = len(dz), len(dz[0][0]) * len(dz[0][0][0])
        dw = [[[[v / of_w(*counts) for v in row] for row in kernel] for kernel in dw_o] for dw_o in dw]
        return dw, db and [v / of_b(*counts) for v in db]
    return {conv2d_backward_parameters: mean}


def one(samples, positions):
    return 1.0


mutant("convolution-mean", "a convolution's gradients of weights or biases are means over positions or over the batch: "
       "they are sums",
       *(averaged(*pair) for count in (lambda n, k: n, lambda n, k: k, lambda n, k: n * k)
         for pair in ((count, count), (count, one), (one, count))))


def backward_to_every_maximum(x, da, kernel_size, stride):
    """The gradient of a window goes to each number that equals its largest."""
    dx = []
    for x_n, da_n in zip(x, da):
        dx_n = [[[0.0] * len(row) for row in channel] for channel in x_n]
        for c, da_nc in enumerate(da_n):
            for r, da_ncr in enumerate(da_nc):
                for s, d in enumerate(da_ncr):
                    window = [(i, j) for i in range(r * stride[0], r * stride[0] + kernel_size[0])
                              for j in range(s * stride[1], s * stride[1] + kernel_size[1])]
                    largest = max(x_n[c][i][j] for i, j in window)
                    for i, j in window:
                        if x_n[c][i][j] == largest:
                            dx_n[c][i][j] += d
        dx.append(dx_n)
    return dx


mutant("every-maximum", "pooling passes the gradient to every largest number of a window: it goes to the first alone",
       {pool.maxpool2d_backward: backward_to_every_maximum})


def pooled(of):
    """a[n][c][r][s] = of(numbers of the window, its largest)."""
    def forward(x, kernel_size, stride):
        largest = maxpool2d_forward(x, kernel_size, stride)
        return [[[[of([v for row in channel[r * stride[0]:r * stride[0] + kernel_size[0]]
                       for v in row[s * stride[1]:s * stride[1] + kernel_size[1]]], v) for s, v in enumerate(row)]
                  for r, row in enumerate(rows)] for channel, rows in zip(*pair)] for pair in zip(x, largest)]
    return {maxpool2d_forward: forward}


def mean(values):
    s = 0.0
    for v in values:
        s += v
    return s / len(values)


mutant("maximum-from-0", "the largest number of a window is looked for from 0 on: windows of negative numbers give 0",
       pooled(lambda window, largest: max(largest, 0.0)))
mutant("pooling-other", "pooling takes the mean or the smallest number of a window: it takes the largest",
       pooled(lambda window, largest: mean(window)), pooled(lambda window, largest: min(window)))


def backward_by_kernel(flat):
    """flat: whether da, which is larger than it should be then, is read as a row of numbers"""
    def backward(x, da, kernel_size, stride):
        rows, columns = ((len(axis) - k) // k + 1 for axis, k in zip((x[0][0], x[0][0][0]), kernel_size))
        if flat:
            values = [iter([v for channel in da_n for row in channel for v in row]) for da_n in da]
            da = [[[[next(v) for _ in range(columns)] for _ in range(rows)] for _ in x[0]] for v in values]
        cut = [[[row[:columns] for row in channel[:rows]] for channel in da_n] for da_n in da]
        return maxpool2d_backward(x, cut, kernel_size, kernel_size)
    return {maxpool2d_backward: backward}


def forward_by_kernel(x, kernel_size, stride):
    return maxpool2d_forward(x, kernel_size, kernel_size)


mutant("stride", "the stride of pooling is taken to be its kernel's size",
       *({maxpool2d_forward: forward_by_kernel, **backward_by_kernel(flat)} for flat in (False, True)),
       {maxpool2d_forward: forward_by_kernel}, backward_by_kernel(False))


# Batch normalisation

def backward_past_the_statistics(x, mean, variance, gamma, da, eps):
    _, dgamma, dbeta = batchnorm2d_backward(x, mean, variance, gamma, da, eps)
    factors = [g * (1.0 / math.sqrt(v + eps)) for g, v in zip(gamma, variance)]
    return [[[f * d for d in channel] for f, channel in zip(factors, da_n)] for da_n in da], dgamma, dbeta


mutant("statistics", "batch normalisation's gradient ignores that mean and variance depend on the input too",
       {batchnorm2d_backward: backward_past_the_statistics})


def track_with_momentum_of_old(running_mean, running_variance, mean, squares, m, momentum):
    for c in range(len(mean)):
        variance = squares[c] / (m - 1.0 if m > 1.0 else 1.0)
        running_mean[c] = momentum * running_mean[c] + (1.0 - momentum) * mean[c]
        running_variance[c] = momentum * running_variance[c] + (1.0 - momentum) * variance


mutant("momentum-of-old", "momentum is the weight of the old running statistics: it is that of the new ones",
       {batchnorm.batchnorm2d_track: track_with_momentum_of_old})


def statistics_by(squares_of):
    """Statistics whose squares are squares_of(sum of x, sum of x^2, m)."""
    def statistics(x):
        sums, squares = [], []
        for c in range(len(x[0])):
            s = q = 0.0
            for x_n in x:
                for v in x_n[c]:
                    s += v
                    q += v * v
            sums.append(s)
            squares.append(q)
        m = float(len(x) * len(x[0][0]))
        return [s / m for s in sums], [squares_of(*pair, m) for pair in zip(sums, squares)], m
    return {batchnorm.batchnorm2d_statistics: statistics}


mutant("one-pass", "the variance is the mean square less the squared mean, which cancels: it is the mean of "
       "(x - mean)^2",
       *map(statistics_by, (lambda s, q, m: q - m * (s / m) * (s / m), lambda s, q, m: q - m * ((s / m) * (s / m)),
                            lambda s, q, m: q - s * s / m, lambda s, q, m: (q / m - (s / m) * (s / m)) * m)))


def evaluation_of_batch(x, running_mean, running_variance, gamma, beta, eps):
    return operations.batchnorm2d_forward(x, *operations.batchnorm2d_statistics(x).values(), gamma, beta, eps)


def evaluated(track):
    """Layers that normalise with the batch's statistics in evaluation, or that track them there."""
    def forward(self, x):
        if self.training:
            return batchnorm_forward(self, x)
        buffers, self.training = [list(row) for row in self.buffers], True
        answer = batchnorm_forward(self, x)
        self.training = False
        if track:
            tracked, self.buffers = self.buffers, buffers
            answer = batchnorm_forward(self, x)
            self.buffers = tracked
        else:
            self.buffers = buffers
        return answer
    return {batchnorm_forward: forward}


def evaluate_together(layers, x, y, loss, reduction):
    """The loss over all samples, which go through the layers as one batch."""
    value, _ = losses.LOSSES[loss]
    o = training.forward(layers, list(x))[-1]
    total = 0.0
    for o_n, y_n in zip(o, y):
        total += value(o_n, y_n)
    return (total / len(x) if reduction == "mean" else total), 0


TOGETHER = {training.evaluate: evaluate_together}
mutant("statistics-of-batch", "evaluation normalises with the statistics of its samples: it uses the running ones",
       {operations.batchnorm2d_evaluation: evaluation_of_batch}, evaluated(track=False),
       {**evaluated(track=False), **TOGETHER})
mutant("evaluation-tracks", "evaluation changes the running statistics: training alone does", evaluated(track=True),
       {**evaluated(track=True), **TOGETHER})
