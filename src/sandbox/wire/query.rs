//! awsQuery: a form in, XML out.
//!
//! Owns: `Name.member.N` lists, `Name.entry.N.key|value` maps, escaping. Must not: know an operation.

use super::{Answer, Frame, Seen, fault_side, see};
use crate::sandbox::error::ApiError;
use jiff::Timestamp;
use percent_encoding::percent_decode;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

const CONTENT: &str = "text/xml";
/// No AWS input nests deeper; a name that does is refused.
const DEEPEST: usize = 24;

/// A member on its way from flat names to a tree.
#[derive(Default)]
struct Node {
    text: Option<String>,
    parts: BTreeMap<String, Node>,
}

/// The fields of a form, in order.
///
/// # Errors
/// `MalformedQueryString` if a field is not UTF-8.
pub(crate) fn fields(body: &[u8]) -> Result<Vec<(String, String)>, ApiError> {
    let decode = |part: &[u8]| {
        let spaced: Vec<u8> = part.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
        percent_decode(&spaced)
            .decode_utf8()
            .map(std::borrow::Cow::into_owned)
            .map_err(|_| ApiError::new("MalformedQueryString", "The query string contains a syntax error."))
    };
    body.split(|byte| *byte == b'&')
        .filter(|field| !field.is_empty())
        .map(|field| {
            let mut halves = field.splitn(2, |byte| *byte == b'=');
            let (name, value) = (halves.next().unwrap_or_default(), halves.next().unwrap_or_default());
            Ok((decode(name)?, decode(value)?))
        })
        .collect()
}

/// Reads a form as a tree, `Action` and `Version` included.
pub(super) fn decode(body: &[u8]) -> Result<Value, ApiError> {
    let mut root = Node::default();
    for (name, value) in fields(body)? {
        if name.split('.').count() > DEEPEST {
            return Err(ApiError::new("MalformedQueryString", "A parameter name has too many parts."));
        }
        let mut node = &mut root;
        for part in name.split('.') {
            node = node.parts.entry(part.to_owned()).or_default();
        }
        node.text = Some(value);
    }
    Ok(structure(root.parts))
}

fn value_of(mut node: Node) -> Value {
    if node.parts.is_empty() {
        return Value::String(node.text.unwrap_or_default());
    }
    if node.parts.len() == 1 {
        if let Some(list) = node.parts.remove("member") {
            return match numbered(list) {
                Ok(items) => items.into_iter().map(value_of).collect(),
                Err(list) => structure(BTreeMap::from([("member".to_owned(), list)])),
            };
        }
        if let Some(map) = node.parts.remove("entry") {
            return match numbered(map) {
                Ok(entries) => entries.into_iter().filter_map(entry).collect::<Map<_, _>>().into(),
                Err(map) => structure(BTreeMap::from([("entry".to_owned(), map)])),
            };
        }
    }
    structure(node.parts)
}

fn structure(parts: BTreeMap<String, Node>) -> Value {
    parts.into_iter().map(|(name, node)| (name, value_of(node))).collect()
}

/// The parts in the order of their numbers; the node itself if a part is not numbered.
fn numbered(node: Node) -> Result<Vec<Node>, Node> {
    if node.parts.is_empty() || node.parts.keys().any(|name| name.parse::<u32>().is_err()) {
        return Err(node);
    }
    let parts: BTreeMap<u32, Node> =
        node.parts.into_iter().filter_map(|(name, part)| Some((name.parse().ok()?, part))).collect();
    Ok(parts.into_values().collect())
}

fn entry(mut node: Node) -> Option<(String, Value)> {
    let key = node.parts.remove("key")?.text?;
    Some((key, node.parts.remove("value").map_or(Value::Null, value_of)))
}

pub(super) fn encode(output: &Value, frame: Frame<'_>) -> Answer {
    let Frame { operation, namespace, request_id, .. } = frame;
    let mut xml = format!("<{operation}Response xmlns=\"{namespace}\">");
    if !output.is_null() {
        element(&mut xml, &format!("{operation}Result"), output);
    }
    xml.push_str("<ResponseMetadata>");
    element(&mut xml, "RequestId", &request_id.into());
    xml.push_str(&format!("</ResponseMetadata></{operation}Response>"));
    Answer::new(200, CONTENT, xml.into_bytes()).with("x-amzn-requestid", request_id)
}

pub(super) fn encode_error(error: &ApiError, frame: Frame<'_>) -> Answer {
    let mut members = Map::new();
    for (name, text) in [("Type", fault_side(error.status)), ("Code", &error.code), ("Message", &error.message)] {
        members.insert(name.to_owned(), text.into());
    }
    members.extend(error.members.clone());
    let mut xml = format!("<ErrorResponse xmlns=\"{}\">", frame.namespace);
    element(&mut xml, "Error", &Value::Object(members));
    element(&mut xml, "RequestId", &frame.request_id.into());
    xml.push_str("</ErrorResponse>");
    Answer::new(error.status, CONTENT, xml.into_bytes()).with("x-amzn-requestid", frame.request_id)
}

/// Writes `<name>value</name>`; nothing for null.
fn element(xml: &mut String, name: &str, value: &Value) {
    if value.is_null() {
        return;
    }
    xml.push_str(&format!("<{name}>"));
    match see(value) {
        Seen::Time(seconds) => xml.push_str(&iso(seconds)),
        Seen::Blob(base64) => xml.push_str(base64),
        Seen::Map(entries) => {
            for (key, value) in entries {
                xml.push_str("<entry>");
                element(xml, "key", &key.as_str().into());
                element(xml, "value", value);
                xml.push_str("</entry>");
            }
        }
        Seen::Plain(Value::Object(members)) => members.iter().for_each(|(name, value)| element(xml, name, value)),
        Seen::Plain(Value::Array(items)) => items.iter().for_each(|item| element(xml, "member", item)),
        Seen::Plain(Value::String(text)) => escape(xml, text),
        Seen::Plain(other) => xml.push_str(&other.to_string()),
    }
    xml.push_str(&format!("</{name}>"));
}

pub(super) fn iso(seconds: f64) -> String {
    #[expect(clippy::cast_possible_truncation, reason = "milliseconds of any real date fit")]
    let time = Timestamp::from_millisecond((seconds * 1000.0).round() as i64).unwrap_or_default();
    time.to_string()
}

/// Writes text so that any XML 1.0 parser reads the same; what XML can't say becomes U+FFFD.
pub(super) fn escape(xml: &mut String, text: &str) {
    for letter in text.chars() {
        match letter {
            '&' => xml.push_str("&amp;"),
            '<' => xml.push_str("&lt;"),
            '>' => xml.push_str("&gt;"),
            '"' => xml.push_str("&quot;"),
            '\n' => xml.push_str("&#xA;"),
            '\r' => xml.push_str("&#xD;"),
            '\t' => xml.push_str("&#x9;"),
            '\u{0}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => xml.push('\u{fffd}'),
            _ => xml.push(letter),
        }
    }
}
