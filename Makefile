# Every target makes its own environment in .venv if there is none. PYTHON chooses the interpreter for it.
PYTHON ?= python3
BIN := .venv/bin
# Tests wait for other processes as long as they compute: four at a time keep two processors busy. Each of the four
# begins at a place of its own in the list, so that what the tests of a file share is made once.
PYTEST := $(BIN)/python -m pytest -n 4 --dist worksteal
# Without bytecode each of the thousand processes that tests start would compile all modules anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: all demo ui pictures test test-ui test-matrix test-integrations lint typecheck bench proto dist clean
all: test test-ui lint typecheck

.venv/ready: setup.cfg pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@

demo: .venv/ready          ## daemon, two runs (one killed), then a hub; delivery by itself
	$(BIN)/python examples/demo.py

ui: .venv/ready            ## the web pages, from TypeScript
	$(BIN)/python -m buildtools.ui

pictures: .venv/ready      ## docs/ui/*.png anew, by the tests of the web pages
	RUNSTORE_PICTURES=docs/ui $(BIN)/python -m pytest tests/browser/test_pictures.py

test: .venv/ready          ## the whole test suite
	$(BIN)/python -m buildtools.ui --if-possible
	$(PYTEST)

test-ui: .venv/ready       ## types and unit tests of the web pages
	$(BIN)/python -m buildtools.ui check

test-matrix: .venv/ready   ## Python 3.10 and 3.13 with the oldest and newest protobuf
	$(BIN)/python -m tests.matrix

test-integrations: .venv/ready   ## Lightning, Composer, fastai and others, in an environment of 1.8 GB that is kept
	$(BIN)/python -m pytest -n 2 --dist loadfile tests/integrations

lint: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

typecheck: .venv/ready
	$(BIN)/mypy runstore buildtools tests

bench: .venv/ready         ## prints ratios against peers and limits, measured in one run
	$(BIN)/python -m bench

proto: .venv-proto/ready   ## regenerate record_pb2.py; this protoc's output runs under protobuf 4.21 to 7
	.venv-proto/bin/python -m grpc_tools.protoc -I. --python_out=. --pyi_out=. runstore/runlog/record.proto

.venv-proto/ready:
	$(PYTHON) -m venv .venv-proto
	.venv-proto/bin/python -m pip install --quiet 'setuptools<80' grpcio-tools==1.62.3
	@touch $@

dist: .venv/ready
	$(BIN)/python -m build

clean:
	rm -rf .venv .venv-* build dist *.egg-info runstore/web/static runstore/web/front/node_modules .mypy_cache .pytest_cache .ruff_cache .hypothesis
