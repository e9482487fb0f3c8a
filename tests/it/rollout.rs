//! `orgward plan` and `orgward apply`: preview, saved plans, refusals, confirmations, interruption.

use crate::harness::{Background, Served, texts};
use serde_json::Value;

/// Three playbooks: changes in accounts, in one account's Region, and of the organization.
const BASELINE: [&str; 7] = [
    "cis-password-policy",
    "root-usage-alarm",
    "deny-leave-organization",
    "--set",
    "targets=/Security",
    "--set",
    "endpoint=security@example.com",
];

fn served() -> Served {
    Served::start(&["--accounts", "5", "--seed", "3"])
}

/// The changes a plan of these arguments has now.
#[track_caller]
fn changes(served: &Served, args: &[&str]) -> Value {
    served.run(&[&["plan", "--format", "json"], args].concat()).ends(0).json()["changes"].clone()
}

/// Saves a plan and gives its path.
#[track_caller]
fn saved(served: &Served, args: &[&str]) -> String {
    let path = served.home().join("plan.json").to_str().unwrap().to_owned();
    served.run(&[&["plan", "--out", &path], args].concat()).ends(0).says(&["run it with: orgward apply"]);
    path
}

#[test]
fn a_baseline_is_previewed_saved_applied_and_nothing_is_left() {
    let served = served();
    let plan = [&["plan", "--detailed-exitcode"], &BASELINE[..]].concat();
    served.run(&plan).ends(5).shows(&[
        "+ create password policy in 1 account",
        "+ minimum_password_length         14",
        "+ create metric filter",
        "+ create policy SERVICE_CONTROL_POLICY \"orgward-deny-leave-organization\"",
        "impact: account",
        "to do by hand: email security@example.com has to confirm its subscription",
        "to create, 0 to update, 0 to delete",
        "digest sha256:",
    ]);
    let before = changes(&served, &BASELINE);
    let dry = served.run(&[&["apply", "--dry-run", "--yes"], &BASELINE[..]].concat()).ends(0);
    assert!(!dry.out.contains("Apply:"), "a dry run is a plan");
    let path = saved(&served, &BASELINE);

    // Nobody there to ask, and no --yes.
    served.run(&["apply", &path]).ends(2).says(&["nobody is there to confirm", "--yes"]);
    // Edited, cut, mixed with what was not saved.
    let text = std::fs::read_to_string(&path).unwrap();
    let edited = text.replace("\"minimum_password_length\": 14", "\"minimum_password_length\": 6");
    assert_ne!(edited, text);
    let edited = served.file("edited.json", &edited);
    served
        .run(&["apply", "--yes", edited.to_str().unwrap()])
        .ends(6)
        .says(&["edited.json", "edited after it was written"]);
    let cut = served.file("cut.json", &text[..text.len() / 2]);
    served.run(&["apply", "--yes", cut.to_str().unwrap()]).ends(6).says(&["cut.json", "not a whole plan file"]);
    served.run(&["apply", "--yes", &path, "--set", "targets=/"]).ends(2).says(&["applied alone"]);
    // Of another organization.
    let other = Served::start(&["--accounts", "6", "--seed", "9"]);
    other
        .run(&["apply", "--yes", &path])
        .ends(6)
        .says(&["the plan is for organization `o-", "the credentials are of `o-"]);
    assert_eq!(changes(&served, &BASELINE), before, "nothing was changed so far");
    assert_eq!(texts(&served.home().join(".local")), [], "and no run was begun");

    let applied = served.run(&["apply", "--yes", &path]).ends(0);
    let count = before.as_array().unwrap().len();
    assert_eq!(applied.out.lines().filter(|line| line.starts_with("done ")).count(), count);
    applied.shows(&[&format!("Apply: {count} done")]).says(&["journal in"]);
    let kept = texts(&served.home().join(".local"));
    let journal = kept.iter().find(|(path, _)| path.ends_with("journal.jsonl")).expect("a journal");
    assert!(journal.1.lines().count() > 2 * count, "an intent and an outcome for each change");
    for name in ["AWS_SECRET_ACCESS_KEY", "ORGWARD_EXTERNAL_ID", "ORGWARD_APPLY_EXTERNAL_ID"] {
        let secret = served.variable(name);
        let found: Vec<_> = kept.iter().filter(|(_, text)| text.contains(secret)).map(|(path, _)| path).collect();
        assert!(found.is_empty(), "{name} in {found:?}");
    }

    // A pending subscription is a step for a person, not a change.
    served.run(&plan).ends(0).shows(&["to do by hand: email", "0 to create, 0 to update, 0 to delete"]);
    assert_eq!(changes(&served, &BASELINE), Value::Array(vec![]));
    let nothing = served.run(&[&["apply", "--yes"], &BASELINE[..]].concat()).ends(0);
    assert!(!nothing.out.contains("Apply:"), "nothing to apply");
    // The saved plan again finds all of it done.
    served.run(&["apply", "--yes", &path]).ends(0).shows(&[&format!("{count} already done")]);

    let report = served.run(&["audit", "--format", "json", "--fail-on", "none"]).ends(0).json();
    for row in report["findings"].as_array().unwrap() {
        let mended = ["password-policy-length", "password-policy-reuse"].iter().any(|check| row["check"] == **check);
        assert!(!mended || row["verdict"] == "pass", "{row}");
    }
}

#[test]
fn what_changed_since_the_plan_is_told_and_stays_as_it_is() {
    let served = served();
    let path = saved(&served, &["cis-password-policy"]);
    let plan: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    let account = plan["changes"][0]["address"]["account"].as_str().unwrap().to_owned();
    let policy = [
        ("Action", "UpdateAccountPasswordPolicy"),
        ("Version", "2010-05-08"),
        ("MinimumPasswordLength", "11"),
        ("RequireNumbers", "true"),
    ];
    served.in_account(&account, "iam", &policy);
    served.run(&["apply", "--yes", &path]).ends(6).says(&[
        &format!("password policy of {account}: the plan saw"),
        "minimum_password_length 11",
        "the plan is stale",
    ]);
    let now = changes(&served, &["cis-password-policy"]);
    assert_eq!(now[0]["before"]["minimum_password_length"], 11, "what someone else wrote was not written over");
    assert_eq!(now[0]["after"]["minimum_password_length"], 14);
}

#[test]
fn yes_covers_neither_the_root_nor_lock_outs() {
    let served = served();
    let root = served.org()["root"]["id"].as_str().unwrap().to_owned();
    let target = format!("targets={root}");
    let rooted = ["deny-leave-organization", "--set", &target];
    let apply = |more: &[&str], args: &[&str]| served.run(&[&["apply"], more, args].concat());
    apply(&["--yes", "--confirm", &root], &rooted).ends(6).shows(&["no break-glass role is configured"]);
    served.file("orgward.yaml", "version: 1\nbreak_glass_roles: [BreakGlass]\n");
    apply(&["--yes"], &rooted).ends(2).says(&["4 accounts feel it at once", &format!("--confirm {root}")]);
    apply(&["--yes", "--confirm", "r-zzzz"], &rooted).ends(2);
    apply(&["--confirm", &root], &rooted).ends(2).says(&["--yes"]);

    let playbook = "version: 1\nname: expiry\ndescription: test\nsteps:\n  - id: passwords\n    password_policy:\n      max_age: 1\n      \
                    hard_expiry: true\n";
    served.file("expiry.yaml", playbook);
    let locked = apply(&["--yes"], &["./expiry.yaml"]).ends(2).says(&["--yes does not cover it", "--confirm"]);
    // A confirmation for each account whose users lose their passwords.
    let accounts: Vec<String> = changes(&served, &["./expiry.yaml"])
        .as_array()
        .unwrap()
        .iter()
        .filter(|change| !change["confirmations"].as_array().unwrap().is_empty())
        .map(|change| change["address"]["account"].as_str().unwrap().to_owned())
        .collect();
    assert!(!accounts.is_empty());
    for account in &accounts {
        assert!(locked.err.contains(&format!("--confirm {account}")), "{}", locked.err);
    }
    assert_eq!(texts(&served.home().join(".local")), [], "nothing was begun");

    apply(&["--yes", "--confirm", &root], &rooted).ends(0).shows(&["Apply: 2 done"]);
    assert_eq!(changes(&served, &rooted), Value::Array(vec![]));
}

#[test]
fn an_interrupted_apply_stops_between_changes_and_the_next_one_finishes() {
    let served =
        Served::start(&["--accounts", "5", "--seed", "3", "--fault", "organizations:AttachPolicy=latency:1500"]);
    let args = ["deny-leave-organization", "--set", "targets=/Security,/identity 1,/identity 1/risk 2"];
    let mut apply = Background::start(&mut served.command(&[&["apply", "--yes"], &args[..]].concat()));
    // The policy is made; the first attachment is on its way.
    apply.until("changes: 1 of 4");
    let run = apply.interrupt().ends(130).says(&["no further calls"]);
    let done = run.out.lines().filter(|line| line.starts_with("done ")).count();
    assert!((1..4).contains(&done), "{}", run.out);
    let left = changes(&served, &args).as_array().unwrap().len();
    assert_eq!(left, 4 - done, "what the report calls done is done, and nothing else is");
    served.run(&[&["apply", "--yes"], &args[..]].concat()).ends(0).shows(&[&format!("Apply: {left} done")]);
    assert_eq!(changes(&served, &args), Value::Array(vec![]));
}

#[test]
fn an_attachment_that_reaches_out_of_scope_is_refused_by_name() {
    let served = served();
    let audit = served.account("audit");
    let args = ["deny-leave-organization", "--set", "targets=/Security", "--exclude-account", &audit];
    served.run(&[&["plan"], &args[..]].concat()).ends(6).shows(&[&audit, "refused"]);
    served.run(&[&["apply", "--yes"], &args[..]].concat()).ends(6).says(&["nothing was changed"]);
    assert_eq!(texts(&served.home().join(".local")), []);
}

#[test]
fn a_write_that_fails_is_told_and_the_rest_is_not_begun() {
    let served = Served::start(&["--accounts", "5", "--seed", "3", "--fault", "organizations:AttachPolicy=deny"]);
    let args = ["apply", "--yes", "deny-leave-organization", "--set", "targets=/Security,/identity 1"];
    let run = served.run(&args).ends(8);
    run.shows(&["done policy SERVICE_CONTROL_POLICY", "failed attachment of", "AccessDenied", "Apply: 1 done"]);
}

#[test]
fn an_incomplete_plan_is_applied_only_if_asked_for() {
    let fault = "iam:GetAccountPasswordPolicy=deny@audit";
    let served = Served::start(&["--accounts", "5", "--seed", "3", "--fault", fault]);
    let plan = served.run(&["plan", "cis-password-policy"]).ends(4);
    plan.shows(&["not planned cis-password-policy/password-policy account", "This plan is not complete"]);
    served.run(&["apply", "--yes", "cis-password-policy"]).ends(4).says(&["--allow-partial", "nothing was changed"]);
    served.run(&["apply", "--yes", "--allow-partial", "cis-password-policy"]).ends(0).shows(&["Apply: 1 done"]);
}
