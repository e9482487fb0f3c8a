//! CloudWatch Logs: log groups, metric filters, and the events of a log group that a trail delivers to.
//!
//! Owns: the limits of metric filters, and what `FilterLogEvents` finds. Must not: see a wire format, or write events (they
//! are the calls made).
//!
//! Source: CloudWatch Logs API reference.

mod events;
mod filters;
#[cfg(test)]
mod tests;

use crate::model::Region;
use crate::pattern::{Pattern, PatternError};
use crate::sandbox::state::LogGroup;
use crate::sandbox::{ApiError, Caller, Handler, Org, input, page};
use serde_json::{Value, json};

/// The operations of CloudWatch Logs that the sandbox has.
pub const OPERATIONS: &[(&str, Handler)] = &[
    ("DeleteMetricFilter", filters::delete),
    ("DescribeLogGroups", describe_log_groups),
    ("DescribeMetricFilters", filters::describe),
    ("FilterLogEvents", events::filter),
    ("PutMetricFilter", filters::put),
];

/// Items on a page, and the longest page there is.
const PAGE: i64 = 50;

/// `InvalidParameterException`.
fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::new("InvalidParameterException", message)
}

/// `ResourceNotFoundException` for a log group.
fn no_log_group() -> ApiError {
    ApiError::new("ResourceNotFoundException", "The specified log group does not exist.")
}

/// The page that `limit` and `nextToken` ask for.
fn pages<'a, T>(items: &'a [T], input: &Value) -> Result<(&'a [T], Option<String>), ApiError> {
    let limit = input::opt_int(input, "limit")?.unwrap_or(PAGE);
    if !(1..=PAGE).contains(&limit) {
        return Err(invalid(format!(
            "1 validation error detected: Value '{limit}' at 'limit' failed to satisfy constraint: Member must have \
             value between 1 and {PAGE}"
        )));
    }
    let size = usize::try_from(limit).unwrap_or(1);
    page::page(items, input::opt_text(input, "nextToken")?, size, "InvalidParameterException")
}

/// Reads a pattern; `None` for the empty one, which matches everything.
fn pattern(text: &str) -> Result<Option<Pattern>, ApiError> {
    if text.trim().is_empty() {
        return Ok(None);
    }
    match Pattern::parse(text) {
        Ok(pattern) => Ok(Some(pattern)),
        Err(PatternError::Syntax { .. }) => Err(invalid("Invalid filter pattern")),
        Err(why) => Err(ApiError::not_implemented(format!("the sandbox can't evaluate this filter pattern: {why}"))),
    }
}

/// The name in `arn:aws:logs:REGION:ACCOUNT:log-group:NAME`, of the caller's own account and Region.
fn name_of(identifier: &str, caller: &Caller) -> Result<String, ApiError> {
    if !identifier.starts_with("arn:") {
        return Ok(identifier.to_owned());
    }
    let group = crate::model::trail::LogGroup::parse(identifier);
    let group = group.filter(|group| group.account == caller.account && group.region == caller.region);
    group.map(|group| group.name).ok_or_else(no_log_group)
}

/// The ARN without the `:*` at its end.
fn arn(caller: &Caller, region: &Region, name: &str) -> String {
    format!("arn:aws:logs:{region}:{}:log-group:{name}", caller.account)
}

fn describe_log_groups(org: &mut Org, caller: &Caller, input: Value) -> Result<Value, ApiError> {
    let prefix = input::opt_text(&input, "logGroupNamePrefix")?;
    let within = input::opt_text(&input, "logGroupNamePattern")?;
    if prefix.is_some() && within.is_some() {
        return Err(invalid("LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters."));
    }
    let state = org.unpeopled(&caller.account);
    let groups: Vec<(&Region, &String, &LogGroup)> = state
        .log_groups
        .iter()
        .map(|((region, name), group)| (region, name, group))
        .filter(|(region, name, _)| {
            **region == caller.region
                && prefix.is_none_or(|prefix| name.starts_with(prefix))
                && within.is_none_or(|part| name.to_lowercase().contains(&part.to_lowercase()))
        })
        .collect();
    let (part, next) = pages(&groups, &input)?;
    let list: Vec<Value> = part
        .iter()
        .map(|(region, name, group)| {
            let arn = arn(caller, region, name);
            json!({
                "logGroupName": name,
                "creationTime": group.created.as_millisecond(),
                "retentionInDays": group.retention_days,
                "metricFilterCount": group.filters.len(),
                "arn": format!("{arn}:*"),
                "logGroupArn": arn,
                "storedBytes": group.stored_bytes,
                "logGroupClass": "STANDARD",
            })
        })
        .collect();
    Ok(json!({ "logGroups": list, "nextToken": next }))
}
