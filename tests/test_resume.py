"""refnn train --save and --resume: the same bits as without a stop, after SIGKILL at any moment and after Ctrl-C.

REFNN_KILLS is the number of kills.
"""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import refnn
from refnn.idx import write_idx
from refnn.network import digest
from refnn.train import main

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parent.parent
KILLS = int(os.environ.get("REFNN_KILLS", "6"))

RUNS = {  # task -> epochs at first, epochs in all, options
    "truth-table": (20, 50, ""), "alice-bob": (20, 50, "--shuffle --lr-decay 0.9 --lr-decay-every 7"),
    "sin-cos": (2, 5, "--limit 60 --hidden 8,6 --lr-decay-every 2"),
    "points": (20, 50, "--batch-size 30 --shuffle --lr-decay 0.99"),
    "mnist": (2, 5, "--data digits --limit 30 --hidden 9 --lr 0.1 --lr-decay 0.5 --shuffle"),
    "mnist-cnn": (1, 3, "--data digits --limit 20 --batch-size 8 --lr-decay 0.5")}


def record(capsys, *arguments):
    assert main([*arguments, "--json", "-", "--quiet"]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("task", RUNS)
@pytest.mark.parametrize("first, second", [("c", "c"), ("python", "c"), ("c", "python")])
def test_every_task_continues_to_the_same_bits(capsys, tmp_path, task, first, second):
    part, whole, options = RUNS[task]
    options = options.split()
    path = str(tmp_path / "f")
    expected = record(capsys, task, *options, "--epochs", str(whole), "--impl", "c")
    begin = record(capsys, task, *options, "--epochs", str(part), "--impl", first, "--save", path)
    end = record(capsys, "--resume", path, "--epochs", str(whole), "--impl", second)
    assert end["final_sha256"] == expected["final_sha256"] != begin["final_sha256"]
    assert end["initial_sha256"] == begin["final_sha256"]
    losses = [epoch["train_loss"] for epoch in begin["epochs"][:-1] + end["epochs"]]
    assert losses == [epoch["train_loss"] for epoch in expected["epochs"]]
    assert end["test"] == expected["test"]
    assert end["run"] == expected["run"]
    assert digest(refnn.load(path).parameters) == expected["final_sha256"]


@pytest.mark.parametrize("task", RUNS)
def test_the_record_repeats_the_run(capsys, task):
    _, whole, options = RUNS[task]
    first = record(capsys, task, *options.split(), "--epochs", str(whole), "--seed", "3")
    second = record(capsys, *first["arguments"])
    for made in (first, second):
        for epoch in made["epochs"]:
            del epoch["seconds"]
    assert first == second


def test_a_finished_training(capsys, tmp_path):
    path = str(tmp_path / "f")
    first = record(capsys, "--epochs", "5", "--save", path)
    content = (tmp_path / "f").read_bytes()
    assert main(["--resume", path]) == 0
    assert f"{path} is trained for 5 epochs; --epochs N, the number in all, continues" in capsys.readouterr().out
    again = record(capsys, "--resume", path)
    assert (again["final_sha256"], again["epochs"]) == (first["final_sha256"], [])
    assert (tmp_path / "f").read_bytes() == content


def test_the_samples_of_the_training_must_be_the_same(capsys, tmp_path):
    """The folder may be moved, and the test may change."""
    for name, first in (("old", 0), ("moved", 0), ("changed", 9)):
        for part, labels in (("train", [0, 1, 2]), ("t10k", [len(name) % 3])):
            (tmp_path / name).mkdir(exist_ok=True)
            write_idx(tmp_path / name / f"{part}-images-idx3-ubyte", (len(labels), 2, 2), bytes(
                range(first, first + 4 * len(labels))))
            write_idx(tmp_path / name / f"{part}-labels-idx1-ubyte", (len(labels),), bytes(labels))
    path = str(tmp_path / "f")
    first = record(capsys, "mnist", "--data", str(tmp_path / "old"), "--epochs", "2", "--save", path)
    second = record(capsys, "--resume", path, "--data", str(tmp_path / "moved"), "--epochs", "3")
    assert first["samples_sha256"] == second["samples_sha256"]
    assert main(["--resume", path, "--data", str(tmp_path / "changed"), "--epochs", "4"]) == 2
    assert f"mnist: its samples are not those that {path} was trained with" in capsys.readouterr().err


def test_a_changed_rate_and_another_file(capsys, tmp_path):
    paths = [str(tmp_path / name) for name in "ab"]
    record(capsys, "--epochs", "5", "--save", paths[0])
    record(capsys, "--resume", paths[0], "--epochs", "9", "--lr", "0.05", "--save", paths[1])
    assert refnn.load(paths[0]).epoch == 5
    assert (refnn.load(paths[1]).epoch, refnn.load(paths[1]).settings["lr"]) == (9, 0.05)


@pytest.mark.parametrize("arguments, message", [
    (["--resume", "F", "--hidden", "3"], "--hidden cannot change when a training continues; in F it is [2]"),
    (["mnist", "--resume", "F"], "the task cannot change when a training continues; in F it is 'alice-bob'"),
    (["--resume", "F", "--seed", "1"], "--seed cannot change when a training continues; in F it is 0"),
    (["--resume", "F", "--limit", "1"], "--limit cannot change when a training continues; in F it is None"),
    (["--resume", "F", "--epochs", "0"], "--epochs must be a whole number from 1"),
    (["--resume", "F", "--save-every", "0"], "--save-every must be a whole number from 1"),
    (["--resume", "F", "--save", "/nowhere/f"], "--save '/nowhere/f' cannot be written: No such file or directory"),
    (["--resume", "nothing"], "nothing: No such file or directory\n"),
    (["--resume", "network.refn"], "network.refn: No such file or directory; did you mean network.refnn?"),
    (["./network.refn"], "./network.refn: No such file or directory; did you mean ./network.refnn?"),
    (["--save", "/nowhere/f"], "--save '/nowhere/f' cannot be written: No such file or directory"),
    (["--save-every", "2"], "--save-every needs --save or --resume"),
    (["--resume", "P"], "P: not from a training with --save; in Python, refnn.load continues it"),
    (["--resume", "B"], "B: not a valid safetensors file")])
def test_mistakes(capsys, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    record(capsys, "--epochs", "5", "--save", "F")
    refnn.Network(refnn.mlp([2, 1])).save("P")
    for name in ("B", "network.refnn"):
        (tmp_path / name).write_bytes(b"broken")
    assert main(arguments) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith("refnn.train: ") and message in output.err and output.err.count("\n") == 1


@pytest.mark.parametrize("run, message", [
    ({"task": "alice-bob", "seed": 0, "exec": 1}, "the run in the metadata is invalid"),
    ({"task": 1, "seed": 0}, "the run in the metadata is invalid"),
    ({"seed": 0}, "the run in the metadata is invalid"),
    ({"task": "alice-bob", "seed": "0"}, "--seed must be a whole number"),
    ({"task": "alice-bob", "seed": 0, "lr": "fast"}, "--lr must be a finite number above 0"),
    ({"task": "alice-bob", "seed": 0, "limit": -1}, "--limit must be a whole number"),
    ({"task": "mnist", "seed": 0, "data": 5}, "--data must be a text"),
    ({"task": "mnist", "seed": 0, "data": "digits"}, "mnist: its pictures are not those that"),
    ({"task": "alice-bob", "seed": 0}, "this is the network of another model: 2-1")])
def test_a_run_that_does_not_fit(capsys, tmp_path, run, message):
    refnn.Network(refnn.mlp([2, 1])).save(tmp_path / "f", run)
    assert main(["--resume", str(tmp_path / "f")]) == 2
    assert message in capsys.readouterr().err


# Kills

TRAIN = ["sin-cos", "--limit", "400", "--hidden", "30,20", "--epochs", "30", "--batch-size", "5"]


def start(*arguments):
    return subprocess.Popen([sys.executable, "-m", "refnn", "train", *arguments], cwd=ROOT, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True)


def finish(*arguments):
    with start(*arguments, "--quiet", "--json", "-") as process:
        out, err = process.communicate()
    assert process.returncode == 0, err
    return json.loads(out)


def test_killed_at_any_moment_and_resumed(tmp_path):
    """The time of the kill is random, from the first save to the end. Every epoch is saved."""
    generator = random.Random(os.environ.get("REFNN_TEST_SEED", "1"))

    def started(path):
        process = start(*TRAIN, "--impl", "c", "--save", str(path), "--save-every", "1")
        while not path.exists():
            time.sleep(0.001)
        return process

    with started(tmp_path / "whole") as process:
        begin = time.monotonic()
        process.communicate()
    seconds = time.monotonic() - begin
    expected = digest(refnn.load(tmp_path / "whole").parameters)
    resumed_from = []
    for n in range(KILLS):
        path = tmp_path / f"f{n}"
        with started(path) as process:
            time.sleep(generator.uniform(0.0, seconds))
            process.kill()
        loaded = refnn.load(path)
        resumed_from.append(loaded.epoch)
        record = finish("--resume", str(path), "--impl", "python" if loaded.epoch >= 29 else "c")
        assert record["final_sha256"] == expected, f"kill {n}, resumed from epoch {loaded.epoch}"
    assert len(set(resumed_from)) > KILLS // 10, resumed_from


@pytest.mark.skipif(os.name == "nt", reason="sends a signal as terminals on Unix do")
def test_ctrl_c_saves_and_says_how_to_continue(tmp_path):
    path, record = tmp_path / "f", tmp_path / "r.json"
    arguments = ["mnist", "--data", "digits", "--hidden", "400,300", "--lr", "0.03", "--shuffle"]
    with start(*arguments, "--epochs", "50", "--save", str(path), "--json", str(record), "--save-every",
               "100") as process:
        for line in process.stdout:
            if line.startswith("epoch    2"):
                break
        process.send_signal(signal.SIGINT)
        out, err = process.communicate()
    assert process.returncode == 130
    assert err == "refnn.train: interrupted\n"
    epoch = refnn.load(path).epoch
    assert epoch >= 2
    assert out.splitlines()[-1] == f"stopped after {epoch} whole epochs; to continue: refnn train --resume {path}"
    kept = json.loads(record.read_text())
    assert kept["interrupted"] is True and len(kept["epochs"]) in (epoch, epoch + 1)
    expected = finish(*arguments, "--epochs", str(epoch + 2))
    assert finish("--resume", str(path), "--epochs", str(epoch + 2))["final_sha256"] == expected["final_sha256"]


def test_saving_after_some_epochs(tmp_path, monkeypatch):
    saved = []
    monkeypatch.setattr(refnn.Network, "save", lambda network, path, run: saved.append(network.epoch))
    assert main(["--epochs", "10", "--save", str(tmp_path / "f"), "--save-every", "4", "--quiet"]) == 0
    assert saved == [0, 4, 8, 10]
