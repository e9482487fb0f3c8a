#!/usr/bin/env bash
# The deployment witness: the definitions of config/deploy/ against Kubernetes' schemas, botocore's models and, where Node.js
# and npm are, a validator of the Amazon States Language. Installs its pinned packages into target/.
set -euo pipefail
cd "$(dirname "$0")/../.."
export PYTHONDONTWRITEBYTECODE=1
venv=target/deploy-venv
if [ ! -x "$venv/bin/python" ]; then python3 -m venv "$venv"; fi
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check -r tests/deploy/requirements.txt
"$venv/bin/python" tests/deploy/witness.py
if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
    echo "skipped the state machine's language: it needs node and npm" >&2
    exit 0
fi
lane=target/deploy-witness
mkdir -p "$lane"
if ! cmp -s tests/deploy/package.json "$lane/package.json" || [ ! -d "$lane/node_modules" ]; then
    cp tests/deploy/package.json "$lane/package.json"
    npm install --prefix "$lane" --no-package-lock --no-audit --no-fund --ignore-scripts --loglevel=error >/dev/null
fi
node tests/deploy/asl.mjs "$lane/node_modules" config/deploy/step-functions/state-machine.json
