//! CloudTrail: whether management events are recorded in each Region, and whether log files are signed.
//!
//! Owns: two checks. An organization trail covers its members: it is judged where its owner's status was read. Must not:
//! judge what watches the log group (`root_usage` does).

use super::evaluate::{Check, Facts, Judge, Judgement, Outcome};
use super::recording::{Recording, distinct, recorded, recording, silent};
use super::references::aws;
use super::thresholds::Thresholds;
use crate::model::check::{CheckMeta, Fact, Granularity, Remediation, Severity};
use crate::model::finding::FailingResource;
use crate::model::trail::Trail;
use crate::model::{Cause, Observed, Region};

/// The family.
pub(super) const CHECKS: &[Check] = &[
    Check { meta: MULTI_REGION, judge: Judge::Region(multi_region) },
    Check { meta: LOG_VALIDATION, judge: Judge::Whole(log_validation) },
];

pub(super) const MULTI_REGION: CheckMeta = CheckMeta {
    id: "trail-multi-region",
    title: "A trail records all management events in every enabled Region",
    severity: Severity::High,
    granularity: Granularity::AccountRegion,
    rationale: "What is not recorded can't be investigated, and intruders like Regions nobody uses. One organization trail \
                from the management account covers every member, new ones too.",
    remediation: Remediation {
        console: "In the management account: CloudTrail, Trails, Create trail, Enable for all accounts in my organization; \
                  Management events: Read and Write.",
        cli: "# in the management account\n\
              aws cloudtrail create-trail --name <trail name> --s3-bucket-name <bucket> --is-multi-region-trail \
              --is-organization-trail --enable-log-file-validation\n\
              aws cloudtrail start-logging --name <trail name>",
        playbook: None,
    },
    references: &[aws("AWS CloudTrail user guide", "Creating a trail for your AWS account")],
    facts: &[Fact::Regions, Fact::Trails, Fact::OrganizationTrails],
};

fn multi_region(facts: &mut Facts<'_>, region: &Region, _: &Thresholds) -> Judgement {
    if !facts.region_state(region)?.usable() {
        return Ok(Outcome::NotApplicable(format!("{region} is disabled in this account")));
    }
    let own = |facts: &mut Facts<'_>| own_trail(facts, region);
    let organization = |facts: &mut Facts<'_>| organization_trail(facts, region);
    if let Some(pass) = facts.any_of(&[&organization, &own]) {
        return Ok(Outcome::pass(pass));
    }
    facts.certain()?;
    // Everything was known, so both reads below succeed again.
    let shared: &[Trail] = facts.organization_trails()?;
    let seen = facts.trails()?;
    let mut failing: Vec<FailingResource> = shared
        .iter()
        .filter(|trail| trail.organization_trail)
        .chain(distinct(seen).into_iter().filter(|trail| !shared.iter().any(|other| other.arn == trail.arn)))
        .map(|trail| FailingResource { resource: trail.arn.clone(), message: why_not(trail, region) })
        .collect();
    failing.sort();
    let words: Vec<String> = failing
        .iter()
        .map(|f| format!("trail `{}` {}", f.resource.rsplit('/').next().unwrap_or(""), f.message))
        .collect();
    let message = match words.as_slice() {
        [] => format!("no trail records management events in {region}"),
        words => format!("no trail records all management events in {region}: {}", words.join("; ")),
    };
    Ok(Outcome::Fail(message, failing))
}

/// Whether the trail records what happens in `region`, if it is on.
fn reaches(trail: &Trail, region: &Region) -> bool {
    trail.multi_region || &trail.home_region == region
}

fn why_not(trail: &Trail, region: &Region) -> String {
    if !reaches(trail, region) {
        return format!("records {} only", trail.home_region);
    }
    match recording(trail) {
        Recording::Broken(links) => links.join(" and "),
        Recording::Whole { .. } | Recording::Unknown(_) => "does not record this account".to_owned(),
    }
}

/// Looks for proof among the organization's trails.
fn organization_trail(facts: &mut Facts<'_>, region: &Region) -> Result<Option<String>, Cause> {
    let (known, trails) = (facts.regions()?, facts.organization_trails()?);
    let words = "covered by the organization trail";
    let reaching = trails.iter().filter(|trail| trail.organization_trail && !silent(trail, known));
    Ok(proof(facts, reaching, region, words))
}

/// Looks for proof among the trails the account sees.
fn own_trail(facts: &mut Facts<'_>, region: &Region) -> Result<Option<String>, Cause> {
    let seen = facts.trails()?;
    // A multi-Region trail is seen from each Region, so any answer may prove it; the rest need not be known then.
    let whole = |trail: &&Trail| matches!(recording(trail), Recording::Whole { .. }) && reaches(trail, region);
    if let Some(trail) = distinct(seen).into_iter().find(whole) {
        let said = seen.values().find(|trails| trails.value().is_some_and(|trails| trails.contains(trail)));
        facts.rest_on(said.and_then(Observed::source));
        return Ok(proof(facts, std::iter::once(trail), region, "recorded by trail"));
    }
    match seen.get(region) {
        // This Region's answer lists every trail that reaches it.
        Some(trails) => {
            facts.part(trails)?;
        }
        None => {
            for trails in seen.values() {
                facts.part(trails)?;
            }
            if !distinct(seen).iter().any(|trail| trail.multi_region) {
                facts.doubt_of(Cause::not_collected(format!("cloudtrail:DescribeTrails in {region}")));
            }
        }
    }
    // What the organization says of its trails was judged there; a member sees no more than their outline.
    let judged: &[Trail] = facts.organization_trails().unwrap_or_default();
    let rest = distinct(seen).into_iter().filter(|trail| !judged.iter().any(|other| other.arn == trail.arn));
    Ok(proof(facts, rest, region, "recorded by trail"))
}

/// The first of `trails` known to record all management events in `region`, as a message. What stays unknown of others
/// that reach the Region is noted if there is none.
fn proof<'t>(
    facts: &mut Facts<'_>,
    trails: impl Iterator<Item = &'t Trail>,
    region: &Region,
    words: &str,
) -> Option<String> {
    recorded(facts, trails.filter(|trail| reaches(trail, region)), words)
}

pub(super) const LOG_VALIDATION: CheckMeta = CheckMeta {
    id: "trail-log-validation",
    title: "Log file validation is on for every trail seen",
    severity: Severity::Low,
    granularity: Granularity::Account,
    rationale: "Signed digests show whether a log file was changed or removed after CloudTrail wrote it. Without them a log \
                proves nothing.",
    remediation: Remediation {
        console: "CloudTrail, Trails, the trail, General details, Edit, Log file validation: Enabled.",
        cli: "aws cloudtrail update-trail --name <trail ARN> --enable-log-file-validation",
        playbook: None,
    },
    references: &[aws("AWS CloudTrail user guide", "Validating CloudTrail log file integrity")],
    facts: &[Fact::Regions, Fact::Trails],
};

fn log_validation(facts: &mut Facts<'_>, _: &Thresholds) -> Judgement {
    let seen = facts.trails()?;
    if seen.is_empty() {
        return Err(Cause::not_collected("cloudtrail:DescribeTrails"));
    }
    // What stays unknown is logged: it forbids a pass, and a failure found elsewhere still stands.
    let _ = facts.regions();
    for trails in seen.values() {
        let _ = facts.part(trails);
    }
    let trails = distinct(seen);
    if trails.is_empty() {
        facts.certain()?;
        return Ok(Outcome::NotApplicable("the account has no trail".to_owned()));
    }
    let failing = trails
        .iter()
        .filter(|trail| !trail.log_file_validation)
        .map(|trail| FailingResource {
            resource: trail.arn.clone(),
            message: format!("log file validation of {} is off", whose(trail)),
        })
        .collect();
    let summary = |count| match count {
        1 => "log file validation is off for 1 trail".to_owned(),
        _ => format!("log file validation is off for {count} trails"),
    };
    // A Region that was not asked may hold a trail of its own.
    let pass = match Vec::from_iter(seen.keys()).as_slice() {
        [one] => format!("log file validation is on for every trail that {one} shows, the one Region that was asked"),
        all => format!("log file validation is on for every trail that the {} Regions asked show", all.len()),
    };
    Ok(Outcome::of(failing, summary, &pass))
}

/// A trail in words, with its owner where it is the organization's.
pub(super) fn whose(trail: &Trail) -> String {
    match trail.owner() {
        Some(owner) if trail.organization_trail => {
            format!("organization trail `{}` of account {owner}", trail.name)
        }
        _ => format!("trail `{}`", trail.name),
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{self, MEMBER, home, region, seen, shadow, trail};
    use super::super::tests::{hidden, judge, judge_all};
    use super::*;
    use crate::model::trail::TrailStatus;
    use crate::model::{AccountFacts, Finding, OrgFacts, Verdict};
    use std::collections::BTreeMap;

    fn seeing(trails: impl IntoIterator<Item = (Region, Observed<Vec<Trail>>)>) -> AccountFacts {
        AccountFacts { trails: BTreeMap::from_iter(trails), ..fixtures::account() }
    }

    fn list(trails: Vec<Trail>) -> Observed<Vec<Trail>> {
        seen("cloudtrail:DescribeTrails", trails)
    }

    /// Findings for eu-central-1, us-east-1 and the disabled ap-east-1.
    fn found(org: &OrgFacts, facts: &AccountFacts) -> Vec<Finding> {
        judge_all(org, facts, &Thresholds::default(), "trail-multi-region")
    }

    fn verdicts(org: &OrgFacts, facts: &AccountFacts) -> Vec<Verdict> {
        found(org, facts).iter().map(|finding| finding.verdict).collect()
    }

    fn stopped(trail: Trail) -> Trail {
        let off = |status| TrailStatus { is_logging: false, ..status };
        Trail { status: trail.status.map(off), ..trail }
    }

    use Verdict::{Fail, NotApplicable, Pass, Unknown};

    #[test]
    fn a_disabled_region_does_not_apply() {
        let findings = found(&fixtures::org(), &fixtures::account());
        assert_eq!(findings[2].verdict, NotApplicable);
        assert_eq!(findings[2].message, "ap-east-1 is disabled in this account");
        assert_eq!(findings[0].message, "covered by the organization trail `org-trail`");
    }

    #[test]
    fn only_a_region_that_was_asked_for_has_a_row() {
        let facts = AccountFacts { regions_in_scope: vec![region("ap-east-1")], ..fixtures::account() };
        let findings = found(&fixtures::org(), &facts);
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].target.region(), Some(&region("ap-east-1")));
        assert_eq!(findings[0].verdict, NotApplicable);
        let facts = AccountFacts { regions_in_scope: Vec::new(), ..facts };
        assert_eq!(found(&fixtures::org(), &facts), []);
    }

    #[test]
    fn the_organization_trail_covers_even_where_the_account_does_not_answer() {
        let facts = seeing([(home(), hidden())]);
        assert_eq!(verdicts(&fixtures::org(), &facts), [Pass, Pass, NotApplicable]);
        assert_eq!(verdicts(&fixtures::org_without_trail(), &facts), [Unknown, Unknown, NotApplicable]);
    }

    #[test]
    fn an_own_trail_covers_even_where_the_organization_does_not_answer() {
        let org = OrgFacts { organization_trails: hidden(), ..fixtures::org() };
        assert_eq!(verdicts(&org, &fixtures::account_with_trail()), [Pass, Pass, NotApplicable]);
        assert_eq!(verdicts(&org, &fixtures::account()), [Unknown, Unknown, NotApplicable]);
    }

    #[test]
    fn an_organization_trail_at_home_in_a_region_that_is_not_enabled_covers_nothing() {
        let away = Trail { home_region: region("ap-east-1"), ..trail("org-trail", fixtures::MANAGEMENT, true) };
        let org = OrgFacts { organization_trails: list(vec![away]), ..fixtures::org() };
        let findings = found(&org, &seeing([(home(), list(vec![])), (region("us-east-1"), list(vec![]))]));
        assert_eq!([findings[0].verdict, findings[1].verdict], [Fail, Fail]);
        assert!(findings[0].message.ends_with("does not record this account"), "{}", findings[0].message);
    }

    #[test]
    fn a_trail_of_one_region_covers_that_region_only() {
        let single = Trail { multi_region: false, ..trail("local", MEMBER, false) };
        let facts = seeing([(home(), list(vec![single])), (region("us-east-1"), list(vec![]))]);
        let findings = found(&fixtures::org_without_trail(), &facts);
        assert_eq!([findings[0].verdict, findings[1].verdict], [Pass, Fail]);
        assert!(findings[1].message.contains("trail `local` records eu-central-1 only"), "{}", findings[1].message);
    }

    #[test]
    fn a_region_not_asked_without_a_multi_region_trail_is_unknown() {
        let facts = seeing([(home(), list(vec![]))]);
        assert_eq!(verdicts(&fixtures::org_without_trail(), &facts), [Fail, Unknown, NotApplicable]);
    }

    #[test]
    fn a_stopped_trail_covers_nothing_and_is_named() {
        let facts = seeing([(home(), list(vec![stopped(trail("own", MEMBER, false))]))]);
        let findings = found(&fixtures::org_without_trail(), &facts);
        assert_eq!([findings[0].verdict, findings[1].verdict], [Fail, Fail]);
        assert!(findings[0].message.ends_with("trail `own` is not logging"), "{}", findings[0].message);
        let org = OrgFacts {
            organization_trails: list(vec![stopped(trail("org-trail", fixtures::MANAGEMENT, true))]),
            ..fixtures::org()
        };
        assert_eq!(verdicts(&org, &fixtures::account()), [Fail, Fail, NotApplicable], "the shadow adds no doubt");
    }

    #[test]
    fn a_trail_whose_status_is_unknown_leaves_the_verdict_unknown() {
        let blind = Trail { status: hidden(), ..trail("own", MEMBER, false) };
        let facts = seeing([(home(), list(vec![blind]))]);
        assert_eq!(verdicts(&fixtures::org_without_trail(), &facts), [Unknown, Unknown, NotApplicable]);
    }

    #[test]
    fn a_region_that_list_regions_does_not_name_is_unknown() {
        let facts = AccountFacts { regions_in_scope: vec![region("eu-west-9")], ..fixtures::account() };
        assert_eq!(verdicts(&fixtures::org(), &facts), [Unknown]);
    }

    #[test]
    fn sources_left_out_are_told() {
        let mut org = fixtures::org();
        org.organization_trails = org.organization_trails.map(|mut trails| {
            trails[0].selectors = trails[0].selectors.clone().map(|mut selectors| {
                selectors.basic[0].excluded_sources = vec!["kms.amazonaws.com".to_owned()];
                selectors
            });
            trails
        });
        let findings = found(&org, &fixtures::account());
        assert_eq!(
            findings[0].message,
            "covered by the organization trail `org-trail`, events of kms.amazonaws.com left out"
        );
    }

    #[test]
    fn log_file_validation_is_judged_for_every_trail_seen() {
        let check = "trail-log-validation";
        let off = |trail| Trail { log_file_validation: false, ..trail };
        let org = fixtures::org();
        let both = seeing([(home(), list(vec![shadow(), off(trail("own", MEMBER, false))]))]);
        let finding = judge(&org, &both, check);
        assert_eq!((finding.verdict, finding.resources.len()), (Fail, 1));
        assert_eq!(finding.message, "log file validation is off for 1 trail");
        let of_organization = judge(&org, &seeing([(home(), list(vec![off(shadow())]))]), check);
        assert!(of_organization.resources[0].message.contains("of account 111111111111"));
        assert_eq!(judge(&org, &seeing([(home(), list(vec![]))]), check).verdict, NotApplicable);
        let half = seeing([(home(), list(vec![shadow()])), (region("us-east-1"), hidden())]);
        assert_eq!(judge(&org, &half, check).verdict, Unknown);
        let fails_anyway = seeing([(home(), list(vec![off(shadow())])), (region("us-east-1"), hidden())]);
        assert_eq!(judge(&org, &fails_anyway, check).verdict, Fail);
        assert_eq!(judge(&org, &seeing([]), check).verdict, Unknown);
    }

    #[test]
    fn a_pass_of_log_file_validation_says_which_regions_it_rests_on() {
        let check = "trail-log-validation";
        let org = fixtures::org();
        let finding = judge(&org, &fixtures::account(), check);
        let words = "log file validation is on for every trail that eu-central-1 shows, the one Region that was asked";
        assert_eq!((finding.verdict, finding.message.as_str()), (Pass, words));
        let both = seeing([home(), region("us-east-1")].map(|region| (region, list(vec![shadow()]))));
        let words = "log file validation is on for every trail that the 2 Regions asked show";
        assert_eq!(judge(&org, &both, check).message, words);
    }

    #[test]
    fn a_trail_that_can_not_deliver_to_its_bucket_records_nothing() {
        let undelivered = |trail: Trail| {
            let error = |status| TrailStatus { delivery_error: Some("NoSuchBucket".to_owned()), ..status };
            Trail { status: trail.status.map(error), ..trail }
        };
        let own = seeing([(home(), list(vec![undelivered(trail("own", MEMBER, false))]))]);
        let finding = &found(&fixtures::org_without_trail(), &own)[0];
        assert_eq!(finding.verdict, Fail);
        let words = "trail `own` can't deliver to its bucket: NoSuchBucket";
        assert!(finding.message.ends_with(words), "{}", finding.message);
        let shared = list(vec![undelivered(trail("org-trail", fixtures::MANAGEMENT, true))]);
        let org = OrgFacts { organization_trails: shared, ..fixtures::org() };
        assert_eq!(verdicts(&org, &fixtures::account()), [Fail, Fail, NotApplicable]);
    }
}
