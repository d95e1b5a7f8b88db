"""Chapter 3: losses. How wrong an output is, and the derivative that backpropagation starts from.

A loss compares one sample's output, the row o, with its target y. It is never negative, and the smaller, the better.
`NAME(o, y)` returns it, and `NAME_gradient(o, y)` returns its derivatives do, a row like o. The loss of a batch is the
sum or the mean of its samples' losses: its reduction, "sum" or "mean". In the formulas of one loss, L is the loss of
the one sample; in batch_gradient, L_n is that of sample n and L that of the batch.

For sse and mse (sum of squared errors, mean squared error) y is a row like o. For cross_entropy y is the index of the
right class, one of as many as there are outputs. Its o are logits: numbers of any size and sign, which the loss itself
turns into probabilities by softmax. So the network's last layer must not be softmax: it would be applied twice.
"""

from .activations import softmax_forward
from .elementary import exp, log


def sse(o, y):
    """L = sum over j of (o[j] - y[j])^2"""
    s = 0.0
    for v, t in zip(o, y):
        d = v - t
        s += d * d
    return s


def sse_gradient(o, y):
    """do[j] = 2 (o[j] - y[j])

    Why: o[j] is in one term only, d^2 with d = o[j] - y[j]. The derivative of d^2 with respect to d is 2 d, and that of
    d with respect to o[j] is 1.
    """
    return [2.0 * (v - t) for v, t in zip(o, y)]


def mse(o, y):
    """L = (sum over j of (o[j] - y[j])^2) / m, where m is the number of outputs

    This mean is over the outputs of one sample; it has nothing to do with the reduction over samples.
    """
    return sse(o, y) / len(o)


def mse_gradient(o, y):
    """do[j] = (2 (o[j] - y[j])) / m"""
    return [d / len(o) for d in sse_gradient(o, y)]


def cross_entropy(o, y):
    """L = -ln softmax(o)[y] = m + ln(sum over j of e^(o[j] - m)) - o[y], where m = max o

    The right class has probability p = softmax(o)[y]. L = -ln p approaches 0 as p approaches 1, and grows without limit
    as p approaches 0. For the second form put p = e^(o[y] - m) / (sum over j of e^(o[j] - m)) into -ln p; with m no
    power overflows.
    """
    m = max(o)
    s = 0.0
    for v in o:
        s += exp(v - m)
    return (m + log(s)) - o[y]


def cross_entropy_gradient(o, y):
    """do[j] = softmax(o)[j] - 1 where j = y, softmax(o)[j] elsewhere

    Why: with t = sum over k of e^(o[k]), L = -ln(e^(o[y]) / t) = ln t - o[y]: the logarithm cancels the exponential of
    the right class. The derivative of ln t with respect to t is 1 / t, that of t with respect to o[j] is e^(o[j]). The
    chain rule multiplies them: e^(o[j]) / t, which is softmax(o)[j]. The term -o[y] adds -1 where j = y. In short, do
    is the probabilities minus the target, if the target is written as a row with 1 at the right class and 0 elsewhere.
    """
    do = softmax_forward(o)
    do[y] = do[y] - 1.0
    return do


LOSSES = {
    "sse": (sse, sse_gradient),
    "mse": (mse, mse_gradient),
    "cross_entropy": (cross_entropy, cross_entropy_gradient),
}


def batch_gradient(loss, o, y, reduction):
    """do[n] = the gradient of sample n's loss, divided by the number of samples where reduction is "mean"

    Why here and only here: the mean loss of a batch of B samples is L = (L_0 + L_1 + ...) / B. o[n] is in L_n only, so
    the derivative of L with respect to o[n] is that of L_n, divided by B. Every later derivative is a sum of products
    with one factor from do. The 1 / B comes through in that factor; to divide again, at dw or in the update, would
    divide twice. The last batch of a pass over the samples may be smaller, and is divided by its own size.
    """
    _, gradient = LOSSES[loss]
    do = [gradient(o_n, y_n) for o_n, y_n in zip(o, y)]
    return [[d / len(do) for d in do_n] for do_n in do] if reduction == "mean" else do


def argmax(row):
    """The index of the largest number, the first of equals: the class that a network chooses."""
    best = 0
    for j, v in enumerate(row):
        if v > row[best]:
            best = j
    return best


__test__ = {"by hand": """
Targets 1 and 0, outputs 0.5 and 2: L = (0.25 + 4) / 2 and do = 2 * (-0.5) / 2, 2 * 2 / 2.

>>> mse([0.5, 2.0], [1.0, 0.0]), mse_gradient([0.5, 2.0], [1.0, 0.0])
(2.125, [-0.5, 2.0])

Two equal logits are two probabilities of 1/2. If class 1 is right, L = ln 2, and do = 1/2, 1/2 - 1.

>>> cross_entropy([0.0, 0.0], 1), cross_entropy_gradient([0.0, 0.0], 1)
(0.6931471805599453, [0.5, -0.5])

In a batch of two such samples whose loss is a mean, each has half of that.

>>> batch_gradient("cross_entropy", [[0.0, 0.0], [0.0, 0.0]], [1, 0], "mean")
[[0.25, -0.25], [-0.25, 0.25]]
"""}
