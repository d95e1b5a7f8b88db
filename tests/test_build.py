"""The build of the C core: a failed one says why, and a core of other sources is refused."""

import importlib.util
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from refnn.sources import compiler_to_install

ROOT = Path(__file__).resolve().parent.parent
NAMES = ("refnn", "data", "csrc", "build_ext.py", "pyproject.toml", "README.md", "LICENSE")


def copy(folder, *names, core=True):
    """A checkout with some of the files, in a folder."""
    ignored = ["__pycache__", *([] if core else ["_core*"])]
    for name in names:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns(*ignored))
        else:
            shutil.copy(ROOT / name, folder)
    return folder


def train(folder):
    return run(folder, "-m", "refnn.train", "--impl", "c", "--epochs", "1")


def run(folder, *arguments, **environment):
    return subprocess.run([sys.executable, *arguments], cwd=folder, capture_output=True, text=True,
                          env={**os.environ, **environment})


@pytest.fixture(scope="module")
def failed(tmp_path_factory):
    """A wheel that was built with a compiler that fails, unpacked; and its name."""
    folder = copy(tmp_path_factory.mktemp("checkout"), *NAMES, core=False)
    compiler = folder / "compiler"
    compiler.write_text("#!/bin/sh\n"
                        "(echo 'In file included from csrc/conv.c:1:'; echo 'csrc/core.h:18:2: error: no luck') >&2\n"
                        "exit 1\n")
    compiler.chmod(0o755)
    done = run(folder, "-c", "import build_ext; build_ext.build_wheel('dist')", CC=str(compiler))
    assert done.returncode == 0, done.stderr
    wheel, = (folder / "dist").iterdir()
    installed = tmp_path_factory.mktemp("installed")
    zipfile.ZipFile(wheel).extractall(installed)
    return installed, wheel.name


@pytest.mark.skipif(os.name == "nt", reason="the compiler is a shell script")
def test_a_failed_build_says_why(failed):
    done = train(failed[0])
    assert done.returncode == 2
    record = failed[0] / "refnn" / "_core.txt"
    assert done.stderr == ("refnn.train: the C core is not built here: csrc/core.h:18:2: error: no luck "
                           f"(more in {record}); `pip install -e .` in a checkout builds it, with a C compiler "
                           f"({compiler_to_install()}); --impl python runs without\n")
    assert "In file included from csrc/conv.c:1:" in record.read_text()
    assert run(failed[0], "-m", "refnn.train", "--epochs", "1").returncode == 0


@pytest.mark.skipif(os.name == "nt", reason="the compiler is a shell script")
def test_a_wheel_is_for_every_python_and_has_only_what_is_used(failed):
    installed, name = failed
    assert "-cp310-abi3-" in name
    files = [path.relative_to(installed).as_posix() for path in installed.rglob("*") if path.is_file()]
    assert {path.split("/")[0].split("-")[0] for path in files} == {"refnn"}
    assert not [path for path in files if path.endswith(("make.py", "draw.py"))]  # they make the data
    assert {f"refnn/web/{name}" for name in os.listdir(ROOT / "refnn" / "web")} <= set(files)
    assert "License-Expression: MIT" in next(installed.glob("*.dist-info/METADATA")).read_text(encoding="utf-8")


def test_a_core_of_other_sources_is_refused(tmp_path):
    folder = copy(tmp_path, "refnn", "csrc", "build_ext.py")
    assert train(folder).returncode == 0
    with open(folder / "csrc" / "conv.c", "a") as file:
        file.write("\n")
    done = train(folder)
    assert done.returncode == 2
    assert " is not the C core of these sources; `pip install -e .` in a checkout builds it" in done.stderr
    done = run(folder, "-m", "refnn.train", "--epochs", "1")
    assert (done.returncode, done.stderr) == (0, "")
    assert "is not the C core of these sources" in done.stdout


def test_a_core_that_another_shadows_is_noticed_when_installed(tmp_path):
    folder = copy(tmp_path, "refnn")
    record = folder / "refnn" / "_core.txt"
    record.unlink(missing_ok=True)
    assert train(folder).returncode == 0
    record.write_text(f"sources: {'0' * 64}\n")
    assert "is not the C core of these sources" in train(folder).stderr


@pytest.fixture
def build_ext():
    spec = importlib.util.spec_from_file_location("builder", ROOT / "build_ext.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_flags_follow_the_compiler(build_ext, monkeypatch):
    assert build_ext.flags("msvc") == (["/O2", "/fp:precise"], [])
    for kind in ("unix", "mingw32", "cygwin"):
        compiling, linking = build_ext.flags(kind)
        assert "-ffp-contract=off" in compiling
        assert linking[:3] == ["-O3", "-fno-fast-math", "-fno-unsafe-math-optimizations"]
    monkeypatch.setattr(build_ext.os, "name", "nt")
    for platform, version, kind in (("win-amd64", "3.11 [MSC v.1934]", "msvc"),
                                    ("mingw_x86_64", "3.11 [GCC 13.1.0]", "unix"),
                                    ("mingw_x86_64_clang", "3.11 [Clang 16]", "unix")):
        monkeypatch.setattr(build_ext.sysconfig, "get_platform", lambda platform=platform: platform)
        monkeypatch.setattr(build_ext.sys, "version", version)
        assert build_ext.default_compiler() == kind
