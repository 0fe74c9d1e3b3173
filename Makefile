# Set-up, demonstration, tests. Everything happens in .venv; nothing else on the machine is touched.

PYTHON ?= python3
BIN := .venv/bin
PYTEST_OPTIONS := --numprocesses auto --maxprocesses 8 --dist worksteal
PYTEST := KERAS_BACKEND=jax $(BIN)/python -m pytest $(PYTEST_OPTIONS)

# Compiling takes most of the tests' time; without optimisation it takes a fifth. Tests marked `optimised` run with XLA as
# users have it: those of the numbers that users get, and those that compute much.
UNOPTIMISED := XLA_FLAGS="--xla_backend_optimization_level=0 $$XLA_FLAGS"

.PHONY: help demo test test-fast test-newest test-oldest newest-python oldest-python test-browser lint types families fuzz \
	bench bench-original bench-peers bench-scaling bench-startup bench-load bench-own-rule bench-page batchnorm mutate docs clean

help:
	@echo "make demo       explain shipped digits with the shipped model; writes jlrp-demo/"
	@echo "make test       lint, types and all tests"
	@echo "make test-fast  lint and the tests that take seconds"
	@echo "make test-newest  the same tests with the newest versions of all packages, on Python 3.13 or 3.12"
	@echo "make test-oldest  the same tests with the oldest versions that pyproject.toml allows, on the oldest Python"
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
	@echo "make bench-own-rule a rule written by its shares beside the built-in one"
	@echo "make bench-page     docs/benchmarks.md and its picture, from what the benchmarks kept"
	@echo "make mutate     changes the code in 48 places, one at a time, and says which tests notice; an hour"
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
	$(UNOPTIMISED) $(PYTEST) -m "not optimised"
	$(PYTEST) -m optimised

test-fast: .venv/.installed-test lint
	$(UNOPTIMISED) $(PYTEST) -m "not slow"

# The tests of `test-fast` with other versions than the pinned ones, each in an environment of its own. PYTHON=… chooses
# the Python; else it is the first of these versions that runs, by its name or where pyenv keeps it, or python3.
first_of = $(shell for version in $(1); do for python in python$$version $${PYENV_ROOT:-$$HOME/.pyenv}/versions/$$version.*/bin/python; \
	do "$$python" -c '' 2>/dev/null && echo "$$python" && exit; done; done)
chosen = $(if $(filter file,$(origin PYTHON)),$(or $(call first_of,$(1)),$(PYTHON)),$(PYTHON))
NEWEST = $(call chosen,3.13 3.12)
BOUND = $(shell sed -n 's/^requires-python = ">=\(.*\)"/\1/p' pyproject.toml)
OLDEST = $(call chosen,$(BOUND))
same_python = @test ! -x $(1)/bin/python || test "$$($(1)/bin/python -V)" = "$$($(2) -V)" || \
	{ echo "$(1) has $$($(1)/bin/python -V), and $$($(2) -V) was asked for: remove $(1) first."; exit 1; }

newest-python:
	@$(NEWEST) -c 'import sys; sys.exit(sys.version_info < (3, 12) and "The newest JAX needs Python 3.12 or newer: set PYTHON to one.")'
	$(call same_python,.venv-newest,$(NEWEST))

oldest-python:
	@$(OLDEST) -c 'import sys; sys.exit("%d.%d" % sys.version_info[:2] != "$(BOUND)" and "The oldest versions need Python $(BOUND): set PYTHON to one.")'
	$(call same_python,.venv-oldest,$(OLDEST))

# What `pip install` finds today. `make clean` forgets it.
.venv-newest/.installed: pyproject.toml | newest-python
	rm -rf .venv-newest
	$(NEWEST) -m venv .venv-newest
	.venv-newest/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[cli,test]'
	@touch $@

# The lower bounds in pyproject.toml, and the newest of what they bring along.
.venv-oldest/.installed: pyproject.toml | oldest-python
	rm -rf .venv-oldest
	$(OLDEST) -m venv .venv-oldest
	.venv-oldest/bin/python -m tools.lower_bounds cli test > .venv-oldest/constraints.txt
	.venv-oldest/bin/python -m pip install --quiet --disable-pip-version-check --constraint .venv-oldest/constraints.txt --editable '.[cli,test]'
	@touch $@

test-newest: .venv-newest/.installed
	$(UNOPTIMISED) KERAS_BACKEND=jax .venv-newest/bin/python -m pytest $(PYTEST_OPTIONS) -m "not slow"

# Old packages warn of what is newer than they are (Matplotlib of pyparsing, Typer of Click): no errors here.
test-oldest: .venv-oldest/.installed
	$(UNOPTIMISED) KERAS_BACKEND=jax .venv-oldest/bin/python -m pytest $(PYTEST_OPTIONS) -W default::DeprecationWarning -m "not slow"

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

bench-own-rule: .venv/.installed-test
	$(BIN)/python -m benchmarks.own_rule

bench-load: .venv/.installed-test
	$(BIN)/python -m benchmarks.load

mutate: .venv/.installed-test
	$(BIN)/python -m tools.mutate

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
	rm -rf .venv .venv-newest .venv-oldest .pytest_cache .ruff_cache .mypy_cache dist build site
