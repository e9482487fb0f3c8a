//! Findings in the AWS Security Finding Format: each line is one request of `securityhub:BatchImportFindings`.
//!
//! What failed in the audit before and has no row any more is archived, so that it does not stand open in Security Hub until it
//! expires there. A request holds findings of one account, because the default product takes those of its own account only; at most 100, and
//! less than 6 MB. Texts are cut to what each field takes. Sources: Security Hub API reference, `AwsSecurityFinding`; Security Hub
//! partner guide, "Guidelines for using the BatchImportFindings API".

use super::row::{Gone, Row, mend, short, with_gone};
use super::source::known;
use super::{Audit, ReportError, Standards};
use crate::model::check::Severity;
use crate::model::ids::Arn;
use crate::model::{AccountId, Verdict};
use serde_json::{Value, json};
use std::io::Write;

/// Findings that one request takes.
pub const MOST_FINDINGS: usize = 100;
/// Bytes of one request, a little below the 6 MB that Security Hub takes.
const MOST_BYTES: usize = 5_500_000;
/// Partitions that the format has a name for.
const PARTITIONS: [&str; 5] = ["aws", "aws-cn", "aws-us-gov", "aws-us-iso", "aws-us-iso-b"];
/// Members of `ProductFields`, and characters of one.
const FIELD: usize = 2048;

/// Writes the requests.
///
/// # Errors
/// If the findings can't be read or the report can't be written.
pub fn write(audit: &Audit<'_>, standards: &Standards<'_>, out: &mut dyn Write) -> Result<(), ReportError> {
    let mut batch = Batch::default();
    with_gone(audit, &mut |row| {
        // Nobody can send a request from an account that left.
        if row.gone == Some(Gone::AccountLeft) {
            return Ok(());
        }
        let text = serde_json::to_string(&known(record(row, audit, standards))).map_err(ReportError::Json)?;
        batch.add(row.owner(audit), &text, out)
    })?;
    batch.end(out)
}

/// A request that is being written.
#[derive(Default)]
struct Batch {
    account: Option<AccountId>,
    findings: usize,
    bytes: usize,
}

impl Batch {
    fn add(&mut self, account: &AccountId, text: &str, out: &mut dyn Write) -> Result<(), ReportError> {
        let full = self.findings == MOST_FINDINGS || self.bytes + text.len() > MOST_BYTES;
        if self.findings > 0 && (full || self.account.as_ref() != Some(account)) {
            self.end(out)?;
        }
        if self.findings == 0 {
            self.account = Some(account.clone());
            out.write_all(b"{\"Findings\":[")?;
        } else {
            out.write_all(b",")?;
        }
        self.findings += 1;
        self.bytes += text.len() + 1;
        Ok(out.write_all(text.as_bytes())?)
    }

    fn end(&mut self, out: &mut dyn Write) -> Result<(), ReportError> {
        let begun = self.findings > 0;
        *self = Self::default();
        if begun { Ok(out.write_all(b"]}\n")?) } else { Ok(()) }
    }
}

fn record(row: &Row<'_>, audit: &Audit<'_>, standards: &Standards<'_>) -> Value {
    let finding = row.finding;
    let org = &audit.org.organization;
    let account = row.owner(audit);
    let at = audit.org.as_of.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string();
    let product = format!("arn:{}:securityhub:{}:{account}:product/{account}/default", org.partition, org.home_region);
    let severity = json!({"Label": label(row), "Original": finding.severity.as_str()});
    let types = ["Software and Configuration Checks/AWS Security Best Practices"];
    json!({
        "SchemaVersion": "2018-10-08",
        "Id": format!("{}/{}", org.id, row.fingerprint()),
        "ProductArn": product,
        "ProductName": "orgward",
        "CompanyName": "orgward",
        "GeneratorId": short(&format!("orgward/{}", finding.check), 512),
        "AwsAccountId": account.as_str(),
        "AwsAccountName": audit.org.accounts.get(account).map(|account| short(&account.name, 50)),
        "Types": types,
        "CreatedAt": at,
        "UpdatedAt": at,
        "LastObservedAt": at,
        "Severity": severity,
        "FindingProviderFields": {"Severity": severity, "Types": types},
        "Title": short(row.title(audit), 256),
        "Description": short(row.message, 1024),
        "Remediation": row.meta(audit).map(|meta| {
            let text = format!("{}; or: {}", mend(meta), meta.remediation.console);
            json!({"Recommendation": {"Text": short(&text, 512)}})
        }),
        "ProductFields": fields(row, audit),
        "Resources": [resource(row, audit)],
        "Compliance": compliance(row, standards),
        "Workflow": {"Status": match row.verdict {
            Verdict::Fail | Verdict::Unknown | Verdict::Exempt => "NEW",
            Verdict::Pass | Verdict::NotApplicable => "RESOLVED",
        }},
        // An import can't change the workflow or the note of a finding that is there: what were suppressed would stay so when
        // its exemption is over. The record's state it can change.
        "RecordState": if row.verdict == Verdict::Exempt || row.gone.is_some() { "ARCHIVED" } else { "ACTIVE" },
    })
}

/// `INFORMATIONAL` is "no issue was found": what passes is told so, and keeps the check's severity as `Original`.
fn label(row: &Row<'_>) -> &'static str {
    match (row.verdict, row.finding.severity) {
        (Verdict::Pass | Verdict::NotApplicable, _) | (_, Severity::Info) => "INFORMATIONAL",
        (_, Severity::Low) => "LOW",
        (_, Severity::Medium) => "MEDIUM",
        (_, Severity::High) => "HIGH",
        (_, Severity::Critical) => "CRITICAL",
    }
}

fn compliance(row: &Row<'_>, standards: &Standards<'_>) -> Value {
    let check = row.finding.check.as_str();
    let reasons = row.finding.cause.as_ref().map(|cause| {
        let code = format!("ORGWARD_{}", cause.kind.as_str().to_ascii_uppercase());
        json!([{"ReasonCode": code, "Description": short(&format!("{cause}; fix: {}", cause.kind.fix()), 1024)}])
    });
    let controls: Vec<String> = standards.controls(check).iter().take(32).map(|control| short(control, 64)).collect();
    json!({
        "Status": match row.verdict {
            Verdict::Pass => "PASSED",
            Verdict::Fail | Verdict::Exempt => "FAILED",
            Verdict::Unknown => "WARNING",
            Verdict::NotApplicable => "NOT_AVAILABLE",
        },
        "SecurityControlId": short(check, 64),
        "RelatedRequirements": if controls.is_empty() { Value::Null } else { json!(controls) },
        "StatusReasons": reasons,
    })
}

fn fields(row: &Row<'_>, audit: &Audit<'_>) -> Value {
    let evidence = row.finding.evidence.first().map(|fact| &fact.source);
    let answered = row.answered(&audit.context.exemptions.exemptions);
    let field = |text: &str| short(text, FIELD);
    json!({
        "orgward/version": env!("CARGO_PKG_VERSION"),
        "orgward/verdict": row.verdict.as_str(),
        "orgward/fingerprint": row.fingerprint(),
        "orgward/run": Some(audit.context.run.as_str()).filter(|run| !run.is_empty()),
        "orgward/organization": audit.org.organization.id,
        "orgward/resource": row.resource.map(field),
        "orgward/evidence": evidence.map(|source| field(&source.operation)),
        "orgward/request-id": evidence.and_then(|source| source.request_id.as_deref()).map(field),
        "orgward/exemption": answered.map(|answered| field(answered.id)),
        "orgward/ticket": answered.and_then(|answered| answered.ticket).map(field),
        "orgward/reason": answered.and_then(|answered| answered.reason).map(field),
        "orgward/expires": answered.and_then(|answered| answered.expires).map(|day| day.to_string()),
        "orgward/owner": answered.and_then(|answered| answered.owner).map(field),
    })
}

/// The resource; of a whole cell its account, as Security Hub names it.
fn resource(row: &Row<'_>, audit: &Audit<'_>) -> Value {
    let partition = audit.org.organization.partition.as_str();
    let id = match row.resource {
        Some(resource) => short(resource, 512),
        None => format!("AWS::::Account:{}", row.owner(audit)),
    };
    json!({
        "Type": row.resource.map_or("AwsAccount", kind),
        "Id": id,
        "Partition": Some(partition).filter(|name| PARTITIONS.contains(name)),
        "Region": row.region().filter(|region| region.len() <= 16),
    })
}

/// Security Hub's type of a resource, by its ARN; `Other` for what it has no type for.
fn kind(resource: &str) -> &'static str {
    let Some(arn) = Arn::parse(resource) else { return "Other" };
    let what = arn.resource.split(['/', ':']).next().unwrap_or_default();
    match (arn.service, what) {
        ("iam", "user") => "AwsIamUser",
        ("iam", "role") => "AwsIamRole",
        ("iam", "group") => "AwsIamGroup",
        ("iam", "policy") => "AwsIamPolicy",
        ("iam", "root") => "AwsAccount",
        ("cloudtrail", "trail") => "AwsCloudTrailTrail",
        ("cloudwatch", "alarm") => "AwsCloudWatchAlarm",
        ("sns", _) => "AwsSnsTopic",
        ("s3", _) => "AwsS3Bucket",
        ("guardduty", "detector") => "AwsGuardDutyDetector",
        ("kms", "key") => "AwsKmsKey",
        _ => "Other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_full_at_a_hundred_findings_or_its_size_or_the_end_of_an_account() {
        let id = |n: u64| format!("{n:012}").parse::<AccountId>().unwrap();
        let sizes = |adds: &[(u64, usize)]| -> Vec<usize> {
            let (mut out, mut batch) = (Vec::new(), Batch::default());
            for (account, length) in adds {
                batch.add(&id(*account), &format!("\"{}\"", "x".repeat(*length)), &mut out).unwrap();
            }
            batch.end(&mut out).unwrap();
            let text = String::from_utf8(out).unwrap();
            let requests = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
            requests.map(|request| request["Findings"].as_array().unwrap().len()).collect()
        };
        assert_eq!(sizes(&[]), Vec::<usize>::new());
        assert_eq!(sizes(&[(1, 5), (1, 5), (2, 5)]), [2, 1]);
        assert_eq!(sizes(&vec![(1, 5); 201]), [100, 100, 1]);
        assert_eq!(sizes(&[(1, 3_000_000), (1, 3_000_000), (1, 1)]), [1, 2]);
    }

    #[test]
    fn resources_have_security_hubs_types() {
        for (resource, wanted) in [
            ("arn:aws:iam::111122223333:user/a/b", "AwsIamUser"),
            ("arn:aws:s3:::bucket", "AwsS3Bucket"),
            ("arn:aws:sns:eu-west-1:111122223333:topic", "AwsSnsTopic"),
            ("arn:aws:logs:eu-west-1:111122223333:log-group:x", "Other"),
            ("a key (arn:aws:iam::111122223333:user/a)", "Other"),
        ] {
            assert_eq!(kind(resource), wanted, "{resource}");
        }
    }
}
