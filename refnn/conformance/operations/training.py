"""A step on a batch, and whole trainings."""

from array import array

from ...implementations import python
from ...model import LOSSES
from ...network import digest
from ...rates import learning_rates
from ...reference import training
from ...samples import Pixels, check_samples
from . import layers as of_layers
from .explaining import Operation
from .linear import explain_update
from .losses import explain_loss, explain_loss_gradient
from .losses import loss as loss_of
from .models import model_of, parameter_places, parameters_of


def step(layers, loss, parameters, x, y, reduction, lr, input_shape=None):
    net = python.PythonImplementation(model_of(layers, loss, "uniform", input_shape), 0)
    net.set_parameters(parameters)
    outputs, deltas, gradients = net.batch(x, y, reduction)
    training.update(net.layers, gradients, lr)
    return {"outputs": outputs[1:], "loss": loss_of(loss, outputs[-1], y, reduction)["loss"], "deltas": deltas[1:],
            "gradients": list(python.flatten(gradients)), "parameters": list(net.get_parameters())}


def step_in_c(core, layers, loss, parameters, x, y, reduction, lr, input_shape=None):
    model = model_of(layers, loss, input_shape=input_shape)
    samples = check_samples(model, x, y)
    net = core.network(model, 0)
    net.set_parameters(array("d", parameters))
    answer = {"loss": net.batch_loss(samples.inputs, samples.targets, reduction),
              "gradients": list(net.gradients(samples.inputs, samples.targets, reduction))}
    net.train(samples.inputs, samples.targets, None, 0, len(x), len(x), lr, reduction)
    return dict(answer, parameters=list(net.get_parameters()))


def explain_step(inputs, outputs, key, index):
    """A number of a step is one of an operation, on the tensors of the step."""
    if key == "loss":
        of_batch = loss_of(inputs["loss"], outputs["outputs"][-1], inputs["y"], inputs["reduction"])
        return explain_loss(inputs, of_batch, key, index)
    if key == "parameters":
        return explain_update(dict(inputs, p=inputs["parameters"], dp=outputs["gradients"]), outputs, key, index)
    if key == "gradients":
        k, name, *place = parameter_places(inputs["layers"])[index[0]]
        return explain_layer(inputs, outputs, k, "d" + name, place)
    k, *place = index
    if key == "outputs":
        return explain_layer(inputs, outputs, k, "forward", place)
    if k == len(inputs["layers"]) - 1:
        return explain_loss_gradient(dict(inputs, o=outputs["outputs"][-1]), outputs, key, place)
    return explain_layer(inputs, outputs, k + 1, "dx", place)


def computed_by(layers, key, index):
    """The operation that computes a number of a step."""
    if key in ("loss", "parameters"):
        return "loss" if key == "loss" else "update"
    if key == "gradients":
        k, what = parameter_places(layers)[index[0]][0], "dp"
    elif key == "outputs":
        k, what = index[0], "forward"
    elif index[0] == len(layers) - 1:
        return "loss_gradient"
    else:
        k, what = index[0] + 1, "dx"
    return "" if layers[k]["type"] == "flatten" else of_layers.operation_of(layers[k]["type"], what)


def explain_layer(inputs, outputs, k, what, place):
    """A number at layer k of a step: of its output ("forward"), of dx ("dx"), of the gradient of a parameter ("dw")."""
    model = model_of(inputs["layers"], input_shape=inputs.get("input_shape"))
    layer, shapes = model.layers[k], model.shapes[k:k + 2]
    if layer.name == "flatten":
        return "the same number, in a row", f"layer {k}"
    x, a, da = [inputs["x"], *outputs["outputs"]][k], outputs["outputs"][k], outputs["deltas"][k]
    if of_layers.takes_images(layer.name, shapes[0]) and what in ("forward", "dx"):
        n, j = place
        _, height, width = shapes[0 if what == "dx" else 1]
        place = n, j // (height * width), j // width % height, j % width
    parameters = parameters_of(inputs["layers"], inputs["parameters"], k)
    tensors = of_layers.tensors_of(inputs["layers"][k], shapes, parameters, x, a, da)
    op = of_layers.operation_of(layer.name, what)
    together = op.endswith("_backward")  # it computes several tensors: one may explain the other
    answer = of_layers.answer(op, of_layers.inputs_of(op, tensors)) if together else {}
    return of_layers.OPERATIONS[op].explain(tensors, answer, what, place)


def train(**inputs):
    return train_with(python.PythonImplementation, **inputs)


def train_in_c(core, **inputs):
    return train_with(core.network, **inputs)


def train_with(implementation, layers, loss, y, epochs, batch_size, lr, lr_decay, lr_decay_every, shuffle, seed,
               reduction, x=None, pixels=None, init="normal", parameters=None, input_shape=None):
    """The operation `train` by an implementation: (model, seed) -> an Implementation."""
    model = model_of(layers, loss, init, input_shape)
    samples = check_samples(model, Pixels(bytes.fromhex("".join(pixels))) if x is None else x, y)
    data = samples.inputs, samples.targets
    seed = int(seed, 16)
    net = implementation(model, seed)
    if parameters:
        net.set_parameters(array("d", parameters))
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
    how = "before training"
    if e:
        rate = list(learning_rates(inputs["epochs"], inputs["lr"], inputs["lr_decay"], inputs["lr_decay_every"]))[e - 1]
        how = f"epoch {e}, rate {rate!r}, {len(inputs['y'])} samples, batches of {inputs['batch_size']}"
    if key == "losses":
        return "the loss over all samples as they lie, after the epoch", how
    return "SHA-256 of the parameters, flat, as little-endian doubles, after the epoch", how


OPERATIONS = {
    "step": Operation(step, step_in_c, explain_step),
    "train": Operation(train, train_in_c, explain_train),
}
