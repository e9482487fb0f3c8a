//! Recent management events, from `cloudtrail:LookupEvents`: asked only with `--events DAYS`.
//!
//! Owns: the parts of a CloudTrail record that checks read. Must not: judge. Source: CloudTrail user guide, "CloudTrail record
//! contents".

use super::ids::Region;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What was found in one Region.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecentEvents {
    /// From when on events were asked for.
    pub since: Timestamp,
    /// Names of events whose pages were cut off: more may have happened than is listed.
    pub cut_off: Vec<String>,
    /// The events, newest first.
    pub events: Vec<Event>,
}

/// One management event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// `eventID`.
    pub id: String,
    /// `eventName`, such as `CreateUser`.
    pub name: String,
    /// `eventSource`, such as `iam.amazonaws.com`.
    pub source: String,
    /// `eventTime`.
    pub at: Timestamp,
    /// `awsRegion`.
    pub region: Region,
    /// `userIdentity.type`: `Root`, `IAMUser`, `AssumedRole`, `WebIdentityUser` ...
    pub actor_kind: String,
    /// `userIdentity.arn`, or what else names the caller (`userIdentity.userName`, `userIdentity.identityProvider`).
    pub actor: String,
    /// `errorCode`; `None` where the call succeeded.
    pub error: Option<String>,
    /// Further scalar fields by path, without the record's other content: `additionalEventData.MFAUsed`,
    /// `requestParameters.policyArn`, `requestParameters.userName`, `requestParameters.roleName`,
    /// `responseElements.ConsoleLogin`, `responseElements.provider`, `userIdentity.invokedBy`, `eventType` ...
    pub fields: BTreeMap<String, String>,
}

impl Event {
    /// A further field.
    pub fn field(&self, path: &str) -> Option<&str> {
        self.fields.get(path).map(String::as_str)
    }

    /// Whether the call did something: it has no error.
    pub fn succeeded(&self) -> bool {
        self.error.is_none()
    }
}
