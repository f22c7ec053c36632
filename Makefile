# Everything a newcomer needs. `make help` prints itself.
.DEFAULT_GOAL := help
SHELL := /bin/sh

# any Python from 3.11 on that really runs (a version manager's shim may stand in the path without its version)
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && { echo $$p; break; }; done)
OTHER_PYTHON ?= $(shell for p in python3.13 "$$HOME"/.pyenv/versions/3.13*/bin/python3.13; do \
	$$p -c 'import sys; sys.exit(sys.version_info[:2] != (3, 13))' >/dev/null 2>&1 && { echo $$p; break; }; done)
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
OTHER := .venv-3.13
PIP_INSTALL := -m pip install --quiet --disable-pip-version-check
# what the package build makes of the browser libraries, and what it makes them from
VENDOR := src/kedai/web/dashboard/static/vendor
FRONTEND := $(addprefix frontend/,package.json package-lock.json basecoat.css build.mjs build.py) hatch_build.py
# images of containers often forbid to keep what was compiled: each of a thousand processes would compile Kedai anew
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help install demo test coverage check break-controls tokens chaos bench assets lock clean format docs messages screenshots test-other

help: ## Print this
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: $(STAMP) ## Make .venv with everything, pinned by hash

$(STAMP): requirements/dev.txt requirements/node.txt pyproject.toml $(FRONTEND)
	@test -n "$(PYTHON)" || { echo "Kedai needs Python 3.11 or newer."; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python $(PIP_INSTALL) --require-hashes -r requirements/dev.txt
	! $(BIN)/python frontend/build.py --needs-node || $(BIN)/python $(PIP_INSTALL) --require-hashes -r requirements/node.txt
	$(BIN)/python $(PIP_INSTALL) --no-deps --no-build-isolation -e .
	@touch $@

demo: $(STAMP) ## Kedai and the Shopee simulator, with orders arriving; prints the address and login
	$(BIN)/kedai demo

check: $(STAMP) ## Format, lint, types, imports, dependencies, schema, docs, wheel: everything but tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/deptry src
	$(BIN)/python -m tests.support.check_schema
	$(BIN)/python -m tests.support.check_docs
	$(BIN)/python -m tests.support.check_wheel

test: $(STAMP) test-other ## All tests, on SQLite and PostgreSQL
	$(BIN)/python -m pytest -n 2 --dist loadgroup

coverage: $(STAMP) ## All tests once more with branch coverage: what no test reaches (a third slower)
	$(BIN)/python -m coverage erase
	$(BIN)/python -m pytest --cov --cov-report=term -n 2 --dist loadgroup

test-other: $(STAMP) ## Pure and feature tests (without pages and imports) on Python 3.13, where one is found
	@if [ -n "$(OTHER_PYTHON)" ]; then $(MAKE) --no-print-directory run-other; \
	else echo "no Python 3.13 here: only $$($(BIN)/python --version) is tested"; fi

.PHONY: run-other
run-other: $(OTHER)/.installed
	$(OTHER)/bin/python -m pytest -q -n 2 tests/unit tests/connectors tests/feature -k "not postgresql" \
		--ignore tests/feature/dashboard --ignore tests/feature/importing

$(OTHER)/.installed: requirements/dev.txt requirements/node.txt pyproject.toml $(FRONTEND)
	$(OTHER_PYTHON) -m venv $(OTHER)
	$(OTHER)/bin/python $(PIP_INSTALL) --require-hashes -r requirements/dev.txt
	! $(OTHER)/bin/python frontend/build.py --needs-node || $(OTHER)/bin/python $(PIP_INSTALL) --require-hashes -r requirements/node.txt
	$(OTHER)/bin/python $(PIP_INSTALL) --no-deps --no-build-isolation -e .
	@touch $@

break-controls: $(STAMP) ## Break each control in a copy of the tree: its tests must fail (ID=T1 for one)
	$(BIN)/python -m tests.support.break_controls $(ID)

tokens: $(STAMP) ## The long form of the walk through the life of token pairs: 4 processes of 50 tasks (minutes)
	$(BIN)/python -m pytest -m slow -n 2 tests/journeys/test_token_life.py

chaos: $(STAMP) ## The long form of the storm: 100,000 pushes while everything is killed again and again (minutes; STORM_SEED repeats one)
	$(BIN)/python -m pytest -s -m slow tests/journeys/test_nemesis.py

bench: $(STAMP) ## Measure against named peers, in one run; writes bench/out/latest.json
	$(BIN)/python -m bench

screenshots: $(STAMP) ## Take the pictures of every page anew, into docs/screenshots
	KEDAI_TAKE_SCREENS=yes $(BIN)/python -m pytest -q tests/browser/test_screens.py -k take_the_pictures

format: $(STAMP) ## Format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix-only --quiet .

assets: $(STAMP) ## Make the browser libraries again where frontend/ changed (install does so as well)
	$(BIN)/python frontend/build.py

messages: $(STAMP) ## Renew the catalogues of the dashboard from what the sources mark
	$(BIN)/python -m tests.support.messages

lock: $(STAMP) ## Renew the lock files (hashes, no addresses)
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --upgrade pyproject.toml -o requirements/run.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --upgrade --group dev pyproject.toml -o requirements/dev.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --upgrade --group node -o requirements/node.txt

clean: ## Remove what was installed and built
	rm -rf $(VENV) .venv-3.13 .demo build dist bench/out frontend/node_modules $(VENDOR) .mypy_cache .ruff_cache .pytest_cache
