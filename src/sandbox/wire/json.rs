//! awsJson 1.0 and 1.1, and the bodies of restJson1.
//!
//! Owns: JSON bodies and `x-amzn-errortype`. Must not: know which operation a request is for.

use super::{Answer, Frame, Seen, error_structure, seconds, see, shape_name};
use crate::sandbox::error::ApiError;
use serde_json::{Map, Value};

pub(super) const CONTENT_10: &str = "application/x-amz-json-1.0";
pub(super) const CONTENT_11: &str = "application/x-amz-json-1.1";
pub(super) const CONTENT_REST: &str = "application/json";

/// Reads a body: an object, or nothing at all.
pub(super) fn decode(body: &[u8]) -> Result<Value, ApiError> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(Value::Object(Map::new()));
    }
    match serde_json::from_slice(body) {
        Ok(value @ Value::Object(_)) => Ok(value),
        Ok(_) => Err(ApiError::new("SerializationException", "Start of structure or map found where not expected.")),
        Err(_) => Err(ApiError::new("SerializationException", "Could not parse the request body as JSON.")),
    }
}

pub(super) fn encode(output: &Value, content_type: &str, frame: Frame<'_>) -> Answer {
    let output = if output.is_null() { Value::Object(Map::new()) } else { plain(output) };
    let body = serde_json::to_vec(&output).unwrap_or_default();
    Answer::new(200, content_type, body).with("x-amzn-requestid", frame.request_id)
}

pub(super) fn encode_error(error: &ApiError, content_type: &str, frame: Frame<'_>) -> Answer {
    let body = serde_json::to_vec(&plain(&error_structure(error, frame))).unwrap_or_default();
    Answer::new(error.status, content_type, body)
        .with("x-amzn-requestid", frame.request_id)
        .with("x-amzn-errortype", shape_name(error, frame))
}

/// The value without markers and nulls.
fn plain(value: &Value) -> Value {
    match see(value) {
        Seen::Time(time) => seconds(time),
        Seen::Blob(base64) => base64.into(),
        Seen::Map(entries) => structure(entries),
        Seen::Plain(Value::Object(members)) => structure(members),
        Seen::Plain(Value::Array(items)) => items.iter().map(plain).collect(),
        Seen::Plain(other) => other.clone(),
    }
}

fn structure(members: &Map<String, Value>) -> Value {
    members.iter().filter(|(_, value)| !value.is_null()).map(|(name, value)| (name.clone(), plain(value))).collect()
}
