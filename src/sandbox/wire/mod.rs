//! Between bytes and `serde_json::Value`, one file per wire protocol.
//!
//! Owns: the markers by which a handler says what JSON can't (a time, bytes, a map rather than a structure). Must not:
//! know an operation. Null members and fields are left out of every answer.

mod cbor;
mod json;
pub(crate) mod query;
pub(crate) mod rest;
mod rest_xml;
#[cfg(test)]
mod tests;

use super::error::ApiError;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// The key of a time marker: seconds since 1970.
pub(crate) const TIMESTAMP: &str = "$timestamp";
/// The key of a bytes marker: base 64.
pub(crate) const BLOB: &str = "$blob";
/// The key of a map marker: an object.
pub(crate) const MAP: &str = "$map";

/// A time, written as each protocol writes times.
pub fn timestamp(time: Timestamp) -> Value {
    let millis = time.as_millisecond();
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of any real date fit")]
    if millis % 1000 == 0 { json!({ TIMESTAMP: millis / 1000 }) } else { json!({ TIMESTAMP: millis as f64 / 1000.0 }) }
}

/// Bytes, written as each protocol writes blobs.
pub fn blob(bytes: &[u8]) -> Value {
    json!({ BLOB: STANDARD.encode(bytes) })
}

/// A map with free keys, which the query protocol writes otherwise than a structure.
pub fn map<V: Into<Value>>(entries: BTreeMap<String, V>) -> Value {
    let entries: Map<String, Value> = entries.into_iter().map(|(key, value)| (key, value.into())).collect();
    json!({ MAP: entries })
}

/// How a request was written, and so how its answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// awsJson 1.0.
    Json10,
    /// awsJson 1.1.
    Json11,
    /// awsQuery: a form in, XML out.
    Query,
    /// Smithy RPC v2 CBOR.
    Cbor,
    /// restJson1.
    RestJson,
    /// restXml.
    RestXml,
}

/// What an encoder needs to know of the request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Frame<'a> {
    /// The operation.
    pub operation: &'a str,
    /// The XML namespace of the service's query or restXml protocol.
    pub namespace: &'a str,
    /// The request id to answer with.
    pub request_id: &'a str,
    /// Whether errors carry `x-amzn-query-error` (services that moved on from the query protocol).
    pub query_compatible: bool,
    /// Names of error shapes by the codes that differ from them.
    pub error_shapes: &'static [(&'static str, &'static str)],
    /// The member that holds an error's message: `Message` or `message`.
    pub message_member: &'static str,
}

/// An HTTP answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    fn new(status: u16, content_type: &str, body: Vec<u8>) -> Self {
        Self { status, headers: vec![("content-type", content_type.to_owned())], body }
    }

    fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

impl Protocol {
    /// Reads an input.
    ///
    /// # Errors
    /// `SerializationException` (`MalformedQueryString` for a form) if the body is not of this protocol.
    pub(crate) fn decode(self, body: &[u8]) -> Result<Value, ApiError> {
        match self {
            Self::Json10 | Self::Json11 | Self::RestJson => json::decode(body),
            // Nothing that the sandbox is asked has a body.
            Self::RestXml => Ok(Value::Object(Map::new())),
            Self::Query => query::decode(body),
            Self::Cbor => cbor::decode(body),
        }
    }

    /// Writes an answer.
    pub(crate) fn encode(self, output: &Value, frame: Frame<'_>) -> Answer {
        match self {
            Self::Json10 => json::encode(output, json::CONTENT_10, frame),
            Self::Json11 => json::encode(output, json::CONTENT_11, frame),
            Self::RestJson => json::encode(output, json::CONTENT_REST, frame),
            Self::RestXml => rest_xml::encode(output, frame),
            Self::Query => query::encode(output, frame),
            Self::Cbor => cbor::encode(output, frame),
        }
    }

    /// Writes an error.
    pub(crate) fn encode_error(self, error: &ApiError, frame: Frame<'_>) -> Answer {
        let answer = match self {
            Self::Json10 => json::encode_error(error, json::CONTENT_10, frame),
            Self::Json11 => json::encode_error(error, json::CONTENT_11, frame),
            Self::RestJson => json::encode_error(error, json::CONTENT_REST, frame),
            Self::RestXml => rest_xml::encode_error(error, frame),
            Self::Query => query::encode_error(error, frame),
            Self::Cbor => cbor::encode_error(error, frame),
        };
        if frame.query_compatible && self != Self::Query {
            answer.with("x-amzn-query-error", format!("{};{}", error.code, fault_side(error.status)))
        } else {
            answer
        }
    }
}

/// Whose fault an error is, in AWS's words.
fn fault_side(status: u16) -> &'static str {
    if status >= 500 { "Receiver" } else { "Sender" }
}

/// The name of an error's shape: its code, but for a few.
fn shape_name<'a>(error: &'a ApiError, frame: Frame<'_>) -> &'a str {
    let renamed = frame.error_shapes.iter().find(|(code, _)| *code == error.code);
    renamed.map_or(&error.code, |(_, name)| name)
}

/// An error as a JSON structure, its name first.
fn error_structure(error: &ApiError, frame: Frame<'_>) -> Value {
    let mut members = Map::new();
    members.insert("__type".to_owned(), shape_name(error, frame).into());
    members.insert(frame.message_member.to_owned(), error.message.clone().into());
    members.extend(error.members.clone());
    Value::Object(members)
}

/// What a value says, its marker seen through.
enum Seen<'a> {
    Time(f64),
    Blob(&'a str),
    Map(&'a Map<String, Value>),
    Plain(&'a Value),
}

/// Looks for a marker.
fn see(value: &Value) -> Seen<'_> {
    let Some((key, marked)) = value.as_object().filter(|object| object.len() == 1).and_then(|o| o.iter().next()) else {
        return Seen::Plain(value);
    };
    match (key.as_str(), marked) {
        (TIMESTAMP, Value::Number(seconds)) => Seen::Time(seconds.as_f64().unwrap_or_default()),
        (BLOB, Value::String(text)) => Seen::Blob(text),
        (MAP, Value::Object(entries)) => Seen::Map(entries),
        _ => Seen::Plain(value),
    }
}

/// A number of seconds without a needless fraction.
fn seconds(seconds: f64) -> Value {
    #[expect(clippy::cast_possible_truncation, reason = "checked to be whole, and any real date fits")]
    if seconds.fract() == 0.0 { Value::from(seconds as i64) } else { Value::from(seconds) }
}
