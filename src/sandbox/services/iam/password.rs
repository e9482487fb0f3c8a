//! The account's password policy.
//!
//! Owns: its ranges, and that an update resets whatever it leaves out. Must not: merge (that is the caller's work, as on
//! AWS).
//!
//! Source: IAM API reference, `UpdateAccountPasswordPolicy`.

use super::{no_such_entity, out_of_range};
use crate::model::iam::PasswordPolicy;
use crate::sandbox::{ApiError, Caller, Org, input};
use serde_json::{Value, json};

fn none_here(caller: &Caller) -> ApiError {
    no_such_entity(format!("The Password Policy with domain name {} cannot be found.", caller.account))
}

pub(super) fn get(org: &mut Org, caller: &Caller, _input: Value) -> Result<Value, ApiError> {
    let state = org.unpeopled(&caller.account);
    let policy = state.password_policy.as_ref().ok_or_else(|| none_here(caller))?;
    Ok(json!({ "PasswordPolicy": {
        "MinimumPasswordLength": policy.minimum_password_length,
        "RequireSymbols": policy.require_symbols,
        "RequireNumbers": policy.require_numbers,
        "RequireUppercaseCharacters": policy.require_uppercase_characters,
        "RequireLowercaseCharacters": policy.require_lowercase_characters,
        "AllowUsersToChangePassword": policy.allow_users_to_change_password,
        "ExpirePasswords": policy.max_password_age.is_some(),
        "MaxPasswordAge": policy.max_password_age,
        "PasswordReusePrevention": policy.password_reuse_prevention,
        "HardExpiry": policy.hard_expiry,
    }}))
}

pub(super) fn update(org: &mut Org, caller: &Caller, input: Value) -> Result<Value, ApiError> {
    let flag = |name: &str| input::opt_bool(&input, name).map(Option::unwrap_or_default);
    let policy = PasswordPolicy {
        minimum_password_length: number(&input, "MinimumPasswordLength", 6, 128)?.unwrap_or(6),
        require_symbols: flag("RequireSymbols")?,
        require_numbers: flag("RequireNumbers")?,
        require_uppercase_characters: flag("RequireUppercaseCharacters")?,
        require_lowercase_characters: flag("RequireLowercaseCharacters")?,
        allow_users_to_change_password: flag("AllowUsersToChangePassword")?,
        max_password_age: number(&input, "MaxPasswordAge", 1, 1_095)?,
        password_reuse_prevention: number(&input, "PasswordReusePrevention", 1, 24)?,
        hard_expiry: flag("HardExpiry")?,
    };
    org.state_mut(&caller.account).password_policy = Some(policy);
    Ok(Value::Null)
}

fn number(input: &Value, name: &str, low: i64, high: i64) -> Result<Option<i32>, ApiError> {
    let Some(value) = input::opt_int(input, name)? else { return Ok(None) };
    // AWS's messages name the member in lower camel case.
    let mut member = name.to_owned();
    if let Some(first) = member.get_mut(..1) {
        first.make_ascii_lowercase();
    }
    if value < low {
        return Err(out_of_range(&member, value, &format!("greater than or equal to {low}")));
    }
    match i32::try_from(value) {
        Ok(small) if value <= high => Ok(Some(small)),
        _ => Err(out_of_range(&member, value, &format!("less than or equal to {high}"))),
    }
}

pub(super) fn delete(org: &mut Org, caller: &Caller, _input: Value) -> Result<Value, ApiError> {
    if org.unpeopled(&caller.account).password_policy.is_none() {
        return Err(none_here(caller));
    }
    org.state_mut(&caller.account).password_policy = None;
    Ok(Value::Null)
}
