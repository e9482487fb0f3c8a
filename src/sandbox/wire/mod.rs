//! Between bytes and `serde_json::Value`, one file per wire protocol.
//!
//! Owns: the markers by which a handler says what JSON can't (a time, bytes, a map rather than a structure). Must not:
//! know an operation. Null members and fields are left out of every answer.

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
