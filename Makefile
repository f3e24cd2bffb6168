# `make` alone prints what there is. Every target does its own set-up; a second run of it costs nothing.
.DEFAULT_GOAL := help
.PHONY: help setup run check test test-kernels e2e bench soak bench-cluster bench-hub crds chart image lock clean

# What to load and how: make run RULES=my_rules.yaml ARGS="--json --duration 60"
RULES ?= rules/default
ARGS ?=
# Tests run in parallel where they may; the kernel's own tests take turns by themselves (see tests/conftest.py).
JOBS ?= $(shell nproc)

help: ## print this
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## make .venv with everything (the other targets do it themselves)
	@scripts/setup

run: ## watch this machine with the default rules (root), alerts on a page too (HUB=0: without, HUB=hub.yaml: your settings); stop with Ctrl-C
	@exec scripts/run -r $(RULES) $(ARGS)

check: setup ## lint, format, types, layers
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy
	@.venv/bin/lint-imports --no-cache

# The cluster's sensors watch the same kernel as the kernel's tests load programs into: one after the other.
test: setup ## everything that can be tested here; with a cluster (see e2e) too if FALCON_E2E_KUBECONFIG is set
	@.venv/bin/pytest -n $(JOBS) --dist loadgroup -m "not cluster" $(ARGS)
	@[ -z "$$FALCON_E2E_KUBECONFIG" ] || .venv/bin/pytest tests/e2e/cluster

test-kernels: setup ## the kernel's tests in virtual machines with Debian's kernels (needs qemu-system-x86_64; long)
	@.venv/bin/python -m tests.kernel.vm $(ARGS)

e2e: setup ## build the images, install the chart into a real cluster, test it there (tests/e2e/cluster/README.md)
	@.venv/bin/pytest tests/e2e/cluster $(ARGS)

bench: setup ## measure what the sensor costs this machine (root; ARGS=--help tells more; FALCO=program: beside falco)
	@.venv/bin/python -m tests.bench $(ARGS)

soak: setup ## a hundred exchanges of the kernel's programs at a thousand alerts a second: none lost, none doubled (root)
	@SWAPS_OF_PROGRAMS=100 .venv/bin/pytest -q --durations=1 tests/sensor/app/test_swaps_under_load.py $(ARGS)

bench-cluster: setup ## measure in the same cluster: rule to loaded, act to Event, API requests, memory
	@.venv/bin/python -m tests.e2e.cluster.bench

bench-hub: setup ## measure the hub: 2,000 alerts a second for a minute, and questions to a million of them
	@.venv/bin/python -m tests.hub.bench $(ARGS)

crds: setup ## write crds/ and the chart's copy anew, after a change of the models
	@.venv/bin/falcon-operator crds -o crds
	@.venv/bin/falcon-operator crds -o charts/falcon/crds

chart: setup ## write what the chart has of the sources: default rules, settings in values.schema.json
	@scripts/chart

image: ## build the images: make image IMAGE=registry.example/falcon TAG=1 ARCHIVE=dist (scripts/image tells all)
	@scripts/image

lock: setup ## pin the images' Python packages anew after a change of pyproject.toml; ARGS=--upgrade: the newest
	@scripts/lock $(ARGS)

clean: ## remove .venv and caches
	@rm -rf hub/web/node_modules hub/falcon_hub/web/static .venv .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
