//! Files that a run writes in the place of those of the run before: replaced whole or not at all, and never something else by
//! mistake.

use crate::harness::{Run, SHARED, run};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

fn in_home(home: &Path, arguments: &[&str]) -> Command {
    let mut command = SHARED.command(arguments);
    command.env("HOME", home).current_dir(home);
    command
}

/// The same where no file may grow beyond 2 KiB, which a write is told as by a full disk.
#[track_caller]
fn without_room(home: &Path, arguments: &[&str]) -> Run {
    let command = in_home(home, arguments);
    let mut limited = Command::new("sh");
    limited.args(["-c", "trap '' XFSZ; ulimit -f 4; exec \"$@\"", "sh"]);
    limited.arg(command.get_program()).args(command.get_args()).current_dir(home).env_clear();
    limited.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    run(&mut limited)
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = entries.filter(|name| name != ".local").collect();
    names.sort();
    names
}

#[test]
fn a_report_is_replaced_when_the_new_one_is_whole_and_not_before() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let audit = ["audit", "--checks", "root-mfa,role-unused", "--regions", "eu-central-1", "--fail-on", "none"];
    let told = ["--allow-partial", "--output", "report.txt", "--also", "json=report.json"];
    let again = || run(&mut in_home(home, &[&audit[..], &told].concat())).ends(0);
    again();
    let open = fs::Permissions::from_mode(0o644);
    fs::set_permissions(home.join("report.json"), open).unwrap();
    fs::write(home.join("report.txt"), "of yesterday").unwrap();
    again();
    let report = fs::read(home.join("report.json")).unwrap();
    assert!(fs::read_to_string(home.join("report.txt")).unwrap().contains("root-mfa"), "replaced without a question");
    assert_eq!(fs::metadata(home.join("report.json")).unwrap().permissions().mode() & 0o777, 0o600);

    // What can't be written whole leaves what is there.
    for form in ["html", "json", "csv", "sarif"] {
        let failed = without_room(home, &["report", "last", "--format", form, "--output", "report.json"]).ends(1);
        failed.says(&["can't write `", "report.json`: file too large"]);
        assert_eq!(fs::read(home.join("report.json")).unwrap(), report, "{form}");
    }
    without_room(home, &["evidence", "last", "--out", "report.json"]).ends(1).says(&["report.json"]);
    assert_eq!(fs::read(home.join("report.json")).unwrap(), report);
    assert_eq!(names(home), ["report.json", "report.txt"], "and nothing of it stays");
}

#[test]
fn links_stay_directories_are_refused_and_an_input_is_no_output() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let audit = ["audit", "--checks", "root-mfa", "--fail-on", "none", "--allow-partial"];
    run(&mut in_home(home, &audit)).ends(0);
    let report =
        |to: &str| run(&mut in_home(home, &["report", "last", "--fail-on", "none", "--allow-partial", "--output", to]));
    let is_report = |path: &str| fs::read_to_string(home.join(path)).unwrap().contains("root-mfa");

    fs::create_dir(home.join("folder")).unwrap();
    symlink("folder", home.join("to-folder")).unwrap();
    for folder in ["folder", "to-folder", "."] {
        report(folder).ends(1).says(&["name a file in it"]);
    }
    fs::write(home.join("folder/latest.txt"), "of yesterday").unwrap();
    symlink("folder/latest.txt", home.join("link")).unwrap();
    report("link").ends(0);
    assert!(fs::symlink_metadata(home.join("link")).unwrap().is_symlink() && is_report("folder/latest.txt"));
    symlink("/no/such/place", home.join("lost")).unwrap();
    report("lost").ends(0);
    assert!(!fs::symlink_metadata(home.join("lost")).unwrap().is_symlink() && is_report("lost"));
    report("/dev/null").ends(0);
    assert!(report("/dev/stdout").ends(0).out.contains("root-mfa"));

    fs::write(home.join("key"), "a secret key").unwrap();
    let bundle = run(&mut in_home(home, &["evidence", "last", "--sign", "key", "--out", "./key"])).ends(2);
    bundle.says(&["is the key of --sign, which the bundle would replace"]);
    assert_eq!(fs::read(home.join("key")).unwrap(), b"a secret key");
    // One account does not tell its policy, which the exit code says.
    run(&mut in_home(home, &["plan", "cis-password-policy", "--out", "plan.json"])).ends(4);
    let shown = ["report", "last", "--format", "html", "--with-plan", "plan.json", "--output", "./plan.json"];
    run(&mut in_home(home, &shown)).ends(2).says(&["is the plan of --with-plan"]);
    run(&mut in_home(home, &["init", "--yes", "--out", "key"])).ends(2).says(&["is there already"]);
}
