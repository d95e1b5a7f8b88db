"""Implementations in other languages, written from SPEC.md alone, are exact on every rung; one with NumPy is close."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from refnn.check import main

pytestmark = pytest.mark.slow

FOLDER = Path(__file__).resolve().parent / "implementations"
LADDER = ("prng", "elementary", "init", "product", "forward", "loss", "backward", "update", "step", "truth-table",
          "alice-bob",
          "sin-cos", "digits")  # the rungs of spec 1.0 that need no files of MNIST
PROGRAMS = {"node": "refnn.mjs", "java": "Refnn.java"}


def record(tmp_path, *arguments):
    path = tmp_path / "record.json"
    status = main([*arguments, "--json", str(path)])
    return status, json.loads(path.read_text())


def command(language):
    """The command that runs the program of a language. Skips the test if this machine cannot run it."""
    tool = shutil.which(language)
    if not tool or subprocess.run([tool, "--version"], capture_output=True).returncode != 0:
        pytest.skip(f"no {language} on this machine")
    return f'"{tool}" "{FOLDER / PROGRAMS[language]}"'


@pytest.mark.parametrize("language", PROGRAMS)
def test_exact(language, tmp_path):
    status, made = record(tmp_path, "--cmd", command(language), "--spec", "1.0")
    assert status == 0, [failure for rung in made["rungs"] for failure in rung["failures"]][:1]
    assert made["spec"] == "1.0"
    assert [rung["rung"] for rung in made["rungs"] if rung["rung"] != "mnist"] == list(LADDER)


@pytest.mark.parametrize("language", PROGRAMS)
def test_exact_on_mnist(language, tmp_path, mnist_folder):
    status, made = record(tmp_path, "--cmd", command(language), "mnist")
    assert status == 0 and made["rungs"][0]["cases"] == 1


@pytest.mark.parametrize("language", PROGRAMS)
def test_exact_with_doubles_as_bits_and_on_a_later_rung_that_needs_nothing_new(language, tmp_path):
    status, made = record(tmp_path, "--cmd", command(language), "--hex",
                          "elementary", "product", "forward", "step", "points")
    assert status == 0, [failure for rung in made["rungs"] for failure in rung["failures"]][:1]


def test_numpy_is_rounding(tmp_path):
    pytest.importorskip("numpy")
    status, made = record(tmp_path, "--cmd", f'"{sys.executable}" "{FOLDER / "with_numpy.py"}"',
                          *[rung for rung in LADDER if rung != "digits"])
    verdicts = {rung["rung"]: rung["verdict"] for rung in made["rungs"]}
    assert status == 1
    assert {rung for rung, verdict in verdicts.items() if verdict == "exact"} == {"prng", "update"}
    assert {verdict for rung, verdict in verdicts.items() if rung not in ("prng", "update")} == {"rounding"}
    assert all(rung["ulps"]["1"] > 0 for rung in made["rungs"] if rung["rung"] in ("elementary", "forward", "step"))
