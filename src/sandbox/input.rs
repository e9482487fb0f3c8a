//! Readers of a decoded input: JSON and CBOR bring numbers and booleans, the query protocol brings text for everything.
//!
//! Owns: reading members by AWS's names. Must not: know an operation.

use super::error::ApiError;
use super::wire;
use jiff::Timestamp;
use serde_json::Value;
use std::collections::BTreeMap;

/// A required text member.
///
/// # Errors
/// A validation error if it is missing, empty or no text.
pub fn text<'a>(input: &'a Value, name: &str) -> Result<&'a str, ApiError> {
    opt_text(input, name)?.filter(|text| !text.is_empty()).ok_or_else(|| missing(name))
}

/// A text member.
///
/// # Errors
/// A validation error if it is no text.
pub fn opt_text<'a>(input: &'a Value, name: &str) -> Result<Option<&'a str>, ApiError> {
    match member(input, name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(wrong(name, "a string")),
    }
}

/// An integer member.
///
/// # Errors
/// A validation error if it is no integer.
pub fn opt_int(input: &Value, name: &str) -> Result<Option<i64>, ApiError> {
    match member(input, name) {
        None => Ok(None),
        Some(Value::Number(number)) => number.as_i64().map(Some).ok_or_else(|| wrong(name, "an integer")),
        Some(Value::String(text)) => text.parse().map(Some).map_err(|_| wrong(name, "an integer")),
        Some(_) => Err(wrong(name, "an integer")),
    }
}

/// A number member.
///
/// # Errors
/// A validation error if it is no number.
pub fn opt_float(input: &Value, name: &str) -> Result<Option<f64>, ApiError> {
    match member(input, name) {
        None => Ok(None),
        Some(Value::Number(number)) => number.as_f64().map(Some).ok_or_else(|| wrong(name, "a number")),
        Some(Value::String(text)) => text.parse().map(Some).map_err(|_| wrong(name, "a number")),
        Some(_) => Err(wrong(name, "a number")),
    }
}

/// A boolean member.
///
/// # Errors
/// A validation error if it is no boolean.
pub fn opt_bool(input: &Value, name: &str) -> Result<Option<bool>, ApiError> {
    match member(input, name) {
        None => Ok(None),
        Some(Value::Bool(value)) => Ok(Some(*value)),
        Some(Value::String(text)) if text.eq_ignore_ascii_case("true") => Ok(Some(true)),
        Some(Value::String(text)) if text.eq_ignore_ascii_case("false") => Ok(Some(false)),
        Some(_) => Err(wrong(name, "a boolean")),
    }
}

/// A timestamp member, in any of the protocols' forms.
///
/// # Errors
/// A validation error if it is no time.
pub fn opt_time(input: &Value, name: &str) -> Result<Option<Timestamp>, ApiError> {
    let Some(value) = member(input, name) else { return Ok(None) };
    let value = value.get(wire::TIMESTAMP).unwrap_or(value);
    let time = match value {
        Value::Number(number) => number.as_f64().and_then(|seconds| {
            #[expect(clippy::cast_possible_truncation, reason = "milliseconds of any real date fit")]
            Timestamp::from_millisecond((seconds * 1000.0) as i64).ok()
        }),
        Value::String(text) => text.parse().ok(),
        _ => None,
    };
    time.map(Some).ok_or_else(|| wrong(name, "a timestamp"))
}

/// A list member; empty if it is missing.
///
/// # Errors
/// A validation error if it is no list.
pub fn list<'a>(input: &'a Value, name: &str) -> Result<&'a [Value], ApiError> {
    match member(input, name) {
        None => Ok(&[]),
        Some(Value::Array(items)) => Ok(items),
        Some(Value::String(text)) if text.is_empty() => Ok(&[]),
        Some(_) => Err(wrong(name, "a list")),
    }
}

/// A list of texts; empty if it is missing.
///
/// # Errors
/// A validation error if it is no list of texts.
pub fn texts(input: &Value, name: &str) -> Result<Vec<String>, ApiError> {
    list(input, name)?
        .iter()
        .map(|item| item.as_str().map(str::to_owned).ok_or_else(|| wrong(name, "strings")))
        .collect()
}

/// A list of `{Key, Value}`; empty if it is missing.
///
/// # Errors
/// A validation error if an item has no key or no value.
pub fn tags(input: &Value, name: &str) -> Result<BTreeMap<String, String>, ApiError> {
    list(input, name)?
        .iter()
        .map(|tag| {
            Ok((text(tag, "Key")?.to_owned(), opt_text(tag, "Value")?.ok_or_else(|| missing("Value"))?.to_owned()))
        })
        .collect()
}

/// A map of texts; empty if it is missing.
///
/// # Errors
/// A validation error if it is no map of texts.
pub fn map(input: &Value, name: &str) -> Result<BTreeMap<String, String>, ApiError> {
    match member(input, name) {
        None => Ok(BTreeMap::new()),
        Some(Value::Object(map)) => map
            .iter()
            .map(|(key, value)| Ok((key.clone(), value.as_str().ok_or_else(|| wrong(name, "strings"))?.to_owned())))
            .collect(),
        Some(Value::String(text)) if text.is_empty() => Ok(BTreeMap::new()),
        Some(_) => Err(wrong(name, "a map")),
    }
}

/// The member, unless it is missing or null.
fn member<'a>(input: &'a Value, name: &str) -> Option<&'a Value> {
    input.get(name).filter(|value| !value.is_null())
}

/// The error for a required member that is not there.
pub fn missing(name: &str) -> ApiError {
    ApiError::validation(format!(
        "1 validation error detected: Value null at '{name}' failed to satisfy constraint: Member must not be null"
    ))
}

/// The error for a member of another type.
fn wrong(name: &str, wanted: &str) -> ApiError {
    ApiError::validation(format!("1 validation error detected: Value at '{name}' must be {wanted}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn text_and_typed_members_read_alike() {
        for input in [
            json!({"N": 5, "B": true, "T": 1_700_000_000}),
            json!({"N": "5", "B": "true", "T": "2023-11-14T22:13:20Z"}),
        ] {
            assert_eq!(opt_int(&input, "N"), Ok(Some(5)));
            assert_eq!(opt_float(&input, "N"), Ok(Some(5.0)));
            assert_eq!(opt_bool(&input, "B"), Ok(Some(true)));
            assert_eq!(opt_time(&input, "T").unwrap().unwrap().as_second(), 1_700_000_000);
        }
        assert_eq!(list(&json!({"L": ""}), "L"), Ok(&[][..]));
        assert_eq!(tags(&json!({"Tags": [{"Key": "a", "Value": ""}]}), "Tags").unwrap().get("a").unwrap(), "");
    }

    #[test]
    fn wrong_types_are_validation_errors() {
        let input = json!({"N": [], "S": 1, "L": {}, "T": "soon", "Tags": [{"Value": "x"}]});
        assert!(text(&input, "Nope").is_err());
        assert!(opt_text(&input, "S").is_err());
        assert!(opt_int(&input, "N").is_err());
        assert!(opt_bool(&input, "N").is_err());
        assert!(list(&input, "L").is_err());
        assert!(opt_time(&input, "T").is_err());
        assert!(tags(&input, "Tags").is_err());
        assert!(map(&input, "N").is_err());
    }
}
