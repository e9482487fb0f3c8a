#!/usr/bin/env bash
# Asks Prowler anew and writes tests/prowler/recorded.json. Installs Prowler with all it needs into target/, once.
# shellcheck source-path=SCRIPTDIR source=../lane.sh
. "$(dirname "$0")/../lane.sh"
version=$(cat tests/frameworks/prowler-version)
prowler=target/prowler-venv/bin
if [ ! -x "$prowler/prowler" ]; then
    python3 -m venv target/prowler-venv
    "$prowler/pip" install --quiet --disable-pip-version-check "prowler==$version"
fi
# shellcheck source-path=SCRIPTDIR source=serve.sh
. tests/prowler/serve.sh
"$python" tests/prowler/witness.py "$moto" record "$prowler/prowler"
