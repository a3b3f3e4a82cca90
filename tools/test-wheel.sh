#!/bin/sh
# Build the wheel, install it in an environment of its own, and run the tests that are not slow from a folder that has no packages of ours.
set -eu
python=$1
rm -rf build/wheel build/away .venv-wheel
echo "Building the wheel ..."
"$python" -m pip wheel --quiet --no-deps --wheel-dir build/wheel .
echo "Setting up .venv-wheel ..."
"$python" -m venv .venv-wheel
.venv-wheel/bin/python -m pip install --quiet --disable-pip-version-check --upgrade pip
.venv-wheel/bin/python -m pip install --group test "$(ls build/wheel/*.whl)"
mkdir -p build/away
cp -R tests examples benchmarks docs README.md CHANGELOG.md CONTRIBUTING.md LICENSE Makefile pyproject.toml build/away/
wheel_python=$(pwd)/.venv-wheel/bin/python
cd build/away
"$wheel_python" -c 'import resilience, sys; sys.exit("site-packages" not in resilience.__file__)'
"$wheel_python" -m pytest -q -n 2 -m "not slow"
