#!/usr/bin/env bash
# What people see on a real terminal of 80 and of 60 columns, against the sandbox: no sentence runs over, nothing is lost against a
# pipe, and `--progress lines` draws nothing. Needs python3 alone.
set -euo pipefail
cd "$(dirname "$0")/../.."
export PYTHONDONTWRITEBYTECODE=1
if [ ! -x target/debug/orgward ]; then cargo build --quiet; fi
python3 tests/terminal/witness.py target/debug/orgward
