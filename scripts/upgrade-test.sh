#!/usr/bin/env bash
# Runs workers of an older version beside this one's on one queue (tests/e2e/upgrade.rs).
#   scripts/upgrade-test.sh [REV]    REV: a tag or commit; by default the last tag, or the commit before this one
set -euo pipefail
cd "$(dirname "$0")/.."

rev="${1:-$(git describe --tags --abbrev=0 2>/dev/null || echo HEAD~1)}"
commit="$(git rev-parse --short=12 --verify "$rev^{commit}")" || {
    echo "upgrade-test: $rev is no commit of this repository (a shallow clone has only the newest ones)." >&2
    exit 1
}
folder="$PWD/target/upgrade"
old="$folder/postrider-$commit"

build_old() {
    local tree="$folder/tree"
    mkdir -p "$folder"
    git worktree remove --force "$tree" 2>/dev/null || true
    git worktree add --quiet --detach "$tree" "$commit"
    # A folder of its own: the two versions would build each other's crates anew.
    (cd "$tree" && CARGO_TARGET_DIR="$folder/build" cargo build --package postrider)
    cp "$folder/build/debug/postrider" "$old"
    git worktree remove --force "$tree"
}

[ -x "$old" ] || build_old
echo "upgrade-test: $rev ($commit) beside the working tree" >&2
cargo build --package postrider
POSTRIDER_OLD_BIN="$old" cargo test --package postrider-tests --test e2e -- --ignored --test-threads 2 upgrade::
