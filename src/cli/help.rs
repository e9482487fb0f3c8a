//! What `--help` says beside commands and flags: the groups that commands are in, examples, exit codes.
//!
//! Owns: the groups and the examples. Must not: describe a command, which says itself what it is. Tests hold that each is in one
//! group and has examples, and put every example to the parser.

use super::Cli;
use clap::builder::StyledStr;
use clap::{Arg, Command, CommandFactory};
use std::fmt::Write as _;

/// Commands by what one wants to do. A name without a command is passed over: not every build has all of them.
const GROUPS: [(&str, &[&str]); 5] = [
    ("Look", &["org", "audit", "merge", "report", "diff"]),
    ("Change", &["playbooks", "plan", "apply", "resume", "rollback"]),
    ("Keep", &["runs", "exemptions", "evidence", "verify"]),
    ("Set up", &["init", "bootstrap", "permissions", "doctor", "config", "completions", "man"]),
    ("Learn", &["checks", "explain", "schema", "reference", "demo", "sandbox", "help"]),
];

/// The group of a command that is in none: a test keeps it empty.
const OTHERS: &str = "Other";

/// Commands that ask nothing of AWS and look up what is kept: of the flags of the connection they need [`OF_KEPT`] alone. They take
/// the others too, so that one set of flags does for a script.
const KEPT: [&str; 7] = ["merge", "report", "diff", "evidence", "runs list", "runs show", "runs prune"];

/// The flags of the connection that the help of [`KEPT`] shows: where the settings are, and where the runs.
const OF_KEPT: [&str; 2] = ["config", "state-dir"];

/// Exit codes, as `--help` shows them.
const EXIT_CODES: &str = "\
Exit codes:
  0    clean
  1    an error
  2    wrong use
  3    findings at or above --fail-on, or problems that doctor found
  4    incomplete: something could not be told (outranks 3; --allow-partial
       lowers it)
  5    the plan has changes (only with --detailed-exitcode)
  6    refused: a plan (stale, edited, lock-out, conflict, disagreement), or
       changed evidence
  7    apply failed and was rolled back
  8    apply failed, an operator is needed
  130  interrupted, or the credentials expired: an audit is gone on with by
       --resume";

/// What an example is for, and its line without the program's name.
type Example = (&'static str, &'static str);

/// The examples of each command, by its path; the program itself has an empty one.
const EXAMPLES: &[(&str, &[Example])] = &[
    (
        "",
        &[
            ("See all of it, with no AWS and no credentials", "demo"),
            ("Every check on every account", "audit"),
            ("What would change, exactly", "plan cis-password-policy"),
        ],
    ),
    (
        "org",
        &[
            ("The tree of the organization, with the SCPs attached to each", "org"),
            ("Keep it in a file, for audits in shards", "org --out org.jsonl"),
        ],
    ),
    (
        "audit",
        &[
            (
                "By the controls of a benchmark, failing on severe findings only",
                "audit --framework cis-5.0 --fail-on high",
            ),
            ("Some checks, on the accounts below an OU", "audit --checks 'root-*,user-mfa' --ou /Workloads"),
            (
                "A page for people and a file for code scanning from one run",
                "audit --also html=audit.html --also sarif=audit.sarif",
            ),
        ],
    ),
    ("merge", &[("Join the runs of three machines into one report", "merge shard-0/run shard-1/run shard-2/run")]),
    (
        "report",
        &[
            ("The last audit again, as a table", "report last"),
            ("As a page whose accounts are hidden", "report last --format html -o audit.html --redact-accounts"),
        ],
    ),
    (
        "diff",
        &[
            ("What the last audit found that the one before did not", "diff"),
            ("Since three audits ago, failing if anything severe is new", "diff last~3 last --fail-on high"),
        ],
    ),
    (
        "evidence",
        &[("Bundle and sign the last audit for an auditor", "evidence last --out evidence.tar.gz --sign audit.key")],
    ),
    ("verify", &[("Check a bundle against the key that signed it", "verify evidence.tar.gz --public-key audit.pub")]),
    (
        "plan",
        &[
            ("Preview a shipped playbook", "plan cis-password-policy"),
            (
                "Keep the plan for review; 5 says that it has changes",
                "plan ours.yaml --out plan.json --detailed-exitcode",
            ),
            ("Give a playbook what it asks for", "plan deny-leave-organization --set targets=/Workloads"),
        ],
    ),
    (
        "apply",
        &[
            ("Carry out a plan that was reviewed", "apply plan.json"),
            (
                "In a pipeline, with who approved it",
                "apply plan.json --yes --approver \"$GITHUB_ACTOR\" --ticket CHG-1234",
            ),
            ("Preview alone", "apply cis-password-policy --dry-run"),
        ],
    ),
    ("resume", &[("Go on with the run that stopped", "resume RUN")]),
    (
        "rollback",
        &[
            ("What undoing a run would do", "rollback RUN --dry-run"),
            ("Undo it without being asked", "rollback RUN --yes"),
        ],
    ),
    ("runs", &[("What was run", "runs list"), ("What the last run did, change by change", "runs show last")]),
    ("runs list", &[("As JSON, for a script", "runs list --format json")]),
    ("runs show", &[("The last run", "runs show last")]),
    (
        "runs prune",
        &[
            ("Which audits would be removed", "runs prune --keep 12"),
            ("Remove those that are older", "runs prune --older-than 365d --yes"),
        ],
    ),
    (
        "exemptions",
        &[
            ("Check a file and list what is over", "exemptions exemptions.yaml"),
            ("What will be over at the end of the quarter", "exemptions exemptions.yaml --as-of 2027-01-01"),
        ],
    ),
    ("checks", &[("What is there", "checks list"), ("Why one matters and how to mend it", "checks explain root-mfa")]),
    (
        "checks list",
        &[
            ("With the controls of a benchmark", "checks list --framework cis-7.0"),
            ("The severe ones about roles", "checks list --family roles --severity high"),
        ],
    ),
    ("checks explain", &[("Why it matters and how to mend it", "checks explain access-key-age")]),
    ("checks test", &[("Run the fixtures of your own checks", "checks test --checks-dir our-checks")]),
    ("checks view", &[("Every field that an expression can read", "checks view")]),
    (
        "permissions",
        &[
            ("The policy of the audit role, for every check", "permissions --for audit-role"),
            ("What applying a playbook takes besides", "permissions --playbook cis-password-policy"),
        ],
    ),
    (
        "init",
        &[("Answer a few questions", "init"), ("Ask nothing", "init --yes --profile management --region eu-central-1")],
    ),
    (
        "explain",
        &[
            ("Every code there is", "explain"),
            ("An exit code, and the cause of something unknown", "explain access_denied"),
        ],
    ),
    ("completions", &[("Bash", "completions bash > ~/.local/share/bash-completion/completions/orgward")]),
    ("man", &[("For yourself", "man --out ~/.local/share/man/man1")]),
    (
        "bootstrap",
        &[
            ("To look only", "bootstrap --out orgward-setup"),
            ("To apply a playbook as well", "bootstrap --playbook cis-password-policy --out orgward-setup"),
        ],
    ),
    (
        "doctor",
        &[
            ("What stands between here and an audit", "doctor"),
            ("Whether a playbook could be applied", "doctor --playbook cis-password-policy"),
            ("One OU, for a script", "doctor --ou /Sandbox --format json"),
        ],
    ),
    (
        "playbooks",
        &[
            ("What is shipped", "playbooks"),
            ("One to start from, with its policy documents", "playbooks baseline --out ours"),
        ],
    ),
    (
        "config",
        &[
            ("What a run would use, and where each value came from", "config"),
            ("With another file and role", "config --config other.yaml --role-name Auditor"),
        ],
    ),
    ("config show", &[("With the share of a flag", "config show --share 50%")]),
    ("schema", &[("For an editor", "schema playbook > playbook.schema.json")]),
    ("reference", &[("Every setting with its flag, variable and default", "reference settings")]),
    ("demo", &[("Watch it", "demo"), ("With every finding", "demo --verbose")]),
    (
        "sandbox",
        &[
            ("Serve one, then paste what it prints into another shell", "sandbox"),
            (
                "A large one, with an account that denies a call",
                "sandbox --accounts 500 --fault iam:GetAccountSummary=deny@audit",
            ),
        ],
    ),
];

/// The whole command line, with groups and examples.
pub fn command() -> Command {
    let command = with_examples(Cli::command(), "");
    let template = overview(&command);
    command.help_template(template)
}

/// The template of the program's own help: clap has no headings for commands.
fn overview(command: &Command) -> StyledStr {
    let style = command.get_styles().get_header();
    let mut text = "{about-with-newline}\n{usage-heading} {usage}\n\n".to_owned();
    for (heading, names) in grouped(command) {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{style}{heading}:{style:#}");
        for (name, about) in names {
            line(&mut text, &name, &about);
        }
        text.push('\n');
    }
    let _ = write!(text, "{style}Options:{style:#}\n{{options}}{{after-help}}");
    StyledStr::from(text)
}

/// The groups that have commands, each with names and what these do.
fn grouped(command: &Command) -> Vec<(&'static str, Vec<(String, String)>)> {
    let about = |below: &Command| below.get_about().map(ToString::to_string).unwrap_or_default();
    let mut known: Vec<(String, String)> =
        command.get_subcommands().map(|below| (below.get_name().to_owned(), about(below))).collect();
    // clap adds it while it reads a command line.
    known.push(("help".to_owned(), "Print the help of a command".to_owned()));
    let mut groups: Vec<(&str, Vec<(String, String)>)> = Vec::new();
    for (heading, names) in GROUPS {
        let found = names
            .iter()
            .filter_map(|name| known.iter().position(|(other, _)| other == name).map(|at| known.remove(at)));
        groups.push((heading, found.collect()));
    }
    groups.push((OTHERS, known));
    groups.retain(|(_, commands)| !commands.is_empty());
    groups
}

/// A command and what it does, in 80 columns.
fn line(text: &mut String, name: &str, about: &str) {
    const INDENT: usize = 15;
    const WIDTH: usize = 80;
    let mut column = INDENT;
    let _ = write!(text, "  {name:11}  ");
    for word in about.split_whitespace() {
        let wide = word.chars().count();
        if column > INDENT && column + wide >= WIDTH {
            let _ = write!(text, "\n{:INDENT$}", "");
            column = INDENT;
        } else if column > INDENT {
            text.push(' ');
            column += 1;
        }
        text.push_str(word);
        column += wide;
    }
    text.push('\n');
}

/// The command at `path` and all below it, with their examples.
fn with_examples(command: Command, path: &str) -> Command {
    let style = *command.get_styles().get_header();
    let examples = EXAMPLES.iter().find(|(known, _)| *known == path).map(|(_, examples)| *examples);
    let mut text = String::new();
    if let Some(examples) = examples {
        let _ = writeln!(text, "{style}Examples:{style:#}");
        let lines: Vec<String> =
            examples.iter().map(|(about, line)| format!("  # {about}\n  orgward {line}")).collect();
        text.push_str(&lines.join("\n"));
    }
    if path.is_empty() {
        let _ = write!(text, "\n\n{EXIT_CODES}");
    }
    let command = if text.is_empty() { command } else { command.after_help(StyledStr::from(text)) };
    let command = if KEPT.contains(&path) { command.mut_args(without_connection) } else { command };
    command.mut_subcommands(|below| {
        let path = format!("{path} {}", below.get_name());
        with_examples(below, path.trim_start())
    })
}

/// A flag of the connection, hidden unless [`OF_KEPT`] has it.
fn without_connection(arg: Arg) -> Arg {
    let hidden =
        arg.get_help_heading() == Some("Connection") && !arg.get_long().is_some_and(|it| OF_KEPT.contains(&it));
    if hidden { arg.hide(true) } else { arg }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Args;
    use std::collections::BTreeSet;

    /// Every command, by its path.
    fn paths(command: &Command, path: &str, found: &mut BTreeSet<String>) {
        found.insert(path.to_owned());
        for below in command.get_subcommands() {
            paths(below, format!("{path} {}", below.get_name()).trim_start(), found);
        }
    }

    #[test]
    fn every_command_is_in_one_group() {
        let command = Cli::command();
        let groups = grouped(&command);
        assert!(groups.iter().all(|(heading, _)| *heading != OTHERS), "add to GROUPS: {:?}", groups.last());
        let shown: Vec<&str> = groups.iter().flat_map(|(_, names)| names).map(|(name, _)| name.as_str()).collect();
        let mut once: Vec<&str> = command.get_subcommands().map(Command::get_name).chain(["help"]).collect();
        let mut sorted = shown.clone();
        sorted.sort_unstable();
        once.sort_unstable();
        assert_eq!(sorted, once);
        let named: Vec<&str> = GROUPS.iter().flat_map(|(_, names)| *names).copied().collect();
        assert_eq!(named.len(), named.iter().collect::<BTreeSet<_>>().len(), "a command is in two groups");
    }

    #[test]
    fn every_command_has_examples_that_name_it() {
        let mut known = BTreeSet::new();
        paths(&Cli::command(), "", &mut known);
        let told: Vec<&str> = EXAMPLES.iter().map(|(path, _)| *path).collect();
        let missing: Vec<&String> = known.iter().filter(|path| !told.contains(&path.as_str())).collect();
        assert!(missing.is_empty(), "add to EXAMPLES: {missing:?}");
        for (path, examples) in EXAMPLES {
            assert!(known.contains(*path) || *path == "doctor", "`{path}` is no command");
            assert!((1..=3).contains(&examples.len()), "{path}");
            for (about, line) in *examples {
                assert!(line.starts_with(path), "`{line}` is no example of `{path}`");
                assert!(about.len() > 3 && about.len() < 76 && line.len() < 70, "`{line}` is too long for 80 columns");
            }
        }
    }

    #[test]
    fn what_is_kept_is_told_without_the_flags_that_lead_to_aws() {
        for path in KEPT {
            let mut command = command();
            for name in path.split(' ') {
                command = command.find_subcommand(name).unwrap_or_else(|| panic!("`{path}` is no command")).clone();
            }
            let help = command.render_long_help().to_string();
            assert!(help.contains("--state-dir") && help.contains("--config "), "{path}\n{help}");
            assert!(!help.contains("external-id") && !help.contains("--profile"), "{path}\n{help}");
        }
        let line = ["orgward", "runs", "list", "--profile", "management", "--role-name", "X"];
        command().try_get_matches_from(line).unwrap();
    }

    #[test]
    fn a_file_to_write_answers_to_both_names() {
        let (mut left, mut seen) = (vec![Cli::command()], 0);
        while let Some(command) = left.pop() {
            for arg in command.get_arguments().filter(|arg| matches!(arg.get_long(), Some("out" | "output"))) {
                let other = if arg.get_long() == Some("out") { "output" } else { "out" };
                let aliases = arg.get_all_aliases().unwrap_or_default();
                assert_eq!(aliases, [other], "{} --{:?}", command.get_name(), arg.get_long());
                seen += 1;
            }
            left.extend(command.get_subcommands().cloned());
        }
        assert!(seen > 10, "{seen}");
    }

    #[test]
    fn a_heading_holds_what_belongs_below_it() {
        let of_connection = super::super::args::ConnectionArgs::augment_args(Command::new("x"));
        let known: Vec<&str> = of_connection.get_arguments().filter_map(|arg| arg.get_long()).collect();
        let mut wrong = Vec::new();
        let mut left = vec![Cli::command()];
        while let Some(command) = left.pop() {
            let below = command.get_arguments().filter(|arg| arg.get_help_heading() == Some("Connection"));
            let strange = below.filter_map(|arg| arg.get_long()).filter(|long| !known.contains(long));
            wrong.extend(strange.map(|long| format!("{} --{long}", command.get_name())));
            left.extend(command.get_subcommands().cloned());
        }
        assert!(wrong.is_empty(), "flatten `ConnectionArgs` last: {wrong:?}");
    }

    #[test]
    fn a_long_line_goes_on_below_itself() {
        let mut text = String::new();
        line(&mut text, "x", &"word ".repeat(20));
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines.len() == 2 && lines.iter().all(|line| line.len() <= 80 && !line.ends_with(' ')), "{text}");
        assert!(lines[1].starts_with(&" ".repeat(15)) && !lines[1].starts_with(&" ".repeat(16)), "{text}");
    }
}
