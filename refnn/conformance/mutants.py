"""Common mistakes, as changed functions of the reference. If one of these returns an answer, the mistake has a name.

A mutant has variants. A variant maps functions of the book, of the operations or of the Python implementation to those
that replace them; a mutant follows the functions that it needs.
"""

import math
from dataclasses import dataclass
from fractions import Fraction

from ..implementations import python
from ..rates import learning_rates
from ..reference import activations, elementary, linear, losses, prng, training
from .operations.losses import loss as loss_of
from .operations.models import model_of
from .operations.training import step as operation_step
from .spoil import Variant

# The right functions, for mutants that call them: the names in the modules of the book are replaced while a mutant runs
activation_forward, activation_backward = activations.Activation.forward, activations.Activation.backward
batch_gradient = losses.batch_gradient
cross_entropy, cross_entropy_gradient = losses.cross_entropy, losses.cross_entropy_gradient
linear_forward, linear_update = linear.linear_forward, linear.linear_update
backward_input, backward_parameters = linear.linear_backward_input, linear.linear_backward_parameters
backward, step, epoch = training.backward, training.step, training.epoch
epoch_order = prng.epoch_order
get_parameters = python.PythonImplementation.get_parameters
set_parameters = python.PythonImplementation.set_parameters


@dataclass(frozen=True, eq=False)
class Mutant:
    """A mistake. says: in words; variants: the functions that it replaces."""

    name: str
    says: str
    variants: tuple[Variant, ...]


MUTANTS: list[Mutant] = []


def mutant(name: str, says: str, *variants: Variant) -> None:
    MUTANTS.append(Mutant(name, says, variants))


# The update, and training

def update_upwards(p, dp, lr):
    linear_update(p, dp, -lr)


def update_without_rate(p, dp, lr):
    linear_update(p, dp, 1.0)


mutant("no-rate", "the update leaves the learning rate out", {linear_update: update_without_rate})
mutant("sign", "the update's sign: the gradient is added, and must be subtracted", {linear_update: update_upwards})


def update_with_decay(rule):
    """rule: (p, dp, lr) -> the new p"""
    def update(p, dp, lr):
        p[:] = [rule(p_j, dp_j, lr) for p_j, dp_j in zip(p, dp)]
    return {linear_update: update}


mutant("weight-decay", "the update has weight decay: it is p - lr * dp",
       *(update_with_decay(rule) for size in (1e-4, 1e-3, 1e-2, 0.1, 5e-4, 1e-5, 1e-6, 0.05) for rule in (
           lambda p, dp, lr, k=size: p - lr * (dp + k * p), lambda p, dp, lr, k=size: p - lr * (dp + 2.0 * k * p),
           lambda p, dp, lr, k=size: p * (1.0 - lr * k) - lr * dp, lambda p, dp, lr, k=size: p * (1.0 - k) - lr * dp,
           lambda p, dp, lr, k=size: p - lr * dp - lr * k * p, lambda p, dp, lr, k=size: p - lr * dp - k * p)))


def hasty_backward(layers, outputs, do, lr):
    """Updates each layer before the gradient of its input is taken."""
    deltas, gradients = [do], []
    for k in range(len(layers) - 1, -1, -1):
        _, gradient = layers[k].backward(outputs[k], outputs[k + 1], deltas[0])
        training.update([layers[k]], [gradient], lr)
        dx, _ = layers[k].backward(outputs[k], outputs[k + 1], deltas[0])
        deltas = [dx] + deltas
        gradients = [gradient] + gradients
    return deltas, gradients


def hasty_operation_step(layers, loss, parameters, x, y, reduction, lr, input_shape=None):
    net = python.PythonImplementation(model_of(layers, loss, input_shape=input_shape), 0)
    net.set_parameters(parameters)
    outputs, _, _ = net.batch(x, y, reduction)
    do = losses.batch_gradient(loss, outputs[-1], y, reduction)
    deltas, gradients = hasty_backward(net.layers, outputs, do, lr)
    return {"outputs": outputs[1:], "loss": loss_of(loss, outputs[-1], y, reduction)["loss"], "deltas": deltas[1:],
            "gradients": list(python.flatten(gradients)), "parameters": list(net.get_parameters())}


def hasty_step(layers, x, y, loss, reduction, lr):
    outputs = training.forward(layers, x)
    hasty_backward(layers, outputs, losses.batch_gradient(loss, outputs[-1], y, reduction), lr)
    return []


mutant("hasty", "weights are updated before all gradients are taken: all of them belong to the same parameters",
       {operation_step: hasty_operation_step, step: hasty_step})


def epoch_without_updates(layers, x, y, order, batch_size, loss, reduction, lr):
    return epoch(layers, x, y, order, batch_size, loss, reduction, lr) if batch_size == 1 else []


def epoch_with_full_counter(layers, x, y, order, batch_size, loss, reduction, lr):
    return (epoch(layers, x, y, order[:batch_size], batch_size, loss, reduction, lr)
            + epoch(layers, x, y, order[batch_size:], 1, loss, reduction, lr))


def epoch_without_last_batch(layers, x, y, order, batch_size, loss, reduction, lr):
    whole = order[:len(order) - len(order) % batch_size]
    return epoch(layers, x, y, whole, batch_size, loss, reduction, lr)


mutant("counter", "the batch counter: reset in every round, no batch is ever full; never reset, batches become single",
       {epoch: epoch_without_updates}, {epoch: epoch_with_full_counter})
mutant("last-batch", "the last, smaller batch of an epoch is left out", {epoch: epoch_without_last_batch})


def same_order(seed, epoch, n):
    return epoch_order(seed, 1, n)


mutant("same-order", "every epoch has the same order: epoch e has that of stream e", {epoch_order: same_order})


def early_decay(epochs, lr, decay, every):
    return learning_rates(epochs, lr * decay, decay, every)


mutant("early-decay", "the learning rate decays before the first epoch already", {learning_rates: early_decay})


# Derivatives

def sigmoid_backward_of_a_sigmoid(z, a, da):
    return [d * (v * (1.0 - v)) for v, d in zip(activations.sigmoid_forward(a), da)]


mutant("sigmoid-twice", "sigmoid's derivative is taken of sigmoid(a), but a is a sigmoid already: it is a (1 - a)",
       {activations.sigmoid_backward: sigmoid_backward_of_a_sigmoid})


def backward_from_z(self, z, a, da):
    if self.name != "sigmoid":
        return activation_backward(self, z, a, da)
    return [[d * (v * (1.0 - v)) for v, d in zip(z_n, da_n)] for z_n, da_n in zip(z, da)], ()


mutant("z(1-z)", "sigmoid's derivative is taken as z (1 - z): it is a (1 - a), of the output a",
       {activation_backward: backward_from_z})


def softmax_derivative(z, da):
    """p (1 - p), the diagonal of softmax's derivative, instead of another activation's."""
    return [[d * (p * (1.0 - p)) for p, d in zip(activations.softmax_forward(z_n), da_n)] for z_n, da_n in zip(z, da)]


def backward_with_softmax_inside(layers, outputs, do):
    last = max((k for k in range(len(layers) - 1) if isinstance(layers[k], activations.Activation)), default=None)
    if last is None:
        return backward(layers, outputs, do)
    spoilt = activations.Activation(layers[last].name)
    spoilt.backward = lambda z, a, da: (softmax_derivative(z, da), ())
    return backward([*layers[:last], spoilt, *layers[last + 1:]], outputs, do)


def softmax_backward_everywhere(self, z, a, da):
    return softmax_derivative(z, da), ()


mutant("softmax-inside", "softmax's derivative at a hidden layer: each layer has the derivative of its own activation",
       {backward: backward_with_softmax_inside}, {activation_backward: softmax_backward_everywhere})


def left_out(layers_of):
    """Passes dL/da of the activations in layers_of(numbers of the layers with an activation) on as dL/dz."""
    def backward_past(layers, outputs, do):
        found = [k for k, layer in enumerate(layers) if isinstance(layer, activations.Activation)]
        passed = [activations.Activation("identity") if k in layers_of(found, len(layers)) else layer
                  for k, layer in enumerate(layers)]
        return backward(passed, outputs, do)
    return {backward: backward_past}


mutant("derivative-left-out", "the derivative of an activation is left out: dL/da is taken for dL/dz",
       left_out(lambda found, count: [k for k in found if k == count - 1]),
       left_out(lambda found, count: [k for k in found if k < count - 1]), left_out(lambda found, count: found))


def relu_backward_at_zero(z, a, da):
    return [d if v >= 0.0 else 0.0 for v, d in zip(a, da)]


mutant("relu'(0)", "relu's derivative at 0 is 1: it is 0", {activations.relu_backward: relu_backward_at_zero})


def relu_by_product(z):
    return [v * (1.0 if v > 0.0 else 0.0) for v in z]


mutant("relu-product", "relu as z * (z > 0), which is -0.0 below 0 and NaN at -Infinity: it is z where z > 0, else 0",
       {activations.relu_forward: relu_by_product})


# Losses

def sse_gradient_without_2(o, y):
    return [v - t for v, t in zip(o, y)]


mutant("factor-2", "the factor 2 of the squared error's gradient is missing",
       {losses.sse_gradient: sse_gradient_without_2})


def mse_as_sse(o, y):
    return losses.sse(o, y)


def mse_gradient_as_sse(o, y):
    return [2.0 * (v - t) for v, t in zip(o, y)]


mutant("mse-mean", "the mean squared error is not divided by the number of outputs",
       {losses.mse: mse_as_sse}, {losses.mse_gradient: mse_gradient_as_sse})


def negative_batch_gradient(loss, o, y, reduction):
    return [[-d for d in do_n] for do_n in batch_gradient(loss, o, y, reduction)]


mutant("gradient-sign", "the sign of the loss's gradient: it grows with the output, o - y and not y - o",
       {batch_gradient: negative_batch_gradient})


def cross_entropy_gradient_without_1(o, y):
    return activations.softmax_forward(o)


mutant("one-hot", "cross_entropy's gradient is softmax alone: 1 must be subtracted at the right class",
       {cross_entropy_gradient: cross_entropy_gradient_without_1})


def always(reduction):
    return {losses.batch_gradient: lambda loss, o, y, _: batch_gradient(loss, o, y, reduction)}


mutant("sum-for-mean", "the gradient is summed over the batch, but its mean is asked for", always("sum"))
mutant("mean-for-sum", "the gradient is averaged over the batch, but its sum is asked for", always("mean"))


def cross_entropy_of_softmax(o, y):
    return cross_entropy(activations.softmax_forward(o), y)


def gradient_through_two_softmaxes(o, y):
    p = activations.softmax_forward(o)
    return activations.softmax_backward(o, p, cross_entropy_gradient(p, y))


def gradient_past_the_first_softmax(o, y):
    return cross_entropy_gradient(activations.softmax_forward(o), y)


mutant("softmax-twice", "softmax is taken twice: cross_entropy takes logits, its softmax belongs to it",
       *({cross_entropy: cross_entropy_of_softmax, cross_entropy_gradient: gradient}
         for gradient in (gradient_through_two_softmaxes, gradient_past_the_first_softmax)))


def one_hot(y, width):
    return [1.0 if j == y else 0.0 for j in range(width)]


def gradient_without_softmax(o, y):
    return [v - t for v, t in zip(o, one_hot(y, len(o)))]


def squared_error_gradient_of_logits(o, y):
    return [2.0 * (v - t) for v, t in zip(o, one_hot(y, len(o)))]


def squared_error_gradient_of_probabilities(o, y):
    p = activations.softmax_forward(o)
    return activations.softmax_backward(o, p, [2.0 * (v - t) for v, t in zip(p, one_hot(y, len(o)))])


def two_term_gradient(o, y):
    """Of -sum(y ln p + (1 - y) ln(1 - p)) for p = softmax(o)."""
    p = activations.softmax_forward(o)
    return activations.softmax_backward(
        o, p, [-reciprocal(v) if j == y else reciprocal(1.0 - v) for j, v in enumerate(p)])


def reciprocal(v):
    return 1.0 / v if v else math.inf


def softmax_gradient(o, y):
    return [p - t for p, t in zip(activations.softmax_forward(o), y)]


def sse_gradient_as_mse(o, y):
    return [2.0 * (v - t) / len(o) for v, t in zip(o, y)]


mutant("gradient-of-logits", "the gradient of cross-entropy leaves softmax out: it is softmax(o) less the one-hot row "
       "of y", {cross_entropy_gradient: gradient_without_softmax})
mutant("other-loss", "the gradient of another loss",
       {cross_entropy_gradient: squared_error_gradient_of_logits},
       {cross_entropy_gradient: squared_error_gradient_of_probabilities}, {cross_entropy_gradient: two_term_gradient},
       {losses.sse_gradient: softmax_gradient}, {losses.mse_gradient: softmax_gradient},
       {losses.sse_gradient: sse_gradient_as_mse, losses.mse_gradient: sse_gradient_as_mse})


def softmax_of_batch(o):
    """With the largest number of the whole batch, not of each row."""
    m = max(map(max, o))
    rows = [[elementary.exp(v - m) for v in row] for row in o]
    totals = [linear_forward([row], [[1.0] for _ in row], None)[0][0] for row in rows]
    return [[v / s if s else elementary.NAN for v in row] for row, s in zip(rows, totals)]


def forward_with_maximum_of_batch(self, z):
    return softmax_of_batch(z) if self.name == "softmax" else activation_forward(self, z)


def gradient_with_maximum_of_batch(loss, o, y, reduction):
    if loss != "cross_entropy":
        return batch_gradient(loss, o, y, reduction)
    do = softmax_of_batch(o)
    for do_n, y_n in zip(do, y):
        do_n[y_n] = do_n[y_n] - 1.0
    return [[d / len(do) for d in do_n] for do_n in do] if reduction == "mean" else do


mutant("batch-maximum", "softmax subtracts the largest number of the whole batch: each row has its own maximum",
       {activation_forward: forward_with_maximum_of_batch, batch_gradient: gradient_with_maximum_of_batch})


def softmax_over(maximum_of, sum_of):
    """Softmax whose maximum and sum are taken over "row", "column" or "batch"."""
    def over(kind, function, rows):
        if kind == "column":
            return [[function(column) for column in zip(*rows)] for _ in rows]
        batch = function([v for row in rows for v in row]) if kind == "batch" else None
        return [[function(row) if kind == "row" else batch] * len(row) for row in rows]

    def forward(self, z):
        if self.name != "softmax":
            return activation_forward(self, z)
        e = [[elementary.exp(v - m) for v, m in zip(*pair)] for pair in zip(z, over(maximum_of, max, z))]
        sums = over(sum_of, lambda values: plain_total(0.0, [(1.0, v) for v in values]), e)
        return [[v / s if s else elementary.NAN for v, s in zip(*pair)] for pair in zip(e, sums)]

    return {activation_forward: forward}


mutant("softmax-axis", "softmax is taken over the whole batch, or over its samples: it is over each sample's outputs",
       *(softmax_over(*kinds) for kinds in (("row", "batch"), ("batch", "batch"), ("row", "column"),
                                            ("column", "column"))))


def loss_divided(divisor, kinds):
    """The losses of samples, divided by divisor(samples, outputs)."""
    def divided(loss, o, y, reduction):
        answer = loss_of(loss, o, y, reduction)
        by = divisor(len(o), len(o[0])) if loss in kinds else 1.0
        return {"losses": [v / by for v in answer["losses"]], "loss": answer["loss"] / by}
    return {loss_of: divided}


mutant("loss-over-batch", "the loss of a sample is divided by the number of samples: that is for their mean alone",
       loss_divided(lambda n, m: n, ("mse",)), loss_divided(lambda n, m: n / m, ("mse",)),
       loss_divided(lambda n, m: n, losses.LOSSES), loss_divided(lambda n, m: n * m, ("sse",)))


# Linear layers

def forward_without_bias(x, w, b):
    return linear_forward(x, w, None)


mutant("no-bias", "the bias is missing in the forward pass: each sum starts from it",
       {linear_forward: forward_without_bias})


def forward_with_bias_of(samples):
    """The bias is added to samples(list of samples) alone."""
    def forward(x, w, b):
        chosen = samples(list(range(len(x))))
        return [linear_forward([x_n], w, b if n in chosen else None)[0] for n, x_n in enumerate(x)]
    return {linear_forward: forward}


mutant("bias-of-one", "the bias is added to one sample of the batch alone",
       forward_with_bias_of(lambda n: n[:1]), forward_with_bias_of(lambda n: n[-1:]))


def gradient_of_one(function, samples):
    """A layer's gradients of its parameters, of samples(x) alone; db also of all."""
    def of_both(x, dz, *rest):
        return function(samples(x), samples(dz), *rest)

    def of_weights(x, dz, *rest):
        return of_both(x, dz, *rest)[0], function(x, dz, *rest)[1]

    return {function: of_both}, {function: of_weights}


ONE_SAMPLE = "the gradient of the parameters is that of one sample of the batch alone: it is their sum"
mutant("gradient-of-one", ONE_SAMPLE, *gradient_of_one(backward_parameters, lambda rows: rows[-1:]),
       *gradient_of_one(backward_parameters, lambda rows: rows[:1]))


def forward_transposed(x, w, b):
    """z = x w^T + b; other programs than this read outside w if it is not square."""
    return [[plain_total(b[j] if b else 0.0, [(v, w[j][i]) for i, v in enumerate(x_n)]) for j in range(len(w[0]))]
            for x_n in x]


def reshaped(w):
    """The numbers of w in their order as if w were outputs x inputs; then transposed."""
    values = [v for row in w for v in row]
    return [values[i::len(w)] for i in range(len(w))]


def backward_without_bias(x, dz, bias):
    dw, db = backward_parameters(x, dz, bias)
    return dw, [0.0 for _ in db] if bias else None


mutant("no-bias-gradient", "the gradient of the biases is missing", {backward_parameters: backward_without_bias})


def backward_input_untransposed(w, dz):
    """dx = dz w, likewise."""
    return [[plain_total(0.0, [(v, w[j][i]) for j, v in enumerate(dz_n)]) for i in range(len(w))] for dz_n in dz]


def outputs_by_inputs(net, flat):
    """Flat parameters with each linear layer's w as outputs x inputs -> with w as inputs x outputs."""
    return transposed(net, flat, lambda layer: (len(layer.w[0]), len(layer.w)))


def inputs_by_outputs(net, flat):
    """The reverse."""
    return transposed(net, flat, lambda layer: (len(layer.w), len(layer.w[0])))


def transposed(net, flat, shape_of):
    values = iter(flat)
    result = []
    for layer in net.layers:
        rest = layer.parameters
        if isinstance(layer, linear.Linear):
            rows, columns = shape_of(layer)
            w = [[next(values) for _ in range(columns)] for _ in range(rows)]
            result += [v for column in zip(*w) for v in column]
            rest = layer.parameters[len(layer.w):]
        result += [next(values) for row in rest for _ in row]
    return result


def set_transposed(self, flat):
    set_parameters(self, outputs_by_inputs(self, flat))


def get_transposed(self):
    return inputs_by_outputs(self, get_parameters(self))


def step_transposed(read, answered):
    """A step whose flat parameters are transposed where they are read, or answered."""
    def step(layers, loss, parameters, **inputs):
        net = python.PythonImplementation(model_of(layers, input_shape=inputs.get("input_shape")), 0)
        answer = operation_step(layers, loss, outputs_by_inputs(net, parameters) if read else parameters, **inputs)
        changed = ("gradients", "parameters") if answered else ()
        return dict(answer, **{key: inputs_by_outputs(net, answer[key]) for key in changed})
    return {operation_step: step}


mutant("transposed", "weights are transposed: w is inputs x outputs, row by row; z takes its columns and dx its rows",
       {backward_input: backward_input_untransposed}, {linear_forward: forward_transposed},
       {linear_forward: lambda x, w, b: linear_forward(x, reshaped(w), b)},
       {backward_input: lambda w, dz: backward_input(reshaped(w), dz)},
       *(step_transposed(*how) for how in ((False, True), (True, False), (True, True))),
       {set_parameters: set_transposed, get_parameters: get_transposed})


def linear_with(total):
    """The linear layer's functions with another sum: total(start, pairs of factors)."""

    def forward(x, w, b):
        return [[total(b[j] if b else 0.0, list(zip(x_n, column))) for j, column in enumerate(zip(*w))] for x_n in x]

    def input_gradient(w, dz):
        return [[total(0.0, list(zip(dz_n, w_i))) for w_i in w] for dz_n in dz]

    def parameter_gradients(x, dz, bias):
        columns = list(zip(*dz))
        return ([[total(0.0, list(zip(x_i, dz_j))) for dz_j in columns] for x_i in zip(*x)],
                [total(0.0, [(1.0, v) for v in dz_j]) for dz_j in columns] if bias else None)

    return {linear_forward: forward, backward_input: input_gradient, backward_parameters: parameter_gradients}


def fused(a, b, c):
    """a * b + c, rounded once."""
    if not (math.isfinite(a) and math.isfinite(b) and math.isfinite(c)):
        return a * b + c
    exact = Fraction(a) * Fraction(b) + Fraction(c)
    try:
        return float(exact) if exact else a * b + c
    except OverflowError:
        return math.inf if exact > 0 else -math.inf


def fused_total(start, pairs):
    for a, b in pairs:
        start = fused(a, b, start)
    return start


def fused_update(p, dp, lr):
    for j, dp_j in enumerate(dp):
        p[j] = fused(-lr, dp_j, p[j])


mutant("fused", "fused multiply-add: a product and its addition are rounded once, but each must be rounded by itself",
       {**linear_with(fused_total), linear_update: fused_update}, linear_with(fused_total))


def plain_total(start, pairs):
    for a, b in pairs:
        start += a * b
    return start


def added(values):
    return plain_total(0.0, [(1.0, v) for v in values])


def lanes(width):
    """Partial sums of every width-th product, added up at the end, as vector instructions do."""
    def total(start, pairs):
        sums = [plain_total(0.0, pairs[lane::width]) for lane in range(width)]
        while len(sums) > 1:
            half = len(sums) // 2
            sums = [low + high for low, high in zip(sums[:half], sums[half:])]
        return start + sums[0]
    return total


def pairwise_total(start, pairs):
    def half(products):
        middle = len(products) // 2
        return half(products[:middle]) + half(products[middle:]) if middle else products[0]
    return start + half([a * b for a, b in pairs])


mutant("order", "a sum in another order: each starts from the bias, or from 0, and continues by ascending index",
       *map(linear_with, (lambda start, pairs: plain_total(start, pairs[::-1]),
                          lambda start, pairs: start + plain_total(0.0, pairs),
                          lanes(2), lanes(4), lanes(8), pairwise_total)))


def total_without_zeros(of):
    """A sum that leaves out terms with a factor of 0. of: which of the factors count"""
    def total(start, pairs):
        for pair in pairs:
            if all(pair[k] != 0.0 for k in of):
                start += pair[0] * pair[1]
        return start
    return total


mutant("zeros", "terms with a factor of 0 are left out of sums: 0 times Infinity is NaN, and 0 times NaN, too",
       *(linear_with(total_without_zeros(of)) for of in ((0,), (1,), (0, 1))))


def compensated_total(start, pairs):
    """Python's sum since 3.12 (Neumaier's): the rounding errors are added up, and their total is added at the end."""
    s, c = start, 0.0
    for a, b in pairs:
        product = a * b
        t = s + product
        c += (s - t) + product if abs(s) >= abs(product) else (product - t) + s
        s = t
    return s + c if math.isfinite(c) else s


def compensated_before_start(start, pairs):
    return start + compensated_total(0.0, pairs)


mutant("compensated",
       "a compensated sum, as Python's own sum() has been since 3.12: each addition must be rounded by itself",
       linear_with(compensated_total), linear_with(compensated_before_start))


# Random numbers

def uniform_of_64_bits(self):
    return self.next() / 2.0**64


mutant("uniform-64", "a uniform number uses all 64 bits: it is the upper 53, divided by 2^53",
       {prng.SplitMix64.uniform: uniform_of_64_bits})


def next_by_murmur(self):
    self.state = (self.state + 0x9E3779B97F4A7C15) & prng.MASK
    z = ((self.state ^ (self.state >> 33)) * 0xFF51AFD7ED558CCD) & prng.MASK
    z = ((z ^ (z >> 33)) * 0xC4CEB9FE1A85EC53) & prng.MASK
    return z ^ (z >> 33)


mutant("murmur", "the state is mixed as MurmurHash3 does it: SplitMix64 has other shifts and factors",
       {prng.SplitMix64.next: next_by_murmur})


def below_by_remainder(self, n):
    return self.next() % n


mutant("remainder", "an integer below n is taken as a remainder: it is floor(u n)",
       {prng.SplitMix64.below: below_by_remainder})


def permutation_upwards(self, n):
    order = list(range(n))
    for i in range(n - 1):
        j = i + self.below(n - i)
        order[i], order[j] = order[j], order[i]
    return order


mutant("shuffle-upwards", "the shuffle runs from the front: it must run from the end down",
       {prng.SplitMix64.permutation: permutation_upwards})


# Arithmetic

def platform_log(x):
    return math.log(x) if x > 0.0 else -math.inf if x == 0.0 else math.nan


def platform_exp(x):
    try:
        return math.exp(x)
    except OverflowError:
        return math.inf


def within(limit, function):
    return lambda x: function(x) if abs(x) <= limit else math.nan


PLATFORM = {elementary.exp: platform_exp, elementary.log: platform_log, elementary.tanh: math.tanh,
            elementary.sin: within(elementary.TRIGONOMETRIC_LIMIT, math.sin),
            elementary.cos: within(elementary.TRIGONOMETRIC_LIMIT, math.cos)}
mutant("platform", "exp, log, tanh, sin or cos of this platform's math library: the spec has its own",
       *({right: wrong} for right, wrong in PLATFORM.items()), PLATFORM)
