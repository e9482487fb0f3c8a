# shellcheck shell=bash
# Sourced after lane.sh by whoever asks moto: moto on 127.0.0.1 as $moto, its Python as $python; stopped by pid on exit.
python=target/moto-venv/bin/python
python_packages target/moto-venv tests/moto/requirements.txt
port_file=$(mktemp)
"$python" tests/moto/server.py >"$port_file" 2>target/moto-server.log &
server=$!
trap 'kill "$server" 2>/dev/null || true; rm -f "$port_file"' EXIT
for _ in $(seq 200); do [ -s "$port_file" ] && break; sleep 0.1; done
[ -s "$port_file" ] || { echo "moto did not start:" >&2; cat target/moto-server.log >&2; exit 1; }
# shellcheck disable=SC2034 # it is for whoever sources this
moto="http://127.0.0.1:$(head -n 1 "$port_file")"
