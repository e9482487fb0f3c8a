//! The actions of playbooks, a file each: how it is read, and what it wants changed.
//!
//! Owns: the way from a specification and facts to changes. Must not: order changes across steps (`planner`).

pub(super) mod alarm;
pub(super) mod alarm_spec;
pub(super) mod password;
pub(super) mod password_spec;
pub(super) mod root_pattern;
pub(super) mod scp;
pub(super) mod scp_spec;

use super::load::Loading;
use super::node::{Node, Value};
use super::read::Reader;
use super::schema::{Action, TargetRef};
use std::fmt::Write;

/// Reads the body of an action.
pub(super) fn read(loading: &mut Loading<'_>, word: &str, body: &Node) -> Option<Action> {
    match word {
        "scp" => scp_spec::read(loading, body).map(Action::Scp),
        "password_policy" => password_spec::read(loading, body).map(Action::PasswordPolicy),
        _ => alarm_spec::read(loading, body).map(Action::RootUsageAlarm),
    }
}

/// Targets as written: texts, or account ids that YAML reads as numbers.
fn targets(reader: &mut Reader, node: &Node) -> Option<Vec<TargetRef>> {
    let items = reader.list(node, "targets")?;
    let mut found = Vec::new();
    for item in items {
        let text = match &item.value {
            Value::Int(number) if *number >= 0 => Some(format!("{number:012}")),
            _ => reader.text(item, "targets"),
        };
        found.extend(text.map(|text| TargetRef { text: text.trim().to_owned(), at: item.at }));
    }
    Some(found)
}

/// The YAML tree as JSON text, keys in order.
pub(super) fn json(reader: &mut Reader, node: &Node) -> Option<String> {
    let mut out = String::new();
    write_json(reader, node, &mut out)?;
    Some(out)
}

fn write_json(reader: &mut Reader, node: &Node, out: &mut String) -> Option<()> {
    match &node.value {
        Value::Null | Value::Missing => out.push_str("null"),
        Value::Bool(value) => write!(out, "{value}").ok()?,
        Value::Int(value) => write!(out, "{value}").ok()?,
        Value::Float(value) => write!(out, "{}", serde_json::Value::from(*value)).ok()?,
        Value::Text(text) => write!(out, "{}", serde_json::Value::from(text.as_str())).ok()?,
        Value::List(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_json(reader, item, out)?;
            }
            out.push(']');
        }
        Value::Map(_) => {
            let fields = reader.fields(node, "the policy document")?;
            out.push('{');
            for (index, (name, _, value)) in fields.entries().iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write!(out, "{}:", serde_json::Value::from(*name)).ok()?;
                write_json(reader, value, out)?;
            }
            out.push('}');
        }
    }
    Some(())
}
