"""moto as a server on 127.0.0.1, with what the AWS SDK for Rust needs and moto lacks.

Added here, and only here:
- CloudWatch over RPC v2 CBOR, by translating to the JSON protocol moto speaks (shapes from botocore's model);
- AssumeRole refuses a role that is missing, and an ExternalId that its trust policy does not ask for;
- the credential report has a row for the root user (with a password if WITNESS_ROOT_PASSWORD is `true`);
- account:ListRegions.

Prints the port on one line when it listens. Everything else is moto, unchanged.
"""

import io
import json
import os
import sys
import urllib.parse
from datetime import datetime, timezone

import botocore.session
import cbor2
from moto.iam.models import IAMBackend, iam_backends
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server

CBOR_PREFIX = "/service/GraniteServiceVersion20100801/operation/"
CLOUDWATCH = botocore.session.get_session().get_service_model("cloudwatch")


def to_cbor(value, shape):
    """JSON as CBOR, with timestamps tagged as the model says."""
    if value is None or shape is None:
        return value
    if shape.type_name == "structure":
        return {k: to_cbor(v, shape.members.get(k)) for k, v in value.items() if v is not None}
    if shape.type_name == "list":
        return [to_cbor(v, shape.member) for v in value]
    if shape.type_name == "map":
        return {k: to_cbor(v, shape.value) for k, v in value.items()}
    if shape.type_name == "timestamp":
        if isinstance(value, str):
            value = datetime.fromisoformat(value.replace("Z", "+00:00")).timestamp()
        return cbor2.CBORTag(1, float(value))
    if shape.type_name in ("double", "float"):
        return float(value)
    return value


def from_cbor(value):
    """CBOR as what json.dumps takes."""
    if isinstance(value, dict):
        return {k: from_cbor(v) for k, v in value.items()}
    if isinstance(value, list):
        return [from_cbor(v) for v in value]
    if isinstance(value, datetime):
        return value.timestamp()
    return value


def read_body(environ):
    length = environ.get("CONTENT_LENGTH")
    if length:
        body = environ["wsgi.input"].read(int(length))
    elif environ.get("wsgi.input_terminated"):
        body = environ["wsgi.input"].read()
    else:
        body = b""
    environ["wsgi.input"] = io.BytesIO(body)
    environ["CONTENT_LENGTH"] = str(len(body))
    return body


def cloudwatch_over_cbor(app, environ, start_response):
    operation = environ["PATH_INFO"][len(CBOR_PREFIX):]
    body = json.dumps(from_cbor(cbor2.loads(read_body(environ) or b"\xa0"))).encode()
    environ.update(
        PATH_INFO="/", RAW_URI="/", REQUEST_URI="/", CONTENT_TYPE="application/x-amz-json-1.0",
        CONTENT_LENGTH=str(len(body)), HTTP_X_AMZ_TARGET=f"GraniteServiceVersion20100801.{operation}",
    )
    environ.pop("HTTP_SMITHY_PROTOCOL", None)
    environ["wsgi.input"] = io.BytesIO(body)
    caught = {}
    answer = b"".join(app(environ, lambda status, headers, exc_info=None: caught.update(status=status)))
    shape = CLOUDWATCH.operation_model(operation).output_shape
    value = json.loads(answer) if answer.strip() else {}
    if caught["status"].startswith("200"):
        value = to_cbor(value, shape)
    payload = cbor2.dumps(value)
    start_response(caught["status"], [
        ("Content-Type", "application/cbor"), ("smithy-protocol", "rpc-v2-cbor"), ("Content-Length", str(len(payload))),
    ])
    return [payload]


def denied(start_response, message):
    body = (
        '<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type>'
        f"<Code>AccessDenied</Code><Message>{message}</Message></Error><RequestId>moto</RequestId></ErrorResponse>"
    ).encode()
    start_response("403 Forbidden", [("Content-Type", "text/xml"), ("Content-Length", str(len(body)))])
    return [body]


def may_assume(form):
    """Whether the role exists and its trust policy's ExternalId condition holds."""
    arn = form["RoleArn"][0]
    account, name = arn.split(":")[4], arn.rsplit("/", 1)[-1]
    role = next((r for r in iam_backends[account]["aws"].roles.values() if r.name == name), None)
    if role is None:
        return False
    document = role.assume_role_policy_document
    document = json.loads(urllib.parse.unquote(document)) if isinstance(document, str) else document
    given = form.get("ExternalId", [None])[0]
    for statement in document["Statement"]:
        wanted = statement.get("Condition", {}).get("StringEquals", {}).get("sts:ExternalId")
        if statement["Effect"] == "Allow" and wanted in (None, given):
            return True
    return False


def list_regions(start_response):
    regions = [("us-east-1", "ENABLED_BY_DEFAULT"), ("eu-central-1", "ENABLED_BY_DEFAULT"), ("af-south-1", "DISABLED")]
    body = json.dumps({"Regions": [{"RegionName": n, "RegionOptStatus": s} for n, s in regions]}).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]


def application(environ, start_response, app=DomainDispatcherApplication(create_backend_app)):
    path = environ.get("PATH_INFO", "")
    if path.startswith(CBOR_PREFIX):
        return cloudwatch_over_cbor(app, environ, start_response)
    if path == "/listRegions":
        return list_regions(start_response)
    if "/sts/aws4_request" in environ.get("HTTP_AUTHORIZATION", ""):
        form = urllib.parse.parse_qs(read_body(environ).decode())
        if form.get("Action") == ["AssumeRole"] and not may_assume(form):
            return denied(start_response, f"User is not authorized to perform: sts:AssumeRole on resource: {form['RoleArn'][0]}")
    return app(environ, start_response)


def with_root_row(report):
    def get_credential_report(self):
        head, _, rest = report(self).partition("\n")
        columns = head.split(",")
        root = dict.fromkeys(columns, "N/A")
        root.update({
            "user": "<root_account>", "arn": f"arn:aws:iam::{self.account_id}:root",
            "user_creation_time": "2020-01-01T00:00:00+00:00",
            "password_enabled": os.environ.get("WITNESS_ROOT_PASSWORD", "not_supported"),
            "password_last_used": "no_information", "password_last_changed": "not_supported",
            "password_next_rotation": "not_supported", "mfa_active": "false",
            "access_key_1_active": "false", "access_key_2_active": "false", "cert_1_active": "false",
            "cert_2_active": "false",
        })
        return f"{head}\n{','.join(root[c] for c in columns)}\n{rest}"

    return get_credential_report


IAMBackend.get_credential_report = with_root_row(IAMBackend.get_credential_report)

if __name__ == "__main__":
    server = make_server("127.0.0.1", 0, application, threaded=True, request_handler=MotoRequestHandler)
    print(server.server_port, flush=True)
    print(f"moto since {datetime.now(timezone.utc):%H:%M:%S}", file=sys.stderr)
    server.serve_forever()
