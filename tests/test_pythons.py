"""The reference gives the same bits with every Python of this machine, although builtin sum changed in 3.12."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from pythons import interpreter

ROOT = Path(__file__).resolve().parent.parent
VERSIONS = ("3.10", "3.11", "3.12", "3.13", "3.14")
RUNS = (("alice-bob", "--epochs", "200"), ("truth-table", "--epochs", "200"),
        ("sin-cos", "--limit", "60", "--epochs", "2"),
        ("mnist", "--data", "digits", "--limit", "40", "--epochs", "1", "--hidden", "16,8"))


def digests(python, *arguments):
    done = subprocess.run([python, "-m", "refnn.train", *arguments, "--json", "-", "--quiet"], cwd=ROOT,
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    record = json.loads(done.stdout)
    return record["initial_sha256"], record["final_sha256"], [epoch["train_loss"] for epoch in record["epochs"]]


@pytest.mark.slow
@pytest.mark.parametrize("version", VERSIONS)
def test_same_digests(version):
    python = interpreter(version)
    if not python:
        pytest.skip(f"no Python {version} on this machine")
    for run in RUNS:
        assert digests(python, *run, "--impl", "python") == digests(sys.executable, *run, "--impl", "c")
