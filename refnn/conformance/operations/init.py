"""The first parameters of a network."""

from ...implementations import python
from ...reference import init as book
from .explaining import Operation, formula
from .models import model_of, parameter_places


def initial_parameters(layers, init, seed, input_shape=None):
    model = model_of(layers, init=init, input_shape=input_shape)
    return {"parameters": list(python.PythonImplementation(model, int(seed, 16)).get_parameters())}


def initial_parameters_in_c(core, layers, init, seed, input_shape=None):
    model = model_of(layers, init=init, input_shape=input_shape)
    return {"parameters": list(core.network(model, int(seed, 16)).get_parameters())}


def explain_initial_parameters(inputs, outputs, key, index):
    places = parameter_places(inputs["layers"])
    k, which, *_ = places[index[0]]
    if which in ("gamma", "beta"):
        return "gamma is 1 and beta 0 at first", f"{which} of layer {k}"
    draws = sum(name in ("w", "b") for _, name, *_ in places[:index[0] + 1])
    return formula(book.linear_init), f"init {inputs['init']}, draw number {draws} of stream 1 of seed {inputs['seed']}"


OPERATIONS = {
    "initial_parameters": Operation(initial_parameters, initial_parameters_in_c, explain_initial_parameters),
}
