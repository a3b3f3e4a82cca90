#!/bin/sh
# Run the tests that are not slow on every supported interpreter that is found, on PATH or under pyenv, but for the one
# of the environment that is given, whose turn is over. Each has an environment of its own.
set -eu
tested=$("$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
for version in $(sed -n 's/.*"Programming Language :: Python :: \(3\.[0-9]*\)".*/\1/p' pyproject.toml); do
    [ "$version" != "$tested" ] || continue
    python=$(command -v "python$version" || true)
    if [ -z "$python" ] || ! "$python" -c "" 2>/dev/null; then
        python=$(ls "${PYENV_ROOT:-$HOME/.pyenv}/versions/$version".*/bin/python 2>/dev/null | tail -n 1 || true)
    fi
    if [ -z "$python" ]; then
        echo "python$version: not found, skipped"
        continue
    fi
    venv=".venv-$version"
    if [ ! "$venv/ready" -nt pyproject.toml ]; then
        echo "python$version: setting up $venv ..."
        "$python" -m venv --without-pip "$venv"
        "$1" -m pip --python "$venv/bin/python" install --editable . --group test
        touch "$venv/ready"
    fi
    echo "python$version:"
    "$venv/bin/python" -m pytest -q -n 2 -m "not slow"
done
