# What checks is a step of .ci/run, alone or as a part of `make test`; `make run` and `make test` are the two that a newcomer needs.
SHELL := /bin/bash
.DEFAULT_GOAL := help
export CARGO_TERM_COLOR ?= auto

HOPWATCH_LISTEN ?= 127.0.0.1:8080
TARGET := $(or $(CARGO_TARGET_DIR),target)

.PHONY: help
help: ## What there is to make
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sort | awk -F':.*## ' '{printf "  %-16s %s\n", $$1, $$2}'

.PHONY: run
run: packages viewer ## Build everything and serve the demo on http://127.0.0.1:8080
	@echo "==> building the server (the first time takes some minutes)"
	cargo build --locked --release -p hopwatch
	$(TARGET)/release/hopwatch demo --listen $(HOPWATCH_LISTEN)

.PHONY: test
test: packages viewer-test rust-test browser-test ## Run every test: Rust, TypeScript, browser

.PHONY: packages
packages: ## Install the Debian packages that building and testing need, where they are missing
	@.ci/packages

.PHONY: viewer
viewer: frontend/node_modules/.installed ## Build the viewer into frontend/dist
	@echo "==> building the viewer"
	cd frontend && npm run --silent build

frontend/node_modules/.installed: frontend/package-lock.json
	@echo "==> installing the viewer's packages"
	cd frontend && npm ci --no-audit --no-fund
	@touch $@

.PHONY: viewer-test
viewer-test: frontend/node_modules/.installed ## Type-check, lint and unit-test the viewer
	cd frontend && npm run --silent codegen:check && npm run --silent typecheck && npm run --silent lint && npm test --silent

.PHONY: rust-test
rust-test: viewer ## Run the Rust tests; a golden that no test uses any more is a failure
	cargo build --locked --workspace --bins
	INSTA_UPDATE=no cargo test --locked --workspace --no-fail-fast

.PHONY: release
release: viewer ## Build the release binary
	cargo build --locked --release -p hopwatch

.PHONY: binary
binary: viewer
	cargo build --locked -p hopwatch

.PHONY: browser-test
browser-test: binary ## Drive the viewer in headless Chromium, served by the development binary
	tests/browser/run $(TARGET)/debug/hopwatch

.PHONY: evaluate-behaviour
evaluate-behaviour: ## Measure the behaviour models on generated recordings (BENCH, SEEDS, PYTHON, GEOIP)
	cargo build --locked --release -p hopwatch
	.ci/evaluate-behaviour $(TARGET)/release/hopwatch

.PHONY: commits
commits: ## Check the form of the latest commit messages
	@.ci/check-commits

.PHONY: fmt
fmt: ## Check the formatting
	cargo fmt --all --check

.PHONY: lint
lint: ## Clippy on every target, warnings are errors
	cargo clippy --locked --workspace --all-targets -- -D warnings

.PHONY: doc
doc: ## Build the API documentation, warnings are errors
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --workspace --no-deps

.PHONY: deny
deny: ## Licences, banned and duplicate crates, sources
	@.ci/tool cargo-deny 0.20.2 >/dev/null
	cargo deny --log-level error check bans licenses sources

.PHONY: schema
schema: ## Print schema.graphql anew
	cargo run --locked -q -p hopwatch -- schema > schema.graphql

.PHONY: docs
docs: ## Write the generated pages of docs/ anew
	HOPWATCH_WRITE_DOCS=1 cargo test --locked -q -p hopwatch-tests --test generated_docs

.PHONY: evaluate
evaluate: binary ## Judge the corpus and the lab's scenarios and write docs/evaluation.md
	tests/evaluation/run $(TARGET)/debug/hopwatch > docs/evaluation.md.new
	mv docs/evaluation.md.new docs/evaluation.md

.PHONY: check-contract
check-contract: binary ## schema.graphql is what the binary prints
	$(TARGET)/debug/hopwatch schema | diff -u schema.graphql -

.PHONY: lab
lab: packages ## Bring up the Samba lab and compare our collection with the collectors' (root)
	@.ci/lab

.PHONY: bench-graph
bench-graph: ## Time the graph engine beside igraph, networkit and petgraph
	tests/bench/graph

.PHONY: bench-detections
bench-detections: ## Time all detections on a mixed day of 10 M events, and 2,000 Sigma rules
	cargo bench --locked -p hopwatch-detections --bench day --bench rules
