#!/usr/bin/env bash
# Sees to it that building, testing and the demo can start: Rust, a C compiler (for the TLS library) and Redis 7.0 or newer.
# Says nothing when all is there; may be run any number of times.
set -euo pipefail

say() { printf 'setup: %s\n' "$*" >&2; }

give_up() {
    say "$*"
    exit 1
}

have() { command -v "$1" >/dev/null 2>&1; }

# Runs a command with the rights that installing takes; fails, without asking for a password, where there are none.
as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif have sudo && sudo --non-interactive true 2>/dev/null; then
        sudo --non-interactive "$@"
    else
        return 1
    fi
}

apt_install() { as_root env DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends "$@" >&2; }

# install <apt name> <dnf name> <apk name> <brew name>
install() {
    if have apt-get; then
        # The package lists of a fresh container are empty; those of a machine in use seldom need another download.
        apt_install "$1" || { as_root apt-get update >&2 && apt_install "$1"; }
    elif have dnf; then
        as_root dnf install --assumeyes "$2" >&2
    elif have apk; then
        as_root apk add "$3" >&2
    elif have brew; then
        brew install "$4" >&2
    else
        return 1
    fi
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
