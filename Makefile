# The tasks of a checkout; `make help` lists them. Everything is installed into .venv (and the
# deployment tool, whose dependencies clash with ours, into .venv-sam); nothing is global.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help setup demo test check fix lock build deploy e2e clean

PYTHON ?= python3
BIN := .venv/bin
UV := $(BIN)/uv
SAM := .venv-sam/bin/sam
STACK ?= scatterfetch
# Lambda's Python, which `sam build` needs: on PATH, or else pyenv's. A pyenv shim for a version
# that is not active is on PATH and does not run, hence the trial.
PYTHON313_BIN = $(shell p=$$(python3.13 -c 'import sys; print(sys.base_prefix)' 2>/dev/null) \
	|| p=$$(pyenv prefix 3.13 2>/dev/null) && echo $$p/bin)

help: ## this list
	@grep -E '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: .venv/installed ## install what the other tasks need (they do it themselves)

.venv/installed: requirements/uv.txt requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if v >= (3, 11) else f"scatterfetch needs Python 3.11 or newer, and $(PYTHON) is {v[0]}.{v[1]}; name another one: make PYTHON=python3.13 ...")'
	@echo "Installing into .venv ..."
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --require-hashes -r requirements/uv.txt
	@$(UV) pip sync --quiet --require-hashes --compile-bytecode --python $(BIN)/python requirements/uv.txt requirements/dev.txt
	@$(UV) pip install --quiet --no-deps --no-build-isolation --python $(BIN)/python --editable .
	@touch $@

.venv-sam/installed: requirements/sam.txt .venv/installed
	@echo "Installing the SAM CLI into .venv-sam ..."
	@$(UV) venv --quiet --allow-existing --python $(PYTHON) .venv-sam
	@$(UV) pip sync --quiet --require-hashes --compile-bytecode --python .venv-sam/bin/python requirements/sam.txt
	@touch $@

demo: .venv/installed ## scrape the bundled bookshops on this machine
	@$(BIN)/scatterfetch demo

test: .venv/installed ## run the tests
	@$(BIN)/pytest

check: .venv/installed .venv-sam/installed ## lint, types, stale requirements, template
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	@$(MAKE) --no-print-directory lock LOCKS=.venv/locks
	@for f in $(LOCKED); do cmp $$f .venv/locks/$$f || { echo "$$f is stale: run make lock"; exit 1; }; done
	$(BIN)/cfn-lint template.yaml
	AWS_DEFAULT_REGION=us-east-1 SAM_CLI_TELEMETRY=0 $(SAM) validate --lint

fix: .venv/installed ## mend what lint can mend
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

LOCKED := requirements/dev.txt requirements/sam.txt requirements/uv.txt shared/requirements.txt \
	functions/dispatcher/requirements.txt functions/worker/requirements.txt
LOCKS := .
COMPILE = $(UV) pip compile --quiet --universal --generate-hashes --no-header --python-version 3.11 \
	--output-file $(LOCKS)/$@ --group
lock: .venv/installed ## compile the requirements anew from pyproject.toml (UPGRADE=1: newest versions)
	@[ -z "$(UPGRADE)" ] || rm -f $(LOCKED)
	@if [ "$(LOCKS)" != . ]; then for f in $(LOCKED); do install -D $$f $(LOCKS)/$$f; done; fi
	@$(UV) pip compile -q --universal --generate-hashes --no-header --no-annotate --python-version 3.11 --group uv -o $(LOCKS)/requirements/uv.txt
	@$(UV) pip compile -q --universal --generate-hashes --no-header --no-annotate --python-version 3.11 --group sam -o $(LOCKS)/requirements/sam.txt
	@$(UV) pip compile -q --universal --generate-hashes --no-header --no-annotate --python-version 3.11 --group dev -o $(LOCKS)/requirements/dev.txt
	@# the same versions in Lambda as in the tests
	@$(UV) pip compile -q --universal --generate-hashes --no-header --no-annotate --python-version 3.13 --group layer -c requirements/dev.txt -o $(LOCKS)/shared/requirements.txt
	@for f in dispatcher worker; do \
	  $(UV) pip compile -q --universal --generate-hashes --no-header --no-annotate --python-version 3.13 --group $$f -c requirements/dev.txt -o $(LOCKS)/functions/$$f/requirements.txt; done
