"""PyTorch as a program that conforms up to rounding: its own functions and its own gradients, in either precision."""

from functools import partial

import torch
from torch.nn import functional

ACTIVATIONS = {"identity": lambda z: z, "sigmoid": torch.sigmoid, "tanh": torch.tanh, "relu": torch.relu,
               "leaky_relu": functional.leaky_relu, "softmax": lambda z: torch.softmax(z, 1)}


class PyTorch:
    """The operations in PyTorch, gradients by autograd. dtype: of all numbers"""

    def __init__(self, dtype):
        self.dtype = dtype
        for name in ("exp", "log", "tanh", "sin", "cos"):
            setattr(self, name, partial(self.function, getattr(torch, name)))

    def function(self, function, x):
        return {"y": function(self.tensor(x)).tolist()}

    def tensor(self, values, gradient=False):
        return torch.tensor(values, dtype=self.dtype, requires_grad=gradient)

    def dot(self, x, w):
        return {"z": torch.dot(self.tensor(x), self.tensor(w)).item()}

    def matmul(self, a, b):
        return {"c": (self.tensor(a) @ self.tensor(b)).tolist()}

    def linear_forward(self, x, w, b):
        b = None if b is None else self.tensor(b)
        return {"z": functional.linear(self.tensor(x), self.tensor(w).T, b).tolist()}

    def activation_forward(self, name, z):
        return {"a": ACTIVATIONS[name](self.tensor(z)).tolist()}

    def activation_backward(self, name, z, a, da):
        """From a, by what autograd itself calls."""
        a, da = self.tensor(a), self.tensor(da)
        dz = {"sigmoid": lambda: torch.ops.aten.sigmoid_backward(da, a),
              "tanh": lambda: torch.ops.aten.tanh_backward(da, a),
              "relu": lambda: torch.ops.aten.threshold_backward(da, a, 0),
              "leaky_relu": lambda: torch.ops.aten.leaky_relu_backward(da, a, 0.01, True),
              "softmax": lambda: torch.ops.aten._softmax_backward_data(da, a, 1, self.dtype),
              "identity": lambda: da}[name]()
        return {"dz": dz.tolist()}

    def each(self, loss, o, y):
        if loss == "cross_entropy":
            return functional.cross_entropy(o, torch.tensor(y), reduction="none")
        squares = (o - self.tensor(y))**2
        return squares.mean(1) if loss == "mse" else squares.sum(1)

    def total(self, loss, o, y, reduction):
        each = self.each(loss, o, y)
        return each.mean() if reduction == "mean" else each.sum()

    def loss(self, loss, o, y, reduction):
        o = self.tensor(o)
        return {"losses": self.each(loss, o, y).tolist(), "loss": self.total(loss, o, y, reduction).item()}

    def loss_gradient(self, loss, o, y, reduction):
        o = self.tensor(o, True)
        self.total(loss, o, y, reduction).backward()
        return {"do": o.grad.tolist()}

    def linear_backward_input(self, w, dz):
        x = torch.zeros(len(dz), len(w), dtype=self.dtype, requires_grad=True)
        (x @ self.tensor(w)).backward(self.tensor(dz))
        return {"dx": x.grad.tolist()}

    def linear_backward_parameters(self, x, dz, bias):
        w = torch.zeros(len(x[0]), len(dz[0]), dtype=self.dtype, requires_grad=True)
        b = torch.zeros(len(dz[0]), dtype=self.dtype, requires_grad=True)
        (self.tensor(x) @ w + b).backward(self.tensor(dz))
        return {"dw": w.grad.tolist(), "db": b.grad.tolist() if bias else None}

    def update(self, p, dp, lr):
        p = self.tensor(p, True)
        p.grad = self.tensor(dp)
        torch.optim.SGD([p], lr=lr).step()
        return {"p": p.tolist()}

    def conv2d_forward(self, x, w, b, stride, padding):
        return {"z": functional.conv2d(self.tensor(x), self.tensor(w), None if b is None else self.tensor(b),
                                       stride, padding).tolist()}

    def conv2d_backward_input(self, w, dz, size, stride, padding):
        w, dz = self.tensor(w), self.tensor(dz)
        shape = (len(dz), w.shape[1], *size)
        return {"dx": torch.nn.grad.conv2d_input(shape, w, dz, stride, padding).tolist()}

    def conv2d_backward_parameters(self, x, dz, kernel_size, stride, padding, bias):
        x, dz = self.tensor(x), self.tensor(dz)
        dw = torch.nn.grad.conv2d_weight(x, (dz.shape[1], x.shape[1], *kernel_size), dz, stride, padding)
        return {"dw": dw.tolist(), "db": dz.sum((0, 2, 3)).tolist() if bias else None}

    def maxpool2d_forward(self, x, kernel_size, stride):
        return {"a": functional.max_pool2d(self.tensor(x), kernel_size, stride).tolist()}

    def maxpool2d_backward(self, x, da, kernel_size, stride):
        x = self.tensor(x, True)
        functional.max_pool2d(x, kernel_size, stride).backward(self.tensor(da))
        return {"dx": x.grad.tolist()}

    def batchnorm2d_statistics(self, x):
        x = self.tensor(x)
        return {"mean": x.mean((0, 2, 3)).tolist(), "variance": x.var((0, 2, 3), correction=0).tolist()}

    def batchnorm2d_forward(self, x, mean, variance, gamma, beta, eps):
        tensors = map(self.tensor, (x, mean, variance, gamma, beta))
        return {"a": functional.batch_norm(*tensors, False, 0.0, eps).tolist()}

    def batchnorm2d_evaluation(self, x, running_mean, running_variance, gamma, beta, eps):
        return self.batchnorm2d_forward(x, running_mean, running_variance, gamma, beta, eps)

    def batchnorm2d_backward(self, x, mean, variance, gamma, da, eps):
        x, gamma = self.tensor(x, True), self.tensor(gamma, True)
        beta = torch.zeros_like(gamma, requires_grad=True)
        functional.batch_norm(x, None, None, gamma, beta, True, 0.0, eps).backward(self.tensor(da))
        return {"dgamma": gamma.grad.tolist(), "dbeta": beta.grad.tolist(), "dx": x.grad.tolist()}

    def batchnorm2d_track(self, running_mean, running_variance, x, momentum):
        mean, variance, x = map(self.tensor, (running_mean, running_variance, x))
        if x.numel() == x.shape[1]:  # PyTorch refuses one number a channel
            return {"running_mean": ((1 - momentum) * mean + momentum * x.mean((0, 2, 3))).tolist(),
                    "running_variance": ((1 - momentum) * variance).tolist()}
        functional.batch_norm(x, mean, variance, None, None, True, momentum)
        return {"running_mean": mean.tolist(), "running_variance": variance.tolist()}

    def step(self, layers, loss, parameters, x, y, reduction, lr, input_shape=None):
        flat = self.tensor(parameters)
        rows, values, start = [], [], 0
        a = self.tensor(x)
        tensors = [a.reshape(len(a), *input_shape) if input_shape else a]

        def taken(*shape):
            nonlocal start
            size = 1
            for n in shape:
                size *= n
            values.append(flat[start:start + size].reshape(shape).clone().requires_grad_())
            start += size
            return values[-1]

        for layer in layers:
            tensors.append(self.forward(layer, taken, tensors[-1]))
            tensors[-1].retain_grad()
        o = tensors[-1].reshape(len(a), -1)
        total = self.total(loss, o, y, reduction)
        total.backward()
        optimizer = torch.optim.SGD(values, lr=lr)
        gradients = [v for p in values for v in p.grad.reshape(-1).tolist()]
        optimizer.step()
        rows = [t.reshape(len(a), -1) for t in tensors[1:]]
        return {"outputs": [t.tolist() for t in rows],
                "deltas": [t.grad.reshape(len(a), -1).tolist() for t in tensors[1:]], "loss": total.item(),
                "gradients": gradients, "parameters": [v for p in values for v in p.reshape(-1).tolist()]}

    def forward(self, layer, taken, x):
        kind = layer["type"]
        if kind == "linear":
            z = x @ taken(layer["inputs"], layer["outputs"])
            return z + taken(layer["outputs"]) if layer["bias"] else z
        if kind == "conv2d":
            w = taken(layer["out_channels"], layer["in_channels"], *layer["kernel_size"])
            return functional.conv2d(x, w, taken(layer["out_channels"]) if layer["bias"] else None, layer["stride"],
                                     layer["padding"])
        if kind == "maxpool2d":
            return functional.max_pool2d(x, layer["kernel_size"], layer["stride"])
        if kind == "batchnorm2d":
            count = layer["num_features"]
            return functional.batch_norm(x, None, None, taken(count), taken(count), True, 0.0, layer["eps"])
        if kind == "flatten":
            return x.reshape(len(x), -1) * 1.0
        return ACTIVATIONS[kind](x) * 1.0
