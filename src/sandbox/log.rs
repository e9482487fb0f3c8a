//! What was asked of the sandbox: requests, counted for tests, and events as CloudTrail would record them.
//!
//! Owns: the request log and the shape of an event. Must not: keep credentials or bodies.

use crate::model::{AccountId, Region};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex, PoisonError};

/// A request that reached the sandbox, whatever came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedRequest {
    /// The caller's account; `None` if the credentials were not recognised.
    pub account: Option<AccountId>,
    /// The service's prefix, such as `iam`; empty if it could not be told.
    pub service: String,
    /// The operation; empty if it could not be told.
    pub operation: String,
    /// The Region of the credential scope; empty if there was none.
    pub region: String,
    /// The HTTP status; 0 for a connection that broke or never answered.
    pub status: u16,
}

/// The requests, in order of arrival.
#[derive(Debug, Default)]
pub(crate) struct RequestLog {
    entries: Mutex<Vec<LoggedRequest>>,
}

impl RequestLog {
    pub(crate) fn push(&self, entry: LoggedRequest) {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).push(entry);
    }

    pub(crate) fn all(&self) -> Vec<LoggedRequest> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn clear(&self) {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// A management event. Source: CloudTrail user guide, "CloudTrail record contents".
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// `eventID`.
    pub id: String,
    /// `eventTime`.
    pub at: Timestamp,
    /// `eventName`.
    pub name: Arc<str>,
    /// `eventSource`, such as `iam.amazonaws.com`.
    pub source: Arc<str>,
    /// `awsRegion`.
    pub region: Region,
    /// `recipientAccountId`.
    pub account: AccountId,
    /// `userIdentity`.
    pub identity: Arc<Value>,
    /// `requestParameters`; kept for calls that write, `null` else.
    pub parameters: Value,
    /// `errorCode`.
    pub error_code: Option<String>,
    /// `errorMessage`.
    pub error_message: Option<String>,
    /// `readOnly`.
    pub read_only: bool,
}

/// An input as `requestParameters` shows it: members begin with a small letter, the keys of maps stay as they are, and
/// what belongs to the protocol is gone.
pub(crate) fn request_parameters(input: &Value) -> Value {
    match input {
        Value::Object(members) => members
            .iter()
            .filter(|(name, _)| !matches!(name.as_str(), "Action" | "Version"))
            .map(|(name, value)| {
                let small = name.chars().take(1).map(|letter| letter.to_ascii_lowercase()).chain(name.chars().skip(1));
                let value = if name == "Attributes" { value.clone() } else { request_parameters(value) };
                (small.collect::<String>(), value)
            })
            .collect(),
        Value::Array(items) => items.iter().map(request_parameters).collect(),
        other => other.clone(),
    }
}

impl Event {
    /// The record as CloudTrail delivers it to a log group.
    pub fn record(&self) -> Value {
        let mut record = json!({
            "eventVersion": "1.11",
            "userIdentity": *self.identity,
            "eventTime": self.at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            "eventSource": *self.source,
            "eventName": *self.name,
            "awsRegion": self.region.as_str(),
            "sourceIPAddress": "203.0.113.10",
            "userAgent": "orgward-sandbox",
            "requestParameters": self.parameters,
            "responseElements": null,
            "eventID": self.id,
            "readOnly": self.read_only,
            "eventType": "AwsApiCall",
            "managementEvent": true,
            "recipientAccountId": self.account.as_str(),
            "eventCategory": "Management",
        });
        if let Some(record) = record.as_object_mut() {
            for (name, value) in [("errorCode", &self.error_code), ("errorMessage", &self.error_message)] {
                if let Some(value) = value {
                    record.insert(name.to_owned(), value.clone().into());
                }
            }
        }
        record
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_written_as_cloudtrail_writes_them() {
        let input = json!({
            "Action": "CreateTopic", "Version": "2010-03-31", "Name": "a", "OKActions": [],
            "Tags": [{"Key": "K", "Value": "V"}], "Attributes": {"DisplayName": "D"}, "Äh": 1,
        });
        let wanted = json!({
            "name": "a", "oKActions": [], "tags": [{"key": "K", "value": "V"}], "attributes": {"DisplayName": "D"}, "Äh": 1,
        });
        assert_eq!(request_parameters(&input), wanted);
    }
}
