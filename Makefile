# `make` alone prints what there is. Every target does its own set-up; a second run of it costs nothing.
.DEFAULT_GOAL := help
.PHONY: help setup run check test bench crds clean

# What to load and how: make run RULES=my_rules.yaml ARGS="--json --duration 60"
RULES ?= rules/default
ARGS ?=
# Tests run in parallel where they may; the kernel's own tests take turns by themselves (see tests/conftest.py).
JOBS ?= $(shell nproc)

help: ## print this
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## make .venv with everything (the other targets do it themselves)
	@scripts/setup

run: ## watch this machine with the default rules (root); stop with Ctrl-C
	@scripts/setup run
	@exec .venv/bin/falcon-sensor run -r $(RULES) $(ARGS)

check: setup ## lint, format, types, layers
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy
	@.venv/bin/lint-imports --no-cache

test: setup ## everything that can be tested on this machine
	@.venv/bin/pytest -n $(JOBS) --dist loadgroup $(ARGS)

crds: setup ## write crds/ and the chart's copy anew, after a change of the models
	@.venv/bin/falcon-operator crds -o crds -o charts/falcon/crds

clean: ## remove .venv and caches
	@rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
