"""F. Andrei's network for MNIST ("Backpropagation from scratch"), with its mistake.

The mistake is softmax's derivative at the second hidden layer. The network has three layers without biases, sigmoid in
the hidden layers, softmax at the output, one sample at a time, and weights of outputs x inputs. The module implements
one operation of the spec, for networks of this form. The checker must name the mistake.
"""

import numpy as np


def sigmoid(z):
    return 1.0 / (1.0 + np.exp(-z))


def sigmoid_derivative(z):
    return np.exp(-z) / (np.exp(-z) + 1.0) ** 2


def softmax(z):
    e = np.exp(z - z.max())
    return e / e.sum()


def softmax_derivative(z):
    return softmax(z) * (1.0 - softmax(z))


def step(layers, loss, parameters, x, y, reduction, lr):
    types = [layer["type"] for layer in layers]
    if types != ["linear", "sigmoid"] * 2 + ["linear"] or layers[0]["bias"] or loss != "cross_entropy" or len(x) != 1:
        return None
    w, start = [], 0
    for layer in layers[::2]:
        inputs, outputs = layer["inputs"], layer["outputs"]
        w.append(np.array(parameters[start:start + inputs * outputs]).reshape(inputs, outputs).T)
        start += inputs * outputs
    o0 = np.array(x[0])
    z1 = w[0] @ o0
    o1 = sigmoid(z1)
    z2 = w[1] @ o1
    o2 = sigmoid(z2)
    z3 = w[2] @ o2
    d3 = softmax(z3) - np.eye(len(z3))[y[0]]
    e2 = d3 @ w[2]
    d2 = e2 * softmax_derivative(z2)  # the mistake: this layer is a sigmoid
    e1 = d2 @ w[1]
    d1 = e1 * sigmoid_derivative(z1)
    gradients = [np.outer(d, o) for d, o in ((d1, o0), (d2, o1), (d3, o2))]
    return {"outputs": [[v.tolist()] for v in (z1, o1, z2, o2, z3)],
            "loss": -np.log(softmax(z3)[y[0]]),
            "deltas": [[v.tolist()] for v in (d1, e1, d2, e2, d3)],
            "gradients": np.concatenate([g.T.ravel() for g in gradients]).tolist(),
            "parameters": np.concatenate([(v - lr * g).T.ravel() for v, g in zip(w, gradients)]).tolist()}
