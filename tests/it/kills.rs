//! Real ends: the binary killed in the middle of an apply against a sandbox that lives on; then resume, or rollback.

use crate::harness::{Served, run};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

/// An SCP made and attached, password policies, and the chain of an alarm.
const BASELINE: [&str; 7] = [
    "deny-leave-organization",
    "cis-password-policy",
    "root-usage-alarm",
    "--set",
    "targets=/Security",
    "--set",
    "endpoint=security@example.com",
];

/// A sandbox whose writes are slow enough to be met in flight.
fn served() -> Served {
    let mut args = vec!["--accounts".to_owned(), "5".to_owned(), "--seed".to_owned(), "3".to_owned()];
    for call in ["organizations:CreatePolicy", "organizations:AttachPolicy", "sns:CreateTopic", "logs:PutMetricFilter"]
    {
        args.extend(["--fault".to_owned(), format!("{call}=latency:150")]);
    }
    Served::start(&args.iter().map(String::as_str).collect::<Vec<_>>())
}

/// The changes that are left, with every `before` as it is now.
#[track_caller]
fn changes(served: &Served) -> Value {
    served.run(&[&["plan", "--format", "json"], &BASELINE[..]].concat()).ends(0).json()["changes"].clone()
}

/// The runs there are, oldest first.
#[track_caller]
fn runs(served: &Served) -> Vec<Value> {
    served.run(&["runs", "list", "--format", "json"]).ends(0).json()["runs"].as_array().unwrap().clone()
}

/// The newest journal.
fn journal(home: &Path) -> Option<PathBuf> {
    let runs = std::fs::read_dir(home.join(".local/state/orgward/runs")).ok()?;
    let newest = runs.filter_map(|run| Some(run.ok()?.path())).max()?;
    Some(newest.join("journal.jsonl"))
}

/// Applies the baseline with one change at a time and kills it once its journal holds so many records of this name.
#[track_caller]
fn kill_at(served: &Served, record: &str, count: usize) -> String {
    let known = runs(served).len();
    let mut command = served.command(&[&["apply", "--yes", "--max-concurrency", "1"], &BASELINE[..]].concat());
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let began = Instant::now();
    let wanted = format!("\"record\":\"{record}\"");
    loop {
        let of_this_run = std::fs::read_dir(served.home().join(".local/state/orgward/runs"))
            .map(|runs| runs.count() > known)
            .unwrap_or_default();
        // Read after that: else it may be the journal of the run before.
        let text = journal(served.home()).and_then(|path| std::fs::read_to_string(path).ok()).unwrap_or_default();
        if of_this_run && text.matches(&wanted).count() >= count {
            break;
        }
        assert!(child.try_wait().unwrap().is_none(), "it ended before its {count}th {record}:\n{text}");
        assert!(began.elapsed() < Duration::from_secs(60), "no {count}th {record}:\n{text}");
        std::thread::sleep(Duration::from_millis(2));
    }
    // SIGKILL: nothing is said, nothing is closed.
    child.kill().unwrap();
    child.wait().unwrap();
    let all = runs(served);
    assert_eq!(all.len(), known + 1);
    assert_eq!(all.last().unwrap()["status"], "running", "a killed run can't say so");
    all.last().unwrap()["run"].as_str().unwrap().to_owned()
}

/// What a rollback of the baseline has to have confirmed.
fn confirmations(served: &Served) -> Vec<String> {
    let plan = served.run(&[&["plan", "--format", "json"], &BASELINE[..]].concat()).ends(0).json();
    let targets = plan["changes"].as_array().unwrap().iter().filter_map(|change| change["address"]["target"].as_str());
    let ids = targets.chain(plan["management_account"].as_str());
    ids.flat_map(|id| ["--confirm".to_owned(), id.to_owned()]).collect()
}

#[track_caller]
fn rolled_back(served: &Served, id: &str, confirmed: &[String]) -> crate::harness::Run {
    let mut command = served.command(&["rollback", id, "--yes"]);
    run(command.args(confirmed)).ends(0)
}

#[test]
fn a_killed_apply_is_resumed_or_rolled_back() {
    let served = served();
    let before = changes(&served);
    let confirmed = confirmations(&served);
    let count = before.as_array().unwrap().len();
    for (record, nth) in [("begin", 1), ("intent", 1), ("outcome", 2), ("verified", 3), ("intent", 6)] {
        let id = kill_at(&served, record, nth);
        served.run(&["runs", "show", &id]).ends(0).shows(&[&format!("orgward resume {id}"), "sha256:", "changes done"]);
        served
            .run(&["resume", &id, "--yes"])
            .ends(0)
            .shows(&[&format!("of {count} changes done"), &format!("Apply: {count} done")])
            .says(&["ended without finishing"]);
        assert_eq!(changes(&served), Value::Array(vec![]), "{record} {nth}");
        served.run(&["resume", &id, "--yes"]).ends(0).shows(&["is finished: nothing is left to do"]);
        rolled_back(&served, &id, &confirmed);
        assert_eq!(changes(&served), before, "{record} {nth}");
    }
    for (record, nth) in [("begin", 1), ("intent", 2), ("outcome", 1), ("verified", 2)] {
        let id = kill_at(&served, record, nth);
        rolled_back(&served, &id, &confirmed);
        assert_eq!(changes(&served), before, "{record} {nth}");
    }
}

#[test]
fn a_torn_line_is_told_and_cut_off() {
    let served = served();
    let before = changes(&served);
    let id = kill_at(&served, "intent", 3);
    let path = journal(served.home()).unwrap();
    let mut text = std::fs::read_to_string(&path).unwrap();
    text.push_str("{\"version\":1,\"sequence\":99,\"at\":\"2026-0");
    std::fs::write(&path, &text).unwrap();
    served.run(&["runs", "show", &id]).ends(0).shows(&["is torn", "nothing was done under it"]);
    let shown = served.run(&["runs", "show", &id, "--format", "json"]).ends(0).json();
    assert!(shown["journal"]["torn"]["bytes"].as_u64().unwrap() > 10, "{shown}");
    served.run(&["resume", &id, "--yes"]).ends(0).says(&["is torn"]);
    assert_eq!(changes(&served), Value::Array(vec![]));
    let shown = served.run(&["runs", "show", &id, "--format", "json"]).ends(0).json();
    assert_eq!(shown["journal"]["torn"], Value::Null);
    assert_eq!(shown["run"]["status"], "done");
    assert!(shown["changes"].as_array().unwrap().iter().all(|change| change["stage"] == "done"), "{shown}");
    assert_eq!(shown["changes"].as_array().unwrap().len(), before.as_array().unwrap().len());

    // The way back: previewed, saved, refused without its confirmations, done once.
    let preview = served.run(&["rollback", &id, "--dry-run"]).ends(0);
    preview.shows(&[
        "- delete policy SERVICE_CONTROL_POLICY \"orgward-deny-leave-organization\"",
        "- delete attachment of",
        "note: the subscription of email security@example.com",
        "note: passwords that expired",
    ]);
    let file = served.home().join("back.json").to_str().unwrap().to_owned();
    served.run(&["rollback", &id, "--out", &file]).ends(0).says(&["orgward apply"]);
    assert_eq!(changes(&served), Value::Array(vec![]), "nothing is undone yet");
    served.run(&["rollback", &id, "--yes"]).ends(2).says(&["--yes does not cover it: pass --confirm"]);
    let targets = before.as_array().unwrap().iter().filter_map(|change| change["address"]["target"].as_str());
    let plan: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    let ids = targets.chain(plan["management_account"].as_str());
    let confirmed: Vec<String> = ids.flat_map(|id| ["--confirm".to_owned(), id.to_owned()]).collect();
    rolled_back(&served, &id, &confirmed).shows(&["Rollback: "]);
    assert_eq!(changes(&served), before);
    served.run(&["rollback", &id, "--yes"]).ends(0).shows(&["was rolled back by run"]);
    served.run(&["resume", &id, "--yes"]).ends(6).says(&["was rolled back by run"]);
    let all = runs(&served);
    let undo = all.last().unwrap();
    assert_eq!((&undo["command"], &undo["undoes"]), (&Value::from("rollback"), &Value::from(id.as_str())));
    let undo = undo["run"].as_str().unwrap();
    served.run(&["rollback", undo, "--yes"]).ends(2).says(&["is itself the rollback of"]);
    served.run(&["runs", "list"]).ends(0).shows(&[
        "rolled back",
        &format!("undone by {undo}"),
        &format!("undoes {id}"),
    ]);
}

/// Puts a run's manifest back to what it was before the run's last word: it was at work.
fn at_work_again(served: &Served, id: &str, word: &str) {
    let path = served.home().join(".local/state/orgward/runs").join(id).join("manifest.json");
    let text = std::fs::read_to_string(&path).unwrap();
    let mut manifest: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(manifest["status"], word);
    (manifest["status"], manifest["ended"]) = ("running".into(), Value::Null);
    std::fs::write(&path, manifest.to_string()).unwrap();
}

#[test]
fn a_run_killed_between_its_journal_s_end_and_its_own_is_closed_by_resume() {
    let served = Served::start(&["--accounts", "5", "--seed", "3"]);
    served.run(&["apply", "--yes", "cis-password-policy"]).ends(0);
    let id = runs(&served).last().unwrap()["run"].as_str().unwrap().to_owned();
    let lines = || std::fs::read_to_string(journal(served.home()).unwrap()).unwrap();
    let before = lines();
    at_work_again(&served, &id, "done");
    // Nothing is left to ask about.
    let resumed = served.run(&["resume", &id]).ends(0);
    assert!(!resumed.out.contains("bug"), "{}", resumed.out);
    assert_eq!((runs(&served).last().unwrap()["status"].as_str(), lines()), (Some("done"), before));

    served.run(&["rollback", &id, "--yes"]).ends(0);
    let undo = runs(&served).last().unwrap()["run"].as_str().unwrap().to_owned();
    at_work_again(&served, &undo, "done");
    at_work_again(&served, &id, "rolled_back");
    served.run(&["resume", &undo]).ends(0);
    served.run(&["rollback", &id, "--yes"]).ends(0).shows(&[&format!("was rolled back by run {undo}")]);
}

#[test]
fn what_can_t_be_gone_on_with_is_said() {
    let served = Served::start(&["--accounts", "5", "--seed", "3"]);
    served.run(&["runs", "list"]).ends(0).shows(&["No runs yet"]);
    served.run(&["resume", "nonsense"]).ends(2).says(&["there is no run `nonsense`", "orgward runs list"]);
    let missing = "20200101T000000Z-0000";
    for command in ["resume", "rollback"] {
        served.run(&[command, missing, "--yes"]).ends(2).says(&["there is no run"]);
    }
    served.run(&["runs", "show", missing]).ends(2).says(&["there is no run"]);
    let applied = served.run(&["apply", "--yes", "cis-password-policy"]).ends(0);
    assert!(!applied.err.contains("orgward resume"), "{}", applied.err);
    let id = runs(&served).last().unwrap()["run"].as_str().unwrap().to_owned();
    // Another organization, an edited plan, a damaged journal.
    let other = Served::start(&["--accounts", "6", "--seed", "9"]);
    let state = served.home().join(".local/state/orgward");
    let theirs = ["rollback", &id, "--yes", "--state-dir", state.to_str().unwrap()];
    other.run(&theirs).ends(6).says(&["the credentials are of `o-"]);
    let plan = state.join("runs").join(&id).join("plan.json");
    let text = std::fs::read_to_string(&plan).unwrap();
    std::fs::write(&plan, text.replace("\"minimum_password_length\": 14", "\"minimum_password_length\": 6")).unwrap();
    served.run(&["rollback", &id, "--yes"]).ends(6).says(&["edited after it was written"]);
    served.run(&["runs", "show", &id]).ends(0).shows(&["edited after it was written"]);
    std::fs::write(&plan, text).unwrap();
    let path = journal(served.home()).unwrap();
    let lines = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, lines.replacen("\"change\":0", "\"change\":1", 1)).unwrap();
    served.run(&["rollback", &id, "--yes"]).ends(1).says(&["journal.jsonl` is damaged", "checksum"]);
}
