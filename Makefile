# Bare `make` lists the targets. Every target makes what it needs: a virtual environment from the hash lock.

PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
  if command -v $$p >/dev/null && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then echo $$p; break; fi; done)
VENV := .venv
BIN := $(VENV)/bin
JOBS ?= 2
SEED ?= 7
READY := $(VENV)/.ready
COMPILED := .compiled/.ready
SOURCES := $(shell find src -name '*.py')

# Tests of what no compiler touches: shells, servers, documents.
NEVER_COMPILED := $(addprefix tests/,deploy orchestrator planes wire docs/test_generated.py docs/test_links_and_words.py) \
  $(addprefix tests/live/,bad_input discovery faults matrix rest security store telemetry)

# Tests that need minutes of a quiet machine each: scenarios against real services, and searches of a whole ecosystem.
LANES := tests/orchestrator/test_two_venues_up.py tests/live/matrix/test_live_faults.py
# Real services for a minute in all: who hears and reaches whom, and what is scraped. They run last, and alone.
ALONE := tests/deploy/test_scrape.py $(addprefix tests/planes/test_,canaries.py refusals.py network.py)
BOUNDARIES := tests/validation/test_coordinator/test_every_boundary.py
LIVE_COMMANDS := tests/docs/test_commands.py::test_the_live_commands_do_what_they_say

# The compiled build shadows its sources: it comes first on the path where it exists.
RUN = PYTHONPATH=$(CURDIR)/.compiled

.DEFAULT_GOAL := help
.PHONY: help demo live test lanes kills planes check lint determinism bench month boundaries loosened compiled suite lock clean

help:  ## List the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1|/' | column -t -s '|'

demo: $(COMPILED)  ## Run the 36-hour USDT depeg: verdict, timeline, HTML report under out/
	@$(RUN) $(BIN)/tse run usdt-depeg-36h --no-boundary --report out

live: $(COMPILED)  ## Seven real services: a 15% crash at 60x, a kill while trading, and everything down again
	@$(RUN) $(BIN)/python checks/live.py

test: $(COMPILED)  ## Run all tests, and those of what is compiled once more with the compiled build
	@echo "== tests, plain Python"
	@$(BIN)/pytest -n $(JOBS) --dist loadgroup -m "$$([ -f .compiled/pure ] && echo 'slow or not slow' || echo 'not whole')" \
	  $(addprefix --ignore=,$(LANES) $(ALONE) $(BOUNDARIES)) --deselect $(LIVE_COMMANDS)
	@echo "== tests, compiled"
	@if [ -f .compiled/pure ]; then echo "no C compiler: the compiled build is not there to be tested"; \
	else $(RUN) $(BIN)/pytest -n $(JOBS) --dist loadgroup -m "not slow" $(addprefix --ignore=,$(NEVER_COMPILED) $(BOUNDARIES)); fi
	@echo "== tests of planes and scrape, live, with nothing beside them"
	@$(BIN)/pytest $(ALONE)

lanes: $(COMPILED)  ## Run the long live tests, one after the other, on a machine that does nothing else
	@$(BIN)/pytest $(LANES) $(LIVE_COMMANDS)

kills: $(READY)  ## Kill exchange and custodian 200 times on SQLite and 50 on PostgreSQL: nothing is lost or doubled
	@for service in exchange custodian; do for store in sqlite:100 postgresql:25; do echo "== $$service, $$store cycles"; \
	  $(BIN)/python checks/kill_loop.py --service $$service --store $${store%:*} --cycles $${store#*:} || exit 1; done; done

planes: $(READY)  ## Compare fifty pairs of runs that differ in the test alone: the risk monitor says the same
	@$(BIN)/python checks/planes.py --pairs 50 --processes 5

check: lint determinism  ## Lint, types, import contracts, purity of the cores, wire, determinism

lint: $(READY)
	@echo "== ruff" && $(BIN)/ruff check . && $(BIN)/ruff format --check .
	@echo "== mypy" && $(BIN)/mypy
	@echo "== import contracts" && PYTHONPATH=src $(BIN)/lint-imports
	@echo "== purity of the cores" && $(BIN)/python checks/purity.py
	@echo "== wire" && $(BIN)/python checks/wire.py
	@echo "== descriptions of the REST surfaces" && $(BIN)/python checks/openapi.py

determinism: $(COMPILED)
	@echo "== determinism" && $(BIN)/python checks/determinism.py

bench: $(COMPILED)  ## Measure: kernel against SimPy, the 36-hour depeg against its limits, the live path against bare gRPC
	@$(BIN)/python benchmarks/run.py

suite: $(COMPILED)  ## Run every scenario with its twin, reports under out/
	@$(RUN) $(BIN)/tse suite --jobs $(JOBS) --report out

month: $(COMPILED)  ## Run thirty simulated days with all that can happen to money, and thirty quiet ones: books at zero, nobody called
	@$(RUN) $(BIN)/python checks/month.py
	@$(RUN) $(BIN)/python checks/quiet_month.py

boundaries: $(COMPILED)  ## Run both sides of every boundary with three seeds
	@$(RUN) $(BIN)/pytest -n $(JOBS) $(BOUNDARIES)

loosened: $(COMPILED)  ## Loosen each limit that a scenario rests on: every time it must fail, and name the alert
	@$(RUN) $(BIN)/python checks/loosened.py --jobs $(JOBS)

compiled: $(COMPILED)  ## Build the hot modules with mypyc into .compiled/

lock: $(READY)  ## Write the hash locks anew from requirements/*.in
	@$(BIN)/python -m pip install --quiet uv
	@for name in run dev; do $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-header requirements/$$name.in -o requirements/$$name.txt; done

clean:  ## Remove everything that was made, but for out/
	@rm -rf $(VENV) .compiled build *.egg-info src/*.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(READY): requirements/dev.txt pyproject.toml
	@[ -n "$(PYTHON)" ] || { echo "Python 3.11 or newer is needed, and none was found"; exit 2; }
	@echo "== virtual environment in $(VENV) ($$($(PYTHON) --version))"
	@[ -x $(BIN)/python ] && $(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	@echo "== packages from the hash lock"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(COMPILED): $(READY) $(SOURCES) compiled-modules.txt setup.py
	@$(BIN)/python checks/compile.py
	@touch $@
