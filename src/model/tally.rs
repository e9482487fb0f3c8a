//! A tally: what a report has to know of all findings before it shows the first, in memory that does not grow with them.
//!
//! Owns: the counts by verdict and check, the causes of what could not be told with the accounts they stand in, the oldest
//! fact, and what exit codes are made of. Findings may be counted in any order. Must not: keep a finding.

use super::check::Severity;
use super::finding::{Finding, Target, Verdict};
use super::framework::Cells;
use super::ids::AccountId;
use super::observed::{CauseKind, Source};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// What was counted of some findings.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// When the run began, if facts from before it are to be told.
    started: Option<Timestamp>,
    all: Cells,
    checks: BTreeMap<String, Cells>,
    failing: BTreeMap<Severity, usize>,
    untold: usize,
    /// Accounts with an unknown cell, numbered as they came.
    accounts: BTreeMap<AccountId, usize>,
    causes: BTreeMap<CauseKind, BTreeMap<String, Unknowns>>,
    oldest: Option<OldestFact>,
    earlier: Option<EarlierFacts>,
}

/// Unknown cells of one cause.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Unknowns {
    cells: usize,
    /// A bit for each account, by number.
    accounts: Vec<u64>,
    example: String,
    /// Where the example is from: of all, the first in the order of reports.
    at: Target,
}

/// Unknown cells of one cause, as told.
#[derive(Debug, Clone, Copy)]
pub struct CauseCount<'a> {
    /// The kind.
    pub kind: CauseKind,
    /// The operation that failed.
    pub operation: &'a str,
    /// How many cells.
    pub cells: usize,
    /// One of the messages.
    pub example: &'a str,
    bits: &'a [u64],
    numbers: &'a BTreeMap<AccountId, usize>,
}

impl<'a> CauseCount<'a> {
    /// The accounts it stands in, in order; none where it is the organization's alone.
    pub fn accounts(&self) -> impl Iterator<Item = &'a AccountId> + use<'a> {
        let bits = self.bits;
        self.numbers.iter().filter(move |(_, number)| has(bits, **number)).map(|(id, _)| id)
    }
}

/// The oldest fact that a verdict rests on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OldestFact {
    /// When AWS made or gave it.
    pub made: Timestamp,
    /// `service:Operation`.
    pub operation: String,
    /// What the verdict is about.
    pub target: Target,
}

/// Facts that were there before the run began: of an earlier one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EarlierFacts {
    /// How many verdicts rest on one.
    pub verdicts: usize,
    /// When the oldest of them was collected.
    pub oldest: Timestamp,
}

impl Tally {
    /// A tally of a run that began at `started`: facts collected before are told.
    pub fn of_run(started: Timestamp) -> Self {
        Self { started: Some(started), ..Self::default() }
    }

    /// The tally of these findings.
    pub fn of<'a>(findings: impl IntoIterator<Item = &'a Finding>) -> Self {
        let mut tally = Self::default();
        findings.into_iter().for_each(|finding| tally.add(finding));
        tally
    }

    /// Counts one more finding.
    pub fn add(&mut self, finding: &Finding) {
        self.all.count(finding.verdict);
        match self.checks.get_mut(finding.check.as_str()) {
            Some(cells) => cells.count(finding.verdict),
            None => self.checks.entry(finding.check.clone()).or_default().count(finding.verdict),
        }
        match finding.verdict {
            Verdict::Fail => *self.failing.entry(finding.severity).or_default() += 1,
            Verdict::Unknown => self.add_unknown(finding),
            Verdict::Pass | Verdict::NotApplicable | Verdict::Exempt => {}
        }
        finding.evidence.iter().for_each(|evidence| self.age(&evidence.source, &finding.target));
        if let Some(started) = self.started {
            let before = finding.evidence.iter().map(|evidence| evidence.source.observed_at).filter(|at| *at < started);
            if let Some(first) = before.min() {
                let so_far = self.earlier.map_or((0, first), |earlier| (earlier.verdicts, earlier.oldest));
                self.earlier = Some(EarlierFacts { verdicts: so_far.0 + 1, oldest: so_far.1.min(first) });
            }
        }
    }

    fn add_unknown(&mut self, finding: &Finding) {
        if finding.cause.as_ref().is_none_or(|cause| cause.kind != CauseKind::OptIn) {
            self.untold += 1;
        }
        let Some(cause) = &finding.cause else { return };
        let operations = self.causes.entry(cause.kind).or_default();
        let new =
            || Unknowns { cells: 0, accounts: Vec::new(), example: cause.message.clone(), at: finding.target.clone() };
        let unknowns = match operations.get_mut(cause.operation.as_str()) {
            Some(unknowns) => unknowns,
            None => operations.entry(cause.operation.clone()).or_insert_with(new),
        };
        unknowns.cells += 1;
        if finding.target < unknowns.at {
            unknowns.example.clone_from(&cause.message);
            unknowns.at.clone_from(&finding.target);
        }
        if let Some(account) = finding.target.account() {
            let next = self.accounts.len();
            let number = match self.accounts.get(account) {
                Some(number) => *number,
                None => *self.accounts.entry(account.clone()).or_insert(next),
            };
            set(&mut unknowns.accounts, number);
        }
    }

    fn age(&mut self, source: &Source, target: &Target) {
        let made = source.made_at.unwrap_or(source.observed_at);
        let older = self.oldest.as_ref().is_none_or(|oldest| {
            // To the second, as ages are told; of equals the last in the order of reports.
            made.as_second() < oldest.made.as_second()
                || made.as_second() == oldest.made.as_second() && *target >= oldest.target
        });
        if older {
            self.oldest = Some(OldestFact { made, operation: source.operation.clone(), target: target.clone() });
        }
    }

    /// All cells, by verdict.
    pub fn all(&self) -> &Cells {
        &self.all
    }

    /// The cells of a check, by verdict; none if it has no verdict.
    pub fn check(&self, id: &str) -> Cells {
        self.checks.get(id).cloned().unwrap_or_default()
    }

    /// How many cells fail that are at least as bad as this.
    pub fn failing(&self, least: Severity) -> usize {
        self.failing.range(least..).map(|(_, cells)| cells).sum()
    }

    /// How many cells were asked for and could not be told. What nobody asked for (`--deep`) is no gap in what was asked.
    pub fn untold(&self) -> usize {
        self.untold
    }

    /// The causes of unknown cells, most cells first.
    pub fn causes(&self) -> Vec<CauseCount<'_>> {
        let mut causes: Vec<CauseCount<'_>> = Vec::new();
        for (kind, operations) in &self.causes {
            causes.extend(operations.iter().map(|(operation, unknowns)| CauseCount {
                kind: *kind,
                operation,
                cells: unknowns.cells,
                example: &unknowns.example,
                bits: &unknowns.accounts,
                numbers: &self.accounts,
            }));
        }
        causes.sort_by_key(|cause| std::cmp::Reverse(cause.cells));
        causes
    }

    /// The oldest fact that a verdict rests on.
    pub fn oldest(&self) -> Option<&OldestFact> {
        self.oldest.as_ref()
    }

    /// What rests on facts from before the run; only of a tally that knows when it began.
    pub fn earlier(&self) -> Option<&EarlierFacts> {
        self.earlier.as_ref()
    }
}

fn has(bits: &[u64], number: usize) -> bool {
    bits.get(number / 64).is_some_and(|word| word >> (number % 64) & 1 == 1)
}

fn set(bits: &mut Vec<u64>, number: usize) {
    let word = number / 64;
    if bits.len() <= word {
        bits.resize(word + 1, 0);
    }
    if let Some(word) = bits.get_mut(word) {
        *word |= 1 << (number % 64);
    }
}
