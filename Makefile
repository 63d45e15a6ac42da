# Everything needs only Python 3.11+ and make. The environment is built once, in .venv.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready

.PHONY: report test check bench lab pictures clean constraints stamps
.DEFAULT_GOAL := report

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "gymlab needs Python 3.11 or newer: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	PIP_CONSTRAINT=constraints.txt PIP_DISABLE_PIP_VERSION_CHECK=1 $(BIN)/python -m pip install --quiet --editable '.[dev]'
	@touch $@

report: $(READY)        ## read SOURCE (the bundled sample unless given) and write reports/<run_id>/
	$(BIN)/gymlab report $(SOURCE)

test: $(READY)          ## the whole test suite, on every processor
	$(BIN)/python -m pytest -n auto

check: $(READY)         ## style, types, notebooks without outputs
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/nbstripout --verify notebooks/*.ipynb
	$(BIN)/python tools/stamp_kernels.py --check

bench: $(READY)         ## ratios against other libraries, C by hand and the current algorithm, each in one run
	$(BIN)/python tests/benchmarks/distance.py $(SOURCE)
	$(BIN)/python tests/benchmarks/main_job.py
	$(BIN)/python tests/benchmarks/entropy.py
	$(BIN)/python tests/benchmarks/large_log.py
	$(BIN)/python tests/benchmarks/panel.py
	$(BIN)/python tests/benchmarks/database.py
	$(BIN)/python tests/benchmarks/cache.py
	$(BIN)/python tests/benchmarks/gym.py

lab: $(READY)           ## the notebooks in JupyterLab
	$(BIN)/gymlab lab

pictures: $(READY)      ## those of the README, taken in Chromium
	$(BIN)/python tools/make_pictures.py

stamps: $(READY)        ## after a change to the kernels: tell numba's disk cache what they are made of
	$(BIN)/python tools/stamp_kernels.py

constraints: $(READY)   ## write the versions of this environment to constraints.txt
	$(BIN)/python tools/write_constraints.py > constraints.new && mv constraints.new constraints.txt

clean:
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache
