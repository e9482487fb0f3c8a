#!/bin/sh
# What a package has beside the binary: man pages and completions, made by the binary itself.
# share.sh BINARY OUT   OUT must not be there
set -eu
if [ $# -ne 2 ]; then
    echo "usage: share.sh BINARY OUT" >&2
    exit 2
fi
binary=$1
out=$2
if [ -e "$out" ]; then
    echo "error: \`$out\` is there already, remove it or name another folder" >&2
    exit 1
fi
mkdir -p "$out/completions"
"$binary" --quiet man --out "$out/man"
"$binary" completions bash >"$out/completions/orgward.bash"
"$binary" completions fish >"$out/completions/orgward.fish"
"$binary" completions zsh >"$out/completions/_orgward"
"$binary" completions powershell >"$out/completions/_orgward.ps1"
