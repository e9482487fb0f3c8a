//! `LookupEvents`: the management events of one account and Region, newest first.
//!
//! Owns: the one attribute a lookup may name, and stable pages while new events arrive. Must not: look into other accounts,
//! not even for the management account.
//!
//! Source: CloudTrail API reference, `LookupEvents`.

use crate::sandbox::{ApiError, Caller, Event, Org, input, page, wire};
use jiff::Timestamp;
use serde_json::{Value, json};

/// Events on the longest page.
const LONGEST_PAGE: i64 = 50;
/// Seconds an event can be looked up: 90 days.
const KEPT: i64 = 90 * 86_400;

/// What a lookup asks for.
struct Lookup {
    attribute: Option<(String, String)>,
    from: Timestamp,
    to: Timestamp,
}

pub(super) fn lookup(org: &mut Org, caller: &Caller, input: Value) -> Result<Value, ApiError> {
    let lookup = read(org, &input)?;
    let size = match input::opt_int(&input, "MaxResults")?.unwrap_or(LONGEST_PAGE) {
        size @ 1..=LONGEST_PAGE => usize::try_from(size).unwrap_or(1),
        _ => return Err(ApiError::new("InvalidMaxResultsException", "Max results must be between 1 and 50.")),
    };
    // A token names the place in the log, which only grows at its end: pages stay whole while events arrive.
    let mut place = match input::opt_text(&input, "NextToken")? {
        None => org.events.len(),
        Some(token) => page::offset(token)
            .filter(|place| *place <= org.events.len())
            .ok_or_else(|| ApiError::new("InvalidNextTokenException", "Invalid token."))?,
    };
    let mut found = Vec::new();
    while place > 0 && found.len() < size {
        place -= 1;
        if let Some(event) = org.events.get(place).filter(|event| here(event, caller) && lookup.matches(event)) {
            found.push(shown(event));
        }
    }
    let older = org.events.get(..place).unwrap_or_default();
    let more = older.iter().any(|event| here(event, caller) && lookup.matches(event));
    Ok(json!({ "Events": found, "NextToken": more.then(|| page::token_at(place)) }))
}

fn read(org: &Org, input: &Value) -> Result<Lookup, ApiError> {
    let attribute = match input::list(input, "LookupAttributes")? {
        [] => None,
        [one] => Some((input::text(one, "AttributeKey")?.to_owned(), input::text(one, "AttributeValue")?.to_owned())),
        _ => {
            let message = "You can specify only one lookup attribute.";
            return Err(ApiError::new("InvalidLookupAttributesException", message));
        }
    };
    const KEYS: [&str; 8] =
        ["EventId", "EventName", "ReadOnly", "Username", "ResourceType", "ResourceName", "EventSource", "AccessKeyId"];
    if let Some((key, _)) = attribute.as_ref().filter(|(key, _)| !KEYS.contains(&key.as_str())) {
        return Err(ApiError::new("InvalidLookupAttributesException", format!("Invalid attribute key: {key}.")));
    }
    let now = org.now;
    let oldest = Timestamp::from_second(now.as_second() - KEPT).unwrap_or(now);
    let from = input::opt_time(input, "StartTime")?.unwrap_or(oldest).max(oldest);
    let to = input::opt_time(input, "EndTime")?.unwrap_or(now);
    if input::opt_time(input, "StartTime")?.is_some_and(|start| start > to) {
        let message = "The start time must be before the end time.";
        return Err(ApiError::new("InvalidTimeRangeException", message));
    }
    // What happened a moment ago has not arrived yet.
    let arrived = now.checked_sub(org.delivery).unwrap_or(oldest);
    Ok(Lookup { attribute, from, to: to.min(arrived) })
}

/// Whether the event is of the caller's account and Region.
fn here(event: &Event, caller: &Caller) -> bool {
    event.account == caller.account && event.region == caller.region
}

impl Lookup {
    fn matches(&self, event: &Event) -> bool {
        let (from, to) = (self.from.as_second(), self.to.as_second());
        let Some((key, value)) = &self.attribute else { return (from..=to).contains(&event.at.as_second()) };
        let fits = match key.as_str() {
            "EventId" => event.id == *value,
            "EventName" => *event.name == **value,
            "EventSource" => *event.source == **value,
            "ReadOnly" => event.read_only.to_string() == *value,
            "Username" => username(event) == Some(value.as_str()),
            "AccessKeyId" => event.identity.get("accessKeyId").and_then(Value::as_str) == Some(value.as_str()),
            // The sandbox's events name no resources.
            _ => false,
        };
        fits && (from..=to).contains(&event.at.as_second())
    }
}

/// The user's name, or the session's.
fn username(event: &Event) -> Option<&str> {
    let identity = &event.identity;
    match identity.get("type").and_then(Value::as_str) {
        Some("Root") => Some("root"),
        Some("IAMUser") => identity.get("userName").and_then(Value::as_str),
        _ => identity.get("arn").and_then(Value::as_str)?.rsplit('/').next(),
    }
}

fn shown(event: &Event) -> Value {
    json!({
        "EventId": event.id,
        "EventName": *event.name,
        "ReadOnly": event.read_only.to_string(),
        "AccessKeyId": event.identity.get("accessKeyId"),
        "EventTime": wire::timestamp(event.at),
        "EventSource": *event.source,
        "Username": username(event),
        "Resources": [],
        "CloudTrailEvent": event.record().to_string(),
    })
}
