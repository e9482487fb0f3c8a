"""Speaks to orgward's own sandbox with boto3: every operation it has, each answer held against AWS's published model;
pages; errors; and the same story told to moto and to the sandbox.

Usage: sandbox_witness.py MOTO_ENDPOINT ORGWARD. The sandbox it starts is stopped by its pid.
"""

import json
import sys
import unittest
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import botocore.exceptions

import story
from clients import CLOUDWATCH_PROTOCOLS, Clients, Judge, Sandbox, implemented
from differences import KNOWN
from judgement import Judgement  # noqa: F401, a test of its own

MOTO, ORGWARD = sys.argv[1], sys.argv[2]
SERVICES = Path(__file__).parents[2] / "src" / "sandbox" / "services"
DENY = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "a4b:*", "Resource": "*"}]}
FILTER = {"filterName": "witness", "filterPattern": "{ $.userIdentity.type = \"Root\" }", "metricTransformations": [
    {"metricName": "root", "metricNamespace": "Witness", "metricValue": "1", "defaultValue": 0.0}]}
ALARM = {"AlarmName": "witness <&> \"alarm\"", "Namespace": "Witness", "MetricName": "root", "Statistic": "Sum", "Period": 300,
         "EvaluationPeriods": 1, "Threshold": 0.5, "ComparisonOperator": "GreaterThanOrEqualToThreshold",
         "AlarmDescription": "Größe <b>&amp;</b>\n", "AlarmActions": ["arn:aws:sns:eu-central-1:111122223333:t"],
         "Dimensions": [{"Name": "d", "Value": "v"}], "Tags": [{"Key": "a", "Value": "1"}]}
ALLOW = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
SIMULATION = {
    "ActionNames": ["iam:GetUser", "iam:DeleteUser", "s3:ListBucket"], "CallerArn": "arn:aws:iam::111122223333:user/u",
    "PolicyInputList": [json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "iam:*", "Resource": "*"},
        {"Effect": "Deny", "Action": "iam:Delete*", "Resource": "*", "Condition": {"StringEquals": {"aws:RequestTag/a": "1"}}}]})],
    "PermissionsBoundaryPolicyInputList": [json.dumps(ALLOW)],
    "OrderedOrganizationPolicyInputList": [{"ServiceControlPolicyInputList": [json.dumps(ALLOW)]}],
    "ContextEntries": [{"ContextKeyName": "aws:RequestTag/a", "ContextKeyType": "string", "ContextKeyValues": ["1"]}],
}


class Everything(unittest.TestCase):
    """One sandbox for all tests, in the order of their names; the judge reads every answer they get."""

    maxDiff = 0

    @classmethod
    def setUpClass(cls):
        cls.sandbox = Sandbox(ORGWARD, "--fast")
        cls.addClassCleanup(cls.sandbox.stop)
        cls.judge = Judge()
        # Slow, as quotas and reports go by the clock: it is told while the other tests run.
        patient = Sandbox(ORGWARD)
        cls.addClassCleanup(patient.stop)
        pool = ThreadPoolExecutor()
        cls.addClassCleanup(pool.shutdown)
        cls.ours = pool.submit(lambda: story.tell(story.sandbox(patient, cls.judge)))
        cls.theirs = pool.submit(lambda: story.tell(story.moto(MOTO, patient.region)))
        cls.management = Clients(cls.sandbox.endpoint, cls.sandbox.keys, cls.sandbox.region, cls.judge)
        pages = list(cls.management.organizations.get_paginator("list_accounts").paginate())
        cls.account_pages = [[account["Id"] for account in page["Accounts"]] for page in pages]
        cls.accounts = {account["Name"]: account for page in pages for account in page["Accounts"]}
        cls.root = cls.management.organizations.list_roots()["Roots"][0]["Id"]
        cls.audit = cls.enter("audit")

    @classmethod
    def enter(cls, name, region=None):
        exports = cls.sandbox.exports
        role, external_id = exports["ORGWARD_APPLY_ROLE_NAME"], exports["ORGWARD_APPLY_EXTERNAL_ID"]
        return cls.management.entered(cls.accounts[name]["Id"], role, external_id, region)

    def test_1_organizations(self):
        c = self.management.organizations
        c.describe_organization()
        ous = c.list_organizational_units_for_parent(ParentId=self.root)["OrganizationalUnits"]
        ou = ous[0]["Id"]
        c.describe_organizational_unit(OrganizationalUnitId=ou)
        for kind in ("ACCOUNT", "ORGANIZATIONAL_UNIT"):
            c.list_children(ParentId=self.root, ChildType=kind)
        c.list_parents(ChildId=ou)
        for account in self.accounts.values():
            self.assertEqual(c.describe_account(AccountId=account["Id"])["Account"], account)
        c.list_accounts_for_parent(ParentId=ou)
        self.assertTrue(c.list_delegated_administrators()["DelegatedAdministrators"])
        self.assertTrue(c.list_aws_service_access_for_organization()["EnabledServicePrincipals"])
        delegated = c.list_delegated_services_for_account(AccountId=self.accounts["audit"]["Id"])["DelegatedServices"]
        self.assertEqual([service["ServicePrincipal"] for service in delegated],
                         ["access-analyzer.amazonaws.com", "cloudtrail.amazonaws.com"])
        tags = [{"Key": "witness", "Value": "<&>"}]
        scp = c.create_policy(Name="witness", Description="", Type="SERVICE_CONTROL_POLICY", Content=json.dumps(DENY), Tags=tags)
        id = scp["Policy"]["PolicySummary"]["Id"]
        c.update_policy(PolicyId=id, Name="witness two", Description="ümlaut", Content=json.dumps(DENY, indent=1))
        self.assertEqual(json.loads(c.describe_policy(PolicyId=id)["Policy"]["Content"]), DENY)
        for target in (self.root, ou, self.accounts["audit"]["Id"]):
            c.attach_policy(PolicyId=id, TargetId=target)
            c.list_policies_for_target(TargetId=target, Filter="SERVICE_CONTROL_POLICY")
        kinds = {target["Type"] for target in c.list_targets_for_policy(PolicyId=id)["Targets"]}
        self.assertEqual(kinds, {"ROOT", "ORGANIZATIONAL_UNIT", "ACCOUNT"})
        c.list_policies(Filter="SERVICE_CONTROL_POLICY")
        c.list_policies(Filter="RESOURCE_CONTROL_POLICY")
        for resource in (id, self.root, ou, self.accounts["audit"]["Id"]):
            c.tag_resource(ResourceId=resource, Tags=[{"Key": "k", "Value": ""}])
            self.assertIn({"Key": "k", "Value": ""}, c.list_tags_for_resource(ResourceId=resource)["Tags"])
            c.untag_resource(ResourceId=resource, TagKeys=["k"])
        for target in (self.root, ou, self.accounts["audit"]["Id"]):
            c.detach_policy(PolicyId=id, TargetId=target)
        c.delete_policy(PolicyId=id)
        c.enable_policy_type(RootId=self.root, PolicyType="TAG_POLICY")

    def test_1_a_delegation_policy(self):
        delegating = Sandbox(ORGWARD, "--fast", "--caller=audit", "--delegate-policies")
        self.addCleanup(delegating.stop)
        clients = Clients(delegating.endpoint, delegating.keys, delegating.region, self.judge)
        policy = clients.organizations.describe_resource_policy()["ResourcePolicy"]
        statement, = json.loads(policy["Content"])["Statement"]
        caller = clients.sts.get_caller_identity()["Account"]
        self.assertEqual(statement["Principal"], {"AWS": f"arn:aws:iam::{caller}:root"})

    def test_2_accounts(self):
        for name in ("management", "audit"):
            account = self.management if name == "management" else self.audit
            account.sts.get_caller_identity()
            account.account.list_regions()
            account.account.list_regions(RegionOptStatusContains=["ENABLED_BY_DEFAULT"])
            iam = account.iam
            iam.get_account_summary()
            iam.list_account_aliases()
            for role in iam.list_roles()["Roles"]:
                self.assertEqual(iam.get_role(RoleName=role["RoleName"])["Role"]["Arn"], role["Arn"])
            for status in ("Any", "Assigned", "Unassigned"):
                iam.list_virtual_mfa_devices(AssignmentStatus=status)
            iam.get_account_authorization_details()
            self.assertTrue(iam.list_saml_providers()["SAMLProviderList"])
            iam.list_server_certificates()
            for user in iam.get_account_authorization_details(Filter=["User"])["UserDetailList"]:
                iam.list_ssh_public_keys(UserName=user["UserName"])
                iam.list_service_specific_credentials(UserName=user["UserName"])
            contact = account.account.get_alternate_contact(AlternateContactType="SECURITY")["AlternateContact"]
            self.assertEqual(contact["AlternateContactType"], "SECURITY")
            self.assertTrue(account.account.get_contact_information()["ContactInformation"]["CountryCode"])
        self.assertTrue(self.enter("web-prod").iam.list_server_certificates()["ServerCertificateMetadataList"])
        held = self.enter("mobile-dev").iam.list_service_specific_credentials(AllUsers=True)["ServiceSpecificCredentials"]
        self.assertEqual([one["ServiceName"] for one in held], ["codecommit.amazonaws.com"])
        features = self.management.iam.list_organizations_features()
        self.assertEqual(set(features["EnabledFeatures"]), {"RootCredentialsManagement", "RootSessions"})
        id = self.accounts["management"]["Id"]
        self.assertEqual([one["BudgetType"] for one in self.management.budgets.describe_budgets(AccountId=id)["Budgets"]], ["COST"])
        told = self.management.budgets.describe_budget_notifications_for_account(AccountId=id)
        self.assertTrue(told["BudgetNotificationsForAccount"][0]["Notifications"])
        iam = self.enter("web-staging").iam
        iam.update_account_password_policy(MinimumPasswordLength=14, MaxPasswordAge=90, HardExpiry=True)
        self.assertTrue(iam.get_account_password_policy()["PasswordPolicy"]["HardExpiry"])
        iam.delete_account_password_policy()

    def test_2_simulation(self):
        decided = {}
        pages = self.management.iam.get_paginator("simulate_custom_policy").paginate(**SIMULATION, PaginationConfig={"PageSize": 1})
        for page in pages:
            decided |= {result["EvalActionName"]: result["EvalDecision"] for result in page["EvaluationResults"]}
        self.assertEqual(decided, {"iam:GetUser": "allowed", "iam:DeleteUser": "explicitDeny", "s3:ListBucket": "implicitDeny"})

    def test_2_every_account_there_is(self):
        for name, account in self.accounts.items():
            if name in ("management", "legacy-crm", "sandbox-jonas", "acquired-fintech"):
                continue
            inside = self.enter(name)
            inside.iam.get_account_authorization_details()
            inside.iam.get_account_summary()
            inside.iam.list_virtual_mfa_devices()
            inside.cloudtrail.describe_trails()

    def test_3_trails_and_logs(self):
        for account in (self.management, self.audit):
            c = account.cloudtrail
            for trail in c.list_trails()["Trails"]:
                c.get_trail_status(Name=trail["TrailARN"])
            events = c.lookup_events(LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "AssumeRole"}])
            self.assertTrue(events["Events"])
        arn = c.describe_trails()["trailList"][0]["TrailARN"]
        self.assertTrue(self.management.cloudtrail.get_event_selectors(TrailName=arn)["EventSelectors"])
        c = self.audit.logs
        groups = c.describe_log_groups()["logGroups"]
        group = next(group for group in groups if group["logGroupName"].startswith("organization-trail"))
        name = group["logGroupName"]
        c.put_metric_filter(logGroupName=name, **FILTER)
        self.assertEqual(len(c.describe_metric_filters(logGroupName=name)["metricFilters"]), 1)
        c.describe_metric_filters(metricName="root", metricNamespace="Witness")
        c.delete_metric_filter(logGroupName=name, filterName="witness")
        events = c.filter_log_events(logGroupName=name, filterPattern='{ $.eventName = "CreatePolicy" }')["events"]
        self.assertEqual(json.loads(events[0]["message"])["requestParameters"]["name"], "witness")

    def test_4_alarms_over_each_protocol(self):
        arn = f"arn:aws:cloudwatch:{self.sandbox.region}:{self.accounts['audit']['Id']}:alarm:{ALARM['AlarmName']}"
        seen = []
        for protocol in CLOUDWATCH_PROTOCOLS:
            c = self.audit.over(protocol).cloudwatch
            c.put_metric_alarm(**ALARM)
            c.tag_resource(ResourceARN=arn, Tags=[{"Key": "b", "Value": "<&>"}])
            tags = c.list_tags_for_resource(ResourceARN=arn)["Tags"]
            alarm = c.describe_alarms(AlarmNames=[ALARM["AlarmName"]])["MetricAlarms"][0]
            self.assertEqual({name: alarm.get(name) for name in ALARM if name != "Tags"},
                             {name: value for name, value in ALARM.items() if name != "Tags"})
            c.delete_alarms(AlarmNames=[ALARM["AlarmName"]])
            seen.append(({name: value for name, value in alarm.items() if not name.endswith("Timestamp")}, tags))
        self.assertEqual(seen[0], seen[1])
        self.assertEqual(seen[0], seen[2])

    def test_5_topics(self):
        c = self.audit.sns
        arn = c.create_topic(Name="witness", Attributes={"DisplayName": "<&>"}, Tags=[{"Key": "a", "Value": "1"}])["TopicArn"]
        self.assertIn({"TopicArn": arn}, c.list_topics()["Topics"])
        self.assertEqual(c.get_topic_attributes(TopicArn=arn)["Attributes"]["DisplayName"], "<&>")
        c.tag_resource(ResourceArn=arn, Tags=[{"Key": "b", "Value": "2"}])
        self.assertEqual(len(c.list_tags_for_resource(ResourceArn=arn)["Tags"]), 2)
        c.untag_resource(ResourceArn=arn, TagKeys=["b"])
        self.assertEqual(c.list_tags_for_resource(ResourceArn=arn)["Tags"], [{"Key": "a", "Value": "1"}])
        c.subscribe(TopicArn=arn, Protocol="email", Endpoint="a@example.com")
        queue = "arn:aws:sqs:eu-central-1:111122223333:q"
        confirmed = c.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=queue)["SubscriptionArn"]
        subscriptions = {s["Endpoint"]: s["SubscriptionArn"] for s in c.list_subscriptions_by_topic(TopicArn=arn)["Subscriptions"]}
        self.assertEqual(subscriptions, {"a@example.com": "PendingConfirmation", queue: confirmed})
        c.unsubscribe(SubscriptionArn=confirmed)
        waiting = c.subscribe(TopicArn=arn, Protocol="email", Endpoint="a@example.com", ReturnSubscriptionArn=True)
        with self.assertRaises(c.exceptions.InvalidParameterException):
            c.unsubscribe(SubscriptionArn=waiting["SubscriptionArn"])
        with self.assertRaises(c.exceptions.AuthorizationErrorException):
            c.publish(TopicArn=arn, Message="the apply role tells nobody")
        c.delete_topic(TopicArn=arn)
        ours = self.management.sns
        arn = ours.create_topic(Name="witness")["TopicArn"]
        self.assertTrue(ours.publish(TopicArn=arn, Subject="orgward", Message="<&>")["MessageId"])
        ours.delete_topic(TopicArn=arn)
        with self.assertRaises(ours.exceptions.NotFoundException):
            ours.publish(TopicArn=arn, Message="nobody is there")

    def test_5_watchers(self):
        wide = self.audit.accessanalyzer.list_analyzers(type="ORGANIZATION")["analyzers"]
        self.assertEqual([analyzer["status"] for analyzer in wide], ["ACTIVE"])
        found = self.enter("data-prod").accessanalyzer
        arn = found.list_analyzers()["analyzers"][0]["arn"]
        active = found.list_findings_v2(analyzerArn=arn, filter={"status": {"eq": ["ACTIVE"]}})["findings"]
        self.assertEqual({finding["status"] for finding in active}, {"ACTIVE"})
        self.assertGreater(len(found.list_findings_v2(analyzerArn=arn)["findings"]), len(active))
        self.assertEqual(self.enter("mobile-dev", "eu-west-1").accessanalyzer.list_analyzers()["analyzers"], [])
        config = self.audit.config
        recorder = config.describe_configuration_recorders()["ConfigurationRecorders"][0]["name"]
        status = config.describe_configuration_recorder_status(ConfigurationRecorderNames=[recorder])
        self.assertTrue(status["ConfigurationRecordersStatus"][0]["recording"])
        self.assertTrue(config.describe_config_rules()["ConfigRules"])
        stopped = self.enter("web-staging", "ap-southeast-2").config.describe_configuration_recorder_status()
        self.assertFalse(stopped["ConfigurationRecordersStatus"][0]["recording"])
        self.assertTrue(self.audit.securityhub.describe_hub()["AutoEnableControls"])
        for name, region, status in [("audit", "us-east-1", "ENABLED"), ("dns", "sa-east-1", "DISABLED")]:
            guardduty = self.enter(name, region).guardduty
            detector = guardduty.list_detectors()["DetectorIds"][0]
            self.assertEqual(guardduty.get_detector(DetectorId=detector)["Status"], status)

    def test_5_buckets(self):
        for name, logged in [("log-archive", True), ("payments-us", True), ("data-staging", False)]:
            s3, account = self.enter(name).s3, self.accounts[name]["Id"]
            buckets = [bucket["Name"] for bucket in s3.list_buckets(MaxBuckets=100)["Buckets"]]
            bucket = next(bucket for bucket in buckets if "trail" in bucket)
            on = {"Bucket": bucket, "ExpectedBucketOwner": account}
            self.assertEqual(s3.get_bucket_policy_status(**on)["PolicyStatus"]["IsPublic"], name == "payments-us")
            grants = s3.get_bucket_acl(**on)["Grants"]
            self.assertEqual([grant["Grantee"]["Type"] for grant in grants][1:], ["Group"] if name == "payments-us" else [])
            self.assertEqual("LoggingEnabled" in s3.get_bucket_logging(**on), logged)
        # boto3 is told where the bucket is, and asks there.
        abroad = self.enter("data-staging", "us-east-1").s3
        self.assertEqual(abroad.get_bucket_acl(Bucket=bucket)["Grants"][0]["Permission"], "FULL_CONTROL")

    def test_6_pages_hold_every_item_once(self):
        self.assertEqual([len(page) for page in self.account_pages], [0, 20, 4])
        self.assertEqual(len(self.accounts), 24)
        o, audit = self.management.organizations, self.audit
        ou = o.list_parents(ChildId=self.accounts["audit"]["Id"])["Parents"][0]["Id"]
        topic = audit.sns.create_topic(Name="many")["TopicArn"]
        for n in range(101):
            audit.sns.create_topic(Name=f"many-{n}")
            audit.sns.subscribe(TopicArn=topic, Protocol="email", Endpoint=f"a{n}@example.com")
        for n in range(4):
            o.create_policy(Name=f"page {n}", Description="", Type="SERVICE_CONTROL_POLICY", Content=json.dumps(DENY))
            group = audit.logs.describe_log_groups()["logGroups"][0]["logGroupName"]
            audit.logs.put_metric_filter(logGroupName=group, **{**FILTER, "filterName": f"page-{n}"})
            for protocol in CLOUDWATCH_PROTOCOLS:
                audit.over(protocol).cloudwatch.put_metric_alarm(**{**ALARM, "AlarmName": f"page {n} {protocol}"})
        o.tag_resource(ResourceId=ou, Tags=[{"Key": str(n), "Value": "v"} for n in range(30)])
        trail = next(g["logGroupName"] for g in audit.logs.describe_log_groups()["logGroups"] if "trail" in g["logGroupName"])
        until = max(e["timestamp"] for e in audit.logs.filter_log_events(logGroupName=trail)["events"])
        scp = {"Filter": "SERVICE_CONTROL_POLICY"}
        found = self.enter("data-prod")
        analyzer = found.accessanalyzer.list_analyzers()["analyzers"][0]["arn"]
        build = self.enter("ci-build").iam
        users = [user["UserName"] for user in build.get_account_authorization_details(Filter=["User"])["UserDetailList"]]
        user = next(user for user in users if build.list_ssh_public_keys(UserName=user)["SSHPublicKeys"])
        for client, operation, arguments, size in [
            (o, "list_accounts", {}, 7),
            (o, "list_organizational_units_for_parent", {"ParentId": self.root}, 2),
            (o, "list_accounts_for_parent", {"ParentId": ou}, 1),
            (o, "list_children", {"ParentId": self.root, "ChildType": "ORGANIZATIONAL_UNIT"}, 2),
            (o, "list_parents", {"ChildId": ou}, 1),
            (o, "list_policies", scp, 2),
            (o, "list_policies_for_target", {"TargetId": self.root, **scp}, 1),
            (o, "list_targets_for_policy", {"PolicyId": "p-FullAWSAccess"}, 9),
            (o, "list_tags_for_resource", {"ResourceId": ou}, None),
            (o, "list_delegated_administrators", {}, 1),
            (o, "list_aws_service_access_for_organization", {}, 1),
            (o, "list_roots", {}, 1),
            (self.management.account, "list_regions", {}, 5),
            (audit.iam, "list_roles", {}, 3),
            (audit.iam, "list_account_aliases", {}, 1),
            (self.enter("web-prod").iam, "list_server_certificates", {}, 1),
            (self.enter("ci-build").iam, "list_ssh_public_keys", {"UserName": user}, 1),
            (o, "list_delegated_services_for_account", {"AccountId": self.accounts["audit"]["Id"]}, 1),
            (self.management.budgets, "describe_budgets", {"AccountId": self.accounts["management"]["Id"]}, 1),
            (self.management.budgets, "describe_budget_notifications_for_account",
             {"AccountId": self.accounts["management"]["Id"]}, 1),
            (audit.iam, "list_virtual_mfa_devices", {}, 2),
            (audit.iam, "get_account_authorization_details", {}, 4),
            (audit.cloudtrail, "list_trails", {}, None),
            (audit.cloudtrail, "lookup_events", {"LookupAttributes": [
                {"AttributeKey": "EventName", "AttributeValue": "AssumeRole"}]}, 5),
            (audit.logs, "describe_log_groups", {}, 1),
            (audit.logs, "describe_metric_filters", {}, 1),
            (audit.logs, "filter_log_events", {"logGroupName": trail, "endTime": until}, 100),
            (audit.accessanalyzer, "list_analyzers", {}, 1),
            (audit.config, "describe_config_rules", {}, None),
            (audit.guardduty, "list_detectors", {}, 1),
            (self.enter("log-archive").s3, "list_buckets", {"Prefix": ""}, 1),
            (found.accessanalyzer, "list_findings_v2", {"analyzerArn": analyzer}, 1),
            (audit.sns, "list_topics", {}, None),
            (audit.sns, "list_subscriptions_by_topic", {"TopicArn": topic}, None),
        ] + [(audit.over(protocol).cloudwatch, "describe_alarms", {}, 5) for protocol in CLOUDWATCH_PROTOCOLS]:
            with self.subTest(operation):
                whole, parts = self.listed(client, operation, arguments, None), self.listed(client, operation, arguments, size)
                flat = [item for page in parts for item in page]
                self.assertTrue(flat)
                self.assertEqual(len(set(flat)), len(flat), "an item came twice")
                self.assertEqual(sorted(flat), sorted(item for page in whole for item in page))
                if size and len(flat) > size:
                    self.assertGreater(len(parts), 1)
                    self.assertLessEqual(max(len(page) for page in parts), size)

    def listed(self, client, operation, arguments, size):
        """The items of each page, as text."""
        paginator = client.get_paginator(operation)
        keys = [key.expression for key in paginator.result_keys]
        config = {"PageSize": size} if size else {}
        pages = paginator.paginate(**arguments, PaginationConfig=config)
        return [[json.dumps(item, default=str, sort_keys=True) for key in keys for item in page.get(key, [])] for page in pages]

    def test_7_errors_are_the_models(self):
        o, audit, sts = self.management.organizations, self.audit, self.management.sts
        role = f"arn:aws:iam::{self.accounts['audit']['Id']}:role/{self.sandbox.exports['ORGWARD_APPLY_ROLE_NAME']}"
        group = audit.logs.describe_log_groups()["logGroups"][0]["logGroupName"]
        topic = f"arn:aws:sns:{self.sandbox.region}:{self.accounts['audit']['Id']}:"
        here = self.accounts["audit"]["Id"]
        workload = audit.s3.list_buckets()["Buckets"][0]["Name"]
        analyzer = audit.accessanalyzer.list_analyzers()["analyzers"][0]["arn"]
        scp = {"Name": "x", "Description": "", "Type": "SERVICE_CONTROL_POLICY", "Content": json.dumps(DENY)}
        cases = [
            (o.describe_account, {"AccountId": "000000000000"}, "AccountNotFoundException"),
            (o.describe_account, {"AccountId": "x"}, "InvalidInputException"),
            (o.describe_account, {}, "InvalidInputException"),
            (o.describe_organizational_unit, {"OrganizationalUnitId": "ou-aaaa-aaaaaaaa"}, "OrganizationalUnitNotFoundException"),
            (o.list_accounts, {"NextToken": "garbage"}, "InvalidInputException"),
            (o.list_accounts, {"MaxResults": 21}, "InvalidInputException"),
            (o.list_accounts, {"MaxResults": "many"}, "InvalidInputException"),
            (o.list_accounts_for_parent, {"ParentId": "ou-aaaa-aaaaaaaa"}, "ParentNotFoundException"),
            (o.list_children, {"ParentId": self.root, "ChildType": "X"}, "InvalidInputException"),
            (o.list_parents, {"ChildId": "000000000000"}, "ChildNotFoundException"),
            (o.list_policies, {"Filter": "X"}, "InvalidInputException"),
            (o.list_policies, {}, "InvalidInputException"),
            (o.describe_policy, {"PolicyId": "p-aaaaaaaa"}, "PolicyNotFoundException"),
            (o.describe_policy, {"PolicyId": "x"}, "InvalidInputException"),
            (o.create_policy, {**scp, "Name": "page 0"}, "DuplicatePolicyException"),
            (o.create_policy, {**scp, "Name": "n" * 129}, "InvalidInputException"),
            (o.create_policy, {**scp, "Name": ""}, "InvalidInputException"),
            (o.create_policy, {**scp, "Description": "n" * 513}, "InvalidInputException"),
            (o.create_policy, {**scp, "Content": "{}"}, "MalformedPolicyDocumentException"),
            (o.create_policy, {**scp, "Content": "x" * 10_241}, "ConstraintViolationException"),
            (o.create_policy, {**scp, "Tags": [{"Key": "a", "Value": ""}] * 2}, "InvalidInputException"),
            (o.create_policy, {**scp, "Tags": [{"Key": "aws:a", "Value": ""}]}, "InvalidInputException"),
            (o.create_policy, {**scp, "Tags": [{"Key": "a" * 129, "Value": ""}]}, "InvalidInputException"),
            (o.update_policy, {"PolicyId": "p-FullAWSAccess", "Name": "x"}, "InvalidInputException"),
            (o.delete_policy, {"PolicyId": "p-FullAWSAccess"}, "InvalidInputException"),
            (o.attach_policy, {"PolicyId": "p-FullAWSAccess", "TargetId": "000000000000"}, "TargetNotFoundException"),
            (o.attach_policy, {"PolicyId": "p-FullAWSAccess", "TargetId": "x"}, "InvalidInputException"),
            (o.attach_policy, {"PolicyId": "p-FullAWSAccess", "TargetId": self.root}, "DuplicatePolicyAttachmentException"),
            (o.detach_policy, {"PolicyId": "p-FullAWSAccess", "TargetId": self.root}, "ConstraintViolationException"),
            (o.tag_resource, {"ResourceId": "x", "Tags": []}, "TargetNotFoundException"),
            (o.tag_resource, {"ResourceId": "p-FullAWSAccess", "Tags": []}, "InvalidInputException"),
            (o.tag_resource, {"ResourceId": self.root, "Tags": [{"Key": str(n), "Value": ""} for n in range(51)]},
             "ConstraintViolationException"),
            (o.enable_policy_type, {"RootId": self.root, "PolicyType": "TAG_POLICY"}, "PolicyTypeAlreadyEnabledException"),
            (o.enable_policy_type, {"RootId": "r-aaaa", "PolicyType": "TAG_POLICY"}, "RootNotFoundException"),
            (o.describe_resource_policy, {}, "ResourcePolicyNotFoundException"),
            (self.enter("web-prod").organizations.list_roots, {}, "AccessDeniedException"),
            (sts.assume_role, {"RoleArn": role, "RoleSessionName": "x"}, "ValidationError"),
            (sts.assume_role, {"RoleArn": role, "RoleSessionName": "xx"}, "AccessDenied"),
            (sts.assume_role, {"RoleArn": role, "RoleSessionName": "xx", "DurationSeconds": 5}, "ValidationError"),
            (sts.assume_role, {"RoleArn": role, "RoleSessionName": "xx", "Policy": "{}"}, "MalformedPolicyDocument"),
            (self.management.account.list_regions, {"AccountId": "000000000000"}, "AccessDeniedException"),
            (self.management.account.list_regions, {"MaxResults": 51}, "ValidationException"),
            (self.management.account.list_regions, {"NextToken": "x"}, "ValidationException"),
            (self.enter("dns").account.get_alternate_contact, {"AlternateContactType": "SECURITY"}, "ResourceNotFoundException"),
            (audit.account.get_alternate_contact, {"AlternateContactType": "LEGAL"}, "ValidationException"),
            (audit.account.get_contact_information, {"AccountId": "000000000000"}, "AccessDeniedException"),
            (self.management.budgets.describe_budgets, {"AccountId": here}, "AccessDeniedException"),
            (self.management.budgets.describe_budgets, {}, "InvalidParameterException"),
            (self.management.budgets.describe_budgets, {"AccountId": self.accounts["management"]["Id"], "NextToken": "x"},
             "InvalidNextTokenException"),
            (self.management.organizations.list_delegated_services_for_account, {"AccountId": self.accounts["dns"]["Id"]},
             "AccountNotRegisteredException"),
            (self.management.organizations.list_delegated_services_for_account, {"AccountId": "000000000000"},
             "AccountNotFoundException"),
            (audit.iam.list_ssh_public_keys, {"UserName": "none"}, "NoSuchEntity"),
            (audit.iam.list_service_specific_credentials, {"UserName": "none"}, "NoSuchEntity"),
            (audit.iam.list_service_specific_credentials, {"UserName": "none", "AllUsers": True}, "ValidationError"),
            (audit.iam.list_organizations_features, {}, "AccountNotManagementOrDelegatedAdministratorException"),
            (audit.iam.get_role, {"RoleName": "none"}, "NoSuchEntity"),
            (audit.iam.list_roles, {"Marker": "x"}, "ValidationError"),
            (audit.iam.list_roles, {"MaxItems": 1001}, "ValidationError"),
            (audit.iam.get_account_authorization_details, {"Filter": ["X"]}, "ValidationError"),
            (self.management.iam.simulate_custom_policy, {**SIMULATION, "ActionNames": ["iam:*"]}, "InvalidInput"),
            (self.management.iam.simulate_custom_policy, {**SIMULATION, "PolicyInputList": ["{}"]}, "InvalidInput"),
            (self.management.iam.simulate_custom_policy, {**SIMULATION, "ActionNames": []}, "ValidationError"),
            (audit.iam.update_account_password_policy, {"MinimumPasswordLength": 5}, "ValidationError"),
            (self.enter("mobile-dev").iam.get_account_password_policy, {}, "NoSuchEntity"),
            (self.enter("mobile-dev").iam.delete_account_password_policy, {}, "NoSuchEntity"),
            (audit.cloudtrail.get_trail_status, {"Name": "none"}, "TrailNotFoundException"),
            (audit.cloudtrail.get_event_selectors, {"TrailName": "none"}, "TrailNotFoundException"),
            (audit.cloudtrail.lookup_events, {"MaxResults": 51}, "InvalidMaxResultsException"),
            (audit.cloudtrail.lookup_events, {"NextToken": "x"}, "InvalidNextTokenException"),
            (audit.cloudtrail.lookup_events, {"LookupAttributes": [{"AttributeKey": "X", "AttributeValue": "y"}]},
             "InvalidLookupAttributesException"),
            (audit.cloudtrail.lookup_events, {"StartTime": 2e9, "EndTime": 1e9}, "InvalidTimeRangeException"),
            (audit.cloudtrail.list_trails, {"NextToken": "x"}, "ValidationException"),
            (audit.accessanalyzer.list_analyzers, {"type": "X"}, "ValidationException"),
            (audit.accessanalyzer.list_analyzers, {"nextToken": "x"}, "ValidationException"),
            (audit.accessanalyzer.list_findings_v2, {"analyzerArn": f"{analyzer}none"}, "ResourceNotFoundException"),
            (audit.accessanalyzer.list_findings_v2, {"analyzerArn": analyzer, "maxResults": 101}, "ValidationException"),
            (audit.accessanalyzer.list_findings_v2, {}, "ValidationException"),
            (audit.config.describe_configuration_recorders, {"ConfigurationRecorderNames": ["x"]},
             "NoSuchConfigurationRecorderException"),
            (audit.config.describe_configuration_recorder_status, {"ConfigurationRecorderNames": ["x"]},
             "NoSuchConfigurationRecorderException"),
            (audit.config.describe_config_rules, {"ConfigRuleNames": ["x"]}, "NoSuchConfigRuleException"),
            (audit.config.describe_config_rules, {"NextToken": "x"}, "InvalidNextTokenException"),
            (self.enter("sandbox-mei").securityhub.describe_hub, {}, "InvalidAccessException"),
            (audit.securityhub.describe_hub, {"HubArn": "x"}, "ResourceNotFoundException"),
            (audit.guardduty.get_detector, {"DetectorId": "x"}, "BadRequestException"),
            (audit.s3.get_bucket_acl, {"Bucket": "none-of-this-name"}, "NoSuchBucket"),
            (audit.s3.get_bucket_logging, {"Bucket": "none-of-this-name"}, "NoSuchBucket"),
            (audit.s3.get_bucket_policy_status, {"Bucket": workload}, "NoSuchBucketPolicy"),
            (audit.s3.get_bucket_acl, {"Bucket": workload, "ExpectedBucketOwner": "111122223333"}, "AccessDenied"),
            (self.enter("web-prod").s3.get_bucket_acl, {"Bucket": workload}, "AccessDenied"),
            (audit.s3.list_buckets, {"MaxBuckets": 0}, "InvalidArgument"),
            (audit.s3.list_buckets, {"ContinuationToken": "x"}, "InvalidArgument"),
            (self.enter("audit", "af-south-1").s3.list_buckets, {}, "InvalidAccessKeyId"),
            (audit.guardduty.list_detectors, {"MaxResults": 51}, "BadRequestException"),
            (audit.guardduty.list_detectors, {"NextToken": "x"}, "BadRequestException"),
            (self.enter("audit", "af-south-1").accessanalyzer.list_analyzers, {}, "UnrecognizedClientException"),
            (audit.logs.describe_log_groups, {"limit": 51}, "InvalidParameterException"),
            (audit.logs.describe_log_groups, {"nextToken": "x"}, "InvalidParameterException"),
            (audit.logs.describe_metric_filters, {"logGroupName": "none"}, "ResourceNotFoundException"),
            (audit.logs.put_metric_filter, {"logGroupName": "none", **FILTER}, "ResourceNotFoundException"),
            (audit.logs.put_metric_filter, {"logGroupName": group, **FILTER, "filterPattern": "{ $. }"}, "InvalidParameterException"),
            (audit.logs.put_metric_filter, {"logGroupName": group, **FILTER, "filterName": "a:b"}, "InvalidParameterException"),
            (audit.logs.delete_metric_filter, {"logGroupName": group, "filterName": "none"}, "ResourceNotFoundException"),
            (audit.logs.filter_log_events, {"logGroupName": "none"}, "ResourceNotFoundException"),
            (audit.sns.create_topic, {"Name": "a b"}, "InvalidParameter"),
            (audit.sns.create_topic, {"Name": "many", "Tags": [{"Key": "a", "Value": "b"}]}, "InvalidParameter"),
            (audit.sns.create_topic, {"Name": "t", "Tags": [{"Key": str(n), "Value": ""} for n in range(51)]}, "TagLimitExceeded"),
            (audit.sns.get_topic_attributes, {"TopicArn": topic + "none"}, "NotFound"),
            (audit.sns.get_topic_attributes, {"TopicArn": "none"}, "InvalidParameter"),
            (audit.sns.list_topics, {"NextToken": "x"}, "InvalidParameter"),
            (audit.sns.list_subscriptions_by_topic, {"TopicArn": topic + "none"}, "NotFound"),
            (audit.sns.subscribe, {"TopicArn": topic + "none", "Protocol": "email", "Endpoint": "a@b.example"}, "NotFound"),
            (audit.sns.subscribe, {"TopicArn": topic + "many", "Protocol": "pigeon", "Endpoint": "x"}, "InvalidParameter"),
            (audit.sns.subscribe, {"TopicArn": topic + "many", "Protocol": "email", "Endpoint": "x"}, "InvalidParameter"),
            (audit.sns.unsubscribe, {"SubscriptionArn": topic + "many:none"}, "NotFound"),
            (audit.sns.delete_topic, {"TopicArn": "arn:aws:sns:eu-central-1:111122223333:x"}, "AuthorizationError"),
            (audit.sns.tag_resource, {"ResourceArn": topic + "none", "Tags": []}, "ResourceNotFound"),
            (audit.sns.list_tags_for_resource, {"ResourceArn": topic + "none"}, "ResourceNotFound"),
        ]
        alarm = f"arn:aws:cloudwatch:{self.sandbox.region}:{here}:alarm:"
        for protocol in CLOUDWATCH_PROTOCOLS:
            c = audit.over(protocol).cloudwatch
            cases += [
                (c.describe_alarms, {"MaxRecords": 101}, "ValidationError"),
                (c.describe_alarms, {"NextToken": "x"}, "InvalidNextToken"),
                (c.describe_alarms, {"AlarmNames": ["a"], "AlarmNamePrefix": "b"}, "InvalidParameterCombination"),
                (c.put_metric_alarm, {**ALARM, "Namespace": ""}, "MissingParameter"),
                (c.put_metric_alarm, {**ALARM, "Statistic": "Most"}, "ValidationError"),
                (c.put_metric_alarm, {**ALARM, "Period": 45}, "ValidationError"),
                (c.put_metric_alarm, {**ALARM, "ExtendedStatistic": "p90"}, "InvalidParameterCombination"),
                (c.delete_alarms, {"AlarmNames": ["none"]}, "ResourceNotFound"),
                (c.delete_alarms, {}, "ValidationError"),
                (c.tag_resource, {"ResourceARN": alarm + "none", "Tags": []}, "ResourceNotFoundException"),
                (c.tag_resource, {"ResourceARN": alarm + f"page 0 {protocol}",
                                  "Tags": [{"Key": str(n), "Value": ""} for n in range(51)]}, "InvalidParameterValue"),
                (c.list_tags_for_resource, {"ResourceARN": alarm + "none"}, "ResourceNotFoundException"),
            ]
        for call, arguments, code in cases:
            with self.subTest(f"{call.__name__} {code}", arguments=str(arguments)[:200]):
                with self.assertRaises(botocore.exceptions.ClientError) as caught:
                    call(**arguments)
                self.assertEqual(caught.exception.response["Error"]["Code"], code)

    def test_7_wrong_credentials(self):
        for keys in ({"AccessKeyId": "AKIANOBODY", "SecretAccessKey": "x"}, {**self.audit.keys, "SessionToken": "x"}):
            nobody = Clients(self.sandbox.endpoint, keys, self.sandbox.region, self.judge)
            for call, code in [
                (nobody.organizations.list_roots, "UnrecognizedClientException"),
                (nobody.account.list_regions, "UnrecognizedClientException"),
                (nobody.accessanalyzer.list_analyzers, "UnrecognizedClientException"),
                (nobody.budgets.describe_budgets, "UnrecognizedClientException"),
                (nobody.config.describe_config_rules, "UnrecognizedClientException"),
                (nobody.securityhub.describe_hub, "UnrecognizedClientException"),
                (nobody.guardduty.list_detectors, "UnrecognizedClientException"),
                (nobody.s3.list_buckets, "InvalidAccessKeyId"),
                (nobody.cloudtrail.list_trails, "UnrecognizedClientException"),
                (nobody.logs.describe_log_groups, "UnrecognizedClientException"),
                (nobody.cloudwatch.describe_alarms, "UnrecognizedClientException"),
                (nobody.over("query").cloudwatch.describe_alarms, "InvalidClientTokenId"),
                (nobody.sts.get_caller_identity, "InvalidClientTokenId"),
                (nobody.iam.list_roles, "InvalidClientTokenId"),
                (nobody.sns.list_topics, "InvalidClientTokenId"),
            ]:
                with self.subTest(code), self.assertRaises(botocore.exceptions.ClientError) as caught:
                    call()
                self.assertEqual(caught.exception.response["Error"]["Code"], code)

    def test_7_a_read_only_session_may_not_write(self):
        allow = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iam:List*", "Resource": "*"}]}
        exports = self.sandbox.exports
        keys = self.management.sts.assume_role(
            RoleArn=f"arn:aws:iam::{self.accounts['audit']['Id']}:role/{exports['ORGWARD_APPLY_ROLE_NAME']}", RoleSessionName="read",
            ExternalId=exports["ORGWARD_APPLY_EXTERNAL_ID"], Policy=json.dumps(allow))["Credentials"]
        c = Clients(self.sandbox.endpoint, keys, self.sandbox.region, self.judge)
        c.iam.list_roles()
        for call, code in [
            (c.iam.get_account_summary, "AccessDenied"), (c.organizations.describe_organization, "AccessDeniedException"),
            (c.cloudtrail.describe_trails, "AccessDeniedException"), (c.logs.describe_log_groups, "AccessDeniedException"),
            (c.cloudwatch.describe_alarms, "AccessDenied"), (c.over("query").cloudwatch.describe_alarms, "AccessDenied"),
            (c.over("json").cloudwatch.describe_alarms, "AccessDenied"),
            (c.accessanalyzer.list_analyzers, "AccessDeniedException"), (c.config.describe_config_rules, "AccessDeniedException"),
            (c.securityhub.describe_hub, "AccessDeniedException"), (c.guardduty.list_detectors, "AccessDeniedException"),
            (c.s3.list_buckets, "AccessDenied"),
            (c.sns.list_topics, "AuthorizationError"), (c.account.list_regions, "AccessDeniedException"),
            (partial(c.budgets.describe_budgets, AccountId=self.accounts["audit"]["Id"]), "AccessDeniedException"),
            (c.sts.get_caller_identity, "OK"),
        ]:
            try:
                call()
                self.assertEqual(code, "OK")
            except botocore.exceptions.ClientError as error:
                self.assertEqual(error.response["Error"]["Code"], code)

    def test_8_the_credential_report(self):
        self.assertEqual(self.audit.iam.generate_credential_report()["State"], "COMPLETE")
        rows = self.audit.iam.get_credential_report()["Content"].decode().splitlines()
        self.assertEqual({row.count(",") for row in rows}, {22})
        self.assertTrue(rows[1].startswith("<root_account>,"))

    def test_8_the_sandbox_agrees_with_moto(self):
        ours, theirs = self.ours.result(), self.theirs.result()
        print(f"{len(ours)} steps, {len(KNOWN)} known differences")
        lines = story.compare(theirs, ours)
        self.assertEqual(lines, [], "\n" + "\n".join(lines))

    def test_7_throttling_is_the_models(self):
        throttled = Sandbox(ORGWARD, *[f"--fault={service}=throttle:0.5" for service in sorted({s for s, _ in implemented(SERVICES)})])
        self.addCleanup(throttled.stop)
        judge = Judge()
        c = Clients(throttled.endpoint, throttled.keys, throttled.region, judge)
        calls = [
            c.organizations.list_roots, c.sts.get_caller_identity, c.account.list_regions, c.iam.list_roles,
            c.cloudtrail.describe_trails, c.logs.describe_log_groups, c.sns.list_topics, c.accessanalyzer.list_analyzers,
            partial(c.budgets.describe_budgets, AccountId=self.accounts["management"]["Id"]),
            c.config.describe_config_rules, c.securityhub.describe_hub, c.guardduty.list_detectors,
            c.s3.list_buckets,
            *[c.over(protocol).cloudwatch.describe_alarms for protocol in CLOUDWATCH_PROTOCOLS],
        ]
        for _ in range(40):
            for call in calls:
                call()
            if len(judge.refused) == len(calls):
                break
        self.assertEqual(len(judge.refused), len(calls))
        self.assertEqual(judge.problems, [])

    def test_9_nothing_was_left_out_and_every_answer_was_right(self):
        called = {(service, operation) for service, operation, _ in self.judge.answered}
        self.assertEqual(implemented(SERVICES) - called, set(), "operations without an answer")
        alarms = {(operation, protocol) for service, operation, protocol in self.judge.answered if service == "cloudwatch"}
        wanted = {(operation, p) for service, operation in called if service == "cloudwatch" for p in CLOUDWATCH_PROTOCOLS}
        self.assertEqual(wanted - alarms, set())
        self.assertEqual(self.judge.problems, [], "\n" + "\n".join(self.judge.problems))
        answers = sum(self.judge.answered.values())
        print(f"{len(called)} operations, {answers} answers and {len(self.judge.refused)} kinds of refusal held against the models")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
