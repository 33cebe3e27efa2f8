#!/bin/sh
# Writes the workspace's manifests with empty code into the folder $1: enough for cargo to build all that Postrider depends
# on. Used by deploy/Dockerfile, from the root of the repository.
set -eu

into="$1"
mkdir -p "$into"
for file in Cargo.toml Cargo.lock rust-toolchain.toml $(find crates model tests bench -name Cargo.toml); do
    mkdir -p "$into/$(dirname "$file")"
    cp "$file" "$into/$file"
done
# The files in which code begins. Which there are changes seldom.
for file in $(find crates model tests -path '*/src/lib.rs' -o -path '*/src/main.rs'); do
    mkdir -p "$into/$(dirname "$file")"
    case "$file" in
        */main.rs) echo 'fn main() {}' > "$into/$file" ;;
        *) : > "$into/$file" ;;
    esac
done
