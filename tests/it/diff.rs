//! What became of failures between kept audits, by the real binary: what is fixed, what came, and what nobody knows any more;
//! and audits that are removed once they are old.

use crate::harness::{Run, Served, orgward, run};
use serde_json::{Value, json};
use std::collections::BTreeSet;

const CHECKS: &str = "password-policy-*,org-all-features";

/// Writes a password policy into an account, past orgward.
fn password_policy(served: &Served, account: &str, length: &str) {
    let form = [
        ("Action", "UpdateAccountPasswordPolicy"),
        ("Version", "2010-05-08"),
        ("MinimumPasswordLength", length),
        ("PasswordReusePrevention", "24"),
    ];
    served.in_account(account, "iam", &form);
}

/// The accounts but the management account.
fn members(served: &Served) -> Vec<String> {
    let org = served.org();
    let accounts = org["accounts"].as_object().unwrap();
    accounts.keys().filter(|id| org["organization"]["management_account"] != id.as_str()).cloned().collect()
}

fn audit(served: &Served, more: &[&str]) -> Run {
    served.run(&[&["audit", "--checks", CHECKS, "--allow-partial", "--fail-on", "none"], more].concat()).ends(0)
}

fn diff(served: &Served, more: &[&str]) -> Run {
    served.run(&[&["diff"], more].concat())
}

/// What became of the rows of a check in an account.
fn became<'d>(document: &'d Value, account: &str, check: &str) -> Vec<&'d str> {
    let rows = document["rows"].as_array().unwrap().iter();
    rows.filter(|row| row["account"] == account && row["check"] == check)
        .map(|row| row["became"].as_str().unwrap())
        .collect()
}

#[test]
fn what_is_fixed_what_came_and_what_nobody_knows_are_told_apart() {
    let served = Served::start(&["--accounts", "4", "--seed", "3"]);
    let members = members(&served);
    let [one, two, three, ..] = members.as_slice() else { panic!("{members:?}") };
    password_policy(&served, one, "6");
    password_policy(&served, two, "20");
    password_policy(&served, three, "6");
    let first = audit(&served, &["--format", "json"]).json();
    assert!(first["changes"].is_null(), "nothing was before");
    let same = audit(&served, &["--format", "json"]).json();
    let unchanged = first["coverage"]["fail"].as_u64().unwrap();
    assert!(unchanged > 0);
    assert_eq!(same["changes"]["rows"], json!({"unchanged": unchanged}), "an audit differs in nothing from itself");
    let nothing = diff(&served, &["--format", "json"]).ends(0).json();
    assert_eq!(nothing["counts"], same["changes"]["rows"]);

    password_policy(&served, one, "20");
    password_policy(&served, two, "6");
    let table = audit(&served, &[]).shows(&["Since run 2", "1 new, 1 fixed, "]);
    let again = served.run(&["report", "last", "--allow-partial", "--fail-on", "none"]).ends(0);
    assert_eq!(again.out, table.out, "told again as it was told");
    let document = diff(&served, &["last~1", "last", "--format", "json"]).ends(3).json();
    assert_eq!(became(&document, one, "password-policy-length"), ["fixed"]);
    assert_eq!(became(&document, two, "password-policy-length"), ["new"]);
    assert_eq!(became(&document, three, "password-policy-length"), ["unchanged"]);
    assert_eq!(document["counts"], json!({"new": 1, "fixed": 1, "unchanged": unchanged - 1}));
    let total: u64 = document["counts"].as_object().unwrap().values().map(|n| n.as_u64().unwrap()).sum();
    let rows = document["rows"].as_array().unwrap();
    let prints: BTreeSet<&str> = rows.iter().map(|row| row["fingerprint"].as_str().unwrap()).collect();
    assert_eq!((rows.len() as u64, prints.len() as u64), (total, total), "each row is in one class");

    let text = diff(&served, &[]).ends(3).shows(&["New: fails, and did not before", "1 new, 1 fixed", two.as_str()]);
    assert!(!text.out.contains(three.as_str()), "unchanged rows are counted: {}", text.out);
    diff(&served, &["--verbose"]).ends(3).shows(&["unchanged", three]).says(&["1 failure that did not fail before"]);
    diff(&served, &["--fail-on", "high"]).ends(0);

    // Fewer checks, and an account left out: nobody knows of the rest, and it was not fixed.
    let part = [
        "audit",
        "--checks",
        "password-policy-length",
        "--exclude-account",
        three,
        "--allow-partial",
        "--fail-on",
        "none",
    ];
    let part = served.run(&[&part[..], &["--format", "json"]].concat()).ends(0).json();
    assert!(part["changes"].is_null(), "no audit before it was asked the same");
    let document = diff(&served, &["--format", "json"]).ends(0).json();
    assert_eq!(became(&document, three, "password-policy-length"), ["account_left"]);
    let counts = document["counts"].as_object().unwrap();
    assert!(!counts.contains_key("fixed") && !counts.contains_key("new"), "{counts:?}");
    assert!(document["counts"]["no_longer_evaluated"].as_u64().unwrap() > 0, "{counts:?}");
    let back = diff(&served, &["last", "last~1", "--format", "json"]).ends(3);
    let back = back.says(&["before run"]).json();
    assert_eq!(became(&back, three, "password-policy-length"), ["account_joined"]);
    assert_eq!(back["counts"]["newly_evaluated"], document["counts"]["no_longer_evaluated"]);
}

#[test]
fn what_someone_answers_for_and_what_a_threshold_moved_is_not_called_fixed_or_new() {
    let served = Served::start(&["--accounts", "3", "--seed", "3"]);
    let one = members(&served).remove(0);
    password_policy(&served, &one, "6");
    audit(&served, &[]);
    let agreed = "version: 1\nexemptions:\n  - {id: a, checks: [password-policy-length], scope: everywhere, owner: jane, reason: r, ticket: T-1, expires: 2999-01-01}\n";
    let path = served.file("e.yaml", agreed);
    let exempt = audit(&served, &["--exemptions", path.to_str().unwrap(), "--format", "json"]).json();
    let n = exempt["coverage"]["exempt"].as_u64().unwrap();
    assert!(n > 0);
    let of = |report: &Value| report["changes"]["checks"]["password-policy-length"].clone();
    assert_eq!(of(&exempt), json!({"now_exempt": n}));
    diff(&served, &[]).ends(0).shows(&["Now exempt: failed, and someone answers for it", "now exempt"]);
    assert_eq!(of(&audit(&served, &["--format", "json"]).json()), json!({"new": n}), "nobody answers for it any more");
    served.file("orgward.yaml", "thresholds: {password_length: 6}\n");
    let moved = audit(&served, &["--format", "json"]).json();
    let rows = of(&moved);
    assert!(rows["check_changed"].as_u64().unwrap() > 0, "{rows}");
    assert!(rows.get("new").is_none() && rows.get("fixed").is_none(), "{rows}");
    assert_eq!(
        moved["changes"]["rows"].as_object().unwrap().len(),
        1 + usize::from(moved["changes"]["rows"]["unchanged"].is_u64())
    );
}

#[test]
fn old_audits_are_removed_when_asked_twice_and_the_newest_stay() {
    let served = Served::start(&["--accounts", "3", "--seed", "3"]);
    for _ in 0..3 {
        audit(&served, &[]);
    }
    let runs = || -> Vec<String> {
        let listed = served.run(&["runs", "list", "--format", "json"]).ends(0).json();
        listed["runs"].as_array().unwrap().iter().map(|run| run["run"].as_str().unwrap().to_owned()).collect()
    };
    let all = runs();
    let prune = |args: &[&str]| served.run(&[&["runs", "prune"], args].concat());
    let dry = prune(&["--keep", "1"]).ends(0).shows(&["Would remove 2 runs", "nothing was removed", &all[0], &all[1]]);
    assert!(!dry.out.contains(&all[2]));
    assert_eq!(runs(), all);
    prune(&["--older-than", "90d", "--yes"]).ends(0).shows(&["Nothing to remove"]);
    prune(&["--keep", "2", "--yes"]).ends(0).shows(&["Removed 1 run (", &all[0]]);
    assert_eq!(runs(), all[1..]);
    assert_eq!(served.run(&["report", &all[0]]).code, 2, "it is gone");
    let standing = crate::harness::texts(served.home());
    let standing: Vec<_> = standing.iter().filter(|(path, _)| path.ends_with("standing.json")).collect();
    assert_eq!(standing.len(), 2, "each audit keeps how it stood");
    prune(&["--keep", "1", "--older-than", "0s"]).ends(0).shows(&[&all[1]]);
    for wrong in [&["--yes"][..], &["--keep", "0"], &["--older-than", "soon"], &["--keep", "1", "--older-than"]] {
        prune(wrong).ends(2);
    }
}

#[test]
fn runs_that_are_not_there_have_no_difference() {
    let home = tempfile::tempdir().unwrap();
    let asked = |args: &[&str]| run(orgward(home.path()).args(args));
    asked(&["diff"]).ends(2).says(&["no audit that ended is kept"]);
    asked(&["diff", "last~x"]).ends(2).says(&["there is no run `last~x`"]);
    asked(&["diff", "20260718T100000Z-4000"]).ends(2).says(&["there is no run `20260718T100000Z-4000`"]);
}
