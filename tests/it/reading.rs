//! What `docs/reading.md` claims, with the real binary: read without colour, in a pipe, in CI, or by a screen reader, the text says
//! all of it. How it looks on a terminal is tried by `tests/terminal/run.sh`.

use crate::harness::{Run, SHARED, Served, run};

/// What people read, each with the exit code that it ends with in an organization with findings.
const COMMANDS: [(&str, i32); 20] = [
    ("audit --allow-partial", 3),
    ("report last --allow-partial --verbose", 3),
    ("report last --allow-partial --framework cis-5.0", 3),
    ("plan cis-password-policy --allow-partial", 0),
    ("plan deny-leave-organization --set targets=/Workloads", 0),
    ("org", 0),
    ("runs list", 0),
    ("runs show last", 0),
    ("runs prune --keep 1", 0),
    ("checks list", 0),
    ("checks view", 0),
    ("checks explain root-mfa", 0),
    ("explain", 0),
    ("explain access_denied", 0),
    ("config show", 0),
    ("playbooks", 0),
    ("reference", 0),
    ("schema", 0),
    ("audit --help", 0),
    ("--help", 0),
];

/// What drawings are made of, and escapes.
fn is_drawn(c: char) -> bool {
    matches!(c, '\u{1b}' | '\r' | '\u{2190}'..='\u{21ff}' | '\u{2500}'..='\u{27bf}')
}

/// Whether a line has a mark four times in a row, which is read out four times.
fn is_rule(line: &str) -> bool {
    let chars: Vec<char> = line.chars().collect();
    chars.windows(4).any(|four| "-=_*#~+.|".contains(four[0]) && four.iter().all(|c| *c == four[0]))
}

#[track_caller]
fn reads_well(command: &str, told: &Run) {
    for (stream, text) in [("stdout", &told.out), ("stderr", &told.err)] {
        for line in text.lines() {
            assert!(!line.contains(is_drawn), "{command}: {stream}: {line:?}");
            assert!(!is_rule(line), "{command}: {stream}: {line:?}");
            let word = line.split_whitespace().next().unwrap_or("x");
            let says = word.contains(|c: char| c.is_alphanumeric()) || line.contains(char::is_alphanumeric);
            assert!(says || is_json(line), "a mark by itself: {command}: {stream}: {line:?}");
        }
    }
}

/// Brackets of a document that is shown.
fn is_json(line: &str) -> bool {
    line.chars().all(|c| " +-{}[],".contains(c))
}

/// Without the escapes of colour.
fn bare(text: &str) -> String {
    let mut parts = text.split("\u{1b}[");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |out, part| out + part.split_once('m').map_or(part, |(_, rest)| rest))
}

#[test]
fn the_text_says_all_of_it_and_nothing_is_drawn() {
    let served = Served::start(&["--accounts", "24", "--seed", "1"]);
    for (command, code) in COMMANDS {
        let words: Vec<&str> = command.split(' ').collect();
        for (name, value) in [("NO_COLOR", "1"), ("TERM", "dumb"), ("CI", "true")] {
            reads_well(command, &run(served.command(&words).env(name, value)).ends(code));
            if command.starts_with("audit --allow") || command.starts_with("plan") {
                // Once is enough: each would keep a run, or makes a plan of its own moment.
                break;
            }
        }
    }
}

#[test]
fn colour_repeats_what_words_say() {
    let served = Served::start(&["--accounts", "5", "--seed", "3"]);
    served.run(&["audit", "--checks", "root-*,user-mfa,org-*"]);
    for command in ["report last", "runs show last", "checks explain root-mfa", "explain", "org"] {
        let words: Vec<&str> = command.split(' ').collect();
        let [plain, painted] =
            ["never", "always"].map(|color| served.run(&[&words[..], &["--color", color]].concat()).out);
        assert!(painted.contains("\u{1b}["), "{command} has colours where they are asked for");
        assert_eq!(bare(&painted), plain, "{command}");
    }
}

#[test]
fn every_table_has_a_header_and_words_for_verdicts() {
    let audit = SHARED.run(&["audit", "--checks", "root-*,org-*"]).ends(3);
    let mut lines = audit.out.lines();
    assert!(lines.next().is_some_and(|head| head.starts_with("VERDICT  SEVERITY  CHECK")), "{}", audit.out);
    for line in lines.take_while(|line| !line.is_empty()) {
        let words: Vec<&str> = line.split_whitespace().collect();
        assert!(["fail", "unknown", "pass", "exempt", "n/a"].contains(&words[0]), "{line}");
        assert!(words[3..7].iter().all(|figure| figure.parse::<usize>().is_ok()), "every figure is one: {line}");
    }
    for (command, head) in [
        ("runs list", "RUN "),
        ("checks list", "CHECK "),
        ("checks view", "FIELD "),
        ("explain", "CODE "),
        ("playbooks", "PLAYBOOK "),
        ("reference", "PAGE "),
        ("schema", "SCHEMA "),
    ] {
        let words: Vec<&str> = command.split(' ').collect();
        let told = SHARED.run(&words).ends(0);
        assert!(told.out.starts_with(head), "{command}:\n{}", told.out);
    }
}

#[test]
fn progress_can_be_asked_for_in_lines_and_a_wrong_word_is_named() {
    let audit = ["audit", "--checks", "root-mfa"];
    let lines = SHARED.run(&[&audit[..], &["--progress", "lines"]].concat());
    assert!(lines.err.lines().any(|line| line.starts_with("accounts: ")), "{}", lines.err);
    let by_variable = run(SHARED.command(&audit).env("ORGWARD_PROGRESS", "lines"));
    assert!(by_variable.err.lines().any(|line| line.starts_with("accounts: ")), "{}", by_variable.err);
    run(SHARED.command(&audit).env("ORGWARD_PROGRESS", "line")).ends(2).says(&["ORGWARD_PROGRESS", "lines"]);
    SHARED.run(&["config", "show", "--progress", "lines"]).ends(0);
}
