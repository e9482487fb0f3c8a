//! Facts of identities, contacts, bills and events, collected from the sandbox: present, absent, denied, not asked.

use crate::sandboxed::{operator, requests_of};
use orgward::aws::Sessions;
use orgward::collect::{self, CollectOptions, Wanted};
use orgward::model::check::Fact;
use orgward::model::scope::RegionRequest;
use orgward::model::{AccountFacts, AccountId, CauseKind, Observed, OrgFacts};
use orgward::sandbox::generate::Problem;
use orgward::sandbox::{Event, Fault, FaultKind, Sandbox, Scenario};
use serde_json::{Value, json};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

const ACCOUNT: &str = "app-one";

/// `Scenario::small` with these problems in the account under test.
fn planted(problems: &[Problem]) -> (Sandbox, AccountId) {
    let mut scenario = Scenario::small();
    for problem in problems {
        scenario.plant(ACCOUNT, problem.clone());
    }
    let account = scenario.account(ACCOUNT).unwrap().id.clone();
    (Sandbox::new(scenario), account)
}

async fn enumerate(sessions: &Sessions, wanted: &Wanted) -> OrgFacts {
    collect::organization_facts(sessions, false, wanted, &CancellationToken::new()).await.unwrap()
}

/// The facts of one account, in its home Region, and of the organization.
async fn facts_of(sandbox: &Sandbox, account: &AccountId, wanted: Wanted) -> (OrgFacts, AccountFacts) {
    let sessions = operator(sandbox).await;
    let org = enumerate(&sessions, &wanted).await;
    sandbox.forget_requests();
    let regions = RegionRequest::Only(vec![Scenario::small().home]);
    let options = CollectOptions { regions, wanted, ..CollectOptions::default() };
    let mut seen = None;
    let accounts = std::slice::from_ref(account);
    collect::each_account(&sessions, &org, accounts, &options, &CancellationToken::new(), Arc::new(()), &mut |facts| {
        seen = Some(facts);
    })
    .await;
    (org, seen.unwrap())
}

fn kind<T>(seen: &Observed<T>) -> Option<CauseKind> {
    seen.cause().map(|cause| cause.kind)
}

#[tokio::test(start_paused = true)]
async fn what_is_wrong_with_certificates_and_credentials_is_seen() {
    let (sandbox, account) = planted(&[
        Problem::UserWithoutMfa,
        Problem::ExpiredCertificate(33),
        Problem::ExpiredSamlProvider(12),
        Problem::ServiceCredential(400),
        Problem::OldSshKey(200),
        Problem::LongSessions,
    ]);
    let (org, facts) = facts_of(&sandbox, &account, Wanted::everything().deep()).await;
    let days = |then: Option<jiff::Timestamp>| (org.as_of.as_second() - then.unwrap().as_second()) / 86_400;
    assert!(facts.server_certificates.value().unwrap().iter().any(|one| days(one.expires) == 33));
    let providers = facts.saml_providers.value().unwrap();
    assert!(providers.len() == 2 && providers.iter().any(|one| days(one.valid_until) == 12));
    let [credential] = facts.service_specific_credentials.value().unwrap().as_slice() else { panic!("one") };
    assert!(credential.active && days(credential.created) == 400 && credential.expires.is_none());
    let keys = facts.ssh_public_keys.value().unwrap();
    assert!(keys.iter().any(|key| key.active && days(key.uploaded) == 200 && key.user == credential.user));
    let sessions = facts.role_sessions.value().unwrap();
    let roles = &facts.authorization.value().unwrap().roles;
    assert!(roles.iter().all(|role| sessions.contains_key(&role.arn)), "each role by its ARN");
    assert!(roles.iter().any(|role| role.path == "/" && sessions[&role.arn] == 43_200));
    let users = facts.authorization.value().unwrap().users.len();
    let made = requests_of(&sandbox.requests(), &account);
    assert_eq!(made.iter().filter(|call| call.as_str() == "iam:ListSSHPublicKeys").count(), users);
    assert_eq!(facts.entered_as.as_deref(), Some(format!("arn:aws:iam::{account}:role/OrgwardAudit").as_str()));
    let (_, management) = facts_of(&sandbox, &org.organization.management_account, Wanted::of([])).await;
    assert_eq!(management.entered_as, None);
}

#[tokio::test(start_paused = true)]
async fn contacts_are_names_of_filled_fields_or_absent() {
    let (sandbox, account) = planted(&[]);
    let (_, facts) = facts_of(&sandbox, &account, Wanted::everything()).await;
    let filled = &facts.security_contact.value().unwrap().filled;
    assert!(filled.contains("EmailAddress") && filled.contains("PhoneNumber"));
    let information = &facts.contact_information.value().unwrap().filled;
    assert!(information.contains("FullName") && !information.contains("AddressLine2"));
    let kept = serde_json::to_string(&(&facts.security_contact, &facts.contact_information)).unwrap();
    for secret in ["security@example.com", "+1 206", "Example Street", "Seattle"] {
        assert!(!kept.contains(secret), "{secret} in {kept}");
    }
    let (sandbox, account) = planted(&[Problem::NoSecurityContact]);
    let (_, facts) = facts_of(&sandbox, &account, Wanted::everything()).await;
    assert!(matches!(facts.security_contact, Observed::Absent { .. }), "{:?}", facts.security_contact);
    sandbox.faults().add(Fault::new(FaultKind::Deny).service("account"));
    let (_, facts) = facts_of(&sandbox, &account, Wanted::everything()).await;
    assert_eq!(kind(&facts.security_contact), Some(CauseKind::AccessDenied), "denied is not absent");
    assert_eq!(kind(&facts.contact_information), Some(CauseKind::AccessDenied));
}

/// Before any sandbox's clock.
fn org_end() -> jiff::Timestamp {
    "2020-01-01T00:00:00Z".parse().unwrap()
}

#[tokio::test(start_paused = true)]
async fn the_management_accounts_budget_speaks_for_members() {
    let (sandbox, account) = planted(&[Problem::BillingAlarm]);
    let management = sandbox.management_account();
    let (org, facts) = facts_of(&sandbox, &account, Wanted::everything()).await;
    assert!(org.services.bill_is_watched(org.as_of));
    let [budget] = org.services.budgets.value().unwrap().as_slice() else { panic!("one budget") };
    assert_eq!((budget.kind.as_str(), budget.notifications), ("COST", 2));
    assert!(budget.filters.is_empty() && budget.starts < budget.ends && budget.ends.is_some());
    assert_eq!(kind(&facts.billing_alarms), Some(CauseKind::NotCollected));
    assert!(!requests_of(&sandbox.requests(), &account).iter().any(|call| call == "cloudwatch:DescribeAlarms"));
    // One of some costs, or one that has ended, speaks for nobody.
    sandbox.with(|org| {
        for budget in org.state_mut(&management).budgets.values_mut() {
            budget.filters.insert("Service".to_owned(), vec!["Amazon Elastic Compute Cloud - Compute".to_owned()]);
            budget.ends = Some(org_end());
        }
    });
    let (org, facts) = facts_of(&sandbox, &account, Wanted::everything()).await;
    let [budget] = org.services.budgets.value().unwrap().as_slice() else { panic!("one budget") };
    assert_eq!((budget.filters.as_slice(), budget.ends), (&["Service".to_owned()][..], Some(org_end())));
    assert!(!org.services.bill_is_watched(org.as_of) && facts.billing_alarms.value().is_some());
    // Without one each member is asked for its own, in the Region that has the metric.
    sandbox.with(|org| org.state_mut(&management).budgets.clear());
    let (org, facts) = facts_of(&sandbox, &account, Wanted::everything()).await;
    assert!(!org.services.bill_is_watched(org.as_of) && org.services.budgets.value().is_some_and(Vec::is_empty));
    assert!(matches!(org.services.billing_alarms, Observed::Absent { .. }));
    assert!(facts.billing_alarms.value().unwrap().heard());
    let asked = sandbox.requests().into_iter().find(|request| request.operation == "DescribeAlarms").unwrap();
    assert_eq!(asked.region, "us-east-1");
    sandbox.with(|org| {
        let topics = org.state_mut(&account).topics.values_mut();
        topics.flat_map(|topic| &mut topic.subscriptions).for_each(|subscription| subscription.confirmed = false);
    });
    let (_, facts) = facts_of(&sandbox, &account, Wanted::everything()).await;
    assert!(!facts.billing_alarms.value().unwrap().heard(), "nobody confirmed");
    sandbox.faults().add(Fault::new(FaultKind::Deny).service("budgets"));
    let (org, _) = facts_of(&sandbox, &account, Wanted::everything()).await;
    assert_eq!(kind(&org.services.budgets), Some(CauseKind::AccessDenied), "denied is not none");
}

#[tokio::test(start_paused = true)]
async fn central_root_access_is_on_off_or_denied() {
    let (sandbox, _) = planted(&[]);
    let sessions = operator(&sandbox).await;
    let all = Wanted::everything();
    let org = enumerate(&sessions, &all).await;
    assert_eq!(org.services.root_features.value().unwrap(), &["RootCredentialsManagement", "RootSessions"]);
    assert!(org.services.trusted.value().unwrap().contains(&"cloudtrail.amazonaws.com".to_owned()));
    let audit = Scenario::small().account("audit").unwrap().id.clone();
    assert!(org.services.delegated[&audit].value().unwrap().contains(&"cloudtrail.amazonaws.com".to_owned()));
    assert_eq!(org.sources.len(), 3, "the tree says where it came from");
    assert!(org.sources.iter().all(|source| source.digest.is_some()));
    sandbox.with(|org| org.service_access.remove("iam.amazonaws.com"));
    let org = enumerate(&sessions, &all).await;
    assert!(matches!(org.services.root_features, Observed::Absent { .. }), "without trusted access none is on");
    sandbox.faults().add(Fault::new(FaultKind::Deny).operation("iam", "ListOrganizationsFeatures"));
    let org = enumerate(&sessions, &all).await;
    assert_eq!(kind(&org.services.root_features), Some(CauseKind::AccessDenied));
}

/// A call of somebody in the account, so many hours ago.
fn call(account: &AccountId, (region, name): (&str, &str), hours: i64, identity: Value) -> Event {
    let at = orgward::sandbox::scenario::EPOCH - jiff::SignedDuration::from_hours(hours);
    Event {
        id: format!("{region}-{name}-{hours}"),
        at,
        name: name.into(),
        source: "iam.amazonaws.com".into(),
        region: region.parse().unwrap(),
        account: account.clone(),
        identity: identity.into(),
        parameters: json!({"userName": "eve", "policyDocument": "{}"}),
        error_code: None,
        error_message: None,
        read_only: false,
    }
}

#[tokio::test(start_paused = true)]
async fn recent_events_are_looked_up_by_name_and_cut_off_where_there_are_too_many() {
    let (sandbox, account) = planted(&[]);
    let user = json!({"type": "IAMUser", "arn": format!("arn:aws:iam::{account}:user/a"), "userName": "a"});
    let root = json!({"type": "Root", "arn": format!("arn:aws:iam::{account}:root")});
    sandbox.with(|org| {
        let mut push = |place, hours, identity: &Value| org.events.push(call(&account, place, hours, identity.clone()));
        push(("us-east-1", "CreateUser"), 24 * 20, &user);
        push(("us-east-1", "CreateUser"), 30, &user);
        push(("us-east-1", "CreateGroup"), 29, &user);
        push(("us-east-1", "CreateAccessKey"), 28, &root);
        push(("eu-central-1", "StopLogging"), 27, &user);
        push(("eu-west-1", "StopLogging"), 26, &user);
        push(("eu-central-1", "RunInstances"), 25, &root);
        for minute in 0..1_001 {
            let mut event = call(&account, ("us-east-1", "AssumeRoleWithWebIdentity"), 2, user.clone());
            event.id = format!("web-{minute}");
            org.events.push(event);
        }
    });
    let (org, facts) = facts_of(&sandbox, &account, Wanted::everything().events(7)).await;
    let of = |region: &str| facts.recent_events[&region.parse().unwrap()].value().unwrap();
    let main = of("us-east-1");
    assert_eq!(main.cut_off, ["AssumeRoleWithWebIdentity"]);
    assert_eq!((org.as_of.as_second() - main.since.as_second()) / 86_400, 7);
    let named: Vec<(&str, &str)> = main
        .events
        .iter()
        .filter(|event| event.name != "AssumeRoleWithWebIdentity")
        .map(|event| (event.name.as_str(), event.actor_kind.as_str()))
        .collect();
    assert_eq!(named, [("CreateAccessKey", "Root"), ("CreateUser", "IAMUser")], "once each, newest first, 7 days");
    assert_eq!(main.events.len(), 1_000 + 2);
    let created = main.events.iter().find(|event| event.name == "CreateUser").unwrap();
    assert_eq!(created.field("requestParameters.userName"), Some("eve"));
    assert_eq!(created.field("requestParameters.policyDocument"), None, "no document is kept");
    let home: Vec<&str> = of("eu-central-1").events.iter().map(|event| event.name.as_str()).collect();
    assert_eq!(home, ["RunInstances", "StopLogging"], "the root user's calls are found by who made them");
    assert!(!facts.recent_events.contains_key(&"eu-west-1".parse().unwrap()), "a Region out of scope is not asked");
}

#[tokio::test(start_paused = true)]
async fn what_is_not_wanted_is_not_asked_and_says_so() {
    let (sandbox, account) = planted(&[]);
    let (org, facts) = facts_of(&sandbox, &account, Wanted::of([Fact::PasswordPolicy])).await;
    let made = requests_of(&sandbox.requests(), &account);
    assert_eq!(made, ["iam:GetAccountPasswordPolicy"]);
    assert!(facts.password_policy.value().is_some());
    assert_eq!(kind(&facts.summary), Some(CauseKind::NotCollected));
    assert_eq!(kind(&org.services.trusted), Some(CauseKind::NotCollected));
    assert_eq!(facts.regions_in_scope, [Scenario::small().home]);
    let (_, facts) = facts_of(&sandbox, &account, Wanted::everything()).await;
    let keys = facts.ssh_public_keys.cause().unwrap();
    assert_eq!((keys.kind, keys.message.as_str()), (CauseKind::OptIn, "not collected: it is asked for with `--deep`"));
    let events = facts.recent_events.values().next().unwrap().cause().unwrap();
    assert!(events.message.contains("`--events DAYS`"), "{events}");
    assert!(!requests_of(&sandbox.requests(), &account).iter().any(|call| call.contains("LookupEvents")));
}
