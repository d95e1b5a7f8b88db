"""Mistakes of losses and derivatives, in the form of mutants.py."""

import math

from ..reference import activations, elementary, linear, losses
from .families import MUTANTS as MUTANTS
from .families import quotient
from .mutants import added, mutant, one_hot, plain_total
from .operations.losses import loss as loss_of

# The right functions
batch_gradient, cross_entropy = losses.batch_gradient, losses.cross_entropy
softmax_forward, softmax_backward = activations.softmax_forward, activations.softmax_backward
backward_parameters = linear.linear_backward_parameters
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


def over_elements(kind, of_reduction, factor):
    """One loss with one reduction, and its gradient, times factor(outputs)."""
    def loss(loss, o, y, reduction):
        answer = loss_of(loss, o, y, reduction)
        chosen = (loss, reduction) == (kind, of_reduction)
        return {**answer, "loss": answer["loss"] * factor(len(o[0]))} if chosen else answer

    def gradient(loss, o, y, reduction):
        do = batch_gradient(loss, o, y, reduction)
        chosen = (loss, reduction) == (kind, of_reduction)
        return [[d * factor(len(do_n)) for d in do_n] for do_n in do] if chosen else do

    return {loss_of: loss}, {batch_gradient: gradient}, {loss_of: loss, batch_gradient: gradient}


mutant("reduction-of-elements", "a reduction is over all elements of the batch, as PyTorch's are: it is over samples, "
       "of which mse is the mean of the squares, and sse their sum",
       *(variant for reduction in ("sum", "mean") for kind, factor in (("mse", float), ("sse", lambda m: 1.0 / m))
         for variant in over_elements(kind, reduction, factor)))


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


def softmax_less(top):
    """Softmax, cross-entropy and its gradient that subtract top(z) in place of the maximum; each, and all of them."""
    def softmax(z):
        e = [exp(v - top(z)) for v in z]
        s = added(e)
        return [quotient(v, s) for v in e]

    def loss(o, y):
        return top(o) + elementary.log(added(exp(v - top(o)) for v in o)) - o[y]

    def gradient(o, y):
        return [p - t for p, t in zip(softmax(o), one_hot(y, len(o)))]

    of_loss = {cross_entropy: loss, losses.cross_entropy_gradient: gradient}
    changed = {**of_loss, activations.softmax_forward: softmax}
    return *({function: other} for function, other in changed.items()), of_loss, changed


mutant("no-maximum", "exp is taken of the outputs themselves, and overflows: their maximum is subtracted first",
       *softmax_less(lambda z: 0.0))
mutant("maximum-from-0-of-logits", "softmax or cross-entropy looks for the largest output from 0 on: where all are far "
       "below 0, every e^z is 0", *softmax_less(lambda z: max([0.0, *z])))


def chosen_output(o, y):
    return -o[y]


def gradient_of_chosen(o, y):
    return [-t for t in one_hot(y, len(o))]


mutant("log-softmax-missing", "the outputs are taken for logarithms of probabilities, as NLLLoss does: the loss is "
       "-log_softmax(o)[y]", {cross_entropy: chosen_output}, {losses.cross_entropy_gradient: gradient_of_chosen},
       {cross_entropy: chosen_output, losses.cross_entropy_gradient: gradient_of_chosen})


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


# Another activation

def logistic(v):
    return 1.0 / (1.0 + exp(-v))


def normal_below(v):
    return 0.5 * (1.0 + math.erf(v / math.sqrt(2.0)))


def expm1(v):
    return exp(min(v, 0.0)) - 1.0


def slope_below_0(slope):
    return lambda v: v if v > 0.0 else slope * v, lambda v: 1.0 if v > 0.0 else slope


OTHERS = {  # activation -> another one: its formula, it, its derivative
    "relu": {
        "relu6, min(max(z, 0), 6)": (lambda v: min(max(v, 0.0), 6.0), lambda v: float(0.0 < v < 6.0)),
        "softplus, ln(1 + e^z)": (lambda v: max(v, 0.0) + elementary.log(1.0 + exp(-abs(v))), logistic),
        "elu, e^z - 1 where z < 0": (lambda v: v if v > 0.0 else expm1(v), lambda v: 1.0 if v > 0.0 else exp(v)),
        "silu, z / (1 + e^-z)": (lambda v: v * logistic(v),
                                 lambda v: logistic(v) * (1.0 + v * (1.0 - logistic(v)))),
        "gelu, z times the normal distribution": (lambda v: v * normal_below(v), lambda v: normal_below(v) + v * exp(
            -0.5 * v * v) / math.sqrt(2.0 * math.pi)),
        "|z|": (abs, lambda v: math.copysign(1.0, v)),
        "leaky_relu": slope_below_0(0.01)},
    "leaky_relu": {
        "relu": slope_below_0(0.0),
        **{f"leaky_relu with a slope of {slope}": slope_below_0(slope)
           for slope in (0.1, 0.2, 0.3, 0.05, 0.02, 0.001)}},
    "sigmoid": {
        "hard_sigmoid, z / 6 + 1/2 between 0 and 1": (
            lambda v: min(max(v / 6.0 + 0.5, 0.0), 1.0), lambda v: float(-3.0 < v < 3.0) / 6.0),
        "hard_sigmoid of Keras, z / 5 + 1/2 between 0 and 1": (
            lambda v: min(max(0.2 * v + 0.5, 0.0), 1.0), lambda v: 0.2 * float(-2.5 < v < 2.5)),
        "tanh": (elementary.tanh, lambda v: 1.0 - elementary.tanh(v) * elementary.tanh(v)),
        "logsigmoid, ln(sigmoid(z))": (lambda v: min(v, 0.0) - elementary.log(1.0 + exp(-abs(v))),
                                       lambda v: logistic(-v))},
    "tanh": {
        "hardtanh, z between -1 and 1": (lambda v: min(max(v, -1.0), 1.0), lambda v: float(-1.0 < v < 1.0)),
        "softsign, z / (1 + |z|)": (lambda v: v / (1.0 + abs(v)), lambda v: 1.0 / ((1.0 + abs(v)) * (1.0 + abs(v)))),
        "sigmoid": (logistic, lambda v: logistic(v) * (1.0 - logistic(v))),
        "2 sigmoid(z) - 1": (lambda v: 2.0 * logistic(v) - 1.0, lambda v: 2.0 * logistic(v) * (1.0 - logistic(v)))}}


def replaced(name, forward, backward):
    """An activation replaced forward, on the way back, and both; forward and backward take and return rows."""
    here = vars(activations)
    changed = {here[f"{name}_forward"]: forward, here[f"{name}_backward"]: backward}
    return *({function: other} for function, other in changed.items()), changed


def of_numbers(name, function, derivative):
    """`replaced` by functions of numbers; also with the right answers for NaN, as a test of z > 0 has them."""
    right, right_backward = getattr(activations, f"{name}_forward"), getattr(activations, f"{name}_backward")

    def forward(z):
        return [function(v) if v == v else other for v, other in zip(z, right(z))]

    def backward(z, a, da):
        return [d * derivative(v) if v == v else other for v, d, other in zip(z, da, right_backward(z, right(z), da))]

    return (*replaced(name, lambda z: [function(v) for v in z], by_rows(lambda z, a: [derivative(v) for v in z])),
            *replaced(name, forward, backward))


for activation, others in OTHERS.items():
    for formula, of_number in others.items():
        mutant(f"{activation}-as-{formula.split(',')[0]}", f"{activation} is {formula}; forward or on the way back",
               *of_numbers(activation, *of_number))


def log_softmax(z):
    top = max(z)
    return [v - (top + elementary.log(added(exp(u - top) for u in z))) for v in z]


def log_softmax_backward(z, a, da):
    total = added(da)
    return [d - p * total for d, p in zip(da, softmax_forward(z))]


def softmin(z):
    return softmax_forward([-v for v in z])


mutant("softmax-as-logarithm", "softmax is log_softmax", *replaced("softmax", log_softmax, log_softmax_backward))
mutant("softmax-as-softmin", "softmax is softmin, of -z", *replaced(
    "softmax", softmin, lambda z, a, da: [-d for d in softmax_backward(z, softmin(z), da)]))
mutant("softmax-as-sigmoid", "softmax is the sigmoid of each output", *replaced(
    "softmax", lambda z: [logistic(v) for v in z],
    lambda z, a, da: [d * (logistic(v) * (1.0 - logistic(v))) for v, d in zip(z, da)]))
mutant("softmax-diagonal", "softmax's derivative leaves out that each output depends on every z: dz = a (da - s), "
       "where s is the sum of da a",
       *({activations.softmax_backward: by_rows(function)} for function in (
           lambda z, a: a, lambda z, a: [v * (1.0 - v) for v in a], lambda z, a: [1.0 for _ in a])))
