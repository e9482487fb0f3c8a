#!/usr/bin/env bash
# orgward and Prowler on the same organization in moto: what orgward says now against what Prowler said when it was recorded
# (tests/prowler/recorded.json). Prowler itself is not needed; tests/prowler/record.sh asks it again.
# shellcheck source-path=SCRIPTDIR source=../lane.sh
. "$(dirname "$0")/../lane.sh"
cargo build --quiet
# shellcheck source-path=SCRIPTDIR source=serve.sh
. tests/prowler/serve.sh
"$python" tests/prowler/witness.py "$moto" compare target/debug/orgward
