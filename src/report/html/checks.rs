//! Findings for readers without a script: each check with what fails of it, collapsed over accounts and Regions.
//!
//! Must not: list more than the first accounts; the matrix has all.

use super::figure;
use super::gather::{Failing, Gathered, Seen, of};
use super::page_data::controls;
use super::squares::Square;
use super::words::Words;
use crate::model::check::CheckMeta;
use crate::model::framework::Framework;
use crate::report::Audit;
use crate::report::row::filled_in;
use crate::report::text::count;

/// Regions named of each account; the rest is counted.
const REGIONS: usize = 4;

/// A check with its verdicts.
pub(super) struct CheckView {
    /// Its number, as the script knows it.
    pub(super) number: usize,
    pub(super) id: String,
    pub(super) title: String,
    pub(super) severity: &'static str,
    pub(super) rationale: String,
    pub(super) console: String,
    pub(super) cli: String,
    pub(super) playbook: Option<String>,
    pub(super) references: Vec<(String, String)>,
    /// `CIS 7.0: 2.4`, one for each framework.
    pub(super) controls: Vec<(String, String)>,
    /// Squares that fail, are unknown, exempt.
    pub(super) fails: usize,
    pub(super) unknown: usize,
    pub(super) exempt: usize,
    /// `12 of 40 accounts`, or `the organization`.
    pub(super) place: String,
    /// Failing resources.
    pub(super) failures: String,
    pub(super) first: Vec<FailingView>,
    /// Failing accounts that are not listed.
    pub(super) more: usize,
}

/// An account that fails a check.
pub(super) struct FailingView {
    pub(super) who: String,
    pub(super) id: String,
    pub(super) message: String,
    pub(super) regions: String,
    pub(super) resources: Vec<(String, String)>,
    pub(super) more: usize,
}

/// Every check that has a verdict, worst first.
pub(super) fn views(
    audit: &Audit<'_>,
    frameworks: &[Framework],
    words: &Words<'_>,
    all: &Gathered<'_>,
) -> Vec<CheckView> {
    let counts = all.counts();
    let seen = all.seen.iter().zip(&counts);
    let checks = audit.checks.iter().zip(seen).enumerate();
    let told = checks.filter(|(_, (_, (_, counts)))| counts.iter().skip(1).any(|n| *n > 0));
    let mut views: Vec<_> = told
        .map(|(number, (meta, (seen, counts)))| {
            (meta.severity, view(frameworks, words, all, (number, meta), (seen, counts)))
        })
        .collect();
    // Stable: checks that tie stay in catalogue order.
    views.sort_by_key(|(severity, view)| {
        std::cmp::Reverse((view.fails > 0, view.unknown > 0 && view.fails == 0, *severity, view.fails, view.unknown))
    });
    views.into_iter().map(|(_, view)| view).collect()
}

fn view(
    frameworks: &[Framework],
    words: &Words<'_>,
    all: &Gathered<'_>,
    (number, meta): (usize, &CheckMeta),
    (seen, counts): (&Seen, &[usize; 6]),
) -> CheckView {
    let n = |square| of(counts, square);
    let (fails, unknown, exempt, passes) = (n(Square::Fail), n(Square::Unknown), n(Square::Exempt), n(Square::Pass));
    let applies = fails + unknown + exempt + passes;
    let whole = meta.granularity == crate::model::check::Granularity::Organization;
    let mut by_framework: Vec<(String, String)> = Vec::new();
    for (framework, control) in controls(frameworks, meta.id) {
        let name = frameworks.get(framework).map_or("", |framework| framework.name.as_str());
        match by_framework.last_mut().filter(|(last, _)| last == name) {
            Some((_, ids)) => ids.extend([", ", control]),
            None => by_framework.push((name.to_owned(), control.to_owned())),
        }
    }
    CheckView {
        number,
        id: words.text(meta.id),
        title: words.text(meta.title),
        severity: meta.severity.as_str(),
        rationale: words.text(meta.rationale),
        console: words.lines(meta.remediation.console),
        cli: words.lines(meta.remediation.cli),
        playbook: meta.remediation.playbook.map(|name| words.text(&filled_in(name))),
        references: meta.references.iter().map(|one| (words.text(one.document), words.text(one.section))).collect(),
        controls: by_framework,
        fails,
        unknown,
        exempt,
        place: match whole {
            true => "the organization".to_owned(),
            false => format!("{} of {}", figure(fails), count(applies, "account")),
        },
        failures: count(seen.failures, "failure"),
        more: fails - seen.first.len(),
        first: seen.first.iter().map(|failing| failing_view(words, all, failing)).collect(),
    }
}

fn failing_view(words: &Words<'_>, all: &Gathered<'_>, failing: &Failing) -> FailingView {
    let account = failing.row.checked_sub(1).and_then(|row| all.accounts.get(row));
    let (id, name) =
        account.map_or_else(|| (String::new(), "The organization".to_owned()), |id| (words.id(id), words.name(id)));
    let named: Vec<&str> = failing.regions.iter().take(REGIONS).map(String::as_str).collect();
    let regions = match failing.regions.len().saturating_sub(named.len()) {
        0 => named.join(", "),
        more => format!("{} and {}", named.join(", "), count(more, "more Region")),
    };
    // A resource that says what the message says is told once.
    let told = failing.resources.len() == 1 && failing.resources.iter().all(|(_, why)| failing.message.contains(why));
    FailingView {
        who: if name.is_empty() { id.clone() } else { name },
        id,
        message: failing.message.clone(),
        regions,
        resources: if told { Vec::new() } else { failing.resources.clone() },
        more: if told { failing.count.saturating_sub(1) } else { failing.count - failing.resources.len() },
    }
}
