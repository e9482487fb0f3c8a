//! The root user: access keys, MFA, hardware MFA, recent use.
//!
//! Owns: four checks, each of one account. Must not: judge that a member whose root credentials are managed centrally
//! needs none of this (that wants the organization's root features as a fact).

use super::evaluate::{Check, Facts, Judge, Judgement, Outcome, days};
use super::references::cis;
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
const ROOT: &str = "<root_account>";

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
        cli: "with the root user's own key: aws iam delete-access-key --access-key-id <key id>; or from the management \
              account: aws sts assume-root --target-principal <account id> --task-policy-arn \
              arn=arn:aws:iam::aws:policy/root-task/IAMDeleteRootUserCredentials --duration-seconds 900, then \
              aws iam delete-access-key --access-key-id <key id>",
        playbook: None,
    },
    references: &cis(["1.4", "1.3", "2.3", "2.4"], "SEC01-BP02"),
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
        cli: "the root user's MFA can be set in the console only; to remove root credentials of a member altogether: \
              aws iam enable-organizations-root-credentials-management",
        playbook: None,
    },
    references: &cis(["1.5", "1.4", "2.4", "2.5"], "SEC02-BP01"),
    facts: &[Fact::AccountSummary],
};

fn mfa(facts: &mut Facts<'_>, _: &Thresholds) -> Judgement {
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
        cli: "the root user's MFA can be set in the console only; to find virtual ones: \
              aws iam list-virtual-mfa-devices --assignment-status Assigned",
        playbook: None,
    },
    references: &cis(["1.6", "1.5", "2.5", "2.6"], "SEC02-BP01"),
    facts: &[Fact::AccountSummary, Fact::VirtualMfaDevices],
};

fn hardware_mfa(facts: &mut Facts<'_>, _: &Thresholds) -> Judgement {
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
        playbook: Some("root-usage-alarm"),
    },
    references: &cis(["1.7", "1.6", "2.6", "2.7"], "SEC01-BP02"),
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
