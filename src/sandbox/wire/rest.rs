//! The part of a REST request outside its body: labels in the path, and the query.
//!
//! Owns: which route a request is on and the members it brings, under their names on the wire. Must not: know an operation.
//!
//! Source: Smithy specification, "HTTP bindings".

use crate::sandbox::error::ApiError;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

/// A method, a path with labels such as `/{Bucket}?acl` (a query key that has to be there), and the operation.
pub(crate) type Route = (&'static str, &'static str, &'static str);

/// A key of every request of S3's newer clients; it only repeats the operation.
const OPERATION_KEY: &str = "x-id";

/// The members in path and query if the request is on the route.
///
/// # Errors
/// `SerializationException` if one is not UTF-8.
pub(crate) fn on(
    route: &Route,
    (method, path, query): (&str, &str, &str),
) -> Result<Option<Map<String, Value>>, ApiError> {
    let (wanted, template, _) = *route;
    let (template, marker) = template.split_once('?').map_or((template, None), |(path, key)| (path, Some(key)));
    // A bucket may be written with a slash behind it.
    let path = path.strip_suffix('/').filter(|path| !path.is_empty()).unwrap_or(path);
    let (labels, parts) = (template.split('/'), path.split('/'));
    if wanted != method || labels.clone().count() != parts.clone().count() {
        return Ok(None);
    }
    let mut members = Map::new();
    for (label, part) in labels.zip(parts) {
        match label.strip_prefix('{').and_then(|label| label.strip_suffix('}')) {
            Some(name) if !part.is_empty() => drop(members.insert(name.to_owned(), decoded(part)?.into())),
            _ if label == part => {}
            _ => return Ok(None),
        }
    }
    let mut marked = marker.is_none();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let key = decoded(key)?;
        if Some(key.as_str()) == marker {
            marked = true;
        } else if key != OPERATION_KEY {
            members.insert(key, decoded(value)?.into());
        }
    }
    Ok(marked.then_some(members))
}

fn decoded(text: &str) -> Result<String, ApiError> {
    let text = text.replace('+', " ");
    let decoded = percent_decode_str(&text).decode_utf8();
    decoded
        .map(std::borrow::Cow::into_owned)
        .map_err(|_| ApiError::new("SerializationException", "A part of the request's address is not UTF-8."))
}
