"""Max pooling: the largest number of each window that slides across a channel.

x is samples x channels x rows x columns, a likewise with a row and column for each window that lies wholly within x; so a
ragged edge belongs to none. `kernel_size` and `stride` are pairs, for rows and columns. d... is dL/d...: da, dx.
"""

from .conv import images, rows_of


def largest(x, top, left, kernel_size):
    """Where a window of one channel has its largest number, the first of equals: its row, its column."""
    row, column = top, left
    for i in range(top, top + kernel_size[0]):
        for j in range(left, left + kernel_size[1]):
            if x[i][j] > x[row][column]:
                row, column = i, j
    return row, column


def maxpool2d_forward(x, kernel_size, stride):
    """a[n][c][r][s] = the largest x[n][c][r * stride + i][s * stride + j], the first of equals, i and j ascending"""
    a = []
    for x_n in x:
        a_n = []
        for x_nc in x_n:
            a_nc = []
            for top in range(0, len(x_nc) - kernel_size[0] + 1, stride[0]):
                a_ncr = []
                for left in range(0, len(x_nc[0]) - kernel_size[1] + 1, stride[1]):
                    row, column = largest(x_nc, top, left, kernel_size)
                    a_ncr.append(x_nc[row][column])
                a_nc.append(a_ncr)
            a_n.append(a_nc)
        a.append(a_n)
    return a


def maxpool2d_backward(x, da, kernel_size, stride):
    """dx[n][c][..][..] = 0.0; for r, s ascending: dx[n][c][where window r, s has its largest] += da[n][c][r][s]"""
    dx = []
    for x_n, da_n in zip(x, da):
        dx_n = []
        for x_nc, da_nc in zip(x_n, da_n):
            dx_nc = [[0.0] * len(row) for row in x_nc]
            for r, da_ncr in enumerate(da_nc):
                for s, da_ncrs in enumerate(da_ncr):
                    row, column = largest(x_nc, r * stride[0], s * stride[1], kernel_size)
                    dx_nc[row][column] += da_ncrs
            dx_n.append(dx_nc)
        dx.append(dx_n)
    return dx


class MaxPool2d:
    """The layer. It has no parameters."""

    parameters = ()

    def __init__(self, layer, random, init, shape):
        self.layer, self.shape, self.output_shape = layer, shape, layer.output_shape(shape)

    def forward(self, x):
        return rows_of(maxpool2d_forward(images(x, self.shape), self.layer.kernel_size, self.layer.stride))

    def backward(self, x, a, da):
        da = images(da, self.output_shape)
        return rows_of(maxpool2d_backward(images(x, self.shape), da, self.layer.kernel_size, self.layer.stride)), ()
