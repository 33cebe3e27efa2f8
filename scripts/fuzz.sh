#!/usr/bin/env bash
# Runs the property tests (every test whose name has `for_any_`) for so many minutes, round after round, with fresh seeds and
# as many cases a round as take some seconds. Ends at the first failure, which it shows with the seed that brings it back.
#   fuzz.sh [MINUTES]        10 by default
#   FUZZ_ONLY=TEXT           only tests whose name has this too
set -euo pipefail
cd "$(dirname "$0")/.."

readonly packages=(postrider-core postrider-store postrider-sender postrider-worker)
readonly first_cases=500 most_cases=200000 round_seconds=4
minutes="${1:-10}"
[[ "$minutes" =~ ^[0-9]+$ ]] || { echo "fuzz: '$minutes' is no whole number of minutes" >&2; exit 64; }

# The programs with the tests.
programs() {
    cargo test --profile fuzz "${packages[@]/#/--package=}" --lib --tests --no-run 2>&1 | tee /dev/stderr |
        sed -n 's|^ *Executable .*(\(.*\))$|\1|p'
}

# The targets, as `program<TAB>test`.
targets() {
    local program
    while read -r program; do
        "$program" --list --format terse | sed -n "s|^\(.*for_any_.*\): test\$|$program\t\1|p"
    done | grep -F -- "${FUZZ_ONLY:-}"
}

declare -A cases done_cases
started=$SECONDS
list="$(programs | targets)"
count="$(wc -l <<<"$list")"
compiled=$((SECONDS - started))
echo "fuzz: $count targets for $minutes min (built in $compiled s)"

fuzz() {
    local program="$1" test="$2" seed now="$SECONDS" output key
    key="$(basename "${program%-*}") $test"
    local number="${cases[$key]:-$first_cases}"
    seed="$(od -An -N7 -tu8 /dev/urandom | tr -d ' ')"
    if ! output="$(PROPTEST_CASES="$number" PROPTEST_RNG_SEED="$seed" PROPTEST_MAX_SHRINK_TIME=60000 \
        RUST_BACKTRACE=0 "$program" --exact "$test" 2>&1)"; then
        printf '%s\n' "$output" >&2
        echo "fuzz: $key failed; once more: PROPTEST_CASES=$number PROPTEST_RNG_SEED=$seed $program --exact $test" >&2
        exit 1
    fi
    done_cases[$key]=$((${done_cases[$key]:-0} + number))
    total=$((total + number))
    # Twice as many next time, as long as it takes less than its share.
    if ((SECONDS - now < round_seconds && number * 2 <= most_cases)); then
        cases[$key]=$((number * 2))
    fi
}

# What has been run, whatever the end.
report() {
    local key
    for key in "${!done_cases[@]}"; do
        printf '%12d  %s\n' "${done_cases[$key]}" "$key"
    done | sort -k 2
}

total=0
trap report EXIT
rounds=0
deadline=$((SECONDS + minutes * 60))
while ((SECONDS < deadline)); do
    rounds=$((rounds + 1))
    while IFS=$'\t' read -r program test; do
        ((SECONDS < deadline)) || break
        fuzz "$program" "$test" </dev/null
    done <<<"$list"
done

report
trap - EXIT
echo "fuzz: $total cases of $count targets in $rounds rounds, no failure"
