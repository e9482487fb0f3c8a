//! Rollouts: the words of `rollout:`, who comes in which wave, convergence, replacement, slots, determinism.

use super::super::fixtures::*;
use crate::model::org::{OrgFacts, PolicyType};
use crate::model::plan::{ConfirmationReason, Operation, Plan, RefusalKind};
use crate::model::scope::Scope;
use crate::model::{Address, Observed};
use crate::playbook::{Documents, Playbook, Values, load_str};
use proptest::prelude::*;
use std::collections::BTreeMap;

const DENY_S3: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"s3:*","Resource":"*"}]}"#;
const DENY_EC2: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"ec2:*","Resource":"*"}]}"#;
const ALLOW: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
const SUCCESSOR: &str = "g-05a40818";

fn text(waves: &str, targets: &str) -> String {
    format!(
        "version: 1\nname: guard\ndescription: d\n{waves}steps:\n  - id: scp\n    scp:\n      name: g\n      targets: \
         {targets}\n      content: {DENY_S3}\n"
    )
}

fn load(text: &str) -> Result<Playbook, String> {
    load_str("guard.yaml", text, &Documents::Embedded(&[]), &Values::new()).map_err(|errors| errors.to_string())
}

fn playbook(waves: &str, targets: &str) -> Playbook {
    load(&text(waves, targets)).unwrap_or_else(|errors| panic!("{errors}"))
}

fn rollout(waves: &str) -> String {
    format!("rollout:\n  waves: {waves}\n")
}

fn planned(org: &OrgFacts, waves: &str, targets: &str) -> Plan {
    plan(&[playbook(&rollout(waves), targets)], org, &everyone(org), &[])
}

/// `wave: what`, in plan order.
fn shown(plan: &Plan) -> Vec<String> {
    let sign = |operation| match operation {
        Operation::Create => '+',
        Operation::Update => '~',
        Operation::Delete => '-',
    };
    let what = |address: &Address| match address {
        Address::Policy { name, .. } => name.clone(),
        Address::Attachment { policy, target, .. } => format!("{policy} at {target}"),
        other => other.to_string(),
    };
    let name = |wave: usize| plan.waves.get(wave).map_or("none", |wave| &wave.name);
    let line = |c: &crate::model::Change| format!("{}: {}{}", name(c.wave), sign(c.operation()), what(&c.address));
    plan.changes.iter().map(line).collect()
}

/// What is there once a plan is carried out.
fn applied(org: &OrgFacts, plan: &Plan) -> OrgFacts {
    let mut org = org.clone();
    for (index, change) in plan.changes.iter().enumerate() {
        let all = scps(&mut org);
        match (&change.address, &change.after) {
            (Address::Policy { name, .. }, Some(after)) => {
                all.retain(|policy| policy.name != *name || change.before.is_some());
                let content = after.0["content"].as_str().unwrap();
                let mut made = policy(&format!("p-made{index:04}"), name, content, &[]);
                made.tags = seen(serde_json::from_value(after.0["tags"].clone()).unwrap());
                all.push(made);
            }
            (Address::Policy { name, .. }, None) => all.retain(|policy| policy.name != *name),
            (Address::Attachment { policy, target, .. }, after) => {
                let found = all.iter_mut().find(|found| found.name == *policy).unwrap();
                let Observed::Present { value, .. } = &mut found.targets else { panic!() };
                let there = value.contains(target);
                assert_eq!(there, change.before.is_some(), "{}", change.address);
                value.retain(|found| found != target);
                value.extend(after.as_ref().map(|_| target.clone()));
            }
            _ => {}
        }
    }
    org
}

fn with_live(content: &str, targets: &[&str]) -> OrgFacts {
    let mut org = org();
    let mut live = policy("p-12345678", "g", content, targets);
    let tags = [("orgward:playbook", "guard"), ("orgward:step", "scp"), ("team", "x")];
    live.tags = seen(tags.into_iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect());
    scps(&mut org).push(live);
    org
}

#[test]
fn every_mistake_in_a_rollout_is_reported_at_once() {
    let waves = "rollout:\n  bake: soon\n  max_failure: 1\n  waves:\n    - {name: A b, count: 1}\n    - {name: x}\n    - {name: y, \
                 count: 1, percent: 5}\n    - {name: z, percent: 200, bake: 8d}\n    - {name: z2, tags: {}}\n    - {name: last, count: 3}\n";
    insta::assert_snapshot!(load(&text(waves, "[/Workloads]")).unwrap_err());
}

#[test]
fn the_defaults_are_cautious_and_waves_override_them() {
    let waves = "rollout: {max_failures: 2, bake: 1h, waves: [{name: a, count: 1}, {name: b, percent: 100, bake: 0, \
                 max_failures: 0, max_concurrency: 3, watch_denials: false, rollback_on_stop: true}]}\n";
    let rollout = playbook(waves, "[/Workloads]").rollout.unwrap();
    let [a, b] = rollout.waves.as_slice() else { panic!() };
    assert_eq!((a.max_failures, a.bake_seconds, a.watch_denials, a.rollback_on_stop), (2, 3600, true, false));
    assert_eq!((b.max_failures, b.bake_seconds, b.max_concurrency, b.watch_denials), (0, 0, Some(3), false));
    let plain = playbook(&super::rollout::rollout("[{name: all}]"), "[/Workloads]").rollout.unwrap();
    assert_eq!((plain.waves[0].bake_seconds, plain.waves[0].max_failures), (900, 0));
}

#[test]
fn an_ou_is_reached_account_by_account_then_converges() {
    let plan = planned(&org(), "[{name: canary, count: 1}, {name: rest}]", "[/Workloads]");
    assert!(plan.applyable() && plan.complete(), "{:?}", plan.refusals);
    insta::assert_debug_snapshot!(shown(&plan), @r#"
    [
        "canary: +g",
        "canary: +g at 222222222222",
        "rest: +g at ou-ab12-11111111",
        "rest: -g at 222222222222",
    ]
    "#);
    assert!(crate::execute::Schedule::new(&plan).is_ok());
    assert!(crate::execute::needed_confirmations(&plan).is_empty(), "the plan's own attachment ends no guardrail");
    assert!(plan.notes.iter().all(|note| !note.contains("is detached")), "{:?}", plan.notes);
    let after = applied(&org(), &plan);
    let again = planned(&after, "[{name: canary, count: 1}, {name: rest}]", "[/Workloads]");
    assert!(again.is_empty() && again.waves.is_empty() && again.applyable(), "{:?}", shown(&again));
}

#[test]
fn waves_take_by_ou_tag_count_and_percent() {
    let mut org = org();
    for (id, tier) in [(APP, "1"), (DEV, "2"), (LOGS, "3")] {
        let tags = BTreeMap::from([("tier".to_owned(), tier.to_owned())]);
        org.accounts.get_mut(&id.parse().unwrap()).unwrap().tags = seen(tags);
    }
    let all = "[/Workloads, /Security]";
    let waves = "[{name: dev, tags: {tier: \"2\"}}, {name: prod, ous: [/Workloads/Prod]}, {name: rest}]";
    insta::assert_debug_snapshot!(shown(&planned(&org, waves, all)), @r#"
    [
        "dev: +g",
        "dev: +g at 333333333333",
        "prod: +g at ou-ab12-22222222",
        "rest: +g at ou-ab12-11111111",
        "rest: +g at ou-ab12-33333333",
        "rest: -g at ou-ab12-22222222",
        "rest: -g at 333333333333",
    ]
    "#);
    // Three accounts: a third rounds up to two of them.
    let waves = "[{name: some, percent: 34}, {name: rest}]";
    insta::assert_debug_snapshot!(shown(&planned(&org, waves, all))[..3], @r#"
    [
        "some: +g",
        "some: +g at 222222222222",
        "some: +g at 333333333333",
    ]
    "#);
    // A wave that takes a target whole attaches there.
    let waves = "[{name: security, ous: [/Security]}, {name: rest}]";
    insta::assert_debug_snapshot!(shown(&planned(&org, waves, all)), @r#"
    [
        "security: +g",
        "security: +g at ou-ab12-33333333",
        "rest: +g at ou-ab12-11111111",
    ]
    "#);
    // Account targets need no convergence.
    let waves = "[{name: one, count: 1}, {name: rest}]";
    insta::assert_debug_snapshot!(shown(&planned(&org, waves, "[\"222222222222\", \"444444444444\"]")), @r#"
    [
        "one: +g",
        "one: +g at 222222222222",
        "rest: +g at 444444444444",
    ]
    "#);
}

#[test]
fn tags_that_are_not_known_make_the_step_unplanned() {
    let plan = planned(&org(), "[{name: a, tags: {tier: \"1\"}}, {name: rest}]", "[/Workloads]");
    assert!(!plan.complete() && plan.is_empty() && plan.waves.is_empty());
}

#[test]
fn the_root_is_one_wave_and_the_plan_says_so() {
    let plan = planned(&org(), "[{name: canary, count: 1}, {name: rest}]", "[root]");
    assert_eq!(shown(&plan), ["rest: +g", "rest: +g at r-ab12"]);
    assert!(plan.notes.iter().any(|note| note.contains("the root can't be split into waves")), "{:?}", plan.notes);
}

#[test]
fn a_changed_policy_is_replaced_wave_by_wave() {
    let org = with_live(DENY_EC2, &[PROD, SECURITY]);
    let waves = "[{name: prod, ous: [/Workloads/Prod]}, {name: rest}]";
    let plan = planned(&org, waves, "[/Workloads/Prod]");
    assert!(plan.applyable(), "{:?}", plan.refusals);
    let lines: Vec<String> = shown(&plan).iter().map(|line| line.replace(&successor(), "NEW")).collect();
    insta::assert_debug_snapshot!(lines, @r#"
    [
        "prod: +NEW",
        "prod: +NEW at ou-ab12-22222222",
        "rest: +NEW at ou-ab12-33333333",
        "rest: -g at ou-ab12-22222222",
        "retire: -g at ou-ab12-33333333",
        "delete: -g",
    ]
    "#);
    let tags = &plan.changes[0].after.as_ref().unwrap().0["tags"];
    assert_eq!((tags["orgward:replaces"].as_str(), tags["team"].as_str()), (Some("p-12345678"), Some("x")));
    let why: Vec<_> =
        crate::execute::needed_confirmations(&plan).iter().map(|c| (c.why, c.target.to_string())).collect();
    let detach = |target: &str| (ConfirmationReason::Detach, target.to_owned());
    assert_eq!(why, [detach(PROD), detach(SECURITY), detach(MANAGEMENT)]);

    let after = applied(&org, &plan);
    let again = planned(&after, waves, "[/Workloads/Prod]");
    assert!(again.is_empty() && again.applyable(), "{:?}", shown(&again));
    let plain = super::super::fixtures::plan(&[playbook("", "[/Workloads/Prod]")], &after, &everyone(&after), &[]);
    assert!(plain.is_empty() && plain.applyable(), "without the rollout it is recognised too: {:?}", shown(&plain));
    assert!(plain.notes.is_empty(), "{:?}", plain.notes);
}

fn successor() -> String {
    crate::playbook::generations::successor("g", DENY_S3)
}

#[test]
fn the_name_of_a_successor_never_changes() {
    assert_eq!(successor(), SUCCESSOR);
}

#[test]
fn a_rollout_that_stopped_half_way_is_gone_on_with() {
    let org = with_live(DENY_EC2, &[WORKLOADS]);
    let waves = "[{name: canary, count: 1}, {name: rest}]";
    let whole = planned(&org, waves, "[/Workloads]");
    let mut half = whole.clone();
    half.changes.retain(|change| change.wave == 0);
    let after = applied(&org, &half);
    let rest = planned(&after, waves, "[/Workloads]");
    let lines: Vec<String> = shown(&rest).iter().map(|line| line.replace(&successor(), "NEW")).collect();
    insta::assert_debug_snapshot!(lines, @r#"
    [
        "rest: +NEW at ou-ab12-11111111",
        "rest: -NEW at 222222222222",
        "retire: -g at ou-ab12-11111111",
        "delete: -g",
    ]
    "#);
    assert!(planned(&applied(&after, &rest), waves, "[/Workloads]").is_empty());
}

#[test]
fn what_an_old_allow_let_through_is_watched_when_it_ends() {
    let waves = "[{name: rest}]";
    let retire = |content| {
        let plan = planned(&with_live(content, &[WORKLOADS]), waves, "[/Workloads]");
        let wave = plan.waves.iter().find(|wave| wave.name == "retire").cloned();
        wave.map(|wave| (wave.bake_seconds, wave.watch_denials))
    };
    // The successor is attached in the same place in the last wave, so the old one goes in the wave behind it.
    assert_eq!(retire(DENY_EC2), Some((0, false)));
    assert_eq!(retire(ALLOW), Some((900, true)));
}

#[test]
fn slots_are_checked_before_anything_is_attached() {
    let mut org = org();
    for n in 0..9 {
        scps(&mut org).push(policy(&format!("p-0000000{n}"), &format!("other{n}"), DENY_EC2, &[APP]));
    }
    let plan = planned(&org, "[{name: canary, count: 1}, {name: rest}]", "[/Workloads]");
    assert_eq!(plan.refusals.iter().map(|refusal| refusal.kind).collect::<Vec<_>>(), [RefusalKind::Quota]);
    assert!(plan.refusals[0].message.contains("would have 11 SCPs"), "{}", plan.refusals[0].message);
    // Under a replacement old and new are attached at once.
    let mut full = with_live(DENY_EC2, &[WORKLOADS]);
    for n in 0..8 {
        scps(&mut full).push(policy(&format!("p-0000000{n}"), &format!("other{n}"), DENY_EC2, &[WORKLOADS]));
    }
    assert!(!planned(&full, "[{name: rest}]", "[/Workloads]").applyable());
}

#[test]
fn a_replacement_stays_in_scope() {
    let org = with_live(DENY_EC2, &[WORKLOADS, SECURITY]);
    let scope = Scope { accounts: vec![APP.parse().unwrap(), DEV.parse().unwrap()], ..Scope::default() };
    let plan = plan(&[playbook(&rollout("[{name: rest}]"), "[/Workloads]")], &org, &scope, &[]);
    assert!(plan.refusals.iter().any(|refusal| refusal.kind == RefusalKind::OutOfScope));
}

#[test]
fn a_policy_edited_by_hand_under_the_successors_name_is_refused() {
    let mut org = with_live(DENY_EC2, &[WORKLOADS]);
    scps(&mut org).push(policy("p-87654321", &successor(), DENY_EC2, &[]));
    let plan = planned(&org, "[{name: rest}]", "[/Workloads]");
    assert_eq!(plan.refusals.iter().map(|refusal| refusal.kind).collect::<Vec<_>>(), [RefusalKind::NotOurs]);
    assert!(plan.is_empty());
}

#[test]
fn a_short_bake_is_warned_about_only_where_denials_are_watched() {
    let short = planned(&org(), "[{name: rest, bake: 5m}]", "[/Workloads]").notes;
    assert!(short.iter().any(|note| note.contains("wave `rest` bakes for 5 min")), "{short:?}");
    let blind = planned(&org(), "[{name: rest, bake: 5m, watch_denials: false}]", "[/Workloads]").notes;
    assert!(blind.iter().all(|note| !note.contains("bakes")), "{blind:?}");
}

#[test]
fn password_policies_follow_the_waves_and_watch_no_denials() {
    let text = "version: 1\nname: pw\ndescription: d\nrollout: {waves: [{name: canary, count: 1}, {name: rest}]}\nsteps:\n  - \
                id: length\n    password_policy: {minimum_length: 14}\n";
    let playbook = load(text).unwrap();
    let org = org();
    let facts: Vec<_> = [DEV, APP, LOGS, MANAGEMENT].iter().map(|id| facts(id, seen(weak()), vec![])).collect();
    let pw = plan(std::slice::from_ref(&playbook), &org, &everyone(&org), &facts);
    let waves: Vec<usize> = pw.changes.iter().map(|change| change.wave).collect();
    assert_eq!(waves, [0, 1, 1, 1]);
    assert!(pw.waves.iter().all(|wave| !wave.watch_denials && wave.bake_seconds == 900));
    // Beside a playbook without a rollout: what has none comes first.
    let both = plan(&[playbook, super::rollout::playbook("", "[/Security]")], &org, &everyone(&org), &facts);
    let names: Vec<&str> = both.waves.iter().map(|wave| wave.name.as_str()).collect();
    assert_eq!(names, ["without a rollout", "canary", "rest"]);
    assert!(crate::execute::Schedule::new(&both).is_ok());
}

#[test]
fn a_password_policy_of_two_playbooks_waits_for_the_later_canary() {
    let now =
        "version: 1\nname: length\ndescription: d\nsteps:\n  - id: length\n    password_policy: {minimum_length: 14}\n";
    let careful = "version: 1\nname: reuse\ndescription: d\nrollout: {waves: [{name: canary, count: 1}, {name: rest}]}\nsteps:\n  - \
                   id: reuse\n    password_policy: {reuse_prevention: 24, targets: [/Workloads]}\n";
    let playbooks = [load(now).unwrap(), load(careful).unwrap()];
    let org = org();
    let facts: Vec<_> = [DEV, APP, LOGS, MANAGEMENT].iter().map(|id| facts(id, seen(weak()), vec![])).collect();
    let both = plan(&playbooks, &org, &everyone(&org), &facts);
    let wave = |id: &str| {
        let address = Address::PasswordPolicy { account: id.parse().unwrap() };
        both.changes.iter().find(|change| change.address == address).map(|change| both.waves[change.wave].name.clone())
    };
    let names = [LOGS, APP, DEV].map(|id| wave(id).unwrap());
    assert_eq!(names, ["without a rollout", "canary", "rest"], "{:?}", both.changes);
    assert!(crate::execute::Schedule::new(&both).is_ok());
}

/// The names of the step's policies that bind each account, by the attachments on its way up.
fn bound(org: &OrgFacts) -> BTreeMap<String, Vec<String>> {
    let all = org.policies_of(&PolicyType::Scp).unwrap().value().unwrap();
    let ours = |id: &crate::model::AccountId| {
        let chain = org.chain(&id.clone().into());
        let ours = all.iter().filter(|policy| policy.name == "g" || policy.name.starts_with("g-"));
        let here = ours.filter(|policy| policy.targets.value().unwrap().iter().any(|target| chain.contains(target)));
        here.map(|policy| policy.name.clone()).collect()
    };
    org.accounts.keys().map(|id| (id.to_string(), ours(id))).collect()
}

/// The plan as far as it comes if one of its changes fails and its wave tolerates that.
fn without_one(plan: &Plan, fails: usize) -> Plan {
    let mut gone = Vec::new();
    let mut rest = plan.clone();
    let mut index = 0;
    rest.changes.retain(|change| {
        index += 1;
        // What an earlier wave attaches for a while and could not attach is not there to be detached.
        let left_out = index - 1 == fails
            || gone.contains(&change.address)
            || change.depends_on.iter().any(|on| gone.contains(on));
        if left_out {
            gone.push(change.address.clone());
        }
        !left_out
    });
    rest
}

#[test]
fn what_is_replaced_below_stays_where_its_successor_above_failed() {
    let org = with_live(DENY_EC2, &[DEV]);
    let plan = planned(&org, "[{name: canary, count: 1}, {name: rest, max_failures: 1}]", "[/Workloads]");
    let address = |policy: &str, at: &str| Address::Attachment {
        policy_type: PolicyType::Scp,
        policy: policy.to_owned(),
        target: target(at),
    };
    let gone = plan.changes.iter().find(|change| change.address == address("g", DEV)).unwrap();
    assert_eq!(gone.depends_on, [address(&successor(), WORKLOADS)], "{:?}", shown(&plan));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
    /// Whatever the waves, targets and live state: the plan is the same each time, can be carried out in its order, ends in
    /// the step's targets alone, and the next plan is empty.
    #[test]
    fn a_rollout_is_deterministic_and_converges(
        selectors in proptest::collection::vec(0usize..7, 0..4),
        targets in proptest::sample::subsequence(vec!["/Workloads", "/Workloads/Prod", "/Security", "\"333333333333\""], 1..4),
        live in proptest::sample::subsequence(vec![WORKLOADS, PROD, SECURITY, APP, LOGS], 0..4),
        content in 0usize..3,
    ) {
        let words = ["count: 1", "count: 2", "percent: 1", "percent: 50", "ous: [/Workloads/Prod]", "ous: [/Security]", "ous: [/]"];
        let mut waves: Vec<String> = selectors.iter().enumerate().map(|(n, s)| format!("{{name: w{n}, {}}}", words[*s])).collect();
        waves.push("{name: rest}".to_owned());
        let waves = format!("[{}]", waves.join(", "));
        let targets = format!("[{}]", targets.join(", "));
        let org = match content { 0 => org(), 1 => with_live(DENY_EC2, &live), _ => with_live(DENY_S3, &live) };
        let first = planned(&org, &waves, &targets);
        prop_assert_eq!(&first, &planned(&org, &waves, &targets));
        prop_assert!(first.applyable() && first.complete(), "{:?}", first.refusals);
        prop_assert!(crate::execute::Schedule::new(&first).is_ok(), "{:?}", shown(&first));
        // Whoever is bound by some text of the policy stays bound by one, whichever single change fails.
        for fails in 0..first.changes.len() {
            let after = bound(&applied(&org, &without_one(&first, fails)));
            for (account, _) in bound(&org).iter().filter(|(_, names)| !names.is_empty()) {
                prop_assert!(!after[account].is_empty(), "{} is free if {} fails: {:?}", account, fails, shown(&first));
            }
        }
        let after = applied(&org, &first);
        let again = planned(&after, &waves, &targets);
        prop_assert!(again.is_empty(), "{:?} then {:?}", shown(&first), shown(&again));
        let ours = after.policies_of(&PolicyType::Scp).unwrap().value().unwrap().iter().filter(|p| p.name.starts_with('g'));
        prop_assert_eq!(ours.count(), 1);
    }
}
