# logplatform: every command sets up what it needs in .venv first, asks nothing, and may be repeated.
.DEFAULT_GOAL := help
SHELL := /bin/bash
BIN := .venv/bin
# The browser tests find Chromium on PATH, also when it was unpacked here.
export PATH := $(CURDIR)/.servers/bin:$(PATH)

DEMO_CONFIG := data/demo/logplatform.yaml
# `make up` shows the demonstration where no settings of one's own are there yet.
UP_CONFIG = $(if $(wildcard logplatform.yaml),,$(if $(LOGPLATFORM_CONFIG),,$(if $(wildcard $(DEMO_CONFIG)),--config $(DEMO_CONFIG),)))
# Arguments for the command behind a target: make demo ARGS='--size medium'
ARGS ?=

.PHONY: help demo up servers servers-stop test endtoend faults lint format bench lock clean

help: ## show these targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 20

demo: .venv/run.stamp ## set up, run everything on generated sample data, print what came out
	@$(BIN)/logplatform demo $(ARGS)

up: .venv/run.stamp ## start Dagster: webserver, daemon, sensors (Ctrl-C ends all)
	@$(BIN)/logplatform $(UP_CONFIG) up $(ARGS)

servers: .venv/dev.stamp ## start real servers for tests, print their addresses: make servers ARGS='postgres redis'
	@$(BIN)/python -m logplatform_tests.servers start $(ARGS)

servers-stop: .venv/dev.stamp ## stop what `make servers` started
	@$(BIN)/python -m logplatform_tests.servers stop $(ARGS)

test: .venv/dev.stamp ## set up and run all tests
	@.ci/browser
	@# What cannot be had is told here; the tests that need it are skipped, or fail where CI=true.
	@$(BIN)/python -m logplatform_tests.servers get || true
	@# One more than there are processors, for much of the time is waiting.
	@$(BIN)/python -m pytest -n $$(($$(getconf _NPROCESSORS_ONLN) < 4 ? $$(getconf _NPROCESSORS_ONLN) + 1 : 4)) \
		--dist loadfile --no-loadscope-reorder -m 'not faults' $(ARGS)

endtoend: .venv/dev.stamp ## all domains on all servers beside the embedded run, every count of both: make endtoend ARGS='--size medium'
	@$(BIN)/python -m logplatform_tests.endtoend $(ARGS)

faults: .venv/dev.stamp ## the full counts of kill and fault tests
	@$(BIN)/python -m pytest -m faults -s $(ARGS)

lint: .venv/dev.stamp ## format, lint, types and architecture contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/ty check
	$(BIN)/lint-imports

format: .venv/dev.stamp ## format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: .venv/dev.stamp ## side-by-side benchmarks that print ratios: make bench ARGS='--size small'
	@$(BIN)/python -m benchmarks $(ARGS)

lock: .venv/dev.stamp ## resolve the dependencies anew and write the lock files
	@.ci/lock

clean: ## remove what the targets made (.venv, caches); data stays
	@if [ -d .servers/run/standing ]; then $(BIN)/python -m logplatform_tests.servers stop; fi
	rm -rf .venv .servers .pytest_cache .ruff_cache .hypothesis .import_linter_cache build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/run.stamp: requirements.lock pyproject.toml .ci/setup
	@.ci/setup run
	@touch $@

.venv/dev.stamp: requirements-dev.lock requirements.lock pyproject.toml .ci/setup
	@.ci/setup dev
	@touch $@ .venv/run.stamp
