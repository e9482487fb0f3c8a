//! What stands around the findings: controls of frameworks, exemptions and attestations by expiry, and what could not be told.
//!
//! Must not: decide a verdict, or what is expired.

use super::figure;
use super::words::Words;
use crate::model::exemption::{ExemptScope, day};
use crate::model::framework::{Answer, Cells, ControlVerdict, JudgedFramework};
use crate::model::tally::Matched;
use crate::report::Audit;
use crate::report::exemptions::{self as standings, AttestationStanding, ExemptionStanding, State};
use crate::report::framework_table::counts;
use crate::report::org_tree::left_out_by_reason;
use crate::report::text::count;
use jiff::civil::Date;

/// Accounts named of each cause and reason.
const ACCOUNTS: usize = 6;

/// A framework that was asked for.
pub(super) struct FrameworkView {
    pub(super) title: String,
    pub(super) name: String,
    pub(super) counts: String,
    pub(super) controls: Vec<ControlView>,
    /// Controls that orgward does not look at.
    pub(super) not_covered: usize,
}

/// One of its controls.
pub(super) struct ControlView {
    pub(super) id: String,
    pub(super) title: String,
    pub(super) verdict: &'static str,
    pub(super) class: &'static str,
    pub(super) mark: &'static str,
    pub(super) figures: String,
    pub(super) checks: Vec<String>,
    pub(super) note: String,
}

/// The frameworks that were asked for; a control that orgward does not look at is counted alone.
pub(super) fn frameworks(audit: &Audit<'_>, words: &Words<'_>) -> Vec<FrameworkView> {
    audit.frameworks.iter().map(|judged| framework(judged, words)).collect()
}

fn framework(judged: &JudgedFramework<'_>, words: &Words<'_>) -> FrameworkView {
    let looked_at = judged.controls.iter().filter(|control| control.verdict != ControlVerdict::NotCovered);
    let controls = looked_at.map(|one| {
        let (class, mark) = match one.verdict {
            ControlVerdict::Fail => ("fail", "✕"),
            ControlVerdict::Unknown => ("unknown", "?"),
            ControlVerdict::Exempt => ("exempt", "◆"),
            ControlVerdict::Pass => ("pass", "✓"),
            ControlVerdict::Attested => ("pass", "✎"),
            ControlVerdict::Manual => ("manual", "☐"),
            ControlVerdict::NotApplicable | ControlVerdict::NotCovered => ("na", "–"),
        };
        let cells = one.checks.iter().fold(Cells::default(), |sum, (_, cells)| sum.and(cells));
        let told = [(cells.fail, "fail"), (cells.unknown, "unknown"), (cells.exempt, "exempt"), (cells.pass, "pass")];
        let told = told.iter().filter(|(n, _)| *n > 0).map(|(n, word)| format!("{} {word}", figure(*n)));
        ControlView {
            id: words.text(&one.control.id),
            title: words.text(&one.control.title),
            verdict: one.verdict.as_str(),
            class,
            mark,
            figures: told.collect::<Vec<_>>().join(", "),
            checks: one.checks.iter().map(|(check, _)| words.text(check)).collect(),
            note: match &one.control.answer {
                Answer::Manual { manual } => words.text(manual),
                Answer::Checks { part: Some(part), .. } => {
                    words.text(&format!("proved: {}; left to a person: {}", part.proves, part.manual))
                }
                Answer::Checks { part: None, .. } | Answer::NotCovered { .. } => String::new(),
            },
        }
    });
    FrameworkView {
        title: words.text(&judged.framework.title),
        name: words.text(&judged.framework.name),
        counts: counts(judged),
        controls: controls.collect(),
        not_covered: judged.tally(ControlVerdict::NotCovered),
    }
}

/// What someone answers for, until when.
pub(super) struct Promise {
    pub(super) id: String,
    pub(super) what: String,
    pub(super) place: String,
    /// What would fail without it, and what it names that is not there.
    pub(super) matched: String,
    pub(super) owner: String,
    pub(super) why: String,
    pub(super) ticket: String,
    pub(super) expires: String,
    pub(super) class: &'static str,
    pub(super) when: String,
}

/// Exemptions, those that expire first first.
pub(super) fn exemptions(audit: &Audit<'_>, words: &Words<'_>) -> Vec<Promise> {
    let today = day(audit.org.as_of);
    let promise = |standing: &ExemptionStanding<'_>| {
        let one = standing.exemption;
        let Matched { cells, resources } = standing.matched;
        let matched = match resources {
            0 => None,
            _ => Some(format!("{} in {}", count(resources, "failure"), count(cells, "verdict"))),
        };
        let told = matched.into_iter().chain(standing.unknown.iter().map(|why| words.text(why)));
        Promise {
            id: words.text(&one.id),
            what: words.text(&one.checks.join(", ")),
            place: place(words, &one.scope, &one.resources),
            matched: told.collect::<Vec<_>>().join("; "),
            owner: words.text(&one.owner),
            why: words.text(&one.reason),
            ticket: words.text(&one.ticket),
            expires: one.expires.to_string(),
            class: class(standing.state),
            when: when(standing.state, today, one.expires),
        }
    };
    standings::exemptions(audit).iter().map(promise).collect()
}

/// Attestations, those that expire first first.
pub(super) fn attestations(audit: &Audit<'_>, words: &Words<'_>) -> Vec<Promise> {
    let today = day(audit.org.as_of);
    let promise = |standing: &AttestationStanding<'_>| {
        let one = standing.attestation;
        Promise {
            id: words.text(&format!("{} {}", one.framework, one.control)),
            what: words.text(&one.statement),
            place: String::new(),
            matched: String::new(),
            owner: words.text(&one.owner),
            why: String::new(),
            ticket: one.date.to_string(),
            expires: one.expires.to_string(),
            class: class(standing.state),
            when: when(standing.state, today, one.expires),
        }
    };
    standings::attestations(audit).iter().map(promise).collect()
}

fn class(state: State) -> &'static str {
    match state {
        State::Expired => "fail",
        State::ExpiresSoon | State::Unmatched | State::NotYet => "unknown",
        State::InForce => "",
    }
}

/// How something stands that holds through `expires`.
fn when(state: State, today: Date, expires: Date) -> String {
    let days = (expires - today).get_days();
    let left = count(usize::try_from(days.abs()).unwrap_or(0), "day");
    match state {
        State::Expired => format!("✕ expired {left} ago"),
        State::ExpiresSoon if days == 0 => "! the last day".to_owned(),
        State::ExpiresSoon => format!("! {left} left"),
        State::Unmatched | State::NotYet => format!("! {}, {left} left", state.as_str()),
        State::InForce => format!("{left} left"),
    }
}

fn place(words: &Words<'_>, scope: &ExemptScope, resources: &[String]) -> String {
    let mut parts = Vec::new();
    if scope.organization {
        parts.push("the organization".to_owned());
    }
    if !scope.accounts.is_empty() {
        let mut named: Vec<String> = scope.accounts.iter().take(ACCOUNTS).map(|id| words.account(id)).collect();
        named.extend(scope.accounts.len().checked_sub(ACCOUNTS).filter(|n| *n > 0).map(|n| format!("{n} more")));
        parts.push(named.join(", "));
    }
    if !scope.ous.is_empty() {
        parts.push(words.text(&scope.ous.join(", ")));
    }
    parts.extend(scope.tags.iter().map(|(key, value)| words.text(&format!("tag {key}={value}"))));
    if scope.everywhere {
        parts.push("everywhere".to_owned());
    }
    if !resources.is_empty() {
        parts.push(words.text(&format!("resources {}", resources.join(", "))));
    }
    parts.join("; ")
}

/// Cells that could not be told, of one cause.
pub(super) struct CauseView {
    pub(super) kind: String,
    pub(super) operation: String,
    pub(super) cells: String,
    pub(super) accounts: String,
    pub(super) example: String,
    pub(super) fix: &'static str,
}

/// Why cells could not be told, most first.
pub(super) fn causes(audit: &Audit<'_>, words: &Words<'_>) -> Vec<CauseView> {
    let view = |cause: crate::model::tally::CauseCount<'_>| {
        let mut named: Vec<String> = cause.accounts().take(ACCOUNTS).map(|id| words.account(id)).collect();
        match cause.accounts().count() {
            0 => named.push("the organization".to_owned()),
            all => named.extend(all.checked_sub(ACCOUNTS).filter(|n| *n > 0).map(|n| format!("{} more", figure(n)))),
        }
        CauseView {
            kind: cause.kind.as_str().replace('_', " "),
            operation: words.text(cause.operation),
            cells: figure(cause.cells),
            accounts: named.join(", "),
            example: words.text(cause.example),
            fix: cause.kind.fix(),
        }
    };
    audit.tally.causes().into_iter().map(view).collect()
}

/// Accounts without verdicts: the reason, how many, and the first.
pub(super) fn left_out(audit: &Audit<'_>, words: &Words<'_>) -> Vec<(String, String, String)> {
    let reasons = left_out_by_reason(audit.scope).into_iter();
    let told = reasons.map(|(reason, ids)| {
        let mut named: Vec<String> =
            ids.iter().take(ACCOUNTS).filter_map(|id| Some(words.account(&id.parse().ok()?))).collect();
        named.extend(ids.len().checked_sub(ACCOUNTS).filter(|n| *n > 0).map(|n| format!("{} more", figure(n))));
        (words.text(&reason), count(ids.len(), "account"), named.join(", "))
    });
    told.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_promise_holds_through_its_last_day() {
        let day = |text: &str| text.parse::<Date>().unwrap();
        let told = |state, expires: &str| when(state, day("2026-06-01"), day(expires));
        assert_eq!(told(State::Expired, "2026-05-31"), "✕ expired 1 day ago");
        assert_eq!(told(State::ExpiresSoon, "2026-06-01"), "! the last day");
        assert_eq!(told(State::ExpiresSoon, "2026-06-11"), "! 10 days left");
        assert_eq!(told(State::Unmatched, "2026-06-11"), "! matches nothing, 10 days left");
        assert_eq!(told(State::InForce, "2027-06-01"), "365 days left");
    }
}
