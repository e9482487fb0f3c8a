//! restXml, as S3 speaks it.
//!
//! Owns: the form of an answer (one member, which names the root element; a list is its element again and again; a member
//! that begins with `@` is an attribute), S3's errors and the headers with request ids. Must not: know an operation.
//!
//! Source: Smithy specification, "AWS restXml protocol"; Amazon S3 User Guide, "REST error responses".

use super::query::{escape, iso};
use super::{Answer, Frame, Seen, see};
use crate::sandbox::error::ApiError;
use serde_json::{Map, Value};

const CONTENT: &str = "application/xml";
const DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
/// The one namespace that attributes are of.
const XSI: &str = " xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"";

pub(super) fn encode(output: &Value, frame: Frame<'_>) -> Answer {
    let mut xml = DECLARATION.to_owned();
    for (root, value) in output.as_object().into_iter().flatten() {
        element(&mut xml, root, &format!(" xmlns=\"{}\"", frame.namespace), value);
    }
    answer(200, xml, frame)
}

pub(super) fn encode_error(error: &ApiError, frame: Frame<'_>) -> Answer {
    let mut members: Map<String, Value> = error.members.clone();
    let own = [
        ("Code", error.code.as_str()),
        ("Message", &error.message),
        ("RequestId", frame.request_id),
        ("HostId", frame.request_id),
    ];
    members.extend(own.map(|(name, text)| (name.to_owned(), text.into())));
    let mut xml = DECLARATION.to_owned();
    element(&mut xml, "Error", "", &Value::Object(members));
    answer(error.status, xml, frame)
}

fn answer(status: u16, xml: String, frame: Frame<'_>) -> Answer {
    Answer::new(status, CONTENT, xml.into_bytes())
        .with("x-amz-request-id", frame.request_id)
        .with("x-amz-id-2", frame.request_id)
}

/// Writes `<name>value</name>`; nothing for null.
fn element(xml: &mut String, name: &str, attributes: &str, value: &Value) {
    if value.is_null() {
        return;
    }
    if let Some(items) = value.as_array() {
        items.iter().for_each(|item| element(xml, name, attributes, item));
        return;
    }
    xml.push_str(&format!("<{name}{attributes}"));
    let members = match see(value) {
        Seen::Plain(Value::Object(members)) | Seen::Map(members) => Some(members),
        _ => None,
    };
    let own =
        members.into_iter().flatten().filter_map(|(name, value)| Some((name.strip_prefix('@')?, value.as_str()?)));
    for (name, text) in own {
        xml.push_str(&format!("{XSI} {name}=\""));
        escape(xml, text);
        xml.push('"');
    }
    xml.push('>');
    match see(value) {
        Seen::Time(seconds) => xml.push_str(&iso(seconds)),
        Seen::Blob(base64) => xml.push_str(base64),
        Seen::Plain(Value::Object(members)) | Seen::Map(members) => {
            let inner = members.iter().filter(|(name, _)| !name.starts_with('@'));
            inner.for_each(|(name, value)| element(xml, name, "", value));
        }
        Seen::Plain(Value::String(text)) => escape(xml, text),
        Seen::Plain(other) => xml.push_str(&other.to_string()),
    }
    xml.push_str(&format!("</{name}>"));
}
