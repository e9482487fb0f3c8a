//! The canonical form of a policy: equal for policies that mean the same.
//!
//! Owns: what a difference without meaning is. Must not: reason about what one statement covers of another.

use super::condition::is_boolean;
use super::document::{Condition, Document, Principals, Statement};
use crate::model::ids::Arn;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The canonical form, itself a policy: lists as sorted sets, one string as a list, actions and condition keys without
/// case, `{"AWS": "*"}` as `"*"`, an account's root ARN as its id, booleans and numbers as text, statements sorted, the
/// default version written out. `Sid` and `Id` are kept: people find statements by them.
pub fn canonical(document: &Document) -> Value {
    let statements: BTreeMap<String, Value> = document
        .statements()
        .iter()
        .map(|statement| {
            let value = canonical_statement(statement);
            (value.to_string(), value)
        })
        .collect();
    let mut out = Map::new();
    out.insert("Version".to_owned(), document.version().as_str().into());
    if let Some(id) = document.id() {
        out.insert("Id".to_owned(), id.into());
    }
    out.insert("Statement".to_owned(), Value::Array(statements.into_values().collect()));
    Value::Object(out)
}

/// Whether two policy texts mean the same: by canonical form, or letter by letter if one can't be read.
pub fn same_meaning(a: &str, b: &str) -> bool {
    if a == b {
        return true;
    }
    match (Document::parse(a), Document::parse(b)) {
        (Ok(a), Ok(b)) => canonical(&a) == canonical(&b),
        _ => false,
    }
}

/// The canonical form of a statement without its name: equal for statements that decide the same in the same version.
pub(super) fn statement_without_sid(statement: &Statement) -> Value {
    let mut value = canonical_statement(statement);
    if let Some(statement) = value.as_object_mut() {
        statement.remove("Sid");
    }
    value
}

fn canonical_statement(statement: &Statement) -> Value {
    let mut out = Map::new();
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            out.insert(name.to_owned(), value);
        }
    };
    put("Sid", statement.sid().map(Value::from));
    put("Effect", Some(statement.effect().as_str().into()));
    put("Principal", statement.principals().map(canonical_principals));
    put("NotPrincipal", statement.not_principals().map(canonical_principals));
    put("Action", set(statement.actions().iter().map(|action| action.to_ascii_lowercase())));
    put("NotAction", set(statement.not_actions().iter().map(|action| action.to_ascii_lowercase())));
    put("Resource", set(statement.resources().iter().cloned()));
    put("NotResource", set(statement.not_resources().iter().cloned()));
    put("Condition", canonical_conditions(statement.conditions()));
    Value::Object(out)
}

/// A sorted list without doubles; nothing if it is empty.
fn set(texts: impl Iterator<Item = String>) -> Option<Value> {
    let texts: BTreeSet<String> = texts.collect();
    (!texts.is_empty()).then(|| json!(texts))
}

fn canonical_principals(principals: &Principals) -> Value {
    let others = [
        ("Service", &principals.service),
        ("Federated", &principals.federated),
        ("CanonicalUser", &principals.canonical_user),
    ];
    if principals.is_anyone() {
        return "*".into();
    }
    let mut out = Map::new();
    if let Some(names) = set(principals.aws.iter().map(|name| account_of_root(name).unwrap_or(name).to_owned())) {
        out.insert("AWS".to_owned(), names);
    }
    for (kind, names) in others {
        if let Some(names) = set(names.iter().cloned()) {
            out.insert(kind.to_owned(), names);
        }
    }
    Value::Object(out)
}

/// The account whose root an ARN names.
fn account_of_root(name: &str) -> Option<&str> {
    let arn = Arn::parse(name)?;
    let id = arn.account;
    let is_id = id.len() == 12 && id.bytes().all(|byte| byte.is_ascii_digit());
    (arn.service == "iam" && arn.region.is_empty() && arn.resource == "root" && is_id).then_some(id)
}

fn canonical_conditions(conditions: &[Condition]) -> Option<Value> {
    let mut operators: BTreeMap<&str, BTreeMap<String, BTreeSet<String>>> = BTreeMap::new();
    for condition in conditions {
        let same_key = |other: &&Condition| other.operator == condition.operator && other.is_about(&condition.key);
        // A key that one operator has in two spellings is two lines, and stays two.
        let key = if conditions.iter().filter(same_key).count() > 1 {
            condition.key.clone()
        } else {
            condition.key.to_ascii_lowercase()
        };
        let fold = is_boolean(&condition.operator);
        let values = condition
            .values
            .iter()
            .map(|value| if fold { value.to_ascii_lowercase() } else { value.clone() })
            .collect();
        operators.entry(&condition.operator).or_default().insert(key, values);
    }
    (!operators.is_empty()).then(|| json!(operators))
}
