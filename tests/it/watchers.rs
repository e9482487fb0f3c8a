//! What watches an account's Regions, collected from the sandbox: present, absent, denied, in pages.

use crate::sandboxed::{connect, enumerate, facts_of, operator, settings, unknowns};
use orgward::collect::{self, CollectOptions};
use orgward::model::region::RegionFacts;
use orgward::model::scope::RegionRequest;
use orgward::model::{AccountId, CauseKind, Observed, OrgFacts, Region};
use orgward::sandbox::generate::watchers::{ANALYZER, KEY_RULE, ORGANIZATION_ANALYZER, watched_mut};
use orgward::sandbox::generate::{Flaw, Problem};
use orgward::sandbox::state::AccountState;
use orgward::sandbox::{Fault, FaultKind, LoggedRequest, Sandbox, Scenario};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

const ACCOUNT: &str = "app-one";

fn region(name: &str) -> Region {
    name.parse().unwrap()
}

/// `Scenario::small`, whose account under test has these flaws.
fn flawed(flaws: &[(&str, Flaw)]) -> (Sandbox, AccountId) {
    let mut scenario = Scenario::small();
    for (name, flaw) in flaws {
        scenario.plant(ACCOUNT, Problem::Unwatched(region(name), flaw.clone()));
    }
    let account = scenario.account(ACCOUNT).unwrap().id.clone();
    (Sandbox::new(scenario), account)
}

/// How often an operation was called in a Region.
fn calls(requests: &[LoggedRequest], operation: &str, region: &str) -> usize {
    requests.iter().filter(|request| request.operation == operation && request.region == region).count()
}

fn kind<T>(seen: &Observed<T>) -> Option<CauseKind> {
    seen.cause().map(|cause| cause.kind)
}

#[tokio::test(start_paused = true)]
async fn every_region_in_scope_is_asked_and_a_disabled_one_is_not() {
    let (sandbox, account) = flawed(&[]);
    let facts = facts_of(&sandbox, &account, &[]).await;
    assert_eq!(unknowns(&facts), []);
    assert_eq!(facts.watchers.keys().collect::<Vec<_>>().len(), facts.regions_in_scope.len());
    assert!(facts.watchers.len() > 10);
    for (region, watchers) in &facts.watchers {
        healthy(region, watchers);
    }
    let named = facts_of(&sandbox, &account, &["us-east-1", "af-south-1"]).await;
    assert_eq!(named.watchers.keys().collect::<Vec<_>>(), [&region("us-east-1")], "af-south-1 is disabled");
    assert!(named.regions_in_scope.contains(&region("af-south-1")));
    assert!(sandbox.requests().iter().all(|request| request.region != "af-south-1"));
}

fn healthy(region: &Region, watchers: &RegionFacts) {
    let [analyzer] = watchers.analyzers.value().unwrap().as_slice() else { panic!("{region}: one analyzer") };
    assert_eq!(
        (analyzer.name.as_str(), analyzer.kind.as_str(), analyzer.status.as_str()),
        (ANALYZER, "ACCOUNT", "ACTIVE")
    );
    assert_eq!(analyzer.findings.value().map(Vec::len), Some(0));
    let source = watchers.analyzers.source().unwrap();
    assert_eq!((source.operation.as_str(), &source.region, source.pages), ("access-analyzer:ListAnalyzers", region, 1));
    assert!(source.digest.is_some() && source.request_id.is_some());
    let [recorder] = watchers.config_recorders.value().unwrap().as_slice() else { panic!("{region}: one recorder") };
    assert!(recorder.recording && recorder.all_supported && recorder.excluded.is_empty());
    assert_eq!(recorder.include_global, *region == Scenario::small().home);
    assert_eq!(recorder.strategy, "ALL_SUPPORTED_RESOURCE_TYPES");
    assert_eq!(recorder.last_status.as_deref(), Some("Success"));
    assert_eq!(watchers.config_recorders.source().map(|source| source.pages), Some(2), "recorders, then their status");
    let hub = watchers.security_hub.value().unwrap();
    assert!(hub.arn.contains(region.as_str()) && hub.subscribed_at.is_some());
    let [detector] = watchers.detectors.value().unwrap().as_slice() else { panic!("{region}: one detector") };
    assert!(detector.enabled && detector.id.len() == 32);
}

#[tokio::test(start_paused = true)]
async fn what_does_not_watch_is_told_from_what_is_not_there() {
    let (sandbox, account) = flawed(&[
        ("eu-west-1", Flaw::NoRecorder),
        ("eu-west-1", Flaw::NoSecurityHub),
        ("eu-west-1", Flaw::NoDetector),
        ("us-east-1", Flaw::RecorderStopped),
        ("us-east-1", Flaw::DetectorDisabled),
    ]);
    let facts = facts_of(&sandbox, &account, &["eu-west-1", "us-east-1"]).await;
    assert_eq!(unknowns(&facts), []);
    let none = &facts.watchers[&region("eu-west-1")];
    assert_eq!(none.config_recorders.value().map(Vec::len), Some(0));
    assert_eq!(none.detectors.value().map(Vec::len), Some(0));
    let Observed::Absent { source } = &none.security_hub else { panic!("{:?}", none.security_hub) };
    assert_eq!((source.operation.as_str(), &source.region), ("securityhub:DescribeHub", &region("eu-west-1")));
    let off = &facts.watchers[&region("us-east-1")];
    assert!(!off.config_recorders.value().unwrap()[0].recording);
    assert!(!off.detectors.value().unwrap()[0].enabled && off.security_hub.value().is_some());
    let requests = sandbox.requests();
    for operation in ["DescribeConfigurationRecorderStatus", "GetDetector"] {
        assert_eq!((calls(&requests, operation, "eu-west-1"), calls(&requests, operation, "us-east-1")), (0, 1));
    }
}

#[tokio::test(start_paused = true)]
async fn an_account_without_access_to_security_hub_is_not_taken_for_unsubscribed() {
    let (sandbox, account) = flawed(&[]);
    let error = |status: u16, code: &str, message: &str| {
        let kind = FaultKind::Error { status, code: code.into(), message: message.into() };
        sandbox.faults().clear();
        sandbox.faults().add(Fault::new(kind).operation("securityhub", "DescribeHub"));
    };
    for (status, code, message, wanted) in [
        (401, "InvalidAccessException", "Account 1 is not subscribed to AWS Security Hub", None),
        (401, "InvalidAccessException", "The account is suspended", Some(CauseKind::Other)),
        (403, "AccessDeniedException", "no", Some(CauseKind::AccessDenied)),
        (429, "LimitExceededException", "Rate exceeded", Some(CauseKind::Throttled)),
    ] {
        error(status, code, message);
        let facts = facts_of(&sandbox, &account, &["us-east-1"]).await;
        let hub = &facts.watchers[&region("us-east-1")].security_hub;
        assert_eq!(
            (kind(hub), matches!(hub, Observed::Absent { .. })),
            (wanted, wanted.is_none()),
            "{code}: {message}"
        );
        let tries = calls(&sandbox.requests(), "DescribeHub", "us-east-1");
        assert_eq!(tries > 1, wanted == Some(CauseKind::Throttled), "{code}: {tries}");
    }
}

#[tokio::test(start_paused = true)]
async fn rules_are_read_in_the_home_region_whatever_is_in_scope() {
    let (sandbox, account) = flawed(&[]);
    let facts = facts_of(&sandbox, &account, &["us-east-1"]).await;
    let [rule] = facts.config_rules.value().unwrap().as_slice() else { panic!("one rule") };
    assert_eq!((rule.name.as_str(), rule.identifier.as_deref()), (KEY_RULE, Some("ACCESS_KEYS_ROTATED")));
    assert!(rule.active && rule.parameters["maxAccessKeyAge"] == "90");
    assert_eq!(facts.config_rules.source().map(|source| &source.region), Some(&Scenario::small().home));

    sandbox.with(|org| {
        let rules = &mut watched_mut(org.state_mut(&account), &Scenario::small().home).rules;
        let rule = rules[KEY_RULE].clone();
        *rules = (0..60).map(|n| (format!("rule-{n:02}"), rule.clone())).collect();
    });
    let facts = facts_of(&sandbox, &account, &["us-east-1"]).await;
    let source = facts.config_rules.source().unwrap();
    assert_eq!((facts.config_rules.value().map(Vec::len), source.pages), (Some(60), 3));
    let (sandbox, account) = flawed(&[("eu-central-1", Flaw::NoKeyRule)]);
    assert_eq!(facts_of(&sandbox, &account, &[]).await.config_rules.value().map(Vec::len), Some(0));
}

#[tokio::test(start_paused = true)]
async fn analyzers_and_active_findings_come_in_pages_and_none_is_an_empty_list() {
    let (sandbox, account) = flawed(&[("eu-west-1", Flaw::NoAnalyzer), ("us-east-1", Flaw::Findings(150))]);
    let facts = facts_of(&sandbox, &account, &["eu-west-1", "us-east-1", "eu-central-1"]).await;
    assert_eq!(unknowns(&facts), []);
    let analyzers = |name: &str| facts.watchers[&region(name)].analyzers.value().unwrap();
    assert_eq!(analyzers("eu-west-1").len(), 0);
    let findings = &analyzers("us-east-1")[0].findings;
    assert_eq!(findings.value().map(Vec::len), Some(150), "the archived one is not asked for");
    assert_eq!(findings.source().map(|source| source.pages), Some(2));
    let finding = &findings.value().unwrap()[0];
    assert!(finding.resource.starts_with("arn:aws:s3:::") && finding.owner == account.as_str());
    assert_eq!((finding.resource_type.as_str(), finding.kind.as_str()), ("AWS::S3::Bucket", "ExternalAccess"));
    let requests = sandbox.requests();
    assert_eq!(calls(&requests, "ListFindingsV2", "eu-west-1"), 0, "there is nothing to ask");
    assert_eq!(calls(&requests, "ListFindingsV2", "us-east-1"), 2);
    assert_eq!(calls(&requests, "ListAnalyzers", "us-east-1"), 1);

    sandbox.with(|org| {
        let watched = watched_mut(org.state_mut(&account), &region("eu-west-1"));
        let analyzer = orgward::sandbox::state::Analyzer {
            kind: "ACCOUNT_UNUSED_ACCESS".into(),
            status: "CREATING".into(),
            created: orgward::sandbox::scenario::EPOCH,
            findings: Vec::new(),
        };
        watched.analyzers = (0..101).map(|n| (format!("a{n}"), analyzer.clone())).collect();
    });
    let facts = facts_of(&sandbox, &account, &["eu-west-1"]).await;
    let seen = &facts.watchers[&region("eu-west-1")].analyzers;
    assert_eq!((seen.value().map(Vec::len), seen.source().map(|source| source.pages)), (Some(101), Some(2)));
    assert!(!seen.value().unwrap()[0].external_access());
}

#[tokio::test(start_paused = true)]
async fn a_denied_call_is_a_cause_and_never_an_empty_list() {
    let (sandbox, account) = flawed(&[]);
    sandbox.faults().add(Fault::new(FaultKind::Deny).operation("access-analyzer", "ListFindingsV2"));
    let facts = facts_of(&sandbox, &account, &["us-east-1"]).await;
    let analyzers = facts.watchers[&region("us-east-1")].analyzers.value().unwrap();
    assert_eq!(kind(&analyzers[0].findings), Some(CauseKind::AccessDenied));
    sandbox.faults().clear();

    sandbox.faults().add(Fault::new(FaultKind::Deny).operation("access-analyzer", "ListAnalyzers"));
    let facts = facts_of(&sandbox, &account, &["us-east-1"]).await;
    let cause = facts.watchers[&region("us-east-1")].analyzers.cause().unwrap();
    assert_eq!((cause.kind, cause.operation.as_str()), (CauseKind::AccessDenied, "access-analyzer:ListAnalyzers"));
    sandbox.faults().clear();

    // The second of two calls as much as the first.
    for (service, operation, fact) in [
        ("config", "DescribeConfigurationRecorders", "config_recorders"),
        ("config", "DescribeConfigurationRecorderStatus", "config_recorders"),
        ("config", "DescribeConfigRules", "config_rules"),
        ("securityhub", "DescribeHub", "security_hub"),
        ("guardduty", "ListDetectors", "detectors"),
        ("guardduty", "GetDetector", "detectors"),
    ] {
        sandbox.faults().clear();
        sandbox.faults().add(Fault::new(FaultKind::Deny).operation(service, operation));
        let facts = facts_of(&sandbox, &account, &["us-east-1"]).await;
        let causes: Vec<(&str, CauseKind, String)> =
            unknowns(&facts).into_iter().map(|(name, cause)| (name, cause.kind, cause.operation)).collect();
        assert_eq!(causes, [(fact, CauseKind::AccessDenied, format!("{service}:{operation}"))]);
    }
}

/// Changes what the account `audit` holds.
fn audit(sandbox: &Sandbox, scenario: &Scenario, change: impl FnOnce(&mut AccountState)) {
    let audit = scenario.account("audit").unwrap().id.clone();
    sandbox.with(|org| change(org.state_mut(&audit)));
}

#[tokio::test(start_paused = true)]
async fn the_organizations_analyzers_are_those_of_its_administrator_by_region() {
    let scenario = Scenario::small();
    let sandbox = Sandbox::new(scenario.clone());
    let sessions = operator(&sandbox).await;
    let mut org = enumerate(&sessions).await;
    let cancel = CancellationToken::new();
    let asked = async |org: &OrgFacts, request: &RegionRequest| {
        collect::organization_analyzers(&sessions, org, request, &cancel).await
    };
    let names = |seen: &Observed<Vec<_>>| -> Vec<String> {
        let analyzers: &Vec<orgward::model::region::Analyzer> = seen.value().unwrap();
        analyzers.iter().map(|analyzer| analyzer.name.clone()).collect()
    };
    let all = asked(&org, &RegionRequest::AllEnabled).await;
    assert!(all.len() > 10);
    for (region, seen) in &all {
        let wanted: &[&str] = if *region == scenario.home { &[ORGANIZATION_ANALYZER] } else { &[] };
        assert_eq!(names(seen), wanted, "{region}: an account's own is none of the organization's");
    }
    let elsewhere = RegionRequest::Only(vec![region("eu-west-1"), region("af-south-1")]);
    assert_eq!(asked(&org, &elsewhere).await.keys().collect::<Vec<_>>(), [&region("eu-west-1")]);

    // Known from the organization: nobody is asked who administers.
    let administrator = scenario.account("audit").unwrap().id.clone();
    let services = all[&scenario.home].clone().map(|_| vec!["access-analyzer.amazonaws.com".to_owned()]);
    org.services.delegated.insert(administrator, services);
    sandbox.forget_requests();
    let home = RegionRequest::Only(vec![scenario.home.clone()]);
    assert_eq!(names(&asked(&org, &home).await[&scenario.home]), [ORGANIZATION_ANALYZER]);
    assert!(sandbox.requests().iter().all(|request| request.operation != "ListDelegatedAdministrators"));
    org.services.delegated = BTreeMap::new();

    // Who administers is unknown, or can't be entered: an empty answer of the management account settles nothing.
    sandbox.faults().add(Fault::new(FaultKind::Deny).operation("organizations", "ListDelegatedAdministrators"));
    assert_eq!(kind(&asked(&org, &home).await[&scenario.home]), Some(CauseKind::AccessDenied));
    sandbox.faults().clear();
    audit(&sandbox, &scenario, |state| state.roles.clear());
    let sessions = connect(&sandbox, settings(&sandbox)).await.unwrap();
    let seen = collect::organization_analyzers(&sessions, &org, &home, &cancel).await;
    assert_eq!(kind(&seen[&scenario.home]), Some(CauseKind::AssumeRoleDenied));
}

#[tokio::test(start_paused = true)]
async fn a_whole_audit_of_the_demo_sees_each_flaw_where_it_was_planted_and_nowhere_else() {
    let scenario = Scenario::demo();
    let sandbox = Sandbox::new(scenario.clone());
    let sessions = operator(&sandbox).await;
    let org = enumerate(&sessions).await;
    let ids: Vec<AccountId> = org.accounts.keys().cloned().collect();
    let (mut flaws, mut healthy) = (BTreeSet::new(), 0);
    let options = CollectOptions::default();
    collect::each_account(&sessions, &org, &ids, &options, &CancellationToken::new(), Arc::new(()), &mut |facts| {
        let name = org.accounts[&facts.account].name.as_str();
        if facts.entered_as.is_none() && facts.account != scenario.management {
            assert!(facts.watchers.values().all(|watchers| watchers.analyzers.cause().is_some()), "{name}");
            return;
        }
        let mut note = |flaw: &str, place: &str| flaws.insert(format!("{name} {place}: {flaw}"));
        for (region, watchers) in &facts.watchers {
            let place = region.as_str();
            match watchers.analyzers.value().unwrap().as_slice() {
                [] => drop(note("no analyzer", place)),
                found if found.iter().any(|one| !one.findings.value().unwrap().is_empty()) => {
                    note("findings", place);
                }
                _ => healthy += 1,
            }
            match watchers.config_recorders.value().unwrap().first() {
                None => drop(note("no recorder", place)),
                Some(recorder) if !recorder.recording => drop(note("recorder stopped", place)),
                Some(_) => healthy += 1,
            }
            match &watchers.security_hub {
                Observed::Absent { .. } => drop(note("no hub", place)),
                hub => healthy += usize::from(hub.value().is_some()),
            }
            match watchers.detectors.value().unwrap().first() {
                None => drop(note("no detector", place)),
                Some(detector) if !detector.enabled => drop(note("detector disabled", place)),
                Some(_) => healthy += 1,
            }
        }
        if facts.config_rules.value().unwrap().is_empty() {
            note("no rule", "home");
        }
        for bucket in facts.trail_buckets.value().unwrap() {
            note(if bucket.public_policy.value() == Some(&true) { "public bucket" } else { "private bucket" }, "trail");
            note(if bucket.access_log_bucket.value().is_some() { "logged" } else { "not logged" }, "trail");
        }
    })
    .await;
    assert_eq!(
        flaws.iter().map(String::as_str).collect::<Vec<_>>(),
        [
            "data-prod eu-central-1: findings",
            "data-staging trail: not logged",
            "data-staging trail: private bucket",
            "dns sa-east-1: detector disabled",
            "log-archive trail: logged",
            "log-archive trail: private bucket",
            "mobile-dev eu-west-1: no analyzer",
            "mobile-dev home: no rule",
            "payments-staging eu-west-1: no hub",
            "payments-us trail: logged",
            "payments-us trail: public bucket",
            "sandbox-amara us-west-2: no analyzer",
            "sandbox-amara us-west-2: no recorder",
            "sandbox-mei eu-central-1: no hub",
            "sandbox-mei us-east-1: no detector",
            "web-staging ap-southeast-2: recorder stopped",
        ]
    );
    assert!(healthy > 21 * 4 * 15, "{healthy}");
}
