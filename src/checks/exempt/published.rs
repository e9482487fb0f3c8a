//! The form of a file of exemptions as a JSON Schema, for editors: what `file` reads, written down a second time.
//!
//! Owns: the shapes; a test holds their keys against the loader. Must not: be more lenient than the loader about keys.

#![allow(dead_code, reason = "these types are never made: their shape is what they are for")]

use schemars::{JsonSchema, Schema, SchemaGenerator};
use std::collections::BTreeMap;

/// The schema.
pub fn schema(generator: SchemaGenerator) -> Schema {
    generator.into_root_schema_for::<Exemptions>()
}

/// Failures that someone answers for until a day, and controls that somebody looked at.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Exemptions {
    /// The version of this form.
    #[schemars(range(min = 1, max = 1))]
    version: u32,
    /// Failures that someone answers for.
    exemptions: Option<Vec<Exemption>>,
    /// Controls that only a person can tell, told.
    attestations: Option<Vec<Attestation>>,
}

/// Failures that someone answers for until a day.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Exemption {
    /// What findings name it by: letters, digits, `-`, `_` and `.`.
    #[schemars(regex(pattern = "^[A-Za-z0-9_.-]{1,64}$"))]
    id: String,
    /// Ids of checks; `*` stands for any letters.
    checks: Texts,
    /// Where it holds.
    scope: Scope,
    /// Resources it holds for, with `*` and `?`; left out: everything that fails there.
    #[serde(default)]
    resources: Texts,
    /// Who answers for it.
    owner: Text,
    /// Why.
    reason: Text,
    /// Where it was agreed.
    ticket: Text,
    /// The last day on which it holds, in UTC.
    expires: Day,
}

/// A text that is not empty.
#[derive(JsonSchema)]
#[schemars(transparent)]
struct Text(#[schemars(regex(pattern = r"\S"))] String);

/// A day, such as 2026-12-31.
#[derive(JsonSchema)]
#[schemars(transparent)]
struct Day(#[schemars(regex(pattern = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"))] String);

/// A text, or a list of them.
#[derive(Default, JsonSchema)]
#[schemars(untagged)]
enum Texts {
    #[default]
    #[schemars(skip)]
    None,
    One(#[schemars(regex(pattern = r"\S"))] String),
    Many(#[schemars(length(min = 1))] Vec<Text>),
}

/// Everywhere, the organization itself, or the accounts that fit everything that is named.
#[derive(JsonSchema)]
#[schemars(untagged)]
enum Scope {
    Everywhere(Everywhere),
    Named(Named),
}

/// Every account, and the organization itself.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
enum Everywhere {
    Everywhere,
}

/// Everything that is named must fit.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, extend("minProperties" = 1))]
struct Named {
    /// Verdicts of the organization itself, and nothing beside.
    organization: Option<bool>,
    /// These accounts.
    accounts: Option<Accounts>,
    /// Accounts below these OUs: paths or ids.
    ous: Option<Texts>,
    /// Accounts with all of these tags.
    #[schemars(extend("minProperties" = 1))]
    tags: Option<BTreeMap<String, String>>,
}

/// An account, or a list of them.
#[derive(JsonSchema)]
#[schemars(untagged)]
enum Accounts {
    One(Account),
    Many(#[schemars(length(min = 1))] Vec<Account>),
}

/// An account id, in quotes or without.
#[derive(JsonSchema)]
#[schemars(untagged)]
enum Account {
    Text(#[schemars(regex(pattern = "^[0-9]{12}$"))] String),
    Number(#[schemars(range(min = 100_000_000_000_i64, max = 999_999_999_999_i64))] i64),
}

/// A person's word that a control, or what checks leave of it, is met.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Attestation {
    /// The framework, as `--framework` names it.
    framework: Text,
    /// The control's id in it, in quotes.
    control: Text,
    /// Who says so.
    owner: Text,
    /// What was looked at.
    statement: Text,
    /// When, in UTC.
    date: Day,
    /// The last day on which it holds, in UTC.
    expires: Day,
}
