# Every target sets up what it needs; each works as the first command after a clone.
PYTHON ?= $(firstword $(foreach name,python3.11 python3.12 python3.13 python3,$(shell command -v $(name) 2>/dev/null)))
BIN := .venv/bin
DATA ?= ../shared/data

.PHONY: serve test test-all check format bench text-bench soak train lock clean

serve: .venv/serve.stamp  ## start the service on the embedded model, offline
	HF_HUB_OFFLINE=1 $(BIN)/dateline serve

test: .venv/test.stamp  ## run the tests (8 minutes on two slow cores)
	$(BIN)/python -m pytest -m "not slow"

test-all: .venv/test.stamp  ## run the longer proofs too (half an hour)
	$(BIN)/python -m pytest

check: .venv/dev.stamp  ## format, lint, types, tests, docs
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -m "not slow"

format: .venv/dev.stamp
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: .venv/bench.stamp  ## compare with plain transformers, LitServe and CTranslate2, side by side (20 minutes)
	$(BIN)/python -m tests.bench.embedded
	$(BIN)/python -m tests.bench.serving

text-bench: .venv/bench.stamp  ## sentence boundaries and furniture against gold ones, from DATA (1 minute)
	$(BIN)/python -m tests.bench.boundaries $(DATA)

soak: .venv/bench.stamp  ## ten times more load than the service can do, for a minute; a million records (15 minutes)
	$(BIN)/python -m tests.bench.overload
	$(BIN)/python -m tests.bench.archive

train: .venv/train.stamp  ## train news-minilm from DATA into build/news-minilm
	MALLOC_TRIM_THRESHOLD_=4294967296 MALLOC_MMAP_THRESHOLD_=4294967296 \
	$(BIN)/python -m models.training $(DATA) build/news-minilm

lock: .venv/dev.stamp  ## the image's dependencies with their hashes, from constraints.txt
	$(BIN)/pip-compile --quiet --generate-hashes --strip-extras --no-annotate --no-emit-options --constraint constraints.txt \
	  --unsafe-package torch --unsafe-package setuptools --unsafe-package pip --extra ct2 --extra postgresql --extra remote --extra warc \
	  --output-file requirements.lock pyproject.toml

clean:
	rm -rf .venv build dist *.egg-info

.venv/serve.stamp: pyproject.toml constraints.txt
	$(call install,.)
.venv/test.stamp: pyproject.toml constraints.txt
	$(call install,.[test])
.venv/dev.stamp: pyproject.toml constraints.txt
	$(call install,.[dev])
.venv/bench.stamp: pyproject.toml constraints.txt
	$(call install,.[bench])
.venv/train.stamp: pyproject.toml constraints.txt
	$(call install,.[training])

define install
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	  { echo "Python 3.11 or newer is needed; set PYTHON=/path/to/python3.11"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '$(1)'
	touch .venv/serve.stamp $@
endef
