#!/usr/bin/env bash
# What people see on a real terminal of 80 and of 60 columns, against the sandbox: no sentence runs over, nothing is lost against a
# pipe, and `--progress lines` draws nothing. Needs python3 alone.
# shellcheck source-path=SCRIPTDIR source=../lane.sh
. "$(dirname "$0")/../lane.sh"
cargo build --quiet
python3 tests/terminal/witness.py target/debug/orgward
