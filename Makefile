# Needs python3 (3.11 or newer), its venv module and make; everything else goes into .venv.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
RUNTIME := .venv/.runtime-installed
DEV := .venv/.dev-installed
# Bytecode is left to the first import, and every process would compile all of it again where nothing may be kept.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: install demo test lint bench soak gallery clean
.DEFAULT_GOAL := install

install: $(RUNTIME)

demo: $(RUNTIME)
	$(BIN)/largebatch run quickstart

test: $(DEV)
	$(BIN)/python -m pytest -n 2 --dist loadfile

lint: $(DEV)
	$(BIN)/ruff check .
	$(BIN)/mypy

bench: $(DEV)
	$(BIN)/python -m tests.benchmarks $(if $(ONLY),--only $(ONLY)) $(if $(QUICK),--quick)

# A sweep of 500 runs whose workers and driver are killed at random for several minutes.
soak: $(DEV)
	$(BIN)/python -m tests.soak $(if $(MINUTES),--minutes $(MINUTES))

gallery: $(RUNTIME)
	$(BIN)/python -m experiments.gallery $(ONLY)

clean:
	rm -rf .venv .cache .pytest_cache .ruff_cache .mypy_cache .hypothesis build dist *.egg-info

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "largebatch needs Python 3.11 or newer; this is $$($(PYTHON) --version 2>&1). Try: make PYTHON=python3.11" >&2; exit 1; }
	$(PYTHON) -m venv .venv

# Without bytecode: compiling all of it here took half of the installation, and the first import keeps what it needs.
$(RUNTIME): requirements.lock pyproject.toml | $(BIN)/python
	@echo "installing into .venv, about a minute"
	$(PIP) install --no-compile -r requirements.lock
	$(PIP) install --no-deps -e .
	@touch $@

$(DEV): requirements-dev.lock $(RUNTIME)
	$(PIP) install --no-compile -r requirements.lock -r requirements-dev.lock
	@touch $@
