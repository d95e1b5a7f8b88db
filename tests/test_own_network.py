"""--network and --model: questions about a network of the asker's own."""

import json
import shutil
import sys
from pathlib import Path

import pytest
from refnn.check import main
from refnn.conformance.own import DEFAULTS, RUNGS, own, questions
from refnn.layers import ACTIVATIONS
from refnn.model import INITS, LOSSES

pytestmark = pytest.mark.slow

HERE = Path(__file__).resolve().parent
CONVOLUTIONAL = {"input_shape": [2, 6, 5], "loss": "cross_entropy", "init": "he", "layers": [
    {"type": "conv2d", "in_channels": 2, "out_channels": 3, "kernel_size": [3, 3], "stride": [1, 1], "padding": [1, 1],
     "bias": True},
    {"type": "batchnorm2d", "num_features": 3}, {"type": "relu"}, {"type": "maxpool2d", "kernel_size": 2},
    {"type": "flatten"}, {"type": "linear", "inputs": 18, "outputs": 4}]}


def cases(network="5-4-3", path=None, seed=0, **changes):
    rungs = questions(own(network if path is None else None, path, changes, seed))
    return [case for of_rung in rungs.values() for case in of_rung]


@pytest.mark.parametrize("impl", ["c", "python"])
@pytest.mark.parametrize("arguments", [
    ["--network", "784-30-10", "--activation", "sigmoid", "--loss", "mse", "--batch-size", "10", "--lr", "3"],
    ["--network", "2-1", "--loss", "sse", "--no-bias", "--batch-size", "1", "--no-shuffle"],
    ["--network", "7-5-5-3", "--activation", "leaky_relu", "--output", "softmax", "--reduction", "sum", "--init", "he"],
    ["--network", "4-6-3", "--activation", "tanh", "--loss", "cross_entropy", "--lr-decay", "0.5", "--epochs", "3"]])
def test_both_implementations_are_exact(arguments, impl, capsys):
    assert main(["--impl", impl, *arguments]) == 0
    said = capsys.readouterr().out
    assert [line.split()[0] for line in said.splitlines()[2:9]] == [
        "init", "forward", "loss", "backward", "update", "step", "train"]


def test_a_model_from_a_file(tmp_path, capsys):
    path = tmp_path / "model.json"
    path.write_text(json.dumps(CONVOLUTIONAL))
    assert main(["--impl", "c", "--model", str(path)]) == 0
    ops = {case.op for case in cases(path=str(path))}
    assert {"conv2d_forward", "maxpool2d_backward", "batchnorm2d_statistics", "step", "train"} <= ops
    path.write_text(json.dumps([{"type": "linear", "inputs": 2, "outputs": 3, "bias": False}, {"type": "tanh"}]))
    assert main(["--impl", "c", "--model", str(path), "--loss", "sse"]) == 0


def test_every_setting_has_its_effect():
    by_op = {case.op: case for case in cases(seed=7, loss="sse", lr=0.25, epochs=3, shuffle=False, init="fan_out")}
    train, step = by_op["train"].inputs, by_op["step"].inputs
    assert (train["seed"], train["epochs"]) == ("0000000000000007", 3)
    assert (train["shuffle"], train["init"]) == (False, "fan_out")
    assert train["reduction"] == step["reduction"] == "sum" and step["lr"] == 0.25
    assert len(train["x"]) == 2 * DEFAULTS["batch_size"] + 2 and len(step["x"]) == DEFAULTS["batch_size"]
    assert len(by_op["train"].answer["losses"]) == 4


def test_a_seed_makes_the_questions_and_another_makes_others():
    assert cases(seed=1) == cases(seed=1) != cases(seed=2)


@pytest.mark.parametrize("setting, values", [("activation", ACTIVATIONS), ("loss", LOSSES), ("init", INITS)])
def test_every_name_makes_questions(setting, values):
    for value in values:
        assert {"init", "forward", "loss", "backward", "update", "step", "train"} == set(
            questions(own("3-4-2", None, {setting: value}, 0)))


def test_operations_have_rungs():
    assert set(RUNGS) <= {case.op for case in cases()}


def test_a_program_of_another_author_is_exact(tmp_path, capsys):
    node = shutil.which("node")
    if not node:
        pytest.skip("no node on this machine")
    command = f'"{node}" "{HERE / "implementations" / "refnn.mjs"}"'
    assert main(["--cmd", command, "--network", "9-7-4", "--activation", "tanh", "--loss", "cross_entropy"]) == 0


def test_what_a_program_cannot_is_not_implemented(tmp_path, capsys):
    path = tmp_path / "mine.py"
    path.write_text("""
import json, sys
for line in sys.stdin:
    print(json.dumps({"id": json.loads(line)["id"], "out": None}), flush=True)
""")
    command = f'"{sys.executable}" "{path}"'
    assert main(["--cmd", command, "--network", "3-2-1", "--json", str(tmp_path / "record.json")]) == 1
    made = json.loads((tmp_path / "record.json").read_text())
    assert {rung["verdict"] for rung in made["rungs"]} == {"not implemented"}
    assert "Not implemented: initial_parameters (1)" in capsys.readouterr().out


def test_list_and_case(capsys):
    assert main(["--list", "--network", "3-2-1", "--case", "network/step/*"]) == 0
    question = json.loads(capsys.readouterr().out)
    assert question["id"] == "network/step/own" and question["in"]["layers"][0]["inputs"] == 3
    assert main(["--impl", "c", "--network", "3-2-1", "--case", "network/forward/*"]) == 2


@pytest.mark.parametrize("arguments, message", [
    (["--network", "784"], "at least two"), (["--network", "a-b"], "sizes such as 784-30-10"),
    (["--network", ""], "sizes"),
    (["--network", "3-0-1"], "sizes"), (["--network", "3-2-1", "product"], "no RUNG"),
    (["--network", "3-2-1", "--lr", "-1"], "--lr must be"),
    (["--network", "3-2-1", "--epochs", "0"], "--epochs must be"),
    (["--network", "3-2-1", "--activation", "relo"], "did you mean 'relu'"),
    (["--network", "3-2-1", "--loss", "cross_entropy"], "one output for each class"),
    (["--network", "9999-9999-9999"], "takes too long"),
    (["--network", "3-2-1", "--seed", "-1"], "--seed must be"),
    (["--lr", "3"], "--lr is for --network and --model"), (["--seed", "3"], "--seed is for --network and --model"),
    (["--model", "/no/such/file"], "--model /no/such/file"),
    (["--network", "3-2-1", "--model", "FILE"], "--network is for a network without it"),
    (["--model", "FILE", "--activation", "relu"], "--activation is for a network without it")])
def test_mistakes(arguments, message, tmp_path, capsys):
    path = tmp_path / "model.json"
    path.write_text(json.dumps(CONVOLUTIONAL))
    assert main(["--impl", "c", *[str(path) if word == "FILE" else word for word in arguments]]) == 2
    said = capsys.readouterr().err
    assert message in said and said.count("\n") == 1


@pytest.mark.parametrize("text, message", [
    ("{", "is not JSON"), ("3", "a list of layers"), ("[" * 100_000, "is not JSON"), ("[3]", "an object with a type"),
    ('[{"type": "linaer"}]', "did you mean 'linear'"), ('[{"type": "linear", "inputs": 3}]', "is not as in SPEC.md"),
    ('[{"type": "linear", "inputs": 3, "outputs": 2, "x": 1}]', "is not as in SPEC.md"),
    ('[{"type": "linear", "inputs": 3, "outputs": "2"}]', "outputs"),
    ('{"layers": []}', ""), ('[{"type": "relu"}]', ""),
    ("\ud800", "is not JSON")])
def test_mistakes_in_a_file(text, message, tmp_path, capsys):
    path = tmp_path / "model.json"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    assert main(["--impl", "c", "--model", str(path)]) == 2
    said = capsys.readouterr().err
    assert message in said and said.count("\n") == 1
