#!/usr/bin/env bash
# Builds the core with the address and undefined-behaviour sanitizers in a copy of the checkout, and runs the tests that
# compare it with the reference. Needs gcc and its libasan. Any finding is a failure.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
python=${PYTHON:-$root/.venv/bin/python}
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
cp -r "$root"/{refnn,csrc,data,tests,build_ext.py,pyproject.toml} "$copy"
cd "$copy"
rm -f refnn/_core*
CFLAGS="-fsanitize=address,undefined -fno-sanitize-recover=undefined -g" "$python" -W ignore -c "
import build_ext
build_ext.ffibuilder.compile()
"
nm -D refnn/_core*.so | grep -q __asan || { echo "the core was built without the sanitizer"; exit 1; }
LD_PRELOAD=$(gcc -print-file-name=libasan.so) ASAN_OPTIONS=detect_leaks=0 PYTHONPATH=$copy \
    "$python" -m pytest -q -p no:cacheprovider tests/test_{errors,fuzz,fast,linear,activations,losses,training,init,conv,pool,batchnorm,samples,model}.py
