"""The driver of tests/portability: a core that computes exactly has the reference's digests, any other is found."""

import shutil
import subprocess
import sys
from itertools import chain
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "portability"))

import export
import run

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not shutil.which("gcc"), reason="no gcc on this machine")]
MISTAKES = {  # file: what stands there, what should not, and where the driver reports it
    "core.h": ("LEAKY_SLOPE 0.01", "LEAKY_SLOPE 0.02", "gradients, plain, 1 threads"),
    "elementary.c": ("k * LN2_LOW) - f)", "k * LN2_LOW * 1.001) - f)", "log, values"),
    "linear.c": ("p[k] -= lr", "p[k] += lr", "losses, plain, 1 threads"),
}


@pytest.fixture(scope="module")
def cases(tmp_path_factory):
    path = tmp_path_factory.mktemp("cases") / "cases"
    export.write(path, chain(export.functions(), export.random_numbers(), export.of_runs()))
    return path


def compiled(folder, csrc):
    program = folder / "driver"
    sources = [csrc.parent / name for name in run.build_ext.SOURCES]
    subprocess.run(["gcc", f"-I{csrc}", *run.FLAGS, "-O0", HERE / "portability" / "driver.c", *sources, "-lm", "-o",
                    program], check=True)
    return program


def ran(*command):
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    return done.returncode, done.stdout


def test_the_core_has_the_digests_of_the_reference(tmp_path, cases):
    program = compiled(tmp_path, run.ROOT / "csrc")
    status, said = ran(program, cases, 3)
    assert status == 0 and said.startswith("equal: "), said
    short = tmp_path / "short"
    short.write_bytes(cases.read_bytes()[:-8])
    assert ran(program, short) == (2, "the file of cases is too short\n")
    assert ran(program, tmp_path / "none")[0] == 2


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_found(tmp_path, cases, name):
    csrc = tmp_path / "csrc"
    shutil.copytree(run.ROOT / "csrc", csrc)
    right, wrong, place = MISTAKES[name]
    text = (csrc / name).read_text()
    assert right in text
    (csrc / name).write_text(text.replace(right, wrong))
    status, said = ran(compiled(tmp_path, csrc), cases)
    assert status == 1 and place in said and "DIFFERENT: " in said


def test_list_of_packages(capsys):
    assert run.main(["--packages", "aarch64", "tcc"]) == 0
    assert capsys.readouterr().out == "gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user tcc\n"


def test_a_row_that_cannot_run_is_not_passed(monkeypatch, capsys):
    monkeypatch.setattr(run, "rows", lambda: [run.Row("vax gcc", "gcc-vax", "vax-gcc -O2", "", True)])
    monkeypatch.setattr(run, "export", lambda folder: None)
    assert run.main([]) == 1
    assert capsys.readouterr().out == ("not run: vax gcc: no vax-gcc here: apt install gcc-vax\n"
                                       "0 rows equal the Python reference, 0 do not, 1 not run\n")
