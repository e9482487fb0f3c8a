//! `orgward explain`: what an exit code, a cause or a refusal means, why it comes about, and what to do.
//!
//! Owns: the words, one entry for every value that orgward can end with or name. Must not: ask AWS.

use super::exit::{Exit, Failure, Outcome};
use super::ui::Ui;
use crate::checks::CATALOG;
use crate::model::plan::RefusalKind;
use crate::model::{CauseKind, nearest};
use crate::report::table::table;
use crate::report::text::{Style, plain};
use clap::Args;

/// Explain an exit code, the cause of something unknown, or why a plan is refused
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// A code as it was printed: 4, `access_denied`, `lock_out`; without one all are listed
    code: Option<String>,
}

/// An entry.
pub struct Entry {
    /// As it is printed.
    pub code: String,
    /// What kind of code it is.
    pub what: &'static str,
    /// In a few words.
    pub title: &'static str,
    /// Why it comes about.
    pub why: &'static str,
    /// What to do.
    pub fix: &'static str,
}

const EXITS: [Exit; 10] = [
    Exit::Clean,
    Exit::Error,
    Exit::Usage,
    Exit::Findings,
    Exit::Incomplete,
    Exit::Changes,
    Exit::Refused,
    Exit::RolledBack,
    Exit::OperatorNeeded,
    Exit::Interrupted,
];

const CAUSES: [CauseKind; 13] = [
    CauseKind::AssumeRoleDenied,
    CauseKind::AccessDenied,
    CauseKind::ExpiredCredentials,
    CauseKind::Throttled,
    CauseKind::Unreachable,
    CauseKind::NoCertificates,
    CauseKind::TimedOut,
    CauseKind::NotAnAwsAnswer,
    CauseKind::AccountNotActive,
    CauseKind::Interrupted,
    CauseKind::NotCollected,
    CauseKind::OptIn,
    CauseKind::Other,
];

const REFUSALS: [RefusalKind; 7] = [
    RefusalKind::NotOurs,
    RefusalKind::OutOfScope,
    RefusalKind::Quota,
    RefusalKind::Malformed,
    RefusalKind::LockOut,
    RefusalKind::Missing,
    RefusalKind::Disagreement,
];

/// Every entry: exit codes, causes, refusals.
pub fn entries() -> Vec<Entry> {
    let exits = EXITS.into_iter().map(of_exit);
    exits.chain(CAUSES.into_iter().map(of_cause)).chain(REFUSALS.into_iter().map(of_refusal)).collect()
}

fn of_exit(exit: Exit) -> Entry {
    let (title, why, fix) = match exit {
        Exit::Clean => ("clean", "Nothing that was asked for fails, and everything could be told.", "Nothing."),
        Exit::Error => (
            "an error",
            "The command could not do its work: no credentials, no organization, a file that can't be read or written.",
            "Read the line that begins with `error:`; it names the file or call and the fix.",
        ),
        Exit::Usage => (
            "wrong use",
            "A flag, a config key, a playbook or an id is wrong. Nothing was asked of AWS beyond who the caller is.",
            "Read the `error:` lines: all mistakes are told at once, with the nearest valid word.",
        ),
        Exit::Findings => (
            "findings at or above --fail-on",
            "A check fails whose severity is at least that of --fail-on (low, if it is not given); or `orgward doctor` found problems.",
            "Mend what fails (`orgward checks explain ID`), let somebody answer for it (exemptions), or raise --fail-on.",
        ),
        Exit::Incomplete => (
            "incomplete",
            "Something that was asked for could not be told. It outranks findings: a report with holes is not a clean one.",
            "The end of the report lists the causes with what mends each, `orgward doctor` the commands; --allow-partial lowers it.",
        ),
        Exit::Changes => (
            "the plan has changes",
            "The plan is not empty. Told apart from 0 only with --detailed-exitcode.",
            "Read the plan; `orgward apply FILE` carries it out.",
        ),
        Exit::Refused => (
            "refused",
            "A plan is stale, was edited, meets a conflict, could lock somebody out, or the simulator disagrees; or evidence does not match.",
            "Each refusal says what speaks against it. Make the plan anew if the world has moved.",
        ),
        Exit::RolledBack => (
            "apply failed and was rolled back",
            "A change failed, and everything that was done before it is as it was.",
            "`orgward runs show RUN` names the change and AWS's answer. Mend that and plan anew.",
        ),
        Exit::OperatorNeeded => (
            "apply failed, an operator is needed",
            "A change failed or its outcome is unknown, and not everything could be undone.",
            "`orgward runs show RUN` says where each change stands; then `orgward resume RUN` or `orgward rollback RUN`.",
        ),
        Exit::Interrupted => (
            "interrupted",
            "Ctrl-C, SIGTERM, or the caller's credentials expired. What was done is kept.",
            "`orgward audit --resume RUN` for an audit, `orgward resume RUN` for an apply or rollback.",
        ),
    };
    Entry { code: exit.code().to_string(), what: "exit code", title, why, fix }
}

fn of_cause(kind: CauseKind) -> Entry {
    let (title, why) = match kind {
        CauseKind::AssumeRoleDenied => (
            "a role could not be assumed",
            "AWS gives one answer for four things: the role is not there, it does not trust this caller, the ExternalId is \
             missing or another one, or a policy (the caller's own, an SCP, an RCP) denies sts:AssumeRole.",
        ),
        CauseKind::AccessDenied => (
            "a call was denied",
            "The role's policies don't allow it, or its boundary, the session policy, an SCP or an RCP denies it.",
        ),
        CauseKind::ExpiredCredentials => (
            "the credentials expired",
            "Sessions end: those through SSO or OIDC, and every chained one after an hour at most.",
        ),
        CauseKind::Throttled => (
            "throttled to the end",
            "Something else in the account uses up the same request quota; the call was tried many times over minutes.",
        ),
        CauseKind::Unreachable => {
            ("not reachable", "No connection could be made, or it broke: DNS, proxy, firewall, Region.")
        }
        CauseKind::NoCertificates => (
            "no certificates to trust AWS by",
            "HTTPS needs certificates of public CAs, which come with the system and not with orgward. A container image made of scratch has \
             none, or SSL_CERT_FILE or SSL_CERT_DIR names a place without any. Nothing was sent.",
        ),
        CauseKind::TimedOut => ("no answer in time", "The connection stood, and nothing came."),
        CauseKind::NotAnAwsAnswer => (
            "an answer that is not AWS's",
            "A proxy or captive portal answered with a page of its own, or an endpoint is not what it should be.",
        ),
        CauseKind::AccountNotActive => (
            "the account is not active",
            "It is suspended, closed, or was closed while the run was at work. Nobody can enter it.",
        ),
        CauseKind::Interrupted => {
            ("not asked before the run was stopped", "The run was interrupted before this was collected.")
        }
        CauseKind::NotCollected => {
            ("not collected", "Nothing in this run asked for it, or an older run was read that did not.")
        }
        CauseKind::OptIn => (
            "asked for with a flag only",
            "It costs a call for each user or more. It counts neither for nor against coverage and score, and makes no run incomplete.",
        ),
        CauseKind::Other => ("another error of AWS's", "The message holds AWS's own code and words."),
    };
    Entry { code: kind.as_str().to_owned(), what: "cause", title, why, fix: kind.fix() }
}

fn of_refusal(kind: RefusalKind) -> Entry {
    let (title, why, fix) = match kind {
        RefusalKind::NotOurs => (
            "there is something of that name that orgward did not make",
            "What orgward creates carries tags with playbook and step. This one does not.",
            "Choose another name, or take it over with `adopt: true` in the step, which the plan shows.",
        ),
        RefusalKind::OutOfScope => (
            "it reaches an account outside the scope",
            "An attachment at an OU or the root is felt by every account below it.",
            "Attach it lower, or widen the scope.",
        ),
        RefusalKind::Quota => (
            "a quota of AWS's would be exceeded",
            "Characters of a policy, policies on a target, metric filters of a log group.",
            "Pack several policies into one (`pack`), detach one that is not needed, or give your own figures with --policy-quotas.",
        ),
        RefusalKind::Malformed => (
            "AWS would reject the policy document",
            "A key, operator, action or size is not what AWS's policy grammar takes.",
            "The refusal names the statement and the place.",
        ),
        RefusalKind::LockOut => (
            "somebody could be locked out",
            "It can't be proved that orgward's roles, break-glass roles, Identity Center's administrators or the roles of \
             Control Tower and StackSets keep what they need.",
            "Exempt the principal in the statement that is named; knowing better for one target: --accept-lockout-risk TARGET_ID.",
        ),
        RefusalKind::Missing => (
            "something it needs is not there",
            "A target, a policy type that is not enabled, a trail or its log group.",
            "Make it first; the refusal names it.",
        ),
        RefusalKind::Disagreement => (
            "AWS's simulator and the proof disagree",
            "With --simulate both judge the same requests, and one of them is wrong.",
            "Read what both say, and report it: the proof is at fault until shown otherwise.",
        ),
    };
    Entry { code: refusal_name(kind).to_owned(), what: "refusal", title, why, fix }
}

fn refusal_name(kind: RefusalKind) -> &'static str {
    match kind {
        RefusalKind::NotOurs => "not_ours",
        RefusalKind::OutOfScope => "out_of_scope",
        RefusalKind::Quota => "quota",
        RefusalKind::Malformed => "malformed",
        RefusalKind::LockOut => "lock_out",
        RefusalKind::Missing => "missing",
        RefusalKind::Disagreement => "disagreement",
    }
}

/// Runs the command.
pub fn run(args: &ExplainArgs, ui: &Ui) -> Outcome {
    let entries = entries();
    let text = match &args.code {
        None => {
            let row = |entry: &Entry| {
                vec![
                    (entry.code.clone(), Some(Style::Bold)),
                    (entry.what.to_owned(), None),
                    (entry.title.to_owned(), None),
                ]
            };
            table(["CODE", "WHAT IT IS", "WHAT IT SAYS"], entries.iter().map(row), &[], ui.out)
        }
        Some(code) => {
            let wanted = code.trim().to_lowercase().replace([' ', '-'], "_");
            let found: Vec<&Entry> = entries.iter().filter(|entry| entry.code == wanted).collect();
            if found.is_empty() {
                return Err(Failure::usage([unknown(code, &wanted, &entries)]));
            }
            found.into_iter().map(|entry| told(entry, ui)).collect::<Vec<_>>().join("\n")
        }
    };
    ui.data(&text)?;
    Ok(Exit::Clean)
}

fn unknown(code: &str, wanted: &str, entries: &[Entry]) -> String {
    let near = nearest(wanted, entries.iter().map(|entry| entry.code.as_str()), 0.7);
    let hint = near.map_or_else(|| "see: orgward explain".to_owned(), |near| format!("did you mean `{near}`?"));
    let check = wanted.replace('_', "-");
    if CATALOG.iter().any(|meta| meta.id == check) {
        return format!("`{check}` is a check and no code: `orgward checks explain {check}` explains it");
    }
    format!("there is no code `{}`, {hint} (checks are explained by `orgward checks explain ID`)", plain(code))
}

fn told(entry: &Entry, ui: &Ui) -> String {
    let Entry { code, what, title, why, fix } = entry;
    let paint = ui.out;
    let head = paint.entry("", &paint.paint(Style::Bold, &format!("{what} {code}: {title}")));
    let (why, fix) = (paint.sentence("  ", why), paint.sentence("  ", fix));
    format!("{head}\nWhy\n{why}\nWhat to do\n{fix}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_code_is_there_once_and_says_something() {
        let entries = entries();
        let codes: BTreeSet<(&str, &str)> = entries.iter().map(|entry| (entry.what, entry.code.as_str())).collect();
        assert_eq!(codes.len(), entries.len());
        for entry in &entries {
            assert!(entry.why.len() > 20 && entry.fix.len() > 5 && entry.title.len() > 3, "{}", entry.code);
        }
        for kind in REFUSALS {
            let kept = serde_json::to_value(kind).unwrap();
            assert_eq!(kept.as_str(), Some(refusal_name(kind)), "as a plan file writes it");
        }
        for kind in CAUSES {
            assert_eq!(serde_json::to_value(kind).unwrap().as_str(), Some(kind.as_str()));
        }
    }

    #[test]
    fn a_code_that_is_none_is_told_with_the_nearest() {
        let text = unknown("acces_denied", "acces_denied", &entries());
        assert!(text.contains("did you mean `access_denied`? ("), "{text}");
        let check = unknown("ROOT-MFA", "root_mfa", &entries());
        assert!(check.contains("`orgward checks explain root-mfa`") && !check.contains("no code `"), "{check}");
        assert!(unknown("\u{1b}[2J", "x", &entries()).contains("see: orgward explain"));
    }
}
