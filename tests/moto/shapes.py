"""What is wrong with an HTTP answer, held against botocore's model of the operation: nothing is dropped in silence.

botocore ignores members it does not know and takes what it can get. This reads the body as it came, in each of the
protocols, and tells of every member the model does not have, every value of another type, every required member that is
missing, every enum, length and pattern that is broken, and every error the operation may not answer.
"""

import base64
import binascii
import io
import json
import re
import xml.etree.ElementTree as ElementTree
from datetime import datetime

import cbor2

# Errors any operation of a service may answer, from the "Common Errors" page of its API reference: code and status.
QUERY_COMMON = {
    "AccessDenied": 403, "ValidationError": 400, "Throttling": 400, "InvalidClientTokenId": 403, "ExpiredToken": 403,
    "MissingAuthenticationToken": 403,
}
JSON_COMMON = {
    "AccessDeniedException": 400, "ValidationException": 400, "ThrottlingException": 400, "UnrecognizedClientException": 403,
    "ExpiredTokenException": 400, "MissingAuthenticationTokenException": 403, "SerializationException": 400,
}
REST_COMMON = {**JSON_COMMON, "AccessDeniedException": 403}
COMMON = {
    "s3": {"AccessDenied": 403, "NoSuchBucket": 404, "NoSuchBucketPolicy": 404, "InvalidArgument": 400, "SlowDown": 503,
           "InvalidAccessKeyId": 403, "AuthorizationHeaderMalformed": 400, "ExpiredToken": 400},
    "access-analyzer": REST_COMMON, "config": JSON_COMMON, "guardduty": REST_COMMON, "securityhub": REST_COMMON,
    "organizations": JSON_COMMON, "account": JSON_COMMON, "budgets": JSON_COMMON, "cloudtrail": JSON_COMMON, "logs": JSON_COMMON,
    "iam": QUERY_COMMON, "sts": QUERY_COMMON, "sns": {**QUERY_COMMON, "InvalidParameter": 400, "Throttled": 429},
    "cloudwatch": {
        **QUERY_COMMON, "InvalidParameterCombination": 400, "InvalidParameterValue": 400, "MissingParameter": 400,
        "MissingAuthenticationTokenException": 403, "UnrecognizedClientException": 403, "ExpiredTokenException": 400,
    },
}
# Where AWS itself does not keep to its model: the root user of an MFA device has no name and the account's id as its id, and
# the policy simulator names a type of policy that the model does not list.
AWS_DIFFERS = re.compile("|".join([
    r"ListVirtualMFADevicesResponse\.VirtualMFADevices\[\d+\]\.User(: no UserName|\.UserId: 12 is outside 16\.\.128)",
    r"SimulatePolicyResponse\.EvaluationResults\[\d+\]\.MatchedStatements\[\d+\]\.SourcePolicyType: 'IAM Policy' is not in .*",
]))
# Root elements that S3's model names, and botocore's leaves out.
S3_ROOTS = {"ListBuckets": "ListAllMyBucketsResult", "GetBucketAcl": "AccessControlPolicy",
            "GetBucketLogging": "BucketLoggingStatus", "GetBucketPolicyStatus": "PolicyStatus"}
S3_NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
XSI = {"xsi:type": "{http://www.w3.org/2001/XMLSchema-instance}type"}
CONTENT_TYPES = {"rest-xml": "application/xml", "json": "application/x-amz-json-", "rest-json": "application/json", "query": "text/xml",
                 "smithy-rpc-v2-cbor": "application/cbor"}
ISO_8601 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,3})?Z")
BOUNDS = {"byte": 7, "short": 15, "integer": 31, "long": 63}


def service_of(model):
    return "cloudwatch" if model.service_model.endpoint_prefix == "monitoring" else model.service_model.endpoint_prefix


def problems(model, answer):
    """What is wrong with `answer` (status_code, headers, body) to the operation `model`."""
    return [problem for problem in all_problems(model, answer) if not AWS_DIFFERS.fullmatch(problem)]


def all_problems(model, answer):
    protocol = model.service_model.resolved_protocol
    headers = {name.lower(): value for name, value in answer["headers"].items()}
    found = []
    request_id = "x-amz-request-id" if protocol == "rest-xml" else "x-amzn-requestid"
    if not headers.get(request_id):
        found.append(f"no {request_id}")
    body, status = answer["body"], answer["status_code"]
    success = status < 300
    if success and model.output_shape is None and protocol == "smithy-rpc-v2-cbor":
        # A response of an operation without output has no body.
        return found + ([] if not body and "content-type" not in headers else ["a body where the model has no output"])
    if not headers.get("content-type", "").startswith(CONTENT_TYPES[protocol]):
        found.append(f"content-type is {headers.get('content-type')}")
    if protocol == "smithy-rpc-v2-cbor" and headers.get("smithy-protocol") != "rpc-v2-cbor":
        found.append("no smithy-protocol")
    try:
        if protocol == "query":
            return found + (xml_answer(model, body) if success else xml_error(model, status, body))
        if protocol == "rest-xml":
            return found + (s3_answer(model, body) if success else s3_error(model, status, body))
        value = read_cbor(body) if protocol == "smithy-rpc-v2-cbor" else json.loads(body or b"{}")
    except (ValueError, ElementTree.ParseError, cbor2.CBORError) as why:
        return found + [f"the body can't be read: {why}"]
    if not success:
        return found + error(model, status, value, headers)
    if model.output_shape is None:
        return found + ([] if value == {} else ["members where the model has no output"])
    return found + check(model.output_shape, value, model.output_shape.name, protocol)


def read_cbor(body):
    stream = io.BytesIO(body)
    value = cbor2.load(stream)
    if stream.read():
        raise ValueError("bytes after the value")
    return value


def check(shape, value, at, protocol):
    """Problems of a value out of JSON or CBOR."""
    kind = shape.type_name
    if kind == "structure":
        return structure(shape, value, at, protocol)
    if kind == "list":
        if not isinstance(value, list):
            return [f"{at}: {value!r} is no list"]
        inner = [found for n, item in enumerate(value) for found in check(shape.member, item, f"{at}[{n}]", protocol)]
        return inner + limits(shape, len(value), at)
    if kind == "map":
        if not isinstance(value, dict):
            return [f"{at}: {value!r} is no map"]
        keys = [found for key in value for found in check(shape.key, key, f"{at} key", protocol)]
        return keys + [found for key, item in value.items() for found in check(shape.value, item, f"{at}.{key}", protocol)]
    if kind in ("string", "character"):
        return text(shape, value, at)
    if kind == "boolean":
        return [] if isinstance(value, bool) else [f"{at}: {value!r} is no boolean"]
    if kind in BOUNDS:
        if isinstance(value, bool) or not isinstance(value, int) or not -(2 ** BOUNDS[kind]) <= value < 2 ** BOUNDS[kind]:
            return [f"{at}: {value!r} is no {kind}"]
        return limits(shape, value, at)
    if kind in ("float", "double"):
        # JSON has one kind of number; CBOR has two.
        kinds = (float,) if protocol == "smithy-rpc-v2-cbor" else (int, float)
        return [] if isinstance(value, kinds) and not isinstance(value, bool) else [f"{at}: {value!r} is no {kind}"]
    if kind == "timestamp":
        if shape.serialization.get("timestampFormat") == "iso8601":
            return [] if isinstance(value, str) and ISO_8601.fullmatch(value) else [f"{at}: {value!r} is no timestamp"]
        kinds = (datetime,) if protocol == "smithy-rpc-v2-cbor" else (int, float)
        return [] if isinstance(value, kinds) and not isinstance(value, bool) else [f"{at}: {value!r} is no timestamp"]
    if kind == "blob":
        return blob(value, at, protocol)
    return [f"{at}: no rule for {kind}"]


def structure(shape, value, at, protocol):
    if not isinstance(value, dict):
        return [f"{at}: {value!r} is no structure"]
    members = {member.serialization.get("name", name): (name, member) for name, member in shape.members.items()}
    found = [f"{at}: the model has no member {name}" for name in value if name not in members]
    given = {members[name][0] for name in value if name in members}
    found += [f"{at}: no {name}" for name in shape.required_members if name not in given]
    for name, item in value.items():
        if name in members:
            found += check(members[name][1], item, f"{at}.{name}", protocol)
    return found


def text(shape, value, at):
    if not isinstance(value, str):
        return [f"{at}: {value!r} is no string"]
    found = limits(shape, len(value), at)
    if getattr(shape, "enum", None) and value not in shape.enum:
        found.append(f"{at}: {value!r} is not in {shape.enum}")
    pattern = shape.metadata.get("pattern")
    if pattern:
        try:
            fits = re.fullmatch(pattern, value, re.DOTALL)
        except re.error:
            # \p{...} is Java's.
            return found
        if not fits:
            found.append(f"{at}: {value!r} does not match {pattern}")
    return found


def blob(value, at, protocol):
    if protocol == "smithy-rpc-v2-cbor":
        return [] if isinstance(value, bytes) else [f"{at}: {value!r} is no bytes"]
    try:
        base64.b64decode(value, validate=True)
    except (TypeError, binascii.Error):
        return [f"{at}: {value!r} is no base 64"]
    return []


def limits(shape, number, at):
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    if (low is not None and number < low) or (high is not None and number > high):
        return [f"{at}: {number} is outside {low}..{high}"]
    return []


def error(model, status, value, headers):
    """Problems of an error in JSON or CBOR."""
    written = value.get("__type", "").rsplit("#", 1)[-1]
    code, compatible = written, "awsQueryCompatible" in model.service_model.metadata
    found = []
    if compatible:
        code, _, side = headers.get("x-amzn-query-error", "").partition(";")
        if side != ("Sender" if status < 500 else "Receiver"):
            found.append(f"x-amzn-query-error is {headers.get('x-amzn-query-error')}")
    shape, more = modelled(model, status, code)
    name = shape.name if shape is not None else shape_names(model.service_model).get(code, code) if compatible else code
    if written != name:
        found.append(f"__type is {written}, not {name}")
    rest = {member: item for member, item in value.items() if member != "__type"}
    return found + more + error_members(shape, rest, model.service_model.resolved_protocol)


def shape_names(service):
    """The names of error shapes by the codes the query protocol writes."""
    return {shape.metadata.get("error", {}).get("code", shape.name): shape.name for shape in service.error_shapes}


def error_members(shape, members, protocol):
    if shape is None or not any(name.lower() == "message" for name in shape.members):
        # Every error has a message, also where the model does not say so.
        if not any(members.get(name) for name in ("message", "Message")):
            return ["no message"]
        members = {name: item for name, item in members.items() if name.lower() != "message"}
    if shape is None:
        return [f"an unmodelled error has the member {name}" for name in members]
    return check(shape, members, shape.name, protocol)


def modelled(model, status, code):
    """The shape of an error code, if the operation has one, and problems of code and status."""
    shape = next((s for s in model.error_shapes if s.metadata.get("error", {}).get("code", s.name) == code), None)
    if shape is None:
        wanted = COMMON[service_of(model)].get(code)
        if wanted is None:
            return None, [f"the operation has no error {code}"]
    else:
        default = 500 if shape.metadata.get("fault") else 400
        wanted = shape.metadata.get("error", {}).get("httpStatusCode", default)
    return shape, [] if status == wanted else [f"{code} has status {status}, not {wanted}"]


def tag(model, name):
    return f"{{{model.service_model.metadata['xmlNamespace']}}}{name}"


def names(element):
    return [child.tag.rsplit("}", 1)[-1] for child in element]


def xml_answer(model, body):
    root = ElementTree.fromstring(body)
    if root.tag != tag(model, f"{model.name}Response"):
        return [f"the root element is {root.tag}"]
    shape = model.output_shape
    wrapper = shape.serialization.get("resultWrapper") if shape is not None else None
    wanted = [wrapper, "ResponseMetadata"] if wrapper else ["ResponseMetadata"]
    if names(root) != wanted:
        return [f"{names(root)} in the response, not {wanted}"]
    found = [] if root.findtext(f"{tag(model, 'ResponseMetadata')}/{tag(model, 'RequestId')}") else ["no RequestId"]
    return found + (xml(shape, root[0], shape.name) if wrapper else [])


def xml_error(model, status, body):
    root = ElementTree.fromstring(body)
    if root.tag != tag(model, "ErrorResponse") or names(root) != ["Error", "RequestId"]:
        return [f"the error is {root.tag} {names(root)}"]
    members = {child.tag.rsplit("}", 1)[-1]: child.text or "" for child in root[0]}
    side, code = members.pop("Type", None), members.pop("Code", "")
    found = [] if side == ("Sender" if status < 500 else "Receiver") else [f"Type is {side}"]
    shape, more = modelled(model, status, code)
    message = members.pop("Message", "")
    return found + more + ([] if message else ["no Message"]) + [f"{code} has the member {name}" for name in members]


def s3_answer(model, body):
    root = ElementTree.fromstring(body)
    if root.tag != f"{{{S3_NAMESPACE}}}{S3_ROOTS[model.name]}":
        return [f"the root element is {root.tag}"]
    shape = model.output_shape
    payload = shape.serialization.get("payload")
    return xml(shape.members[payload] if payload else shape, root, shape.name)


def s3_error(model, status, body):
    root = ElementTree.fromstring(body)
    members = {child.tag: child.text or "" for child in root}
    found = [] if root.tag == "Error" else [f"the error is {root.tag}"]
    found += [f"no {name}" for name in ("Code", "Message", "RequestId", "HostId") if not members.get(name)]
    known = {"Code", "Message", "RequestId", "HostId", "BucketName", "Region"}
    _, more = modelled(model, status, members.get("Code", ""))
    return found + more + [f"the error has the member {name}" for name in members if name not in known]


def xml(shape, node, at):
    """Problems of a value out of XML."""
    kind = shape.type_name
    if kind == "structure":
        return xml_structure(shape, node, at)
    if node.tail and node.tail.strip():
        return [f"{at}: text between elements"]
    if kind == "list":
        wanted = shape.member.serialization.get("name", "member")
        wrong = [f"{at}: <{name}>, not <{wanted}>" for name in names(node) if name != wanted]
        inner = [found for n, item in enumerate(node) for found in xml(shape.member, item, f"{at}[{n}]")]
        return wrong + inner + limits(shape, len(node), at)
    if kind == "map":
        found = []
        for entry in node:
            if entry.tag.rsplit("}", 1)[-1] != "entry" or names(entry) != ["key", "value"]:
                found.append(f"{at}: <{entry.tag}> with {names(entry)} in a map")
            else:
                found += xml(shape.key, entry[0], f"{at} key") + xml(shape.value, entry[1], f"{at}.{entry[0].text}")
        return found
    return scalar(shape, node, at)


def xml_structure(shape, node, at):
    members = {member.serialization.get("name", name): (name, member) for name, member in shape.members.items()}
    given = names(node)
    found = [f"{at}: the model has no member {name}" for name in given if name not in members]
    found += [f"{at}: {name} twice" for name in set(given) if given.count(name) > 1]
    attributes = {name: member for name, (_, member) in members.items() if member.serialization.get("xmlAttribute")}
    there = {members[name][0] for name in given if name in members and name not in attributes}
    there |= {members[name][0] for name in attributes if node.get(XSI[name])}
    found += [f"{at}: {name} is an element" for name in given if name in attributes]
    for name, member in attributes.items():
        found += text(member, node.get(XSI[name]), f"{at}.{name}") if node.get(XSI[name]) else []
    found += [f"{at}: no {name}" for name in shape.required_members if name not in there]
    if (node.text or "").strip():
        found.append(f"{at}: text in a structure")
    for name, child in zip(given, node):
        if name in members:
            found += xml(members[name][1], child, f"{at}.{name}")
    return found


def scalar(shape, node, at):
    kind, value = shape.type_name, node.text or ""
    if len(node):
        return [f"{at}: elements in a {kind}"]
    if kind in BOUNDS:
        fits = re.fullmatch(r"-?\d+", value)
        return check(shape, int(value), at, "query") if fits else [f"{at}: {value!r} is no {kind}"]
    if kind == "boolean":
        return [] if value in ("true", "false") else [f"{at}: {value!r} is no boolean"]
    if kind in ("float", "double"):
        return [] if re.fullmatch(r"-?\d+(\.\d+)?([eE]-?\d+)?", value) else [f"{at}: {value!r} is no {kind}"]
    if kind == "timestamp":
        return [] if ISO_8601.fullmatch(value) else [f"{at}: {value!r} is no timestamp"]
    if kind == "blob":
        return blob(value, at, "query")
    return text(shape, value, at)
