//! What is written in two places says the same in both: README, CHANGELOG and examples against the program.

use crate::harness::{orgward, run};
use orgward::playbook;
use std::fs;

fn repository(path: &str) -> String {
    fs::read_to_string(format!("{}/{path}", env!("CARGO_MANIFEST_DIR")))
        .unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn says(args: &[&str]) -> String {
    let home = tempfile::tempdir().unwrap();
    run(orgward(home.path()).args(args)).ends(0).out
}

/// The lines of README's section `title`.
fn section(title: &str) -> String {
    let readme = repository("README.md");
    let rest = readme.split_once(&format!("\n## {title}\n")).unwrap_or_else(|| panic!("README has no {title}")).1;
    rest.split("\n## ").next().unwrap_or_default().to_owned()
}

#[test]
fn the_exit_codes_of_readme_are_those_of_the_help() {
    let rows = section("Exit codes");
    let rows = rows.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |")?.split_once(" | "));
    let readme: Vec<(String, String)> = rows
        .filter(|(code, _)| code.parse::<u8>().is_ok())
        .map(|(code, meaning)| (code.to_owned(), meaning.replace('`', "")))
        .collect();
    let help = says(&["--help"]);
    let list = help.lines().skip_while(|line| !line.starts_with("Exit codes:")).skip(1);
    let mut read: Vec<(String, String)> = Vec::new();
    for line in list {
        // A meaning that is longer than a line goes on below itself.
        match (line.strip_prefix("       "), read.last_mut()) {
            (Some(rest), Some((_, meaning))) => *meaning = format!("{meaning} {rest}"),
            _ => read.extend(line.trim().split_once(' ').map(|(code, text)| (code.to_owned(), text.trim().to_owned()))),
        }
    }
    let list = read;
    assert!(readme.len() > 7, "{readme:?}");
    assert_eq!(readme, list);
}

#[test]
fn the_checks_of_readme_are_the_catalogue() {
    let readme = repository("README.md");
    let (_, table) = readme.split_once("<!-- checks -->\n").expect("README marks its table of checks");
    let (table, _) = table.split_once("<!-- /checks -->").expect("README ends its table of checks");
    assert_eq!(table.trim(), says(&["checks", "list", "--format", "markdown"]).trim());
}

#[test]
fn readme_names_every_playbook_and_every_command() {
    let readme = repository("README.md");
    for shipped in playbook::shipped() {
        assert!(readme.contains(shipped.name), "README does not name the playbook {}", shipped.name);
    }
    let help = says(&["--help"]);
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    // The words of a long description start further in.
    let names = listed.filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    for command in names.filter(|name| !name.is_empty() && *name != "help") {
        let (usual, cargo) = (format!("orgward {command}"), format!("cargo run -- {command}"));
        assert!(readme.contains(&usual) || readme.contains(&cargo), "README does not show `{usual}`");
    }
}

/// Every block of YAML in README that is a playbook loads, whatever else it needs being there.
#[test]
fn the_playbooks_of_readme_load() {
    let readme = repository("README.md");
    let blocks = readme.split("```yaml\n").skip(1).filter_map(|rest| Some(rest.split_once("```")?.0));
    let deny = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"organizations:LeaveOrganization","Resource":"*"}]}"#;
    let mut loaded = 0;
    for text in blocks.filter(|text| text.contains("steps:")) {
        let home = tempfile::tempdir().unwrap();
        fs::write(home.path().join("deny-leave.json"), deny).unwrap();
        let path = home.path().join("readme.yaml");
        fs::write(&path, text).unwrap();
        if let Err(errors) = playbook::load(&path, &playbook::Values::new()) {
            panic!("README:\n{text}\n{errors}");
        }
        loaded += 1;
    }
    assert!(loaded > 0);
}

#[test]
fn the_example_config_loads_and_no_secret_of_it_is_shown() {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("orgward.yaml"), repository("config/orgward.example.yaml")).unwrap();
    for name in ["audit-external-id.txt", "apply-external-id.txt", "other-external-id.txt"] {
        fs::write(home.path().join(name), "our-secret-word\n").unwrap();
    }
    fs::write(home.path().join("our-quotas.yaml"), repository("config/quotas.yaml")).unwrap();
    fs::write(home.path().join("our-policy-quotas.yaml"), "version: 1\nscp: { per_target: 12 }\n").unwrap();
    let shown = run(orgward(home.path()).arg("config")).ends(0).shows(&[
        "# config file: orgward.yaml",
        "from: config file",
        "eu-central-1",
        "not shown",
    ]);
    assert!(!shown.out.contains("our-secret-word"), "{}", shown.out);
}

#[test]
fn the_changelog_has_a_place_for_what_comes_and_one_for_this_version() {
    let changelog = repository("CHANGELOG.md");
    assert!(changelog.contains("\n## Unreleased\n") || changelog.contains("\n## [Unreleased]"), "{changelog}");
}
