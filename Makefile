# Needs: Python 3.11 or newer with its venv module, and make. Everything else goes into .venv.
#
#   make demo        the page with the built-in method, no torch: quick
#   make demo-full   the page with every method
#   make test        all tests but the long ones       make lint   style, types and import rules
#   make soak        the long ones                     make bench  how fast it is on this machine
#   make round-demo  a round of data, from photos to a checked set, with the built-in method
#   make clean       forget everything that was installed or built here
#
# CPU build of torch for demo-full:  make demo-full TORCH_INDEX=https://download.pytorch.org/whl/cpu

SHELL := /bin/sh
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo demo-full test soak lint bench round-demo clean browser

VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip --disable-pip-version-check install
TORCH_INDEX ?=
# Set PYTHON to choose; otherwise the first of these that is new enough.
PYTHON ?=
PYTHONS := $(PYTHON) python3 python3.14 python3.13 python3.12 python3.11 python
# Idle OpenMP threads that spin make small work on a busy machine many times slower.
export OMP_WAIT_POLICY ?= passive
# Shuffled, to keep the tests independent of each other: freshly each time here, in one fixed order where CI=true.
PYTEST := $(PY) -m pytest $(if $(filter true,$(CI)),--randomly-seed=1)

help:
	@sed -n '3,8s/^# *//p' Makefile

demo: $(VENV)/.base
	$(PY) app.py

demo-full: $(VENV)/.full
	$(PY) app.py

test: $(VENV)/.dev browser
	$(PYTEST)

soak: $(VENV)/.dev browser
	$(PYTEST) -m soak

lint: $(VENV)/.dev
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/pyright --pythonpath $(PY)
	$(PY) -m pytest --quiet tests/test_floors.py

bench: $(VENV)/.dev
	$(PY) -m tests.bench

round-demo: $(VENV)/.dev
	$(PY) -m data_tools.round.demo

clean:
	rm -rf $(VENV) build dist .hypothesis .pytest_cache .ruff_cache *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Finds a Chromium for the browser tests; where CI=true, installs one.
browser: $(VENV)/.dev
	@$(PY) -m tests.tools.chromium

# Stamps: pip runs again only after pyproject.toml has changed.
$(VENV)/.base: $(PY) pyproject.toml
	@echo "Installing RORem into $(VENV): this takes about a minute"
	@$(PIP) --quiet --editable .
	@touch $@

$(VENV)/.full: $(PY) pyproject.toml
	@echo "Installing RORem with torch and diffusers into $(VENV): several GB, this takes a while"
	@$(PIP) $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX)) --editable ".[models,mcp]"
	@touch $@ $(VENV)/.base

$(VENV)/.dev: $(PY) pyproject.toml
	@echo "Installing RORem and its test tools into $(VENV)"
	@$(PIP) --quiet --editable ".[dev]"
	@touch $@ $(VENV)/.base

$(PY):
	@for python in $(PYTHONS); do \
	  if $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then found=$$python; break; fi; \
	done; \
	if [ -z "$$found" ]; then echo "RORem needs Python 3.11 or newer. None was found here."; exit 1; fi; \
	if ! $$found -c 'import ensurepip, venv' 2>/dev/null; then \
	  echo "Python is here, but its venv module is not. On Debian or Ubuntu: sudo apt install python3-venv"; exit 1; \
	fi; \
	$$found -m venv $(VENV) || { rm -rf $(VENV); exit 1; }
