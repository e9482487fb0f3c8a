//! Users' passwords and access keys, from the credential report.
//!
//! Owns: four checks, each of one account. A credential never used is judged from the day it was made, not passed over.
//! Must not: read IAM's live lists; the report may be 4 hours old and says when it was made.

use super::evaluate::{Check, Facts, Judge, Judgement, Outcome, days};
use super::references::aws;
use super::thresholds::Thresholds;
use crate::model::check::{CheckMeta, Fact, Granularity, Remediation, Severity};
use crate::model::finding::FailingResource;
use crate::model::iam::{Cell, CredentialReport, CredentialRow, KeyRow};

/// The family.
pub(super) const CHECKS: &[Check] = &[
    Check { meta: USER_MFA, judge: Judge::Whole(user_mfa) },
    Check { meta: KEY_AGE, judge: Judge::Whole(key_age) },
    Check { meta: KEY_UNUSED, judge: Judge::Whole(key_unused) },
    Check { meta: PASSWORD_UNUSED, judge: Judge::Whole(password_unused) },
];

pub(super) const REPORT: &str = "iam:GetCredentialReport";

pub(super) const USER_MFA: CheckMeta = CheckMeta {
    id: "user-mfa",
    title: "Every user with a console password has MFA",
    severity: Severity::High,
    granularity: Granularity::Account,
    rationale: "A password that leaked or was guessed must not be enough to sign in.",
    remediation: Remediation {
        console: "IAM, Users, the user, Security credentials, Assign MFA device; or remove console access from users that \
                  don't need it.",
        cli: "# where no console is needed\n\
              aws iam delete-login-profile --user-name <user>\n\
              # else, with two codes in a row of the device\n\
              aws iam enable-mfa-device --user-name <user> --serial-number <device ARN> --authentication-code1 <code> \
              --authentication-code2 <next code>",
        playbook: Some("require-mfa"),
    },
    references: &[aws("IAM user guide", "AWS multi-factor authentication in IAM")],
    facts: &[Fact::CredentialReport],
};

fn user_mfa(facts: &mut Facts<'_>, _: &Thresholds) -> Judgement {
    let report = facts.credential_report()?;
    let failing = console_users(facts, report)
        .into_iter()
        .filter(|user| !user.mfa_active)
        .map(|user| failing(user, "has a console password and no MFA device"))
        .collect();
    let summary = |count| format!("{} with a console password {} no MFA device", users(count), have(count));
    Ok(Outcome::of(failing, summary, "every user with a console password has an MFA device"))
}

pub(super) const KEY_AGE: CheckMeta = CheckMeta {
    id: "access-key-age",
    title: "No active access key is older than 90 days",
    severity: Severity::Medium,
    granularity: Granularity::Account,
    rationale: "An access key never expires by itself. Changing it often bounds how long a copy that leaked is of use.",
    remediation: Remediation {
        console: "IAM, Users, the user, Security credentials, Access keys: create a second key, put it to use, deactivate \
                  the old one, delete it. Better: replace the key with a role.",
        cli: "aws iam create-access-key --user-name <user>\n\
              # once the new key is in use\n\
              aws iam update-access-key --user-name <user> --access-key-id <old key id> --status Inactive\n\
              # once nothing fails\n\
              aws iam delete-access-key --user-name <user> --access-key-id <old key id>",
        playbook: None,
    },
    references: &[aws("IAM user guide", "Manage access keys for IAM users")],
    facts: &[Fact::CredentialReport],
};

fn key_age(facts: &mut Facts<'_>, thresholds: &Thresholds) -> Judgement {
    let report = facts.credential_report()?;
    let limit = i64::from(thresholds.key_age_days);
    let mut old = Vec::new();
    for (user, number, key) in active_keys(report) {
        let Some(made) = key.last_rotated.at() else {
            facts.doubt(
                REPORT,
                format!("the report does not tell when access key {number} of `{}` was made", user.user),
            );
            continue;
        };
        let age = facts.days_since(made);
        if age > limit {
            old.push(failing_key(user, number, format!("access key {number} is {} old, more than {limit}", days(age))));
        }
    }
    let summary = |count| format!("{} older than {}", keys(count), days(limit));
    Ok(Outcome::of(old, summary, &format!("no active access key is older than {}", days(limit))))
}

pub(super) const KEY_UNUSED: CheckMeta = CheckMeta {
    id: "access-key-unused",
    title: "No active access key is unused for 45 days",
    severity: Severity::Medium,
    granularity: Granularity::Account,
    rationale: "A key nobody uses is a key nobody misses when it is stolen. One that was never used counts from the day it \
                was made.",
    remediation: Remediation {
        console: "IAM, Users, the user, Security credentials, Access keys, Actions, Deactivate; delete it when nothing \
                  fails.",
        cli: "aws iam update-access-key --user-name <user> --access-key-id <key id> --status Inactive\n\
              # once nothing fails\n\
              aws iam delete-access-key --user-name <user> --access-key-id <key id>",
        playbook: None,
    },
    references: &[aws("IAM user guide", "Find unused AWS credentials")],
    facts: &[Fact::CredentialReport],
};

fn key_unused(facts: &mut Facts<'_>, thresholds: &Thresholds) -> Judgement {
    let report = facts.credential_report()?;
    let limit = i64::from(thresholds.unused_days);
    let mut unused = Vec::new();
    for (user, number, key) in active_keys(report) {
        let Some(idle) = idle(facts, key.last_used, &[key.last_rotated]) else {
            facts.doubt(
                REPORT,
                format!("the report does not tell when access key {number} of `{}` was used", user.user),
            );
            continue;
        };
        if idle.days() >= limit {
            unused.push(failing_key(user, number, format!("access key {number} {}", idle.words())));
        }
    }
    let summary = |count| format!("{} unused for {} or more", keys(count), days(limit));
    Ok(Outcome::of(unused, summary, &format!("no active access key is unused for {}", days(limit))))
}

pub(super) const PASSWORD_UNUSED: CheckMeta = CheckMeta {
    id: "console-password-unused",
    title: "No console password is unused for 45 days",
    severity: Severity::Medium,
    granularity: Granularity::Account,
    rationale: "A password nobody uses belongs to someone who left or changed tasks. One that was never used counts from \
                the day it was set.",
    remediation: Remediation {
        console: "IAM, Users, the user, Security credentials, Manage console access, Disable.",
        cli: "aws iam delete-login-profile --user-name <user>",
        playbook: None,
    },
    references: &[aws("IAM user guide", "Find unused AWS credentials")],
    facts: &[Fact::CredentialReport],
};

fn password_unused(facts: &mut Facts<'_>, thresholds: &Thresholds) -> Judgement {
    let report = facts.credential_report()?;
    let limit = i64::from(thresholds.unused_days);
    let mut unused = Vec::new();
    for user in console_users(facts, report) {
        let Some(idle) = idle(facts, user.password_last_used, &[user.password_last_changed, user.created]) else {
            facts.doubt(REPORT, format!("the report does not tell when the password of `{}` was used", user.user));
            continue;
        };
        if idle.days() >= limit {
            unused.push(failing(user, format!("the console password {}", idle.words())));
        }
    }
    let summary = |count| format!("{} a console password unused for {} or more", users_have(count), days(limit));
    Ok(Outcome::of(unused, summary, &format!("no console password is unused for {}", days(limit))))
}

/// For how many days a credential did nothing.
enum Idle {
    /// Since its last use.
    Used(i64),
    /// Since it was made, and it was never used.
    Never(i64),
}

impl Idle {
    fn days(&self) -> i64 {
        match self {
            Self::Used(days) | Self::Never(days) => *days,
        }
    }

    fn words(&self) -> String {
        match self {
            Self::Used(ago) => format!("was last used {} ago", days(*ago)),
            Self::Never(ago) => format!("was never used since it was made {} ago", days(*ago)),
        }
    }
}

/// How long a credential was idle; one never used counts from the first of `made` that is a time. `None` if that can't
/// be told.
fn idle(facts: &Facts<'_>, used: Cell, made: &[Cell]) -> Option<Idle> {
    match used {
        Cell::At(time) => Some(Idle::Used(facts.days_since(time))),
        Cell::NotApplicable | Cell::NoInformation => {
            made.iter().find_map(|cell| cell.at()).map(|time| Idle::Never(facts.days_since(time)))
        }
        Cell::NotSupported => None,
    }
}

/// Users, the root user left out, that have a console password.
pub(super) fn console_users<'r>(facts: &mut Facts<'_>, report: &'r CredentialReport) -> Vec<&'r CredentialRow> {
    let mut found = Vec::new();
    for user in report.rows.iter().filter(|user| !user.is_root()) {
        match user.password_enabled {
            Some(true) => found.push(user),
            Some(false) => {}
            None => {
                facts.doubt(REPORT, format!("the report does not tell whether `{}` has a console password", user.user));
            }
        }
    }
    found
}

/// Active access keys with their owner and number (1 or 2). The root user's count too.
pub(super) fn active_keys(report: &CredentialReport) -> impl Iterator<Item = (&CredentialRow, usize, &KeyRow)> {
    report.rows.iter().flat_map(|user| {
        user.keys.iter().enumerate().filter(|(_, key)| key.active).map(move |(at, key)| (user, at + 1, key))
    })
}

pub(super) fn failing(user: &CredentialRow, message: impl Into<String>) -> FailingResource {
    FailingResource { resource: user.arn.clone(), message: message.into() }
}

/// A key has no ARN, and a user has up to two: its number tells one from the other.
pub(super) fn failing_key(user: &CredentialRow, number: usize, message: String) -> FailingResource {
    FailingResource { resource: format!("{} (access key {number})", user.arn), message }
}

pub(super) fn users(count: usize) -> String {
    if count == 1 { "1 user".to_owned() } else { format!("{count} users") }
}

pub(super) fn have(count: usize) -> &'static str {
    if count == 1 { "has" } else { "have" }
}

fn users_have(count: usize) -> String {
    format!("{} {}", users(count), have(count))
}

fn keys(count: usize) -> String {
    if count == 1 { "1 active access key is".to_owned() } else { format!("{count} active access keys are") }
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{self, days_ago, key, root_row, seen, user_row};
    use super::super::tests::judge;
    use super::*;
    use crate::model::{AccountFacts, Finding, Verdict};

    fn found(rows: Vec<CredentialRow>, check: &str) -> Finding {
        let report = CredentialReport { generated_at: days_ago(0), rows };
        let facts = AccountFacts { credential_report: seen(REPORT, report), ..fixtures::account() };
        judge(&fixtures::org(), &facts, check)
    }

    fn with_key(rotated: Cell, used: Cell) -> CredentialRow {
        CredentialRow { keys: vec![key(true, rotated, used)], ..user_row("ann") }
    }

    fn with_password(used: Cell, changed: Cell) -> CredentialRow {
        CredentialRow { password_last_used: used, password_last_changed: changed, ..user_row("ann") }
    }

    #[test]
    fn every_console_user_without_mfa_is_named() {
        let without = |name| CredentialRow { mfa_active: false, ..user_row(name) };
        let no_console = CredentialRow { password_enabled: Some(false), ..without("robot") };
        let finding = found(vec![root_row(), without("bob"), user_row("ann"), no_console, without("al")], "user-mfa");
        assert_eq!(finding.verdict, Verdict::Fail);
        assert_eq!(finding.message, "2 users with a console password have no MFA device");
        let names: Vec<&str> = finding.resources.iter().map(|r| r.resource.rsplit('/').next().unwrap()).collect();
        assert_eq!(names, ["al", "bob"]);
    }

    #[test]
    fn a_password_that_may_exist_is_unknown_but_no_shelter_for_a_failure() {
        let unclear = CredentialRow { password_enabled: None, ..user_row("ann") };
        assert_eq!(found(vec![root_row(), unclear.clone()], "user-mfa").verdict, Verdict::Unknown);
        let without = CredentialRow { mfa_active: false, ..user_row("bob") };
        assert_eq!(found(vec![root_row(), unclear, without], "user-mfa").verdict, Verdict::Fail);
    }

    #[test]
    fn an_account_without_users_passes() {
        for check in ["user-mfa", "access-key-age", "access-key-unused", "console-password-unused"] {
            assert_eq!(found(vec![root_row()], check).verdict, Verdict::Pass, "{check}");
        }
    }

    #[test]
    fn keys_older_than_the_limit_fail_with_their_age() {
        let used = Cell::At(days_ago(1));
        assert_eq!(found(vec![with_key(Cell::At(days_ago(90)), used)], "access-key-age").verdict, Verdict::Pass);
        let finding = found(vec![with_key(Cell::At(days_ago(91)), used)], "access-key-age");
        assert_eq!(finding.message, "1 active access key is older than 90 days");
        assert_eq!(finding.resources[0].message, "access key 1 is 91 days old, more than 90");
        assert_eq!(found(vec![with_key(Cell::NotApplicable, used)], "access-key-age").verdict, Verdict::Unknown);
        let inactive = CredentialRow { keys: vec![key(false, Cell::At(days_ago(900)), used)], ..user_row("ann") };
        assert_eq!(found(vec![inactive], "access-key-age").verdict, Verdict::Pass);
    }

    #[test]
    fn both_keys_of_a_user_are_named() {
        let old = key(true, Cell::At(days_ago(200)), Cell::At(days_ago(1)));
        let row = CredentialRow { keys: vec![old.clone(), old], ..user_row("ann") };
        let finding = found(vec![row], "access-key-age");
        let names: Vec<&str> = finding.resources.iter().map(|r| r.resource.as_str()).collect();
        let user = "arn:aws:iam::222222222222:user/ann";
        assert_eq!(names, [format!("{user} (access key 1)"), format!("{user} (access key 2)")]);
    }

    #[test]
    fn a_key_never_used_counts_from_the_day_it_was_made() {
        for never in [Cell::NotApplicable, Cell::NoInformation] {
            let young = found(vec![with_key(Cell::At(days_ago(44)), never)], "access-key-unused");
            assert_eq!(young.verdict, Verdict::Pass);
            let old = found(vec![with_key(Cell::At(days_ago(46)), never)], "access-key-unused");
            assert_eq!(old.verdict, Verdict::Fail);
            assert_eq!(old.resources[0].message, "access key 1 was never used since it was made 46 days ago");
            assert_eq!(found(vec![with_key(never, never)], "access-key-unused").verdict, Verdict::Unknown);
        }
        let used = found(vec![with_key(Cell::At(days_ago(80)), Cell::At(days_ago(45)))], "access-key-unused");
        assert_eq!(used.resources[0].message, "access key 1 was last used 45 days ago");
        let lately = with_key(Cell::At(days_ago(80)), Cell::At(days_ago(44)));
        assert_eq!(found(vec![lately], "access-key-unused").verdict, Verdict::Pass);
        let unsupported = with_key(Cell::At(days_ago(80)), Cell::NotSupported);
        assert_eq!(found(vec![unsupported], "access-key-unused").verdict, Verdict::Unknown);
    }

    #[test]
    fn a_password_never_used_counts_from_the_day_it_was_set() {
        let check = "console-password-unused";
        for never in [Cell::NotApplicable, Cell::NoInformation] {
            assert_eq!(found(vec![with_password(never, Cell::At(days_ago(10)))], check).verdict, Verdict::Pass);
            let old = found(vec![with_password(never, Cell::At(days_ago(60)))], check);
            assert_eq!(old.verdict, Verdict::Fail);
            assert!(old.resources[0].message.contains("never used since it was made 60 days ago"));
            // Without a date of change, creation counts (200 days ago).
            assert_eq!(found(vec![with_password(never, Cell::NotApplicable)], check).verdict, Verdict::Fail);
        }
        let stale = with_password(Cell::At(days_ago(45)), Cell::At(days_ago(300)));
        let finding = found(vec![stale], check);
        assert_eq!(finding.message, "1 user has a console password unused for 45 days or more");
        let off =
            CredentialRow { password_enabled: Some(false), ..with_password(Cell::NoInformation, Cell::NotApplicable) };
        assert_eq!(found(vec![off], check).verdict, Verdict::Pass);
    }
}
