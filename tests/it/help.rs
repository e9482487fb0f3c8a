//! What `--help` of every command says, as it is read. After a wanted change: `INSTA_UPDATE=always cargo test --test it help`.

use crate::harness::{orgward, run};
use std::collections::BTreeSet;

/// The commands below the one at `path`, as its help lists them.
fn below(path: &[String]) -> Vec<String> {
    let text = help(path);
    let listed = text.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let names = listed.filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    names.filter(|name| !name.is_empty() && *name != "help").map(str::to_owned).collect()
}

fn help(path: &[String]) -> String {
    let home = tempfile::tempdir().unwrap();
    run(orgward(home.path()).args(path).arg("--help")).ends(0).out
}

/// Every command, each after the one it belongs to.
fn commands() -> Vec<Vec<String>> {
    let mut found = vec![vec![]];
    let mut next = 0;
    while let Some(path) = found.get(next).cloned() {
        found.extend(below(&path).into_iter().map(|name| [&path[..], &[name]].concat()));
        next += 1;
    }
    found
}

#[test]
fn the_help_of_every_command_is_as_it_was_read() {
    let commands = commands();
    assert!(commands.len() > 8, "{commands:?}");
    let mut names = BTreeSet::new();
    for path in &commands {
        let name = [&["orgward".to_owned()], &path[..]].concat().join(" ");
        insta::assert_snapshot!(name.replace(' ', "_"), help(path), &name);
        names.insert(format!("it__help__{}.snap", name.replace(' ', "_")));
    }
    let kept = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/snapshots")).unwrap();
    for file in kept {
        let file = file.unwrap().file_name().into_string().unwrap();
        assert!(names.contains(&file) || file.ends_with(".new"), "{file} is the help of no command");
    }
}

#[test]
fn every_command_says_what_it_does_and_every_flag_what_it_means() {
    for path in commands() {
        let text = help(&path);
        assert!(text.lines().next().is_some_and(|line| line.len() > 10), "{path:?}:\n{text}");
        // A flag without words stands alone on its line, with nothing below it.
        let lines: Vec<&str> = text.lines().collect();
        for pair in lines.windows(2) {
            let flag = pair[0].trim_start().starts_with('-') && !pair[0].trim_start().contains("  ");
            let words = pair[1].starts_with("          ");
            assert!(!flag || words, "{path:?}: `{}` does not say what it means", pair[0].trim());
        }
    }
}

#[test]
fn the_version_is_the_package_s() {
    let home = tempfile::tempdir().unwrap();
    let version = run(orgward(home.path()).arg("--version")).ends(0);
    assert_eq!(version.out.trim(), concat!("orgward ", env!("CARGO_PKG_VERSION")));
}
