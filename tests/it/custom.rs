//! Custom checks on the command line: the shipped example, an audit with them, and files with mistakes.

use crate::harness::{SHARED, orgward, run};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn example() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("config/checks")
}

fn says(args: &[&str]) -> crate::harness::Run {
    let home = tempfile::tempdir().unwrap();
    run(orgward(home.path()).args(args))
}

fn folder(text: &str) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("own.yaml"), text).unwrap();
    let path = folder.path().display().to_string();
    (folder, path)
}

#[test]
fn the_example_passes_its_own_fixtures_and_is_listed_and_explained() {
    let folder = example().display().to_string();
    says(&["checks", "test", "--checks-dir", &folder]).ends(0).shows(&[
        "ok   house-no-iam-users / one",
        "ok   house-guardduty-everywhere / the Region is off",
        "11 fixtures of 4 checks, 0 failed",
    ]);
    says(&["checks", "list", "--checks-dir", &folder, "--family", "custom"]).ends(0).shows(&[
        "house-new-users-are-few",
        "medium",
        "Workload accounts have no IAM users",
    ]);
    says(&["checks", "explain", "house-no-iam-users", "--checks-dir", &folder])
        .ends(0)
        .shows(&["IAM User Guide: Security best practices in IAM", "authorization"]);
    says(&["checks", "explain", "house-no-iam-user", "--checks-dir", &folder])
        .ends(2)
        .says(&["there is no check `house-no-iam-user`, did you mean `house-no-iam-users`?"]);
}

#[test]
fn an_audit_runs_them_next_to_orgwards_own() {
    // The sandbox has OUs of its own.
    let text = std::fs::read_to_string(example().join("house-rules.example.yaml")).unwrap();
    let (_kept, folder) = folder(&text.replace("account.ou_path.startsWith('/Workloads')", "account.name != 'audit'"));
    let args = ["audit", "--checks-dir", &folder, "--format", "json", "--allow-partial"];
    let report = SHARED.run(&args).ends(3).json();
    let findings = report["findings"].as_array().unwrap();
    let of = |check: &str| findings.iter().filter(|finding| finding["check"] == check).collect::<Vec<&Value>>();
    let users = of("house-no-iam-users");
    let cells = |rows: &[&Value]| -> BTreeSet<String> { rows.iter().map(|row| row["account"].to_string()).collect() };
    assert_eq!(cells(&users), cells(&of("user-mfa")), "a cell for each account");
    let verdicts: Vec<&str> = users.iter().map(|finding| finding["verdict"].as_str().unwrap()).collect();
    assert!(verdicts.contains(&"fail") && verdicts.contains(&"not_applicable"), "{verdicts:?}");
    let failing = users.iter().find(|finding| finding["verdict"] == "fail").unwrap();
    assert!(failing["resource"].as_str().unwrap().contains(":user/"), "{failing}");
    let evidence = failing["evidence"].as_array().unwrap();
    assert!(evidence.iter().any(|source| source["operation"] == "iam:GetAccountAuthorizationDetails"), "{failing}");
    assert_eq!(of("house-accounts-have-names").len(), 1, "one verdict on the organization");
    assert!(of("house-guardduty-everywhere").len() >= of("trail-multi-region").len());
}

#[test]
fn the_tags_of_accounts_are_listed_for_a_check_that_reads_them() {
    let (_kept, folder) = folder(
        "version: 1\nchecks:\n  - id: tagged\n    title: Every account says whose it is\n    severity: low\n    rationale: x\n    \
         remediation: {console: x, cli: x}\n    expression: \"'no-such-tag' in account.tags\"\n",
    );
    let report = SHARED.run(&["audit", "--checks-dir", &folder, "--format", "json", "--allow-partial"]).ends(3).json();
    let findings = report["findings"].as_array().unwrap();
    let verdicts: Vec<&Value> =
        findings.iter().filter(|finding| finding["check"] == "tagged").map(|finding| &finding["verdict"]).collect();
    assert!(!verdicts.is_empty() && verdicts.iter().all(|verdict| *verdict == "fail"), "{verdicts:?}");
}

#[test]
fn a_fixture_that_fails_and_a_file_with_mistakes_are_told() {
    let good = "version: 1\nchecks:\n  - id: own\n    title: All is well\n    severity: low\n    rationale: x\n    remediation: \
                {console: x, cli: x}\n    expression: account.is_management\n    fixtures:\n      - {name: member, account: \
                {is_management: false}, verdict: pass}\n";
    let (_kept, path) = folder(good);
    says(&["checks", "test", "--checks-dir", &path])
        .ends(1)
        .shows(&["FAIL own / member: is fail, not pass: not so: All is well", "1 fixtures of 1 checks, 1 failed"]);
    let (_kept, path) = folder(&good.replace("id: own", "id: root-mfa").replace("is_management\n", "is_manager\n"));
    for command in [vec!["checks", "test"], vec!["checks", "list"], vec!["audit"]] {
        let args: Vec<&str> = command.into_iter().chain(["--checks-dir", &path]).collect();
        says(&args).ends(2).says(&[
            "own.yaml:3: there is another check `root-mfa`",
            "own.yaml:8: `expression` reads `account.is_manager`, which is no field of `account`, did you mean `is_management`?",
        ]);
    }
    says(&["checks", "test", "--checks-dir", "/no/such/folder"]).ends(2).says(&["`/no/such/folder` can't be read"]);
    let empty = tempfile::tempdir().unwrap();
    let path = empty.path().display().to_string();
    says(&["checks", "test", "--checks-dir", &path]).ends(2).says(&["holds no *.yaml"]);
}

#[test]
fn commands_of_several_lines_are_shown_line_by_line() {
    let (_kept, path) = folder(
        "version: 1\nchecks:\n  - id: own\n    title: All is well\n    severity: low\n    rationale: x\n    remediation:\n      \
         console: \"one\\e[2J\"\n      cli: |\n        # for each <user>\n        aws iam delete-user --user-name <user>\n\n        \
         aws iam list-users\n    expression: account.is_management\n",
    );
    let shown = says(&["checks", "explain", "own", "--checks-dir", &path]).ends(0);
    shown.shows(&[
        "\n  one\\u{1b}[2J\n",
        "\nMend it with the AWS CLI\n  # for each <user>\n  aws iam delete-user --user-name <user>\n\n  aws iam list-users\n\n",
    ]);
}

#[test]
fn the_view_is_listed() {
    says(&["checks", "view"]).ends(0).shows(&["account.password_policy", "password_policy", "org.scps", "now"]);
    let view = says(&["checks", "view", "--format", "json"]).ends(0).json();
    assert_eq!(view["version"], 1);
    let names: Vec<&str> = view["fields"].as_array().unwrap().iter().map(|f| f["name"].as_str().unwrap()).collect();
    assert!(names.contains(&"account.users") && names.contains(&"region"), "{names:?}");
}
