# Each target does its own set-up: a virtual environment in .venv and an editable install.

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
BOARD  := boards/imx6q-sabrelite
KERNEL := --config boards/linux-6.1-armmp/config.gz --system-map boards/linux-6.1-armmp/System.map

.PHONY: demo test coverage coverage-page nightly fuzz-inputs hostile versions fresh-machine kernels verify bench lint web site linkcheck screenshots share dist clean

demo: $(VENV)/installed
	@echo; echo "## A board that boots"; echo
	$(BIN)/bootmap predict $(BOARD).dtb $(KERNEL) --phys-offset 0x10000000
	@echo "## The same board, its first bank moved by 1 MiB: nothing on the console, ever"; echo
	-$(BIN)/bootmap predict $(BOARD)-moved.dtb $(KERNEL) --phys-offset 0x10000000

test: $(VENV)/installed-test
	$(BIN)/ruff check src tests benchmarks docs hatch_build.py contrib
	$(BIN)/ruff format --check src tests benchmarks docs hatch_build.py contrib
	$(BIN)/mypy
	$(BIN)/pytest -n 2 --dist loadfile -m "not nightly"

# By branch, the command's own processes included: what of boot/ and facts/ no test runs.
coverage: $(VENV)/installed-test
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -q -m "not nightly" $(TESTS)
	$(BIN)/coverage combine -q
	$(BIN)/coverage report --include "src/bootmap/boot/*,src/bootmap/facts/*"

# Hold docs/coverage.md against the tests of boot/, facts/ and of the rooms that use them: half an hour, in one process.
ROOMS = boot facts analysis assemble checks loaders mmu source
coverage-page:
	$(MAKE) coverage TESTS="$(ROOMS:%=tests/%) tests/test_kernel_findings.py"
	mkdir -p build
	$(BIN)/coverage json -q -o build/coverage.json --include "src/bootmap/boot/*,src/bootmap/facts/*"
	tools/coverage-list build/coverage.json

nightly: $(VENV)/installed-test
	$(BIN)/pytest -m nightly

# Every Python that is allowed and to be had, with the lowest and the newest allowed versions of the dependencies.
versions:
	tools/try-versions $(PYTHONS)

# The README's commands and .ci/run on a bare Debian (root and debootstrap are needed).
fresh-machine:
	tools/fresh-machine

# Damaged files, configurations, logs and command lines for MINUTES, given to the whole command.
MINUTES ?= 10
fuzz-inputs: $(VENV)/installed-test
	$(BIN)/python tools/fuzz-inputs $(MINUTES)

# What each hostile input costs: seconds, MiB, exit code.
hostile: $(VENV)/installed-test
	$(BIN)/python tools/hostile-table $(BIN)/bootmap

# Real kernels to boot under QEMU (Debian's, unpacked, not installed); the tests that boot one look for them here.
kernels:
	tools/fetch-kernels .kernels

verify: $(VENV)/installed-test kernels
	tools/verify-matrix .kernels $(BIN)/bootmap

# The page of `bootmap explore` from its source (node and npm are needed).
web:
	cd web && npm ci --no-audit --no-fund --silent && npm run --silent check && npm run --silent build

# The documentation as a site in build/site: every warning is an error, a link within it that leads nowhere among them.
# The pictures of pages are made with it; where there is no Chromium it says so, and those of docs/images are taken.
site: $(VENV)/installed-docs
	$(BIN)/python -m sphinx --quiet --fresh-env --fail-on-warning --keep-going --builder html docs build/site

# Links to other sites, tried over the network.
linkcheck: $(VENV)/installed-docs
	$(BIN)/python -m sphinx --quiet --builder linkcheck docs build/linkcheck

# The pictures in docs/images, from the pages themselves (Chromium is needed).
screenshots: $(VENV)/installed-test
	$(BIN)/python tools/screenshots

# Manual pages and shell completion below build/share, as they are in the wheel.
share: $(VENV)/installed-test
	$(BIN)/python hatch_build.py build/share

# Wheel and sdist in dist/: built twice, compared, and started as pipx and uvx do.
dist: $(VENV)/installed-test
	tools/build-dist $(BIN)/python

bench: $(VENV)/installed-test
	$(BIN)/python benchmarks/bench.py

lint: $(VENV)/installed-test
	$(BIN)/ruff check src tests benchmarks docs hatch_build.py contrib
	$(BIN)/ruff format --check src tests benchmarks docs hatch_build.py contrib
	$(BIN)/mypy

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --editable .
	$(BIN)/python -m compileall -q src
	touch $@

# The oracles (libfdt, Unicorn) and kallsyms-finder are optional: without them their tests are skipped and say so.
$(VENV)/installed-test: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --editable '.[test]'
	$(BIN)/python -m pip install --quiet --editable '.[oracle]' || echo "the oracles could not be installed: their tests are skipped"
	$(BIN)/python -m pip install --quiet --editable '.[browser,png]' || echo "the browser's driver could not be installed: its tests are skipped"
	$(BIN)/python -m pip install --quiet --editable '.[drgn]' || echo "drgn could not be installed: its tests are skipped"
	$(BIN)/python -m pip install --quiet --editable '.[sweep,cluster]' || echo "pyarrow and Dask could not be installed: the tests of sweeps that need them are skipped"
	$(BIN)/python -m pip install --quiet --editable '.[readers]' || echo "pandas, polars and DuckDB could not be installed: the tests that read sweeps with them are skipped"
	$(BIN)/python -m pip install --quiet --editable '.[docs]' || echo "Sphinx could not be installed: the site's tests are skipped"
	$(BIN)/python -m pip install --quiet --editable '.[kallsyms]' || echo "kallsyms-finder could not be installed: its tests are skipped"
	$(BIN)/python -m compileall -q src
	touch $@ $(VENV)/installed

$(VENV)/installed-docs: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --editable '.[docs]'
	touch $@

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
