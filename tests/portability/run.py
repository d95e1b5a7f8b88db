"""Builds the C core for many processors and compilers, and compares it with the Python reference on each.

    apt-get install $(python tests/portability/run.py --all --packages)
    python tests/portability/run.py [--all] [ROW ...]

Without --all: one row for each processor and kind of compiler, in about two minutes. ROW is a part of rows' names. What
is not installed is not run, and listed with the Debian packages that have it.

A row compiles driver.c and the core with the flags of build_ext.py and runs the program, by an emulator if need be, on
the cases of export.py: every digest must be that of the Python reference. The other implementations of
tests/implementations/ are asked the vectors that they answer.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(ROOT))

import build_ext

SOURCES = [str(HERE / "driver.c"), *(str(ROOT / source) for source in build_ext.SOURCES)]
FLAGS = [*build_ext.flags("unix")[0], f"-I{ROOT / 'csrc'}"]
THREADS = "3"
SECONDS = 900  # of a build or a run, until it counts as a failure
RUNGS = "prng elementary init product forward loss backward update step truth-table alice-bob sin-cos digits points"


class Row(NamedTuple):
    """build: the compiler with flags of its own; run: what runs the program, without its name. A row of another
    implementation has a command instead."""

    name: str
    packages: str
    build: str
    run: str = ""
    quick: bool = False
    command: str = ""


def rows():
    """All rows, the quick ones first of their kind."""
    for processor, triple, package, emulator, flags in (
            ("aarch64 (NEON)", "aarch64-linux-gnu", "arm64", "qemu-aarch64", ""),
            ("s390x (big-endian)", "s390x-linux-gnu", "s390x", "qemu-s390x", ""),
            ("riscv64", "riscv64-linux-gnu", "riscv64", "qemu-riscv64", ""),
            ("ppc64le", "powerpc64le-linux-gnu", "ppc64el", "qemu-ppc64le", ""),
            ("armhf", "arm-linux-gnueabihf", "armhf", "qemu-arm", ""),
            ("i386", "i686-linux-gnu", "i386", "qemu-i386", "-msse2 -mfpmath=sse")):
        packages = f"gcc-{triple} libc6-dev-{package}-cross qemu-user"
        for level in ("-O3", "-O2", "-O0"):
            yield Row(f"{processor} gcc {level}", packages, f"{triple}-gcc -static {flags} {level}", emulator,
                      level == "-O3")
    for compiler in ("gcc", "clang"):
        for level in ("-O3", "-O2", "-O0"):
            yield Row(f"x86-64 {compiler} {level}", compiler, f"{compiler} {level}", "", level == "-O3")
    yield Row("x86-64 tcc", "tcc", "tcc", "", True)
    yield Row("x86-64 without AVX, gcc -O3", "gcc qemu-user", "gcc -static -O3", "qemu-x86_64 -cpu Nehalem")
    for level in ("-O3", "-O0"):
        yield Row(f"x86-64 Windows, MinGW gcc {level}", "gcc-mingw-w64-x86-64-win32 wine64",
                  f"x86_64-w64-mingw32-gcc-win32 -static {level}", "/usr/lib/wine/wine64", level == "-O3")
        for name, flags in (("", ""), (" with simd128", "-msimd128")):
            yield Row(f"wasm32{name} clang {level}", "clang lld wasi-libc libclang-rt-14-dev-wasm32 nodejs",
                      f"clang --target=wasm32-wasi -Wl,-z,stack-size=1048576 {flags} {level}",
                      f"node --no-warnings {HERE / 'wasi.mjs'}", not flags and level == "-O3")
    others = ROOT / "tests" / "implementations"
    yield Row("JavaScript", "nodejs", "", "", True, f"node {others / 'refnn.mjs'}")
    yield Row("Java", "default-jdk", "", "", True, f"java {others / 'Refnn.java'}")


class Result(NamedTuple):
    """passed: None: not run."""

    passed: bool | None
    said: str


def run(command, folder):
    """-> (exit status, what it printed)"""
    environment = {**os.environ, "WINEPREFIX": str(folder / "wine"), "WINEDEBUG": "-all"}
    try:
        done = subprocess.run(command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, errors="replace", timeout=SECONDS)
    except subprocess.TimeoutExpired:
        return 1, f"no end after {SECONDS} seconds"
    return done.returncode, done.stdout


def missing(row):
    """The first program of a row that is not on this machine, or None."""
    programs = [command.split()[0] for command in (row.build, row.run, row.command) if command]
    return next((program for program in programs if not shutil.which(program)), None)


def result(row, folder, exported):
    """exported: a future of the file of cases, which is needed once the row is built"""
    absent = missing(row)
    if absent:
        return Result(None, f"no {absent} here: apt install {row.packages}")
    begin = time.monotonic()
    if row.command:
        status, said = run([sys.executable, "-m", "refnn.check", "--quiet", "--cmd", row.command, *RUNGS.split()], ROOT)
        said = said if status else f"equal: {len(RUNGS.split())} rungs"
    else:
        program = folder / (row.name.replace(" ", "_").replace("/", "_") + ".exe")
        flags = [flag for flag in FLAGS if flag != "-pthread" or "wasm" not in row.build]
        compiler, *own = row.build.split()
        status, said = run([compiler, *flags, *own, *SOURCES, "-lm", "-o", str(program)], folder)
        if status == 0:
            cases = exported.result().name
            status, said = run([*row.run.split(), f"./{program.name}", cases, THREADS], folder)
            program.unlink()
    said = said.strip()
    if status == 0:
        said = said.splitlines()[-1]  # without what wine says
    return Result(status == 0, f"{said} ({time.monotonic() - begin:.0f} s)")


def export(folder):
    path = folder / "cases"
    subprocess.run([sys.executable, str(HERE / "export.py"), str(path)], check=True)
    return path


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("rows", nargs="*", metavar="ROW", help="rows whose name has this text")
    parser.add_argument("--all", action="store_true", help="every row")
    parser.add_argument("--packages", action="store_true", help="print the Debian packages of the rows, and run none")
    options = parser.parse_args(arguments)
    chosen = [row for row in rows() if any(text in row.name for text in options.rows)
              or not options.rows and (options.all or row.quick)]
    if options.packages:
        print(*sorted({package for row in chosen for package in row.packages.split()}))
        return 0
    with tempfile.TemporaryDirectory() as path, ThreadPoolExecutor(os.cpu_count()) as pool:
        exported = pool.submit(export, Path(path))
        results = pool.map(lambda row: result(row, Path(path), exported), chosen)
        done = []
        for row, (passed, said) in zip(chosen, results):
            print(f"{'not run: ' if passed is None else '' if passed else 'FAILED: '}{row.name}: {said}", flush=True)
            done.append(passed)
    print(f"{done.count(True)} rows equal the Python reference, {done.count(False)} do not, {done.count(None)} not run")
    return int(False in done or True not in done)


if __name__ == "__main__":
    sys.exit(main())
