# Two commands: `make` looks at this machine, `make test` passes the tests.

CARGO_TARGET_DIR ?= $(HOME)/.cache/cleanbill/target
export CARGO_TARGET_DIR
BIN := $(CARGO_TARGET_DIR)/release/cleanbill
# Where DuckDB comes from: the official library when it can be fetched, else compiled (scripts/duckdb.sh says which).
WITH_DUCKDB := set -e; settings=$$(scripts/duckdb.sh); eval "$$settings"; \
	features=$${CLEANBILL_FEATURES:+--features $$CLEANBILL_FEATURES};

.PHONY: look build test lint pages hosts fixes samples book bench bundled release install clean

look: build ## Look at this machine; the report lies beside you
	@"$(BIN)" audit
	@"$(BIN)" report

build: ## Build the program
	@$(WITH_DUCKDB) cargo build --release --locked $$features

test: ## Pass the tests
	@$(WITH_DUCKDB) cargo test --release --locked $$features

lint: ## Format, lints and documentation without a warning
	cargo fmt --check
	@$(WITH_DUCKDB) cargo clippy --release --locked --all-targets $$features -- -D warnings
	@$(WITH_DUCKDB) RUSTDOCFLAGS='-D warnings' cargo doc --release --locked --no-deps --lib $$features

# Fixes that are tried with the hosts; `make fixes` tries them all.
CLEANBILL_FIXES ?= remote-access network databases
hosts: export CLEANBILL_FIXES := $(CLEANBILL_FIXES)
hosts: build ## Try it on throw-away Debian hosts (root; .ci/setup installs what it needs)
	@packaging/tools.sh >/dev/null
	@$(WITH_DUCKDB) cargo test --release --locked $$features --test hosts -- --ignored --nocapture --test-threads 2

fixes: build ## Break hosts in every known way, fix them, and take it back (root; about twenty minutes)
	@$(WITH_DUCKDB) CLEANBILL_FIXES= cargo test --release --locked $$features --test hosts -- --ignored --nocapture fixes::

pages: build ## Look at the pages with a browser and the tools for PDF (root, the first time: installs what it needs)
	tests/pages/setup.sh
	@$(WITH_DUCKDB) cargo test --release --locked $$features --test pages -- --ignored --nocapture

samples: ## Write the sample reports and their pictures anew
	@$(WITH_DUCKDB) CLEANBILL_SAMPLES=write cargo test --release --locked $$features --test samples the_samples
	scripts/sample-pictures.sh docs/samples

book: ## The documentation as pages that need no network (needs mdbook: cargo install mdbook)
	@mkdir -p "$(CARGO_TARGET_DIR)"
	mdbook build docs --dest-dir "$(CARGO_TARGET_DIR)/book" 2>"$(CARGO_TARGET_DIR)/book.log" || { cat "$(CARGO_TARGET_DIR)/book.log"; exit 1; }
	@! grep -E 'WARN|ERROR' "$(CARGO_TARGET_DIR)/book.log"
	@echo "The book is in $(CARGO_TARGET_DIR)/book/index.html"

bench: build ## The figures of the README, against their peers on this machine
	benches/figures.sh "$(BIN)"

bundled: ## The program as one self-contained file
	cargo build --release --locked --features bundled

release: ## Everything of a release; options: make release OPTIONS='--key KEY.pem --out DIR' (packaging/README.md)
	packaging/release.sh $(OPTIONS)

install: build ## Install to /usr/local/bin
	install -m 755 "$(BIN)" /usr/local/bin/cleanbill
	install -m 755 "$(BIN)-daemon" /usr/local/bin/cleanbill-daemon

clean: ## Remove what was built
	cargo clean
