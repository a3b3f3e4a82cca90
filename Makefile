# Everything sets itself up: the first run makes .venv and installs what is needed, later runs work offline.

PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11 python; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
VENV := .venv
RUN := $(VENV)/bin/python
READY := $(VENV)/ready
BENCH_READY := .venv-bench/ready
NEEDED := Python 3.11 or newer is needed: install it, or name it with make PYTHON=...

.PHONY: demo test test-all test-wheel lint format bench clean

demo: $(READY)  ## run the example service's suite: hours of outage in milliseconds
	$(RUN) -m pytest --resilience examples

test: $(READY)  ## run all tests, in random order, on both cores
	$(RUN) -m pytest -q -n 2

test-all:  ## run all tests on every supported interpreter that is found
	@$(SHELL) tools/test-all.sh

test-wheel: $(READY)  ## run all tests against the built wheel, without the checkout's packages
	@$(SHELL) tools/test-wheel.sh $(RUN)

lint: $(READY)  ## run the linters and the type checkers
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy
	$(RUN) -m mypy tests/typing/*.py
	$(VENV)/bin/basedpyright --level error tests/typing/*.py
	$(VENV)/bin/pyrefly check tests/typing/*.py

format: $(READY)
	$(RUN) -m ruff format .
	$(RUN) -m ruff check --fix .

bench: $(BENCH_READY)  ## measure everything against its peers, as ratios in one run
	.venv-bench/bin/python -m benchmarks

$(BENCH_READY): pyproject.toml
	@test -n "$(PYTHON)" || { echo "$(NEEDED)" >&2; exit 1; }
	$(PYTHON) -m venv .venv-bench
	.venv-bench/bin/python -m pip install --quiet --upgrade pip
	.venv-bench/bin/python -m pip install --quiet --editable . --group bench
	@touch $@

$(READY): pyproject.toml
	@test -n "$(PYTHON)" || { echo "$(NEEDED)" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(RUN) -m pip install --quiet --upgrade pip
	$(RUN) -m pip install --quiet --editable . --group dev
	@touch $@

clean:
	rm -rf $(VENV) .venv-* build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
