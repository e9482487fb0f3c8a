//! Every mistake of a config file at once, each with its line.
//!
//! Owns: looking for them key by key once the file as a whole did not load. Must not: show a value that may be a secret, or
//! decide whether a file loads.

use super::file::{ConfigFile, explain};
use crate::model::AccountId;
use crate::yaml::node::{self, Node, Value};
use crate::yaml::{At, SourceText};
use serde_json::json;
use std::collections::BTreeMap;

/// Keys whose values are not shown, at the top and below `accounts`.
const SECRET: [&str; 3] = ["external_id", "apply_external_id", "notify"];

/// What an account has.
const ROLE: &str = "has settings of its own below it: `role_name`, `external_id_file`";

/// An account id that is right, for looking at what stands below one that may not be.
const ANY_ACCOUNT: &str = "111122223333";

/// Every mistake as `line 3: ...`, in order; none where the keys by themselves are right.
pub(super) fn find(text: &str) -> Vec<String> {
    let root = match node::parse(&SourceText::new("config", text)) {
        Ok(root) => root,
        Err(error) => return vec![told(At { line: error.line, column: error.column }, &error.message)],
    };
    let Value::Map(entries) = &root.value else {
        return vec![told(root.at, "a config file is a mapping of settings")];
    };
    let mut found = Vec::new();
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    for (key, value) in entries {
        let name = text_of(key);
        if let Some(first) = seen.insert(name.clone(), key.at.line) {
            found.push((key.at, format!("`{}` is already set in line {first}", name.escape_debug())));
            continue;
        }
        match (&value.value, name.as_str()) {
            (Value::Map(accounts), "accounts") => {
                accounts.iter().for_each(|(id, entry)| of_account(id, entry, &mut found));
            }
            (_, "accounts") => found.push((key.at, format!("below `accounts` each account's id {ROLE}"))),
            (Value::Map(each), "thresholds" | "session_tags") => {
                each.iter().for_each(|(one, value)| {
                    judge(
                        one.at,
                        &text_of(one),
                        value,
                        |value| json!({ name.as_str(): { text_of(one): value } }),
                        &mut found,
                    );
                });
            }
            _ => judge(key.at, &name, value, |value| json!({ name.as_str(): value }), &mut found),
        }
    }
    found.sort();
    found.dedup();
    found.into_iter().map(|(at, message)| told(at, &message)).collect()
}

/// Where each threshold stands, by name.
pub(super) fn thresholds(text: &str) -> BTreeMap<String, u32> {
    let root = node::parse(&SourceText::new("config", text)).ok();
    let Some(Value::Map(entries)) = root.map(|root| root.value) else { return BTreeMap::new() };
    let below = entries.into_iter().find(|(key, _)| text_of(key) == "thresholds").map(|(_, value)| value.value);
    let Some(Value::Map(each)) = below else { return BTreeMap::new() };
    each.into_iter().map(|(key, _)| (text_of(&key), key.at.line)).collect()
}

fn of_account(id: &Node, entry: &Node, found: &mut Vec<(At, String)>) {
    let name = text_of(id);
    if let Err(error) = name.parse::<AccountId>() {
        found.push((id.at, error.to_string()));
    }
    match &entry.value {
        Value::Map(fields) => fields.iter().for_each(|(key, value)| {
            let field = text_of(key);
            judge(key.at, &field, value, |value| json!({"accounts": {ANY_ACCOUNT: {field.as_str(): value}}}), found);
        }),
        // What stands in the place of the settings may be the ExternalId.
        _ => found.push((id.at, format!("`{}` {ROLE}", name.escape_debug()))),
    }
}

/// Reads a file of this one key; a number or a boolean may be meant as a text.
fn judge(
    at: At,
    name: &str,
    value: &Node,
    file: impl Fn(serde_json::Value) -> serde_json::Value,
    found: &mut Vec<(At, String)>,
) {
    let read = |value| serde_json::from_value::<ConfigFile>(file(value));
    let Err(error) = read(json_of(&value.value)) else {
        if let (Value::Int(version), "version") = (&value.value, name)
            && *version != 1
        {
            found.push((at, format!("version `{version}` is not known to this orgward, which reads version 1")));
        }
        return;
    };
    let scalar = matches!(value.value, Value::Bool(_) | Value::Int(_) | Value::Float(_));
    if scalar && read(text_of(value).into()).is_ok() {
        return;
    }
    let message = match (explain(&error.to_string()), SECRET.contains(&name)) {
        (unknown, _) if unknown.starts_with("unknown field `") => unknown,
        (_, true) => format!("`{name}` has to be a text in quotes"),
        (wrong, false) => format!("`{}`: {wrong}", name.escape_debug()),
    };
    found.push((at, message));
}

fn told(at: At, message: &str) -> String {
    match at.line {
        0 => message.to_owned(),
        line => format!("line {line}: {message}"),
    }
}

fn text_of(node: &Node) -> String {
    match &node.value {
        Value::Text(text) => text.clone(),
        Value::Int(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        Value::Bool(flag) => flag.to_string(),
        other => other.describe(),
    }
}

fn json_of(value: &Value) -> serde_json::Value {
    match value {
        Value::Null | Value::Missing => serde_json::Value::Null,
        Value::Bool(flag) => (*flag).into(),
        Value::Int(number) => (*number).into(),
        Value::Float(number) => (*number).into(),
        Value::Text(text) => text.as_str().into(),
        Value::List(items) => items.iter().map(|item| json_of(&item.value)).collect(),
        Value::Map(entries) => serde_json::Value::Object(
            entries.iter().map(|(key, value)| (text_of(key), json_of(&value.value))).collect(),
        ),
    }
}
