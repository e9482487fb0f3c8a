#!/usr/bin/env bash
# The policy witness: thousands of policies and requests, decided by orgward and by an evaluator that is not ours.
# Installs its pinned package into target/policy-witness; needs Node.js 20 and npm. The package is a witness only: nothing
# of it is built into orgward.
# shellcheck source-path=SCRIPTDIR source=../lane.sh
. "$(dirname "$0")/../lane.sh"
if ! has_node; then
    echo "skipped tests/policy/run.sh: it needs node and npm" >&2
    exit 0
fi
lane=target/policy-witness
node_packages "$lane" tests/policy/package.json
cargo test --quiet --test it -- --ignored --exact policy_witness::writes_the_cases_of_the_policy_witness >/dev/null
node tests/policy/witness.mjs "$lane/node_modules" "$lane/cases.jsonl" tests/policy/known.json
