"""The definitions of config/deploy/, judged by those who read them for real: Kubernetes' schemas (PyPI kubernetes-validate) and
botocore's models of AWS Batch and Step Functions. Then each is broken, and every break has to be found.

Must not: ask AWS or a cluster anything.
"""

import copy
import json
import pathlib
import sys

import botocore.session
import kubernetes_validate
import yaml
from botocore.validate import ParamValidator

DEPLOY = pathlib.Path(__file__).parents[2] / "config" / "deploy"
# The oldest Kubernetes in which all that the Jobs use is stable, and the newest that is known here.
KUBERNETES = ["1.33", kubernetes_validate.latest_version()]
MODELS = {name: botocore.session.get_session().get_service_model(name) for name in ("batch", "stepfunctions")}


def kubernetes(document):
    """What Kubernetes' schemas say against a document."""
    found = []
    for version in KUBERNETES:
        try:
            kubernetes_validate.validate(document, version, strict=True)
        except kubernetes_validate.ValidationError as error:
            found.append(f"{version}: {error.message}")
    return found


def botocore_says(service, operation, parameters):
    """What botocore's model of an operation says against its parameters."""
    model = MODELS[service].operation_model(operation)
    report = ParamValidator().validate(parameters, model.input_shape)
    return report.generate_report().splitlines() if report.has_errors() else []


def enumerations(service, operation, parameters):
    """Values that are none of an enumeration: ParamValidator does not look at these."""
    found = []

    def walk(shape, value, path):
        if shape.type_name == "structure" and isinstance(value, dict):
            for name, member in shape.members.items():
                if name in value:
                    walk(member, value[name], f"{path}.{name}")
        elif shape.type_name == "list" and isinstance(value, list):
            for item in value:
                walk(shape.member, item, path)
        elif getattr(shape, "enum", None) and value not in shape.enum:
            found.append(f"{path}: `{value}` is none of {', '.join(shape.enum)}")

    walk(MODELS[service].operation_model(operation).input_shape, parameters, operation)
    return found


def aws(service, operation):
    return lambda parameters: botocore_says(service, operation, parameters) or enumerations(service, operation, parameters)


def state_machine(definition):
    """CreateStateMachine as the README calls it."""
    return {
        "name": "orgward",
        "definition": json.dumps(definition),
        "roleArn": "arn:aws:iam::111122223333:role/orgward-state-machine",
        "type": "STANDARD",
    }


def documents():
    """Every definition: its name, itself, and who judges it."""
    for path in sorted((DEPLOY / "kubernetes").glob("*.yaml")):
        for document in yaml.safe_load_all(path.read_text()):
            yield f"{path.name} ({document['kind']})", document, kubernetes
    read = lambda *parts: json.loads(DEPLOY.joinpath(*parts).read_text())
    yield "job-definition.json", read("batch", "job-definition.json"), aws("batch", "RegisterJobDefinition")
    for name in ("enumerate.json", "shards.json", "merge.json"):
        yield name, read("batch", name), aws("batch", "SubmitJob")
    machine = state_machine(read("step-functions", "state-machine.json"))
    yield "state-machine.json", machine, aws("stepfunctions", "CreateStateMachine")


def at(document, path):
    for key in path[:-1]:
        document = document[key]
    return document, path[-1]


POD = ("spec", "template", "spec")
# What has to be found: in which definition, where, and what stands there instead (None: nothing).
BREAKS = [
    ("shards.yaml (Job)", ("spec", "completionMode"), 7),
    ("shards.yaml (Job)", ("spec", "completions"), "eight"),
    ("shards.yaml (Job)", ("spec", "backoffLimitPerIndexes"), 3),
    ("shards.yaml (Job)", ("spec", "podFailurePolicy", "rules", 1, "onExitCodes", "operator"), None),
    ("shards.yaml (Job)", ("spec", "podFailurePolicy", "rules", 1, "action"), None),
    ("shards.yaml (Job)", (*POD, "containers", 0, "name"), None),
    ("merge.yaml (Job)", (*POD, "securityContext", "runAsRoot"), False),
    ("enumerate.yaml (Job)", (*POD, "volumes", 0, "persistentVolumeClaim", "claimName"), None),
    ("setup.yaml (ConfigMap)", ("data", "ORGWARD_SHARDS"), 8),
    ("setup.yaml (PersistentVolumeClaim)", ("spec", "accessModes"), "ReadWriteMany"),
    ("job-definition.json", ("type",), "kubernetes"),
    ("job-definition.json", ("containerProperties", "command"), "shard"),
    ("job-definition.json", ("containerProperties", "volume"), []),
    ("job-definition.json", ("containerProperties", "resourceRequirements", 1, "value"), 1024),
    ("job-definition.json", ("retryStrategy", "evaluateOnExit", 0, "action"), None),
    ("shards.json", ("arrayProperties", "size"), "8"),
    ("shards.json", ("jobQueue",), None),
    ("merge.json", ("containerOverrides", "args"), ["merge"]),
    ("state-machine.json", ("roleArn",), None),
    ("state-machine.json", ("type",), "DISTRIBUTED"),
]


def main():
    wrong, judged = [], {}
    for name, document, judge in documents():
        judged[name] = (document, judge)
        wrong += [f"{name}: {line}" for line in judge(document)]
    for name, path, value in BREAKS:
        document, judge = judged[name]
        broken = copy.deepcopy(document)
        holder, key = at(broken, path)
        if value is None:
            del holder[key]
        else:
            holder[key] = value
        if not judge(broken):
            wrong.append(f"{name}: nobody finds `{value}` at {'.'.join(map(str, path))}")
    for line in wrong:
        print(line, file=sys.stderr)
    if wrong:
        sys.exit(1)
    print(f"{len(judged)} definitions hold, by Kubernetes {' and '.join(KUBERNETES)} and botocore; {len(BREAKS)} broken ones are found")


main()
