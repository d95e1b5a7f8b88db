"""Right programs that round otherwise than the reference: NumPy in both precisions, with several kinds of sums, and
PyTorch.

Each is a class whose methods are the operations of the spec; see Functions in refnn/conformance/subjects.py.
"""

import hashlib
import math

import numpy

SINGLE, DOUBLE = numpy.float32, numpy.float64


# Sums of a row of terms, each of another order

def ascending(terms):
    s = terms.dtype.type(0.0)
    for t in terms:
        s = s + t
    return s


def descending(terms):
    return ascending(terms[::-1])


def pairwise(terms):
    return terms[0] if len(terms) == 1 else pairwise(terms[:len(terms) // 2]) + pairwise(terms[len(terms) // 2:])


def blocked(terms, lanes=8):
    sums = [ascending(terms[lane::lanes]) for lane in range(min(lanes, len(terms)))]
    return ascending(numpy.array(sums, terms.dtype))


def compensated(terms):
    s = c = terms.dtype.type(0.0)
    for t in terms:
        t = t - c
        new = s + t
        c = (new - s) - t
        s = new
    return s


def shuffled(terms):
    return ascending(terms[numpy.random.default_rng(len(terms)).permutation(len(terms))])


def smallest_first(terms):
    return ascending(terms[numpy.argsort(abs(terms))])


def largest_first(terms):
    return ascending(terms[numpy.argsort(-abs(terms))])


SUMS = {function.__name__: function for function in (ascending, descending, pairwise, blocked, compensated, shuffled,
                                                     smallest_first, largest_first)}


def fused(x, w):
    """The dot product of two rows, each addition of a product rounded once."""
    from fractions import Fraction
    s = x.dtype.type(0.0)
    for v, u in zip(x, w):
        try:
            s = x.dtype.type(float(Fraction(float(v)) * Fraction(float(u)) + Fraction(float(s))))
        except (OverflowError, ValueError):  # infinite
            s = s + v * u
    return s


class NumPy:
    """The operations in NumPy. dtype: of all numbers; add: a row's sum, or None for NumPy's own"""

    def __init__(self, dtype, add=None, exp=numpy.exp, dot=None):
        self.dtype, self.add, self.np_exp, self.of_two = dtype, add, exp, dot

    def array(self, values):
        return numpy.array(values, self.dtype)

    def product(self, a, b):
        if self.of_two:
            return self.array([[self.of_two(row, column) for column in b.T] for row in a])
        if self.add is None:
            return a @ b
        return self.array([[self.add(row * column) for column in b.T] for row in a])

    def sum(self, a, axis=None):
        if self.add is None:
            return a.sum(axis=axis, dtype=self.dtype)
        if axis is None:
            return self.add(a.reshape(-1))
        a = numpy.moveaxis(a, axis, -1) if isinstance(axis, int) else numpy.moveaxis(
            a, axis, range(-len(axis), 0)).reshape(*(n for k, n in enumerate(a.shape) if k not in axis), -1)
        return self.array([self.add(row) for row in a.reshape(-1, a.shape[-1])]).reshape(a.shape[:-1])

    # operations

    def uniform(self, seed, count):
        from refnn.reference.prng import SplitMix64
        generator = SplitMix64(int(seed, 16))
        return {"numbers": self.array([generator.uniform() for _ in range(count)]).tolist()}

    def exp(self, x):
        return {"y": self.np_exp(self.array(x)).tolist()}

    def log(self, x):
        return {"y": numpy.log(self.array(x)).tolist()}

    def tanh(self, x):
        return {"y": numpy.tanh(self.array(x)).tolist()}

    def sin(self, x):
        return {"y": numpy.sin(self.array(x)).tolist()}

    def cos(self, x):
        return {"y": numpy.cos(self.array(x)).tolist()}

    def normal(self, seed, count):
        from refnn.reference.prng import SplitMix64
        generator = SplitMix64(int(seed, 16))
        return {"numbers": [float(self.draw(generator)) for _ in range(count)]}

    def draw(self, generator):
        u, v = self.array([generator.uniform(), generator.uniform()])
        one, two = self.dtype(1), self.dtype(2)
        return numpy.sqrt(-two * numpy.log(one - u)) * numpy.cos(two * self.dtype(math.pi) * v)

    def initial_parameters(self, layers, init, seed, input_shape=None):
        from refnn.reference.prng import stream
        generator = stream(int(seed, 16), 1)
        values = []
        for layer in layers:
            if layer["type"] == "batchnorm2d":
                values += [1.0] * layer["num_features"] + [0.0] * layer["num_features"]
            if layer["type"] not in ("linear", "conv2d"):
                continue
            if layer["type"] == "linear":
                i, o = layer["inputs"], layer["outputs"]
                count = i * o + o * layer["bias"]
            else:
                size = math.prod(layer["kernel_size"])
                i, o = layer["in_channels"] * size, layer["out_channels"] * size
                count = layer["out_channels"] * (i + layer["bias"])
            factor = {"uniform": 1, "normal": 1, "normal_0.1": self.dtype(0.1), "fan_in": 1 / numpy.sqrt(self.dtype(i)),
                      "fan_out": 1 / numpy.sqrt(self.dtype(o)), "he": numpy.sqrt(2 / self.dtype(i))}[init]
            for _ in range(count):
                draw = self.dtype(generator.uniform()) if init == "uniform" else self.draw(generator)
                values.append(float(self.dtype(factor) * draw))
        return {"parameters": values}

    def dot(self, x, w):
        return {"z": float(self.product(self.array([x]), self.array([w]).T)[0, 0])}

    def matmul(self, a, b):
        return {"c": self.product(self.array(a), self.array(b)).tolist()}

    def linear(self, x, w, b):
        z = self.product(x, w)
        return z if b is None else z + b

    def linear_forward(self, x, w, b):
        return {"z": self.linear(self.array(x), self.array(w), None if b is None else self.array(b)).tolist()}

    def activate(self, name, z):
        one = self.dtype(1)
        if name == "sigmoid":
            return one / (one + self.np_exp(-z))
        if name == "tanh":
            return numpy.tanh(z)
        if name == "relu":
            return numpy.where(z > 0, z, self.dtype(0))
        if name == "leaky_relu":
            return numpy.where(z > 0, z, self.dtype(0.01) * z)
        if name == "softmax":
            e = self.np_exp(z - z.max(axis=1, keepdims=True))
            return e / self.sum(e, 1)[:, None]
        return z

    def activation_forward(self, name, z):
        return {"a": self.activate(name, self.array(z)).tolist()}

    def derive(self, name, a, da):
        if name == "sigmoid":
            return a * (1 - a) * da
        if name == "tanh":
            return (1 - a**2) * da
        if name in ("relu", "leaky_relu"):
            return numpy.where(a > 0, da, da * self.dtype(0 if name == "relu" else 0.01))
        if name == "softmax":
            return a * (da - self.sum(a * da, 1)[:, None])
        return da

    def activation_backward(self, name, z, a, da):
        return {"dz": self.derive(name, self.array(a), self.array(da)).tolist()}

    def losses(self, loss, o, y):
        if loss == "cross_entropy":
            m = o.max(axis=1)
            return m + numpy.log(self.sum(self.np_exp(o - m[:, None]), 1)) - o[numpy.arange(len(o)), y]
        squares = self.sum((o - self.array(y))**2, 1)
        return squares / self.dtype(o.shape[1]) if loss == "mse" else squares

    def loss(self, loss, o, y, reduction):
        each = self.losses(loss, self.array(o), y)
        total = self.sum(each)
        return {"losses": each.tolist(), "loss": float(total / self.dtype(len(o)) if reduction == "mean" else total)}

    def start(self, loss, o, y, reduction):
        if loss == "cross_entropy":
            do = self.activate("softmax", o)
            do[numpy.arange(len(o)), y] -= 1
        else:
            do = 2 * (o - self.array(y))
            if loss == "mse":
                do = do / self.dtype(o.shape[1])
        return do / self.dtype(len(o)) if reduction == "mean" else do

    def loss_gradient(self, loss, o, y, reduction):
        return {"do": self.start(loss, self.array(o), y, reduction).tolist()}

    def linear_backward_input(self, w, dz):
        return {"dx": self.product(self.array(dz), self.array(w).T).tolist()}

    def linear_backward_parameters(self, x, dz, bias):
        x, dz = self.array(x), self.array(dz)
        return {"dw": self.product(x.T, dz).tolist(), "db": self.sum(dz, 0).tolist() if bias else None}

    def update(self, p, dp, lr):
        return {"p": (self.array(p) - self.dtype(lr) * self.array(dp)).tolist()}

    # images

    def patches(self, x, kernel_size, stride, padding):
        """-> samples x output rows x output columns x (channels, kernel rows, kernel columns)"""
        x = numpy.pad(x, ((0, 0), (0, 0), (padding[0],) * 2, (padding[1],) * 2))
        windows = numpy.lib.stride_tricks.sliding_window_view(x, tuple(kernel_size), axis=(2, 3))
        return windows[:, :, ::stride[0], ::stride[1]].transpose(0, 2, 3, 1, 4, 5)

    def conv(self, x, w, b, stride, padding):
        patches = self.patches(x, w.shape[2:], stride, padding)
        n, r, s = patches.shape[:3]
        z = self.product(patches.reshape(n * r * s, -1), w.reshape(len(w), -1).T)
        return (z if b is None else z + b).reshape(n, r, s, len(w)).transpose(0, 3, 1, 2)

    def conv2d_forward(self, x, w, b, stride, padding):
        b = None if b is None else self.array(b)
        return {"z": self.conv(self.array(x), self.array(w), b, stride, padding).tolist()}

    def conv_input(self, w, dz, size, stride, padding):
        n, o, r, s = dz.shape
        columns = self.product(dz.transpose(0, 2, 3, 1).reshape(-1, o), w.reshape(o, -1)).reshape(n, r, s, *w.shape[1:])
        dX = numpy.zeros((n, w.shape[1], size[0] + 2 * padding[0], size[1] + 2 * padding[1]), self.dtype)
        for i in range(w.shape[2]):
            for j in range(w.shape[3]):
                places = dX[:, :, i:i + r * stride[0]:stride[0], j:j + s * stride[1]:stride[1]]
                places += columns[..., i, j].transpose(0, 3, 1, 2)
        return dX[:, :, padding[0]:padding[0] + size[0], padding[1]:padding[1] + size[1]]

    def conv2d_backward_input(self, w, dz, size, stride, padding):
        return {"dx": self.conv_input(self.array(w), self.array(dz), size, stride, padding).tolist()}

    def conv_parameters(self, x, dz, kernel_size, stride, padding):
        patches = self.patches(x, kernel_size, stride, padding)[:, :dz.shape[2], :dz.shape[3]]
        rows = patches.reshape(-1, x.shape[1] * kernel_size[0] * kernel_size[1])
        columns = dz.transpose(1, 0, 2, 3).reshape(dz.shape[1], -1)
        return self.product(columns, rows).reshape(dz.shape[1], x.shape[1], *kernel_size), self.sum(columns, 1)

    def conv2d_backward_parameters(self, x, dz, kernel_size, stride, padding, bias):
        dw, db = self.conv_parameters(self.array(x), self.array(dz), kernel_size, stride, padding)
        return {"dw": dw.tolist(), "db": db.tolist() if bias else None}

    def pool(self, x, kernel_size, stride):
        return self.patches(x, kernel_size, stride, (0, 0)).max(axis=(4, 5)).transpose(0, 3, 1, 2)

    def maxpool2d_forward(self, x, kernel_size, stride):
        return {"a": self.pool(self.array(x), kernel_size, stride).tolist()}

    def unpool(self, x, da, kernel_size, stride):
        dx = numpy.zeros_like(x)
        for n, c, r, s in numpy.ndindex(da.shape):
            top, left = r * stride[0], s * stride[1]
            place = x[n, c, top:top + kernel_size[0], left:left + kernel_size[1]].argmax()
            dx[n, c, top + place // kernel_size[1], left + place % kernel_size[1]] += da[n, c, r, s]
        return dx

    def maxpool2d_backward(self, x, da, kernel_size, stride):
        return {"dx": self.unpool(self.array(x), self.array(da), kernel_size, stride).tolist()}

    def statistics(self, x):
        m = self.dtype(x.size // x.shape[1])
        mean = self.sum(x, (0, 2, 3)) / m
        return mean, self.sum((x - mean[:, None, None])**2, (0, 2, 3)) / m

    def batchnorm2d_statistics(self, x):
        mean, variance = self.statistics(self.array(x))
        return {"mean": mean.tolist(), "variance": variance.tolist()}

    def normalise(self, x, mean, variance, gamma, beta, eps):
        mean, variance, gamma, beta = (v[:, None, None] for v in (mean, variance, gamma, beta))
        return (x - mean) / numpy.sqrt(variance + self.dtype(eps)) * gamma + beta

    def batchnorm2d_forward(self, x, mean, variance, gamma, beta, eps):
        return {"a": self.normalise(*map(self.array, (x, mean, variance, gamma, beta)), eps).tolist()}

    def batchnorm2d_evaluation(self, x, running_mean, running_variance, gamma, beta, eps):
        return self.batchnorm2d_forward(x, running_mean, running_variance, gamma, beta, eps)

    def denormalise(self, x, mean, variance, gamma, da, eps):
        m = self.dtype(x.size // x.shape[1])
        f = 1 / numpy.sqrt(variance + self.dtype(eps))
        h = (x - mean[:, None, None]) * f[:, None, None]
        dbeta, dgamma = self.sum(da, (0, 2, 3)), self.sum(da * h, (0, 2, 3))
        dx = (gamma * f / m)[:, None, None] * (m * da - dbeta[:, None, None] - h * dgamma[:, None, None])
        return dgamma, dbeta, dx

    def batchnorm2d_backward(self, x, mean, variance, gamma, da, eps):
        made = self.denormalise(*map(self.array, (x, mean, variance, gamma, da)), eps)
        return dict(zip(("dgamma", "dbeta", "dx"), (v.tolist() for v in made)))

    def batchnorm2d_track(self, running_mean, running_variance, x, momentum):
        x = self.array(x)
        mean, variance = self.statistics(x)
        m, rate = x.size // x.shape[1], self.dtype(momentum)
        variance = variance * self.dtype(m) / self.dtype(max(m - 1, 1))
        return {"running_mean": ((1 - rate) * self.array(running_mean) + rate * mean).tolist(),
                "running_variance": ((1 - rate) * self.array(running_variance) + rate * variance).tolist()}

    # a step

    def step(self, layers, loss, parameters, x, y, reduction, lr, input_shape=None):
        parameters = self.array(parameters)
        values = self.shaped(layers, parameters)
        a = self.array(x)
        if input_shape:
            a = a.reshape(len(a), *input_shape)
        tensors = [a]
        for layer, p in zip(layers, values):
            tensors.append(self.forward(layer, p, tensors[-1]))
        o = tensors[-1].reshape(len(a), -1)
        total = self.sum(self.losses(loss, o, y))
        da = self.start(loss, o, y, reduction).reshape(tensors[-1].shape)
        deltas, gradients = [da], []
        for k in reversed(range(len(layers))):
            dx, gradient = self.backward(layers[k], values[k], tensors[k], tensors[k + 1], deltas[0])
            deltas.insert(0, dx)
            gradients.insert(0, gradient)
        flat = numpy.concatenate([g.reshape(-1) for layer in gradients for g in layer] or [self.array([])])

        def rows(values):
            return [v.reshape(len(v), -1).tolist() for v in values]

        return {"outputs": rows(tensors[1:]), "deltas": rows(deltas[1:]), "gradients": flat.tolist(),
                "loss": float(total / self.dtype(len(o)) if reduction == "mean" else total),
                "parameters": (parameters - self.dtype(lr) * flat).tolist()}

    def shaped(self, layers, flat):
        values, start = [], 0
        for layer in layers:
            shapes = {"linear": [(layer.get("inputs"), layer.get("outputs")), (layer.get("outputs"),)],
                      "conv2d": [(layer.get("out_channels"), layer.get("in_channels"), *layer.get("kernel_size", ())),
                                 (layer.get("out_channels"),)],
                      "batchnorm2d": [(layer.get("num_features"),)] * 2}.get(layer["type"], [])
            values.append([])
            for shape in shapes[:None if layer.get("bias", True) else 1]:
                size = math.prod(shape)
                values[-1].append(flat[start:start + size].reshape(shape))
                start += size
        return values

    def forward(self, layer, p, x):
        kind = layer["type"]
        if kind == "linear":
            return self.linear(x, p[0], p[1] if len(p) > 1 else None)
        if kind == "conv2d":
            return self.conv(x, p[0], p[1] if len(p) > 1 else None, layer["stride"], layer["padding"])
        if kind == "maxpool2d":
            return self.pool(x, layer["kernel_size"], layer["stride"])
        if kind == "batchnorm2d":
            return self.normalise(x, *self.statistics(x), *p, layer["eps"])
        if kind == "flatten":
            return x.reshape(len(x), -1)
        return self.activate(kind, x)

    def backward(self, layer, p, x, a, da):
        kind = layer["type"]
        if kind == "linear":
            return self.product(da, p[0].T), [self.product(x.T, da), self.sum(da, 0)][:len(p)]
        if kind == "conv2d":
            dw, db = self.conv_parameters(x, da, layer["kernel_size"], layer["stride"], layer["padding"])
            return self.conv_input(p[0], da, x.shape[2:], layer["stride"], layer["padding"]), [dw, db][:len(p)]
        if kind == "maxpool2d":
            return self.unpool(x, da, layer["kernel_size"], layer["stride"]), []
        if kind == "batchnorm2d":
            dgamma, dbeta, dx = self.denormalise(x, *self.statistics(x), p[0], da, layer["eps"])
            return dx, [dgamma, dbeta]
        if kind == "flatten":
            return da.reshape(x.shape), []
        return self.derive(kind, a, da), []

    # a training

    answers_parameters = True

    def train(self, layers, loss, y, epochs, batch_size, lr, lr_decay, lr_decay_every, shuffle, seed, reduction, x=None,
              pixels=None, init=None, parameters=None, input_shape=None):
        from refnn.reference.prng import epoch_order
        if x is None:
            x = [[p / 255.0 for p in bytes.fromhex(row)] for row in pixels]
        p = self.array(parameters or self.initial_parameters(layers, init, seed)["parameters"])
        self.running = {k: [self.array([0.0] * layer["num_features"]), self.array([1.0] * layer["num_features"])]
                        for k, layer in enumerate(layers) if layer["type"] == "batchnorm2d"}
        made = {"losses": [], "digests": []}
        for epoch in range(epochs + 1):
            if epoch:
                order = epoch_order(int(seed, 16), epoch, len(x)) if shuffle else range(len(x))
                for start in range(0, len(x), batch_size):
                    batch = order[start:start + batch_size]
                    self.track(layers, p, [x[n] for n in batch], input_shape)
                    x_n, y_n = [x[n] for n in batch], [y[n] for n in batch]
                    made_step = self.step(layers, loss, p, x_n, y_n, reduction, lr, input_shape)
                    p = self.array(made_step["parameters"])
                if epoch % lr_decay_every == 0:
                    lr *= lr_decay
            made["losses"].append(float(self.total(layers, loss, p, x, y, input_shape)))
            made["digests"].append(hashlib.sha256(p.astype("<f8").tobytes()).hexdigest())
        return dict(made, parameters=p.tolist()) if self.answers_parameters else made

    def track(self, layers, p, x, input_shape):
        if self.running:
            a = self.array(x).reshape(len(x), *input_shape)
            for k, (layer, values) in enumerate(zip(layers, self.shaped(layers, p))):
                if k in self.running:
                    made = self.batchnorm2d_track(*self.running[k], a, layer["momentum"])
                    self.running[k] = [self.array(v) for v in made.values()]
                a = self.forward(layer, values, a)

    def total(self, layers, loss, p, x, y, input_shape):
        a = self.array(x)
        a = a.reshape(len(x), *input_shape) if input_shape else a
        for k, (layer, values) in enumerate(zip(layers, self.shaped(layers, p))):
            a = self.normalise(a, *self.running[k], *values, layer["eps"]) if k in self.running else self.forward(
                layer, values, a)
        total = self.sum(self.losses(loss, a.reshape(len(x), -1), y))
        return total if loss == "sse" else total / self.dtype(len(x))
