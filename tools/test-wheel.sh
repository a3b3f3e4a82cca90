#!/bin/sh
# Build the wheel and try it without the checkout: it has every file of both packages, each of its modules can be
# imported, and the plugin, what the README shows and the examples work. How the code behaves, `make test` has shown.
set -eu
python=$1
rm -rf build/wheel build/away .venv-wheel
echo "Building the wheel ..."
"$python" -m pip wheel --quiet --no-deps --wheel-dir build/wheel .
"$python" -m venv --without-pip .venv-wheel
"$python" -m pip --python .venv-wheel/bin/python install --quiet --no-deps build/wheel/*.whl
# All but the package itself is taken from the other environment: a plain line in a .pth adds no further .pth files.
packages='import sysconfig; print(sysconfig.get_path("purelib"))'
installed=$(.venv-wheel/bin/python -c "$packages")
"$python" -c "$packages" >"$installed/dependencies.pth"
mkdir -p build/away
files() { (cd "$1" && find resilience pytest_resilience -type f ! -name '*.pyc' | sort); }
files . >build/away/files
files "$installed" | diff build/away/files -
cp -R tests examples benchmarks docs README.md CHANGELOG.md CONTRIBUTING.md LICENSE Makefile pyproject.toml build/away/
wheel_python=$(pwd)/.venv-wheel/bin/python
cd build/away
"$wheel_python" -c 'import resilience, sys; sys.exit(".venv-wheel" not in resilience.__file__)'
"$wheel_python" -m pytest -q -n 2 -m "not slow" \
    examples tests/test_architecture.py tests/test_imports.py tests/test_readme.py tests/pytest_resilience/plugin/test_plugin.py
