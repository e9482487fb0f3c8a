#!/usr/bin/env bash
# The policy witness: thousands of policies and requests, decided by orgward and by an evaluator that is not ours.
# Installs its pinned package into target/policy-witness; needs Node.js 20 and npm. The package is a witness only: nothing
# of it is built into orgward.
set -euo pipefail
cd "$(dirname "$0")/../.."
lane=target/policy-witness
mkdir -p "$lane"
if ! cmp -s tests/policy/package.json "$lane/package.json" || [ ! -d "$lane/node_modules" ]; then
    cp tests/policy/package.json "$lane/package.json"
    npm install --prefix "$lane" --no-package-lock --no-audit --no-fund --ignore-scripts --loglevel=error >/dev/null
fi
cargo test --quiet --test it -- --ignored --exact policy_witness::writes_the_cases_of_the_policy_witness >/dev/null
node tests/policy/witness.mjs "$lane/node_modules" "$lane/cases.jsonl" tests/policy/known.json
