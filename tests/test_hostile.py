"""Commands under hostile conditions: a line and the exit status 2, or the right result; in bounded time and memory."""

import os
import re
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from refnn import Linear, Model, Network, __main__ as front_door
from refnn import bench, check, explain, interrupts, mlp, predict, sweep, train
from refnn.__main__ import COMMANDS
from refnn.cli import command
from refnn.errors import InputError
from refnn.rates import learning_rates

ROOT = Path(__file__).resolve().parent.parent
FAST = ["--epochs", "2", "--impl", "python"]


def shell(command, **environment):
    """Runs a line of bash in which $refnn is the command; kills it after a minute."""
    variables = {key: value for key, value in os.environ.items() if key != "REFNN_DATA"}
    return subprocess.run(["bash", "-c", command], cwd=ROOT, timeout=60, capture_output=True, text=True,
                          errors="surrogateescape",
                          env={**variables, "refnn": f"{sys.executable} -m refnn", **environment})


def one_line(done, status=2):
    assert done.returncode == status, done
    assert len(done.stderr.splitlines()) == 1 and "Traceback" not in done.stderr, done.stderr
    return done.stderr


@pytest.mark.parametrize("command, message", [
    ("$refnn train > /dev/full", "refnn.train: standard output: No space left on device"),
    ("$refnn train >&-", "refnn.train: standard output: Bad file descriptor"),
    ("$refnn train --json - --quiet > /dev/full", "refnn.train: standard output: No space left on device"),
    ("$refnn check product > /dev/full", "refnn.check: standard output: No space left on device"),
    ("$refnn check --list >&-", "refnn.check: standard output: Bad file descriptor"),
    ("$refnn sweep alice-bob --keep $TMPDIR/keep --epochs 1 --seeds 1 > /dev/full",
     "refnn.sweep: standard output: No space left on device"),
    ("$refnn train --json \"$(printf 'x%.0s' {1..5000})\"", "--json 'xxx.*xxx' cannot be written: File name too long"),
    ("$refnn train mnist --data \"$(printf 'x%.0s' {1..5000})\"", "no folder 'xxx.*xxx'; --data takes"),
    ("REFNN_DATA=\"$(printf 'x%.0s' {1..5000})\" $refnn train mnist", "no folder 'xxx.*xxx'; REFNN_DATA takes"),
    ("$refnn check --known-failures <(:)", "--known-failures /dev/fd/63: not a regular file"),
    ("$refnn check --known-failures /dev/zero", "--known-failures /dev/zero: not a regular file"),
    ("$refnn check --model /dev/zero", "check: --model /dev/zero: not a regular file"),
    ("$refnn sweep --keep /dev/full", "/dev/full: finished points cannot be kept here: not a regular file"),
    ("$refnn sweep --keep $'/nowhere/\\xff'", "cannot be kept here: No such file or directory"),
    ("$refnn train --json $'/nowhere/\\xff'", "cannot be written: No such file or directory"),
    ("$refnn train mnist --data $'/nowhere/\\xff'", "no folder"),
    ("$refnn train --impl $'\\xff'", "unknown implementation"),
    ("$refnn sweep alice-bob --seeds 2147483647", "these are more than 1000000 points"),
    ("$refnn train --resume /dev/zero", "/dev/zero: not a regular file"),
])
def test_one_line_and_status_2(command, message, tmp_path):
    begin = time.monotonic()
    assert re.search(message, one_line(shell(command, TMPDIR=str(tmp_path))))
    assert time.monotonic() - begin < 20.0


def test_closed_streams_that_are_not_needed(tmp_path):
    done = shell(f"$refnn train {' '.join(FAST)} --quiet --json {tmp_path}/r.json >&- 2>&- <&-")
    assert done.returncode == 0
    assert '"final_sha256"' in (tmp_path / "r.json").read_text()
    assert shell("$refnn train --impl cc >&- 2>&-").returncode == 2
    assert shell("$refnn train --impl cc 2> /dev/full").returncode == 2


def test_a_name_that_standard_output_cannot_encode(tmp_path):
    done = shell(f"cd {tmp_path} && $refnn sweep alice-bob --epochs 1 --seeds 1 --jobs 1 --keep $'\\xff'",
                 PYTHONIOENCODING="utf-8:strict", PYTHONPATH=str(ROOT))
    assert (done.returncode, done.stderr) == (0, "")
    assert "kept in \\udcff" in done.stdout


def test_no_home_directory():
    """HOME is unset, and the user is not in the list of users."""
    if os.geteuid() != 0:
        pytest.skip("only the superuser can become another user")
    def run(code):
        start = "import os, sys; os.setuid(54321); os.environ.pop('HOME', None); sys.dont_write_bytecode = True; "
        variables = {name: value for name, value in os.environ.items() if name not in ("REFNN_DATA", "XDG_CACHE_HOME")}
        return subprocess.run([sys.executable, "-c", start + code], cwd=ROOT, env=variables, capture_output=True,
                              text=True)

    if run("import refnn").returncode:
        pytest.skip("another user cannot read this checkout")
    done = run("from refnn.train import main; sys.exit(main(['mnist']))")
    assert "this user has no home directory; name a folder that has the files of MNIST" in one_line(done)
    done = run("from refnn.check import main; sys.exit(main(['mnist']))")
    assert done.returncode == 2 and "Traceback" not in done.stderr


NASTY = ["", "--", "-", "=", "0", "-1", "1e999", "nan", "x", "\udcff", "\0", "9" * 5000, "%(x)s", "%d", "{x}", "a b",
         "1,2", "/", ".", "x" * 300]


def options_of(module):
    parser = module.options()
    return [option for action in parser._actions for option in action.option_strings
            if option not in ("-h", "--help", "--version")]


MODULES = {"train": train, "check": check, "sweep": sweep, "bench": bench, "predict": predict, "explain": explain}


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(set(MODULES) & set(COMMANDS)))
def test_every_option_with_every_nasty_value(name, tmp_path, monkeypatch, capfd):
    """Of this process: a traceback would be an exception here."""
    monkeypatch.chdir(tmp_path)
    Network(mlp([2, 1])).save("model")
    module = MODULES[name]
    fast = {"train": FAST, "check": ["product", "--impl", "python"], "bench": ["--nothing"],
            "predict": ["model", "1,2"], "explain": [],
            "sweep": ["--jobs", "1", "--seeds", "1", "--limit", "-1"]}[name]  # the last two never start to work
    for option in options_of(module):
        for words in [[option]] + [words for value in NASTY for words in ([f"{option}={value}"], [option, value])]:
            begin = time.monotonic()
            try:
                status = module.main([*fast, *words])
            except SystemExit as ended:
                status = ended.code
            captured = capfd.readouterr()
            assert status in (0, 1, 2, None), (words, status)
            if status == 2:
                assert len(captured.err.splitlines()) == 1 and len(captured.err) < 8000, (words, captured.err)
            assert time.monotonic() - begin < 10.0, words


def test_ctrl_c_in_a_text_that_is_executed(tmp_path):
    """CPython remembers such an interrupt, and would end the process by the signal."""
    (tmp_path / "program.py").write_text("import sys\nfrom refnn.cli import command\n"
                                         "sys.exit(command('refnn', lambda: exec('raise KeyboardInterrupt')))\n")
    done = subprocess.run([sys.executable, "-m", "program"], cwd=tmp_path, capture_output=True, text=True,
                          env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert (done.returncode, done.stderr) == (130, "refnn: interrupted\n")


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="sends a signal as terminals on Unix do")
@pytest.mark.parametrize("arguments", [["-m", "refnn.train", "sin-cos"], ["-m", "refnn", "check"],
                                       ["-m", "refnn.sweep", "sin-cos", "--jobs", "2", "--keep", "keep"]])
def test_ctrl_c_at_any_moment(arguments, tmp_path):
    """From the first import on: one line, and the exit status 130. (Before it, Python itself speaks.)"""
    for after in (0.03, 0.06, 0.1, 0.2, 0.5):
        with subprocess.Popen([sys.executable, "-X", "importtime", *arguments], cwd=tmp_path,
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True,
                              env={**os.environ, "PYTHONPATH": str(ROOT)}) as process:
            for line in process.stderr:
                if "refnn.interrupts" in line:
                    break
            time.sleep(after)
            os.killpg(process.pid, signal.SIGINT)
            said = [line for line in process.stderr.read().splitlines() if not line.startswith("import time:")]
        assert process.returncode == 130, (after, said)
        assert len(said) == 1 and said[0].endswith(": interrupted"), (after, said)


def test_ctrl_c_ends_at_once_until_a_command_is_imported(monkeypatch):
    seen = []

    def begin(rest):
        return command("refnn.check", lambda: seen.append(signal.getsignal(signal.SIGINT)) or 0)

    def imported(name, package):
        seen.append(signal.getsignal(signal.SIGINT))
        return SimpleNamespace(main=begin)

    monkeypatch.setattr(front_door, "import_module", imported)
    before = signal.signal(signal.SIGINT, interrupts.leave)
    try:
        assert front_door.main(["check"]) == 0
    finally:
        signal.signal(signal.SIGINT, before)
    assert seen == [interrupts.leave, signal.default_int_handler]


def test_absurd_rates_and_epochs():
    begin = time.monotonic()
    for decay in (0.9999999999999, 0.999999, 0.6, 1.0, 1.0000000000001):
        assert next(learning_rates(2**31 - 1, 0.1, decay, 1)) == 0.1
    for decay, message in ((0.5, "is 0.0 from epoch 1073 on"), (1.01, r"is inf from epoch 71\d+ on"),
                           (1.000001, "is inf before epoch 2147483647"), (5e-324, "is 0.0 from epoch 2 on"),
                           (1e308, "is inf from epoch 3 on")):
        with pytest.raises(InputError, match=message):
            learning_rates(2**31 - 1, 0.1, decay, 1)
    assert time.monotonic() - begin < 20.0
    rates = learning_rates(3000, 5e-324, 0.500001, 1)
    assert set(rates) == {5e-324}


def test_a_clock_that_stands_still(impl, monkeypatch):
    monkeypatch.setattr(time, "perf_counter", lambda: 5.0)
    network = Network(mlp([200, 300, 2], loss="cross_entropy"), impl)
    rows = [[0.5] * 200] * 3
    for _ in range(3):
        assert network.train(rows, [0, 1, 0], epochs=2, lr=0.1)[-1].seconds == 0.0
    network.predict(rows)


def test_many_threads_in_little_memory(tmp_path):
    def limited():
        resource.setrlimit(resource.RLIMIT_AS, (600_000_000, 600_000_000))

    arguments = ("mnist --data digits --limit 200 --epochs 1 --hidden 300 --batch-size 200 --threads 1024 --impl c "
                 "--quiet")
    done = subprocess.run([sys.executable, "-m", "refnn.train", *arguments.split()], cwd=ROOT, preexec_fn=limited,
                          capture_output=True, text=True, timeout=60)
    refused = 2, "refnn.train: not enough memory for this network and these data\n"
    assert (done.returncode, done.stderr) in ((0, ""), refused)


class Texts:
    """A custom layer whose methods return what they should not."""

    parameters = ()

    def __init__(self, forward, backward=None):
        self.results = forward, backward

    def forward(self, x):
        return self.results[0] if self.results[0] is not None else x

    def backward(self, x, a, da):
        return self.results[1]


@pytest.mark.parametrize("layer", [
    Texts("ab"), Texts(["ab"]), Texts([["a", "b"]]), Texts([[None, 1.0]]), Texts([[1.0, 1j]]), Texts(7),
    Texts([[[1.0], 2.0]]), Texts(None, "ab"), Texts(None, (["ab"], ())), Texts(None, ([[1.0, "a"]], ())),
    Texts(None, ([[1.0, 2.0]], [["a"]])), Texts(None, (None, ())), Texts(None, ([[1.0, 2.0]], None)),
    Texts([[1.0]]), Texts({0: "ab"}), Texts([{0: 1.0, 1: 2.0}]), Texts([(1.0, "2.0")])],
                         ids=lambda layer: repr(layer.results))
def test_custom_layers_that_return_something_else(layer):
    network = Network(Model([Linear(2, 2), layer, Linear(2, 1)]), "python")
    with pytest.raises(InputError, match="of layer 1"):
        network.train([[1.0, 2.0]], [[1.0]], epochs=1, lr=0.1)
