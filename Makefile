# Set-up, demonstration, tests. Everything happens in .venv; nothing else on the machine is touched.

PYTHON ?= python3
BIN := .venv/bin
PYTEST := KERAS_BACKEND=jax $(BIN)/python -m pytest --numprocesses auto --maxprocesses 8

.PHONY: help demo test test-fast lint types fuzz bench clean

help:
	@echo "make demo       explain shipped digits with the shipped model; writes jlrp-demo/"
	@echo "make test       lint, types and all tests"
	@echo "make test-fast  lint and the tests that take seconds"
	@echo "make fuzz       20,000 damaged model files: each is read or refused in a sentence"
	@echo "make families   every network of keras.applications against Keras, about an hour; writes docs/families.md"
	@echo "make bench      images per second, against the original algorithm in loops"
	@echo "make bench-load seconds and memory to load a ResNet50, against bare h5py"
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
	$(BIN)/jlrp demo

test: .venv/.installed-test lint types
	$(PYTEST)

# Compiling takes most of the tests' time; without optimisation it takes a fifth.
test-fast: .venv/.installed-test lint
	XLA_FLAGS="--xla_backend_optimization_level=0 $$XLA_FLAGS" $(PYTEST) -m "not slow"

lint: .venv/.installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/.installed-test
	$(BIN)/mypy

# Each network is built by Keras in a process of its own; the largest takes 16 GiB.
families: .venv/.installed-test
	KERAS_BACKEND=jax $(BIN)/python -m tools.check_families

# A few minutes of damaged model files: what comes of each is a model or a LoadError.
fuzz: .venv/.installed-test
	$(BIN)/python -m tests.fuzz

bench: .venv/.installed-test
	$(BIN)/python -m benchmarks.compare_original

bench-load: .venv/.installed-test
	$(BIN)/python -m benchmarks.load

clean:
	rm -rf .venv .pytest_cache .ruff_cache .mypy_cache dist build
