"""The activations, forward and backward."""

from ...layers import ACTIVATIONS
from ...reference import activations
from .explaining import Operation, formula, named_in
from .in_c import lists


def activation_forward(name, z):
    return {"a": activations.Activation(name).forward(z)}


def activation_forward_in_c(core, name, z):
    rows, width = len(z), len(z[0])
    a = core.room(rows, width)
    core.forward(ACTIVATIONS[name](), (width,), rows, x=z, a=a)
    return {"a": lists(a, rows, width)}


def explain_activation_forward(inputs, outputs, key, index):
    n, j = index
    forward, _ = activations.ACTIVATIONS[inputs["name"]]
    return formula(forward), named_in(formula(forward), j, {"z": inputs["z"][n]})


def activation_backward(name, z, a, da):
    dz, _ = activations.Activation(name).backward(z, a, da)
    return {"dz": dz}


def activation_backward_in_c(core, name, z, a, da):
    rows, width = len(a), len(a[0])
    dz = core.room(rows, width)
    core.backward(ACTIVATIONS[name](), (width,), rows, x=z, a=a, da=da, dx=dz)
    return {"dz": lists(dz, rows, width)}


def explain_activation_backward(inputs, outputs, key, index):
    n, j = index
    _, backward = activations.ACTIVATIONS[inputs["name"]]
    return formula(backward), named_in(formula(backward), j, {name: inputs[name][n] for name in ("z", "a", "da")})


OPERATIONS = {
    "activation_forward": Operation(activation_forward, activation_forward_in_c, explain_activation_forward),
    "activation_backward": Operation(activation_backward, activation_backward_in_c, explain_activation_backward),
}
