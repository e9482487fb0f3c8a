# shellcheck shell=bash
# Sourced by run.sh and record.sh: moto with AWS's managed policies and root users that have a password (Prowler judges no others).
export MOTO_IAM_LOAD_MANAGED_POLICIES=true WITNESS_ROOT_PASSWORD=true
# shellcheck source-path=SCRIPTDIR source=../moto/serve.sh
. tests/moto/serve.sh
