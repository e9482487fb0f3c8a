//! Between typed things and the documents at their addresses.
//!
//! Owns: which fields a document has. Must not: call anything.

use super::call::refused;
use crate::model::address::Doc;
use crate::model::observed::{Cause, Observed};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// The document of a thing.
pub(crate) fn of(operation: &str, thing: &impl Serialize) -> Result<Doc, Cause> {
    Doc::of(thing).map_err(|error| unreadable(operation, &error))
}

/// The document of a thing whose address has its name.
pub(crate) fn nameless(operation: &str, thing: &impl Serialize) -> Result<Doc, Cause> {
    let mut doc = of(operation, thing)?;
    if let Value::Object(fields) = &mut doc.0 {
        fields.remove("name");
    }
    Ok(doc)
}

/// The empty document of a thing that is only there or not.
pub(crate) fn empty() -> Doc {
    Doc(Value::Object(Map::new()))
}

/// Reads a document.
pub(crate) fn read<T: DeserializeOwned>(operation: &str, doc: &Doc) -> Result<T, Cause> {
    doc.read().map_err(|error| unreadable(operation, &error))
}

/// Reads a document whose address has its name.
pub(crate) fn named<T: DeserializeOwned>(operation: &str, doc: &Doc, name: &str) -> Result<T, Cause> {
    let mut doc = doc.clone();
    if let Value::Object(fields) = &mut doc.0 {
        fields.insert("name".to_owned(), Value::String(name.to_owned()));
    }
    read(operation, &doc)
}

/// An observed thing as an observed document.
pub(crate) fn observed<T>(seen: Observed<T>, make: impl FnOnce(&T) -> Result<Doc, Cause>) -> Observed<Doc> {
    match seen {
        Observed::Present { value, source } => match make(&value) {
            Ok(value) => Observed::Present { value, source },
            Err(cause) => Observed::unknown(cause),
        },
        Observed::Absent { source } => Observed::Absent { source },
        Observed::Unknown { cause } => Observed::Unknown { cause },
    }
}

fn unreadable(operation: &str, error: &serde_json::Error) -> Cause {
    refused(operation, format!("the document does not fit its address: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::monitoring::MetricFilter;

    #[test]
    fn the_name_stays_in_the_address() {
        let filter = MetricFilter {
            name: "root".into(),
            pattern: "{ $.a = 1 }".into(),
            metric_namespace: "ns".into(),
            metric_name: "m".into(),
            metric_value: "1".into(),
            default_value: None,
            ..MetricFilter::default()
        };
        let doc = nameless("x", &filter).unwrap();
        assert_eq!(doc.0.get("name"), None);
        assert_eq!(named::<MetricFilter>("x", &doc, "root").unwrap(), filter);
        let error = named::<MetricFilter>("logs:PutMetricFilter", &empty(), "root").unwrap_err();
        assert!(error.message.contains("pattern"), "{error}");
    }
}
