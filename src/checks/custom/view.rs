//! The JSON view of facts that custom checks are written against.
//!
//! Owns: its values, and how facts become them. Must not: know CEL, or which field holds what (`fields` does).
//!
//! Version 1. A field that is unknown is no value at all: whoever touches it learns nothing but its cause.

use crate::model::{Cause, CauseKind, Observed, Source};
use jiff::Timestamp;
use serde_json::Value;
use std::collections::BTreeMap;

/// The key that marks an unknown value in a fixture: `{"$unknown": "why"}`.
pub(super) const UNKNOWN: &str = "$unknown";

/// A value of the view.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum View {
    /// Known not to exist.
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Any other number.
    Double(f64),
    /// Text; times are RFC 3339, for CEL's `timestamp()`.
    Text(String),
    /// A list.
    List(Vec<View>),
    /// Fields by name.
    Map(BTreeMap<String, View>),
    /// Not known, and why.
    Unknown(Cause),
}

impl View {
    /// A map of named fields.
    pub fn map<const N: usize>(fields: [(&str, View); N]) -> Self {
        Self::Map(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }

    /// A list of whatever has a view.
    pub fn list<T>(items: impl IntoIterator<Item = T>, view: impl Fn(T) -> View) -> Self {
        Self::List(items.into_iter().map(view).collect())
    }

    /// Text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// Text, or null.
    pub fn maybe(text: Option<&str>) -> Self {
        text.map_or(Self::Null, Self::text)
    }

    /// A time, or null.
    pub fn time(at: Option<Timestamp>) -> Self {
        at.map_or(Self::Null, |at| Self::Text(at.to_string()))
    }

    /// A list of texts.
    pub fn texts<'t>(items: impl IntoIterator<Item = &'t String>) -> Self {
        Self::list(items, Self::text)
    }

    /// Text by name.
    pub fn tags(tags: &BTreeMap<String, String>) -> Self {
        Self::Map(tags.iter().map(|(key, value)| (key.clone(), Self::text(value))).collect())
    }

    /// A fixture's value: `{"$unknown": "why"}` is unknown.
    pub fn of_fixture(value: &Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(value) => Self::Bool(*value),
            Value::Number(number) => match number.as_i64() {
                Some(number) => Self::Int(number),
                None => Self::Double(number.as_f64().unwrap_or(f64::NAN)),
            },
            Value::String(text) => Self::text(text),
            Value::Array(items) => Self::list(items, Self::of_fixture),
            Value::Object(fields) => match (fields.len(), fields.get(UNKNOWN)) {
                (1, Some(why)) => {
                    let why = why.as_str().unwrap_or("unknown in the fixture");
                    Self::Unknown(Cause::new(CauseKind::NotCollected, "fixture", why))
                }
                _ => Self::Map(fields.iter().map(|(key, value)| (key.clone(), Self::of_fixture(value))).collect()),
            },
        }
    }
}

/// Makes views, and remembers where each fact came from.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Sources of everything that was put into a view.
    pub sources: Vec<Source>,
}

impl Seen {
    /// The view of a fact: null where it is absent.
    pub fn fact<T>(&mut self, fact: &Observed<T>, view: impl FnOnce(&mut Self, &T) -> View) -> View {
        match fact {
            Observed::Present { value, source } => {
                self.sources.push(source.clone());
                view(self, value)
            }
            Observed::Absent { source } => {
                self.sources.push(source.clone());
                View::Null
            }
            Observed::Unknown { cause } => View::Unknown(cause.clone()),
        }
    }

    /// The view of a list of which every entry has a view: absent is an empty list.
    pub fn each<T>(&mut self, fact: &Observed<Vec<T>>, view: impl Fn(&mut Self, &T) -> View) -> View {
        let seen = self.fact(fact, |seen, items| View::List(items.iter().map(|item| view(seen, item)).collect()));
        if seen == View::Null { View::List(Vec::new()) } else { seen }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fixtures_mark_what_is_unknown() {
        let value = serde_json::json!({"a": [1, 1.5, "x", true, null], "b": {"$unknown": "denied"}});
        let View::Map(fields) = View::of_fixture(&value) else { panic!("no map") };
        let wanted = [View::Int(1), View::Double(1.5), View::text("x"), View::Bool(true), View::Null];
        assert_eq!(fields["a"], View::List(wanted.to_vec()));
        let View::Unknown(cause) = &fields["b"] else { panic!("known") };
        assert_eq!(cause.to_string(), "fixture: denied");
        // More than the marker is an ordinary map: a tag of that name hides nothing.
        assert!(matches!(View::of_fixture(&serde_json::json!({"$unknown": "x", "k": 1})), View::Map(_)));
    }
}
