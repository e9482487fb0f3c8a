//! What `--help` of every command says, as it is read. After a wanted change: `INSTA_UPDATE=always cargo test --test it help`.

use crate::harness::{orgward, run};
use std::collections::BTreeSet;

/// The commands below the one at `path`, as its help lists them: ahead of options and examples, by groups or not.
fn below(path: &[String]) -> Vec<String> {
    let text = help(path);
    let listed = text.lines().skip_while(|line| !line.starts_with("Usage:"));
    let listed = listed.take_while(|line| !["Options:", "Examples:"].contains(line));
    let names = listed.filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    let words = names.filter(|name| name.starts_with(|c: char| c.is_ascii_lowercase()) && *name != "help");
    words.map(str::to_owned).collect()
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

/// The command lines that a help shows as examples.
fn examples(text: &str) -> Vec<&str> {
    let lines = text.lines().skip_while(|line| *line != "Examples:");
    lines.filter_map(|line| line.strip_prefix("  orgward ")).collect()
}

#[test]
fn every_example_is_a_command_line_that_orgward_understands() {
    let mut count = 0;
    for path in commands() {
        let text = help(&path);
        let shown = examples(&text);
        assert!((1..=3).contains(&shown.len()), "{path:?}:\n{text}");
        for line in shown {
            let words = ["orgward".to_owned()].into_iter().chain(crate::docs::words(line));
            orgward::cli::understands(words).unwrap_or_else(|error| panic!("`{line}`: {error}"));
            assert!(path.is_empty() || line.starts_with(&path.join(" ")), "`{line}` is no example of {path:?}");
            count += 1;
        }
    }
    assert!(count > 40, "{count}");
}

/// Examples that ask nothing of AWS and need no file do what they say.
#[test]
fn examples_that_need_nothing_run() {
    let home = tempfile::tempdir().unwrap();
    let mut count = 0;
    for path in commands().iter().filter(|path| {
        let name = path.first().map_or("", String::as_str);
        [
            "checks",
            "explain",
            "permissions",
            "playbooks",
            "config",
            "schema",
            "reference",
            "completions",
            "init",
            "bootstrap",
        ]
        .contains(&name)
    }) {
        for line in examples(&help(path)) {
            if line.contains("our-checks") || line.contains("other.yaml") || line == "init" {
                continue;
            }
            // Several examples write to the same place.
            let folder = tempfile::tempdir_in(home.path()).unwrap();
            run(orgward(home.path()).args(crate::docs::words(line)).current_dir(folder.path())).ends(0);
            count += 1;
        }
    }
    assert!(count > 15, "{count}");
}

#[test]
fn commands_are_in_groups_and_each_is_listed_once() {
    let home = tempfile::tempdir().unwrap();
    for flag in ["--help", "-h"] {
        let text = run(orgward(home.path()).arg(flag)).ends(0).out;
        for heading in ["Look:", "Change:", "Keep:", "Set up:", "Learn:", "Options:", "Examples:", "Exit codes:"] {
            assert_eq!(text.lines().filter(|line| *line == heading).count(), 1, "{heading}\n{text}");
        }
        for name in below(&[]) {
            let lines = text
                .lines()
                .filter(|line| line.strip_prefix("  ").is_some_and(|line| line.starts_with(&format!("{name} "))));
            assert_eq!(lines.count(), 1, "{name}\n{text}");
        }
        assert!(!text.contains('\u{1b}'), "{text}");
    }
}

#[test]
fn help_fits_into_80_columns() {
    let home = tempfile::tempdir().unwrap();
    for path in commands() {
        for flag in ["--help", "-h"] {
            let text = run(orgward(home.path()).args(&path).arg(flag).env("COLUMNS", "80")).ends(0).out;
            let wide: Vec<&str> = text.lines().filter(|line| line.chars().count() > 80).collect();
            assert!(wide.is_empty(), "{path:?} {flag}: {wide:#?}");
        }
    }
}

#[test]
fn the_version_is_the_package_s() {
    let home = tempfile::tempdir().unwrap();
    let version = run(orgward(home.path()).arg("--version")).ends(0);
    assert_eq!(version.out.trim(), concat!("orgward ", env!("CARGO_PKG_VERSION")));
}
