# What a developer types. Each target installs or checks what it needs first (scripts/setup.sh).

.DEFAULT_GOAL := help
.PHONY: help demo check test bench chaos fmt setup

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: setup ## Show the whole thing at work for half a minute: Redis, two workers, one of them killed
	cargo build --release --package postrider
	target/release/postrider demo

check: setup ## Formatting, lints and every test that needs nothing but Rust and Redis
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- --deny warnings
	cargo build --package postrider
	cargo test --quiet --doc --package postrider-producer
	scripts/run-tests.sh inside

test: check ## The above, and the producers in other languages
	scripts/outside-deps.sh
	scripts/run-tests.sh outside

bench: setup ## Measure deliveries per second, CPU per delivery and lateness of retries
	cargo build --release --package postrider
	cargo run --release --package postrider-bench

chaos: setup ## The slow runs: every IPv4 address, and the tests that use Redis again on Redis 8.2
	POSTRIDER_TEST_EXHAUSTIVE=1 cargo test --release --package postrider-core --test address_ranges
	cargo build --package postrider
	REDIS_SERVER_BIN="$$(scripts/redis-8.sh)" scripts/run-tests.sh redis

fmt: ## Format the code
	cargo fmt --all

setup: ## Install Redis where that is missing, and check for Rust
	@scripts/setup.sh
