# The verbs of a contributor's day. Each sets up what it needs, in a virtual environment of the project's own.

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/ready

.PHONY: help demo docs paper latency-estimate int8-defaults int8-gate serve-memory screenshots serve-uploads coverage-of-intervals domain cells reference-figures emulator test test-quick test-kills test-emulator test-processors test-backends test-pythons fuzz lint format dist clean corruptions watch-speed watch-kills explain hardening cluster-speed cluster-kills bench bench-gate

help:
	@echo "make demo    the whole flow on synthetic cells, about 9 minutes on 2 cores"
	@echo "make paper   the published protocol on all six backbones, synthetic smears, 2 epochs (EPOCHS=50: as published)"
	@echo "make test    the test suite, in random order (SEED=N: in that of an earlier run)"
	@echo "make test-quick  the same without slow files, in under 90 s: for the work between commits"
	@echo "make docs    the pages of docs/ as HTML in docs/_build, warnings and broken links are errors"
	@echo "make test-processors  the engines' tests with AVX2 alone, and on emulated processors (QEMU)"
	@echo "make test-kills  a process that replaces a folder, stopped at each of its instructions"
	@echo "make test-backends  training under JAX as under TensorFlow (installs JAX)"
	@echo "make int8-defaults RUNS=\"runs/NAME ...\"  INT8 artifacts beside each vendor's default quantizer (OTHER=DIR: on other pictures too)"
	@echo "make int8-gate RUNS=\"runs/NAME.folds ...\"  the gate of INT8 exports on broken and on sound models, a minute a run"
	@echo "make bench   edgeall beside its alternatives, some hours; QUICK=1: ten minutes; SECTIONS=\"NAME ...\": some (docs/benchmarks.md)"
	@echo "make bench-gate  ratios that must not grow, with wide margins, in a minute"
	@echo "make serve-memory ARTIFACT=FILE.tflite  memory of edgeall serve after 1,000 large pictures, some minutes"
	@echo "make serve-uploads  10,000 malformed pictures and vanishing clients, and requests of all kinds, for edgeall serve"
	@echo "make screenshots  the pictures in docs/images, from the page of edgeall serve in Chromium"
	@echo "make watch-speed ARTIFACT=FILE.tflite  edgeall watch beside edgeall classify, on one processor, and its memory"
	@echo "make watch-kills  watchers that are killed 1,000 times while pictures arrive (KILLS=N), at most 12 minutes"
	@echo "make cluster-speed ARTIFACT=FILE  edgeall classify --scheduler beside edgeall classify, and what a job costs, ten minutes"
	@echo "make cluster-kills ARTIFACT=FILE  20,000 pictures on 1, 2 and 4 workers, then with killed ones (KILLS=N), minutes"
	@echo "make coverage-of-intervals  how often the intervals over subjects hold the truth, by simulation (quarter of an hour)"
	@echo "make domain DATA=DIR  what the domain of a model takes and refuses, on C-NMC, BCCD and photographs (minutes)"
	@echo "make corruptions RUNS=\"runs/NAME ...\"  what corrupted test images do to the runs' artifacts (minutes to an hour a run)"
	@echo "make latency-estimate  how wrong estimated latencies of Raspberry Pis are: each published network left out"
	@echo "make cells DATA=DIR  white cells found in BCCD's fields, by their published boxes (DIR has bccd/ and bccd-boxes.csv)"
	@echo "make reference-figures RESULTS=\"runs/NAME ...\"  bench results into docs/reference-figures (DIFF=1: compare with them)"
	@echo "make explain DATA=DIR RUN=runs/NAME  what the maps of edgeall explain tell, for a MobileNetV2 of C-NMC (DIR has cnmc/)"
	@echo "make emulator  what rpi4-emulated and rpi5-emulated run on: arm64 Debian and QEMU, half a minute"
	@echo "make test-emulator  both emulated Pis against this machine, and a kit on each, some minutes"
	@echo "make test-pythons  the field tier and the engines on other Pythons (PYTHONS=\"python3.12 python3.13\")"
	@echo "make fuzz    the property tests alone, on examples drawn anew"
	@echo "make hardening  damaged files, hostile boards, kills, full disks, cut links: a sample in 30 minutes (FULL=1: hours)"
	@echo "make lint    linter, formatter's check, type checker"
	@echo "make format  let the formatter and the linter mend what they can"
	@echo "make dist    wheel and source distribution in dist/, checked in an environment of their own"
	@echo "make clean   remove the virtual environment and what the demo made"

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "edgeall needs Python 3.11 or newer: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)
	@echo "Installing TensorFlow, ONNX Runtime, OpenVINO and the rest into $(VENV): about 600 MB, a minute or two."
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[workstation,serve,cluster,dev]"
	@touch $@

demo: $(READY)
	@# Status 1: all was done, and an artifact failed its gate, which the report says.
	$(BIN)/edgeall demo || test $$? -eq 1

EPOCHS ?= 2

paper: $(READY)
	@# Status 1: all was done, and one is worse than the first of the comparison.
	$(BIN)/python benchmarks/published_protocol.py --epochs $(EPOCHS) || test $$? -eq 1

RUNS ?= $(RUN)

int8-defaults: $(READY)
	$(BIN)/python benchmarks/int8_defaults.py $(RUNS) $(if $(OTHER),--also $(OTHER))

int8-gate: $(READY)
	$(BIN)/python benchmarks/int8_gate.py $(RUNS) --cache .int8-gate

# An interrupted bench resumes. RUN: a run in place of one that is made; ARTIFACT: a TFLite artifact for `classify`.
bench: $(READY)
	$(BIN)/python benchmarks/bench $(if $(QUICK),--quick) $(if $(SECTIONS),--sections "$(SECTIONS)") \
		$(if $(RUN),run=$(RUN)) $(if $(ARTIFACT),artifact=$(ARTIFACT))

bench-gate: $(READY)
	$(BIN)/python benchmarks/bench --gate

serve-memory: $(READY)
	$(BIN)/python benchmarks/serve_memory.py $(ARTIFACT) --out benchmarks/results/serve-memory.md

serve-uploads: $(READY)
	EDGEALL_UPLOADS=10000 EDGEALL_CLIENTS=10000 $(BIN)/python -m pytest -s -k "malformed or vanish" tests/hardening/test_served_stations.py
	EDGEALL_EXAMPLES=500 $(BIN)/python -m pytest -k every_answer tests/serving/test_openapi.py

screenshots: $(READY)
	EDGEALL_SCREENSHOTS=docs/images $(BIN)/python -m pytest -p no:randomly tests/serving/test_screenshots.py

watch-speed: $(READY)
	$(BIN)/python benchmarks/watch_speed.py $(ARTIFACT)

KILLS ?= 1000

watch-kills: $(READY)
	EDGEALL_WATCH_KILLS=$(KILLS) EDGEALL_KILL_MINUTES=12 $(BIN)/python -m pytest -n0 -s tests/watching/test_killed_watchers.py

cluster-speed: $(READY)
	$(BIN)/python benchmarks/cluster_speed.py $(ARTIFACT) --out benchmarks/results/cluster-speed.md

cluster-kills: $(READY)
	$(BIN)/python benchmarks/cluster_kills.py $(ARTIFACT) $(if $(filter command line,$(origin KILLS)),--kills $(KILLS)) \
		--out benchmarks/results/cluster-kills.md

coverage-of-intervals: $(READY)
	$(BIN)/python benchmarks/interval_coverage.py --out benchmarks/results/interval-coverage.md

# Photographs are those in scikit-image's wheel, which nothing else needs: it is unpacked, not installed.
domain: $(READY)
	@test -d "$(DATA)/cnmc" -a -d "$(DATA)/bccd" || { echo "make domain DATA=DIR: DIR has cnmc/, bccd/ and bccd-boxes.csv"; exit 2; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --upgrade --target .venv-photographs scikit-image
	$(BIN)/python benchmarks/domain.py $(DATA) --photographs .venv-photographs/skimage/data \
		--out benchmarks/results/domain.md

corruptions: $(READY)
	$(BIN)/python benchmarks/corruptions.py $(RUNS) --out benchmarks/results/corruptions.md

cells: $(READY)
	$(BIN)/python benchmarks/cells.py --data $(DATA) --out benchmarks/results/cells.md

# COUNT=DIR counts the networks' instructions again first, which takes an hour and keeps them in DIR (make emulator).
latency-estimate: $(READY)
	$(if $(COUNT),$(BIN)/python benchmarks/published_networks.py --folder $(COUNT))
	$(BIN)/python benchmarks/latency_estimate.py --out benchmarks/results/latency-estimate.md

reference-figures: $(READY)
	@test -n "$(RESULTS)" || { echo 'make reference-figures RESULTS="runs/NAME ...": name results of bench'; exit 2; }
	$(BIN)/python benchmarks/reference_figures.py $(RESULTS) $(if $(DIFF),--diff)

explain: $(READY)
	$(BIN)/python benchmarks/explain.py $(RUN) $(DATA) --out benchmarks/results/explain.md

# Two at a time, a file each, slow files first; more at once need about 3 GB each.
WORKERS ?= 2
# What is printed as "Using --randomly-seed=N" gives the same order again: make test SEED=N.
SEED    ?=
PYTEST  := $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder --durations=10 \
	$(if $(SEED),--randomly-seed=$(SEED))

test: $(READY)
	$(PYTEST)

test-quick: $(READY)
	@echo "Leaves out what trains, converts, benches or speaks to boards (see tests/conftest.py); make test has all."
	$(PYTEST) -m "not slow"

# OpenVINO and TensorFlow without the instructions after AVX2; then all three engines on emulated processors.
test-processors: $(READY)
	@command -v qemu-x86_64 >/dev/null || echo "qemu-x86_64 is missing (Debian: apt install qemu-user): its part is skipped"
	ONEDNN_MAX_CPU_ISA=AVX2 $(BIN)/python -m pytest tests/runtimes

test-backends: $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[jax]"
	$(BIN)/python -m pytest tests/training/test_backends.py

# What a field device runs, without the workstation's packages. Small models are made once, by the main environment.
PYTHONS ?= python3.12 python3.13
FIELD_TESTS := tests/runtimes tests/field tests/logbook tests/watching tests/hardening tests/cells tests/artifact tests/measuring tests/station tests/targets tests/test_pixel_mapping.py \
	tests/test_pixels.py $(addprefix tests/cli/test_,classify.py watch.py log.py inspect.py command_line.py crash_message.py devices.py)

test-pythons: $(READY)
	rm -rf .venv-pythons/models && mkdir -p .venv-pythons
	TF_ENABLE_ONEDNN_OPTS=1 PYTHONPATH=tests $(BIN)/python -m small_models .venv-pythons/models >.venv-pythons/models.log 2>&1 || { tail .venv-pythons/models.log; exit 1; }
	@set -e; failed=; for python in $(PYTHONS); do \
		place=.venv-pythons/$$(basename $$python); \
		echo "== $$python: $$($$python --version)"; \
		$$python -m venv $$place; \
		$$place/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[onnx,openvino]" \
			pytest hypothesis onnx; \
		EDGEALL_TEST_MODELS=$$PWD/.venv-pythons/models $$place/bin/python -m pytest -p no:cacheprovider $(FIELD_TESTS) \
			|| failed="$$failed $$python"; \
	done; test -z "$$failed" || { echo "failed on:$$failed"; exit 1; }

fuzz: $(READY)
	EDGEALL_HYPOTHESIS=fuzz $(BIN)/python -m pytest -m hypothesis

# FULL=1 goes on where it was interrupted; AGAIN=1 begins anew. KINDS: some of them. SLOWER=10: on a busy machine.
hardening: $(READY)
	TF_ENABLE_ONEDNN_OPTS=1 $(BIN)/python tests/hardening/harden.py $(if $(FULL),--full) $(if $(AGAIN),--again) \
		$(if $(SLOWER),--slower $(SLOWER)) $(KINDS)

emulator:
	emulator/build.sh

# A process that replaces a folder is stopped at every instruction of it, not only at every line.
test-kills: $(READY)
	EDGEALL_EVERY_STEP=1 $(BIN)/python -m pytest tests/test_files.py

test-emulator: $(READY) emulator
	EDGEALL_TEST_EMULATOR=1 $(BIN)/python -m pytest -rP tests/targets/test_emulator.py tests/bundling/test_kit_emulator.py

# Sphinx is installed when it is first needed.
docs: $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[docs]"
	$(BIN)/python -m sphinx --quiet --fail-on-warning --keep-going -c docs . docs/_build

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(READY)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

dist:
	@$(PYTHON) release/dist.py

clean:
	rm -rf $(VENV) .venv-pythons demo paper dist docs/_build
