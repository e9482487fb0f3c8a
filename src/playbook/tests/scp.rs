//! SCPs: creation, update by meaning, ownership, slots, scope, the root and unknown facts.

use super::super::fixtures::*;
use crate::model::org::{AccountState, OrgFacts, PolicyType};
use crate::model::plan::{ConfirmationReason, Operation, Plan, RefusalKind};
use crate::model::scope::Scope;
use crate::model::{Address, Observed};
use crate::playbook::{Documents, Playbook, Values, check_targets, load_str};
use serde_json::json;

const DENY_S3: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"s3:*","Resource":"*"}]}"#;
const DENY_EC2: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"ec2:*","Resource":"*"}]}"#;

fn playbook(extra: &str, targets: &str) -> Playbook {
    let text = format!(
        "version: 1\nname: guard\ndescription: d\nsteps:\n  - id: scp\n    scp:\n      name: g\n      targets: {targets}\n      \
         content: {DENY_S3}\n{extra}"
    );
    load_str("guard.yaml", &text, &Documents::Embedded(&[]), &Values::new()).unwrap_or_else(|e| panic!("{e}"))
}

fn planned(org: &OrgFacts, extra: &str, targets: &str) -> Plan {
    plan(&[playbook(extra, targets)], org, &everyone(org), &[])
}

fn with_live(content: &str, targets: &[&str], ours: bool) -> OrgFacts {
    let mut org = org();
    let mut live = policy("p-12345678", "g", content, targets);
    if ours {
        let tags = [("orgward:playbook", "guard"), ("orgward:step", "scp"), ("team", "x")];
        live.tags = seen(tags.into_iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect());
    }
    scps(&mut org).push(live);
    org
}

fn kinds(plan: &Plan) -> Vec<RefusalKind> {
    plan.refusals.iter().map(|refusal| refusal.kind).collect()
}

#[test]
fn a_new_policy_is_made_then_attached() {
    let plan = planned(&org(), "", "[/Workloads, ou-ab12-33333333]");
    assert!(plan.applyable() && plan.complete());
    let policy = Address::Policy { policy_type: PolicyType::Scp, name: "g".into() };
    assert_eq!(plan.changes.len(), 3);
    assert_eq!(plan.changes[0].address, policy);
    let tags = json!({"orgward:playbook": "guard", "orgward:step": "scp"});
    assert_eq!(plan.changes[0].after.as_ref().unwrap().0, json!({"description": "", "content": DENY_S3, "tags": tags}));
    for change in &plan.changes[1..] {
        assert_eq!(change.operation(), Operation::Create);
        assert_eq!(change.depends_on, std::slice::from_ref(&policy));
        assert_eq!(change.after.as_ref().unwrap().0, json!({}));
    }
    insta::assert_json_snapshot!(plan.changes[1].impact, @r#"
    [
      "account 222222222222 (app) in /Workloads/Prod",
      "account 333333333333 (dev) in /Workloads",
      "account 555555555555 (old) in /Workloads, suspended",
      "afterwards, the largest SCP and the slots of OU /Workloads (ou-ab12-11111111): 87 of 10,240 characters, 2 of 10 slots"
    ]
    "#);
}

#[test]
fn an_account_not_activated_yet_is_bound_and_out_of_scope() {
    for (state, bound) in
        [(AccountState::PendingActivation, true), (AccountState::Suspended, false), (AccountState::Closed, false)]
    {
        let mut org = org();
        org.accounts.get_mut(&SUSPENDED.parse().unwrap()).unwrap().state = state;
        let plan = planned(&org, "", "[/Workloads]");
        let refused = plan.refusals.iter().any(|r| r.kind == RefusalKind::OutOfScope && r.message.contains(SUSPENDED));
        assert_eq!(refused, bound, "{state:?}: {:?}", plan.refusals);
    }
}

#[test]
fn the_same_meaning_is_no_change() {
    let spaced =
        r#"{ "Statement": { "Action": ["S3:*"], "Effect": "Deny", "Resource": ["*"] }, "Version": "2012-10-17" }"#;
    let plan = planned(&with_live(spaced, &[WORKLOADS], true), "", "[/Workloads]");
    assert!(plan.is_empty() && plan.applyable(), "{plan:?}");
}

#[test]
fn an_update_names_everyone_under_every_attachment() {
    let plan = planned(&with_live(DENY_EC2, &[PROD, SECURITY], true), "", "[/Workloads/Prod]");
    assert!(plan.applyable());
    assert_eq!(plan.changes.len(), 1);
    let change = &plan.changes[0];
    assert_eq!(change.operation(), Operation::Update);
    assert_eq!(change.after.as_ref().unwrap().0["tags"]["team"], "x");
    insta::assert_json_snapshot!(change.impact, @r#"
    [
      "account 222222222222 (app) in /Workloads/Prod, through OU /Workloads/Prod (ou-ab12-22222222)",
      "account 444444444444 (logs) in /Security, through OU /Security (ou-ab12-33333333)"
    ]
    "#);
}

#[test]
fn what_is_not_ours_is_refused_unless_adopted() {
    let org = with_live(DENY_S3, &[], false);
    let refused = planned(&org, "", "[/Workloads]");
    assert!(refused.is_empty());
    assert_eq!(kinds(&refused), [RefusalKind::NotOurs]);
    let adopted = planned(&org, "      adopt: true\n", "[/Workloads]");
    assert!(adopted.applyable());
    assert_eq!(adopted.changes[0].after.as_ref().unwrap().0["tags"]["orgward:step"], "scp");
    assert_eq!(adopted.changes.len(), 2);

    let mut elsewhere = with_live(DENY_S3, &[], true);
    if let Observed::Present { value, .. } = &mut scps(&mut elsewhere).last_mut().unwrap().tags {
        value.insert("orgward:step".into(), "other".into());
    }
    let message = &planned(&elsewhere, "", "[/Workloads]").refusals[0].message;
    assert!(message.contains("made by step `guard/other`"), "{message}");

    let mut managed = with_live(DENY_EC2, &[], true);
    scps(&mut managed).last_mut().unwrap().aws_managed = true;
    assert_eq!(kinds(&planned(&managed, "      adopt: true\n", "[/Workloads]")), [RefusalKind::NotOurs]);
}

#[test]
fn slots_are_counted_with_what_the_plan_adds() {
    let mut org = org();
    for n in 0..8 {
        scps(&mut org).push(policy(&format!("p-0000000{n}"), &format!("other{n}"), DENY_EC2, &[WORKLOADS]));
    }
    // FullAWSAccess and eight others: one slot is free.
    assert!(planned(&org, "", "[/Workloads]").applyable());
    let second = "  - id: more\n    scp: {name: h, targets: [/Workloads], content: ".to_owned() + DENY_EC2 + "}\n";
    let plan = planned(&org, &second, "[/Workloads]");
    assert_eq!(kinds(&plan), [RefusalKind::Quota]);
    assert!(plan.refusals[0].message.contains("would have 11 SCPs"), "{}", plan.refusals[0].message);
}

#[test]
fn an_attachment_may_not_leave_the_scope() {
    let org = org();
    let scope = Scope { accounts: vec![DEV.parse().unwrap()], ..Scope::default() };
    let attach = plan(&[playbook("", "[/Workloads]")], &org, &scope, &[]);
    assert_eq!(kinds(&attach), [RefusalKind::OutOfScope]);
    // The suspended account is in no scope and does not count.
    assert!(attach.refusals[0].message.ends_with("out of scope: 222222222222"), "{}", attach.refusals[0].message);
    let update = plan(&[playbook("", "[\"333333333333\"]")], &with_live(DENY_EC2, &[SECURITY], true), &scope, &[]);
    assert_eq!(kinds(&update), [RefusalKind::OutOfScope]);
}

#[test]
fn the_root_needs_its_own_confirmation() {
    for targets in ["[root]", "[/]", "[r-ab12]"] {
        let plan = planned(&org(), "", targets);
        let why: Vec<_> = plan.changes[1].confirmations.iter().map(|c| (c.why, c.target.clone())).collect();
        assert_eq!(why, [(ConfirmationReason::RootTarget, target(ROOT))]);
        assert!(plan.notes.iter().any(|note| note.contains("test OU first")), "{:?}", plan.notes);
    }
    let update = planned(&with_live(DENY_EC2, &[ROOT], true), "", "[root]");
    assert_eq!(update.changes[0].confirmations.len(), 1);
}

#[test]
fn a_type_that_is_not_enabled_is_refused_with_the_fix() {
    let mut org = org();
    org.root.policy_types.clear();
    org.policies.clear();
    let plan = planned(&org, "", "[/Workloads]");
    assert_eq!(kinds(&plan), [RefusalKind::Missing]);
    assert!(plan.refusals[0].message.contains("enable-policy-type --root-id r-ab12"));
}

#[test]
fn unknown_facts_are_unplanned() {
    let mut no_policies = org();
    no_policies.policies.insert(PolicyType::Scp, denied());
    let mut no_content = with_live(DENY_S3, &[], true);
    scps(&mut no_content).last_mut().unwrap().content = denied();
    let mut no_tags = with_live(DENY_S3, &[], true);
    scps(&mut no_tags).last_mut().unwrap().tags = denied();
    let mut no_targets = with_live(DENY_S3, &[], true);
    scps(&mut no_targets).last_mut().unwrap().targets = denied();
    let mut no_slots = org();
    scps(&mut no_slots)[0].targets = denied();
    for (name, org) in [
        ("policies", no_policies),
        ("content", no_content),
        ("tags", no_tags),
        ("targets", no_targets),
        ("slots", no_slots),
    ] {
        let plan = planned(&org, "", "[/Workloads]");
        assert!(!plan.complete(), "{name}");
        assert!(!plan.changes.iter().any(|c| matches!(c.address, Address::Attachment { .. })), "{name}");
    }
}

#[test]
fn wrong_targets_are_all_named_with_the_nearest() {
    let playbook = playbook("", "[/Wrkloads, 999999999999, r-zzzz, 12345]");
    let org = org();
    insta::assert_snapshot!(check_targets(std::slice::from_ref(&playbook), &org).unwrap_err().to_string(), @r"
    guard.yaml:8:17: OU `/Wrkloads` is not in the organization
      8 |       targets: [/Wrkloads, 999999999999, r-zzzz, 12345]
        |                 ^
      hint: did you mean `/Workloads`?

    guard.yaml:8:28: account `999999999999` is not in the organization
      8 |       targets: [/Wrkloads, 999999999999, r-zzzz, 12345]
        |                            ^

    guard.yaml:8:42: root `r-zzzz` is not this organization's
      8 |       targets: [/Wrkloads, 999999999999, r-zzzz, 12345]
        |                                          ^
      hint: its root is `r-ab12`

    guard.yaml:8:50: `12345` is not an account id (12 digits)
      8 |       targets: [/Wrkloads, 999999999999, r-zzzz, 12345]
        |                                                  ^
    ");
    let plan = plan(&[playbook], &org, &everyone(&org), &[]);
    assert_eq!(kinds(&plan), [RefusalKind::Missing; 4]);
}

#[test]
fn two_playbooks_with_one_policy_are_refused() {
    let org = org();
    let mut other = playbook("", "[/Security]");
    other.name = "other".into();
    let plan = plan(&[playbook("", "[/Workloads]"), other], &org, &everyone(&org), &[]);
    assert_eq!(kinds(&plan), [RefusalKind::NotOurs]);
}

#[test]
fn the_linter_knows_dangerous_statements() {
    let region = r#"{Version: "2012-10-17", Statement: [{Sid: R, Effect: Deny, Action: "*", Resource: "*", Condition: {StringNotEquals: {"aws:RequestedRegion": eu-west-1}}},
        {Sid: M, Effect: Deny, Action: "s3:*", Resource: "*", Condition: {BoolIfExists: {"aws:MultiFactorAuthPresent": "false"}}},
        {Sid: A, Effect: Deny, Action: "*", Resource: "*"}]}"#;
    let extra = format!("  - id: b\n    scp:\n      name: b\n      targets: [/Security]\n      content: {region}\n");
    let plan = planned(&org(), &extra, "[/Workloads]");
    insta::assert_json_snapshot!(plan.notes, @r#"
    [
      "`b`, statement `R`: restricts Regions without exempting global services (IAM, Organizations, Route 53 ...), which are called in us-east-1: name them in `NotAction`",
      "`b`, statement `R`: restricts Regions without exempting any role by aws:PrincipalArn, such as those of Control Tower",
      "`b`, statement `M`: asks for MFA of every principal, which denies role sessions and workloads too: bind it to IAM users by aws:PrincipalArn",
      "`b`, statement `A`: denies everything to everyone, without a condition",
      "`b` denies orgward's role `OrgwardAudit` iam:GetAccountSummary, iam:GenerateCredentialReport, cloudtrail:DescribeTrails, iam:UpdateAccountPasswordPolicy, cloudwatch:PutMetricAlarm: exempt it",
      "`b` denies orgward's role `OrgwardApply` iam:GetAccountSummary, iam:GenerateCredentialReport, cloudtrail:DescribeTrails, iam:UpdateAccountPasswordPolicy, cloudwatch:PutMetricAlarm: exempt it"
    ]
    "#);
}

#[test]
fn a_policy_that_denies_orgwards_roles_is_noted() {
    let deny = r#"{Version: "2012-10-17", Statement: [{Effect: Deny, Action: "iam:*", Resource: "*"}]}"#;
    let extra = format!("  - id: b\n    scp:\n      name: b\n      targets: [/Security]\n      content: {deny}\n");
    let notes = planned(&org(), &extra, "[/Workloads]").notes;
    assert_eq!(notes.len(), 2, "{notes:?}");
    assert!(notes[0].starts_with("`b` denies orgward's role `OrgwardAudit` iam:GetAccountSummary"), "{notes:?}");
    assert!(notes[1].contains("`OrgwardApply`"), "{notes:?}");
}
