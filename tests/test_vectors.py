"""The conformance vectors: the reference makes them, they match the schema, and they are small enough to vendor."""

import doctest
import json
import sys
from collections import Counter
from pathlib import Path

import jsonschema
import pytest
from bits import assert_same_bits
from refnn import SPEC
from refnn.conformance import vectors
from refnn.conformance.operations import OPERATIONS

FOLDER = Path(__file__).resolve().parent.parent / "data" / "conformance" / "v1"
sys.path.insert(0, str(FOLDER.parent))
import make

pytestmark = pytest.mark.slow

LOCAL = [rung for rung in vectors.RUNGS if rung != "mnist"]


def read(rung):
    return json.loads((FOLDER / f"{rung}.json").read_text())


@pytest.mark.parametrize("rung", LOCAL)
def test_the_reference_reproduces_the_vectors(rung):
    known = {case["id"]: case["out"] for case in read(rung)["cases"]}
    assert make.dump(make.record(rung, long=False, known=known)) == (FOLDER / f"{rung}.json").read_text()


def test_the_reference_reproduces_the_vectors_of_mnist(mnist_folder):
    known = {case["id"]: case["out"] for case in read("mnist")["cases"]}
    assert make.dump(make.record("mnist", long=False, known=known)) == (FOLDER / "mnist.json").read_text()


@pytest.mark.parametrize("rung", vectors.RUNGS)
def test_vectors_match_the_schema(rung):
    record = read(rung)
    jsonschema.validate(record, json.loads((FOLDER / "schema.json").read_text()))
    assert vectors.Rung(record["rung"], record["title"], record["count"],
                        vectors.RUNGS[rung].since) == vectors.RUNGS[rung]
    assert record["count"] == len(record["cases"])
    ids = [case["id"] for case in record["cases"]]
    assert len(set(ids)) == len(ids)
    assert all(case["id"].startswith(f"{rung}/{case['op']}/") for case in record["cases"])


def test_the_index_is_made_again_and_has_the_form_of_the_schema():
    text = (FOLDER / "index.json").read_text()
    assert make.dump(make.index()) == text
    schema = json.loads((FOLDER / "schema.json").read_text())
    jsonschema.validate(json.loads(text), {"$ref": "#/$defs/index", "$defs": schema["$defs"]})


def test_the_version_of_the_spec_is_in_the_index():
    assert vectors.VERSION == f"{SPEC}.{vectors.VERSION.split('.')[1]}" == vectors.VERSIONS[-1]
    assert (FOLDER / "SPEC.md").read_text().startswith(f"# refnn conformance: spec {vectors.VERSION}\n")
    assert [path.name for path in FOLDER.glob("*.json") if '"spec": "' in path.read_text()] == ["index.json"]


def test_a_version_keeps_its_cases():
    added = Counter(case.get("since", vectors.RUNGS[rung].since) for rung in vectors.RUNGS
                    for case in read(rung)["cases"])
    assert added == make.VERSIONS


def test_an_older_version_excludes_later_cases(tmp_path, monkeypatch):
    record = read("update")
    record["cases"][1]["since"] = "1.1"
    (tmp_path / "update.json").write_text(make.dump(record))
    monkeypatch.setattr(vectors, "FOLDER", tmp_path)
    assert len(vectors.load("update")) == len(vectors.load("update", spec="1.1")) == len(record["cases"])
    old = vectors.load("update", spec="1.0")
    assert [case.id for case in old] == [case["id"] for case in record["cases"] if "since" not in case]
    assert vectors.load("update", record["cases"][1]["id"], spec="1.0") == []
    assert vectors.numbers("1.10") > vectors.numbers("1.9")


@pytest.mark.parametrize("ids, found", [
    ("product/dot/one", ["product/dot/one"]), ("product/dot/on", []), ("prod*one", ["product/dot/one"]),
    ("*/one", ["product/dot/one"]),
    ("product/dot/*r", ["product/dot/order"]), ("[pq]roduct/dot/one", ["product/dot/one"]),
    ("pr?duct/dot/one", ["product/dot/one"]),
    ("product", []), ("prod", []), ("", [])])
def test_cases_by_their_ids(ids, found):
    assert [case.id for rung in vectors.RUNGS if rung != "mnist" for case in vectors.load(rung, ids)
            if case.op == "dot"] == found


def test_a_case_by_its_id_opens_one_file(monkeypatch):
    opened = []
    monkeypatch.setattr(vectors, "read_rung", lambda text: opened.append(text) or ({}, []))
    for rung in vectors.RUNGS:
        vectors.load(rung, "product/dot/one")
    assert [json.loads(text)["rung"] for text in opened] == ["product"]


def test_schema_violations_are_found():
    schema = json.loads((FOLDER / "schema.json").read_text())
    for spoil in (lambda case: case.update(id="x"), lambda case: case.pop("out"), lambda case: case.update(extra=1),
                  lambda case: case.update(flags=[]),
                  lambda case: case.update(since="later")):
        record = read("product")
        spoil(record["cases"][0])
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(record, schema)


def test_every_operation_has_cases():
    assert {case["op"] for rung in vectors.RUNGS for case in read(rung)["cases"]} == set(OPERATIONS)


def test_vectors_are_smaller_than_3_megabytes():
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 3_000_000
    assert {path.name for path in FOLDER.iterdir()} == {"SPEC.md", "index.json", "schema.json",
                                                        *(f"{rung}.json" for rung in vectors.RUNGS)}


def test_examples_of_the_spec():
    failed, tried = doctest.testfile(str(FOLDER / "SPEC.md"), module_relative=False)
    assert tried > 20
    assert failed == 0


def test_doubles_survive_encoding():
    values = [1.0, -0.0, 0.0, float("inf"), float("-inf"), float("nan"), 5e-324, 0.1, 1e308]
    assert vectors.encode(values)[1:6] == ["-0.0", 0.0, "Infinity", "-Infinity", "NaN"]
    for bits in (False, True):
        assert_same_bits(vectors.decode(json.loads(json.dumps(vectors.encode(values, bits)))), values)
    assert vectors.encode([1.0], bits=True) == ["3ff0000000000000"]
    assert vectors.decode({"seed": "3ff0000000000000", "name": "relu"}) == {"seed": "3ff0000000000000", "name": "relu"}


def test_vectors_are_strict_json():
    def refuse(token):
        raise AssertionError(token)
    for rung in vectors.RUNGS:
        json.loads((FOLDER / f"{rung}.json").read_text(), parse_constant=refuse)
