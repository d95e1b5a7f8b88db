"""Chapter 4: training. Layers in a row, and how they learn.

A network is a list of layers. A layer has `parameters`, a list of rows of floats, and two methods:

    forward(x)          returns its output a for its input x
    backward(x, a, da)  returns dL/dx, and the derivatives of L by its parameters in the shape of `parameters`

x, a and da are lists of rows, a sample each. Targets y are as the loss needs them: rows, or indices of classes.
One pass over all samples is an epoch. It takes a step for each batch of them.
"""

from .activations import Activation
from .init import linear_init
from .linear import Linear, linear_update
from .losses import LOSSES, argmax, batch_gradient
from .prng import PARAMETERS, stream


def forward(layers, x):
    """Returns the outputs [x, a_1, a_2, ..., o]: the input, then the output of every layer."""
    outputs = [x]
    for layer in layers:
        outputs.append(layer.forward(outputs[-1]))
    return outputs


def backward(layers, outputs, do):
    """Returns the deltas, dL/da for each a of `outputs`, and the gradients of every layer's parameters.

    Each layer turns the derivative by its output into the derivative by its input, from the last layer to the first.
    """
    deltas = [do]
    gradients = []
    for k in range(len(layers) - 1, -1, -1):
        x, a = outputs[k], outputs[k + 1]
        dx, gradient = layers[k].backward(x, a, deltas[0])
        deltas = [dx] + deltas
        gradients = [gradient] + gradients
    return deltas, gradients


def update(layers, gradients, lr):
    """One step of gradient descent with learning rate lr: p -= lr * dL/dp for every parameter p."""
    for layer, gradient in zip(layers, gradients):
        for p, dp in zip(layer.parameters, gradient):
            linear_update(p, dp, lr)


def step(layers, x, y, loss, reduction, lr):
    """Learns from one batch. Returns the loss of each sample before the update.

    All derivatives are taken before any parameter changes.
    """
    value, _ = LOSSES[loss]
    outputs = forward(layers, x)
    losses = [value(o_n, y_n) for o_n, y_n in zip(outputs[-1], y)]
    do = batch_gradient(loss, outputs[-1], y, reduction)
    _, gradients = backward(layers, outputs, do)
    update(layers, gradients, lr)
    return losses


def epoch(layers, x, y, order, batch_size, loss, reduction, lr):
    """Learns from the samples once, in the order of their indices in `order`; the last batch may be smaller.

    Returns the loss of each sample before its step.
    """
    losses = []
    for start in range(0, len(order), batch_size):
        batch = order[start:start + batch_size]
        losses += step(layers, [x[n] for n in batch], [y[n] for n in batch], loss, reduction, lr)
    return losses


def evaluate(layers, x, y, loss, reduction):
    """Returns the loss over all samples, and the number of them whose largest output is where the target says."""
    value, _ = LOSSES[loss]
    total = 0.0
    correct = 0
    for x_n, y_n in zip(x, y):
        o_n = forward(layers, [x_n])[-1][0]
        right = y_n if isinstance(y_n, int) else argmax(y_n)
        total += value(o_n, y_n)
        correct += argmax(o_n) == right
    return total / len(x) if reduction == "mean" else total, correct


__test__ = {"by hand": """
Alice's weight is 2 below the mean and her height 1 below it; 1 means female. All weights are 1, all biases 0.

>>> layers = [Linear([[1.0, 1.0], [1.0, 1.0]], [0.0, 0.0]), Activation("sigmoid"),
...           Linear([[1.0], [1.0]], [0.0]), Activation("sigmoid")]
>>> outputs = forward(layers, [[-2.0, -1.0]])

Each hidden neuron has z = -2 - 1 = -3 and h = 1 / (1 + e^3) = .0474. The output neuron has z = h + h = .0949 and
o = .5237. The loss is (o - 1)^2, so dL/do = 2 (o - 1) = -.9526.

>>> [round(a[0][0], 4) for a in outputs]
[-2.0, -3.0, 0.0474, 0.0949, 0.5237]
>>> deltas, gradients = backward(layers, outputs, batch_gradient("mse", outputs[-1], [[1.0]], "mean"))

Back through sigmoid: dL/dz = -.9526 * .5237 * (1 - .5237) = -.2376. The weight behind h is 1, so dL/dh is the same.
Back through sigmoid again: -.2376 * .0474 * (1 - .0474) = -.0107. The first weight's input is -2: dL/dw1 = .0215.

>>> [round(da[0][0], 4) for da in reversed(deltas)]
[-0.9526, -0.2376, -0.2376, -0.0107, -0.0215]
>>> round(gradients[0][0][0], 7)
0.0214695
"""}


def alice_and_bob(seed=0):
    """Trains a network to tell women from men by weight and height, and prints the loss after each epoch."""
    x = [[-2.0, -1.0], [25.0, 6.0], [17.0, 4.0], [-15.0, -6.0]]
    y = [[1.0], [0.0], [0.0], [1.0]]
    random = stream(seed, PARAMETERS)
    layers = [Linear(*linear_init(random, "normal", 2, 2, bias=True)), Activation("sigmoid"),
              Linear(*linear_init(random, "normal", 2, 1, bias=True)), Activation("sigmoid")]
    for number in range(1, 1001):
        epoch(layers, x, y, order=range(4), batch_size=1, loss="mse", reduction="mean", lr=0.1)
        loss, _ = evaluate(layers, x, y, "mse", "mean")
        print(f"epoch {number}  loss {loss!r}")
    for name, person in (("Emily", [-7.0, -3.0]), ("Frank", [20.0, 2.0])):
        print(f"{name}: {forward(layers, [person])[-1][0][0]!r}")
    return layers
