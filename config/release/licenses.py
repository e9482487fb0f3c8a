#!/usr/bin/env python3
"""The licences of everything that is linked into a release: one text file, from Cargo.lock and the crates' own sources.

licenses.py OUT [TARGET]   TARGET is a target triple, such as x86_64-unknown-linux-musl; without it this machine's

What is linked is what `cargo tree` says of normal dependencies. A crate's texts are the files of licence, copyright and notice in its
package, those of the C libraries that it brings among them. A crate without any is told with the licence that its manifest names, where
that is one of FALLBACKS; else nothing is written and the crate is named. Every crate is there once, every text once. The same input
gives the same bytes. Must not: ask a network, or judge a licence (cargo-deny does, by deny.toml).
"""

import json
import os
import pathlib
import re
import subprocess
import sys
import textwrap

ROOT = pathlib.Path(__file__).resolve().parents[2]
# A file of a licence by its name, with what may stand before: LICENSE, LICENSE-MIT, license-apache-2.0, COPYING, NOTICE.txt.
NAMES = re.compile(r"(licen[cs]e|copying|copyright|notice|unlicen[cs]e|patents)([-_. ].*)?$", re.IGNORECASE)
# Code and data with such a name.
NO_TEXT = {".rs", ".py", ".c", ".h", ".json", ".toml", ".html", ".cmake"}
# Folders of a package that are not linked.
ASIDE = {"tests", "test", "benches", "examples", "fuzz", "target", ".github"}
# The other half of a choice that the manifest does not offer: zstd is BSD or GPL, its crate BSD.
GPL = re.compile(r"\s*GNU (LESSER )?GENERAL PUBLIC LICENSE", re.IGNORECASE)

MIT = """\
MIT License

{owners}

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation files (the
"Software"), to deal in the Software without restriction, including without limitation the rights to use, copy, modify, merge, publish,
distribute, sublicense, and/or sell copies of the Software, and to permit persons to whom the Software is furnished to do so, subject to
the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF
MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY
CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE
SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
"""


def apache(_):
    """Apache-2.0 has no line of its own for an owner: it is our own text."""
    return (ROOT / "LICENSE").read_text(encoding="utf-8")


# What can be said of a crate that has no file of a licence, the better first.
FALLBACKS = {"Apache-2.0": apache, "MIT": lambda owners: MIT.format(owners=owners)}

RUST = "https://www.rust-lang.org"
# What a compiler links beside crates, where the target's name has this in it.
COMPILERS = [
    ("", "the standard library of Rust", "MIT OR Apache-2.0", f"{RUST}/policies/licenses", apache),
    ("musl", "musl libc", "MIT", "https://musl.libc.org", lambda _: MIT.format(owners="Copyright (c) 2005-2020 Rich Felker, et al.")),
]


def cargo(*arguments):
    """stdout of cargo at the root; its own words where it fails."""
    done = subprocess.run([os.environ.get("CARGO", "cargo"), *arguments], cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr or f"error: cargo {arguments[0]} failed")
    return done.stdout


def host():
    """The triple of this machine's compiler."""
    said = subprocess.run(["rustc", "-vV"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return re.search(r"^host: (\S+)$", said, re.MULTILINE).group(1)


def linked(target):
    """The packages that are linked, by cargo's own account: metadata alone lists more than a build has."""
    tree = cargo("tree", "--locked", "--edges", "normal", "--target", target, "--prefix", "none", "--format", "{p}")
    named = {tuple(line.split()[:2]) for line in tree.splitlines() if line.strip()}
    told = json.loads(cargo("metadata", "--locked", "--format-version", "1", "--filter-platform", target))
    for package in told["packages"]:
        if package["source"] and (package["name"], f"v{package['version']}") in named:
            yield package


def texts(package):
    """Every text of a package, as it is but for blanks at the ends of lines; its own first."""
    folder = pathlib.Path(package["manifest_path"]).parent
    found = {folder / package["license_file"]} if package["license_file"] else set()
    for at, folders, files in os.walk(folder):
        # C libraries keep theirs further down; whoever links none has nothing there that is not a copy.
        folders[:] = sorted(set(folders) - ASIDE) if package["links"] else []
        found |= {pathlib.Path(at) / name for name in files if NAMES.match(name) and pathlib.Path(name).suffix not in NO_TEXT}
    for path in sorted(found, key=lambda path: (len(path.parts), path.name)):
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        text = "\n".join(line.rstrip() for line in lines).strip("\n")
        if text and not (GPL.match(text) and "GPL" not in (package["license"] or "")):
            yield text


def fallback(package):
    """What is said of a package without a text, or None."""
    names = re.split(r"\s+OR\s+|/", package["license"] or "")
    owners = ", ".join(package["authors"]) or f"the authors of {package['name']}"
    for name, say in FALLBACKS.items():
        if name in names:
            return say(f"Copyright (c) {owners}").strip("\n")
    return None


def gathered(target):
    """Rows (name, licence, address) and texts with the rows they are of, in order."""
    rows, of, lacking = [], {}, []

    def add(row, said):
        rows.append(row)
        for text in said:
            # Copies differ in how their lines are broken.
            of.setdefault(" ".join(text.split()), (text, []))[1].append(row[0])

    for package in sorted(linked(target), key=lambda package: (package["name"], package["version"])):
        row = (f"{package['name']} {package['version']}", package["license"] or "see its text", package["repository"] or "")
        said = list(dict.fromkeys(texts(package))) or [text for text in [fallback(package)] if text]
        if not said:
            lacking.append(f"{row[0]} ({row[1]})")
        add(row, said)
    if lacking:
        sys.exit(f"error: no text of a licence, and none that is known here by its name: {', '.join(lacking)}")
    if not rows:
        sys.exit(f"error: nothing is linked for `{target}`, so that is no target of this crate")
    for part, name, licence, address, say in COMPILERS:
        if part in target:
            add((name, licence, address), [say(None).strip("\n")])
    return rows, list(of.values())


def written(target):
    """The file."""
    rows, found = gathered(target)
    rule = "=" * 100
    out = [f"What is linked into orgward for {target}, with its licences. orgward itself is under the Apache License 2.0: LICENSE.", ""]
    out += [f"{name}  [{licence}]  {address}".rstrip() for name, licence, address in rows]
    for text, owners in found:
        names = textwrap.fill("Of " + ", ".join(owners), 100, subsequent_indent="   ", break_long_words=False, break_on_hyphens=False)
        out += ["", rule, names, rule, "", text]
    return "\n".join(out) + "\n"


def main(arguments):
    """Writes the file."""
    if len(arguments) not in (1, 2):
        sys.exit("usage: licenses.py OUT [TARGET]")
    out = pathlib.Path(arguments[0])
    text = written(arguments[1] if len(arguments) == 2 else host())
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(text, encoding="utf-8", newline="\n")
    print(out)


if __name__ == "__main__":
    main(sys.argv[1:])
