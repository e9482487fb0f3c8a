#!/usr/bin/env bash
# The figures that no bench takes: how long `orgward --version` takes, how large the release binary is, how many crates it is
# made of, and how long a build from nothing takes. The number of crates has a limit of its own, a few above the 321 of 23
# November 2026: whoever adds more than a few has to say here why. Prints a row for each with its limit; exits with 1 if one is missed.
#
#   benches/record.sh          after cargo build --release
#   benches/record.sh --build  builds from nothing first, for development and for release, into a folder of its own
set -euo pipefail
cd "$(dirname "$0")/.."

missed=0
row() { # name, figure, unit, limit (may be empty)
    local verdict=""
    if [ -n "$4" ]; then
        verdict="at most $4 $3: $(awk -v figure="$2" -v limit="$4" 'BEGIN { print (figure <= limit) ? "ok" : "MISSED" }')"
    fi
    case "$verdict" in *MISSED) missed=1 ;; esac
    printf '%-44s %10s %-4s %s\n' "$1" "$2" "$3" "$verdict"
}

target="${CARGO_TARGET_DIR:-target}"
if [ "${1:-}" = "--build" ]; then
    target="$(mktemp -d)"
    trap 'rm -rf "$target"' EXIT
    for profile in dev release; do
        start=$(date +%s)
        CARGO_TARGET_DIR="$target" cargo build --profile "$profile" --quiet
        row "cargo build --profile $profile, from nothing" "$(($(date +%s) - start))" s ""
    done
elif [ ! -x "$target/release/orgward" ]; then
    echo "there is no $target/release/orgward: cargo build --release" >&2
    exit 2
fi
binary="$target/release/orgward"

# The quickest of 20: what else runs on the machine only ever adds.
best=$(for _ in $(seq 20); do
    start=$(date +%s%N)
    "$binary" --version >/dev/null
    echo $(($(date +%s%N) - start))
done | sort -n | head -1)
row "orgward --version" "$(awk -v ns="$best" 'BEGIN { printf "%.1f", ns / 1e6 }')" ms 15
row "release binary" "$(stat -c %s "$binary" | awk '{ printf "%.3f", $1 / 1048576 }')" MiB 30
row "crates in the release build" "$(cargo tree --prefix none --edges normal,build 2>/dev/null | awk '{ print $1, $2 }' | sort -u | wc -l)" "" 325
exit "$missed"
