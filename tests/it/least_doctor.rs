//! `orgward doctor` with the policies that `orgward bootstrap` writes, and no other: it finds nothing wrong, it asks nothing that
//! they do not allow, and what it is asked beyond them it names.

use crate::installed::Installed;
use orgward::sandbox::Scenario;
use serde_json::{Value, json};

/// A line that is not as it has to be.
#[derive(Debug, PartialEq)]
struct Wrong {
    code: String,
    text: String,
    fix: String,
}

fn wrong(diagnosis: &Value) -> Vec<Wrong> {
    let lines = diagnosis["lines"].as_array().unwrap().iter();
    let wrong = lines.filter(|line| ["problem", "unknown"].contains(&line["state"].as_str().unwrap()));
    let text = |line: &Value, name: &str| line[name].as_str().unwrap_or_default().to_owned();
    wrong.map(|line| Wrong { code: text(line, "code"), text: text(line, "text"), fix: text(line, "fix") }).collect()
}

fn codes(found: &[Wrong]) -> Vec<&str> {
    found.iter().map(|wrong| wrong.code.as_str()).collect()
}

const PLAYBOOK: [&str; 6] = ["--playbook", "baseline", "--set", "targets=/", "--set", "endpoint=security@example.com"];

fn doctor<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&["doctor", "--format", "json", "--quiet"], more].concat()
}

/// Finds nothing wrong, and is denied nothing.
#[track_caller]
fn well(installed: &Installed, more: &[&str]) -> Value {
    installed.sandbox.forget_requests();
    let seen = installed.run(&doctor(more));
    let diagnosis = seen.json();
    assert_eq!(wrong(&diagnosis), [], "{}", seen.out);
    assert_eq!(installed.denied().into_iter().collect::<Vec<_>>(), [""; 0]);
    assert_eq!(seen.code, 0);
    diagnosis
}

#[test]
fn nothing_is_wrong_where_the_files_of_bootstrap_were_rolled_out() {
    let installed = Installed::with(Scenario::small(), "management", &[]);
    let diagnosis = well(&installed, &[]);
    let said = diagnosis["lines"].to_string();
    for line in ["it can be assumed in all 3 other accounts", "answered in all 4 accounts"] {
        assert!(said.contains(line), "{line}: {said}");
    }
    // A denial that was asked for is no problem, and is kept apart from the others.
    installed.sandbox.forget_requests();
    let tried = installed.run(&doctor(&["--regions", "eu-central-1", "--probe-external-id"])).ends(0);
    assert!(tried.out.contains("it kept the caller out in all 3 other accounts"), "{}", tried.out);
    assert_eq!(installed.denied().into_iter().collect::<Vec<_>>(), ["sts:AssumeRole"]);

    // Beyond what was rolled out: the calls by name, and a command that grants them.
    let beyond = ["--regions", "eu-central-1", "--deep", "--events", "2"];
    let seen = installed.run(&doctor(&beyond)).ends(3).json();
    let found = wrong(&seen);
    assert!(codes(&found).iter().all(|code| ["read_denied", "caller_denied"].contains(code)), "{found:?}");
    for action in ["iam:ListSSHPublicKeys", "cloudtrail:LookupEvents"] {
        let named = |wrong: &&Wrong| wrong.text.contains(action) && wrong.fix.contains("--deep --events 2");
        let named = found.iter().filter(named);
        assert_eq!(named.count(), 2, "of the caller and of the members: {action} in {found:?}");
    }
    // What a playbook takes and nobody granted.
    let seen = installed.run(&[&doctor(&["--regions", "eu-central-1"])[..], &PLAYBOOK].concat()).ends(3).json();
    assert_eq!(codes(&wrong(&seen)), ["apply_role_missing", "write_not_granted"], "{seen}");
}

#[test]
fn what_a_playbook_and_a_flag_take_is_in_the_files_that_they_were_named_for() {
    let asked = [&PLAYBOOK[..], &["--deep", "--events", "2"]].concat();
    let installed = Installed::with(Scenario::small(), "management", &asked);
    let diagnosis = well(&installed, &[&asked[..], &["--regions", "eu-central-1"]].concat());
    let said = diagnosis["lines"].to_string();
    assert!(said.contains("what the playbook would write is allowed in all 4 accounts"), "{said}");
    assert!(said.contains("the apply role demands its ExternalId in all 3 other accounts"), "{said}");
}

#[test]
fn what_doctor_reads_to_evaluate_a_playbook_is_granted_whatever_the_checks() {
    let asked = ["--checks", "root-mfa", "--playbook", "cis-password-policy"];
    let installed = Installed::with(Scenario::small(), "management", &asked);
    let diagnosis = well(&installed, &[&asked[..], &["--regions", "eu-central-1"]].concat());
    let said = diagnosis["lines"].to_string();
    assert!(said.contains("what the playbook would write is allowed in all 4 accounts"), "{said}");
    let alone = Installed::with(Scenario::small(), "management", &["--checks", "root-mfa"]);
    well(&alone, &["--checks", "root-mfa", "--regions", "eu-central-1"]);
}

/// Who was just given roles by orgward is not told by orgward to take them away, but for what the threat model says of them: the
/// apply role writes metric filters of any log group, and its caller marks any policy.
#[test]
fn checks_mind_of_what_bootstrap_made_only_what_is_mighty() {
    let installed = Installed::with(Scenario::small(), "management", &PLAYBOOK);
    let report = installed.run(&["audit", "--format", "json", "--regions", "eu-central-1", "--fail-on", "none"]).json();
    let ours = |text: &str| text.contains("Orgward");
    let mut minded = Vec::new();
    for row in report["findings"].as_array().unwrap().iter().filter(|row| row["verdict"] == "fail") {
        let resource = row["resource"].to_string();
        if ours(&resource) {
            let name = resource.rsplit('/').next().unwrap().trim_end_matches('"');
            minded.push(format!("{}: {name}", row["check"].as_str().unwrap()));
        }
    }
    minded.dedup();
    assert_eq!(minded, ["policy-wildcard-resource: OrgwardApplyCaller", "policy-wildcard-resource: OrgwardApply"]);
    let failing = report["findings"].to_string();
    assert!(failing.contains(":role/") && failing.contains("role-unused"), "others are told of: {failing}");
}

#[test]
fn a_delegated_administrator_has_what_it_needs_and_is_told_what_only_the_organization_can_give() {
    let scenario = Scenario::small().run_from("audit");
    let audit = scenario.account("audit").unwrap().id.to_string();
    let installed = Installed::with(scenario.clone(), "audit", &["--delegated-administrator", &audit]);
    let diagnosis = well(&installed, &["--regions", "eu-central-1"]);
    let said = diagnosis["lines"].to_string();
    assert!(said.contains("it can be assumed in all 3 other accounts"), "the management account among them: {said}");

    let asked = [&PLAYBOOK[..], &["--delegated-administrator", &audit]].concat();
    let installed = Installed::with(scenario, "audit", &asked);
    installed.sandbox.forget_requests();
    let seen = installed.run(&[&doctor(&["--regions", "eu-central-1"])[..], &PLAYBOOK].concat()).ends(3).json();
    let found = wrong(&seen);
    // It may ask for the delegation policy, and there is none.
    assert_eq!(codes(&found), ["delegation"], "{found:?}");
    assert!(found[0].text.contains("the organization has no delegation policy"), "{found:?}");
    assert_eq!(json!(installed.denied()), json!([]));
}
