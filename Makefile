# Two commands do everything: `make bench` and `make test`.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: setup bench test check clean dev

bench: setup
	@$(BIN)/floorsense bench $(ARGS)

setup: $(VENV)/.runtime
	@$(BIN)/floorsense setup --quiet

test: dev check
	@$(BIN)/python -m pytest -n 2 --dist loadfile $(ARGS)

check: dev
	@$(BIN)/ruff check . && $(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy host/floorsense

dev: $(VENV)/.dev
	@$(BIN)/floorsense setup --quiet

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit("floorsense needs Python 3.11 or later; this is %d.%d. Say which: make PYTHON=python3.12" % sys.version_info[:2] if sys.version_info < (3, 11) else 0)'
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "no virtual environment: on Debian, apt-get install python3-venv"; exit 1; }

$(VENV)/.runtime: pyproject.toml requirements.lock | $(VENV)/bin/python
	@echo "installing floorsense into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c requirements.lock -e .
	@touch $@

$(VENV)/.dev: pyproject.toml requirements.lock | $(VENV)/bin/python
	@echo "installing floorsense and its test tools into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c requirements.lock -e '.[dev]'
	@touch $@ $(VENV)/.runtime

clean:
	rm -rf build $(VENV) floorsense.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
