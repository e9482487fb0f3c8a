#!/usr/bin/env bash
# The framework witness: ids, levels and mappings of config/frameworks/ against the compliance files of PyPI `prowler`.
# Downloads its wheel (without what it depends on; it is only read) and pinned packages into target/.
# shellcheck source-path=SCRIPTDIR source=../lane.sh
. "$(dirname "$0")/../lane.sh"
venv=target/frameworks-venv
python_packages "$venv" tests/frameworks/requirements.txt
prowler=$(cat tests/frameworks/prowler-version)
wheel="target/prowler-$prowler/prowler-$prowler-py3-none-any.whl"
if [ ! -s "$wheel" ]; then
    "$venv/bin/pip" download --quiet --disable-pip-version-check --no-deps --only-binary :all: \
        --python-version 3.12 --dest "target/prowler-$prowler" "prowler==$prowler"
fi
"$venv/bin/python" tests/frameworks/witness.py "$wheel"
