"""Seeds an organization in moto with boto3, runs orgward's binary on it, and compares with what boto3 reads back.

Usage: witness.py ENDPOINT ORGWARD. Every expectation is computed here, from boto3's answers, by code that shares nothing
with orgward.
"""

import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import boto3

REGION = "us-east-1"
AUDIT_ID, APPLY_ID = "moto-audit-id", "moto-apply-id"
LOG_GROUP = "organization-trail"
DENY_LEAVE = "orgward-deny-leave-organization"
ENDPOINT, ORGWARD = sys.argv[1], sys.argv[2]


def client(service, credentials=None):
    credentials = credentials or {"AccessKeyId": "AKIAWITNESS", "SecretAccessKey": "secret"}
    return boto3.client(
        service, region_name=REGION, endpoint_url=ENDPOINT, aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"], aws_session_token=credentials.get("SessionToken"),
    )


def trust(external_id):
    statement = {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::123456789012:root"}, "Action": "sts:AssumeRole",
                 "Condition": {"StringEquals": {"sts:ExternalId": external_id}}}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


class Organization:
    """Four members in two OUs, each with its own troubles, and an organization trail without an alarm."""

    def __init__(self):
        organizations = client("organizations")
        self.id = organizations.create_organization(FeatureSet="ALL")["Organization"]["Id"]
        root = organizations.list_roots()["Roots"][0]["Id"]
        organizations.enable_policy_type(RootId=root, PolicyType="SERVICE_CONTROL_POLICY")
        ou = lambda name, parent: organizations.create_organizational_unit(ParentId=parent, Name=name)["OrganizationalUnit"]["Id"]
        self.workloads = ou("Workloads", root)
        self.prod = ou("Prod", self.workloads)
        self.members = {}
        for name, parent in [("shop", self.prod), ("pay", self.prod), ("lab", self.workloads), ("broken", root)]:
            status = organizations.create_account(AccountName=name, Email=f"{name}@example.com")["CreateAccountStatus"]
            account = status["AccountId"]
            organizations.move_account(AccountId=account, SourceParentId=root, DestinationParentId=parent) if parent != root else None
            self.members[name] = account
        for name, account in self.members.items():
            self.seed_member(name, account)
        self.seed_management()

    def enter(self, account, role="OrganizationAccountAccessRole", external_id=None):
        # moto creates this role in accounts it creates.
        extra = {"ExternalId": external_id} if external_id else {}
        arn = f"arn:aws:iam::{account}:role/{role}"
        return client("sts").assume_role(RoleArn=arn, RoleSessionName="witness", **extra)["Credentials"]

    def iam(self, name):
        return client("iam", self.enter(self.members[name]))

    def seed_member(self, name, account):
        iam = self.iam(name)
        iam.create_role(RoleName="OrgwardAudit", AssumeRolePolicyDocument=trust("another" if name == "broken" else AUDIT_ID))
        iam.create_role(RoleName="OrgwardApply", AssumeRolePolicyDocument=trust(APPLY_ID))
        if name == "shop":
            iam.update_account_password_policy(MinimumPasswordLength=16, PasswordReusePrevention=24, RequireSymbols=True)
        if name == "pay":
            iam.update_account_password_policy(MinimumPasswordLength=8)
            iam.create_user(UserName="clerk")
            iam.create_login_profile(UserName="clerk", Password="Correct-horse-9")
            iam.create_access_key(UserName="clerk")
        if name == "lab":
            document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
            arn = iam.create_policy(PolicyName="everything", PolicyDocument=json.dumps(document))["Policy"]["Arn"]
            iam.create_role(RoleName="mighty", AssumeRolePolicyDocument=trust("x"))
            iam.attach_role_policy(RoleName="mighty", PolicyArn=arn)

    def seed_management(self):
        client("s3").create_bucket(Bucket="organization-trail")
        group = client("logs")
        group.create_log_group(logGroupName=LOG_GROUP)
        arn = group.describe_log_groups(logGroupNamePrefix=LOG_GROUP)["logGroups"][0]["arn"]
        trail = client("cloudtrail")
        trail.create_trail(
            Name="organization", S3BucketName="organization-trail", IsMultiRegionTrail=True, IsOrganizationTrail=True,
            EnableLogFileValidation=True, CloudWatchLogsLogGroupArn=arn, CloudWatchLogsRoleArn="arn:aws:iam::123456789012:role/trail",
        )
        trail.start_logging(Name="organization")
        selector = {"ReadWriteType": "All", "IncludeManagementEvents": True, "DataResources": []}
        trail.put_event_selectors(TrailName="organization", EventSelectors=[selector])


def orgward(*arguments, expect=0):
    environment = {
        "PATH": os.environ["PATH"], "HOME": STATE.name, "AWS_ENDPOINT_URL": ENDPOINT, "AWS_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "AKIAWITNESS", "AWS_SECRET_ACCESS_KEY": "secret", "ORGWARD_STATE_DIR": STATE.name,
        "ORGWARD_EXTERNAL_ID": AUDIT_ID, "ORGWARD_APPLY_EXTERNAL_ID": APPLY_ID, "ORGWARD_APPLY_ROLE_NAME": "OrgwardApply",
        "CI": "true",
    }
    run = subprocess.run([ORGWARD, *arguments], env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=300)
    if run.returncode != expect:
        raise AssertionError(f"orgward {arguments} ended with {run.returncode}, not {expect}\n{run.stdout}\n{run.stderr}")
    return run


STATE = tempfile.TemporaryDirectory()


class Witness(unittest.TestCase):
    """One story, told in order: the names sort."""

    @classmethod
    def setUpClass(cls):
        cls.org = Organization()
        cls.working = ["shop", "pay", "lab"]

    def audit(self, expect):
        return json.loads(orgward("audit", "--format", "json", "--quiet", expect=expect).stdout)

    def verdicts(self, report, check):
        found = {}
        for row in report["findings"]:
            if row["check"] == check:
                found.setdefault(row["account"], set()).add(row["verdict"])
        return found

    def test_1_the_tree_is_what_boto3_lists(self):
        tree = orgward("org").stdout
        for account in client("organizations").list_accounts()["Accounts"]:
            self.assertIn(f"{account['Id']} {account['Name']}", tree)
        for ou in (self.org.workloads, self.org.prod):
            self.assertIn(ou, tree)

    def test_2_the_audit_agrees_with_boto3(self):
        report = self.audit(expect=4)
        lengths = self.verdicts(report, "password-policy-length")
        reuse = self.verdicts(report, "password-policy-reuse")
        for name in self.working:
            iam = self.org.iam(name)
            try:
                policy = iam.get_account_password_policy()["PasswordPolicy"]
            except iam.exceptions.NoSuchEntityException:
                policy = {}
            account = self.org.members[name]
            self.assertEqual(lengths[account], {"pass" if policy.get("MinimumPasswordLength", 0) >= 14 else "fail"}, name)
            self.assertEqual(reuse[account], {"pass" if policy.get("PasswordReusePrevention", 0) >= 24 else "fail"}, name)

    def test_3_users_and_policies_agree_with_boto3(self):
        report = self.audit(expect=4)
        mfa, star = self.verdicts(report, "user-mfa"), self.verdicts(report, "policy-admin-star")
        for name in self.working:
            iam = self.org.iam(name)
            bare = False
            for user in iam.list_users()["Users"]:
                try:
                    iam.get_login_profile(UserName=user["UserName"])
                except iam.exceptions.NoSuchEntityException:
                    continue
                bare |= not iam.list_mfa_devices(UserName=user["UserName"])["MFADevices"]
            account = self.org.members[name]
            self.assertNotIn("fail" if not bare else "pass", mfa[account], name)
            mighty = False
            for policy in iam.list_policies(Scope="Local")["Policies"]:
                version = iam.get_policy_version(PolicyArn=policy["Arn"], VersionId=policy["DefaultVersionId"])
                for statement in version["PolicyVersion"]["Document"]["Statement"]:
                    mighty |= statement == {"Effect": "Allow", "Action": "*", "Resource": "*"}
            self.assertEqual(star[account], {"fail" if mighty else "pass"}, name)

    def test_4_a_wrong_external_id_is_a_row_not_an_exception(self):
        report = self.audit(expect=4)
        broken = self.org.members["broken"]
        rows = [row for row in report["findings"] if row["account"] == broken and row["check"].startswith("password-policy")]
        self.assertTrue(rows)
        for row in rows:
            self.assertEqual((row["verdict"], row["cause"]["kind"]), ("unknown", "assume_role_denied"))
        self.assertNotIn(AUDIT_ID, json.dumps(report))

    def playbooks(self):
        return [
            "cis-password-policy", "deny-leave-organization", "root-usage-alarm",
            "--set", f"targets={self.org.workloads}", "--set", "endpoint=security@example.com",
            "--exclude-account", self.org.members["broken"],
        ]

    def test_5_a_plan_changes_nothing(self):
        before = self.state()
        orgward("plan", *self.playbooks(), "--detailed-exitcode", expect=5)
        orgward("apply", *self.playbooks(), "--dry-run")
        self.assertEqual(before, self.state())

    def test_6_apply_does_what_the_plan_says(self):
        with tempfile.TemporaryDirectory() as folder:
            plan = str(Path(folder) / "plan.json")
            orgward("plan", *self.playbooks(), "--out", plan)
            orgward("apply", plan, "--yes")
        organizations = client("organizations")
        policies = organizations.list_policies(Filter="SERVICE_CONTROL_POLICY")["Policies"]
        ours = next(policy for policy in policies if policy["Name"] == DENY_LEAVE)
        content = json.loads(organizations.describe_policy(PolicyId=ours["Id"])["Policy"]["Content"])
        self.assertEqual([s["Effect"] for s in content["Statement"]], ["Deny"])
        self.assertIn("organizations:LeaveOrganization", json.dumps(content))
        targets = organizations.list_targets_for_policy(PolicyId=ours["Id"])["Targets"]
        self.assertEqual([target["TargetId"] for target in targets], [self.org.workloads])
        for name in self.working:
            policy = self.org.iam(name).get_account_password_policy()["PasswordPolicy"]
            self.assertGreaterEqual(policy["MinimumPasswordLength"], 14, name)
            self.assertEqual(policy["PasswordReusePrevention"], 24, name)
        kept = self.org.iam("shop").get_account_password_policy()["PasswordPolicy"]
        self.assertEqual((kept["MinimumPasswordLength"], kept["RequireSymbols"]), (16, True), "a stronger live setting is kept")
        filters = client("logs").describe_metric_filters(logGroupName=LOG_GROUP)["metricFilters"]
        self.assertEqual(len(filters), 1)
        metric = filters[0]["metricTransformations"][0]
        alarm = client("cloudwatch").describe_alarms()["MetricAlarms"][0]
        self.assertEqual((alarm["Namespace"], alarm["MetricName"]), (metric["metricNamespace"], metric["metricName"]))
        topic = alarm["AlarmActions"][0]
        subscriptions = client("sns").list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
        self.assertEqual([s["Endpoint"] for s in subscriptions], ["security@example.com"])

    def test_7_a_second_plan_is_empty(self):
        run = orgward("plan", *self.playbooks(), "--detailed-exitcode", expect=0)
        self.assertIn("0 to create, 0 to update, 0 to delete", run.stdout)

    def test_8_the_audit_sees_the_difference(self):
        report = self.audit(expect=4)
        for check in ("password-policy-length", "password-policy-reuse"):
            verdicts = self.verdicts(report, check)
            for name in self.working:
                self.assertEqual(verdicts[self.org.members[name]], {"pass"}, (check, name))

    def state(self):
        """What boto3 sees of everything a playbook could touch."""
        seen = {"policies": client("organizations").list_policies(Filter="SERVICE_CONTROL_POLICY")["Policies"]}
        seen["filters"] = client("logs").describe_metric_filters(logGroupName=LOG_GROUP)["metricFilters"]
        seen["alarms"] = client("cloudwatch").describe_alarms()["MetricAlarms"]
        seen["topics"] = client("sns").list_topics()["Topics"]
        for name in self.working:
            iam = self.org.iam(name)
            try:
                seen[name] = iam.get_account_password_policy()["PasswordPolicy"]
            except iam.exceptions.NoSuchEntityException:
                seen[name] = None
        return seen


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
