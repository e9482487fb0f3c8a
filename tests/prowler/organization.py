"""The organization that both tools look at: two accounts in moto, made by boto3 from one seed, each with its own troubles.

Owns: what is there. Must not: know what either tool says of it.
"""

import json
import random
import urllib.request

import boto3

SEED = 20
REGION = "us-east-1"
MANAGEMENT = "123456789012"
AUDIT_ID = "prowler-audit-id"
ROLE = "OrgwardAudit"
LOG_GROUP = "trail"
ROOT_USE = '{ $.userIdentity.type = "Root" && $.userIdentity.invokedBy NOT EXISTS && $.eventType != "AwsServiceEvent" }'
TRAIL_CHANGES = (
    "{ ($.eventName = CreateTrail) || ($.eventName = UpdateTrail) || ($.eventName = DeleteTrail) || "
    "($.eventName = StartLogging) || ($.eventName = StopLogging) }"
)
VPC_CHANGES = (
    "{ ($.eventName = CreateVpc) || ($.eventName = DeleteVpc) || ($.eventName = ModifyVpcAttribute) || "
    "($.eventName = AcceptVpcPeeringConnection) || ($.eventName = CreateVpcPeeringConnection) || "
    "($.eventName = DeleteVpcPeeringConnection) || ($.eventName = RejectVpcPeeringConnection) || "
    "($.eventName = AttachClassicLinkVpc) || ($.eventName = DetachClassicLinkVpc) || "
    "($.eventName = DisableVpcClassicLink) || ($.eventName = EnableVpcClassicLink) }"
)


def document(action, resource="*"):
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": resource}]})


def trust(principal, external_id=None):
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    if external_id:
        statement["Condition"] = {"StringEquals": {"sts:ExternalId": external_id}}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


class Organization:
    """Made on construction; `accounts` holds the id and credentials of each by name."""

    def __init__(self, endpoint):
        self.endpoint = endpoint
        self.dice = random.Random(SEED)
        urllib.request.urlopen(urllib.request.Request(f"{endpoint}/moto-api/seed?a={SEED}", method="POST"))
        keys = {"AccessKeyId": "AKIAWITNESS", "SecretAccessKey": "secret"}
        organizations = self.client("organizations", keys)
        organizations.create_organization(FeatureSet="ALL")
        root = organizations.list_roots()["Roots"][0]["Id"]
        organizations.enable_policy_type(RootId=root, PolicyType="SERVICE_CONTROL_POLICY")
        member = organizations.create_account(AccountName="member", Email="member@example.com")
        member = member["CreateAccountStatus"]["AccountId"]
        arn = f"arn:aws:iam::{member}:role/OrganizationAccountAccessRole"
        entered = self.client("sts", keys).assume_role(RoleArn=arn, RoleSessionName="seed")["Credentials"]
        self.accounts = {"management": (MANAGEMENT, keys), "member": (member, entered)}
        self.management(keys)
        self.member(entered)

    def client(self, service, keys):
        return boto3.client(
            service, region_name=REGION, endpoint_url=self.endpoint, aws_access_key_id=keys["AccessKeyId"],
            aws_secret_access_key=keys["SecretAccessKey"], aws_session_token=keys.get("SessionToken"),
        )

    def user(self, iam, name, password=False, mfa=False, keys=0):
        iam.create_user(UserName=name)
        if password:
            iam.create_login_profile(UserName=name, Password=f"Correct-horse-{self.dice.randrange(100, 1000)}")
        if mfa:
            serial = iam.create_virtual_mfa_device(VirtualMFADeviceName=name)["VirtualMFADevice"]["SerialNumber"]
            iam.enable_mfa_device(
                UserName=name, SerialNumber=serial, AuthenticationCode1="123456", AuthenticationCode2="654321"
            )
        for _ in range(keys):
            iam.create_access_key(UserName=name)

    def management(self, keys):
        """Mostly in order: a trail with its alarms, a strong password policy, MFA; one alarm tells nobody."""
        iam = self.client("iam", keys)
        iam.update_account_password_policy(
            MinimumPasswordLength=16, PasswordReusePrevention=24, RequireSymbols=True, RequireNumbers=True,
            RequireUppercaseCharacters=True, RequireLowercaseCharacters=True, MaxPasswordAge=90,
        )
        self.user(iam, "careful", password=True, mfa=True)
        iam.create_group(GroupName="readers")
        iam.add_user_to_group(GroupName="readers", UserName="careful")
        arn = iam.create_policy(PolicyName="read", PolicyDocument=document(["s3:GetObject"]))["Policy"]["Arn"]
        iam.attach_group_policy(GroupName="readers", PolicyArn=arn)
        support = iam.create_role(RoleName="support", AssumeRolePolicyDocument=trust({"AWS": f"arn:aws:iam::{MANAGEMENT}:root"}))
        iam.attach_role_policy(RoleName=support["Role"]["RoleName"], PolicyArn="arn:aws:iam::aws:policy/AWSSupportAccess")
        bucket = "trail-of-management"
        self.client("s3", keys).create_bucket(Bucket=bucket)
        logs = self.client("logs", keys)
        logs.create_log_group(logGroupName=LOG_GROUP)
        group = logs.describe_log_groups(logGroupNamePrefix=LOG_GROUP)["logGroups"][0]["arn"]
        cloudtrail = self.client("cloudtrail", keys)
        cloudtrail.create_trail(
            Name="management", S3BucketName=bucket, IsMultiRegionTrail=True, EnableLogFileValidation=True,
            CloudWatchLogsLogGroupArn=group, CloudWatchLogsRoleArn=f"arn:aws:iam::{MANAGEMENT}:role/trail",
        )
        cloudtrail.start_logging(Name="management")
        selector = {"ReadWriteType": "All", "IncludeManagementEvents": True, "DataResources": []}
        cloudtrail.put_event_selectors(TrailName="management", EventSelectors=[selector])
        heard, unheard = self.topic(keys, "heard", confirmed=True), self.topic(keys, "unheard", confirmed=False)
        self.alarm(keys, "root-use", ROOT_USE, heard)
        self.alarm(keys, "trail-changes", TRAIL_CHANGES, unheard)
        self.alarm(keys, "vpc-changes", VPC_CHANGES, heard)

    def topic(self, keys, name, confirmed):
        sns = self.client("sns", keys)
        arn = sns.create_topic(Name=name)["TopicArn"]
        if confirmed:
            sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=f"arn:aws:sqs:{REGION}:{MANAGEMENT}:alarms")
        return arn

    def alarm(self, keys, name, pattern, topic):
        metric = {"metricName": name, "metricNamespace": "Trail", "metricValue": "1"}
        self.client("logs", keys).put_metric_filter(
            logGroupName=LOG_GROUP, filterName=name, filterPattern=pattern, metricTransformations=[metric]
        )
        self.client("cloudwatch", keys).put_metric_alarm(
            AlarmName=name, MetricName=name, Namespace="Trail", Statistic="Sum", Period=300, EvaluationPeriods=1,
            Threshold=1, ComparisonOperator="GreaterThanOrEqualToThreshold", AlarmActions=[topic],
        )

    def member(self, keys):
        """Mostly not in order: no trail, a weak password policy, a user with everything and one with two keys."""
        iam = self.client("iam", keys)
        iam.create_role(
            RoleName=ROLE, AssumeRolePolicyDocument=trust({"AWS": f"arn:aws:iam::{MANAGEMENT}:root"}, AUDIT_ID)
        )
        iam.update_account_password_policy(MinimumPasswordLength=8)
        self.user(iam, "bare", password=True, keys=1)
        self.user(iam, "busy", keys=2)
        iam.attach_user_policy(UserName="busy", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
        arn = iam.create_policy(PolicyName="everything", PolicyDocument=document("*"))["Policy"]["Arn"]
        iam.create_role(RoleName="mighty", AssumeRolePolicyDocument=trust({"Service": "ec2.amazonaws.com"}))
        iam.attach_role_policy(RoleName="mighty", PolicyArn=arn)
        iam.create_group(GroupName="shells")
        iam.attach_group_policy(GroupName="shells", PolicyArn="arn:aws:iam::aws:policy/AWSCloudShellFullAccess")
