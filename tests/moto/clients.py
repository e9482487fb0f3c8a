"""boto3 clients, the sandbox as a process, and a judge who reads every answer.

Owns: starting and stopping `orgward sandbox`, and clients that retry throttled calls. Must not: know a story.
"""

import copy
import re
import subprocess
import threading
from collections import defaultdict

import boto3
import botocore.config
import botocore.session

import shapes

THROTTLED = {"TooManyRequestsException", "Throttling", "ThrottlingException", "Throttled", "LimitExceededException", "SlowDown"}
CLOUDWATCH_PROTOCOLS = ("smithy-rpc-v2-cbor", "json", "query")


class Sandbox:
    """`orgward sandbox` on a free port, stopped by its pid."""

    def __init__(self, orgward, *arguments):
        self.process = subprocess.Popen(
            [orgward, "sandbox", "--port", "0", *arguments], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )
        self.exports = {}
        while "ORGWARD_APPLY_EXTERNAL_ID" not in self.exports:
            line = self.process.stdout.readline()
            if not line:
                raise RuntimeError(f"orgward sandbox ended with {self.process.wait()}")
            name, _, value = line.strip().removeprefix("export ").partition("=")
            self.exports[name] = value
        self.endpoint, self.region = self.exports["AWS_ENDPOINT_URL"], self.exports["AWS_REGION"]
        self.keys = {"AccessKeyId": self.exports["AWS_ACCESS_KEY_ID"], "SecretAccessKey": self.exports["AWS_SECRET_ACCESS_KEY"]}

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=10)
        self.process.stdout.close()


class Judge:
    """Holds every answer against the model, and remembers what was answered."""

    def __init__(self):
        self.problems = []
        self.answered = defaultdict(int)
        self.refused = set()

    def __call__(self, operation_model, response_dict, **_):
        model = operation_model
        service, protocol = shapes.service_of(model), model.service_model.resolved_protocol
        for problem in shapes.problems(model, response_dict):
            line = f"{service}:{model.name} over {protocol}: {problem}"
            if line not in self.problems:
                self.problems.append(line)
        if response_dict["status_code"] < 300:
            self.answered[service, model.name, protocol] += 1
        else:
            self.refused.add((service, model.name, protocol))


def slower(response, attempts, **_):
    """How long to wait before a throttled call goes out again."""
    if response is not None and response[1].get("Error", {}).get("Code") in THROTTLED and attempts < 60:
        return min(0.02 * attempts, 0.2)
    return None


def speaking(protocol):
    """A session whose CloudWatch speaks one protocol."""
    core = botocore.session.Session()
    loader = core.get_component("data_loader")
    load = loader.load_service_model

    def changed(service, kind, *rest, **more):
        data = load(service, kind, *rest, **more)
        if (service, kind) == ("cloudwatch", "service-2"):
            data = copy.deepcopy(data)
            data["metadata"].update(protocol=protocol, protocols=[protocol])
        return data

    loader.load_service_model = changed
    return boto3.Session(botocore_session=core)


class Clients:
    """Clients for one endpoint, Region and set of keys, made when first asked for."""

    # A session is for one thread.
    sessions = threading.local()

    def __init__(self, endpoint, keys, region, judge=None, protocol=CLOUDWATCH_PROTOCOLS[0]):
        self.endpoint, self.keys, self.region, self.judge, self.protocol = endpoint, keys, region, judge, protocol
        self.made = {}

    def __getattr__(self, service):
        if service not in self.made:
            session = getattr(Clients.sessions, self.protocol, None) or speaking(self.protocol)
            setattr(Clients.sessions, self.protocol, session)
            client = session.client(
                service, region_name=self.region, endpoint_url=self.endpoint, aws_access_key_id=self.keys["AccessKeyId"],
                aws_secret_access_key=self.keys["SecretAccessKey"], aws_session_token=self.keys.get("SessionToken"),
                config=botocore.config.Config(retries={"max_attempts": 0}, parameter_validation=False),
            )
            client.meta.events.register_first("needs-retry", slower)
            if self.judge:
                client.meta.events.register("before-parse", self.judge)
            self.made[service] = client
        return self.made[service]

    def over(self, protocol):
        """The same with CloudWatch over another protocol."""
        return Clients(self.endpoint, self.keys, self.region, self.judge, protocol)

    def entered(self, account, role, external_id=None, region=None):
        """The same as a role in another account, in another Region if one is named."""
        extra = {"ExternalId": external_id} if external_id else {}
        arn = f"arn:aws:iam::{account}:role/{role}"
        keys = self.sts.assume_role(RoleArn=arn, RoleSessionName="witness", **extra)["Credentials"]
        return Clients(self.endpoint, keys, region or self.region, self.judge, self.protocol)


def implemented(source):
    """(service, operation) pairs of the tables in src/sandbox/services."""
    found = set()
    for path in sorted(source.rglob("*.rs")):
        service = path.relative_to(source).parts[0].removesuffix(".rs").replace("_", "-")
        for table in re.findall(r"const OPERATIONS: [^=]*=\s*&\[(.*?)\];", path.read_text(), re.DOTALL):
            found |= {(service, operation) for operation in re.findall(r'\("([A-Z]\w+)",', table)}
    return found
