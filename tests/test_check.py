"""python -m refnn.check: its reports on correct and wrong implementations, and on programs that misbehave."""

import json
import os
import re
import shutil
import signal
import struct
import subprocess
import sys
import time
from collections import Counter
from copy import deepcopy
from pathlib import Path

import pytest
from refnn.check import main
from refnn.conformance import subjects, vectors
from refnn.conformance.compare import NoAnswer, compare, tensors, ulps
from refnn.conformance.effort import Effort
from refnn.conformance.operations.explaining import dig
from refnn.conformance.program import Program
from refnn.conformance.run import run
from refnn.implementations import c as native
from refnn.conformance.vectors import Case
from pythons import interpreter

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parent.parent
HERE = Path(__file__).resolve().parent


def cases(rung):
    return vectors.load(rung)


CORE = subjects.named("c").variants["plain"].functions  # the operations of the C core


def core_but(**wrong):
    """The C core with some operations replaced."""
    return subjects.Functions({**CORE, **wrong}, "spoilt")


def flipped(x, bit=0):
    """A double with one bit flipped."""
    bits, = struct.unpack("<Q", struct.pack("<d", x))
    return struct.unpack("<d", struct.pack("<Q", bits ^ (1 << bit)))[0]


def with_spoilt(key, spoil):
    """The core's step, with spoil(list) applied to one of its outputs."""
    def step(**inputs):
        answer = CORE["step"](**inputs)
        spoil(answer[key])
        return answer
    return step


def test_c_and_python_conform(capsys):
    rungs = [rung for rung in vectors.RUNGS if rung not in ("sin-cos", "digits", "mnist", "mnist-cnn")]
    answers = 2 * sum(len(cases(rung)) for rung in rungs) - 2  # without the two long cases
    assert main(rungs) == 0
    output = capsys.readouterr().out
    assert f"Conforms: {answers} of {answers} answers are exact." in output
    assert len(re.findall(r"exact +exact", output)) == 13


def test_a_flipped_bit_in_a_weight_is_located():
    result = run("step", cases("step"), core_but(step=with_spoilt("parameters",
                                                                  lambda p: p.__setitem__(5, flipped(p[5]))
                                                                  if len(p) > 5 else None)), Effort(0.0))
    assert result.verdict == "rounding"
    first = result.failures[0].found.divergence
    assert first.index == (5,) and first.place == "parameters[5]: b[1] of layer 0 (linear)"
    assert ulps(first.expected, first.answered) == 1
    assert first.formula == "p - lr * dp" and re.fullmatch(r"0\.0 - 0\.1 \* -?[0-9.e-]+", first.operands)


def test_a_nan_is_wrong():
    result = run("step", cases("step"), core_but(step=with_spoilt("gradients",
                                                                  lambda g: g.__setitem__(0, float("nan")))),
                 Effort(0.0))
    assert result.verdict == "wrong" and result.ulps[None] == len(cases("step"))


def test_zeros_of_opposite_sign_are_not_exact():
    case = next(case for case in cases("forward") if case.id.endswith("relu-large-and-small"))
    answer = {"a": [[-0.0 if v == 0.0 else v for v in row] for row in case.answer["a"]]}
    assert compare(case, case.answer).verdict == "exact"
    assert compare(case, answer).verdict == "rounding" and compare(case, answer).ulps[1] == 5


@pytest.mark.parametrize("answer, reason", [
    ({}, "no 'z'"), (None, "must be an object"), ({"z": "1"}, "must be a number"), ({"z": None}, "must be a number"),
    ({"z": [1.0]}, "must be a number"),
    ({"z": True}, "must be a number"), ({"z": 10**400}, "must be a number")])
def test_malformed_answers_are_rejected(answer, reason):
    with pytest.raises(NoAnswer, match=reason):
        compare(cases("product")[0], answer)


def shown_only(*keys, **changed):
    """The core's step, of whose answer only these are given."""
    def step(**inputs):
        answer = CORE["step"](**{**inputs, **{key: change(inputs[key]) for key, change in changed.items()}})
        return {key: answer[key] for key in keys}
    return core_but(step=step)


def test_a_step_without_gradients():
    """They follow from the parameters."""
    assert run("step", cases("step"), shown_only("loss", "parameters")).verdict == "exact"
    result = run("step", cases("step"), shown_only("loss", "parameters", lr=lambda lr: -lr))
    assert result.verdict == "wrong" and {failure.found.divergence.key for failure in result.failures} == {"parameters"}
    assert "sign" in result.worst.mistake.says


@pytest.mark.parametrize("order, right", [
    ([0.0, 1.0, 2.0], True), ([0, 1, 2], True), ([0.5, 1, 2], False), ([True, 1, 2], False), (["0", 1, 2], False),
    ([float("nan"), 1, 2], False), ([float("inf"), 1, 2], False)])
def test_an_integer_may_be_written_with_a_fraction_of_0(order, right):
    case = Case("prng/permutation/3", "permutation", {}, {"order": [0, 1, 2]})
    if right:
        assert compare(case, {"order": order}).verdict == "exact"
    else:
        with pytest.raises(NoAnswer, match="must be a whole number"):
            compare(case, {"order": order})


def test_the_first_wrong_step_of_a_training_is_located():
    """The subject skips the update of a weight if its gradient is above .02."""
    from refnn.reference import linear, training
    right = linear.linear_update

    def update(p, dp, lr):
        kept = p[0]
        right(p, dp, lr)
        if len(p) == 2 and dp[0] > 0.02:
            p[0] = kept

    class Spoilt(subjects.Subject):
        def ask(self, case):
            training.linear_update = update
            try:
                return subjects.named("python").ask(case)
            finally:
                training.linear_update = right

    case = next(case for case in cases("alice-bob") if case.id.endswith("batches-of-2"))
    failure, = run("alice-bob", [case], Spoilt(), Effort(2.0)).failures
    located = failure.located
    assert failure.verdict == "wrong"
    assert (located.epoch, located.step, located.samples) == (1, 1, (0, 1))
    assert failure.found.divergence.place.startswith("parameters[")


def test_a_wrong_order_of_samples_is_not_blamed_on_a_step():
    class Spoilt(subjects.Subject):
        def ask(self, case):
            return CORE[case.op](**dict(case.inputs, shuffle=False)) if case.op == "train" else None

    case = next(case for case in cases("alice-bob") if case.id.endswith("batches-of-3"))
    failure, = run("alice-bob", [case], Spoilt()).failures
    assert failure.located.epoch == 1 and failure.located.step is None


# The mistake of the article

@pytest.fixture
def registered(tmp_path, monkeypatch):
    """Registers tests/implementations/article_001.py as an installed package would."""
    folder = tmp_path / "article-0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: article\nVersion: 0\n")
    (folder / "entry_points.txt").write_text("[refnn.implementations]\narticle-001 = article_001\nbroken = "
                                             "no_such_module\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.syspath_prepend(str(HERE / "implementations"))


def test_the_wrong_derivative_of_the_article_is_named(registered, capsys):
    pytest.importorskip("numpy")
    assert main(["--impl", "article-001"]) == 1
    output = " ".join(capsys.readouterr().out.split())
    assert "step: wrong: softmax's derivative at a hidden layer" in output
    # before the second sigmoid
    assert "first deltas[2][0][0]: gradient of the output of layer 2 (linear), sample 0, unit 0" in output


def test_a_registered_implementation_that_cannot_be_loaded(registered, capsys):
    assert main(["--impl", "broken"]) == 2
    assert "'broken' (no_such_module) cannot be loaded: ModuleNotFoundError" in capsys.readouterr().err


# Programs

ANSWERS = """
import json, sys, time
n = 0
for line in sys.stdin:
    case = json.loads(line)
    n += 1
    {misbehave}
    print(json.dumps({{"id": case["id"], "out": None}}), flush=True)
"""


def program(tmp_path, misbehave="pass"):
    path = tmp_path / "program.py"
    path.write_text(ANSWERS.format(misbehave=misbehave))
    return f'"{sys.executable}" "{path}"'


@pytest.mark.parametrize("misbehave, reason", [
    ("time.sleep(1000)", "no answer within 0.5 s"),
    ("sys.exit(3)", "ended with status 3 and without a word"),
    ("raise RuntimeError('boom')", "ended with status 1: RuntimeError: boom"),
    ("print('hello', flush=True)", "not JSON: 'hello'"),
    ("print('[' * 100000, flush=True)", "not JSON"),
    ("print('[1]', flush=True)", "not of the form"),
    ("case['id'] = 'x'", "answered 'x', out of order"),
    ("print(json.dumps({'id': case['id'], 'out': {}}), flush=True)", "the answer has no 'integers'"),
    ("print(json.dumps({'id': case['id'], 'out': {'integers': ['0'] * 4}}), flush=True)", None),
    ("print('{\"id\": 1' + '0' * 5000 + '}', flush=True)", "not JSON|out of order|not of the form"),
])
def test_a_misbehaving_program_gets_a_verdict_and_the_other_cases_still_run(tmp_path, misbehave, reason):
    subject = Program(program(tmp_path, f"if case['op'] == 'next': {misbehave}"), timeout=0.5)
    try:
        result = run("prng", cases("prng"), subject)
    finally:
        subject.close()
    others = len([case for case in cases("prng") if case.op != "next"])
    assert result.counts["not implemented"] + result.counts["no answer"] + result.counts["wrong"] == len(cases("prng"))
    assert result.counts["not implemented"] >= others - 1  # a superfluous answer is noticed at the next question
    first = result.failures[0]
    if reason:
        assert re.search(reason, first.reason), first.reason
    else:
        assert first.verdict == "wrong"


def test_the_readme_program_is_exact(tmp_path, capsys):
    code = re.search(r"```python\n(import json\n.*?)```", (ROOT / "README.md").read_text(), re.S)[1]
    path = tmp_path / "mine.py"
    path.write_text(code)
    assert main(["--cmd", f'"{sys.executable}" "{path}"', "product"]) == 0
    # float("3ff0...") is not that number
    assert main(["--cmd", f'"{sys.executable}" "{path}"', "--hex", "product"]) == 1
    assert main(["--cmd", f'"{sys.executable}" "{path}"', "product", "--rung", "prng"]) == 1
    assert "Not implemented: next (5), uniform (5), below (5)" in capsys.readouterr().out


def test_the_report_of_a_compensated_sum(tmp_path, capsys, monkeypatch):
    python = next(filter(None, map(interpreter, ("3.12", "3.13", "3.14"))), None)
    if not python:
        pytest.skip("no Python from 3.12 on, whose builtin sum compensates, on this machine")
    monkeypatch.setenv("COLUMNS", "100")
    code = re.search(r"```python\n(import json\n.*?)```", (ROOT / "README.md").read_text(), re.S)[1]
    path = tmp_path / "mine.py"
    path.write_text(re.sub(r"    z = 0\.0\n.*?return z\n",
                           "    return sum(float(a) * float(b) for a, b in zip(x, w))\n", code, flags=re.S))
    assert main(["--cmd", f'"{python}" "{path}"', "product"]) == 1
    said = capsys.readouterr().out
    shown = (ROOT / "docs" / "bits.md").read_text()
    for line in re.search(r"    product: rounding.*?\n\n", shown, re.S)[0].splitlines():
        assert " ".join(line.split()) in " ".join(said.split())


def test_a_program_that_cannot_be_started(capsys):
    assert main(["--cmd", "/no/such/program"]) == 2
    assert "'/no/such/program' cannot be started: No such file or directory" in capsys.readouterr().err
    assert main(["--cmd", ""]) == 2


def test_invalid_arguments(capsys, tmp_path):
    for arguments, message in ((["stpe"], "unknown rung 'stpe'; did you mean 'step'?"),
                               (["--impl", "rust"], "unknown implementation 'rust'"),
                               (["--impl", "c", "--cmd", "x"], "exclude each other"),
                               (["--case", "nothing"], "no case 'nothing'; --list prints them all"),
                               (["--known-failures", str(tmp_path / "none")], "No such file"),
                               (["--cmd", "x", "--timeout", "0"], "--timeout must be"),
                               (["--impll", "c"], "did you mean --impl?"),
                               (["--spec", "2.0"], "unknown version of the spec '2.0'"),
                               (["--spec", "1.0", "images"], "the rung images came with spec 1.1, not 1.0")):
        assert main(arguments) == 2
        assert message in capsys.readouterr().err


def test_known_failures_are_ignored_until_they_pass(tmp_path, capsys):
    listed = tmp_path / "known.txt"
    listed.write_text("prng/*  # a different generator\n")
    arguments = ["--cmd", program(tmp_path), "prng", "--known-failures", str(listed)]
    assert main(arguments) == 0
    assert f"{len(cases('prng'))} known" in capsys.readouterr().out
    assert main([*arguments, "--impl", "c"][2:]) == 1
    assert "prng/* is listed as a known failure but passes; remove it from the list" in capsys.readouterr().out


def test_json_record(tmp_path, capsys):
    assert main(["--cmd", program(tmp_path), "prng", "step", "--json", "-", "--quiet"]) == 1
    record = json.loads(capsys.readouterr().out)
    assert record["spec"] == vectors.VERSION and record["conforms"] is False
    assert [rung["verdict"] for rung in record["rungs"]] == ["not implemented"] * 2
    assert record["rungs"][0]["failures"][0]["id"] == "prng/next/0000000000000000"
    assert main(["--impl", "c", "product", "--json", str(tmp_path / "record.json"), "--quiet"]) == 0
    record = json.loads((tmp_path / "record.json").read_text())
    numbers = sum(len(of_tensor) for case in cases("product") for _, of_tensor in tensors(case))
    assert record["conforms"] and record["rungs"][0]["ulps"] == {"0": numbers}


def test_list_prints_the_questions(capsys):
    assert main(["--list", "product", "--case", "product/dot/order"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "id": "product/dot/order", "op": "dot", "in": {"x": [1.0, 1.0, 1.0], "w": [9007199254740992.0, 1.0, 1.0]}}
    assert main(["--list", "--hex", "--case", "product/dot/order"]) == 0
    assert json.loads(capsys.readouterr().out)["in"]["w"][0] == "4340000000000000"


def test_a_program_gets_only_the_cases_of_its_version(tmp_path, capsys):
    assert main(["--list", "--spec", "1.0"]) == 0
    old = capsys.readouterr().out
    assert main(["--list", "--spec", vectors.VERSION]) == main(["--list"]) == 0
    assert '"images/' not in old and '"prng/' in old and capsys.readouterr().out.count('"images/step/stack"') == 2
    assert main(["--impl", "c", "--spec", "1.0", "--case", "*step/alice", "--quiet", "--json", "-"]) == 0
    assert json.loads(capsys.readouterr().out)["spec"] == "1.0"


def test_a_question_by_its_id_takes_few_calls(capsys):
    """Reading one line of one file and asking both implementations; reading all cases takes 120,000 calls."""
    arguments = ["--case", "product/dot/one"]
    assert main(arguments) == 0  # imports, and what is kept after a first call
    calls = Counter()
    sys.setprofile(lambda frame, event, argument: calls.update([event]))
    try:
        main(arguments)
    finally:
        sys.setprofile(None)
    assert calls["call"] < 2000
    assert "Conforms: 2 of 2 answers are exact." in capsys.readouterr().out


def test_long_cases_run_only_on_demand(capsys):
    def asked(*arguments):
        main(["--list", "sin-cos", *arguments])
        return capsys.readouterr().out.count("\n")

    assert asked() == 1 and asked("--long") == 2 and asked("--case", "sin-cos/train/30-epochs") == 1


def test_mnist_without_its_files_is_skipped_with_a_message(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("REFNN_DATA", str(tmp_path))
    assert main(["--impl", "c", "mnist", "prng"]) == 0
    assert "mnist            -  not run: no MNIST files on this machine" in capsys.readouterr().out
    assert main(["--impl", "c", "mnist"]) == 2


@pytest.mark.skipif("avx2" not in native.simd_names(), reason="needs an x86 with fused multiply-add")
def test_a_build_with_fused_multiply_add_fails_the_self_test_and_the_check(tmp_path):
    for name in ("refnn", "csrc", "data"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("_core*", "*.o", "__pycache__"))
    build = (ROOT / "build_ext.py").read_text()
    assert '"-O3", "-ffp-contract=off"' in build
    sets = tmp_path / "csrc" / "fast" / "instruction_sets.h"  # the twins alone: they compile in a fifth of the time
    sets.write_text(sets.read_text().replace("#define VECTOR_EXTENSIONS 1", ""))
    (tmp_path / "build_ext.py").write_text(
        build.replace('"-O3", "-ffp-contract=off"', '"-O2", "-ffp-contract=fast", "-mfma"'))

    def python(*arguments):
        done = subprocess.run([sys.executable, "-W", "ignore", *arguments], cwd=tmp_path, capture_output=True,
                              text=True,
                              env={**os.environ, "PYTHONPATH": str(tmp_path)})
        return done.returncode, done.stdout + done.stderr

    assert python("-c", "import build_ext; build_ext.ffibuilder.compile()")[0] == 0
    status, said = python("-m", "refnn.check", "product")
    assert status == 2 and "does not compute exactly" in said
    native = tmp_path / "refnn" / "core.py"
    native.write_text(native.read_text().replace("\ncheck_build()\n", "\n"))
    status, said = python("-m", "refnn.check", "product", "update", "step")
    assert status == 1 and "product in c: rounding: fused multiply-add" in said


@pytest.mark.skipif(os.name == "nt", reason="sends a signal as terminals on Unix do")
def test_ctrl_c_also_stops_the_program(tmp_path):
    mark = tmp_path / "pid"
    code = f"import os, time\nopen({str(mark)!r}, 'w').write(str(os.getpid()))\ntime.sleep(1000)\n"
    (tmp_path / "sleeper.py").write_text(code)
    with subprocess.Popen([sys.executable, "-m", "refnn.check", "--cmd",
                           f'"{sys.executable}" "{tmp_path / "sleeper.py"}"'], cwd=ROOT,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        while not (mark.exists() and mark.read_text()):
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        assert (process.wait(10), process.stderr.read()) == (130, "refnn.check: interrupted\n")
    with pytest.raises(ProcessLookupError):
        os.kill(int(mark.read_text()), 0)


@pytest.mark.parametrize("rung", [rung for rung in vectors.RUNGS if rung != "mnist"])
def test_every_tensor_has_an_explanation(rung):
    """A change in the last number of a tensor of the correct answer is found, and has a formula."""
    for case in cases(rung):
        for key, places in list(tensors(case))[-2 if case.op == "train" else 0:]:
            if places and case.answer[key] is not None:
                answer = deepcopy(case.answer)
                holder = answer if not places[-1] else dig(answer, (key, *places[-1][:-1]))
                at = places[-1][-1] if places[-1] else key
                value = holder[at]
                other = "0" * len(value) if isinstance(value, str) else 12.5
                holder[at] = value + 1 if isinstance(value, int) else other
                first = compare(case, answer).divergence
                assert (first.key, first.index) == (key, places[-1]), case.id
                assert first.formula and first.operands and first.place.startswith(key), case.id


def test_the_first_wrong_step_of_a_convolutional_training_is_located():
    class Spoilt(subjects.Subject):
        def ask(self, case):
            answer = CORE[case.op](**case.inputs)
            if case.op == "train":
                answer["digests"][-1] = "0" * 64
            return answer

    case, = [case for case in cases("mnist-cnn") if "long" not in case.flags]
    failure, = run("mnist-cnn", [case], Spoilt()).failures
    assert (failure.verdict, failure.located.epoch, failure.located.step) == ("wrong", 1, 1)
    assert failure.located.case.inputs["input_shape"] == [1, 28, 28] and len(failure.located.samples) == 20


@pytest.mark.skipif(os.name == "nt", reason="a shell of Unix")
@pytest.mark.parametrize("command, reason", [
    ("sh -c 'sleep 60; true'", "no answer within 0.5 s"),
    (f"\"{sys.executable}\" -c \"import os, time; os.close(1); time.sleep(60)\"", "the program has closed its output"),
    (f"\"{sys.executable}\" -c \"print('inf')\"", "not JSON: 'inf'; infinities and NaN are spelled")])
def test_the_timeout_holds_whatever_the_program_does(command, reason):
    begin = time.monotonic()
    subject = Program(command, timeout=0.5)
    result = run("product", cases("product")[:1], subject)
    subject.close()
    assert reason in result.failures[0].reason and time.monotonic() - begin < 10


def test_quiet_prints_failures_only(tmp_path, capsys):
    assert main(["--impl", "c", "prng", "--quiet"]) == 0
    assert capsys.readouterr().out == ""
    assert main(["--cmd", program(tmp_path), "prng", "--quiet"]) == 1
    assert capsys.readouterr().out.startswith("\nNot implemented: next (5)")


def test_a_mistake_must_explain_every_failing_case_of_its_operation():
    """The answer is the dot product plus 1, or plus a number that no change of one place gives."""
    result = run("product", cases("product"), core_but(dot=lambda x, w: {"z": CORE["dot"](x=x, w=w)["z"] + 1.0}))
    assert result.verdict == "wrong" and result.worst.mistake.lines[-1].rstrip("}").endswith("+ 1")
    wrong = core_but(dot=lambda x, w: {"z": CORE["dot"](x=x, w=w)["z"] + 0.3 * len(x) + 0.07})
    result = run("product", cases("product"), wrong)
    assert result.verdict == "wrong" and result.worst.mistake is None
    result = run("product", cases("product"), core_but(dot=lambda x, w: {"z": CORE["dot"](x=x[::-1], w=w[::-1])["z"]}))
    assert result.worst.mistake.name == "order"


def test_known_failures_that_were_not_run_are_not_stale(tmp_path, capsys):
    listed = tmp_path / "known.txt"
    listed.write_text("prng/*\n")
    assert main(["--impl", "c", "product", "--known-failures", str(listed)]) == 0
    assert main(["--impl", "c", "prng", "--known-failures", str(listed)]) == 1
    assert f"The list of known failures is out of date: {len(cases('prng'))} of" in capsys.readouterr().out
