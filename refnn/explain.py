"""Explains a step of training: every number with its formula, its operands and its place in the book."""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from array import array
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from math import prod
from typing import Any, NamedTuple

from . import files, implementations, saved
from .checks import whole_number
from .cli import Parser, add_output, add_settings, check_writable, command, integer, number, task_table, write_json
from .conformance.operations import OPERATIONS
from .conformance.operations.layers import operation_of
from .conformance.operations.losses import loss as losses_of
from .conformance.operations.models import parameter_places, parameter_sizes
from .conformance.own import spelled
from .errors import InputError
from .layers import ACTIVATIONS
from .model import Model
from .network import network_of
from .page import page
from .progress import Progress
from .rates import learning_rates
from .reference import activations, batchnorm, conv, linear, losses, pool
from .runs import continued, run_of, task_of
from .samples import Rows, Samples, check_samples
from .tasks import TASKS, Task

SMALL = 60  # parameters times samples up to which a step is explained whole
FEW = 8  # samples, or weights of a unit, that are shown of many
CHAPTERS = (linear, activations, losses, conv, pool, batchnorm)

EXAMPLES = """examples:
  refnn explain alice-bob --weights 1 --biases 0   article 002's step, whole
  refnn explain mnist --data digits --unit 2:7     one neuron of a large network
  refnn explain digits.refnn --step 10             the tenth step that a saved network would take next"""


class Number(NamedTuple):
    """A number of a step.

    name: such as z0[1], output 1 of layer 0; operands: what the formula computes it from; chain: the same derivative
    as a product along the chain rule, symbols and numbers; None where there is no single path
    """

    name: str
    value: float
    formula: str
    operands: str
    chain: tuple[str, str] | None = None


class Group(NamedTuple):
    """Numbers of one kind. title: what they are; function: that of the book which computes them"""

    title: str
    function: str
    numbers: list[Number]
    more: int = 0  # numbers that are left out


def options() -> Parser:
    parser = Parser(prog="refnn explain", description=__doc__, allow_abbrev=False,
                    epilog=f"{task_table()}\n\n{EXAMPLES}", formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", nargs="?", default="alice-bob", metavar="TASK|MODEL",
                        help=f"{', '.join(TASKS)} (default: alice-bob); a table; a folder of pictures; a saved network")
    which = parser.add_argument_group("what to explain")
    which.add_argument("--step", type=integer, metavar="N", help="the Nth step from here on (default: 1)")
    which.add_argument("--sample", type=integer, metavar="N", help="a step on sample N alone, from 0, in place of the "
                       "step's own batch")
    which.add_argument("--unit", metavar="LAYER:INDEX", help="output INDEX of layer LAYER, both from 0 (default: all "
                       "of a small network, output 0 of each layer of a large one)")
    which.add_argument("--weights", type=number, metavar="F", help="begin with this number for every weight")
    which.add_argument("--biases", type=number, metavar="F", help="begin with this number for every bias")
    data = parser.add_argument_group("data")
    data.add_argument("--data", metavar="DIR", help="for tasks on MNIST: a folder with its files, or digits")
    data.add_argument("--seed", type=integer, metavar="N", help="of the parameters, the order and random data")
    add_settings(parser)
    add_output(parser)
    parser.add_argument("--html", metavar="FILE", help="write a page that trains the network, in place of the text")
    return parser


def main(words: Sequence[str] | None = None) -> int:
    """Runs the command line; returns its exit status."""
    return command("refnn.explain", lambda: run(options().parse_args(words)))


def run(given: argparse.Namespace) -> int:
    if given.html is not None:
        return write_page(given)
    check_writable(given.json)
    progress = Progress(sys.stderr if given.json == "-" else sys.stdout, given.quiet)
    with closing(progress):
        step, head = prepared(given, progress)
    progress.say(head)
    groups = list(step.groups(unit_of(given.unit, step.model)))
    if not step.whole and not given.unit:
        progress.say("a large network: output 0 of each layer; --unit LAYER:INDEX explains another")
    for group in groups:
        for line in lines(group):
            progress.say(line)
    write_json(given.json, [{**group._asdict(), "numbers": [one._asdict() for one in group.numbers]}
                            for group in groups])
    return 0


def write_page(given: argparse.Namespace) -> int:
    """Writes the file of --html."""
    for name in ("step", "sample", "unit", "weights", "biases", "data", "json"):
        if getattr(given, name) is not None:
            raise InputError(f"--{name} is for explanations as text: a page of --html has no use for it")
    if is_saved(given.source):
        raise InputError("--html is for tasks, not for saved networks: its page begins before the first step")
    files.write_file(given.html, page(run_of(vars(given) | {"task": given.source})).encode(), "--html")
    if not given.quiet:
        print(f"{given.html} is written; open it in a browser")
    return 0


def prepared(given: argparse.Namespace, progress: Progress) -> tuple[Step, str]:
    """The step that is asked for, and a line that says which it is. Raises InputError."""
    asked = vars(given) | {"task": given.source}
    content = saved.read(given.source) if is_saved(given.source) else None
    of_task = continued(vars(given), content, given.source) if content else run_of(asked)
    task = task_of(of_task, progress)
    data = task.data(of_task["seed"], of_task.get("data"), progress)
    task = task.fitted(data.pictures)
    model = task.model()
    samples = check_samples(model, *data.train)
    network = network_of(content, given.source, model) if content else None
    state = list(network.parameters) if network else None
    done = network.epoch if network else 0
    parameters, chosen, rate = before(task, samples, of_task["seed"], state, done,
                                      whole_number(1 if given.step is None else given.step, "--step"))
    if given.sample is not None:
        chosen = [whole_number(given.sample, "--sample", 0, len(samples) - 1)]
    parameters = replaced(model, parameters, given.weights, given.biases)
    step = Step(model, task.reduction or model.reduction, rate, parameters, samples, chosen)
    few = ", ".join(map(str, chosen[:FEW])) + (", ..." if len(chosen) > FEW else "")
    return step, (f"{of_task['task']}: {model} network, loss {model.loss}, learning rate {rate!r}, "
                  f"sample{'s' * (len(chosen) > 1)} {few}")


def is_saved(source: str) -> bool:
    """Whether this is a file that begins as a safetensors file does: eight bytes, then JSON."""
    if source in TASKS or not os.path.isfile(source):
        return False
    with files.open_regular(source) as file:
        return file.read(9)[8:] == b"{"


def before(task: Task, samples: Samples, seed: int, state: Sequence[float] | None, done: int,
           step: int) -> tuple[list[float], list[int], float]:
    """The parameters before a step, the numbers of its samples, and its learning rate.

    state: the parameters after `done` epochs; None: those at the start
    """
    count, size = len(samples), task.batch_size
    epochs, within = divmod(step - 1, -(-count // size))
    rates = list(learning_rates(epochs + 1, task.lr, task.lr_decay, task.lr_decay_every, done))
    net = implementations.load(implementations.default())(task.model(), seed)
    if state is not None:
        net.set_parameters(array("d", state))
    data = samples.inputs, samples.targets
    for epoch, rate in enumerate(rates, done + 1):
        order = net.epoch_order(seed, epoch, count) if task.shuffle else None
        last = within * size if epoch == done + len(rates) else count
        if last:
            net.train(*data, order, 0, last, size, rate, task.reduction or task.model().reduction)
    chosen = list(order or range(count))[within * size:(within + 1) * size]
    return list(net.get_parameters()), chosen, rates[-1]


def replaced(model: Model, parameters: list[float], weights: float | None, biases: float | None) -> list[float]:
    """The parameters, with one number for every weight and one for every bias where these are given."""
    given = {"w": weights, "gamma": weights, "b": biases, "beta": biases}
    start = {name: value for name, value in given.items() if value is not None}
    places = parameter_places([spelled(layer) for layer in model.layers])
    return [start.get(name, p) for p, (_, name, *_) in zip(parameters, places)]


def unit_of(text: str | None, model: Model) -> tuple[int, int] | None:
    """2:7 -> (2, 7), if the model has such an output. Raises InputError."""
    if text is None:
        return None
    layer, _, index = text.partition(":")
    if not (layer.isdecimal() and index.isdecimal()):
        raise InputError(f"--unit must be LAYER:INDEX, such as 2:7, not {text!r}")
    k = whole_number(int(layer), "the layer of --unit", 0, len(model.layers) - 1)
    return k, whole_number(int(index), f"the index of --unit in layer {k}", 0, model.widths[k + 1] - 1)


class Step:
    """A step on a batch, computed by the reference, and the explanation of its numbers.

    chosen: the numbers of the batch's samples
    """

    def __init__(self, model: Model, reduction: str, lr: float, parameters: list[float], samples: Samples,
                 chosen: Sequence[int]) -> None:
        self.model = model
        y = samples.targets
        self.inputs: dict[str, Any] = {
            "layers": [spelled(layer) for layer in model.layers], "loss": model.loss, "parameters": parameters,
            "x": [samples.inputs[n] for n in chosen],
            "y": [y[n] if isinstance(y, Rows) else int(y[n]) for n in chosen],
            "reduction": reduction, "lr": lr, "input_shape": model.input_shape}
        self.answer = OPERATIONS["step"].answer(**self.inputs)
        self.rows = range(len(chosen))
        self.whole = model.parameter_count * len(chosen) <= SMALL
        self.places = parameter_places(self.inputs["layers"])

    def groups(self, unit: tuple[int, int] | None) -> Iterator[Group]:
        """The numbers in the order of their computation; those of a unit, its activation and its parameters."""
        layers = [k for k in range(len(self.model.layers)) if self.model.layers[k].name not in ("identity", "flatten")]
        for k in layers:
            title = f"forward, layer {k}: {self.model.layers[k].brief()}"
            yield from self._row("outputs", k, title, f"{self._name(k)}_forward", unit)
        yield self._loss()
        last = len(self.model.layers) - 1
        yield from self._row("deltas", last, "backward, the loss", f"{self.model.loss}_gradient", unit)
        for k in reversed(layers):
            yield from self._parameters("gradients", k, f"backward, the parameters of layer {k}",
                                        operation_of(self._name(k), "dw"), unit)
            if k > 0:
                yield from self._row("deltas", k - 1, f"backward, through layer {k}", backward(self._name(k)), unit)
        for k in layers:
            yield from self._parameters("parameters", k, f"update, layer {k}", "linear_update", unit)

    def _name(self, k: int) -> str:
        return str(self.model.layers[k].name)

    def _units(self, k: int, unit: tuple[int, int] | None) -> Sequence[int]:
        """The outputs of layer k that are explained."""
        width = self.model.widths[k + 1]
        if unit is None:
            return range(width) if self.whole else [0]
        same = k == unit[0] or k == unit[0] + 1 and self._name(k) in ACTIVATIONS
        return [unit[1]] if same else []

    def _row(self, key: str, k: int, title: str, function: str, unit: tuple[int, int] | None) -> Iterator[Group]:
        """A number of each output of a layer, for each sample."""
        units, rows = self._units(k, unit), self.rows[:FEW]
        places = [(n, j) for n in rows for j in units]
        sign = "dL/d" if key == "deltas" else ""
        found = [self._number(key, (k, *place), sign + self.unit(k, *place)) for place in places]
        if found:
            yield Group(title, where(function), found, (len(self.rows) - len(rows)) * len(units))

    def _parameters(self, key: str, k: int, title: str, function: str,
                    unit: tuple[int, int] | None) -> Iterator[Group]:
        """A number of each parameter of a layer."""
        units = set(self._owners(k, unit))
        places = [(index, name, place) for index, (owner, name, *place) in enumerate(self.places)
                  if owner == k and (place[-1] if self._name(k) == "linear" else place[0]) in units]
        shown = places if self.whole else places[:FEW]
        found = [self._number(key, (index,), ("dL/d" if key == "gradients" else "") + parameter(k, name, place),
                              self._chain(k, name, place) if key == "gradients" else None)
                 for index, name, place in shown]
        if found:
            yield Group(title, where(function), found, len(places) - len(shown))

    def _owners(self, k: int, unit: tuple[int, int] | None) -> Sequence[int]:
        """The neurons or channels of layer k that have the outputs which are explained."""
        shape = self.model.shapes[k + 1]
        size = prod(shape[1:]) if len(shape) == 3 else 1
        return [j // size for j in self._units(k, unit)]

    def unit(self, k: int, n: int, j: int) -> str:
        """z0[1]: output 1 of layer 0, which has weights, else a0[1]; z0[2][1] for sample 2, if there are several"""
        letter = "z" if "w" in parameter_sizes(self.inputs["layers"][k]) else "a"
        return f"{letter}{k}[{n}][{j}]" if len(self.rows) > 1 else f"{letter}{k}[{j}]"

    def _number(self, key: str, index: Sequence[int], name: str, chain: tuple[str, str] | None = None) -> Number:
        formula, operands = OPERATIONS["step"].explain(self.inputs, self.answer, key, index)
        value = self.answer[key]
        for i in index:
            value = value[i]
        return Number(name, value, formula, operands, chain)

    def _loss(self) -> Group:
        inputs = {"loss": self.model.loss, "o": self.answer["outputs"][-1], "y": self.inputs["y"],
                  "reduction": self.inputs["reduction"]}
        found = losses_of(**inputs)
        explain = OPERATIONS["loss"].explain
        numbers = [Number(f"L[{n}]", found["losses"][n], *explain(inputs, found, "losses", (n,)))
                   for n in self.rows[:FEW]]
        numbers.append(Number("L", found["loss"], *explain(inputs, found, "loss", ())))
        return Group("the loss", where(self.model.loss), numbers, max(0, len(self.rows) - FEW))

    def _chain(self, k: int, name: str, place: Sequence[int]) -> tuple[str, str] | None:
        """dL/dw along the chain rule, for one sample: from the loss, or from the last number that is a sum."""
        if len(self.rows) > 1 or self._name(k) != "linear":
            return None
        j = place[-1]
        symbols, factors = self._path(k, j)
        at = self.unit(k, 0, j)
        x = [self.inputs["x"], *self.answer["outputs"]][k][0]
        symbols.append(f"d{at}/d{parameter(k, name, place)}")
        factors.append(x[place[0]] if name == "w" else 1.0)
        product = factors[0]
        for factor in factors[1:]:
            product = product * factor
        index = self.places.index((k, name, *place))
        if product != self.answer["gradients"][index]:
            return None  # the book multiplies in another order
        return " * ".join(symbols), " * ".join(map(repr, factors))

    def _path(self, k: int, j: int) -> tuple[list[str], list[float]]:
        """dL/d output j of layer k as a product: symbols and numbers."""
        at, delta = self.unit(k, 0, j), self.answer["deltas"][k][0][j]
        if k + 1 < len(self.model.layers):
            kind, after = self._name(k + 1), None
            if kind in ACTIVATIONS and kind != "softmax":
                z, a = self.answer["outputs"][k][0][j], self.answer["outputs"][k + 1][0][j]
                after, factor = j, activations.ACTIVATIONS[kind][1]([z], [a], [1.0])[0]
            elif kind == "linear" and self.model.widths[k + 2] == 1:
                index = self.places.index((k + 1, "w", j, 0))
                after, factor = 0, self.inputs["parameters"][index]
            if after is not None:
                symbols, factors = self._path(k + 1, after)
                return [*symbols, f"d{self.unit(k + 1, 0, after)}/d{at}"], [*factors, factor]
        return [f"dL/d{at}"], [delta]


def parameter(k: int, name: str, place: Iterable[int]) -> str:
    """w0[1][2]"""
    return f"{name}{k}" + "".join(f"[{i}]" for i in place)


def backward(kind: str) -> str:
    return f"{kind}_backward" if kind in ACTIVATIONS else operation_of(kind, "dx")


def where(function: str) -> str:
    """linear.linear_forward of linear_forward: the chapter of the book, and its function"""
    chapter = next(module for module in CHAPTERS if hasattr(module, function))
    return f"{chapter.__name__.rpartition('.')[2]}.{function}"


def with_numbers(formula: str, operands: str) -> str:
    """A formula of one number, with the numbers in it: dz = da * a -> 0.5 * 2.0; "" if it is not arithmetic only."""
    values = {name: json.loads(text.replace("inf", "Infinity").replace("nan", "NaN"))
              for name, text in re.findall(r"(\w+) = (\[[^]]*\]|[^ ,]+)", operands) if "..." not in text}
    j = values.pop("j", 0)
    text = formula.partition(" = ")[2].partition(", where")[0]
    for name, value in values.items():
        if isinstance(value, list):
            text = text.replace(f"{name}[j]", repr(value[j]))
        else:
            text = re.sub(rf"e\^-{name}\b", f"e^{-value!r}", text)
            text = re.sub(rf"\b{name}\b", repr(value), text)
    text = re.sub(r" / m\b", f" / {len(values.get('o', ()))}", text).replace("2 (", "2 * (")
    text = text.replace(", then / 1 for the mean over the batch", "")
    text = re.sub(r"^(.*), then / (\d+) for the mean over the batch$", r"(\1) / \2", text)
    return text if re.fullmatch(r"[-+*/() .\de^]+", text) else ""


def lines(group: Group) -> Iterator[str]:
    yield ""
    yield f"{group.title}    {group.function}"
    formula = None
    for one in group.numbers:
        if one.formula != formula:
            formula = one.formula
            yield f"  {formula}"
        named = " = " in one.operands
        yield f"    {one.name} = {one.value!r}   where {one.operands}" if named else f"    {one.name} = {one.operands}"
        pad = " " * (len(one.name) + 4)
        computed = with_numbers(one.formula, one.operands) if named else ""
        for text in (*([computed] if computed else ()), *(one.chain or ()), *(() if named else (repr(one.value),))):
            yield f"{pad} = {text}"
    if group.more:
        yield f"    ... and {group.more:,} more"


if __name__ == "__main__":
    sys.exit(main())
