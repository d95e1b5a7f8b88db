"""Products, the linear layer forward and backward, and the update of parameters."""

from ...layers import Linear
from ...reference import linear
from .explaining import Operation, addends, column, formula, terms
from .in_c import lists


def dot(x, w):
    return {"z": linear.linear_forward([x], [[v] for v in w], None)[0][0]}


def dot_in_c(core, x, w):
    return {"z": product_in_c(core, [x], [[v] for v in w], None)[0][0]}


def explain_dot(inputs, outputs, key, index):
    return "z = 0.0; for i ascending: z += x[i] * w[i]", terms(0.0, zip(inputs["x"], inputs["w"]))


def matmul(a, b):
    return {"c": linear.linear_forward(a, b, None)}


def matmul_in_c(core, a, b):
    return {"c": product_in_c(core, a, b, None)}


def explain_matmul(inputs, outputs, key, index):
    n, j = index
    return ("c[n][j] = 0.0; for i ascending: c[n][j] += a[n][i] * b[i][j]",
            terms(0.0, zip(inputs["a"][n], column(inputs["b"], j))))


def linear_forward(x, w, b):
    return {"z": linear.linear_forward(x, w, b)}


def linear_forward_in_c(core, x, w, b):
    return {"z": product_in_c(core, x, w, b)}


def product_in_c(core, x, w, b):
    rows, inputs, outputs = len(x), len(w), len(w[0])
    z = core.room(rows, outputs)
    core.forward(Linear(inputs, outputs, b is not None), (inputs,), rows, x=x, w=w, b=b, a=z)
    return lists(z, rows, outputs)


def explain_linear_forward(inputs, outputs, key, index):
    n, j = index
    start = inputs["b"][j] if inputs["b"] else 0.0
    return formula(linear.linear_forward), terms(start, zip(inputs["x"][n], column(inputs["w"], j)))


def linear_backward_input(w, dz):
    return {"dx": linear.linear_backward_input(w, dz)}


def linear_backward_input_in_c(core, w, dz):
    rows, inputs, outputs = len(dz), len(w), len(w[0])
    dx = core.room(rows, inputs)
    core.backward(Linear(inputs, outputs, bias=False), (inputs,), rows, w=w, da=dz, dx=dx)
    return {"dx": lists(dx, rows, inputs)}


def explain_linear_backward_input(inputs, outputs, key, index):
    n, i = index
    return formula(linear.linear_backward_input), terms(0.0, zip(inputs["dz"][n], inputs["w"][i]))


def linear_backward_parameters(x, dz, bias):
    dw, db = linear.linear_backward_parameters(x, dz, bias)
    return {"dw": dw, "db": db}


def linear_backward_parameters_in_c(core, x, dz, bias):
    rows, inputs, outputs = len(x), len(x[0]), len(dz[0])
    dw, db = core.room(inputs, outputs), core.room(outputs) if bias else None
    core.backward(Linear(inputs, outputs, bias), (inputs,), rows, x=x, da=dz, dw=dw, db=db)
    return {"dw": lists(dw, inputs, outputs), "db": lists(db, outputs) if bias else None}


def explain_linear_backward_parameters(inputs, outputs, key, index):
    if key == "db":
        return "db[j] = 0.0; for n ascending: db[j] += dz[n][j]", addends(0.0, column(inputs["dz"], index[0]))
    i, j = index
    return ("dw[i][j] = 0.0; for n ascending: dw[i][j] += x[n][i] * dz[n][j]",
            terms(0.0, zip(column(inputs["x"], i), column(inputs["dz"], j))))


def update(p, dp, lr):
    p = list(p)
    linear.linear_update(p, dp, lr)
    return {"p": p}


def update_in_c(core, p, dp, lr):
    updated = core.room(len(p))
    updated[:] = core.row(p)
    core.update(Linear(len(p), 1, bias=False), (len(p),), lr, w=updated, dw=dp)
    return {"p": list(updated)}


def explain_update(inputs, outputs, key, index):
    k, = index
    return "p - lr * dp", f"{inputs['p'][k]!r} - {inputs['lr']!r} * {inputs['dp'][k]!r}"


OPERATIONS = {
    "dot": Operation(dot, dot_in_c, explain_dot),
    "matmul": Operation(matmul, matmul_in_c, explain_matmul),
    "linear_forward": Operation(linear_forward, linear_forward_in_c, explain_linear_forward),
    "linear_backward_input": Operation(
        linear_backward_input, linear_backward_input_in_c, explain_linear_backward_input),
    "linear_backward_parameters": Operation(
        linear_backward_parameters, linear_backward_parameters_in_c, explain_linear_backward_parameters),
    "update": Operation(update, update_in_c, explain_update),
}
