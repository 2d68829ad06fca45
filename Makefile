# The one list of commands. `make run` and `make test` need nothing but Python 3.11+, git and make.
.DEFAULT_GOAL := help
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; exit; }; done)
VENV ?= .venv
BIN := $(VENV)/bin
UV := $(shell command -v uv 2>/dev/null)
# Many tests wait for something: one process more than there are cores keeps these busy.
JOBS ?= $(shell $(PYTHON) -c 'import os; print((os.cpu_count() or 1) + 1)')

help:  ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# install FILE: exactly what the lock says, checked by hash, then this tree on top of it
define install
	@test -n "$(PYTHON)" || { echo "ADES needs Python 3.11 or newer on the PATH."; exit 1; }
	@test -x $(BIN)/python || { echo "Making $(VENV) with $(PYTHON) …"; \
		$(if $(UV),uv venv --quiet --python $(PYTHON) $(VENV),$(PYTHON) -m venv $(VENV)); }
	@echo "Installing $(1) …"
	@$(if $(UV),uv pip install --quiet --python $(BIN)/python,$(BIN)/python -m pip install --quiet --disable-pip-version-check) \
		--require-hashes --requirement $(1)
	@$(if $(UV),uv pip install --quiet --python $(BIN)/python,$(BIN)/python -m pip install --quiet --disable-pip-version-check) \
		--no-deps --no-build-isolation --editable .
	@touch $(2)
endef

$(VENV)/.run: requirements.lock pyproject.toml
	$(call install,requirements.lock,$@)

$(VENV)/.dev: requirements-dev.lock pyproject.toml
	$(call install,requirements-dev.lock,$@)
	@touch $(VENV)/.run

setup: $(VENV)/.dev  ## install everything that working on ADES needs into .venv

run: $(VENV)/.run  ## start the server on http://127.0.0.1:8080 with a workspace `demo`
	@$(BIN)/ades serve

test: $(VENV)/.dev  ## run all tests (under ten minutes on two cores)
	$(BIN)/python -m pytest -n $(JOBS) -m "not long"

# A file stays with one process, which makes what its tests share once; what is measured is measured alone.
test-long: $(VENV)/.dev  ## chaos, soak and benchmarks on top
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile -m long --timeout 1800 --ignore tests/perf; many=$$?; \
	$(BIN)/python -m pytest tests/perf -m long --timeout 1800 -s && exit $$many

lint: $(VENV)/.dev  ## style, format and the import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	@$(MAKE) --silent contracts

contracts: $(VENV)/.dev  ## who may import whom
	PYTHONPATH=tests $(BIN)/lint-imports

types: $(VENV)/.dev  ## mypy --strict
	$(BIN)/mypy

format: $(VENV)/.dev  ## bring the tree into the one format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.dev  ## measure, and print the tables of docs/performance.md
	$(BIN)/python -m pytest tests/perf -m "long or not long" -s --timeout 1800

docs: $(VENV)/.dev  ## write the generated parts of docs/ anew
	$(BIN)/python -m docs.generate

lock:  ## resolve the dependencies anew (needs uv)
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --extra postgres \
		--output-file requirements.lock pyproject.toml requirements-build.in
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --extra postgres --group dev \
		--constraint requirements.lock --output-file requirements-dev.lock pyproject.toml requirements-build.in
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
		--output-file calrissian.lock calrissian.in

clean:  ## delete what the other commands made, but no data
	rm -rf $(VENV) dist build .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: help setup run test test-long lint contracts types format bench docs lock clean
