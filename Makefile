# make demo         install what the app needs, start it, print its address
# make test         install what the tests need, run them all
# make screenshots  take the pictures of the README from the running app
# make benchmarks   measure every figure of the docs anew
# make reliability  kill it, feed it what is no picture, call it past the page: docs/reliability.md

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test lint screenshots benchmarks reliability clean

demo: $(VENV)/installed
	$(BIN)/python app.py

test: $(VENV)/installed-tests
	PATH="$(abspath $(BIN)):$$PATH" sh tests/install_chromium.sh
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python -m pytest -n 2 --dist loadfile $(ARGS)

lint: $(VENV)/installed-tests
	$(BIN)/ruff check .
	$(BIN)/ruff format .

screenshots: $(VENV)/installed-tests
	PATH="$(abspath $(BIN)):$$PATH" sh tests/install_chromium.sh
	$(BIN)/python -m tests.browser.screenshots

benchmarks: $(VENV)/installed-tests
	$(BIN)/python -m pip install --quiet -r benchmarks/requirements.txt
	$(BIN)/python -m benchmarks.throughput
	$(BIN)/python -m benchmarks.agreement
	$(BIN)/python -m benchmarks.certainty
	$(BIN)/python -m benchmarks.latency
	$(BIN)/python -m benchmarks.startup
	$(BIN)/python -m benchmarks.piled_photos
	$(BIN)/python -m benchmarks.classroom
	$(BIN)/python -m benchmarks.embedding
	$(BIN)/python -m benchmarks.head
	$(BIN)/python -m benchmarks.head_speed
	$(BIN)/python -m benchmarks.first_run
	$(BIN)/python -m benchmarks.backbones
	$(BIN)/python -m benchmarks.transfer
	$(BIN)/python -m benchmarks.transfer_distance
	$(BIN)/python -m benchmarks.finetune
	$(BIN)/python -m benchmarks.finetune --scratch --minutes 6
	$(BIN)/python -m benchmarks.ideal_images
	$(BIN)/python -m benchmarks.ideal_ensemble
	$(BIN)/python -m benchmarks.ideal_steps
	$(BIN)/python -m benchmarks.attacks
	$(BIN)/python -m benchmarks.attack_steps
	$(BIN)/python -m benchmarks.attack_floor
	$(BIN)/python -m benchmarks.attack_transfer
	$(BIN)/python -m benchmarks.tricks
	$(BIN)/python -m benchmarks.inside
	$(BIN)/python -m benchmarks.tables

reliability: $(VENV)/installed-tests
	$(BIN)/python -m benchmarks.kills
	$(BIN)/python -m benchmarks.faults
	$(BIN)/python -m benchmarks.hostile_pictures
	$(BIN)/python -m benchmarks.past_the_page

# The stamps make a second run start at once; a changed list of packages installs again.
$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "Pet Lens needs Python 3.10 or newer")'
	$(PYTHON) -m venv --clear $(VENV) || { rm -rf $(VENV); echo "Debian and Ubuntu: apt install python3-venv"; exit 1; }
	$(BIN)/python -m pip install --quiet --upgrade pip

$(VENV)/installed: requirements.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet -r requirements.txt
	touch $@

$(VENV)/installed-tests: tests/requirements.txt $(VENV)/installed
	$(BIN)/python -m pip install --quiet -r tests/requirements.txt
	touch $@

clean:
	rm -rf $(VENV) .pytest_cache .ruff_cache
