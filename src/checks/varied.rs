//! Events varied in what does not make them what they are: who, from where, when and in which Region.
//!
//! Owns: which fields may have any value without the event being another one, and values to try: those that a pattern compares
//! the field with, and others. Must not: know any check, or judge (`subject` does).
//!
//! Source: CloudTrail user guide, "CloudTrail record contents" and "CloudTrail userIdentity element".

use crate::pattern::{Comparison, Pattern};
use serde_json::Value;

/// A field of every event, and a value that it may have as well as the one of the sample.
const ANYONE: [(&str, &str); 7] = [
    ("eventVersion", "1.08"),
    ("eventTime", "2031-07-09T11:22:33Z"),
    ("awsRegion", "sa-east-1"),
    ("sourceIPAddress", "192.0.2.44"),
    ("userAgent", "Boto3/1.35.0"),
    ("eventID", "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"),
    ("additionalEventData.MobileVersion", "Yes"),
];

/// The same for IAM users.
const USERS: [(&str, &str); 4] = [
    ("userIdentity.arn", "user/zoe"),
    ("userIdentity.userName", "zoe"),
    ("userIdentity.principalId", "AIDAOTHER"),
    ("userIdentity.accessKeyId", "AKIAOTHER"),
];

/// The same for sessions of roles.
const SESSIONS: [(&str, &str); 7] = [
    ("userIdentity.arn", "assumed-role/dev/zoe"),
    ("userIdentity.principalId", "AROAOTHER:zoe"),
    ("userIdentity.accessKeyId", "ASIAOTHER"),
    ("userIdentity.sessionContext.sessionIssuer.arn", "role/dev"),
    ("userIdentity.sessionContext.sessionIssuer.userName", "dev"),
    ("userIdentity.sessionContext.sessionIssuer.principalId", "AROAOTHER"),
    ("userIdentity.sessionContext.attributes.mfaAuthenticated", "true"),
];

/// Services whose events are recorded in one Region only.
const IN_ONE_REGION: [&str; 2] = ["iam.amazonaws.com", "organizations.amazonaws.com"];

/// The event with other values in one field at a time, and in all of them, with the field's name: for each field that
/// `pattern` compares and that may have any value in this event.
pub(super) fn varied(event: &Value, pattern: &Pattern) -> Vec<(String, Value)> {
    let comparisons = pattern.comparisons();
    let mut found = Vec::new();
    let (mut as_compared, mut otherwise, mut names) = (event.clone(), event.clone(), Vec::new());
    for (field, other) in free(event) {
        let path: Vec<&str> = field.split('.').collect();
        let compared: Vec<&Comparison<'_>> = comparisons.iter().filter(|comparison| comparison.path == path).collect();
        let Some(Value::String(now)) = at(event, &path).filter(|_| !compared.is_empty()) else { continue };
        let other = beside(now, other);
        let examples = compared.iter().filter_map(|comparison| example(event, field, now, comparison));
        for value in examples {
            set(&mut as_compared, &path, &value);
            found.push((field.to_owned(), with(event, &path, &value)));
        }
        set(&mut otherwise, &path, &other);
        found.push((field.to_owned(), with(event, &path, &other)));
        names.push(field);
    }
    if names.len() > 1 {
        let names = names.join(", ");
        found.extend([(names.clone(), as_compared), (names, otherwise)]);
    }
    found
}

/// Fields that may have any value in this event.
fn free(event: &Value) -> impl Iterator<Item = (&'static str, &'static str)> {
    let text = |path: &[&str]| at(event, path).and_then(Value::as_str).unwrap_or_default();
    let identity = match text(&["userIdentity", "type"]) {
        "IAMUser" => &USERS[..],
        "AssumedRole" => &SESSIONS[..],
        _ => &[],
    };
    let still = IN_ONE_REGION.contains(&text(&["eventSource"]));
    // What a service calls comes from the service.
    let service = at(event, &["userIdentity", "invokedBy"]).is_some();
    let fixed = move |field: &str| match field {
        "awsRegion" => still,
        "sourceIPAddress" | "userAgent" => service,
        _ => false,
    };
    ANYONE.into_iter().chain(identity.iter().copied()).filter(move |(field, _)| !fixed(field))
}

/// A value that the comparison fits; `None` where this field of this event can't have one.
fn example(event: &Value, field: &str, now: &str, comparison: &Comparison<'_>) -> Option<String> {
    let text = comparison.text;
    if text.is_empty() {
        return None;
    }
    let is_user = at(event, &["userIdentity", "type"]).and_then(Value::as_str) == Some("IAMUser");
    let impossible = match field {
        // AWS's own work in an account's name may be spared.
        "sourceIPAddress" | "userAgent" => text.contains("amazonaws.com") || text == "AWS Internal",
        // Users are no sessions, not those of single sign-on either, and nobody of both is the root user.
        "userIdentity.arn" if is_user => [":root", "role", "AWSReservedSSO"].iter().any(|part| text.contains(part)),
        "userIdentity.arn" => [":root", "user/"].iter().any(|part| text.contains(part)),
        _ => false,
    };
    if impossible {
        return None;
    }
    let end = if comparison.open_end { "x" } else { "" };
    let value = format!("{text}{end}");
    Some(if comparison.open_start { beside(now, &value) } else { value })
}

/// `name` in place of what an ARN names, or `name` itself where the field holds none.
fn beside(now: &str, name: &str) -> String {
    match now.rsplit_once(':') {
        Some((start, resource)) if now.starts_with("arn:") && !name.starts_with("arn:") => {
            let kind = resource.split_once('/').map_or("", |(kind, _)| kind);
            let slash = if kind.is_empty() || name.starts_with(&format!("{kind}/")) { "" } else { "/" };
            let kind = if slash.is_empty() { "" } else { kind };
            format!("{start}:{kind}{slash}{name}")
        }
        _ => name.to_owned(),
    }
}

fn at<'v>(event: &'v Value, path: &[&str]) -> Option<&'v Value> {
    path.iter().try_fold(event, |value, key| value.get(key))
}

fn with(event: &Value, path: &[&str], value: &str) -> Value {
    let mut event = event.clone();
    set(&mut event, path, value);
    event
}

/// Puts a value in place of one that is there.
fn set(event: &mut Value, path: &[&str], value: &str) {
    if let Some(field) = path.iter().try_fold(event, |inner, key| inner.get_mut(key)) {
        *field = Value::String(value.to_owned());
    }
}
