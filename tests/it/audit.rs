//! `orgward org` and `orgward audit`: what they print, for whom, and how they end.

use crate::harness::{Background, Run, SHARED, Served, texts};
use serde_json::Value;
use std::collections::BTreeSet;

const PASSWORD_POLICY: [&str; 6] = [
    "password-policy-complexity",
    "password-policy-hard-expiry",
    "password-policy-length",
    "password-policy-max-age",
    "password-policy-reuse",
    "password-policy-self-change",
];

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_else(|| panic!("{key} in {value}"))
}

fn rows(report: &Value) -> &Vec<Value> {
    report["findings"].as_array().unwrap()
}

/// Whether a fact was asked for: not what needs a flag.
fn was_asked(cause: &Value) -> bool {
    text(cause, "kind") != "opt_in"
}

/// Rows that were asked for and could not be told.
fn untold(report: &Value) -> Vec<&Value> {
    rows(report).iter().filter(|row| row["verdict"] == "unknown" && was_asked(&row["cause"])).collect()
}

/// What must never be printed or kept.
#[track_caller]
fn no_secret(served: &Served, run: &Run) {
    let secrets = ["AWS_SECRET_ACCESS_KEY", "ORGWARD_EXTERNAL_ID", "ORGWARD_APPLY_EXTERNAL_ID"];
    for secret in secrets.map(|name| served.variable(name)) {
        assert!(!run.out.contains(secret), "{secret} in stdout");
        assert!(!run.err.contains(secret), "{secret} in stderr");
        for (path, text) in texts(served.home()) {
            assert!(!text.contains(secret), "{secret} in {}", path.display());
        }
    }
}

#[test]
fn the_tree_shows_every_account_where_it_is() {
    let run = SHARED.run(&["org"]).ends(0);
    let org = SHARED.org();
    for (id, account) in org["accounts"].as_object().unwrap() {
        let line = format!("{id} {}", text(account, "name"));
        assert!(run.out.contains(&line), "{line}:\n{}", run.out);
    }
    run.shows(&["  /Security ou-", "(management)", "6 OUs, 5 accounts"]).says(&["Scope: 5 of 5 accounts"]);
    let quiet = SHARED.run(&["org", "--quiet"]).ends(0);
    assert_eq!(quiet.err, "", "--quiet");
}

#[test]
fn an_audit_is_versioned_complete_in_order_and_keeps_its_fingerprints() {
    let served = &*SHARED;
    let run = served.run(&["audit", "--format", "json"]).ends(4);
    let report = run.json();
    assert_eq!((text(&report, "format"), &report["version"]), ("orgward.audit", &Value::from(1)));
    assert_eq!(report["interrupted"], false);
    let (mut cells, mut order) = (BTreeSet::new(), Vec::new());
    for row in rows(&report) {
        for key in
            ["check", "account", "region", "resource", "verdict", "severity", "message", "evidence", "fingerprint"]
        {
            assert!(row.get(key).is_some(), "`{key}` is missing in {row}");
        }
        let verdict = text(row, "verdict");
        assert!(["pass", "fail", "unknown", "not_applicable", "exempt"].contains(&verdict), "{verdict}");
        assert_eq!(text(row, "fingerprint").len(), 32);
        assert_eq!(row.get("cause").is_some(), verdict == "unknown", "{row}");
        let evidence = row["evidence"].as_array().unwrap();
        assert!(verdict != "pass" || !evidence.is_empty(), "a pass rests on something: {row}");
        for source in evidence {
            assert!(text(source, "operation").contains(':') && !text(source, "region").is_empty(), "{source}");
            assert!(text(source, "observed_at").ends_with('Z'), "{source}");
        }
        let place = |key: &str| row[key].as_str().unwrap_or_default().to_owned();
        cells.insert((place("check"), place("account"), place("region")));
        order.push((place("account"), place("region"), place("check")));
    }
    assert!(order.is_sorted(), "the organization's rows, then those of each account by Region and check");
    let checks: BTreeSet<&String> = cells.iter().map(|(check, ..)| check).collect();
    assert_eq!(checks.len(), orgward::checks::CATALOG.len());
    let coverage = &report["coverage"];
    assert_eq!(coverage["cells"], cells.len());
    let counted: u64 = ["pass", "fail", "unknown", "not_applicable", "exempt"]
        .iter()
        .map(|verdict| coverage[verdict].as_u64().unwrap())
        .sum();
    assert_eq!(coverage["cells"], counted);
    let untold: Vec<&str> = untold(&report).into_iter().map(|row| text(row, "check")).collect();
    assert_eq!(untold, PASSWORD_POLICY, "the password policy of one account");
    let causes = coverage["causes"].as_array().unwrap();
    let cause = causes.iter().find(|cause| was_asked(cause)).unwrap();
    assert_eq!((text(cause, "kind"), text(cause, "operation")), ("access_denied", "iam:GetAccountPasswordPolicy"));
    assert!(!text(cause, "fix").is_empty());
    no_secret(served, &run);

    // Again, to a file: the same rows with the same fingerprints; only times and request ids differ.
    let file = served.home().join("again.json");
    let again = served.run(&["audit", "--format", "json", "--output", file.to_str().unwrap()]).ends(4);
    assert_eq!(again.out, "", "the report went to the file");
    let again: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    let essence = |report: &Value| -> Vec<Value> {
        let keys = ["fingerprint", "verdict", "severity", "message", "resource"];
        rows(report).iter().map(|row| keys.iter().map(|key| row[*key].clone()).collect()).collect()
    };
    assert_eq!(essence(&again), essence(&report));

    let table = served.run(&["audit", "--verbose"]).ends(4);
    no_secret(served, &table);
    table.shows(&[
        "fail     high      org-deny-leave",
        "root-access-keys",
        "Could not be told",
        "access_denied (iam:GetAccountPasswordPolicy): 6 verdicts in",
        "fix: grant the role the named action",
        "Coverage ",
        "attempts",
        "spent waiting under request quotas",
        "mend: orgward plan deny-leave-organization",
    ]);
}

#[test]
fn exit_codes_follow_coverage_then_findings() {
    let audit = SHARED.account("audit");
    // Incomplete outranks findings; --allow-partial lowers it to them; without any that count the audit is clean.
    SHARED.run(&["audit", "--account", &audit, "--fail-on", "none"]).ends(4);
    SHARED.run(&["audit", "--account", &audit, "--allow-partial"]).ends(3);
    SHARED.run(&["audit", "--account", &audit, "--allow-partial", "--fail-on", "high"]).ends(3);
    SHARED.run(&["audit", "--account", &audit, "--allow-partial", "--fail-on", "critical"]).ends(0);
    SHARED.run(&["audit", "--exclude-account", &audit, "--fail-on", "none"]).ends(0);
}

#[test]
fn scope_flags_narrow_who_has_verdicts() {
    let org = SHARED.org();
    let security = {
        let ous = org["ous"].as_object().unwrap();
        ous.iter().find(|(_, ou)| ou["name"] == "Security").unwrap().0.clone()
    };
    let audit = SHARED.account("audit");
    let all: BTreeSet<String> = org["accounts"].as_object().unwrap().keys().cloned().collect();
    let within = |args: &[&str]| -> BTreeSet<String> {
        let run = SHARED.run(&[&["org", "--format", "json"], args].concat()).ends(0);
        let accounts = run.json()["scope"]["accounts"].clone();
        accounts.as_array().unwrap().iter().map(|id| id.as_str().unwrap().to_owned()).collect()
    };
    let only = |ids: &[&str]| -> BTreeSet<String> { ids.iter().map(|id| (*id).to_owned()).collect() };
    let without = |ids: &[&str]| -> BTreeSet<String> { &all - &only(ids) };
    assert_eq!(within(&[]), all);
    assert_eq!(within(&["--ou", "/Security"]), only(&[&audit]));
    assert_eq!(within(&["--ou", &security]), only(&[&audit]));
    assert_eq!(within(&["--ou", "/identity 1"]).len(), 3, "every level below");
    assert_eq!(within(&["--tag", "env=security"]), only(&[&audit]));
    assert_eq!(within(&["--exclude-ou", "/Security"]), without(&[&audit]));
    let other = all.iter().find(|id| **id != audit).unwrap();
    assert_eq!(within(&["--account", &audit, "--account", other]), only(&[&audit, other]));
    assert_eq!(within(&["--ou", "/Security", "--account", other, "--exclude-account", other]), only(&[&audit]));
}

#[test]
fn a_region_that_is_not_enabled_is_not_applicable_and_who_owns_the_log_group_is_named() {
    let audit = SHARED.account("audit");
    let run =
        SHARED.run(&["audit", "--exclude-ou", "/Security", "--regions", "eu-central-1,af-south-1", "--format", "json"]);
    let run = run.says(&[&format!("Account {audit} is out of scope but owns the organization trail's log group")]);
    let report = run.json();
    let regional: Vec<&Value> = rows(&report).iter().filter(|row| !row["region"].is_null()).collect();
    for row in regional.iter().filter(|row| row["region"] == "af-south-1") {
        assert_eq!(text(row, "verdict"), "not_applicable", "{row}");
    }
    let trails: Vec<&&Value> = regional.iter().filter(|row| row["check"] == "trail-multi-region").collect();
    for row in trails.iter().filter(|row| row["region"] != "af-south-1") {
        assert_eq!(text(row, "verdict"), "pass", "{row}");
    }
    assert_eq!(trails.len(), 8, "two Regions in each of four accounts");
    assert!(rows(&report).iter().all(|row| row["account"] != *audit));
}

#[test]
fn one_call_denied_in_one_account_is_its_row_with_its_cause() {
    let report = SHARED.run(&["audit", "--format", "json", "--ou", "/Security"]).ends(4).json();
    let unknown = untold(&report);
    let checks: Vec<&str> = unknown.iter().map(|row| text(row, "check")).collect();
    assert_eq!(checks, PASSWORD_POLICY);
    assert_eq!(text(&unknown[0]["cause"], "kind"), "access_denied");
}

#[test]
fn a_missing_role_and_a_wrong_external_id_are_unknown_cells_in_members_only() {
    for variable in [("ORGWARD_ROLE_NAME", "NobodyRolledThisOut"), ("ORGWARD_EXTERNAL_ID", "not-the-right-one")] {
        let run =
            crate::harness::run(SHARED.command(&["audit", "--format", "json"]).env(variable.0, variable.1)).ends(4);
        let report = run.json();
        let management = text(&report["organization"], "management_account").to_owned();
        for row in untold(&report) {
            assert_eq!(text(&row["cause"], "kind"), "assume_role_denied", "{row}");
            // What happens in it is watched in another account; all else is read with the caller's own credentials.
            let watched = ["root-usage-alarm", "monitor-", "access-analyzer-"];
            let watched = watched.iter().any(|check| text(row, "check").starts_with(check));
            assert!(row["account"] != *management || watched, "{row}");
        }
        let entered = rows(&report).iter().filter(|row| row["verdict"] != "unknown" && row["account"] != *management);
        // An account's address is told by the organization, and so is what its trail and its budgets do for every member.
        let told = ["root-email-pattern", "trail-management-events", "billing-alarm"];
        let entered = entered.filter(|row| !told.contains(&text(row, "check")));
        assert_eq!(entered.filter(|row| !row["account"].is_null()).count(), 0, "no member was entered");
        assert!(!run.out.contains(variable.1) || variable.0 == "ORGWARD_ROLE_NAME", "the ExternalId is a secret");
    }
}

#[test]
fn an_interrupted_audit_writes_what_it_has() {
    let served = Served::start(&["--accounts", "5", "--seed", "3", "--fault", "iam:GetAccountSummary=hang@audit"]);
    let file = served.home().join("report.json");
    let args = ["audit", "--format", "json", "--output", file.to_str().unwrap()];
    let mut audit = Background::start(&mut served.command(&args));
    audit.until("accounts: 4 of 5");
    let run = audit.interrupt().ends(130).says(&["no further calls", "audit --resume"]);
    assert!(!run.err.contains("accounts: 5 of 5"), "what was cut short is not done: {}", run.err);
    no_secret(&served, &run);
    let report: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    assert_eq!(report["interrupted"], true);
    let interrupted = rows(&report).iter().filter(|row| row["cause"]["kind"] == "interrupted").count();
    assert!(interrupted > 0, "what was not collected is unknown, interrupted");
    let told = rows(&report).iter().filter(|row| row["verdict"] == "pass").count();
    assert!(told > 50, "four accounts were done: {told}");
}

#[test]
fn an_interrupted_audit_tells_people_in_a_few_lines_and_is_gone_on_with_as_the_last() {
    let served = Served::start(&["--accounts", "5", "--seed", "3", "--fault", "iam:GetAccountSummary=hang@audit"]);
    let mut audit = Background::start(&mut served.command(&["audit"]));
    audit.until("accounts: 4 of 5");
    let run = audit.interrupt().ends(130).says(&["audit --resume"]);
    let id = run.out.trim_end().rsplit(' ').next().unwrap().to_owned();
    assert!(run.out.starts_with("Stopped before the end: of ") && run.out.lines().count() == 2, "{}", run.out);
    served.run(&["report", &id]).ends(130).shows(&["Interrupted", "Coverage "]);
    served.run(&["audit", "--resume", "last~1"]).ends(2).says(&["1 audit that was stopped is kept"]);
    let mut again = Background::start(&mut served.command(&["audit", "--resume", "last"]));
    again.until(&format!("Going on with run {id}: 4 accounts done"));
    again.interrupt().ends(130);
}

#[test]
fn what_nobody_asked_for_counts_neither_for_nor_against_coverage() {
    let served = Served::start(&["--accounts", "3", "--seed", "3"]);
    let report = served.run(&["audit", "--format", "json", "--fail-on", "none"]).ends(0).json();
    let coverage = &report["coverage"];
    assert!(coverage["not_asked"].as_u64().unwrap() > 0, "{coverage}");
    assert_eq!((&coverage["percent"], &coverage["unknown"]), (&Value::from(100.0), &coverage["not_asked"]));
    served.run(&["report", "last", "--fail-on", "none"]).ends(0).shows(&["Coverage 100.0%", "were not asked for"]);
}

#[test]
fn a_kept_audit_is_told_by_the_controls_of_a_framework_whose_checks_it_ran() {
    let served = Served::start(&["--accounts", "3", "--seed", "3"]);
    served.run(&["audit", "--checks", "root-mfa", "--fail-on", "none"]).ends(0);
    let by = ["report", "last", "--framework", "cis-5.0", "--fail-on", "none"];
    served.run(&by).ends(2).says(&["did not run", "`cis-5.0`", "audit with `--framework cis-5.0`"]);
    served.run(&["audit", "--fail-on", "none"]).ends(0);
    let asked =
        served.run(&["audit", "--framework", "cis-5.0", "--format", "json", "--fail-on", "none"]).ends(0).json();
    let told = served.run(&["report", "last~1", "--framework", "cis-5.0", "--format", "json", "--fail-on", "none"]);
    let told = told.ends(0).json();
    let controls = |report: &Value| report["frameworks"][0]["controls"].clone();
    assert_eq!(controls(&told), controls(&asked));
    assert!(controls(&told).as_array().unwrap().len() > 20);
}
