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
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

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
    exemptions: BTreeMap<String, Matched>,
}

/// What an exemption was matched by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Matched {
    /// Cells in which something would fail without it.
    pub cells: usize,
    /// What would fail: resources, and cells that name none.
    pub resources: usize,
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
        self.add_exempt(finding);
        finding.evidence.iter().for_each(|evidence| self.age(&evidence.source, &finding.target));
        if let Some(started) = self.started {
            let before = finding.evidence.iter().map(|evidence| evidence.source.observed_at).filter(|at| *at < started);
            if let Some(first) = before.min() {
                let so_far = self.earlier.map_or((0, first), |earlier| (earlier.verdicts, earlier.oldest));
                self.earlier = Some(EarlierFacts { verdicts: so_far.0 + 1, oldest: so_far.1.min(first) });
            }
        }
    }

    fn add_exempt(&mut self, finding: &Finding) {
        for exempt in &finding.exempt {
            match self.exemptions.get_mut(exempt.exemption.as_str()) {
                Some(matched) => matched.resources += 1,
                None => {
                    self.exemptions.insert(exempt.exemption.clone(), Matched { cells: 0, resources: 1 });
                }
            }
        }
        let named: BTreeSet<&str> = finding.exempt.iter().map(|exempt| exempt.exemption.as_str()).collect();
        for id in named {
            self.exemptions.get_mut(id).into_iter().for_each(|matched| matched.cells += 1);
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

    /// Failing cells by severity.
    pub fn failing_by_severity(&self) -> &BTreeMap<Severity, usize> {
        &self.failing
    }

    /// How many cells were asked for and could not be told. What nobody asked for (`--deep`) is no gap in what was asked.
    pub fn untold(&self) -> usize {
        self.untold
    }

    /// The other unknown cells: nobody asked for their facts.
    pub fn not_asked(&self) -> usize {
        self.all().unknown.saturating_sub(self.untold)
    }

    /// The causes of unknown cells, most cells first; what nobody asked for is no gap, and comes last.
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
        causes.sort_by_key(|cause| (cause.kind == CauseKind::OptIn, std::cmp::Reverse(cause.cells)));
        causes
    }

    /// The oldest fact that a verdict rests on.
    pub fn oldest(&self) -> Option<&OldestFact> {
        self.oldest.as_ref()
    }

    /// What each exemption was matched by, by its id; one that matched nothing is not among them.
    pub fn exemptions(&self) -> &BTreeMap<String, Matched> {
        &self.exemptions
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

#[cfg(test)]
mod tests {
    use super::super::finding::Evidence;
    use super::super::observed::Cause;
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn evidence(observed: i64, made: Option<i64>, operation: &str) -> Evidence {
        Evidence {
            source: Source {
                operation: operation.to_owned(),
                region: "us-east-1".parse().unwrap(),
                observed_at: at(observed),
                made_at: made.map(at),
                request_id: None,
                digest: None,
                pages: 1,
            },
        }
    }

    fn finding(account: Option<u64>, verdict: Verdict) -> Finding {
        let target = match account {
            Some(n) => Target::Account(format!("{n:012}").parse().unwrap()),
            None => Target::Organization,
        };
        Finding {
            check: "a-check".to_owned(),
            target,
            verdict,
            severity: Severity::Medium,
            message: "as the test says".to_owned(),
            resources: Vec::new(),
            exempt: Vec::new(),
            doubt: None,
            evidence: Vec::new(),
            cause: None,
        }
    }

    fn unknown(account: Option<u64>, kind: CauseKind, message: &str) -> Finding {
        let cause = Some(Cause::new(kind, "iam:ListUsers", message));
        Finding { cause, ..finding(account, Verdict::Unknown) }
    }

    #[test]
    fn failures_count_from_a_severity_on() {
        let bad = |severity| Finding { severity, ..finding(Some(1), Verdict::Fail) };
        let tally =
            Tally::of(&[bad(Severity::Low), bad(Severity::High), bad(Severity::High), finding(None, Verdict::Pass)]);
        let counts = Severity::ALL.map(|least| tally.failing(least));
        assert_eq!(counts, [3, 3, 2, 2, 0]);
        assert_eq!(tally.all().total(), 4);
        assert_eq!((tally.check("a-check").fail, tally.check("no-check").total()), (3, 0));
    }

    #[test]
    fn what_nobody_asked_for_is_a_cause_and_no_gap() {
        let mut tally = Tally::default();
        tally.add(&unknown(Some(1), CauseKind::OptIn, "not asked"));
        assert_eq!((tally.untold(), tally.all().unknown, tally.causes().len()), (0, 1, 1));
        tally.add(&unknown(Some(1), CauseKind::Throttled, "throttled"));
        tally.add(&finding(Some(1), Verdict::Unknown));
        assert_eq!(tally.untold(), 2, "an unknown cell without a cause is a gap");
        tally.add(&unknown(Some(2), CauseKind::OptIn, "not asked"));
        let kinds: Vec<CauseKind> = tally.causes().iter().map(|cause| cause.kind).collect();
        assert_eq!(kinds, [CauseKind::Throttled, CauseKind::OptIn], "gaps come first, however few");
    }

    #[test]
    fn a_cause_names_each_of_its_accounts_once_and_the_first_example() {
        let mut tally = Tally::default();
        for n in (0..200).rev().chain(50..60) {
            tally.add(&unknown(Some(n), CauseKind::AccessDenied, &format!("denied in {n}")));
        }
        tally.add(&unknown(None, CauseKind::Throttled, "slow down"));
        let causes = tally.causes();
        let [denied, throttled] = causes.as_slice() else { panic!("{causes:?}") };
        let ids: Vec<String> = denied.accounts().map(ToString::to_string).collect();
        assert_eq!(ids, (0..200).map(|n| format!("{n:012}")).collect::<Vec<_>>());
        assert_eq!((denied.cells, denied.example), (210, "denied in 0"));
        assert_eq!((throttled.cells, throttled.accounts().count()), (1, 0));
    }

    #[test]
    fn the_oldest_fact_is_by_when_it_was_made_and_earlier_ones_by_when_they_were_collected() {
        let with = |account, evidence: Vec<Evidence>| Finding { evidence, ..finding(Some(account), Verdict::Pass) };
        let mut tally = Tally::of_run(at(1000));
        tally.add(&with(1, vec![evidence(1100, None, "a:A"), evidence(1200, Some(500), "a:Report")]));
        assert_eq!(tally.earlier(), None, "an old report that this run read");
        tally.add(&with(2, vec![evidence(900, None, "a:B"), evidence(800, None, "a:C"), evidence(1100, None, "a:A")]));
        tally.add(&with(3, vec![evidence(950, None, "a:B")]));
        tally.add(&with(4, vec![evidence(1000, None, "a:B")]));
        assert_eq!(tally.earlier(), Some(&EarlierFacts { verdicts: 2, oldest: at(800) }));
        let oldest = tally.oldest().map(|oldest| (oldest.made, oldest.operation.as_str()));
        assert_eq!(oldest, Some((at(500), "a:Report")));
        assert_eq!(Tally::of(&[with(2, vec![evidence(0, None, "a:A")])]).earlier(), None);
    }

    fn findings() -> impl Strategy<Value = Vec<Finding>> {
        let one = (
            prop::option::of(0u64..4),
            prop::option::of(prop::sample::select(vec!["eu-west-1", "us-east-1"])),
            prop::sample::select(vec![Verdict::Pass, Verdict::Fail, Verdict::Unknown, Verdict::NotApplicable]),
            prop::sample::select(vec![CauseKind::OptIn, CauseKind::AccessDenied]),
            (0u8..3, 0i64..3),
        );
        let made = one.prop_map(|(account, region, verdict, kind, (check, second))| {
            let mut made = match verdict {
                Verdict::Unknown => unknown(account, kind, &format!("{account:?} {region:?} {check}")),
                verdict => finding(account, verdict),
            };
            if let (Target::Account(id), Some(region)) = (&made.target, region) {
                made.target = Target::AccountRegion(id.clone(), region.parse().unwrap());
            }
            made.check = format!("check-{check}");
            made.evidence = vec![evidence(second, None, &format!("{:?} {check}", made.target))];
            made
        });
        // One verdict for each cell; findings of one target come in one order, targets in any.
        prop::collection::vec(made, 0..30).prop_map(|mut findings| {
            findings.sort_by(Finding::in_order);
            findings.dedup_by(|a, b| a.in_order(b).is_eq());
            findings
        })
    }

    proptest! {
        #[test]
        fn targets_count_the_same_in_any_order(findings in findings(), seed in any::<[u8; 32]>()) {
            let mut targets: Vec<Target> = findings.iter().map(|finding| finding.target.clone()).collect::<BTreeSet<_>>().into_iter().collect();
            let in_order = Tally::of(&findings);
            targets.sort_by_key(|target| {
                let n: u8 = format!("{target:?}").bytes().fold(0, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte));
                seed[usize::from(n % 32)]
            });
            let shuffled = targets.iter().flat_map(|target| findings.iter().filter(move |finding| finding.target == *target));
            let shuffled = Tally::of(shuffled);
            let told = |tally: &Tally| {
                let causes: Vec<_> = tally.causes().iter()
                    .map(|c| (c.kind, c.cells, c.example.to_owned(), c.accounts().cloned().collect::<Vec<_>>())).collect();
                (tally.all().clone(), tally.untold(), tally.oldest().cloned(), causes)
            };
            prop_assert_eq!(told(&shuffled), told(&in_order));
        }
    }
}
