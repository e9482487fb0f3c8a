//! Metric filters: one transformation each, at most 100 for a log group.
//!
//! Owns: their checks. Must not: count metrics.
//!
//! Source: CloudWatch Logs API reference, `PutMetricFilter`.

use super::{invalid, no_log_group, pages, pattern};
use crate::sandbox::state::MetricFilter;
use crate::sandbox::{ApiError, Caller, Org, input};
use serde_json::{Value, json};

/// Filters a log group may have.
pub(super) const LIMIT: usize = 100;
/// Characters of the longest pattern.
const LONGEST_PATTERN: usize = 1_024;

pub(super) fn describe(org: &mut Org, caller: &Caller, input: Value) -> Result<Value, ApiError> {
    let group = input::opt_text(&input, "logGroupName")?;
    let prefix = input::opt_text(&input, "filterNamePrefix")?;
    let (metric, namespace) = (input::opt_text(&input, "metricName")?, input::opt_text(&input, "metricNamespace")?);
    if metric.is_some() != namespace.is_some() {
        return Err(invalid("metricName and metricNamespace must both be specified, or neither."));
    }
    let state = org.unpeopled(&caller.account);
    if group.is_some_and(|name| !state.log_groups.contains_key(&(caller.region.clone(), name.to_owned()))) {
        return Err(no_log_group());
    }
    let here = state
        .log_groups
        .iter()
        .filter(|((region, name), _)| *region == caller.region && group.is_none_or(|wanted| wanted == name));
    let filters: Vec<(&String, &String, &MetricFilter)> = here
        .flat_map(|((_, group), held)| held.filters.iter().map(move |(name, filter)| (group, name, filter)))
        .filter(|(_, name, filter)| {
            prefix.is_none_or(|prefix| name.starts_with(prefix))
                && metric.is_none_or(|metric| metric == filter.metric)
                && namespace.is_none_or(|namespace| namespace == filter.namespace)
        })
        .collect();
    let (part, next) = pages(&filters, &input)?;
    let list: Vec<Value> = part.iter().map(|(group, name, filter)| shown(group, name, filter)).collect();
    Ok(json!({ "metricFilters": list, "nextToken": next }))
}

fn shown(group: &str, name: &str, filter: &MetricFilter) -> Value {
    json!({
        "filterName": name,
        "filterPattern": filter.pattern,
        "metricTransformations": [{
            "metricName": filter.metric,
            "metricNamespace": filter.namespace,
            "metricValue": filter.value,
            "defaultValue": filter.default_value.as_deref().and_then(|text| text.parse::<f64>().ok()),
            "unit": filter.unit,
        }],
        "creationTime": filter.created.as_millisecond(),
        "logGroupName": group,
        "applyOnTransformedLogs": false,
    })
}

pub(super) fn put(org: &mut Org, caller: &Caller, input: Value) -> Result<Value, ApiError> {
    let group = input::text(&input, "logGroupName")?;
    let name = input::text(&input, "filterName")?;
    if name.chars().count() > 512 || name.contains([':', '*']) {
        return Err(invalid(format!(
            "1 validation error detected: Value '{name}' at 'filterName' failed to satisfy constraint: Member must \
             satisfy regular expression pattern: [^:*]*"
        )));
    }
    let text = input::opt_text(&input, "filterPattern")?.ok_or_else(|| input::missing("filterPattern"))?;
    if text.chars().count() > LONGEST_PATTERN {
        return Err(invalid(
            "1 validation error detected: Value at 'filterPattern' failed to satisfy constraint: Member must have \
             length less than or equal to 1024",
        ));
    }
    pattern(text)?;
    let filter = transformation(org, &input, text)?;
    let key = (caller.region.clone(), group.to_owned());
    let state = org.unpeopled(&caller.account);
    let held = state.log_groups.get(&key).ok_or_else(no_log_group)?;
    if held.filters.len() >= LIMIT && !held.filters.contains_key(name) {
        return Err(ApiError::new("LimitExceededException", "Resource limit exceeded."));
    }
    let group = org.state_mut(&caller.account).log_groups.get_mut(&key).ok_or_else(no_log_group)?;
    group.filters.insert(name.to_owned(), filter);
    Ok(json!({}))
}

fn transformation(org: &Org, input: &Value, pattern: &str) -> Result<MetricFilter, ApiError> {
    let [one] = input::list(input, "metricTransformations")? else {
        return Err(invalid(
            "1 validation error detected: Value at 'metricTransformations' failed to satisfy constraint: Member must \
             have length equal to 1",
        ));
    };
    if !input::map(one, "dimensions")?.is_empty() {
        return Err(ApiError::not_implemented("the sandbox has no metric filters with dimensions"));
    }
    let namespace = input::text(one, "metricNamespace")?;
    let metric = input::text(one, "metricName")?;
    if [namespace, metric].iter().any(|text| text.chars().count() > 255 || text.contains([':', '*', '$'])) {
        return Err(invalid("Invalid metric name or namespace: at most 255 characters, none of them :, * or $."));
    }
    if namespace.starts_with("AWS/") {
        return Err(invalid("The namespace must not begin with AWS/."));
    }
    let value = input::text(one, "metricValue")?;
    if !value.starts_with('$') && value.parse::<f64>().is_err() {
        return Err(invalid(format!("Invalid metric transformation: metricValue {value} is not a number.")));
    }
    Ok(MetricFilter {
        pattern: pattern.to_owned(),
        namespace: namespace.to_owned(),
        metric: metric.to_owned(),
        value: value.to_owned(),
        default_value: input::opt_float(one, "defaultValue")?.map(|number| number.to_string()),
        unit: input::opt_text(one, "unit")?.map(str::to_owned),
        created: org.now,
    })
}

pub(super) fn delete(org: &mut Org, caller: &Caller, input: Value) -> Result<Value, ApiError> {
    let key = (caller.region.clone(), input::text(&input, "logGroupName")?.to_owned());
    let name = input::text(&input, "filterName")?;
    let state = org.unpeopled(&caller.account);
    let group = state.log_groups.get(&key).ok_or_else(no_log_group)?;
    if !group.filters.contains_key(name) {
        let message = "The specified metric filter does not exist.";
        return Err(ApiError::new("ResourceNotFoundException", message));
    }
    if let Some(group) = org.state_mut(&caller.account).log_groups.get_mut(&key) {
        group.filters.remove(name);
    }
    Ok(json!({}))
}
