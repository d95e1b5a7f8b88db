"""The command refnn, python -m refnn, --version, and progress."""

import io
import os
import re
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest
import refnn
from refnn import __main__ as front
from refnn.progress import Progress, duration

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parent.parent


def run(*words):
    return subprocess.run([sys.executable, "-m", "refnn", *words], cwd=ROOT, capture_output=True, text=True,
                          env={**os.environ, "COLUMNS": "80"})


def test_help_and_version():
    for words in ([], ["--help"], ["-h"], ["help"]):
        done = run(*words)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith("usage: refnn COMMAND [options]\n")
        assert max(map(len, done.stdout.splitlines())) <= 80
    assert run("--version").stdout == f"refnn {refnn.__version__}\n"
    assert f'version = "{refnn.__version__}"' in (ROOT / "pyproject.toml").read_text()


@pytest.mark.parametrize("name", front.COMMANDS)
def test_every_command_has_help(name):
    done = run(name, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert "--json" in done.stdout
    assert done.stdout.startswith("usage: ")


@pytest.mark.parametrize("words, message", [
    (["trian"], "unknown command 'trian'; did you mean train?"),
    (["xyz"], "unknown command 'xyz'; the commands are train, "),
    (["--frobnicate"], "unknown command '--frobnicate'; the commands are train, ")])
def test_unknown_commands(words, message):
    done = run(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"refnn: {message}")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_help_to_a_full_disk_and_a_closed_pipe():
    with open("/dev/full", "w") as full:
        done = subprocess.run([sys.executable, "-m", "refnn"], cwd=ROOT, stdout=full, stderr=subprocess.PIPE, text=True)
    assert (done.returncode, done.stderr) == (2, "refnn: standard output: No space left on device\n")
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([sys.executable, "-m", "refnn"], cwd=ROOT, stdout=writer, stderr=subprocess.PIPE, text=True)
    os.close(writer)
    assert (done.returncode, done.stderr) == (1, "")


def test_the_console_script():
    script = shutil.which("refnn", path=str(Path(sys.executable).parent))
    assert script, "the script refnn is not installed beside Python"
    done = subprocess.run([script, "train", "--epochs", "2", "--quiet"], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


# Progress


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def test_lines_come_soon_and_then_rarely():
    stream, clock = io.StringIO(), Clock()
    progress = Progress(stream, clock=clock)
    for done in range(1000):
        clock.now += 1.0
        progress("epoch 1", done + 1, 1000)
    lines = stream.getvalue().splitlines()
    assert lines[0] == "epoch 1: 2 of 1,000 samples, 8:19 min left"
    assert 15 < len(lines) < 30
    assert all(re.fullmatch(r"epoch 1: [\d,]+ of 1,000 samples, .* left", line) for line in lines)


def test_short_work_is_not_reported():
    stream, clock = io.StringIO(), Clock()
    progress = Progress(stream, clock=clock)
    for epoch in range(100):
        for done in range(10):
            clock.now += 0.05
            progress(f"epoch {epoch}", done + 1, 10)
    assert stream.getvalue() == ""


def test_work_that_has_not_begun_and_work_without_an_end():
    stream, clock = io.StringIO(), Clock()
    progress = Progress(stream, clock=clock)
    for done in (0, 0, 5):
        clock.now += 1.0
        progress("downloading x", done, 0, "bytes")
    assert stream.getvalue() == "downloading x: 0 bytes\n"
    clock.now += 1.0
    progress("downloading x", 7, 0, "bytes")
    assert stream.getvalue().endswith("\ndownloading x: 7 bytes\n")


def test_a_bar_learns_its_total():
    class Bar:
        n, total = 0, None

        def __init__(self, **options):
            bars.append(self)

        def update(self, count):
            self.n += count

        def close(self):
            pass

    bars = []
    progress = Progress(io.StringIO())
    progress.bar_class = Bar
    for done, total in ((0, 0), (5, 50), (20, 50)):
        progress("downloading x", done, total, "bytes")
    assert [(bar.n, bar.total) for bar in bars] == [(20, 50)]


def test_a_terminal_without_tqdm_says_once_how_to_get_bars(monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm", None)
    stream, clock = io.StringIO(), Clock()
    for terminal, hints in ((True, 1), (False, 0)):
        monkeypatch.setattr(sys.stderr, "isatty", lambda terminal=terminal: terminal, raising=False)
        progress = Progress(stream, clock=clock)
        for done in range(100):
            clock.now += 1.0
            progress("epoch 1", done + 1, 100)
        assert stream.getvalue().count("left; pip install 'refnn[progress]' adds bars\n") == hints
        stream.truncate(0)


def test_durations():
    assert [duration(seconds) for seconds in (0.2, 59.4, 59.6, 3599, 3600, 86400)] == [
        "0 s", "59 s", "1:00 min", "59:59 min", "1:00 h", "24:00 h"]


def test_plain_python_on_mnist_shows_life_within_seconds(mnist_folder):
    """Python takes minutes for the first evaluation of 60,000 images."""
    with subprocess.Popen([sys.executable, "-m", "refnn", "train", "mnist", "--impl", "python", "--data", mnist_folder],
                          cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        lines = (process.stdout.readline() for _ in range(6))
        alive = any(re.fullmatch(r"epoch 0, evaluation: [\d,]+ of 60,000 samples, .* left\n", line) for line in lines)
        process.kill()
    assert alive


@pytest.mark.skipif(os.name == "nt", reason="makes a terminal as Unix does")
@pytest.mark.parametrize("words, patterns", [
    ("train mnist --data digits --impl python --limit 80 --epochs 1", [r"epoch 1: +\d+%\|", "epoch    1  loss "]),
    ("sweep points --impl python --epochs 60 --seeds 4 --jobs 1",
     [r"training: +\d+%\|.* [1-4]/4 ", r"\d\.\d\d %"])])
def test_bars_on_a_terminal(tmp_path, words, patterns):
    pytest.importorskip("tqdm")
    pty = pytest.importorskip("pty")
    import fcntl
    import termios
    master, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    process = subprocess.Popen([sys.executable, "-m", "refnn", *words.split()], cwd=tmp_path, stdout=terminal,
                               stderr=terminal, env={**os.environ, "PYTHONPATH": str(ROOT)})
    os.close(terminal)
    shown = b""
    while True:
        try:
            block = os.read(master, 10000)
        except OSError:
            block = b""
        if not block:
            break
        shown += block
    assert process.wait() == 0
    os.close(master)
    for pattern in patterns:
        assert re.search(pattern, shown.decode())
