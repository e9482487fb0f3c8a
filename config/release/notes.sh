#!/bin/sh
# The notes of a release: its section of the changelog, without the heading.
# notes.sh VERSION [CHANGELOG]   VERSION is 1.2.3 or v1.2.3, or unreleased
set -eu
if [ $# -lt 1 ] || [ $# -gt 2 ]; then
    echo "usage: notes.sh VERSION [CHANGELOG]" >&2
    exit 2
fi
version=${1#v}
changelog=${2:-CHANGELOG.md}
if [ ! -r "$changelog" ]; then
    echo "error: the changelog \`$changelog\` can't be read" >&2
    exit 1
fi
# The heading is `## 1.2.3`, whatever stands behind the number; blank lines at both ends go.
notes=$(awk -v version="$version" '
    /^## / {
        word = $2
        gsub(/[][]/, "", word)
        inside = tolower(word) == tolower(version)
        next
    }
    inside && (/[^[:space:]]/ || said) { said = 1; print }
' "$changelog")
if [ -z "$notes" ]; then
    echo "error: \`$changelog\` says nothing of \`$version\`: give its section the heading \`## $version\`" >&2
    exit 1
fi
printf '%s\n' "$notes"
