# The two that a newcomer needs: `make quickstart` and `make test`.
PYTHON ?= $(shell for p in python3.12 python3.11 python3.13 python3; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null \
	&& echo $$p && break; done)
BIN = .venv/bin
export TF_CPP_MIN_LOG_LEVEL ?= 2

.PHONY: install quickstart test test-slow tutorials conformance formulas coverage lint results saved-models summaries listing stubs check-readme mutants clean

install: .venv/installed
RUN = runs/simple_cnn_mnist-mnist-seed0
quickstart: .venv/installed
	$(BIN)/kerasdl train simple_cnn_mnist
	$(BIN)/kerasdl evaluate $(RUN)
	$(BIN)/kerasdl predict $(RUN) $(RUN)/examples/7.png
	$(BIN)/kerasdl export $(RUN) --quantize none --quantize int8

.venv/installed: setup.cfg
	@test -n "$(PYTHON)" || { echo "kerasdl needs Python 3.11, 3.12 or 3.13; try make PYTHON=/path/to/python"; exit 2; }
	@echo "Installing into .venv (about a minute and a half, once)"
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	@touch $@

.venv/tested: .venv/installed
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[test]"
	@touch $@

.venv/developed: .venv/tested
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[dev]"
	@touch $@

# in parts, because TensorFlow frees little of the memory of what a process has compiled
PYTEST = $(BIN)/python -m pytest -n 2 --dist loadgroup
FIRST = tests/compression tests/export
SECOND = tests/conformance
THIRD = tests/publishing tests/runs tests/tuning tests/test_tutorials.py
test: .venv/tested
	$(PYTEST) -m "not slow" $(FIRST)
	$(PYTEST) -m "not slow" $(SECOND)
	$(PYTEST) -m "not slow" $(THIRD)
	$(PYTEST) -m "not slow" $(addprefix --ignore=,$(FIRST) $(SECOND) $(THIRD))

test-slow: .venv/tested
	$(PYTEST) -m slow $(FIRST)
	$(PYTEST) -m slow $(THIRD)
	$(PYTEST) -m slow $(addprefix --ignore=,$(FIRST) $(THIRD))

tutorials: .venv/installed
	@for tutorial in tutorials/[0-9]*/[0-9]*.py; do echo "$$tutorial"; $(BIN)/python $$tutorial || exit 1; done

conformance: .venv/tested
	$(BIN)/python -m tests.conformance

formulas: .venv/tested
	$(BIN)/python -m tests.formulas

coverage: .venv/tested
	$(BIN)/python -m tests.coverage

lint: .venv/tested
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports
	$(BIN)/mypy

results: .venv/installed
	$(BIN)/python -m kerasdl.recipes.record

saved-models: .venv/installed
	$(BIN)/python -m kerasdl.publishing.publish

summaries: .venv/installed
	$(BIN)/python -m kerasdl.summaries
	$(BIN)/python -m kerasdl.cli.listing

stubs: .venv/tested
	$(BIN)/python -m tests.stubs

listing: .venv/installed
	$(BIN)/python -m kerasdl.cli.listing

check-readme: .venv/tested
	$(BIN)/python -m tests.readme

# such as: make mutants PACKAGE=metrics; SAMPLE=150 runs a random part of them
mutants: .venv/developed
	$(BIN)/python -m tests.mutants $(PACKAGE) $(if $(SAMPLE),--sample $(SAMPLE))

clean:
	rm -rf .venv runs out build *.egg-info
