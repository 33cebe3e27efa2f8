#!/usr/bin/env bash
# Runs one suite with cargo-nextest, or with `cargo test` where nextest isn't installed:
#   inside   everything that needs only Rust and Redis
#   outside  producers and receivers in other languages
#   redis    what talks to a real Redis (REDIS_SERVER_BIN names another one)
set -euo pipefail
cd "$(dirname "$0")/.."

with_nextest() {
    case "$1" in
        inside) cargo nextest run --workspace --filterset 'not binary(/^outside$/)' ;;
        outside) cargo nextest run --package postrider-tests --test outside ;;
        # The server of redis-8.sh speaks no TLS.
        redis) cargo nextest run --package postrider-store --package postrider-producer --package postrider-tests \
            --filterset 'not (binary(/^(outside|frame)$/) or test(/^topologies::tls/))' ;;
        *) return 64 ;;
    esac
}

with_cargo_test() {
    case "$1" in
        inside)
            cargo test --workspace --exclude postrider-tests --lib --bins --tests
            cargo test --package postrider-tests --lib --bins --test e2e --test frame
            ;;
        outside) cargo test --package postrider-tests --test outside ;;
        redis)
            cargo test --package postrider-store --package postrider-producer --lib --tests
            cargo test --package postrider-tests --lib --test e2e -- --skip topologies::tls
            ;;
        *) return 64 ;;
    esac
}

suite="${1:?one of inside, outside, redis}"
if command -v cargo-nextest >/dev/null 2>&1; then
    with_nextest "$suite"
else
    echo "run-tests: cargo-nextest is missing, so this uses cargo test; 'cargo install --locked cargo-nextest' brings it." >&2
    with_cargo_test "$suite"
fi
