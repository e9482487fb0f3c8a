#!/bin/sh
# One step of an audit on several machines, the same under every engine: enumerate, shard or merge. Further arguments say which
# accounts, Regions and checks (`enumerate`, `shard`), or what fails the audit (`merge`). How to connect is for the environment
# and for orgward.yaml, which is looked for in the working directory.
#
#   ORGWARD_RUN           name of this audit, a new one each time: its directory on the shared file system
#   ORGWARD_SHARED        where that file system is mounted; /orgward if not set
#   ORGWARD_SHARDS        how many shards; AWS Batch says it itself
#   ORGWARD_SHARD_INDEX   which one, from 0; Kubernetes and AWS Batch say it themselves
#
# Files: $ORGWARD_SHARED/$ORGWARD_RUN/{org.jsonl, shard-I/, merged/, report.json}
set -eu
umask 077

wrong() {
    echo "error: $1" >&2
    exit 2
}

step=${1:-}
[ $# -eq 0 ] || shift
case "${ORGWARD_RUN:-}" in
    '' | .* | */*) wrong "ORGWARD_RUN has to name this audit, with letters and digits" ;;
esac
work=${ORGWARD_SHARED:-/orgward}/$ORGWARD_RUN
mkdir -p "$work"

case "$step" in
enumerate)
    # A file that is there is whole, and shards may have begun with it: a second try must not replace it.
    if [ -e "$work/org.jsonl" ]; then exit 0; fi
    exec orgward org --out "$work/org.jsonl" --state-dir "$work/enumerated" "$@"
    ;;
shard)
    index=${JOB_COMPLETION_INDEX:-${AWS_BATCH_JOB_ARRAY_INDEX:-${ORGWARD_SHARD_INDEX:-}}}
    count=${AWS_BATCH_JOB_ARRAY_SIZE:-${ORGWARD_SHARDS:-}}
    case "$index" in '' | *[!0-9]*) wrong "no shard: set ORGWARD_SHARD_INDEX to a number from 0" ;; esac
    case "$count" in '' | *[!0-9]*) wrong "ORGWARD_SHARDS has to be the number of shards" ;; esac
    state=$work/shard-$index
    # Findings and gaps are results, for `merge` to tell: a shard that is done ends with 0, so that no engine tries it again.
    # After a crash or an eviction the run that is there goes on, as it was asked to begin with: accounts that are done are
    # not asked again.
    for found in "$state"/runs/*/organization.frames; do
        if [ -e "$found" ]; then
            exec orgward audit --resume "$(basename "$(dirname "$found")")" --state-dir "$state" \
                --fail-on none --allow-partial --format json --output /dev/null
        fi
    done
    exec orgward audit --org "$work/org.jsonl" --shard "$index/$count" --state-dir "$state" \
        --fail-on none --allow-partial --format json --output /dev/null "$@"
    ;;
merge)
    for found in "$work"/shard-*/runs/*/organization.frames; do
        if [ -e "$found" ]; then set -- "$@" "$(dirname "$found")"; fi
    done
    exec orgward merge --state-dir "$work/merged" --format json --output "$work/report.json" "$@"
    ;;
*)
    wrong "the first argument has to be enumerate, shard or merge"
    ;;
esac
