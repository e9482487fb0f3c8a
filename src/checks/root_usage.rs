//! Whether someone is told when the root user is used: the whole chain from trail to confirmed subscription.
//!
//! Owns: one check of one account, and what a metric filter must catch. An organization trail is followed once, in the account
//! that owns its log group, and covers every member. Must not: compare pattern texts; patterns are judged by what they match.

use super::chain::{Catches, Chain, follow};
use super::evaluate::{Check, Facts, Judge, Judgement, Outcome};
use super::recording::distinct;
use super::references::aws;
use super::thresholds::Thresholds;
use crate::model::check::{CheckMeta, Fact, Granularity, Remediation, Severity};
use crate::model::finding::FailingResource;
use crate::model::monitoring::{MetricFilter, Monitoring};
use crate::model::trail::Trail;
use crate::model::{AccountId, Cause, Observed};
use crate::pattern::Pattern;
use serde_json::{Value, json};

/// The family.
pub(super) const CHECKS: &[Check] = &[Check { meta: ALARM, judge: Judge::Whole(alarm) }];

const ABOUT: &str = "use of the root user";

pub(super) const ALARM: CheckMeta = CheckMeta {
    id: "root-usage-alarm",
    title: "Someone is told when the root user is used",
    severity: Severity::Medium,
    granularity: Granularity::Account,
    rationale: "The root user should never act, so each act deserves a look within minutes. The alarm works only if every \
                link holds: a multi-Region trail that logs all management events to a log group, a metric filter, an alarm \
                with actions, a topic, a confirmed subscription. An organization trail does it once for all accounts.",
    remediation: Remediation {
        console: "In the account that owns the trail's log group: CloudWatch, Log groups, the group, Metric filters, Create; \
                  then create an alarm on that metric (Sum, 5 minutes, >= 1) that notifies an SNS topic, and confirm the \
                  subscription from the receiver's side.",
        cli: "aws logs put-metric-filter --log-group-name <group> --filter-name root-usage --filter-pattern \
              '{ $.userIdentity.type = \"Root\" && $.userIdentity.invokedBy NOT EXISTS && $.eventType != \
              \"AwsServiceEvent\" }' --metric-transformations \
              metricName=RootUsage,metricNamespace=<namespace>,metricValue=1; aws cloudwatch put-metric-alarm --alarm-name \
              root-usage --namespace <namespace> --metric-name RootUsage --statistic Sum --period 300 \
              --evaluation-periods 1 --threshold 1 --comparison-operator GreaterThanOrEqualToThreshold \
              --treat-missing-data notBreaching --alarm-actions <topic ARN>; aws sns subscribe --topic-arn <topic ARN> \
              --protocol email --notification-endpoint <address>",
        playbook: Some("root-usage-alarm"),
    },
    references: &[aws("AWS CloudTrail user guide", "Creating CloudWatch alarms for CloudTrail events: examples")],
    facts: &[Fact::OrganizationTrails, Fact::OrganizationMonitoring, Fact::Trails, Fact::Monitoring],
};

fn alarm(facts: &mut Facts<'_>, _: &Thresholds) -> Judgement {
    if let Some(pass) = facts.any_of(&[&organization, &own]) {
        return Ok(Outcome::pass(pass));
    }
    facts.certain()?;
    // Everything needed was known, so what breaks each chain is known too.
    let mut failing = Vec::new();
    for (trail, chain) in chains(facts)? {
        if let Chain::Broken(links) = chain {
            failing.push(FailingResource { resource: trail.arn.clone(), message: links.join("; ") });
        }
    }
    failing.sort();
    failing.dedup();
    let words: Vec<String> = failing
        .iter()
        .map(|f| format!("trail `{}`: {}", f.resource.rsplit('/').next().unwrap_or_default(), f.message))
        .collect();
    let message = match words.as_slice() {
        [] => "nobody is told when the root user is used: no trail records this account".to_owned(),
        words => format!("nobody is told when the root user is used: {}", words.join("; ")),
    };
    Ok(Outcome::Fail(message, failing))
}

/// Looks for a whole chain from an organization trail.
fn organization(facts: &mut Facts<'_>) -> Result<Option<String>, Cause> {
    let trails = facts.organization_trails()?;
    let watched = facts.organization_monitoring()?;
    let followed: Vec<Chain> =
        trails.iter().filter(|trail| trail.organization_trail).map(|trail| shared(trail, watched)).collect();
    Ok(proof(facts, followed, "covered by the organization trail: "))
}

/// Looks for a whole chain from a trail the account sees.
fn own(facts: &mut Facts<'_>) -> Result<Option<String>, Cause> {
    let seen = facts.trails()?;
    let (watched, shared) = (facts.monitoring()?, facts.organization_monitoring()?);
    let account = facts.account_id();
    let found = distinct(seen);
    // An organization trail is the organization's to prove; a member sees no more than its outline.
    let mine = found.into_iter().filter(|trail| !trail.organization_trail || trail.owner().as_ref() == account);
    // The log group of an organization trail may be another account's, and is then read with the organization only.
    let around =
        |trail: &Trail| if trail.organization_trail && around(trail, watched).is_none() { shared } else { watched };
    let followed: Vec<Chain> = mine.map(|trail| of_account(trail, around(trail), account)).collect();
    if !followed.iter().any(|chain| matches!(chain, Chain::Whole { .. })) {
        if seen.is_empty() {
            facts.doubt_of(Cause::not_collected("cloudtrail:DescribeTrails"));
        }
        // A Region that did not answer may hide a trail with a whole chain: unless another answered with a multi-Region
        // trail list, which is the same from everywhere.
        if !seen.values().any(|trails| trails.cause().is_none()) {
            seen.values().filter_map(Observed::cause).for_each(|cause| facts.doubt_of(cause.clone()));
        }
    }
    seen.values().for_each(|trails| facts.rest_on(trails.source()));
    Ok(proof(facts, followed, ""))
}

fn shared(trail: &Trail, watched: &[Monitoring]) -> Chain {
    let owner = trail.owner();
    // The log group is shared: a filter for one account's events only does not do.
    let accounts = [owner.as_ref().map_or("", AccountId::as_str), "111122223333"];
    follow(trail, around(trail, watched), ABOUT, &|filter| catches_root_use(filter, &accounts))
}

fn of_account(trail: &Trail, watched: &[Monitoring], account: Option<&AccountId>) -> Chain {
    let accounts = [account.map_or("", AccountId::as_str)];
    follow(trail, around(trail, watched), ABOUT, &|filter| catches_root_use(filter, &accounts))
}

/// What watches a trail's log group.
fn around<'m>(trail: &Trail, watched: &'m [Monitoring]) -> Option<&'m Monitoring> {
    let group = trail.log_group()?;
    watched.iter().find(|monitoring| monitoring.log_group == group)
}

/// The message of the first whole chain. If there is none, what is unknown of the others is noted.
fn proof(facts: &mut Facts<'_>, followed: Vec<Chain>, words: &str) -> Option<String> {
    let mut unknown = Vec::new();
    for chain in followed {
        match chain {
            Chain::Whole { through, sources } => {
                sources.iter().for_each(|source| facts.rest_on(Some(source)));
                return Some(format!("{words}{through}"));
            }
            Chain::Broken(_) => {}
            Chain::Unknown(cause) => unknown.push(cause),
        }
    }
    unknown.into_iter().for_each(|cause| facts.doubt_of(cause));
    None
}

/// Every trail that could do it, with what was found.
fn chains<'a>(facts: &mut Facts<'a>) -> Result<Vec<(&'a Trail, Chain)>, Cause> {
    let trails: &'a [Trail] = facts.organization_trails()?;
    let watched = facts.organization_monitoring()?;
    let mut found: Vec<(&Trail, Chain)> =
        trails.iter().filter(|trail| trail.organization_trail).map(|trail| (trail, shared(trail, watched))).collect();
    let seen = facts.trails()?;
    let watched = facts.monitoring()?;
    let account = facts.account_id();
    for trail in distinct(seen).into_iter().filter(|trail| !trail.organization_trail) {
        found.push((trail, of_account(trail, watched, account)));
    }
    Ok(found)
}

/// Whether a filter's pattern means "the root user was used" in these accounts: it matches every such event and no event of
/// anyone else. One that also matches what AWS does in the root user's name is noisier, not blind, and counts.
pub(super) fn catches_root_use(filter: &MetricFilter, accounts: &[&str]) -> Catches {
    let text = filter.pattern.trim();
    if !text.starts_with('{') {
        // A term or space-delimited pattern sees words, not the identity.
        return Catches::No;
    }
    let pattern = match Pattern::parse(text) {
        Ok(pattern) => pattern,
        Err(error) => return Catches::CannotTell(error.to_string()),
    };
    let all = accounts.iter().all(|account| root_events(account).iter().all(|event| pattern.matches(event)));
    let others = accounts.iter().any(|account| other_events(account).iter().any(|event| pattern.matches(event)));
    if all && !others { Catches::Yes } else { Catches::No }
}

/// Uses of the root user, varied in everything a pattern may look at by mistake.
fn root_events(account: &str) -> Vec<Value> {
    let root = json!({"type": "Root", "principalId": account, "arn": format!("arn:aws:iam::{account}:root"),
                      "accountId": account});
    let event = |name: &str, source: &str, kind: &str, region: &str, read_only: bool| {
        json!({"eventVersion": "1.08", "userIdentity": root, "eventTime": "2026-01-01T00:00:00Z", "eventSource": source,
               "eventName": name, "awsRegion": region, "sourceIPAddress": "198.51.100.7", "userAgent": "Mozilla/5.0",
               "eventType": kind, "readOnly": read_only, "managementEvent": true, "eventCategory": "Management",
               "recipientAccountId": account})
    };
    let with = |mut event: Value, key: &str, value: Value| {
        if let Some(fields) = event.as_object_mut() {
            fields.insert(key.to_owned(), value);
        }
        event
    };
    let login = event("ConsoleLogin", "signin.amazonaws.com", "AwsConsoleSignIn", "us-east-1", false);
    let with_mfa = with(login.clone(), "additionalEventData", json!({"MFAUsed": "Yes"}));
    let without_mfa = with(login.clone(), "additionalEventData", json!({"MFAUsed": "No"}));
    vec![
        with(with_mfa, "responseElements", json!({"ConsoleLogin": "Success"})),
        with(without_mfa, "responseElements", json!({"ConsoleLogin": "Success"})),
        with(
            with(login, "responseElements", json!({"ConsoleLogin": "Failure"})),
            "errorMessage",
            json!("Failed authentication"),
        ),
        event("CreateAccessKey", "iam.amazonaws.com", "AwsApiCall", "us-east-1", false),
        event("DescribeInstances", "ec2.amazonaws.com", "AwsApiCall", "eu-central-1", true),
        with(
            event("PutBucketPolicy", "s3.amazonaws.com", "AwsApiCall", "ap-southeast-2", false),
            "errorCode",
            json!("AccessDenied"),
        ),
    ]
}

/// What others do: an alarm that rings for these says nothing about the root user.
fn other_events(account: &str) -> Vec<Value> {
    let event = |identity: Value, kind: &str| {
        json!({"eventVersion": "1.08", "userIdentity": identity, "eventTime": "2026-01-01T00:00:00Z",
               "eventSource": "iam.amazonaws.com", "eventName": "CreateAccessKey", "awsRegion": "us-east-1",
               "sourceIPAddress": "198.51.100.7", "userAgent": "Mozilla/5.0", "eventType": kind, "readOnly": false,
               "recipientAccountId": account})
    };
    vec![
        event(
            json!({"type": "IAMUser", "arn": format!("arn:aws:iam::{account}:user/ann"), "accountId": account, "userName": "ann"}),
            "AwsApiCall",
        ),
        event(
            json!({"type": "AssumedRole", "arn": format!("arn:aws:sts::{account}:assumed-role/ops/ann"), "accountId": account}),
            "AwsApiCall",
        ),
        event(json!({"type": "AWSService", "invokedBy": "cloudtrail.amazonaws.com"}), "AwsApiCall"),
        event(json!({"accountId": account, "invokedBy": "AWS Internal"}), "AwsServiceEvent"),
    ]
}

#[cfg(test)]
mod tests;
