"""The starters: programs that answer null in six languages, and exactly where their functions are filled in."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from refnn.check import main
from refnn.conformance import vectors
from refnn.conformance.formulas import formula_of
from refnn.conformance.operations import OPERATIONS
from refnn.conformance.starters import LANGUAGES, signatures, starter

pytestmark = pytest.mark.slow

HERE = Path(__file__).resolve().parent
SUFFIX = {"python": "py", "javascript": "mjs", "c": "c", "rust": "rs", "java": "java", "go": "go"}
TOOLS = {"python": sys.executable, "javascript": "node", "c": "cc", "rust": "rustc", "java": "javac", "go": "go"}
FUNCTION = {"python": r"^def (answer_\w+)\(.*?(?=^\S)", "javascript": r"^function (answer\w+)\(.*?^}\n",
            "c": r"^static json \*(answer_\w+)\(const json \*in\) {.*?^}\n", "rust": r"^fn (answer_\w+)\(.*?^}\n",
            "java": r"^    static Object (answer\w+)\(Map<String, Object> in\) {.*?^    }\n",
            "go": r"^func (answer\w+)\(.*?^}\n"}
WHOLE = ("prng", "elementary", "init", "product", "forward", "loss", "backward", "update")
SOME = {"next", "below", "stream", "dot", "matmul", "linear_forward", "linear_backward_parameters", "update"}


def filled(language):
    """A starter with the functions of tests/starters in it."""
    text = starter(language)
    fill = (HERE / "starters" / f"fill.{SUFFIX[language]}").read_text() + "\x00"
    if language == "javascript":
        other = (HERE.parent / "refnn" / "web" / "refnn.js").read_text()
        shared = "".join(re.findall(r"^const (?:fromBits|exponent|top) .*\n", other, re.M))
        fill = shared + re.search(r"^class Random.*?(?=^// Layers)", other, re.M | re.S)[0] + fill
    pattern = re.compile(FUNCTION[language].replace(r"(?=^\S)", r"(?=^\S|\x00)"), re.M | re.S)
    functions = {match[1]: match[0] for match in pattern.finditer(fill)}
    helpers = pattern.sub("", fill).replace("\x00", "")
    made = pattern.sub(lambda match: functions.get(match[1], match[0]), text)
    first = pattern.search(made).start()
    return made[:first] + helpers + made[first:]


def command(language, text, folder):
    """The command that runs a program, once it is compiled. Skips the test without the language's tools."""
    tool = shutil.which(TOOLS[language])
    version = "version" if language == "go" else "--version"
    if not tool or subprocess.run([tool, version], capture_output=True).returncode != 0:
        pytest.skip(f"no {TOOLS[language]} on this machine")
    source, program = folder / LANGUAGES[language].file, folder / "mine"
    source.write_text(text)
    compile, run = {
        "python": ([], f'"{tool}" "{source}"'),
        "javascript": ([], f'"{tool}" "{source}"'),
        "c": ([tool, "-std=c11", "-Wall", "-Werror", "-O2", "-ffp-contract=off", "-o", program, source, "-lm"],
              f'"{program}"'),
        "rust": ([tool, "-D", "warnings", "-O", "-o", program, source], f'"{program}"'),
        "java": ([tool, "-Xlint:all", "-Werror", "-d", folder, source], f'java -cp "{folder}" Starter'),
        "go": ([tool, "build", "-o", program, source], f'"{program}"')}[language]
    if compile:
        done = subprocess.run(list(map(str, compile)), capture_output=True, text=True, cwd=folder)
        assert done.returncode == 0, done.stdout + done.stderr
    return run


def record(tmp_path, *arguments):
    main([*arguments, "--quiet", "--json", str(tmp_path / "record.json")])
    return json.loads((tmp_path / "record.json").read_text())


def verdicts(made):
    """The verdicts of a record: how many of each."""
    counts = {}
    for rung in made["rungs"]:
        for verdict, count in rung["verdicts"].items():
            counts[verdict] = counts.get(verdict, 0) + count
    return counts


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_starter_answers_null_to_every_question(language, tmp_path):
    run = command(language, starter(language), tmp_path)
    assert set(verdicts(record(tmp_path, "--cmd", run))) == {"not implemented"}


@pytest.mark.parametrize("language", ["python", "javascript"])
def test_a_starter_that_is_filled_in_is_exact(language, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(HERE.parent))
    run = command(language, filled(language), tmp_path)
    assert set(verdicts(record(tmp_path, "--cmd", run, *WHOLE))) == {"exact"}
    assert set(verdicts(record(tmp_path, "--cmd", run, "--hex", *WHOLE))) == {"exact"}


@pytest.mark.parametrize("language", ["c", "rust", "java", "go"])
def test_starters_read_and_write_every_kind_of_value(language, tmp_path):
    run = command(language, filled(language), tmp_path)
    for arguments in [], ["--hex"]:
        made = record(tmp_path, "--cmd", run, *arguments, *WHOLE)
        assert set(verdicts(made)) == {"exact", "not implemented"}
        failed = {failure["id"].split("/")[1] for rung in made["rungs"] for failure in rung["failures"]}
        assert failed == {one.op for one in signatures() if one.rung in WHOLE} - SOME


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_starter_has_every_operation_in_the_order_of_the_rungs(language):
    text = starter(language)
    marker = LANGUAGES[language].comment.strip()
    rungs = re.findall(rf"^ *{marker} Rung (\S+):", text, re.M)
    assert rungs == [rung for rung in vectors.RUNGS if rung in rungs] and rungs[0] == "prng"
    assert len(re.findall(FUNCTION[language], text, re.M | re.S)) == len(OPERATIONS) == len(signatures())
    assert "s += d * d" in text and "da * (a * (1 - a))" in text and ":table:" not in text
    assert max(map(len, text.splitlines())) <= 132  # SPEC.md's lines with their indentation


def test_every_operation_has_a_formula():
    for rung in ("prng", "elementary", "product", "images"):
        for case in vectors.load(rung):
            assert any(formula_of(case.op, case)), case.op


def test_the_command_prints_a_starter(capsys):
    assert main(["--starter", "python"]) == 0
    assert capsys.readouterr().out == starter("python")
    assert main(["--starter", "pyhton"]) == 2
    assert "unknown language 'pyhton'; did you mean 'python'?" in capsys.readouterr().err
    done = subprocess.run([sys.executable, "-m", "refnn.check", "--starter", "cobol"], capture_output=True, text=True,
                          cwd=HERE.parent, env={**os.environ})
    assert done.returncode == 2 and "Traceback" not in done.stderr
