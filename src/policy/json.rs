//! Strict JSON with positions.
//!
//! Owns: reading JSON text, telling where a byte is, and writing JSON without white space. Must not: know what a policy is.

use super::PolicyError;
use super::document::Position;
use jsonc_parser::ast::Value;
use jsonc_parser::common::Ranged;
use jsonc_parser::{CollectOptions, ParseOptions};
use std::collections::BTreeSet;

/// Nothing but JSON.
const STRICT: ParseOptions = ParseOptions {
    allow_comments: false,
    allow_loose_object_property_names: false,
    allow_trailing_commas: false,
    allow_missing_commas: false,
    allow_single_quoted_strings: false,
    allow_hexadecimal_numbers: false,
    allow_unary_plus_numbers: false,
    allow_bare_decimal_point_numbers: false,
    allow_non_finite_numbers: false,
    allow_extended_string_escapes: false,
};

/// A text that knows its lines.
pub(super) struct Text<'a> {
    text: &'a str,
    line_starts: Vec<usize>,
}

impl<'a> Text<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let line_starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { text, line_starts }
    }

    /// Line and column of a byte.
    pub(super) fn position(&self, byte: usize) -> Position {
        let line = self.line_starts.partition_point(|start| *start <= byte).max(1);
        let start = self.line_starts.get(line - 1).copied().unwrap_or_default();
        let column = self.text.get(start..).unwrap_or_default().char_indices().take_while(|(at, _)| start + at < byte);
        Position { line, column: column.count() + 1 }
    }

    /// An error at a byte.
    pub(super) fn error(&self, byte: usize, message: String) -> PolicyError {
        let Position { line, column } = self.position(byte);
        PolicyError { line, column, message }
    }

    /// The text as one JSON value, with an error for each key that an object has twice.
    ///
    /// # Errors
    /// If it is not JSON: the first place where it is not.
    pub(super) fn read(&self) -> Result<(Value<'a>, Vec<PolicyError>), PolicyError> {
        let parsed = jsonc_parser::parse_to_ast(self.text, &CollectOptions::default(), &STRICT);
        let value = parsed
            .map_err(|error| self.error(error.range().start, not_json(&error.kind().to_string())))?
            .value
            .ok_or_else(|| self.error(0, "not JSON: the text is empty".to_owned()))?;
        // A second reader for what the first lets pass: control characters in strings, lone surrogates, great depth.
        if let Err(error) = serde_json::from_str::<serde_json::Value>(self.text) {
            let start = self.line_starts.get(error.line().saturating_sub(1)).copied().unwrap_or_default();
            let text = error.to_string();
            let message = text.rsplit_once(" at line ").map_or(text.as_str(), |(message, _)| message);
            return Err(self.error(start + error.column().saturating_sub(1), not_json(message)));
        }
        let mut errors = Vec::new();
        self.doubled_keys(&value, &mut errors);
        Ok((value, errors))
    }

    fn doubled_keys(&self, value: &Value<'_>, errors: &mut Vec<PolicyError>) {
        match value {
            Value::Object(object) => {
                let mut seen = BTreeSet::new();
                for property in &object.properties {
                    let name = property.name.as_str();
                    if !seen.insert(name) {
                        let message = format!("key `{}` is given twice, keep one", super::shown(name));
                        errors.push(self.error(property.range.start, message));
                    }
                    self.doubled_keys(&property.value, errors);
                }
            }
            Value::Array(array) => array.elements.iter().for_each(|element| self.doubled_keys(element, errors)),
            _ => {}
        }
    }
}

/// A JSON error's message in our form.
fn not_json(message: &str) -> String {
    let mut chars = message.chars();
    let first = chars.next().map(|first| first.to_lowercase().to_string()).unwrap_or_default();
    format!("not JSON: {first}{}", chars.as_str())
}

/// Where a value begins, as a byte.
pub(super) fn start(value: &Value<'_>) -> usize {
    value.range().start
}

/// The same JSON without white space, key order and text values kept: what is saved, as Organizations counts white space.
///
/// # Errors
/// If the text is not JSON, or an object has a key twice.
pub fn minify(text: &str) -> Result<String, Vec<PolicyError>> {
    let (value, errors) = Text::new(text).read().map_err(|error| vec![error])?;
    if !errors.is_empty() {
        return Err(errors);
    }
    let mut out = String::with_capacity(text.len());
    write(&value, &mut out);
    Ok(out)
}

fn write(value: &Value<'_>, out: &mut String) {
    match value {
        Value::StringLit(text) => write_text(&text.value, out),
        Value::NumberLit(number) => out.push_str(number.value),
        Value::BooleanLit(boolean) => out.push_str(if boolean.value { "true" } else { "false" }),
        Value::NullKeyword(_) => out.push_str("null"),
        Value::Object(object) => {
            out.push('{');
            for (index, property) in object.properties.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_text(property.name.as_str(), out);
                out.push(':');
                write(&property.value, out);
            }
            out.push('}');
        }
        Value::Array(array) => {
            out.push('[');
            for (index, element) in array.elements.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write(element, out);
            }
            out.push(']');
        }
    }
}

fn write_text(text: &str, out: &mut String) {
    out.push_str(&serde_json::Value::from(text).to_string());
}
