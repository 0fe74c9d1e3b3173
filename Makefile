# Set-up, demonstration, tests. Everything happens in .venv; nothing else on the machine is touched.

PYTHON ?= python3
BIN := .venv/bin
PYTEST := KERAS_BACKEND=jax $(BIN)/python -m pytest --numprocesses auto --maxprocesses 8

.PHONY: help demo test test-fast test-browser lint types families fuzz bench bench-original bench-peers bench-scaling \
	bench-startup bench-load bench-page batchnorm docs clean

help:
	@echo "make demo       explain shipped digits with the shipped model; writes jlrp-demo/"
	@echo "make test       lint, types and all tests"
	@echo "make test-fast  lint and the tests that take seconds"
	@echo "make test-browser  the report in a headless Chromium"
	@echo "make docs       the documentation, in site/; opens offline, warnings are errors"
	@echo "make fuzz       damaged models, images, labels, arguments; processes; kills: all end in a sentence"
	@echo "make families   every network of keras.applications against Keras, about an hour; writes docs/families.md"
	@echo "make bench      images per second, memory and compilation of explain, on ResNet50 and VGG16"
	@echo "make bench-peers    the same beside zennit, captum and PyTorch written by hand; installs torch"
	@echo "make bench-scaling  how the cost grows with the batch, the image, classes and rules"
	@echo "make bench-original against the original algorithm in loops"
	@echo "make bench-startup  seconds to import, and to the first result on the command line"
	@echo "make bench-load     seconds and memory to load a ResNet50, against bare h5py"
	@echo "make bench-page     docs/benchmarks.md and its picture, from what the benchmarks kept"
	@echo "make batchnorm  trains networks to measure rules for BatchNorm, half an hour; prints the tables of docs/rules.md"
	@echo "make clean      remove .venv and caches"

# The library with its command line: enough for the demonstration.
.venv/.installed: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "jlrp needs Python 3.11 or newer; set PYTHON=.")'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[cli]'
	@touch $@

.venv/.installed-test: .venv/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[cli,test]'
	@touch $@

demo: .venv/.installed
	$(BIN)/jlrp demo --force

test: .venv/.installed-test lint types
	$(PYTEST)

# Compiling takes most of the tests' time; without optimisation it takes a fifth.
test-fast: .venv/.installed-test lint
	XLA_FLAGS="--xla_backend_optimization_level=0 $$XLA_FLAGS" $(PYTEST) -m "not slow"

# In `make test` these tests are skipped where there is no Chromium; here that is an error.
test-browser: .venv/.installed-test
	JLRP_BROWSER=required $(BIN)/python -m pytest tests/browser

lint: .venv/.installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/.installed-test
	$(BIN)/mypy

# Each network is built by Keras in a process of its own; the largest takes 16 GiB.
families: .venv/.installed-test
	KERAS_BACKEND=jax $(BIN)/python -m tools.check_families

# Some minutes of damaged files and odd arguments: what comes of each is a result or one sentence. The numbers that
# decide all inputs come from a seed; `make fuzz FUZZ="--inputs 100000 --processes 2000 --kills 200 --seed 1"` is longer.
FUZZ = --inputs 20000 --processes 100 --kills 20 --seed 0
fuzz: .venv/.installed-test
	$(BIN)/python -m tests.fuzz
	$(BIN)/python -m tests.fuzz.attack $(FUZZ)

bench: .venv/.installed-test
	$(BIN)/python -m benchmarks.throughput

bench-scaling: .venv/.installed-test
	$(BIN)/python -m benchmarks.scaling

bench-original: .venv/.installed-test
	$(BIN)/python -m benchmarks.compare_original

bench-startup: .venv/.installed-test
	$(BIN)/python -m benchmarks.startup

# PyTorch is in an extra of its own, and nothing else needs it.
.venv/.installed-peers: .venv/.installed-test
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[cli,test,peers]'
	@touch $@

bench-peers: .venv/.installed-peers
	$(BIN)/python -m benchmarks.peers

bench-page: .venv/.installed-test
	$(BIN)/python -m benchmarks.page

bench-load: .venv/.installed-test
	$(BIN)/python -m benchmarks.load

batchnorm: .venv/.installed-test
	KERAS_BACKEND=jax $(BIN)/python -m tools.measure_batchnorm

.venv/.installed-docs: .venv/.installed-test
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[cli,test,docs]'
	@touch $@

# From scratch each time: the notebook runs, and its page shows what this version of the code computes.
docs: .venv/.installed-docs
	$(BIN)/python -m sphinx --fail-on-warning --keep-going --quiet --fresh-env --write-all --builder html docs site
	@echo "see site/index.html"

clean:
	rm -rf .venv .pytest_cache .ruff_cache .mypy_cache dist build site
