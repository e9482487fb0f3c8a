//! Published request quotas, as token buckets on tokio's clock.
//!
//! Owns: the table of rates and who is over them. Must not: wait; it only says no, as the service would.
//!
//! Sources: "Quotas for AWS Organizations", "IAM and AWS STS quotas", "Quotas in AWS CloudTrail", "CloudWatch Logs
//! quotas", "CloudWatch service quotas", "Amazon SNS endpoints and quotas", "Quotas for AWS Account Management", "AWS Security Hub
//! quotas". IAM, Access Analyzer, Budgets, Config and GuardDuty publish no rates, S3 none for buckets; what stands here is a plausible one.

use super::error::ApiError;
use crate::model::{AccountId, Region};
use std::collections::HashMap;
use tokio::time::Instant;

/// A row: service, operations that share the bucket (none: each other operation has its own), rate per second, burst.
type Row = (&'static str, &'static [&'static str], f64, f64);

const TABLE: &[Row] = &[
    ("access-analyzer", &[], 10.0, 20.0),
    ("organizations", &["DescribeAccount"], 20.0, 30.0),
    ("organizations", &["ListTagsForResource"], 10.0, 15.0),
    ("organizations", &["ListAccounts"], 8.0, 12.0),
    ("organizations", &["ListChildren"], 6.0, 10.0),
    ("organizations", &["ListParents", "ListAccountsForParent", "ListOrganizationalUnitsForParent"], 5.0, 8.0),
    (
        "organizations",
        &["ListPolicies", "ListPoliciesForTarget", "ListTargetsForPolicy", "ListDelegatedAdministrators"],
        5.0,
        8.0,
    ),
    ("organizations", &["TagResource", "UntagResource"], 4.0, 6.0),
    ("organizations", &["DescribePolicy", "DescribeOrganizationalUnit"], 2.0, 2.0),
    ("organizations", &["CreatePolicy", "UpdatePolicy", "DeletePolicy", "AttachPolicy", "DetachPolicy"], 2.0, 3.0),
    ("organizations", &["ListRoots", "DescribeOrganization"], 1.0, 2.0),
    ("organizations", &["ListAWSServiceAccessForOrganization", "ListDelegatedServicesForAccount"], 1.0, 3.0),
    ("organizations", &["EnablePolicyType"], 1.0, 1.0),
    ("organizations", &[], 1.0, 1.0),
    ("sts", &["AssumeRole", "GetCallerIdentity"], 600.0, 600.0),
    ("iam", &["GenerateCredentialReport"], 2.0, 4.0),
    ("iam", &["UpdateAccountPasswordPolicy", "DeleteAccountPasswordPolicy"], 2.0, 4.0),
    ("iam", &[], 15.0, 30.0),
    ("account", &["GetAlternateContact"], 10.0, 15.0),
    ("account", &[], 5.0, 5.0),
    ("budgets", &[], 5.0, 5.0),
    ("cloudtrail", &["LookupEvents"], 2.0, 2.0),
    ("cloudtrail", &["DescribeTrails"], 10.0, 10.0),
    ("cloudtrail", &["GetTrailStatus"], 10.0, 10.0),
    ("cloudtrail", &["GetEventSelectors"], 10.0, 10.0),
    ("cloudtrail", &["ListTrails"], 10.0, 10.0),
    ("cloudtrail", &[], 1.0, 1.0),
    ("logs", &["DescribeLogGroups"], 10.0, 10.0),
    ("logs", &["FilterLogEvents"], 10.0, 10.0),
    ("logs", &[], 5.0, 5.0),
    ("cloudwatch", &["DescribeAlarms"], 9.0, 9.0),
    ("cloudwatch", &[], 3.0, 3.0),
    ("config", &[], 10.0, 10.0),
    ("guardduty", &[], 10.0, 20.0),
    ("s3", &[], 20.0, 40.0),
    ("securityhub", &[], 10.0, 30.0),
    ("sns", &["TagResource", "UntagResource", "ListTagsForResource"], 10.0, 10.0),
    ("sns", &[], 30.0, 30.0),
];

/// Which bucket: account, Region (empty for global services), and the first operation of the row or the operation.
type Bucket = (AccountId, String, &'static str, String);

/// The buckets, filled as time runs.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    buckets: HashMap<Bucket, (f64, Instant)>,
    /// Off: every request passes.
    pub(crate) off: bool,
}

impl Gate {
    /// Takes a token.
    ///
    /// # Errors
    /// The service's throttling error, if there is none left.
    pub(crate) fn pass(
        &mut self,
        account: &AccountId,
        region: &Region,
        (service, global): (&'static str, bool),
        operation: &str,
        now: Instant,
    ) -> Result<(), ApiError> {
        let mut rows = TABLE.iter().filter(|row| row.0 == service);
        let row = rows.clone().find(|row| row.1.contains(&operation)).or_else(|| rows.find(|row| row.1.is_empty()));
        let Some((_, shared, rate, burst)) = row.filter(|_| !self.off) else { return Ok(()) };
        let group = shared.first().map_or(operation, |first| *first).to_owned();
        let region = if global { String::new() } else { region.to_string() };
        let (tokens, at) = self.buckets.entry((account.clone(), region, service, group)).or_insert((*burst, now));
        *tokens = now.saturating_duration_since(*at).as_secs_f64().mul_add(*rate, *tokens).min(*burst);
        *at = now;
        // A client that keeps exactly to the rate must not fail by rounding.
        if *tokens + 1e-6 >= 1.0 {
            *tokens -= 1.0;
            Ok(())
        } else {
            Err(throttled(service))
        }
    }
}

/// How a service says that it is asked too often.
pub(crate) fn throttled(service: &str) -> ApiError {
    match service {
        "organizations" => ApiError::new("TooManyRequestsException", "AWS Organizations can't complete your request because another request is already in progress. Try again later.")
            .with("Type", "RATE_LIMIT"),
        "access-analyzer" => ApiError::new("ThrottlingException", "Rate exceeded").with_status(429),
        "account" => ApiError::new("TooManyRequestsException", "Too Many Requests").with_status(429),
        "iam" | "sts" | "cloudwatch" => ApiError::new("Throttling", "Rate exceeded"),
        "s3" => ApiError::new("SlowDown", "Please reduce your request rate.").with_status(503),
        "securityhub" => ApiError::new("LimitExceededException", "Rate exceeded").with_status(429),
        "sns" => ApiError::new("Throttled", "Rate exceeded").with_status(429),
        _ => ApiError::new("ThrottlingException", "Rate exceeded"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_bucket_gives_its_burst_then_its_rate() {
        let (account, region) = ("111111111111".parse().unwrap(), "us-east-1".parse().unwrap());
        let other: AccountId = "222222222222".parse().unwrap();
        let mut gate = Gate::default();
        let start = Instant::now();
        let mut pass = |account: &AccountId, operation: &str, millis: u64| {
            gate.pass(account, &region, ("organizations", true), operation, start + Duration::from_millis(millis))
                .is_ok()
        };
        assert!((0..3).all(|_| pass(&account, "AttachPolicy", 0)));
        assert!(!pass(&account, "DetachPolicy", 0), "the row shares one bucket");
        assert!(pass(&other, "AttachPolicy", 0), "accounts do not share");
        assert!(pass(&account, "ListAccounts", 0), "rows do not share");
        assert!((1..20).all(|n| pass(&account, "CreatePolicy", n * 500)), "2 a second pass");
        assert!(!pass(&account, "CreatePolicy", 9_600));
    }

    #[test]
    fn each_service_throttles_in_its_own_words() {
        let codes: Vec<String> =
            ["organizations", "iam", "cloudtrail", "sns"].iter().map(|service| throttled(service).code).collect();
        assert_eq!(codes, ["TooManyRequestsException", "Throttling", "ThrottlingException", "Throttled"]);
    }
}
