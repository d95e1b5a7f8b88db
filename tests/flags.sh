#!/usr/bin/env bash
# Builds the core with flags and compilers that a user may have in the environment. Each build must compute exactly, and
# must not change the arithmetic of the process that loads it; or the core must be refused with the reason.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
python=${PYTHON:-$root/.venv/bin/python}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

build() {  # build NAME [VARIABLE=VALUE ...]: a copy of the checkout with a core built in this environment
    copy=$work/$1
    shift
    mkdir "$copy"
    cp -r "$root"/{refnn,csrc,build_ext.py} "$copy"
    rm -f "$copy"/refnn/_core*
    (cd "$copy" && env "$@" "$python" -W ignore -c "
import build_ext
build_ext.ffibuilder.compile()" > "$copy/log" 2>&1) || { cat "$copy/log"; echo "not built with $*"; return 1; }
}

exact() {  # exact NAME ...: the core of this copy trains to the reference's parameters; then Python computes as before
    (cd "$work/$1" && "$python" - << 'END'
import refnn
from refnn.tasks import task

assert refnn.__file__.startswith(__import__("os").getcwd()), refnn.__file__
chosen = task("truth-table")
after = []
for impl in ("c", "python"):
    network = refnn.Network(chosen.model(), impl)
    network.train(*chosen.data(0, None).train, epochs=20, lr=1.0)
    after.append(network.parameters.tobytes())
assert after[0] == after[1]
assert 5e-324 * 1.0 > 0.0
END
    )
    echo "exact: $*"
}

refused() {  # refused NAME ...: the self-test refuses the core of this copy
    (cd "$work/$1" && ! "$python" -m refnn.train --impl c --epochs 1 2> message
     grep -q "does not compute exactly" message)
    echo "refused: $*"
}

has() { command -v "$1" > /dev/null || { echo "not run: no $1 here"; return 1; }; }

for flags in -march=native -Ofast -funsafe-math-optimizations; do
    build "gcc$flags" "CFLAGS=$flags" && exact "gcc$flags"
done
build linker LDFLAGS=-Ofast && exact linker LDFLAGS=-Ofast
build single CFLAGS=-fsingle-precision-constant && refused single CFLAGS=-fsingle-precision-constant
if has clang; then build clang CC=clang CFLAGS=-Ofast && exact clang -Ofast; fi
if has tcc; then build tcc CC=tcc && exact tcc; fi
