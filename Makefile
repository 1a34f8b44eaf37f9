# What a newcomer needs: `make run`. Assumes Python 3.11 or newer and make, nothing else.
.DEFAULT_GOAL := help
.PHONY: help install run test bench bench-ledger lint format schema screenshots
PYTHON_IN_VENV := .venv/bin/python

help: ## List what can be made
	@echo "make run     start everything on http://127.0.0.1:8000 (PORT=… for another port)"
	@echo "make test    every check and test; make lint and make format for style alone"
	@echo "make bench   every figure of docs/explanation/performance.md, held against its bound"
	@echo "make bench-ledger  the figures of the ledger alone: appending, sealing, checking, proving"
	@echo "make schema  write the OpenAPI description anew"
	@echo "make screenshots  take the pictures in docs/images anew; needs Chromium"

install:
	@sh scripts/install

run: install
	@exec $(PYTHON_IN_VENV) -m tools.localstack.run

test:
	@exec sh scripts/test

lint: install
	@exec sh scripts/test --lint

format: install
	@$(PYTHON_IN_VENV) -m ruff format .
	@$(PYTHON_IN_VENV) -m ruff check --fix .

bench: install
	@exec $(PYTHON_IN_VENV) -m benchmarks

bench-ledger: install
	@exec $(PYTHON_IN_VENV) -m benchmarks appending sealing

schema: install
	@DATABASE_URL= $(PYTHON_IN_VENV) manage.py spectacular --validate --fail-on-warn --file docs/reference/openapi.yaml

screenshots: install
	@exec $(PYTHON_IN_VENV) -m tools.localstack.ephemeral -- $(PYTHON_IN_VENV) scripts/screenshots
