# make alone lists what there is. Everything is set up in .venv by the first target that needs it.
.DEFAULT_GOAL := help
.PHONY: help setup runner rehearse workflows drill stop test check bench lock clean
SHELL := /bin/bash

PYTHON ?= python3
UV := .venv/bin/uv
COMPILE = $(UV) pip compile --quiet --universal --generate-hashes --python-version 3.11 --no-emit-index-url \
  $(if $(UPGRADE),--upgrade) --custom-compile-command 'make lock'
# Who asked for what is read from a service's lock only (gitops/newservice): elsewhere it is a tenth of the lines.
OURS = $(COMPILE) --no-annotate
SERVICES = $(basename $(wildcard services/*/requirements.in))
STARTER := gitops/newservice/starter/services/Starter/requirements
SYNC := $(UV) pip sync --quiet --require-hashes
# What every verb, the emulator and the tasks import. Compiled once: where PYTHONDONTWRITEBYTECODE is set,
# each start would compile it again.
COMPILED := backports boto3 botocore certifi charset_normalizer cryptography dateutil docker flask gunicorn h11 h2 hypercorn \
  idna jinja2 jmespath jsonschema jwt ministack msgspec oras psutil requests rich six.py typing_extensions.py \
  urllib3 werkzeug yaml

# Runs the workflows on this machine. The version is the one that rehearsal/runner/act.py asks for.
ACT := .tools/act-0.2.89

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

rehearse: .venv/.done ## AWS on this machine: bring it up, ship HEAD, leave it running (SERVICE=, PORT=, RUNTIME=processes|containers, COMMIT=)
	@.venv/bin/rehearsal run $(if $(ENVIRONMENT),--environment $(ENVIRONMENT)) $(if $(SERVICE),--service $(SERVICE)) $(if $(PORT),--port $(PORT)) $(if $(RUNTIME),--runtime $(RUNTIME)) $(if $(COMMIT),--commit $(COMMIT))

workflows: .venv/.done .venv-checkov/.done $(ACT) ## every workflow of .github on AWS on this machine, and what each took (PORT=, RUNTIME=)
	@.venv/bin/rehearsal workflow $(if $(ENVIRONMENT),--environment $(ENVIRONMENT)) $(if $(PORT),--port $(PORT)) $(if $(RUNTIME),--runtime $(RUNTIME))

drill: .venv/.done ## make what runs here fail on purpose, under load, and count what is lost (SERVICE=, RATE=, DRILL=one of docs/drills.md, TIMES=)
ifeq ($(DRILL),first-image)
	@.venv/bin/python -m pytest -q -n0 -rA tests/rehearsal/drills/test_happenings.py -k first_image
else
	@.venv/bin/gitops drill $(or $(ENVIRONMENT),rehearsal) --within 30 $(if $(SERVICE),--service $(SERVICE)) $(if $(RATE),--rate $(RATE)) $(if $(DRILL),--drill $(DRILL)) $(if $(TIMES),--times $(TIMES))
endif

stop: .venv/.done ## end the rehearsal; nothing is left running
	@.venv/bin/rehearsal stop

test: .venv/.done .venv-checkov/.done $(ACT) ## every check and every test (LONG=1: those that take minutes as well, as in CI)
	@.venv/bin/gitops check
	@LONG=$(LONG) .venv/bin/gitops test

check: .venv/.done .venv-checkov/.done ## the checks alone: lint, types, templates, policy, workflows
	@.venv/bin/gitops check

bench: .venv/.done .venv-checkov/.done ## measure: render, fifty services, the service, verdicts, the rehearsal under each runtime, memory
	@.venv/bin/python -m tests.bench

setup: .venv/.done .venv-checkov/.done ## set up the environments and nothing else

runner: $(ACT) ## install act, which runs workflows on this machine (needs Go)

lock: .venv/.done ## compile the requirements again, with hashes (UPGRADE=1 takes the newest versions)
	@for source in $(SERVICES); do $(COMPILE) $$source.in -o $$source.txt || exit 1; done
	@for source in requirements/bootstrap requirements/checkov; do $(OURS) $$source.in -o $$source.txt || exit 1; done
	@$(OURS) requirements/dev.in $(SERVICES:%=%.in) $(SERVICES:%=-c %.txt) -o requirements/dev.txt
	@$(COMPILE) $(STARTER).in $(SERVICES:%=-c %.txt) -o $(STARTER).txt

clean: ## remove environments, programs and caches (make stop first)
	@rm -rf .venv .venv-checkov .tools .mypy_cache .pytest_cache .ruff_cache *.egg-info

# The mark is written last: an interrupted set-up is done again.
.venv/.done: requirements/dev.txt requirements/bootstrap.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed: make PYTHON=python3.11")'
	@echo "setting up .venv"
	@test -x .venv/bin/python || $(PYTHON) -m venv .venv
	@test -x $(UV) || .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bootstrap.txt
	@$(SYNC) --python .venv/bin/python requirements/dev.txt requirements/bootstrap.txt
	@$(UV) pip install --quiet --python .venv/bin/python --no-deps --no-build-isolation --editable .
	@cd .venv/lib/python3*/site-packages && ../../../bin/python -m compileall -q -j 0 $(COMPILED)
	@touch $@

.venv-checkov/.done: requirements/checkov.txt .venv/.done
	@echo "setting up .venv-checkov"
	@test -x .venv-checkov/bin/python || $(PYTHON) -m venv .venv-checkov
	@$(SYNC) --python .venv-checkov/bin/python requirements/checkov.txt
	@touch $@

# Without Go it is not made: the tests that run workflows then say so, and fail where CI is set.
$(ACT):
	@if command -v go >/dev/null; then \
	  echo "installing act"; \
	  GOBIN=$(CURDIR)/.tools go install github.com/nektos/act@v$(@:.tools/act-%=%) && mv .tools/act $@; \
	else echo "act is not installed, for Go is not here: apt-get install golang, or https://go.dev/doc/install"; fi
