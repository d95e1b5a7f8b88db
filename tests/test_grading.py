"""For a course or a CI: scores, JUnit's XML, annotations, what is next, progress, watching a program's file."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from refnn.check import main
from refnn.conformance import vectors

ROOT = Path(__file__).resolve().parent.parent
PROGRAM = """
import json, sys
for line in sys.stdin:
    case = json.loads(line)
    out = None
    if case["op"] == "dot":
        z = {start}
        for a, b in zip(case["in"]["x"], case["in"]["w"]):
            z += float(a) * float(b)
        out = {{"z": z}}
    if case["op"] == "matmul" and {matmul}:
        raise SystemExit("]]> <&> \\x1b[31m ::error::x\\n::error title=false::hidden")
    print(json.dumps({{"id": case["id"], "out": out}}), flush=True)
"""


def program(tmp_path, start="0.0", matmul=False):
    path = tmp_path / "mine.py"
    path.write_text(PROGRAM.format(start=start, matmul=matmul))
    return f'"{sys.executable}" "{path}"'


def record(capsys, *arguments):
    main([*arguments, "--quiet", "--json", "-"])
    return json.loads(capsys.readouterr().out)


def test_a_record_has_the_score_of_each_rung(tmp_path, capsys):
    made = record(capsys, "--cmd", program(tmp_path), "product", "update")
    count = vectors.RUNGS["product"].count
    right = len([case for case in vectors.load("product") if case.op == "dot"])
    assert [rung["score"] for rung in made["rungs"]] == [right / count, 0.0]
    assert made["score"] == right / (count + vectors.RUNGS["update"].count)
    assert record(capsys, "--impl", "c", "product")["score"] == 1.0


def test_the_score_counts_rounding_where_it_is_accepted(tmp_path, capsys, monkeypatch):
    from refnn.conformance import grading, run
    result = run.Result("product")
    result.counts.update({"exact": 6, "rounding": 2, "wrong": 2})
    assert grading.score([result], ()) == 0.6 and grading.score([result], ("rounding",)) == 0.8


@pytest.mark.parametrize("arguments, said", [
    (["--impl", "c", "product"], "product is exact; next: forward, 2 operations (linear_forward, activation_forward)."),
    (["--impl", "c", "mnist-cnn"], None),
    (["--cmd", "PROGRAM", "product", "update"], "Next: product, 1 operation (matmul)."),
    (["--cmd", "WRONG", "product", "update"], "Next: product. --case product/dot/one asks its worst case alone."),
    (["--cmd", "PROGRAM", "--case", "product/dot/one"], None)])
def test_what_is_next(tmp_path, capsys, arguments, said):
    commands = {"PROGRAM": program(tmp_path)} if "PROGRAM" in arguments else {"WRONG": program(tmp_path, "1.0")}
    main([commands.get(word, word) for word in arguments])
    output = " ".join(capsys.readouterr().out.split())
    assert said in output if said else "ext:" not in output


def test_junit(tmp_path, capsys):
    listed = tmp_path / "known.txt"
    listed.write_text("product/dot/one\n")
    path = tmp_path / "report.xml"
    wrong = program(tmp_path, "1.0", matmul=True)
    assert main(["--cmd", wrong, "product", "update", "--junit", str(path), "--known-failures", str(listed)]) == 1
    product, update = ET.parse(path).getroot()
    tests = {test.get("name"): test for test in product}
    assert len(tests) == int(product.get("tests")) == vectors.RUNGS["product"].count
    assert tests["product/dot/fused"].find("failure").get("type") == "wrong"
    said = tests["product/dot/fused"].find("failure").get("message")
    assert said.startswith("wrong: z: expected 9.313225746154785e-10")
    assert tests["product/dot/one"].find("skipped") is not None
    crash = tests["product/matmul/1x1x1"].find("failure")
    assert crash.get("type") == "no answer" and "::error title=false::hidden" in crash.text and "\x1b" not in crash.text
    assert int(product.get("failures")) == len(product.findall("testcase/failure"))
    assert {test.find("skipped").get("message") for test in update} == {"not implemented"}
    assert main(["--cmd", wrong, "product", "--junit", str(tmp_path / "no" / "folder.xml")]) == 2
    assert "--junit" in capsys.readouterr().err


def test_annotations_for_github(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    assert main(["--cmd", program(tmp_path, "1.0", matmul=True), "product", "update"]) == 1
    lines = capsys.readouterr().out.splitlines()
    token = next(line.removeprefix("::stop-commands::") for line in lines if line.startswith("::stop-commands::"))
    begin, end = lines.index(f"::stop-commands::{token}"), lines.index(f"::{token}::")
    commands = [line for line in lines[:begin] + lines[end + 1:] if line.lstrip().startswith("::")]
    assert len(token) == 32 and len(commands) == 2
    assert re.match(r"::error title=refnn%3A product is not right \(\d+ of \d+\)::product/", commands[0])
    assert commands[1] == "::notice title=refnn%3A not implemented::update"
    assert main(["--impl", "c", "product", "--quiet"]) == 0
    assert capsys.readouterr().out == ""
    monkeypatch.delenv("GITHUB_ACTIONS")
    main(["--cmd", program(tmp_path, "1.0"), "product"])
    assert "::" not in capsys.readouterr().out
    main(["--cmd", program(tmp_path, "1.0"), "product", "--github"])
    assert "::error title" in capsys.readouterr().out


def test_help_has_every_exit_status_and_examples(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    said = capsys.readouterr().out
    assert re.findall(r"^  (\d+) ", said, re.M) == ["0", "1", "2", "130"]
    assert said.count("python -m refnn.check --") >= 5


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="a terminal of Unix")
def test_a_terminal_gets_a_line_of_progress(tmp_path):
    import pty
    ours, theirs = pty.openpty()
    slow = program(tmp_path).replace("mine.py", "slow.py")
    (tmp_path / "slow.py").write_text("import time\n" + PROGRAM.format(start="0.0", matmul=False).replace(
        "    out = None", "    out = None; time.sleep(0.05)"))
    process = subprocess.Popen([sys.executable, "-m", "refnn.check", "--cmd", slow, "product"], cwd=ROOT,
                               stdout=subprocess.PIPE, stderr=theirs)
    os.close(theirs)
    out = process.communicate()[0].decode()
    said = b""
    try:
        while part := os.read(ours, 4096):
            said += part
    except OSError:
        pass  # the terminal is closed
    os.close(ours)
    assert re.search(rb"\rproduct: \d+ of \d+, product/dot/\S+", said) and said.endswith(b"\r")
    assert "\r" not in out


def test_no_progress_where_there_is_no_terminal(tmp_path):
    done = subprocess.run([sys.executable, "-m", "refnn.check", "--cmd", program(tmp_path), "product"], cwd=ROOT,
                          capture_output=True, text=True)
    assert done.stderr == "" and "\r" not in done.stdout


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="sends a signal as terminals on Unix do")
def test_watch_checks_again_when_the_program_changes(tmp_path):
    command = [sys.executable, "-u", "-m", "refnn.check", "--cmd", program(tmp_path, "1.0"), "product", "--watch"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert "Waiting" in until(process, "Waiting")
            program(tmp_path, "0.0")
            assert re.search(r"\d not implemented, \d+ exact", until(process, "Waiting"))
            time.sleep(0.3)
            process.send_signal(signal.SIGINT)
            assert (process.wait(10), process.stderr.read()) == (130, "refnn.check: interrupted\n")
        finally:
            process.kill()


def until(process, word):
    """The output up to a line with this word."""
    lines = []
    for line in process.stdout:
        lines.append(line)
        if word in line:
            break
    return "".join(lines)


def test_watch_needs_a_file(capsys):
    assert main(["--watch", "--impl", "c"]) == 2
    assert "--watch is for --cmd" in capsys.readouterr().err
    assert main(["--watch", "--cmd", "no-such-program"]) == 2
    assert "no word of --cmd 'no-such-program' is a file" in capsys.readouterr().err
