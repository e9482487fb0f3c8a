//! The buckets that trails write to, collected from the sandbox by who owns them.

use crate::sandboxed::{facts_of, requests_of, unknowns};
use orgward::model::bucket::TrailBucket;
use orgward::model::{AccountFacts, AccountId, CauseKind, Observed};
use orgward::sandbox::generate::Problem;
use orgward::sandbox::generate::buckets::ALL_USERS;
use orgward::sandbox::{Fault, FaultKind, Sandbox, Scenario};

/// `Scenario::small` with this problem in `app-one`; the accounts `app-one` and `audit`, which owns the organization's bucket.
fn small(problem: Option<Problem>) -> (Sandbox, AccountId, AccountId) {
    let mut scenario = Scenario::small();
    problem.into_iter().for_each(|problem| scenario.plant("app-one", problem));
    let id = |name: &str| scenario.account(name).unwrap().id.clone();
    let (one, audit) = (id("app-one"), id("audit"));
    (Sandbox::new(scenario), one, audit)
}

fn only(facts: &AccountFacts) -> &TrailBucket {
    let [bucket] = facts.trail_buckets.value().unwrap().as_slice() else { panic!("{:?}", facts.trail_buckets) };
    bucket
}

/// The calls to S3.
fn asked(sandbox: &Sandbox, account: &AccountId) -> Vec<String> {
    let made = requests_of(&sandbox.requests(), account);
    made.into_iter().filter_map(|call| call.strip_prefix("s3:").map(str::to_owned)).collect()
}

#[tokio::test(start_paused = true)]
async fn the_organizations_bucket_is_read_by_its_owner_alone() {
    let (sandbox, one, audit) = small(None);
    let facts = facts_of(&sandbox, &audit, &["eu-central-1"]).await;
    assert_eq!(unknowns(&facts), []);
    let bucket = only(&facts);
    assert!(bucket.name.starts_with("org-trail-") && bucket.region == Scenario::small().home);
    assert_eq!((bucket.public_policy.value(), bucket.group_grants.value().map(Vec::len)), (Some(&false), Some(0)));
    assert_eq!(bucket.access_log_bucket.value(), Some(&format!("access-logs-{audit}")));
    assert_eq!(facts.trail_buckets.source().map(|source| source.operation.as_str()), Some("s3:ListBuckets"));
    let mut calls = asked(&sandbox, &audit);
    calls.sort();
    assert_eq!(calls, ["GetBucketAcl", "GetBucketLogging", "GetBucketPolicyStatus", "ListBuckets"]);

    let other = facts_of(&sandbox, &one, &["eu-central-1"]).await;
    assert_eq!(other.trail_buckets.value(), Some(&Vec::new()), "its own buckets are no trail's");
    assert_eq!(asked(&sandbox, &one), ["ListBuckets"]);
}

#[tokio::test(start_paused = true)]
async fn a_public_unlogged_bucket_of_an_own_trail_elsewhere_is_seen_as_it_is() {
    let (sandbox, one, _) = small(Some(Problem::OwnTrail { public: true, logged: false }));
    let bucket_of = |facts: &AccountFacts| only(facts).clone();
    let bucket = bucket_of(&facts_of(&sandbox, &one, &["us-east-1"]).await);
    assert_eq!(bucket.public_policy.value(), Some(&true));
    let grants = bucket.group_grants.value().unwrap();
    assert_eq!((grants[0].group.as_str(), grants[0].permission.as_str(), grants.len()), (ALL_USERS, "READ", 1));
    assert!(matches!(bucket.access_log_bucket, Observed::Absent { .. }));

    // Not where its trail is; and without a policy.
    sandbox.with(|org| {
        let bucket = org.state_mut(&one).buckets.get_mut(&bucket.name).unwrap();
        (bucket.region, bucket.public_policy) = ("ap-southeast-2".parse().unwrap(), None);
    });
    let facts = facts_of(&sandbox, &one, &["us-east-1"]).await;
    assert_eq!(unknowns(&facts), []);
    let bucket = bucket_of(&facts);
    assert_eq!(bucket.region.as_str(), "ap-southeast-2");
    assert!(matches!(bucket.public_policy, Observed::Absent { .. }), "{:?}", bucket.public_policy);
}

#[tokio::test(start_paused = true)]
async fn what_is_denied_is_a_cause_and_never_an_empty_list() {
    let (sandbox, _, audit) = small(None);
    for (service, operation, fact) in [
        ("s3", "ListBuckets", "trail_buckets"),
        ("s3", "GetBucketPolicyStatus", "public_policy"),
        ("s3", "GetBucketAcl", "group_grants"),
        ("s3", "GetBucketLogging", "access_log_bucket"),
    ] {
        for (fault, kind) in [
            (FaultKind::Deny, CauseKind::AccessDenied),
            (FaultKind::Throttle { rate: 1.0 }, CauseKind::Throttled),
            (FaultKind::ExpiredToken, CauseKind::ExpiredCredentials),
            (FaultKind::Html, CauseKind::NotAnAwsAnswer),
            (FaultKind::Garbage, CauseKind::NotAnAwsAnswer),
        ] {
            sandbox.faults().clear();
            sandbox.faults().add(Fault::new(fault.clone()).operation(service, operation));
            let facts = facts_of(&sandbox, &audit, &["eu-central-1"]).await;
            let causes: Vec<(&str, CauseKind, String)> =
                unknowns(&facts).into_iter().map(|(name, cause)| (name, cause.kind, cause.operation)).collect();
            assert_eq!(causes, [(fact, kind, format!("{service}:{operation}"))], "{fault:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_trail_nobody_is_asked_and_an_unknown_trail_leaves_buckets_unknown() {
    let (sandbox, _, audit) = small(None);
    sandbox.faults().add(Fault::new(FaultKind::Deny).account(&audit).operation("cloudtrail", "DescribeTrails"));
    let facts = facts_of(&sandbox, &audit, &["eu-central-1"]).await;
    let cause = facts.trail_buckets.cause().unwrap();
    assert_eq!((cause.kind, cause.operation.as_str()), (CauseKind::AccessDenied, "cloudtrail:DescribeTrails"));
    assert!(asked(&sandbox, &audit).is_empty());
    sandbox.faults().clear();

    sandbox.with(|org| {
        let management = org.info.management_account.clone();
        org.state_mut(&management).trails.clear();
    });
    let facts = facts_of(&sandbox, &audit, &["eu-central-1"]).await;
    assert_eq!(facts.trail_buckets.value(), Some(&Vec::new()));
    assert!(asked(&sandbox, &audit).is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_bucket_gone_meanwhile_or_of_another_owner_is_an_error_of_each_part() {
    let (sandbox, _, audit) = small(None);
    for (status, code) in [(404, "NoSuchBucket"), (403, "AccessDenied"), (400, "AuthorizationHeaderMalformed")] {
        let kind = FaultKind::Error { status, code: code.into(), message: "no".into() };
        sandbox.faults().clear();
        for operation in ["GetBucketAcl", "GetBucketLogging", "GetBucketPolicyStatus"] {
            sandbox.faults().add(Fault::new(kind.clone()).operation("s3", operation));
        }
        let facts = facts_of(&sandbox, &audit, &["eu-central-1"]).await;
        let bucket = only(&facts);
        let causes = [bucket.public_policy.cause(), bucket.group_grants.cause(), bucket.access_log_bucket.cause()];
        for cause in causes {
            assert!(cause.unwrap().message.starts_with(code), "{cause:?}");
        }
    }
}
