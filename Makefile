# Every target installs what it needs by itself; `make` alone lists them.

PYTHON ?= python3
NAME ?=
SEEDS ?= 20
EXAMPLES ?= 100
ARGS ?=

python := .venv/bin/python
installed := @$(PYTHON) -m deploy.setup

.DEFAULT_GOAL := help
.PHONY: help setup run serve test test-matrix check format generated pytest fuzz-api smoke manage reconcile replay policy-report audit-verify bench chaos

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## Install whatever is missing: packages, models, pages, a browser for the tests
	$(installed)

run: ## Start the whole product on this machine, with its databases and the sandbox
	$(installed) python frontend
	@exec $(python) -m config.embedded.stack

serve: ## Start the product against the services that the environment names
	$(installed) python frontend
	@exec $(python) -m config.embedded.serve

test: setup check ## Run every check and every test, real-browser ones included
	@$(PYTHON) -m deploy.npm run --silent test
	@$(python) -m pytest -m "not alone and not paced" --numprocesses 2 --dist worksteal
	@$(python) -m pytest -m paced --numprocesses 3 --dist loadfile --no-loadscope-reorder
	@$(python) -m pytest -m alone

check: ## Run the linters, types, import contracts and everything that is generated
	$(installed) python frontend
	@$(python) -m ruff check --quiet .
	@$(python) -m ruff format --quiet --check .
	@$(python) -m mypy --no-error-summary . & types=$$!; \
	{ .venv/bin/lint-imports --no-logo > .cache/imports.log || { cat .cache/imports.log; false; }; } && \
	$(python) -m pytest -q --no-header tests/stack/test_migrations.py && \
	$(python) -m deploy.generated && \
	$(PYTHON) -m deploy.npm run --silent check; \
	rest=$$?; wait $$types && exit $$rest

format: ## Rewrite the sources as the linters want them
	$(installed) python
	@$(python) -m ruff check --quiet --fix . ; $(python) -m ruff format --quiet .

generated: ## Write what is made from the code: the API's description and its TypeScript types
	$(installed) python frontend
	@$(python) -m deploy.generated --write

pytest: ## Run some of the tests: make pytest ARGS="tests/ledger -x"
	$(installed)
	@$(python) -m pytest $(ARGS)

test-matrix: ## Run every route x role x workspace alone
	$(installed) python
	@$(python) -m pytest tests/matrix $(ARGS)

fuzz-api: ## Ask every route what nobody thought of, for longer than the tests do: make fuzz-api EXAMPLES=200
	$(installed) python
	@FUZZ_EXAMPLES="$(EXAMPLES)" $(python) -m pytest tests/matrix/test_described.py $(ARGS)

smoke: ## Drive the whole journey without a browser against a stack of its own
	$(installed) python frontend
	@exec $(python) -m tests.smoke

manage: ## Run a management command where the product runs: make manage ARGS="rate_card"
	$(installed) python
	@exec $(python) -m config.embedded.manage $(ARGS)

reconcile: ## Check every invariant of the books; fails and names the first offending row of each that is broken
	$(installed) python
	@exec $(python) -m config.embedded.manage reconcile

replay: ## Rebuild every call and charge from the stored callbacks; fails and names the first row that is held otherwise
	$(installed) python
	@exec $(python) -m config.embedded.manage replay

policy-report: ## Print which tests prove each clause of the policy, and how they ended last
	$(installed) python
	@$(python) -m tests.policy_report

audit-verify: ## Check every link of the audit log; fails at the first that was changed, removed, moved or cut off
	$(installed) python
	@exec $(python) -m config.embedded.manage audit_verify

bench: ## Run one benchmark: make bench NAME=...
	$(installed) python frontend
	@exec $(python) -m bench "$(NAME)" $(ARGS)

chaos: ## Kill processes at random during calls and compare the books: make chaos NAME=ledger SEEDS=20
	$(installed) python frontend
	@exec $(python) -m tests.chaos "$(NAME)" --seeds "$(SEEDS)" $(ARGS)
