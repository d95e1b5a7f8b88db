"""python -m refnn.train from the user's side: errors, pipes, Ctrl-C, a machine without the core."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from refnn.sources import compiler_to_install
from refnn.model import INITS
from refnn.tasks import TASKS

ROOT = Path(__file__).resolve().parent.parent


def command(*arguments, cwd=ROOT, options=(), **environment):
    variables = {key: value for key, value in os.environ.items() if key != "REFNN_DATA"}
    return subprocess.run([sys.executable, *options, "-m", "refnn.train", *arguments], cwd=cwd,
                          env={**variables, **environment},
                          capture_output=True, text=True)


@pytest.mark.parametrize("arguments, message", [
    ("alice-bbo", "unknown task 'alice-bbo'; did you mean 'alice-bob'?"),
    ("xyz", f"unknown task 'xyz'; known: {', '.join(TASKS)}"),
    ("--impl cc", "unknown implementation 'cc'; did you mean 'c'?"),
    ("--activation rellu", "unknown activation 'rellu'; did you mean 'relu'?"),
    ("--loss crossentropy", "unknown loss 'crossentropy'; did you mean 'cross_entropy'?"),
    ("--init xavier", f"unknown init 'xavier'; known: {', '.join(INITS)}"),
    ("--reduction average", "unknown reduction 'average'; known: sum, mean"),
    ("--epochs 0", "--epochs must be a whole number from 1 to 2147483647, not 0"),
    ("--epochs -5", "--epochs must be a whole number from 1 to 2147483647, not -5"),
    ("--epochs ten", "argument --epochs: 'ten' is not a whole number"),
    ("--epochs 1.5", "argument --epochs: '1.5' is not a whole number"),
    ("--epochs", "argument --epochs: expected one argument"),
    ("--batch-size 0", "--batch-size must be a whole number from 1 to 2147483647, not 0"),
    ("--lr 0", "--lr must be a finite number above 0, not 0.0"),
    ("--lr nan", "--lr must be a finite number above 0, not nan"),
    ("--lr fast", "argument --lr: 'fast' is not a number"),
    ("--lr-decay -1", "--lr-decay must be a finite number above 0, not -1.0"),
    ("--hidden 3,,4", "argument --hidden: '3,,4' is not a list of sizes such as 100,80,50"),
    ("--hidden 0", "each of --hidden must be a whole number from 1 to 2147483647, not 0"),
    ("--seed -1", "--seed must be a whole number from 0 to 18446744073709551615, not -1"),
    ("--limit 0", "--limit must be a whole number from 1 to 2147483647, not 0"),
    ("--epoch 3", "unknown option --epoch; did you mean --epochs?"),
    ("--frobnicate", "unknown option --frobnicate; --help lists the options"),
    ("alice-bob mnist", "one task at a time, not 'mnist' as well"),
    ("--lr-decay 0.1 --epochs 400", "with lr_decay 0.1 the learning rate is 0.0 from epoch 324 on"),
    ("--hidden 2147483647,2147483647", "a network of 4611686024869838845 parameters is too large; the maximum is "
                                       "2147483647"),
    ("--data digits", "--data is for tasks that read files; this task makes its own samples"),
    ("mnist --data /nowhere", "no folder '/nowhere'; --data takes a folder with the MNIST files, or digits"),
    ("--json /nowhere/x.json", "--json '/nowhere/x.json' cannot be written: No such file or directory"),
    ("--json .", "--json '.' cannot be written: Is a directory"),
    ("--loss cross_entropy", "--loss cross_entropy needs one output for each class; this task has one output"),
    ("--hidden none --output softmix", "unknown output 'softmix'; did you mean 'softmax'?"),
])
def test_an_error_is_one_line(arguments, message):
    done = command(*arguments.split())
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"refnn.train: {message}\n")


@pytest.mark.skipif(os.name == "nt", reason="sends a signal as terminals on Unix do")
def test_a_huge_number_of_epochs_starts_at_once():
    with subprocess.Popen([sys.executable, "-m", "refnn.train", "sin-cos", "--limit", "50", "--epochs", "2147483647"],
                          cwd=ROOT,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert [process.stdout.readline()[:5] for _ in range(3)] == ["refnn", "2-100", "epoch"]
        process.send_signal(signal.SIGINT)
        assert process.wait() == 130


def test_divergence_is_one_line():
    done = command("sin-cos", "--lr", "1e9", "--epochs", "2", "--limit", "100")
    assert done.returncode == 2
    assert re.fullmatch(r"refnn.train: training diverged in epoch 1, step \d+ of 10: .*\n", done.stderr)


def test_default_run_prints_its_settings_and_predictions():
    done = command()
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert re.fullmatch(r"refnn [\d.]+: alice-bob in C \((gcc|clang|MSVC|C).*\), seed 0", lines[0])
    assert len(lines) == 2 + 21 + 2
    assert re.fullmatch(r"epoch 1000  loss 0\.\d{5,} +lr 0\.1  [\d,]+ samples/s", lines[-3])
    assert lines[-2:] == ["Emily: 0.966 (female: 1, male: 0)", "Frank: 0.039 (female: 1, male: 0)"]


def test_json_record_on_standard_output(tmp_path):
    done = command("--epochs", "3", "--json", "-")
    assert "epoch    3" in done.stderr
    record = json.loads(done.stdout)
    assert list(record) == ["version", "spec", "impl", "run", "arguments", "samples", "samples_sha256", "parameters",
                            "initial_sha256", "final_sha256", "epochs", "test", "interrupted"]
    assert [list(epoch) for epoch in record["epochs"]] == [
        ["epoch", "train_loss", "validation_loss", "accuracy", "lr", "seconds"]] * 4
    assert record["test"] is None
    assert (record["samples"], record["parameters"], record["spec"]) == (4, 9, 1)
    done = command("--epochs", "3", "--json", str(tmp_path / "r.json"), "--quiet")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert json.loads((tmp_path / "r.json").read_text())["final_sha256"] == record["final_sha256"]


def test_help_fits_and_lists_the_tasks():
    done = command("--help", COLUMNS="80")
    assert done.returncode == 0
    assert "alice-bob" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_full_disk():
    if not os.path.exists("/dev/full"):
        pytest.skip("needs /dev/full")
    done = command("--epochs", "2", "--json", "/dev/full")
    assert (done.returncode, done.stderr) == (2, "refnn.train: --json '/dev/full' could not be written: No space left "
                                                 "on device\n")


def test_closed_pipe():
    with subprocess.Popen([sys.executable, "-m", "refnn.train", "sin-cos", "--epochs", "40"], cwd=ROOT,
                          stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True) as process:
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait() == 1


@pytest.mark.skipif(os.name == "nt", reason="sends a signal as terminals on Unix do")
@pytest.mark.parametrize("arguments", ["mnist --data digits --epochs 50 --hidden 600,600",
                                       "mnist --data digits --epochs 50 --hidden 600,600 --batch-size 2000"])
def test_ctrl_c_stops_at_once(arguments):
    with subprocess.Popen([sys.executable, "-m", "refnn.train", *arguments.split(), "--impl", "c"], cwd=ROOT,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            if line.startswith("epoch    1"):
                break
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        start = time.monotonic()
        assert process.stderr.read() == "refnn.train: interrupted\n"
        assert process.wait() == 130
    waited = time.monotonic() - start
    assert waited < 5.0, f"{waited} s: an epoch takes longer than that, so calls of the core are too long"


@pytest.fixture
def bare(tmp_path):
    """Runs commands in a checkout without a built core, with a Python without site packages (so without cffi)."""
    for name in ("refnn", "data"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("*.so", "*.pyd", "_core*",
                                                                                    "__pycache__"))
    return lambda *arguments: command(*arguments, cwd=tmp_path, options=["-S"])


def test_bare_checkout_runs_in_python_with_a_message(bare):
    done = bare("--epochs", "2")
    assert done.returncode == 0, done.stderr
    assert re.match(r"refnn [\d.]+: alice-bob in plain Python \(\w+ [\d.]+\), seed 0\nthe C core is not built here; ",
                    done.stdout)
    assert bare("mnist", "--data", "digits", "--limit", "3", "--hidden", "4", "--epochs", "1").returncode == 0


def test_bare_checkout_refuses_c(bare):
    done = bare("--impl", "c")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == ("refnn.train: the C core is not built here; `pip install -e .` in a checkout builds it, "
                           f"with a C compiler ({compiler_to_install()}); --impl python runs without\n")
