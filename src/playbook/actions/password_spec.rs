//! Reads the `password_policy` action.
//!
//! Must not: look at an account.

use super::targets;
use crate::playbook::load::Loading;
use crate::playbook::node::Node;
use crate::playbook::read::{Fields, Reader};
use crate::playbook::schema::PasswordPolicySpec;
use std::ops::RangeInclusive;

/// Reads `password_policy`. Ranges: IAM API reference, `UpdateAccountPasswordPolicy`.
pub fn read(loading: &mut Loading<'_>, body: &Node) -> Option<PasswordPolicySpec> {
    let reader = &mut loading.reader;
    let mut fields = reader.fields(body, "`password_policy`")?;
    let before = reader.errors.len();
    let spec = PasswordPolicySpec {
        targets: fields.get("targets").and_then(|node| targets(reader, node, "targets")),
        minimum_length: number(reader, &mut fields, "minimum_length", 6..=128),
        require_symbols: flag(reader, &mut fields, "require_symbols"),
        require_numbers: flag(reader, &mut fields, "require_numbers"),
        require_uppercase: flag(reader, &mut fields, "require_uppercase"),
        require_lowercase: flag(reader, &mut fields, "require_lowercase"),
        max_age: number(reader, &mut fields, "max_age", 1..=1095),
        reuse_prevention: number(reader, &mut fields, "reuse_prevention", 1..=24),
        hard_expiry: flag(reader, &mut fields, "hard_expiry"),
        allow_users_to_change: flag(reader, &mut fields, "allow_users_to_change"),
        exact: flag(reader, &mut fields, "exact").unwrap_or(false),
    };
    reader.done(&fields);
    let is_setting = |key: &str| key != "targets" && key != "exact";
    if !fields.entries().iter().any(|(key, _, _)| is_setting(key)) {
        reader.error(fields.at, "`password_policy` sets nothing, give at least one setting such as `minimum_length`");
    }
    // `targets` that could not be read must not turn into "every account".
    (reader.errors.len() == before).then_some(spec)
}

fn number(reader: &mut Reader, fields: &mut Fields<'_>, key: &'static str, range: RangeInclusive<i32>) -> Option<i32> {
    fields.get(key).and_then(|node| reader.number(node, key, range))
}

fn flag(reader: &mut Reader, fields: &mut Fields<'_>, key: &'static str) -> Option<bool> {
    fields.get(key).and_then(|node| reader.flag(node, key))
}
