//! The first page: where the organization stands, what changed, what is worst and where.
//!
//! Must not: count; what was counted comes from the tally, the squares and the tree.

use super::checks::CheckView;
use super::figure;
use super::roll_up::{Branch, SEVERITIES, Tree};
use super::squares::weight;
use super::words::Words;
use crate::model::check::Severity;
use crate::model::history::Became;
use crate::report::Audit;
use crate::report::coverage::Coverage;
use crate::report::text::count;

/// Risks told on the first page.
const RISKS: usize = 5;
/// Characters of a reason told on the first page, cut at a sentence.
const BEGIN: usize = 170;
/// OUs told on the first page.
const OUS: usize = 5;

/// The first page.
pub(super) struct Summary {
    pub(super) score: String,
    /// `good`, `fair` or `poor`; empty where there is none.
    pub(super) grade: &'static str,
    /// The bar, in hundredths of its width.
    pub(super) score_bar: u64,
    pub(super) passing: String,
    pub(super) of: String,
    pub(super) weights: String,
    pub(super) coverage: String,
    pub(super) coverage_bar: u64,
    pub(super) told: String,
    pub(super) cells: String,
    pub(super) unknown: usize,
    /// `3 verdicts`, if there are any; the same of what is exempt.
    pub(super) unknown_words: String,
    /// Verdicts that nobody asked for, if there are any: they count nowhere.
    pub(super) not_asked: Option<String>,
    pub(super) exempt_words: String,
    /// Severity and failing verdicts.
    pub(super) failing: Vec<(&'static str, String, bool)>,
    pub(super) failing_all: String,
    /// What became, in words: mark, figure, words.
    pub(super) change: Option<Change>,
    pub(super) risks: Vec<Risk>,
    pub(super) worst: Vec<WorstOu>,
    pub(super) accounts: String,
}

/// What changed since the audit before.
pub(super) struct Change {
    pub(super) before: String,
    pub(super) when: String,
    /// Class, mark, figure, words.
    pub(super) rows: Vec<(&'static str, &'static str, String, &'static str)>,
    /// Checks with most new failures.
    pub(super) newly: Vec<(String, String)>,
}

/// A check that fails, in plain words.
pub(super) struct Risk {
    pub(super) severity: &'static str,
    pub(super) id: String,
    pub(super) title: String,
    pub(super) place: String,
    pub(super) rationale: String,
    pub(super) mend: String,
}

/// An OU that stands badly.
pub(super) struct WorstOu {
    pub(super) number: usize,
    pub(super) path: String,
    pub(super) score: String,
    pub(super) bar: u64,
    pub(super) accounts: String,
    pub(super) words: String,
}

impl Summary {
    /// Of an audit whose checks are told worst first.
    pub(super) fn of(audit: &Audit<'_>, words: &Words<'_>, tree: &Tree, checks: &[CheckView]) -> Self {
        let coverage = Coverage::of(audit.tally);
        let whole = tree.whole();
        let tenths = whole.score.tenths();
        let failing = Severity::ALL.iter().rev().map(|severity| {
            let above = Severity::ALL.iter().find(|above| *above > severity);
            let worse = above.map_or(0, |above| audit.tally.failing(*above));
            let n = audit.tally.failing(*severity) - worse;
            (severity.as_str(), figure(n), n > 0)
        });
        let weights: Vec<String> =
            Severity::ALL.iter().rev().map(|severity| format!("{} {}", severity.as_str(), weight(*severity))).collect();
        Self {
            score: whole.score.words(),
            grade: match tenths {
                None => "",
                Some(900..) => "good",
                Some(700..) => "fair",
                Some(_) => "poor",
            },
            score_bar: tenths.unwrap_or(0) / 10,
            passing: figure(usize::try_from(whole.score.passing).unwrap_or(usize::MAX)),
            of: figure(usize::try_from(whole.score.of).unwrap_or(usize::MAX)),
            weights: weights.join(", "),
            coverage: format!("{:.1}", coverage.percent),
            coverage_bar: ((coverage.cells - coverage.unknown) * 100).checked_div(coverage.asked()).unwrap_or(0) as u64,
            told: figure(coverage.cells - coverage.unknown),
            cells: figure(coverage.asked()),
            unknown: coverage.gaps(),
            unknown_words: some(coverage.gaps()),
            not_asked: (coverage.not_asked > 0).then(|| figure(coverage.not_asked)),
            exempt_words: some(coverage.exempt),
            failing: failing.collect(),
            failing_all: figure(coverage.fail),
            change: change(audit, words),
            risks: checks.iter().filter(|check| check.fails > 0).take(RISKS).map(risk).collect(),
            worst: tree.worst(OUS).into_iter().map(|(number, branch)| worst(words, number, branch)).collect(),
            accounts: count(whole.accounts, "account"),
        }
    }
}

fn change(audit: &Audit<'_>, words: &Words<'_>) -> Option<Change> {
    let changes = audit.context.changes.as_ref()?;
    let rows = Became::ALL.iter().filter_map(|became| {
        let n = changes.rows.get(became).copied().unwrap_or(0);
        let (class, mark, told, always) = match became {
            Became::New => ("fail", "▲", "fail that did not", true),
            Became::Fixed => ("pass", "▼", "failed and are mended", true),
            Became::Unchanged => ("", "=", "fail as before", true),
            Became::NoLongerEvaluated => ("unknown", "?", "failed and could not be told now", false),
            Became::NewlyEvaluated => ("fail", "+", "fail that were not looked at before", false),
            Became::NowExempt => ("exempt", "◆", "failed and are exempt now", false),
            Became::CheckChanged => ("", "~", "differ because the check changed", false),
            Became::AccountJoined => ("fail", "+", "fail in accounts that joined", false),
            Became::AccountLeft => ("", "–", "failed in accounts that left", false),
        };
        (always || n > 0).then(|| (class, mark, figure(n), told))
    });
    let mut newly: Vec<(&str, usize)> = changes
        .checks
        .iter()
        .map(|(check, rows)| (check.as_str(), rows.get(&Became::New).copied().unwrap_or(0)))
        .filter(|(_, n)| *n > 0)
        .collect();
    newly.sort_by_key(|(check, n)| (std::cmp::Reverse(*n), *check));
    Some(Change {
        before: words.text(&changes.before),
        when: changes.before_as_of.map(super::day).unwrap_or_default(),
        rows: rows.collect(),
        newly: newly.into_iter().take(3).map(|(check, n)| (words.text(check), figure(n))).collect(),
    })
}

fn risk(check: &CheckView) -> Risk {
    Risk {
        severity: check.severity,
        id: check.id.clone(),
        title: check.title.clone(),
        place: check.place.clone(),
        rationale: begin(&check.rationale),
        mend: match &check.playbook {
            Some(playbook) => format!("orgward plan {playbook}"),
            None => String::new(),
        },
    }
}

/// ` (3 verdicts)`; nothing for none.
fn some(n: usize) -> String {
    if n == 0 { String::new() } else { format!(" ({} verdict{})", figure(n), if n == 1 { "" } else { "s" }) }
}

/// The first sentences of a text, one at least, up to [`BEGIN`] characters.
fn begin(text: &str) -> String {
    let mut begin = String::new();
    for sentence in text.split_inclusive(". ") {
        if !begin.is_empty() && begin.chars().count() + sentence.chars().count() > BEGIN {
            break;
        }
        begin.push_str(sentence);
    }
    begin.trim_end().to_owned()
}

fn worst(words: &Words<'_>, number: usize, branch: &Branch) -> WorstOu {
    let sum = branch.sum;
    let failing: Vec<String> = SEVERITIES
        .iter()
        .zip(sum.failing)
        .filter(|(_, n)| *n > 0)
        .take(2)
        .map(|(severity, n)| format!("{} failures in {}", severity.as_str(), count(n, "account")))
        .chain((sum.unknown.0 > 0).then(|| format!("{} not told", count(sum.unknown.0, "square"))))
        .collect();
    WorstOu {
        number,
        path: words.text(&branch.path),
        score: sum.score.words(),
        bar: sum.score.tenths().unwrap_or(0) / 10,
        accounts: count(sum.accounts, "account"),
        words: failing.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_cut_at_a_sentence() {
        let long = "x".repeat(BEGIN);
        assert_eq!(begin("One. Two."), "One. Two.");
        assert_eq!(begin(&format!("One. {long}. Three.")), "One.");
        assert_eq!(begin(&format!("{long}{long}. Two.")), format!("{long}{long}."));
        assert_eq!([some(0), some(1), some(1_000)], ["", " (1 verdict)", " (1,000 verdicts)"]);
    }
}
