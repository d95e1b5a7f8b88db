#!/usr/bin/env bash
# Builds the core with gcc's sanitizers in copies of the checkout, and runs the tests that compare it with the reference:
# sanitize.sh [address] [thread]. Any finding is a failure.
#
# address: overruns, also between the arrays of the workspace, and undefined behaviour; thread: races between threads.
# First each sanitizer must find a planted mistake. Python's own allocator is not used: it would hide overruns.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
python=${PYTHON:-$root/.venv/bin/python}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The thread sanitizer's library does not run with every layout of addresses. A container may not allow to fix it.
fixed=$(setarch -R true 2> /dev/null && echo "setarch -R" || true)

build() {  # build NAME FLAGS [FILE COMMAND]: a copy with a core built with these flags, after a command of sed on a file
    copy=$work/$1
    mkdir "$copy"
    cp -r "$root"/{refnn,csrc,data,tests,build_ext.py,pyproject.toml} "$copy"
    cd "$copy"
    rm -f refnn/_core*
    if [ $# -gt 2 ]; then
        sed -i "$4" "csrc/$3"
        ! cmp -s "csrc/$3" "$root/csrc/$3" || { echo "nothing is planted in $3 by $4"; exit 1; }
    fi
    CFLAGS="$2 -g" "$python" -W ignore -c "
import build_ext
build_ext.ffibuilder.compile()" > log 2>&1 || { cat log; exit 1; }
}

run() {  # run LIBRARY ARGUMENT ...: Python in the last copy, with the sanitizer's library
    library=$(gcc -print-file-name="$1")
    shift
    LD_PRELOAD=$library PYTHONMALLOC=malloc PYTHONPATH=$copy ASAN_OPTIONS=detect_leaks=0 TSAN_OPTIONS=exitcode=66 \
        $fixed "$python" "$@"
}

train="
import sys
from refnn import Linear, Model, Network
network = Network(Model([Linear(2, 1), Linear(1, 1)]), 'c', threads=3)
network.train([[1.0, 2.0]] * 300, [1.0] * 300, epochs=1, lr=float(sys.argv[1]), batch_size=200)"

finds() {  # finds MISTAKE LIBRARY MESSAGE LR: the sanitizer reports the mistake that training at this rate makes
    if run "$2" -c "$train" "$4" > said 2>&1 || ! grep -q "$3" said; then
        cat said
        echo "not found: $1"
        exit 1
    fi
    echo "found: $1"
}

run_address() {
    flags="-fsanitize=address,undefined -fno-sanitize-recover=undefined"
    build planted-address "$flags" training.c '/^void refnn_step/,/^}/ s/^    refnn_update.*/&\
        if (how->lr == 0.5) layers->memory[0].w[17] = 0.0;\
        if (how->lr == 0.25) last->a[rows * outputs] = 0.0;\
        if (how->lr == 0.125) last->a[0] = 1 << (rows - 160);/'
    export REFNN_SIMD=plain
    finds "an overrun of the parameters" libasan.so "AddressSanitizer: heap-buffer-overflow" 0.5
    finds "an overrun inside the workspace" libasan.so "AddressSanitizer: use-after-poison" 0.25
    finds "a shift by too much" libasan.so "shift exponent 40 is too large" 0.125
    run libasan.so -c "$train" 0.1
    unset REFNN_SIMD
    build address "$flags"
    echo "-- address and undefined behaviour"
    run libasan.so -m pytest -q -n auto -p no:cacheprovider \
        tests/test_{errors,fuzz,fast,linear,activations,losses,training,init,conv,pool,batchnorm,samples,model}.py
}

run_thread() {
    flags="-fsanitize=thread"
    build planted-thread "$flags" fast/threads.c 's/^static void run_share.*/static int planted;\n&\n    planted++;/'
    finds "a race" libtsan.so "ThreadSanitizer: data race" 0.1
    build thread "$flags"
    echo "-- races"
    run libtsan.so -c "$train" 0.1
    run libtsan.so tests/differential.py --cases 24
    run libtsan.so -m pytest -q -p no:cacheprovider tests/test_threads.py -k in_many_threads
}

for part in ${*:-address thread}; do "run_$part"; done
