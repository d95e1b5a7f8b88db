"""Common mistakes in layers of images, in the form of mutants.py."""

import math
from itertools import product

from ..implementations import python
from ..reference import batchnorm, conv, init, losses, pool, training
from .mutants import MUTANTS as MUTANTS
from .mutants import ONE_SAMPLE, added, gradient_of_one, mutant, plain_total
from .operations import batchnorm as operations

# The right functions
conv2d_forward, batchnorm2d_backward = conv.conv2d_forward, batchnorm.batchnorm2d_backward
conv2d_backward_input, conv2d_backward_parameters = conv.conv2d_backward_input, conv.conv2d_backward_parameters
maxpool2d_forward, maxpool2d_backward = pool.maxpool2d_forward, pool.maxpool2d_backward
padded, batchnorm_init = conv.padded, python.BatchNorm2d.__init__
batchnorm_forward, batchnorm_backward = python.BatchNorm2d.forward, python.BatchNorm2d.backward
build_layer, linear_init, draw_row = python.build_layer, init.linear_init, init.draw_row
statistics_of, batchnorm2d_track = batchnorm.batchnorm2d_statistics, batchnorm.batchnorm2d_track


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


def forward_by_ones(x, w, b, stride, padding):
    """As many outputs as with the stride, of a kernel that moves by 1."""
    right, moved_by_1 = (conv2d_forward(x, w, b, by, padding) for by in (stride, (1, 1)))
    return [[[row[:len(of[0])] for row in channel[:len(of)]] for channel, of in zip(*pair)]
            for pair in zip(moved_by_1, right)]


mutant("convolution-stride", "a convolution's stride is left out: output r, s is of row r * stride, column s * stride",
       {conv2d_backward_input: lambda w, dz, size, stride, padding: conv2d_backward_input(
           w, dz, size, (1, 1), padding)},
       {conv2d_backward_parameters: lambda x, dz, kernel_size, stride, *rest: conv2d_backward_parameters(
           x, dz, kernel_size, (1, 1), *rest)},
       {conv2d_forward: forward_by_ones})


def first_alone(channels):
    """The first channel, in place of each."""
    return [channels[0]] * len(channels)


mutant("one-channel", "a convolution takes the first channel of the image, or of the kernel, for all of them: each "
       "channel of an image has a part of the kernel of its own",
       {conv2d_forward: lambda x, w, *rest: conv2d_forward(x, [*map(first_alone, w)], *rest)},
       {conv2d_forward: lambda x, w, *rest: conv2d_forward([*map(first_alone, x)], w, *rest)},
       {conv2d_forward: lambda x, w, *rest: conv2d_forward(x, first_alone(w), *rest)},
       {conv2d_backward_input: lambda w, *rest: conv2d_backward_input([*map(first_alone, w)], *rest)},
       {conv2d_backward_input: lambda w, *rest: conv2d_backward_input(first_alone(w), *rest)},
       {conv2d_backward_parameters: lambda x, *rest: conv2d_backward_parameters([*map(first_alone, x)], *rest)})


def places(sizes, order):
    """The places of an array's numbers as they lie with its axes in another order, the last one fastest."""
    for place in product(*(range(sizes[axis]) for axis in order)):
        yield tuple(place[order.index(axis)] for axis in range(len(sizes)))


def rearranged(w, order, back=False):
    """w read as if its axes lay in another order; back: w written so, and read as it should be."""
    sizes = len(w), len(w[0]), len(w[0][0]), len(w[0][0][0])
    lie, are = list(places(sizes, (0, 1, 2, 3))), list(places(sizes, order))
    if back:
        lie, are = are, lie
    values = {place: w[o][c][i][j] for (o, c, i, j), place in zip(lie, are)}
    o_places, c_places, i_places, j_places = map(range, sizes)
    return [[[[values[o, c, i, j] for j in j_places] for i in i_places] for c in c_places] for o in o_places]


def kernels_in(order):
    """Convolutions with the numbers of their kernels in another order: forward, each way back, and all of them."""
    def parameters(*inputs):
        dw, db = conv2d_backward_parameters(*inputs)
        return rearranged(dw, order, back=True), db

    each = ((conv2d_forward, lambda x, w, *rest: conv2d_forward(x, rearranged(w, order), *rest)),
            (conv2d_backward_input, lambda w, *rest: conv2d_backward_input(rearranged(w, order), *rest)),
            (conv2d_backward_parameters, parameters))
    return *({function: changed} for function, changed in each), dict(each)


mutant("kernel-order", "the numbers of a kernel are in another order than those of the window that they meet, or than "
       "the parameters: output channels, channels, rows, columns, the last fastest",
       *(variant for order in ((0, 2, 3, 1), (0, 1, 3, 2), (1, 0, 2, 3), (2, 3, 1, 0), (2, 3, 0, 1), (0, 3, 2, 1))
         for variant in kernels_in(order)))


def backward_input_assigned(w, dz, size, stride, padding):
    """Each element of the kernel assigns its part to the pixels on which it lies: the last one stays."""
    dx = []
    for dz_n in dz:
        dX = [[[0.0] * (size[1] + 2 * padding[1]) for _ in range(size[0] + 2 * padding[0])] for _ in w[0]]
        for c, i, j in product(range(len(w[0])), range(len(w[0][0])), range(len(w[0][0][0]))):
            for r, s in product(range(len(dz_n[0])), range(len(dz_n[0][0]))):
                dX[c][r * stride[0] + i][s * stride[1] + j] = plain_total(
                    0.0, [(dz_no[r][s], w_o[c][i][j]) for w_o, dz_no in zip(w, dz_n)])
        dx.append([[row[padding[1]:padding[1] + size[1]] for row in dX_c[padding[0]:padding[0] + size[0]]]
                   for dX_c in dX])
    return dx


mutant("dx-assigned", "the parts of a convolution's dx are assigned where they overlap (dx[...] = ...): they add up",
       {conv2d_backward_input: backward_input_assigned})


def forward_with_bias_at(has_bias):
    """The bias is added at each element of the kernel for which has_bias(channel, row, column)."""
    def forward(x, w, b, stride, padding):
        if not b:
            return conv2d_forward(x, w, b, stride, padding)
        z = conv2d_forward(x, [[[[0.0 for _ in row] for row in k] for k in w_o] for w_o in w], None, stride, padding)
        for x_n, z_n in zip(x, z):
            X = padded(x_n, padding)
            for z_no, w_o, b_o in zip(z_n, w, b):
                for c, kernel in enumerate(w_o):
                    for i, weights in enumerate(kernel):
                        for j, weight in enumerate(weights):
                            for r, row in enumerate(z_no):
                                for s in range(len(row)):
                                    start = row[s] + b_o if has_bias(c, i, j) else row[s]
                                    row[s] = start + X[c][r * stride[0] + i][s * stride[1] + j] * weight
        return z
    return {conv2d_forward: forward}


mutant("convolution-bias", "a convolution's bias is added for every element of the kernel, or for every channel: it is "
       "added once", forward_with_bias_at(lambda c, i, j: c == 0), forward_with_bias_at(lambda c, i, j: i == j == 0),
       forward_with_bias_at(lambda c, i, j: True))


def biases_of_all(x, dz, *rest):
    dw, db = conv2d_backward_parameters(x, dz, *rest)
    return dw, db and [added(db)] * len(db)


mutant("convolution-bias-of-all", "the gradient of each bias of a convolution is the sum of the whole dz: it is that "
       "of its own channel", {conv2d_backward_parameters: biases_of_all})


def padded_by(place, fill=0.0):
    """Padding by place(p, size, padding, the other direction's padding): the row or column of x at place p, from
    -padding; None outside, at `fill`.
    """
    def padded(x, padding):
        size = len(x[0]), len(x[0][0])
        rows, columns = ([place(p, n, k, other) for p in range(-k, n + k)]
                         for n, k, other in zip(size, padding, reversed(padding)))
        return [[[fill if None in (i, j) else x_c[i][j] for j in columns] for i in rows] for x_c in x]
    return {conv.padded: padded}


mutant("padding", "images are not padded with zeros, the same number on each side",
       padded_by(lambda p, n, k, _: p if 0 <= p < n else None, 1.0),
       padded_by(lambda p, n, k, _: min(max(p, 0), n - 1)), padded_by(lambda p, n, k, _: n - 1 - abs(n - 1 - abs(p))),
       padded_by(lambda p, n, k, _: p % n), padded_by(lambda p, n, k, _: p + k if p + k < n else None),
       padded_by(lambda p, n, k, _: p - k if p >= k else None))
mutant("padding-exchanged", "the padding of rows and that of columns are exchanged",
       padded_by(lambda p, n, k, other: p + k - other if 0 <= p + k - other < n else None),
       {padded: lambda x, padding: padded(x, padding[::-1])})
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


def backward_to(places):
    """places: (channel, rows of a window, its columns) -> the rows and columns that receive its gradient"""
    def backward(x, da, kernel_size, stride):
        dx = [[[[0.0] * len(row) for row in channel] for channel in x_n] for x_n in x]
        for n, da_n in enumerate(da):
            for c, da_nc in enumerate(da_n):
                for r, da_ncr in enumerate(da_nc):
                    for s, d in enumerate(da_ncr):
                        window = [range(at * step, at * step + size)
                                  for at, step, size in zip((r, s), stride, kernel_size)]
                        for i, j in places(x[n][c], *window):
                            dx[n][c][i][j] += d
        return dx
    return {pool.maxpool2d_backward: backward}


def every_maximum(channel, rows, columns):
    top = max(channel[i][j] for i in rows for j in columns)
    return [(i, j) for i in rows for j in columns if channel[i][j] == top]


def moved(place):
    """place: (row, column in the window, its height, its width) -> the row and column that are taken for them"""
    def places(channel, rows, columns):
        i, j = pool.largest(channel, rows[0], columns[0], (len(rows), len(columns)))
        i, j = place(i - rows[0], j - columns[0], len(rows), len(columns))
        return [(rows[0] + i, columns[0] + j)]
    return backward_to(places)


mutant("every-maximum", "pooling passes the gradient to every largest number of a window: it goes to the first alone",
       backward_to(every_maximum))
mutant("maximum-place", "the row and column of a window's largest number are exchanged, or taken from its number by "
       "another width: number k of a window is in row k // width, column k % width",
       moved(lambda i, j, height, width: (j, i)),
       moved(lambda i, j, height, width: (min(j, height - 1), min(i, width - 1))),
       moved(lambda i, j, height, width: ((i * width + j) // height, (i * width + j) % height)))


def pooled(of):
    """a[n][c][r][s] = of(numbers of the window, its largest)."""
    def forward(x, kernel_size, stride):
        largest = maxpool2d_forward(x, kernel_size, stride)
        return [[[[of([v for row in channel[r * stride[0]:r * stride[0] + kernel_size[0]]
                       for v in row[s * stride[1]:s * stride[1] + kernel_size[1]]], v) for s, v in enumerate(row)]
                  for r, row in enumerate(rows)] for channel, rows in zip(*pair)] for pair in zip(x, largest)]
    return {maxpool2d_forward: forward}


def mean(values):
    return added(values) / len(values)


mutant("maximum-from-0", "the largest number of a window is looked for from 0 on: windows of negative numbers give 0",
       pooled(lambda window, largest: max(largest, 0.0)))
mutant("pooling-other", "pooling takes the mean or the smallest number of a window: it takes the largest",
       pooled(lambda window, largest: mean(window)), pooled(lambda window, largest: min(window)))


def forward_of_parts(x, kernel_size, stride):
    """Also of windows that begin in the image and end outside, as with PyTorch's ceil_mode."""
    return [[[[max(v for row in channel[top:top + kernel_size[0]] for v in row[left:left + kernel_size[1]])
               for left in begins(len(channel[0]), kernel_size[1], stride[1])]
              for top in begins(len(channel), kernel_size[0], stride[0])] for channel in x_n] for x_n in x]


def begins(size, kernel, step):
    return range(0, min(size, size - kernel + step), step)


mutant("pooling-parts", "pooling has windows that end outside of the image: a window lies in the image as a whole",
       {maxpool2d_forward: forward_of_parts})


def backward_by_kernel(flat):
    """flat: whether da, which is larger than it should be then, is read as a row of numbers"""
    def backward(x, da, kernel_size, stride):
        rows, columns = ((len(axis) - k) // k + 1 for axis, k in zip((x[0][0], x[0][0][0]), kernel_size))
        if flat:
            values = [[v for channel in da_n for row in channel for v in row] for da_n in da]
            da = [[[[v[(c * rows + r) * columns + s] for s in range(columns)] for r in range(rows)]
                   for c in range(len(x[0]))] for v in values]
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


class Counted(float):
    """m of batch normalisation, and what it is made of."""

    samples = positions = 1.0


def counted_statistics(x):
    mean, squares, m = statistics_of(x)
    m = Counted(m)
    m.samples, m.positions = float(len(x)), float(len(x[0][0]))
    return mean, squares, m


def tracked_by(variance_of, counted=True):
    """variance_of: (sum of squares, m) -> the variance that is tracked"""
    def track(running_mean, running_variance, mean, squares, m, momentum):
        changed = [variance_of(s, m) for s in squares]
        batchnorm2d_track(running_mean, running_variance, mean, changed, 1.0, momentum)
    return {batchnorm.batchnorm2d_track: track, **(
        {batchnorm.batchnorm2d_statistics: counted_statistics} if counted else {})}


def unbiased(s, m, count):
    return s / m * (count / max(count - 1.0, 1.0))


mutant("running-count", "the running variance is unbiased by another count: m counts samples times positions, and the "
       "sum of squares is divided by m - 1",
       tracked_by(lambda s, m: unbiased(s, m, m.samples)), tracked_by(lambda s, m: unbiased(s, m, m.positions)),
       tracked_by(lambda s, m: s / max(m.samples - 1.0, 1.0)), tracked_by(lambda s, m: s / max(m.positions - 1.0, 1.0)),
       tracked_by(lambda s, m: s / (m + 1.0)))
mutant("running-biased", "the running variance is that of the batch, squares / m: it is squares / (m - 1)",
       tracked_by(lambda s, m: s / m, counted=False))
mutant("running-other", "the running statistics take the standard deviation, or the sum of squares: they take the "
       "variance", tracked_by(lambda s, m: math.sqrt(s / m), counted=False), tracked_by(lambda s, m: s, counted=False))


def track_twice(running_mean, running_variance, mean, squares, m, momentum):
    for _ in range(2):
        batchnorm2d_track(running_mean, running_variance, mean, squares, m, momentum)


def forward_twice(self, x):
    if self.training:
        batchnorm_forward(self, x)
    return batchnorm_forward(self, x)


mutant("tracked-twice", "the running statistics are updated twice in a step",
       {batchnorm.batchnorm2d_track: track_twice}, {batchnorm_forward: forward_twice})


def started_with(mean, variance):
    def start(self, layer):
        batchnorm_init(self, layer)
        self.buffers = [[v] * layer.num_features for v in (mean, variance)]
    return {batchnorm_init: start}


def first_as_they_are(self, x):
    """The statistics of the first batch replace the running ones."""
    if not self.training or hasattr(self, "mean"):
        return batchnorm_forward(self, x)
    a = batchnorm_forward(self, x)
    self.buffers = [list(self.mean), unbiased_of(python.channels(x, self.layer.num_features))]
    return a


def unbiased_of(x):
    _, squares, m = statistics_of(x)
    return [s / max(m - 1.0, 1.0) for s in squares]


mutant("running-start", "the running mean is 0 at first and the running variance 1, and all batches have momentum",
       started_with(0.0, 0.0), started_with(1.0, 1.0), {batchnorm_forward: first_as_they_are})


def variance_of_samples(x):
    """The mean of the samples' own variances, about their own means, times m."""
    mean, _, m = statistics_of(x)
    own = [[s / k for s in squares] for _, squares, k in (statistics_of([x_n]) for x_n in x)]
    return mean, [m * (added(of_c) / len(x)) for of_c in zip(*own)], m


mutant("variance-of-samples", "the variance is the mean of the samples' variances: it is that of all samples together",
       {batchnorm.batchnorm2d_statistics: variance_of_samples})


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


# The order of numbers

def with_shape(layer, k, model, random):
    """The same layer; one that flattens knows its shape."""
    made = build_layer(layer, k, model, random)
    if isinstance(made, python.Flatten):
        made.shape = model.shapes[k]
    return made


def channels_last(shape):
    """The places in a flat image of the numbers by rows, columns, channels."""
    channels, height, width = shape
    return [(c * height + i) * width + j for i in range(height) for j in range(width) for c in range(channels)]


def flattened(forward, backward):
    """Flatten takes the numbers in another order on the way forward, on the way back, or on both."""
    def taken(self, x):
        return [[row[k] for k in channels_last(self.shape)] for row in x]

    def put_back(self, x, a, da):
        return [[v for _, v in sorted(zip(channels_last(self.shape), row))] for row in da], ()

    return {python.build_layer: with_shape, **({python.Flatten.forward: taken} if forward else {}),
            **({python.Flatten.backward: put_back} if backward else {})}


mutant("flatten", "flatten takes the numbers of an image in another order, forward or back: it is channel by channel, "
       "row by row", flattened(False, True), flattened(True, True))


def biases_first(kind):
    """Layers of a kind whose flat parameters begin with the biases, and gradients likewise."""
    begin, backward = kind.__init__, kind.backward

    def turned(layer, rows):
        rows = list(rows)
        return rows[-1:] + rows[:-1] if getattr(layer, "b", None) else rows

    def start(self, *args):
        begin(self, *args)
        self.parameters = turned(self, self.parameters)

    def gradients(self, *args):
        dx, dp = backward(self, *args)
        return dx, turned(self, dp)

    return {begin: start, backward: gradients}


def beta_first(forward, backward):
    """The same for beta and gamma, which both have their right names within."""
    def start(self, layer):
        batchnorm_init(self, layer)
        self.parameters.reverse()

    def ahead(self, x):
        self.parameters.reverse()
        try:
            return forward(self, x)
        finally:
            self.parameters.reverse()

    def back(self, *args):
        self.parameters.reverse()
        try:
            dx, dp = backward(self, *args)
        finally:
            self.parameters.reverse()
        return dx, dp[::-1]

    return {batchnorm_init: start, forward: ahead, backward: back}


def drawn_first(random, init, inputs, outputs, bias):
    b = draw_row(random, init, inputs, outputs, outputs) if bias else None
    return linear_init(random, init, inputs, outputs, False)[0], b


OF_LINEAR, OF_CONVOLUTION = biases_first(python.Linear), biases_first(python.Conv2d)
OF_BATCHNORM = beta_first(batchnorm_forward, batchnorm_backward)
mutant("biases-first", "biases, or beta, come first in the flat parameters: a layer's weights, or gamma, come before "
       "them", {**OF_LINEAR, linear_init: drawn_first}, OF_LINEAR, OF_CONVOLUTION, OF_BATCHNORM,
       {**OF_LINEAR, **OF_CONVOLUTION}, {**OF_LINEAR, **OF_CONVOLUTION, **OF_BATCHNORM})
