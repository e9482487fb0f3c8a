//! `orgward doctor` as people run it: the real binary against a sandbox on a socket.

use crate::harness::{SHARED, Served, orgward, run};

#[test]
fn a_doctor_finds_what_an_audit_would_trip_over() {
    let seen = SHARED.run(&["doctor", "--regions", "eu-central-1"]);
    let seen = seen.ends(3).shows(&[
        "problem  the audit role may not call iam:GetAccountPasswordPolicy, in account",
        "(audit)",
        "fix: orgward permissions --for audit-role > audit-role.json && aws iam put-role-policy",
        "this machine's clock agrees with AWS's",
        "Request rates assumed (100% of each quota",
        "An audit of 5 accounts in 1 Region takes about ",
    ]);
    assert!(seen.out.lines().last().is_some_and(|line| line.starts_with("It sends some ")), "{}", seen.out);
    let audit = SHARED.account("audit");
    let json = SHARED.run(&["doctor", "--regions", "eu-central-1", "--format", "json", "--quiet"]).ends(3);
    assert_eq!(json.err, "");
    let json = json.json();
    assert_eq!(json["summary"]["problems"], 1);
    let lines = json["lines"].as_array().unwrap();
    let problem = lines.iter().find(|line| line["state"] == "problem").unwrap();
    assert_eq!(problem["code"], "read_denied");
    assert_eq!(problem["actions"], serde_json::json!(["iam:GetAccountPasswordPolicy"]));
    assert_eq!(problem["accounts"], serde_json::json!([audit]));
}

#[test]
fn nobody_signed_in_is_a_problem_with_its_fix_and_no_secret_is_shown() {
    let home = tempfile::tempdir().unwrap();
    let mut command = orgward(home.path());
    command.args(["doctor", "--profile", "no such one"]).env("ORGWARD_EXTERNAL_ID", "keep-this-to-yourself");
    command.env("AWS_EC2_METADATA_DISABLED", "true");
    let seen = run(&mut command).ends(3).shows(&["nobody is signed in", "fix: aws sso login --profile 'no such one'"]);
    assert!(!format!("{}{}", seen.out, seen.err).contains("keep-this-to-yourself"));
}

#[test]
fn a_role_that_can_t_be_assumed_and_hostile_names_are_told_plainly() {
    let served = Served::start(&[
        "--accounts",
        "4",
        "--seed",
        "3",
        "--rename",
        "audit=$(reboot) <b>",
        "--fault",
        "sts:AssumeRole=deny@audit",
    ]);
    let seen = served.run(&["doctor", "--regions", "eu-central-1"]).ends(3);
    assert!(seen.out.contains("role `OrgwardAudit` could not be assumed (assume_role_denied), in"), "{}", seen.out);
    let fix = seen.out.lines().find(|line| line.contains("create-stack-instances")).unwrap();
    assert!(!fix.contains("reboot"), "no name of an account is in a command: {fix}");
}

#[test]
fn flags_that_name_nothing_are_refused_before_anything_is_asked() {
    let home = tempfile::tempdir().unwrap();
    let asked = |args: &[&str]| run(orgward(home.path()).arg("doctor").args(args));
    asked(&["--playbook", "cis-pasword-policy"]).ends(2).says(&["cis-pasword-policy"]);
    asked(&["--checks", "rot-mfa"]).ends(2).says(&["did you mean `root-mfa`?"]);
    asked(&["--set", "a=b"]).ends(2).says(&["--playbook"]);
}
