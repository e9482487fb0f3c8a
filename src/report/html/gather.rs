//! One pass over the findings: squares, what is shown of each check without a script, and the packed details.
//!
//! Must not: keep a finding. What is kept of passing accounts is a byte for each square.

use super::details::{Details, Limits};
use super::squares::{Square, Squares};
use super::words::Words;
use crate::model::finding::FailingResource;
use crate::model::{AccountId, CauseKind, Finding, Verdict};
use crate::report::{Audit, ReportError};
use std::collections::{BTreeMap, HashMap};

/// Failing accounts listed of each check without a script.
pub(super) const ACCOUNTS: usize = 8;
/// Failing resources listed of each of them.
pub(super) const RESOURCES: usize = 3;
/// Failing resources listed of the organization itself.
pub(super) const OF_ORGANIZATION: usize = 12;

/// What was seen of a check.
#[derive(Default)]
pub(super) struct Seen {
    /// Failing resources, and cells that fail without naming any.
    pub(super) failures: usize,
    /// The first failing rows.
    pub(super) first: Vec<Failing>,
}

/// A row that fails a check.
pub(super) struct Failing {
    /// The row.
    pub(super) row: usize,
    /// What the first cell says.
    pub(super) message: String,
    /// The Regions it fails in.
    pub(super) regions: Vec<String>,
    /// The first failing resources, each with what is wrong.
    pub(super) resources: Vec<(String, String)>,
    /// How many there are.
    pub(super) count: usize,
}

/// All findings, as the page needs them.
pub(super) struct Gathered<'a> {
    /// The account of each row but the first, which is the organization's.
    pub(super) accounts: Vec<AccountId>,
    /// What each check says of each row.
    pub(super) squares: Squares,
    /// Of each check, in the order of the audit's.
    pub(super) seen: Vec<Seen>,
    /// What drawers show.
    pub(super) details: Details<'a>,
    /// What is cut off them.
    pub(super) limits: Limits,
}

impl<'a> Gathered<'a> {
    /// Reads all findings once.
    ///
    /// # Errors
    /// If they can't be read.
    pub(super) fn read(audit: &Audit<'_>, words: &'a Words<'a>) -> Result<Self, ReportError> {
        let accounts: Vec<AccountId> = audit.scope.accounts.to_vec();
        let limits = Limits::of(accounts.len());
        let mut rows: BTreeMap<AccountId, usize> = accounts.iter().cloned().zip(1..).collect();
        let columns: HashMap<&str, usize> = audit.checks.iter().map(|meta| meta.id).zip(0..).collect();
        let mut all = Self {
            squares: Squares::new(accounts.len() + 1, audit.checks.len()),
            accounts,
            seen: audit.checks.iter().map(|_| Seen::default()).collect(),
            details: Details::new(words, audit.org.as_of, limits),
            limits,
        };
        audit.findings.each(&mut |finding| {
            let row = match finding.target.account() {
                None => 0,
                Some(id) => match rows.get(id) {
                    Some(row) => *row,
                    None => {
                        all.accounts.push(id.clone());
                        rows.insert(id.clone(), all.accounts.len());
                        all.accounts.len()
                    }
                },
            };
            // A report has the words of every check it has verdicts of.
            let Some(column) = columns.get(finding.check.as_str()).copied() else { return Ok(()) };
            // What nobody asked for is no gap: it stays blank, as where a check has no verdict.
            let asked = finding.cause.as_ref().is_none_or(|cause| cause.kind != CauseKind::OptIn);
            all.squares.add(row, column, if asked { finding.verdict.into() } else { Square::Blank });
            if let Some(seen) = all.seen.get_mut(column).filter(|_| finding.verdict == Verdict::Fail) {
                seen.add(row, finding, words);
            }
            all.details.add(row, column, finding)
        })?;
        Ok(all)
    }

    /// The squares of each check counted: an index by [`Square::number`].
    pub(super) fn counts(&self) -> Vec<[usize; 6]> {
        let mut counts = vec![[0; 6]; self.seen.len()];
        for row in self.squares.rows() {
            for (square, count) in row.zip(&mut counts) {
                if let Some(n) = count.get_mut(usize::from(square.number())) {
                    *n += 1;
                }
            }
        }
        counts
    }
}

/// How many squares are of this kind.
pub(super) fn of(counts: &[usize; 6], square: Square) -> usize {
    counts.get(usize::from(square.number())).copied().unwrap_or(0)
}

impl Seen {
    fn add(&mut self, row: usize, finding: &Finding, words: &Words<'_>) {
        self.failures += finding.resources.len().max(1);
        let region = finding.target.region().map(|region| region.as_str().to_owned());
        if self.first.last().is_none_or(|last| last.row != row) {
            if self.first.len() == ACCOUNTS {
                return;
            }
            let message = words.text(&finding.message);
            self.first.push(Failing { row, message, regions: Vec::new(), resources: Vec::new(), count: 0 });
        }
        // The last is of this row, or of one that came when the list was full.
        let Some(last) = self.first.last_mut().filter(|last| last.row == row) else { return };
        last.regions.extend(region);
        last.count += finding.resources.len();
        let most = if row == 0 { OF_ORGANIZATION } else { RESOURCES };
        let told = |one: &FailingResource| (words.text(&one.resource), words.text(&one.message));
        last.resources.extend(finding.resources.iter().take(most.saturating_sub(last.resources.len())).map(told));
    }
}
