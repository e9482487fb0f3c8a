//! The audit as JSON: versioned, in a stable order, one row for each failing resource and for each other cell.
//!
//! Rows are written as findings are read: however many there are, one is in memory.

use super::coverage::Coverage;
use super::exemptions::{self, AttestationStanding, ExemptionStanding};
pub use super::row::fingerprint;
use super::row::{Answered, Row, rows};
use super::rows_as_read::{self, Unread};
use super::{Audit, ReportError, RunStats};
use crate::model::exemption::Attestation;
use crate::model::finding::Evidence;
use crate::model::framework::{Cells, Control, ControlVerdict, JudgedFramework};
use crate::model::history::Changes;
use crate::model::{AccountId, Verdict};
use schemars::JsonSchema;
use serde::{Serialize, Serializer};
use std::collections::BTreeMap;
use std::io::Write;

/// The version of this format.
pub const VERSION: u32 = 1;
/// Its name.
const FORMAT: &str = "orgward.audit";

/// The whole report.
#[derive(Serialize, JsonSchema)]
pub struct Report<'a> {
    #[schemars(extend("const" = FORMAT))]
    format: &'static str,
    #[schemars(extend("const" = VERSION))]
    version: u32,
    tool: Tool,
    as_of: jiff::Timestamp,
    interrupted: bool,
    organization: Organization<'a>,
    scope: Scope<'a>,
    coverage: Coverage<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    frameworks: Vec<FrameworkRow<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    exemptions: Option<ExemptionsRow<'a>>,
    #[schemars(with = "Vec<FindingRow<'a>>")]
    findings: &'a Rows<'a>,
    run: RunStats,
    /// How it differs from the audit before it that was asked the same, if one is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    changes: Option<&'a Changes>,
}

/// The file of exemptions, and how each stands.
#[derive(Serialize, JsonSchema)]
struct ExemptionsRow<'a> {
    file: &'a str,
    digest: &'a str,
    exemptions: Vec<ExemptionStanding<'a>>,
    attestations: Vec<AttestationStanding<'a>>,
}

#[derive(Serialize, JsonSchema)]
struct Tool {
    name: &'static str,
    version: &'static str,
}

#[derive(Serialize, JsonSchema)]
struct Organization<'a> {
    id: &'a str,
    management_account: &'a str,
    caller: &'a str,
    /// The caller's account, where that is not the management account but a delegated administrator: service control policies
    /// bind it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    delegated_administrator: Option<AccountId>,
}

#[derive(Serialize, JsonSchema)]
struct Scope<'a> {
    accounts: Vec<AccountRow<'a>>,
    left_out: Vec<LeftOut<'a>>,
}

#[derive(Serialize, JsonSchema)]
struct AccountRow<'a> {
    id: &'a str,
    name: &'a str,
    path: String,
}

#[derive(Serialize, JsonSchema)]
struct LeftOut<'a> {
    id: &'a str,
    name: &'a str,
    reason: &'a str,
}

/// The rows of a source, made one finding at a time.
struct Rows<'a> {
    audit: &'a Audit<'a>,
    unread: Unread,
}

impl Serialize for Rows<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let written = rows_as_read::sequence(to, &self.unread, |out| {
            self.audit
                .findings
                .each(&mut |finding| rows(finding).try_for_each(|row| out.put(&FindingRow::of(&row, self.audit))))
        });
        written.map(|(end, ())| end)
    }
}

/// A failing resource, one that someone answers for, or a cell without any; the ndjson format has the same.
#[derive(Serialize, JsonSchema)]
pub(super) struct FindingRow<'a> {
    check: &'a str,
    account: Option<&'a str>,
    region: Option<&'a str>,
    resource: Option<&'a str>,
    verdict: Verdict,
    #[schemars(with = "crate::model::check::Severity")]
    severity: &'a str,
    message: &'a str,
    evidence: Vec<EvidenceRow<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<&'a crate::model::Cause>,
    #[serde(skip_serializing_if = "Option::is_none")]
    exemption: Option<Answered<'a>>,
    fingerprint: String,
}

impl<'a> FindingRow<'a> {
    /// The row as it is written.
    pub(super) fn of(row: &Row<'a>, audit: &'a Audit<'a>) -> Self {
        let now = audit.org.as_of;
        Self {
            check: &row.finding.check,
            account: row.account().map(|id| id.as_str()),
            region: row.region(),
            resource: row.resource,
            verdict: row.verdict,
            severity: row.finding.severity.as_str(),
            message: row.message,
            evidence: row.finding.evidence.iter().map(|evidence| EvidenceRow::of(evidence, now)).collect(),
            cause: row.finding.cause.as_ref(),
            exemption: row.answered(&audit.context.exemptions.exemptions),
            fingerprint: row.fingerprint(),
        }
    }
}

/// A fact, and how old it was at the moment of the run.
#[derive(Serialize, JsonSchema)]
pub(super) struct EvidenceRow<'a> {
    #[serde(flatten)]
    evidence: &'a Evidence,
    age_seconds: i64,
}

impl<'a> EvidenceRow<'a> {
    fn of(evidence: &'a Evidence, now: jiff::Timestamp) -> Self {
        Self { evidence, age_seconds: evidence.source.age_seconds(now) }
    }
}

#[derive(Serialize, JsonSchema)]
struct FrameworkRow<'a> {
    name: &'a str,
    title: &'a str,
    summary: FrameworkSummary,
    controls: Vec<ControlRow<'a>>,
}

/// How many controls have each verdict; together they are all controls of the framework.
#[derive(Serialize, JsonSchema)]
struct FrameworkSummary {
    controls: usize,
    pass: usize,
    fail: usize,
    unknown: usize,
    manual: usize,
    not_covered: usize,
    not_applicable: usize,
    exempt: usize,
    attested: usize,
}

#[derive(Serialize, JsonSchema)]
struct ControlRow<'a> {
    verdict: ControlVerdict,
    /// Id, title, level, assessment and how it is answered.
    #[serde(flatten)]
    control: &'a Control,
    /// The cells of each check by verdict.
    cells: BTreeMap<&'a str, &'a Cells>,
    /// What a person says of it; it counts where the verdict is `attested`.
    #[serde(skip_serializing_if = "Option::is_none")]
    attestation: Option<&'a Attestation>,
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
            attested: tally(ControlVerdict::Attested),
        },
        controls: judged
            .controls
            .iter()
            .map(|judged| ControlRow {
                verdict: judged.verdict,
                control: judged.control,
                cells: judged.checks.iter().map(|(check, cells)| (*check, cells)).collect(),
                attestation: judged.attestation.as_ref(),
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
    let rows = Rows { audit, unread: Unread::default() };
    let report = Report {
        format: FORMAT,
        version: VERSION,
        tool: Tool { name: "orgward", version: env!("CARGO_PKG_VERSION") },
        as_of: org.as_of,
        interrupted: audit.interrupted,
        organization: Organization {
            id: &org.organization.id,
            management_account: org.organization.management_account.as_str(),
            caller: &org.organization.caller_arn,
            delegated_administrator: org.organization.delegated_caller(),
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
        exemptions: (!audit.context.exemptions.is_none()).then(|| ExemptionsRow {
            file: &audit.context.exemptions.file,
            digest: &audit.context.exemptions.digest,
            exemptions: exemptions::exemptions(audit),
            attestations: exemptions::attestations(audit),
        }),
        findings: &rows,
        run: audit.stats,
        changes: audit.context.changes.as_ref(),
    };
    rows_as_read::pretty(&report, &rows.unread, out)
}
