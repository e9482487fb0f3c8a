//! A typed reader over the YAML tree that goes on after a mistake, so that all of them are reported at once.
//!
//! Owns: kinds, ranges, required, duplicate and unknown keys. Must not: know what a file is about.

use super::errors::{LoadError, nearest};
use super::node::{Node, Value};
use super::source::{At, SourceText};
use std::ops::RangeInclusive;

/// Collects mistakes in one text.
pub(crate) struct Reader {
    source: SourceText,
    /// Mistakes so far.
    pub errors: Vec<LoadError>,
}

/// The entries of a mapping, and which keys were asked for.
pub(crate) struct Fields<'n> {
    /// Where the mapping begins.
    pub at: At,
    what: String,
    entries: Vec<(&'n str, At, &'n Node)>,
    asked: Vec<&'static str>,
}

impl<'n> Fields<'n> {
    /// The value of a key, which is known from now on.
    pub fn get(&mut self, key: &'static str) -> Option<&'n Node> {
        self.asked.push(key);
        self.entries.iter().find(|(name, _, _)| *name == key).map(|(_, _, node)| *node)
    }

    /// Where a key stands.
    pub fn place(&self, key: &str) -> At {
        self.entries.iter().find(|(name, _, _)| *name == key).map_or(self.at, |(_, at, _)| *at)
    }

    /// Every key with its place and value, in order.
    pub fn entries(&self) -> &[(&'n str, At, &'n Node)] {
        &self.entries
    }
}

impl Reader {
    /// A reader that points into `source`.
    pub fn new(source: &SourceText) -> Self {
        Self { source: source.clone(), errors: Vec::new() }
    }

    /// Reports a mistake.
    pub fn error(&mut self, at: At, message: impl Into<String>) {
        self.errors.push(LoadError::new(&self.source, at, message));
    }

    /// Reports a mistake with a hint.
    pub fn error_with(&mut self, at: At, message: impl Into<String>, hint: impl Into<String>) {
        self.errors.push(LoadError::new(&self.source, at, message).hint(hint));
    }

    /// The mapping's entries; reports another kind of node, keys that are not texts, and duplicate keys.
    pub fn fields<'n>(&mut self, node: &'n Node, what: &str) -> Option<Fields<'n>> {
        let Value::Map(map) = &node.value else {
            self.wrong(node, what, "a mapping");
            return None;
        };
        let mut entries: Vec<(&str, At, &Node)> = Vec::new();
        for (key, value) in map {
            let Value::Text(name) = &key.value else {
                self.error(key.at, format!("a key of {what} has to be a text, found {}", key.value.describe()));
                continue;
            };
            match entries.iter().find(|(seen, _, _)| *seen == name.as_str()) {
                Some((_, first, _)) => {
                    let message = format!("key `{name}` is already set in line {}", first.line);
                    self.error_with(key.at, message, "keep one of the two");
                }
                None => entries.push((name, key.at, value)),
            }
        }
        Some(Fields { at: node.at, what: what.to_owned(), entries, asked: Vec::new() })
    }

    /// Reports every key that nobody asked for.
    pub fn done(&mut self, fields: &Fields<'_>) {
        for (name, at, _) in &fields.entries {
            if !fields.asked.contains(name) {
                let free: Vec<&str> =
                    fields.asked.iter().copied().filter(|a| !fields.entries.iter().any(|(n, _, _)| n == a)).collect();
                let words = if free.is_empty() { &fields.asked } else { &free };
                self.error_with(*at, format!("unknown key `{name}` in {}", fields.what), nearest(name, words));
            }
        }
    }

    /// A key that has to be there.
    pub fn required<'n>(&mut self, fields: &mut Fields<'n>, key: &'static str) -> Option<&'n Node> {
        let node = fields.get(key);
        if node.is_none() {
            self.error(fields.at, format!("{} needs the key `{key}`", fields.what));
        }
        node
    }

    /// A text that is not empty.
    pub fn text(&mut self, node: &Node, what: &str) -> Option<String> {
        match &node.value {
            Value::Text(text) if text.trim().is_empty() => {
                self.error(node.at, format!("`{what}` is empty"));
                None
            }
            Value::Text(text) => Some(text.clone()),
            Value::Bool(_) | Value::Int(_) | Value::Float(_) => {
                let message = format!("`{what}` has to be a text, found {}", node.value.describe());
                self.error_with(node.at, message, "put it in quotes");
                None
            }
            _ => {
                self.wrong(node, &format!("`{what}`"), "a text");
                None
            }
        }
    }

    /// `true` or `false`.
    pub fn flag(&mut self, node: &Node, what: &str) -> Option<bool> {
        match &node.value {
            Value::Bool(value) => Some(*value),
            Value::Text(text) if matches!(text.as_str(), "yes" | "on" | "y") => {
                self.error_with(node.at, format!("`{what}` has to be true or false, found `{text}`"), "write `true`");
                None
            }
            Value::Text(text) if matches!(text.as_str(), "no" | "off" | "n") => {
                self.error_with(node.at, format!("`{what}` has to be true or false, found `{text}`"), "write `false`");
                None
            }
            _ => {
                self.wrong(node, &format!("`{what}`"), "true or false");
                None
            }
        }
    }

    /// A whole number in a range.
    pub fn number(&mut self, node: &Node, what: &str, range: RangeInclusive<i32>) -> Option<i32> {
        let Value::Int(value) = &node.value else {
            self.wrong(node, &format!("`{what}`"), "a whole number");
            return None;
        };
        match i32::try_from(*value).ok().filter(|value| range.contains(value)) {
            Some(value) => Some(value),
            None => {
                let message = format!("`{what}` is {value}, it has to be from {} to {}", range.start(), range.end());
                self.error(node.at, message);
                None
            }
        }
    }

    /// A list with at least one entry.
    pub fn list<'n>(&mut self, node: &'n Node, what: &str) -> Option<&'n [Node]> {
        match &node.value {
            Value::List(items) if items.is_empty() => {
                self.error(node.at, format!("`{what}` is empty, it needs at least one entry"));
                None
            }
            Value::List(items) => Some(items),
            _ => {
                self.wrong(node, &format!("`{what}`"), "a list");
                None
            }
        }
    }

    /// A text made of what `good` accepts, at most `most` characters.
    pub fn word(&mut self, node: &Node, what: &str, most: usize, good: fn(char) -> bool, form: &str) -> Option<String> {
        let text = self.text(node, what)?;
        if text.chars().count() > most {
            self.error(node.at, format!("`{what}` has more than {most} characters"));
            return None;
        }
        if let Some(bad) = text.chars().find(|c| !good(*c)) {
            self.error(node.at, format!("`{what}` can't hold `{}`, only {form}", bad.escape_debug()));
            return None;
        }
        Some(text)
    }

    /// Reports a node of the wrong kind; says nothing of a parameter without a value, which is reported already.
    fn wrong(&mut self, node: &Node, what: &str, expected: &str) {
        if node.value != Value::Missing {
            self.error(node.at, format!("{what} has to be {expected}, found {}", node.value.describe()));
        }
    }
}

/// The characters of names that become part of orgward's mark.
pub(crate) fn slug(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'
}
