"""The reference's recorded full runs: the C core reproduces every loss and digest; the reference repeats what it can in seconds."""

import json

import pytest
from bits import assert_same_bits
from record_oracle import FOLDER, RUNS, dump, recorded, strip
from refnn.train import main

def trained(tmp_path, impl, *arguments):
    path = tmp_path / "record.json"
    assert main([*arguments, "--impl", impl, "--json", str(path), "--quiet"]) == 0
    return strip(json.loads(path.read_text()))


@pytest.mark.parametrize("name", [name for name in RUNS if name != "mnist"])
def test_c_reproduces_the_reference_s_run(tmp_path, name):
    assert_same_bits(trained(tmp_path, "c", *RUNS[name]), recorded(name))


def test_c_reproduces_the_reference_s_epoch_of_mnist(tmp_path, mnist_folder):
    assert_same_bits(trained(tmp_path, "c", *RUNS["mnist"]), recorded("mnist"))


@pytest.mark.parametrize("name", ["truth-table", "alice-bob"])
def test_reference_repeats_its_run(tmp_path, name):
    assert_same_bits(trained(tmp_path, "python", *RUNS[name]), recorded(name))


def test_reference_repeats_the_first_epoch_of_sin_cos(tmp_path):
    record = trained(tmp_path, "python", "sin-cos", "--epochs", "1")
    assert_same_bits(record["epochs"], recorded("sin-cos")["epochs"][:2])
    assert record["initial_sha256"] == recorded("sin-cos")["initial_sha256"]


@pytest.mark.parametrize("name", RUNS)
def test_records_are_whole(name):
    record = recorded(name)
    assert record["spec"] == 1
    assert len(record["epochs"]) == {"truth-table": 1501, "alice-bob": 1001, "sin-cos": 31, "digits": 6, "mnist": 2}[name]
    assert record["samples"] == {"truth-table": 4, "alice-bob": 4, "sin-cos": 10000, "digits": 2000, "mnist": 60000}[name]
    assert (FOLDER / f"{name}.json").read_text() == dump(record)
