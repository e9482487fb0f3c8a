//! CloudWatch: metric alarms and their tags.
//!
//! Owns: what an alarm must say to be taken, and that putting one replaces all of it. Must not: see a wire format, or
//! evaluate an alarm (a new one stays in `INSUFFICIENT_DATA`).
//!
//! Source: CloudWatch API reference.

mod put;
#[cfg(test)]
mod tests;

use crate::sandbox::state::Alarm;
use crate::sandbox::{ApiError, Caller, Handler, Org, input, page, wire};
use serde_json::{Map, Value, json};

/// The operations of CloudWatch that the sandbox has.
pub const OPERATIONS: &[(&str, Handler)] = &[
    ("DeleteAlarms", delete_alarms),
    ("DescribeAlarms", describe_alarms),
    ("ListTagsForResource", list_tags),
    ("PutMetricAlarm", put::put_metric_alarm),
    ("TagResource", tag_resource),
];

/// Alarms on a page where the caller does not say.
const PAGE: i64 = 50;
/// Alarms on the longest page, and the most that can be deleted at once.
const MOST: i64 = 100;
/// Tags a resource may have.
const MOST_TAGS: usize = 50;

/// `InvalidParameterValue`.
fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::new("InvalidParameterValue", message)
}

/// `InvalidParameterCombination`.
fn combination(message: impl Into<String>) -> ApiError {
    ApiError::new("InvalidParameterCombination", message)
}

fn arn(caller: &Caller, name: &str) -> String {
    format!("arn:aws:cloudwatch:{}:{}:alarm:{name}", caller.region, caller.account)
}

fn describe_alarms(org: &mut Org, caller: &Caller, input: Value) -> Result<Value, ApiError> {
    let names = input::texts(&input, "AlarmNames")?;
    let prefix = input::opt_text(&input, "AlarmNamePrefix")?;
    if !names.is_empty() && prefix.is_some() {
        return Err(combination("AlarmNamePrefix must not be used with AlarmNames."));
    }
    let action = input::opt_text(&input, "ActionPrefix")?;
    let wanted_state = input::opt_text(&input, "StateValue")?;
    let kinds = input::texts(&input, "AlarmTypes")?;
    let metric_alarms = kinds.is_empty() || kinds.iter().any(|kind| kind == "MetricAlarm");
    let size = input::opt_int(&input, "MaxRecords")?.unwrap_or(PAGE);
    if !(1..=MOST).contains(&size) {
        return Err(ApiError::validation(format!(
            "1 validation error detected: Value '{size}' at 'maxRecords' failed to satisfy constraint: Member must \
             have value between 1 and {MOST}"
        )));
    }
    let state = org.unpeopled(&caller.account);
    let alarms: Vec<(&String, &Alarm)> = state
        .alarms
        .iter()
        .filter(|((region, name), alarm)| {
            metric_alarms
                && *region == caller.region
                && (names.is_empty() || names.contains(name))
                && prefix.is_none_or(|prefix| name.starts_with(prefix))
                && action.is_none_or(|prefix| acts_on(alarm, prefix))
                && wanted_state.is_none_or(|state| state == "INSUFFICIENT_DATA")
        })
        .map(|((_, name), alarm)| (name, alarm))
        .collect();
    let size = usize::try_from(size).unwrap_or(1);
    let (part, next) = page::page(&alarms, input::opt_text(&input, "NextToken")?, size, "InvalidNextToken")?;
    let list: Vec<Value> = part.iter().map(|(name, alarm)| alarm_value(caller, name, alarm)).collect();
    Ok(json!({ "MetricAlarms": list, "CompositeAlarms": [], "NextToken": next }))
}

fn acts_on(alarm: &Alarm, prefix: &str) -> bool {
    let lists = ["OKActions", "AlarmActions", "InsufficientDataActions"];
    let actions = lists.iter().filter_map(|list| alarm.settings.get(*list)?.as_array()).flatten();
    actions.filter_map(Value::as_str).any(|action| action.starts_with(prefix))
}

fn alarm_value(caller: &Caller, name: &str, alarm: &Alarm) -> Value {
    let mut value: Map<String, Value> = alarm.settings.clone().into_iter().collect();
    let updated = wire::timestamp(alarm.updated);
    for (member, held) in [
        ("AlarmName", json!(name)),
        ("AlarmArn", json!(arn(caller, name))),
        ("AlarmConfigurationUpdatedTimestamp", updated.clone()),
        ("StateValue", json!("INSUFFICIENT_DATA")),
        ("StateReason", json!("Unchecked: Initial alarm creation")),
        ("StateUpdatedTimestamp", updated.clone()),
        ("StateTransitionedTimestamp", updated),
    ] {
        value.insert(member.to_owned(), held);
    }
    Value::Object(value)
}

fn delete_alarms(org: &mut Org, caller: &Caller, input: Value) -> Result<Value, ApiError> {
    let names = input::texts(&input, "AlarmNames")?;
    if names.is_empty() {
        return Err(input::missing("AlarmNames"));
    }
    if names.len() > usize::try_from(MOST).unwrap_or(usize::MAX) {
        return Err(ApiError::validation("At most 100 alarms can be deleted at once."));
    }
    let key = |name: &String| (caller.region.clone(), name.clone());
    // All or nothing: one name that does not exist and no alarm is deleted.
    if let Some(unknown) = names.iter().find(|name| !org.unpeopled(&caller.account).alarms.contains_key(&key(name))) {
        let message = format!("No alarm named {unknown} exists.");
        return Err(ApiError::new("ResourceNotFound", message).with_status(404));
    }
    let state = org.state_mut(&caller.account);
    for name in &names {
        state.alarms.remove(&key(name));
    }
    Ok(Value::Null)
}

/// The key of the alarm with this ARN.
fn find(org: &Org, caller: &Caller, input: &Value) -> Result<(crate::model::Region, String), ApiError> {
    let wanted = input::text(input, "ResourceARN")?;
    let prefix = arn(caller, "");
    let name = wanted.strip_prefix(&prefix).filter(|name| !name.is_empty());
    let key = name.map(|name| (caller.region.clone(), name.to_owned()));
    key.filter(|key| org.unpeopled(&caller.account).alarms.contains_key(key)).ok_or_else(|| {
        ApiError::new("ResourceNotFoundException", format!("The resource {wanted} does not exist.")).with_status(404)
    })
}

fn list_tags(org: &mut Org, caller: &Caller, input: Value) -> Result<Value, ApiError> {
    let key = find(org, caller, &input)?;
    let state = org.unpeopled(&caller.account);
    let tags = state.alarms.get(&key).map(|alarm| &alarm.tags);
    let list: Vec<Value> =
        tags.into_iter().flatten().map(|(key, value)| json!({ "Key": key, "Value": value })).collect();
    Ok(json!({ "Tags": list }))
}

fn tag_resource(org: &mut Org, caller: &Caller, input: Value) -> Result<Value, ApiError> {
    let key = find(org, caller, &input)?;
    let tags = input::tags(&input, "Tags")?;
    let state = org.unpeopled(&caller.account);
    let held = state.alarms.get(&key).map(|alarm| &alarm.tags);
    let mut merged = held.cloned().unwrap_or_default();
    merged.extend(tags);
    if merged.len() > MOST_TAGS {
        return Err(invalid("A resource can have at most 50 tags."));
    }
    if let Some(alarm) = org.state_mut(&caller.account).alarms.get_mut(&key) {
        alarm.tags = merged;
    }
    Ok(json!({}))
}
