#!/bin/sh
# Run the tests on every supported interpreter that is found, on PATH or under pyenv, each in an environment of its own.
set -eu
found=0
for version in $(sed -n 's/.*"Programming Language :: Python :: \(3\.[0-9]*\)".*/\1/p' pyproject.toml); do
    python=$(command -v "python$version" || true)
    if [ -z "$python" ] || ! "$python" -c "" 2>/dev/null; then
        python=$(ls "${PYENV_ROOT:-$HOME/.pyenv}/versions/$version".*/bin/python 2>/dev/null | tail -n 1 || true)
    fi
    if [ -z "$python" ]; then
        echo "python$version: not found, skipped"
        continue
    fi
    found=$((found + 1))
    venv=".venv-$version"
    if [ ! "$venv/ready" -nt pyproject.toml ]; then
        "$python" -m venv "$venv"
        "$venv/bin/python" -m pip install --quiet --upgrade pip
        "$venv/bin/python" -m pip install --quiet --editable . --group test
        touch "$venv/ready"
    fi
    echo "python$version:"
    "$venv/bin/python" -m pytest -q -n 2
done
[ "$found" -gt 0 ]
