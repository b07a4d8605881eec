# Every target sets up .venv by itself: Python 3.11+, pip and make are all that is needed.
.NOTPARALLEL:
.DEFAULT_GOAL := help
.PHONY: help demo test check bench bench-peers docs clean

VENV := .venv
WORKERS ?= 2
PEER := tests/peers/datascript
RUN  := $(VENV)/bin/python -m
NEW_ENOUGH := -c 'import sys; sys.exit(sys.version_info < (3, 11))'

# The first interpreter that is new enough; `make PYTHON=/path/to/python test` chooses another.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	if $$p $(NEW_ENOUGH) 2>/dev/null; then echo $$p; exit; fi; done; echo python3)

export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_NO_INPUT := 1

help:          ## this list
	@sed -n 's/^\([a-z-]*\):.*## */  make \1	/p' Makefile

demo: $(VENV)/.with-demo   ## the two stories, told in the terminal
	$(RUN) examples.model_lifecycle
	$(RUN) examples.package_archive

test: $(VENV)/.with-dev $(PEER)/node_modules/.made   ## every test, the docs' examples and the doctests
	$(RUN) pytest --numprocesses=$(WORKERS)

check: $(VENV)/.with-dev   ## lint, format, types, layers, exports
	$(RUN) ruff check .
	$(RUN) ruff format --check .
	$(RUN) mypy --strict
	$(RUN) pytest -q tests/test_layers.py tests/test_exports.py

bench: $(VENV)/.with-dev   ## the benchmarks, with ratios between the peers of each group
	$(RUN) pytest benchmarks/ --benchmark-only --benchmark-group-by=group --benchmark-sort=mean \
		--benchmark-columns=median,iqr,ops,rounds

bench-peers: $(VENV)/.with-peers $(PEER)/node_modules/.made   ## the same questions to every peer, in one run
	$(RUN) benchmarks.peers

docs: $(VENV)/.with-docs   ## the pages, into site/
	NO_MKDOCS_2_WARNING=1 $(RUN) mkdocs build --strict

clean:         ## everything that was made here
	rm -rf $(VENV) $(PEER)/node_modules build dist site .demo .benchmarks .hypothesis .mypy_cache .pytest_cache .ruff_cache *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# One stamp for each set of extras; a changed pyproject.toml installs anew.
$(VENV)/.with-%: pyproject.toml | $(VENV)/.made
	$(RUN) pip install --quiet --editable '.[$*]'
	@touch $@

# DataScript, for the tests that compare with it. Without node, or offline, they are skipped and say so; with
# PEERS=required it is an error.
$(PEER)/node_modules/.made: $(PEER)/package.json
	@if ! command -v node >/dev/null || ! command -v npm >/dev/null; then \
		echo "no node and npm here: the comparison with DataScript is left out" >&2; test "$(PEERS)" != required; \
	elif npm install --prefix $(PEER) --silent; then touch $@; \
	else echo "npm could not install DataScript: the comparison is left out" >&2; test "$(PEERS)" != required; fi

# Some systems split ensurepip off Python; there, the pip at hand puts one into the venv.
$(VENV)/.made:
	@$(PYTHON) $(NEW_ENOUGH) 2>/dev/null || { \
		echo "factstore needs Python 3.11 or newer, and '$(PYTHON)' is" \
			"$$($(PYTHON) --version 2>/dev/null || echo not there)." \
			"Name one: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) >/dev/null 2>&1 || { $(PYTHON) -m venv --clear --without-pip $(VENV) && \
		$(PYTHON) -m pip --python $(VENV)/bin/python install --quiet pip; }
	@touch $@
