"""One story, told to moto and to orgward's sandbox: what each answers, step by step, and where they may differ.

Owns: the story and the comparison. A difference that `differences` does not list is a failure, and so is a listed one that
is gone.
"""

import json
import re
import time
import urllib.request
from datetime import datetime

import botocore.exceptions

from clients import Clients
from differences import KNOWN, MISSING

DENY_LEAVE = {"Version": "2012-10-17", "Statement": [
    {"Sid": "A", "Effect": "Deny", "Action": "organizations:LeaveOrganization", "Resource": "*"}]}
SCP = {"Description": "witness", "Type": "SERVICE_CONTROL_POLICY", "Content": json.dumps(DENY_LEAVE)}
FILTER = {"filterName": "root", "filterPattern": '{ $.userIdentity.type = "Root" }', "metricTransformations": [
    {"metricName": "root", "metricNamespace": "Story", "metricValue": "1"}]}
ALARM = {"AlarmName": "root", "AlarmDescription": "first", "Namespace": "Story", "MetricName": "root", "Statistic": "Sum",
         "Period": 300, "EvaluationPeriods": 1, "Threshold": 1.0, "ComparisonOperator": "GreaterThanOrEqualToThreshold",
         "TreatMissingData": "notBreaching"}
MAIL = {"Protocol": "email", "Endpoint": "security@example.com"}
DROPPED = {"ResponseMetadata"}
UNKNOWN_OU, UNKNOWN_POLICY = "ou-aaaa-aaaaaaaa", "p-aaaaaaaa"


class World:
    """Where a story happens: clients of the management account, of the member that has the trail's log group and of another
    member, and ids with the names they get."""

    def __init__(self, management, member, other, account, group, trail, unsubscribed):
        self.management, self.member, self.other, self.unsubscribed = management, member, other, unsubscribed
        self.account, self.group, self.trail = account, group, trail
        organizations = management.organizations
        self.root = organizations.list_roots()["Roots"][0]["Id"]
        self.ou = organizations.list_parents(ChildId=account)["Parents"][0]["Id"]
        organization = organizations.describe_organization()["Organization"]
        self.names = {
            self.root: "<root>", self.ou: "<ou>", account: "<account>", organization["Id"]: "<organization>", group: "<group>",
            organization["MasterAccountId"]: "<management>", organization["MasterAccountEmail"]: "<email>",
            trail.rsplit("/", 1)[-1]: "<trail>", organizations.describe_account(AccountId=account)["Account"]["Name"]: "<name>",
            organizations.describe_account(AccountId=account)["Account"]["Email"]: "<address>",
            organizations.describe_organizational_unit(OrganizationalUnitId=self.ou)["OrganizationalUnit"]["Name"]: "<unit>",
        }

    def plain(self, value):
        """The value without what differs from run to run."""
        if isinstance(value, dict):
            return {self.text(key): self.plain(item) for key, item in value.items() if key not in DROPPED}
        if isinstance(value, list):
            return sorted((self.plain(item) for item in value), key=lambda item: json.dumps(item, sort_keys=True))
        if isinstance(value, datetime):
            return "<time>"
        return self.text(value) if isinstance(value, str) else value

    def text(self, value):
        for id in sorted(self.names, key=len, reverse=True):
            value = value.replace(id, self.names[id])
        value = re.sub(r"p-[a-z0-9]{8,}", "<policy>", value)
        return re.sub(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "<uuid>", value)


def moto(endpoint, region):
    """An organization of two members in an empty moto."""
    urllib.request.urlopen(urllib.request.Request(f"{endpoint}/moto-api/reset", method="POST")).close()
    management = Clients(endpoint, {"AccessKeyId": "AKIASTORY", "SecretAccessKey": "x"}, region)
    organizations = management.organizations
    organizations.create_organization(FeatureSet="ALL")
    root = organizations.list_roots()["Roots"][0]["Id"]
    organizations.enable_policy_type(RootId=root, PolicyType="SERVICE_CONTROL_POLICY")
    ou = organizations.create_organizational_unit(ParentId=root, Name="moto-unit")["OrganizationalUnit"]["Id"]
    account = organizations.create_account(AccountName="moto-member", Email="moto-member@example.com")["CreateAccountStatus"]["AccountId"]
    organizations.move_account(AccountId=account, SourceParentId=root, DestinationParentId=ou)
    member = management.entered(account, "OrganizationAccountAccessRole")
    member.logs.create_log_group(logGroupName="moto-group")
    arn = member.logs.describe_log_groups()["logGroups"][0]["arn"]
    management.s3.create_bucket(Bucket="story", CreateBucketConfiguration={"LocationConstraint": region})
    trail = management.cloudtrail.create_trail(
        Name="moto-trail", S3BucketName="story", IsMultiRegionTrail=True, IsOrganizationTrail=True, EnableLogFileValidation=True,
        CloudWatchLogsLogGroupArn=arn, CloudWatchLogsRoleArn="arn:aws:iam::111122223333:role/trail")["TrailARN"]
    management.cloudtrail.start_logging(Name="moto-trail")
    other = organizations.create_account(AccountName="other", Email="other@example.com")["CreateAccountStatus"]["AccountId"]
    other = management.entered(other, "OrganizationAccountAccessRole")
    recorder = {"name": "default", "roleARN": f"arn:aws:iam::{account}:role/config", "recordingGroup": {
        "allSupported": True, "includeGlobalResourceTypes": True}}
    member.config.put_configuration_recorder(ConfigurationRecorder=recorder)
    member.s3.create_bucket(Bucket="moto-bucket", CreateBucketConfiguration={"LocationConstraint": region})
    member.config.put_delivery_channel(DeliveryChannel={"name": "default", "s3BucketName": "moto-bucket"})
    member.config.start_configuration_recorder(ConfigurationRecorderName="default")
    member.config.put_config_rule(ConfigRule={
        "ConfigRuleName": "access-keys-rotated", "InputParameters": '{"maxAccessKeyAge":"90"}',
        "Source": {"Owner": "AWS", "SourceIdentifier": "ACCESS_KEYS_ROTATED"}})
    member.securityhub.enable_security_hub()
    member.guardduty.create_detector(Enable=True)
    return World(management, member, other, account, "moto-group", trail, other)


def sandbox(place, judge):
    """The organization of a sandbox, its member as moto makes one: without a password policy."""
    management = Clients(place.endpoint, place.keys, place.region, judge)
    trail = management.cloudtrail.describe_trails()["trailList"][0]
    _, _, _, _, account, _, group, _ = trail["CloudWatchLogsLogGroupArn"].split(":")
    role, external_id = place.exports["ORGWARD_APPLY_ROLE_NAME"], place.exports["ORGWARD_APPLY_EXTERNAL_ID"]
    member = management.entered(account, role, external_id)
    member.iam.delete_account_password_policy()
    accounts = [a for page in management.organizations.get_paginator("list_accounts").paginate() for a in page["Accounts"]]
    other = next(found["Id"] for found in accounts if found["Name"] == "web-prod")
    unsubscribed = next(found["Id"] for found in accounts if found["Name"] == "sandbox-mei")
    other, unsubscribed = (management.entered(id, role, external_id) for id in (other, unsubscribed))
    return World(management, member, other, account, group, trail["TrailARN"], unsubscribed)


class Telling:
    """The answers so far, by step."""

    def __init__(self, world):
        self.world, self.said = world, {}

    def __call__(self, name, call, /, pick=lambda answer: answer, **arguments):
        """Makes one step; gives its whole answer, or nothing if it was refused."""
        try:
            answer = call(**arguments)
        except botocore.exceptions.ClientError as error:
            self.said[name] = error.response["Error"]["Code"]
            return {}
        self.said[name] = self.world.plain(pick(answer))
        return answer


def tell(world):
    """Tells the story; what was answered, by step."""
    step = Telling(world)
    step("report: none yet", world.member.iam.get_credential_report)
    step("report: begin", world.member.iam.generate_credential_report, lambda answer: answer["State"])
    step("report: too early", world.member.iam.get_credential_report, lambda answer: answer["ReportFormat"])
    guardrails(step, world)
    the_last_scp(step, world)
    entering(step, world)
    passwords(step, world)
    people(step, world)
    trails(step, world)
    filters(step, world)
    alarms(step, world)
    topics(step, world)
    watchers(step, world)
    buckets(step, world)
    report(step, world)
    return step.said


def guardrails(step, world):
    o = world.management.organizations
    on = {"PolicyId": UNKNOWN_POLICY}
    step("organization", o.describe_organization)
    step("root", o.list_roots, lambda answer: answer["Roots"][0])
    step("account", o.describe_account, AccountId=world.account)
    step("unit", o.describe_organizational_unit, OrganizationalUnitId=world.ou)
    step("children", o.list_children, ParentId=world.ou, ChildType="ACCOUNT",
         pick=lambda answer: [child for child in answer["Children"] if child["Id"] == world.account])
    step("scp: enable again", o.enable_policy_type, RootId=world.root, PolicyType="SERVICE_CONTROL_POLICY")
    created = step("scp: create", o.create_policy, Name="story", Tags=[{"Key": "k", "Value": "v"}], **SCP)
    on = {"PolicyId": created["Policy"]["PolicySummary"]["Id"]}
    step("scp: the same name", o.create_policy, Name="story", **SCP)
    step("scp: no policy", o.create_policy, Name="bad", **{**SCP, "Content": '{"Version": "2012-10-17", "Statement": {"a": 1}}'})
    step("scp: no JSON", o.create_policy, Name="bad", **{**SCP, "Content": "{"})
    step("scp: too long", o.create_policy, Name="long", **{**SCP, "Content": SCP["Content"] + " " * 10_240})
    step("scp: describe", o.describe_policy, **on)
    step("scp: tags", o.list_tags_for_resource, ResourceId=on["PolicyId"])
    step("scp: attach", o.attach_policy, TargetId=world.ou, **on)
    step("scp: attach again", o.attach_policy, TargetId=world.ou, **on)
    step("scp: attach nowhere", o.attach_policy, TargetId=UNKNOWN_OU, **on)
    step("scp: attach nothing", o.attach_policy, PolicyId=UNKNOWN_POLICY, TargetId=world.ou)
    step("scp: targets", o.list_targets_for_policy, **on)
    step("scp: of the unit", o.list_policies_for_target, TargetId=world.ou, Filter="SERVICE_CONTROL_POLICY",
         pick=lambda answer: [policy for policy in answer["Policies"] if policy["Id"] == on["PolicyId"]])
    step("scp: delete in use", o.delete_policy, **on)
    step("scp: update", o.update_policy, Description="changed", **on)
    step("scp: update AWS's", o.update_policy, PolicyId="p-FullAWSAccess", Description="changed")
    step("tag the account", o.tag_resource, ResourceId=world.account, Tags=[{"Key": "story", "Value": ""}])
    step("tags of the account", o.list_tags_for_resource, ResourceId=world.account,
         pick=lambda answer: [tag for tag in answer["Tags"] if tag["Key"] == "story"])
    step("untag the account", o.untag_resource, ResourceId=world.account, TagKeys=["story"])
    step("no account", o.describe_account, AccountId="000000000000")
    step("no unit", o.describe_organizational_unit, OrganizationalUnitId=UNKNOWN_OU)
    step("a member asks", world.other.organizations.list_roots, lambda answer: "roots")
    world.policy = on["PolicyId"]


def the_last_scp(step, world):
    o, on = world.management.organizations, {"TargetId": world.ou, "PolicyId": world.policy}
    step("scp: detach AWS's", o.detach_policy, TargetId=world.ou, PolicyId="p-FullAWSAccess")
    step("scp: detach the last", o.detach_policy, **on)
    # moto lets the last one go: both go on from here with the same attachments.
    step("scp: attach AWS's", o.attach_policy, TargetId=world.ou, PolicyId="p-FullAWSAccess")
    if on["PolicyId"] in [p["Id"] for p in o.list_policies_for_target(TargetId=world.ou, Filter=SCP["Type"])["Policies"]]:
        o.detach_policy(**on)
    step("scp: detach again", o.detach_policy, **on)
    step("scp: delete", o.delete_policy, PolicyId=world.policy)
    step("scp: deleted", o.describe_policy, PolicyId=world.policy)
    step("scp: delete again", o.delete_policy, PolicyId=world.policy)


def entering(step, world):
    sts = world.management.sts
    role = f"arn:aws:iam::{world.account}:role/NoSuchRole"
    step("enter: no role", sts.assume_role, RoleArn=role, RoleSessionName="story")
    step("enter: short name", sts.assume_role, RoleArn=role, RoleSessionName="s")
    step("enter: whoami", sts.get_caller_identity, lambda answer: sorted(set(answer) - DROPPED))


def passwords(step, world):
    iam = world.member.iam
    step("passwords: none", iam.get_account_password_policy)
    step("passwords: delete none", iam.delete_account_password_policy)
    step("passwords: set", iam.update_account_password_policy, MinimumPasswordLength=14, RequireSymbols=True, MaxPasswordAge=90,
         PasswordReusePrevention=24, HardExpiry=True, AllowUsersToChangePassword=True)
    step("passwords: as set", iam.get_account_password_policy)
    step("passwords: set one field", iam.update_account_password_policy, RequireNumbers=True)
    step("passwords: the rest is reset", iam.get_account_password_policy)
    step("passwords: too short", iam.update_account_password_policy, MinimumPasswordLength=5)
    step("passwords: too many", iam.update_account_password_policy, PasswordReusePrevention=25)
    step("passwords: delete", iam.delete_account_password_policy)
    step("passwords: deleted", iam.get_account_password_policy)


def people(step, world):
    iam = world.member.iam
    step("no role", iam.get_role, RoleName="none")
    role = next(role["RoleName"] for role in iam.list_roles()["Roles"] if role["Path"] == "/")
    step("a role's members", iam.get_role, lambda answer: sorted(set(answer["Role"]) - {"Description"}), RoleName=role)
    step("details of roles", iam.get_account_authorization_details, Filter=["Role"],
         pick=lambda answer: next(sorted(detail) for detail in answer["RoleDetailList"] if detail["RoleName"] == role))
    step("details: a wrong filter", iam.get_account_authorization_details, lambda answer: "details", Filter=["None"])
    step("summary", iam.get_account_summary, lambda answer: dict.fromkeys(answer["SummaryMap"], True))


def trails(step, world):
    c = world.management.cloudtrail
    step("trails", c.describe_trails, lambda answer: [
        {name: value for name, value in trail.items() if name not in ("S3BucketName", "KmsKeyId", "CloudWatchLogsRoleArn")}
        for trail in answer["trailList"]])
    step("trail: status", c.get_trail_status, lambda answer: answer["IsLogging"], Name=world.trail)
    step("trail: selectors", c.get_event_selectors, TrailName=world.trail)
    step("trail: none", c.get_trail_status, Name="none")
    step("trail: seen from a member", world.member.cloudtrail.describe_trails,
         lambda answer: [trail["TrailARN"] for trail in answer["trailList"]])


def filters(step, world):
    c, at = world.member.logs, {"logGroupName": world.group}
    step("filter: no group", c.put_metric_filter, logGroupName="none", **FILTER)
    step("filter: put", c.put_metric_filter, **at, **FILTER)
    step("filter: describe", c.describe_metric_filters, lambda answer: timeless(answer["metricFilters"]), **at)
    step("filter: replace", c.put_metric_filter, **at, **{**FILTER, "filterPattern": "{ $.a = 1 }"})
    step("filter: replaced", c.describe_metric_filters, lambda answer: [f["filterPattern"] for f in answer["metricFilters"]], **at)
    step("filter: two transformations", c.put_metric_filter, **at, **{
        **FILTER, "metricTransformations": FILTER["metricTransformations"] * 2})
    step("filter: a bad pattern", c.put_metric_filter, **at, **{**FILTER, "filterPattern": "{ $.a = }"})
    step("filter: a bad name", c.put_metric_filter, **at, **{**FILTER, "filterName": "a:b"})
    step("filter: half a metric", c.describe_metric_filters, metricName="root")
    step("filters of no group", c.describe_metric_filters, logGroupName="none")
    step("filter: delete", c.delete_metric_filter, **at, filterName="root")
    step("filter: delete again", c.delete_metric_filter, **at, filterName="root")


def timeless(filters):
    return [{name: "<time>" if name == "creationTime" else value for name, value in found.items()} for found in filters]


def alarms(step, world):
    c = world.member.cloudwatch
    arn = f"arn:aws:cloudwatch:{world.member.region}:{world.account}:alarm:root"
    step("alarm: put", c.put_metric_alarm, **ALARM, Tags=[{"Key": "a", "Value": "1"}])
    step("alarm: describe", c.describe_alarms, AlarmNames=["root"])
    step("alarm: replace", c.put_metric_alarm, **{k: v for k, v in ALARM.items() if k not in ("AlarmDescription", "TreatMissingData")})
    step("alarm: replaced", c.describe_alarms, AlarmNames=["root"],
         pick=lambda answer: [answer["MetricAlarms"][0].get(name) for name in ("AlarmDescription", "TreatMissingData")])
    step("alarm: tag", c.tag_resource, ResourceARN=arn, Tags=[{"Key": "b", "Value": "2"}])
    step("alarm: tags", c.list_tags_for_resource, ResourceARN=arn)
    step("alarm: tags of none", c.list_tags_for_resource, ResourceARN=arn + "less")
    step("alarm: no metric", c.put_metric_alarm, **{k: v for k, v in ALARM.items() if k != "MetricName"})
    step("alarm: two statistics", c.put_metric_alarm, **ALARM, ExtendedStatistic="p90")
    step("alarm: odd period", c.put_metric_alarm, **{**ALARM, "Period": 45})
    step("alarms: names and prefix", c.describe_alarms, AlarmNames=["root"], AlarmNamePrefix="r")
    step("alarm: delete it and another", c.delete_alarms, AlarmNames=["root", "none"])
    step("alarms: still there", c.describe_alarms, lambda answer: [alarm["AlarmName"] for alarm in answer["MetricAlarms"]])
    step("alarm: delete", c.delete_alarms, AlarmNames=["root"])
    step("alarms: gone", c.describe_alarms)


def topics(step, world):
    c = world.member.sns
    arn = f"arn:aws:sns:{world.member.region}:{world.account}:story"
    on = {"TopicArn": arn}
    step("topic: create", c.create_topic, Name="story", Tags=[{"Key": "a", "Value": "1"}])
    step("topic: create again", c.create_topic, Name="story")
    step("topic: create with other tags", c.create_topic, Name="story", Tags=[{"Key": "a", "Value": "2"}])
    step("topic: a bad name", c.create_topic, Name="a b")
    step("topic: tag", c.tag_resource, ResourceArn=arn, Tags=[{"Key": "b", "Value": "2"}])
    step("topic: tags", c.list_tags_for_resource, ResourceArn=arn)
    step("subscribe", c.subscribe, **on, **MAIL)
    step("subscribe again", c.subscribe, **on, **MAIL)
    step("subscribers", c.list_subscriptions_by_topic, **on)
    step("subscribe a queue", c.subscribe, **on, Protocol="sqs", Endpoint="arn:aws:sqs:eu-central-1:111122223333:q")
    step("subscribe a pigeon", c.subscribe, **on, Protocol="pigeon", Endpoint="coo")
    step("subscribe to none", c.subscribe, TopicArn=arn + "less", **MAIL)
    step("topic: attributes", c.get_topic_attributes, **on, pick=lambda answer: {
        name: answer["Attributes"].get(name) for name in ("TopicArn", "Owner", "SubscriptionsConfirmed", "SubscriptionsPending")})
    step("topic: delete", c.delete_topic, **on)
    step("topic: delete again", c.delete_topic, **on)
    step("topic: attributes of none", c.get_topic_attributes, **on)
    step("unsubscribe none", c.unsubscribe, SubscriptionArn=arn + ":6b4ad6b1-0a33-4d5c-8d4a-111111111111")


def watchers(step, world):
    config, hub, guardduty = world.member.config, world.member.securityhub, world.member.guardduty
    step("recorders", config.describe_configuration_recorders, lambda answer: [
        {name: recorder[name] for name in ("name", "recordingGroup")} for recorder in answer["ConfigurationRecorders"]])
    step("recorder: none", config.describe_configuration_recorders, ConfigurationRecorderNames=["none"])
    step("recorder: status", config.describe_configuration_recorder_status,
         lambda answer: [[status["name"], status["recording"]] for status in answer["ConfigurationRecordersStatus"]])
    step("recorder: status of none", config.describe_configuration_recorder_status, ConfigurationRecorderNames=["none"])
    step("rules", config.describe_config_rules, lambda answer: [
        {name: rule.get(name) for name in ("ConfigRuleName", "Source", "InputParameters", "ConfigRuleState")}
        for rule in answer["ConfigRules"]])
    step("rules: none", config.describe_config_rules, ConfigRuleNames=["none"])
    step("hub", hub.describe_hub, lambda answer: {name: answer[name] for name in ("HubArn", "AutoEnableControls")})
    step("hub: not subscribed", world.unsubscribed.securityhub.describe_hub)
    ids = step("detectors", guardduty.list_detectors, lambda answer: len(answer["DetectorIds"]))["DetectorIds"]
    step("detector", guardduty.get_detector, lambda answer: answer["Status"], DetectorId=ids[0])
    step("detector: none", guardduty.get_detector, DetectorId="0" * 32)


def buckets(step, world):
    s3 = world.member.s3
    name = step("buckets", s3.list_buckets, lambda answer: sorted(set(answer["Buckets"][0]) - {"BucketArn"}))["Buckets"][0]["Name"]
    step("buckets: where", s3.list_buckets, lambda answer: answer["Buckets"][0].get("BucketRegion"), MaxBuckets=10)
    step("bucket: grants", s3.get_bucket_acl, lambda answer: [
        [grant["Grantee"]["Type"], grant["Permission"]] for grant in answer["Grants"]], Bucket=name)
    step("bucket: logging", s3.get_bucket_logging, Bucket=name)
    step("bucket: policy", s3.get_bucket_policy_status, Bucket=name)
    for call in (s3.get_bucket_acl, s3.get_bucket_logging, s3.get_bucket_policy_status):
        step(f"no bucket: {call.__name__}", call, Bucket="none-of-this-name")


def report(step, world):
    iam, deadline = world.member.iam, time.monotonic() + 20
    while iam.generate_credential_report()["State"] != "COMPLETE" and time.monotonic() < deadline:
        time.sleep(0.5)
    step("report: complete", iam.generate_credential_report, lambda answer: answer["State"])
    answer = step("report", iam.get_credential_report, lambda answer: sorted(set(answer) - DROPPED))
    lines = answer["Content"].decode().splitlines()
    step("report: columns", lambda: lines[0].split(","), lambda columns: {str(n): name for n, name in enumerate(columns)})
    step("report: the root user comes first", lambda: lines[1].split(",")[0])


def flat(value, at=""):
    """Every leaf by its path."""
    if isinstance(value, dict) and value:
        return {k: v for name, item in value.items() for k, v in flat(item, f"{at}.{name}" if at else name).items()}
    if isinstance(value, list) and value:
        return {k: v for n, item in enumerate(value) for k, v in flat(item, f"{at}[{n}]").items()}
    return {at: value}


def compare(moto, ours):
    """What differs and is not known, and what is known and does not differ."""
    lines, met = [], set()
    for name in moto | ours:
        theirs, mine = moto.get(name, MISSING), ours.get(name, MISSING)
        one = isinstance(theirs, str) or isinstance(mine, str)
        left, right = ({"": theirs}, {"": mine}) if one else (flat(theirs), flat(mine))
        for path in sorted(left | right):
            a, b = left.get(path, MISSING), right.get(path, MISSING)
            if a == b:
                continue
            known = [n for n, (step, at, x, y, _) in enumerate(KNOWN)
                     if (step, at) == (name, path) and x in (..., a) and y in (..., b)]
            met |= set(known)
            if not known:
                lines.append(f"{name}: {path or 'the answer'}: moto {a!r}, sandbox {b!r}")
    return lines + [f"known, but no longer so: {KNOWN[n][:4]}" for n in range(len(KNOWN)) if n not in met]
