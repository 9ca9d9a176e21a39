# Everything runs in .venv, which `setup` makes and keeps up to date; nothing else needs to be installed by hand.
.PHONY: help setup demo train bundle test lint bench lock clean

PYTHON_IN_VENV := .venv/bin/python
# Left to the command line: make demo DEMO_ARGS=--no-gui, make test TEST_ARGS="-k rotation", make setup PYTHON=…
DEMO_ARGS :=
TRAIN_ARGS := --out demo/training
TEST_ARGS :=
LOCK_ARGS :=
BUNDLE_ARGS :=
export PYTHON

help:
	@echo "make demo    set up, then run the paper on a small study and open the window (DEMO_ARGS=--no-gui: no window)"
	@echo "make train   set up, install PyTorch, then train the demo's networks from nothing (TRAIN_ARGS=\"--out DIR\")"
	@echo "make bundle  set up, install PyInstaller, then make dist/canon-explorer/ and a .deb of it (docs/packaging.md)"
	@echo "make test    set up, then ruff, mypy, import-linter and all tests (TEST_ARGS=\"-k rotation\": some tests)"
	@echo "make setup   only the set-up: .venv with everything in it"
	@echo "make lint    ruff, mypy and import-linter"
	@echo "make bench   run every benchmark and write docs/performance.md"
	@echo "make lock    write packaging/requirements.txt anew (LOCK_ARGS=--upgrade: newer versions)"
	@echo "make clean   remove caches and build output; .venv and your studies stay"

setup:
	@sh packaging/with-python.sh packaging/set_up.py

demo: setup
	@.venv/bin/canon demo $(DEMO_ARGS)

train: setup
	$(PYTHON_IN_VENV) -m pip install "torch>=2.6"
	$(PYTHON_IN_VENV) -m canon_core.demo.training $(TRAIN_ARGS)

bundle: setup
	$(PYTHON_IN_VENV) -m pip install --quiet "pyinstaller>=6"
	$(PYTHON_IN_VENV) packaging/bundle.py $(BUNDLE_ARGS)
	$(PYTHON_IN_VENV) packaging/try_bundle.py

lint: setup
	$(PYTHON_IN_VENV) -m ruff check .
	$(PYTHON_IN_VENV) -m mypy
	.venv/bin/lint-imports

test: lint
	$(PYTHON_IN_VENV) packaging/run_tests.py $(TEST_ARGS)

bench: setup
	$(PYTHON_IN_VENV) packaging/run_benchmarks.py

lock: setup
	$(PYTHON_IN_VENV) packaging/lock.py $(LOCK_ARGS)

clean:
	rm -rf build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .benchmarks *.egg-info
	find app canon_core packaging tests -name __pycache__ -type d -prune -exec rm -rf {} +
