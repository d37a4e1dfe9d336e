# The tasks of a checkout; `make help` lists them. Everything is installed into .venv (and the
# deployment tool, whose dependencies clash with ours, into .venv-sam); nothing is global.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help setup python313-bin demo test chaos bench-engine bench-extract bench-worker bench-cold bench-dispatch bench-fleet bench-local bench-polite bench-seen bench-values check fix lock build deploy dist e2e clean

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

python313-bin:
	@echo "$(PYTHON313_BIN)"

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
	@echo "In this clone, the command scatterfetch is $(BIN)/scatterfetch."

test: .venv/installed ## run the tests, on all processors
	@# Else each of the many processes compiles anew what has changed, the tests themselves first.
	@env -u PYTHONDONTWRITEBYTECODE $(BIN)/pytest --numprocesses auto --dist worksteal

RUNS ?= 1
chaos: .venv/installed ## crashes, faults and duplicates, at length (RUNS=50 SEED=1 SCENARIO=name JOBS=4)
	@nice $(BIN)/python -m tests.chaos --runs $(RUNS) $(if $(JOBS),--jobs $(JOBS)) $(if $(SEED),--seed $(SEED)) $(if $(SCENARIO),--only $(SCENARIO))

bench-engine: .venv/installed ## CPU of the engine against a bare aiohttp loop (BENCH_ARGS="--json FILE")
	@$(BIN)/python -m bench.engine $(BENCH_ARGS)

bench-extract: .venv/installed ## CPU of declared extraction against selectolax by hand
	@$(BIN)/python -m bench.extract $(BENCH_ARGS)

bench-worker: .venv/installed ## CPU and memory of a worker against Scrapy, Crawlee and others (the same)
	@$(BIN)/python -m bench.worker $(BENCH_ARGS)

bench-cold: ## what a cold start of the built functions takes (the same)
	@$(MAKE) --no-print-directory build ARCH=$(patsubst aarch64,arm64,$(shell uname -m))
	@$(BIN)/python -m bench.cold --python "$(PYTHON313_BIN)/python3.13" $(BENCH_ARGS)

bench-dispatch: .venv/installed ## dispatching a list against Celery and Redis (BENCH_ARGS="--json FILE")
	@$(BIN)/python -m bench.dispatch $(BENCH_ARGS)

bench-fleet: .venv/installed ## a fleet of workers, simulated: time, dollars, politeness (BENCH_ARGS="--whole": all of it)
	@$(BIN)/python -m bench.fleet $(BENCH_ARGS)

bench-local: .venv/installed ## `scatterfetch run` against its workers alone (the same)
	@$(BIN)/python -m bench.local $(BENCH_ARGS)

bench-polite: .venv/installed ## `scatterfetch run`, Scrapy and Crawlee, all polite: clock, CPU, pauses (BENCH_ARGS="--runs 3")
	@$(BIN)/python -m bench.polite $(BENCH_ARGS)

bench-seen: .venv/installed ## what it costs to know which pages of a crawl are taken, at 100 million
	@$(BIN)/python -m bench.seen $(BENCH_ARGS)

bench-values: .venv/installed ## values and texts of real pages against what is known (CORPUS=FOLDER)
	@$(BIN)/python -m bench.values $(CORPUS) $(BENCH_ARGS)

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

LOCKED := requirements/dev.txt requirements/sam.txt requirements/peers.txt requirements/uv.txt shared/requirements.txt \
	functions/dispatcher/requirements.txt functions/worker/requirements.txt
LOCKS := .
COMPILE = $(UV) pip compile --quiet --universal --generate-hashes --no-header --no-annotate
lock: .venv/installed ## compile the requirements anew from pyproject.toml (UPGRADE=1: newest versions)
	@[ -z "$(UPGRADE)" ] || rm -f $(LOCKED)
	@for f in $(LOCKED); do [ "$(LOCKS)" = . ] || install -D -m 644 $$f $(LOCKS)/$$f; done
	@for g in uv sam peers dev; do \
	  $(COMPILE) --python-version 3.11 --group $$g -o $(LOCKS)/requirements/$$g.txt || exit; done
	@# the same versions in Lambda as in the tests
	@for g in layer:shared dispatcher:functions/dispatcher worker:functions/worker; do \
	  $(COMPILE) --python-version 3.13 --group $${g%%:*} -c requirements/dev.txt \
	    -o $(LOCKS)/$${g#*:}/requirements.txt || exit; done

# Processor of the functions: arm64 or x86_64.
ARCH ?= arm64
DEPLOY_ARGS ?=
SCATTERFETCH = PATH="$(CURDIR)/.venv-sam/bin:$(addsuffix :,$(PYTHON313_BIN))$$PATH" SAM_CLI_TELEMETRY=0 $(BIN)/scatterfetch
build: .venv/installed ## build the functions and the layer (ARCH=x86_64: not for Graviton)
	@$(SCATTERFETCH) deploy --build-only --arch $(ARCH)

deploy: .venv/installed .venv-sam/installed ## deploy to AWS (STACK=name, DEPLOY_ARGS="Name=Value ...")
	@$(SCATTERFETCH) deploy --stack $(STACK) --arch $(ARCH) $(DEPLOY_ARGS)

E2E_STACK := scatterfetch-e2e
E2E_ARCH := $(patsubst aarch64,arm64,$(shell uname -m))
e2e: .venv/installed .venv-sam/installed ## build, deploy to the LocalStack at AWS_ENDPOINT_URL, test there
	@[ -n "$$AWS_ENDPOINT_URL" ] || { echo "make e2e needs AWS_ENDPOINT_URL, the address of a LocalStack"; exit 1; }
	@$(SCATTERFETCH) deploy --yes --stack $(E2E_STACK) --arch $(E2E_ARCH) AllowPrivateNetworks=true \
	  "Schedule=rate(1 minute)" ScheduledList=scheduled/urls.txt \
	  "UserAgent=scatterfetch-e2e/1.0 (+https://scatterfetch.example/bot)"
	@# One stack for all of them, in their order: a job that was cancelled stays cancelled.
	SCATTERFETCH_STACK=$(E2E_STACK) $(BIN)/pytest -p no:randomly -m e2e tests/e2e
	SAM_CLI_TELEMETRY=0 $(SAM) delete --stack-name $(E2E_STACK) --no-prompts

dist: .venv/installed ## build the wheel and the source distribution into dist/
	@rm -rf dist
	@$(BIN)/python -m hatchling build

clean: ## delete what the other tasks have made, the environments too
	rm -rf .venv .venv-sam .aws-sam dist .coverage .mypy_cache .pytest_cache .ruff_cache .hypothesis demo-out
