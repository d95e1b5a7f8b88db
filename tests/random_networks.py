"""Questions about one step of random networks, for tests of rounding."""

import random

from refnn.conformance.vectors import Case


def linear(inputs, outputs):
    return {"type": "linear", "inputs": inputs, "outputs": outputs, "bias": True}


def conv(channels, outputs, size, padding=0):
    return {"type": "conv2d", "in_channels": channels, "out_channels": outputs, "kernel_size": [size, size],
            "stride": [1, 1], "padding": [padding, padding], "bias": True}


def perceptron(widths, activation, last=()):
    layers = []
    for inputs, outputs in zip(widths, widths[1:]):
        layers += [linear(inputs, outputs), {"type": activation}]
    return layers[:-1] + [{"type": name} for name in last]


POOL = {"type": "maxpool2d", "kernel_size": [2, 2], "stride": [2, 2]}
NORM = {"type": "batchnorm2d", "num_features": 4, "eps": 1e-5, "momentum": 0.1}
IMAGES = [conv(2, 4, 3, 1), NORM, {"type": "relu"}, POOL, conv(4, 4, 3), NORM, {"type": "tanh"}, {"type": "flatten"},
          linear(16, 5)]
NETWORKS = {  # name: layers, loss, scale of the weights times the root of a layer's inputs, samples, input_shape
    "deep relu": (perceptron([20, 32, 32, 32, 32, 10], "relu"), "cross_entropy", 1.4, 16, None),
    "deep tanh": (perceptron([20, 32, 32, 32, 32, 10], "tanh"), "cross_entropy", 1.5, 16, None),
    "saturated tanh": (perceptron([10, 20, 20, 5], "tanh", ["tanh"]), "mse", 12.0, 8, None),
    "saturated sigmoid": (perceptron([10, 20, 20, 5], "sigmoid", ["sigmoid"]), "sse", 15.0, 8, None),
    "leaky, softmax inside": (perceptron([10, 16, 16, 5], "leaky_relu", ["softmax"]), "sse", 2.0, 8, None),
    "positive": (perceptron([30, 32, 32, 10], "relu"), "mse", -1.0, 16, None),
    "wide": (perceptron([300, 40, 10], "sigmoid"), "cross_entropy", 1.0, 10, None),
    "images": (IMAGES, "cross_entropy", 1.4, 6, [2, 8, 8]),
}


def question(name, seed):
    """A case of `step`. A negative scale: all weights and inputs are positive."""
    layers, loss, scale, samples, shape = NETWORKS[name]
    generator = random.Random(f"{name} {seed}")
    parameters = []
    for layer in layers:
        if layer["type"] == "batchnorm2d":
            count = layer["num_features"]
            parameters += [generator.uniform(0.5, 1.5) for _ in range(count)]
            parameters += [generator.gauss(0, 0.5) for _ in range(count)]
        elif layer["type"] in ("linear", "conv2d"):
            size = layer.get("inputs") or layer["in_channels"] * layer["kernel_size"][0] * layer["kernel_size"][1]
            outputs = layer.get("outputs") or layer["out_channels"]
            weights = [generator.gauss(0, scale / size**0.5) for _ in range(size * outputs)]
            parameters += [abs(w) for w in weights] if scale < 0 else weights
            parameters += [generator.gauss(0, 0.1) for _ in range(outputs)]
    width = layers[0]["inputs"] if shape is None else shape[0] * shape[1] * shape[2]
    x = [[generator.gauss(0, 1) for _ in range(width)] for _ in range(samples)]
    if scale < 0:
        x = [[abs(v) for v in row] for row in x]
    outputs = next(layer["outputs"] for layer in reversed(layers) if "outputs" in layer)
    y = [generator.randrange(outputs) if loss == "cross_entropy" else [generator.random() for _ in range(outputs)]
         for _ in range(samples)]
    inputs = {"layers": layers, "loss": loss, "parameters": parameters, "x": x, "y": y, "reduction": "mean", "lr": 0.1}
    if shape:
        inputs["input_shape"] = shape
    return Case(f"{name} {seed}", "step", inputs, {})
