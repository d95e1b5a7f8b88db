"""Random cases for both implementations: runs of multilayer perceptrons, stacks of layers, shapes for the kernels.

REFNN_TEST_SEED selects other runs and stacks. A case has a number, and a failed test names it: the same number makes it
again.
"""

import math
import os
from inspect import signature

from refnn import Conv2d, Flatten, Linear, Model, check_samples, mlp
from refnn.layers import ACTIVATIONS, LAYERS
from refnn.model import INITS, LOSSES, REDUCTIONS
from refnn.reference.prng import stream

SEED = int(os.environ.get("REFNN_TEST_SEED", "1"))
OF_IMAGES = [kind for kind in LAYERS if kind not in (Linear, Flatten, *ACTIVATIONS.values())]  # images in, images out


def chooser(random):
    """choose(*options) returns one of them."""
    return lambda *options: options[random.below(len(options))]


def targets(random, loss, outputs, count):
    """Classes for a loss of classes, or rows of numbers."""
    classes = [random.below(outputs) for _ in range(count)]
    if LOSSES[loss].classes:
        return classes
    return [[random.normal() for _ in range(outputs)] for _ in range(count)]


def run(n):
    """Run number n: a model, data and settings. One run in ten is invalid."""
    random = stream(SEED, n + 1)
    choose = chooser(random)
    sizes = [choose(1, 1, 2, 3, 5, 8, 17, 33) for _ in range(choose(2, 2, 3, 4))]
    loss = choose(*LOSSES)
    model = dict(sizes=sizes, activation=choose(*ACTIVATIONS), output=choose("identity", *ACTIVATIONS),
                 bias=choose(True, False), loss=loss, init=choose(*INITS))
    count = choose(1, 2, 3, 7, 20, 70)
    special = [0.0, -0.0, 1.0, -1.0, 5e-324, 1e-200, 1e200, -1e308]

    def number():
        return choose(*special) if random.below(20) == 0 else choose(0.0, random.normal(), random.normal())

    x = [[number() for _ in range(sizes[0])] for _ in range(count)]
    y = targets(random, loss, sizes[-1], count)
    settings = dict(lr=choose(0.001, 0.1, 1.0, 30.0), batch_size=choose(1, 2, 3, 8, 100), shuffle=choose(True, False),
                    reduction=choose(None, *REDUCTIONS), epochs=choose(1, 2, 3), lr_decay=choose(1.0, 0.5),
                    lr_decay_every=choose(1, 2))
    if random.below(10) == 0:
        choose(lambda: x.append([0.0] * (sizes[0] + 1)), lambda: y.pop(), lambda: x[-1].__setitem__(0, float("nan")),
               lambda: x[-1].__setitem__(0, "1"), lambda: y.__setitem__(0, sizes[-1]), lambda: settings.update(lr=-1.0),
               lambda: settings.update(batch_size=0), lambda: settings.update(reduction="median"),
               lambda: settings.update(epochs=1.5))()
    return model, x, y, settings


def layer_of(kind, shape, choose):
    """A random layer of this kind that fits an image of that shape. Arguments are chosen by their names."""
    channels, *size = shape
    names = signature(kind).parameters
    padding = [choose(0, 0, 1, 1, 2) if "padding" in names else 0 for _ in size]
    kernel = [choose(*range(1, min(5, length + 2 * p) + 1)) for length, p in zip(size, padding)]
    strides = [1, 1, 2, (1, 3), (2, 3), (3, 1), *([names["stride"].default] if "stride" in names else [])]
    arguments = {"in_channels": channels, "num_features": channels, "out_channels": choose(1, 2, 3, 4, 5, 8, 9),
                 "kernel_size": tuple(kernel), "stride": choose(*strides), "padding": tuple(padding),
                 "bias": choose(True, False), "eps": choose(1e-5, 0.5), "momentum": choose(0.1, 1.0)}
    return kind(**{name: arguments[name] for name in names})


def layer_for(shape, choose):
    """A random layer from images to images, as often of each kind; but convolution as often as all others."""
    return layer_of(choose(choose(*OF_IMAGES, choose(*ACTIVATIONS.values())), Conv2d), shape, choose)


def stack(n):
    """Stack number n: a model, samples, a batch size and a learning rate."""
    random = stream(SEED, 1000 + n)
    choose = chooser(random)
    shape = (choose(1, 1, 2, 3, 5), choose(1, 2, 5, 7, 9, 12), choose(1, 3, 4, 8, 10, 17))
    layers, shapes = [], [shape]
    for _ in range(choose(1, 2, 3, 4, 5)):
        layers.append(layer_for(shapes[-1], choose))
        shapes.append(layers[-1].output_shape(shapes[-1]))
    if choose(True, True, False):
        layers += [Flatten(), Linear(math.prod(shapes[-1]), choose(1, 3, 10))]
    model = Model(layers, choose("mse", "cross_entropy"), choose(*INITS), shape)
    count = choose(1, 2, 3, 7, 11)
    x = [[choose(0.0, -1.0, random.normal(), random.normal(), random.normal()) for _ in range(model.inputs)]
         for _ in range(count)]
    y = targets(random, model.loss, model.outputs, count)
    return model, check_samples(model, x, y), choose(1, 2, 4, 100), choose(0.001, 0.1, 1.0, 1e30)


# Shapes of the tasks and shapes at the borders of tiles: sizes, samples, batch size, share of zeros among the inputs.
CHOSEN = [([784, 128, 64, 10], 12, 1, 0.8), ([784, 128, 64, 10], 30, 10, 0.8), ([784, 128, 64, 10], 130, 128, 0.8),
          ([2, 100, 80, 50, 30, 10, 1], 25, 10, 0.0), ([300, 33, 7], 140, 70, 0.9), ([64, 1, 1], 300, 300, 0.0),
          ([40, 300, 260], 9, 4, 0.5), ([290, 17], 140, 140, 0.0), ([1, 1], 5, 2, 0.0), ([257, 8, 257], 10, 3, 0.7)]


def shape(n):
    """Shape number n: a model, samples, a batch size. Shapes after the chosen ones have sizes from 1 to 70."""
    random = stream(77, n + 1)
    if n < len(CHOSEN):
        sizes, count, batch_size, zeros = CHOSEN[n]
    else:
        sizes = [1 + random.below(70) for _ in range(2 + random.below(3))]
        count, zeros = 1 + random.below(70), random.uniform()
        batch_size = 1 + random.below(count)
    names = list(ACTIVATIONS)
    loss = ("mse", "cross_entropy")[random.below(2)]
    model = mlp(sizes, names[random.below(len(names))], names[random.below(len(names))], random.below(2) == 1, loss)
    x = [[0.0 if random.uniform() < zeros else random.normal() for _ in range(sizes[0])] for _ in range(count)]
    y = targets(random, loss, sizes[-1], count)
    return model, check_samples(model, x, y), batch_size
