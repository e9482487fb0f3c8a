"""Runs orgward on a pseudo-terminal of 80 and 60 columns and reads what it prints as a terminal would."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import tempfile
import termios
import unicodedata

BINARY = os.path.abspath(sys.argv[1])
ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))
ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")

# Told from what is kept: on a terminal and in a pipe the same words.
KEPT = [
    "report last",
    "report last --verbose",
    "report last --framework cis-5.0",
    "diff last last --verbose",
    "runs list",
    "runs show last",
    "checks list",
    "checks explain root-mfa",
    "checks explain org-protect-trail",
    "checks explain monitor-iam-changes",
    "checks view",
    "explain",
    "explain 4",
    "explain lock_out",
    "reference",
    "schema",
    "playbooks",
    "org",
    "exemptions " + os.path.join(ROOT, "config/exemptions.example.yaml"),
    "checks test --checks-dir " + os.path.join(ROOT, "config/checks"),
    "explain acces_denied",
    "plan nosuch",
    "plan deny-leave-organization",
    "report nosuch",
    "audit --checks nosuch",
    "runs prune --keep 1",
]
# Asked anew: only their width is looked at.
ASKED = [
    "audit",
    "plan cis-password-policy",
    "plan deny-leave-organization --set targets=/Workloads",
    "apply cis-password-policy --dry-run",
    "doctor",
    "evidence last --out evidence.tar.gz",
]
HELP = ["--help", "audit --help", "plan --help", "apply --help", "runs prune --help", "sandbox --help", "doctor --help"]


def columns(text):
    wide = lambda c: 0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
    return sum(wide(c) for c in text)


def on_terminal(words, width, env, cwd):
    """What arrives at a terminal of this width, stdout and stderr together."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, width, 0, 0))
    child = subprocess.Popen(
        [BINARY, *words], stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs, env=env, cwd=cwd, start_new_session=True
    )
    os.close(theirs)
    read = bytearray()
    while True:
        try:
            piece = os.read(ours, 65536)
        except OSError:
            break
        if not piece:
            break
        read += piece
    child.wait()
    os.close(ours)
    return read.decode().replace("\r\n", "\n")


def is_whole(line):
    """What stays in one line: a single word, a command, a line of a document or of source."""
    words = line.split()
    # Between backticks is one word.
    glued = re.sub(r"`[^`]*`", "x", line).split()
    command = re.match(r"\s*(fix:|mend:)?\s*(aws|orgward) ", line)
    document = re.match(r"\s+[+~-] ", line) or re.match(r"\s+[a-z_]+  \(\d+ characters\)", line) or re.match(r"\s*\d* \| ", line)
    return len(words) == 1 or len(glued) == 1 or command or document


def main():
    problems = []
    with tempfile.TemporaryDirectory() as home:
        base = {"HOME": home, "PATH": os.environ["PATH"], "TERM": "xterm"}
        sandbox = subprocess.Popen(
            [BINARY, "sandbox", "--fast", "--port", "0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=base, text=True
        )
        try:
            for _ in range(7):
                name, value = sandbox.stdout.readline().removeprefix("export ").strip().split("=", 1)
                base[name] = value
            subprocess.run([BINARY, "audit", "--quiet"], env=base, cwd=home, stdout=subprocess.DEVNULL)
            calm = {**base, "ORGWARD_PROGRESS": "lines"}
            lines = 0
            for width in (80, 60):
                for command in [*ASKED, *HELP, *KEPT]:
                    shown = ESCAPE.sub("", on_terminal(command.split(), width, calm, home))
                    if "\r" in shown:
                        problems.append(f"{command}: --progress lines draws over a line")
                    for line in shown.split("\n"):
                        lines += 1
                        # Help is clap's, its examples are commands.
                        if columns(line) > width and not is_whole(line) and not (command in HELP and width < 80):
                            problems.append(f"{command} at {width}: {line}")
                    if command in KEPT:
                        piped = subprocess.run(
                            [BINARY, *command.split()], env=base, cwd=home, stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                        ).stdout
                        if ESCAPE.search(piped):
                            problems.append(f"{command}: colour in a pipe")
                        # A cell of a table may be broken inside a long word, so blanks do not count; nor does the order in which
                        # stdout and stderr arrive.
                        squeezed = [sorted("".join(text.split())) for text in (shown, piped)]
                        if squeezed[0] != squeezed[1]:
                            problems.append(f"{command} at {width}: a terminal and a pipe are told different things")
            drawn = on_terminal(["audit", "--checks", "root-mfa"], 80, base, home)
            if "\r" not in drawn:
                problems.append("without --progress lines there is no bar: this test sees nothing")
            for env in ({"CI": "1"}, {"TERM": "dumb"}, {"ORGWARD_PROGRESS": "lines"}):
                if "\r" in ESCAPE.sub("", on_terminal(["audit", "--checks", "root-mfa"], 80, {**base, **env}, home)):
                    problems.append(f"{env}: a bar is drawn")
            for env in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
                if "\x1b[3" in on_terminal(["report", "last"], 80, {**base, **env}, home):
                    problems.append(f"{env}: there is colour")
        finally:
            sandbox.terminate()
            sandbox.wait()
    for problem in problems:
        print(problem, file=sys.stderr)
    if problems:
        sys.exit(f"{len(problems)} problems in {lines} lines")
    print(f"{lines} lines on terminals of 80 and 60 columns: what runs over is a command, a document or a single word")


main()
