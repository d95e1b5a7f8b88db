"""A sample of the fuzzers of files and answers, and what they have found. For all of it: python tests/fuzz.py TARGET"""

import json
import os
import re

import fuzz
import pytest
from refnn import InputError, train
from refnn.conformance import own, report, vectors
from refnn.conformance.run import run
from refnn.tables import Choices, read_table

SEED = int(os.environ.get("REFNN_TEST_SEED", "1"))


@pytest.mark.slow
@pytest.mark.parametrize("target", fuzz.TARGETS)
def test_a_sample(target):
    accepted, faults = fuzz.run(target, 1000, SEED, first=10_000_000, say=lambda text: None)
    assert faults == []
    assert 0 < accepted


@pytest.mark.parametrize("fault, message", [
    (ValueError("x"), "ValueError: x"), (InputError("two\nlines"), "a message of 9 characters"),
    (InputError("x" * 3000), "a message of 3000 characters"), (MemoryError(), "MemoryError"),
    (RecursionError(), "RecursionError"), (None, "more than 0.2 seconds")])
def test_a_fault_is_found(monkeypatch, fault, message):
    def read(choose, path):
        if fault is None:
            while True:
                pass
        raise fault

    monkeypatch.setitem(fuzz.TARGETS, "fault", lambda folder: ([b"good"], fuzz.changed, read))
    monkeypatch.setattr(fuzz, "SECONDS", 0.2)
    said = []
    accepted, faults = fuzz.run("fault", 1, 7, 3, said.append)
    assert accepted == 0 and faults == said
    assert faults[0].startswith("tests/fuzz.py fault --seed 7 --first 3 --inputs 1\n") and message in faults[0]


MODELS = {  # a file of --model -> what is said of it
    '["' + "x" * 100_000 + '"]': "a layer is an object with a type, not 'xxx",
    '[{"type": "linear", "inputs": 2, "outputs": 1, "' + "9" * 5000 + '": true}]': "a layer is not as in SPEC.md",
    '[{"type": "linear", "inputs": 2, "outputs": 1, "padd\\ng": 1}]': r"keyword argument 'padd\\ng'",
}
TABLES = {  # a table, its target -> what is said of it
    ("name\vtarget,b\n1,2\n", "species"): r"unknown column of .*: 'species'; known: name\\x0btarget, b",
    ("1,2\f3\n4,5\n", "name"): r"known: 1, 2\\x0c3",
    ("x" * 70_000 + ",b\n1,2\n", "c"): r"known: x{1000} \.\.\.",
    ("x" * 70_000 + ",b\n,2\n", "b"): r"column 'x{400,}.*x': the value is missing",
    ("x," * 300_000 + "x\n", "x"): "two columns have the name 'x'",
    ("\x1b[31m,b\n,2\n", "b"): r"column '\\x1b\[31m': the value is missing",
}


@pytest.mark.parametrize("content", MODELS, ids=range(len(MODELS)))
def test_models_that_were_faults(tmp_path, content):
    (tmp_path / "model").write_text(content)
    with pytest.raises(InputError, match=MODELS[content]) as caught:
        own.own(None, str(tmp_path / "model"), {}, 0)
    text = str(caught.value)
    assert len(text) < 1000 and len(text.splitlines()) == 1


@pytest.mark.parametrize("content, target", TABLES, ids=range(len(TABLES)))
def test_tables_that_were_faults(tmp_path, content, target):
    (tmp_path / "table").write_text(content)
    with pytest.raises(InputError, match=TABLES[content, target]) as caught:
        read_table(tmp_path / "table", Choices(targets=(target,), header=True))
    text = str(caught.value)
    assert len(text) < 2000 and len(text.splitlines()) == 1


@pytest.mark.parametrize("answered, message", [
    ("x" * 99_000, r"answered  x{200}\s+[.]{3}"), ("\x1b[31m\x7f", r"answered  \\x1b\[31m\\x7f")])
def test_answers_that_were_faults(answered, message):
    [case] = vectors.load("prng", "prng/stream/1")
    line = json.dumps({"id": case.id, "out": {"seed": answered}})
    said = []
    report.report(said.append, [run("prng", [case], fuzz.Answering(line))], [])
    assert re.search(message, "\n".join(said))


def test_names_with_control_characters_are_printed_without_them(tmp_path, capsys):
    path = tmp_path / "table.csv"
    path.write_text("\x1b[2J,b\n1,2\n3,4\n")
    assert train.main([str(path), "--epochs", "1"]) == 0
    assert train.main([str(path), "--target", "c"]) == 2
    captured = capsys.readouterr()
    assert "\\x1b[2J (number)" in captured.out
    assert "\x1b" not in captured.out + captured.err
