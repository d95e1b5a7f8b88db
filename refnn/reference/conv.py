"""Chapter 5: two-dimensional convolution. A linear layer that slides across an image.

A kernel is a small grid of weights. At each position it covers a part of the image; the products of the numbers that
meet add up to one output. A 3 x 3 image and a 2 x 2 kernel have four positions, hence a 2 x 2 output:

    x  1  2  3       w  w00 w01
       4  5  6          w10 w11
       7  8  9

       z[0][0]        z[0][1]        z[1][0]        z[1][1]

      [1  2] 3        1 [2  3]       1  2  3        1  2  3         z[0][0] = 1 w00 + 2 w01 + 4 w10 + 5 w11
      [4  5] 6        4 [5  6]      [4  5] 6        4 [5  6]        z[0][1] = 2 w00 + 3 w01 + 5 w10 + 6 w11
       7  8  9        7  8  9       [7  8] 9        7 [8  9]        z[1][0] = 4 w00 + 5 w01 + 7 w10 + 8 w11
                                                                    z[1][1] = 5 w00 + 6 w01 + 8 w10 + 9 w11

The same four weights serve every position, so what they learn to find, they find anywhere. As in all frameworks the
kernel is not flipped, which the convolution of mathematics does. Images have channels, such as red, green and blue. An
output channel o has a kernel for every input channel c, and adds all of them up, and a bias.

    x  samples x channels x rows x columns           z  samples x output channels x output rows x output columns
    w  output channels x channels x kernel rows x kernel columns           b  output channels (or None)

X is x with its padding: padding[0] rows of zeros above and below, padding[1] columns of zeros left and right. The
kernel moves by stride[0] rows and stride[1] columns. Indices: sample n, output channel o, channel c, kernel row i and
column j, output row r and column s. For output r, s the kernel's element i, j lies on X at row r * stride + i, column
s * stride + j. There are (rows of X - rows of the kernel) // stride + 1 output rows, and so with columns. Every sum
runs in ascending order of its indices, the last one fastest, from the bias or from 0.0.

Between layers an image is a flat row, channel by channel, each row by row.
"""


def padded(x, padding):
    """Returns X of one sample's x."""
    rows, columns = padding
    side = [0.0] * columns
    X = []
    for x_c in x:
        zeros = [[0.0] * (len(x_c[0]) + 2 * columns) for _ in range(rows)]
        X.append(zeros + [side + row + side for row in x_c] + zeros)
    return X


def conv2d_forward(x, w, b, stride, padding):
    """z[n][o][r][s] = b[o];
    for c, i, j ascending: z[n][o][r][s] += X[n][c][r * stride + i][s * stride + j] * w[o][c][i][j]
    """
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
    """dX[n][c][..][..] = 0.0;
    for o, i, j ascending: dX[n][c][r * stride + i][s * stride + j] += dz[n][o][r][s] * w[o][c][i][j]

    dx is dX without its padding; size is that of x, rows and columns. For given o, i, j at most one output adds to an
    element of dX, so the order of r and s does not matter.

    Why, in one channel of one sample: z[r][s] has the term X[p][q] * w[i][j] wherever the kernel's element i, j lies on
    pixel p, q. The derivative of that z with respect to the pixel is w[i][j]. Chain rule: dL/dz * w adds up over every
    output that the pixel went into. So this loop is the forward loop with its two sides exchanged: where forward reads
    X and adds to z, backward reads dz and adds to dX, at the same places with the same weight.
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
    """dw[o][c][i][j] = 0.0;
    for n, r, s ascending: dw[o][c][i][j] += X[n][c][r * stride + i][s * stride + j] * dz[n][o][r][s],
    and db[o] += dz[n][o][r][s] (None without bias)

    Why: one weight w[i][j] is in every output of its channel, each time multiplied by another pixel. The derivative of
    z[r][s] with respect to the weight is that pixel. Chain rule: pixel * dL/dz adds up over all positions r, s and
    samples n. The bias is in every output once, with derivative 1.
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


__test__ = {"by hand": """
The picture above with the kernel 1, 0 / 0, 10 and bias 0.5: z[0][0] = 0.5 + 1 + 50, z[0][1] = 0.5 + 2 + 60.

>>> x, w = [[[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]]]], [[[[1.0, 0.0], [0.0, 10.0]]]]
>>> conv2d_forward(x, w, [0.5], stride=(1, 1), padding=(0, 0))
[[[[51.5, 62.5], [84.5, 95.5]]]]

With stride 2 and padding 1 the kernel lies on the corners of the padded image: one pixel under each is not padding.

>>> conv2d_forward(x, w, [0.5], stride=(2, 2), padding=(1, 1))
[[[[10.5, 30.5], [70.5, 95.5]]]]

If L depends on z[0][1] alone, dL/dz = 0, 1 / 0, 0, then dx is the kernel at that position, and dw what it covers.

>>> dz = [[[[0.0, 1.0], [0.0, 0.0]]]]
>>> conv2d_backward_input(w, dz, (3, 3), (1, 1), (0, 0))
[[[[0.0, 1.0, 0.0], [0.0, 0.0, 10.0], [0.0, 0.0, 0.0]]]]
>>> conv2d_backward_parameters(x, dz, (2, 2), (1, 1), (0, 0), bias=True)
([[[[2.0, 3.0], [5.0, 6.0]]]], [1.0])
"""}
