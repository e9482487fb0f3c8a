//! Published request quotas, as token buckets on tokio's clock.
//!
//! Owns: the table of rates, the limits that a fault sets, who is over them, and how much each bucket gave. Must not: wait; it
//! only says no, as the service would.
//!
//! Sources: "Quotas for AWS Organizations", "IAM and AWS STS quotas", "Quotas in AWS CloudTrail", "CloudWatch Logs
//! quotas", "CloudWatch service quotas", "Amazon SNS endpoints and quotas", "Quotas for AWS Account Management", "AWS Security Hub
//! quotas". IAM, Access Analyzer, Budgets, Config and GuardDuty publish no rates, S3 none for buckets; what stands here is a plausible one.

use super::error::ApiError;
use crate::model::{AccountId, Region};
use std::collections::{BTreeMap, HashMap};
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

/// Buckets before the full ones are dropped for the first time.
const FIRST_SWEEP: usize = 4_096;

/// What the requests of one group came to, in the bucket that gave the most.
#[derive(Debug, Clone, PartialEq)]
pub struct Load {
    /// The service's prefix, such as `iam`.
    pub service: String,
    /// The first operation of those that share the bucket; of a limit that a fault sets, which one.
    pub group: String,
    /// Requests per second.
    pub rate: f64,
    /// Requests at once.
    pub burst: f64,
    /// Requests that the busiest bucket let through. A member's bucket that rests until it is full counts anew, so that it
    /// never says too much.
    pub requests: u64,
    /// Whether the busiest bucket is the management account's.
    pub management: bool,
}

impl Load {
    /// Seconds that the busiest bucket needs for its requests, however they are spread: what no client can beat.
    pub fn seconds(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52")]
        let over = self.requests as f64 - self.burst;
        (over / self.rate).max(0.0)
    }
}

/// Which bucket: account, Region (0 for global services), group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    account: u64,
    region: u16,
    group: u16,
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    tokens: f64,
    at: Instant,
    given: u32,
}

impl Bucket {
    fn filled(&self, load: &Load, now: Instant) -> f64 {
        now.saturating_duration_since(self.at).as_secs_f64().mul_add(load.rate, self.tokens).min(load.burst)
    }
}

/// The buckets, filled as time runs. Those of members are dropped once they are full again.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    buckets: HashMap<Key, Bucket>,
    /// What was dropped so far, by group: the busiest of each.
    loads: Vec<Load>,
    /// Groups by service and name; the number is the place in `loads`.
    groups: HashMap<&'static str, BTreeMap<String, u16>>,
    regions: HashMap<Region, u16>,
    /// Buckets at which the full ones are dropped.
    sweep_at: usize,
    /// The account whose buckets are kept.
    management: u64,
    /// Off: every request passes the published quotas.
    pub(crate) off: bool,
}

impl Gate {
    pub(crate) fn new(management: &AccountId) -> Self {
        Self { sweep_at: FIRST_SWEEP, management: number(management), ..Self::default() }
    }

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
        let group = self.group((service, service), shared.first().map_or(operation, |first| *first), (*rate, *burst));
        let region = if global { 0 } else { self.region(region) };
        let key = Key { account: number(account), region, group };
        if self.take(key, now) { Ok(()) } else { Err(throttled(service)) }
    }

    /// Takes a token of a limit that nobody announced; each account has its own.
    ///
    /// # Errors
    /// The service's throttling error, if there is none left.
    pub(crate) fn pass_limit(
        &mut self,
        account: &AccountId,
        service: &'static str,
        limit: &Limit,
        now: Instant,
    ) -> Result<(), ApiError> {
        let name = format!("limit {} on {}", limit.number, limit.what);
        let group = self.group(("limit", limit.service.as_deref().unwrap_or("every service")), &name, limit.allows);
        if self.take(Key { account: number(account), region: 0, group }, now) {
            Ok(())
        } else {
            Err(throttled(service))
        }
    }

    /// What each group's busiest bucket gave so far, the one that needs the longest first.
    pub(crate) fn loads(&self) -> Vec<Load> {
        let mut loads = self.loads.clone();
        for (key, bucket) in &self.buckets {
            fold(&mut loads, *key, *bucket, self.management);
        }
        loads.retain(|load| load.requests > 0);
        loads.sort_by(|a, b| {
            b.seconds().total_cmp(&a.seconds()).then(b.requests.cmp(&a.requests)).then(a.group.cmp(&b.group))
        });
        loads
    }

    fn take(&mut self, key: Key, now: Instant) -> bool {
        self.sweep(now);
        let Some(load) = self.loads.get(usize::from(key.group)) else { return true };
        let full = Bucket { tokens: load.burst, at: now, given: 0 };
        let bucket = self.buckets.entry(key).or_insert(full);
        bucket.tokens = bucket.filled(load, now);
        bucket.at = now;
        // A client that keeps exactly to the rate must not fail by rounding.
        let enough = bucket.tokens + 1e-6 >= 1.0;
        if enough {
            bucket.tokens -= 1.0;
            bucket.given = bucket.given.saturating_add(1);
        }
        enough
    }

    /// Drops the members' buckets that are full: a new one starts full as well.
    fn sweep(&mut self, now: Instant) {
        if self.buckets.len() < self.sweep_at {
            return;
        }
        let (loads, management) = (&mut self.loads, self.management);
        self.buckets.retain(|key, bucket| {
            let load = loads.get(usize::from(key.group));
            let keep = key.account == management || load.is_some_and(|load| bucket.filled(load, now) < load.burst);
            if !keep {
                fold(loads, *key, *bucket, management);
            }
            keep
        });
        self.sweep_at = FIRST_SWEEP.max(self.buckets.len() * 2);
    }

    /// The number of a group, told apart by `kind` and name.
    fn group(&mut self, (kind, service): (&'static str, &str), name: &str, (rate, burst): (f64, f64)) -> u16 {
        let groups = self.groups.entry(kind).or_default();
        if let Some(number) = groups.get(name) {
            return *number;
        }
        let number = u16::try_from(self.loads.len()).unwrap_or(u16::MAX);
        groups.insert(name.to_owned(), number);
        let (service, group) = (service.to_owned(), name.to_owned());
        self.loads.push(Load { service, group, rate, burst, requests: 0, management: false });
        number
    }

    fn region(&mut self, region: &Region) -> u16 {
        if let Some(number) = self.regions.get(region) {
            return *number;
        }
        let number = u16::try_from(self.regions.len() + 1).unwrap_or(u16::MAX);
        self.regions.insert(region.clone(), number);
        number
    }
}

/// A limit that a fault sets: which of the faults it is, what it is on, and how many a second and at once.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Limit {
    pub(crate) number: usize,
    pub(crate) service: Option<String>,
    pub(crate) what: String,
    pub(crate) allows: (f64, f64),
}

/// Remembers a bucket's requests if none of its group had more.
fn fold(loads: &mut [Load], key: Key, bucket: Bucket, management: u64) {
    let given = u64::from(bucket.given);
    if let Some(load) = loads.get_mut(usize::from(key.group)).filter(|load| load.requests < given) {
        load.requests = given;
        load.management = key.account == management;
    }
}

/// An account's id as a number: 12 digits.
fn number(account: &AccountId) -> u64 {
    account.as_str().parse().unwrap_or(u64::MAX)
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
        let mut gate = Gate::new(&account);
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
    fn full_buckets_of_members_are_dropped_and_their_most_is_remembered() {
        let (management, region): (AccountId, Region) = ("111111111111".parse().unwrap(), "us-east-1".parse().unwrap());
        let mut gate = Gate::new(&management);
        let start = Instant::now();
        for second in 0..30 {
            let now = start + Duration::from_secs(second);
            for n in 0..FIRST_SWEEP as u64 / 4 {
                let member: AccountId = format!("{:012}", 222_222_222_222 + second * 10_000 + n).parse().unwrap();
                gate.pass(&member, &region, ("config", false), "DescribeConfigRules", now).unwrap();
            }
            gate.pass(&management, &region, ("organizations", true), "ListPolicies", now).unwrap();
        }
        assert!(gate.buckets.len() < FIRST_SWEEP * 2, "{}", gate.buckets.len());
        let busy: AccountId = "333333333333".parse().unwrap();
        for n in 0..45 {
            let now = start + Duration::from_secs(40) + Duration::from_millis(n * 100);
            gate.pass(&busy, &region, ("config", false), "DescribeConfigRules", now).unwrap();
        }
        let loads = gate.loads();
        let told: Vec<_> = loads.iter().map(|load| (load.group.as_str(), load.requests, load.management)).collect();
        assert_eq!(told, [("ListPolicies", 30, true), ("DescribeConfigRules", 45, false)]);
        assert!((loads[0].seconds() - (30.0 - 8.0) / 5.0).abs() < 1e-9);
        assert!((loads[1].seconds() - (45.0 - 10.0) / 10.0).abs() < 1e-9);
    }

    #[test]
    fn each_service_throttles_in_its_own_words() {
        let codes: Vec<String> =
            ["organizations", "iam", "cloudtrail", "sns"].iter().map(|service| throttled(service).code).collect();
        assert_eq!(codes, ["TooManyRequestsException", "Throttling", "ThrottlingException", "Throttled"]);
    }
}
