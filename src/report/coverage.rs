//! Coverage: how much of what was asked could be told, and what stood in the way, grouped by cause.

use crate::model::tally::CauseCount;
use crate::model::{AccountId, CauseKind, Tally};
use schemars::JsonSchema;
use serde::{Serialize, Serializer};

/// Counts of cells by verdict, and causes of the unknown ones.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Coverage<'a> {
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
    /// Cells among the unknown ones whose facts nobody asked for (`--deep`, `--events`).
    pub not_asked: usize,
    /// 100 x (cells - unknown) / (cells - not_asked), cut (never rounded up) to one decimal; 0 where nothing was asked.
    pub percent: f64,
    /// Causes of unknown cells, most cells first; what nobody asked for comes last.
    pub causes: Vec<CauseRow<'a>>,
}

/// Unknown cells of one cause.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct CauseRow<'a> {
    kind: CauseKind,
    operation: &'a str,
    cells: usize,
    #[serde(serialize_with = "ids")]
    #[schemars(with = "Vec<AccountId>")]
    accounts: CauseCount<'a>,
    example: &'a str,
    fix: &'static str,
}

/// The accounts of a cause, one after the other: there may be as many as there are.
fn ids<S: Serializer>(cause: &CauseCount<'_>, to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(cause.accounts())
}

impl<'a> Coverage<'a> {
    /// What `tally` counted.
    pub fn of(tally: &'a Tally) -> Self {
        let all = tally.all();
        let (cells, not_asked) = (all.total(), tally.not_asked());
        let row = |cause: CauseCount<'a>| CauseRow {
            kind: cause.kind,
            operation: cause.operation,
            cells: cause.cells,
            accounts: cause,
            example: cause.example,
            fix: cause.kind.fix(),
        };
        Self {
            cells,
            pass: all.pass,
            fail: all.fail,
            unknown: all.unknown,
            not_applicable: all.not_applicable,
            exempt: all.exempt,
            not_asked,
            percent: percent(cells - all.unknown, cells - not_asked),
            causes: tally.causes().into_iter().map(row).collect(),
        }
    }

    /// Cells that were asked for.
    pub fn asked(&self) -> usize {
        self.cells - self.not_asked
    }

    /// Cells that were asked for and could not be told.
    pub fn gaps(&self) -> usize {
        self.unknown - self.not_asked
    }

    /// Whether every cell that was asked for has a verdict that tells.
    pub fn complete(&self) -> bool {
        self.unknown == self.not_asked
    }
}

/// 100 x `part` / `whole`, cut to one decimal, so that 100.0 means all.
#[allow(clippy::cast_precision_loss, reason = "counts of cells stay far below 2^52")]
fn percent(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { (1000.0 * part as f64 / whole as f64).floor() / 10.0 }
}
