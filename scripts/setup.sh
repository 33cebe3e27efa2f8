#!/usr/bin/env bash
# Sees to it that building, testing and the demo can start: Rust, a C compiler (for the TLS library) and Redis 7.0 or newer.
# Says nothing when all is there; may be run any number of times.
set -euo pipefail
# shellcheck source=scripts/packages.sh
. "$(dirname "$0")/packages.sh"

say() { printf 'setup: %s\n' "$*" >&2; }

give_up() {
    say "$*"
    exit 1
}

redis_major() { redis-server --version | sed -n 's/.*v=\([0-9]*\)\..*/\1/p'; }

if ! have cargo; then
    give_up "install Rust with rustup (https://rustup.rs), then run this again."
fi

if ! have cc; then
    say "installing a C compiler"
    install build-essential gcc build-base gcc || give_up "install a C compiler (Debian: apt-get install build-essential), then run this again."
fi

if ! have redis-server; then
    say "installing Redis"
    install redis-server redis redis redis || give_up "install Redis 7.0 or newer (Debian: apt-get install redis-server), so that redis-server is in PATH, then run this again."
fi

major="$(redis_major)"
if [ "${major:-0}" -lt 7 ]; then
    give_up "redis-server is version ${major:-unknown}; install Redis 7.0 or newer, then run this again."
fi
