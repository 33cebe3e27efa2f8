#!/bin/sh
# Builds the release binary for the platform that this runs on. Used by deploy/Dockerfile, for the dependencies and then for
# the whole, which must be built alike.
set -eu

# Kernels for arm64 come with pages of 4, 16 or 64 KiB. An allocator that was built for large ones runs on all.
if [ "${TARGETARCH:-amd64}" = arm64 ]; then
    export JEMALLOC_SYS_WITH_LG_PAGE=16
fi
exec cargo "${CARGO_COMMAND:-build}" --release --locked --package postrider
