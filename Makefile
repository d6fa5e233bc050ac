# Two commands on a machine with Python >= 3.11, git and make:  make demo  and  make test.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
DEMO_ARGS ?=
TEST_ARGS ?=
BENCH ?=

.PHONY: help install demo test lint bench calibrate lab clean

help:  ## what can be made
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/'

install: $(INSTALLED)  ## install into .venv, every distribution checked against its hash

$(INSTALLED): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else "Python >= 3.11 is needed, found " + sys.version.split()[0])'
	@echo "installing into $(VENV) (once, some minutes) ..."
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

# The verdict of a smoke run is never PASSED, so 3 (undecided), 4 (the run broke) and 99 (something proven wrong) still
# leave a report: the demo is done once the report is written.
demo: install  ## run the smoke campaign against the embedded platform and write the report
	@$(BIN)/fireai run --profile smoke $(DEMO_ARGS) || case $$? in 3|4|99) ;; *) exit 1 ;; esac

# What needs nothing but processors runs on all of them, the tests that start real processes one after the other.
test: install  ## run the whole test suite (TEST_ARGS=tests/some.py: only that)
ifeq ($(strip $(TEST_ARGS)),)
	@code=0; set -x; \
	$(BIN)/python -m pytest -m "not real" -n logical --maxprocesses 8 --dist worksteal || code=1; \
	$(BIN)/python -m pytest -m real tests || code=1; \
	exit $$code
else
	$(BIN)/python -m pytest $(TEST_ARGS)
endif

lint: install  ## format, lint, types, spelling, notebooks without outputs
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/codespell
	$(BIN)/nbstripout --verify notebooks/*.ipynb

bench: install  ## measure what the project promises of itself, each figure beside the one to reach (BENCH=name, some take minutes)
	$(BIN)/python -m tests.bench $(BENCH)

calibrate: install  ## measure what the verdicts promise on simulated runs, and write tests/calibrate/results.md (takes a quarter of an hour)
	$(BIN)/python -m tests.calibrate

lab: install  ## open the notebooks in JupyterLab
	$(BIN)/jupyter lab notebooks

clean:  ## remove what was installed and built, keep runs/
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
