#!/usr/bin/env bash
# Installing what a machine lacks, for the scripts beside it, which source this. Does nothing by itself.

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
