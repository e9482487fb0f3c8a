//! What was asked of the sandbox: requests, counted for tests, and events as CloudTrail would record them.
//!
//! Owns: the request log and the shape of an event. Must not: keep credentials or bodies.

use crate::model::{AccountId, Region};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

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

/// How many requests reached the sandbox, and what came of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// All of them.
    pub requests: u64,
    /// Those that were throttled, by a quota or a fault.
    pub throttled: u64,
}

/// The requests: each in order of arrival, or only how many there were.
#[derive(Debug, Default)]
pub(crate) struct RequestLog {
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    entries: Vec<LoggedRequest>,
    tally: Tally,
    only_count: bool,
}

impl RequestLog {
    pub(crate) fn push(&self, throttled: bool, entry: impl FnOnce() -> LoggedRequest) {
        let mut kept = self.lock();
        kept.tally.requests += 1;
        kept.tally.throttled += u64::from(throttled);
        if !kept.only_count {
            kept.entries.push(entry());
        }
    }

    pub(crate) fn all(&self) -> Vec<LoggedRequest> {
        self.lock().entries.clone()
    }

    pub(crate) fn tally(&self) -> Tally {
        self.lock().tally
    }

    pub(crate) fn only_count(&self) {
        let mut kept = self.lock();
        kept.only_count = true;
        kept.entries = Vec::new();
    }

    pub(crate) fn clear(&self) {
        let mut kept = self.lock();
        kept.entries.clear();
        kept.tally = Tally::default();
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
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
