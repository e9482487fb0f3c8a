//! Trails set up badly one way at a time, seen by their owner, by a member, and by neither.

use super::super::fixtures::{self, MANAGEMENT, MEMBER, days_ago, home, region, seen, shadow, trail};
use super::super::tests::{hidden, judge};
use super::*;
use crate::model::trail::{AdvancedSelector, EventSelectors, FieldSelector, TrailStatus};
use crate::model::{AccountFacts, Finding, OrgFacts, Verdict};
use std::collections::BTreeMap;

fn list(trails: Vec<Trail>) -> Observed<Vec<Trail>> {
    seen("cloudtrail:DescribeTrails", trails)
}

fn seeing(trails: Observed<Vec<Trail>>) -> AccountFacts {
    AccountFacts { trails: BTreeMap::from([(home(), trails)]), ..fixtures::account() }
}

/// The finding for an account with this one trail, without an organization trail.
fn own(meta: &CheckMeta, trail: Trail) -> Finding {
    judge(&fixtures::org_without_trail(), &seeing(list(vec![trail])), meta.id)
}

fn mine() -> Trail {
    trail("own", MEMBER, false)
}

fn with_status(trail: Trail, change: impl FnOnce(&mut TrailStatus)) -> Trail {
    let status = trail.status.clone().map(|mut status| {
        change(&mut status);
        status
    });
    Trail { status, ..trail }
}

/// The organization with its trail changed.
fn shared(change: impl FnOnce(Trail) -> Trail) -> OrgFacts {
    OrgFacts { organization_trails: list(vec![change(trail("org-trail", MANAGEMENT, true))]), ..fixtures::org() }
}

#[test]
fn a_trail_that_is_stopped_or_can_not_deliver_is_named() {
    assert_eq!(own(&LOGGING, mine()).verdict, Verdict::Pass);
    let stopped = own(&LOGGING, with_status(mine(), |status| status.is_logging = false));
    assert_eq!((stopped.verdict, stopped.message.as_str()), (Verdict::Fail, "trail `own` is not logging"));
    let error = Some("NoSuchBucket".to_owned());
    let undelivered = own(&LOGGING, with_status(mine(), |status| status.delivery_error = error));
    assert_eq!(undelivered.message, "trail `own` can't deliver to its bucket: NoSuchBucket");
    assert_eq!(own(&LOGGING, Trail { status: hidden(), ..mine() }).verdict, Verdict::Unknown);
    let two = seeing(list(vec![
        with_status(mine(), |status| status.is_logging = false),
        with_status(trail("other", MEMBER, false), |status| status.is_logging = false),
    ]));
    let finding = judge(&fixtures::org_without_trail(), &two, LOGGING.id);
    assert_eq!((finding.message.as_str(), finding.resources.len()), ("2 trails are not recording", 2));
}

#[test]
fn a_member_s_sight_of_the_organization_trail_is_completed_by_the_organization() {
    let member = seeing(list(vec![shadow()]));
    assert_eq!(judge(&fixtures::org(), &member, LOGGING.id).verdict, Verdict::Pass);
    let stopped = shared(|trail| with_status(trail, |status| status.is_logging = false));
    let finding = judge(&stopped, &member, LOGGING.id);
    assert_eq!(finding.verdict, Verdict::Fail);
    assert_eq!(finding.message, "organization trail `org-trail` of account 111111111111 is not logging");
    for org in [
        OrgFacts { organization_trails: hidden(), ..fixtures::org() },
        shared(|trail| Trail { status: hidden(), ..trail }),
        fixtures::org_without_trail(),
    ] {
        assert_eq!(judge(&org, &member, LOGGING.id).verdict, Verdict::Unknown);
        assert_eq!(judge(&org, &member, LOG_GROUP.id).verdict, Verdict::Unknown);
    }
}

#[test]
fn without_a_trail_there_is_nothing_to_set_up() {
    for meta in [&LOGGING, &LOG_GROUP, &KMS] {
        let bare = judge(&fixtures::org(), &seeing(list(vec![])), meta.id);
        assert_eq!((bare.verdict, bare.message.as_str()), (Verdict::NotApplicable, "the account has no trail"));
        let half = AccountFacts {
            trails: BTreeMap::from([(home(), list(vec![])), (region("us-east-1"), hidden())]),
            ..fixtures::account()
        };
        assert_eq!(judge(&fixtures::org(), &half, meta.id).verdict, Verdict::Unknown, "{}", meta.id);
    }
}

#[test]
fn deliveries_to_the_log_group_are_recent_or_fail() {
    assert_eq!(own(&LOG_GROUP, mine()).verdict, Verdict::Pass);
    for (trail, words) in [
        (Trail { log_group_arn: None, ..mine() }, "trail `own` delivers to no log group"),
        (with_status(mine(), |s| s.latest_log_group_delivery = None), "has never delivered to its log group"),
        (
            with_status(mine(), |s| s.latest_log_group_delivery = Some(days_ago(2))),
            "delivered to its log group more than a day ago last, at 2026-05-30T00:00:00Z",
        ),
        (
            with_status(mine(), |s| s.log_group_delivery_error = Some("AccessDenied".to_owned())),
            "can't deliver to its log group: AccessDenied",
        ),
    ] {
        let finding = own(&LOG_GROUP, trail);
        assert_eq!(finding.verdict, Verdict::Fail, "{words}");
        assert!(finding.message.ends_with(words), "{}", finding.message);
    }
    // Without a log group nothing else need be known.
    let blind = Trail { log_group_arn: None, status: hidden(), ..mine() };
    assert_eq!(own(&LOG_GROUP, blind).verdict, Verdict::Fail);
}

#[test]
fn log_files_have_a_key() {
    assert_eq!(own(&KMS, mine()).verdict, Verdict::Pass);
    let finding = own(&KMS, Trail { kms_key: None, ..mine() });
    assert_eq!(finding.message, "trail `own` encrypts its log files with no KMS key");
    assert_eq!(finding.verdict, Verdict::Fail);
}

fn selecting(selectors: EventSelectors) -> Trail {
    Trail { selectors: seen("cloudtrail:GetEventSelectors", selectors), ..mine() }
}

fn advanced(fields: &[(&str, &[&str], &[&str])]) -> EventSelectors {
    let field = |(field, equals, not_equals): &(&str, &[&str], &[&str])| FieldSelector {
        field: (*field).to_owned(),
        equals: equals.iter().map(|text| (*text).to_owned()).collect(),
        not_equals: not_equals.iter().map(|text| (*text).to_owned()).collect(),
        ..FieldSelector::default()
    };
    EventSelectors {
        basic: Vec::new(),
        advanced: vec![AdvancedSelector { name: None, fields: fields.iter().map(field).collect() }],
    }
}

#[test]
fn selectors_are_read_whichever_kind_they_are() {
    let management: (&str, &[&str], &[&str]) = ("eventCategory", &["Management"], &[]);
    assert_eq!(own(&MANAGEMENT_EVENTS, selecting(advanced(&[management]))).verdict, Verdict::Pass);
    let no_kms =
        own(&MANAGEMENT_EVENTS, selecting(advanced(&[management, ("eventSource", &[], &["kms.amazonaws.com"])])));
    assert_eq!(no_kms.message, "recorded by trail `own`, events of kms.amazonaws.com left out");
    assert_eq!(no_kms.verdict, Verdict::Pass);
    for (selectors, words) in [
        (advanced(&[management, ("readOnly", &["false"], &[])]), "trail `own` records write events only"),
        (advanced(&[("eventCategory", &["Data"], &[])]), "trail `own` records no management events"),
        (
            advanced(&[management, ("eventSource", &[], &["iam.amazonaws.com"])]),
            "records all events but those of iam.amazonaws.com",
        ),
        (EventSelectors::default(), "trail `own` records no management events"),
    ] {
        let finding = own(&MANAGEMENT_EVENTS, selecting(selectors));
        assert_eq!(finding.verdict, Verdict::Fail, "{words}");
        assert!(finding.message.ends_with(words), "{}", finding.message);
    }
    let stopped = own(&MANAGEMENT_EVENTS, with_status(mine(), |status| status.is_logging = false));
    assert_eq!(stopped.verdict, Verdict::Fail, "a stopped trail records nothing");
}

#[test]
fn members_are_covered_by_the_organization_trail() {
    let check = MANAGEMENT_EVENTS.id;
    let bare = seeing(list(vec![]));
    let covered = judge(&fixtures::org(), &bare, check);
    assert_eq!(
        (covered.verdict, covered.message.as_str()),
        (Verdict::Pass, "covered by the organization trail `org-trail`")
    );
    let none = judge(&fixtures::org_without_trail(), &bare, check);
    assert_eq!(none.verdict, Verdict::Fail);
    assert_eq!(none.message, "no trail records management events of this account");
    let blind = shared(|trail| Trail { selectors: hidden(), ..trail });
    assert_eq!(judge(&blind, &bare, check).verdict, Verdict::Unknown);
    assert_eq!(judge(&fixtures::org_without_trail(), &seeing(hidden()), check).verdict, Verdict::Unknown);
}

#[test]
fn an_opt_in_home_region_leaves_accounts_silent() {
    let at = |name: &str| {
        let name = region(name);
        shared(|trail| Trail { home_region: name, ..trail })
    };
    let account = fixtures::account();
    let default = judge(&fixtures::org(), &account, HOME_REGION.id);
    assert_eq!(default.verdict, Verdict::Pass);
    let silent = judge(&at("ap-east-1"), &account, HOME_REGION.id);
    assert_eq!(silent.verdict, Verdict::Fail);
    assert_eq!(
        silent.message,
        "no organization trail records this account: trail `org-trail`: its home Region ap-east-1 is not enabled in this \
         account"
    );
    let mut enabled = fixtures::account();
    enabled.regions = enabled.regions.map(|mut regions| {
        regions.insert(region("ap-east-1"), RegionState::Enabled);
        regions
    });
    let chosen = judge(&at("ap-east-1"), &enabled, HOME_REGION.id);
    assert!(chosen.message.ends_with("an opt-in Region that this account has enabled"), "{}", chosen.message);
    assert_eq!(judge(&at("mx-central-1"), &account, HOME_REGION.id).verdict, Verdict::Unknown);
    let none = judge(&fixtures::org_without_trail(), &account, HOME_REGION.id);
    assert_eq!(none.verdict, Verdict::NotApplicable);
    let mut second = at("ap-east-1");
    second.organization_trails = second.organization_trails.map(|mut trails| {
        trails.push(trail("second", MANAGEMENT, true));
        trails
    });
    assert_eq!(judge(&second, &account, HOME_REGION.id).verdict, Verdict::Pass, "another trail reaches it");
}

#[test]
fn an_organization_trail_at_home_in_a_region_that_is_not_enabled_records_no_events_of_the_account() {
    let org = shared(|trail| Trail { home_region: region("ap-east-1"), ..trail });
    let finding = judge(&org, &seeing(seen("cloudtrail:DescribeTrails", vec![])), MANAGEMENT_EVENTS.id);
    assert_eq!(finding.verdict, Verdict::Fail, "{}", finding.message);
    assert!(
        finding.message.ends_with("has its home in ap-east-1, which this account has not enabled"),
        "{}",
        finding.message
    );
}
