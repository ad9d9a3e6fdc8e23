# What a developer runs. `make` alone lists it.
#
#   PG=18     the PostgreSQL major version to test against (14 to 18; default: the machine's own, Debian 12 has 15)
#   KEEP=1    the demo stays up until Enter is pressed
#   ARGS=…    more arguments for `cargo test`, for instance ARGS='--test blackbox -- pooler'

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

OLDEST := 14
NEWEST := 18
PG ?=
ifneq ($(PG),)
export PG
endif

.PHONY: help test smoke demo build lint shell chart fmt generate deny env

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@sed -n 's/^#   /  /p' $(MAKEFILE_LIST)

test: env ## Get what the tests need, and run all of them
	cargo test --workspace $(ARGS)
ifeq ($(ARGS),)
	@$(MAKE) --no-print-directory smoke
	@tests/env/chart-test
endif

smoke: env ## Run the smoke tests on the oldest and the newest PostgreSQL
	@# A selection that selects nothing would pass.
	@[ "$$(cargo test --quiet --test blackbox -- --list smoke | grep -c ': test$$')" -gt 0 ] || { echo 'no test has smoke in its name'; exit 1; }
	PG=$(OLDEST) cargo test --test blackbox -- smoke
	PG=$(NEWEST) cargo test --test blackbox -- smoke
	@# What the linter says of locks is compared with the servers that people have.
	PG=$(OLDEST) cargo test --test database -- lint_locks
	PG=$(NEWEST) cargo test --test database -- lint_locks

demo: ## Watch a database move up, refuse a broken version, and move down again
	@tests/env/demo

build: ## Build the release binary
	cargo build --release

lint: ## Check formatting, lints, scripts and the chart
	cargo fmt --all -- --check
	cargo clippy --workspace --all-targets -- -D warnings
	@$(MAKE) --no-print-directory shell chart

shell: ## Check the shell scripts
	cd tests/env && shellcheck -x install up standby pgbouncer prometheus check helm-install chart-test demo
	shellcheck .ci/run
	@# With pipefail a reader that stops early fails the pipe, now and then: the writer may or may not be done by then.
	@# (grep stops at the first match when its output goes to /dev/null, as with -q.)
	@if grep -rnIE '\| *(awk [^|]*exi[t]|gre[p] (-[a-zA-Z]*q|[^|]*>/dev/nul[l])|hea[d]( |$$))' Makefile .ci tests/env --exclude='*.rs'; then echo 'a reader that stops early'; exit 1; fi

chart: ## Check the Helm chart
	@tests/env/chart-test lint

fmt: ## Format the code
	cargo fmt --all

generate: ## Write again what is generated from the code: definitions, their copy in the chart, reference pages
	UPDATE=1 cargo test --quiet --test generated

deny: ## Check licences, sources and duplicates of the dependencies (needs cargo-deny)
	cargo deny check bans licenses sources

env: ## Get the test environment only
	@tests/env/install $(OLDEST) $(NEWEST)
