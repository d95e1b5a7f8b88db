"""Programs that hang, crash, or write without end: the check says so in bounded time, memory and disk."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from refnn.check import main
from refnn.conformance import program, vectors
from refnn.conformance.compare import NoAnswer
from refnn.conformance.program import Program
from refnn.conformance.vectors import Case

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parent.parent
ANSWERS = """
import json, os, sys, time
print("started", file=open({log!r}, "a"))
{first}
for line in sys.stdin:
    case = json.loads(line)
    print(case["op"], file=open({log!r}, "a"))
    {each}
    print(json.dumps({{"id": case["id"], "out": None}}), flush=True)
"""


@pytest.fixture
def write(tmp_path):
    """write(first, each) -> the command of a program that does `first` when it starts and `each` at a question."""
    def written(each="pass", first="pass"):
        path = tmp_path / "program.py"
        path.write_text(ANSWERS.format(first=first, each=each, log=str(tmp_path / "log")))
        return f'"{sys.executable}" "{path}"'
    return written


@pytest.fixture
def log(tmp_path):
    """log() -> what the program has been asked, and "started" at each start."""
    return lambda: (tmp_path / "log").read_text().split() if (tmp_path / "log").exists() else []


def checked(*arguments):
    """Runs a check in a process. -> its exit status, its output, the seconds it took, its largest memory in
    megabytes."""
    code = ("import sys; from refnn.check import main; status = main(sys.argv[1:]);"
            "peak = next(line for line in open('/proc/self/status') if line.startswith('VmHWM'))\n"
            "print('megabytes', int(peak.split()[1]) // 1024); sys.exit(status)")  # ru_maxrss begins at the parent's
    begin = time.monotonic()
    done = subprocess.run([sys.executable, "-c", code, *arguments], cwd=ROOT, capture_output=True, text=True,
                          timeout=120)
    seconds = time.monotonic() - begin
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, done.stdout, seconds, int(done.stdout.split()[-1])


def test_a_program_that_never_answers_is_asked_three_times(write, log, capsys):
    assert main(["--cmd", write("time.sleep(1000)"), "--timeout", "0.5"]) == 1
    said = " ".join(capsys.readouterr().out.split())
    assert log().count("started") <= 3 and len([word for word in log() if word != "started"]) <= 3
    assert "prng: no answer" in said and "no answer within 0.5 s; is each answer flushed?" in said


def test_without_a_timeout_a_hang_takes_less_than_30_seconds(write):
    subject = Program(write("time.sleep(1000)"))
    dot, train = (next(case for case in vectors.load(rung)) for rung in ("product", "truth-table"))
    try:
        first = subject.limit(dot)
        for _ in range(2):
            subject.patience.lost(dot, program.Lost("", timeout=True), 0.0)
            first += subject.limit(dot)
        assert subject.limit(train) > subject.limit(dot) and first < 30.0
    finally:
        subject.close()


def test_an_operation_that_hangs_is_asked_twice_and_others_are_asked_on(write, log, capsys):
    hangs = write("if case['op'] == 'uniform': time.sleep(1000)")
    assert main(["--cmd", hangs, "--timeout", "0.5", "prng", "product"]) == 1
    assert log().count("uniform") == 2 and log().count("below") == 5
    assert log().count("dot") == len([case for case in vectors.load("product") if case.op == "dot"])
    assert "2 cases of uniform" not in capsys.readouterr().err


def test_a_program_that_hangs_at_trainings_is_told_in_time(write, log):
    assert main(["--cmd", write("if case['op'] == 'train': time.sleep(1000)"), "--timeout", "0.5"]) == 1
    assert log().count("train") == 2


def test_a_program_that_ends_at_every_question(write, log, capsys):
    assert main(["--cmd", write("raise RuntimeError('boom')")]) == 1
    assert log().count("started") == 3
    assert "the program ended with status 1: RuntimeError: boom" in " ".join(capsys.readouterr().out.split())


def test_crashes_that_take_long_end_the_program(write, log, monkeypatch):
    monkeypatch.setattr(program, "CRASHING", 1.0)
    assert main(["--cmd", write("if case['op'] != 'next': time.sleep(0.4); sys.exit(1)")]) == 1
    assert 2 <= len([word for word in log() if word not in ("next", "started")]) <= 4


def test_a_program_that_answers_one_question_is_told_to_read_on(write, capsys):
    one = write("print(json.dumps({'id': case['id'], 'out': None}), flush=True); break")
    assert main(["--cmd", one, "product"]) == 1
    assert "must read until its input ends" in " ".join(capsys.readouterr().out.split())


def test_the_last_40_lines_of_standard_error_are_shown(write, capsys):
    each = ("[print(f'line {n}', file=sys.stderr) for n in range(100)]; "
            "sys.stderr.write('\\x1b[31mred\\x1b[0m' + 'x' * 1000); os._exit(3)")
    assert main(["--cmd", write(each), "product"]) == 1
    said = capsys.readouterr().out
    shown = [line.strip().removeprefix("| ") for line in said.splitlines() if line.startswith("    | ")]
    assert shown[:39] == [f"line {n}" for n in range(61, 100)] and len(shown) == 40
    assert shown[-1].startswith("\\x1b[31mred\\x1b[0mxxx") and shown[-1].endswith("x ...") and len(shown[-1]) < 400
    assert "\x1b" not in said


@pytest.mark.parametrize("said, telling", [
    ("file:///mine.mjs:9\n    throw new TypeError('no');\n    ^\n\nTypeError: no\n    at mine.mjs:9\n\nNode.js v20\n",
     "TypeError: no"),
    ("Exception in thread \"main\" java.lang.IllegalStateException: no\n\tat Mine.main(Mine.java:3)\n",
     "Exception in thread"),
    ("thread 'main' panicked at 'no', mine.rs:3:5\nnote: run with RUST_BACKTRACE=1\n",
     "thread 'main' panicked at 'no'"),
    ("panic: no\n\ngoroutine 1 [running]:\nmain.main()\n\t/mine.go:4\nexit status 2\n", "panic: no"),
    ("Segmentation fault\n", "Segmentation fault")])
def test_the_line_that_names_the_error_is_the_reason(write, capsys, said, telling):
    assert main(["--cmd", write(f"sys.stderr.write({said!r}); sys.exit(1)"), "product"]) == 1
    assert f"status 1: {telling}" in " ".join(capsys.readouterr().out.split())


@pytest.mark.skipif(os.name == "nt", reason="signals of Unix")
def test_a_signal_is_named(write, capsys):
    assert main(["--cmd", write("os.kill(os.getpid(), 11)"), "product"]) == 1
    assert "the program was killed by SIGSEGV" in capsys.readouterr().out


@pytest.mark.skipif(os.name == "nt", reason="/dev/zero")
@pytest.mark.parametrize("each", [
    "os.system('head -c 2000000000 /dev/zero >&2'); sys.exit(1)",
    "os.system('cat /dev/zero >&2')",
    "os.system('yes >&2')",
    "[sys.stdout.write('\\U0001F600' * 100000) for _ in iter(int, 1)]",
    "os.system('cat /dev/zero')",
    "os.system('yes')",
    "print('[' + '1,' * 400000 + '1]', flush=True)",
    "print(json.dumps({'id': 'x' * 500000, 'out': None}), flush=True)",
    "print('{\"id\": 1' + '0' * 500000 + ', \"out\": null}', flush=True)",
], ids=["2 GB of stderr", "endless stderr", "endless lines of stderr", "4-byte characters without newline",
        "endless stdout", "endless lines", "a long list", "a long id", "a long number"])
def test_output_without_end_takes_little_memory_and_disk(write, each, tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    status, said, seconds, megabytes = checked("--cmd", write(each), "--timeout", "0.5", "product")
    assert status == 1 and "product: no answer" in said
    assert megabytes < 150 and seconds < 40 and len(said) < 20_000
    assert {path.name for path in tmp_path.iterdir()} == {"program.py", "log"}


@pytest.mark.parametrize("each", [
    "case['id'] = '\\x1b]0;title\\x07' * 3", "case['id'] = 'x' * 10**5", "case['id'] = [[1] * 1000]",
    "case['id'] = '\\ud800\\u202e'", "print('\\x1b[2J', flush=True)",
    "print(json.dumps({'id': case['id'], 'out': {'z': '\\x1b[2J' * 100}}), flush=True); continue"])
def test_text_of_a_program_is_cut_and_escaped(write, capsys, each):
    assert main(["--cmd", write(each), "product"]) == 1
    said = capsys.readouterr().out
    assert "\x1b" not in said and "\u202e" not in said and max(map(len, said.splitlines())) < 400


def test_an_answer_may_be_as_long_as_the_right_one(write):
    """Of a large network, in the longest decimals."""
    numbers = [-2.2250738585072014e-308] * 30_000
    case = Case("own/step/large", "update", {}, {"p": numbers})
    out = f"{{'p': [{numbers[0]!r}] * {len(numbers)}}}"
    subject = Program(write(f"print(json.dumps({{'id': case['id'], 'out': {out}}}), flush=True)"))
    try:
        assert subject.ask(case) == {"p": numbers}
    finally:
        subject.close()


def test_a_program_that_reads_nothing(tmp_path):
    """Its input is larger than a pipe."""
    case = Case("own/step/large", "update", {"p": [0.1] * 100_000}, {"p": []})
    subject = Program("sleep 1000", timeout=0.5)
    try:
        with pytest.raises(NoAnswer, match=r"no answer within 0\.5 s"):
            subject.ask(case)
    finally:
        subject.close()
