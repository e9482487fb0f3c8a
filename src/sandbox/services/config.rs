//! AWS Config: recorders, their status, rules.
//!
//! Owns: three reads. Must not: record or evaluate anything.
//!
//! Source: AWS Config API reference.

#[cfg(test)]
mod tests;

use super::Operations;
use crate::sandbox::generate::watchers::watched;
use crate::sandbox::state::{Recorder, Rule, Watched};
use crate::sandbox::{ApiError, Caller, Org, input, page::page, wire};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The operations.
pub const OPERATIONS: Operations = &[
    ("DescribeConfigRules", describe_rules),
    ("DescribeConfigurationRecorderStatus", |org, caller, request| {
        let found = recorders(org, caller, &request, |_, name, recorder| status(name, recorder))?;
        Ok(json!({ "ConfigurationRecordersStatus": found }))
    }),
    ("DescribeConfigurationRecorders", |org, caller, request| {
        let found = recorders(org, caller, &request, recorder)?;
        Ok(json!({ "ConfigurationRecorders": found }))
    }),
];

/// Rules on a page.
const PAGE: usize = 25;

fn seen(org: &Org, caller: &Caller) -> Watched {
    watched(&org.unpeopled(&caller.account), &caller.region).into_owned()
}

/// The entries that `names` asks for; all of them if it is empty. An error for one that is not there.
fn chosen<'a, T>(
    all: &'a BTreeMap<String, T>,
    names: &[String],
    unknown: impl Fn(&str) -> ApiError,
) -> Result<Vec<(&'a String, &'a T)>, ApiError> {
    if names.is_empty() {
        return Ok(all.iter().collect());
    }
    names.iter().map(|name| all.get_key_value(name).ok_or_else(|| unknown(name))).collect()
}

fn recorders(
    org: &Org,
    caller: &Caller,
    request: &Value,
    shape: fn(&Caller, &str, &Recorder) -> Value,
) -> Result<Vec<Value>, ApiError> {
    for filter in ["ServicePrincipal", "Arn"] {
        if input::opt_text(request, filter)?.is_some() {
            return Err(ApiError::not_implemented(format!("the sandbox finds no recorder by `{filter}`")));
        }
    }
    let names = input::texts(request, "ConfigurationRecorderNames")?;
    let watched = seen(org, caller);
    let found = chosen(&watched.recorders, &names, |name| {
        let message = format!("Cannot find configuration recorder with the specified name '{name}'.");
        ApiError::new("NoSuchConfigurationRecorderException", message)
    })?;
    Ok(found.into_iter().map(|(name, recorder)| shape(caller, name, recorder)).collect())
}

fn recorder(caller: &Caller, name: &str, recorder: &Recorder) -> Value {
    let role = "aws-service-role/config.amazonaws.com/AWSServiceRoleForConfig";
    json!({
        "name": name,
        "roleARN": format!("arn:aws:iam::{}:role/{role}", caller.account),
        "recordingGroup": {
            "allSupported": recorder.all_supported,
            "includeGlobalResourceTypes": recorder.include_global,
            "resourceTypes": recorder.included,
            "exclusionByResourceTypes": { "resourceTypes": recorder.excluded },
            "recordingStrategy": { "useOnly": recorder.strategy },
        },
        "recordingMode": { "recordingFrequency": "CONTINUOUS", "recordingModeOverrides": [] },
        "recordingScope": "PAID",
    })
}

fn status(name: &str, recorder: &Recorder) -> Value {
    json!({
        "name": name,
        "lastStartTime": wire::timestamp(recorder.started),
        "lastStopTime": recorder.stopped.map(wire::timestamp),
        "recording": recorder.stopped.is_none(),
        "lastStatus": recorder.last_status,
        "lastStatusChangeTime": wire::timestamp(recorder.stopped.unwrap_or(recorder.started)),
    })
}

fn describe_rules(org: &mut Org, caller: &Caller, request: Value) -> Result<Value, ApiError> {
    if request.get("Filters").is_some_and(|filters| !filters.is_null()) {
        return Err(ApiError::not_implemented("the sandbox filters no rules"));
    }
    let names = input::texts(&request, "ConfigRuleNames")?;
    let watched = seen(org, caller);
    let found = chosen(&watched.rules, &names, |name| {
        let message =
            format!("The ConfigRule '{name}' provided in the request is invalid. Please check the configRule name");
        ApiError::new("NoSuchConfigRuleException", message)
    })?;
    let token = input::opt_text(&request, "NextToken")?;
    let (part, next) = page(&found, token, PAGE, "InvalidNextTokenException")?;
    let rules: Vec<Value> = part.iter().map(|(name, found)| rule(caller, name, found)).collect();
    Ok(json!({ "ConfigRules": rules, "NextToken": next }))
}

fn rule(caller: &Caller, name: &str, rule: &Rule) -> Value {
    json!({
        "ConfigRuleName": name,
        "ConfigRuleArn": format!("arn:aws:config:{}:{}:config-rule/{}", caller.region, caller.account, rule.id),
        "ConfigRuleId": rule.id,
        "Source": { "Owner": rule.owner, "SourceIdentifier": rule.identifier },
        "InputParameters": rule.parameters,
        "MaximumExecutionFrequency": "TwentyFour_Hours",
        "ConfigRuleState": rule.state,
        "EvaluationModes": [{ "Mode": "DETECTIVE" }],
    })
}
