# What a developer types. Each target installs or checks what it needs first (scripts/setup.sh).

.DEFAULT_GOAL := help
.PHONY: help demo check test bench fuzz chaos fmt setup

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: setup ## Show the whole thing at work for half a minute: Redis, two workers, one of them killed (ARGS=--keep: until Ctrl-C)
	cargo build --release --package postrider
	target/release/postrider demo $(ARGS)

check: setup ## Formatting, lints and every test that needs nothing but Rust and Redis
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- --deny warnings
	cargo build --package postrider
	cargo test --quiet --doc --package postrider-producer
	scripts/run-tests.sh inside

test: check ## The above, and producers and receivers in other languages
	scripts/outside-deps.sh
	scripts/run-tests.sh outside

bench: setup ## Measure deliveries, CPU, latency and more beside other queues on Redis, in 40 minutes (ARGS=--quick: in two)
	cargo build --release --package postrider
	cargo run --release --package postrider-bench -- $(ARGS)

fuzz: setup ## The property tests for ten minutes (MINUTES=…), with new inputs each time
	scripts/fuzz.sh $(or $(MINUTES),10)

chaos: setup ## The slow runs: ten minutes of faults under load (MINUTES=…, SEED=…), every IPv4 address, ten minutes of inputs, an upgrade from the version before (OLD=…), and the tests that use Redis again on Redis 8.2
	cargo build --release --package postrider
	cargo run --release --package postrider-tests --bin torture -- --minutes $(or $(MINUTES),10) $(if $(SEED),--seed $(SEED))
	POSTRIDER_TEST_EXHAUSTIVE=1 cargo test --release --package postrider-core --test address_ranges
	POSTRIDER_TEST_EXHAUSTIVE=1 cargo test --release --package postrider-model -- --nocapture holds
	POSTRIDER_TEST_SEQUENCES=5000 POSTRIDER_TEST_SEED="$$(date +%s)" cargo test --package postrider-store --test machine
	scripts/fuzz.sh $(or $(MINUTES),10)
	scripts/upgrade-test.sh $(OLD)
	cargo build --package postrider
	REDIS_SERVER_BIN="$$(scripts/redis-8.sh)" scripts/run-tests.sh redis

fmt: ## Format the code
	cargo fmt --all

setup: ## Install Redis where that is missing, and check for Rust
	@scripts/setup.sh
