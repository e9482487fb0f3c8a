//! The audit as JSON: versioned, in a stable order, one row for each failing resource and for each other cell.
//!
//! Rows are written as findings are read: however many there are, one is in memory.

use super::coverage::Coverage;
use super::{Audit, Findings, ReportError, RunStats};
use crate::model::finding::{Evidence, Target};
use crate::model::framework::{Cells, Control, ControlVerdict, JudgedFramework};
use crate::model::{Finding, Verdict};
use serde::ser::{Error as _, SerializeSeq};
use serde::{Serialize, Serializer};
use sha2::{Digest, Sha256};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufWriter, Write};

/// The version of this format.
pub const VERSION: u32 = 1;

#[derive(Serialize)]
struct Report<'a> {
    format: &'static str,
    version: u32,
    tool: Tool,
    as_of: jiff::Timestamp,
    interrupted: bool,
    organization: Organization<'a>,
    scope: Scope<'a>,
    coverage: Coverage<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    frameworks: Vec<FrameworkRow<'a>>,
    findings: &'a Rows<'a>,
    run: RunStats,
}

#[derive(Serialize)]
struct Tool {
    name: &'static str,
    version: &'static str,
}

#[derive(Serialize)]
struct Organization<'a> {
    id: &'a str,
    management_account: &'a str,
    caller: &'a str,
}

#[derive(Serialize)]
struct Scope<'a> {
    accounts: Vec<AccountRow<'a>>,
    left_out: Vec<LeftOut<'a>>,
}

#[derive(Serialize)]
struct AccountRow<'a> {
    id: &'a str,
    name: &'a str,
    path: String,
}

#[derive(Serialize)]
struct LeftOut<'a> {
    id: &'a str,
    name: &'a str,
    reason: &'a str,
}

/// The rows of a source, made one finding at a time.
struct Rows<'a> {
    findings: &'a dyn Findings,
    as_of: jiff::Timestamp,
    /// Why they could not be read: serialisers carry no errors but their own.
    failed: RefCell<Option<ReportError>>,
}

impl Serialize for Rows<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut seq = to.serialize_seq(None)?;
        let mut unwritten = None;
        let read = self.findings.each(&mut |finding| {
            let written = rows(finding, self.as_of).try_for_each(|row| seq.serialize_element(&row));
            written.map_err(|error| {
                unwritten = Some(error);
                ReportError::source("the report can't be written")
            })
        });
        match (unwritten, read) {
            (Some(error), _) => Err(error),
            (None, Err(error)) => {
                let words = S::Error::custom(&error);
                *self.failed.borrow_mut() = Some(error);
                Err(words)
            }
            (None, Ok(())) => seq.end(),
        }
    }
}

#[derive(Serialize)]
struct Row<'a> {
    check: &'a str,
    account: Option<&'a str>,
    region: Option<&'a str>,
    resource: Option<&'a str>,
    verdict: Verdict,
    severity: &'a str,
    message: &'a str,
    evidence: Vec<EvidenceRow<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<&'a crate::model::Cause>,
    fingerprint: String,
}

/// A fact, and how old it was at the moment of the run.
#[derive(Serialize)]
struct EvidenceRow<'a> {
    #[serde(flatten)]
    evidence: &'a Evidence,
    age_seconds: i64,
}

impl<'a> EvidenceRow<'a> {
    fn of(evidence: &'a Evidence, now: jiff::Timestamp) -> Self {
        Self { evidence, age_seconds: evidence.source.age_seconds(now) }
    }
}

#[derive(Serialize)]
struct FrameworkRow<'a> {
    name: &'a str,
    title: &'a str,
    summary: FrameworkSummary,
    controls: Vec<ControlRow<'a>>,
}

/// How many controls have each verdict; together they are all controls of the framework.
#[derive(Serialize)]
struct FrameworkSummary {
    controls: usize,
    pass: usize,
    fail: usize,
    unknown: usize,
    manual: usize,
    not_covered: usize,
    not_applicable: usize,
    exempt: usize,
}

#[derive(Serialize)]
struct ControlRow<'a> {
    verdict: ControlVerdict,
    /// Id, title, level, assessment and how it is answered.
    #[serde(flatten)]
    control: &'a Control,
    /// The cells of each check by verdict.
    cells: BTreeMap<&'a str, &'a Cells>,
}

fn framework<'a>(judged: &'a JudgedFramework<'a>) -> FrameworkRow<'a> {
    let tally = |verdict| judged.tally(verdict);
    FrameworkRow {
        name: &judged.framework.name,
        title: &judged.framework.title,
        summary: FrameworkSummary {
            controls: judged.controls.len(),
            pass: tally(ControlVerdict::Pass),
            fail: tally(ControlVerdict::Fail),
            unknown: tally(ControlVerdict::Unknown),
            manual: tally(ControlVerdict::Manual),
            not_covered: tally(ControlVerdict::NotCovered),
            not_applicable: tally(ControlVerdict::NotApplicable),
            exempt: tally(ControlVerdict::Exempt),
        },
        controls: judged
            .controls
            .iter()
            .map(|judged| ControlRow {
                verdict: judged.verdict,
                control: judged.control,
                cells: judged.checks.iter().map(|(check, cells)| (*check, cells)).collect(),
            })
            .collect(),
    }
}

/// Writes the report as pretty JSON with a line feed at its end.
///
/// # Errors
/// If the findings can't be read or the report can't be written.
pub fn write(audit: &Audit<'_>, out: &mut dyn Write) -> Result<(), ReportError> {
    let org = audit.org;
    let account_name = |id| org.accounts.get(id).map_or("", |account| account.name.as_str());
    let rows = Rows { findings: audit.findings, as_of: org.as_of, failed: RefCell::new(None) };
    let report = Report {
        format: "orgward.audit",
        version: VERSION,
        tool: Tool { name: "orgward", version: env!("CARGO_PKG_VERSION") },
        as_of: org.as_of,
        interrupted: audit.interrupted,
        organization: Organization {
            id: &org.organization.id,
            management_account: org.organization.management_account.as_str(),
            caller: &org.organization.caller_arn,
        },
        scope: Scope {
            accounts: audit
                .scope
                .accounts
                .iter()
                .map(|id| AccountRow { id: id.as_str(), name: account_name(id), path: org.path(&id.clone().into()) })
                .collect(),
            left_out: audit
                .scope
                .left_out
                .iter()
                .map(|(id, reason)| LeftOut { id: id.as_str(), name: account_name(id), reason })
                .collect(),
        },
        coverage: Coverage::of(audit.tally),
        frameworks: audit.frameworks.iter().map(framework).collect(),
        findings: &rows,
        run: audit.stats,
    };
    // Tokens are short and many: what they are written to is told of them by the page.
    let mut page = BufWriter::with_capacity(4096, out);
    if let Err(error) = serde_json::to_writer_pretty(&mut page, &report) {
        // What is left of the page is not written after the failure.
        drop(page.into_parts());
        let unread = rows.failed.into_inner();
        return Err(unread.unwrap_or_else(|| match error.is_io() {
            true => ReportError::Write(error.into()),
            false => ReportError::Json(error),
        }));
    }
    page.write_all(b"\n")?;
    Ok(page.flush()?)
}

/// A row for each failing resource; one row for a cell without any.
fn rows(finding: &Finding, now: jiff::Timestamp) -> impl Iterator<Item = Row<'_>> {
    let whole = finding.resources.is_empty().then_some((None, finding.message.as_str()));
    let failing = finding.resources.iter().map(|failing| (Some(failing.resource.as_str()), failing.message.as_str()));
    whole.into_iter().chain(failing).map(move |(resource, message)| Row {
        check: &finding.check,
        account: finding.target.account().map(|id| id.as_str()),
        region: finding.target.region().map(|region| region.as_str()),
        resource,
        verdict: finding.verdict,
        severity: finding.severity.as_str(),
        message,
        evidence: finding.evidence.iter().map(|evidence| EvidenceRow::of(evidence, now)).collect(),
        cause: finding.cause.as_ref(),
        fingerprint: fingerprint(&finding.check, &finding.target, resource),
    })
}

/// What stays the same for the same problem from run to run: SHA-256 over check, account, Region and resource, the
/// first 128 bits as hex. Message, severity and time do not enter.
pub fn fingerprint(check: &str, target: &Target, resource: Option<&str>) -> String {
    let mut hash = Sha256::new();
    let account = target.account().map_or("", |id| id.as_str());
    let region = target.region().map_or("", |region| region.as_str());
    for part in ["orgward/1", check, account, region, resource.unwrap_or("")] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    let mut text = String::with_capacity(32);
    for byte in hash.finalize().iter().take(16) {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}
