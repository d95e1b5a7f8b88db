"""The operations of the spec: for each the reference's answer, and how any one of its numbers is made, operands filled in.

An answer is a function of the operation's inputs, named as in the spec, and returns its outputs by name. An explanation is a
function of the inputs, the right outputs, and the place of a number in them; it returns a formula and the operands in it.
The table is at the end.
"""

from itertools import product
from math import prod

from ..layers import ACTIVATIONS, LAYERS
from ..model import LOSSES, Model
from ..network import digest, learning_rates
from ..implementations import python
from ..reference import activations, elementary, init, linear, losses, prng, training
from ..samples import check_samples
from . import images
from .formulas import Operation, addends, column, formula, given, row, terms

# prng

def drawn(method, key="numbers", convert=None):
    """The operation that draws `count` times from a new generator."""

    def answer(seed, count, **arguments):
        generator = prng.SplitMix64(int(seed, 16))
        values = [getattr(generator, method)(**arguments) for _ in range(count)]
        return {key: [convert(value) for value in values] if convert else values}

    def explain(inputs, outputs, key, index):
        return formula(getattr(prng.SplitMix64, method)), f"draw number {index[0] + 1} from seed {inputs['seed']}"

    return Operation(answer, explain)


def hex64(integer):
    return f"{integer:016x}"


def permutation(seed, n):
    return {"order": prng.SplitMix64(int(seed, 16)).permutation(n)}


def stream(seed, k):
    return {"seed": hex64(prng.stream(int(seed, 16), k).state)}


def epoch_order(seed, epoch, n):
    return {"order": prng.epoch_order(int(seed, 16), epoch, n)}


# elementary

def pointwise(name):
    """The operation that takes one elementary function of a list."""
    return Operation(lambda x: {"y": [getattr(elementary, name)(float(v)) for v in x]},
                     lambda inputs, outputs, key, index: (formula(getattr(elementary, name)), f"{name}({inputs['x'][index[0]]!r})"))


# init

def initial_parameters(layers, init, seed, input_shape=None):
    return {"parameters": python.PythonImplementation(model_of(layers, init=init, input_shape=input_shape), int(seed, 16)).get_parameters()}


def explain_initial_parameters(inputs, outputs, key, index):
    places = parameter_places(inputs["layers"])
    k, which, *_ = places[index[0]]
    if which in ("gamma", "beta"):
        return "gamma is 1 and beta 0 at first", f"{which} of layer {k}"
    draws = sum(name in ("w", "b") for _, name, *_ in places[:index[0] + 1])
    return formula(init.linear_init), f"init {inputs['init']}, draw number {draws} of stream 1 of seed {inputs['seed']}"


# product, forward

def dot(x, w):
    return {"z": linear.linear_forward([x], [[v] for v in w], None)[0][0]}


def explain_dot(inputs, outputs, key, index):
    return "z = 0.0; for i ascending: z += x[i] * w[i]", terms(0.0, zip(inputs["x"], inputs["w"]))


def matmul(a, b):
    return {"c": linear.linear_forward(a, b, None)}


def explain_matmul(inputs, outputs, key, index):
    n, j = index
    return "c[n][j] = 0.0; for i ascending: c[n][j] += a[n][i] * b[i][j]", terms(0.0, zip(inputs["a"][n], column(inputs["b"], j)))


def linear_forward(x, w, b):
    return {"z": linear.linear_forward(x, w, b)}


def explain_linear_forward(inputs, outputs, key, index):
    n, j = index
    start = inputs["b"][j] if inputs["b"] else 0.0
    return formula(linear.linear_forward), terms(start, zip(inputs["x"][n], column(inputs["w"], j)))


def activation_forward(name, z):
    return {"a": activations.Activation(name).forward(z)}


def explain_activation_forward(inputs, outputs, key, index):
    n, j = index
    z = inputs["z"][n]
    return formula(activations.ACTIVATIONS[inputs["name"]][0]), f"z[{n}] = {row(z)}, j = {j}" if inputs["name"] == "softmax" else f"z = {z[j]!r}"



# loss

def loss(loss, o, y, reduction):
    each = [losses.LOSSES[loss][0](o_n, y_n) for o_n, y_n in zip(o, y)]
    total = 0.0
    for value in each:
        total += value
    return {"losses": each, "loss": total / len(each) if reduction == "mean" else total}


def explain_loss(inputs, outputs, key, index):
    if key == "losses":
        n, = index
        return formula(losses.LOSSES[inputs["loss"]][0]), f"o = {row(inputs['o'][n])}, y = {target(inputs['y'][n])}"
    mean = f", then / {len(outputs['losses'])}" if inputs["reduction"] == "mean" else ""
    return f"t = 0.0; for n ascending: t += losses[n]{mean}", f"losses = {row(outputs['losses'])}"


def target(y):
    return row(y) if isinstance(y, list) else repr(y)


# backward

def loss_gradient(loss, o, y, reduction):
    return {"do": losses.batch_gradient(loss, o, y, reduction)}


def explain_loss_gradient(inputs, outputs, key, index):
    n, j = index
    mean = f", then / {len(inputs['o'])} for the mean over the batch" if inputs["reduction"] == "mean" else ""
    return formula(losses.LOSSES[inputs["loss"]][1]) + mean, f"j = {j}, o = {row(inputs['o'][n])}, y = {target(inputs['y'][n])}"


def activation_backward(name, z, a, da):
    return {"dz": activations.Activation(name).backward(z, a, da)[0]}


def explain_activation_backward(inputs, outputs, key, index):
    n, j = index
    a, da = inputs["a"][n], inputs["da"][n]
    operands = f"j = {j}, a = {row(a)}, da = {row(da)}" if inputs["name"] == "softmax" else f"a = {a[j]!r}, da = {da[j]!r}"
    return formula(activations.ACTIVATIONS[inputs["name"]][1]), operands


def linear_backward_input(w, dz):
    return {"dx": linear.linear_backward_input(w, dz)}


def explain_linear_backward_input(inputs, outputs, key, index):
    n, i = index
    return formula(linear.linear_backward_input), terms(0.0, zip(inputs["dz"][n], inputs["w"][i]))


def linear_backward_parameters(x, dz, bias):
    dw, db = linear.linear_backward_parameters(x, dz, bias)
    return {"dw": dw, "db": db}


def explain_linear_backward_parameters(inputs, outputs, key, index):
    if key == "db":
        return "db[j] = 0.0; for n ascending: db[j] += dz[n][j]", addends(0.0, column(inputs["dz"], index[0]))
    i, j = index
    return "dw[i][j] = 0.0; for n ascending: dw[i][j] += x[n][i] * dz[n][j]", terms(0.0, zip(column(inputs["x"], i), column(inputs["dz"], j)))


# update

def update(p, dp, lr):
    p = list(p)
    linear.linear_update(p, dp, lr)
    return {"p": p}


def explain_update(inputs, outputs, key, index):
    k, = index
    return "p - lr * dp", f"{inputs['p'][k]!r} - {inputs['lr']!r} * {inputs['dp'][k]!r}"


# step

def step(layers, loss, parameters, x, y, reduction, lr, input_shape=None):
    net = python.PythonImplementation(model_of(layers, loss, input_shape=input_shape), 0)
    net.set_parameters(parameters)
    outputs, deltas, gradients = net.batch(x, y, reduction)
    training.update(net.layers, gradients, lr)
    return {"outputs": outputs[1:], "loss": OPERATIONS["loss"].answer(loss, outputs[-1], y, reduction)["loss"],
            "deltas": deltas[1:], "gradients": python.flatten(gradients), "parameters": net.get_parameters()}


def explain_step(inputs, outputs, key, index):
    layers = inputs["layers"]
    tensors = [inputs["x"], *outputs["outputs"]]  # the input of layer k, its output
    if key == "loss":
        each = OPERATIONS["loss"].answer(inputs["loss"], tensors[-1], inputs["y"], inputs["reduction"])
        return explain_loss(inputs, each, key, index)
    if key == "parameters":
        return explain_update(dict(inputs, p=inputs["parameters"], dp=outputs["gradients"]), outputs, key, index)
    if key == "gradients":
        k, which, *place = parameter_places(layers)[index[0]]
        if layers[k]["type"] != "linear":
            return explain_images(inputs, outputs, k, "d" + which, place)
        return explain_linear_backward_parameters({"x": tensors[k], "dz": outputs["deltas"][k]}, outputs, "d" + which, place)
    k, *place = index
    if key == "outputs":
        if layers[k]["type"] == "linear":
            w, b = weights_of(layers, inputs["parameters"], k)
            return explain_linear_forward({"x": tensors[k], "w": w, "b": b}, outputs, key, place)
        if layers[k]["type"] not in ACTIVATIONS:
            return explain_images(inputs, outputs, k, "forward", place)
        return explain_activation_forward({"name": layers[k]["type"], "z": tensors[k]}, outputs, key, place)
    if k == len(layers) - 1:
        return explain_loss_gradient(dict(inputs, o=tensors[-1]), outputs, key, place)
    after = layers[k + 1]["type"]
    if after == "linear":
        w, _ = weights_of(layers, inputs["parameters"], k + 1)
        return explain_linear_backward_input({"w": w, "dz": outputs["deltas"][k + 1]}, outputs, key, place)
    if after not in ACTIVATIONS:
        return explain_images(inputs, outputs, k + 1, "dx", place)
    return explain_activation_backward({"name": after, "a": tensors[k + 2], "da": outputs["deltas"][k + 1]}, outputs, key, place)


def explain_images(inputs, outputs, k, what, place):
    """A number at layer k, which takes images: of its output ("forward"), of dx, or of the gradient of a parameter ("dw", "dgamma")."""
    model = model_of(inputs["layers"], input_shape=inputs["input_shape"])
    layer, shapes = model.layers[k], model.shapes[k:k + 2]
    if layer.name == "flatten":
        return "the same number, in a row", f"layer {k}"
    x, dz = (python.images(rows, shape) for rows, shape in zip(([inputs["x"], *outputs["outputs"]][k], outputs["deltas"][k]), shapes))
    made = {"x": x, "dz": dz, "da": dz, **{name: value for name, value in vars(layer).items() if name != "bias"}}
    own = [p for p, (owner, *_) in zip(inputs["parameters"], parameter_places(inputs["layers"])) if owner == k]
    of_layer = {}
    if layer.name == "conv2d":
        size = layer.in_channels * prod(layer.kernel_size)
        kernels = [own[start:start + size] for start in range(0, layer.out_channels * size, size)]
        made.update(w=python.images(kernels, (layer.in_channels, *layer.kernel_size)), b=own[layer.out_channels * size:] or None)
    if layer.name == "batchnorm2d":
        count = layer.num_features
        made.update(images.batchnorm2d_statistics(x), gamma=own[:count], beta=own[count:])
        of_layer = images.batchnorm2d_backward(x, made["mean"], made["variance"], made["gamma"], dz, layer.eps)
    if what in ("forward", "dx"):
        n, j = place
        _, height, width = shapes[0 if what == "dx" else 1]
        place = n, j // (height * width), j // width % height, j % width
    name = "forward" if what == "forward" else "backward"
    if layer.name == "conv2d" and what != "forward":
        name = "backward_input" if what == "dx" else "backward_parameters"
    return images.OPERATIONS[f"{layer.name}_{name}"].explain(made, of_layer, what, place)


def model_of(layers, loss="mse", init="normal", input_shape=None):
    """The spec's layers -> a Model."""
    return Model([KINDS[layer["type"]](**{name: value for name, value in layer.items() if name != "type"}) for layer in layers],
                 loss, init, input_shape)


KINDS = {kind.name: kind for kind in LAYERS}


def parameter_places(layers):
    """Of every parameter, flat: (layer, "w", i, j), (layer, "b", j); (layer, "w", o, c, i, j), (layer, "gamma", c), (layer, "beta", c)"""
    places = []
    for k, layer in enumerate(layers):
        if layer["type"] == "batchnorm2d":
            places += [(k, name, c) for name in ("gamma", "beta") for c in range(layer["num_features"])]
        elif layer["type"] in ("linear", "conv2d"):
            sizes = ((layer["inputs"], layer["outputs"]) if layer["type"] == "linear" else
                     (layer["out_channels"], layer["in_channels"], *layer["kernel_size"]))
            places += [(k, "w", *index) for index in product(*map(range, sizes))]
            places += [(k, "b", j) for j in range(layer.get("outputs") or layer["out_channels"]) if layer["bias"]]
    return places


def weights_of(layers, flat, k):
    """w, b (None without bias) of linear layer k."""
    start = sum(place[0] < k for place in parameter_places(layers))
    inputs, outputs = layers[k]["inputs"], layers[k]["outputs"]
    w = [flat[start + i * outputs:start + (i + 1) * outputs] for i in range(inputs)]
    return w, flat[start + inputs * outputs:start + inputs * outputs + outputs] if layers[k]["bias"] else None


# train

def train(**inputs):
    return train_with(python.PythonImplementation, **inputs)


def train_with(implementation, layers, loss, y, epochs, batch_size, lr, lr_decay, lr_decay_every, shuffle, seed, reduction,
               x=None, pixels=None, init="normal", parameters=None, input_shape=None):
    """The operation `train` by an implementation, a class with the methods of the reference's Network."""
    model = model_of(layers, loss, init, input_shape)
    samples = check_samples(model, memoryview(bytes.fromhex("".join(pixels))) if x is None else x, y)
    data = samples.inputs, samples.targets
    seed = int(seed, 16)
    net = implementation(model, seed)
    if parameters:
        net.set_parameters(parameters)
    seen = {"losses": [], "digests": []}

    def look():
        seen["losses"].append(net.evaluate(*data, LOSSES[loss].reduction)[0])
        seen["digests"].append(digest(net.get_parameters()))

    look()
    for epoch, rate in enumerate(learning_rates(epochs, lr, lr_decay, lr_decay_every), 1):
        order = net.epoch_order(seed, epoch, len(samples)) if shuffle else None
        net.train(*data, order, 0, len(samples), batch_size, rate, reduction)
        look()
    return seen


def explain_train(inputs, outputs, key, index):
    e, = index
    rate = list(learning_rates(inputs["epochs"], inputs["lr"], inputs["lr_decay"], inputs["lr_decay_every"]))[e - 1] if e else None
    how = f"epoch {e}, rate {rate!r}, {len(inputs['y'])} samples, batches of {inputs['batch_size']}" if e else "before training"
    if key == "losses":
        return "the loss over all samples as they lie, after the epoch", how
    return "SHA-256 of the parameters, flat, as little-endian doubles, after the epoch", how


OPERATIONS = {
    "next": drawn("next", "integers", hex64),
    "uniform": drawn("uniform"),
    "below": drawn("below", "integers"),
    "permutation": Operation(permutation, given(prng.SplitMix64.permutation)),
    "stream": Operation(stream, given(prng.stream)),
    "epoch_order": Operation(epoch_order, given(prng.epoch_order)),
    **{name: pointwise(name) for name in ("exp", "log", "tanh", "sin", "cos")},
    "normal": drawn("normal"),
    "initial_parameters": Operation(initial_parameters, explain_initial_parameters),
    "dot": Operation(dot, explain_dot),
    "matmul": Operation(matmul, explain_matmul),
    "linear_forward": Operation(linear_forward, explain_linear_forward),
    "activation_forward": Operation(activation_forward, explain_activation_forward),
    "loss": Operation(loss, explain_loss),
    "loss_gradient": Operation(loss_gradient, explain_loss_gradient),
    "activation_backward": Operation(activation_backward, explain_activation_backward),
    "linear_backward_input": Operation(linear_backward_input, explain_linear_backward_input),
    "linear_backward_parameters": Operation(linear_backward_parameters, explain_linear_backward_parameters),
    "update": Operation(update, explain_update),
    **images.OPERATIONS,
    "step": Operation(step, explain_step),
    "train": Operation(train, explain_train),
}
