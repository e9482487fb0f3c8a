//! What people and machines read: tables, trees, plans and JSON, made from facts and findings.
//!
//! Must not: call AWS, decide a verdict, open a file or keep all findings: they are read in one pass, and what has to be known
//! before the first is in their tally. Every text that came from outside goes through [`text::plain`] or a serialiser on its
//! way out.

pub mod asff;
pub mod audit_json;
pub mod audit_table;
pub mod compare;
pub mod coverage;
pub mod csv;
pub mod diff;
pub mod exemptions;
mod failures;
pub mod framework_table;
pub mod html;
pub mod junit;
pub mod ndjson;
pub mod ocsf;
pub mod org_tree;
pub mod plan_text;
pub mod prose;
pub mod row;
mod rows_as_read;
pub mod sarif;
mod source;
mod standards;
pub mod table;
#[cfg(test)]
mod tests;
pub mod text;

use crate::model::check::CheckMeta;
use crate::model::exemption::Exemptions;
use crate::model::framework::JudgedFramework;
use crate::model::history::{Changes, Standing};
use crate::model::scope::Scope;
use crate::model::{OrgFacts, Plan, Tally};
use diff::Differences;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

pub use row::mend;
pub use source::{Findings, ReportError};
pub use standards::Standards;

/// What a run cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RunStats {
    /// Calls orgward made (an operation with its retries is one).
    pub calls: u64,
    /// Requests sent, retries included.
    pub attempts: u64,
    /// Attempts that AWS throttled.
    pub throttled: u64,
    /// Milliseconds spent waiting for a place under the request quotas, summed over requests.
    pub waited_ms: u64,
}

impl fmt::Display for RunStats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { calls, attempts, throttled, waited_ms } = self;
        let (seconds, tenths) = (waited_ms / 1000, waited_ms % 1000 / 100);
        write!(
            f,
            "{calls} calls, {attempts} attempts, {throttled} throttled, {seconds}.{tenths} s spent waiting under request quotas"
        )
    }
}

/// What stands around an audit: who answers for what, what was before, and what is planned. All may be empty.
#[derive(Debug, Clone, Default)]
pub struct Context {
    /// The run that keeps it; empty where none does.
    pub run: String,
    /// Exemptions and attestations that it was judged with.
    pub exemptions: Exemptions,
    /// Whether it was asked of every account and Region: then an exemption that matches nothing is of no use.
    pub whole: bool,
    /// How it differs from the audit before, if one is kept.
    pub changes: Option<Changes>,
    /// How the kept audits of the organization stood, oldest first, this one last.
    pub trend: Vec<Standing>,
    /// A plan to be shown beside it, with its digest.
    pub plan: Option<(Plan, String)>,
}

/// Everything an audit report is made from.
#[derive(Clone, Copy)]
pub struct Audit<'a> {
    /// The organization.
    pub org: &'a OrgFacts,
    /// Who has verdicts, and why the others have none.
    pub scope: &'a Scope,
    /// The checks that ran, in catalogue order.
    pub checks: &'a [&'a CheckMeta],
    /// One finding for each cell, in order.
    pub findings: &'a dyn Findings,
    /// What was counted of them.
    pub tally: &'a Tally,
    /// The frameworks that were asked for, with the verdict of every control; empty for a report by check.
    pub frameworks: &'a [JudgedFramework<'a>],
    /// What stands around it.
    pub context: &'a Context,
    /// The audit before it that was asked the same, if one is kept: what failed there and has no row here any more.
    pub before: Option<&'a dyn Differences>,
    /// What it cost.
    pub stats: RunStats,
    /// Whether the run was cut short.
    pub interrupted: bool,
}

impl Audit<'_> {
    /// The check's own words, if it is in the catalogue.
    pub fn meta(&self, id: &str) -> Option<&CheckMeta> {
        self.checks.iter().find(|meta| meta.id == id).copied()
    }
}
