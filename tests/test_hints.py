"""A program that cannot read or write what JSON has no number for is told how these are sent, and no other."""

import shutil
import sys
from dataclasses import replace
from math import inf

import pytest
from refnn.check import main
from refnn.conformance import vectors
from refnn.conformance.compare import FAILED, ROUNDING, Comparison, Divergence
from refnn.conformance.effort import Effort
from refnn.conformance.hints import hint
from refnn.conformance.operations import OPERATIONS
from refnn.conformance.run import Failure, Result, run
from refnn.conformance.subjects import Functions
from refnn.conformance.vectors import Case

JAVASCRIPT = """
import { createInterface } from "node:readline";
const FUNCTIONS = { %s };
for await (const line of createInterface({ input: process.stdin })) {
  const { id, op, in: given } = JSON.parse(line);
  process.stdout.write(JSON.stringify({ id, out: FUNCTIONS[op]?.(given) ?? null }) + "\\n");
}
"""
DOT = "dot: ({ x, w }) => { let z = 0; for (let i = 0; i < x.length; i++) z += x[i] * w[i]; return { z }; }"
STRINGS = "dot: ({ x, w }) => ({ z: w.reduce((z, v) => z + v, 0) })"  # 0 + "Infinity" is a string
IDENTITY = "activation_forward: ({ name, z }) => name === 'identity' ? { a: z.map((r) => r.map((v) => v * 1)) } : null"
SEEDS = "next: ({ seed, count }) => ({ integers: next(Number('0x' + seed), count) })"
PYTHON = """
import json, sys
for line in sys.stdin:
    case = json.loads(line)
    given = case["in"]
    if case["op"] in {ops!r}:
        out = {out}
    else:
        out = None
    print(json.dumps({{"id": case["id"], "out": out}}), flush=True)
"""


def said_of(capsys, command, *arguments):
    assert main(["--cmd", command, *arguments]) == 1
    return " ".join(capsys.readouterr().out.split())


def in_javascript(tmp_path, functions):
    node = shutil.which("node")
    if not node:
        pytest.skip("no node on this machine")
    path = tmp_path / "mine.mjs"
    path.write_text(JAVASCRIPT % functions)
    return f'"{node}" "{path}"'


def in_python(tmp_path, out, *ops):
    path = tmp_path / "mine.py"
    path.write_text(PYTHON.format(ops=ops, out=out))
    return f'"{sys.executable}" "{path}"'


def test_infinity_becomes_null_in_javascript(tmp_path, capsys):
    said = said_of(capsys, in_javascript(tmp_path, DOT), "product")
    assert "z must be a number, not null" in said
    assert 'hint the right number is Infinity' in said and "JSON.stringify writes null" in said
    assert 'Answer the string "Infinity", or use --hex' in said


def test_minus_zero_becomes_zero_in_javascript(tmp_path, capsys):
    said = said_of(capsys, in_javascript(tmp_path, IDENTITY), "forward", "--case", "*identity-large-and-small")
    assert "JSON.stringify writes -0 as 0" in said and 'answer the string "-0.0"' in said


def test_a_program_that_fails_on_a_string(tmp_path, capsys):
    out = '{"z": sum(a * b for a, b in zip(given["x"], given["w"]))}'
    said = said_of(capsys, in_python(tmp_path, out, "dot"), "product", "--case", "product/dot/signed-zero")
    assert "the program ended with status 1: TypeError" in said
    assert "the question has -0.0 as JSON strings" in said and "use --hex" in said


def test_a_program_that_fails_on_a_seed(tmp_path, capsys):
    said = said_of(capsys, in_python(tmp_path, '{"integers": [int(given["seed"])]}', "next"), "prng", "--case",
                   "prng/next/ffffffffffffffff")
    assert "a seed is a string of 16 hex digits: an unsigned 64-bit integer" in said


def test_integers_of_64_bits_as_numbers(tmp_path, capsys):
    said = said_of(capsys, in_python(tmp_path, '{"integers": [1, 2, 3, 4]}', "next"), "prng")
    assert 'a 64-bit integer is answered as a string of 16 hex digits' in said


def test_seeds_that_a_double_does_not_hold(tmp_path, capsys):
    out = ('{"seed": "63cbe1e459320dd7"} if case["op"] == "stream" else '
           '{"integers": [f"{n:016x}" for n in draw(float(int(given["seed"], 16)), given["count"])]}')
    program = in_python(tmp_path, out, "next")
    path = tmp_path / "mine.py"
    path.write_text("""
def draw(seed, count):
    state, made = int(seed), []
    for _ in range(count):
        state = (state + 0x9E3779B97F4A7C15) % 2**64
        z = state
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB % 2**64
        made.append(z ^ (z >> 31))
    return made
""" + path.read_text())
    said = said_of(capsys, program, "prng")
    assert "only seeds of more than 53 bits fail" in said


def test_strings_that_are_added_to_numbers(tmp_path, capsys):
    said = said_of(capsys, in_javascript(tmp_path, STRINGS), "product", "--case", "product/dot/infinite-weight")
    assert "z must be a number, not '0Infinity2'" in said
    assert "the question has Infinity as strings" in said and "turn them into doubles before computing" in said


def hints_of(rung, op, function, pattern="*"):
    """The hint on each failure of an operation, where a function answers it, and all others are not implemented."""
    result = run(rung, vectors.load(rung, pattern), Functions({op: function}, ""), Effort(0.0))
    return {failure.case.id: hint(failure, result) for failure in result.failures if failure.case.op == op}


@pytest.mark.parametrize("reason", ["z must be a list of 3, not of 2", "no answer within 5 s"])
def test_other_failures_have_no_hint(reason):
    failure = Failure(Case("product/dot/x", "dot", {"x": [float("inf")]}, {"z": 1.0}), FAILED, reason)
    assert hint(failure, Result("product")) == ""


def test_a_null_in_place_of_a_number_that_json_has_is_not_blamed_on_json():
    """The right number has to be one that JSON lacks, not just another number of the answer or of the question."""
    case = Case("product/matmul/x", "matmul", {"a": [[float("inf")]]}, {"c": [[1.0, float("inf")]]})
    first = Failure(case, FAILED, "c[0][0] must be a number, not null")
    second = Failure(case, FAILED, "c[0][1] must be a number, not null")
    assert (hint(first, Result("")), "is Infinity" in hint(second, Result(""))) == ("", True)


def test_a_string_is_blamed_on_the_question_only_if_it_has_one_of_its_strings():
    case = Case("product/dot/x", "dot", {"x": [float("inf")]}, {"z": 1.0})
    said = {given: hint(Failure(case, FAILED, f"z must be a number, not {given!r}"), Result(""))
            for given in ("one", "0,Infinity", "0Infinity2")}
    assert [bool(said[given]) for given in said] == [False, False, True]


def test_exact_losses_point_to_the_digests():
    case, = vectors.load("truth-table", "truth-table/train/5-steps")
    wrong = {**case.answer, "digests": ["0" * 64] * len(case.answer["digests"])}
    failure = Failure(case, ROUNDING, answer=wrong)
    assert "every loss is exact, but no digest is" in hint(failure, Result(""))
    for others in ({"losses": [*wrong["losses"][:-1], 0.5]},
                   {"digests": [case.answer["digests"][0], *wrong["digests"][1:]]}):
        failure.answer = {**wrong, **others}
        assert hint(failure, Result("")) == ""


def test_a_digest_is_no_integer():
    case = Case("x/train/x", "train", {}, {"digests": ["0" * 64]})
    assert "64 hex digits" in hint(Failure(case, FAILED, "digests[0] must be hex digits, not 1"), Result(""))


def test_a_program_that_ends_at_other_questions_too_is_not_told_how_numbers_are_sent():
    ended = "the program ended with status 1: IndexError: list index out of range"
    with_infinity, plain = (Case(f"product/dot/{n}", "dot", {"x": [x]}, {"z": x}) for n, x in enumerate([inf, 1.0]))
    failure = Failure(with_infinity, FAILED, ended)
    assert hint(failure, Result("product", failures=[failure])) == ""
    assert "as JSON strings" in hint(failure, Result("product", failures=[failure], right=[plain]))
    assert hint(failure, Result("product", failures=[failure, Failure(plain, FAILED, ended)])) == ""


def test_a_program_that_reads_seeds_is_not_told_how():
    case, other, *_ = vectors.load("prng", "prng/next/*")
    failure = Failure(case, FAILED, "the program ended with status 1: boom")
    assert "a seed is a string" in hint(failure, Result("prng", failures=[failure]))
    assert hint(failure, Result("prng", failures=[failure], right=[other])) == ""


@pytest.mark.parametrize("key, wrong", [("digests", 2), ("losses", 0)])
def test_a_training_with_a_long_seed_that_is_wrong_otherwise(key, wrong):
    """It is the only one of its rung that shuffles; its seed has 64 bits."""
    def train(**inputs):
        answer = OPERATIONS["train"].answer(**inputs)
        if inputs["shuffle"]:
            answer[key][wrong] = "0" * 64 if key == "digests" else 1.0
        return answer

    assert hints_of("alice-bob", "train", train, "alice-bob/train/batches-of-?") == {"alice-bob/train/batches-of-3": ""}


def test_a_training_whose_seed_is_held_as_a_double():
    def train(seed, **inputs):
        return OPERATIONS["train"].answer(seed=f"{int(float(int(seed, 16))) % 2**64:016x}", **inputs)

    said, = hints_of("alice-bob", "train", train, "alice-bob/train/batches-of-?").values()
    assert "only seeds of more than 53 bits fail" in said


def test_nan_is_not_blamed_on_strings_in_the_question():
    """Softmax without the maximum subtracted."""
    def activation_forward(name, z, **inputs):
        return {"a": [[float("nan")] * len(row) for row in z]} if name == "softmax" else None

    assert set(hints_of("forward", "activation_forward", activation_forward).values()) == {""}


def test_a_program_that_writes_minus_zero_is_not_told_how():
    case = Case("forward/activation_forward/x", "activation_forward", {"name": "identity"}, {"a": [[-0.0]]})
    found = Comparison(ROUNDING, Divergence("a", (0, 0), "a[0][0]", -0.0, 0.0, "", ""))
    failure = Failure(case, ROUNDING, found=found)
    assert "JavaScript" in hint(failure, Result("forward", failures=[failure]))
    assert hint(failure, Result("forward", failures=[failure], right=[case])) == "-0.0 and 0.0 are different numbers"
    other = replace(failure, found=Comparison(ROUNDING, Divergence("a", (0, 0), "", 0.0, -0.0, "", "")))
    assert "JavaScript" not in hint(other, Result("forward", failures=[other]))
    assert hint(replace(failure, diagnosis=[object()]), Result("forward", failures=[failure])) == ""
