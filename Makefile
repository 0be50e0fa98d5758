# `make` lists what there is to do. PYTHON=... names another interpreter, ARGS=... adds words to a command.
PYTHON ?= python
ARGS ?=
# Tools that stand beside the interpreter, whether or not its folder is on the PATH.
BIN := $(dir $(shell command -v $(PYTHON)))

.DEFAULT_GOAL := help
.PHONY: help install hooks test test-landing test-slow lint format types imports architecture compat pythons docs bench ci

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: ## install rlexp from here, with what the tests need, in the versions they pass with
	$(PYTHON) -m pip install -c constraints.txt -e '.[test]' $(ARGS)

hooks: ## check each commit before it is made (needs: pip install pre-commit)
	$(BIN)pre-commit install $(ARGS)

test: ## the quick tests, minutes; ARGS='tests/config -k range' for some of them
	$(PYTHON) -m pytest $(ARGS)

test-landing: ## the slow tests that nothing lands without, minutes
	$(PYTHON) -m pytest -m landing $(ARGS)

test-slow: ## all slow tests, three quarters of an hour on two cores; RLEXP_SLOW_SHARE=2/6 takes the second sixth
	$(PYTHON) -m pytest -m slow $(ARGS)

lint: ## style and common mistakes, by ruff
	$(PYTHON) -m ruff check . $(ARGS)
	$(PYTHON) -m ruff format --check .

format: ## let ruff repair what it can, and lay out all files
	$(PYTHON) -m ruff check --fix . $(ARGS)
	$(PYTHON) -m ruff format .

types: ## type annotations, by mypy
	$(PYTHON) -m mypy $(ARGS)

imports: ## the import contract: no floor imports from one above it
	$(BIN)lint-imports $(ARGS)

architecture: ## rooms, files, lines and circles, counted; draws docs/architecture.svg anew
	$(PYTHON) tools/architecture.py --svg docs/architecture.svg $(ARGS)

compat: ## what leans on what other libraries do not promise, and whether it still holds
	$(PYTHON) -m rlexp.compat $(ARGS)

pythons: ## install and test with the oldest and the newest Python promised; ARGS=3.12 for one
	.ci/pythons $(ARGS)

docs: ## the commands and the Python of README and docs/ do what the pages say
	$(PYTHON) -m pytest tests/cli/test_documented_commands.py $(ARGS)

bench: ## speed against stock RLlib on one scenario; ARGS="--scenarios 'ppo-*'" for others
	$(PYTHON) benchmarks/throughput.py $(or $(ARGS),--scenarios ppo-cartpole --contenders rlexp$(comma)stock --repetitions 3) --json $(or $(TMPDIR),/tmp)/rlexp_bench.json

ci: ## all that CI does, in a fresh virtual environment, 25 minutes
	.ci/run

comma := ,
