//! An account's IAM password policy.
//!
//! Owns: its read and its write. Must not: decide what the policy should be.
//!
//! Source: IAM API reference, `GetAccountPasswordPolicy`, `UpdateAccountPasswordPolicy`, `DeleteAccountPasswordPolicy`.
//! An update has no partial form: a field left out reverts to its default, so every field is sent.

use super::call::{done, present};
use super::document;
use crate::aws::AccountSession;
use crate::model::address::Doc;
use crate::model::iam::PasswordPolicy;
use crate::model::observed::{Cause, Observed};

const READ: &str = "iam:GetAccountPasswordPolicy";
const WRITE: &str = "iam:UpdateAccountPasswordPolicy";
const DELETE: &str = "iam:DeleteAccountPasswordPolicy";

/// The length IAM uses where a policy leaves it out.
const DEFAULT_LENGTH: i32 = 6;

/// The password policy; absent where the account has none, so that IAM's default applies.
pub(crate) async fn get(session: &AccountSession) -> Observed<PasswordPolicy> {
    let work = async {
        let answer = session.iam().get_account_password_policy().send().await;
        let policy = present(READ, answer, &["NoSuchEntity"])?.and_then(|answer| answer.password_policy);
        Ok(policy.map(|policy| from_aws(&policy)))
    };
    session.observe(READ, &session.global_region(), work).await
}

fn from_aws(policy: &aws_sdk_iam::types::PasswordPolicy) -> PasswordPolicy {
    PasswordPolicy {
        minimum_password_length: policy.minimum_password_length.unwrap_or(DEFAULT_LENGTH),
        require_symbols: policy.require_symbols,
        require_numbers: policy.require_numbers,
        require_uppercase_characters: policy.require_uppercase_characters,
        require_lowercase_characters: policy.require_lowercase_characters,
        allow_users_to_change_password: policy.allow_users_to_change_password,
        max_password_age: policy.max_password_age.filter(|days| *days > 0),
        password_reuse_prevention: policy.password_reuse_prevention.filter(|count| *count > 0),
        hard_expiry: policy.hard_expiry.unwrap_or(false),
    }
}

/// The policy as a document.
pub(super) async fn read(session: &AccountSession) -> Observed<Doc> {
    document::observed(get(session).await, |policy| document::of(READ, policy))
}

/// Writes the whole policy, or deletes it.
pub(super) async fn write(session: &AccountSession, after: Option<&Doc>) -> Result<(), Cause> {
    let Some(after) = after else {
        let answer = session.iam().delete_account_password_policy().send().await;
        return present(DELETE, answer, &["NoSuchEntity"]).map(drop);
    };
    let policy: PasswordPolicy = document::read(WRITE, after)?;
    let request = session
        .iam()
        .update_account_password_policy()
        .minimum_password_length(policy.minimum_password_length)
        .require_symbols(policy.require_symbols)
        .require_numbers(policy.require_numbers)
        .require_uppercase_characters(policy.require_uppercase_characters)
        .require_lowercase_characters(policy.require_lowercase_characters)
        .allow_users_to_change_password(policy.allow_users_to_change_password)
        .set_max_password_age(policy.max_password_age)
        .set_password_reuse_prevention(policy.password_reuse_prevention)
        .hard_expiry(policy.hard_expiry);
    done(WRITE, request.send().await).map(drop)
}
