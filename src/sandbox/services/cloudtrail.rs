//! CloudTrail: trails as each account and Region sees them, their status and selectors, and the events of an account.
//!
//! Owns: which trail is visible where, and what `LookupEvents` finds among the calls made. Must not: see a wire format, or
//! change a trail.
//!
//! Source: CloudTrail API reference.

mod events;
#[cfg(test)]
mod tests;

use crate::model::AccountId;
use crate::sandbox::error::VALIDATION;
use crate::sandbox::state::{Selectors, Trail};
use crate::sandbox::{ApiError, Caller, Handler, Org, input, page, wire};
use jiff::Timestamp;
use serde_json::{Value, json};

/// The operations of CloudTrail that the sandbox has.
pub const OPERATIONS: &[(&str, Handler)] = &[
    ("DescribeTrails", describe_trails),
    ("GetEventSelectors", get_event_selectors),
    ("GetTrailStatus", get_trail_status),
    ("ListTrails", list_trails),
    ("LookupEvents", events::lookup),
];

/// Trails on a page of `ListTrails`.
const PAGE: usize = 100;

/// A trail and whose it is.
struct Seen {
    owner: AccountId,
    trail: Trail,
}

/// Every trail the account sees in some Region: its own, and organization trails of the management account.
fn trails_of(org: &Org, account: &AccountId) -> Vec<Seen> {
    let seen = |owner: &AccountId, trail: &Trail| Seen { owner: owner.clone(), trail: trail.clone() };
    let mut all: Vec<Seen> = org.unpeopled(account).trails.values().map(|trail| seen(account, trail)).collect();
    let management = &org.info.management_account;
    if management != account {
        let state = org.unpeopled(management);
        all.extend(state.trails.values().filter(|trail| trail.organization).map(|trail| seen(management, trail)));
    }
    all
}

/// Whether the trail shows in this Region, and whether it does so as itself rather than as a shadow.
fn visible(seen: &Seen, caller: &Caller) -> (bool, bool) {
    let home = seen.trail.home_region == caller.region;
    (home || seen.trail.multi_region, home && seen.owner == caller.account)
}

fn describe_trails(org: &mut Org, caller: &Caller, input: Value) -> Result<Value, ApiError> {
    let names = input::texts(&input, "trailNameList")?;
    let shadows = input::opt_bool(&input, "includeShadowTrails")?.unwrap_or(true);
    let wanted = |seen: &Seen| {
        let (visible, own) = visible(seen, caller);
        let named =
            names.is_empty() || names.iter().any(|name| *name == seen.trail.arn || (own && *name == seen.trail.name));
        visible && (own || shadows) && named
    };
    let list: Vec<Value> = trails_of(org, &caller.account)
        .iter()
        .filter(|seen| wanted(seen))
        .map(|seen| trail_value(&seen.trail))
        .collect();
    Ok(json!({ "trailList": list }))
}

fn trail_value(trail: &Trail) -> Value {
    json!({
        "Name": trail.name,
        "S3BucketName": trail.bucket,
        "IncludeGlobalServiceEvents": trail.global_services,
        "IsMultiRegionTrail": trail.multi_region,
        "HomeRegion": trail.home_region.as_str(),
        "TrailARN": trail.arn,
        "LogFileValidationEnabled": trail.log_file_validation,
        "CloudWatchLogsLogGroupArn": trail.log_group_arn,
        "CloudWatchLogsRoleArn": trail.log_role_arn,
        "KmsKeyId": trail.kms_key,
        "HasCustomEventSelectors": trail.selectors != Selectors::Default,
        "HasInsightSelectors": false,
        "IsOrganizationTrail": trail.organization,
    })
}

fn list_trails(org: &mut Org, caller: &Caller, input: Value) -> Result<Value, ApiError> {
    let all = trails_of(org, &caller.account);
    let (part, next) = page::page(&all, input::opt_text(&input, "NextToken")?, PAGE, VALIDATION)?;
    let list: Vec<Value> = part
        .iter()
        .map(|seen| {
            let trail = &seen.trail;
            json!({ "TrailARN": trail.arn, "Name": trail.name, "HomeRegion": trail.home_region.as_str() })
        })
        .collect();
    Ok(json!({ "Trails": list, "NextToken": next }))
}

/// The trail of this name or ARN. A name finds the account's own trails, in their home Region only.
fn find(org: &Org, caller: &Caller, name: &str) -> Result<Seen, ApiError> {
    let found = trails_of(org, &caller.account).into_iter().find(|seen| {
        let (visible, own) = visible(seen, caller);
        visible && (seen.trail.arn == name || (own && seen.trail.name == name))
    });
    found.ok_or_else(|| {
        let message = format!("Unknown trail: {name} for the user: {}", caller.account);
        ApiError::new("TrailNotFoundException", message)
    })
}

/// A moment before now that moves on in steps of five minutes, as deliveries do.
fn delivered(now: Timestamp, lag: i64) -> Timestamp {
    let second = now.as_second() - lag;
    Timestamp::from_second(second - second.rem_euclid(300)).unwrap_or(now)
}

fn get_trail_status(org: &mut Org, caller: &Caller, input: Value) -> Result<Value, ApiError> {
    let seen = find(org, caller, input::text(&input, "Name")?)?;
    let trail = &seen.trail;
    let last = delivered(org.now, 60);
    Ok(json!({
        "IsLogging": trail.logging,
        "LatestDeliveryTime": wire::timestamp(last),
        "StartLoggingTime": wire::timestamp(trail.started),
        "LatestCloudWatchLogsDeliveryTime": trail.log_group_arn.as_ref().map(|_| wire::timestamp(last)),
        "LatestDigestDeliveryTime": trail.log_file_validation.then(|| wire::timestamp(delivered(org.now, 1_800))),
        "LatestDeliveryAttemptTime": last.to_string(),
        "LatestDeliveryAttemptSucceeded": last.to_string(),
        "LatestNotificationAttemptTime": "",
        "LatestNotificationAttemptSucceeded": "",
        "TimeLoggingStarted": trail.started.to_string(),
        "TimeLoggingStopped": "",
    }))
}

fn get_event_selectors(org: &mut Org, caller: &Caller, input: Value) -> Result<Value, ApiError> {
    let name = input::text(&input, "TrailName")?;
    let seen = find(org, caller, name)?;
    if seen.owner != caller.account {
        let message =
            format!("AccountID in ARN is wrong, you can only access resources with AccountID {}.", caller.account);
        return Err(ApiError::new("CloudTrailARNInvalidException", message));
    }
    let trail = &seen.trail;
    Ok(match &trail.selectors {
        Selectors::Default => json!({ "TrailARN": trail.arn, "EventSelectors": [{
            "ReadWriteType": "All",
            "IncludeManagementEvents": true,
            "DataResources": [],
            "ExcludeManagementEventSources": [],
        }] }),
        Selectors::Basic(selectors) => json!({ "TrailARN": trail.arn, "EventSelectors": selectors }),
        Selectors::Advanced(selectors) => json!({ "TrailARN": trail.arn, "AdvancedEventSelectors": selectors }),
    })
}
