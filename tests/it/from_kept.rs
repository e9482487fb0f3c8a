//! Kept facts judged and planned from again, by the real binary with no way to AWS.

use crate::harness::{Served, orgward, run, texts};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The command with no way to AWS: no address, no credentials.
fn alone(home: &Path, args: &[&str]) -> Command {
    let mut command = orgward(home);
    command.args(args).env("AWS_EC2_METADATA_DISABLED", "true");
    command
}

/// The directory of the first run.
fn first_run(home: &Path) -> PathBuf {
    let mut dirs: Vec<PathBuf> = texts(home)
        .into_iter()
        .filter(|(path, _)| path.ends_with("audit.json"))
        .map(|(path, _)| path.parent().unwrap().to_owned())
        .collect();
    dirs.sort();
    dirs.remove(0)
}

/// Check, account, Region and verdict of each finding.
fn verdicts(report: &Value) -> Vec<String> {
    let findings = report["findings"].as_array().unwrap();
    findings.iter().map(|f| format!("{} {} {}", f["check"], f["target"], f["verdict"])).collect()
}

#[test]
fn kept_facts_are_judged_again_without_aws() {
    let served = Served::start(&["--accounts", "5", "--seed", "3"]);
    let home = served.home();
    let first = served.run(&["audit", "--format", "json", "--fail-on", "none", "--allow-partial"]).ends(0).json();
    let first_dir = first_run(home);
    let id = first_dir.file_name().unwrap().to_str().unwrap().to_owned();
    let again = ["--format", "json", "--fail-on", "none", "--allow-partial"];
    let judge = |from: &str, more: &[&str]| {
        run(&mut alone(home, &[&["audit", "--from", from], &again[..], more].concat())).ends(0)
    };
    let same = judge(&id, &[]).says(&["nothing is asked of AWS"]);
    assert_eq!(verdicts(&same.json()), verdicts(&first));
    assert!(verdicts(&first).len() > 100);
    assert_eq!(same.json()["as_of"], first["as_of"]);
    // By its directory, and what was judged once more is judged as well.
    assert_eq!(verdicts(&judge(first_dir.to_str().unwrap(), &[]).json()), verdicts(&first));
    assert_eq!(verdicts(&judge("last", &[]).json()), verdicts(&first));

    let account = served.org()["accounts"].as_object().unwrap().keys().next().unwrap().clone();
    let some = judge(&id, &["--checks", "root-mfa", "--account", &account]).json();
    assert!(verdicts(&some).len() == 1 && verdicts(&some).iter().all(|row| row.contains("root-mfa")), "{some}");
    let later = judge(&id, &["--as-of", "2036-01-01"]).json();
    assert_ne!(verdicts(&later), verdicts(&first), "keys grow old");
    let listed = run(&mut alone(home, &["runs", "list", "--format", "json"])).ends(0).json();
    let newest =
        listed["runs"].as_array().unwrap().iter().map(|run| run["run"].as_str().unwrap()).max().unwrap().to_owned();
    run(&mut alone(home, &["runs", "show", &newest])).ends(0).shows(&["judged again", &id]);
    run(&mut alone(home, &["audit", "--resume", &newest])).ends(2).says(&["begin again with `orgward audit --from"]);
    for flags in [["--regions", "us-east-1"], ["--events", "3"], ["--since", &id], ["--org", "x"]] {
        run(&mut alone(home, &[&["audit", "--from", &id], &flags[..]].concat())).ends(2);
    }
}

#[test]
fn what_a_run_did_not_collect_is_unknown_and_never_a_pass() {
    let served = Served::start(&["--accounts", "5", "--seed", "3"]);
    let home = served.home();
    served.run(&["audit", "--checks", "root-mfa,trail-multi-region", "--fail-on", "none", "--allow-partial"]).ends(0);
    let wide = ["audit", "--from", "last", "--checks", "*", "--format", "json", "--fail-on", "none"];
    let told = run(&mut alone(home, &wide)).ends(4).json();
    let findings = told["findings"].as_array().unwrap();
    let of = |check: &str| -> Vec<&str> {
        findings.iter().filter(|f| f["check"] == check).map(|f| f["verdict"].as_str().unwrap()).collect()
    };
    assert!(of("root-mfa").contains(&"pass"));
    for check in ["password-policy-length", "monitor-root-usage", "org-deny-leave"] {
        assert!(
            !of(check).is_empty() && of(check).iter().all(|verdict| *verdict == "unknown"),
            "{check}: {:?}",
            of(check)
        );
    }
    // Judged with every check, it still knows what was collected.
    let again = run(&mut alone(home, &wide)).ends(4).json();
    assert_eq!(verdicts(&again), verdicts(&told));
    run(&mut alone(home, &["plan", "--from", "last", "cis-password-policy"]))
        .ends(2)
        .says(&["did not collect `service_control_policies`", "--from"]);
    served
        .run(&["audit", "--checks", "root-mfa", "--keep-facts", "no", "--fail-on", "none", "--allow-partial"])
        .ends(0);
    let none = run(&mut alone(home, &["audit", "--from", "last"])).ends(2);
    none.says(&["keeps no facts", "--keep-facts"]);
    run(&mut alone(home, &["audit", "--from", "./nowhere"])).ends(2).says(&["nowhere"]);
}

#[test]
fn a_plan_from_kept_facts_is_the_plan_that_aws_would_give() {
    let served = Served::start(&["--accounts", "5", "--seed", "3"]);
    let home = served.home();
    served.run(&["audit", "--fail-on", "none", "--allow-partial"]).ends(0);
    let plan = ["plan", "cis-password-policy", "--format", "json"];
    let asked = served.run(&plan).ends(0).json();
    let kept = run(&mut alone(home, &[&plan[..], &["--from", "last", "--out", "kept.json"]].concat())).ends(0).json();
    assert_eq!(kept["changes"], asked["changes"]);
    assert!(!kept["changes"].as_array().unwrap().is_empty());
    assert!(kept["notes"].to_string().contains("made from the facts that run"), "{}", kept["notes"]);
    assert_eq!(kept["relied_on"], asked["relied_on"]);
    run(&mut alone(home, &["plan", "cis-password-policy", "--from", "last", "--simulate"])).ends(2);
    // It is applied like any other: what is there is read first.
    served.run(&["apply", "kept.json", "--dry-run"]).ends(0);
}
