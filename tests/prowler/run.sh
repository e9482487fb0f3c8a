#!/usr/bin/env bash
# orgward and Prowler on the same organization in moto: what orgward says now against what Prowler said when it was recorded
# (tests/prowler/recorded.json). Prowler itself is not needed; tests/prowler/record.sh asks it again.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/prowler/serve.sh
cargo build --quiet
"$python" tests/prowler/witness.py "$moto" compare target/debug/orgward
