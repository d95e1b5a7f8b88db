"""Chapter 6: max pooling. The largest number of each window that slides across a channel.

Pooling makes an image smaller and keeps what was found most strongly. It has no parameters.

x is samples x channels x rows x columns, and a likewise, with one number for each window that lies wholly within x:
rows and columns left over at the bottom and right are ignored. `kernel_size` and `stride` are pairs, for rows and
columns.
"""


def largest(x, top, left, kernel_size):
    """Returns the row and column of the largest number of a window of one channel, the first of equals."""
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
    """dx[n][c][..][..] = 0.0; for r, s ascending: dx[n][c][where window r, s has its largest] += da[n][c][r][s]

    Why: the output of a window is its largest number and depends on no other. Its derivative with respect to that
    number is 1, with respect to the others 0; at a tie the first is taken. Chain rule: the whole of da goes to the
    largest number. A number that is the largest in several windows receives the sum of their da.
    """
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


__test__ = {"by hand": """
Two windows of 2 x 2 side by side: the largest of 1, 7, 3, 2 is 7; of 5, 5, 4, 5 it is the first 5. da = 0.1, 0.2.

>>> x = [[[[1.0, 7.0, 5.0, 5.0], [3.0, 2.0, 4.0, 5.0]]]]
>>> maxpool2d_forward(x, (2, 2), (2, 2))
[[[[7.0, 5.0]]]]
>>> maxpool2d_backward(x, [[[[0.1, 0.2]]]], (2, 2), (2, 2))
[[[[0.0, 0.1, 0.2, 0.0], [0.0, 0.0, 0.0, 0.0]]]]

With stride 1 the windows overlap: 7 is the largest of the first two and receives 0.1 + 0.2.

>>> maxpool2d_backward(x, [[[[0.1, 0.2, 0.4]]]], (2, 2), (1, 1))
[[[[0.0, 0.30000000000000004, 0.4, 0.0], [0.0, 0.0, 0.0, 0.0]]]]
"""}
