# Back Through Time. `make book` and `make test` are all you need; `make help` lists the rest.
# Written for GNU make 3.81 (macOS) and later.

PY := .venv/bin/python
ENV := .venv/.ready
MATHJAX := vendor/mathjax/tex-mml-chtml.js
AXE := vendor/axe/axe.min.js
PYODIDE := vendor/pyodide/pyodide.mjs
SYMPY := vendor/sympy/sympy.zip
BOOK := _build/html/.built
TESTED := _build/tested$(if $(LSTM_CORE_DATA),-with-data)
PORT ?= 8000

# One BLAS thread: two on a busy machine can be a hundred times slower.
export OPENBLAS_NUM_THREADS := 1
export OMP_NUM_THREADS := 1
export JUPYTER_PLATFORM_DIRS := 1
export PYDEVD_DISABLE_FILE_VALIDATION := 1

BUILD := .venv/bin/jupyter-book build . -W -n --keep-going
PYTEST := $(PY) -m pytest
LINT := $(PY) -m ruff check . && $(PY) -m mypy && $(PY) -m codespell_lib .
NBVAL := --nbval --nbval-current-env --nbval-cell-timeout 900
# Two processes share the files of tests and the notebooks.
TWO := -n 2 --dist loadfile --durations=10

SOURCES := $(wildcard Makefile *.toml *.txt *.lock *.yml *.bib *.md *.cff) $(sort $(shell find benchmarks chapters figures formal lstm_core lstm_formats lstm_proofs \
	tests tools _static _templates -type f -not -path '*/.*' -not -path '*/__pycache__/*' 2>/dev/null))

.PHONY: help env book test proofs formal bench notebooks ledger fuzz serve links lint lock student wheel pdf downloads status publish clean FORCE
.DEFAULT_GOAL := help

help:
	@echo "make book        the book, as _build/html/index.html"
	@echo "make test        the book, style, tests, and every notebook run again and compared with what it stores"
	@echo ""
	@echo "make proofs      only the exact proofs, one line each"
	@echo "make formal      the theorem for every cell and every T, checked by Coq's kernel (needs Coq and Coquelicot)"
	@echo "make notebooks   run all chapters and store their outputs (NB=chapters/x/y.ipynb: that one)"
	@echo "make ledger      prove every displayed equation, and write the book's page of them and the map of the proofs"
	@echo "make fuzz        altered files of every format, fresh ones each time (FUZZ_SECONDS=60 FUZZ_SEED=...);"
	@echo "                 then all bad arguments, 10,000 random networks and 2,000 random trainings (half an hour)"
	@echo "make bench       training steps beside PyTorch's, into benchmarks/results.json (ten minutes, quiet machine)"
	@echo "make student     the book without solutions, a starter notebook beside each chapter, into _build/student"
	@echo "make pdf         the built book as one PDF, into _build/back-through-time.pdf (needs Chromium)"
	@echo "make downloads   what the site offers to take away, run in an empty environment (NB=...: that notebook)"
	@echo "make status      keep what the last make test found of the notebooks, for the page Execution status"
	@echo "make publish     put the built book on the branch gh-pages of the repository's origin"
	@echo "make serve       the built book on http://localhost:$(PORT)/ (PORT=...)"
	@echo "make links       check the links to other sites (needs the network)"
	@echo "make lint        style, types and spelling only"
	@echo "make wheel       lstm_core as a wheel, tried in an empty environment"
	@echo "make lock        requirements.lock, after a change of requirements.txt (needs uv)"
	@echo "make clean       remove what was built; what was installed (.venv, vendor) stays"
	@echo ""
	@echo "PYTHON=/path/to/python3   the Python (3.11 to 3.14) that .venv is made from"
	@echo "FORCE=1                   book or test again, though nothing changed"
	@echo "LSTM_CORE_DATA=/folder    where the data sets lie (absolute); tests that need one are skipped without"

env: $(ENV)

# An environment knows its folder: made anew when the project was moved, or when its Python is gone.
STALE := $(shell test -x $(PY) && test "$$(cat $(ENV) 2>/dev/null)" = "$$(pwd -P)" || echo FORCE)

$(ENV): requirements.lock pyproject.toml tools/venv.sh $(STALE)
	@tools/venv.sh

# The list of files, written only when it changes: a file that was removed counts as a change, too.
_build/sources.txt: FORCE
	@mkdir -p _build
	@echo "$(SOURCES)" > $@.new
	@if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi

# A stamp bears the time at which its run began, so what is edited meanwhile counts as changed.
book: $(BOOK)
	@$(if $(BUILT),,echo "make book: nothing changed since the last build (make book FORCE=1 builds again)")
	@echo "The book: _build/html/index.html"

$(BOOK): $(ENV) $(MATHJAX) $(PYODIDE) $(SYMPY) _build/sources.txt $(SOURCES) $(if $(FORCE),FORCE)
	$(eval BUILT := 1)
	@rm -rf _build/html _build/.doctrees && touch _build/book.started
	$(BUILD) -q
	@mv _build/book.started $@

$(MATHJAX) $(AXE) $(PYODIDE): $(ENV) tools/npm.py
	@$(PY) tools/npm.py $@

$(SYMPY): $(ENV) tools/sympy_zip.py
	@$(PY) tools/sympy_zip.py $@

test: $(TESTED)
	@$(if $(RAN),,echo "make test: passed, and nothing changed since (make test FORCE=1 runs it again)")

# The pages are measured in a browser, so the book comes first.
$(TESTED): $(ENV) $(BOOK) $(AXE) _build/sources.txt $(SOURCES) $(if $(FORCE),FORCE)
	$(eval RAN := 1)
	@touch $@.started
	$(LINT)
	$(PYTEST) $(NBVAL) $(TWO) tests chapters
	@mv $@.started $@

proofs: $(ENV)
	$(PYTEST) tests -q -m proof

formal: $(ENV)
	@$(PY) tools/formal.py

# In an environment of its own: PyTorch and Numba are measured against, and nothing else needs them.
bench: $(ENV)
	@test -x _build/bench/bin/python || $(PY) -m venv _build/bench
	@_build/bench/bin/python -m pip install -q -c requirements.txt -e ".[onnx]" -r benchmarks/requirements.txt
	@env -u OPENBLAS_CORETYPE -u OPENBLAS_L2_SIZE _build/bench/bin/python benchmarks/speed.py

notebooks: $(ENV)
	@$(PY) tools/notebooks.py $(if $(NB),$(NB),$(filter chapters/%.ipynb,$(SOURCES)))

ledger: $(ENV)
	@$(PY) -m lstm_proofs.ledger
	@$(PY) tools/proof_map.py

fuzz: $(ENV)
	@$(PY) tools/fuzz.py
	FUZZ_ARGUMENTS=100000 FUZZ_NETWORKS=10000 FUZZ_TRAININGS=2000 FUZZ_MACHINES=500 \
		$(PYTEST) -q -k fresh $(addprefix tests/,behaviour/test_arguments.py oracles/test_random_networks.py \
		behaviour/test_random_trainings.py behaviour/test_stateful.py)

student: $(ENV)
	@$(PY) tools/student.py

pdf: book
	@$(PY) tools/pdf.py

downloads: $(ENV)
	@$(PY) tools/downloads.py $(NB)

status: $(ENV)
	@$(PY) tools/status.py

publish: book
	@tools/publish.sh

serve: book
	$(PY) -m http.server $(PORT) --bind 127.0.0.1 --directory _build/html

links: $(ENV) $(MATHJAX)
	$(BUILD) --builder linkcheck

lint: $(ENV)
	$(LINT)

lock:
	@tools/lock.sh

wheel: $(ENV)
	@$(PY) tools/wheel.py

clean:
	rm -rf _build .pytest_cache .ruff_cache .mypy_cache .hypothesis *.egg-info
