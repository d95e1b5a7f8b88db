"""The corpus of planted mistakes: its form, and a few of them measured. The whole: python tests/corpus/measure.py."""

import shutil
import sys
from pathlib import Path

import pytest

from refnn.conformance import vectors
from refnn.conformance.changes import PLAIN
from refnn.conformance.variants import helped
from refnn.conformance.vectors import RUNGS
from refnn.reference import pool

pytest.importorskip("numpy")
sys.path.insert(0, str(Path(__file__).resolve().parent / "corpus"))
import unseen
from measure import LINE, MISNAMED, MISTAKES, PLACED, PROGRAMS, RED, WORDS, check, headline, judged, read, shown

ALL = [mistake for mistakes in MISTAKES.values() for mistake in mistakes]


def test_size():
    planted = [mistake for mistake in ALL if not mistake.equal]
    assert len({mistake.name for mistake in ALL}) == len(ALL) and len(planted) >= 200
    assert len(MISTAKES["single"]) >= 20
    assert {mistake.family for mistake in ALL} == {
        "prng", "elementary", "init", "linear", "activations", "losses", "step", "training", "conv", "pool",
        "batchnorm", "mode", "state", "precision", "text"}


@pytest.mark.parametrize("name", PROGRAMS)
def test_every_mistake_changes_its_program(name):
    source = PROGRAMS[name].source()
    for mistake in MISTAKES[name]:
        assert mistake.planted(source) != source
        if mistake.equal:
            assert not mistake.at
        else:
            assert mistake.at and mistake.named


def test_a_mistake_whose_lines_are_not_there(tmp_path):
    path = tmp_path / "mine.txt"
    path.write_text("# Mistakes\n\none | step | step:loss | sign\n-a\n-b\n+c\n...\n-e\n+\n\n"
                    "two | text | next | equal: why\n-a\n+b\n")
    one, two = read(path)
    assert one.edits == [(["a", "b"], ["c"]), (["e"], [""])] and two.equal and not one.equal
    assert one.planted("a\nb\nd\ne\nf") == "c\nd\n\nf"
    for source in ("a\nd", "a\nb\na\nb\ne"):
        with pytest.raises(ValueError, match="times in the program"):
            one.planted(source)


REPORT = """
rung         cases  verdict
update: wrong: {name}
  case      update/update/0.1
  first     p[0]
"""


@pytest.mark.parametrize("name, words", [
    ("", [RED, PLACED]), ("the sign of the update", [RED, PLACED, WORDS]),
    ("your answers are the reference's with this line changed\n  linear.py, sign", [RED, PLACED, LINE]),
    ("softmax", [RED, PLACED, MISNAMED])])
def test_judgement(name, words, tmp_path):
    path = tmp_path / "mine.txt"
    path.write_text("# Mistakes\n\none | step | update | sign\n-a\n+b\n")
    mistake, = read(path)
    said, place = headline(REPORT.format(name=name).replace(": \n", "\n"))
    assert place == "update" and said == name.strip().replace("\n  ", "\n  ")
    found = type("Found", (), {"status": 1, "seconds": 0.0, "name": said, "place": place})
    assert judged(mistake, found) == words
    found.status = 0
    assert judged(mistake, found) == [] and "NOT red, placed" in shown(mistake, found)


@pytest.mark.slow
def test_changes_that_no_case_notices():
    """Of pooling: without the cases that came with spec 1.4, the stride and the kernel of columns may be mixed up."""
    found = {}
    for version in ("1.3", "1.4"):
        asked = [unseen.Asked(case) for case in vectors.load("images", spec=version)
                 if case.op == "maxpool2d_forward"]
        with helped():
            found[version] = ["\n".join(variant.lines) for variant in unseen.unseen(
                pool.maxpool2d_forward, asked, PLAIN)]
    mixed = [lines for lines in found["1.3"] if "kernel_size[1] + 1, kernel_size[1])" in lines]
    assert mixed and set(found["1.4"]) < set(found["1.3"]) - set(mixed)


SAMPLE = {  # a mistake and the rungs that show it
    "js-update-sign": ["update", "step"], "js-shuffle-down-to-0": ["prng", "truth-table", "sin-cos"],
    "java-product-fma": ["product"], "np-below-round": ["prng"], "np-expf-in-sigmoid": ["forward"],
    "single-update-sign": ["update", "step"], "single-batchnorm-eps-1e-8": ["images"]}


@pytest.mark.slow
@pytest.mark.parametrize("name", SAMPLE)
def test_a_sample(name):
    program = next(program for program, mistakes in MISTAKES.items() if name in {m.name for m in mistakes})
    if shutil.which(PROGRAMS[program].command) is None:
        pytest.skip(f"no {PROGRAMS[program].command} on this machine")
    mistake = next(mistake for mistake in ALL if mistake.name == name)
    options = [word for word in PROGRAMS[program].arguments if word not in RUNGS]
    found = check(PROGRAMS[program]._replace(arguments=[*SAMPLE[name], *options]), mistake)
    if mistake.equal:
        assert found.status == 0, found.said
    else:
        assert {RED, PLACED} <= set(judged(mistake, found)) and MISNAMED not in judged(mistake, found), found.said
