//! Frameworks on the command line: an audit grouped by controls, the lists, and names that are none.

use crate::harness::{SHARED, orgward, run};
use serde_json::Value;
use std::collections::BTreeSet;

fn says(args: &[&str]) -> crate::harness::Run {
    let home = tempfile::tempdir().unwrap();
    run(orgward(home.path()).args(args))
}

fn set<'a>(values: impl IntoIterator<Item = &'a Value>) -> BTreeSet<&'a str> {
    values.into_iter().map(|value| value.as_str().unwrap()).collect()
}

#[test]
fn an_audit_by_framework_runs_its_checks_alone_and_counts_every_control() {
    let report = SHARED.run(&["audit", "--framework", "cis-5.0", "--format", "json", "--allow-partial"]).ends(3).json();
    let framework = &report["frameworks"][0];
    assert_eq!(report["frameworks"].as_array().unwrap().len(), 1);
    assert_eq!((&framework["name"], framework["title"].is_string()), (&Value::from("cis-5.0"), true));
    let controls = framework["controls"].as_array().unwrap();
    let summary = framework["summary"].as_object().unwrap();
    assert_eq!((controls.len(), &summary["controls"]), (63, &Value::from(63)));
    let counted: u64 = summary.iter().filter(|(key, _)| *key != "controls").map(|(_, n)| n.as_u64().unwrap()).sum();
    assert_eq!(counted, 63, "manual and not covered stay in the denominator: {summary:?}");
    assert!(summary["not_covered"].as_u64().unwrap() > 20, "{summary:?}");

    let named: BTreeSet<&str> =
        controls.iter().filter_map(|control| control["checks"].as_array()).flat_map(set).collect();
    let ran = set(report["findings"].as_array().unwrap().iter().map(|row| &row["check"]));
    assert!(ran.contains("root-mfa") && ran.is_subset(&named), "{:?}", ran.difference(&named));
    assert!(!ran.contains("org-deny-leave"), "no control of this version asks for it");

    let control = |id: &str| controls.iter().find(|control| control["id"] == id).unwrap();
    let keys = control("1.3");
    assert_eq!((&keys["level"], &keys["assessment"]), (&Value::from(1), &Value::from("automated")));
    assert_eq!(keys["checks"], serde_json::json!(["root-access-keys"]));
    let cells = &keys["cells"]["root-access-keys"];
    let all: u64 = cells.as_object().unwrap().values().map(|n| n.as_u64().unwrap()).sum();
    assert_eq!(all, 5, "a cell for each account");
    let reuse = control("1.8");
    assert_eq!(reuse["verdict"], if reuse["cells"]["password-policy-reuse"]["fail"] == 0 { "unknown" } else { "fail" });
    assert_eq!(
        (&control("3.6")["verdict"], &control("3.6")["not_covered"]),
        (&"not_covered".into(), &"AWS KMS".into())
    );
    let failing = |control: &&Value| {
        let cells = control["cells"].as_object().unwrap();
        cells.values().any(|cells| cells["fail"].as_u64().unwrap() > 0)
    };
    let failed = controls.iter().filter(failing).count();
    assert!(failed > 0);
    assert_eq!(summary["fail"], failed, "a failing cell fails its control");
}

#[test]
fn the_table_groups_by_control_and_tells_what_is_left_to_people() {
    let run = SHARED.run(&["audit", "--framework", "cis-7.0", "--framework", "iam-guides", "--allow-partial"]).ends(3);
    run.shows(&[
        "CIS AWS Foundations Benchmark v7.0.0 (cis-7.0)",
        "CONTROL  LEVEL  VERDICT",
        " of 70 controls\n",
        "A person has to look\n",
        "2.1.3 The management account runs no workloads\n",
        "Not covered by orgward\n",
        "  AWS KMS: 4.6\n",
        "IAM practice guides (iam-guides)",
        "CONTROL  ",
        " of 67 controls\n",
        "mend: orgward",
        "Coverage ",
    ]);
}

#[test]
fn names_of_nothing_are_refused_before_the_first_call_with_the_nearest() {
    let refused = run(SHARED
        .command(&["audit", "--framework", "cis-55", "--framework", "cis-5.0", "--framework", "nist"])
        .env("AWS_ENDPOINT_URL", "http://127.0.0.1:9"))
    .ends(2);
    refused.says(&["there is no framework `cis-55`, did you mean `cis-", "there is no framework `nist`"]);
    let list = says(&["checks", "list", "--family", "user", "--service", "iamm"]).ends(2);
    list.says(&["there is no family `user`, did you mean `users`?", "there is no service `iamm`, did you mean `iam`?"]);
    says(&["checks", "list", "--framework", "iam-guide"]).ends(2).says(&["did you mean `iam-guides`?"]);
    says(&["checks", "list", "--severity", "dreadful"]).ends(2).says(&["dreadful", "critical"]);
}

#[test]
fn lists_are_filtered_and_tell_controls() {
    let ids = |args: &[&str]| -> BTreeSet<String> {
        let list = says(&[&["checks", "list", "--format", "json"], args].concat()).ends(0).json();
        list.as_array().unwrap().iter().map(|check| check["id"].as_str().unwrap().to_owned()).collect()
    };
    let all = ids(&[]);
    let critical = ids(&["--severity", "critical"]);
    assert!(critical.contains("root-mfa") && critical.is_subset(&ids(&["--severity", "high"])));
    assert!(!ids(&["--severity", "high"]).contains("password-policy-reuse"));
    let root = ids(&["--family", "root"]);
    assert!(root.iter().all(|id| id.starts_with("root-")) && root.contains("root-usage-alarm"), "{root:?}");
    let both = ids(&["--family", "root", "--family", "trails"]);
    assert_eq!(both, &root | &ids(&["--family", "trails"]));
    let seven = ids(&["--framework", "cis-7.0"]);
    assert!(seven.contains("org-scp-enabled") && !ids(&["--framework", "cis-6.0"]).contains("org-scp-enabled"));
    assert!(seven.is_subset(&all) && seven.len() < all.len());
    let sns = ids(&["--service", "sns"]);
    assert!(sns.contains("root-usage-alarm") && !sns.contains("root-mfa"), "{sns:?}");
    assert!(ids(&["--service", "sns", "--family", "users"]).is_empty(), "every filter has to fit");

    let list = says(&["checks", "list", "--framework", "cis-1.4"]).ends(0);
    list.shows(&["CHECK", "CIS 1.4", "root-mfa", "  1.5  "]);
    let explained = says(&["checks", "explain", "access-key-unused"]).ends(0);
    explained.shows(&[
        "Controls\n",
        "cis-1.4 ",
        "1.12",
        "cis-7.0 ",
        "2.11",
        "iam-guides ",
        "keys-unused",
        "References\n",
    ]);
    let explained = says(&["checks", "explain", "access-key-unused", "--format", "json"]).ends(0).json();
    let controls = explained["controls"].as_array().unwrap();
    assert!(controls.contains(&serde_json::json!({ "framework": "cis-5.0", "control": "1.11" })), "{controls:?}");
    assert_eq!(explained["family"], "users");
}
