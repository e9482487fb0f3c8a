//! YAML as a tree whose every node and key knows its place.
//!
//! Owns: parsing, bounded in size, depth and alias expansion. Duplicate keys are kept, so that the reader can report
//! them with all other mistakes. Must not: know what a file is about.

use super::errors::LoadError;
use super::source::{At, SourceText};
use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::options::{DuplicateKeyPolicy, MergeKeyPolicy};
use serde_saphyr::{Location, Spanned};
use std::fmt;

/// The largest file that is read, in bytes.
pub(crate) const MAX_BYTES: usize = 1 << 20;

/// A node of a YAML document.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Node {
    /// Where it begins; for an alias, where it is used.
    pub at: At,
    /// What it is.
    pub value: Value,
}

/// What a node is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    /// `null`, `~` or nothing.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Any other number.
    Float(f64),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// A mapping in order, duplicate keys included.
    Map(Vec<(Node, Node)>),
    /// A parameter without a value: already reported, so nothing more is said of it.
    Missing,
}

impl Value {
    /// What it is, for messages. Never shows a whole value.
    pub fn describe(&self) -> String {
        match self {
            Self::Null => "nothing".to_owned(),
            Self::Bool(value) => format!("`{value}`"),
            Self::Int(value) => format!("the number `{value}`"),
            Self::Float(value) => format!("the number `{value}`"),
            Self::Text(text) => {
                let short: String = text.chars().take(40).collect();
                let more = if short.len() < text.len() { "..." } else { "" };
                format!("the text `{short}{more}`")
            }
            Self::List(_) => "a list".to_owned(),
            Self::Map(_) => "a mapping".to_owned(),
            Self::Missing => "a parameter without a value".to_owned(),
        }
    }
}

/// Parses one YAML document.
///
/// # Errors
/// What is wrong with it as YAML, at its place; the parser stops at the first such mistake.
pub(crate) fn parse(source: &SourceText) -> Result<Node, LoadError> {
    if source.text().len() > MAX_BYTES {
        return Err(LoadError::new(source, At::FILE, format!("is larger than {MAX_BYTES} bytes")));
    }
    let options = serde_saphyr::options! {
        budget: budget(),
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        merge_keys: MergeKeyPolicy::Error,
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: 10_000,
            max_replay_stack_depth: 8,
            max_alias_expansions_per_anchor: 200,
        },
        leading_zero_numbers_as_strings: true,
        underscored_numbers_as_strings: true,
        strict_booleans: true,
        with_snippet: false,
        reject_unsupported_tags: true,
    };
    serde_saphyr::from_str_with_options::<Node>(source.text(), options).map_err(|error| {
        let at = error.location().map_or(At::FILE, place);
        LoadError::new(source, at, message(error.without_snippet()))
    })
}

/// A parser's message in the words of the other messages.
fn message(error: &serde_saphyr::Error) -> String {
    use serde_saphyr::Error;
    match error {
        Error::MultipleDocuments { .. } => "holds several YAML documents, put each into a file of its own".to_owned(),
        Error::MergeKeyNotAllowed { .. } => "merge keys (`<<`) are not read, write the keys out".to_owned(),
        Error::Budget { .. } => "holds more, or nests deeper, than a file may".to_owned(),
        other => {
            // The parser's text repeats its place; the error has it already.
            let text = other.to_string();
            let first = text.lines().next().unwrap_or_default();
            if first.contains("tabs disallowed") {
                return "a tab stands here, YAML is indented with spaces only".to_owned();
            }
            format!("is not valid YAML: {}", first.split(" at line ").next().unwrap_or(first))
        }
    }
}

/// Far more than any file needs, far less than a bomb.
fn budget() -> Option<serde_saphyr::Budget> {
    serde_saphyr::budget! {
        max_events: 50_000,
        max_nodes: 50_000,
        max_aliases: 500,
        max_anchors: 200,
        max_depth: 32,
        flow_nesting_limit: 32,
        max_documents: 2,
        max_recorded_anchor_events: 20_000,
        max_recorded_anchor_bytes: MAX_BYTES,
        max_total_scalar_bytes: 2 * MAX_BYTES,
    }
}

fn place(location: Location) -> At {
    let number = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
    At { line: number(location.line()), column: number(location.column()) }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<Value>::deserialize(deserializer)?;
        Ok(Self { at: place(spanned.referenced), value: spanned.value })
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML value")
    }
    fn visit_unit<E: de::Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
    fn visit_none<E: de::Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        Value::deserialize(deserializer)
    }
    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }
    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Int(value))
    }
    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Value, E> {
        Ok(i64::try_from(value).map_or_else(|_| Value::Text(value.to_string()), Value::Int))
    }
    fn visit_i128<E: de::Error>(self, value: i128) -> Result<Value, E> {
        Ok(Value::Text(value.to_string()))
    }
    fn visit_u128<E: de::Error>(self, value: u128) -> Result<Value, E> {
        Ok(Value::Text(value.to_string()))
    }
    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Float(value))
    }
    fn visit_str<E: de::Error>(self, value: &str) -> Result<Value, E> {
        Ok(Value::Text(value.to_owned()))
    }
    fn visit_string<E: de::Error>(self, value: String) -> Result<Value, E> {
        Ok(Value::Text(value))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::List(list))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Vec::new();
        while let Some(entry) = entries.next_entry::<Node, Node>()? {
            map.push(entry);
        }
        Ok(Value::Map(map))
    }
}
