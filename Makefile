# `make` alone prints the targets.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

BIN := .venv/bin
PACKAGES := libs/runtail services/web services/worker services/socket
VENV := .venv/.complete

.PHONY: help
help: ## Print this text
	@awk 'BEGIN { FS = ":.*## " } \
	  /^##@/ { printf "\n%s\n", substr($$0, 5) } \
	  /^[a-z-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

##@ Set up

.PHONY: venv
venv: $(VENV) ## Make .venv from the hash-pinned locks

# The packages are installed as links to their sources, with a build backend
# that is pinned like everything else (hence no build isolation).
$(VENV): requirements/dev.txt $(PACKAGES:%=%/pyproject.toml)
	@python=; \
	for candidate in $${PYTHON:-python3 python3.13 python3.12 python3.11}; do \
	  if "$$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null; \
	  then python=$$candidate; break; fi; \
	done; \
	if [ -z "$$python" ]; then \
	  echo "Runtail needs Python 3.11, 3.12 or 3.13, and none is on the PATH" \
	    "(python3 is: $$(python3 --version 2>&1 || true)); PYTHON=/path/to/python names another." >&2; \
	  exit 1; \
	fi; \
	echo "Making .venv with $$("$$python" --version)"; \
	rm -rf .venv; \
	"$$python" -m venv .venv || { \
	  echo "Python's venv module does not work here (on Debian: apt install python3-venv)." >&2; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check \
	  --require-hashes -r requirements/dev.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check \
	  --no-deps --no-build-isolation $(addprefix -e ,$(PACKAGES))
	@touch $@
