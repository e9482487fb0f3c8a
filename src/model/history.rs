//! What became of an organization between runs: how two audits differ, and how each of many stood.
//!
//! Owns: the types. Must not: read a run.

use super::check::Severity;
use super::finding::Target;
use super::framework::Cells;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What became of one row (a failing resource, or a cell without any) between two audits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Became {
    /// It fails, and did not before.
    New,
    /// It fails, and was not looked at before, or could not be told: nobody can say whether it is new.
    NewlyEvaluated,
    /// It failed, and passes or is gone.
    Fixed,
    /// It fails as before.
    Unchanged,
    /// It failed, and was not looked at, or could not be told.
    NoLongerEvaluated,
    /// It failed, and someone answers for it.
    NowExempt,
    /// It differs, and so does the check or what it compares with: nobody can say whether the account changed.
    CheckChanged,
    /// It fails in an account that was not in scope before.
    AccountJoined,
    /// It failed in an account that is not in scope any more.
    AccountLeft,
}

impl Became {
    /// All, in the order of reports.
    pub const ALL: [Self; 9] = [
        Self::New,
        Self::NewlyEvaluated,
        Self::Fixed,
        Self::Unchanged,
        Self::NoLongerEvaluated,
        Self::NowExempt,
        Self::CheckChanged,
        Self::AccountJoined,
        Self::AccountLeft,
    ];

    /// The name used in JSON and tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::NewlyEvaluated => "newly_evaluated",
            Self::Fixed => "fixed",
            Self::Unchanged => "unchanged",
            Self::NoLongerEvaluated => "no_longer_evaluated",
            Self::NowExempt => "now_exempt",
            Self::CheckChanged => "check_changed",
            Self::AccountJoined => "account_joined",
            Self::AccountLeft => "account_left",
        }
    }
}

/// A row that fails in one of two audits, and what became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Changed<'a> {
    /// What became of it.
    pub became: Became,
    /// The check's id.
    pub check: &'a str,
    /// What the verdict is about.
    pub target: &'a Target,
    /// The resource; `None` for a cell that names none. Hostile: escape at every sink.
    pub resource: Option<&'a str>,
    /// The check's severity, as the audit says in which it fails.
    pub severity: Severity,
    /// What is wrong, as that audit says. Hostile too.
    pub message: &'a str,
    /// Whether it fails in the later audit.
    pub fails: bool,
    /// Whether the later audit looked and has no row of it at all: what passes by itself has one, a resource that is gone has none.
    pub gone: bool,
}

/// How an audit differs from one before, counted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Changes {
    /// The run before.
    pub before: String,
    /// Its moment.
    pub before_as_of: Option<Timestamp>,
    /// Rows by what became of them.
    pub rows: BTreeMap<Became, usize>,
    /// The same for each check.
    pub checks: BTreeMap<String, BTreeMap<Became, usize>>,
}

/// How one kept audit stood: a point of the trend.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// The run.
    pub run: String,
    /// Its moment.
    pub as_of: Timestamp,
    /// Accounts in scope.
    pub accounts: usize,
    /// Its cells by verdict.
    pub cells: Cells,
    /// Cells among the unknown ones whose facts nobody asked for: no gap, and no part of what could pass.
    pub not_asked: usize,
    /// Its failing cells by severity.
    pub failing: BTreeMap<Severity, usize>,
}
