//! `pack`: several policies in fewer documents, named, planned, and the same when planned again.

use super::super::fixtures::*;
use crate::model::org::{OrgFacts, Policy, PolicyType};
use crate::model::plan::{Operation, Plan, RefusalKind};
use crate::model::{Address, Observed};
use crate::playbook::{Action, Documents, LoadErrors, Playbook, Values, load_str};
use crate::policy::Document;

const LEAVE: &str = r#"{
  "Version": "2012-10-17",
  "Statement": [
    { "Sid": "Deny", "Effect": "Deny", "Action": "organizations:LeaveOrganization", "Resource": "*" },
    { "Effect": "Deny", "Action": "account:CloseAccount", "Resource": "*" }
  ]
}"#;
const TRAIL: &str = r#"{
  "Version": "2012-10-17",
  "Statement": { "Sid": "Deny", "Effect": "Deny", "Action": "cloudtrail:StopLogging", "Resource": "*" }
}"#;
const SAME: &str = r#"{ "Version": "2012-10-17", "Statement": [{ "Effect": "Deny", "Action": "ACCOUNT:closeaccount", "Resource": ["*"] }] }"#;
const DOCUMENTS: &[(&str, &str)] = &[("leave.json", LEAVE), ("trail.json", TRAIL), ("same.json", SAME)];

fn read(body: &str, rest: &str) -> Result<Playbook, LoadErrors> {
    let text = format!(
        "version: 1\nname: guard\ndescription: d\nsteps:\n  - id: scp\n    scp:\n      name: g\n      targets: [/Workloads]\n{body}{rest}"
    );
    load_str("guard.yaml", &text, &Documents::Embedded(DOCUMENTS), &Values::new())
}

fn packed(entries: &[&str]) -> Playbook {
    let list: String = entries.iter().map(|entry| format!("        - {entry}\n")).collect();
    read(&format!("      pack:\n{list}"), "").unwrap_or_else(|errors| panic!("{errors}"))
}

const BOTH: [&str; 2] = ["{ document: leave.json }", "{ document: trail.json }"];

/// A policy as inline content, of about so many characters.
fn long(sid: &str, characters: usize) -> String {
    let actions: String = (0..characters / 20).map(|n| format!("\"s3:{sid}{n:0>12}\",")).collect();
    format!(
        r#"{{ name: {sid}, content: {{Version: "2012-10-17", Statement: [{{Sid: {sid}, Effect: Deny, Action: [{}], Resource: "*"}}]}} }}"#,
        actions.trim_end_matches(',')
    )
}

fn planned(playbook: &Playbook, org: &OrgFacts) -> Plan {
    plan(std::slice::from_ref(playbook), org, &everyone(org), &[])
}

/// The organization with every policy and attachment that the plan makes.
fn applied(mut org: OrgFacts, plan: &Plan) -> OrgFacts {
    for change in &plan.changes {
        let policies = scps(&mut org);
        match &change.address {
            Address::Policy { name, .. } => {
                let id = format!("p-{:0>8}", policies.len());
                let text = |key: &str| change.after.as_ref().unwrap().0[key].as_str().unwrap().to_owned();
                let tags = change.after.as_ref().unwrap().0["tags"].as_object().unwrap();
                let tags = tags.iter().map(|(key, value)| (key.clone(), value.as_str().unwrap().to_owned())).collect();
                let at = policies.iter().position(|policy| policy.name == *name);
                let targets = at.map(|at| policies.remove(at).targets);
                let made = policy(&id, name, &text("content"), &[]);
                policies.push(Policy { tags: seen(tags), targets: targets.unwrap_or(made.targets.clone()), ..made });
            }
            Address::Attachment { policy, target, .. } => {
                let found = policies.iter_mut().find(|found| found.name == *policy).unwrap();
                let Observed::Present { value, .. } = &mut found.targets else { panic!() };
                value.insert(target.clone());
            }
            _ => panic!("{change:?}"),
        }
    }
    org
}

fn names(plan: &Plan) -> Vec<String> {
    plan.changes.iter().map(|change| change.address.to_string()).collect()
}

#[test]
fn several_policies_are_one_document_and_the_plan_says_which() {
    let playbook = packed(&BOTH);
    let plan = planned(&playbook, &org());
    assert!(plan.applyable());
    assert_eq!(plan.changes.len(), 2, "one policy, one attachment: {:?}", names(&plan));
    let Address::Policy { name, .. } = &plan.changes[0].address else { panic!() };
    assert_eq!(name, "g-1");
    assert!(plan.notes.contains(&"guard/scp: `g-1` holds leave.json, trail.json".to_owned()), "{:?}", plan.notes);
    let content = plan.changes[0].after.as_ref().unwrap().0["content"].as_str().unwrap().to_owned();
    let document = Document::parse(&content).unwrap();
    let sids: Vec<Option<&str>> = document.statements().iter().map(|statement| statement.sid()).collect();
    assert_eq!(sids, [Some("Deny"), None, Some("Deny2")], "a name is used once");
}

#[test]
fn each_statement_knows_where_it_was_written() {
    let playbook = packed(&[BOTH[1], BOTH[0], "{ document: same.json }", &long("Inline", 100)]);
    let Action::Packed(spec) = &playbook.steps[0].action else { panic!() };
    let origins: Vec<&str> = spec.policies[0].origins.iter().map(String::as_str).collect();
    assert_eq!(
        origins,
        ["trail.json:3", "leave.json:4", "leave.json:5", "guard.yaml:13"],
        "what is there twice is kept once"
    );
    let holds: Vec<&str> = spec.policies[0].holds.iter().map(String::as_str).collect();
    assert_eq!(holds, ["trail.json", "leave.json", "Inline"]);
}

#[test]
fn what_does_not_fit_goes_into_the_next_document_and_planning_again_changes_nothing() {
    let playbook = packed(&[&long("A", 7_000), &long("B", 5_000), BOTH[0], BOTH[1]]);
    let first = planned(&playbook, &org());
    assert_eq!(first.changes.len(), 4, "{:?}", names(&first));
    for part in ["`g-1` holds A, leave.json, trail.json", "`g-2` holds B"] {
        assert!(first.notes.iter().any(|note| note.contains(part)), "`{part}`: {:?}", first.notes);
    }
    for change in &first.changes {
        let content = change.after.as_ref().unwrap().0.get("content").and_then(|text| text.as_str());
        assert!(content.is_none_or(|text| text.chars().count() <= 10_240));
    }
    let after = applied(org(), &first);
    let again = planned(&playbook, &after);
    assert!(again.is_empty() && again.applyable() && again.notes.is_empty(), "{:?} {:?}", names(&again), again.notes);
    // In another order it says the same, whatever document a statement is in.
    let fewer = planned(&packed(&[&long("A", 7_000), BOTH[0], BOTH[1]]), &after);
    assert!(fewer.is_empty(), "{:?}", names(&fewer));
    assert!(
        fewer.notes.iter().any(|note| note.contains("`g-2` is left of an earlier rollout or packing")),
        "{:?}",
        fewer.notes
    );
}

#[test]
fn a_move_between_documents_is_told_and_new_documents_come_first() {
    let before = applied(org(), &planned(&packed(&[&long("A", 7_000), BOTH[0]]), &org()));
    let plan = planned(&packed(&[&long("C", 9_000), &long("A", 7_000), BOTH[0]]), &before);
    let order: Vec<Operation> = plan.changes.iter().map(|change| change.operation()).collect();
    assert_eq!(order, [Operation::Create, Operation::Create, Operation::Update], "{:?}", names(&plan));
    assert!(plan.notes.iter().any(|note| note.contains("may be in neither")), "{:?}", plan.notes);
    assert!(planned(&packed(&[&long("C", 9_000), &long("A", 7_000), BOTH[0]]), &applied(before, &plan)).is_empty());
}

#[test]
fn under_a_rollout_a_document_too_many_is_retired() {
    let both = [long("A", 7_000), long("B", 5_000)];
    let entries: Vec<&str> = both.iter().map(String::as_str).collect();
    let before = applied(org(), &planned(&packed(&entries), &org()));
    let body = format!("      pack:\n        - {}\n", both[0]);
    let rollout = "rollout: { waves: [{ name: all }] }\n";
    let playbook = read(&body, rollout).unwrap_or_else(|errors| panic!("{errors}"));
    let plan = planned(&playbook, &before);
    assert!(plan.applyable(), "{:?}", plan.refusals);
    let gone = |change: &&crate::model::Change| change.after.is_none() && change.address.to_string().contains("g-2");
    assert_eq!(plan.changes.iter().filter(gone).count(), 2, "detached and deleted: {:?}", names(&plan));
    assert!(plan.changes.iter().all(|change| !change.address.to_string().contains("g-1")), "{:?}", names(&plan));
}

#[test]
fn a_document_too_many_stays_until_the_one_that_took_its_statements_is_attached() {
    let before = [long("A", 8_000), long("B", 8_000), long("C", 3_500)];
    let entries: Vec<&str> = before.iter().map(String::as_str).collect();
    let before = applied(org(), &planned(&packed(&entries), &org()));
    let after = [long("A", 8_000), long("B", 3_000), long("C", 3_500)];
    let body: String = after.iter().map(|entry| format!("        - {entry}\n")).collect();
    let rollout = "rollout: { waves: [{ name: all, max_failures: 1 }] }\n";
    let playbook = read(&format!("      pack:\n{body}"), rollout).unwrap_or_else(|errors| panic!("{errors}"));
    let plan = planned(&playbook, &before);
    assert!(plan.applyable(), "{:?}", plan.refusals);
    let attached: Vec<&Address> = plan
        .changes
        .iter()
        .filter(|change| change.after.is_some() && matches!(change.address, Address::Attachment { .. }))
        .map(|change| &change.address)
        .collect();
    let [successor] = attached.as_slice() else { panic!("{:?}", names(&plan)) };
    let gone = |name: &str| {
        let is = |address: &Address| matches!(address, Address::Attachment { policy, .. } if policy == name);
        plan.changes.iter().find(|change| change.after.is_none() && is(&change.address)).unwrap()
    };
    for name in ["g-2", "g-3"] {
        assert_eq!(gone(name).depends_on, [(*successor).clone()], "{name}: {:?}", names(&plan));
    }
}

#[test]
fn a_policy_that_stood_alone_before_is_left_over_and_one_of_somebody_else_is_not() {
    let alone = read("      document: leave.json\n", "").unwrap();
    let mut before = applied(org(), &planned(&alone, &org()));
    scps(&mut before).push(policy("p-99999999", "g-7", TRAIL, &[WORKLOADS]));
    let plan = planned(&packed(&BOTH), &before);
    let left: Vec<&String> = plan.notes.iter().filter(|note| note.contains("is left of")).collect();
    assert_eq!(left.len(), 1, "{left:?}");
    assert!(left[0].contains("`g` is left of"), "{left:?}");
    assert!(plan.changes.iter().all(|change| change.after.is_some()));
}

#[test]
fn a_same_named_policy_of_somebody_else_is_refused() {
    let mut org = org();
    scps(&mut org).push(policy("p-12345678", "g-1", TRAIL, &[]));
    let plan = planned(&packed(&BOTH), &org);
    assert_eq!(plan.refusals[0].kind, RefusalKind::NotOurs);
    assert_eq!(plan.refusals[0].address, Some(Address::Policy { policy_type: PolicyType::Scp, name: "g-1".into() }));
}

#[test]
fn mistakes_are_reported_with_their_place() {
    let huge = long("Huge", 11_000);
    let wrong = [
        ("      document: leave.json\n      pack: [{ document: trail.json }]\n", "10:13", "takes one of"),
        ("      pack: []\n", "9:13", "`pack` is empty"),
        ("      pack: [{ documents: leave.json }]\n", "9:14", "needs either `document`"),
        (
            "      pack: [{ document: leave.json }, { document: leave.json }]\n",
            "9:40",
            "already has a policy called `leave.json`",
        ),
        (&format!("      pack: [{huge}]\n"), "9:7", "guard.yaml:9 does not fit into an SCP of 10240 characters"),
    ];
    for (body, place, message) in wrong {
        let errors = read(body, "").unwrap_err().to_string();
        assert!(
            errors.contains(&format!("guard.yaml:{place}")) && errors.contains(message),
            "{place} {message}: {errors}"
        );
    }
    let second = "  - id: two\n    scp: { name: g-1, document: trail.json, targets: [/Security] }\n";
    let clash = read("      pack: [{ document: leave.json }]\n", second).unwrap_err().to_string();
    assert!(clash.contains("step `scp` already defines the SCP `g-1`"), "{clash}");
}
