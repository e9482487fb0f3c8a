//! Who runs orgward, whether that is the place to run it from, and this machine's clock.
//!
//! Must not: ask anybody.

use super::diagnosis::{Line, Section};
use crate::collect::CollectError;
use crate::model::ids::Arn;
use crate::model::{AccountId, Cause, CauseKind, OrgFacts};
use jiff::SignedDuration;
use std::collections::BTreeSet;

/// From here on a clock is told.
const DRIFTING: SignedDuration = SignedDuration::from_secs(60);
/// From here on AWS refuses signatures.
const REFUSED: SignedDuration = SignedDuration::from_mins(5);

/// What is to be said where there are no credentials, or STS does not answer to them.
pub fn unconnected(cause: &Cause, profile: Option<&str>) -> Line {
    let fix = match cause.kind {
        CauseKind::ExpiredCredentials => {
            let profile = profile.map(|name| format!(" --profile {}", shell(name))).unwrap_or_default();
            format!("aws sso login{profile} # or whichever way you sign in")
        }
        CauseKind::Unreachable | CauseKind::TimedOut | CauseKind::NotAnAwsAnswer => {
            "env | grep -i -e proxy -e AWS_ENDPOINT # then mend the network or the proxy".to_owned()
        }
        CauseKind::NoCertificates => {
            "sudo apt-get install ca-certificates # or name a file of them: export SSL_CERT_FILE=/path/to/ca-certificates.crt"
                .to_owned()
        }
        _ => "orgward config # shows each setting, and where it came from".to_owned(),
    };
    Line::problem(Section::Caller, "no_caller", format!("nobody is signed in: {cause}"), fix)
}

/// What is to be said where the organization could not be enumerated.
pub fn refused(error: &CollectError, profile: Option<&str>) -> Line {
    let again = "orgward doctor --profile PROFILE";
    match error {
        CollectError::PlainMember { organization, management, caller } => Line::problem(
            Section::Organization,
            "plain_member",
            format!(
                "account {caller} is a plain member of organization {organization}: Organizations answers management account \
                 {management} and delegated administrators"
            ),
            format!(
                "aws organizations register-delegated-administrator --account-id {caller} --service-principal \
                 access-analyzer.amazonaws.com # from {management}, or run doctor from there: --profile PROFILE"
            ),
        ),
        CollectError::NotEnabled { caller } => Line::problem(
            Section::Organization,
            "no_organization",
            format!("account {caller} is in no organization"),
            format!("{again} # one of the management account; a new one: aws organizations create-organization"),
        ),
        CollectError::Failed { what, cause } if cause.kind == CauseKind::AccessDenied => Line::problem(
            Section::Organization,
            "organization_denied",
            format!("the {what} may not be read: {cause}"),
            "orgward permissions --for audit-caller > audit-caller.json # and give the caller that policy",
        ),
        CollectError::Failed { cause, .. } if cause.kind == CauseKind::ExpiredCredentials => {
            Line { section: Section::Organization, ..unconnected(cause, profile) }
        }
        other => {
            Line::unknown(Section::Organization, "organization_unknown", other.to_string(), "orgward doctor # again")
        }
    }
}

/// The lines of a caller who could enumerate.
pub(super) fn caller(org: &OrgFacts, account: &AccountId, arn: &str) -> Vec<Line> {
    let organization = &org.organization;
    let parsed = Arn::parse(arn);
    let mut lines = Vec::new();
    let resource = parsed.as_ref().map(|arn| arn.resource).unwrap_or_default();
    if resource == "root" {
        lines.push(Line::problem(
            Section::Caller,
            "caller_is_root",
            format!("the caller is the root user of account {account}, who can assume no role"),
            "orgward doctor --profile PROFILE # a role or a user of the same account",
        ));
    } else {
        lines.push(Line::ok(Section::Caller, "caller", format!("signed in as {arn}")));
    }
    if resource.starts_with("assumed-role/") {
        let text =
            "the caller is itself a session of a role, so sessions in members last an hour and are renewed meanwhile";
        lines.push(Line::note(Section::Caller, "chained", text));
    }
    lines.push(if organization.management_account == *account {
        let text = format!("account {account} is the management account of organization {}", organization.id);
        Line::ok(Section::Organization, "management", text)
    } else {
        let text = format!(
            "account {account} is a delegated administrator of organization {}: service control policies bind it",
            organization.id
        );
        Line::note(Section::Organization, "delegated", text)
    });
    lines
}

/// Whether a delegated administrator may write the organization's policies: what of it the delegation policy lacks, and why, if
/// that can be told.
pub fn delegation(
    missing: Result<Option<(BTreeSet<&str>, String)>, String>,
    caller: &AccountId,
    management: &AccountId,
) -> Line {
    let (section, code) = (Section::Changing, "delegation");
    match missing {
        Ok(None) => Line::ok(section, code, "the organization's delegation policy lets this account write policies"),
        Ok(Some((actions, why))) => {
            let text = format!("delegated administrator {caller} may not write the organization's policies: {why}");
            let fix =
                format!("aws organizations put-resource-policy --content file://delegation.json # from {management}");
            let actions = actions.into_iter().map(str::to_owned).collect();
            Line { actions, ..Line::problem(section, code, text, fix) }
        }
        Err(why) => {
            let text = format!("whether delegated administrator {caller} may write policies can't be told: {why}");
            Line::unknown(section, code, text, "aws organizations describe-resource-policy")
        }
    }
}

/// This machine's clock, `ahead` of AWS's.
pub fn clock(ahead: Option<SignedDuration>) -> Line {
    let Some(ahead) = ahead else {
        let text = "how far this machine's clock is off can't be told: no answer of AWS had a date";
        return Line::unknown(Section::Machine, "clock_unknown", text, "date -u # compare it with https://time.gov");
    };
    let off = ahead.abs();
    let side = if ahead.is_negative() { "behind" } else { "ahead of" };
    let words = format!("this machine's clock is {} s {side} AWS's", off.as_secs());
    let fix = "sudo timedatectl set-ntp true # or whatever sets the clock here";
    if off >= REFUSED {
        let text = format!("{words}: AWS refuses requests signed more than five minutes off");
        Line::problem(Section::Machine, "clock_skewed", text, fix)
    } else if off >= DRIFTING {
        let text = format!("{words}: from five minutes on AWS refuses every request");
        Line::problem(Section::Machine, "clock_drifting", text, fix)
    } else if off.as_secs() == 0 {
        Line::ok(Section::Machine, "clock", "this machine's clock agrees with AWS's")
    } else {
        Line::ok(Section::Machine, "clock", words)
    }
}

/// A word that a shell reads as it is.
pub fn shell(word: &str) -> String {
    let safe = |c: char| c.is_ascii_alphanumeric() || "_-+=,.@:/%".contains(c);
    if !word.is_empty() && word.chars().all(safe) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}
