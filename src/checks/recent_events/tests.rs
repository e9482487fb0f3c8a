//! Events that count, events that are spared, and lists that can't be trusted.

use super::super::fixtures::{self, absent, days_ago, home, quiet, region, role, seen};
use super::super::tests::{hidden, judge};
use super::*;
use crate::model::{AccountFacts, Finding, Observed, Verdict};
use std::collections::BTreeMap;

fn event(name: &str, kind: &str, fields: &[(&str, &str)]) -> Event {
    Event {
        id: format!("e-{name}"),
        name: name.to_owned(),
        source: "iam.amazonaws.com".to_owned(),
        at: days_ago(2),
        region: region("us-east-1"),
        actor_kind: kind.to_owned(),
        actor: "arn:aws:iam::222222222222:user/ann".to_owned(),
        error: None,
        fields: fields.iter().map(|(path, value)| ((*path).to_owned(), (*value).to_owned())).collect(),
    }
}

fn looked(events: Observed<RecentEvents>) -> AccountFacts {
    let recent_events =
        BTreeMap::from([(home(), seen("cloudtrail:LookupEvents", quiet())), (region("us-east-1"), events)]);
    AccountFacts { recent_events, ..fixtures::account() }
}

fn found(events: Vec<Event>) -> Observed<RecentEvents> {
    seen("cloudtrail:LookupEvents", RecentEvents { events, ..quiet() })
}

fn finding(check: &str, events: Vec<Event>) -> Finding {
    judge(&fixtures::org(), &looked(found(events)), &format!("event-{check}"))
}

const SUCCESS: (&str, &str) = ("responseElements.ConsoleLogin", "Success");
const FAILURE: (&str, &str) = ("responseElements.ConsoleLogin", "Failure");
const NO_MFA: (&str, &str) = ("additionalEventData.MFAUsed", "No");
const MFA: (&str, &str) = ("additionalEventData.MFAUsed", "Yes");

#[test]
fn a_failing_event_names_its_id_time_and_actor() {
    let created = event("CreateUser", "IAMUser", &[("requestParameters.userName", "eve")]);
    let finding = finding("user-created", vec![created]);
    assert_eq!((finding.verdict, finding.message.as_str()), (Verdict::Fail, "1 new IAM user"));
    assert_eq!(finding.resources[0].resource, "e-CreateUser");
    assert_eq!(
        finding.resources[0].message,
        "event `e-CreateUser`: `CreateUser` on `eve` by `arn:aws:iam::222222222222:user/ann` at 2026-05-30T00:00:00Z in \
         us-east-1"
    );
}

#[test]
fn each_row_counts_its_own_events() {
    let administrator = ("requestParameters.policyArn", "arn:aws:iam::aws:policy/AdministratorAccess");
    let readers = ("requestParameters.policyArn", "arn:aws:iam::aws:policy/ReadOnlyAccess");
    let own = ("requestParameters.policyArn", "arn:aws:iam::222222222222:policy/AdministratorAccess");
    let stranger = ("userIdentity.identityProvider", "arn:aws:iam::222222222222:oidc-provider/idp.example.net");
    let denied = |event: Event| Event { error: Some("AccessDenied".to_owned()), ..event };
    for (check, event, fails) in [
        ("console-no-mfa", event("ConsoleLogin", "IAMUser", &[SUCCESS, NO_MFA]), true),
        ("console-no-mfa", event("ConsoleLogin", "Root", &[SUCCESS, NO_MFA]), true),
        ("console-no-mfa", event("ConsoleLogin", "IAMUser", &[SUCCESS]), true),
        ("console-no-mfa", event("ConsoleLogin", "IAMUser", &[SUCCESS, MFA]), false),
        ("console-no-mfa", event("ConsoleLogin", "IAMUser", &[FAILURE, NO_MFA]), false),
        // Single sign-on does MFA elsewhere.
        ("console-no-mfa", event("ConsoleLogin", "AssumedRole", &[SUCCESS, NO_MFA]), false),
        ("root-use", event("ConsoleLogin", "Root", &[SUCCESS, MFA]), true),
        ("root-use", event("ListBuckets", "Root", &[]), true),
        ("root-use", denied(event("ListBuckets", "Root", &[])), true),
        ("root-use", event("ConsoleLogin", "Root", &[FAILURE]), false),
        ("root-use", event("ListBuckets", "Root", &[("userIdentity.invokedBy", "support.amazonaws.com")]), false),
        ("root-use", event("ListBuckets", "Root", &[("eventType", "AwsServiceEvent")]), false),
        ("root-use", event("ListBuckets", "IAMUser", &[]), false),
        ("user-created", denied(event("CreateUser", "IAMUser", &[])), false),
        ("user-created", event("CreateRole", "IAMUser", &[]), false),
        ("admin-attached", event("AttachRolePolicy", "IAMUser", &[administrator]), true),
        ("admin-attached", event("AttachUserPolicy", "Root", &[administrator]), true),
        ("admin-attached", event("AttachGroupPolicy", "IAMUser", &[administrator]), true),
        ("admin-attached", event("AttachRolePolicy", "IAMUser", &[readers]), false),
        ("admin-attached", event("AttachRolePolicy", "IAMUser", &[own]), false),
        ("admin-attached", denied(event("AttachRolePolicy", "IAMUser", &[administrator])), false),
        ("role-created", event("CreateRole", "AssumedRole", &[]), true),
        ("trust-policy-changed", event("UpdateAssumeRolePolicy", "IAMUser", &[]), true),
        ("trail-tampering", event("StopLogging", "IAMUser", &[]), true),
        ("trail-tampering", event("DeleteTrail", "IAMUser", &[]), true),
        ("trail-tampering", event("PutEventSelectors", "IAMUser", &[]), true),
        ("trail-tampering", denied(event("StopLogging", "IAMUser", &[])), false),
        ("access-key-created", event("CreateAccessKey", "IAMUser", &[]), true),
        ("user-inline-policy", event("PutUserPolicy", "IAMUser", &[]), true),
        ("web-identity-unknown", event("AssumeRoleWithWebIdentity", "WebIdentityUser", &[stranger]), true),
        ("web-identity-unknown", denied(event("AssumeRoleWithWebIdentity", "WebIdentityUser", &[stranger])), false),
    ] {
        let finding = finding(check, vec![event.clone()]);
        let wanted = if fails { Verdict::Fail } else { Verdict::Pass };
        assert_eq!(finding.verdict, wanted, "{check} {event:?}: {}", finding.message);
    }
}

#[test]
fn a_provider_that_a_role_trusts_is_known_by_arn_or_by_host() {
    let mut facts = looked(found(vec![event(
        "AssumeRoleWithWebIdentity",
        "WebIdentityUser",
        &[("responseElements.provider", "accounts.google.com")],
    )]));
    let verdict = |facts: &AccountFacts| judge(&fixtures::org(), facts, "event-web-identity-unknown").verdict;
    assert_eq!(verdict(&facts), Verdict::Fail);
    let trust = |federated: &str| {
        format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"Federated":"{federated}"}},"Action":"sts:AssumeRoleWithWebIdentity"}}]}}"#
        )
    };
    let with = |facts: &mut AccountFacts, trust_policy: String| {
        facts.authorization = facts.authorization.clone().map(|mut authorization| {
            let web = crate::model::iam::IamRole { trust_policy, ..role("web", fixtures::LITTLE) };
            authorization.roles = vec![web];
            authorization
        });
    };
    with(&mut facts, trust("accounts.google.com"));
    assert_eq!(verdict(&facts), Verdict::Pass);
    let arn = "arn:aws:iam::222222222222:oidc-provider/token.actions.githubusercontent.com";
    with(&mut facts, trust(arn));
    assert_eq!(verdict(&facts), Verdict::Fail);
    facts.recent_events = looked(found(vec![event(
        "AssumeRoleWithWebIdentity",
        "WebIdentityUser",
        &[("userIdentity.identityProvider", arn)],
    )]))
    .recent_events;
    assert_eq!(verdict(&facts), Verdict::Pass);
    with(&mut facts, "{".to_owned());
    assert_eq!(verdict(&facts), Verdict::Fail, "what was seen stands");
    facts.authorization = hidden();
    assert_eq!(verdict(&facts), Verdict::Unknown);
}

#[test]
fn a_list_that_was_cut_off_never_passes() {
    let cut = |names: &[&str], events: Vec<Event>| {
        let cut_off = names.iter().map(|name| (*name).to_owned()).collect();
        looked(seen("cloudtrail:LookupEvents", RecentEvents { cut_off, events, ..quiet() }))
    };
    let judged = |facts: &AccountFacts, check: &str| judge(&fixtures::org(), facts, check);
    let finding = judged(&cut(&["CreateUser"], vec![]), "event-user-created");
    assert_eq!(finding.verdict, Verdict::Unknown);
    assert!(finding.message.contains("the list of `CreateUser` in us-east-1 was cut off"), "{}", finding.message);
    assert_eq!(judged(&cut(&["CreateUser"], vec![]), "event-role-created").verdict, Verdict::Pass, "another list");
    assert_eq!(judged(&cut(&["root"], vec![]), "event-root-use").verdict, Verdict::Unknown);
    let with = cut(&["CreateUser"], vec![event("CreateUser", "IAMUser", &[])]);
    assert_eq!(judged(&with, "event-user-created").verdict, Verdict::Fail);
}

#[test]
fn events_that_were_not_asked_for_are_unknown() {
    let nobody = AccountFacts { recent_events: BTreeMap::new(), ..fixtures::account() };
    for check in CHECKS {
        let finding = judge(&fixtures::org(), &nobody, check.meta.id);
        assert_eq!(finding.verdict, Verdict::Unknown, "{}", check.meta.id);
        assert!(finding.message.contains("run with `--events DAYS`"), "{}", finding.message);
    }
    // A Region that did not answer forbids a pass, and hides nothing that another saw.
    let mut half = looked(hidden());
    assert_eq!(judge(&fixtures::org(), &half, "event-root-use").verdict, Verdict::Unknown);
    half.recent_events.insert(home(), found(vec![event("ListBuckets", "Root", &[])]));
    assert_eq!(judge(&fixtures::org(), &half, "event-root-use").verdict, Verdict::Fail);
    half.recent_events.insert(home(), absent("cloudtrail:LookupEvents"));
    assert_eq!(judge(&fixtures::org(), &half, "event-root-use").verdict, Verdict::Unknown);
}

#[test]
fn iam_s_events_are_looked_for_where_they_are_recorded() {
    let elsewhere =
        AccountFacts { recent_events: BTreeMap::from([(home(), found(Vec::new()))]), ..fixtures::account() };
    for row in ROWS {
        let wanted = if row.global { Verdict::Unknown } else { Verdict::Pass };
        assert_eq!(judge(&fixtures::org(), &elsewhere, row.id).verdict, wanted, "{}", row.id);
    }
}

#[test]
fn the_same_event_seen_twice_is_one_and_several_are_counted() {
    let created = |id: &str| Event { id: id.to_owned(), ..event("CreateRole", "AssumedRole", &[]) };
    let finding = finding("role-created", vec![created("a"), created("a"), created("b")]);
    assert_eq!((finding.message.as_str(), finding.resources.len()), ("2 events: new role", 2));
    let pass = judge(&fixtures::org(), &looked(found(Vec::new())), "event-role-created");
    assert_eq!(pass.message, "no new role in 2 Regions since 2026-05-25");
}
