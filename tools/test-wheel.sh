#!/bin/sh
# Build the wheel, install it in an environment of its own, and run the tests from a folder that has no packages of ours.
set -eu
python=$1
rm -rf build/wheel build/away .venv-wheel
"$python" -m pip wheel --quiet --no-deps --wheel-dir build/wheel .
"$python" -m venv .venv-wheel
.venv-wheel/bin/python -m pip install --quiet --upgrade pip
.venv-wheel/bin/python -m pip install --quiet --group test "$(ls build/wheel/*.whl)"
mkdir -p build/away
cp -R tests examples benchmarks docs README.md CHANGELOG.md CONTRIBUTING.md LICENSE Makefile pyproject.toml build/away/
wheel_python=$(pwd)/.venv-wheel/bin/python
cd build/away
"$wheel_python" -c 'import resilience, sys; sys.exit("site-packages" not in resilience.__file__)'
"$wheel_python" -m pytest -q -n 2
