"""Mistakes of losses and derivatives, in the form of mutants.py."""

from ..reference import activations, elementary, linear, losses
from .families import MUTANTS as MUTANTS
from .families import quotient
from .mutants import added, mutant, one_hot, plain_total

# The right functions
batch_gradient, cross_entropy = losses.batch_gradient, losses.cross_entropy
softmax_backward, backward_parameters = activations.softmax_backward, linear.linear_backward_parameters
exp = elementary.exp


def mean_of(kinds, again):
    """The mean of some losses' gradients, whatever is asked for. again: or the mean of what is asked for"""
    def gradient(loss, o, y, reduction):
        if loss not in kinds:
            return batch_gradient(loss, o, y, reduction)
        return [[d / len(o) for d in do_n] for do_n in batch_gradient(loss, o, y, reduction if again else "sum")]
    return {losses.batch_gradient: gradient}


mutant("mean-of-one-loss", "the gradient of one loss is always divided by the number of samples: that is for a mean, "
       "and once", *(mean_of(kinds, again) for kinds in (("cross_entropy",), ("sse",), ("mse",), ("sse", "mse"))
                     for again in (False, True)))


def one_less_everywhere(loss, o, y, reduction):
    if loss != "cross_entropy":
        return batch_gradient(loss, o, y, reduction)
    do = [[p - 1.0 if j in y else p for j, p in enumerate(activations.softmax_forward(o_n))] for o_n in o]
    return [[d / len(o) for d in do_n] for do_n in do] if reduction == "mean" else do


mutant("one-hot-columns", "1 is subtracted in the columns of all right classes, in every row (do[:, y] -= 1): each row "
       "has one right class, do[range(n), y] -= 1", {batch_gradient: one_less_everywhere})


def smoothed(share, wrong_share):
    """The one-hot row with `share` spread over the classes. wrong_share: (share, classes) -> of each wrong class"""
    def target(y, width):
        wrong = wrong_share(share, width)
        return [(1.0 - share) * t + (wrong if wrong * width <= share * 1.001 or not t else 0.0)
                for t in one_hot(y, width)]

    def gradient(o, y):
        return [p - t for p, t in zip(activations.softmax_forward(o), target(y, len(o)))]

    def loss(o, y):
        return plain_total(0.0, [(t, cross_entropy(o, j)) for j, t in enumerate(target(y, len(o)))])

    return {losses.cross_entropy_gradient: gradient}, {losses.cross_entropy_gradient: gradient, cross_entropy: loss}


mutant("label-smoothing", "the target is smoothed: it is 1 for the right class and 0 for the others",
       *(variant for share in (0.1, 0.05, 0.2, 0.01) for wrong_share in (
           lambda share, width: share / width, lambda share, width: share / max(1, width - 1))
         for variant in smoothed(share, wrong_share)))


def softmax_without_maximum(z):
    e = [exp(v) for v in z]
    s = added(e)
    return [quotient(v, s) for v in e]


def gradient_without_maximum(o, y):
    return [p - t for p, t in zip(softmax_without_maximum(o), one_hot(y, len(o)))]


def cross_entropy_without_maximum(o, y):
    return elementary.log(added(map(exp, o))) - o[y]


NO_MAXIMUM = {cross_entropy: cross_entropy_without_maximum, losses.cross_entropy_gradient: gradient_without_maximum}
mutant("no-maximum", "exp is taken of the outputs themselves, and overflows: their maximum is subtracted first",
       *({function: changed} for function, changed in NO_MAXIMUM.items()), NO_MAXIMUM,
       {activations.softmax_forward: softmax_without_maximum},
       {**NO_MAXIMUM, activations.softmax_forward: softmax_without_maximum})


def by_rows(function):
    return lambda z, a, da: [d * v for v, d in zip(function(z, a), da)]


mutant("derivative-of-a", "the derivative of tanh or softmax is taken of f(a), or of z: a is f(z) already, and the "
       "formula takes a",
       *({activations.tanh_backward: by_rows(function)} for function in (
           lambda z, a: [1.0 - t * t for t in map(elementary.tanh, a)], lambda z, a: [1.0 - v * v for v in z],
           lambda z, a: [1.0 - v for v in a])),
       *({activations.softmax_backward: lambda z, a, da, of=of: softmax_backward(z, of(z, a), da)}
         for of in (lambda z, a: activations.softmax_forward(a), lambda z, a: z)),
       {activations.tanh_backward: by_rows(lambda z, a: [1.0 - t * t for t in map(elementary.tanh, a)]),
        activations.sigmoid_backward: by_rows(lambda z, a: [
            v * (1.0 - v) for v in activations.sigmoid_forward(a)])})


def biases_of_all(x, dz, bias):
    dw, db = backward_parameters(x, dz, bias)
    return dw, [added(v for dz_n in dz for v in dz_n)] * len(db) if bias else None


mutant("bias-of-all", "the gradient of each bias is the sum of the whole dz: it is that of its own column, over the "
       "samples (axis 0)", {backward_parameters: biases_of_all})
