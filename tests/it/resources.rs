//! Every kind of address, read and written against the sandbox.

use crate::sandboxed::operator;
use orgward::aws::{Purpose, Sessions};
use orgward::collect;
use orgward::model::org::PolicyType;
use orgward::model::{Address, CauseKind, Doc, Observed, OrgFacts, TargetId};
use orgward::resources::World;
use orgward::sandbox::{Fault, FaultKind, Sandbox, Scenario};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

/// The log group of the scenarios' organization trail.
const LOG_GROUP: &str = "organization-trail-events";
const DENY_LEAVE: &str = r#"{"Version":"2012-10-17","Statement":[{"Sid":"NoLeave","Effect":"Deny","Action":"organizations:LeaveOrganization","Resource":"*"}]}"#;

async fn enumerated(sandbox: &Sandbox) -> (Sessions, OrgFacts) {
    let sessions = operator(sandbox).await;
    let org = collect::organization(&sessions, false, &CancellationToken::new()).await.unwrap();
    (sessions, org)
}

fn doc(value: Value) -> Doc {
    Doc(value)
}

#[track_caller]
fn present(seen: Observed<Doc>) -> Doc {
    match seen {
        Observed::Present { value, source } => {
            assert!(source.pages > 0 && source.digest.is_some());
            value
        }
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn absent(seen: &Observed<Doc>) {
    assert!(matches!(seen, Observed::Absent { .. }), "{seen:?}");
}

/// Creates, reads, updates, reads, deletes and reads again; each write twice, as after a crash.
async fn there_and_back(world: &World<'_>, address: &Address, first: Value, second: Value) -> Option<String> {
    let (first, second) = (doc(first), doc(second));
    absent(&world.read(address).await);
    let id = world.write(address, None, Some(&first)).await.unwrap();
    assert_eq!(present(world.read(address).await), first, "{address}");
    world.write(address, None, Some(&first)).await.unwrap();
    if first != second {
        world.write(address, Some(&first), Some(&second)).await.unwrap();
        assert_eq!(present(world.read(address).await), second, "{address}");
        world.write(address, Some(&first), Some(&second)).await.unwrap();
        assert_eq!(present(world.read(address).await), second, "{address}");
    }
    world.write(address, Some(&second), None).await.unwrap();
    absent(&world.read(address).await);
    world.write(address, Some(&second), None).await.unwrap();
    id
}

#[tokio::test(start_paused = true)]
async fn policies_and_attachments_go_there_and_back() {
    let scenario = Scenario::small();
    let sandbox = Sandbox::new(scenario.clone());
    let (sessions, org) = enumerated(&sandbox).await;
    let world = World::new(&sessions, &org, Purpose::Apply);
    let address = Address::Policy { policy_type: PolicyType::Scp, name: "deny-leave".into() };
    let first =
        json!({"description": "one", "content": DENY_LEAVE, "tags": {"orgward": "baseline/deny-leave", "a": "1"}});
    let content = DENY_LEAVE.replace("NoLeave", "NobodyLeaves");
    let second =
        json!({"description": "two", "content": content, "tags": {"orgward": "baseline/deny-leave", "b": "2"}});
    let id = there_and_back(&world, &address, first.clone(), second).await.unwrap();
    assert!(id.starts_with("p-"), "{id}");

    // A policy of the same name and another meaning is not taken for ours.
    let first = doc(first);
    world.write(&address, None, Some(&first)).await.unwrap();
    let other = doc(json!({"description": "other", "content": DENY_LEAVE, "tags": {}}));
    let error = world.write(&address, None, Some(&other)).await.unwrap_err();
    assert_eq!(error.message, "another policy `deny-leave` is already there");

    let ou = org.ous.keys().next().unwrap().clone();
    let member: TargetId = scenario.account("app-one").unwrap().id.clone().into();
    for target in [org.root.id.clone(), ou, member] {
        let attachment = Address::Attachment { policy_type: PolicyType::Scp, policy: "deny-leave".into(), target };
        there_and_back(&world, &attachment, json!({}), json!({})).await;
    }
    let nowhere = Address::Attachment {
        policy_type: PolicyType::Scp,
        policy: "deny-nothing".into(),
        target: org.root.id.clone(),
    };
    absent(&world.read(&nowhere).await);
    assert!(world.write(&nowhere, None, Some(&doc(json!({})))).await.is_err());
    world.write(&nowhere, Some(&doc(json!({}))), None).await.unwrap();

    // Where an account left there is nothing to detach, and AWS says that there is no place to attach.
    let gone = scenario.account("app-two").unwrap().id.clone();
    sandbox.with(|org| drop(org.members.remove(&gone)));
    let left =
        Address::Attachment { policy_type: PolicyType::Scp, policy: "deny-leave".into(), target: gone.clone().into() };
    absent(&world.read(&left).await);
    world.write(&left, Some(&doc(json!({}))), None).await.unwrap();
    let error = world.write(&left, None, Some(&doc(json!({})))).await.unwrap_err();
    assert!(error.message.contains("TargetNotFoundException"), "{error}");

    let managed = Address::Policy { policy_type: PolicyType::Scp, name: "FullAWSAccess".into() };
    let before = present(world.read(&managed).await);
    let sent = sandbox.requests().len();
    for after in [Some(&other), None] {
        let error = world.write(&managed, Some(&before), after).await.unwrap_err();
        assert!(error.message.contains("never edited"), "{error}");
    }
    assert_eq!(sandbox.requests().len(), sent);
}

#[tokio::test(start_paused = true)]
async fn other_types_of_policies_work_too() {
    let sandbox = Sandbox::new(Scenario::small());
    let tags = PolicyType::Other("TAG_POLICY".into());
    sandbox.with(|org| org.info.enabled_types.extend([PolicyType::Rcp, tags.clone()]));
    let (sessions, org) = enumerated(&sandbox).await;
    assert!(org.enabled(&tags));
    assert_eq!(org.policies_of(&tags).unwrap().value().map(Vec::len), Some(0));
    let full = &org.policies_of(&PolicyType::Rcp).unwrap().value().unwrap()[0];
    assert_eq!(full.targets.value().unwrap().len(), 1 + org.ous.len() + org.accounts.len());
    assert!(sandbox.requests().iter().filter(|request| request.operation == "ListTargetsForPolicy").count() == 1);

    let world = World::new(&sessions, &org, Purpose::Apply);
    let address = Address::Policy { policy_type: PolicyType::Rcp, name: "own-principals".into() };
    let content = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"sts:AssumeRoleWithSAML","Resource":"*"}]}"#;
    let policy = |text: &str| json!({"description": text, "content": content, "tags": {}});
    there_and_back(&world, &address, policy("one"), policy("two")).await;

    // The sandbox has no rules for this one, but it is asked for it by name.
    let address = Address::Policy { policy_type: tags, name: "cost-centre".into() };
    let error = world.write(&address, None, Some(&doc(policy("one")))).await.unwrap_err();
    assert!(error.message.contains("TAG_POLICY"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_password_policy_keeps_every_field() {
    let scenario = Scenario::small();
    let sandbox = Sandbox::new(scenario.clone());
    let (sessions, org) = enumerated(&sandbox).await;
    let world = World::new(&sessions, &org, Purpose::Apply);
    let address = Address::PasswordPolicy { account: scenario.account("app-one").unwrap().id.clone() };
    let before = present(world.read(&address).await);
    world.write(&address, Some(&before), None).await.unwrap();
    let policy = |length: i32, age: Option<i32>, reuse: Option<i32>| {
        json!({
            "minimum_password_length": length, "require_symbols": true, "require_numbers": false,
            "require_uppercase_characters": true, "require_lowercase_characters": false,
            "allow_users_to_change_password": true, "max_password_age": age, "password_reuse_prevention": reuse,
            "hard_expiry": false,
        })
    };
    there_and_back(&world, &address, policy(14, Some(90), Some(24)), policy(20, None, None)).await;
    world.write(&address, None, Some(&before)).await.unwrap();
    assert_eq!(present(world.read(&address).await), before);
}

#[tokio::test(start_paused = true)]
async fn the_root_usage_chain_goes_there_and_back() {
    let scenario = Scenario::small();
    let sandbox = Sandbox::new(scenario.clone());
    let (sessions, org) = enumerated(&sandbox).await;
    let world = World::new(&sessions, &org, Purpose::Apply);
    let account = scenario.account("audit").unwrap().id.clone();
    let region = scenario.home.clone();
    let arn = format!("arn:aws:sns:{region}:{account}:security");

    let topic = Address::Topic { account: account.clone(), region: region.clone(), name: "security".into() };
    let id = there_and_back(
        &world,
        &topic,
        json!({"tags": {"a": "1", "c": "1"}}),
        json!({"tags": {"a": "2", "b": "1", "c": "1"}}),
    );
    assert_eq!(id.await.as_deref(), Some(arn.as_str()));
    world.write(&topic, None, Some(&doc(json!({"tags": {}})))).await.unwrap();
    let (tagged, bare) = (doc(json!({"tags": {"a": "1", "b": "2"}})), doc(json!({"tags": {"b": "2"}})));
    world.write(&topic, Some(&doc(json!({"tags": {}}))), Some(&tagged)).await.unwrap();
    world.write(&topic, Some(&tagged), Some(&bare)).await.unwrap();
    assert_eq!(present(world.read(&topic).await), bare, "a tag is taken away");

    // Somebody else listens: the topic stays until they don't.
    let queue = format!("arn:aws:sqs:{region}:{account}:pager");
    let theirs = Address::Subscription {
        account: account.clone(),
        region: region.clone(),
        topic: "security".into(),
        protocol: "sqs".into(),
        endpoint: queue,
    };
    world.write(&theirs, None, Some(&doc(json!({})))).await.unwrap();
    let error = world.write(&topic, Some(&bare), None).await.unwrap_err();
    assert!(error.message.contains("that somebody else made (1)"), "{error}");
    assert_eq!(present(world.read(&topic).await), bare);
    present(world.read(&theirs).await);
    world.write(&theirs, Some(&doc(json!({}))), None).await.unwrap();
    world.write(&topic, Some(&bare), None).await.unwrap();
    absent(&world.read(&topic).await);
    world.write(&topic, None, Some(&bare)).await.unwrap();

    let subscription = |protocol: &str, endpoint: &str| Address::Subscription {
        account: account.clone(),
        region: region.clone(),
        topic: "security".into(),
        protocol: protocol.into(),
        endpoint: endpoint.into(),
    };
    // Pending: AWS would not remove it, this world counts it as removed until it is wanted again.
    let pending = subscription("email", "security@example.com");
    there_and_back(&world, &pending, json!({}), json!({})).await;
    world.write(&pending, None, Some(&doc(json!({})))).await.unwrap();
    assert_eq!(present(world.read(&pending).await), doc(json!({})));

    let filter = Address::MetricFilter {
        account: account.clone(),
        region: region.clone(),
        log_group: LOG_GROUP.into(),
        name: "root-usage".into(),
    };
    let pattern = "{ $.userIdentity.type = \"Root\" }";
    let of = |pattern: &str, default: Option<&str>| {
        json!({
            "pattern": pattern, "metric_namespace": "orgward", "metric_name": "root", "metric_value": "1",
            "default_value": default,
        })
    };
    there_and_back(&world, &filter, of(pattern, None), of("{ $.a = 1 }", Some("0"))).await;
    world.write(&filter, None, Some(&doc(of(pattern, None)))).await.unwrap();
    let nowhere = Address::MetricFilter {
        account: account.clone(),
        region: region.clone(),
        log_group: "no-such-group".into(),
        name: "x".into(),
    };
    absent(&world.read(&nowhere).await);
    world.write(&nowhere, Some(&doc(of(pattern, None))), None).await.unwrap();

    let alarm = Address::Alarm { account: account.clone(), region: region.clone(), name: "root-usage".into() };
    let of = |threshold: f64, actions: &[&str], enabled: bool| {
        json!({
            "description": "root", "namespace": "orgward", "metric_name": "root", "statistic": "Sum",
            "comparison": "GreaterThanOrEqualToThreshold", "threshold": threshold, "period": 300,
            "evaluation_periods": 1, "treat_missing_data": "notBreaching", "actions_enabled": enabled,
            "alarm_actions": actions,
        })
    };
    there_and_back(&world, &alarm, of(1.0, &[&arn], true), of(2.0, &[], false)).await;
    world.write(&alarm, None, Some(&doc(of(1.0, &[&arn], true)))).await.unwrap();

    // And enumeration sees the whole chain.
    let org = collect::organization(&sessions, false, &CancellationToken::new()).await.unwrap();
    let [chain] = org.monitoring.as_slice() else { panic!("one chain") };
    assert_eq!(chain.filters.value().unwrap()[0].name, "root-usage");
    assert_eq!(chain.alarms.value().unwrap()[0].alarm_actions, [arn.as_str()]);
    assert_eq!(chain.topics.value().unwrap(), std::slice::from_ref(&arn));
    let listeners = chain.subscriptions[&arn].value().unwrap();
    assert!(listeners.len() == 1 && !listeners[0].confirmed());
}

#[tokio::test(start_paused = true)]
async fn lost_answers_and_busy_organizations_are_survived() {
    let scenario = Scenario::small();
    let sandbox = Sandbox::new(scenario.clone());
    let (sessions, org) = enumerated(&sandbox).await;
    let world = World::new(&sessions, &org, Purpose::Apply);
    let address = Address::Policy { policy_type: PolicyType::Scp, name: "deny-leave".into() };
    let wanted = doc(json!({"description": "", "content": DENY_LEAVE, "tags": {"orgward": "x/y"}}));
    // Made, but the answer is lost: the retry is told that the policy exists, and that is success.
    let lost = Fault::new(FaultKind::Drop).operation("organizations", "CreatePolicy").times(1).after_the_call();
    sandbox.faults().add(lost);
    let id = world.write(&address, None, Some(&wanted)).await.unwrap();
    assert!(id.is_some_and(|id| id.starts_with("p-")));
    let busy = FaultKind::Error { status: 400, code: "ConcurrentModificationException".into(), message: "busy".into() };
    sandbox.faults().add(Fault::new(busy).operation("organizations", "AttachPolicy").times(2));
    let attachment =
        Address::Attachment { policy_type: PolicyType::Scp, policy: "deny-leave".into(), target: org.root.id.clone() };
    world.write(&attachment, None, Some(&doc(json!({})))).await.unwrap();
    assert_eq!(present(world.read(&attachment).await), doc(json!({})));
    // It is in use now.
    let error = world.write(&address, Some(&wanted), None).await.unwrap_err();
    assert!(error.message.contains("PolicyInUse"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_write_made_in_part_is_no_certain_failure() {
    let scenario = Scenario::small();
    let sandbox = Sandbox::new(scenario.clone());
    let (sessions, org) = enumerated(&sandbox).await;
    let world = World::new(&sessions, &org, Purpose::Apply);
    let address = Address::Policy { policy_type: PolicyType::Scp, name: "deny-leave".into() };
    let policy = |text: &str, tags: Value| doc(json!({"description": text, "content": DENY_LEAVE, "tags": tags}));
    let (before, after) = (policy("one", json!({"a": "1"})), policy("two", json!({"b": "1"})));
    world.write(&address, None, Some(&before)).await.unwrap();
    let deny =
        |operation| sandbox.faults().add(Fault::new(FaultKind::Deny).operation("organizations", operation).times(1));

    // The first call fails: nothing was done. The text is not touched before the tags are right.
    deny("TagResource");
    let error = world.write(&address, Some(&before), Some(&after)).await.unwrap_err();
    assert_eq!(error.kind, CauseKind::AccessDenied);
    assert_eq!(present(world.read(&address).await), before);

    for denied in ["UntagResource", "UpdatePolicy"] {
        deny(denied);
        let error = world.write(&address, Some(&before), Some(&after)).await.unwrap_err();
        assert_eq!((error.kind, error.operation), (CauseKind::Interrupted, format!("organizations:{denied}")));
        assert!(error.message.starts_with("only a part of the change was made, then: "), "{}", error.message);
        assert_eq!(present(world.read(&address).await).0["description"], "one");
    }

    let account = scenario.account("audit").unwrap().id.clone();
    let topic = Address::Topic { account: account.clone(), region: scenario.home.clone(), name: "security".into() };
    let (before, after) = (doc(json!({"tags": {"a": "1"}})), doc(json!({"tags": {"b": "1"}})));
    world.write(&topic, None, Some(&before)).await.unwrap();
    sandbox.faults().add(Fault::new(FaultKind::Deny).account(&account).operation("sns", "UntagResource"));
    let error = world.write(&topic, Some(&before), Some(&after)).await.unwrap_err();
    assert_eq!(error.kind, CauseKind::Interrupted);
    assert_ne!(present(world.read(&topic).await), before);
}

#[tokio::test(start_paused = true)]
async fn what_can_not_be_read_is_unknown_and_an_audit_session_writes_nothing() {
    let scenario = Scenario::small();
    let sandbox = Sandbox::new(scenario.clone());
    let (sessions, org) = enumerated(&sandbox).await;
    let account = scenario.account("app-one").unwrap().id.clone();
    let address = Address::PasswordPolicy { account: account.clone() };
    let audit = World::new(&sessions, &org, Purpose::Audit);
    let before = present(audit.read(&address).await);
    let error = audit.write(&address, Some(&before), None).await.unwrap_err();
    assert_eq!(error.kind, CauseKind::AccessDenied);
    assert_eq!(present(audit.read(&address).await), before);
    sandbox.faults().add(Fault::new(FaultKind::Deny).account(&account).operation("iam", "GetAccountPasswordPolicy"));
    let seen = audit.read(&address).await;
    assert_eq!(seen.cause().map(|cause| cause.kind), Some(CauseKind::AccessDenied));
    let wrong = doc(json!({"minimum_password_length": 14, "surprise": 1}));
    let error = audit.write(&address, None, Some(&wrong)).await.unwrap_err();
    assert!(error.message.contains("does not fit its address"), "{error}");
}
