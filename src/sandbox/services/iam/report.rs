//! The credential report: asked for, made within seconds, good for four hours.
//!
//! Owns: its states and its columns. Must not: store rows; they are those of the account's state.
//!
//! Source: IAM user guide, "Generate credential reports for your AWS account".

use crate::sandbox::state::{AccessKey, AccountState, ReportRequest, RootMfa, User};
use crate::sandbox::{ApiError, Caller, Org, wire};
use jiff::Timestamp;
use serde_json::{Value, json};

/// Seconds until a report is there.
pub(super) const MAKING: i64 = 10;
/// Seconds until another one may be made.
pub(super) const GOOD_FOR: i64 = 4 * 3_600;
/// Seconds in a day.
const DAY: i64 = 86_400;

/// The columns in AWS's order.
pub(super) const COLUMNS: [&str; 23] = [
    "user",
    "arn",
    "user_creation_time",
    "password_enabled",
    "password_last_used",
    "password_last_changed",
    "password_next_rotation",
    "mfa_active",
    "access_key_1_active",
    "access_key_1_last_rotated",
    "access_key_1_last_used_date",
    "access_key_1_last_used_region",
    "access_key_1_last_used_service",
    "access_key_2_active",
    "access_key_2_last_rotated",
    "access_key_2_last_used_date",
    "access_key_2_last_used_region",
    "access_key_2_last_used_service",
    "cert_1_active",
    "cert_1_last_rotated",
    "cert_2_active",
    "cert_2_last_rotated",
    "additional_credentials_info",
];

const NONE: &str = "N/A";

fn age(org: &Org, report: ReportRequest) -> i64 {
    org.now.as_second() - report.requested_at.as_second()
}

pub(super) fn generate(org: &mut Org, caller: &Caller, _input: Value) -> Result<Value, ApiError> {
    if let Some(report) = org.reports.get(&caller.account).copied() {
        match age(org, report) {
            MAKING..GOOD_FOR => return Ok(json!({ "State": "COMPLETE" })),
            0..MAKING => return Ok(json!({ "State": "INPROGRESS" })),
            _ => {}
        }
    }
    let max_password_age = org.unpeopled(&caller.account).password_policy.as_ref().and_then(|p| p.max_password_age);
    org.reports.insert(caller.account.clone(), ReportRequest { requested_at: org.now, max_password_age });
    Ok(json!({
        "State": "STARTED",
        "Description": "No report exists. Starting a new report generation task",
    }))
}

pub(super) fn get(org: &mut Org, caller: &Caller, _input: Value) -> Result<Value, ApiError> {
    let Some(report) = org.reports.get(&caller.account).copied() else {
        let message = "Report is not present. Use GenerateCredentialReport to generate a report.";
        return Err(ApiError::new("ReportNotPresent", message).with_status(410));
    };
    match age(org, report) {
        ..MAKING => {
            let message = "Credential report generation is in progress.";
            Err(ApiError::new("ReportInProgress", message).with_status(404))
        }
        MAKING..GOOD_FOR => {
            let state = org.state(&caller.account);
            Ok(json!({
                "Content": wire::blob(&csv(&state, report)?),
                "ReportFormat": "text/csv",
                "GeneratedTime": wire::timestamp(report.requested_at),
            }))
        }
        _ => {
            let message =
                "The most recent credential report has expired. Use GenerateCredentialReport to generate one.";
            Err(ApiError::new("ReportExpired", message).with_status(410))
        }
    }
}

/// The report as AWS writes it: a header, the root user, then the users.
fn csv(state: &AccountState, report: ReportRequest) -> Result<Vec<u8>, ApiError> {
    let failed = |why: csv::Error| ApiError::new("ServiceFailure", why.to_string()).with_status(500);
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::Any(b'\n')).from_writer(Vec::new());
    writer.write_record(COLUMNS).map_err(failed)?;
    writer.write_record(root_row(state)).map_err(failed)?;
    for user in state.users.values() {
        writer.write_record(user_row(state, user, report)).map_err(failed)?;
    }
    let mut bytes = writer.into_inner().map_err(|why| ApiError::new("ServiceFailure", why.to_string()))?;
    // AWS's file does not end in a line feed.
    bytes.pop();
    Ok(bytes)
}

fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S+00:00").to_string()
}

fn root_row(state: &AccountState) -> Vec<String> {
    let root = &state.root;
    let mut row = vec![
        "<root_account>".to_owned(),
        format!("arn:aws:iam::{}:root", state.account),
        time(state.created),
        // Accounts without root credentials say so; else the report does not cover the root user's password.
        if root.has_password { "not_supported" } else { "false" }.to_owned(),
        root.password_last_used.map_or_else(|| "no_information".to_owned(), time),
        "not_supported".to_owned(),
        "not_supported".to_owned(),
        (root.mfa != RootMfa::None).to_string(),
    ];
    push_keys(&mut row, &root.keys);
    row
}

fn user_row(state: &AccountState, user: &User, report: ReportRequest) -> Vec<String> {
    let mut row =
        vec![user.name.clone(), state.user_arn(user), time(user.created), user.password.is_some().to_string()];
    match &user.password {
        None => row.extend([NONE, NONE, NONE].map(str::to_owned)),
        Some(password) => {
            row.push(password.last_used.map_or_else(|| "no_information".to_owned(), time));
            row.push(time(password.changed));
            let rotation = report.max_password_age.and_then(|days| {
                Timestamp::from_second(password.changed.as_second().checked_add(i64::from(days) * DAY)?).ok()
            });
            row.push(rotation.map_or_else(|| NONE.to_owned(), time));
        }
    }
    row.push(user.mfa.to_string());
    push_keys(&mut row, &user.keys);
    row
}

/// Both keys, both certificates (the sandbox has none), and what does not fit the columns.
fn push_keys(row: &mut Vec<String>, keys: &[AccessKey]) {
    for place in 0..2 {
        let Some(key) = keys.get(place) else {
            row.extend(["false", NONE, NONE, NONE, NONE].map(str::to_owned));
            continue;
        };
        row.extend([key.active.to_string(), time(key.created)]);
        match &key.last_used {
            Some(used) => row.extend([time(used.at), used.region.clone(), used.service.clone()]),
            None => row.extend([NONE, NONE, NONE].map(str::to_owned)),
        }
    }
    row.extend(["false", NONE, "false", NONE, NONE].map(str::to_owned));
}
