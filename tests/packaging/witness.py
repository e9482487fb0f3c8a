"""What a release is made of: workflow, dependencies, notes, archive, Debian package, bill of materials and container file, each
before somebody who is not us where there is one, then broken, and every break has to be found.

witness.py ORGWARD BIN DENY WORK   BIN: the tools of the witness's venv; DENY: cargo-deny; WORK: what run.sh made
Must not: build anything, or ask a network.
"""

import gzip
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import zipfile

import yaml
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

ROOT = pathlib.Path(__file__).parents[2]
RELEASE = ROOT / "config" / "release"
ORGWARD, BIN, DENY, WORK = (pathlib.Path(argument).absolute() for argument in sys.argv[1:5])
WORKFLOW = (ROOT / ".github/workflows/release.yml").read_text()
CARGO = tomllib.loads((ROOT / "Cargo.toml").read_text())
VERSION = CARGO["package"]["version"]
passed = 0


def holds(what, true, told=""):
    """Counts what holds, and ends with what does not."""
    global passed
    if not true:
        sys.exit(f"tests/packaging: {what} does not hold\n{told}")
    passed += 1


def run(*words, ok=True, **more):
    """Runs a command; its output. `ok`: whether it has to end well."""
    more.setdefault("cwd", ROOT)
    done = subprocess.run([str(word) for word in words], text=True, capture_output=True, check=False, **more)
    told = done.stdout + done.stderr
    holds(f"{' '.join(map(str, words))} {'ends well' if ok else 'is refused'}", (done.returncode == 0) == ok, told)
    return told


def workflow(scratch):
    """zizmor, and what only we can know: versions, targets and scripts that the workflow names."""
    zizmor = [BIN / "zizmor", "--offline", "--no-progress", "--quiet", "--config", ROOT / ".github/zizmor.yml"]
    run(*zizmor, ROOT / ".github/workflows/release.yml")
    folder = scratch / ".github" / "workflows"
    folder.mkdir(parents=True)
    for what, changed in {
        "an action by its tag": re.sub(r"checkout@[0-9a-f]{40} # \S+", "checkout@v7", WORKFLOW),
        "a tag in a script": WORKFLOW.replace('notes.sh "$GITHUB_REF_NAME"', "notes.sh ${{ github.ref_name }}"),
        "kept credentials": WORKFLOW.replace("        with:\n          persist-credentials: false\n", ""),
    }.items():
        holds(f"the workflow has what stands for {what}", changed != WORKFLOW)
        (folder / "release.yml").write_text(changed)
        run(*zizmor, folder / "release.yml", ok=False)
    tree = yaml.safe_load(WORKFLOW)
    rust = CARGO["package"]["rust-version"]
    holds("the workflow builds with the Rust of Cargo.toml", tree["env"]["RUST"] == rust)
    for file in (RELEASE / "Containerfile", ROOT / "config/deploy/Containerfile"):
        holds(f"{file.name} builds with it too", f"/rust:{rust}-" in file.read_text())
    targets = {job["target"] for job in tree["jobs"]["build"]["strategy"]["matrix"]["include"]}
    looked_at = set(tomllib.loads((ROOT / "deny.toml").read_text())["graph"]["targets"])
    holds("deny.toml looks at every target that is released", targets <= looked_at, str(targets - looked_at))
    scripts = set(re.findall(r"config/release/[a-z]+\.(?:sh|py)", WORKFLOW))
    there = {path.relative_to(ROOT).as_posix() for path in RELEASE.iterdir() if path.suffix in (".sh", ".py")}
    holds("the workflow uses every script of config/release, and no other", scripts == there, f"{scripts} {there}")
    holds("scripts can be run", all(os.access(ROOT / script, os.X_OK) for script in scripts))
    ours = [*RELEASE.glob("*.sh"), *ROOT.glob("tests/*.sh"), *ROOT.glob("tests/*/*.sh"), *ROOT.glob("benches/*.sh"), ROOT / ".ci/run"]
    run(BIN / "shellcheck", "--external-sources", *sorted(ours))


def dependencies(scratch):
    """cargo-deny on bans, licences and sources; then with configurations that have to refuse."""
    check = [DENY, "--offline", "--all-features", "check", "bans", "licenses", "sources"]
    run(*check)
    text = (ROOT / "deny.toml").read_text()
    for what, changed in {
        "MIT": text.replace('    "MIT",\n', ""),
        "a banned crate": text.replace('{ crate = "native-tls" }', '{ crate = "rustls" }'),
        "crates.io": text.replace("https://github.com/rust-lang/crates.io-index", "https://example.com/index"),
        "a licence that nothing has": text.replace('    "MIT",\n', '    "MIT",\n    "GPL-3.0",\n'),
    }.items():
        holds(f"deny.toml has {what}", changed != text)
        (scratch / "deny.toml").write_text(changed)
        run(*check, "--config", scratch / "deny.toml", ok=False)


def notes(scratch):
    """notes.sh on changelogs, ours among them."""
    script = RELEASE / "notes.sh"
    changelog = scratch / "CHANGELOG.md"
    changelog.write_text("# Changelog\n\n## Unreleased\n\n## [1.2.3] - 2026-01-02\n\n### Added\n- `a`\n\n\n## 1.2.2\n- b\n")
    holds("a section is cut out", run(script, "v1.2.3", changelog) == "### Added\n- `a`\n")
    holds("the last one too", run(script, "1.2.2", changelog) == "- b\n")
    holds("an empty one is refused", "says nothing of `unreleased`" in run(script, "unreleased", changelog, ok=False))
    holds("dots are dots", "says nothing" in run(script, "1x2.3", changelog, ok=False))
    run(script, ok=False)
    run(script, "1.2.3", scratch / "none.md", ok=False)
    headings = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    for heading in headings:
        run(script, heading)
    holds("our changelog has sections", headings)


def licences(scratch):
    """licenses.py: everything that is linked is in it with a text, the same bytes twice; then broken."""
    script = RELEASE / "licenses.py"
    offline = os.environ | {"CARGO_NET_OFFLINE": "true"}
    file = scratch / "licences.txt"
    run(script, file, env=offline)
    text = file.read_text()
    holds("the lane's is the same", text == (ROOT / "target/share/THIRD-PARTY-LICENSES.txt").read_text())
    head, *parts = re.split(r"\n={100}\n", text)
    listed = {line.split("  [")[0] for line in head.splitlines()[2:] if line}
    tree = run("cargo", "tree", "--locked", "--edges", "normal", "--prefix", "none", "--format", "{p}", env=offline)
    linked = {tuple(line.split()[:2]) for line in tree.splitlines() if " v" in line} - {("orgward", f"v{VERSION}")}
    wanted = {f"{name} {version.removeprefix('v')}" for name, version in linked}
    holds("it lists what is linked and the standard library", listed == wanted | {"the standard library of Rust"}, str(listed ^ wanted))
    owners = re.sub(r"\s+", " ", " ".join(parts[::2]))
    holds("each has a text", all(re.search(rf"(Of |, ){re.escape(name)}(,|$| Of )", owners) for name in listed))
    holds("a text is there once", len(parts) == 2 * len(set(" ".join(part.split()) for part in parts[1::2])))
    flat = " ".join(text.split())
    for words in ("Apache License Version 2.0", "Permission is hereby granted", "Yann Collet", "OpenSSL", "Daan Leijen"):
        holds(f"it has {words}", words.replace(" ", "") in flat.replace(" ", ""))
    holds("nobody is offered the GPL", "GNU GENERAL PUBLIC LICENSE" not in text)
    # A crate that has no text, and whose licence has none here.
    changed = scratch / "config" / "release" / "licenses.py"
    changed.parent.mkdir(parents=True)
    source = script.read_text()
    for name in ("Cargo.toml", "Cargo.lock", "LICENSE", "src", "tests", "benches", "playbooks"):
        (scratch / name).symlink_to(ROOT / name)
    for what, (one, other), said in [
        ("a licence unknown here", ('"MIT": lambda', '"Beerware": lambda'), "no text of a licence"),
        ("another name of the files", ("(licen[cs]e|copying", "(nothing|nowhere"), "no text of a licence"),
    ]:
        holds(f"there is {what} to break", one in source)
        changed.write_text(source.replace(one, other))
        out = scratch / "none.txt"
        told = run(sys.executable, changed, out, ok=False, env=offline)
        holds(f"{what} is told and nothing is written", said in told and not out.exists(), told)
    run(script, file, "no-such-target", ok=False, env=offline)
    run(script, ok=False)


def archive(scratch):
    """share.sh and archive.py: the same bytes twice, everything that is promised, and a binary that runs."""
    share = scratch / "share"
    run(RELEASE / "share.sh", ORGWARD, share)
    run(RELEASE / "share.sh", ORGWARD, share, ok=False)
    lacking = [sys.executable, RELEASE / "archive.py", ORGWARD, share, "lacking", scratch / "lacking"]
    holds("no archive without licences", "licenses.py makes it" in run(*lacking, ok=False))
    shutil.copy(ROOT / "target/share/THIRD-PARTY-LICENSES.txt", share)
    small = scratch / "orgward"
    shutil.copy(WORK / "stage/release/orgward", small)
    name = f"orgward-{VERSION}-x86_64-unknown-linux-musl"
    pack = [sys.executable, RELEASE / "archive.py"]
    digests = set()
    for at in ("one", "two"):
        epoch = os.environ | {"SOURCE_DATE_EPOCH": "1790000000"}
        path = pathlib.Path(run(*pack, small, share, name, scratch / at, env=epoch).strip())
        digests.add(hashlib.sha256(path.read_bytes()).hexdigest())
        small.touch()
    holds("the same files give the same archive", len(digests) == 1)
    with tarfile.open(path) as tar:
        members = {member.name: member for member in tar.getmembers()}
        holds("nobody owns them", all(member.uid == member.gid == 0 and not member.uname for member in members.values()))
        tar.extractall(scratch / "out", filter="data")
    top = scratch / "out" / name
    for wanted in ("LICENSE", "THIRD-PARTY-LICENSES.txt", "README.md", "man/orgward-audit.1", "completions/_orgward", "examples/orgward.example.yaml"):
        holds(f"{wanted} is in it", (top / wanted).is_file())
    holds("it runs", VERSION in run(top / "orgward", "--version"))
    windows = scratch / "orgward.exe"
    windows.write_bytes(b"MZ")
    path = pathlib.Path(run(*pack, windows, share, "orgward-windows", scratch / "zip").strip())
    with zipfile.ZipFile(path) as packed:
        holds("for Windows it is a zip file", "orgward-windows/orgward.exe" in packed.namelist() and packed.testzip() is None)
    run(*pack, scratch / "none", share, name, scratch / "none-out", ok=False)
    return share


def completions(share):
    """The shells themselves read what was made for them, where they are."""
    for shell, script in (("bash", "orgward.bash"), ("zsh", "_orgward"), ("fish", "orgward.fish")):
        if shutil.which(shell):
            run(shell, "-n", share / "completions" / script)


def debian(scratch):
    """The package that cargo-deb made: what is in it, what it asks for, and that it runs."""
    packages = sorted((WORK / "dist").glob("*.deb"))
    holds("there is one package", len(packages) == 1, str(packages))
    run("dpkg-deb", "--extract", packages[0], scratch / "root")
    field = lambda name: run("dpkg-deb", "--field", packages[0], name).strip()
    holds("name and version", (field("Package"), field("Version")) == ("orgward", f"{VERSION}-1"))
    holds("it needs libc alone", re.fullmatch(r"libc6 \(>= [0-9.]+\)(, libgcc-s1 \(>= [0-9.]+\))?", field("Depends")), field("Depends"))
    holds("it recommends certificates", field("Recommends") == "ca-certificates")
    root = scratch / "root"
    pages = {path.name for path in (root / "usr/share/man/man1").iterdir()}
    commands = {f"{path.name}.gz" for path in (ROOT / "target/share/man").iterdir()}
    holds("a man page for every command", pages == commands and len(pages) > 20)
    for page in pages:
        with gzip.open(root / "usr/share/man/man1" / page, "rt") as text:
            holds(f"{page} is a man page", ".TH" in text.read())
    for wanted in (
        "usr/share/bash-completion/completions/orgward",
        "usr/share/zsh/vendor-completions/_orgward",
        "usr/share/fish/vendor_completions.d/orgward.fish",
        "usr/share/doc/orgward/copyright",
        "usr/share/doc/orgward/THIRD-PARTY-LICENSES.txt",
        "usr/share/doc/orgward/examples/orgward.example.yaml",
    ):
        holds(f"{wanted} is in it", (root / wanted).is_file())
    holds("the licence is the licence", "Apache License" in (root / "usr/share/doc/orgward/copyright").read_text())
    holds("it runs", VERSION in run(root / "usr/bin/orgward", "--version"))


def materials():
    """The bill of materials: CycloneDX's own schema, and what has to be in it and what must not."""
    text = (WORK / "dist/orgward.cdx.json").read_text()
    validator = JsonStrictValidator(SchemaVersion.V1_5)
    holds("it is CycloneDX 1.5", validator.validate_str(text) is None, str(validator.validate_str(text)))
    bill = json.loads(text)
    holds("a wrong one is refused", validator.validate_str(json.dumps(bill | {"components": [{"name": "x"}]})) is not None)
    names = {component["name"] for component in bill["components"]}
    holds("what is linked is in it", {"rustls", "aws-lc-sys", "zstd-sys", "tokio"} <= names)
    holds("what tests alone use is not", not names & {"insta", "proptest", "assert_cmd"})
    holds("it is about this version", bill["metadata"]["component"]["version"] == VERSION)
    holds("where it was made is not in it", str(ROOT) not in text and "file:///orgward#" in text)
    locked = tomllib.loads((ROOT / "Cargo.lock").read_text())["package"]
    known = {(package["name"], package["version"]) for package in locked}
    strangers = {(c["name"], c["version"]) for c in bill["components"]} - known
    holds("every component is in Cargo.lock", not strangers, str(strangers))


def container(scratch):
    """The last stage of the container file, and orgward in a root that has no more than that stage."""
    lines = [line for line in (RELEASE / "Containerfile").read_text().splitlines() if line and not line.startswith("#")]
    last = lines[lines.index("FROM scratch") :]
    holds("images are named by version", all(":" in line.split()[1] for line in lines if line.startswith("FROM ") and line != "FROM scratch"))
    holds("a user without a name runs it", "USER 10001:10001" in last)
    holds("no shell is asked for", not any(line.startswith("RUN ") for line in last))
    holds("certificates are where rustls looks", any(line.endswith(" /etc/ssl/certs/ca-certificates.crt") for line in last))
    for file in (RELEASE / "Containerfile", ROOT / "config/deploy/Containerfile"):
        holds(f"{file.name} has the licences", "/build/THIRD-PARTY-LICENSES.txt /usr/share/doc/orgward/" in file.read_text())
    entry = json.loads(next(line for line in last if line.startswith("ENTRYPOINT")).removeprefix("ENTRYPOINT "))
    home = next(line for line in last if line.startswith("ENV HOME=")).removeprefix("ENV HOME=")
    if os.getuid() != 0:
        print("skipped orgward in an empty root: it needs root", file=sys.stderr)
        return
    root = scratch / "root"
    binary = root / entry[0].lstrip("/")
    binary.parent.mkdir(parents=True)
    shutil.copy(WORK / "stage/release/orgward", binary)
    # Here it is linked with this system's C library.
    for library in re.findall(r"(/\S+) \(0x", run("ldd", binary)):
        there = root / library.lstrip("/")
        there.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(library, there)
    certificates = pathlib.Path("/etc/ssl/certs/ca-certificates.crt")
    if certificates.is_file():
        there = root / certificates.relative_to("/")
        there.parent.mkdir(parents=True)
        shutil.copy(certificates, there)
    inside = root / home.lstrip("/")
    inside.mkdir(parents=True, mode=0o700)
    os.chown(inside, 10001, 10001)
    scratch.chmod(0o755)
    root.chmod(0o755)
    chroot = shutil.which("chroot", path="/usr/sbin:/usr/bin:/sbin:/bin")
    bare = [chroot, "--userspec=10001:10001", root, *entry]
    env = {"HOME": home}
    holds("it runs", VERSION in run(*bare, "--version", env=env))
    holds("it knows its checks", "root-mfa" in run(*bare, "checks", "list", env=env))
    served = subprocess.Popen([ORGWARD, "--quiet", "sandbox", "--port", "0", "--fast", "--accounts", "5", "--seed", "3"], stdout=subprocess.PIPE, text=True)
    try:
        exported = {}
        for line in served.stdout:
            name, _, value = line.strip().removeprefix("export ").partition("=")
            exported[name] = value
            if name == "ORGWARD_APPLY_EXTERNAL_ID":
                break
        audit = [*bare, "--quiet", "audit", "--checks", "root-mfa,org-*", "--fail-on", "none", "--allow-partial"]
        told = run(*audit, env=env | exported)
        holds("it audits", "root-mfa" in told, told)
    finally:
        served.terminate()
        served.wait()
    holds("what it keeps is below its home", any((inside / ".local/state/orgward").rglob("*")))


def main():
    """Everything, each in a folder of its own."""
    parts = (workflow, dependencies, notes, licences, archive, debian, container)
    with tempfile.TemporaryDirectory() as folder:
        for part in parts:
            scratch = pathlib.Path(folder) / part.__name__
            scratch.mkdir()
            pathlib.Path(folder).chmod(0o755)
            made = part(scratch)
            if part is archive:
                completions(made)
    materials()
    print(f"{passed} passed, 0 failed")


if __name__ == "__main__":
    main()
