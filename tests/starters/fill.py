# The functions of the Python starter up to the rung update; random numbers, exp ... cos are those of the book.
import math

from refnn.reference.elementary import cos, exp, log, sin, tanh
from refnn.reference.prng import SplitMix64, epoch_order, stream

hex64 = "{:016x}".format  # as in the starter


def drawn(seed, count, method, *arguments):
    generator = SplitMix64(seed)
    return [getattr(generator, method)(*arguments) for _ in range(count)]


def total(terms, start=0.0):
    for term in terms:
        start += term
    return start


def product(x, w, b=None):
    return [[total((v * row[j] for v, row in zip(x_n, w)), b[j] if b else 0.0) for j in range(len(w[0]))] for x_n in x]


def softmax(z):
    e = [exp(v - max(z)) for v in z]
    return [v / total(e) for v in e]


FORWARD = {
    "identity": lambda z: z, "sigmoid": lambda z: 1.0 / (1.0 + exp(-z)), "tanh": tanh,
    "relu": lambda z: z if z > 0.0 else 0.0, "leaky_relu": lambda z: z if z > 0.0 else 0.01 * z}
BACKWARD = {
    "identity": lambda a, da: da, "sigmoid": lambda a, da: da * (a * (1.0 - a)),
    "tanh": lambda a, da: da * (1.0 - a * a),
    "relu": lambda a, da: da if a > 0.0 else 0.0, "leaky_relu": lambda a, da: da if a > 0.0 else 0.01 * da}


def answer_next(seed, count):
    return {"integers": [hex64(n) for n in drawn(seed, count, "next")]}


def answer_uniform(seed, count):
    return {"numbers": drawn(seed, count, "uniform")}


def answer_below(seed, n, count):
    return {"integers": drawn(seed, count, "below", n)}


def answer_permutation(seed, n):
    return {"order": SplitMix64(seed).permutation(n)}


def answer_stream(seed, k):
    return {"seed": hex64(stream(seed, k).state)}


def answer_epoch_order(seed, epoch, n):
    return {"order": epoch_order(seed, epoch, n)}


def answer_exp(x):
    return {"y": [exp(v) for v in x]}


def answer_log(x):
    return {"y": [log(v) for v in x]}


def answer_tanh(x):
    return {"y": [tanh(v) for v in x]}


def answer_sin(x):
    return {"y": [sin(v) for v in x]}


def answer_cos(x):
    return {"y": [cos(v) for v in x]}


def answer_normal(seed, count):
    return {"numbers": drawn(seed, count, "normal")}


def answer_initial_parameters(layers, init, seed, input_shape=None):
    if input_shape or init == "he":
        return None
    generator, parameters = stream(seed, 1), []
    for layer in layers:
        if layer["type"] == "linear":
            factor = {"normal_0.1": 0.1, "fan_in": 1.0 / math.sqrt(layer["inputs"]),
                      "fan_out": 1.0 / math.sqrt(layer["outputs"])}.get(init, 1.0)
            for _ in range((layer["inputs"] + layer["bias"]) * layer["outputs"]):
                parameters.append(factor * (generator.uniform() if init == "uniform" else generator.normal()) + 0.0)
    return {"parameters": parameters}


def answer_dot(x, w):
    return {"z": total(a * b for a, b in zip(x, w))}


def answer_matmul(a, b):
    return {"c": product(a, b)}


def answer_linear_forward(x, w, b):
    return {"z": product(x, w, b)}


def answer_activation_forward(name, z):
    return {"a": [softmax(row) if name == "softmax" else [FORWARD[name](v) for v in row] for row in z]}


def answer_loss(loss, o, y, reduction):
    if loss == "cross_entropy":
        losses = [(max(row) + log(total(exp(v - max(row)) for v in row))) - row[c] for row, c in zip(o, y)]
    else:
        losses = [total((a - b) * (a - b) for a, b in zip(row, y_n)) / (len(row) if loss == "mse" else 1)
                  for row, y_n in zip(o, y)]
    return {"losses": losses, "loss": total(losses) / (len(o) if reduction == "mean" else 1)}


def answer_loss_gradient(loss, o, y, reduction):
    if loss == "cross_entropy":
        do = [[a - 1.0 if j == c else a for j, a in enumerate(softmax(row))] for row, c in zip(o, y)]
    else:
        do = [[2.0 * (a - b) / (len(row) if loss == "mse" else 1) for a, b in zip(row, y_n)] for row, y_n in zip(o, y)]
    return {"do": [[d / (len(o) if reduction == "mean" else 1) for d in row] for row in do]}


def answer_activation_backward(name, z, a, da):
    if name == "softmax":
        sums = [total(d * v for v, d in zip(*pair)) for pair in zip(a, da)]
        return {"dz": [[v * (d - s) for v, d in zip(a_n, da_n)] for a_n, da_n, s in zip(a, da, sums)]}
    return {"dz": [[BACKWARD[name](v, d) for v, d in zip(*pair)] for pair in zip(a, da)]}


def answer_linear_backward_input(w, dz):
    return {"dx": [[total(d * v for d, v in zip(row, weights)) for weights in w] for row in dz]}


def answer_linear_backward_parameters(x, dz, bias):
    dw = [[total(a[i] * d[j] for a, d in zip(x, dz)) for j in range(len(dz[0]))] for i in range(len(x[0]))]
    return {"dw": dw, "db": [total(row[j] for row in dz) for j in range(len(dz[0]))] if bias else None}


def answer_update(p, dp, lr):
    return {"p": [v - lr * d for v, d in zip(p, dp)]}
