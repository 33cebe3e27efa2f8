#!/usr/bin/env bash
# Prepares the peers of the benchmark, `node` (BullMQ) or `rust` (omniqueue, apalis), and prints the path of their program.
# Where that can't be done, says why in one line and fails: the benchmark goes on without them.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/packages.sh
. scripts/packages.sh

folder="$PWD/bench/peers"
log="$PWD/target/bench/peers.log"

give_up() {
    echo "bench-peers: $*" >&2
    exit 1
}

node_peers() {
    have node && have npm || give_up "Node.js 20 or newer, with npm, is not installed"
    # Done already, from the very same lock file.
    if ! cmp --silent "$folder/package-lock.json" "$folder/node_modules/.installed-from"; then
        npm ci --prefix "$folder" --ignore-scripts --no-audit --no-fund >"$log" 2>&1 || give_up "npm packages can't be fetched: $log"
        cp "$folder/package-lock.json" "$folder/node_modules/.installed-from"
    fi
    echo "$folder/bullmq.mjs"
}

rust_peers() {
    CARGO_TARGET_DIR="$PWD/target/peers" cargo build --quiet --release --locked --manifest-path "$folder/Cargo.toml" \
        >"$log" 2>&1 || give_up "they can't be built: $log"
    echo "$PWD/target/peers/release/peers"
}

mkdir -p "$(dirname "$log")"
case "${1:-}" in
node) node_peers ;;
rust) rust_peers ;;
*) give_up "either node or rust" ;;
esac
