//! Password policies: floors, the default, whom expiry hits, and what is unknown.

use super::super::fixtures::*;
use crate::model::iam::PasswordPolicy;
use crate::model::plan::{ConfirmationReason, Operation, Plan};
use crate::model::{Address, Doc};
use crate::playbook::{Documents, Playbook, Values, load_str};
use proptest::prelude::*;

fn playbook(name: &str, settings: &str) -> Playbook {
    let text = format!(
        "version: 1\nname: {name}\ndescription: d\nsteps:\n  - id: passwords\n    password_policy: {{{settings}}}\n"
    );
    load_str("p.yaml", &text, &Documents::Embedded(&[]), &Values::new()).unwrap()
}

/// The plan for one account.
fn planned(settings: &str, live: Option<PasswordPolicy>, users: Vec<crate::model::iam::CredentialRow>) -> Plan {
    let org = org();
    let settings = format!("targets: [{APP}], {settings}");
    let live = live.map_or_else(absent, seen);
    plan(&[playbook("p", &settings)], &org, &everyone(&org), &[facts(APP, live, users)])
}

fn after(plan: &Plan) -> PasswordPolicy {
    plan.changes[0].after.as_ref().unwrap().read().unwrap()
}

#[test]
fn values_are_floors() {
    let live = PasswordPolicy { minimum_password_length: 20, max_password_age: Some(60), ..weak() };
    let plan = planned(
        "minimum_length: 14, reuse_prevention: 24, max_age: 90, require_symbols: false",
        Some(live.clone()),
        vec![],
    );
    assert_eq!(after(&plan), PasswordPolicy { password_reuse_prevention: Some(24), ..live.clone() });
    assert_eq!(plan.changes[0].before, Some(Doc::of(&live).unwrap()));
    assert_eq!(plan.changes[0].operation(), Operation::Update);
    assert_eq!(plan.changes[0].reason, "reuse prevention none to 24");
}

#[test]
fn exact_weakens_where_asked_and_leaves_the_rest() {
    let live = PasswordPolicy { minimum_password_length: 20, password_reuse_prevention: Some(24), ..weak() };
    let plan = planned("minimum_length: 14, require_symbols: false, exact: true", Some(live.clone()), vec![]);
    assert_eq!(after(&plan), PasswordPolicy { minimum_password_length: 14, require_symbols: false, ..live });
}

#[test]
fn the_default_policy_is_not_weakened() {
    let plan = planned("minimum_length: 14", None, vec![]);
    assert_eq!(plan.changes[0].operation(), Operation::Create);
    let after = after(&plan);
    assert!(after.require_lowercase_characters && after.require_uppercase_characters && after.require_numbers);
    assert!(!after.require_symbols);
    assert_eq!(after.minimum_password_length, 14);
    assert!(plan.changes[0].impact[0].starts_with("replaces IAM's default"), "{:?}", plan.changes[0].impact);
    let again = planned("minimum_length: 14", Some(after), vec![]);
    assert!(again.is_empty());
}

#[test]
fn a_new_maximum_age_names_whose_passwords_expire() {
    let mut root = user("<root_account>", 900);
    root.password_enabled = None;
    let mut keys_only = user("robot", 900);
    keys_only.password_enabled = Some(false);
    let users = vec![user("old", 100), user("edge", 90), user("young", 89), root, keys_only];
    let plan = planned("max_age: 90", Some(weak()), users);
    let change = &plan.changes[0];
    assert_eq!(change.confirmations.len(), 1);
    assert_eq!(change.confirmations[0].why, ConfirmationReason::PasswordsExpire);
    assert_eq!(change.confirmations[0].target, target(APP));
    insta::assert_json_snapshot!(change.impact, @r#"
    [
      "2 of its console passwords expire at once, being 90 days old or older (credential report of 2026-11-20T12:00:00Z)",
      "the password of user edge expires at once",
      "the password of user old expires at once"
    ]
    "#);
}

#[test]
fn hard_expiry_names_who_is_locked_out() {
    // Already expired under the old age, softly: hard expiry locks it out all the same.
    let live = PasswordPolicy { max_password_age: Some(90), ..weak() };
    let plan = planned("hard_expiry: true", Some(live.clone()), vec![user("old", 100), user("young", 10)]);
    let why: Vec<_> = plan.changes[0].confirmations.iter().map(|c| c.why).collect();
    assert_eq!(why, [ConfirmationReason::HardExpiry]);
    assert!(
        plan.changes[0].impact.iter().any(|line| line.starts_with("user old is locked out")),
        "{:?}",
        plan.changes[0].impact
    );
    let nobody = planned("hard_expiry: true", Some(live), vec![user("young", 10)]);
    let asked: Vec<_> = nobody.changes[0].confirmations.iter().map(|c| c.why).collect();
    assert_eq!(asked, [ConfirmationReason::HardExpiry], "turning it on is confirmed even if it hits nobody today");
    let both = planned("hard_expiry: true, max_age: 30", Some(weak()), vec![user("old", 100)]);
    assert_eq!(both.changes[0].confirmations.len(), 2);
}

#[test]
fn an_unknown_fact_is_never_guessed() {
    let org = org();
    let scope = everyone(&org);
    let mut no_report = facts(APP, seen(weak()), vec![]);
    no_report.credential_report = denied();
    let strict = [playbook("p", "targets: ['222222222222'], max_age: 90")];
    let plan_ = plan(&strict, &org, &scope, std::slice::from_ref(&no_report));
    assert!(plan_.is_empty() && !plan_.complete());
    assert_eq!(plan_.unknowns[0].account.as_ref().map(|a| a.as_str()), Some(APP));
    // The report does not matter where expiry stays as it is.
    let mild = [playbook("p", "targets: ['222222222222'], minimum_length: 14")];
    assert_eq!(plan(&mild, &org, &scope, &[no_report]).changes.len(), 1);
    assert!(!plan(&mild, &org, &scope, &[facts(APP, denied(), vec![])]).complete());
    // An account whose facts never came.
    assert!(!plan(&mild, &org, &scope, &[]).complete());
}

#[test]
fn two_steps_for_one_account_give_one_change() {
    let org = org();
    let playbooks = [playbook("a", "minimum_length: 14"), playbook("b", "minimum_length: 12, reuse_prevention: 24")];
    let plan = plan(&playbooks, &org, &everyone(&org), &[facts(APP, seen(weak()), vec![])]);
    let changes: Vec<_> = plan.changes.iter().filter(|c| c.address.account().unwrap().as_str() == APP).collect();
    assert_eq!(changes.len(), 1);
    let after: PasswordPolicy = changes[0].after.as_ref().unwrap().read().unwrap();
    assert_eq!((after.minimum_password_length, after.password_reuse_prevention), (14, Some(24)));
    assert_eq!(changes[0].step, "a/passwords, b/passwords");
}

#[test]
fn scope_narrows_and_a_wrong_target_is_refused_with_its_place() {
    let org = org();
    let scope = crate::model::scope::Scope { accounts: vec![DEV.parse().unwrap()], ..Default::default() };
    let playbooks = [playbook("p", "targets: [/Workloads, /Workloads/Prd], minimum_length: 14")];
    let plan = plan(&playbooks, &org, &scope, &[facts(APP, seen(weak()), vec![]), facts(DEV, seen(weak()), vec![])]);
    assert_eq!(plan.changes.len(), 1);
    assert_eq!(plan.changes[0].address, Address::PasswordPolicy { account: DEV.parse().unwrap() });
    insta::assert_snapshot!(plan.refusals[0].message, @"p.yaml:6:45: OU `/Workloads/Prd` is not in the organization, did you mean `/Workloads/Prod`?");
}

fn any_policy() -> impl Strategy<Value = PasswordPolicy> {
    let flags = prop::collection::vec(any::<bool>(), 6);
    (6..=128, flags, prop::option::of(1..=1095), prop::option::of(1..=24)).prop_map(|(length, flags, age, reuse)| {
        PasswordPolicy {
            minimum_password_length: length,
            require_symbols: flags[0],
            require_numbers: flags[1],
            require_uppercase_characters: flags[2],
            require_lowercase_characters: flags[3],
            allow_users_to_change_password: flags[4],
            max_password_age: age,
            password_reuse_prevention: reuse,
            hard_expiry: flags[5],
        }
    })
}

const SETTINGS: [&str; 5] = [
    "minimum_length: 14, reuse_prevention: 24",
    "max_age: 90, hard_expiry: true",
    "require_symbols: true, require_numbers: false, allow_users_to_change: true",
    "minimum_length: 8, max_age: 365, reuse_prevention: 5, hard_expiry: false, exact: true",
    "require_lowercase: true, require_uppercase: true, exact: true",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// What a plan writes is what the next plan is content with, and floors never weaken.
    #[test]
    fn a_second_plan_is_empty(live in prop::option::of(any_policy()), settings in prop::sample::select(SETTINGS.to_vec())) {
        let first = planned(settings, live.clone(), vec![user("a", 400), user("b", 10)]);
        prop_assert!(first.complete());
        if let Some(change) = first.changes.first() {
            let after: PasswordPolicy = change.after.as_ref().unwrap().read().unwrap();
            if let (Some(live), false) = (live, settings.contains("exact")) {
                prop_assert!(after.minimum_password_length >= live.minimum_password_length);
                prop_assert!(after.password_reuse_prevention >= live.password_reuse_prevention);
                prop_assert!(live.max_password_age.is_none_or(|old| after.max_password_age.is_some_and(|new| new <= old)));
                prop_assert!(after.require_symbols >= live.require_symbols && after.hard_expiry >= live.hard_expiry);
            }
            prop_assert!(planned(settings, Some(after), vec![user("a", 400)]).is_empty());
        } else {
            prop_assert!(live.is_some());
        }
    }

    /// Accounts arrive in any order; the plan is the same.
    #[test]
    fn the_order_of_accounts_does_not_matter(order in Just([MANAGEMENT, APP, DEV, LOGS]).prop_shuffle()) {
        let org = org();
        let playbooks = [shipped("baseline"), playbook("p", "targets: [/Workloads], max_age: 90")];
        let of = |order: &[&str]| {
            let accounts: Vec<_> = order.iter().map(|id| facts(id, seen(weak()), vec![user("old", 200)])).collect();
            plan(&playbooks, &org, &everyone(&org), &accounts)
        };
        prop_assert_eq!(of(&order), of(&[MANAGEMENT, APP, DEV, LOGS]));
    }
}
