# Fairlead: the words that people and CI use alike. `make` alone lists them.

VENV   := .venv
PYTHON := $(VENV)/bin/python
PIP    := $(PYTHON) -m pip --disable-pip-version-check --no-input --quiet
# More for the program behind a target: make test ARGS="-k wire -x"; another interpreter to set up
# with: make test BASE_PYTHON=python3.13
ARGS   ?=

# A stamp says "set up from these files"; while it is newer than they are, nothing is asked of pip.
CORE   := $(VENV)/.stamp-core
DEV    := $(VENV)/.stamp-dev
SYSTEM := $(VENV)/.stamp-system
NODE   := tests/conformance/node_modules/.stamp
FASTMCP := .venv-fastmcp/.stamp
PINS   := pyproject.toml constraints.txt src/fairlead/__about__.py

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run setup test lint format bench soak fuzz lowest constraints conformance clean

help: ## list every target
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(CORE) ## set up what running needs, and serve the quick start on 127.0.0.1:8000
	$(VENV)/bin/fairlead serve examples/quickstart.py $(ARGS)

setup: $(DEV) $(SYSTEM) $(NODE) $(FASTMCP) ## set up everything: environment, development tools, system packages, conformance suite

test: $(DEV) $(SYSTEM) $(NODE) $(FASTMCP) ## set up everything and run all tests but the soak tests
	$(PYTHON) -m pytest $(ARGS)

lint: $(DEV) ## check style, formatting and types
	$(PYTHON) -m ruff check
	$(PYTHON) -m ruff format --check
	$(PYTHON) -m mypy src $(wildcard examples/*.py)

format: $(DEV) ## mend what ruff can mend by itself
	$(PYTHON) -m ruff check --fix
	$(PYTHON) -m ruff format

bench: $(DEV) ## measure Fairlead, its peers and the bare echo side by side
	$(PYTHON) -m bench $(ARGS)

soak: $(DEV) $(SYSTEM) ## run the tests that take long
	@# 5: there is none.
	$(PYTHON) -m pytest -m soak $(ARGS) || [ $$? -eq 5 ]

fuzz: $(DEV) ## feed the decoder with a million inputs
	$(PYTHON) -m fuzz $(ARGS)

lowest: ## run the tests on the lowest versions that pyproject.toml allows
	scripts/lowest .venv-lowest $(ARGS)

constraints: ## take the newest versions that fit and pin them in constraints.txt
	scripts/freeze constraints.txt

conformance: $(DEV) $(NODE) ## run the official conformance suite over every line, and write docs/conformance.md
	$(PYTHON) -m tests.conformance.report

clean: ## remove environments, caches and build products
	rm -rf .venv .venv-lowest .venv-fastmcp build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis tests/conformance/node_modules
	find src tests bench fuzz examples scripts -name __pycache__ -type d -prune -exec rm -rf {} +

# The build tools are installed, and pinned, like everything else, and the package is built with them
# (no isolation): so the set-up needs no network when all versions are in place already.
$(CORE): $(PINS) scripts/setup-venv
	scripts/setup-venv $(VENV)
	$(PIP) install --constraint constraints.txt hatchling editables
	$(PIP) install --constraint constraints.txt --no-build-isolation --editable .
	@touch $@

$(DEV): $(CORE)
	$(PIP) install --constraint constraints.txt --no-build-isolation --editable '.[dev]'
	@touch $@

$(SYSTEM): scripts/apt-packages.txt scripts/setup-system | $(CORE)
	scripts/setup-system
	@touch $@

# Stamps itself, where all is there; what is missing is tried again the next time.
$(NODE): tests/conformance/package.json tests/conformance/package-lock.json scripts/setup-node
	@scripts/setup-node

# Likewise: FastMCP's client, in an environment of its own.
$(FASTMCP): bench/requirements/fastmcp.txt scripts/setup-fastmcp
	@scripts/setup-fastmcp $(@D)
