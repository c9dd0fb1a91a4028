# Everything a newcomer needs: `make demo`, `make test`, `make serve`, `make bench`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# That run the tests, each with a PostgreSQL and stacks of its own; a stack alone keeps more than a core busy.
PROCESSES ?= 2

.PHONY: demo test serve bench bench-paper bench-figure-1 bench-adaptive bench-exports bench-tabular bench-forests bench-gpu lint style format constraints clean

demo: $(STAMP)
	$(BIN)/tombola demo

# Types are checked beside the tests, and told after them; the failure of either is that of both.
test: $(STAMP) style
	$(BIN)/mypy > $(VENV)/mypy.log 2>&1 & types=$$!; \
	$(BIN)/python -m pytest --numprocesses $(PROCESSES) --dist worksteal; tests=$$?; \
	wait $$types; types=$$?; cat $(VENV)/mypy.log; exit $$((tests || types))

serve: $(STAMP)
	$(BIN)/tombola serve

# Speed, scaling and the service's overhead, into BENCHMARKS.md: about twelve minutes.
# BENCH=--quick only sees that everything runs.
bench: $(STAMP)
	$(BIN)/python -m bench $(BENCH)

# The paper's measured cells beside ours: minutes.
bench-paper: $(STAMP)
	$(BIN)/python -m bench.paper_cells $(BENCH)
	$(if $(BENCH),,$(BIN)/python -m bench.report)

# Figure 1 (left) of the paper, down-scaled: a quarter of an hour; goes on where it was stopped.
bench-figure-1: $(STAMP)
	$(BIN)/python -m bench.figure1 $(BENCH)
	$(if $(BENCH),,$(BIN)/python -m bench.report)

# What adaptive seeds save on the same grid, and that they decide the same: minutes.
bench-adaptive: $(STAMP)
	$(BIN)/python -m bench.adaptive $(BENCH)
	$(if $(BENCH),,$(BIN)/python -m bench.report)

# Files of a million runs, as rows a second and memory: two minutes.
bench-exports: $(STAMP)
	$(BIN)/python -m bench.exports $(BENCH)
	$(if $(BENCH),,$(BIN)/python -m bench.report)

# Networks against tuned forests on tables: half an hour; BENCH="--tables DIR" takes those of a folder, else two that
# come with scikit-learn. Goes on where it was stopped.
bench-tabular: $(STAMP)
	$(BIN)/python -m bench.tabular $(BENCH)
	$(BIN)/python -m bench.report

# The tuned forest against an untuned one on splits of scikit-learn's, BENCH as for bench-tabular: ten minutes.
bench-forests: $(STAMP)
	$(BIN)/python -m bench.forests $(BENCH)
	$(BIN)/python -m bench.report

# The engines on a GPU, beside a plain loop there: minutes.
bench-gpu: $(STAMP)
	$(BIN)/python -m bench.gpu $(BENCH)
	$(if $(BENCH),,$(BIN)/python -m bench.report)

lint: $(STAMP) style
	$(BIN)/mypy

style: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

format: $(STAMP)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# Both distributions come from this checkout, so no index is asked for either.
$(STAMP): pyproject.toml setup.py clients/python/pyproject.toml constraints.txt $(wildcard worker/engine/native/*)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt \
		--editable './clients/python[pandas,plots]' --editable '.[dev]'
	touch $(STAMP)

# Writes down the versions that are installed now, after an upgrade that passed the tests.
constraints: $(STAMP)
	$(BIN)/python -m pip freeze --exclude-editable | sed 's/+cpu$$//' > constraints.txt

clean:
	rm -rf $(VENV) demo-output
