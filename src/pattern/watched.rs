//! Events that someone should be told of, and for each a metric filter's pattern that catches them in CloudTrail's log group.
//!
//! Owns: names, words and patterns. Must not: know checks or playbooks; both are held against it. Source: CIS AWS Foundations
//! Benchmark, monitoring section (1.4 to 7.0); CloudTrail user guide, "Creating CloudWatch alarms for CloudTrail events: examples".

use super::Pattern;

/// One kind of event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Watched {
    /// Its name: the check's id without `monitor-`, and the end of what orgward calls its filter and alarm.
    pub name: &'static str,
    /// What it is about, in words that follow "nobody is told of".
    pub about: &'static str,
    /// What orgward calls its metric.
    pub metric: &'static str,
    /// The pattern; AWS takes 1,024 characters.
    pub pattern: &'static str,
}

impl Watched {
    /// The event of a name.
    pub fn find(name: &str) -> Option<&'static Self> {
        WATCHED.iter().find(|watched| watched.name == name)
    }

    /// Whether another pattern matches the same events. A text that can't be read as a pattern is compared as a text.
    pub fn is_caught_alike(&self, pattern: &str) -> bool {
        match (Pattern::parse(pattern), Pattern::parse(self.pattern)) {
            (Ok(one), Ok(other)) => one.same_meaning(&other),
            _ => pattern == self.pattern,
        }
    }
}

/// Uses of a root user by a person: calls that no AWS service made for it. `sts:AssumeRoot` matches too.
pub const ROOT_USAGE: &Watched = &Watched {
    name: "root-usage",
    about: "use of the root user",
    metric: "RootUsage",
    pattern: "{ ($.userIdentity.type = \"Root\") && ($.userIdentity.invokedBy NOT EXISTS) && ($.eventType != \"AwsServiceEvent\") }",
};

/// Every event, in the order of reports.
pub const WATCHED: &[Watched] = &[
    Watched {
        name: "unauthorized-calls",
        about: "calls that were denied",
        metric: "UnauthorizedCalls",
        pattern: "{ (($.errorCode = \"*UnauthorizedOperation\") || ($.errorCode = \"AccessDenied*\")) && ($.sourceIPAddress != \
            \"delivery.logs.amazonaws.com\") && ($.eventName != \"HeadBucket\") }",
    },
    Watched {
        name: "console-no-mfa",
        about: "console sign-ins without MFA",
        metric: "ConsoleNoMfa",
        pattern: "{ ($.eventName = \"ConsoleLogin\") && ($.additionalEventData.MFAUsed != \"Yes\") && ($.userIdentity.type = \
            \"IAMUser\") && ($.responseElements.ConsoleLogin = \"Success\") }",
    },
    *ROOT_USAGE,
    Watched {
        name: "iam-changes",
        about: "changes of IAM policies",
        metric: "IamChanges",
        pattern: "{ ($.eventSource = \"iam.amazonaws.com\") && (($.eventName = \"DeleteGroupPolicy\") || ($.eventName = \
            \"DeleteRolePolicy\") || ($.eventName = \"DeleteUserPolicy\") || ($.eventName = \"PutGroupPolicy\") || ($.eventName = \
            \"PutRolePolicy\") || ($.eventName = \"PutUserPolicy\") || ($.eventName = \"CreatePolicy\") || ($.eventName = \
            \"DeletePolicy\") || ($.eventName = \"CreatePolicyVersion\") || ($.eventName = \"DeletePolicyVersion\") || \
            ($.eventName = \"AttachRolePolicy\") || ($.eventName = \"DetachRolePolicy\") || ($.eventName = \"AttachUserPolicy\") \
            || ($.eventName = \"DetachUserPolicy\") || ($.eventName = \"AttachGroupPolicy\") || ($.eventName = \
            \"DetachGroupPolicy\")) }",
    },
    Watched {
        name: "trail-changes",
        about: "changes of trails",
        metric: "TrailChanges",
        pattern: "{ ($.eventSource = \"cloudtrail.amazonaws.com\") && (($.eventName = \"CreateTrail\") || ($.eventName = \
            \"UpdateTrail\") || ($.eventName = \"DeleteTrail\") || ($.eventName = \"StartLogging\") || ($.eventName = \
            \"StopLogging\")) }",
    },
    Watched {
        name: "console-failures",
        about: "failed console sign-ins",
        metric: "ConsoleFailures",
        pattern: "{ ($.eventName = \"ConsoleLogin\") && ($.errorMessage = \"Failed authentication\") }",
    },
    Watched {
        name: "kms-deletion",
        about: "KMS keys disabled or on the way to deletion",
        metric: "KmsDeletion",
        pattern: "{ ($.eventSource = \"kms.amazonaws.com\") && (($.eventName = \"DisableKey\") || ($.eventName = \
            \"ScheduleKeyDeletion\")) }",
    },
    Watched {
        name: "bucket-policy",
        about: "changes of bucket policies",
        metric: "BucketPolicy",
        pattern: "{ ($.eventSource = \"s3.amazonaws.com\") && (($.eventName = \"PutBucketAcl\") || ($.eventName = \"PutBucketPolicy\") \
            || ($.eventName = \"PutBucketCors\") || ($.eventName = \"PutBucketLifecycle\") || ($.eventName = \
            \"PutBucketReplication\") || ($.eventName = \"DeleteBucketPolicy\") || ($.eventName = \"DeleteBucketCors\") || \
            ($.eventName = \"DeleteBucketLifecycle\") || ($.eventName = \"DeleteBucketReplication\")) }",
    },
    Watched {
        name: "config-changes",
        about: "changes of AWS Config",
        metric: "ConfigChanges",
        pattern: "{ ($.eventSource = \"config.amazonaws.com\") && (($.eventName = \"StopConfigurationRecorder\") || ($.eventName = \
            \"DeleteDeliveryChannel\") || ($.eventName = \"PutDeliveryChannel\") || ($.eventName = \"PutConfigurationRecorder\")) \
            }",
    },
    Watched {
        name: "security-groups",
        about: "changes of security groups",
        metric: "SecurityGroups",
        pattern: "{ ($.eventSource = \"ec2.amazonaws.com\") && (($.eventName = \"AuthorizeSecurityGroupIngress\") || ($.eventName = \
            \"AuthorizeSecurityGroupEgress\") || ($.eventName = \"RevokeSecurityGroupIngress\") || ($.eventName = \
            \"RevokeSecurityGroupEgress\") || ($.eventName = \"CreateSecurityGroup\") || ($.eventName = \"DeleteSecurityGroup\") \
            || ($.eventName = \"ModifySecurityGroupRules\")) }",
    },
    Watched {
        name: "network-acls",
        about: "changes of network ACLs",
        metric: "NetworkAcls",
        pattern: "{ ($.eventSource = \"ec2.amazonaws.com\") && (($.eventName = \"CreateNetworkAcl\") || ($.eventName = \
            \"CreateNetworkAclEntry\") || ($.eventName = \"DeleteNetworkAcl\") || ($.eventName = \"DeleteNetworkAclEntry\") || \
            ($.eventName = \"ReplaceNetworkAclEntry\") || ($.eventName = \"ReplaceNetworkAclAssociation\")) }",
    },
    Watched {
        name: "gateways",
        about: "changes of network gateways",
        metric: "Gateways",
        pattern: "{ ($.eventSource = \"ec2.amazonaws.com\") && (($.eventName = \"CreateCustomerGateway\") || ($.eventName = \
            \"DeleteCustomerGateway\") || ($.eventName = \"AttachInternetGateway\") || ($.eventName = \"CreateInternetGateway\") \
            || ($.eventName = \"DeleteInternetGateway\") || ($.eventName = \"DetachInternetGateway\")) }",
    },
    Watched {
        name: "route-tables",
        about: "changes of route tables",
        metric: "RouteTables",
        pattern: "{ ($.eventSource = \"ec2.amazonaws.com\") && (($.eventName = \"CreateRoute\") || ($.eventName = \"CreateRouteTable\") \
            || ($.eventName = \"ReplaceRoute\") || ($.eventName = \"ReplaceRouteTableAssociation\") || ($.eventName = \
            \"DeleteRouteTable\") || ($.eventName = \"DeleteRoute\") || ($.eventName = \"DisassociateRouteTable\")) }",
    },
    Watched {
        name: "vpc",
        about: "changes of VPCs",
        metric: "Vpc",
        pattern: "{ ($.eventSource = \"ec2.amazonaws.com\") && (($.eventName = \"CreateVpc\") || ($.eventName = \"DeleteVpc\") || \
            ($.eventName = \"ModifyVpcAttribute\") || ($.eventName = \"AcceptVpcPeeringConnection\") || ($.eventName = \
            \"CreateVpcPeeringConnection\") || ($.eventName = \"DeleteVpcPeeringConnection\") || ($.eventName = \
            \"RejectVpcPeeringConnection\") || ($.eventName = \"AttachClassicLinkVpc\") || ($.eventName = \
            \"DetachClassicLinkVpc\") || ($.eventName = \"DisableVpcClassicLink\") || ($.eventName = \"EnableVpcClassicLink\")) }",
    },
    Watched {
        name: "organizations",
        about: "changes of the organization",
        metric: "Organizations",
        pattern: "{ ($.eventSource = \"organizations.amazonaws.com\") && (($.eventName = \"AcceptHandshake\") || ($.eventName = \
            \"AttachPolicy\") || ($.eventName = \"CreateAccount\") || ($.eventName = \"CreateOrganizationalUnit\") || ($.eventName \
            = \"CreatePolicy\") || ($.eventName = \"DeclineHandshake\") || ($.eventName = \"DeleteOrganization\") || ($.eventName \
            = \"DeleteOrganizationalUnit\") || ($.eventName = \"DeletePolicy\") || ($.eventName = \"DetachPolicy\") || \
            ($.eventName = \"DisablePolicyType\") || ($.eventName = \"EnablePolicyType\") || ($.eventName = \
            \"InviteAccountToOrganization\") || ($.eventName = \"LeaveOrganization\") || ($.eventName = \"MoveAccount\") || \
            ($.eventName = \"RemoveAccountFromOrganization\") || ($.eventName = \"UpdatePolicy\") || ($.eventName = \
            \"UpdateOrganizationalUnit\")) }",
    },
    Watched {
        name: "user-created",
        about: "new IAM users",
        metric: "UserCreated",
        pattern: "{ ($.eventSource = \"iam.amazonaws.com\") && ($.eventName = \"CreateUser\") }",
    },
    Watched {
        name: "access-key-created",
        about: "new access keys",
        metric: "AccessKeyCreated",
        pattern: "{ ($.eventSource = \"iam.amazonaws.com\") && ($.eventName = \"CreateAccessKey\") }",
    },
    Watched {
        name: "role-created",
        about: "new roles",
        metric: "RoleCreated",
        pattern: "{ ($.eventSource = \"iam.amazonaws.com\") && ($.eventName = \"CreateRole\") }",
    },
    Watched {
        name: "trust-policy-changed",
        about: "changed trust policies",
        metric: "TrustPolicyChanged",
        pattern: "{ ($.eventSource = \"iam.amazonaws.com\") && ($.eventName = \"UpdateAssumeRolePolicy\") }",
    },
    Watched {
        name: "admin-attached",
        about: "attachments of AdministratorAccess",
        metric: "AdminAttached",
        pattern: "{ ($.eventSource = \"iam.amazonaws.com\") && (($.eventName = \"AttachUserPolicy\") || ($.eventName = \
            \"AttachGroupPolicy\") || ($.eventName = \"AttachRolePolicy\")) && ($.requestParameters.policyArn = \
            \"*:policy/AdministratorAccess\") }",
    },
    Watched {
        name: "user-inline-policy",
        about: "inline policies put on users",
        metric: "UserInlinePolicy",
        pattern: "{ ($.eventSource = \"iam.amazonaws.com\") && ($.eventName = \"PutUserPolicy\") }",
    },
    Watched {
        name: "web-identity",
        about: "sessions from web identities",
        metric: "WebIdentity",
        pattern: "{ ($.eventSource = \"sts.amazonaws.com\") && ($.eventName = \"AssumeRoleWithWebIdentity\") }",
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_pattern_is_one_that_aws_takes_and_no_two_are_the_same() {
        let names: BTreeSet<&str> = WATCHED.iter().map(|watched| watched.name).collect();
        let metrics: BTreeSet<&str> = WATCHED.iter().map(|watched| watched.metric).collect();
        assert_eq!((names.len(), metrics.len()), (WATCHED.len(), WATCHED.len()), "a name twice");
        let patterns: Vec<Pattern> = WATCHED
            .iter()
            .map(|watched| {
                assert!(watched.pattern.len() <= 1024, "{}: {}", watched.name, watched.pattern.len());
                Pattern::parse(watched.pattern).unwrap_or_else(|error| panic!("{}: {error:?}", watched.name))
            })
            .collect();
        for (at, one) in patterns.iter().enumerate() {
            assert!(patterns.iter().skip(at + 1).all(|other| !one.same_meaning(other)), "{}", WATCHED[at].name);
        }
        assert_eq!(Watched::find("root-usage"), Some(ROOT_USAGE));
        assert_eq!(Watched::find("nothing"), None);
    }
}
