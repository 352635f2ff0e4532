# The commands of the README. Each works on a fresh clone with a Rust toolchain and a C compiler.
CARGO ?= cargo
BINARY = target/release/callboard

.PHONY: demo up build test lint bench

## Build the release binary and run the main job on loopback, start to finish.
demo: build
	@$(BINARY) demo

## The same servers, left running: prints addresses and credentials, Ctrl-C stops them.
up: build
	@$(BINARY) demo --stay

build:
	@$(CARGO) build --release --locked --package callboard

## Every suite, the engine's also on PostgreSQL, which root installs where it is missing.
test: lint
	@if $(CARGO) nextest --version >/dev/null 2>&1; \
	then $(CARGO) test --locked --workspace --doc --quiet && $(CARGO) nextest run --locked --workspace && \
		tests/with-postgres $(CARGO) nextest run --locked --workspace --test engine --test kills; \
	else $(CARGO) test --locked --workspace && \
		tests/with-postgres $(CARGO) test --locked --workspace --test engine --test kills; fi

## Format, lints, licences.
lint:
	@$(CARGO) fmt --all --check
	@$(CARGO) clippy --locked --workspace --all-targets --quiet -- --deny warnings
	@if $(CARGO) deny --version >/dev/null 2>&1; \
	then $(CARGO) deny --log-level error check bans licenses sources; \
	else echo "skipped: cargo-deny is not installed (cargo install cargo-deny)"; fi

## Measure. Figures of one run belong together.
bench:
	@$(CARGO) bench --locked --package callboard-bench
