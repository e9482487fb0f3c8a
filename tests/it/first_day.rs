//! The first day: a config file by flags, where each setting came from, what a code means, completions and man pages.

use crate::harness::{orgward, run};
use std::fs;

#[test]
fn a_config_file_is_written_once_and_told_with_its_origins() {
    let home = tempfile::tempdir().unwrap();
    let init = ["init", "--yes", "--profile", "management", "--region", "eu-central-1", "--break-glass-role", "Glass"];
    run(orgward(home.path()).args(init)).ends(0).says(&["orgward.yaml written"]);
    run(orgward(home.path()).args(init)).ends(2).says(&["`orgward.yaml` is there already", "--out"]);
    let mut show = orgward(home.path());
    show.args(["config", "show", "--session-name", "today"]).env("ORGWARD_ROLE_NAME", "FromHere");
    let text = run(&mut show).ends(0).out;
    let origin = |name: &str| {
        let rest = text.split_once(&format!("\n{name}:\n")).unwrap_or_else(|| panic!("{name}:\n{text}")).1;
        rest.lines().find_map(|line| line.trim().strip_prefix("from: ")).unwrap().to_owned()
    };
    assert_eq!(origin("role_name"), "environment");
    assert_eq!(origin("session_name"), "flag");
    assert_eq!(origin("profile"), "config file");
    assert_eq!(origin("share"), "default");
    let alone = run(orgward(home.path()).args(["config"])).ends(0).out;
    assert!(alone.starts_with("# config file: orgward.yaml\n") && alone.contains("from: config file"), "{alone}");
}

#[test]
fn what_makes_no_config_file_is_refused_before_it_is_written() {
    let home = tempfile::tempdir().unwrap();
    run(orgward(home.path()).args(["init", "--yes", "--out", "no/such/folder/orgward.yaml"]))
        .ends(1)
        .says(&["no/such/folder"]);
    // Nobody is there to ask: what no flag says is left to the defaults.
    run(orgward(home.path()).args(["init"])).ends(0).says(&["no break-glass role is named"]);
    assert!(fs::read_to_string(home.path().join("orgward.yaml")).unwrap().contains("# profile: management"));
}

#[test]
fn a_shipped_playbook_that_is_written_can_be_planned_as_it_is() {
    let home = tempfile::tempdir().unwrap();
    let values = ["--set", "targets=/", "--set", "endpoint=a@example.com"];
    let printed =
        run(orgward(home.path()).args(["playbooks", "baseline"])).ends(0).says(&["2 policy documents", "--out"]);
    fs::write(home.path().join("printed.yaml"), printed.out).unwrap();
    run(orgward(home.path()).args(["permissions", "--playbook", "printed.yaml"]).args(values))
        .ends(2)
        .says(&["policies/protect-cloudtrail.json", "orgward playbooks NAME --out DIR"]);
    run(orgward(home.path()).args(["playbooks", "baseline", "--out", "ours"]))
        .ends(0)
        .says(&["3 files", "ours/baseline.yaml"]);
    let permissions = |playbook: &str| {
        run(orgward(home.path()).args(["permissions", "--playbook", playbook]).args(values)).ends(0).out
    };
    assert_eq!(permissions("ours/baseline.yaml"), permissions("baseline"));
    run(orgward(home.path()).args(["playbooks", "baseline", "--out", "ours"]))
        .ends(1)
        .says(&["there is something in it"]);
    run(orgward(home.path()).args(["playbooks", "--out", "theirs"])).ends(2);
}

#[test]
fn codes_are_explained_and_a_wrong_one_is_told_with_the_nearest() {
    let home = tempfile::tempdir().unwrap();
    let says = |code: &str| run(orgward(home.path()).args(["explain", code]));
    says("4").ends(0).shows(&["exit code 4: incomplete", "What to do"]);
    says("lock-out").ends(0).shows(&["refusal lock_out", "--accept-lockout-risk"]);
    says("acces_denied").ends(2).says(&["did you mean `access_denied`?"]);
    let all = run(orgward(home.path()).arg("explain")).ends(0).out;
    assert!(all.lines().count() > 25 && all.lines().all(|line| line.len() <= 100), "{all}");
}

#[test]
fn shells_and_man_are_served() {
    let home = tempfile::tempdir().unwrap();
    for (shell, word) in [("bash", "complete -F"), ("zsh", "#compdef orgward"), ("fish", "complete -c orgward")] {
        let script = run(orgward(home.path()).args(["completions", shell])).ends(0).out;
        assert!(script.contains(word) && script.contains("bootstrap"), "{shell}");
    }
    run(orgward(home.path()).args(["man", "--out", "man"])).ends(0).says(&["man pages written"]);
    let page = |name: &str| fs::read_to_string(home.path().join("man").join(name)).unwrap();
    assert!(page("orgward.1").starts_with(".ie"), "{}", page("orgward.1"));
    assert!(
        page("orgward-runs-list.1").contains("ORGWARD\\-RUNS\\-LIST")
            || page("orgward-runs-list.1").contains("orgward")
    );
    run(orgward(home.path()).args(["man", "--out", "man"])).ends(1).says(&["name another"]);
}
