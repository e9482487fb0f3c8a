"""Holds every command that a check gives for the AWS CLI against botocore's model of its operation.

Usage: remediation_witness.py ORGWARD. The AWS CLI makes its commands and options of the same models: operations and members in
kebab case. A command has to name an operation and members that there are, with all that are required, and values that the model
takes. Nothing is called.
"""

import json
import re
import shlex
import subprocess
import sys

import botocore.session
from botocore import xform_name
from botocore.exceptions import UnknownServiceError
from botocore.validate import ParamValidator

ORGWARD = sys.argv[1]
# Services that the CLI calls otherwise than botocore. Its `s3` is something else: commands of its own.
SERVICES = {"s3api": "s3", "configservice": "config", "deploy": "codedeploy"}
# Options that the CLI calls otherwise than the member.
RENAMED = {("sns", "subscribe", "Endpoint"): "notification-endpoint"}  # `--endpoint` would be short for `--endpoint-url`
# Options of every command.
EVERYWHERE = {"region", "profile", "query", "output"}
# A placeholder in the place of options, where only whoever runs the command knows them: it resets what it is not told.
OPTIONS_TO_ADD = {("iam", "update-account-password-policy"): "<every other setting as it is>"}
# What a shell reads otherwise than it stands there, outside quotes.
SPECIAL = re.compile(r"""[{}\[\]()|&;$`"#!*?~\\<>]""")
PLACEHOLDER = re.compile(r"<[^<>]+>")
# Long enough for an ARN.
FILLED_IN = "filled-in-by-whoever-copies-the-command"

# Commands that must be refused, and for what.
BROKEN = [
    ("aws iam detach-user-polcy --user-name <user> --policy-arn <policy ARN>", "no operation `detach-user-polcy`"),
    ("aws iam detach-user-policy --user <user> --policy-arn <policy ARN>", "no option `--user`"),
    ("aws iam detach-user-policy --user-name <user>", "`--policy-arn` is required"),
    ("aws iam detach-user-policy --user-name <user> --policy-arn", "`--policy-arn` has 0 values"),
    ("aws iam update-access-key --access-key-id <key id> --status Off", "`Off` is none of Active, "),
    ("aws iam update-role --role-name <role> --max-session-duration 8h", "`8h` is no integer"),
    ("aws iam delete-user --user-name <user>; then wait", "the shell reads `;`"),
    ("aws iam delete-user --user-name <user> everywhere", "`--user-name` has 2 values"),
    ("aws iam delete-user <every other setting as it is>", "belongs to no option"),
    ("aws cloudtrail update-trail --name <trail ARN> --is-multi-region-trail yes", "`--is-multi-region-trail` has 1 value"),
    ("aws sns subscribe --topic-arn <topic ARN> --protocol email --endpoint <mailbox>", "no option `--endpoint`"),
    ("aws config delete-config-rule --config-rule-name x", "no service `config`"),
    ("aws organisations list-roots", "no service `organisations`"),
    ("aws budgets create-budget --account-id 1 --budget BudgetLimit={Amount=1,Unit=USD}", "the shell reads `{`"),
    ("""aws s3api put-bucket-logging --bucket b --bucket-logging-status '{"LoggingEnabled": {"TargetBuckets": "x"}}'""",
     "TargetBuckets"),
    ("aws configservice put-delivery-channel --delivery-channel name=default,s3Bucket=b", "no member `s3Bucket`"),
    ("aws accessanalyzer create-analyzer --analyzer-name a --type EVERYTHING", "`EVERYTHING` is none of ACCOUNT, "),
]

session = botocore.session.get_session()


class Refused(Exception):
    pass


def model_of(service, operation):
    try:
        if service in set(SERVICES.values()) - set(SERVICES):
            raise UnknownServiceError(service_name=service, known_service_names="")
        model = session.get_service_model(SERVICES.get(service, service))
    except UnknownServiceError:
        raise Refused(f"no service `{service}`") from None
    names = {xform_name(name, "-"): name for name in model.operation_names}
    if operation not in names:
        raise Refused(f"no operation `{operation}`")
    return model.operation_model(names[operation])


def options(words):
    """The options with the words behind each."""
    found = []
    for word in words:
        if word.startswith("--"):
            found.append((word[2:], []))
        elif found:
            found[-1][1].append(word)
        else:
            raise Refused(f"`{word}` belongs to no option")
    return found


def read(shape, text):
    """A word as a value of the shape: JSON, the CLI's shorthand of one level, or the text itself."""
    if shape.type_name in ("structure", "map", "list"):
        if text.startswith(("{", "[")):
            return json.loads(text)
        if shape.type_name != "structure":
            raise Refused(f"`{text}` is no JSON")
        members = {}
        for pair in text.split(","):
            name, equals, value = pair.partition("=")
            if not equals or name not in shape.members:
                raise Refused(f"no member `{name}` in {shape.name}")
            members[name] = read(shape.members[name], value)
        return members
    least = int(shape.metadata.get("min", 1))
    if shape.type_name in ("integer", "long", "float", "double"):
        try:
            return least if text == FILLED_IN else float(text) if shape.type_name in ("float", "double") else int(text)
        except ValueError:
            raise Refused(f"`{text}` is no {shape.type_name}") from None
    if shape.type_name == "boolean":
        if text not in ("true", "false"):
            raise Refused(f"`{text}` is no boolean")
        return text == "true"
    # The document is in a file.
    return "x" * least if text.startswith("file://") else text


def enums(shape, value):
    """Words in a value that are none of those that the model lists."""
    if shape.type_name == "structure" and isinstance(value, dict):
        for name, inner in value.items():
            if name not in shape.members:
                raise Refused(f"no member `{name}` in {shape.name}")
            enums(shape.members[name], inner)
    elif shape.type_name == "list" and isinstance(value, list):
        for inner in value:
            enums(shape.member, inner)
    elif shape.type_name == "map" and isinstance(value, dict):
        for inner in value.values():
            enums(shape.value, inner)
    elif shape.type_name == "string" and shape.enum and FILLED_IN not in str(value) and value not in shape.enum:
        raise Refused(f"`{value}` is none of {', '.join(shape.enum)}")


def refuse(line):
    """Raises what is wrong with a command; gives the service."""
    unquoted = re.sub(r"'[^']*'", "", line)
    if special := SPECIAL.search(PLACEHOLDER.sub("", unquoted)):
        raise Refused(f"the shell reads `{special.group()}`")
    _, service, operation, *rest = shlex.split(PLACEHOLDER.sub(FILLED_IN, line))
    to_add = OPTIONS_TO_ADD.get((service, operation))
    if to_add and line.endswith(f" {to_add}"):
        rest.pop()
    model = model_of(service, operation)
    input_shape = model.input_shape
    members = dict(input_shape.members) if input_shape else {}
    named = {RENAMED.get((service, operation, name), xform_name(name, "-")): name for name in members}
    values = {}
    for option, words in options(rest):
        told = option
        if option in EVERYWHERE and option not in named:
            if len(words) != 1:
                raise Refused(f"`--{option}` has {len(words)} values")
            continue
        if option not in named and option.startswith("no-") and option[3:] in named:
            option = option[3:]
            if members[named[option]].type_name != "boolean":
                raise Refused(f"no option `--{told}`")
        if option not in named:
            raise Refused(f"no option `--{told}`")
        shape = members[named[option]]
        wanted = {"boolean": len(words) == 0, "list": len(words) > 0}.get(shape.type_name, len(words) == 1)
        if not wanted:
            raise Refused(f"`--{told}` has {len(words)} value{'' if len(words) == 1 else 's'}")
        if named[option] in values:
            raise Refused(f"`--{told}` twice")
        if shape.type_name == "boolean":
            values[named[option]] = told == option
        elif shape.type_name == "list" and not words[0].startswith("["):
            values[named[option]] = [read(shape.member, word) for word in words]
        else:
            values[named[option]] = read(shape, words[0])
    if input_shape is None:
        return service
    for name in input_shape.required_members:
        # A token against doing it twice is made up where it is not given.
        if name not in values and name not in model.idempotent_members:
            shown = next(option for option, member in named.items() if member == name)
            raise Refused(f"`--{shown}` is required")
    made_up = {name: FILLED_IN for name in model.idempotent_members if name not in values}
    report = ParamValidator().validate({**made_up, **values}, input_shape)
    if report.has_errors():
        raise Refused(report.generate_report())
    enums(input_shape, values)
    return service


def main():
    wrong = []
    for line, why in BROKEN:
        try:
            refuse(line)
            wrong.append(f"this witness takes a broken command: {line}")
        except Refused as refused:
            if why not in str(refused):
                wrong.append(f"this witness refuses `{line}` for something else than `{why}`: {refused}")
    listed = subprocess.run([ORGWARD, "checks", "list", "--format", "json"], capture_output=True, text=True, check=True)
    checks = json.loads(listed.stdout)
    commands, services = 0, set()
    for check in checks:
        for line in check["remediation"]["cli"].split("\n"):
            # orgward's own commands are held by `tests/it/docs.rs`, as they stand in `docs/checks.md`.
            if line.startswith(("# ", "orgward ")):
                continue
            commands += 1
            try:
                if not line.startswith("aws "):
                    raise Refused("neither a command nor a comment")
                services.add(refuse(line))
            except (Refused, ValueError) as refused:
                wrong.append(f"{check['id']}: {line}: {refused}")
    if commands < len(checks):
        wrong.append(f"{commands} commands in {len(checks)} checks: some have none")
    for line in wrong:
        print(line, file=sys.stderr)
    if wrong:
        sys.exit(f"{len(wrong)} commands are wrong")
    print(f"{commands} commands of {len(checks)} checks hold against the models of {len(services)} services; "
          f"{len(BROKEN)} broken ones are refused")


main()
