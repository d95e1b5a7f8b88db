"""refnn's conformance spec 1.0 with NumPy, written from SPEC.md alone in the usual style of NumPy. It is close, not
exact, because NumPy does not specify how its matrix products, sums and elementary functions round. To check it:

    python -m refnn.check --cmd "python with_numpy.py"
"""

import hashlib
import json
import math
import struct
import sys

import numpy as np

MASK = 2**64 - 1


class SplitMix64:
    def __init__(self, seed):
        self.state = seed

    def next(self):
        self.state = z = (self.state + 0x9E3779B97F4A7C15) & MASK
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        return z ^ (z >> 31)

    def uniform(self):
        return (self.next() >> 11) / 2**53

    def below(self, n):
        return int(self.uniform() * n)

    def normal(self):
        u, v = self.uniform(), self.uniform()
        return math.sqrt(-2 * math.log(1 - u)) * math.cos(2 * math.pi * v)

    def permutation(self, n):
        order = list(range(n))
        for i in range(n - 1, 0, -1):
            j = self.below(i + 1)
            order[i], order[j] = order[j], order[i]
        return order


def draw(name, count, seed, *args):
    random = SplitMix64(seed)
    return [getattr(random, name)(*args) for _ in range(count)]


def stream(seed, k):
    return draw("next", k, seed)[-1]


def epoch_order(seed, epoch, n):
    return SplitMix64(stream(stream(seed, 2), epoch)).permutation(n)


def initial_parameters(layers, init, seed):
    random = SplitMix64(stream(seed, 1))
    parameters = []
    for layer in layers:
        if layer["type"] == "linear":
            inputs, outputs = layer["inputs"], layer["outputs"]
            scale = {"normal_0.1": 0.1, "fan_in": inputs**-0.5, "fan_out": outputs**-0.5}.get(init, 1.0)
            one = random.uniform if init == "uniform" else random.normal
            parameters += [scale * one() + 0.0 for _ in range((inputs + layer["bias"]) * outputs)]
    return np.array(parameters)


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


FORWARD = {
    "identity": lambda z: z,
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    "tanh": np.tanh,
    "relu": lambda z: np.where(z > 0, z, 0.0),
    "leaky_relu": lambda z: np.where(z > 0, z, 0.01 * z),
    "softmax": softmax,
}
BACKWARD = {
    "identity": lambda a, da: da,
    "sigmoid": lambda a, da: da * a * (1 - a),
    "tanh": lambda a, da: da * (1 - a**2),
    "relu": lambda a, da: np.where(a > 0, da, 0.0),
    "leaky_relu": lambda a, da: np.where(a > 0, da, 0.01 * da),
    "softmax": lambda a, da: a * (da - (da * a).sum(axis=1, keepdims=True)),
}


def sample_losses(loss, o, y):
    if loss == "cross_entropy":
        m = o.max(axis=1)
        return m + np.log(np.exp(o - m[:, None]).sum(axis=1)) - o[np.arange(len(o)), y]
    return ((o - y) ** 2).sum(axis=1) if loss == "sse" else ((o - y) ** 2).mean(axis=1)


def loss_gradient(loss, o, y, reduction):
    if loss == "cross_entropy":
        do = softmax(o) - np.eye(o.shape[1])[y]
    else:
        do = 2 * (o - y) / (o.shape[1] if loss == "mse" else 1)
    return do / len(o) if reduction == "mean" else do


def reduced(losses, reduction):
    return losses.mean() if reduction == "mean" else losses.sum()


class Network:
    def __init__(self, layers, parameters):
        self.parameters, self.gradients = parameters, np.zeros_like(parameters)
        self.layers, start = [], 0
        for layer in layers:
            views = None
            if layer["type"] == "linear":
                inputs, outputs = layer["inputs"], layer["outputs"]
                middle = start + inputs * outputs
                end = middle + outputs * layer["bias"]
                views = [(flat[start:middle].reshape(inputs, outputs), flat[middle:end])
                         for flat in (parameters, self.gradients)]
                start = end
            self.layers.append((layer["type"], views))

    def forward(self, x):
        outputs = []
        for name, views in self.layers:
            if views:
                w, b = views[0]
                x = x @ w + b if b.size else x @ w
            else:
                x = FORWARD[name](x)
            outputs.append(x)
        return outputs

    def backward(self, x, outputs, delta):
        deltas = []
        for i, (name, views) in reversed(list(enumerate(self.layers))):
            deltas.insert(0, delta)
            if views:
                (w, _), (dw, db) = views
                dw[:] = (outputs[i - 1] if i else x).T @ delta
                if db.size:
                    db[:] = delta.sum(axis=0)
                delta = delta @ w.T if i else None
            else:
                delta = BACKWARD[name](outputs[i], delta)
        return deltas


def step(layers, loss, parameters, x, y, reduction, lr):
    network = Network(layers, parameters)
    outputs = network.forward(x)
    value = reduced(sample_losses(loss, outputs[-1], y), reduction)
    deltas = network.backward(x, outputs, loss_gradient(loss, outputs[-1], y, reduction))
    parameters -= lr * network.gradients
    return {"outputs": outputs, "loss": value, "deltas": deltas, "gradients": network.gradients,
            "parameters": parameters}


def train(layers, loss, y, epochs, batch_size, lr, lr_decay, lr_decay_every, shuffle, reduction, seed=0, init=None,
          parameters=None, x=None, pixels=None):
    if pixels is not None:
        x = np.array([list(bytes.fromhex(sample)) for sample in pixels]) / 255
    network = Network(layers, initial_parameters(layers, init, seed) if parameters is None else parameters)
    losses, digests = [], []

    def record():
        losses.append(reduced(sample_losses(loss, network.forward(x)[-1], y), "sum" if loss == "sse" else "mean"))
        digests.append(hashlib.sha256(network.parameters.astype("<f8").tobytes()).hexdigest())

    record()
    for epoch in range(1, epochs + 1):
        order = np.array(epoch_order(seed, epoch, len(x))) if shuffle else np.arange(len(x))
        for start in range(0, len(x), batch_size):
            batch = order[start:start + batch_size]
            outputs = network.forward(x[batch])
            network.backward(x[batch], outputs, loss_gradient(loss, outputs[-1], y[batch], reduction))
            network.parameters -= lr * network.gradients
        record()
        if epoch % lr_decay_every == 0:
            lr *= lr_decay
    return {"losses": losses, "digests": digests}


def loss_op(loss, o, y, reduction):
    losses = sample_losses(loss, o, y)
    return {"losses": losses, "loss": reduced(losses, reduction)}


OPS = {
    "next": lambda seed, count: {"integers": [f"{i:016x}" for i in draw("next", count, seed)]},
    "uniform": lambda seed, count: {"numbers": draw("uniform", count, seed)},
    "below": lambda seed, n, count: {"integers": draw("below", count, seed, n)},
    "normal": lambda seed, count: {"numbers": draw("normal", count, seed)},
    "permutation": lambda seed, n: {"order": SplitMix64(seed).permutation(n)},
    "stream": lambda seed, k: {"seed": f"{stream(seed, k):016x}"},
    "epoch_order": lambda seed, epoch, n: {"order": epoch_order(seed, epoch, n)},
    **{f.__name__: lambda x, f=f: {"y": f(x)} for f in (np.exp, np.log, np.tanh)},
    **{f.__name__: lambda x, f=f: {"y": f(np.where(np.abs(x) > 2**18 * np.pi, np.nan, x))} for f in (np.sin, np.cos)},
    "initial_parameters": lambda layers, init, seed: {"parameters": initial_parameters(layers, init, seed)},
    "dot": lambda x, w: {"z": x @ w},
    "matmul": lambda a, b: {"c": a @ b},
    "linear_forward": lambda x, w, b: {"z": x @ w if b is None else x @ w + b},
    "linear_backward_input": lambda w, dz: {"dx": dz @ w.T},
    "linear_backward_parameters": lambda x, dz, bias: {"dw": x.T @ dz, "db": dz.sum(axis=0) if bias else None},
    "activation_forward": lambda name, z: {"a": FORWARD[name](z)},
    "activation_backward": lambda name, z, a, da: {"dz": BACKWARD[name](a, da)},
    "loss": loss_op,
    "loss_gradient": lambda loss, o, y, reduction: {"do": loss_gradient(loss, o, y, reduction)},
    "update": lambda p, dp, lr: {"p": p - lr * dp},
    "step": step,
    "train": train,
}

SPECIAL = {"-0.0": -0.0, "Infinity": math.inf, "-Infinity": -math.inf, "NaN": math.nan}


def number(v):
    if isinstance(v, str):
        return SPECIAL[v] if v in SPECIAL else struct.unpack(">d", bytes.fromhex(v))[0]
    return [number(e) for e in v] if isinstance(v, list) else v


def decode(name, v):
    if name in ("layers", "loss", "name", "init", "reduction", "pixels") or v is None:
        return v
    if name == "seed":
        return int(v, 16)
    v = number(v)
    return v if not isinstance(v, list) else np.array(v) if name == "y" else np.array(v, float)


def encode(v):
    if isinstance(v, dict):
        return {name: encode(e) for name, e in v.items()}
    if isinstance(v, (np.ndarray, np.generic)):
        return encode(v.tolist())
    if isinstance(v, list):
        return [encode(e) for e in v]
    if isinstance(v, float) and (v == 0 or not math.isfinite(v)):
        return next((name for name, e in SPECIAL.items() if repr(e) == repr(v)), v)
    return v


np.seterr(all="ignore")
for line in sys.stdin:
    case = json.loads(line)
    op = OPS.get(case["op"])
    out = op and encode(op(**{name: decode(name, v) for name, v in case["in"].items()}))
    print(json.dumps({"id": case["id"], "out": out}), flush=True)
