"""exp, log, tanh, sin, cos of the numbers in a list."""

from ...reference import elementary
from .explaining import Operation, formula


def pointwise(name):
    """The operation of one function."""

    def answer(x):
        return {"y": [getattr(elementary, name)(float(v)) for v in x]}

    def in_c(core, x):
        return {"y": [getattr(core, name)(v) for v in x]}

    def explain(inputs, outputs, key, index):
        return formula(getattr(elementary, name)), f"{name}({inputs['x'][index[0]]!r})"

    return Operation(answer, in_c, explain)


OPERATIONS = {name: pointwise(name) for name in ("exp", "log", "tanh", "sin", "cos")}
