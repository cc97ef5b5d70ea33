# Every target makes what it needs first: on a fresh machine `make demo` is enough.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
# Where make serve answers.
PORT := 4599
VENV := .venv
CLOUD_VENV := .venv-cloud
BIN := $(VENV)/bin
# Stamps lie inside what they vouch for.
DEV := $(VENV)/.installed
LOCAL_CLOUD := $(CLOUD_VENV)/.packages
# What Tally is tested against: nodes of public chains from npm, and a witness that wants Python 3.12.
PEERS := .peers/node_modules/.installed
WITNESS_VENV := .venv-witness
WITNESS := $(WITNESS_VENV)/.packages
LOCK := uv pip compile --quiet --generate-hashes --universal --python-version 3.11 \
	--no-annotate --no-emit-index-url --no-header

.PHONY: help setup demo test check serve bench lock wheel clean

help:
	@echo "make demo    notarise 500 diplomas and 20 patients' records on a local cloud, then verify them"
	@echo "make test    every test, on a local cloud where one is needed"
	@echo "make check   ruff, mypy, import-linter, cfn-lint, spelling"
	@echo "make serve   run the service on the local cloud until Ctrl-C; state stays under var/serve"
	@echo "make bench   measure, print, and save var/bench/results.json"
	@echo "make setup   only make the environments (.venv, .venv-cloud, .venv-witness and .peers)"
	@echo "make lock    compile the locked requirements again"
	@echo "make wheel   build the offline verifier's wheel into dist/"
	@echo "make clean   remove environments, caches and var/"

setup: $(DEV) $(LOCAL_CLOUD) $(PEERS) $(WITNESS)

# An environment from its lock file: $(1) directory, $(2) lock file.
define make_environment
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "Tally needs Python 3.11 or newer as '$(PYTHON)': install it (apt-get install python3 python3-venv)," \
			"or name one: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
		echo "Python's venv module is missing: apt-get install python3-venv" >&2; exit 1; }
	@echo "Making $(1) from $(2)"
	@rm -rf $(1)
	@$(PYTHON) -m venv $(1)
	@$(1)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes \
		-r requirements/bootstrap.txt || { \
		echo "Could not install uv: is a Python package index within reach?" >&2; exit 1; }
	@VIRTUAL_ENV=$(CURDIR)/$(1) $(1)/bin/uv pip install --quiet --link-mode=copy --require-hashes -r $(2) || { \
		echo "Could not install $(2): is a Python package index within reach?" >&2; exit 1; }
endef

$(VENV)/.packages: requirements/dev.txt requirements/bootstrap.txt
	$(call make_environment,$(VENV),requirements/dev.txt)
	@touch $@

# The commands tally and tally-verify, straight from this checkout.
$(DEV): $(VENV)/.packages pyproject.toml
	@VIRTUAL_ENV=$(CURDIR)/$(VENV) $(BIN)/uv pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(LOCAL_CLOUD): requirements/local-cloud.txt requirements/bootstrap.txt
	$(call make_environment,$(CLOUD_VENV),requirements/local-cloud.txt)
	@touch $@

$(PEERS): infra/peers/package.json infra/peers/package-lock.json
	@command -v node >/dev/null && command -v npm >/dev/null || { \
		echo "The nodes of public chains need Node.js 20 or newer and npm: apt-get install nodejs npm" >&2; exit 1; }
	@echo "Making .peers from infra/peers/package-lock.json"
	@rm -rf .peers && mkdir .peers
	@cp -R infra/peers/package.json infra/peers/package-lock.json infra/peers/.npmrc infra/peers/fs-stub .peers
	@cd .peers && npm ci --silent || { echo "Could not install the peers: is an npm registry within reach?" >&2; exit 1; }
	@touch $@

# uv finds any Python in the path, and those of pyenv. Without one of 3.12 the service can be built and run all the
# same; only the test against this witness says what is missing.
$(WITNESS): requirements/witness.txt $(VENV)/.packages
	@rm -rf $(WITNESS_VENV)
	@if PATH="$$(echo $${PYENV_ROOT:+$$PYENV_ROOT/versions/3.1[2-9]*/bin} | tr ' ' ':'):$$PATH" \
		$(BIN)/uv venv --quiet --no-python-downloads --python '>=3.12' $(WITNESS_VENV) 2>/dev/null; then \
		echo "Making $(WITNESS_VENV) from requirements/witness.txt"; \
		VIRTUAL_ENV=$(CURDIR)/$(WITNESS_VENV) $(BIN)/uv pip install --quiet --link-mode=copy --require-hashes \
			-r requirements/witness.txt; \
	else mkdir -p $(WITNESS_VENV); fi
	@touch $@

demo: setup
	@$(BIN)/python -m infra.demo

test: setup
	@echo "Running every test"
	@$(BIN)/python -m pytest -n 3 --dist loadgroup --cov --cov-fail-under=100

serve: setup
	@$(BIN)/python -m infra.local_cloud serve --port $(PORT)

bench: setup
	@$(BIN)/python -m tests.bench

check: $(DEV)
	@echo "ruff" && $(BIN)/ruff check . && $(BIN)/ruff format --check .
	@echo "mypy" && $(BIN)/mypy
	@echo "import-linter" && $(BIN)/lint-imports
	@echo "cfn-lint" && $(BIN)/python -m infra.package --lint
	@echo "codespell" && $(BIN)/codespell

lock: $(DEV)
	@$(BIN)/$(LOCK) requirements/runtime.in -o requirements.txt
	@$(BIN)/$(LOCK) requirements/dev.in -c requirements.txt -o requirements/dev.txt
	@$(BIN)/$(LOCK) requirements/local-cloud.in -o requirements/local-cloud.txt
	@$(BIN)/$(subst 3.11,3.12,$(LOCK)) requirements/witness.in -o requirements/witness.txt
	@$(BIN)/$(LOCK) requirements/bootstrap.in -o requirements/bootstrap.txt

wheel: $(DEV)
	@$(BIN)/python -m build --wheel --no-isolation --outdir dist packaging/tally-proof

clean:
	rm -rf $(VENV) $(CLOUD_VENV) $(WITNESS_VENV) .peers var build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage
