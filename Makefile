# Everything happens in .venv and demo/.venv: nothing is installed into the system.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: help demo test test-updates changed check combo mutants bench-copy bench-matrix bench-payloads bench-service release clean

help:
	@echo "make demo     generate the default service into ./demo, install it and run its tests"
	@echo "make test     test the template in every combination of answers"
	@echo "make test-updates  test every update between combinations and releases"
	@echo "make changed  test only the combinations that are not as they were when they last passed"
	@echo "make check    lint and type-check the template's own tests"
	@echo "make combo    generate and test one combination: make combo ANSWERS='auth_style=none'"
	@echo "make bench-copy  what a copy and an update cost, beside a template of one file"
	@echo "make bench-matrix  how long the proof of all combinations takes, beside the naive way"
	@echo "make bench-payloads  what the worst message of each format costs, beside a plain one"
	@echo "make bench-service  how fast the generated service is, beside its peers: docs/performance.md"
	@echo "make mutants  change the generated services in small ways: does a test fail each time?"
	@echo "make release  prepare a release: make release VERSION=0.2.0"
	@echo "make clean    remove what the others made"

.venv/.installed: pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.13 ...")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --group dev
	$(BIN)/python -m pip install --quiet --upgrade --no-deps --target .venv/order --group order
	touch $@

demo: .venv/.installed
	@$(BIN)/python -m tests.harness demo demo

test: .venv/.installed
	$(BIN)/python -m pytest

test-updates: .venv/.installed
	$(BIN)/python -m pytest -m updates

changed: .venv/.installed
	$(BIN)/python -m pytest tests/test_combinations.py --changed

check: .venv/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

combo: .venv/.installed
	@$(BIN)/python -m tests.harness combo $(ANSWERS)

release: .venv/.installed
	@$(BIN)/python -m tests.harness release "$(VERSION)"

bench-copy: .venv/.installed
	@$(BIN)/python -m benchmarks.copies $(BENCH)

bench-matrix: .venv/.installed
	@$(BIN)/python -m benchmarks.matrix $(BENCH)

bench-payloads: .venv/.installed
	@$(BIN)/python -m benchmarks.payloads $(BENCH)

# The servers that are measured have an environment of their own.
.work/bench/venv/.installed: pyproject.toml
	$(PYTHON) -m venv .work/bench/venv
	.work/bench/venv/bin/python -m pip install --quiet --upgrade pip
	.work/bench/venv/bin/python -m pip install --quiet --group bench
	touch $@

bench-service: .venv/.installed .work/bench/venv/.installed
	@$(BIN)/python -m benchmarks.service --python .work/bench/venv/bin/python $(if $(CHECK),--check) $(BENCH)

.venv/.mutants: .venv/.installed
	$(BIN)/python -m pip install --quiet --group mutants
	touch $@

mutants: .venv/.mutants
	@nice $(BIN)/python -m tests.mutants

clean:
	rm -rf .venv .work demo
