//! The generated policies are enough, and hold nothing that is never used: the sandbox, which denies whatever no policy allows,
//! says the same with them as with an administrator, and every grant was needed.

use crate::installed::fill;
use crate::sandboxed::{connect, denied, operator, settings};
use orgward::aws::{Purpose, Sessions, StaticCredentials};
use orgward::bootstrap::{self, Setup};
use orgward::checks::{self, Selection, Thresholds};
use orgward::collect::{self, CollectOptions, Wanted};
use orgward::grants::{Grant, Grants, Names, Needs, document, grants};
use orgward::model::check::Fact;
use orgward::model::finding::Target;
use orgward::model::org::{AccountState, PolicyType};
use orgward::model::scope::RegionRequest;
use orgward::model::{AccountId, Address, CauseKind, Doc, Finding, Observed, OrgFacts, TargetId, Verdict};
use orgward::playbook::{Playbook, Values, load_shipped};
use orgward::resources::World;
use orgward::sandbox::{Sandbox, Scenario, generate};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

const LEAST: &str = "least";

fn baseline() -> Playbook {
    let values: Values = [
        ("targets", "/"),
        ("endpoint", "security@example.com"),
        ("audit_role", generate::AUDIT_ROLE),
        ("apply_role", generate::APPLY_ROLE),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    load_shipped("baseline", &values).unwrap()
}

fn needed(sandbox: &Sandbox, playbooks: &[Playbook]) -> Grants {
    let wanted = Wanted::everything().deep().events(1);
    let needs = Needs { facts: wanted.facts().collect(), ..Needs::default() }.and_playbooks(playbooks);
    grants(&needs, &names(sandbox))
}

fn names(sandbox: &Sandbox) -> Names {
    Names {
        partition: "aws".to_owned(),
        audit_role: generate::AUDIT_ROLE.to_owned(),
        apply_role: generate::APPLY_ROLE.to_owned(),
        other_roles: BTreeMap::new(),
        management: Some(sandbox.management_account()),
        delegated: None,
    }
}

fn text(grants: &[Grant]) -> String {
    serde_json::to_string(&document(grants)).unwrap()
}

/// The trust policy of a role in the template, as CloudFormation fills it in.
fn trust(sandbox: &Sandbox, grants: &Grants, resource: &str, external_id: &str) -> Option<String> {
    let names = Names {
        partition: "aws".to_owned(),
        audit_role: generate::AUDIT_ROLE.to_owned(),
        apply_role: generate::APPLY_ROLE.to_owned(),
        other_roles: BTreeMap::new(),
        management: None,
        delegated: None,
    };
    let setup = Setup { grants, names: &names, region: Scenario::small().home, session_seconds: 3_600 };
    let files = bootstrap::files(&setup).unwrap();
    let template = &files.iter().find(|file| file.path == "members.template.json").unwrap().text;
    let mut template: Value = serde_json::from_str(template).unwrap();
    let caller = template["Parameters"]["CallerArn"]["Default"].clone();
    let mut role = template["Resources"].get_mut(resource)?["Properties"]["AssumeRolePolicyDocument"].take();
    fill(&mut role, &|word| match word {
        "CallerArn" => caller.as_str().unwrap().to_owned(),
        "AuditExternalId" | "ApplyExternalId" => external_id.to_owned(),
        other => other
            .replace("${AWS::Partition}", "aws")
            .replace("${CallerAccountId}", sandbox.management_account().as_str()),
    });
    Some(role.to_string())
}

/// Gives the organization these policies and no other: both roles of every member, and a user of the management account. Gives
/// the user's key.
fn install(sandbox: &Sandbox, grants: &Grants) -> (String, String) {
    let trusts = [
        (generate::AUDIT_ROLE, trust(sandbox, grants, "AuditRole", generate::AUDIT_EXTERNAL_ID)),
        (generate::APPLY_ROLE, trust(sandbox, grants, "ApplyRole", generate::APPLY_EXTERNAL_ID)),
    ];
    sandbox.with(|org| {
        let management = org.info.management_account.clone();
        let members: Vec<AccountId> = org.members.keys().filter(|id| **id != management).cloned().collect();
        for member in members {
            let roles = &mut org.state_mut(&member).roles;
            for (name, grants) in
                [(generate::AUDIT_ROLE, &grants.audit_role), (generate::APPLY_ROLE, &grants.apply_role)]
            {
                let Some(role) = roles.get_mut(name) else { continue };
                let trusted = trusts.iter().find(|(of, _)| *of == name).and_then(|(_, trust)| trust.clone());
                role.trust_policy = trusted.unwrap_or_else(|| role.trust_policy.clone());
                role.attached.clear();
                role.inline =
                    if grants.is_empty() { BTreeMap::new() } else { [(name.to_owned(), text(grants))].into() };
            }
        }
        let state = org.state_mut(&management);
        let mut user = state.users.values().next().expect("someone to make a user after").clone();
        user.name = LEAST.to_owned();
        (user.groups, user.attached, user.boundary, user.keys) = Default::default();
        user.inline = [("audit", &grants.audit_caller), ("apply", &grants.apply_caller)]
            .into_iter()
            .filter(|(_, grants)| !grants.is_empty())
            .map(|(name, grants)| (name.to_owned(), text(grants)))
            .collect();
        let arn = format!("arn:aws:iam::{management}:user{}{LEAST}", user.path);
        state.users.insert(LEAST.to_owned(), user);
        org.add_key(&management, &arn)
    })
}

async fn least(sandbox: &Sandbox, (access_key_id, secret): (String, String)) -> Sessions {
    let credentials = StaticCredentials { access_key_id, secret_access_key: secret.into(), session_token: None };
    let settings = orgward::aws::SessionSettings { credentials: Some(credentials), ..settings(sandbox) };
    connect(sandbox, settings).await.unwrap()
}

/// Verdict and words of every cell, in a whole audit with everything that needs a flag.
async fn audited(sessions: &Sessions) -> (OrgFacts, BTreeMap<(String, Target), (Verdict, String)>, Vec<Finding>) {
    let cancel = CancellationToken::new();
    let org = collect::organization(sessions, false, &cancel).await.unwrap();
    let accounts = org.accounts.iter().filter(|(_, account)| account.state == AccountState::Active);
    let accounts: Vec<AccountId> = accounts.map(|(id, _)| id.clone()).collect();
    let (selection, thresholds) = (Selection::all(), Thresholds::default());
    let mut findings = checks::organization(&org, &thresholds);
    let options = CollectOptions { wanted: Wanted::everything().deep().events(1), ..CollectOptions::default() };
    collect::each_account(sessions, &org, &accounts, &options, &cancel, Arc::new(()), &mut |facts| {
        findings.extend(selection.account(&org, &facts, &thresholds));
    })
    .await;
    let told = findings.iter().map(|f| ((f.check.clone(), f.target.clone()), (f.verdict, f.message.clone()))).collect();
    (org, told, findings)
}

#[tokio::test(start_paused = true)]
async fn an_audit_with_the_generated_policies_says_what_an_administrator_s_says() {
    let sandbox = Sandbox::new(Scenario::small());
    let key = install(&sandbox, &needed(&sandbox, &[]));
    let (_, wanted, _) = audited(&operator(&sandbox).await).await;
    let (_, told, findings) = audited(&least(&sandbox, key).await).await;
    let denied: Vec<&Finding> = findings
        .iter()
        .filter(|finding| finding.cause.as_ref().is_some_and(|cause| cause.kind == CauseKind::AccessDenied))
        .filter(|finding| wanted[&(finding.check.clone(), finding.target.clone())].0 != Verdict::Unknown)
        .collect();
    assert!(denied.is_empty(), "{denied:#?}");
    let verdicts = |told: &BTreeMap<(String, Target), (Verdict, String)>| -> BTreeMap<_, _> {
        told.iter().map(|(cell, (verdict, _))| (cell.clone(), *verdict)).collect()
    };
    assert_eq!(verdicts(&told), verdicts(&wanted));
}

#[tokio::test(start_paused = true)]
async fn every_call_that_is_allowed_is_made() {
    let sandbox = Sandbox::new(Scenario::demo());
    let key = install(&sandbox, &needed(&sandbox, &[]));
    audited(&least(&sandbox, key).await).await;
    let made: BTreeSet<String> =
        sandbox.requests().iter().map(|request| format!("{}:{}", request.service, request.operation)).collect();
    // The demo has no account that moves while it is enumerated, asks for no tags, and alarms of its own have no topics yet.
    let elsewhere = [
        "organizations:ListChildren",
        "organizations:ListParents",
        "organizations:ListTagsForResource",
        "sns:ListSubscriptionsByTopic",
    ];
    let calls: BTreeSet<&str> = collect::CATALOG.iter().flat_map(|source| source.calls).copied().collect();
    let idle: Vec<&&str> = calls.iter().filter(|call| !made.contains(**call) && !elsewhere.contains(call)).collect();
    assert!(idle.is_empty(), "allowed and never called: {idle:?}");
    let unlisted: Vec<&String> =
        made.iter().filter(|call| !calls.contains(call.as_str()) && *call != "sts:GetCallerIdentity").collect();
    assert!(unlisted.is_empty(), "called and in no catalogue: {unlisted:?}");
}

fn doc(value: Value) -> Doc {
    Doc(value)
}

/// Creates, reads, changes and removes what is at an address.
async fn there_and_back(world: &World<'_>, address: &Address, first: Value, second: Value) {
    let (first, second) = (doc(first), doc(second));
    let before = match world.read(address).await {
        Observed::Present { value, .. } => Some(value),
        Observed::Absent { .. } => None,
        Observed::Unknown { cause } => panic!("{address}: {cause}"),
    };
    world.write(address, before.as_ref(), Some(&first)).await.unwrap_or_else(|cause| panic!("{address}: {cause}"));
    world.write(address, Some(&first), Some(&second)).await.unwrap_or_else(|cause| panic!("{address}: {cause}"));
    assert_eq!(world.read(address).await.value(), Some(&second), "{address}");
    world.write(address, Some(&second), None).await.unwrap_or_else(|cause| panic!("{address}: {cause}"));
}

#[tokio::test(start_paused = true)]
async fn a_playbook_is_applied_with_the_generated_policies_and_with_none_of_another() {
    let scenario = Scenario::small();
    let sandbox = Sandbox::new(scenario.clone());
    let key = install(&sandbox, &needed(&sandbox, &[baseline()]));
    let sessions = least(&sandbox, key).await;
    let org = collect::organization(&sessions, false, &CancellationToken::new()).await.unwrap();
    let world = World::new(&sessions, &org, Purpose::Apply);
    let (region, member) = (scenario.home.clone(), scenario.account("audit").unwrap().id.clone());

    let content = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"organizations:LeaveOrganization","Resource":"*"}]}"#;
    let policy = |text: &str, tag: &str| json!({"description": text, "content": content, "tags": {"orgward:playbook": "baseline", (format!("orgward:{tag}")): "1"}});
    let address = |name: &str| Address::Policy { policy_type: PolicyType::Scp, name: name.into() };
    there_and_back(&world, &address("ours"), policy("one", "a"), policy("two", "b")).await;
    world.write(&address("attached"), None, Some(&doc(policy("one", "a")))).await.unwrap();
    let ou = org.ous.keys().next().unwrap().clone();
    for target in [org.root.id.clone(), ou, TargetId::from(member.clone())] {
        let policy_type = PolicyType::Scp;
        let attachment = Address::Attachment { policy_type, policy: "attached".into(), target };
        world.write(&attachment, None, Some(&doc(json!({})))).await.unwrap();
        assert!(world.read(&attachment).await.value().is_some());
        world.write(&attachment, Some(&doc(json!({}))), None).await.unwrap();
    }

    let passwords = |length: i32| {
        json!({
            "minimum_password_length": length, "require_symbols": true, "require_numbers": false,
            "require_uppercase_characters": true, "require_lowercase_characters": false,
            "allow_users_to_change_password": true, "max_password_age": null, "password_reuse_prevention": 24,
            "hard_expiry": false,
        })
    };
    // The management account too, with the caller's own policies.
    for account in [&member, &org.organization.management_account] {
        let address = Address::PasswordPolicy { account: account.clone() };
        there_and_back(&world, &address, passwords(14), passwords(20)).await;
    }

    let (account, topic) = (member.clone(), "orgward-alerts");
    let arn = format!("arn:aws:sns:{region}:{account}:{topic}");
    let at = Address::Topic { account: account.clone(), region: region.clone(), name: topic.into() };
    there_and_back(&world, &at, json!({"tags": {"a": "1"}}), json!({"tags": {"b": "1"}})).await;
    world.write(&at, None, Some(&doc(json!({"tags": {}})))).await.unwrap();
    let subscription = Address::Subscription {
        account: account.clone(),
        region: region.clone(),
        topic: topic.into(),
        protocol: "email".into(),
        endpoint: "security@example.com".into(),
    };
    world.write(&subscription, None, Some(&doc(json!({})))).await.unwrap();
    sandbox.with(|org| {
        let topics = org.state_mut(&account).topics.values_mut();
        topics.flat_map(|topic| &mut topic.subscriptions).for_each(|subscription| subscription.confirmed = true);
    });
    world.write(&subscription, Some(&doc(json!({}))), None).await.unwrap();
    let filter = Address::MetricFilter {
        account: account.clone(),
        region: region.clone(),
        log_group: "organization-trail-events".into(),
        name: "orgward-root-usage".into(),
    };
    let of = |pattern: &str| json!({"pattern": pattern, "metric_namespace": "orgward", "metric_name": "root", "metric_value": "1", "default_value": null});
    there_and_back(&world, &filter, of("{ $.a = 1 }"), of("{ $.a = 2 }")).await;
    let alarm = |name: &str| Address::Alarm { account: account.clone(), region: region.clone(), name: name.into() };
    let of = |threshold: f64| {
        json!({
            "description": "root", "namespace": "orgward", "metric_name": "root", "statistic": "Sum",
            "comparison": "GreaterThanOrEqualToThreshold", "threshold": threshold, "period": 300,
            "evaluation_periods": 1, "treat_missing_data": "notBreaching", "actions_enabled": true,
            "alarm_actions": [arn],
        })
    };
    there_and_back(&world, &alarm("orgward-root-usage"), of(1.0), of(2.0)).await;

    // What the playbook does not name stays closed.
    let denied = world.write(&alarm("of-somebody-else"), None, Some(&doc(of(1.0)))).await.unwrap_err();
    assert_eq!(denied.kind, CauseKind::AccessDenied, "{denied}");
    let other = Address::Topic { account, region, name: "of-somebody-else".into() };
    let denied = world.write(&other, None, Some(&doc(json!({"tags": {}})))).await.unwrap_err();
    assert_eq!(denied.kind, CauseKind::AccessDenied, "{denied}");
}

#[tokio::test(start_paused = true)]
async fn who_may_only_audit_changes_nothing_and_enters_no_role_that_could() {
    let scenario = Scenario::small();
    let sandbox = Sandbox::new(scenario.clone());
    let key = install(&sandbox, &needed(&sandbox, &[]));
    let sessions = least(&sandbox, key).await;
    let org = collect::organization(&sessions, false, &CancellationToken::new()).await.unwrap();
    let world = World::new(&sessions, &org, Purpose::Apply);
    let member = scenario.account("audit").unwrap().id.clone();
    let seen = world.read(&Address::PasswordPolicy { account: member }).await;
    assert_eq!(seen.cause().map(|cause| cause.kind), Some(CauseKind::AssumeRoleDenied), "{seen:?}");
    let own = Address::PasswordPolicy { account: org.organization.management_account.clone() };
    let before = world.read(&own).await.value().cloned();
    let denied = world.write(&own, before.as_ref(), None).await.unwrap_err();
    assert_eq!(denied.kind, CauseKind::AccessDenied);
}

/// What the fewest checks take is not hidden by what others take: each set of facts that a check reads, alone.
#[tokio::test(start_paused = true)]
async fn every_check_alone_has_what_it_takes() {
    let sets: BTreeSet<Vec<Fact>> =
        checks::CATALOG.iter().map(|meta| Wanted::of(meta.facts.to_vec()).facts().collect()).collect();
    assert!(sets.len() > 10, "{}", sets.len());
    for facts in sets {
        let sandbox = Sandbox::new(Scenario::small());
        let names = names(&sandbox);
        let needs = Needs { facts: facts.iter().copied().collect(), ..Needs::default() };
        let key = install(&sandbox, &grants(&needs, &names));
        let sessions = least(&sandbox, key).await;
        let cancel = CancellationToken::new();
        let wanted = Wanted::of(facts.iter().copied());
        let org = collect::organization_facts(&sessions, false, &wanted, &cancel).await.unwrap();
        let accounts: Vec<AccountId> = org.accounts.keys().cloned().collect();
        let regions = RegionRequest::Only(vec![Scenario::small().home]);
        let options = CollectOptions { wanted, regions, ..CollectOptions::default() };
        collect::each_account(&sessions, &org, &accounts, &options, &cancel, Arc::new(()), &mut |_| {}).await;
        assert_eq!(denied(&sandbox), BTreeSet::new(), "with {facts:?}");
    }
}
