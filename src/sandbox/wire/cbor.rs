//! Smithy RPC v2 CBOR, as the Rust SDK speaks it to CloudWatch.
//!
//! Owns: CBOR bodies and the `smithy-protocol` header. Must not: know an operation.
//!
//! Source: Smithy specification, "Smithy RPC v2 CBOR protocol".

use super::{Answer, BLOB, Frame, Seen, TIMESTAMP, error_structure, seconds, see};
use crate::sandbox::error::ApiError;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ciborium::Value as Cbor;
use serde_json::{Map, Value, json};

const CONTENT: &str = "application/cbor";
/// Tag 1: seconds since 1970.
const EPOCH_TAG: u64 = 1;

/// Reads a body: a map, or nothing at all.
pub(super) fn decode(body: &[u8]) -> Result<Value, ApiError> {
    if body.is_empty() {
        return Ok(Value::Object(Map::new()));
    }
    let bad = || ApiError::new("SerializationException", "Could not parse the request body as CBOR.");
    let value: Cbor = ciborium::from_reader(body).map_err(|_| bad())?;
    match from_cbor(value) {
        Some(value @ Value::Object(_)) => Ok(value),
        _ => Err(bad()),
    }
}

fn from_cbor(value: Cbor) -> Option<Value> {
    Some(match value {
        Cbor::Null => Value::Null,
        Cbor::Bool(value) => value.into(),
        Cbor::Integer(number) => i64::try_from(i128::from(number)).ok()?.into(),
        Cbor::Float(number) => serde_json::Number::from_f64(number)?.into(),
        Cbor::Text(text) => text.into(),
        Cbor::Bytes(bytes) => json!({ BLOB: STANDARD.encode(bytes) }),
        Cbor::Array(items) => items.into_iter().map(from_cbor).collect::<Option<Vec<_>>>()?.into(),
        Cbor::Map(entries) => entries
            .into_iter()
            .map(|(key, value)| Some((key.into_text().ok()?, from_cbor(value)?)))
            .collect::<Option<Map<_, _>>>()?
            .into(),
        Cbor::Tag(EPOCH_TAG, seconds) => json!({ TIMESTAMP: from_cbor(*seconds)? }),
        _ => return None,
    })
}

pub(super) fn encode(output: &Value, frame: Frame<'_>) -> Answer {
    if output.is_null() {
        // An operation without output has no body, and nothing says what kind it is of.
        let headers =
            vec![("smithy-protocol", "rpc-v2-cbor".to_owned()), ("x-amzn-requestid", frame.request_id.to_owned())];
        return Answer { status: 200, headers, body: Vec::new() };
    }
    answer(200, &to_cbor(output), frame)
}

pub(super) fn encode_error(error: &ApiError, frame: Frame<'_>) -> Answer {
    answer(error.status, &to_cbor(&error_structure(error, frame)), frame)
}

fn answer(status: u16, body: &Cbor, frame: Frame<'_>) -> Answer {
    let mut bytes = Vec::new();
    // Writing to memory does not fail.
    let _ = ciborium::into_writer(body, &mut bytes);
    Answer::new(status, CONTENT, bytes)
        .with("smithy-protocol", "rpc-v2-cbor")
        .with("x-amzn-requestid", frame.request_id)
}

fn to_cbor(value: &Value) -> Cbor {
    match see(value) {
        Seen::Time(time) => Cbor::Tag(EPOCH_TAG, Box::new(number(&seconds(time)))),
        Seen::Blob(base64) => Cbor::Bytes(STANDARD.decode(base64).unwrap_or_default()),
        Seen::Map(entries) => structure(entries),
        Seen::Plain(Value::Object(members)) => structure(members),
        Seen::Plain(Value::Array(items)) => Cbor::Array(items.iter().map(to_cbor).collect()),
        Seen::Plain(Value::String(text)) => Cbor::Text(text.clone()),
        Seen::Plain(Value::Bool(value)) => Cbor::Bool(*value),
        Seen::Plain(Value::Null) => Cbor::Null,
        Seen::Plain(other) => number(other),
    }
}

fn number(value: &Value) -> Cbor {
    match value.as_i64() {
        Some(whole) => Cbor::Integer(whole.into()),
        None => Cbor::Float(value.as_f64().unwrap_or_default()),
    }
}

fn structure(members: &Map<String, Value>) -> Cbor {
    let present = members.iter().filter(|(_, value)| !value.is_null());
    Cbor::Map(present.map(|(name, value)| (Cbor::Text(name.clone()), to_cbor(value))).collect())
}
