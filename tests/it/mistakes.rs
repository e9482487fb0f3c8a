//! The commonest mistakes and what orgward says to each: `docs/mistakes.md` is made of what the binary prints here.

use crate::harness::{Run, SHARED, Served, orgward, run};
use std::fmt::Write as _;

/// A mistake: its name, the command as people type it, what it printed, and what to do.
struct Mistake {
    name: &'static str,
    command: &'static str,
    said: String,
    advice: &'static str,
}

/// The words of a command line after `orgward`.
fn words(command: &str) -> Vec<&str> {
    command.split_whitespace().skip(1).collect()
}

/// stderr of a command that ends with `code`.
#[track_caller]
fn said(run: Run, code: i32) -> String {
    run.ends(code).err
}

/// What a report says of verdicts that could not be told.
#[track_caller]
fn untold(run: Run) -> String {
    let run = run.ends(4);
    let (_, rest) = run.out.split_once("Could not be told\n").expect("something is unknown");
    rest.split("\n\n").next().unwrap_or_default().to_owned() + "\n"
}

fn all() -> Vec<Mistake> {
    let mut found = Vec::new();
    let mut add = |name, command, advice, said| found.push(Mistake { name, command, said, advice });

    let expired = Served::start(&["--accounts", "3", "--fault", "*=expired"]);
    let command = "orgward org";
    let advice = "Sign in again (`aws sso login`). A run that is under way when a session ends keeps what it has; `--resume` goes on.";
    add("The session has expired", command, advice, said(expired.run(&words(command)), 1));

    let home = tempfile::tempdir().unwrap();
    let alone = |command: &str| {
        let mut command_ = orgward(home.path());
        run(command_.args(words(command)).env("AWS_EC2_METADATA_DISABLED", "true").env("AWS_REGION", "eu-central-1"))
    };
    let advice = "orgward finds credentials where the AWS CLI finds them: environment, profile, SSO, process, container, instance.";
    add("There are no credentials", command, advice, said(alone(command), 1));

    let command = "orgward org --profile mangement";
    let advice = "Name one of those that `aws configure list-profiles` lists.";
    add("The profile is misspelled", command, advice, said(alone(command), 1));

    let member = Served::start(&["--accounts", "5", "--seed", "3", "--caller", &SHARED.plain_member()]);
    let command = "orgward audit";
    let advice = "Organizations answers the management account, and members that are delegated administrators of any service: see \
                  [running it from one](running.md#from-a-delegated-administrator).";
    add("The credentials are of a plain member account", command, advice, said(member.run(&words(command)), 1));

    let command = "orgward audit --checks root-mfa --role-name OrgwardAudits --quiet";
    let advice = "AWS does not tell a role that is not there from one that does not let you in. The audit goes on: verdicts of accounts that \
                  could not be entered are unknown, and nothing passes. `orgward explain assume_role_denied` says what to look at, in which \
                  order.";
    add("The role is not in the members, or has another name", command, advice, untold(SHARED.run(&words(command))));

    let command = "orgward audit --checks root-mfa --external-id-file old-external-id --quiet";
    SHARED.file("old-external-id", "of-last-year\n");
    let advice = "The same answer of AWS: the ExternalId is one of the things that may be wrong. The role's trust policy has the right one; \
                  orgward never prints it.";
    add("The ExternalId is another one", command, advice, untold(SHARED.run(&words(command))));

    let command = "orgward org --config orgward-wrong.yaml";
    SHARED.file(
        "orgward-wrong.yaml",
        "version: 1\nrolename: OrgwardAudit\naccounts:\n  \"11112222333\":\n    role_name: Other\nsession_duration_seconds: 1h\n",
    );
    let advice = "Every mistake of a file is told at once, with its line. An account id is 12 digits in quotes: leading zeros count.";
    add(
        "A key of the config file is misspelled, an account id has 11 digits",
        command,
        advice,
        said(SHARED.run(&words(command)), 2),
    );

    let command = "orgward org --config orgward-tab.yaml";
    SHARED.file("orgward-tab.yaml", "version: 1\nthresholds:\n\tkey_age_days: 60\n");
    let advice = "YAML is indented with spaces. `orgward schema config` is what editors warn by while you type.";
    add("A tab in a YAML file", command, advice, said(SHARED.run(&words(command)), 2));

    let command = "orgward plan passwords.yaml";
    SHARED.file(
        "passwords.yaml",
        "name: passwords\ndescription: Long passwords\nversion: 1\nsteps:\n  - id: length\n    pasword_policy:\n      minimum_length: 14\n",
    );
    let advice =
        "All mistakes of a playbook are told at once; [the reference](playbook-reference.md) has every action and key.";
    add("An action of a playbook is misspelled", command, advice, said(SHARED.run(&words(command)), 2));

    let command = "orgward audit --ou /Securty --quiet";
    let advice = "An OU is named by its path from the root or by its id. Nothing is audited where a word of the scope names nothing.";
    add("An OU that does not exist", command, advice, said(SHARED.run(&words(command)), 2));

    let command = "orgward audit --checks root-mfaa --regions eu-cental-1";
    let advice = "`orgward checks list` has every check. Regions are held against those of the partition.";
    add("A check that does not exist", command, advice, said(SHARED.run(&words(command)), 2));

    let command = "orgward apply plan.json --yes --quiet";
    let changed = Served::start(&["--accounts", "5", "--seed", "3"]);
    let audit = changed.account("audit");
    let behind = |action: &str, more: &[(&str, &str)]| {
        let form = [&[("Action", action), ("Version", "2010-05-08")], more].concat();
        changed.in_account(&audit, "iam", &form);
    };
    behind("DeleteAccountPasswordPolicy", &[]);
    changed.run(&["plan", "cis-password-policy", "--account", &audit, "--out", "plan.json"]).ends(0);
    behind("UpdateAccountPasswordPolicy", &[("MinimumPasswordLength", "9")]);
    let advice =
        "A plan is applied as it was approved or not at all. Make it again; `--still-valid` applies what still fits.";
    add("A plan that is stale", command, advice, said(changed.run(&words(command)), 6));
    found
}

fn page(mistakes: &[Mistake]) -> String {
    let mut page = "<!-- Made of what the binary prints: see tests/it/mistakes.rs -->\n\n# The commonest mistakes\n\nWhat orgward says to \
                    each, and what to do. By symptom: [troubleshooting](troubleshooting.md).\n"
        .to_owned();
    for (number, Mistake { name, command, said, advice }) in mistakes.iter().enumerate() {
        let number = number + 1;
        let _ = write!(page, "\n## {number}. {name}\n\n```text\n$ {command}\n{}\n```\n\n{advice}\n", said.trim_end());
    }
    page
}

#[test]
fn the_commonest_mistakes_are_told_as_the_manual_says() {
    let mistakes = all();
    for Mistake { name, said, .. } in &mistakes {
        assert!(!said.trim().is_empty() && !said.contains("panicked") && !said.contains('\u{1b}'), "{name}: {said}");
    }
    let page = page(&mistakes);
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/mistakes.md");
    if std::env::var_os("INSTA_UPDATE").is_some_and(|update| update == "always") {
        std::fs::write(path, &page).unwrap();
    }
    let kept = std::fs::read_to_string(path).unwrap_or_default();
    for (kept, now) in kept.lines().zip(page.lines()) {
        assert_eq!(
            kept, now,
            "docs/mistakes.md is not what is printed: INSTA_UPDATE=always cargo test --test it mistakes"
        );
    }
    assert_eq!(kept.lines().count(), page.lines().count());
}
