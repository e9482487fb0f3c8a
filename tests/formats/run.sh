#!/usr/bin/env bash
# The formats witness: what the real binary writes of an audit of the sandbox, with hostile names, held against schemas and models
# that are not ours; and orgward's own files against its own published schemas. Installs its pinned packages into target/.
# shellcheck source-path=SCRIPTDIR source=../lane.sh
. "$(dirname "$0")/../lane.sh"
venv=target/formats-venv
python_packages "$venv" tests/formats/requirements.txt
lane=target/formats-witness
mkdir -p "$lane"
if has_node; then
    node_packages "$lane" tests/formats/package.json
else
    echo "skipped the schemas of SARIF and JUnit: they come with npm" >&2
fi
cargo build --quiet
orgward=$PWD/target/debug/orgward
out=$(mktemp -d)
: >"$out/env"
"$orgward" sandbox --port 0 --fast --accounts 5 --seed 3 --epoch 2026-11-02T08:00:00Z \
    --rename 'audit==cmd|x!A1 </failure>]]>"<script>[x](//y) {0}' \
    --fault 'iam:GetAccountPasswordPolicy=deny' --quiet >"$out/env" &
sandbox=$!
trap 'kill "$sandbox" 2>/dev/null || true; rm -rf "$out"' EXIT
for _ in $(seq 200); do grep -q ORGWARD_APPLY_EXTERNAL_ID "$out/env" && break; sleep 0.1; done
. "$out/env"
export HOME=$out ORGWARD_STATE_DIR=$out/state
ends() { # CODE COMMAND...: the command ends with the code
    local wanted=$1 code=0
    shift
    "$@" || code=$?
    [ "$code" = "$wanted" ] || { echo "\`$*\` ended with $code, not $wanted" >&2; exit 1; }
}
mkdir "$out/checks"
cp tests/formats/checks.yaml "$out/checks/"
ends 4 "$orgward" --quiet audit --checks-dir "$out/checks" --exemptions tests/formats/exemptions.yaml --format json --output "$out/audit.json" --also "ndjson=$out/audit.ndjson" \
    --also "csv=$out/audit.csv" --also "junit=$out/audit.xml" --also "sarif=$out/audit.sarif" --also "asff=$out/audit.asff"
for version in 1.1.0 1.2.0 1.3.0 1.4.0 1.5.0 1.6.0 1.7.0 1.8.0; do
    ends 4 "$orgward" --quiet report last --format ocsf --ocsf-version "$version" --output "$out/$version.ocsf"
done
# A plan and the journal of its run.
ends 0 "$orgward" --quiet plan deny-leave-organization --set targets=/Security --out "$out/plan.json" >/dev/null
ends 0 "$orgward" --quiet apply "$out/plan.json" --yes >/dev/null
cp "$out"/state/runs/*/journal.jsonl "$out/journal.jsonl"
for name in playbook config checks exemptions plan journal findings finding; do
    ends 0 "$orgward" schema "$name" >"$out/$name.schema.json"
done
"$venv/bin/python" tests/formats/witness.py "$out" "$lane/node_modules"
