//! How trails are set up: that they log, what they record, where they deliver, with which key, and whom they reach.
//!
//! Owns: five checks. An organization trail is judged by what its owner was told of it. Must not: ask whether each Region is
//! recorded (`trails` does) or what watches a log group (`told` does).

use super::evaluate::{Check, Facts, Judge, Judgement, Outcome};
use super::recording::{Recording, distinct, recorded, recording, silent, why_silent};
use super::references::aws;
use super::thresholds::Thresholds;
use super::trails::whose;
use crate::model::account::RegionState;
use crate::model::check::{CheckMeta, Fact, Granularity, Remediation, Severity};
use crate::model::finding::FailingResource;
use crate::model::trail::Trail;
use crate::model::{Cause, Observed};

/// The family.
pub(super) const CHECKS: &[Check] = &[
    Check { meta: LOGGING, judge: Judge::Whole(logging) },
    Check { meta: MANAGEMENT_EVENTS, judge: Judge::Whole(management_events) },
    Check { meta: LOG_GROUP, judge: Judge::Whole(log_group) },
    Check { meta: KMS, judge: Judge::Whole(kms) },
    Check { meta: HOME_REGION, judge: Judge::Whole(home_region) },
];

const GUIDE: &str = "AWS CloudTrail user guide";

pub(super) const LOGGING: CheckMeta = CheckMeta {
    id: "trail-logging",
    title: "Every trail seen is logging and delivers",
    severity: Severity::High,
    granularity: Granularity::Account,
    rationale: "A trail that is stopped, or that can't write to its bucket, looks like a trail and records nothing.",
    remediation: Remediation {
        console: "CloudTrail, Trails, the trail, Start logging; where it can't deliver: mend the bucket's policy.",
        cli: "aws cloudtrail start-logging --name <trail ARN>\n\
              # whether it delivers\n\
              aws cloudtrail get-trail-status --name <trail ARN>",
        playbook: None,
    },
    references: &[aws(GUIDE, "Turning off logging for a trail")],
    facts: &[Fact::Regions, Fact::Trails, Fact::OrganizationTrails],
};

fn logging(facts: &mut Facts<'_>, _: &Thresholds) -> Judgement {
    each(facts, stopped, "not recording", "is logging and delivers")
}

fn stopped<'a>(facts: &mut Facts<'a>, trail: &'a Trail) -> Result<Option<String>, Cause> {
    Ok(match known(facts, trail, |trail| &trail.status)? {
        Some(status) if status.is_logging => {
            status.delivery_error.as_ref().map(|error| format!("can't deliver to its bucket: {error}"))
        }
        _ => Some("is not logging".to_owned()),
    })
}

pub(super) const MANAGEMENT_EVENTS: CheckMeta = CheckMeta {
    id: "trail-management-events",
    title: "A trail that logs records all management events, reads and writes",
    severity: Severity::High,
    granularity: Granularity::Account,
    rationale: "Writes show what was done, reads what someone was looking for. Selectors can leave out either, single sources, or \
                all management events. Sources that CloudTrail offers to leave out because of their volume (KMS, RDS Data API) \
                are named where they are left out.",
    remediation: Remediation {
        console: "CloudTrail, Trails, the trail, Management events, Edit: API activity Read and Write, no source excluded.",
        cli: "aws cloudtrail get-event-selectors --trail-name <trail ARN>\n\
              # this replaces all of them: repeat those of data events\n\
              aws cloudtrail put-event-selectors --trail-name <trail ARN> --advanced-event-selectors \
              '[{\"FieldSelectors\": [{\"Field\": \"eventCategory\", \"Equals\": [\"Management\"]}]}]'",
        playbook: None,
    },
    references: &[aws(GUIDE, "Logging management events")],
    facts: &[Fact::Regions, Fact::Trails, Fact::OrganizationTrails],
};

fn management_events(facts: &mut Facts<'_>, _: &Thresholds) -> Judgement {
    let organization = |facts: &mut Facts<'_>| {
        let (known, trails) = (facts.regions()?, facts.organization_trails()?);
        let heard = trails.iter().filter(|trail| trail.organization_trail && !silent(trail, known));
        Ok(recorded(facts, heard, "covered by the organization trail"))
    };
    let own = |facts: &mut Facts<'_>| {
        let (seen, account) = (facts.trails()?, facts.account_id());
        // An organization trail is the organization's to prove; a member sees no more than its outline.
        let mine = |trail: &&Trail| !trail.organization_trail || trail.owner().as_ref() == account;
        let found = recorded(facts, distinct(seen).into_iter().filter(mine), "recorded by trail");
        if found.is_none() {
            all_regions(facts)?;
        } else {
            seen.values().for_each(|trails| facts.rest_on(trails.source()));
        }
        Ok(found)
    };
    if let Some(pass) = facts.any_of(&[&organization, &own]) {
        return Ok(Outcome::pass(pass));
    }
    facts.certain()?;
    // Everything was known, so these reads succeed again.
    let (known, shared) = (facts.regions()?, facts.organization_trails()?);
    let seen = facts.trails()?;
    let others = distinct(seen).into_iter().filter(|trail| !shared.iter().any(|other| other.arn == trail.arn));
    let mut failing: Vec<FailingResource> = shared
        .iter()
        .filter(|trail| trail.organization_trail)
        .chain(others)
        .filter_map(|trail| match recording(trail) {
            Recording::Broken(links) => Some((trail, links.join(" and "))),
            Recording::Whole { .. } if trail.organization_trail && silent(trail, known) => {
                Some((trail, why_silent(trail)))
            }
            Recording::Whole { .. } | Recording::Unknown(_) => None,
        })
        .map(|(trail, why)| FailingResource { resource: trail.arn.clone(), message: format!("{} {why}", whose(trail)) })
        .collect();
    failing.sort();
    let words: Vec<&str> = failing.iter().map(|failing| failing.message.as_str()).collect();
    let message = match words.as_slice() {
        [] => "no trail records management events of this account".to_owned(),
        words => format!("no trail records all management events: {}", words.join("; ")),
    };
    Ok(Outcome::Fail(message, failing))
}

pub(super) const LOG_GROUP: CheckMeta = CheckMeta {
    id: "trail-cloudwatch-logs",
    title: "Every trail seen delivers to CloudWatch Logs, within the last day",
    severity: Severity::Low,
    granularity: Granularity::Account,
    rationale: "Filters and alarms read a log group, not a bucket. A trail whose deliveries stopped, because its role or the log \
                group is gone, still names the group.",
    remediation: Remediation {
        console: "CloudTrail, Trails, the trail, CloudWatch Logs, Edit: Enabled, a log group and a role that may write to it.",
        cli: "aws cloudtrail update-trail --name <trail ARN> --cloud-watch-logs-log-group-arn <log group ARN> \
              --cloud-watch-logs-role-arn <role ARN>",
        playbook: None,
    },
    references: &[aws(GUIDE, "Sending events to CloudWatch Logs")],
    facts: &[Fact::Regions, Fact::Trails, Fact::OrganizationTrails],
};

fn log_group(facts: &mut Facts<'_>, _: &Thresholds) -> Judgement {
    each(facts, undelivered, "not delivering to CloudWatch Logs", "delivers to CloudWatch Logs")
}

fn undelivered<'a>(facts: &mut Facts<'a>, trail: &'a Trail) -> Result<Option<String>, Cause> {
    if trail.log_group_arn.is_none() {
        return Ok(Some("delivers to no log group".to_owned()));
    }
    let Some(status) = known(facts, trail, |trail| &trail.status)? else {
        return Ok(Some("is gone".to_owned()));
    };
    if let Some(error) = &status.log_group_delivery_error {
        return Ok(Some(format!("can't deliver to its log group: {error}")));
    }
    let Some(last) = status.latest_log_group_delivery else {
        return Ok(Some("has never delivered to its log group".to_owned()));
    };
    let old = facts.days_since(last) >= 1;
    Ok(old.then(|| format!("delivered to its log group more than a day ago last, at {last}")))
}

pub(super) const KMS: CheckMeta = CheckMeta {
    id: "trail-kms",
    title: "Log files of every trail seen are encrypted with a KMS key",
    severity: Severity::Low,
    granularity: Granularity::Account,
    rationale: "With a key of KMS whoever reads the log files needs the bucket and the key, and each use of the key is on record.",
    remediation: Remediation {
        console: "CloudTrail, Trails, the trail, General details, Edit, Log file SSE-KMS encryption: Enabled.",
        cli: "# a key whose policy lets CloudTrail encrypt\n\
              aws cloudtrail update-trail --name <trail ARN> --kms-key-id <key ARN>",
        playbook: None,
    },
    references: &[aws(
        GUIDE,
        "Encrypting CloudTrail log files, digest files, and Insights event files with AWS KMS keys",
    )],
    facts: &[Fact::Regions, Fact::Trails],
};

fn kms(facts: &mut Facts<'_>, _: &Thresholds) -> Judgement {
    each(facts, unencrypted, "without a KMS key", "encrypts its log files with a KMS key")
}

fn unencrypted<'a>(_: &mut Facts<'a>, trail: &'a Trail) -> Result<Option<String>, Cause> {
    Ok(trail.kms_key.is_none().then(|| "encrypts its log files with no KMS key".to_owned()))
}

/// A part of a trail that only its owner is told: of an organization trail as the organization was told it.
fn known<'a, T: 'a>(
    facts: &mut Facts<'a>,
    trail: &'a Trail,
    part: fn(&'a Trail) -> &'a Observed<T>,
) -> Result<Option<&'a T>, Cause> {
    let here = part(trail);
    if here.cause().is_some() && trail.organization_trail {
        let shared = facts.organization_trails()?;
        if let Some(there) = shared.iter().find(|other| other.arn == trail.arn) {
            return facts.part(part(there));
        }
    }
    facts.part(here)
}

/// What is wrong with one trail; `None` if nothing is.
type Fault<'a> = fn(&mut Facts<'a>, &'a Trail) -> Result<Option<String>, Cause>;

/// Judges every trail that the account sees. What stays unknown of one forbids a pass, and what another lacks still stands.
fn each<'a>(facts: &mut Facts<'a>, fault: Fault<'a>, wrong: &str, right: &str) -> Judgement {
    let seen = facts.trails()?;
    let mut failing = Vec::new();
    let trails = distinct(seen);
    for trail in trails.iter().copied() {
        // The cause of an unknown part is logged where it is read.
        if let Ok(Some(why)) = fault(facts, trail) {
            failing.push(FailingResource { resource: trail.arn.clone(), message: format!("{} {why}", whose(trail)) });
        }
    }
    if failing.is_empty() {
        all_regions(facts)?;
    }
    if trails.is_empty() {
        return Ok(Outcome::NotApplicable("the account has no trail".to_owned()));
    }
    seen.values().for_each(|trails| facts.rest_on(trails.source()));
    let summary = |count| match count {
        1 => format!("1 trail is {wrong}"),
        _ => format!("{count} trails are {wrong}"),
    };
    // One trail is named in full.
    Ok(match (failing.len(), Outcome::of(failing, summary, &format!("every trail seen {right}"))) {
        (1, Outcome::Fail(_, failing)) => {
            let message = failing.first().map(|failing| failing.message.clone()).unwrap_or_default();
            Outcome::Fail(message, failing)
        }
        (_, outcome) => outcome,
    })
}

/// Reads every Region's list of trails: one that did not answer may hide a trail, and one that nobody knows of.
pub(super) fn all_regions(facts: &mut Facts<'_>) -> Result<(), Cause> {
    facts.regions()?;
    let seen = facts.trails()?;
    if seen.is_empty() {
        let cause = Cause::not_collected("cloudtrail:DescribeTrails");
        facts.doubt_of(cause.clone());
        return Err(cause);
    }
    for trails in seen.values() {
        facts.part(trails)?;
    }
    Ok(())
}

pub(super) const HOME_REGION: CheckMeta = CheckMeta {
    id: "trail-org-home-region",
    title: "The organization trail's home Region is enabled in the account",
    severity: Severity::Medium,
    granularity: Granularity::Account,
    rationale: "An organization trail whose home is an opt-in Region records nothing of accounts that have not enabled that \
                Region, in any Region, and nobody is told.",
    remediation: Remediation {
        console: "In the management account: CloudTrail, create the organization trail anew in a Region that is enabled by \
                  default; or in the account: Account, AWS Regions, the trail's home Region, Enable.",
        cli: "aws account enable-region --account-id <account id> --region-name <home Region of the trail>",
        playbook: None,
    },
    references: &[aws(GUIDE, "Creating a trail for an organization")],
    facts: &[Fact::Regions, Fact::OrganizationTrails],
};

fn home_region(facts: &mut Facts<'_>, _: &Thresholds) -> Judgement {
    let regions = facts.regions()?;
    let trails: Vec<&Trail> = facts.organization_trails()?.iter().filter(|trail| trail.organization_trail).collect();
    if trails.is_empty() {
        return Ok(Outcome::NotApplicable("the organization has no organization trail".to_owned()));
    }
    let mut silent = Vec::new();
    for trail in &trails {
        let home = &trail.home_region;
        match regions.get(home) {
            Some(RegionState::EnabledByDefault) => {
                return Ok(Outcome::pass(format!(
                    "organization trail `{}` has its home in {home}, which every account has enabled",
                    trail.name
                )));
            }
            Some(RegionState::Enabled) => {
                return Ok(Outcome::pass(format!(
                    "organization trail `{}` has its home in {home}, an opt-in Region that this account has enabled",
                    trail.name
                )));
            }
            Some(RegionState::Disabled) => silent.push(FailingResource {
                resource: trail.arn.clone(),
                message: format!("its home Region {home} is not enabled in this account"),
            }),
            None => {
                facts.doubt("account:ListRegions", format!("the answer does not name `{home}`"));
            }
        }
    }
    facts.certain()?;
    silent.sort();
    let name = |failing: &FailingResource| failing.resource.rsplit('/').next().unwrap_or_default().to_owned();
    let words: Vec<String> =
        silent.iter().map(|failing| format!("trail `{}`: {}", name(failing), failing.message)).collect();
    Ok(Outcome::Fail(format!("no organization trail records this account: {}", words.join("; ")), silent))
}

#[cfg(test)]
mod tests;
