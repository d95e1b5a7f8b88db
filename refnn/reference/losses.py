"""Losses: how far one sample's output o is from its target y, and the gradient do = dL/do.

For sse and mse, y is a row like o; for cross_entropy, y is the index of the right class, and o are logits.
"""

from .activations import softmax
from .elementary import exp, log


def sse(o, y):
    """L = sum over j of (o[j] - y[j])^2"""
    s = 0.0
    for v, t in zip(o, y):
        d = v - t
        s += d * d
    return s


def sse_gradient(o, y):
    """do[j] = 2 (o[j] - y[j])"""
    return [2.0 * (v - t) for v, t in zip(o, y)]


def mse(o, y):
    """L = (sum over j of (o[j] - y[j])^2) / m, where m is the number of outputs"""
    return sse(o, y) / len(o)


def mse_gradient(o, y):
    """do[j] = (2 (o[j] - y[j])) / m"""
    return [d / len(o) for d in sse_gradient(o, y)]


def cross_entropy(o, y):
    """L = -ln softmax(o)[y] = m + ln(sum over j of e^(o[j] - m)) - o[y], where m = max o"""
    m = max(o)
    s = 0.0
    for v in o:
        s += exp(v - m)
    return (m + log(s)) - o[y]


def cross_entropy_gradient(o, y):
    """do[j] = softmax(o)[j] - 1 where j = y, softmax(o)[j] elsewhere"""
    do = softmax(o)
    do[y] = do[y] - 1.0
    return do


LOSS = {"sse": sse, "mse": mse, "cross_entropy": cross_entropy}
GRADIENT = {"sse": sse_gradient, "mse": mse_gradient, "cross_entropy": cross_entropy_gradient}


def batch_gradient(loss, o, y, reduction):
    """do of a batch: each sample's gradient, divided by the batch's size where the loss is a mean over the samples"""
    do = [GRADIENT[loss](o_n, y_n) for o_n, y_n in zip(o, y)]
    return [[d / len(do) for d in do_n] for do_n in do] if reduction == "mean" else do


def argmax(row):
    """The index of the largest number, the first of equals."""
    best = 0
    for j, v in enumerate(row):
        if v > row[best]:
            best = j
    return best
