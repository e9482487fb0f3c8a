//! The root user: access keys, MFA, hardware MFA, recent use.
//!
//! Owns: four checks, each of one account. Must not: ask whether root credentials are managed centrally: an account without
//! any says so itself.
//!
//! Source: IAM API reference, `GetAccountSummary`; IAM user guide, "Centralize root access for member accounts".

use super::evaluate::{Check, Facts, Judge, Judgement, Outcome, days};
use super::references::aws;
use super::thresholds::Thresholds;
use crate::model::check::{CheckMeta, Fact, Granularity, Remediation, Severity};
use crate::model::finding::FailingResource;
use crate::model::iam::{Cell, CredentialReport, CredentialRow};

/// The family.
pub(super) const CHECKS: &[Check] = &[
    Check { meta: ACCESS_KEYS, judge: Judge::Whole(access_keys) },
    Check { meta: MFA, judge: Judge::Whole(mfa) },
    Check { meta: HARDWARE_MFA, judge: Judge::Whole(hardware_mfa) },
    Check { meta: RECENT_USE, judge: Judge::Whole(recent_use) },
];

/// What findings call the root user, which has no ARN in these facts.
pub(super) const ROOT: &str = "<root_account>";

pub(super) const ACCESS_KEYS: CheckMeta = CheckMeta {
    id: "root-access-keys",
    title: "The root user has no access keys",
    severity: Severity::Critical,
    granularity: Granularity::Account,
    rationale: "A root access key can do anything in the account, can't be narrowed by an IAM policy, and needs no MFA. \
                Nothing needs one.",
    remediation: Remediation {
        console: "Sign in as the root user, open Security credentials, deactivate each access key, and delete it once \
                  nothing fails. Under centralised root access: IAM, Root access management, the account, Delete root \
                  user credentials.",
        cli: "# with the root user's own key\n\
              aws iam delete-access-key --access-key-id <key id>\n\
              # or, from the management account\n\
              aws sts assume-root --target-principal <account id> --task-policy-arn \
              arn=arn:aws:iam::aws:policy/root-task/IAMDeleteRootUserCredentials --duration-seconds 900\n\
              # and with the credentials that it gives\n\
              aws iam list-access-keys\n\
              aws iam delete-access-key --access-key-id <key id>",
        playbook: None,
    },
    references: &[aws("IAM user guide", "Root user best practices for your AWS account")],
    facts: &[Fact::AccountSummary],
};

fn access_keys(facts: &mut Facts<'_>, _: &Thresholds) -> Judgement {
    Ok(match facts.summary("AccountAccessKeysPresent")? {
        0 => Outcome::pass("the root user has no access keys"),
        _ => Outcome::fail(ROOT, "the root user has an access key"),
    })
}

pub(super) const MFA: CheckMeta = CheckMeta {
    id: "root-mfa",
    title: "MFA is on for the root user",
    severity: Severity::Critical,
    granularity: Granularity::Account,
    rationale: "The root user's password alone, or its mailbox through a password reset, must not be enough to take the \
                account over.",
    remediation: Remediation {
        console: "Sign in as the root user, open Security credentials, Multi-factor authentication, Assign MFA device.",
        cli: "# the console alone assigns a device; a member can do\n\
              # without root credentials: in the management account\n\
              aws iam enable-organizations-root-credentials-management\n\
              aws sts assume-root --target-principal <account id> --task-policy-arn \
              arn=arn:aws:iam::aws:policy/root-task/IAMDeleteRootUserCredentials --duration-seconds 900\n\
              # and with the credentials that it gives\n\
              aws iam delete-login-profile",
        playbook: None,
    },
    references: &[aws("IAM user guide", "Multi-factor authentication for AWS account root user")],
    facts: &[Fact::AccountSummary],
};

/// Whether the root user has nothing to sign in or sign calls with, as in members whose root credentials were deleted or
/// never made. Only an answer that says so for each kind counts.
pub(super) fn no_credentials(facts: &mut Facts<'_>) -> bool {
    ["AccountPasswordPresent", "AccountAccessKeysPresent", "AccountSigningCertificatesPresent"]
        .iter()
        .all(|kind| facts.summary_if_there(kind) == Ok(Some(0)))
}

pub(super) fn without_credentials() -> Outcome {
    Outcome::NotApplicable("the account has no root credentials".to_owned())
}

fn mfa(facts: &mut Facts<'_>, _: &Thresholds) -> Judgement {
    if no_credentials(facts) {
        return Ok(without_credentials());
    }
    Ok(match facts.summary("AccountMFAEnabled")? {
        0 => Outcome::fail(ROOT, "the root user has no MFA device"),
        _ => Outcome::pass("the root user has an MFA device"),
    })
}

pub(super) const HARDWARE_MFA: CheckMeta = CheckMeta {
    id: "root-hardware-mfa",
    title: "The root user's MFA is a hardware device",
    severity: Severity::Medium,
    granularity: Granularity::Account,
    rationale: "A virtual device lives on a phone or a laptop that can be lost, copied or taken over; a security key or \
                hardware token does nothing else and can be kept in a safe.",
    remediation: Remediation {
        console: "Sign in as the root user, open Security credentials, Multi-factor authentication, assign a passkey on a \
                  security key or a hardware TOTP token, then remove the virtual device.",
        cli: "# the root user's virtual device is the one to replace, in\n\
              # the console only\n\
              aws iam list-virtual-mfa-devices --assignment-status Assigned",
        playbook: None,
    },
    references: &[aws("IAM user guide", "Enable a hardware TOTP token for the root user (console)")],
    facts: &[Fact::AccountSummary, Fact::VirtualMfaDevices],
};

fn hardware_mfa(facts: &mut Facts<'_>, _: &Thresholds) -> Judgement {
    if no_credentials(facts) {
        return Ok(without_credentials());
    }
    let on = facts.summary("AccountMFAEnabled");
    if on == Ok(0) {
        return Ok(Outcome::fail(ROOT, "the root user has no MFA device"));
    }
    let devices = facts.virtual_mfa_devices()?;
    let virtual_ones: Vec<FailingResource> = devices
        .iter()
        .filter(|device| device.user_arn.as_deref().is_some_and(|arn| arn.ends_with(":root")))
        .map(|device| FailingResource {
            resource: device.serial.clone(),
            message: "this virtual MFA device belongs to the root user".to_owned(),
        })
        .collect();
    if virtual_ones.is_empty() {
        on?;
    }
    Ok(Outcome::of(
        virtual_ones,
        |count| format!("the root user has {count} virtual MFA device{}", if count == 1 { "" } else { "s" }),
        "the root user has MFA and no virtual device",
    ))
}

pub(super) const RECENT_USE: CheckMeta = CheckMeta {
    id: "root-recent-use",
    title: "The root user was not used lately",
    severity: Severity::High,
    granularity: Granularity::Account,
    rationale: "The root user is for the few tasks that need it. Use on other days is a habit to end or an intruder to \
                find. The default, 90 days, shows every use to an audit made each quarter.",
    remediation: Remediation {
        console: "Look for the root user's events in CloudTrail, Event history (User name: root), find who it was, and move \
                  the task to a role.",
        cli: "aws cloudtrail lookup-events --lookup-attributes AttributeKey=Username,AttributeValue=root",
        playbook: None,
    },
    references: &[aws("IAM user guide", "Tasks that require root user credentials")],
    facts: &[Fact::CredentialReport],
};

fn recent_use(facts: &mut Facts<'_>, thresholds: &Thresholds) -> Judgement {
    let report = facts.credential_report()?;
    let Some(root) = root_row(report) else {
        return Err(facts.doubt("iam:GetCredentialReport", "the report has no row for the root user"));
    };
    let keys = root.keys.iter().map(|key| key.last_used);
    let uses: Vec<Cell> = std::iter::once(root.password_last_used).chain(keys).collect();
    let Some(last) = uses.iter().filter_map(|cell| cell.at()).max() else {
        if root.password_last_used == Cell::NotSupported {
            return Err(facts.doubt("iam:GetCredentialReport", "the report does not tell when the root user was used"));
        }
        return Ok(Outcome::pass("no use of the root user is on record"));
    };
    let ago = facts.days_since(last);
    if ago <= i64::from(thresholds.root_use_days) {
        return Ok(Outcome::fail(
            ROOT,
            format!(
                "the root user was used {} ago, within the last {}",
                days(ago),
                days(thresholds.root_use_days.into())
            ),
        ));
    }
    if root.password_last_used == Cell::NotSupported {
        return Err(facts.doubt("iam:GetCredentialReport", "the report does not tell when the root user signed in"));
    }
    Ok(Outcome::pass(format!("the root user was last used {} ago", days(ago))))
}

fn root_row(report: &CredentialReport) -> Option<&CredentialRow> {
    report.rows.iter().find(|row| row.is_root())
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{self, days_ago, key, root_row, seen, user_row};
    use super::super::tests::{hidden, judge};
    use super::*;
    use crate::model::Verdict;
    use crate::model::iam::VirtualMfaDevice;
    use crate::model::{AccountFacts, CauseKind};

    fn summary(key: &str, value: i64) -> AccountFacts {
        let mut facts = fixtures::account();
        facts.summary = facts.summary.map(|mut entries| {
            entries.insert(key.to_owned(), value);
            entries
        });
        facts
    }

    fn report(rows: Vec<CredentialRow>) -> AccountFacts {
        let report = CredentialReport { generated_at: days_ago(0), rows };
        AccountFacts { credential_report: seen("iam:GetCredentialReport", report), ..fixtures::account() }
    }

    fn root_device() -> VirtualMfaDevice {
        let serial = "arn:aws:iam::222222222222:mfa/root-account-mfa-device".to_owned();
        VirtualMfaDevice { serial, user_arn: Some("arn:aws:iam::222222222222:root".to_owned()) }
    }

    #[test]
    fn an_access_key_of_the_root_user_fails() {
        let found = judge(&fixtures::org(), &summary("AccountAccessKeysPresent", 1), "root-access-keys");
        assert_eq!((found.verdict, found.message.as_str()), (Verdict::Fail, "the root user has an access key"));
        assert_eq!(found.severity, Severity::Critical);
        assert_eq!(found.resources.len(), 1);
        assert_eq!(found.evidence.len(), 1);
    }

    #[test]
    fn a_summary_without_the_entry_is_unknown() {
        let mut facts = fixtures::account();
        facts.summary = seen("iam:GetAccountSummary", std::collections::BTreeMap::new());
        for check in ["root-access-keys", "root-mfa", "root-hardware-mfa"] {
            let found = judge(&fixtures::org(), &facts, check);
            assert_eq!(found.verdict, Verdict::Unknown, "{check}");
            assert_eq!(found.cause.map(|cause| cause.kind), Some(CauseKind::Other));
        }
        facts.summary = fixtures::absent("iam:GetAccountSummary");
        assert_eq!(judge(&fixtures::org(), &facts, "root-mfa").verdict, Verdict::Unknown);
    }

    #[test]
    fn no_mfa_fails_both_mfa_checks_even_if_devices_are_unknown() {
        let mut facts = summary("AccountMFAEnabled", 0);
        facts.virtual_mfa_devices = hidden();
        assert_eq!(judge(&fixtures::org(), &facts, "root-mfa").verdict, Verdict::Fail);
        assert_eq!(judge(&fixtures::org(), &facts, "root-hardware-mfa").verdict, Verdict::Fail);
    }

    #[test]
    fn an_account_without_root_credentials_needs_no_mfa() {
        let with = |password: Option<i64>, keys: i64, certificates: i64| {
            let mut facts = fixtures::account();
            let entries = [
                ("AccountMFAEnabled", Some(0)),
                ("AccountPasswordPresent", password),
                ("AccountAccessKeysPresent", Some(keys)),
                ("AccountSigningCertificatesPresent", Some(certificates)),
            ];
            let entries = entries.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect();
            facts.summary = seen("iam:GetAccountSummary", entries);
            // Devices do not matter then.
            facts.virtual_mfa_devices = hidden();
            facts
        };
        for (password, keys, certificates, verdict) in [
            (Some(0), 0, 0, Verdict::NotApplicable),
            (Some(1), 0, 0, Verdict::Fail),
            (Some(0), 1, 0, Verdict::Fail),
            (Some(0), 0, 1, Verdict::Fail),
            // An answer that does not tell is judged by MFA alone.
            (None, 0, 0, Verdict::Fail),
        ] {
            for check in ["root-mfa", "root-hardware-mfa"] {
                let found = judge(&fixtures::org(), &with(password, keys, certificates), check);
                assert_eq!(found.verdict, verdict, "{check} {password:?} {keys} {certificates}: {}", found.message);
                if verdict == Verdict::NotApplicable {
                    assert_eq!(found.message, "the account has no root credentials");
                }
            }
        }
    }

    #[test]
    fn a_virtual_device_of_the_root_user_fails_even_if_the_summary_is_unknown() {
        let mut facts = fixtures::account();
        facts.virtual_mfa_devices = seen("iam:ListVirtualMFADevices", vec![root_device()]);
        let found = judge(&fixtures::org(), &facts, "root-hardware-mfa");
        assert_eq!(found.verdict, Verdict::Fail);
        assert!(found.resources[0].resource.ends_with("mfa/root-account-mfa-device"));
        facts.summary = hidden();
        assert_eq!(judge(&fixtures::org(), &facts, "root-hardware-mfa").verdict, Verdict::Fail);
        assert_eq!(judge(&fixtures::org(), &facts, "root-mfa").verdict, Verdict::Unknown);
    }

    #[test]
    fn use_within_the_days_fails_by_password_or_key() {
        for (days, verdict) in [(0, Verdict::Fail), (90, Verdict::Fail), (91, Verdict::Pass)] {
            let by_password = CredentialRow { password_last_used: Cell::At(days_ago(days)), ..root_row() };
            let used = Cell::At(days_ago(days));
            let by_key = CredentialRow { keys: vec![key(true, Cell::At(days_ago(300)), used)], ..root_row() };
            for row in [by_password, by_key] {
                let found = judge(&fixtures::org(), &report(vec![row]), "root-recent-use");
                assert_eq!(found.verdict, verdict, "{days}: {}", found.message);
            }
        }
        let row = CredentialRow { password_last_used: Cell::At(days_ago(1)), ..root_row() };
        let found = judge(&fixtures::org(), &report(vec![row]), "root-recent-use");
        assert_eq!(found.message, "the root user was used 1 day ago, within the last 90 days");
    }

    #[test]
    fn a_report_without_the_root_row_is_no_silent_pass() {
        let found = judge(&fixtures::org(), &report(vec![user_row("ann")]), "root-recent-use");
        assert_eq!(found.verdict, Verdict::Unknown);
        assert!(found.message.contains("no row for the root user"), "{}", found.message);
        let row = CredentialRow { password_last_used: Cell::NotSupported, ..root_row() };
        assert_eq!(judge(&fixtures::org(), &report(vec![row]), "root-recent-use").verdict, Verdict::Unknown);
    }
}
