# Everything a person, a hook or CI does with this checkout. Needs make and Python 3.11 or newer; the rest it sets up itself.
#   PYTHON=python3.12  which Python makes .venv      ARGS='-k trigger'  goes to pytest, or to the benchmarks
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
PY := .venv/bin/python
HERE := $(shell pwd | cksum | cut -d' ' -f1)# a moved checkout needs its environment anew
RUNTIME := .venv/.runtime-$(HERE)
DEV := .venv/.dev-$(HERE)
LOCKER := .make/lock-venv/.ready
export PYTHON

.PHONY: help demo test lint check bench lock clean

help: ## show this
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 16

demo: $(RUNTIME) ## watch the whole job on recorded data; DATA=folder reads yours
	@$(PY) scripts/demo.py $(if $(DATA),--data "$(DATA)")

test: $(DEV) ## run every test, in parallel
	$(PY) -m pytest -n auto $(ARGS)

lint: $(DEV) ## format, lint, types and direction of imports
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .
	$(PY) -m mypy
	.venv/bin/lint-imports --no-cache

check: lint test ## the one gate: lint, then every test

bench: $(DEV) ## run the benchmarks, which print ratios; ONLY=name runs one
	$(PY) -m benchmarks $(ONLY) $(ARGS)

lock: $(LOCKER) ## choose versions anew within pyproject.toml's ranges (UPGRADE=1 for the newest) and pin their hashes
	$(LOCK) --group build pyproject.toml -o requirements/runtime.txt
	$(LOCK) --group dev -c requirements/runtime.txt -o requirements/dev.txt
	$(LOCK) --group lock -o requirements/lock.txt

clean: ## remove what was set up, built and cached
	rm -rf .venv .make build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis src/earmark/kql/language/assets
	find * -name __pycache__ -prune -exec rm -rf {} +

# One resolution for all platforms and Pythons, without addresses, so that any index or mirror serves it.
LOCK = .make/lock-venv/bin/uv pip compile --quiet --no-config --universal --python-version 3.11 --generate-hashes \
	--no-header --no-annotate $(if $(UPGRADE),--upgrade)

$(RUNTIME): requirements/runtime.txt pyproject.toml hatch_build.py language-service/package-lock.json scripts/setup
	@scripts/setup runtime
	@touch $@

$(DEV): requirements/dev.txt $(RUNTIME)
	@scripts/setup dev
	@touch $@

$(LOCKER): requirements/lock.txt
	rm -rf .make/lock-venv
	$(or $(PYTHON),python3) -m venv .make/lock-venv
	.make/lock-venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/lock.txt
	@touch $@
