//! IAM Access Analyzer: the analyzers of a Region and what they found.
//!
//! Owns: two reads. Must not: analyze anything.
//!
//! Source: IAM Access Analyzer API reference, `ListAnalyzers`, `ListFindingsV2`.

#[cfg(test)]
mod tests;

use super::Operations;
use crate::sandbox::error::VALIDATION;
use crate::sandbox::generate::watchers::watched;
use crate::sandbox::state::{Analyzer, AnalyzerFinding};
use crate::sandbox::wire::rest::Route;
use crate::sandbox::{ApiError, Caller, Org, input, page::page};
use serde_json::{Value, json};

/// The operations.
pub const OPERATIONS: Operations = &[
    ("ListAnalyzers", |org, caller, request| list_analyzers(org, caller, &request).map_err(reasoned)),
    ("ListFindingsV2", |org, caller, request| list_findings(org, caller, &request).map_err(reasoned)),
];

/// Where they are asked for.
pub(crate) const ROUTES: &[Route] = &[("GET", "/analyzer", "ListAnalyzers"), ("POST", "/findingv2", "ListFindingsV2")];

/// Items on a page unless the request says otherwise, and at most.
const PAGE: i64 = 100;

const KINDS: [&str; 6] = [
    "ACCOUNT",
    "ORGANIZATION",
    "ACCOUNT_UNUSED_ACCESS",
    "ORGANIZATION_UNUSED_ACCESS",
    "ACCOUNT_INTERNAL_ACCESS",
    "ORGANIZATION_INTERNAL_ACCESS",
];

/// Every refusal of an input has its reason.
fn reasoned(error: ApiError) -> ApiError {
    if error.code == VALIDATION { error.with("reason", "fieldValidationFailed") } else { error }
}

fn size(request: &Value) -> Result<usize, ApiError> {
    let size = input::opt_int(request, "maxResults")?.unwrap_or(PAGE);
    let size = usize::try_from(size).ok().filter(|size| (1..=PAGE as usize).contains(size));
    size.ok_or_else(|| ApiError::validation("maxResults must be between 1 and 100"))
}

fn arn_of(caller: &Caller, name: &str) -> String {
    format!("arn:aws:access-analyzer:{}:{}:analyzer/{name}", caller.region, caller.account)
}

fn list_analyzers(org: &Org, caller: &Caller, request: &Value) -> Result<Value, ApiError> {
    let kind = input::opt_text(request, "type")?;
    if let Some(kind) = kind.filter(|kind| !KINDS.contains(kind)) {
        return Err(ApiError::validation(format!("Value `{kind}` at 'type' is not an analyzer type")));
    }
    let state = org.unpeopled(&caller.account);
    let watched = watched(&state, &caller.region);
    let analyzers: Vec<Value> = watched
        .analyzers
        .iter()
        .filter(|(_, analyzer)| kind.is_none_or(|kind| kind == analyzer.kind))
        .map(|(name, analyzer)| summary(caller, name, analyzer))
        .collect();
    let (part, next) = page(&analyzers, input::opt_text(request, "nextToken")?, size(request)?, VALIDATION)?;
    Ok(json!({"analyzers": part, "nextToken": next}))
}

fn summary(caller: &Caller, name: &str, analyzer: &Analyzer) -> Value {
    json!({
        "arn": arn_of(caller, name),
        "name": name,
        "type": analyzer.kind,
        "status": analyzer.status,
        "createdAt": analyzer.created.to_string(),
        "tags": {},
    })
}

fn list_findings(org: &Org, caller: &Caller, request: &Value) -> Result<Value, ApiError> {
    let arn = input::text(request, "analyzerArn")?;
    let wanted = statuses(request)?;
    let state = org.unpeopled(&caller.account);
    let watched = watched(&state, &caller.region);
    let analyzer = watched.analyzers.iter().find(|(name, _)| arn_of(caller, name) == arn);
    let (_, analyzer) = analyzer.ok_or_else(|| {
        ApiError::new("ResourceNotFoundException", format!("Could not find analyzer {arn}"))
            .with_status(404)
            .with("resourceId", arn)
            .with("resourceType", "ANALYZER")
    })?;
    let findings: Vec<Value> = analyzer
        .findings
        .iter()
        .filter(|finding| wanted.as_ref().is_none_or(|wanted| wanted.contains(&finding.status)))
        .map(finding_value)
        .collect();
    let (part, next) = page(&findings, input::opt_text(request, "nextToken")?, size(request)?, VALIDATION)?;
    Ok(json!({"findings": part, "nextToken": next}))
}

/// The states asked for; `None` for all of them.
fn statuses(request: &Value) -> Result<Option<Vec<String>>, ApiError> {
    let Some(filter) = request.get("filter").and_then(Value::as_object) else { return Ok(None) };
    let cannot = || ApiError::not_implemented("the sandbox filters findings by `status` and `eq` alone");
    if filter.keys().any(|key| key != "status") {
        return Err(cannot());
    }
    let Some(status) = filter.get("status") else { return Ok(None) };
    if status.as_object().is_none_or(|criterion| criterion.keys().any(|key| key != "eq")) {
        return Err(cannot());
    }
    input::texts(status, "eq").map(Some)
}

fn finding_value(finding: &AnalyzerFinding) -> Value {
    let found = finding.found.to_string();
    json!({
        "id": finding.id,
        "resource": finding.resource,
        "resourceType": finding.resource_type,
        "resourceOwnerAccount": finding.owner.as_str(),
        "findingType": finding.kind,
        "status": finding.status,
        "analyzedAt": found,
        "createdAt": found,
        "updatedAt": found,
    })
}
