//! Findings as OCSF events of the class Compliance Finding (2003), one a line, as Security Lake and SIEMs take them.
//!
//! Every row is an event: what passes too. What failed in the audit before and has no row any more is closed. Times are in milliseconds. Source: schema.ocsf.io, class `compliance_finding` with the
//! profile `cloud`.

use super::row::{Row, mend, with_gone};
use super::source::{json, known};
use super::{Audit, ReportError, Standards};
use crate::model::check::Severity;
use crate::model::finding::Evidence;
use crate::model::{CauseKind, Verdict};
use serde_json::{Value, json};
use std::io::Write;

/// A version of OCSF.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// 1.1.0
    V1_1,
    /// 1.2.0
    V1_2,
    /// 1.3.0
    V1_3,
    /// 1.4.0
    V1_4,
    /// 1.5.0
    V1_5,
    /// 1.6.0
    V1_6,
    /// 1.7.0
    V1_7,
    /// 1.8.0
    V1_8,
}

impl Version {
    /// All, oldest first.
    pub const ALL: [Self; 8] =
        [Self::V1_1, Self::V1_2, Self::V1_3, Self::V1_4, Self::V1_5, Self::V1_6, Self::V1_7, Self::V1_8];

    /// As OCSF writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V1_1 => "1.1.0",
            Self::V1_2 => "1.2.0",
            Self::V1_3 => "1.3.0",
            Self::V1_4 => "1.4.0",
            Self::V1_5 => "1.5.0",
            Self::V1_6 => "1.6.0",
            Self::V1_7 => "1.7.0",
            Self::V1_8 => "1.8.0",
        }
    }
}

/// Writes an event for each row.
///
/// # Errors
/// If the findings can't be read or the report can't be written.
pub fn write(
    audit: &Audit<'_>,
    standards: &Standards<'_>,
    version: Version,
    out: &mut dyn Write,
) -> Result<(), ReportError> {
    with_gone(audit, &mut |row| {
        json(&known(event(row, audit, standards, version)), out)?;
        Ok(out.write_all(b"\n")?)
    })
}

fn event(row: &Row<'_>, audit: &Audit<'_>, standards: &Standards<'_>, version: Version) -> Value {
    let finding = row.finding;
    let time = audit.org.as_of.as_millisecond();
    let meta = row.meta(audit);
    let (activity_id, activity) = if row.gone.is_some() { (3, "Close") } else { (1, "Create") };
    let (status_id, status) = match row.verdict {
        Verdict::Fail => (1, "New"),
        Verdict::Exempt => (3, "Suppressed"),
        Verdict::Pass => (4, "Resolved"),
        Verdict::Unknown => (0, "Unknown"),
        Verdict::NotApplicable => (99, "Not applicable"),
    };
    let (severity_id, severity) = match finding.severity {
        Severity::Info => (1, "Informational"),
        Severity::Low => (2, "Low"),
        Severity::Medium => (3, "Medium"),
        Severity::High => (4, "High"),
        Severity::Critical => (5, "Critical"),
    };
    let resource = resource(row, audit);
    let (resource, resources) = match version >= Version::V1_3 {
        true => (Value::Null, json!([resource])),
        false => (resource, Value::Null),
    };
    let (evidences, enrichments) = match version >= Version::V1_4 {
        true => (list(finding.evidence.iter().map(|fact| evidence(fact, audit))), Value::Null),
        false => (Value::Null, list(finding.evidence.iter().map(|fact| enrichment(fact, audit)))),
    };
    let fingerprint = row.fingerprint();
    json!({
        "activity_id": activity_id,
        "activity_name": activity,
        "category_uid": 2,
        "category_name": "Findings",
        "class_uid": 2003,
        "class_name": "Compliance Finding",
        "type_uid": 200_300 + activity_id,
        "type_name": format!("Compliance Finding: {activity}"),
        "time": time,
        "severity_id": severity_id,
        "severity": severity,
        "status_id": status_id,
        "status": status,
        "status_code": finding.cause.as_ref().map(|cause| cause.kind.as_str()),
        "status_detail": finding.cause.as_ref().map(|cause| cause.to_string()),
        "message": row.message,
        "metadata": {
            "version": version.as_str(),
            "profiles": ["cloud"],
            "product": {
                "name": "orgward",
                "uid": "orgward",
                "vendor_name": "orgward",
                "version": env!("CARGO_PKG_VERSION"),
            },
            "uid": format!("{fingerprint}-{time}"),
            "event_code": finding.check,
            "correlation_uid": some(&audit.context.run),
            "tenant_uid": audit.org.organization.id,
        },
        "cloud": cloud(row, audit),
        "compliance": compliance(row, standards),
        "finding_info": {
            "uid": fingerprint,
            "title": row.title(audit),
            "desc": meta.map(|meta| meta.rationale),
            "types": ["Software and Configuration Checks"],
            "product_uid": "orgward",
            "last_seen_time": time,
            "data_sources": operations(&finding.evidence),
            "analytic": {"type_id": 1, "type": "Rule", "uid": finding.check, "name": row.title(audit)},
        },
        "remediation": meta.map(|meta| {
            let way = meta.remediation;
            let documents: Vec<String> =
                meta.references.iter().map(|one| format!("{}, {}", one.document, one.section)).collect();
            json!({
                "desc": format!("Console: {}\nCLI:\n{}\norgward: {}", way.console, way.cli, mend(meta)),
                "references": documents,
            })
        }),
        "resource": resource,
        "resources": resources,
        "evidences": evidences,
        "enrichments": enrichments,
        "unmapped": {
            "verdict": row.verdict.as_str(),
            "exemption": row.answered(&audit.context.exemptions.exemptions),
            "fix": finding.cause.as_ref().map(|cause| cause.kind.fix()),
        },
    })
}

/// `None` for an empty text.
fn some(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}

/// A list; nothing where it would be empty.
fn list(items: impl Iterator<Item = Value>) -> Value {
    let items: Vec<Value> = items.collect();
    if items.is_empty() { Value::Null } else { Value::Array(items) }
}

fn operations(evidence: &[Evidence]) -> Value {
    let mut names: Vec<&str> = evidence.iter().map(|fact| fact.source.operation.as_str()).collect();
    names.dedup();
    list(names.into_iter().map(Value::from))
}

/// Pass, fail or unknown of the control that the check is.
fn compliance(row: &Row<'_>, standards: &Standards<'_>) -> Value {
    let check = row.finding.check.as_str();
    let (status_id, status) = match row.verdict {
        Verdict::Pass => (1, "Pass"),
        Verdict::Fail | Verdict::Exempt => (3, "Fail"),
        Verdict::Unknown if row.finding.cause.as_ref().is_some_and(|cause| cause.kind == CauseKind::OptIn) => {
            (99, "Not asked for")
        }
        Verdict::Unknown => (0, "Unknown"),
        Verdict::NotApplicable => (99, "Not applicable"),
    };
    let titles = standards.titles(check);
    json!({
        "control": check,
        "standards": if titles.is_empty() { vec!["orgward"] } else { titles },
        "requirements": list(standards.controls(check).into_iter().map(Value::from)),
        "status_id": status_id,
        "status": status,
    })
}

fn cloud(row: &Row<'_>, audit: &Audit<'_>) -> Value {
    let org = &audit.org.organization;
    let id = row.owner(audit);
    let account = audit.org.accounts.get(id);
    let parent = row.account().and(account).map(|account| &account.parent);
    json!({
        "provider": "AWS",
        "account": {
            "uid": id.as_str(),
            "name": account.and_then(|account| some(&account.name)),
            "type_id": 10,
            "type": "AWS Account",
        },
        "org": {
            "uid": org.id,
            "ou_uid": parent.map(|parent| parent.as_str()),
            "ou_name": parent.map(|parent| audit.org.path(parent)),
        },
        "region": row.region().unwrap_or(org.home_region.as_str()),
    })
}

/// The resource; of a whole cell its account or the organization.
fn resource(row: &Row<'_>, audit: &Audit<'_>) -> Value {
    let org = &audit.org.organization;
    let account = row.account().and_then(|id| audit.org.accounts.get(id));
    let (uid, name, kind) = match (row.resource, row.account()) {
        (Some(resource), _) => (resource.to_owned(), None, None),
        (None, Some(id)) => {
            let arn = account.map_or_else(|| id.to_string(), |account| account.arn.clone());
            (arn, account.and_then(|account| some(&account.name)), Some("AwsAccount"))
        }
        (None, None) => (org.arn.clone(), None, Some("AwsOrganization")),
    };
    json!({
        "uid": uid,
        "name": name,
        "type": kind,
        "region": row.region(),
        "cloud_partition": org.partition,
    })
}

fn fact(evidence: &Evidence, audit: &Audit<'_>) -> Value {
    let source = &evidence.source;
    json!({
        "region": source.region,
        "observed_at": source.observed_at,
        "made_at": source.made_at,
        "digest": source.digest,
        "pages": source.pages,
        "age_seconds": source.age_seconds(audit.org.as_of),
    })
}

fn evidence(evidence: &Evidence, audit: &Audit<'_>) -> Value {
    let source = &evidence.source;
    let (service, operation) = source.operation.split_once(':').unwrap_or(("", source.operation.as_str()));
    json!({
        "api": {
            "operation": operation,
            "service": some(service).map(|service| json!({"name": service})),
            "request": source.request_id.as_ref().map(|id| json!({"uid": id})),
        },
        "data": fact(evidence, audit),
    })
}

fn enrichment(evidence: &Evidence, audit: &Audit<'_>) -> Value {
    let source = &evidence.source;
    json!({
        "name": "api_call",
        "value": source.operation,
        "type": "evidence",
        "provider": "orgward",
        "data": {"fact": fact(evidence, audit), "request_id": source.request_id},
    })
}
