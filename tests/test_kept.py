"""The file of finished points: nothing is lost in it, and nothing in it can do harm."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from refnn import InputError
from refnn.kept import Kept
from refnn.sweep import Processes, grid, main, sweep

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parent.parent
POINTS = grid("alice-bob", lr=[0.1, 0.5], epochs=[2], seed=range(5))
unix = pytest.mark.skipif(os.name == "nt", reason="needs signals, pipes and limits as on Unix")


@pytest.fixture
def keep(tmp_path):
    """A file of ten points."""
    sweep(POINTS, None, tmp_path / "points.jsonl")
    return tmp_path / "points.jsonl"


def again(keep):
    """The number of points that another sweep trains."""
    trained = []
    with pytest.MonkeyPatch.context() as patch:
        from refnn import sweep as module
        train_point = module.train_point
        patch.setattr(module, "train_point", lambda point: (trained.append(point), train_point(point))[1])
        assert all("lost" not in result for result in sweep(POINTS, None, keep))
    return len(trained)


def test_a_line_cut_anywhere_is_removed(keep):
    content = keep.read_bytes()
    last = content.splitlines()[-1]
    for length in (*range(1, 12), len(last) - 1, len(last)):
        keep.write_bytes(content[:-len(last) - 1] + last[:length])
        assert again(keep) == 1
        assert len(keep.read_text().splitlines()) == 10
    keep.write_bytes(last[:5])
    assert again(keep) == 10


DAMAGED = [b"", b"{", b"null", b"[]", b'"x"', b"1e999", b"\xff\xfe", b"[" * 5000, b'{"task": 1}',
           b'{"task": "alice-bob"}', b'{"task": "alice-bob", "spec": 1}', b"9" * 5000, b'{"task": {"a": 1}, "spec": 1}']
FIELDS = [("train_loss", "low"), ("train_loss", None), ("train_loss", float("nan")), ("validation_loss", [1]),
          ("accuracy", {}), ("sha256", 7), ("seconds", "x"), ("diverged", 3), ("diverged", "yes"),
          ("spec", None), ("task", 5), ("losses", 5), ("losses", []), ("losses", [1.0, None]), ("losses", ["x"])]


@pytest.mark.parametrize("line", [*DAMAGED, *FIELDS], ids=str)
def test_a_damaged_line_is_reported_and_not_used(keep, capsys, line):
    lines = keep.read_bytes().splitlines()
    if isinstance(line, tuple):
        line = json.dumps({**json.loads(lines[3]), line[0]: line[1]}).encode()
    lines[3] = line
    keep.write_bytes(b"\n".join(lines) + b"\n")
    with Kept(keep) as kept:
        assert kept.damaged == [4] and len(kept.results) == 9
    with pytest.warns(UserWarning, match="points.jsonl: line 4 is damaged and is not used"):
        assert again(keep) == 1
    assert keep.read_bytes().splitlines()[:10] == lines
    assert main(["alice-bob", "--lr", "0.1", "0.5", "--epochs", "2", "--seeds", "5", "--jobs", "1", "--keep", str(keep),
                 "--quiet"]) == 0
    assert capsys.readouterr().err == f"refnn.sweep: {keep}: line 4 is damaged and is not used\n"


def test_random_damage(keep):
    """Any change of any byte: an InputError, or the whole lines that are left are used."""
    content = keep.read_bytes()
    choose = random.Random(1)
    for _ in range(300):
        changed = bytearray(content)
        for _ in range(choose.randint(1, 4)):
            place = choose.randrange(len(changed))
            changed[place:place + choose.choice([0, 1, 50])] = choose.randbytes(choose.choice([0, 1, 1, 5]))
        keep.write_bytes(changed)
        whole = [line for line in content.splitlines() if line + b"\n" in changed]
        with Kept(keep) as kept:
            assert len(kept.results) >= len(set(whole)) - 1  # a changed line may now be the point of another
    assert choose


@unix
def test_a_full_disk_loses_nothing(keep):
    content = keep.read_bytes()
    command = (f"ulimit -f {-(-len(content) // 1024)}; "
               f"exec {sys.executable} -m refnn.sweep alice-bob --epochs 2 --seeds 50 --jobs 1 --keep {keep}")
    keep.write_bytes(content + b'{"ta')
    done = subprocess.run(["bash", "-c", command], cwd=ROOT, capture_output=True, text=True)
    message = f"refnn.sweep: {keep}: finished points cannot be kept here: File too large\n"
    assert (done.returncode, done.stderr) == (2, message)
    assert keep.read_bytes().startswith(content) and keep.read_bytes().endswith(b"\n")
    assert again(keep) == 0


@unix
def test_two_sweeps_on_one_file(keep):
    with Kept(keep):
        done = subprocess.run([sys.executable, "-m", "refnn.sweep", "alice-bob", "--keep", str(keep)], cwd=ROOT,
                              capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (2, f"refnn.sweep: {keep}: another sweep is using this file\n")
        with pytest.raises(InputError, match="another sweep is using this file"):
            sweep(POINTS, None, keep)
    assert again(keep) == 0


@unix
def test_pipes_devices_and_folders_are_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", "/dev/full", "/dev/zero", tmp_path, tmp_path / ("x" * 5000),
                 tmp_path / "no" / "file", "a\0b"):
        with pytest.raises(InputError, match="finished points cannot be kept here"):
            Kept(path)


@unix
def test_a_dangling_link_stays(tmp_path):
    (tmp_path / "link").symlink_to("file")
    sweep(POINTS[:1], None, tmp_path / "link")
    assert (tmp_path / "link").is_symlink() and len((tmp_path / "file").read_text().splitlines()) == 1


def test_a_grid_without_end():
    for seeds in (range(2**31), (n for n in iter(int, 1))):
        with pytest.raises(InputError, match="more than 1000000 points"):
            grid("alice-bob", seed=seeds)


def marked(mark):
    """The processes of this machine that have the mark in their environment."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            ended = "Z" in (path / "stat").read_text().split(")")[1][:3]
            if mark.encode() in (path / "environ").read_bytes() and not ended:
                found.append(path.name)
        except OSError:
            pass  # it has ended, or is another user's
    return found


def test_calls_end_whose_process_is_being_started():
    processes = Processes(2)
    calls = [processes.submit(time.sleep, 5.0) for _ in range(2)]
    processes.kill()
    assert all(call.cancelled() or call.exception() for call in calls)


@pytest.mark.skipif(not os.path.exists("/proc/self/environ"), reason="reads /proc")
@pytest.mark.parametrize("killer", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
@pytest.mark.parametrize("after", [0.2, 1.0])
def test_a_killed_sweep_leaves_no_process(tmp_path, killer, after):
    mark = f"REFNN_TEST_MARK={os.getpid()}-{after}-{killer}"
    arguments = ["sin-cos", "--hidden", "200,200", "--epochs", "1000", "--seeds", "4", "--jobs", "2",
                 "--impl", "python"]
    process = subprocess.Popen([sys.executable, "-m", "refnn.sweep", *arguments, "--keep", str(tmp_path / "keep")],
                               cwd=ROOT, env={**os.environ, "REFNN_TEST_MARK": mark.split("=")[1]},
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(after)
    assert marked(mark)
    process.send_signal(killer)
    process.wait(20)
    until = time.monotonic() + 10
    while marked(mark) and time.monotonic() < until:
        time.sleep(0.1)
    assert marked(mark) == []
