#!/usr/bin/env bash
# The evidence witness: bundles of orgward opened with tar, sha256sum and Debian's minisign alone; keys of minisign used by orgward.
# Installs minisign where it may (Debian, as root), and skips with words where it may not.
# shellcheck source-path=SCRIPTDIR source=../lane.sh
. "$(dirname "$0")/../lane.sh"
if ! has_debian minisign minisign; then
    echo "skipped tests/evidence/run.sh: it needs minisign (apt-get install minisign)" >&2
    exit 0
fi
cargo build --quiet
orgward=$PWD/target/debug/orgward
tests=$PWD/tests/evidence
work=$(mktemp -d)
sandbox=
trap 'if [ -n "$sandbox" ]; then kill "$sandbox" 2>/dev/null || true; fi; rm -rf "$work"' EXIT
cd "$work"
export ORGWARD_STATE_DIR=$work/state

say() { printf '   %s\n' "$*" >&2; }
fail() { echo "tests/evidence/run.sh: $*" >&2; exit 1; }
# Runs the rest and asserts its exit code.
ends() {
    local wanted=$1 code=0
    shift
    "$@" >out 2>err || code=$?
    [ "$code" = "$wanted" ] || { cat out err >&2; fail "\`$*\` ended with $code, not $wanted"; }
}

"$orgward" sandbox --port 0 --fast --accounts 5 --seed 3 >environment 2>/dev/null &
sandbox=$!
for _ in $(seq 200); do grep -q ORGWARD_APPLY_EXTERNAL_ID environment && break; sleep 0.1; done
(
    # shellcheck disable=SC1091
    . ./environment
    ends 0 "$orgward" audit --checks 'root-*,org-*,trail-*' --fail-on none --allow-partial
)
kill "$sandbox" && sandbox=

say "a key without a password, made by minisign"
minisign -G -W -p plain.pub -s plain.key >/dev/null
ends 0 "$orgward" evidence last --out plain.tar.gz --sign plain.key
ends 0 "$orgward" verify plain.tar.gz --public-key plain.pub
grep -q 'Verified' out || fail "verify says nothing of it"
mkdir plain && tar xzf plain.tar.gz -C plain
(
    cd plain
    minisign -Vm manifest.json -p ../plain.pub >../said || { cat ../said >&2; fail "minisign does not verify"; }
    grep -q 'Trusted comment: timestamp:.*run:' ../said || fail "the trusted comment names no run: $(cat ../said)"
    sha256sum --quiet -c SHA256SUMS
    listed=$(find . -type f ! -name SHA256SUMS | wc -l)
    [ "$(wc -l <SHA256SUMS)" = "$listed" ] || fail "SHA256SUMS names other files than there are"
    fails=$(grep -c '"verdict":"fail"' findings.ndjson)
    grep -q "\"fail\": $fails," manifest.json || fail "the manifest does not count $fails failures"
    [ "$(find . -perm /022 | wc -l)" = 0 ] || fail "a file that others can write"
)

say "a key with a password"
ends 2 "$orgward" evidence last --out sealed.tar.gz --sign "$tests/test-only.key"
grep -q 'ORGWARD_SIGNING_PASSWORD' err || fail "it is not said how to give the password"
ORGWARD_SIGNING_PASSWORD=wrong ends 2 "$orgward" evidence last --out sealed.tar.gz --sign "$tests/test-only.key"
[ ! -e sealed.tar.gz ] || fail "a bundle is there that was not signed"
ORGWARD_SIGNING_PASSWORD='correct horse' ends 0 "$orgward" evidence last --out sealed.tar.gz --sign "$tests/test-only.key"
mkdir sealed && tar xzf sealed.tar.gz -C sealed
minisign -QVm sealed/manifest.json -p "$tests/test-only.pub" >/dev/null
cmp plain/manifest.json sealed/manifest.json || fail "the same run has two manifests"
echo 'correct horse' >password
ends 0 "$orgward" evidence last --out sealed.tar.gz --sign "$tests/test-only.key" --password-file password
! grep -rq 'correct horse' sealed out err "$ORGWARD_STATE_DIR" || fail "the password is somewhere"

say "a key with a password, made by minisign: it takes a GiB to open"
printf 'pass word\npass word\n' | minisign -G -p made.pub -s made.key >/dev/null 2>&1
ORGWARD_SIGNING_PASSWORD='pass word' ends 0 "$orgward" evidence last --out made.tar.gz --sign made.key
ends 0 "$orgward" verify made.tar.gz --public-key made.pub

say "what does not match"
ends 6 "$orgward" verify plain.tar.gz --public-key "$tests/test-only.pub"
grep -q 'another key' err || fail "$(cat err)"
ends 4 "$orgward" verify plain.tar.gz
sed -i 's/"verdict":"fail"/"verdict":"pass"/' plain/findings.ndjson
(cd plain && ! sha256sum --quiet -c SHA256SUMS >/dev/null 2>&1) || fail "sha256sum does not see the change"
# Packed again, by tar: orgward has one form of entries, in which nothing can hide. By gzip alone it stays what it is.
(cd plain && tar czf ../changed.tar.gz -- *)
ends 6 "$orgward" verify changed.tar.gz --public-key plain.pub
grep -q "header of entry 1" err || fail "$(cat err)"
gzip -dc plain.tar.gz | gzip -n >anew.tar.gz
ends 0 "$orgward" verify anew.tar.gz --public-key plain.pub
head -c 5000 plain.tar.gz >short.tar.gz
ends 6 "$orgward" verify short.tar.gz --public-key plain.pub
grep -q 'cut short' err || fail "$(cat err)"
ends 1 "$orgward" verify "$orgward" --public-key plain.pub
say "evidence holds with Debian's minisign"
