# Two commands do everything: `make bench` and `make test`. Neither needs anything but Python 3.11 and make.

# The first Python that is new enough; `make PYTHON=...` names another.
PYTHON ?= $(shell for each in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$each -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$each && break; done)
VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install -qq --disable-pip-version-check -c requirements.lock
# MicroPython's types, a folder a port: they would hide CPython's if they lay in the virtual environment.
TYPINGS := build/typings
PORTS := rp2-rpi_pico_w esp32

.PHONY: bench setup test check soak dev lock clean

bench: setup
	@$(BIN)/floorsense bench $(ARGS)

setup: $(VENV)/.runtime
	@$(BIN)/floorsense setup --quiet

# Three at once, also on two cores: a quarter of what the tests do is wait.
test: check
	@$(BIN)/python .ci/postgresql
	@$(BIN)/python .ci/narrow
	@echo "running the tests ..."
	@$(BIN)/python -m pytest -n 3 --dist loadfile $(ARGS)

# What takes longer than a CI has time for.
soak: dev
	@$(BIN)/python -m pytest -s -o python_files='soak_*.py' -o timeout=3600 tests/soak $(ARGS)

check: dev $(PORTS:%=$(TYPINGS)/%/.done) $(TYPINGS)/circuitpython/.done
	@echo "checking style and types ..."
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy --no-error-summary
	@for port in $(PORTS); do \
		MYPYPATH=firmware:$(TYPINGS)/$$port $(BIN)/mypy --no-error-summary --config-file firmware/mypy.ini \
			--custom-typeshed-dir $(TYPINGS)/$$port --cache-dir .mypy_cache/$$port || exit 1; \
	done

dev: $(VENV)/.dev
	@$(BIN)/floorsense setup --quiet

$(VENV)/.python:
	@$(or $(PYTHON),false) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
		{ echo "floorsense needs Python 3.11 or later, and $(or $(PYTHON),python3) is none: install it, or make PYTHON=..."; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "$(PYTHON) cannot make a virtual environment; on Debian: apt-get install python3-venv"; exit 1; }
	@$(PYTHON) -m venv --clear $(VENV)
	@touch $@

$(VENV)/.runtime: pyproject.toml requirements.lock | $(VENV)/.python
	@echo "installing floorsense into $(VENV) ..."
	@$(INSTALL) -e . || { echo "pip could not install floorsense (see above): is there a network?"; exit 1; }
	@touch $@

$(VENV)/.dev: pyproject.toml requirements.lock | $(VENV)/.python
	@echo "installing floorsense and what its tests need into $(VENV) ..."
	@$(INSTALL) -e '.[dev]' || { echo "pip could not install floorsense (see above): is there a network?"; exit 1; }
	@touch $(VENV)/.runtime $@

$(TYPINGS)/circuitpython/.done: requirements.lock | $(VENV)/.dev
	@rm -rf $(@D)
	@$(INSTALL) --no-deps --target $(@D) circuitpython-stubs
	@touch $@

$(TYPINGS)/%/.done: requirements.lock | $(VENV)/.dev
	@rm -rf $(@D)
	@$(INSTALL) --target $(@D) micropython-$*-stubs
	@touch $@

# What is made from other files and kept: the pinned versions, and the list that `mip install` reads.
lock: dev
	@$(BIN)/python .ci/lock
	@$(BIN)/python .ci/package

clean:
	rm -rf build $(VENV) *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
