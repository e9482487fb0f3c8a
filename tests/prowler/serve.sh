# Sourced by run.sh and record.sh: moto on 127.0.0.1 with AWS's managed policies and root users that have a password (Prowler judges no
# others), as $moto; stopped by pid on exit.
export PYTHONDONTWRITEBYTECODE=1
python=target/moto-venv/bin/python
if [ ! -x "$python" ]; then python3 -m venv target/moto-venv; fi
"$python" -m pip install --quiet --disable-pip-version-check -r tests/moto/requirements.txt
port_file=$(mktemp)
MOTO_IAM_LOAD_MANAGED_POLICIES=true WITNESS_ROOT_PASSWORD=true "$python" tests/moto/server.py >"$port_file" 2>target/moto-prowler.log &
server=$!
trap 'kill "$server" 2>/dev/null || true; rm -f "$port_file"' EXIT
for _ in $(seq 200); do [ -s "$port_file" ] && break; sleep 0.1; done
[ -s "$port_file" ] || { echo "moto did not start:" >&2; cat target/moto-prowler.log >&2; exit 1; }
moto="http://127.0.0.1:$(head -n 1 "$port_file")"
