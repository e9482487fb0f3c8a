//! `PutMetricAlarm`: a whole alarm, checked, in place of whatever had its name.
//!
//! Owns: the rules of a static alarm on one metric. Must not: take alarms over expressions (it answers 501).
//!
//! Source: CloudWatch API reference, `PutMetricAlarm`.

use super::{MOST_TAGS, combination, invalid};
use crate::sandbox::state::Alarm;
use crate::sandbox::{ApiError, Caller, Org, input};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const STATISTICS: &[&str] = &["SampleCount", "Average", "Sum", "Minimum", "Maximum"];
const COMPARISONS: &[&str] = &[
    "GreaterThanOrEqualToThreshold",
    "GreaterThanThreshold",
    "LessThanThreshold",
    "LessThanOrEqualToThreshold",
    "LessThanLowerOrGreaterThanUpperThreshold",
    "LessThanLowerThreshold",
    "GreaterThanUpperThreshold",
];
const MISSING_DATA: &[&str] = &["breaching", "notBreaching", "ignore", "missing"];
/// Members the sandbox does not evaluate.
const BEYOND: &[&str] = &[
    "Metrics",
    "ThresholdMetricId",
    "EvaluationWindow",
    "EvaluationCriteria",
    "EvaluationInterval",
    "WarmUpConfiguration",
    "ActionConfiguration",
];
/// Actions for each state.
const MOST_ACTIONS: usize = 5;
/// Seconds an alarm may look back: a day, or a week for periods of an hour and more.
const LOOK_BACK: (i64, i64) = (86_400, 604_800);

type Settings = BTreeMap<String, Value>;

pub(super) fn put_metric_alarm(org: &mut Org, caller: &Caller, input: Value) -> Result<Value, ApiError> {
    if let Some(member) = BEYOND.iter().find(|member| input.get(**member).is_some_and(|value| !value.is_null())) {
        return Err(ApiError::not_implemented(format!("the sandbox does not evaluate `{member}` of an alarm")));
    }
    let name = input::text(&input, "AlarmName")?;
    if name.chars().count() > 255 {
        return Err(ApiError::validation("The alarm's name must have at most 255 characters."));
    }
    let mut settings = Settings::new();
    texts(&input, &mut settings)?;
    numbers(&input, &mut settings)?;
    actions(&input, &mut settings)?;
    let tags = input::tags(&input, "Tags")?;
    if tags.len() > MOST_TAGS {
        return Err(invalid("A resource can have at most 50 tags."));
    }
    let now = org.now;
    let key = (caller.region.clone(), name.to_owned());
    let alarms = &mut org.state_mut(&caller.account).alarms;
    // Tags of an update are ignored: an alarm keeps those it has.
    let tags = alarms.get(&key).map_or(tags, |alarm| alarm.tags.clone());
    alarms.insert(key, Alarm { settings, updated: now, tags });
    Ok(Value::Null)
}

fn one_of(input: &Value, member: &str, words: &[&str]) -> Result<Option<String>, ApiError> {
    match input::opt_text(input, member)? {
        None => Ok(None),
        Some(word) if words.contains(&word) => Ok(Some(word.to_owned())),
        Some(word) => Err(ApiError::validation(format!(
            "1 validation error detected: Value '{word}' at '{member}' failed to satisfy constraint: Member must \
             satisfy enum value set: [{}]",
            words.join(", ")
        ))),
    }
}

fn texts(input: &Value, settings: &mut Settings) -> Result<(), ApiError> {
    let (namespace, metric) = (input::text(input, "Namespace"), input::text(input, "MetricName"));
    let (Ok(namespace), Ok(metric)) = (namespace, metric) else {
        return Err(ApiError::new("MissingParameter", "Namespace and MetricName must both be given."));
    };
    if namespace.starts_with(':') {
        return Err(ApiError::validation("A namespace must not begin with a colon."));
    }
    settings.insert("Namespace".into(), json!(namespace));
    settings.insert("MetricName".into(), json!(metric));
    let statistic = one_of(input, "Statistic", STATISTICS)?;
    let extended = input::opt_text(input, "ExtendedStatistic")?;
    if statistic.is_some() == extended.is_some() {
        return Err(combination("Exactly one of Statistic and ExtendedStatistic must be given."));
    }
    let comparison = one_of(input, "ComparisonOperator", COMPARISONS)?;
    let comparison = comparison.ok_or_else(|| input::missing("ComparisonOperator"))?;
    if comparison.contains("Lower") || comparison.contains("Upper") {
        return Err(combination("This comparison needs an anomaly detection model."));
    }
    settings.insert("ComparisonOperator".into(), json!(comparison));
    let optional = [
        ("Statistic", statistic),
        ("ExtendedStatistic", extended.map(str::to_owned)),
        ("TreatMissingData", one_of(input, "TreatMissingData", MISSING_DATA)?),
        ("AlarmDescription", input::opt_text(input, "AlarmDescription")?.map(str::to_owned)),
        ("Unit", input::opt_text(input, "Unit")?.map(str::to_owned)),
        (
            "EvaluateLowSampleCountPercentile",
            input::opt_text(input, "EvaluateLowSampleCountPercentile")?.map(str::to_owned),
        ),
    ];
    for (member, value) in optional {
        if let Some(value) = value {
            settings.insert(member.into(), json!(value));
        }
    }
    let mut dimensions = Vec::new();
    for dimension in input::list(input, "Dimensions")? {
        let (name, value) = (input::text(dimension, "Name")?, input::text(dimension, "Value")?);
        dimensions.push(json!({ "Name": name, "Value": value }));
    }
    settings.insert("Dimensions".into(), dimensions.into());
    Ok(())
}

fn numbers(input: &Value, settings: &mut Settings) -> Result<(), ApiError> {
    let periods = input::opt_int(input, "EvaluationPeriods")?.ok_or_else(|| input::missing("EvaluationPeriods"))?;
    let period = input::opt_int(input, "Period")?.ok_or_else(|| input::missing("Period"))?;
    let threshold = input::opt_float(input, "Threshold")?.ok_or_else(|| input::missing("Threshold"))?;
    if !threshold.is_finite() {
        return Err(invalid("The threshold must be a finite number."));
    }
    if periods < 1 {
        return Err(ApiError::validation(format!(
            "1 validation error detected: Value '{periods}' at 'evaluationPeriods' failed to satisfy constraint: \
             Member must have value greater than or equal to 1"
        )));
    }
    if !matches!(period, 10 | 20 | 30) && (period < 60 || period % 60 != 0) {
        return Err(ApiError::validation("Period must be 10, 20, 30 or a multiple of 60."));
    }
    let most = if period >= 3_600 { LOOK_BACK.1 } else { LOOK_BACK.0 };
    if period.saturating_mul(periods) > most {
        return Err(ApiError::validation(format!("Metrics cannot be checked across more than {most} seconds.")));
    }
    settings.insert("EvaluationPeriods".into(), json!(periods));
    settings.insert("Period".into(), json!(period));
    settings.insert("Threshold".into(), json!(threshold));
    if let Some(points) = input::opt_int(input, "DatapointsToAlarm")? {
        if !(1..=periods).contains(&points) {
            return Err(ApiError::validation("DatapointsToAlarm must be between 1 and EvaluationPeriods."));
        }
        settings.insert("DatapointsToAlarm".into(), json!(points));
    }
    Ok(())
}

fn actions(input: &Value, settings: &mut Settings) -> Result<(), ApiError> {
    let enabled = input::opt_bool(input, "ActionsEnabled")?.unwrap_or(true);
    settings.insert("ActionsEnabled".into(), json!(enabled));
    for member in ["OKActions", "AlarmActions", "InsufficientDataActions"] {
        let actions = input::texts(input, member)?;
        if actions.len() > MOST_ACTIONS {
            return Err(ApiError::validation(format!("{member} must have at most {MOST_ACTIONS} items.")));
        }
        if let Some(wrong) = actions.iter().find(|action| !action.starts_with("arn:")) {
            return Err(ApiError::validation(format!("Invalid arn syntax: {wrong}")));
        }
        settings.insert(member.into(), json!(actions));
    }
    Ok(())
}
