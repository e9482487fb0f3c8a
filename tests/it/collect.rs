//! Enumeration and collection against the sandbox.

use crate::sandboxed::{connect, operator, requests_of, settings, unknowns};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use orgward::aws::{Clock, Purpose, Quotas, Sessions};
use orgward::checks::{self, Thresholds};
use orgward::collect::{
    self, BASE_REQUESTS, CollectError, CollectOptions, Progress, REQUESTS_PER_BUCKET, REQUESTS_PER_REGION,
    REQUESTS_PER_TRAIL,
};
use orgward::model::iam::{Cell, KeyRow};
use orgward::model::org::{AccountState, PolicyType};
use orgward::model::scope::RegionRequest;
use orgward::model::{AccountFacts, AccountId, Address, CauseKind, Doc, Observed, OrgFacts, Region, TargetId, Verdict};
use orgward::report::audit_json::fingerprint;
use orgward::resources::World;
use orgward::sandbox::generate::Problem;
use orgward::sandbox::state::{LogGroup, Selectors, Trail};
use orgward::sandbox::{self, Fault, FaultKind, Sandbox, Scenario};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

async fn enumerate(sessions: &Sessions) -> OrgFacts {
    collect::organization(sessions, false, &CancellationToken::new()).await.unwrap()
}

async fn collect_all(
    sessions: &Sessions,
    org: &OrgFacts,
    options: &CollectOptions,
) -> BTreeMap<AccountId, AccountFacts> {
    let ids: Vec<AccountId> = org.accounts.keys().cloned().collect();
    let mut seen = BTreeMap::new();
    collect::each_account(sessions, org, &ids, options, &CancellationToken::new(), Arc::new(()), &mut |facts| {
        assert!(seen.insert(facts.account.clone(), facts).is_none(), "an account came twice");
    })
    .await;
    assert_eq!(seen.len(), ids.len());
    seen
}

fn id(scenario: &Scenario, name: &str) -> AccountId {
    scenario.account(name).unwrap().id.clone()
}

#[tokio::test(start_paused = true)]
async fn the_tree_is_the_scenarios_over_several_and_empty_pages() {
    for older_responses in [false, true] {
        let scenario = Scenario::sized(45, 3);
        let sandbox = Sandbox::new(scenario.clone());
        sandbox.with(|org| org.info.older_responses = older_responses);
        let org = enumerate(&operator(&sandbox).await).await;
        let parents: BTreeMap<AccountId, TargetId> =
            org.accounts.values().map(|account| (account.id.clone(), account.parent.clone())).collect();
        let wanted: BTreeMap<AccountId, TargetId> =
            scenario.accounts.iter().map(|account| (account.id.clone(), account.parent.clone())).collect();
        assert_eq!(parents, wanted);
        let ous: BTreeMap<TargetId, (String, TargetId)> =
            org.ous.values().map(|ou| (ou.id.clone(), (ou.name.clone(), ou.parent.clone()))).collect();
        let wanted: BTreeMap<TargetId, (String, TargetId)> =
            scenario.ous.iter().map(|ou| (ou.id.clone(), (ou.name.clone(), ou.parent.clone()))).collect();
        assert_eq!(ous, wanted);
        assert!(org.accounts.values().all(|account| !org.chain(&account.id.clone().into()).is_empty()));

        let requests = sandbox.requests();
        let count = |operation: &str| requests.iter().filter(|request| request.operation == operation).count();
        // 45 accounts are three pages, and the sandbox sends an empty one before them.
        assert_eq!(count("ListAccounts"), 4);
        assert_eq!(count("ListParents"), 0);
        assert_eq!(count("ListChildren") > 0, older_responses);
        assert_eq!(count("ListTagsForResource"), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn the_demo_organization_has_its_policies_trail_and_chain() {
    let scenario = Scenario::demo();
    let sandbox = Sandbox::new(scenario.clone());
    let sessions = operator(&sandbox).await;
    let org = collect::organization(&sessions, true, &CancellationToken::new()).await.unwrap();
    assert_eq!(org.accounts.len(), 24);
    assert_eq!(org.organization.management_account, scenario.management);
    assert_eq!(org.accounts[&id(&scenario, "legacy-crm")].state, AccountState::Suspended);
    let ledger = org.accounts.values().find(|account| account.name == "ledger-core").unwrap();
    assert_eq!(org.path(&ledger.id.clone().into()), "/Workloads/Prod/Payments/EU/Ledger");
    assert_eq!(ledger.tags.value().unwrap().get("env").map(String::as_str), Some("prod"));

    let policies = org.policies_of(&PolicyType::Scp).unwrap().value().unwrap();
    let full = policies.iter().find(|policy| policy.id.as_str() == "p-FullAWSAccess").unwrap();
    assert!(full.aws_managed && full.content.value().unwrap().contains("Allow"));
    assert_eq!(full.targets.value().unwrap().len(), 1 + org.ous.len() + org.accounts.len());

    let trails = org.organization_trails.value().unwrap();
    let [trail] = trails.as_slice() else { panic!("one organization trail, not {}", trails.len()) };
    assert!(trail.multi_region && trail.status.value().unwrap().is_logging);
    assert!(trail.selectors.value().is_some());
    let [chain] = org.monitoring.as_slice() else { panic!("one chain") };
    // The log group's owner is entered although it is not the management account.
    assert_eq!(chain.log_group.account, id(&scenario, "audit"));
    assert_eq!(chain.filters.value().map(Vec::len), Some(0));
    assert!(chain.alarms.value().is_some() && chain.topics.value().is_some());
}

#[tokio::test(start_paused = true)]
async fn no_two_failures_have_one_fingerprint() {
    let scenario = Scenario::demo();
    let sandbox = Sandbox::new(scenario.clone());
    let sessions = operator(&sandbox).await;
    let org = enumerate(&sessions).await;
    let thresholds = Thresholds::default();
    let mut findings = checks::organization(&org, &thresholds);
    for facts in collect_all(&sessions, &org, &CollectOptions::default()).await.values_mut() {
        // Every user's keys are old, and there are two of them.
        if let Observed::Present { value, .. } = &mut facts.credential_report {
            for row in &mut value.rows {
                let old = Cell::At(sandbox::scenario::EPOCH - jiff::SignedDuration::from_hours(24 * 400));
                row.keys = vec![KeyRow { active: true, last_rotated: old, last_used: old }; 2];
            }
        }
        findings.extend(checks::account(&org, facts, &thresholds));
    }
    let mut seen: BTreeMap<String, String> = BTreeMap::new();
    for finding in &findings {
        for failing in &finding.resources {
            let of = fingerprint(&finding.check, &finding.target, Some(&failing.resource));
            let what = format!("{} {:?} {}: {}", finding.check, finding.target, failing.resource, failing.message);
            if let Some(other) = seen.insert(of, what.clone()) {
                panic!("one fingerprint for\n  {other}\n  {what}");
            }
        }
    }
    assert!(seen.len() > 40, "{}", seen.len());
}

/// The sandbox, except that one operation of a JSON protocol has always this answer.
#[derive(Debug)]
struct Fixed {
    inner: SharedHttpClient,
    operation: &'static str,
    body: &'static str,
}

impl Fixed {
    async fn sessions(sandbox: &Sandbox, operation: &'static str, body: &'static str) -> Sessions {
        let http = SharedHttpClient::new(Self { inner: sandbox.http_client(), operation, body });
        let clock = Clock::virtual_from(sandbox::scenario::EPOCH);
        Sessions::connect(http, clock, settings(sandbox), Quotas::embedded()).await.unwrap()
    }
}

impl HttpClient for Fixed {
    fn http_connector(&self, settings: &HttpConnectorSettings, parts: &RuntimeComponents) -> SharedHttpConnector {
        let inner = self.inner.http_connector(settings, parts);
        SharedHttpConnector::new(FixedConnector { inner, operation: self.operation, body: self.body })
    }
}

#[derive(Debug)]
struct FixedConnector {
    inner: SharedHttpConnector,
    operation: &'static str,
    body: &'static str,
}

impl HttpConnector for FixedConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        if target.rsplit('.').next() != Some(self.operation) {
            return self.inner.call(request);
        }
        let body = SdkBody::from(self.body);
        HttpConnectorFuture::ready(Ok(HttpResponse::new(200u16.try_into().unwrap(), body)))
    }
}

#[tokio::test(start_paused = true)]
async fn pages_that_have_no_end_are_left() {
    let sandbox = Sandbox::new(Scenario::small());
    let answer = r#"{"metricFilters":[],"nextToken":"the same for ever"}"#;
    let sessions = Fixed::sessions(&sandbox, "DescribeMetricFilters", answer).await;
    let org = enumerate(&sessions).await;
    let cause = org.monitoring[0].filters.cause().unwrap();
    assert_eq!(cause.kind, CauseKind::NotAnAwsAnswer);
    assert!(cause.message.contains("page token"), "{cause}");

    let answer = r#"{"Accounts":[],"NextToken":"the same for ever"}"#;
    let sessions = Fixed::sessions(&sandbox, "ListAccounts", answer).await;
    let error = collect::organization(&sessions, false, &CancellationToken::new()).await.unwrap_err();
    assert!(error.to_string().contains("page token"), "a part of a list is no list: {error}");
}

#[tokio::test(start_paused = true)]
async fn who_can_not_enumerate_is_told_why() {
    let scenario = Scenario::small();
    let sandbox = Sandbox::new(scenario.clone());
    let member = id(&scenario, "app-one");
    let (key, secret) = sandbox.with(|org| org.add_key(&member, &format!("arn:aws:iam::{member}:root")));
    let mut as_member = settings(&sandbox);
    as_member.credentials = Some(orgward::aws::StaticCredentials {
        access_key_id: key,
        secret_access_key: secret.into(),
        session_token: None,
    });
    let sessions = connect(&sandbox, as_member).await.unwrap();
    let cancel = CancellationToken::new();
    let error = collect::organization(&sessions, false, &cancel).await.unwrap_err();
    let CollectError::PlainMember { management, caller, .. } = &error else { panic!("{error}") };
    assert_eq!((management, caller), (&scenario.management, &member));

    let sessions = operator(&sandbox).await;
    sandbox.faults().add(
        Fault::new(FaultKind::Error {
            status: 400,
            code: "AWSOrganizationsNotInUseException".into(),
            message: "Your account is not a member of an organization.".into(),
        })
        .operation("organizations", "DescribeOrganization"),
    );
    let error = collect::organization(&sessions, false, &cancel).await.unwrap_err();
    assert!(matches!(error, CollectError::NotEnabled { .. }), "{error}");
    sandbox.faults().clear();

    sandbox.faults().add(Fault::new(FaultKind::Deny).operation("organizations", "ListAccounts"));
    let error = collect::organization(&sessions, false, &cancel).await.unwrap_err();
    assert!(error.to_string().starts_with("the accounts could not be read: organizations:ListAccounts"), "{error}");
    sandbox.faults().clear();

    let none = Fixed::sessions(&sandbox, "ListAccounts", r#"{"Accounts":[]}"#).await;
    let error = collect::organization(&none, false, &cancel).await.unwrap_err();
    assert!(matches!(error, CollectError::NoAccounts(_)), "{error}");

    cancel.cancel();
    let before = sandbox.requests().len();
    let error = collect::organization(&sessions, false, &cancel).await.unwrap_err();
    assert!(matches!(error, CollectError::Failed { cause, .. } if cause.kind == CauseKind::Interrupted));
    assert_eq!(sandbox.requests().len(), before);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_fundamental_becomes_unknown() {
    let sandbox = Sandbox::new(Scenario::small());
    let sessions = operator(&sandbox).await;
    for (service, operation) in [
        ("organizations", "ListPolicies"),
        ("organizations", "ListDelegatedAdministrators"),
        ("cloudtrail", "GetTrailStatus"),
        ("logs", "DescribeMetricFilters"),
    ] {
        sandbox.faults().add(Fault::new(FaultKind::Deny).operation(service, operation));
    }
    let org = enumerate(&sessions).await;
    let denied = |cause: Option<&orgward::model::Cause>| cause.map(|cause| cause.kind) == Some(CauseKind::AccessDenied);
    assert!(denied(org.policies_of(&PolicyType::Scp).unwrap().cause()));
    assert!(denied(org.delegated_administrators.cause()));
    assert!(denied(org.organization_trails.value().unwrap()[0].status.cause()));
    assert!(org.organization_trails.value().unwrap()[0].selectors.value().is_some());
    assert!(denied(org.monitoring[0].filters.cause()));
    assert!(org.monitoring[0].alarms.value().is_some());
}

#[tokio::test(start_paused = true)]
async fn every_account_gives_every_fact_within_its_budget_of_requests() {
    let scenario = Scenario::small();
    let sandbox = Sandbox::new(scenario.clone());
    let sessions = operator(&sandbox).await;
    let org = enumerate(&sessions).await;
    sandbox.forget_requests();
    let seen = collect_all(&sessions, &org, &CollectOptions::default()).await;
    let requests = sandbox.requests();
    for (account, facts) in &seen {
        assert_eq!(unknowns(facts), [], "{account}");
        let own = facts.trails.values().filter_map(|trails| trails.value()).flatten();
        let own = own.filter(|trail| trail.owner().as_ref() == Some(account)).map(|trail| &trail.arn);
        let own = u32::try_from(own.collect::<BTreeSet<_>>().len()).unwrap();
        let made = requests_of(&requests, account);
        let made: Vec<&String> = made.iter().filter(|call| !call.starts_with("sts:")).collect();
        assert_eq!(made.first().map(|call| call.as_str()), Some("iam:GenerateCredentialReport"), "{account}");
        // The report, once IAM has made it; then what is heavy, so that it is held for as short as possible.
        let last: Vec<&str> = made.iter().rev().take(2).map(|call| call.as_str()).collect();
        assert_eq!(last, ["iam:GetAccountAuthorizationDetails", "iam:GetCredentialReport"], "{account}");
        let polls = made.iter().filter(|call| call.as_str() == "iam:GetCredentialReport").count() - 1;
        let budget = BASE_REQUESTS + REQUESTS_PER_TRAIL * own + watching(facts) + u32::try_from(polls).unwrap();
        // One for AssumeRole, which the management account pays.
        assert!(u32::try_from(made.len()).unwrap() < budget, "{account}: {made:?}");
    }
    let declared: BTreeSet<&str> =
        collect::CATALOG.iter().flat_map(|source| source.calls).chain(collect::ENTERING).copied().collect();
    for request in &requests {
        let call = format!("{}:{}", request.service, request.operation);
        assert!(declared.contains(call.as_str()), "{call} is not in the catalogue");
    }
}

/// What may be asked about the watchers of an account's Regions and the buckets of its trails.
fn watching(facts: &AccountFacts) -> u32 {
    let analyzers = facts.watchers.values().filter_map(|watchers| watchers.analyzers.value());
    let count = |number: usize| u32::try_from(number).unwrap();
    let buckets = facts.trail_buckets.value().map_or(0, Vec::len);
    REQUESTS_PER_REGION * count(facts.watchers.len())
        + count(analyzers.map(Vec::len).sum())
        + REQUESTS_PER_BUCKET * count(buckets)
}

/// How many facts of an account there are that can be unknown when it can't be entered.
fn facts_of_an_account() -> usize {
    let cause = orgward::model::Cause::not_collected("none");
    let (account, home) = ("111122223333".parse().unwrap(), Scenario::small().home);
    unknowns(&AccountFacts::unknown(account, home, &cause)).len()
}

/// A trail of one Region without signed log files.
fn unsigned(account: &AccountId, region: &Region) -> Trail {
    Trail {
        name: "own".into(),
        arn: format!("arn:aws:cloudtrail:{region}:{account}:trail/own"),
        home_region: region.clone(),
        multi_region: false,
        organization: false,
        log_file_validation: false,
        global_services: true,
        bucket: "own".into(),
        kms_key: None,
        log_group_arn: Some(format!("arn:aws:logs:{region}:{account}:log-group:own:*")),
        log_role_arn: None,
        logging: true,
        started: sandbox::scenario::EPOCH,
        selectors: Selectors::Default,
    }
}

/// Gives an account two Regions' trails of its own, each delivering to a log group that is watched: in the home Region by an
/// alarm that tells two topics, in the other by nothing.
async fn own_trails(sandbox: &Sandbox, sessions: &Sessions, org: &OrgFacts, account: &AccountId, regions: &[Region]) {
    let now = sandbox::scenario::EPOCH;
    sandbox.with(|org| {
        // No multi-Region trail is seen.
        let management = org.info.management_account.clone();
        org.state_mut(&management).trails.clear();
        let state = org.state_mut(account);
        for region in regions {
            let group = LogGroup { created: now, retention_days: None, stored_bytes: 0, filters: BTreeMap::new() };
            state.log_groups.insert((region.clone(), "own".into()), group);
            let trail = unsigned(account, region);
            state.trails.insert(trail.arn.clone(), trail);
        }
    });
    let world = World::new(sessions, org, Purpose::Apply);
    let (account, region) = (account.clone(), regions[0].clone());
    let write = async |address: Address, doc: serde_json::Value| {
        world.write(&address, None, Some(&Doc(doc))).await.unwrap();
    };
    let mut actions = Vec::new();
    for name in ["one", "two", "unheard"] {
        let topic = Address::Topic { account: account.clone(), region: region.clone(), name: name.into() };
        write(topic, json!({"tags": {}})).await;
        actions.push(format!("arn:aws:sns:{region}:{account}:{name}"));
    }
    let filter = Address::MetricFilter {
        account: account.clone(),
        region: region.clone(),
        log_group: "own".into(),
        name: "root".into(),
    };
    let pattern = "{ $.userIdentity.type = \"Root\" }";
    write(
        filter,
        json!({"pattern": pattern, "metric_namespace": "own", "metric_name": "root", "metric_value": "1", "default_value": null}),
    )
    .await;
    for (metric, actions) in [("root", &actions[..2]), ("other", &actions[2..])] {
        let alarm = Address::Alarm { account: account.clone(), region: region.clone(), name: metric.into() };
        let doc = json!({
            "description": null, "namespace": "own", "metric_name": metric, "statistic": "Sum",
            "comparison": "GreaterThanOrEqualToThreshold", "threshold": 1.0, "period": 300, "evaluation_periods": 1,
            "treat_missing_data": "notBreaching", "actions_enabled": true, "alarm_actions": actions,
        });
        write(alarm, doc).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_accounts_own_trails_are_followed_to_who_is_told() {
    let scenario = Scenario::small();
    let sandbox = Sandbox::new(scenario.clone());
    let sessions = operator(&sandbox).await;
    let account = id(&scenario, "app-one");
    let regions = [scenario.home.clone(), "eu-west-1".parse().unwrap()];
    own_trails(&sandbox, &sessions, &enumerate(&sessions).await, &account, &regions).await;
    let org = enumerate(&sessions).await;
    sandbox.forget_requests();
    let facts = &collect_all(&sessions, &org, &CollectOptions::default()).await[&account];
    assert_eq!(unknowns(facts), []);
    for region in &regions {
        let trails = facts.trails[region].value().unwrap();
        assert!(trails.len() == 1 && trails[0].status.value().unwrap().is_logging);
    }
    let [home, other] = facts.monitoring.as_slice() else { panic!("two chains") };
    assert_eq!((&home.log_group.region, &other.log_group.region), (&regions[0], &regions[1]));
    assert_eq!(home.filters.value().map(Vec::len), Some(1));
    // Only topics of the alarm on the filter's metric.
    let topics: Vec<&str> = home.subscriptions.keys().filter_map(|arn| arn.rsplit(':').next()).collect();
    assert_eq!(topics, ["one", "two"]);
    assert!(other.subscriptions.is_empty() && other.filters.value().is_some_and(Vec::is_empty));

    let made = requests_of(&sandbox.requests(), &account);
    let about =
        |services: &[&str]| made.iter().filter(|call| services.iter().any(|service| call.starts_with(service))).count();
    // DescribeTrails in each Region, what each of the two trails costs, and its Region's alarms and the two topics.
    let trails = facts.trails.len() + 2 * REQUESTS_PER_TRAIL as usize + 2 + 2;
    assert_eq!(about(&["cloudtrail:", "logs:", "cloudwatch:", "sns:"]), trails, "{made:?}");
    let polls = made.iter().filter(|call| call.as_str() == "iam:GetCredentialReport").count() - 1;
    let budget = (BASE_REQUESTS + 2 * REQUESTS_PER_TRAIL + watching(facts)) as usize + polls;
    assert!(made.len() < budget, "{made:?}");
}

#[tokio::test(start_paused = true)]
async fn accounts_that_can_not_be_entered_are_rows() {
    let mut scenario = Scenario::small();
    scenario.plant("app-one", Problem::OtherExternalId("another".into()));
    scenario.plant("app-two", Problem::NoAuditRole);
    let sandbox = Sandbox::new(scenario.clone());
    let sessions = operator(&sandbox).await;
    let mut org = enumerate(&sessions).await;
    org.accounts.get_mut(&id(&scenario, "audit")).unwrap().state = AccountState::Suspended;
    let seen = collect_all(&sessions, &org, &CollectOptions::default()).await;
    for (name, kind) in [
        ("app-one", CauseKind::AssumeRoleDenied),
        ("app-two", CauseKind::AssumeRoleDenied),
        ("audit", CauseKind::AccountNotActive),
    ] {
        let unknown = unknowns(&seen[&id(&scenario, name)]);
        assert_eq!(unknown.len(), facts_of_an_account(), "{name}");
        assert!(unknown.iter().all(|(_, cause)| cause.kind == kind), "{name}: {unknown:?}");
        assert!(!format!("{unknown:?}").contains("orgward-demo"), "the ExternalId is shown");
    }
    assert_eq!(unknowns(&seen[&scenario.management]), []);
}

#[tokio::test(start_paused = true)]
async fn an_account_closed_or_gone_during_the_run_is_told_from_a_role_that_is_missing() {
    let mut scenario = Scenario::small();
    scenario.plant("app-two", Problem::NoAuditRole);
    let sandbox = Sandbox::new(scenario.clone());
    let sessions = operator(&sandbox).await;
    let org = enumerate(&sessions).await;
    let (closed, missing, gone) = (id(&scenario, "app-one"), id(&scenario, "app-two"), id(&scenario, "audit"));
    sandbox.with(|org| {
        org.members.get_mut(&closed).unwrap().state = AccountState::Suspended;
        org.members.remove(&gone);
    });
    sandbox.forget_requests();
    let seen = collect_all(&sessions, &org, &CollectOptions::default()).await;
    let why = |account: &AccountId| {
        let unknown = unknowns(&seen[account]);
        assert_eq!(unknown.len(), facts_of_an_account());
        let (_, cause) = unknown.into_iter().next().unwrap();
        (cause.kind, cause.message)
    };
    let not_active = CauseKind::AccountNotActive;
    assert_eq!(why(&closed), (not_active, "the account is suspended by now".to_owned()));
    assert_eq!(why(&gone), (not_active, "the account is no longer in the organization by now".to_owned()));
    assert_eq!(why(&missing).0, CauseKind::AssumeRoleDenied);
    let asked = sandbox.requests().iter().filter(|request| request.operation == "DescribeAccount").count();
    assert_eq!(asked, 3, "only accounts that could not be entered");

    // Where that can't be told, what is known stays.
    sandbox.faults().add(Fault::new(FaultKind::Deny).operation("organizations", "DescribeAccount"));
    let seen = collect_all(&sessions, &org, &CollectOptions::default()).await;
    assert_eq!(unknowns(&seen[&closed])[0].1.kind, CauseKind::AssumeRoleDenied);
}

#[tokio::test(start_paused = true)]
async fn a_throttled_account_still_gives_every_fact() {
    let scenario = Scenario::small();
    let sandbox = Sandbox::new(scenario.clone());
    let sessions = operator(&sandbox).await;
    let org = enumerate(&sessions).await;
    sandbox.faults().add(Fault::new(FaultKind::Throttle { rate: 0.2 }));
    let seen = collect_all(&sessions, &org, &CollectOptions::default()).await;
    for (account, facts) in &seen {
        assert_eq!(unknowns(facts), [], "{account}");
    }
    assert!(sessions.stats().throttled > 0);
}

#[tokio::test(start_paused = true)]
async fn a_denied_or_silent_call_costs_its_own_fact_only() {
    let scenario = Scenario::small();
    let sandbox = Sandbox::new(scenario.clone());
    let sessions = operator(&sandbox).await;
    let org = enumerate(&sessions).await;
    let (one, two) = (id(&scenario, "app-one"), id(&scenario, "app-two"));
    sandbox.faults().add(Fault::new(FaultKind::Deny).account(&one).operation("iam", "ListVirtualMFADevices"));
    sandbox.faults().add(Fault::new(FaultKind::Deny).account(&one).operation("iam", "GenerateCredentialReport"));
    sandbox.faults().add(Fault::new(FaultKind::Hang).account(&two).operation("iam", "GetAccountSummary"));
    let options = CollectOptions { account_deadline: Duration::from_secs(15), ..CollectOptions::default() };
    let started = tokio::time::Instant::now();
    let seen = collect_all(&sessions, &org, &options).await;
    assert!(started.elapsed() < Duration::from_secs(60));
    let kinds = |account: &AccountId| -> Vec<(&str, CauseKind)> {
        unknowns(&seen[account]).into_iter().map(|(name, cause)| (name, cause.kind)).collect()
    };
    let denied = CauseKind::AccessDenied;
    assert_eq!(kinds(&one), [("credential_report", denied), ("virtual_mfa_devices", denied)]);
    let late = kinds(&two);
    assert!(late.contains(&("summary", CauseKind::TimedOut)), "{late:?}");
    assert!(seen[&two].password_policy.source().is_some());
}

/// Who started and finished, in order.
#[derive(Default)]
struct Order(Mutex<Vec<String>>);

impl Progress for Order {
    fn started(&self, account: &AccountId) {
        self.0.lock().unwrap().push(format!("started {account}"));
    }
    fn finished(&self, account: &AccountId, _: &AccountFacts) {
        self.0.lock().unwrap().push(format!("finished {account}"));
    }
}

#[tokio::test(start_paused = true)]
async fn an_account_that_waits_for_its_report_gives_up_its_slot() {
    let scenario = Scenario::small();
    let sandbox = Sandbox::new(scenario.clone());
    let sessions = operator(&sandbox).await;
    let org = enumerate(&sessions).await;
    // IAM is not done with the first report for a while.
    let first = org.accounts.keys().next().unwrap().clone();
    let in_progress = FaultKind::Error { status: 404, code: "ReportInProgress".into(), message: "wait".into() };
    sandbox.faults().add(Fault::new(in_progress).account(&first).operation("iam", "GetCredentialReport").times(4));
    let options = CollectOptions { max_concurrency: 1, ..CollectOptions::default() };
    let order = Arc::new(Order::default());
    let ids: Vec<AccountId> = org.accounts.keys().cloned().collect();
    let mut count = 0;
    collect::each_account(
        &sessions,
        &org,
        &ids,
        &options,
        &CancellationToken::new(),
        Arc::clone(&order) as _,
        &mut |facts| {
            assert_eq!(unknowns(&facts), []);
            count += 1;
        },
    )
    .await;
    assert_eq!(count, ids.len());
    let order = order.0.lock().unwrap();
    let second = order.iter().position(|event| event == &format!("started {}", ids[1])).unwrap();
    let done = order.iter().position(|event| event == &format!("finished {first}")).unwrap();
    assert!(second < done, "{order:?}");
}

#[tokio::test(start_paused = true)]
async fn after_cancellation_nothing_is_called() {
    let sandbox = Sandbox::new(Scenario::sized(30, 5));
    let sessions = operator(&sandbox).await;
    let org = enumerate(&sessions).await;
    let ids: Vec<AccountId> = org.accounts.keys().cloned().collect();
    let cancel = CancellationToken::new();
    let options = CollectOptions { max_concurrency: 4, ..CollectOptions::default() };
    let mut at_cancel = None;
    let mut interrupted = 0;
    let mut seen = BTreeSet::new();
    collect::each_account(&sessions, &org, &ids, &options, &cancel, Arc::new(()), &mut |facts| {
        assert!(seen.insert(facts.account.clone()));
        if at_cancel.is_none() {
            cancel.cancel();
            at_cancel = Some(sandbox.requests().len());
        }
        if unknowns(&facts).iter().any(|(_, cause)| cause.kind == CauseKind::Interrupted) {
            interrupted += 1;
        }
    })
    .await;
    // Whatever was in flight on the wire may still arrive; nothing new leaves.
    tokio::time::sleep(Duration::from_secs(120)).await;
    assert_eq!(Some(sandbox.requests().len()), at_cancel);
    assert_eq!(seen.len(), ids.len());
    assert!(interrupted > ids.len() / 2, "{interrupted}");
}

#[tokio::test(start_paused = true)]
async fn a_trail_of_one_region_is_judged_beside_the_organizations() {
    let scenario = Scenario::small();
    let sandbox = Sandbox::new(scenario.clone());
    let sessions = operator(&sandbox).await;
    let account = id(&scenario, "app-one");
    let region: Region = "eu-west-1".parse().unwrap();
    sandbox.with(|org| {
        let trail = unsigned(&account, &region);
        org.state_mut(&account).trails.insert(trail.arn.clone(), trail);
    });
    let org = enumerate(&sessions).await;
    let seen = collect_all(&sessions, &org, &CollectOptions::default()).await;
    let facts = &seen[&account];
    let [trail] = facts.trails[&region].value().unwrap().as_slice() else { panic!("one trail") };
    assert!(trail.name == "own" && trail.status.value().is_some_and(|status| status.is_logging));
    let verdict = |facts: &AccountFacts, check: &str| {
        let found = checks::account(&org, facts, &Thresholds::default());
        found.into_iter().find(|finding| finding.check == check).unwrap().verdict
    };
    for check in ["trail-log-validation", "trail-kms"] {
        assert_eq!(verdict(facts, check), Verdict::Fail, "{check}");
    }
    // Where one Region does not answer, nothing passes but what the organization's trail proves.
    let mut facts = facts.clone();
    let cause = orgward::model::Cause::new(CauseKind::AccessDenied, "cloudtrail:DescribeTrails", "denied");
    facts.trails.insert(region, Observed::unknown(cause));
    let facts = &facts;
    for check in ["trail-log-validation", "trail-kms", "trail-logging", "trail-bucket-public"] {
        assert_eq!(verdict(facts, check), Verdict::Unknown, "{check}");
    }
    assert_eq!(verdict(facts, "trail-management-events"), Verdict::Pass);
}

#[tokio::test(start_paused = true)]
async fn only_the_regions_asked_for_are_in_scope() {
    let scenario = Scenario::small();
    let sandbox = Sandbox::new(scenario.clone());
    let sessions = operator(&sandbox).await;
    let org = enumerate(&sessions).await;
    let region = "eu-west-1".parse().unwrap();
    let options = CollectOptions { regions: RegionRequest::Only(vec![region]), ..CollectOptions::default() };
    let seen = collect_all(&sessions, &org, &options).await;
    let facts = &seen[&id(&scenario, "app-one")];
    assert_eq!(facts.regions_in_scope.iter().map(|region| region.as_str()).collect::<Vec<_>>(), ["eu-west-1"]);
    // The home Region showed a multi-Region trail: the other shows none but its own.
    assert_eq!(
        facts.trails.keys().map(|region| region.as_str()).collect::<Vec<_>>(),
        [scenario.home.as_str(), "eu-west-1"]
    );
    assert_eq!(facts.trails[&facts.regions_in_scope[0]].value().map(Vec::len), Some(0));
    let trail = &facts.trails[&scenario.home].value().unwrap()[0];
    assert!(trail.organization_trail && trail.status.value().is_some(), "known from the organization");

    // Without it, every Region is.
    sandbox.with(|org| {
        let management = org.info.management_account.clone();
        org.state_mut(&management).trails.clear();
    });
    let org = enumerate(&sessions).await;
    let seen = collect_all(&sessions, &org, &CollectOptions::default()).await;
    let facts = &seen[&id(&scenario, "app-one")];
    assert_eq!(facts.trails.keys().collect::<BTreeSet<_>>(), facts.regions_in_scope.iter().collect());
    assert!(facts.regions_in_scope.len() > 10 && facts.regions_in_scope.first() == Some(&scenario.home));
}
