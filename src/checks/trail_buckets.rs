//! Buckets that trails write to, each judged in the account that owns it.
//!
//! Owns: two checks. Must not: judge a bucket of another account; a trail whose bucket is elsewhere does not apply here.
//! Source: CloudTrail user guide, "Amazon S3 bucket policy for CloudTrail"; Amazon S3 user guide, "Access control list (ACL)
//! overview", "Logging requests with server access logging".

use super::evaluate::{Check, Facts, Judge, Judgement, Outcome};
use super::recording::distinct;
use super::references::aws;
use super::thresholds::Thresholds;
use super::trail_settings::all_regions;
use crate::model::Cause;
use crate::model::bucket::TrailBucket;
use crate::model::check::{CheckMeta, Fact, Granularity, Remediation, Severity};
use crate::model::finding::FailingResource;
use crate::model::ids::Arn;
use std::collections::BTreeMap;

/// The family.
pub(super) const CHECKS: &[Check] =
    &[Check { meta: PUBLIC, judge: Judge::Whole(public) }, Check { meta: LOGGING, judge: Judge::Whole(logging) }];

const GUIDE: &str = "AWS CloudTrail user guide";

pub(super) const PUBLIC: CheckMeta = CheckMeta {
    id: "trail-bucket-public",
    title: "No bucket that a trail writes to is public",
    severity: Severity::Critical,
    granularity: Granularity::Account,
    rationale: "Trails tell who may do what, from where, and which names things have: a map for intruders. Policy and ACL are \
                judged as they stand, whether or not Block Public Access holds them back today. The bucket is judged in the \
                account that owns it.",
    remediation: Remediation {
        console: "In the account that owns the bucket: S3, the bucket, Permissions: Block all public access; then take the \
                  public statement out of the policy and the grants to Everyone and Authenticated users out of the ACL.",
        cli: "# in the account that owns the bucket\n\
              aws s3api put-public-access-block --bucket <bucket> --public-access-block-configuration \
              BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=true,RestrictPublicBuckets=true\n\
              # where its ACL has grants\n\
              aws s3api put-bucket-acl --bucket <bucket> --acl private",
        playbook: None,
    },
    references: &[aws(GUIDE, "Amazon S3 bucket policy for CloudTrail")],
    facts: &[Fact::Regions, Fact::TrailBuckets, Fact::Trails],
};

/// Groups that anyone is in, or anyone with an AWS account, by the end of their URI.
const ANYONE: [(&str, &str); 2] =
    [("/global/AllUsers", "everyone"), ("/global/AuthenticatedUsers", "everyone with an AWS account")];

fn public(facts: &mut Facts<'_>, _: &Thresholds) -> Judgement {
    each(facts, open, "open to the public", "no bucket of this account that a trail writes to is public")
}

fn open<'a>(facts: &mut Facts<'a>, bucket: &'a TrailBucket) -> Vec<String> {
    let mut words = Vec::new();
    if matches!(facts.part(&bucket.public_policy), Ok(Some(true))) {
        words.push("has a public policy".to_owned());
    }
    // What is unknown of the one is logged, and the other still stands.
    let grants = facts.part(&bucket.group_grants).ok().flatten().map_or(&[][..], Vec::as_slice);
    for grant in grants {
        let to = ANYONE.iter().find(|(group, _)| grant.group.ends_with(group));
        words.extend(to.map(|(_, to)| format!("grants {} to {to}", grant.permission)));
    }
    words
}

pub(super) const LOGGING: CheckMeta = CheckMeta {
    id: "trail-bucket-logging",
    title: "Access to every bucket that a trail writes to is logged",
    severity: Severity::Low,
    granularity: Granularity::Account,
    rationale: "Who read or deleted log files is seen in the bucket's own access log only. The bucket is judged in the account \
                that owns it.",
    remediation: Remediation {
        console: "In the account that owns the bucket: S3, the bucket, Properties, Server access logging, Edit: Enable, with \
                  another bucket as destination.",
        cli: "# in the account that owns the bucket\n\
              aws s3api put-bucket-logging --bucket <bucket> --bucket-logging-status '{\"LoggingEnabled\": \
              {\"TargetBucket\": \"<another bucket>\", \"TargetPrefix\": \"<bucket>/\"}}'",
        playbook: None,
    },
    references: &[aws("Amazon S3 user guide", "Logging requests with server access logging")],
    facts: &[Fact::Regions, Fact::TrailBuckets, Fact::Trails],
};

fn logging(facts: &mut Facts<'_>, _: &Thresholds) -> Judgement {
    each(
        facts,
        unlogged,
        "without access logs",
        "access to every bucket of this account that a trail writes to is logged",
    )
}

fn unlogged<'a>(facts: &mut Facts<'a>, bucket: &'a TrailBucket) -> Vec<String> {
    match facts.part(&bucket.access_log_bucket) {
        Ok(None) => vec!["has no access log".to_owned()],
        Ok(Some(_)) | Err(_) => Vec::new(),
    }
}

/// What is wrong with a bucket; empty if nothing is.
type Faults<'a> = fn(&mut Facts<'a>, &'a TrailBucket) -> Vec<String>;

fn each<'a>(facts: &mut Facts<'a>, faults: Faults<'a>, wrong: &str, right: &str) -> Judgement {
    let buckets = facts.trail_buckets()?;
    // A trail writes to buckets of its own partition only.
    let any = distinct(facts.trails()?).into_iter().find_map(|trail| Arn::parse(&trail.arn));
    let partition = any.map_or("aws", |arn| arn.partition);
    let mut failing = Vec::new();
    for bucket in buckets {
        let words = faults(facts, bucket);
        if !words.is_empty() {
            let message = format!("bucket `{}` {}", bucket.name, words.join(" and "));
            failing.push(FailingResource { resource: format!("arn:{partition}:s3:::{}", bucket.name), message });
        }
    }
    if failing.is_empty() {
        // A trail that was not seen may write to another bucket of this account.
        all_regions(facts)?;
    }
    if buckets.is_empty() {
        return Ok(Outcome::NotApplicable(elsewhere(facts)?));
    }
    failing.sort();
    Ok(match failing.as_slice() {
        [] => Outcome::pass(right),
        [one] => Outcome::Fail(one.message.clone(), failing),
        more => Outcome::Fail(format!("{} buckets of trails are {wrong}", more.len()), failing),
    })
}

/// Why no bucket is judged in this account. The buckets of organization trails are looked for in every account, those of other
/// trails in the trail's own.
fn elsewhere(facts: &mut Facts<'_>) -> Result<String, Cause> {
    let trails = distinct(facts.trails()?);
    let of = |organization: bool| {
        let named = trails.iter().filter(|trail| trail.organization_trail == organization);
        let named = named.filter_map(|trail| Some((trail.name.as_str(), trail.s3_bucket.as_deref()?)));
        let named: BTreeMap<&str, &str> = named.collect();
        Vec::from_iter(named.iter().map(|(trail, bucket)| format!("`{bucket}` of trail `{trail}`")))
    };
    let judged = "judged there if that is audited";
    let unjudged = "judged there only if a trail of that account or of the organization writes to it too";
    let words = [belonging(&of(true), judged), belonging(&of(false), unjudged)];
    let words: Vec<String> = words.into_iter().flatten().collect();
    Ok(if words.is_empty() { "no trail writes to a bucket of this account".to_owned() } else { words.join("; ") })
}

/// That buckets belong to others, and what becomes of them there; `None` for no buckets.
fn belonging(buckets: &[String], judged: &str) -> Option<String> {
    match buckets {
        [] => None,
        [one] => Some(format!("the bucket {one} belongs to another account, and is {judged}")),
        more => Some(format!("the buckets {} belong to other accounts, and each is {judged}", more.join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{self, absent, seen, trail_bucket};
    use super::super::tests::{hidden, judge};
    use super::*;
    use crate::model::bucket::GroupGrant;
    use crate::model::{AccountFacts, Finding, Observed, Verdict};

    fn with(buckets: Vec<TrailBucket>, meta: &CheckMeta) -> Finding {
        let trail_buckets = seen("s3:ListBuckets", buckets);
        let facts = AccountFacts { trail_buckets, ..fixtures::account_with_trail() };
        judge(&fixtures::org_without_trail(), &facts, meta.id)
    }

    fn granting(group: &str) -> TrailBucket {
        let group = format!("http://acs.amazonaws.com/groups/{group}");
        let grants = vec![GroupGrant { group, permission: "READ".to_owned() }];
        TrailBucket { group_grants: seen("s3:GetBucketAcl", grants), ..trail_bucket("logs") }
    }

    #[test]
    fn policy_and_acl_may_each_make_a_bucket_public() {
        let by_policy = TrailBucket { public_policy: seen("s3:GetBucketPolicyStatus", true), ..trail_bucket("logs") };
        for (bucket, words) in [
            (by_policy.clone(), "bucket `logs` has a public policy"),
            (granting("global/AllUsers"), "bucket `logs` grants READ to everyone"),
            (granting("global/AuthenticatedUsers"), "bucket `logs` grants READ to everyone with an AWS account"),
            (
                TrailBucket { public_policy: by_policy.public_policy.clone(), ..granting("global/AllUsers") },
                "bucket `logs` has a public policy and grants READ to everyone",
            ),
        ] {
            let finding = with(vec![bucket], &PUBLIC);
            assert_eq!((finding.verdict, finding.message.as_str()), (Verdict::Fail, words));
            assert_eq!(finding.resources[0].resource, "arn:aws:s3:::logs");
        }
        let private = TrailBucket { public_policy: absent("s3:GetBucketPolicyStatus"), ..granting("s3/LogDelivery") };
        assert_eq!(with(vec![private], &PUBLIC).verdict, Verdict::Pass, "no policy, and S3's own delivery");
        let two = with(vec![by_policy.clone(), TrailBucket { name: "more".to_owned(), ..by_policy }], &PUBLIC);
        assert_eq!(two.message, "2 buckets of trails are open to the public");
    }

    #[test]
    fn a_bucket_is_named_in_the_partition_of_its_trail() {
        let trail_buckets = seen("s3:ListBuckets", vec![granting("global/AllUsers")]);
        let mut facts = AccountFacts { trail_buckets, ..fixtures::account_with_trail() };
        for trail in facts.trails.values_mut().filter_map(|seen| match seen {
            Observed::Present { value, .. } => Some(value),
            _ => None,
        }) {
            trail.iter_mut().for_each(|trail| trail.arn = trail.arn.replacen("arn:aws:", "arn:aws-us-gov:", 1));
        }
        let finding = judge(&fixtures::org_without_trail(), &facts, PUBLIC.id);
        assert_eq!(finding.resources[0].resource, "arn:aws-us-gov:s3:::logs");
    }

    #[test]
    fn what_is_unknown_forbids_a_pass_and_hides_no_failure() {
        let blind = TrailBucket { public_policy: hidden(), ..trail_bucket("logs") };
        assert_eq!(with(vec![blind], &PUBLIC).verdict, Verdict::Unknown);
        let open = TrailBucket { public_policy: hidden(), ..granting("global/AllUsers") };
        assert_eq!(with(vec![open], &PUBLIC).verdict, Verdict::Fail);
        let mut facts = fixtures::account_with_trail();
        facts.trails.values_mut().for_each(|trails| *trails = hidden());
        assert_eq!(judge(&fixtures::org_without_trail(), &facts, LOGGING.id).verdict, Verdict::Unknown);
    }

    #[test]
    fn access_is_logged_or_not() {
        assert_eq!(with(vec![trail_bucket("logs")], &LOGGING).verdict, Verdict::Pass);
        let silent = TrailBucket { access_log_bucket: absent("s3:GetBucketLogging"), ..trail_bucket("logs") };
        let finding = with(vec![silent], &LOGGING);
        assert_eq!((finding.verdict, finding.message.as_str()), (Verdict::Fail, "bucket `logs` has no access log"));
    }

    #[test]
    fn a_bucket_of_another_account_is_judged_there() {
        for meta in [&PUBLIC, &LOGGING] {
            let finding = judge(&fixtures::org(), &fixtures::account(), meta.id);
            assert_eq!(finding.verdict, Verdict::NotApplicable);
            let words = "the bucket `logs` of trail `org-trail` belongs to another account, and is judged there if that is audited";
            assert_eq!(finding.message, words);
            // Nobody asks another account for the bucket of a trail that is not the organization's.
            let own = with(Vec::new(), meta);
            assert_eq!(own.verdict, Verdict::NotApplicable);
            assert!(
                own.message
                    .ends_with("judged there only if a trail of that account or of the organization writes to it too")
            );
            let mut bare = fixtures::account();
            bare.trails.values_mut().for_each(|trails| *trails = seen("cloudtrail:DescribeTrails", Vec::new()));
            let finding = judge(&fixtures::org_without_trail(), &bare, meta.id);
            assert_eq!(finding.message, "no trail writes to a bucket of this account");
            let unread =
                AccountFacts { trail_buckets: Observed::not_collected("s3:ListBuckets"), ..fixtures::account() };
            assert_eq!(judge(&fixtures::org(), &unread, meta.id).verdict, Verdict::Unknown);
        }
    }
}
