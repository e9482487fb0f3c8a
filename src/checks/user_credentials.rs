//! Users' credentials beyond age and use: how many, since when, and whether any should be there.
//!
//! Owns: five checks, each of one account, all from the credential report. Must not: judge the root user's (`root` does).
//!
//! Source: IAM user guide, "Security best practices in IAM" and "Managing access keys for IAM users".

use super::credentials::{REPORT, active_keys, console_users, failing, failing_key, have, users};
use super::evaluate::{Check, Facts, Judge, Judgement, Outcome, days};
use super::thresholds::Thresholds;
use crate::model::check::{CheckMeta, Fact, Granularity, Reference, Remediation, Severity};
use crate::model::finding::FailingResource;
use crate::model::iam::{Cell, CredentialReport, CredentialRow};

/// The family.
pub(super) const CHECKS: &[Check] = &[
    Check { meta: TWO_ACTIVE, judge: Judge::Whole(two_active) },
    Check { meta: AT_SETUP, judge: Judge::Whole(at_setup) },
    Check { meta: INACTIVE, judge: Judge::Whole(inactive) },
    Check { meta: LONG_TERM_KEYS, judge: Judge::Whole(long_term_keys) },
    Check { meta: SIGNING_CERTIFICATE, judge: Judge::Whole(signing_certificate) },
];

const BEST_PRACTICES: &str = "Security best practices in IAM";
const GUIDE: &str = "IAM user guide";

/// How far apart a user and a key can be made in one go: the console makes both within seconds.
const ONE_GO_SECONDS: i64 = 60;

const TWO_ACTIVE: CheckMeta = CheckMeta {
    id: "access-key-two-active",
    title: "No user has two active access keys",
    severity: Severity::Low,
    granularity: Granularity::Account,
    rationale: "A second key is for the hours of a rotation. One that stays doubles what can leak, and nobody knows which of \
                the two is in use where.",
    remediation: Remediation {
        console: "IAM, Users, the user, Security credentials, Access keys: see Last used, deactivate the older key, delete it \
                  when nothing fails.",
        cli: "aws iam list-access-keys --user-name <user>\n\
              aws iam get-access-key-last-used --access-key-id <key id>\n\
              aws iam update-access-key --user-name <user> --access-key-id <old key id> --status Inactive",
        playbook: None,
    },
    references: &[Reference { document: GUIDE, section: "Update access keys" }],
    facts: &[Fact::CredentialReport],
};

fn two_active(facts: &mut Facts<'_>, _: &Thresholds) -> Judgement {
    let report = facts.credential_report()?;
    let both = rows(report).filter(|user| user.keys.iter().filter(|key| key.active).count() > 1);
    let found: Vec<FailingResource> = both.map(|user| failing(user, "has two active access keys")).collect();
    let summary = |count| format!("{} {} two active access keys", users(count), have(count));
    Ok(Outcome::of(found, summary, "no user has two active access keys"))
}

const AT_SETUP: CheckMeta = CheckMeta {
    id: "access-key-at-setup",
    title: "No user with a console password got its access key when it was made",
    severity: Severity::Medium,
    granularity: Granularity::Account,
    rationale: "A key made together with a person's user was made by whoever made the user, before anyone said what it is \
                for; it tends to lie in a mail or a download folder. A person who needs one makes it later, and then it is \
                known what it is for. A key counts as made at set-up if at most a minute lies between it and the user. Users \
                without a console password are machines; user-long-term-keys judges those.",
    remediation: Remediation {
        console: "IAM, Users, the user, Security credentials, Access keys, Actions, Deactivate; delete it when nothing fails.",
        cli: "aws iam update-access-key --user-name <user> --access-key-id <key id> --status Inactive\n\
              # once nothing fails\n\
              aws iam delete-access-key --user-name <user> --access-key-id <key id>",
        playbook: None,
    },
    references: &[Reference { document: GUIDE, section: "Manage access keys for IAM users" }],
    facts: &[Fact::CredentialReport],
};

fn at_setup(facts: &mut Facts<'_>, _: &Thresholds) -> Judgement {
    let report = facts.credential_report()?;
    let mut found = Vec::new();
    for user in console_users(facts, report) {
        for (number, key) in (1..).zip(&user.keys).filter(|(_, key)| key.active) {
            let (Some(made), Some(created)) = (key.last_rotated.at(), user.created.at()) else {
                let message = format!("the report does not tell when `{}` or access key {number} was made", user.user);
                facts.doubt(REPORT, message);
                continue;
            };
            if made.as_second().abs_diff(created.as_second()) <= ONE_GO_SECONDS.unsigned_abs() {
                let age = days(facts.days_since(made));
                found.push(failing_key(user, number, format!("access key {number} was made with its user, {age} ago")));
            }
        }
    }
    let summary = |count| match count {
        1 => "1 access key was made together with its user".to_owned(),
        _ => format!("{count} access keys were made together with their users"),
    };
    Ok(Outcome::of(found, summary, "no access key was made together with a user that has a console password"))
}

const INACTIVE: CheckMeta = CheckMeta {
    id: "user-inactive",
    title: "No user is inactive for 90 days",
    severity: Severity::Medium,
    granularity: Granularity::Account,
    rationale: "A user that neither signed in nor used a key for a quarter belongs to someone who left, or to something that \
                was switched off. One that never did counts from the day it was made. Use of SSH keys and of service-specific \
                credentials is on no record, so look at those before deleting a user of CodeCommit or Keyspaces.",
    remediation: Remediation {
        console: "IAM, Users, the user: deactivate its keys, disable its console access, delete it after a while.",
        cli: "aws iam list-access-keys --user-name <user>\n\
              aws iam update-access-key --user-name <user> --access-key-id <key id> --status Inactive\n\
              aws iam delete-login-profile --user-name <user>\n\
              # after a while, once all it has is removed\n\
              aws iam delete-user --user-name <user>",
        playbook: None,
    },
    references: &[Reference { document: GUIDE, section: BEST_PRACTICES }],
    facts: &[Fact::CredentialReport],
};

fn inactive(facts: &mut Facts<'_>, thresholds: &Thresholds) -> Judgement {
    let report = facts.credential_report()?;
    let limit = i64::from(thresholds.user_inactive_days);
    let mut found = Vec::new();
    for user in rows(report) {
        match last_active(facts, user) {
            Some((idle, told)) if idle >= limit => found.push(failing(user, told)),
            Some(_) => {}
            None => {
                facts.doubt(REPORT, format!("the report does not tell when `{}` was last active", user.user));
            }
        }
    }
    let summary = |count| {
        let are = if count == 1 { "is" } else { "are" };
        format!("{} {are} inactive for {} or more", users(count), days(limit))
    };
    Ok(Outcome::of(found, summary, &format!("no user is inactive for {}", days(limit))))
}

/// For how many days a user did nothing, and that in words; `None` if it can't be told.
pub(super) fn last_active(facts: &Facts<'_>, user: &CredentialRow) -> Option<(i64, String)> {
    let uses: Vec<Cell> =
        std::iter::once(user.password_last_used).chain(user.keys.iter().map(|key| key.last_used)).collect();
    if let Some(last) = uses.iter().filter_map(|cell| cell.at()).max() {
        let idle = facts.days_since(last);
        return Some((idle, format!("was last active {} ago", days(idle))));
    }
    if uses.contains(&Cell::NotSupported) {
        return None;
    }
    let idle = facts.days_since(user.created.at()?);
    Some((idle, format!("did nothing since it was made {} ago", days(idle))))
}

const LONG_TERM_KEYS: CheckMeta = CheckMeta {
    id: "user-long-term-keys",
    title: "No user exists for its access key alone",
    severity: Severity::Low,
    granularity: Granularity::Account,
    rationale: "A user with an active key and no console password is a program. A role gives a program keys that last an hour \
                and that nobody has to store: on EC2, ECS and Lambda by the service, on Kubernetes and CI by OIDC, elsewhere by \
                IAM Roles Anywhere. What can take no role needs an exemption that says so.",
    remediation: Remediation {
        console: "Make a role for the program (IAM, Roles, Create role), let it use the role, then IAM, Users, the user, \
                  Security credentials, Access keys, Actions, Deactivate, and delete the user.",
        cli: "aws iam create-role --role-name <role> --assume-role-policy-document file://trust.json\n\
              # once the program uses the role\n\
              aws iam update-access-key --user-name <user> --access-key-id <key id> --status Inactive",
        playbook: None,
    },
    references: &[Reference {
        document: GUIDE,
        section: "Security best practices in IAM: Require workloads to use temporary credentials with IAM roles to access AWS",
    }],
    facts: &[Fact::CredentialReport],
};

fn long_term_keys(facts: &mut Facts<'_>, _: &Thresholds) -> Judgement {
    let report = facts.credential_report()?;
    let mut found: Vec<FailingResource> = Vec::new();
    for (user, ..) in active_keys(report).filter(|(user, ..)| !user.is_root()) {
        match user.password_enabled {
            Some(true) => {}
            Some(false) => found.push(failing(user, "has an active access key and no console password")),
            None => {
                facts.doubt(REPORT, format!("the report does not tell whether `{}` has a console password", user.user));
            }
        }
    }
    let summary = |count| format!("{} {} an active access key and no console password", users(count), have(count));
    Ok(Outcome::of(found, summary, "no user has an active access key without a console password"))
}

const SIGNING_CERTIFICATE: CheckMeta = CheckMeta {
    id: "user-signing-certificate",
    title: "No user has an active signing certificate",
    severity: Severity::Low,
    granularity: Granularity::Account,
    rationale: "X.509 signing certificates are for SOAP interfaces that AWS gave up long ago. They never expire by themselves, \
                no other check of keys sees them, and nobody rotates them.",
    remediation: Remediation {
        console: "IAM, Users, the user, Security credentials, X.509 signing certificates, Actions, Deactivate; then Delete.",
        cli: "aws iam list-signing-certificates --user-name <user>\n\
              aws iam update-signing-certificate --user-name <user> --certificate-id <certificate id> --status \
              Inactive",
        playbook: None,
    },
    references: &[Reference { document: "IAM API reference", section: "ListSigningCertificates" }],
    facts: &[Fact::CredentialReport],
};

fn signing_certificate(facts: &mut Facts<'_>, _: &Thresholds) -> Judgement {
    let report = facts.credential_report()?;
    let found = rows(report).flat_map(|user| {
        let active = (1..).zip(&user.certificates).filter(|(_, certificate)| certificate.active);
        active.map(move |(number, certificate): (usize, _)| FailingResource {
            resource: format!("{} (signing certificate {number})", user.arn),
            message: match certificate.last_rotated.at() {
                Some(made) => format!("signing certificate {number} is active since {}", made.strftime("%Y-%m-%d")),
                None => format!("signing certificate {number} is active"),
            },
        })
    });
    let summary = |count| match count {
        1 => "1 signing certificate of a user is active".to_owned(),
        _ => format!("{count} signing certificates of users are active"),
    };
    Ok(Outcome::of(found.collect(), summary, "no user has an active signing certificate"))
}

/// Every user's row, the root user's left out.
fn rows(report: &CredentialReport) -> impl Iterator<Item = &CredentialRow> {
    report.rows.iter().filter(|row| !row.is_root())
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{self, days_ago, key, root_row, seen, user_row};
    use super::super::tests::judge;
    use super::*;
    use crate::model::iam::CertificateRow;
    use crate::model::{AccountFacts, Finding, Verdict};
    use jiff::SignedDuration;

    fn found(rows: Vec<CredentialRow>, check: &str) -> Finding {
        let report = CredentialReport { generated_at: days_ago(0), rows };
        let facts = AccountFacts { credential_report: seen(REPORT, report), ..fixtures::account() };
        judge(&fixtures::org(), &facts, check)
    }

    fn active(days: i64) -> crate::model::iam::KeyRow {
        key(true, Cell::At(days_ago(days)), Cell::At(days_ago(1)))
    }

    #[test]
    fn two_active_keys_fail_and_an_inactive_second_does_not() {
        let row = |second| CredentialRow { keys: vec![active(10), second], ..user_row("ann") };
        let inactive = key(false, Cell::At(days_ago(200)), Cell::NotApplicable);
        assert_eq!(found(vec![row(inactive)], "access-key-two-active").verdict, Verdict::Pass);
        let finding = found(vec![root_row(), row(active(100))], "access-key-two-active");
        assert_eq!(finding.message, "1 user has two active access keys");
        // The root user's keys are the root checks' affair.
        let root = CredentialRow { keys: vec![active(1), active(2)], ..root_row() };
        assert_eq!(found(vec![root], "access-key-two-active").verdict, Verdict::Pass);
    }

    #[test]
    fn a_key_made_within_a_minute_of_its_user_was_made_at_set_up() {
        let check = "access-key-at-setup";
        let made = |seconds: i64| {
            let at = days_ago(200) + SignedDuration::from_secs(seconds);
            CredentialRow { keys: vec![key(true, Cell::At(at), Cell::At(days_ago(1)))], ..user_row("ann") }
        };
        for (seconds, verdict) in [(0, Verdict::Fail), (60, Verdict::Fail), (61, Verdict::Pass)] {
            assert_eq!(found(vec![made(seconds)], check).verdict, verdict, "{seconds}");
        }
        let finding = found(vec![made(3)], check);
        assert_eq!(finding.resources[0].message, "access key 1 was made with its user, 199 days ago");
        let robot = CredentialRow { password_enabled: Some(false), ..made(0) };
        assert_eq!(found(vec![robot], check).verdict, Verdict::Pass, "a machine's user");
        let off = CredentialRow { keys: vec![key(false, Cell::At(days_ago(200)), Cell::NotApplicable)], ..made(0) };
        assert_eq!(found(vec![off], check).verdict, Verdict::Pass);
        let unclear = CredentialRow { created: Cell::NotApplicable, ..made(0) };
        assert_eq!(found(vec![unclear], check).verdict, Verdict::Unknown);
    }

    #[test]
    fn a_user_that_never_did_anything_counts_from_its_making() {
        let check = "user-inactive";
        let never = |made: i64| CredentialRow {
            created: Cell::At(days_ago(made)),
            password_last_used: Cell::NoInformation,
            keys: vec![key(false, Cell::NotApplicable, Cell::NotApplicable)],
            ..user_row("ann")
        };
        assert_eq!(found(vec![never(89)], check).verdict, Verdict::Pass);
        let finding = found(vec![never(90)], check);
        assert_eq!(finding.message, "1 user is inactive for 90 days or more");
        assert_eq!(finding.resources[0].message, "did nothing since it was made 90 days ago");
        let by_key =
            CredentialRow { keys: vec![key(false, Cell::At(days_ago(300)), Cell::At(days_ago(5)))], ..never(300) };
        assert_eq!(found(vec![by_key], check).verdict, Verdict::Pass, "a key that was used lately, active or not");
        let unclear = CredentialRow { password_last_used: Cell::NotSupported, ..never(300) };
        assert_eq!(found(vec![unclear], check).verdict, Verdict::Unknown);
        let undated = CredentialRow { created: Cell::NotApplicable, ..never(300) };
        assert_eq!(found(vec![undated], check).verdict, Verdict::Unknown);
    }

    #[test]
    fn a_key_without_a_password_is_a_program() {
        let check = "user-long-term-keys";
        let with = |password| CredentialRow { password_enabled: password, ..user_row("robot") };
        assert_eq!(found(vec![with(Some(true))], check).verdict, Verdict::Pass);
        assert_eq!(found(vec![with(None)], check).verdict, Verdict::Unknown);
        let finding = found(vec![with(Some(false))], check);
        assert_eq!(finding.message, "1 user has an active access key and no console password");
        let off = key(false, Cell::At(days_ago(1)), Cell::NotApplicable);
        let idle = CredentialRow { keys: vec![off], ..with(Some(false)) };
        assert_eq!(found(vec![idle], check).verdict, Verdict::Pass);
    }

    #[test]
    fn each_active_certificate_is_named() {
        let check = "user-signing-certificate";
        let certificate = |active| CertificateRow { active, last_rotated: Cell::At(days_ago(400)) };
        let row = CredentialRow { certificates: vec![certificate(false), certificate(true)], ..user_row("ann") };
        let finding = found(vec![row], check);
        assert_eq!(finding.resources[0].resource, "arn:aws:iam::222222222222:user/ann (signing certificate 2)");
        assert!(finding.resources[0].message.contains("active since 2025"), "{}", finding.resources[0].message);
        let off = CredentialRow { certificates: vec![certificate(false)], ..user_row("ann") };
        assert_eq!(found(vec![off], check).verdict, Verdict::Pass);
    }
}
