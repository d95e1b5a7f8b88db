#!/usr/bin/env bash
# Installs refnn in every supported way, with every Python from 3.10 on this machine, outside the checkout. Both
# implementations must run.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fresh() {  # a new copy of the checkout, without the build/ of an earlier install
    rm -rf "$work/source"
    git -C "$root" archive HEAD | tar -x -C "$work" --one-top-level=source
}

check() {  # check VENV: both implementations run outside the checkout, with the installed data, and agree
    (cd "$work" && for impl in c python; do
        "$1/bin/python" -m refnn.train mnist --data digits --limit 10 --epochs 1 --impl $impl --quiet --json "$impl.json"
    done
    "$1/bin/python" -c "
import json
c, python = (json.load(open(name)) for name in ('c.json', 'python.json'))
assert c['final_sha256'] == python['final_sha256'] and c['test'] == python['test'], 'the implementations differ'"
    "$1/bin/python" -m refnn.check --quiet)
}

for version in 3.10 3.11 3.12 3.13 3.14; do
    for python in "$(command -v python$version || true)" "${PYENV_ROOT:-$HOME/.pyenv}"/versions/$version.*/bin/python; do
        if [ -n "$python" ] && "$python" -c pass 2> /dev/null; then break; else python=; fi
    done
    if [ -z "$python" ]; then echo "no Python $version here"; continue; fi
    echo "-- $("$python" --version): pip install ."
    "$python" -m venv "$work/venv-$version"
    fresh
    "$work/venv-$version/bin/pip" install -q "$work/source"
    check "$work/venv-$version"
done

echo "-- sdist, and the wheel built from it"
python3 -m venv "$work/builder"
"$work/builder/bin/pip" install -q build twine check-wheel-contents
fresh
"$work/builder/bin/python" -m build -q --outdir "$work/dist" "$work/source"
"$work/builder/bin/twine" check --strict "$work"/dist/*
"$work/builder/bin/check-wheel-contents" "$work"/dist/*.whl
contents=$("$work/builder/bin/python" -m zipfile -l "$work"/dist/*.whl | awk 'NR > 1 { print $1 }')
if grep -vE '^refnn/|^refnn-[^/]*\.dist-info/' <<< "$contents" || grep -E 'csrc|tests|make\.py|draw\.py|\.c$|\.o$' <<< "$contents" \
    | grep -v starters/; then
    echo "the wheel has files that do not belong in it"
    exit 1
fi
python3 -m venv "$work/from-wheel"
"$work/from-wheel/bin/pip" install -q "$work"/dist/*.whl
check "$work/from-wheel"
python3 -m venv "$work/from-sdist"
"$work/from-sdist/bin/pip" install -q "$work"/dist/*.tar.gz
check "$work/from-sdist"

echo "-- an editable install leaves nothing behind"
python3 -m venv "$work/editable"
fresh
"$work/editable/bin/pip" install -q -e "$work/source"
"$work/editable/bin/pip" uninstall -q -y refnn
if (cd "$work" && "$work/editable/bin/python" -c "import refnn" 2> message); then echo "refnn is still there"; exit 1; fi
if find "$work/editable" -iname '*refnn*' | grep .; then echo "left behind"; exit 1; fi

echo "-- no C compiler"
python3 -m venv "$work/no-compiler"
fresh
CC=/nonexistent "$work/no-compiler/bin/pip" install -q "$work/source"
(cd "$work" && "$work/no-compiler/bin/python" -m refnn.train --epochs 2 | grep "plain Python")
if (cd "$work" && "$work/no-compiler/bin/python" -m refnn.train --impl c 2> message); then echo "--impl c without the core must fail"; exit 1; fi
grep "the C core is not built here" "$work/message"
