"""The page of refnn explain --html: it computes the same bits as C, and shows what refnn explain prints."""

import io
import json
import random
import re
import shutil
import subprocess
import sys
from contextlib import redirect_stdout
from pathlib import Path

import pytest

from refnn import explain, page, train
from refnn.conformance.mutants import MUTANTS
from refnn.conformance.spoil import spoiled
from refnn.implementations import load
from refnn.network import digest
from refnn.progress import Progress
from refnn.runs import task_of
from refnn.samples import check_samples
from refnn.tasks import SETTINGS

sys.path.insert(0, str(Path(__file__).resolve().parent))
from browser import Browser, found
from test_explain import value_of

SCRIPTS = "".join((page.WEB / name).read_text() for name in ("refnn.js", "bugs.js", "explain.js"))
DIGEST = """
for (const [task, settings, seed, epochs, bug] of INPUT) {
  const training = trainingOf(task, settings, BigInt(seed), { ...RULES, ...BUGS[bug]?.rules });
  for (let epoch = 0; epoch < epochs; epoch++) training.trainEpoch();
  console.log(JSON.stringify([training.network.digest(), !bug || BUGS[bug].possible(settings)]));
}
"""


def node(script, given):
    """The lines that a script after those of the page prints, from JSON. Skips the test without node."""
    program = shutil.which("node")
    if not program:
        pytest.skip("no node on this machine")
    text = f"{SCRIPTS}\nconst INPUT = {json.dumps(given)};\n{script}"
    done = subprocess.run([program, "-"], input=text, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def cases(count=5):
    """Random settings of every task: (task, run)."""
    draw = random.Random(14)
    for task in page.SHOWN:
        for _ in range(count):
            run = {"seed": draw.choice([draw.randrange(100), draw.randrange(2**64)]), "lr": draw.uniform(0.001, 0.02),
                   "hidden": tuple(draw.randint(1, 9) for _ in range(draw.randint(0, 3))),
                   "activation": draw.choice(["sigmoid", "tanh", "relu", "leaky_relu", "softmax"]),
                   "batch_size": draw.choice([1, 3, 10, 200]), "epochs": 2 if task == "sin-cos" else 9}
            yield task, run


def trained(words):
    """The record of refnn train."""
    text = io.StringIO()
    with redirect_stdout(text):
        assert train.main([*words, "--quiet", "--json", "-", "--impl", "c"]) == 0
    return json.loads(text.getvalue())


def words_of(task, run):
    return [task, "--seed", str(run["seed"]), "--lr", repr(run["lr"]), "--activation", run["activation"], "--hidden",
            ",".join(map(str, run["hidden"])) or "none", "--batch-size", str(run["batch_size"]), "--epochs",
            str(run["epochs"])]


def test_digests_by_node():
    chosen = list(cases())
    chosen.append(("points", {**chosen[-1][1], "loss": "mse", "init": "he", "bias": False, "lr_decay": 0.9}))
    given = [(task, page.settings(task, run), str(run["seed"]), run["epochs"], "") for task, run in chosen]
    for (task, run), (found_here, _) in zip(chosen, node(DIGEST, given)):
        more = ["--loss", "mse", "--init", "he", "--no-bias", "--lr-decay", "0.9"] if "loss" in run else []
        assert found_here == trained([*words_of(task, run), *more])["final_sha256"], (task, run)


BUGGY = [("truth-table", "sigmoid-twice", {}), ("points", "softmax-twice", {}), ("points", "one-hot", {}),
         ("truth-table", "factor-2", {}), ("points", "sum-for-mean", {}), ("sin-cos", "mean-for-sum", {"hidden": (3,)}),
         ("alice-bob", "sign", {}), ("alice-bob", "no-rate", {}), ("alice-bob", "no-bias-gradient", {}),
         ("sin-cos", "same-order", {"hidden": (2,)})]


@pytest.mark.slow
def test_bugs_are_the_mutants():
    epochs = {"sin-cos": 2}
    given = [(task, page.settings(task, run), "3", epochs.get(task, 5), bug) for task, bug, run in BUGGY]
    assert set(node("console.log(JSON.stringify(Object.keys(BUGS)))", [])[0]) == {bug for _, bug, _ in BUGGY}
    for (task, bug, run), (found_here, possible) in zip(BUGGY, node(DIGEST, given)):
        mutant = next(mutant for mutant in MUTANTS if mutant.name == bug)
        chosen = task_of({"task": task, **run})
        samples = check_samples(chosen.model(), *chosen.data(3, None).train)
        net = load("python")(chosen.model(), 3)
        settings = page.settings(task, run)
        right = node(DIGEST, [(task, settings, "3", epochs.get(task, 5), "")])[0][0]
        with spoiled(mutant.variants[0]):
            for epoch in range(1, epochs.get(task, 5) + 1):
                order = net.epoch_order(3, epoch, len(samples)) if chosen.shuffle else None
                net.train(samples.inputs, samples.targets, order, 0, len(samples), chosen.batch_size, chosen.lr,
                          settings["reduction"])
        assert possible and found_here == digest(net.get_parameters()) != right, bug


EXPLAIN = """
for (const [task, settings, seed, formulas, rows] of INPUT) {
  const training = trainingOf(task, settings, BigInt(seed)), lines = [];
  training.prepare();
  for (let row = 0; row < rows; row++) {
    const found = new Explanation(training, formulas, undefined, row, 17), { layers } = found;
    for (let k = 0; k < layers.length; k += 2) for (let j = 0; j < layers[k].outputs; j++) {
      const items = [{ kind: "unit", k, j }];
      for (let i = 0; i < layers[k].inputs; i++) items.push({ kind: "weight", k, i, j });
      if (layers[k].b) items.push({ kind: "bias", k, j });
      lines.push(...items.flatMap((item) => found.groups(item).flatMap(([, group]) => group)));
    }
  }
  console.log(JSON.stringify(lines));
}
"""


@pytest.mark.parametrize("task, words", [
    ("alice-bob", []), ("truth-table", []), ("points", ["--batch-size", "2"]),
    ("alice-bob", ["--activation", "softmax", "--batch-size", "3"]),
    ("sin-cos", ["--hidden", "3", "--batch-size", "2"])])
def test_explanations_are_those_of_refnn_explain(monkeypatch, task, words):
    monkeypatch.setattr(explain, "SMALL", 10**9)
    given = explain.options().parse_args([task, *words])
    step = explain.prepared(given, Progress(sys.stdout, quiet=True))[0]
    wanted = {}
    for group in step.groups(None):
        for one in group.numbers:
            updated = group.title.startswith("update")
            wanted[one.name + " after the step" if updated else one.name] = group.function, one
    run = {name: value for name, value in vars(given).items() if name in SETTINGS and value is not None}
    lines, = node(EXPLAIN, [(task, page.settings(task, run), "0", page.formulas(), len(step.rows))])
    shown = {line["name"]: line for line in lines if "place" in line}
    assert set(shown) == set(wanted) - {"L"}
    for name, line in shown.items():
        function, one = wanted[name]
        assert (line["place"], line["value"]) == (function, one.value), name
        assert line["formula"].split(",")[0] == one.formula.split(",")[0], name
        assert one.chain is None or line["chain"][0] == one.chain[0], name
        assert line["numbers"] or line["operands"], name
        assert not line["numbers"] or "..." in line["numbers"] or value_of(line["numbers"]) == line["value"], name


def test_one_file_that_loads_nothing(tmp_path, capsys):
    path = tmp_path / "page.html"
    assert explain.main(["points", "--seed", str(2**64 - 1), "--hidden", "5,3", "--html", str(path)]) == 0
    assert capsys.readouterr().out == f"{path} is written; open it in a browser\n"
    text = path.read_text(encoding="utf-8")
    urls = set(re.findall(r"\bhttps?://[^\s\"']+", text))
    assert urls == {"http://www.w3.org/2000/svg"}  # a name, not an address
    assert not re.search(r"\bsrc=|@import|\bfetch\(|\bimport ", text) and "{{" not in text
    config = json.loads(re.search(r"^const CONFIG = (.*);$", text, re.M)[1])
    assert config["start"] == {"task": "points", "seed": str(2**64 - 1)}
    assert config["tasks"]["points"]["hidden"] == [5, 3] and config["tasks"]["sin-cos"]["hidden"] == [20, 10]


@pytest.mark.parametrize("words, message", [
    (["mnist"], "--html is for truth-table, alice-bob, points, sin-cos, not 'mnist'"),
    (["pionts"], "unknown task 'pionts'; did you mean 'points'?"),
    (["points", "--step", "3"], "--step is for explanations as text: a page of --html has no use for it"),
    (["points", "--data", "digits"], "--data is for explanations as text"),
    (["points", "--json", "-"], "--json is for explanations as text"),
    (["points", "--hidden", "33"], "at most 4 hidden layers, of at most 32 units"),
    (["points", "--lr", "-1"], "--lr must be")])
def test_mistakes_are_one_line(words, message, tmp_path, capsys):
    assert explain.main([*words, "--html", str(tmp_path / "page.html")]) == 2
    said = capsys.readouterr().err
    assert message in said and said.count("\n") == 1 and not list(tmp_path.iterdir())


def test_a_file_that_cannot_be_written(tmp_path, capsys):
    assert explain.main(["points", "--html", str(tmp_path / "no" / "page.html")]) == 2
    said = capsys.readouterr().err
    assert "--html " in said and "No such file" in said and said.count("\n") == 1


# In a browser

FUNCTIONS = """
window.element = (id) => document.getElementById(id);
window.enter = (id, value) => { element(id).value = value; element(id).dispatchEvent(new Event("change")); };
window.text = (id) => element(id).textContent;
window.item = (label) => document.querySelector(`[aria-label="${label}"]`);
window.paused = () => new Promise((done) => {
  const timer = setInterval(() => text("play") === "Play" && (clearInterval(timer), done()), 20);
});
"""


@pytest.fixture(scope="module")
def browser():
    if not found():
        pytest.skip("no Chromium on this machine: the page was not tested in a browser")
    with Browser(found()) as running:
        yield running


@pytest.fixture
def opened(browser, tmp_path):
    path = tmp_path / "page.html"
    assert explain.main(["--quiet", "--html", str(path)]) == 0
    browser.size(1400)
    browser.open(path)
    browser.run(FUNCTIONS)
    yield browser
    assert browser.errors == []


def enter(browser, **values):
    for name, value in values.items():
        browser.run(f"enter({json.dumps(name)}, {json.dumps(str(value))})")


@pytest.mark.slow
def test_digests_in_a_browser(opened):
    for task, run in cases():
        hidden = ",".join(map(str, run["hidden"])) or "none"
        enter(opened, task=task, **{**run, "lr": repr(run["lr"]), "hidden": hidden})
        assert opened.run("text('digest')") == trained(words_of(task, run))["initial_sha256"]
        opened.run("element('play').click(); paused()")
        assert opened.run("text('epoch-now')") == str(run["epochs"])
        command = opened.run("text('command')").split()
        assert command[:3] == ["refnn", "train", task] and command[-2:] == ["--json", "-"]
        made = trained(command[2:-2])
        assert opened.run("text('digest')") == made["final_sha256"], (task, run)
        assert opened.run("text('digest-text')") == "The same bits in Python and in C: final_sha256 in the record of"
        loss = float(opened.run("text('loss-now')").split()[0])
        assert loss == pytest.approx(made["epochs"][-1]["train_loss"], rel=1e-5)


@pytest.mark.slow
def test_interaction(opened):
    first = opened.run("text('digest')")
    opened.run("element('step').click()")
    assert opened.run("text('step-now')") == "2 of 4 in epoch 1" and opened.run("element('command').hidden")
    opened.run("element('epoch').click()")
    assert opened.run("text('epoch-now')") == "1" != first
    opened.run("element('play').click()")
    assert opened.run("text('play')") == "Pause"
    opened.run("element('play').click(); element('reset').click()")
    assert opened.run("text('digest')") == first and opened.run("text('epoch-now')") == "0"
    enter(opened, speed=100)
    opened.run("element('play').click(); new Promise((done) => setTimeout(done, 350))")
    assert opened.run("text('play')") == "Pause" and opened.run("text('step-now')") != "1 of 4 in epoch 1"
    opened.run("element('play').click()")


@pytest.mark.slow
def test_what_is_pointed_at_is_explained(opened):
    opened.run("item('weight w0[1][0]').dispatchEvent(new MouseEvent('click', { bubbles: true }))")
    assert opened.run("text('item-title')") == "Weight w0[1][0]"
    assert "dL/da3[0] * da3[0]/dz2[0] * dz2[0]/da1[0] * da1[0]/dz0[0] * dz0[0]/dw0[1][0]" in opened.run("text('item')")
    x, y = opened.run("(({ x, y, width, height }) => [x + width / 2, y + height / 2])"
                      "(item('unit 1 of layer 0').querySelector('circle').getBoundingClientRect())")
    opened.pointer(x, y)
    assert opened.run("text('item-title')") == "Unit 1 of layers 0 and 1"
    opened.pointer(1, 1)
    assert opened.run("text('item-title')") == "Weight w0[1][0]"
    opened.pointer(x, y, "mousePressed")
    opened.pointer(x, y, "mouseReleased")
    opened.pointer(1, 1)
    assert "z0[1] = 2.0693371283334625" in opened.run("text('item')")
    opened.run("item('unit 1 of layer 0').focus()")
    for key, title in (("ArrowUp", "Unit 0 of layers 0 and 1"), ("ArrowRight", "Weight w2[0][0]"),
                       ("ArrowDown", "Weight w2[1][0]"), ("ArrowDown", "Bias b2[0]"),
                       ("ArrowLeft", "Unit 1 of layers")):
        opened.key(key)
        assert opened.run("text('item-title')").startswith(title), key
    assert opened.run("document.querySelectorAll('#network [tabindex=\"0\"]').length") == 1


@pytest.mark.slow
def test_the_step_of_alice(opened):
    """Weights of 1 and biases of 0: the numbers are those of the README, and no digest is promised."""
    seeded = opened.run("text('digest')")
    enter(opened, first="ones")
    opened.run("item('weight w0[0][0]').dispatchEvent(new MouseEvent('click', { bubbles: true }))")
    shown = opened.run("text('item')")
    assert "dL/dw0[0][0] = 0.02146953526581111" in shown and "after the step = 0.9978530464734189" in shown
    assert opened.run("text('digest')") != seeded and opened.run("element('command').hidden")
    assert opened.run("text('digest-text')").startswith("The first weights are not those of a seed")
    enter(opened, first="random")
    assert opened.run("text('digest')") == seeded and not opened.run("element('command').hidden")


@pytest.mark.slow
def test_wrong_settings_are_said_and_change_nothing(opened):
    before = opened.run("text('digest')")
    for name, value in (("seed", "-1"), ("seed", str(2**64)), ("lr", "0"), ("lr", "x"), ("hidden", "99"),
                        ("hidden", "2,"), ("batch_size", "0"), ("epochs", "0")):
        right = opened.run(f"element('{name}').value")
        enter(opened, **{name: value})
        assert opened.run(f"element('{name}').getAttribute('aria-invalid')") == "true", (name, value)
        opened.run("dispatchEvent(new Event('resize'))")
        assert not opened.run("element('problem').hidden"), (name, value)
        assert opened.run("text('digest')") == before
        enter(opened, **{name: right})
        assert opened.run("element('problem').hidden")


@pytest.mark.slow
@pytest.mark.parametrize("width", [360, 1400])
@pytest.mark.parametrize("dark", [False, True])
def test_nothing_is_wider_than_the_screen(opened, width, dark):
    opened.size(width, dark=dark)
    for task in page.SHOWN:
        enter(opened, task=task)
        for bug in opened.run("Array.from(element('bug').options, ({ value }) => value)"):
            enter(opened, bug=bug)
            opened.run("element('step').click()")
        assert opened.run("document.documentElement.scrollWidth") <= width


@pytest.mark.slow
def test_a_training_that_diverges_pauses(opened):
    enter(opened, task="sin-cos", lr="100")
    opened.run("element('play').click(); paused()")
    assert "The training has diverged" in opened.run("text('problem')")
    opened.run("element('reset').click()")
    assert opened.run("element('problem').hidden")
