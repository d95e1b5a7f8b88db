"""refnn explain: every number of a step is the reference's, and follows from the operands that are shown."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from refnn import Network, explain
from refnn.conformance.operations import explaining
from refnn.explain import before, main, options, prepared, with_numbers
from refnn.progress import Progress
from refnn.reference import elementary
from refnn.samples import check_samples
from refnn.tasks import TASKS

ROOT = Path(__file__).resolve().parent.parent
ARITHMETIC = re.compile(r"[-+*/() .\deinfa]+")


def value_of(text):
    """The value of an expression as explanations write it. A long sum is taken term by term: eval is recursive."""
    if "(" not in text and text.count(" + ") > 2:
        start, *terms = text.split(" + ")
        total = value_of(start)
        for term in terms:
            total = total + value_of(term)
        return total
    return eval(re.sub(r"\be\^(-?[\d.]+(?:e[-+]?\d+)?)", r"exp(\1)", text), {"exp": elementary.exp})


def step_of(*words):
    given = options().parse_args(words)
    return prepared(given, Progress(sys.stdout, quiet=True))[0]


def numbers(step, unit=None):
    return {one.name: one for group in step.groups(unit) for one in group.numbers}


def assert_follows(number):
    """The value follows from what is shown."""
    texts = [number.chain[1]] if number.chain else []
    if " = " in number.operands:
        texts += [text for text in [with_numbers(number.formula, number.operands)] if text]
    elif ARITHMETIC.fullmatch(number.operands):
        texts.append(number.operands)
    for text in texts:
        assert value_of(text) == number.value, (number, text)
    return len(texts)


def test_article_002():
    """With all weights 1 and biases 0, Alice's dL/dw1 is .0214695, and its chain is written out."""
    found = numbers(step_of("alice-bob", "--weights", "1", "--biases", "0"))
    number = found["dL/dw0[0][0]"]
    assert f"{number.value:.7f}" == "0.0214695"
    assert number.chain[0] == "dL/da3[0] * da3[0]/dz2[0] * dz2[0]/da1[0] * da1[0]/dz0[0] * dz0[0]/dw0[0][0]"
    assert len(found) == 6 + 2 + 6 + 9 + 9


@pytest.mark.parametrize("name", TASKS)
@pytest.mark.parametrize("batch", ["first", "sample"])
def test_every_number_is_that_of_the_core_and_follows_from_its_operands(monkeypatch, name, batch):
    monkeypatch.setattr(explaining, "TERMS", 10**9)
    monkeypatch.setattr(explain, "FEW", 10**9 if name in ("truth-table", "alice-bob") else 3)
    words = ["--data", "digits"] if name.startswith("mnist") else []
    if batch == "sample":
        words += ["--sample", "3"]
    elif name == "mnist-cnn":
        words += ["--batch-size", "8"]
    step = step_of(name, *words)
    network = Network(step.model, "c")
    network.parameters = step.inputs["parameters"]
    x, y, reduction = step.inputs["x"], step.inputs["y"], step.inputs["reduction"]
    gradients, loss = network.gradients(x, y, reduction), network.batch_loss(x, y, reduction)
    network.update(gradients, step.inputs["lr"])
    found = numbers(step)
    assert found["L"].value == loss
    checked = 0
    for number in found.values():
        checked += assert_follows(number)
        match = re.fullmatch(r"(dL/d)?(w|b|gamma|beta)(\d+)((?:\[\d+\])+)", number.name)
        if match:
            place = (int(match[3]), match[2], *map(int, re.findall(r"\d+", match[4])))
            index = step.places.index(place)
            assert number.value == (gradients if match[1] else network.parameters)[index]
    assert checked > len(found) // 3


def test_a_later_step_begins_where_training_is():
    data = TASKS["sin-cos"].data(0, None)
    task = TASKS["sin-cos"]
    samples = check_samples(task.model(), *data.train).first(35)
    parameters, chosen, rate = before(task, samples, 0, None, 0, 7)  # 4 steps an epoch: the third step of epoch 2
    network = Network(task.model(), "python")
    network.train_epoch(samples, lr=task.lr, batch_size=10, shuffle=True, reduction="sum")
    order = network._implementation.epoch_order(0, 2, 35)
    network._implementation.train(samples.inputs, samples.targets, order, 0, 20, 10, task.lr, "sum")
    assert parameters == list(network.parameters)
    assert chosen == list(order[20:30]) and rate == task.lr


def test_a_saved_network(tmp_path, capsys):
    from refnn.train import main as train
    path = str(tmp_path / "saved")
    assert train(["alice-bob", "--epochs", "3", "--save", path, "--quiet"]) == 0
    step = step_of(path)
    assert step.inputs["parameters"] == step_of("alice-bob", "--step", "13").inputs["parameters"]


def test_units_of_every_layer():
    step = step_of("mnist-cnn", "--data", "digits", "--sample", "0")
    names = ["z" if layer.name in ("conv2d", "linear") else "a" for layer in step.model.layers]
    assert [step.unit(k, 0, 1) for k in range(len(names))] == [f"{name}{k}[1]" for k, name in enumerate(names)]
    for k, width in enumerate(step.model.widths[1:]):
        for j in (0, width - 1):
            outputs = {name.split("[")[0] for name in numbers(step, (k, j)) if re.match(r"[az]\d", name)}
            assert outputs <= {f"z{k}", f"a{k}", f"a{k + 1}"}, (k, j)


@pytest.mark.parametrize("words, message", [
    (["--unit", "7:0"], "the layer of --unit must be a whole number from 0 to 3, not 7"),
    (["--unit", "0:2"], "the index of --unit in layer 0 must be a whole number from 0 to 1, not 2"),
    (["--unit", "z"], "--unit must be LAYER:INDEX, such as 2:7, not 'z'"),
    (["--sample", "4"], "--sample must be a whole number from 0 to 3, not 4"),
    (["--step", "0"], "--step must be a whole number from 1"),
    (["alice"], "unknown task 'alice'; did you mean 'alice-bob'?")])
def test_mistakes_are_one_line(capsys, words, message):
    assert main(words) == 2
    said = capsys.readouterr()
    assert message in said.err and said.err.count("\n") == 1


def test_the_command(tmp_path):
    words = ["truth-table", "--sample", "0", "--unit", "0:1", "--json", str(tmp_path / "r.json")]
    done = subprocess.run([sys.executable, "-m", "refnn", "explain", *words], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    record = json.loads((tmp_path / "r.json").read_text())
    assert [group["function"] for group in record][:3] == [
        "linear.linear_forward", "activations.sigmoid_forward", "losses.sse"]
    for group in record:
        assert group["function"] in done.stdout
        for number in group["numbers"]:
            assert f"    {number['name']} = " in done.stdout and repr(number["value"]) in done.stdout
