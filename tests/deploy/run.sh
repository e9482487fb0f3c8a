#!/usr/bin/env bash
# The deployment witness: the definitions of config/deploy/ against Kubernetes' schemas, botocore's models and, where Node.js
# and npm are, a validator of the Amazon States Language. Installs its pinned packages into target/.
# shellcheck source-path=SCRIPTDIR source=../lane.sh
. "$(dirname "$0")/../lane.sh"
venv=target/deploy-venv
python_packages "$venv" tests/deploy/requirements.txt
"$venv/bin/python" tests/deploy/witness.py
if ! has_node; then
    echo "skipped the state machine's language: it needs node and npm" >&2
    exit 0
fi
lane=target/deploy-witness
node_packages "$lane" tests/deploy/package.json
node tests/deploy/asl.mjs "$lane/node_modules" config/deploy/step-functions/state-machine.json
