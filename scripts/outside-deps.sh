#!/usr/bin/env bash
# Fetches what the tests of producers in other languages need, into target/outside, and builds the Rust one. Does
# nothing that has been done already.
set -euo pipefail
cd "$(dirname "$0")/.."

folder="$PWD/target/outside"

give_up() {
    echo "outside-deps: $*" >&2
    exit 1
}

# Whether `folder/$1.done` says that file $2 was what was installed from.
is_done() { cmp --silent "$2" "$folder/$1.done"; }

node_client() {
    local wanted=examples/producers/node/package.json
    is_done node "$wanted" && return
    command -v npm >/dev/null 2>&1 || give_up "install Node.js 18 or newer, with npm"
    mkdir -p "$folder/node"
    cp "$wanted" "$folder/node/"
    npm install --prefix "$folder/node" --no-package-lock --no-audit --no-fund --silent >&2
    cp "$wanted" "$folder/node.done"
}

python_client() {
    local wanted=examples/producers/python/requirements.txt
    is_done python "$wanted" && return
    command -v python3 >/dev/null 2>&1 || give_up "install Python 3.9 or newer"
    python3 -m venv --clear "$folder/python" >&2 || give_up "install Python's venv module (Debian: python3-venv)"
    "$folder/python/bin/pip" install --quiet --disable-pip-version-check --requirement "$wanted" >&2
    cp "$wanted" "$folder/python.done"
}

mkdir -p "$folder"
command -v redis-cli >/dev/null 2>&1 || give_up "install redis-cli (Debian: redis-tools)"
node_client
python_client
cargo build --quiet --package postrider
cargo build --quiet --package postrider-producer --example enqueue
