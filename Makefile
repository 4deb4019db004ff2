# Every target sets the course up first (seconds when it already is). `make help` lists them.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && exit; done; echo python3)
BIN := $(CURDIR)/.venv/bin
# Not exported for all: set-up must find the system's Python, not the one in the .venv that it may have to replace.
IN_VENV = PATH="$(BIN):$$PATH"

.DEFAULT_GOAL := help
.PHONY: help setup lab test quick notebooks browser matrix mutants claims peers bench weights clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## install the course into .venv (the other targets do this first)
	@$(PYTHON) scripts/setup.py

lab: setup ## open the course in JupyterLab
	@$(IN_VENV) "$(BIN)/dgm-tutor" lab

test: setup ## every check: lint, tests, pages, browser, wheel, newest versions
	@$(IN_VENV) "$(BIN)/python" scripts/verify.py

quick: setup ## lint and the fast tests, a few minutes
	@$(IN_VENV) "$(BIN)/python" scripts/verify.py lint quick

browser: setup ## drive the pages in headless Chromium
	@$(IN_VENV) "$(BIN)/python" scripts/verify.py browser

notebooks: setup ## regenerate lecture12/*.ipynb from lecture12/*.py
	@$(IN_VENV) "$(BIN)/python" scripts/pages.py build

weights: setup ## train the shipped weights again
	@$(IN_VENV) "$(BIN)/python" scripts/weights.py

matrix: setup ## prove the exercises: wrong answers caught, right ones accepted, verdict flips over 1,000 seeds
	@"$(BIN)/dgm-tutor" matrix --seeds 1000 --output docs/matrix.md

mutants: setup ## prove the tests: known slips in the code, each of which must be caught
	@$(IN_VENV) "$(BIN)/python" scripts/mutants.py

claims: setup ## measure what the lecture claims and write docs/claims.md; an hour, and it resumes
	@$(IN_VENV) "$(BIN)/dgm-tutor" claims --output docs/claims.md

peers: setup ## the libraries that benchmarks compare with, in .peers
	@test -x .peers/bin/python || $(PYTHON) -m venv .peers
	@.peers/bin/python -m pip install --disable-pip-version-check -q -c constraints.txt \
		--extra-index-url https://download.pytorch.org/whl/cpu -r benchmarks/peers.txt -e '.[course]'
	@.peers/bin/python -m pip install --disable-pip-version-check -q --no-deps multivae==1.0.3

bench: setup ## measure speed on this machine, and attacks on stock nbgrader in a cage (an hour or more)
	@$(IN_VENV) "$(BIN)/dgm-tutor" bench

clean: ## remove .venv, caches and test artifacts; your notebooks, runs and downloads stay
	rm -rf .venv .pytest_cache .ruff_cache artifacts build dist
	find . -name .git -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +
