#!/bin/sh
# The bill of materials, CycloneDX as JSON: what is in the binary on any system, from Cargo.lock. Needs cargo-cyclonedx;
# the time in it is SOURCE_DATE_EPOCH, or that of the last commit.
# sbom.sh OUT
set -eu
if [ $# -ne 1 ]; then
    echo "usage: sbom.sh OUT" >&2
    exit 2
fi
if [ -z "${SOURCE_DATE_EPOCH:-}" ]; then
    SOURCE_DATE_EPOCH=$(git -C "$(dirname "$0")" log -1 --format=%ct)
    export SOURCE_DATE_EPOCH
fi
mkdir -p "$1"
out=$(cd "$1" && pwd)
cd "$(dirname "$0")/../.."
# It writes beside Cargo.toml.
trap 'rm -f orgward.cdx.json' EXIT
cargo cyclonedx --quiet --format json --spec-version 1.5 --target all --override-filename orgward.cdx
# Where it was built is nobody's business, and would make every build another one.
sed "s|path+file://$PWD#|path+file:///orgward#|g" orgward.cdx.json >"$out/orgward.cdx.json"
