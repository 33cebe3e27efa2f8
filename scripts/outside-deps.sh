#!/usr/bin/env bash
# Fetches what the tests of programs in other languages need, producers and receivers, into target/outside, and builds the
# Rust ones. Does nothing that has been done already.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/packages.sh
. scripts/packages.sh

folder="$PWD/target/outside"

say() { echo "outside-deps: $*" >&2; }

give_up() {
    say "$*"
    exit 1
}

# Whether `folder/$1.done` says that file $2 was what was installed from.
is_done() { cmp --silent "$2" "$folder/$1.done"; }

# node_packages <folder> <package.json>
node_packages() {
    is_done "$1" "$2" && return
    have npm || give_up "install Node.js 20 or newer, with npm"
    mkdir -p "$folder/$1"
    cp "$2" "$folder/$1/"
    npm install --prefix "$folder/$1" --no-package-lock --no-audit --no-fund --silent >&2
    cp "$2" "$folder/$1.done"
}

# python_packages <folder> <requirements.txt>
python_packages() {
    is_done "$1" "$2" && return
    have python3 || give_up "install Python 3.10 or newer"
    python3 -m venv --clear "$folder/$1" >&2 || give_up "install Python's venv module (Debian: python3-venv)"
    "$folder/$1/bin/pip" install --quiet --disable-pip-version-check --requirement "$2" >&2
    cp "$2" "$folder/$1.done"
}

# runtime <command> <apt name> <dnf name> <apk name> <brew name>
# Where it can't be had, the tests that need it fail, saying so; the others still tell something.
runtime() {
    have "$1" && return
    say "installing $1"
    install "${@:2}" || say "install $1 (Debian: apt-get install $2): tests will fail without it"
}

# The chart is rendered by Helm, or by a program of ours with the same template language, which Debian has the libraries for.
chart_renderer() {
    if have helm || is_done helm tests/outside/programs/helm/render.go; then return; fi
    say "building a renderer for the chart, since helm isn't there"
    { install golang-github-masterminds-sprig-dev - - - && install golang-k8s-sigs-yaml-dev - - - ; } || say "install helm"
    mkdir -p "$folder/helm"
    GO111MODULE=off GOPATH=/usr/share/gocode go build -o "$folder/helm/render" tests/outside/programs/helm/render.go || return 0
    cp tests/outside/programs/helm/render.go "$folder/helm.done"
}

# apt_packages <name>…
apt_packages() {
    dpkg --status "$@" >/dev/null 2>&1 && return
    say "installing $*"
    apt_install "$@" || { as_root apt-get update >&2 && apt_install "$@"; } || say "install $*: tests will fail without them"
}

mkdir -p "$folder"
have redis-cli || give_up "install redis-cli (Debian: redis-tools)"
node_packages node examples/producers/node/package.json
python_packages python examples/producers/python/requirements.txt
node_packages console tests/outside/programs/console/package.json
node_packages guide tests/outside/programs/package.json
node_packages misskey tests/outside/programs/misskey/package.json
python_packages guide-python tests/outside/programs/requirements.txt
runtime chromium chromium chromium chromium chromium
runtime curl curl curl curl curl
runtime ruby ruby ruby ruby ruby
runtime php php-cli php-cli php php
runtime go golang-go golang go go
if have apt-get; then
    # The clients of Redis for these three, which have no registry of packages that every machine can reach.
    apt_packages ruby-redis php-redis golang-github-gomodule-redigo-dev
fi
python_packages helm-python tests/outside/programs/helm/requirements.txt
runtime promtool prometheus prometheus2 prometheus prometheus
chart_renderer
cargo build --quiet --package postrider
cargo build --quiet --package postrider-producer --examples
