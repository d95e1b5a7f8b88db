"""More mistakes in words, by family: where the numbers of a network come from, how it is trained, what is printed.

They are in the form of mutants.py, which has those of layers and losses.
"""

import math
from array import array

from ..implementations import python
from ..layers import ACTIVATIONS
from ..network import digest
from ..rates import learning_rates
from ..reference import activations, batchnorm, elementary, init, linear, losses, prng, training
from .image_mutants import MUTANTS as MUTANTS
from .image_mutants import backward_past_the_statistics
from .mutants import added, linear_with, mutant, one_hot, plain_total
from .operations import OPERATIONS
from .operations.losses import loss as loss_of
from .operations.models import model_of
from .operations.training import step as operation_step
from .operations.training import train_with

# The right functions
batch_gradient, cross_entropy, step, epoch = losses.batch_gradient, losses.cross_entropy, training.step, training.epoch
epoch_order, SplitMix64 = prng.epoch_order, prng.SplitMix64
uniform, normal, permutation = SplitMix64.uniform, SplitMix64.normal, SplitMix64.permutation
batchnorm_forward = python.BatchNorm2d.forward
linear_init, conv2d_init, draw_row, build = init.linear_init, init.conv2d_init, init.draw_row, python.build


# Seeds and random numbers

def seeded(convert):
    def start(self, seed):
        self.state = convert(seed) & prng.MASK
    return {SplitMix64.__init__: start}


mutant("seed-double", "a seed is read as a double, which holds 53 bits of its 64",
       seeded(lambda seed: int(float(seed))))
mutant("seed-32", "a seed is cut to 32 bits: it has 64",
       seeded(lambda seed: seed % 2**32), seeded(lambda seed: seed % 2**31))


def uniform_of(bits, divisor):
    return {uniform: lambda self: (self.next() >> (64 - bits)) / divisor}


mutant("uniform-bits", "a uniform number has another number of bits: it is the upper 53, divided by 2^53",
       uniform_of(52, 2.0**52), uniform_of(32, 2.0**32), uniform_of(24, 2.0**24), uniform_of(31, 2.0**31),
       uniform_of(53, 2.0**53 - 1.0), uniform_of(32, 2.0**32 - 1.0),
       {uniform: lambda self: (self.next() & (2**53 - 1)) / 2.0**53})


def normal_that_keeps_the_second(self):
    if getattr(self, "kept", None) is not None:
        value, self.kept = self.kept, None
        return value
    r = math.sqrt(-2.0 * elementary.log(1.0 - self.uniform()))
    v = prng.TWO_PI * self.uniform()
    self.kept = r * elementary.sin(v)
    return r * elementary.cos(v)


def normal_by_polar(self):
    while True:
        u, v = 2.0 * self.uniform() - 1.0, 2.0 * self.uniform() - 1.0
        s = u * u + v * v
        if 0.0 < s < 1.0:
            return u * math.sqrt(-2.0 * elementary.log(s) / s)


def normal_of_twelve(self):
    return plain_total(-6.0, [(1.0, self.uniform()) for _ in range(12)])


mutant("normal-second", "the second number of a pair of normal numbers is kept for the next draw: each draw takes two "
       "uniform numbers and the cosine alone", {normal: normal_that_keeps_the_second})
mutant("normal-other", "normal numbers by another method (polar, or a sum of twelve): the spec has Box and Muller's",
       {normal: normal_by_polar}, {normal: normal_of_twelve})


# Shuffling

def swaps(places):
    """A shuffle that swaps i and j. places: (generator, n) -> pairs (i, j)"""
    def shuffle(self, n):
        order = list(range(n))
        for i, j in places(self, n):
            order[i], order[j] = order[j], order[i]
        return order
    return {permutation: shuffle}


mutant("shuffle-any", "the shuffle exchanges each place with any place, so some orders are more likely: place i is "
       "exchanged with one of 0 ... i",
       swaps(lambda g, n: ((i, g.below(n)) for i in range(n))),
       swaps(lambda g, n: ((i, g.below(n)) for i in range(n - 1, 0, -1))),
       swaps(lambda g, n: ((i, g.below(n)) for i in range(n - 1, -1, -1))),
       swaps(lambda g, n: ((g.below(n), g.below(n)) for _ in range(n))))
mutant("shuffle-up", "the shuffle runs upwards: place i is exchanged with one of 0 ... i from the last place down",
       swaps(lambda g, n: ((i, g.below(i + 1)) for i in range(1, n))),
       swaps(lambda g, n: ((i, g.below(i + 1)) for i in range(n))))
mutant("shuffle-rest", "a place is exchanged with one of the places behind it: going down, it is one of 0 ... i",
       swaps(lambda g, n: ((i, i + g.below(n - i)) for i in range(n - 1, 0, -1))),
       swaps(lambda g, n: ((i, i + g.below(n - i)) for i in range(n - 1, -1, -1))))


def shuffle_by_keys(self, n):
    keys = [self.uniform() for _ in range(n)]
    return sorted(range(n), key=keys.__getitem__)


def inverse_permutation(self, n):
    order = permutation(self, n)
    return sorted(range(n), key=order.__getitem__)


mutant("shuffle-keys", "the order is that of random keys: it is Fisher and Yates's shuffle",
       {permutation: shuffle_by_keys})
mutant("shuffle-inverse", "the inverse of the shuffled order is used", {permutation: inverse_permutation})


def continued_order(seed, epoch, n):
    generator = prng.stream(seed, prng.SHUFFLING)
    for _ in range(epoch):
        order = generator.permutation(n)
    return order


def shuffled_again(seed, epoch, n):
    order = list(range(n))
    for number in range(1, epoch + 1):
        order = [order[k] for k in epoch_order(seed, number, n)]
    return order


mutant("order-continued", "one generator shuffles epoch after epoch: epoch e has a generator of its own, stream e",
       {epoch_order: continued_order}, {epoch_order: lambda seed, epoch, n: continued_order(seed, 1, n)})
mutant("order-again", "an epoch shuffles the order of the epoch before: each starts from 0 ... n - 1",
       {epoch_order: shuffled_again})
mutant("order-none", "the samples are not shuffled", {epoch_order: lambda seed, epoch, n: list(range(n))})
mutant("order-of-seed", "the order is drawn from another stream: it is stream `epoch` of stream 2 of the seed",
       *({epoch_order: lambda seed, epoch, n, of=of: of(seed, epoch).permutation(n)} for of in (
           lambda seed, epoch: prng.stream(seed, epoch), lambda seed, epoch: SplitMix64(seed),
           lambda seed, epoch: SplitMix64(seed + epoch),
           lambda seed, epoch: prng.stream(prng.stream(seed, 1).state, epoch),
           lambda seed, epoch: prng.stream(prng.stream(seed, 3).state, epoch),
           lambda seed, epoch: SplitMix64(prng.stream(seed, 2).state + epoch))))


# Initialisation

def linear_by_columns(random, init, inputs, outputs, bias):
    rows = [draw_row(random, init, inputs, outputs, inputs) for _ in range(outputs)]
    return [list(column) for column in zip(*rows)], draw_row(random, init, inputs, outputs, outputs) if bias else None


def with_bias(bias_of, source=lambda random, init, count: random):
    """Initialisations whose biases are bias_of(random, init, fan_in, fan_out, count).

    source: (random, init, count) -> the generator of a layer's weights
    """
    def of_linear(random, init, inputs, outputs, bias):
        w, _ = linear_init(source(random, init, inputs * outputs), init, inputs, outputs, False)
        return w, bias_of(random, init, inputs, outputs, outputs) if bias else None

    def of_conv2d(random, init, in_channels, out_channels, kernel_size, bias):
        size = kernel_size[0] * kernel_size[1]
        drawn = source(random, init, in_channels * out_channels * size)
        w, _ = conv2d_init(drawn, init, in_channels, out_channels, kernel_size, False)
        return w, bias_of(random, init, in_channels * size, out_channels * size, out_channels) if bias else None
    return {linear_init: of_linear, conv2d_init: of_conv2d}


def factor_for(init, factor):
    def row(random, name, fan_in, fan_out, count):
        if name != init:
            return draw_row(random, name, fan_in, fan_out, count)
        return [factor(fan_in, fan_out) * random.normal() + 0.0 for _ in range(count)]
    return {draw_row: row}


def scaled_by(scale):
    """Weights times scale(fan_in, fan_out) where the initialisation depends on these."""
    def row(random, init, fan_in, fan_out, count):
        if init not in ("fan_in", "fan_out", "he"):
            return draw_row(random, init, fan_in, fan_out, count)
        return [scale(fan_in, fan_out) * random.normal() + 0.0 for _ in range(count)]
    return {draw_row: row}


mutant("init-columns", "weights are drawn output by output: they are drawn row by row, and w is inputs x outputs",
       {linear_init: linear_by_columns})
mutant("bias-zero", "biases are 0 at first: they are drawn like weights, after these",
       with_bias(lambda random, init, fan_in, fan_out, count: [0.0] * count))
mutant("bias-scale", "biases are drawn without the scale of the weights: they have the same",
       with_bias(lambda random, init, fan_in, fan_out, count: draw_row(random, "normal", 1, 1, count)))
mutant("init-glorot", "the scale is that of Glorot and Bengio: of both fan-in and fan-out",
       scaled_by(lambda a, b: math.sqrt(2.0 / (a + b))), scaled_by(lambda a, b: 1.0 / math.sqrt(a + b)),
       scaled_by(lambda a, b: math.sqrt(6.0 / (a + b))),
       *(factor_for(name, lambda a, b, square=square: math.sqrt(square / (a + b)))
         for name in ("he", "fan_in", "fan_out") for square in (2.0, 1.0, 6.0)))


mutant("init-variance", "an initialisation's variance is taken for its standard deviation, or the reverse",
       factor_for("normal_0.1", lambda a, b: math.sqrt(0.1)), factor_for("normal_0.1", lambda a, b: 0.1 * 0.1),
       factor_for("fan_in", lambda a, b: 1.0 / a), factor_for("fan_out", lambda a, b: 1.0 / b),
       factor_for("he", lambda a, b: 2.0 / a))


def built(generator_of):
    """Layers of which number k draws from generator_of(seed, k)."""
    def build_from(model, seed):
        return [python.build_layer(layer, k, model, generator_of(seed, k)) for k, layer in enumerate(model.layers)]
    return {build: build_from}


def built_by_number(generator_of):
    """The same with the number, from 0, among the layers that draw parameters."""
    def build_from(model, seed):
        made = []
        for k, layer in enumerate(model.layers):
            before = sum(isinstance(other, (python.Linear, python.Conv2d)) for other in made)
            made.append(python.build_layer(layer, k, model, generator_of(seed, before)))
        return made
    return {build: build_from}


def built_from_seed(model, seed):
    random = SplitMix64(seed)
    return [python.build_layer(layer, k, model, random) for k, layer in enumerate(model.layers)]


def built_backwards(model, seed):
    random = prng.stream(seed, prng.PARAMETERS)
    layers = list(enumerate(model.layers))
    return [python.build_layer(layer, k, model, random) for k, layer in reversed(layers)][::-1]


def built_with_biases_last(model, seed):
    """All weights are drawn, and then all biases."""
    random = prng.stream(seed, prng.PARAMETERS)
    late = []

    def later(random, init, fan_in, fan_out, count):
        bias = [0.0] * count
        late.append((bias, init, fan_in, fan_out, count))
        return bias

    kept = python.linear_init, python.conv2d_init
    python.linear_init, python.conv2d_init = with_bias(later).values()
    try:
        layers = [python.build_layer(layer, k, model, random) for k, layer in enumerate(model.layers)]
    finally:
        python.linear_init, python.conv2d_init = kept
    for bias, *drawn in late:
        bias[:] = draw_row(random, *drawn)
    return layers


mutant("init-seed", "parameters are drawn from the seed itself: they are drawn from stream 1 of it",
       {build: built_from_seed})
mutant("init-again", "each layer's parameters are drawn by a new generator: one generator draws for all layers",
       built(lambda seed, k: prng.stream(seed, prng.PARAMETERS)), built(lambda seed, k: prng.stream(seed, k + 1)),
       built(lambda seed, k: SplitMix64(seed)), built_by_number(lambda seed, k: prng.stream(seed, k + 1)),
       *(each(lambda seed, k: SplitMix64(seed + k)) for each in (built, built_by_number)))
mutant("init-backwards", "parameters are drawn from the last layer to the first", {build: built_backwards})
mutant("init-biases-last", "all weights are drawn before all biases: each layer's biases follow its weights",
       {build: built_with_biases_last})


STEP = 0x9E3779B97F4A7C15  # of the state, for each integer


def built_after(count):
    """Parameters drawn as if `count` integers had been drawn before them."""
    def build_from(model, seed):
        random = prng.stream(seed, prng.PARAMETERS)
        random.state = moved(random.state, count)
        return [python.build_layer(layer, k, model, random) for k, layer in enumerate(model.layers)]
    return {build: build_from}


def moved(state, count):
    return (state + count * STEP) & prng.MASK


class Numbers:
    """In place of a generator: numbers that are there already."""

    def __init__(self, numbers):
        self.normal = iter(numbers).__next__


def by_tensors(normals):
    """Initialisations whose weights, and whose biases, are normals(random, count) of a layer."""
    def source(random, init, count):
        return random if init == "uniform" or isinstance(random, python.Zeros) else Numbers(normals(random, count))
    return with_bias(lambda random, init, fan_in, fan_out, count: draw_row(
        source(random, init, count), init, fan_in, fan_out, count), source)


def overlapping(random, count):
    """`count` normal numbers, which take twice as many integers; the next are drawn after the first `count` of them."""
    state = random.state
    numbers = [random.normal() for _ in range(count)]
    random.state = moved(state, count)
    return numbers


def of_two_halves(random, count):
    """Normal numbers whose first uniform numbers are all drawn before all of the second."""
    halves = [[random.uniform() for _ in range(count)] for _ in range(2)]
    return [math.sqrt(-2.0 * elementary.log(1.0 - u)) * elementary.cos(prng.TWO_PI * v) for u, v in zip(*halves)]


def normals_of_two_halves(seed, count):
    return {"numbers": of_two_halves(SplitMix64(int(seed, 16)), count)}


def normals_early(random, init, fan_in, fan_out, count):
    """Normal numbers from integers one too early; uniform numbers are right."""
    if init == "uniform" or isinstance(random, python.Zeros):
        return draw_row(random, init, fan_in, fan_out, count)
    random.state = moved(random.state, -1)
    row = draw_row(random, init, fan_in, fan_out, count)
    random.state = moved(random.state, 1)
    return row


def overlapping_layers(right):
    """The same for weights and biases of a layer together."""
    def drawn(random, init, *rest):
        state = getattr(random, "state", None)
        w, b = right(random, init, *rest)
        if init != "uniform" and state is not None:
            random.state = moved(state, (random.state - state) * pow(STEP, -1, 2**64) % 2**64 // 2)
        return w, b
    return {right: drawn}


mutant("init-offset", "parameters are drawn from integers of the stream that are one too early or too late",
       built_after(-1), built_after(1), {draw_row: normals_early})
mutant("init-overlap", "a layer's normal numbers overlap with the next: each takes two integers of the stream",
       by_tensors(overlapping), {**overlapping_layers(linear_init), **overlapping_layers(conv2d_init)})
mutant("normal-halves", "of many normal numbers, the first uniform numbers are all drawn before all of the second: "
       "each normal number draws its two uniform numbers in a row",
       {**by_tensors(of_two_halves), OPERATIONS["normal"].answer: normals_of_two_halves}, by_tensors(of_two_halves))


def normal_with(pi):
    def drawn(self):
        r = math.sqrt(-2.0 * elementary.log(1.0 - self.uniform()))
        return r * elementary.cos(2.0 * pi * self.uniform())
    return {normal: drawn}


mutant("pi", "pi has too few digits: it is 3.141592653589793",
       *map(normal_with, (3.14, 3.1416, 3.14159, 22.0 / 7.0, 3.1415, 3.141592, 3.1415926, 3.1415927, 3.14159265)))
mutant("shuffle-cycle", "no place is exchanged with itself, which gives orders of one cycle alone: place i is "
       "exchanged with one of 0 ... i", swaps(lambda g, n: ((i, g.below(i)) for i in range(n - 1, 0, -1))),
       swaps(lambda g, n: ((i, g.below(max(i, 1))) for i in range(n - 1, -1, -1))))
mutant("shuffle-rounded", "a place is rounded, or rounded up: j is floor(u * (i + 1))",
       *(swaps(lambda g, n, of=of: ((i, of(g.uniform(), i)) for i in range(n - 1, 0, -1))) for of in (
           lambda u, i: round(u * i), lambda u, i: math.ceil(u * i))),
       {SplitMix64.below: lambda self, n: round(self.uniform() * (n - 1))},
       {SplitMix64.below: lambda self, n: int(self.uniform() * (n - 1))},
       {SplitMix64.below: lambda self, n: math.ceil(self.uniform() * n)},
       {SplitMix64.below: lambda self, n: round(self.uniform() * n)})


# Sine and cosine

def by_quadrants(quadrants):
    """quadrants: (sine, cosine, n % 4 where n has n's sign, and whether the cosine is asked for) -> the answer"""
    def of(is_cosine):
        def function(x):
            if not abs(x) <= elementary.TRIGONOMETRIC_LIMIT:
                return elementary.NAN
            n, r, tail = elementary.reduce_half_pi(x)
            return quadrants(elementary.sin_kernel(r, tail, n != 0), elementary.cos_kernel(r, tail), n, is_cosine)
        return function
    return {elementary.sin: of(False), elementary.cos: of(True)}


def one_table(s, c, n, is_cosine):
    """One table of four for both functions; what is not 0, 1 or 2 has its last entry."""
    quadrant = int(math.fmod(n + is_cosine, 4))
    return {0: s, 1: c, 2: -s}.get(quadrant, -c)


def two_signs(s, c, n, is_cosine):
    """The kernel by n % 2, which is not 0 for odd n, and the sign by n % 4."""
    quadrant = int(math.fmod(n, 4))
    value = c if bool(n % 2) != is_cosine else s
    return -value if (quadrant in (1, 2) if is_cosine else quadrant >= 2) else value


def two_tables(s, c, n, is_cosine):
    quadrant = int(math.fmod(n, 4))
    return ({0: c, 1: -s, 2: -c}.get(quadrant, s) if is_cosine else {0: s, 1: c, 2: -s}.get(quadrant, -c))


mutant("quadrant", "the quadrant of a negative angle is negative: n modulo 4 is 0 ... 3, but % in C, Go, Java and "
       "JavaScript has the sign of n", *map(by_quadrants, (one_table, two_signs, two_tables)))


# Activations and losses

def elementwise(function):
    return lambda z: [function(v) for v in z]


def quotient(a, b):
    return a / b if b else math.nan if a == 0.0 or a != a else math.copysign(math.inf, a)


exp = elementary.exp
mutant("relu-max", "relu of NaN is NaN: it is z where z > 0, else 0",
       {activations.relu_forward: elementwise(lambda v: v if v > 0.0 or v != v else 0.0)})
mutant("sigmoid-other", "another formula of sigmoid, equal on paper: it is 1 / (1 + exp(-z))",
       *({activations.sigmoid_forward: elementwise(function)} for function in (
           lambda v: quotient(exp(v), 1.0 + exp(v)), lambda v: 0.5 * (1.0 + elementary.tanh(0.5 * v)),
           lambda v: 0.5 * elementary.tanh(0.5 * v) + 0.5, lambda v: 0.5 * (elementary.tanh(0.5 * v) + 1.0),
           lambda v: 1.0 / (1.0 + exp(-v)) if v >= 0.0 else exp(v) / (1.0 + exp(v)),
           lambda v: 1.0 - 1.0 / (1.0 + exp(v)))))
OTHER_TANH = (lambda v: quotient(exp(v) - exp(-v), exp(v) + exp(-v)), lambda v: 2.0 / (1.0 + exp(-2.0 * v)) - 1.0,
              lambda v: quotient(exp(2.0 * v) - 1.0, exp(2.0 * v) + 1.0), lambda v: 1.0 - 2.0 / (exp(2.0 * v) + 1.0),
              lambda v: quotient(1.0 - exp(-2.0 * v), 1.0 + exp(-2.0 * v)))
mutant("tanh-other", "another formula of tanh, by exp: the spec has its own, which cancels nowhere",
       *({elementary.tanh: function} for function in OTHER_TANH),
       *({activations.tanh_forward: elementwise(function)} for function in OTHER_TANH))
mutant("softmax-diagonal", "softmax's derivative has only its diagonal, a (1 - a): every output depends on every input",
       {activations.softmax_backward: lambda z, a, da: [d * (v * (1.0 - v)) for v, d in zip(a, da)]})
mutant("softmax-passed", "softmax's derivative is left out",
       {activations.softmax_backward: lambda z, a, da: da})


def minus_log(guarded):
    """Cross-entropy as -log(guarded(p))."""
    def loss(o, y):
        return -elementary.log(guarded(activations.softmax_forward(o)[y]))
    return {cross_entropy: loss}


mutant("log-of-softmax", "cross-entropy as -log(softmax): what softmax rounds to 0 has an infinite loss; it is "
       "m + log(s) - o[y]", minus_log(lambda p: p))
mutant("log-guard", "a small number is added to the probability, or it is clipped, before the logarithm: the loss of "
       "logits needs neither", *(minus_log(guard) for size in (3, 5, 6, 7, 8, 9, 10, 12, 15, 16, 20, 30) for guard in (
           lambda p, e=10.0**-size: p + e, lambda p, e=10.0**-size: max(p, e),
           lambda p, e=10.0**-size: min(max(p, e), 1.0 - e))))


def two_terms(o, y):
    p = activations.softmax_forward(o)
    return plain_total(0.0, [(-1.0, elementary.log(v if t else 1.0 - v)) for v, t in zip(p, one_hot(y, len(o)))])


mutant("two-terms", "cross-entropy also counts the wrong classes, -log(1 - p): that is the loss of independent outputs",
       {cross_entropy: two_terms})


def mean_over_all(loss, o, y, reduction):
    return [[d / len(do_n) for d in do_n] for do_n in batch_gradient(loss, o, y, reduction)]


mutant("mean-over-outputs", "the gradient is also divided by the number of outputs", {batch_gradient: mean_over_all})


# Steps and epochs

def loss_after_update(layers, loss, parameters, x, y, reduction, lr, input_shape=None):
    answer = operation_step(layers, loss, parameters, x, y, reduction, lr, input_shape)
    net = python.PythonImplementation(model_of(layers, loss, input_shape=input_shape), 0)
    net.set_parameters(answer["parameters"])
    return dict(answer, loss=net.batch_loss(x, y, reduction))


mutant("loss-after", "the loss of a step is taken after the update: it belongs to the outputs before it",
       {operation_step: loss_after_update})


def in_place(names):
    """A step whose activations overwrite what they are computed from, and with it the answer."""
    def changed(layers, *args, **inputs):
        answer = operation_step(layers, *args, **inputs)
        outputs = answer["outputs"]
        for k, layer in reversed([*enumerate(layers)][1:]):
            if layer["type"] in names:
                outputs[k - 1] = outputs[k]
        return answer
    return {operation_step: changed}


mutant("in-place", "an activation is computed in place, so the output of the layer before it is lost: each layer has "
       "outputs of its own", *map(in_place, (("relu",), ("relu", "leaky_relu"), tuple(ACTIVATIONS))))


def step_with_deltas_of_inputs(layers, loss, parameters, x, y, reduction, lr, input_shape=None):
    net = python.PythonImplementation(model_of(layers, loss, input_shape=input_shape), 0)
    net.set_parameters(parameters)
    _, deltas, _ = net.batch(x, y, reduction, needs_dx=True)
    return {**operation_step(layers, loss, parameters, x, y, reduction, lr, input_shape), "deltas": deltas[:-1]}


mutant("deltas-of-inputs", "deltas are the gradients of the layers' inputs: they are those of their outputs",
       {operation_step: step_with_deltas_of_inputs})


def step_with(change, lr_of=lambda lr, x: lr):
    """A step whose gradients are changed: change(layers, gradients)."""
    def changed_step(layers, x, y, loss, reduction, lr):
        outputs = training.forward(layers, x)
        _, gradients = training.backward(layers, outputs, losses.batch_gradient(loss, outputs[-1], y, reduction))
        training.update(layers, change(layers, gradients), lr_of(lr, x))
        return loss_of(loss, outputs[-1], y, reduction)["losses"]
    return {step: changed_step}


def kept_over(factor):
    """Gradients plus `factor` times those of the steps before."""
    def change(layers, gradients):
        first = layers[0]
        before = getattr(first, "gradients_before", None)
        if before:
            gradients = [[[v + factor * u for v, u in zip(*rows)] for rows in zip(*pair)]
                         for pair in zip(gradients, before)]
        first.gradients_before = gradients
        return gradients
    return change


def unchanged(layers, gradients):
    return gradients


mutant("not-zeroed", "gradients are not set to 0 between steps: they add up", step_with(kept_over(1.0)))
mutant("momentum", "the update has momentum: it is plain gradient descent", step_with(kept_over(0.9)),
       step_with(kept_over(0.5)))
def with_rate(lr_of):
    """A step, and the operation of this name, whose learning rate is lr_of(lr, x)."""
    def changed(layers, loss, parameters, x, y, reduction, lr, input_shape=None):
        return operation_step(layers, loss, parameters, x, y, reduction, lr_of(lr, x), input_shape)
    return {operation_step: changed, **step_with(unchanged, lr_of)}


mutant("rate-by-batch", "the learning rate is multiplied or divided by the size of the batch",
       with_rate(lambda lr, x: lr * len(x)), with_rate(lambda lr, x: lr / len(x)))
mutant("rate-factor", "the learning rate of a step is multiplied by a number: it is taken as it is",
       *(with_rate(lambda lr, x, factor=factor: lr * factor) for factor in (2.0, 0.5, 0.1, 10.0, 0.01)))


def epoch_with_full_size(layers, x, y, order, batch_size, loss, reduction, lr):
    """The gradient of a smaller last batch is divided by the full batch size."""
    rest = len(order) % batch_size
    whole = order[:len(order) - rest]
    return (epoch(layers, x, y, whole, batch_size, loss, reduction, lr)
            + epoch(layers, x, y, order[len(whole):], batch_size, loss, reduction, lr * (rest / batch_size)))


def epoch_without_small(layers, x, y, order, batch_size, loss, reduction, lr):
    first = order[:len(order) % batch_size]
    return (epoch(layers, x, y, first, batch_size, loss, reduction, lr)
            + epoch(layers, x, y, order[len(first):], batch_size, loss, reduction, lr))


def epoch_filled_up(layers, x, y, order, batch_size, loss, reduction, lr):
    missing = -len(order) % batch_size
    return epoch(layers, x, y, [*order, *list(order)[:missing]], batch_size, loss, reduction, lr)


mutant("full-batch-size", "the gradient of the smaller last batch is divided by the full batch size: it is a mean over "
       "the samples that the batch has", {epoch: epoch_with_full_size})
mutant("small-batch-first", "the smaller batch of an epoch comes first: it is the last", {epoch: epoch_without_small})
mutant("last-batch-filled", "the last batch is filled up with samples from the start", {epoch: epoch_filled_up})


def decayed(rule):
    """Learning rates rule(lr, decay, every, epoch), epoch from 0."""
    def rates(epochs, lr, decay, every):
        return [rule(lr, decay, every, e) for e in range(int(epochs))]
    return {learning_rates: rates}


def decays(count):
    """Learning rates with count(every, epoch) decays, each of which multiplies the rate before."""
    def rate(lr, decay, every, e):
        for _ in range(count(every, e)):
            lr *= decay
        return lr
    return decayed(rate)


mutant("decay-late", "the learning rate decays one epoch late", decays(lambda every, e: (e - 1) // every if e else 0))
mutant("decay-early", "the learning rate decays one epoch early", decays(lambda every, e: (e + 1) // every))
mutant("decay-first", "the learning rate decays after epoch 1, and then after every `lr_decay_every` epochs: it does "
       "after epochs that are multiples of it", decays(lambda every, e: (e + every - 1) // every))
mutant("decay-power", "the learning rate is lr * decay^k, by a power: each decay multiplies the rate before",
       decayed(lambda lr, decay, every, e: lr * decay ** (e // every)))
mutant("decay-every", "the learning rate decays after every epoch: it does after every `lr_decay_every` epochs",
       decays(lambda every, e: e))
mutant("decay-smooth", "the learning rate decays a little in every epoch: it is constant for `lr_decay_every` epochs",
       decayed(lambda lr, decay, every, e: lr * decay ** (e / every)),
       decayed(lambda lr, decay, every, e: lr / (1.0 + decay * e)))
mutant("decay-once", "the learning rate decays once only", decays(lambda every, e: int(e >= every)))
mutant("decay-from-0", "the decay is subtracted, or counted from the last epoch",
       decayed(lambda lr, decay, every, e: lr * (1.0 - decay * (e // every))))
mutant("no-decay", "the learning rate does not decay", decayed(lambda lr, decay, every, e: lr))


def epoch_in_two_orders(of_x, of_y):
    """x in the order of_x(order), y in of_y(order)."""
    def changed(layers, x, y, order, *rest):
        rows, targets = [x[n] for n in of_x(order)], [y[n] for n in of_y(order)]
        return epoch(layers, rows, targets, range(len(order)), *rest)
    return {epoch: changed}


mutant("two-orders", "x and y are not in the same order: one of them is not shuffled",
       epoch_in_two_orders(lambda order: order, sorted), epoch_in_two_orders(sorted, lambda order: order))


# When the loss of a training is taken

class Watched(python.PythonImplementation):
    """An implementation whose loss is taken while it trains. of: (losses of an epoch's samples, batch size) -> loss"""

    of = None

    def train(self, x, y, order, start, stop, batch_size, lr, reduction):
        order = (range(len(x)) if order is None else order)[start:stop]
        self._set_mode(in_training=True, needs_dx=False)
        self.seen = training.epoch(self.layers, x, y, order, batch_size, self.model.loss, reduction, lr), batch_size
        return True

    def evaluate(self, x, y, reduction):
        if not hasattr(self, "seen"):
            return super().evaluate(x, y, reduction)
        total = type(self).of(*self.seen)
        return (total / len(x) if reduction == "mean" else total), 0


def watched(rule):
    kind = type("Watched", (Watched,), {"of": staticmethod(rule)})
    return {OPERATIONS["train"].answer: lambda **inputs: train_with(kind, **inputs)}


def of_batches(values, size):
    """The mean of the batches' means, times the number of samples."""
    parts = [values[n:n + size] for n in range(0, len(values), size)]
    return added([added(part) / len(part) for part in parts]) / len(parts) * len(values)


def of_last_batch(values, size):
    last = values[-(len(values) % size or size):]
    return added(last) / len(last) * len(values)


mutant("loss-while-training", "the loss of an epoch is that of each batch before its update: it is taken after the "
       "epoch, over all samples", watched(lambda values, size: added(values)), watched(of_batches))
mutant("loss-of-last-batch", "the loss of an epoch is that of its last batch: it is taken over all samples",
       watched(of_last_batch))


def reduced_as_steps(reduction, **inputs):
    class Reduced(python.PythonImplementation):
        def evaluate(self, x, y, _):
            return super().evaluate(x, y, reduction)
    return train_with(Reduced, reduction=reduction, **inputs)


def reduced_otherwise(**inputs):
    class Reduced(python.PythonImplementation):
        def evaluate(self, x, y, reduction):
            return super().evaluate(x, y, "sum" if reduction == "mean" else "mean")
    return train_with(Reduced, **inputs)


mutant("loss-reduction", "the losses of a training have the reduction of its steps: they have that of the loss",
       {OPERATIONS["train"].answer: reduced_as_steps})
mutant("loss-mean-for-sum", "the losses of a training are means where sums are asked for, or the reverse",
       {OPERATIONS["train"].answer: reduced_otherwise})


def last_only(layers, loss, y, epochs, batch_size, lr, lr_decay, lr_decay_every, shuffle, seed, reduction, x=None,
              pixels=None, init="normal", parameters=None, input_shape=None):
    """The losses and digests of the epochs before: each is taken before its epoch."""
    answer = train_with(python.PythonImplementation, layers, loss, y, epochs, batch_size, lr, lr_decay, lr_decay_every,
                        shuffle, seed, reduction, x, pixels, init, parameters, input_shape)
    return {**answer, **{key: [answer[key][0], *answer[key][:-1]] for key in ("losses", "digests")}}


mutant("epoch-before", "losses and digests are taken before their epochs: the first belongs to the parameters before "
       "training, the others are taken after each epoch", {OPERATIONS["train"].answer: last_only})


def trained_on_digest(digested):
    """Trainings whose digest is of digested(parameters)."""
    def train(**inputs):
        function = type(train_with)(train_with.__code__, {**train_with.__globals__, "digest": digested}, None,
                                    train_with.__defaults__)
        return function(python.PythonImplementation, **inputs)
    return {OPERATIONS["train"].answer: train}


def swapped_bytes(parameters):
    values = array("d", parameters)
    values.byteswap()
    return digest(values)


mutant("digest-order", "the digest is of big-endian doubles: they are little-endian", trained_on_digest(swapped_bytes))


# Evaluation against training

def never_in_training(tracked, backward_too):
    """tracked: the running statistics are updated first; backward_too: the way back takes them, too"""
    def forward(self, x):
        if not self.training:
            return batchnorm_forward(self, x)
        gamma, beta = self.parameters
        positions = python.channels(x, self.layer.num_features)
        own, squares, m = batchnorm.batchnorm2d_statistics(positions)
        if tracked:
            batchnorm.batchnorm2d_track(*self.buffers, own, squares, m, self.layer.momentum)
        mean, variance = map(list, self.buffers)
        self.mean, self.variance = (mean, variance) if backward_too else (own, [s / m for s in squares])
        return python.flat_channels(
            batchnorm.batchnorm2d_forward(positions, mean, variance, gamma, beta, self.layer.eps))
    return {batchnorm_forward: forward}


mutant("never-training", "batch normalisation trains with the running statistics: it uses those of the batch",
       *(never_in_training(*how) for how in ((False, False), (False, True), (True, False), (True, True))),
       *({**never_in_training(tracked, True), batchnorm.batchnorm2d_backward: backward_past_the_statistics}
         for tracked in (False, True)))


# Numbers that lose digits

def in_all(convert):
    """Every operation, with a function of each number of its answer."""
    def changed(values):
        if isinstance(values, dict):
            return {key: changed(item) for key, item in values.items()}
        if isinstance(values, (list, tuple)):
            return [changed(item) for item in values]
        return convert(values) if isinstance(values, float) and math.isfinite(values) else values

    def with_conversion(answer):
        return lambda **inputs: changed(answer(**inputs))

    return {operation.answer: with_conversion(operation.answer) for operation in OPERATIONS.values()}


def printed(form):
    return in_all(lambda v: float(form % v))


def single(v):
    try:
        return array("f", [v])[0]
    except OverflowError:
        return math.copysign(math.inf, v)


FORMS = ("%.16g", "%.15g", "%.12g", "%.10g", "%.9g", "%.8g", "%.7g", "%g", "%.5g", "%.4g", "%.16f", "%.15f", "%.12f",
         "%.10f", "%.9f", "%.8f", "%.7f", "%f", "%.5f", "%.4f", "%.3f", "%.2f", "%.15e", "%.10e", "%.8e", "%e")
mutant("text", "the answer's numbers lose digits as text: a double needs 17 significant digits", *map(printed, FORMS))
mutant("single-answer", "the answer's numbers are rounded to single precision", in_all(single),
       in_all(lambda v: float(f"{single(v):.8g}")), in_all(lambda v: float(f"{single(v):.9g}")))


def single_total(start, pairs):
    for a, b in pairs:
        start = single(start + a * b)
    return start


def single_product_total(start, pairs):
    for a, b in pairs:
        start = single(start + single(a * b))
    return start


mutant("single-sum", "sums are kept in single precision", linear_with(single_total), linear_with(single_product_total))


def update_in_single(p, dp, lr):
    p[:] = [single(v - lr * d) for v, d in zip(p, dp)]


mutant("single-weights", "parameters are kept in single precision", {linear.linear_update: update_in_single})
