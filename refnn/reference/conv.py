"""Two-dimensional convolution: every output channel is a sum, over input channels, of the image times a sliding kernel.

    x  samples x channels x rows x columns           z  samples x output channels x output rows x output columns
    w  output channels x channels x kernel rows x kernel columns           b  output channels (or None)

X is x with its padding: `padding` rows of zeros above and below, and columns of zeros left and right. `stride` and
`padding` are pairs, for rows and columns. d... is dL/d...: dz, dx, dX, dw, db. Every sum runs in ascending order of its
indices, the last one fastest, from the bias or from 0.0.
"""

from .linear import draw_row


def conv2d_init(random, init, in_channels, out_channels, kernel_size, bias):
    """-> w, b: every parameter drawn in order, w and then b."""
    height, width = kernel_size
    fan_in, fan_out = in_channels * height * width, out_channels * height * width
    w = [[[draw_row(random, init, fan_in, fan_out, width) for _ in range(height)] for _ in range(in_channels)]
         for _ in range(out_channels)]
    b = draw_row(random, init, fan_in, fan_out, out_channels) if bias else None
    return w, b


def padded(x, padding):
    """X of one sample's x"""
    rows, columns = padding
    side = [0.0] * columns
    X = []
    for x_c in x:
        zeros = [[0.0] * (len(x_c[0]) + 2 * columns) for _ in range(rows)]
        X.append(zeros + [side + row + side for row in x_c] + zeros)
    return X


def conv2d_forward(x, w, b, stride, padding):
    """z[n][o][r][s] = b[o]; for c, i, j ascending: z[n][o][r][s] += X[n][c][r * stride + i][s * stride + j] * w[o][c][i][j]"""
    z = []
    for x_n in x:
        X = padded(x_n, padding)
        height = (len(X[0]) - len(w[0][0])) // stride[0] + 1
        width = (len(X[0][0]) - len(w[0][0][0])) // stride[1] + 1
        z_n = []
        for o, w_o in enumerate(w):
            z_no = [[b[o] if b else 0.0] * width for _ in range(height)]
            for c, w_oc in enumerate(w_o):
                for i, w_oci in enumerate(w_oc):
                    for j, w_ocij in enumerate(w_oci):
                        for r, z_nor in enumerate(z_no):
                            X_row = X[c][r * stride[0] + i][j::stride[1]]
                            for s in range(width):
                                z_nor[s] += X_row[s] * w_ocij
            z_n.append(z_no)
        z.append(z_n)
    return z


def conv2d_backward_input(w, dz, size, stride, padding):
    """dX[n][c][..][..] = 0.0; for o, i, j ascending: dX[n][c][r * stride + i][s * stride + j] += dz[n][o][r][s] * w[o][c][i][j]

    dx is dX without its padding; size is x's, a pair. Of every o, i, j at most one r, s adds to an element of dX.
    """
    rows, columns = padding
    dx = []
    for dz_n in dz:
        dx_n = []
        for c in range(len(w[0])):
            dX = [[0.0] * (size[1] + 2 * columns) for _ in range(size[0] + 2 * rows)]
            for w_o, dz_no in zip(w, dz_n):
                for i, w_oci in enumerate(w_o[c]):
                    for j, w_ocij in enumerate(w_oci):
                        for r, dz_nor in enumerate(dz_no):
                            dX_row = dX[r * stride[0] + i]
                            for s, dz_nors in enumerate(dz_nor):
                                dX_row[s * stride[1] + j] += dz_nors * w_ocij
            dx_n.append([row[columns:columns + size[1]] for row in dX[rows:rows + size[0]]])
        dx.append(dx_n)
    return dx


def conv2d_backward_parameters(x, dz, kernel_size, stride, padding, bias):
    """dw[o][c][i][j] = 0.0; for n, r, s ascending: dw[o][c][i][j] += X[n][c][r * stride + i][s * stride + j] * dz[n][o][r][s],
    and db[o] += dz[n][o][r][s] (None without bias)
    """
    X = [padded(x_n, padding) for x_n in x]
    dw = [[[[0.0] * kernel_size[1] for _ in range(kernel_size[0])] for _ in X[0]] for _ in dz[0]]
    db = [0.0] * len(dz[0]) if bias else None
    for o, dw_o in enumerate(dw):
        for c, dw_oc in enumerate(dw_o):
            for i, dw_oci in enumerate(dw_oc):
                for j in range(kernel_size[1]):
                    for X_n, dz_n in zip(X, dz):
                        for r, dz_nor in enumerate(dz_n[o]):
                            X_row = X_n[c][r * stride[0] + i][j::stride[1]]
                            for s, dz_nors in enumerate(dz_nor):
                                dw_oci[j] += X_row[s] * dz_nors
        for dz_n in dz:
            for dz_nor in dz_n[o] if bias else []:
                for dz_nors in dz_nor:
                    db[o] += dz_nors
    return dw, db


def images(rows, shape):
    """Flat rows -> samples x channels x rows x columns; shape is (channels, height, width)."""
    channels, height, width = shape
    return [[[row[start:start + width] for start in range(c * height * width, (c + 1) * height * width, width)]
             for c in range(channels)] for row in rows]


def rows_of(images):
    """Samples x channels x rows x columns -> flat rows."""
    return [[v for channel in image for row in channel for v in row] for image in images]


class Conv2d:
    """The layer: its parameters are w row by row, then b."""

    needs_dx = True  # False where nobody asks for the gradient of the data

    def __init__(self, layer, random, init, shape):
        self.layer, self.shape = layer, shape
        self.output_shape = layer.output_shape(shape)
        self.w, self.b = conv2d_init(random, init, layer.in_channels, layer.out_channels, layer.kernel_size, layer.bias)
        self.parameters = kernel_rows(self.w) + ([self.b] if layer.bias else [])

    def forward(self, x):
        return rows_of(conv2d_forward(images(x, self.shape), self.w, self.b, self.layer.stride, self.layer.padding))

    def backward(self, x, z, dz):
        layer, dz = self.layer, images(dz, self.output_shape)
        dw, db = conv2d_backward_parameters(images(x, self.shape), dz, layer.kernel_size, layer.stride, layer.padding, layer.bias)
        gradients = kernel_rows(dw) + ([db] if layer.bias else [])
        if not self.needs_dx:
            return None, gradients
        return rows_of(conv2d_backward_input(self.w, dz, self.shape[1:], layer.stride, layer.padding)), gradients


def kernel_rows(w):
    """The rows of all kernels, in order."""
    return [row for w_o in w for w_oc in w_o for row in w_oc]
