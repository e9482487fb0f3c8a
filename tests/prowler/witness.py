"""Seeds the organization, then either records what Prowler says of it, or holds what orgward says against the recording.

Usage: witness.py ENDPOINT record PROWLER | witness.py ENDPOINT compare ORGWARD. Where both can tell pass or fail and differ, the
difference has to be in disagreements.py with its reason; where one cannot tell, that is printed and nothing is compared.
"""

import importlib.metadata
import json
import os
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "frameworks"))

from disagreements import DISAGREEMENTS
from organization import AUDIT_ID, REGION, SEED, Organization
from pairs import PAIRS

# Prowler's check has two of ours beside it.
COMPARED = [*PAIRS.items(), ("cloudwatch_log_metric_filter_root_usage", "root-usage-alarm")]
RECORDED = HERE / "recorded.json"
# Fewer than these, and something is broken rather than agreed.
LEAST_COMPARED = 75


def worst(verdicts, order):
    return next((verdict for verdict in order if verdict in verdicts), None)


def run(command, environment, codes):
    environment = {"PATH": os.environ["PATH"], "AWS_REGION": REGION, "AWS_DEFAULT_REGION": REGION, **environment}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=900)
    if done.returncode not in codes:
        raise SystemExit(f"{command[0]} ended with {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done.stdout


def prowler(binary, endpoint, keys):
    """Its verdict of each check that is paired with one of ours."""
    with tempfile.TemporaryDirectory() as home:
        environment = {
            "HOME": home, "AWS_ENDPOINT_URL": endpoint, "AWS_ACCESS_KEY_ID": keys["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": keys["SecretAccessKey"], "AWS_SESSION_TOKEN": keys.get("SessionToken", ""),
        }
        run(
            [binary, "aws", "--no-banner", "--ignore-exit-code-3", "--only-logs", "--region", REGION, "--checks", *PAIRS,
             "--output-formats", "json-ocsf", "--output-directory", home, "--output-filename", "report"],
            {key: value for key, value in environment.items() if value}, {0},
        )
        rows = json.loads((pathlib.Path(home) / "report.ocsf.json").read_text())
    said = {}
    for row in rows:
        said.setdefault(row["metadata"]["event_code"], set()).add(row["status_code"])
    return {check: worst(verdicts, ("FAIL", "MANUAL", "PASS")) for check, verdicts in sorted(said.items())}


def orgward(binary, endpoint):
    """Its verdict of each check in each account, and why one could not be told."""
    with tempfile.TemporaryDirectory() as home:
        environment = {
            "HOME": home, "ORGWARD_STATE_DIR": home, "AWS_ENDPOINT_URL": endpoint, "AWS_ACCESS_KEY_ID": "AKIAWITNESS",
            "AWS_SECRET_ACCESS_KEY": "secret", "ORGWARD_EXTERNAL_ID": AUDIT_ID, "CI": "true",
        }
        text = run([binary, "audit", "--regions", REGION, "--format", "json", "--quiet"], environment, {0, 3, 4})
    said, causes = {}, {}
    for row in json.loads(text)["findings"]:
        key = (row["account"], row["check"])
        said.setdefault(key, set()).add(row["verdict"])
        if row.get("cause"):
            causes[key] = f"{row['cause']['kind']} ({row['cause']['operation']})"
    order = ("fail", "unknown", "exempt", "pass", "not_applicable")
    return {key: worst(verdicts, order) for key, verdicts in said.items()}, causes


def record(organization, binary, endpoint):
    version = run([binary, "--version"], {"HOME": "/nonexistent"}, {0}).split()
    version = next(word for word in version if word[0].isdigit())
    verdicts = {name: prowler(binary, endpoint, keys) for name, (_, keys) in organization.accounts.items()}
    recorded = {"prowler": version, "moto": importlib.metadata.version("moto"), "seed": SEED, "verdicts": verdicts}
    RECORDED.write_text(json.dumps(recorded, indent=2) + "\n")
    print(f"recorded {sum(map(len, verdicts.values()))} verdicts of Prowler {version} in {RECORDED}")
    return 0


def compare(organization, binary, endpoint):
    recorded = json.loads(RECORDED.read_text())
    problems = []
    for name, here in {"seed": SEED, "moto": importlib.metadata.version("moto")}.items():
        if recorded[name] != here:
            problems.append(f"recorded with {name} {recorded[name]}, this is {here}: run tests/prowler/record.sh")
    said, causes = orgward(binary, endpoint)
    compared, used, coming, judged = 0, set(), set(), {check for _, check in said}
    for name, (account, _) in organization.accounts.items():
        for check, own in COMPARED:
            theirs = recorded["verdicts"][name].get(check)
            # What is judged once for the organization is held against what Prowler says in the management account.
            ours = said.get((account, own)) or (said.get((None, own)) if name == "management" else None)
            if own not in judged:
                coming.add(own)
                continue
            if theirs not in ("PASS", "FAIL") or ours not in ("pass", "fail"):
                why = causes.get((account, own)) or causes.get((None, own)) or ""
                print(f"not compared: {name} {own}: {ours or 'no verdict'} {why}; {check}: {theirs or 'no verdict'}")
                continue
            compared += 1
            if ours == theirs.lower():
                continue
            expected = DISAGREEMENTS.get((name, own))
            if expected and expected[0] == (ours, theirs):
                used.add((name, own))
                print(f"known: {name} {own}: {ours}, Prowler {theirs}: {expected[1]}")
            else:
                problems.append(f"{name} {own}: {ours}, but {check}: {theirs}")
    if coming:
        print(f"not compared, there is no such check yet: {', '.join(sorted(coming))}")
    for name, own in DISAGREEMENTS:
        if (name, own) not in used and own in judged:
            problems.append(f"a disagreement is listed that is none: {name} {own}")
    if compared < LEAST_COMPARED:
        problems.append(f"only {compared} verdicts were compared")
    for problem in problems:
        print(f"differs: {problem}", file=sys.stderr)
    print(f"{compared} verdicts compared with Prowler {recorded['prowler']}, {len(used)} differ for known reasons, "
          f"{len(problems)} for unknown ones")
    return bool(problems)


def main():
    endpoint, command, binary = sys.argv[1:4]
    organization = Organization(endpoint)
    return {"record": record, "compare": compare}[command](organization, binary, endpoint)


sys.exit(main())
