//! The session policy of every audit: only the reads orgward makes, so that even a mighty role cannot write.
//!
//! Source: STS API reference, `AssumeRole`, `Policy`: at most 2,048 characters; the session may do what both the role and
//! this policy allow.

/// Every action that audit, plan and doctor call in an account. Reads only; a test holds that.
pub const READ_ACTIONS: &[&str] = &[
    "access-analyzer:ListAnalyzers",
    "access-analyzer:ListFindings",
    "account:GetAlternateContact",
    "account:GetContactInformation",
    "account:GetRegionOptStatus",
    "account:ListRegions",
    "budgets:ViewBudget",
    "cloudtrail:DescribeTrails",
    "cloudtrail:GetEventSelectors",
    "cloudtrail:GetTrail",
    "cloudtrail:GetTrailStatus",
    "cloudtrail:ListTrails",
    "cloudtrail:LookupEvents",
    "cloudwatch:DescribeAlarms",
    "cloudwatch:ListTagsForResource",
    "config:DescribeConfigRules",
    "config:DescribeConfigurationRecorderStatus",
    "config:DescribeConfigurationRecorders",
    "guardduty:GetDetector",
    "guardduty:ListDetectors",
    "iam:GenerateCredentialReport",
    "iam:GetAccountAuthorizationDetails",
    "iam:GetAccountPasswordPolicy",
    "iam:GetAccountSummary",
    "iam:GetCredentialReport",
    "iam:ListOrganizationsFeatures",
    "iam:ListRoles",
    "iam:ListSAMLProviders",
    "iam:ListSSHPublicKeys",
    "iam:ListServerCertificates",
    "iam:ListServiceSpecificCredentials",
    "iam:ListVirtualMFADevices",
    "iam:SimulateCustomPolicy",
    "logs:DescribeLogGroups",
    "logs:DescribeMetricFilters",
    "logs:FilterLogEvents",
    "logs:ListTagsForResource",
    "organizations:Describe*",
    "organizations:List*",
    "s3:GetBucketAcl",
    "s3:GetBucketLogging",
    "s3:GetBucketPolicyStatus",
    "s3:ListAllMyBuckets",
    "securityhub:DescribeHub",
    "sns:GetSubscriptionAttributes",
    "sns:GetTopicAttributes",
    "sns:ListSubscriptionsByTopic",
    "sns:ListTagsForResource",
    "sns:ListTopics",
    "sts:GetCallerIdentity",
];

/// The policy, on one line.
pub(super) fn read_only() -> String {
    let actions = READ_ACTIONS.iter().map(|action| format!("\"{action}\"")).collect::<Vec<_>>().join(",");
    format!(
        "{{\"Version\":\"2012-10-17\",\"Statement\":[{{\"Effect\":\"Allow\",\"Action\":[{actions}],\"Resource\":\"*\"}}]}}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_fits_and_allows_reads_only() {
        let policy = read_only();
        assert!(policy.len() <= 2048, "{} characters", policy.len());
        let parsed: serde_json::Value = serde_json::from_str(&policy).unwrap();
        assert_eq!(parsed["Statement"][0]["Action"].as_array().map(Vec::len), Some(READ_ACTIONS.len()));
        let reads = ["Describe", "Filter", "Generate", "Get", "List", "Lookup", "Simulate", "View"];
        for action in READ_ACTIONS {
            let (_, verb) = action.split_once(':').unwrap();
            assert!(reads.iter().any(|read| verb.starts_with(read)), "{action} is no read");
        }
        assert!(READ_ACTIONS.is_sorted());
    }
}
