# Everything sets itself up: the first run makes .venv and installs what is needed, later runs work offline.

PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11 python; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
VENV := .venv
RUN := $(VENV)/bin/python
DEMO_READY := $(VENV)/demo-ready
READY := $(VENV)/ready
BENCH_READY := .venv-bench/ready
NEEDED := Python 3.11 or newer is needed: install it, or name it with make PYTHON=...

# $(call set_up,FOLDER,GROUP): install the package and a group of dependencies. Each line of pip is shown as it comes.
define set_up
	@test -n "$(PYTHON)" || { echo "$(NEEDED)" >&2; exit 1; }
	@echo "Setting up $(1) with $$($(PYTHON) --version), which is done once: creating it ..."
	@$(PYTHON) -m venv $(1)
	@echo "Setting up $(1): updating pip ..."
	@$(1)/bin/python -m pip install --quiet --disable-pip-version-check --upgrade pip
	@echo "Setting up $(1): installing the package and its group of dependencies \"$(2)\" ..."
	@$(1)/bin/python -m pip install --editable . --group $(2)
	@touch $@
endef

.PHONY: demo test test-all test-wheel lint format bench clean

demo: $(DEMO_READY)  ## run the example service's suite: hours of outage in milliseconds
	$(RUN) -m pytest --resilience examples

test: $(READY)  ## run all tests, in random order, on both cores
	$(RUN) -m pytest -q -n 2

test-all: test  ## run all tests, then those that are not slow on every other supported interpreter that is found
	@$(SHELL) tools/test-all.sh $(RUN)

test-wheel: $(READY)  ## try the built wheel, without the checkout's packages: whether all is in it, and works from there
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
	$(call set_up,.venv-bench,bench)

$(DEMO_READY): pyproject.toml
	$(call set_up,$(VENV),demo)

$(READY): pyproject.toml
	$(call set_up,$(VENV),dev)
	@touch $(DEMO_READY)

clean:
	rm -rf $(VENV) .venv-* build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
