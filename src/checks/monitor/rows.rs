//! The table: events that someone has to be told of, and a pattern that does it.
//!
//! Owns: words, event names and patterns; the names are those of the monitoring section of the CIS AWS Foundations Benchmark
//! (1.4 to 7.0) and of the practice guides. Must not: hold code.

use super::{Row, What, made};
use crate::model::check::Severity;

/// The table, in the order of reports.
pub(super) const ROWS: &[Row] = &[
    Row {
        id: "monitor-unauthorized-calls",
        title: "Someone is told of calls that were denied",
        severity: Severity::Medium,
        rationale: "A burst of denials is someone trying doors: stolen keys are first tried on what they may not do. The \
            published text up to CIS v3.0 joins its exceptions with ||, which matches nearly every event; group them \
            with &&.",
        cli: "aws logs put-metric-filter --log-group-name <log group> --filter-name orgward-unauthorized-calls \
            --filter-pattern '{ (($.errorCode = \"*UnauthorizedOperation\") || ($.errorCode = \"AccessDenied*\")) && \
            ($.sourceIPAddress != \"delivery.logs.amazonaws.com\") && ($.eventName != \"HeadBucket\") }' \
            --metric-transformations metricName=UnauthorizedCalls,metricNamespace=orgward,metricValue=1\n\
            # then an alarm on that metric and a subscription, as in\n\
            orgward checks explain root-usage-alarm",
        playbook: Some("cis-monitoring"),
        what: What::Made(made::unauthorized),
    },
    Row {
        id: "monitor-console-no-mfa",
        title: "Someone is told of console sign-ins without MFA",
        severity: Severity::Medium,
        rationale: "A password alone opened the console. Sign-ins by single sign-on do MFA elsewhere and are spared here: \
            they show as MFAUsed No as well.",
        cli: "aws logs put-metric-filter --log-group-name <log group> --filter-name orgward-console-no-mfa \
            --filter-pattern '{ ($.eventName = \"ConsoleLogin\") && ($.additionalEventData.MFAUsed != \"Yes\") && \
            ($.userIdentity.type = \"IAMUser\") && ($.responseElements.ConsoleLogin = \"Success\") }' \
            --metric-transformations metricName=ConsoleNoMfa,metricNamespace=orgward,metricValue=1\n\
            # then an alarm on that metric and a subscription, as in\n\
            orgward checks explain root-usage-alarm",
        playbook: Some("cis-monitoring"),
        what: What::Made(made::console_no_mfa),
    },
    Row {
        id: "monitor-root-usage",
        title: "Someone is told of any use of the root user",
        severity: Severity::Medium,
        rationale: "The root user should never act, so each act deserves a look within minutes. The same question as \
            root-usage-alarm, asked here with the other events of the monitoring section.",
        cli: "aws logs put-metric-filter --log-group-name <log group> --filter-name orgward-root-usage --filter-pattern \
            '{ ($.userIdentity.type = \"Root\") && ($.userIdentity.invokedBy NOT EXISTS) && ($.eventType != \
            \"AwsServiceEvent\") }' --metric-transformations \
            metricName=RootUsage,metricNamespace=orgward,metricValue=1\n\
            # then an alarm on that metric and a subscription, as in\n\
            orgward checks explain root-usage-alarm",
        playbook: Some("root-usage-alarm"),
        what: What::Made(made::root_usage),
    },
    Row {
        id: "monitor-iam-changes",
        title: "Someone is told of changes of IAM policies",
        severity: Severity::Medium,
        rationale: "Whoever gets in gives themselves more first. Each way to change what a user, group or role may do has \
            to be caught.",
        cli: "aws logs put-metric-filter --log-group-name <log group> --filter-name orgward-iam-changes --filter-pattern \
            '{ ($.eventSource = \"iam.amazonaws.com\") && (($.eventName = \"DeleteGroupPolicy\") || ($.eventName = \
            \"DeleteRolePolicy\") || ($.eventName = \"DeleteUserPolicy\") || ($.eventName = \"PutGroupPolicy\") || \
            ($.eventName = \"PutRolePolicy\") || ($.eventName = \"PutUserPolicy\") || ($.eventName = \
            \"CreatePolicy\") || ($.eventName = \"DeletePolicy\") || ($.eventName = \"CreatePolicyVersion\") || \
            ($.eventName = \"DeletePolicyVersion\") || ($.eventName = \"AttachRolePolicy\") || ($.eventName = \
            \"DetachRolePolicy\") || ($.eventName = \"AttachUserPolicy\") || ($.eventName = \"DetachUserPolicy\") || \
            ($.eventName = \"AttachGroupPolicy\") || ($.eventName = \"DetachGroupPolicy\")) }' \
            --metric-transformations metricName=IamChanges,metricNamespace=orgward,metricValue=1\n\
            # then an alarm on that metric and a subscription, as in\n\
            orgward checks explain root-usage-alarm",
        playbook: Some("cis-monitoring"),
        what: What::Calls(
            "iam.amazonaws.com",
            &[
                "DeleteGroupPolicy",
                "DeleteRolePolicy",
                "DeleteUserPolicy",
                "PutGroupPolicy",
                "PutRolePolicy",
                "PutUserPolicy",
                "CreatePolicy",
                "DeletePolicy",
                "CreatePolicyVersion",
                "DeletePolicyVersion",
                "AttachRolePolicy",
                "DetachRolePolicy",
                "AttachUserPolicy",
                "DetachUserPolicy",
                "AttachGroupPolicy",
                "DetachGroupPolicy",
            ],
        ),
    },
    Row {
        id: "monitor-trail-changes",
        title: "Someone is told of changes of trails",
        severity: Severity::High,
        rationale: "Who wants to stay unseen stops or narrows the trail first; that event is the last one the trail is sure \
            to record.",
        cli: "aws logs put-metric-filter --log-group-name <log group> --filter-name orgward-trail-changes \
            --filter-pattern '{ ($.eventSource = \"cloudtrail.amazonaws.com\") && (($.eventName = \"CreateTrail\") \
            || ($.eventName = \"UpdateTrail\") || ($.eventName = \"DeleteTrail\") || ($.eventName = \
            \"StartLogging\") || ($.eventName = \"StopLogging\")) }' --metric-transformations \
            metricName=TrailChanges,metricNamespace=orgward,metricValue=1\n\
            # then an alarm on that metric and a subscription, as in\n\
            orgward checks explain root-usage-alarm",
        playbook: Some("cis-monitoring"),
        what: What::Calls(
            "cloudtrail.amazonaws.com",
            &["CreateTrail", "UpdateTrail", "DeleteTrail", "StartLogging", "StopLogging"],
        ),
    },
    Row {
        id: "monitor-console-failures",
        title: "Someone is told of failed console sign-ins",
        severity: Severity::Low,
        rationale: "Many failures in a row are someone guessing passwords.",
        cli: "aws logs put-metric-filter --log-group-name <log group> --filter-name orgward-console-failures \
            --filter-pattern '{ ($.eventName = \"ConsoleLogin\") && ($.errorMessage = \"Failed authentication\") }' \
            --metric-transformations metricName=ConsoleFailures,metricNamespace=orgward,metricValue=1\n\
            # then an alarm on that metric and a subscription, as in\n\
            orgward checks explain root-usage-alarm",
        playbook: Some("cis-monitoring"),
        what: What::Made(made::console_failures),
    },
    Row {
        id: "monitor-kms-deletion",
        title: "Someone is told of KMS keys disabled or on the way to deletion",
        severity: Severity::Medium,
        rationale: "What a deleted key encrypted is gone. A deletion waits 7 days or more, in which it can be taken back, \
            if someone hears of it. A trail that leaves out events of KMS tells nobody.",
        cli: "aws logs put-metric-filter --log-group-name <log group> --filter-name orgward-kms-deletion --filter-pattern \
            '{ ($.eventSource = \"kms.amazonaws.com\") && (($.eventName = \"DisableKey\") || ($.eventName = \
            \"ScheduleKeyDeletion\")) }' --metric-transformations \
            metricName=KmsDeletion,metricNamespace=orgward,metricValue=1\n\
            # then an alarm on that metric and a subscription, as in\n\
            orgward checks explain root-usage-alarm",
        playbook: Some("cis-monitoring"),
        what: What::Calls("kms.amazonaws.com", &["DisableKey", "ScheduleKeyDeletion"]),
    },
    Row {
        id: "monitor-bucket-policy",
        title: "Someone is told of changes of bucket policies and ACLs",
        severity: Severity::Medium,
        rationale: "One call can open a bucket to the world, or send a copy of all that is in it elsewhere.",
        cli: "aws logs put-metric-filter --log-group-name <log group> --filter-name orgward-bucket-policy \
            --filter-pattern '{ ($.eventSource = \"s3.amazonaws.com\") && (($.eventName = \"PutBucketAcl\") || \
            ($.eventName = \"PutBucketPolicy\") || ($.eventName = \"PutBucketCors\") || ($.eventName = \
            \"PutBucketLifecycle\") || ($.eventName = \"PutBucketReplication\") || ($.eventName = \
            \"DeleteBucketPolicy\") || ($.eventName = \"DeleteBucketCors\") || ($.eventName = \
            \"DeleteBucketLifecycle\") || ($.eventName = \"DeleteBucketReplication\")) }' --metric-transformations \
            metricName=BucketPolicy,metricNamespace=orgward,metricValue=1\n\
            # then an alarm on that metric and a subscription, as in\n\
            orgward checks explain root-usage-alarm",
        playbook: Some("cis-monitoring"),
        what: What::Calls(
            "s3.amazonaws.com",
            &[
                "PutBucketAcl",
                "PutBucketPolicy",
                "PutBucketCors",
                "PutBucketLifecycle",
                "PutBucketReplication",
                "DeleteBucketPolicy",
                "DeleteBucketCors",
                "DeleteBucketLifecycle",
                "DeleteBucketReplication",
            ],
        ),
    },
    Row {
        id: "monitor-config-changes",
        title: "Someone is told of changes of AWS Config",
        severity: Severity::Low,
        rationale: "A stopped recorder or a removed delivery channel hides every later change of a resource.",
        cli: "aws logs put-metric-filter --log-group-name <log group> --filter-name orgward-config-changes \
            --filter-pattern '{ ($.eventSource = \"config.amazonaws.com\") && (($.eventName = \
            \"StopConfigurationRecorder\") || ($.eventName = \"DeleteDeliveryChannel\") || ($.eventName = \
            \"PutDeliveryChannel\") || ($.eventName = \"PutConfigurationRecorder\")) }' --metric-transformations \
            metricName=ConfigChanges,metricNamespace=orgward,metricValue=1\n\
            # then an alarm on that metric and a subscription, as in\n\
            orgward checks explain root-usage-alarm",
        playbook: Some("cis-monitoring"),
        what: What::Calls(
            "config.amazonaws.com",
            &["StopConfigurationRecorder", "DeleteDeliveryChannel", "PutDeliveryChannel", "PutConfigurationRecorder"],
        ),
    },
    Row {
        id: "monitor-security-groups",
        title: "Someone is told of changes of security groups",
        severity: Severity::Low,
        rationale: "One rule can open a port to the world. ModifySecurityGroupRules changes a rule in place, and texts \
            older than CIS v5.0 miss it.",
        cli: "aws logs put-metric-filter --log-group-name <log group> --filter-name orgward-security-groups \
            --filter-pattern '{ ($.eventSource = \"ec2.amazonaws.com\") && (($.eventName = \
            \"AuthorizeSecurityGroupIngress\") || ($.eventName = \"AuthorizeSecurityGroupEgress\") || ($.eventName = \
            \"RevokeSecurityGroupIngress\") || ($.eventName = \"RevokeSecurityGroupEgress\") || ($.eventName = \
            \"CreateSecurityGroup\") || ($.eventName = \"DeleteSecurityGroup\") || ($.eventName = \
            \"ModifySecurityGroupRules\")) }' --metric-transformations \
            metricName=SecurityGroups,metricNamespace=orgward,metricValue=1\n\
            # then an alarm on that metric and a subscription, as in\n\
            orgward checks explain root-usage-alarm",
        playbook: Some("cis-monitoring"),
        what: What::Calls(
            "ec2.amazonaws.com",
            &[
                "AuthorizeSecurityGroupIngress",
                "AuthorizeSecurityGroupEgress",
                "RevokeSecurityGroupIngress",
                "RevokeSecurityGroupEgress",
                "CreateSecurityGroup",
                "DeleteSecurityGroup",
                "ModifySecurityGroupRules",
            ],
        ),
    },
    Row {
        id: "monitor-network-acls",
        title: "Someone is told of changes of network ACLs",
        severity: Severity::Low,
        rationale: "A changed ACL opens or closes whole subnets.",
        cli: "aws logs put-metric-filter --log-group-name <log group> --filter-name orgward-network-acls --filter-pattern \
            '{ ($.eventSource = \"ec2.amazonaws.com\") && (($.eventName = \"CreateNetworkAcl\") || ($.eventName = \
            \"CreateNetworkAclEntry\") || ($.eventName = \"DeleteNetworkAcl\") || ($.eventName = \
            \"DeleteNetworkAclEntry\") || ($.eventName = \"ReplaceNetworkAclEntry\") || ($.eventName = \
            \"ReplaceNetworkAclAssociation\")) }' --metric-transformations \
            metricName=NetworkAcls,metricNamespace=orgward,metricValue=1\n\
            # then an alarm on that metric and a subscription, as in\n\
            orgward checks explain root-usage-alarm",
        playbook: Some("cis-monitoring"),
        what: What::Calls(
            "ec2.amazonaws.com",
            &[
                "CreateNetworkAcl",
                "CreateNetworkAclEntry",
                "DeleteNetworkAcl",
                "DeleteNetworkAclEntry",
                "ReplaceNetworkAclEntry",
                "ReplaceNetworkAclAssociation",
            ],
        ),
    },
    Row {
        id: "monitor-gateways",
        title: "Someone is told of changes of network gateways",
        severity: Severity::Low,
        rationale: "A new gateway is a new way out for data, and in for others.",
        cli: "aws logs put-metric-filter --log-group-name <log group> --filter-name orgward-gateways --filter-pattern '{ \
            ($.eventSource = \"ec2.amazonaws.com\") && (($.eventName = \"CreateCustomerGateway\") || ($.eventName = \
            \"DeleteCustomerGateway\") || ($.eventName = \"AttachInternetGateway\") || ($.eventName = \
            \"CreateInternetGateway\") || ($.eventName = \"DeleteInternetGateway\") || ($.eventName = \
            \"DetachInternetGateway\")) }' --metric-transformations \
            metricName=Gateways,metricNamespace=orgward,metricValue=1\n\
            # then an alarm on that metric and a subscription, as in\n\
            orgward checks explain root-usage-alarm",
        playbook: Some("cis-monitoring"),
        what: What::Calls(
            "ec2.amazonaws.com",
            &[
                "CreateCustomerGateway",
                "DeleteCustomerGateway",
                "AttachInternetGateway",
                "CreateInternetGateway",
                "DeleteInternetGateway",
                "DetachInternetGateway",
            ],
        ),
    },
    Row {
        id: "monitor-route-tables",
        title: "Someone is told of changes of route tables",
        severity: Severity::Low,
        rationale: "A changed route sends traffic where someone can read it.",
        cli: "aws logs put-metric-filter --log-group-name <log group> --filter-name orgward-route-tables --filter-pattern \
            '{ ($.eventSource = \"ec2.amazonaws.com\") && (($.eventName = \"CreateRoute\") || ($.eventName = \
            \"CreateRouteTable\") || ($.eventName = \"ReplaceRoute\") || ($.eventName = \
            \"ReplaceRouteTableAssociation\") || ($.eventName = \"DeleteRouteTable\") || ($.eventName = \
            \"DeleteRoute\") || ($.eventName = \"DisassociateRouteTable\")) }' --metric-transformations \
            metricName=RouteTables,metricNamespace=orgward,metricValue=1\n\
            # then an alarm on that metric and a subscription, as in\n\
            orgward checks explain root-usage-alarm",
        playbook: Some("cis-monitoring"),
        what: What::Calls(
            "ec2.amazonaws.com",
            &[
                "CreateRoute",
                "CreateRouteTable",
                "ReplaceRoute",
                "ReplaceRouteTableAssociation",
                "DeleteRouteTable",
                "DeleteRoute",
                "DisassociateRouteTable",
            ],
        ),
    },
    Row {
        id: "monitor-vpc",
        title: "Someone is told of changes of VPCs",
        severity: Severity::Low,
        rationale: "A peering connects networks that were apart.",
        cli: "aws logs put-metric-filter --log-group-name <log group> --filter-name orgward-vpc --filter-pattern '{ \
            ($.eventSource = \"ec2.amazonaws.com\") && (($.eventName = \"CreateVpc\") || ($.eventName = \
            \"DeleteVpc\") || ($.eventName = \"ModifyVpcAttribute\") || ($.eventName = \
            \"AcceptVpcPeeringConnection\") || ($.eventName = \"CreateVpcPeeringConnection\") || ($.eventName = \
            \"DeleteVpcPeeringConnection\") || ($.eventName = \"RejectVpcPeeringConnection\") || ($.eventName = \
            \"AttachClassicLinkVpc\") || ($.eventName = \"DetachClassicLinkVpc\") || ($.eventName = \
            \"DisableVpcClassicLink\") || ($.eventName = \"EnableVpcClassicLink\")) }' --metric-transformations \
            metricName=Vpc,metricNamespace=orgward,metricValue=1\n\
            # then an alarm on that metric and a subscription, as in\n\
            orgward checks explain root-usage-alarm",
        playbook: Some("cis-monitoring"),
        what: What::Calls(
            "ec2.amazonaws.com",
            &[
                "CreateVpc",
                "DeleteVpc",
                "ModifyVpcAttribute",
                "AcceptVpcPeeringConnection",
                "CreateVpcPeeringConnection",
                "DeleteVpcPeeringConnection",
                "RejectVpcPeeringConnection",
                "AttachClassicLinkVpc",
                "DetachClassicLinkVpc",
                "DisableVpcClassicLink",
                "EnableVpcClassicLink",
            ],
        ),
    },
    Row {
        id: "monitor-organizations",
        title: "Someone is told of changes of the organization",
        severity: Severity::Medium,
        rationale: "Guardrails hold only as long as accounts stay below them: moves, detached policies and departures \
            deserve a look at once.",
        cli: "aws logs put-metric-filter --log-group-name <log group> --filter-name orgward-organizations \
            --filter-pattern '{ ($.eventSource = \"organizations.amazonaws.com\") && (($.eventName = \
            \"AcceptHandshake\") || ($.eventName = \"AttachPolicy\") || ($.eventName = \"CreateAccount\") || \
            ($.eventName = \"CreateOrganizationalUnit\") || ($.eventName = \"CreatePolicy\") || ($.eventName = \
            \"DeclineHandshake\") || ($.eventName = \"DeleteOrganization\") || ($.eventName = \
            \"DeleteOrganizationalUnit\") || ($.eventName = \"DeletePolicy\") || ($.eventName = \"DetachPolicy\") || \
            ($.eventName = \"DisablePolicyType\") || ($.eventName = \"EnablePolicyType\") || ($.eventName = \
            \"InviteAccountToOrganization\") || ($.eventName = \"LeaveOrganization\") || ($.eventName = \
            \"MoveAccount\") || ($.eventName = \"RemoveAccountFromOrganization\") || ($.eventName = \
            \"UpdatePolicy\") || ($.eventName = \"UpdateOrganizationalUnit\")) }' --metric-transformations \
            metricName=Organizations,metricNamespace=orgward,metricValue=1\n\
            # then an alarm on that metric and a subscription, as in\n\
            orgward checks explain root-usage-alarm",
        playbook: Some("cis-monitoring"),
        what: What::Calls(
            "organizations.amazonaws.com",
            &[
                "AcceptHandshake",
                "AttachPolicy",
                "CreateAccount",
                "CreateOrganizationalUnit",
                "CreatePolicy",
                "DeclineHandshake",
                "DeleteOrganization",
                "DeleteOrganizationalUnit",
                "DeletePolicy",
                "DetachPolicy",
                "DisablePolicyType",
                "EnablePolicyType",
                "InviteAccountToOrganization",
                "LeaveOrganization",
                "MoveAccount",
                "RemoveAccountFromOrganization",
                "UpdatePolicy",
                "UpdateOrganizationalUnit",
            ],
        ),
    },
    Row {
        id: "monitor-user-created",
        title: "Someone is told of new IAM users",
        severity: Severity::Medium,
        rationale: "People sign in through Identity Center; a new IAM user is an exception, or someone who means to stay.",
        cli: "aws logs put-metric-filter --log-group-name <log group> --filter-name orgward-user-created --filter-pattern \
            '{ ($.eventSource = \"iam.amazonaws.com\") && ($.eventName = \"CreateUser\") }' --metric-transformations \
            metricName=UserCreated,metricNamespace=orgward,metricValue=1\n\
            # then an alarm on that metric and a subscription, as in\n\
            orgward checks explain root-usage-alarm",
        playbook: None,
        what: What::Calls("iam.amazonaws.com", &["CreateUser"]),
    },
    Row {
        id: "monitor-access-key-created",
        title: "Someone is told of new access keys",
        severity: Severity::Medium,
        rationale: "A key works from everywhere until someone turns it off: a favourite way to stay.",
        cli: "aws logs put-metric-filter --log-group-name <log group> --filter-name orgward-access-key-created \
            --filter-pattern '{ ($.eventSource = \"iam.amazonaws.com\") && ($.eventName = \"CreateAccessKey\") }' \
            --metric-transformations metricName=AccessKeyCreated,metricNamespace=orgward,metricValue=1\n\
            # then an alarm on that metric and a subscription, as in\n\
            orgward checks explain root-usage-alarm",
        playbook: None,
        what: What::Calls("iam.amazonaws.com", &["CreateAccessKey"]),
    },
    Row {
        id: "monitor-role-created",
        title: "Someone is told of new roles",
        severity: Severity::Low,
        rationale: "A role that trusts someone outside is a door; it comes into being with this event.",
        cli: "aws logs put-metric-filter --log-group-name <log group> --filter-name orgward-role-created --filter-pattern \
            '{ ($.eventSource = \"iam.amazonaws.com\") && ($.eventName = \"CreateRole\") }' --metric-transformations \
            metricName=RoleCreated,metricNamespace=orgward,metricValue=1\n\
            # then an alarm on that metric and a subscription, as in\n\
            orgward checks explain root-usage-alarm",
        playbook: None,
        what: What::Calls("iam.amazonaws.com", &["CreateRole"]),
    },
    Row {
        id: "monitor-trust-policy-changed",
        title: "Someone is told of changed trust policies",
        severity: Severity::Medium,
        rationale: "Who may use a role is decided in its trust policy. A changed one can let strangers in with no new role \
            to see.",
        cli: "aws logs put-metric-filter --log-group-name <log group> --filter-name orgward-trust-policy-changed \
            --filter-pattern '{ ($.eventSource = \"iam.amazonaws.com\") && ($.eventName = \
            \"UpdateAssumeRolePolicy\") }' --metric-transformations \
            metricName=TrustPolicyChanged,metricNamespace=orgward,metricValue=1\n\
            # then an alarm on that metric and a subscription, as in\n\
            orgward checks explain root-usage-alarm",
        playbook: None,
        what: What::Calls("iam.amazonaws.com", &["UpdateAssumeRolePolicy"]),
    },
    Row {
        id: "monitor-admin-attached",
        title: "Someone is told when AdministratorAccess is attached",
        severity: Severity::High,
        rationale: "Full administration should be given rarely, and never unseen, to a user, a group or a role.",
        cli: "aws logs put-metric-filter --log-group-name <log group> --filter-name orgward-admin-attached \
            --filter-pattern '{ ($.eventSource = \"iam.amazonaws.com\") && (($.eventName = \"AttachUserPolicy\") || \
            ($.eventName = \"AttachGroupPolicy\") || ($.eventName = \"AttachRolePolicy\")) && \
            ($.requestParameters.policyArn = \"*:policy/AdministratorAccess\") }' --metric-transformations \
            metricName=AdminAttached,metricNamespace=orgward,metricValue=1\n\
            # then an alarm on that metric and a subscription, as in\n\
            orgward checks explain root-usage-alarm",
        playbook: None,
        what: What::Made(made::admin_attached),
    },
    Row {
        id: "monitor-user-inline-policy",
        title: "Someone is told of inline policies put on users",
        severity: Severity::Low,
        rationale: "An inline policy is seen in no list of policies: a quiet way to give a user more.",
        cli: "aws logs put-metric-filter --log-group-name <log group> --filter-name orgward-user-inline-policy \
            --filter-pattern '{ ($.eventSource = \"iam.amazonaws.com\") && ($.eventName = \"PutUserPolicy\") }' \
            --metric-transformations metricName=UserInlinePolicy,metricNamespace=orgward,metricValue=1\n\
            # then an alarm on that metric and a subscription, as in\n\
            orgward checks explain root-usage-alarm",
        playbook: None,
        what: What::Calls("iam.amazonaws.com", &["PutUserPolicy"]),
    },
    Row {
        id: "monitor-web-identity",
        title: "Someone is told of sessions from web identities",
        severity: Severity::Low,
        rationale: "A session from an identity provider that nobody knows is a trust policy gone wrong. Known providers may \
            be left out of the pattern.",
        cli: "aws logs put-metric-filter --log-group-name <log group> --filter-name orgward-web-identity --filter-pattern \
            '{ ($.eventSource = \"sts.amazonaws.com\") && ($.eventName = \"AssumeRoleWithWebIdentity\") }' \
            --metric-transformations metricName=WebIdentity,metricNamespace=orgward,metricValue=1\n\
            # then an alarm on that metric and a subscription, as in\n\
            orgward checks explain root-usage-alarm",
        playbook: None,
        what: What::Made(made::web_identity),
    },
];
