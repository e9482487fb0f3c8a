//! Exemptions and attestations by the real binary: a failure someone answers for is told as such until a day, and comes back
//! after it; a file that is wrong is refused before anything is asked.

use crate::harness::{Run, Served, orgward, run};
use serde_json::Value;

const CHECKS: &str = "root-*,org-*";

/// A file with one exemption of all that is checked, in this scope.
fn file(scope: &str, expires: &str) -> String {
    format!(
        "version: 1\nexemptions:\n  - id: agreed\n    checks: ['root-*', 'org-*']\n    scope: {scope}\n    owner: jane\u{202e}\n    reason: agreed <b>\n    \
         ticket: T-1\n    expires: {expires}\n"
    )
}

fn audit(served: &Served, more: &[&str]) -> Run {
    served.run(&[&["audit", "--checks", CHECKS, "--allow-partial"], more].concat())
}

fn verdicts(report: &Value, account: &Value, verdict: &str) -> usize {
    let rows = report["findings"].as_array().unwrap();
    rows.iter().filter(|row| &row["account"] == account && row["verdict"] == verdict).count()
}

#[test]
fn what_is_exempt_is_told_with_who_answers_for_it_and_fails_again_after_its_day() {
    let served = Served::start(&[]);
    let before = audit(&served, &["--format", "json"]).ends(3).json();
    let rows = before["findings"].as_array().unwrap();
    let account = &rows.iter().find(|row| row["verdict"] == "fail" && !row["account"].is_null()).unwrap()["account"];
    let fails = verdicts(&before, account, "fail");
    assert!(before["exemptions"].is_null() && before["coverage"]["exempt"] == 0);

    let path = served.file("exemptions.yaml", &file(&format!("{{accounts: [{account}]}}"), "2999-12-31"));
    let flag = ["--exemptions", path.to_str().unwrap(), "--format", "json"];
    let run = audit(&served, &flag).ends(3).says(&["exemptions.yaml:9:5: exemption `agreed` holds until 2999-12-31"]);
    let after = run.json();
    assert_eq!((verdicts(&after, account, "fail"), verdicts(&after, account, "exempt")), (0, fails));
    let exempt = after["findings"].as_array().unwrap().iter().find(|row| row["verdict"] == "exempt").unwrap();
    assert_eq!((&exempt["exemption"]["id"], &exempt["exemption"]["owner"]), (&"agreed".into(), &"jane\u{202e}".into()));
    let same = rows.iter().find(|row| row["fingerprint"] == exempt["fingerprint"]).unwrap();
    assert_eq!((&same["verdict"], &same["message"]), (&Value::from("fail"), &exempt["message"]));
    let [standing] = after["exemptions"]["exemptions"].as_array().unwrap().as_slice() else { panic!() };
    assert_eq!((&standing["state"], &standing["matched"]["resources"]), (&Value::from("in_force"), &fails.into()));
    for verdict in ["pass", "unknown", "not_applicable"] {
        assert_eq!(after["coverage"][verdict], before["coverage"][verdict], "{verdict}");
    }

    // The run keeps them: whatever becomes of the file, it is told again as it was.
    std::fs::write(&path, file("everywhere", "2020-01-31")).unwrap();
    let again = served.run(&["report", "last", "--allow-partial", "--format", "json"]).ends(3);
    assert_eq!(again.out, run.out);
    let table = served.run(&["report", "last", "--allow-partial"]).ends(3).shows(&[
        "Exemptions",
        "in force",
        "agreed",
        "2999-12-31",
        "jane\\u{202e}",
        "EXEMPT",
    ]);
    assert!(!table.out.contains('\u{202e}'), "hostile texts are inert: {}", table.out);

    let expired = audit(&served, &["--exemptions", path.to_str().unwrap()]).ends(3);
    let expired = expired.shows(&["expired", "(exemption `agreed` expired on 2020-01-31)"]);
    expired.says(&["1 exemption expired", "`agreed`"]);
    // The replay of a day on which it held; by the config file.
    served.file("orgward.yaml", "exemptions: exemptions.yaml\n");
    let replay = audit(&served, &["--as-of", "2020-01-31", "--format", "json"]).ends(0).json();
    assert_eq!(
        (&replay["coverage"]["fail"], &replay["exemptions"]["exemptions"][0]["state"]),
        (&0.into(), &"expires_soon".into())
    );
}

#[test]
fn what_is_gone_on_with_keeps_the_exemptions_it_began_with() {
    let served = Served::start(&[]);
    let path = served.file("exemptions.yaml", &file("{organization: true}", "2999-12-31"));
    let command = |args: &[&str]| {
        let mut command = served.command(args);
        command.env("ORGWARD_EXEMPTIONS", &path);
        run(&mut command)
    };
    let first = command(&["audit", "--checks", "org-*", "--allow-partial", "--format", "json"]).ends(0).json();
    let exempt = first["coverage"]["exempt"].as_u64().unwrap();
    assert!(exempt > 0, "{first}");
    std::fs::write(&path, file("{organization: true}", "2020-01-31")).unwrap();
    let id = served.run(&["runs", "list", "--format", "json"]).json()["runs"][0]["run"].as_str().unwrap().to_owned();
    let again = command(&["audit", "--resume", &id, "--allow-partial", "--format", "json"]).ends(0);
    let again = again.says(&["goes on with the exemptions it began with"]).json();
    assert_eq!(again["coverage"]["exempt"], exempt);
    let kept = crate::harness::texts(served.home());
    let kept = &kept.iter().find(|(path, _)| path.ends_with("exemptions.json")).unwrap().0;
    std::fs::remove_file(kept).unwrap();
    served.run(&["report", &id]).ends(1).says(&["exemptions.json"]);
}

#[test]
fn an_exemption_of_no_use_is_told_only_where_everything_was_looked_at() {
    let served = Served::start(&[]);
    let idle = file("{accounts: ['999999999999'], ous: [/Nowhere]}", "2999-12-31")
        .replace("'root-*', 'org-*'", "org-all-features");
    let path = served.file("exemptions.yaml", &idle);
    let flag = ["--exemptions", path.to_str().unwrap()];
    let told =
        audit(&served, &flag).ends(3).shows(&["matches nothing", "account `999999999999` is not in the organization"]);
    told.shows(&["OU `/Nowhere` is not in the organization"]).says(&["1 exemption matches nothing"]);
    let account = served.org()["organization"]["management_account"].as_str().unwrap().to_owned();
    let part = audit(&served, &[&flag[..], &["--account", &account]].concat());
    assert!(part.out.contains("in force") && !part.out.contains("matches nothing"), "{}", part.out);
}

#[test]
fn a_control_that_somebody_looked_at_is_attested_until_its_day() {
    let served = Served::start(&[]);
    let attested = |expires: &str| {
        format!(
            "version: 1\nattestations:\n  - {{framework: cis-5.0, control: '1.20', owner: jane, statement: read the list, date: \
             2026-01-02, expires: {expires}}}\n  - {{framework: cis-5.0, control: '2.1.3', owner: jane, statement: x, date: \
             2026-01-02, expires: {expires}}}\n"
        )
    };
    let refused = attested("2999-01-01");
    let path = served.file("exemptions.yaml", &refused);
    let flags = ["audit", "--framework", "cis-5.0", "--exemptions", path.to_str().unwrap(), "--allow-partial"];
    served.run(&flags).ends(2).says(&["exemptions.yaml:4", "is not covered by orgward"]);
    let one = |expires: &str| attested(expires).lines().take(3).map(|line| format!("{line}\n")).collect::<String>();
    std::fs::write(&path, one("2999-01-01")).unwrap();
    let report = served.run(&[&flags[..], &["--format", "json"]].concat()).ends(3).json();
    let framework = &report["frameworks"][0];
    let control = framework["controls"].as_array().unwrap().iter().find(|control| control["id"] == "1.20").unwrap();
    assert_eq!(control["attestation"]["owner"], "jane");
    // It stands for what a person has to tell, and for nothing that a check tells.
    let checked = control["cells"]["console-users-federated"]["fail"] == 0
        && control["cells"]["console-users-federated"]["unknown"] == 0;
    assert_eq!(control["verdict"] == "attested", checked, "{control}");
    assert_eq!(framework["summary"]["attested"], u64::from(checked));
    assert_eq!(report["exemptions"]["attestations"][0]["state"], "in_force");
    std::fs::write(&path, one("2026-02-01")).unwrap();
    served.run(&flags).ends(3).shows(&["Attestations", "expired", "cis-5.0 1.20"]).says(&["1 attestation expired"]);
}

#[test]
fn a_file_that_is_wrong_is_refused_before_anything_is_asked() {
    let home = tempfile::tempdir().unwrap();
    let write = |text: &str| std::fs::write(home.path().join("e.yaml"), text).unwrap();
    let asked = |args: &[&str]| run(orgward(home.path()).args(args));
    write(&file("{account: [1]}", "2026-13-01").replace("'root-*', 'org-*'", "root-mfaa"));
    let lines =
        ["e.yaml:4:", "did you mean `root-mfa`?", "e.yaml:5:", "did you mean `accounts`?", "no day of the calendar"];
    asked(&["audit", "--exemptions", "e.yaml"]).ends(2).says(&lines);
    asked(&["exemptions", "e.yaml"]).ends(2).says(&lines);
    asked(&["exemptions", "none.yaml"]).ends(2).says(&["`none.yaml` can't be read"]);
    write("version: 9\n");
    asked(&["exemptions", "e.yaml"]).ends(2).says(&["is of version 9"]);
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/config/exemptions.example.yaml");
    let listed = asked(&["exemptions", example, "--as-of", "2027-01-01"]).ends(0);
    let listed = listed.says(&["4 exemptions and 1 attestation"]).shows(&["expired", "expires soon", "SEC-1042"]);
    let order: Vec<usize> = ["build-users-keys", "mailbox-pattern", "cis-5.0 1.1", "sandbox-trails"]
        .map(|id| listed.out.find(id).unwrap())
        .into();
    assert!(order.is_sorted(), "by the day on which they expire: {}", listed.out);
}
