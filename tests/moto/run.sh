#!/usr/bin/env bash
# The moto witness: orgward's real binary against an AWS that is not ours, judged by boto3; then orgward's own sandbox,
# judged by botocore's models and by moto; first, the commands that checks give for the AWS CLI, held against the same models.
# Installs its pinned packages into target/moto-venv, starts moto on 127.0.0.1, and stops it by pid.
# shellcheck source-path=SCRIPTDIR source=../lane.sh
. "$(dirname "$0")/../lane.sh"
cargo build --quiet
# shellcheck source-path=SCRIPTDIR source=serve.sh
. tests/moto/serve.sh
"$python" tests/moto/remediation_witness.py target/debug/orgward
"$python" tests/moto/witness.py "$moto" target/debug/orgward
"$python" tests/moto/sandbox_witness.py "$moto" target/debug/orgward
