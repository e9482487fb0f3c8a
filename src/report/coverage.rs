//! Coverage: how much of what was asked could be told, and what stood in the way, grouped by cause.

use crate::model::{CauseKind, Finding, Verdict};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Counts of cells by verdict, and causes of the unknown ones.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Coverage {
    /// Cells: (check, target) pairs with a verdict.
    pub cells: usize,
    /// Cells by verdict.
    pub pass: usize,
    /// Cells that fail.
    pub fail: usize,
    /// Cells that could not be told.
    pub unknown: usize,
    /// Cells that do not apply.
    pub not_applicable: usize,
    /// Cells someone answers for.
    pub exempt: usize,
    /// 100 x (cells - unknown) / cells, cut (never rounded up) to one decimal; 0 where there are no cells.
    pub percent: f64,
    /// Causes of unknown cells, most cells first.
    pub causes: Vec<CauseCount>,
}

/// Unknown cells of one cause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CauseCount {
    /// The kind.
    pub kind: CauseKind,
    /// The operation that failed.
    pub operation: String,
    /// How many cells.
    pub cells: usize,
    /// The accounts, in order.
    pub accounts: BTreeSet<String>,
    /// One of the messages.
    pub example: String,
    /// What to do.
    pub fix: &'static str,
}

impl Coverage {
    /// Counts `findings`.
    pub fn of(findings: &[Finding]) -> Self {
        let tally = |verdict| findings.iter().filter(|finding| finding.verdict == verdict).count();
        let unknown = tally(Verdict::Unknown);
        Self {
            cells: findings.len(),
            pass: tally(Verdict::Pass),
            fail: tally(Verdict::Fail),
            unknown,
            not_applicable: tally(Verdict::NotApplicable),
            exempt: tally(Verdict::Exempt),
            percent: percent(findings.len() - unknown, findings.len()),
            causes: causes(findings),
        }
    }

    /// Whether every cell has a verdict that tells.
    pub fn complete(&self) -> bool {
        self.unknown == 0
    }
}

/// 100 x `part` / `whole`, cut to one decimal, so that 100.0 means all.
#[allow(clippy::cast_precision_loss, reason = "counts of cells stay far below 2^52")]
fn percent(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { (1000.0 * part as f64 / whole as f64).floor() / 10.0 }
}

fn causes(findings: &[Finding]) -> Vec<CauseCount> {
    let mut groups: BTreeMap<(CauseKind, &str), CauseCount> = BTreeMap::new();
    for finding in findings.iter().filter(|finding| finding.verdict == Verdict::Unknown) {
        let Some(cause) = &finding.cause else { continue };
        let group = groups.entry((cause.kind, &cause.operation)).or_insert_with(|| CauseCount {
            kind: cause.kind,
            operation: cause.operation.clone(),
            cells: 0,
            accounts: BTreeSet::new(),
            example: cause.message.clone(),
            fix: cause.kind.fix(),
        });
        group.cells += 1;
        group.accounts.extend(finding.target.account().map(ToString::to_string));
    }
    let mut causes: Vec<CauseCount> = groups.into_values().collect();
    causes.sort_by_key(|cause| std::cmp::Reverse(cause.cells));
    causes
}
