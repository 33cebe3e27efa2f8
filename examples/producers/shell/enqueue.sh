#!/bin/sh
# Adds COUNT jobs for the URL in TO, prints their ids, and adds one more that isn't sent before a second has passed.
#
#   REDIS_URL=redis://127.0.0.1:6379 TO=https://hooks.example/in COUNT=10 ./enqueue.sh
#
# A password in the URL is seen by others in the list of processes; REDISCLI_AUTH isn't.
set -eu

: "${REDIS_URL:=redis://127.0.0.1:6379}"
: "${COUNT:=10}"
: "${TO:?must hold the URL of a receiver}"

# -e: an error of Redis is a failure. The arguments go out as they are, so that the content needs no quoting of its own.
add() {
    number="$1"
    shift
    redis-cli --no-auth-warning -u "$REDIS_URL" -e XADD postrider:deliveries '*' \
        to "$TO" type note content "{\"note\":{\"id\":\"shell-$number\",\"text\":\"héllo ✓\"}}" \
        hookId shell userId example secret s3cret "$@"
}

number=1
while [ "$number" -le "$COUNT" ]; do
    add "$number"
    number=$((number + 1))
done

add "$number" notBefore $((($(date +%s) + 2) * 1000))
