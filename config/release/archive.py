#!/usr/bin/env python3
"""The archive of a release: a folder NAME with the binary, what share.sh and licenses.py made, licence, changelog and
examples.

archive.py BINARY SHARE NAME OUT   OUT/NAME.tar.gz, or OUT/NAME.zip where the binary is an .exe

The same input gives the same bytes: entries are sorted, owners are nobody's, times are SOURCE_DATE_EPOCH (or 1980). Must not:
build anything, or take what is not listed here.
"""

import gzip
import os
import pathlib
import sys
import tarfile
import time
import zipfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
TEXTS = ["LICENSE", "README.md", "CHANGELOG.md", "SECURITY.md"]
EXAMPLES = ["config/orgward.example.yaml", "config/exemptions.example.yaml", "config/checks/house-rules.example.yaml"]
# The licences of what is linked: no archive goes out without them.
LINKED = "THIRD-PARTY-LICENSES.txt"
# The first moment that a zip file can hold.
EPOCH = max(int(os.environ.get("SOURCE_DATE_EPOCH") or 0), 315532800)


def entries(binary, share):
    """Every file: its name in the folder, where it is, whether it runs."""
    yield binary.name, binary, True
    for text in TEXTS:
        yield text, ROOT / text, False
    for example in EXAMPLES:
        yield f"examples/{pathlib.Path(example).name}", ROOT / example, False
    for path in share.rglob("*"):
        if path.is_file():
            yield path.relative_to(share).as_posix(), path, False


def tar(path, name, files):
    """Writes a tar.gz."""
    with open(path, "wb") as out, gzip.GzipFile("", "wb", 9, out, mtime=EPOCH) as packed:
        with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive:
            for inside, source, runs in files:
                info = tarfile.TarInfo(f"{name}/{inside}")
                info.size, info.mtime, info.mode = source.stat().st_size, EPOCH, 0o755 if runs else 0o644
                with open(source, "rb") as content:
                    archive.addfile(info, content)


def pack(path, name, files):
    """Writes a zip file."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for inside, source, runs in files:
            info = zipfile.ZipInfo(f"{name}/{inside}", time.gmtime(EPOCH)[:6])
            info.external_attr = (0o100755 if runs else 0o100644) << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, source.read_bytes())


def main(arguments):
    """Writes the archive and says its path."""
    if len(arguments) != 4:
        sys.exit("usage: archive.py BINARY SHARE NAME OUT")
    binary, share, name, out = pathlib.Path(arguments[0]), pathlib.Path(arguments[1]), arguments[2], pathlib.Path(arguments[3])
    files = sorted(entries(binary, share))
    missing = [str(source) for _, source, _ in files if not source.is_file()]
    if missing or not (share / "man").is_dir():
        sys.exit(f"error: not there: {', '.join(missing) or share / 'man'}; share.sh makes man pages and completions")
    if not (share / LINKED).is_file():
        sys.exit(f"error: not there: {share / LINKED}; licenses.py makes it")
    out.mkdir(parents=True, exist_ok=True)
    windows = binary.suffix == ".exe"
    path = out / f"{name}{'.zip' if windows else '.tar.gz'}"
    (pack if windows else tar)(path, name, files)
    print(path)


if __name__ == "__main__":
    main(sys.argv[1:])
