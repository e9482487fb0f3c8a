//! The actions of playbooks, a file each: how it is read, and what it wants changed.
//!
//! Owns: the way from a specification and facts to changes. Must not: order changes across steps (`planner`).

pub(super) mod alarm;
pub(super) mod alarm_spec;
pub(super) mod password;
pub(super) mod password_spec;
pub(super) mod scp;
mod scp_rollout;
pub(super) mod scp_spec;

use super::load::Loading;
use super::node::{Node, Value};
use super::read::Reader;
use super::schema::{Action, TargetRef};
use super::source::At;

/// Reads the body of an action.
pub(super) fn read(loading: &mut Loading<'_>, word: &str, body: &Node) -> Option<Action> {
    match word {
        "scp" => scp_spec::read(loading, body),
        "password_policy" => password_spec::read(loading, body).map(Action::PasswordPolicy),
        "event_alarms" => alarm_spec::events(loading, body).map(Action::EventAlarms),
        _ => alarm_spec::root_usage(loading, body).map(|spec| Action::EventAlarms(vec![spec])),
    }
}

/// Targets as written: texts, or account ids that YAML reads as numbers.
pub(super) fn targets(reader: &mut Reader, node: &Node, what: &str) -> Option<Vec<TargetRef>> {
    let items = reader.list(node, what)?;
    let mut found = Vec::new();
    for item in items {
        let text = match &item.value {
            Value::Int(number) if *number >= 0 => Some(number.to_string()),
            _ => reader.text(item, what),
        };
        found.extend(text.map(|text| TargetRef { text: text.trim().to_owned(), at: item.at }));
    }
    Some(found)
}

/// The YAML tree as JSON text, keys in order, each key and value on a line of its own; and where each line stands in
/// the playbook.
pub(super) fn json(reader: &mut Reader, node: &Node) -> Option<(String, Vec<At>)> {
    let mut out = JsonText { text: String::new(), places: Vec::new() };
    out.write(reader, node)?;
    Some((out.text, out.places))
}

struct JsonText {
    text: String,
    places: Vec<At>,
}

impl JsonText {
    /// Adds text that begins a new line.
    fn line(&mut self, at: At, text: &str) {
        if !self.places.is_empty() {
            self.text.push('\n');
        }
        self.places.push(at);
        self.text.push_str(text);
    }

    fn write(&mut self, reader: &mut Reader, node: &Node) -> Option<()> {
        match &node.value {
            Value::Null | Value::Missing => self.line(node.at, "null"),
            Value::Bool(value) => self.line(node.at, &value.to_string()),
            Value::Int(value) => self.line(node.at, &value.to_string()),
            Value::Float(value) => self.line(node.at, &serde_json::Value::from(*value).to_string()),
            Value::Text(text) => self.line(node.at, &serde_json::Value::from(text.as_str()).to_string()),
            Value::List(items) => {
                self.line(node.at, "[");
                for (index, item) in items.iter().enumerate() {
                    self.text.push_str(if index > 0 { "," } else { "" });
                    self.write(reader, item)?;
                }
                self.text.push(']');
            }
            Value::Map(_) => {
                let fields = reader.fields(node, "the policy document")?;
                self.line(node.at, "{");
                for (index, (name, at, value)) in fields.entries().iter().enumerate() {
                    self.text.push_str(if index > 0 { "," } else { "" });
                    self.line(*at, &format!("{}:", serde_json::Value::from(*name)));
                    self.write(reader, value)?;
                }
                self.text.push('}');
            }
        }
        Some(())
    }
}
