"""Recorded trainings: the C core reproduces every loss and digest; the reference reproduces the short ones."""

import json

import pytest
from bits import assert_same_bits
from refnn.conformance import vectors
from refnn.conformance.run import run
from refnn.conformance.subjects import named
from refnn.network import digest
from refnn.train import main

pytestmark = pytest.mark.slow

RUNS = {  # a recorded training and the command that runs the same
    "truth-table/train/1500-steps": ["truth-table"],
    "alice-bob/train/1000-epochs": ["alice-bob"],
    "sin-cos/train/30-epochs": ["sin-cos"],
    "digits/train/5-epochs": ["mnist", "--data", "digits", "--lr", "0.03"],
    "mnist/train/first-epoch": ["mnist", "--epochs", "1"],
    "points/train/2000-steps": ["points"],
    "mnist-cnn/train/1000-samples": ["mnist-cnn", "--data", "digits", "--limit", "1000"],
}


def recorded(name):
    return next(case for case in vectors.load(name.split("/")[0]) if case.id == name)


def trained(tmp_path, impl, *arguments):
    path = tmp_path / "record.json"
    assert main([*arguments, "--impl", impl, "--json", str(path), "--quiet"]) == 0
    return json.loads(path.read_text())


def assert_same_run(record, case):
    assert record["samples"] == len(case.inputs["y"])
    assert_same_bits([epoch["train_loss"] for epoch in record["epochs"]], case.answer["losses"])
    assert (record["initial_sha256"], record["final_sha256"]) == (case.answer["digests"][0], case.answer["digests"][-1])


@pytest.mark.parametrize("name", [name for name in RUNS if not name.startswith("mnist/")])
def test_c_reproduces_the_recorded_training(tmp_path, name):
    assert_same_run(trained(tmp_path, "c", *RUNS[name]), recorded(name))


def test_c_reproduces_the_recorded_epoch_of_mnist(tmp_path, mnist_folder):
    test_c_reproduces_the_recorded_training(tmp_path, "mnist/train/first-epoch")


@pytest.mark.parametrize("name", [name for name in RUNS if not name.startswith(("mnist/", "sin-cos"))])
def test_every_variant_of_the_core_reproduces_it(name):
    assert run("", [recorded(name)], named("c")).verdict == "exact"


@pytest.mark.parametrize("name", ["truth-table/train/1500-steps", "alice-bob/train/1000-epochs"])
def test_reference_reproduces_its_training(tmp_path, name):
    assert_same_run(trained(tmp_path, "python", *RUNS[name]), recorded(name))


@pytest.mark.parametrize("name", [name for name in RUNS if not name.startswith("mnist/")])
def test_recorded_trainings_are_complete(name):
    case = recorded(name)
    assert len(case.answer["losses"]) == len(case.answer["digests"]) == case.inputs["epochs"] + 1


def test_a_flipped_bit_changes_the_digest():
    assert digest([1.0, 2.0]) != digest([1.0, 2.0000000000000004])
