# shellcheck shell=bash
# What the witnesses' run.sh have in common, to be sourced: they stop at what fails, run in the project's folder, and install
# their pinned packages into target/.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export PYTHONDONTWRITEBYTECODE=1

# python_packages VENV REQUIREMENTS [OPTION...]: what a file pins, in a venv of its own.
python_packages() {
    local venv=$1 requirements=$2
    shift 2
    if [ ! -x "$venv/bin/python" ]; then python3 -m venv "$venv"; fi
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check "$@" -r "$requirements"
}

has_node() { command -v node >/dev/null && command -v npm >/dev/null; }

# node_packages FOLDER PACKAGE.JSON: what a file pins, in FOLDER/node_modules; nothing is done where that is there already.
node_packages() {
    mkdir -p "$1"
    if ! cmp -s "$2" "$1/package.json" || [ ! -d "$1/node_modules" ]; then
        cp "$2" "$1/package.json"
        npm install --prefix "$1" --no-package-lock --no-audit --no-fund --ignore-scripts --loglevel=error >/dev/null
    fi
}

# has_debian COMMAND PACKAGE...: whether COMMAND is there, or Debian's packages that have it could be installed; only root may. An
# installation that fails ends the lane.
has_debian() {
    local command=$1
    shift
    if command -v "$command" >/dev/null; then return 0; fi
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then return 1; fi
    export DEBIAN_FRONTEND=noninteractive
    apt-get -o Acquire::Retries=3 update -qq >/dev/null || exit 1
    apt-get -o Acquire::Retries=3 install -y -qq --no-install-recommends "$@" >/dev/null || exit 1
    command -v "$command" >/dev/null || exit 1
}
