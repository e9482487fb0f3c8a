//! What a run keeps is told again as it was told, by the real binary, with nobody to ask.

use crate::harness::{Served, run};

/// An audit of a few facts, and the command that tells it again without the sandbox's address and credentials.
fn audited() -> (Served, String) {
    let served = Served::start(&[]);
    let first = served.run(&["audit", "--checks", "root-*,org-*", "--format", "json", "--allow-partial"]).ends(3);
    (served, first.out)
}

/// The command with no way to AWS.
fn alone(served: &Served, args: &[&str]) -> std::process::Command {
    let mut command = served.command(args);
    for name in ["AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] {
        command.env_remove(name);
    }
    command.env("AWS_EC2_METADATA_DISABLED", "true");
    command
}

#[test]
fn a_kept_audit_is_reported_again_byte_for_byte() {
    let (served, first) = audited();
    let again = run(&mut alone(&served, &["report", "last", "--format", "json", "--allow-partial"])).ends(3);
    assert_eq!(again.out, first);
    let shown = run(&mut alone(&served, &["runs", "show", "last"])).ends(0);
    assert!(shown.out.contains("of audit") && shown.out.contains("done"), "{}", shown.out);
    let table = run(&mut alone(&served, &["report", "last", "--fail-on", "none", "--allow-partial"])).ends(0);
    assert!(table.out.contains("root-mfa"), "{}", table.out);
}

#[test]
fn a_run_that_is_no_audit_or_not_there_or_damaged_has_no_report() {
    let (served, _) = audited();
    run(&mut alone(&served, &["report", "20260101T000000Z-0000"])).ends(2).says(&["there is no run", "runs list"]);
    run(&mut alone(&served, &["report", "../../etc"])).ends(2).says(&["runs list"]);
    let listed = run(&mut alone(&served, &["runs", "list", "--format", "json"])).ends(0).json();
    let id = listed["runs"][0]["run"].as_str().unwrap().to_owned();
    let shown = crate::harness::texts(served.home());
    let manifest = shown.iter().find(|(path, _)| path.ends_with("manifest.json")).unwrap().0.clone();
    let frames = manifest.with_file_name("findings.frames");
    let bytes = std::fs::read(&frames).unwrap();
    std::fs::write(&frames, &bytes[..bytes.len() - 7]).unwrap();
    run(&mut alone(&served, &["report", &id])).ends(1).says(&["findings.frames", "good"]);
    let newer = std::fs::read_to_string(&manifest).unwrap().replace("\"version\": 1", "\"version\": 9");
    std::fs::write(&manifest, newer).unwrap();
    run(&mut alone(&served, &["report", &id])).ends(1).says(&["manifest.json", "9"]);
}

#[test]
fn a_report_that_could_not_be_written_is_refused_before_anything_is_asked() {
    let served = Served::start(&[]);
    let refused = served.run(&["audit", "--checks", "root-mfa", "--output", "no/such/folder/report.json"]).ends(1);
    refused.says(&["no/such/folder"]);
    assert!(run(&mut alone(&served, &["runs", "list"])).ends(0).out.contains("No runs yet"));
}

#[test]
fn an_audit_of_what_is_not_there_leaves_no_run_behind() {
    let served = Served::start(&["--accounts", "5"]);
    served.run(&["audit", "--checks", "root-mfa", "--ou", "/Nowhere"]).ends(2).says(&["`/Nowhere`"]);
    served.run(&["audit", "--checks", "root-mfa", "--regions", "eu-cental-1"]).ends(2).says(&["`eu-cental-1`"]);
    assert!(served.run(&["runs", "list"]).ends(0).out.contains("No runs yet"));
    served.run(&["audit", "--resume", "last"]).ends(2);
}

/// Where the only run of somebody is, by its manifest, and its id.
fn only_run(served: &Served) -> (std::path::PathBuf, String) {
    let kept = crate::harness::texts(served.home());
    let manifest = kept.iter().find(|(path, _)| path.ends_with("manifest.json")).unwrap().0.clone();
    let id = manifest.parent().unwrap().file_name().unwrap().to_str().unwrap().to_owned();
    (manifest, id)
}

#[test]
fn an_audit_that_ended_without_a_word_does_not_look_as_if_it_were_at_work() {
    let (served, _) = audited();
    let (manifest, id) = only_run(&served);
    let killed = std::fs::read_to_string(&manifest).unwrap().replace("\"done\"", "\"running\"");
    std::fs::write(&manifest, killed).unwrap();
    run(&mut alone(&served, &["runs", "list"])).ends(0).shows(&["interrupted?"]);
    let shown = run(&mut alone(&served, &["runs", "show", &id])).ends(0);
    shown.shows(&[&format!("ended without a word: go on with `orgward audit --resume {id}`")]);
}

#[test]
fn facts_of_another_organization_are_not_reused() {
    let (served, _) = audited();
    let (manifest, id) = only_run(&served);
    let state = manifest.ancestors().nth(3).unwrap().to_str().unwrap().to_owned();
    let other = Served::start(&["--accounts", "5", "--seed", "3"]);
    let again = ["audit", "--checks", "root-mfa", "--since", &id, "--max-age", "12h", "--state-dir", &state];
    let organization = served.org()["management_account"].as_str().unwrap_or_default().to_owned();
    other.run(&again).ends(2).says(&["the organization `o-", "is managed by account", &organization]);
}
