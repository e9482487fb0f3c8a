#!/usr/bin/env bash
# The moto witness: orgward's real binary against an AWS that is not ours, judged by boto3; then orgward's own sandbox,
# judged by botocore's models and by moto.
# Installs its pinned packages into target/moto-venv, starts moto on 127.0.0.1, and stops it by pid.
set -euo pipefail
cd "$(dirname "$0")/../.."
export PYTHONDONTWRITEBYTECODE=1
venv=target/moto-venv
if [ ! -x "$venv/bin/python" ]; then python3 -m venv "$venv"; fi
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check -r tests/moto/requirements.txt
cargo build --quiet
port_file=$(mktemp)
"$venv/bin/python" tests/moto/server.py >"$port_file" 2>target/moto-server.log &
server=$!
trap 'kill "$server" 2>/dev/null || true; rm -f "$port_file"' EXIT
for _ in $(seq 100); do [ -s "$port_file" ] && break; sleep 0.1; done
[ -s "$port_file" ] || { echo "moto did not start:" >&2; cat target/moto-server.log >&2; exit 1; }
moto="http://127.0.0.1:$(head -n 1 "$port_file")"
"$venv/bin/python" tests/moto/witness.py "$moto" target/debug/orgward
"$venv/bin/python" tests/moto/sandbox_witness.py "$moto" target/debug/orgward
