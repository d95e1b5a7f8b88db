"""The losses and their gradients."""

from ...reference import losses
from .explaining import Operation, formula, row
from .in_c import lists


def loss(loss, o, y, reduction):
    value, _ = losses.LOSSES[loss]
    each = [value(o_n, y_n) for o_n, y_n in zip(o, y)]
    total = 0.0
    for v in each:
        total += v
    return {"losses": each, "loss": total / len(each) if reduction == "mean" else total}


def loss_in_c(core, loss, o, y, reduction):
    losses, _, total = core.batch_loss(loss, o, y, reduction)
    return {"losses": list(losses), "loss": total}


def explain_loss(inputs, outputs, key, index):
    if key == "losses":
        n, = index
        value, _ = losses.LOSSES[inputs["loss"]]
        return formula(value), f"o = {row(inputs['o'][n])}, y = {target(inputs['y'][n])}"
    mean = f", then / {len(outputs['losses'])}" if inputs["reduction"] == "mean" else ""
    return f"t = 0.0; for n ascending: t += losses[n]{mean}", f"losses = {row(outputs['losses'])}"


def target(y):
    return row(y) if isinstance(y, list) else repr(y)


def loss_gradient(loss, o, y, reduction):
    return {"do": losses.batch_gradient(loss, o, y, reduction)}


def loss_gradient_in_c(core, loss, o, y, reduction):
    _, do, _ = core.batch_loss(loss, o, y, reduction)
    return {"do": lists(do, len(o), len(o[0]))}


def explain_loss_gradient(inputs, outputs, key, index):
    n, j = index
    _, gradient = losses.LOSSES[inputs["loss"]]
    mean = f", then / {len(inputs['o'])} for the mean over the batch" if inputs["reduction"] == "mean" else ""
    return formula(gradient) + mean, f"j = {j}, o = {row(inputs['o'][n])}, y = {target(inputs['y'][n])}"


OPERATIONS = {
    "loss": Operation(loss, loss_in_c, explain_loss),
    "loss_gradient": Operation(loss_gradient, loss_gradient_in_c, explain_loss_gradient),
}
