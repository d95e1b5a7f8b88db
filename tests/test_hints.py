"""A program that cannot read or write what JSON has no number for is told how these are sent."""

import shutil
import sys

import pytest
from refnn.check import main
from refnn.conformance.hints import hint
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
    assert 'hint the right answer has ' in said and "JSON.stringify writes null" in said
    assert 'Answer the string "Infinity", or use --hex' in said or 'Answer the string "NaN", or use --hex' in said


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


@pytest.mark.parametrize("reason", ["z must be a list of 3, not of 2", "no answer within 5 s"])
def test_other_failures_have_no_hint(reason):
    assert hint(Case("product/dot/x", "dot", {"x": [float("inf")]}, {"z": 1.0}), "no answer", reason, None) == ""
