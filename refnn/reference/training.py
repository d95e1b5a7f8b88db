"""Chapter 4: training. Layers in a row, and how they learn.

A network is a list of layers. A layer has `parameters`, a list of rows of floats, and two methods:

    forward(x)          returns its output a for its input x
    backward(x, a, da)  returns dL/dx, and the derivatives of L with respect to its parameters, in their shape

x, a and da are lists of rows, one for each sample. Here a is the output of any layer: of a linear layer it is what
chapter 1 calls z. Targets y are as the loss needs them: rows, or indices of classes. An epoch is one pass over all
samples, with one step for each batch of them. Where the first parameters come from is told in chapters 8 and 9.
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

    From the last layer to the first, each turns the derivative of its output into the derivative of its input.
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
    """Returns the loss over all samples, and the number of samples that are classified correctly: those whose largest
    output is where the target's largest number is. That number means something with two or more outputs only.
    """
    value, _ = LOSSES[loss]
    total = 0.0
    correct = 0
    for x_n, y_n in zip(x, y):
        o_n = forward(layers, [x_n])[-1][0]
        right = y_n if isinstance(y_n, int) else argmax(y_n)
        total += value(o_n, y_n)
        correct += argmax(o_n) == right
    return (total / len(x) if reduction == "mean" else total), correct


__test__ = {"by hand": """
One step of the network that alice_and_bob() below trains: two inputs, two neurons in a hidden layer, which is one
between input and output, and one output neuron. All weights are 1 and all biases 0, to keep the numbers few. (Training
begins with random weights: equal hidden neurons get equal derivatives, and stay equal.)

>>> layers = [Linear([[1.0, 1.0], [1.0, 1.0]], [0.0, 0.0]), Activation("sigmoid"),
...           Linear([[1.0], [1.0]], [0.0]), Activation("sigmoid")]

Alice is x = -2, -1, and her target is 1. Both hidden neurons have z = -2 - 1 = -3 and h = 1 / (1 + e^3) = 0.047426.
The output neuron has z = h + h = 0.094852 and o = 1 / (1 + e^-z) = 0.523695. With one output, L = (o - 1)^2
= 0.226866.

>>> mse, _ = LOSSES["mse"]
>>> outputs = forward(layers, [[-2.0, -1.0]])
>>> [round(a[0][0], 6) for a in outputs], round(mse(outputs[-1][0], [1.0]), 6)
([-2.0, -3.0, 0.047426, 0.094852, 0.523695], 0.226866)

The way back. dL/do = 2 (o - 1) = -0.952610. Through sigmoid: dL/dz = dL/do * o (1 - o) = -0.237618. The weight from h
to the output neuron is 1, so dL/dh is the same. Through sigmoid: dL/dz = dL/dh * h (1 - h) = -0.010735. The first
input goes into both hidden neurons with weight 1: dL/dx = 1 * (-0.010735) + 1 * (-0.010735) = -0.021470.

>>> deltas, gradients = backward(layers, outputs, batch_gradient("mse", outputs[-1], [[1.0]], "mean"))
>>> [round(da[0][0], 6) for da in reversed(deltas)]
[-0.95261, -0.237618, -0.237618, -0.010735, -0.02147]

Each weight's derivative is its input times dL/dz of its neuron, each bias's is dL/dz. Hidden: -2 * (-0.010735) and
-1 * (-0.010735) for w, -0.010735 for b. Output: 0.047426 * (-0.237618) for w, -0.237618 for b. With more places, the
first of them, dL/dw1 for w1 = layers[0].w[0][0], is 0.0214695. (Layers 1 and 3 are activations, without parameters.)

>>> [[round(d, 7) for d in row] for row in gradients[0]]
[[0.0214695, 0.0214695], [0.0107348, 0.0107348], [-0.0107348, -0.0107348]]
>>> [[round(d, 7) for d in row] for row in gradients[2]]
[[-0.0112692], [-0.0112692], [-0.2376176]]

If dL/dw1 is right, L grows by about 0.001 * 0.0214695 when w1 grows by 0.001.

>>> layers[0].w[0][0] = 1.001
>>> round((mse(forward(layers, [[-2.0, -1.0]])[-1][0], [1.0]) - mse(outputs[-1][0], [1.0])) / 0.001, 4)
0.0215
>>> layers[0].w[0][0] = 1.0

The update with learning rate 0.1: w1 = 1 - 0.1 * 0.0214695 = 0.997853, and so on. The loss has fallen.

>>> losses = step(layers, [[-2.0, -1.0]], [[1.0]], "mse", "mean", lr=0.1)
>>> [[round(p, 6) for p in row] for layer in layers for row in layer.parameters]
[[0.997853, 0.997853], [0.998927, 0.998927], [0.001073, 0.001073], [1.001127], [1.001127], [0.023762]]
>>> round(losses[0], 6), round(mse(forward(layers, [[-2.0, -1.0]])[-1][0], [1.0]), 6)
(0.226866, 0.221097)
"""}


def alice_and_bob(seed=0):
    """Trains a network to tell women (1) from men (0) by weight and height, and prints the loss after each epoch.

    A person is two numbers, the weight in pounds less 135 and the height in inches less 66. After 1000 epochs the loss
    is about 0.0015. An output near 1 means a woman, one near 0 a man.
    """
    x = [[-2.0, -1.0], [25.0, 6.0], [17.0, 4.0], [-15.0, -6.0]]  # Alice, Bob, Charlie, Diana
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
