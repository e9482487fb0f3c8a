//! An audit by the controls of a framework, for people: a line for each control, then what fails in each, what a person has
//! to look at, and what orgward does not look at.
//!
//! Must not: decide a verdict.

use super::Audit;
use super::audit_table::{Detail, failure};
use super::failures::Failures;
use super::table::{Align, table};
use super::text::{Paint, Style, count, plain};
use crate::model::exemption::Attestation;
use crate::model::framework::{Answer, Cells, ControlVerdict, JudgedControl, JudgedFramework};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// Writes the report of one framework.
pub(super) fn write(
    out: &mut String,
    audit: &Audit<'_>,
    found: &Failures,
    judged: &JudgedFramework<'_>,
    (detail, paint): (Detail, Paint),
) {
    let framework = judged.framework;
    *out += &paint.entry("", &format!("{} ({})", paint.paint(Style::Bold, &framework.title), framework.name));
    out.push_str(&summary(judged, paint));
    *out += &paint.entry("", &counts(judged));
    failures(out, audit, found, judged, (detail, paint));
    attested(out, judged, paint);
    people(out, judged, paint);
    uncovered(out, judged, paint);
    out.push('\n');
}

/// A line for each control, but for those that orgward does not look at: they are counted and listed by service below.
fn summary(judged: &JudgedFramework<'_>, paint: Paint) -> String {
    let levels = judged.controls.iter().any(|judged| judged.control.level.is_some());
    let mut head = vec!["CONTROL", "VERDICT", "FAIL", "UNKNOWN", "PASS", "N/A", "WHAT IT ASKS FOR"];
    let mut aligns = vec![Align::Left, Align::Left];
    aligns.extend([Align::Right; 4]);
    if levels {
        head.insert(1, "LEVEL");
        aligns.insert(1, Align::Right);
    }
    // A column of its own where anything is exempt: what somebody answers for does apply.
    let answered = judged.controls.iter().flat_map(|judged| &judged.checks).any(|(_, cells)| cells.exempt > 0);
    if answered {
        let at = head.len() - 2;
        head.insert(at, "EXEMPT");
        aligns.push(Align::Right);
    }
    let mut rows = Vec::new();
    for judged in judged.controls.iter().filter(|judged| judged.verdict != ControlVerdict::NotCovered) {
        let style = style(judged.verdict);
        let cells = judged.checks.iter().fold(Cells::default(), |sum, (_, cells)| sum.and(cells));
        let figure = |n: usize, style| (n.to_string(), if n == 0 { Some(Style::Dim) } else { style });
        let mut row = vec![
            (judged.control.id.clone(), Some(Style::Bold)),
            (judged.verdict.as_str().to_owned(), Some(style)),
            figure(cells.fail, Some(Style::Red)),
            figure(cells.unknown, Some(Style::Yellow)),
            figure(cells.pass, Some(Style::Green)),
            figure(cells.not_applicable, None),
            (judged.control.title.clone(), None),
        ];
        if levels {
            let level = judged.control.level.map_or_else(|| "-".to_owned(), |level| level.to_string());
            row.insert(1, (level, None));
        }
        if answered {
            row.insert(row.len() - 2, figure(cells.exempt, Some(Style::Cyan)));
        }
        rows.push(row);
    }
    table(head, rows, &aligns, paint)
}

fn style(verdict: ControlVerdict) -> Style {
    match verdict {
        ControlVerdict::Fail => Style::Red,
        ControlVerdict::Unknown => Style::Yellow,
        ControlVerdict::Pass => Style::Green,
        ControlVerdict::Attested | ControlVerdict::Manual => Style::Cyan,
        ControlVerdict::Exempt | ControlVerdict::NotApplicable | ControlVerdict::NotCovered => Style::Dim,
    }
}

/// `12 passed, 8 failed, 3 unknown, 5 manual, 35 not covered of 63 controls`.
pub fn counts(judged: &JudgedFramework<'_>) -> String {
    let worded = ControlVerdict::ALL.map(|verdict| {
        let n = judged.tally(verdict);
        let (word, always) = match verdict {
            ControlVerdict::Pass => ("passed", true),
            ControlVerdict::Fail => ("failed", true),
            ControlVerdict::Exempt | ControlVerdict::Attested | ControlVerdict::NotApplicable => {
                (verdict.as_str(), false)
            }
            ControlVerdict::Unknown | ControlVerdict::Manual | ControlVerdict::NotCovered => (verdict.as_str(), true),
        };
        (n > 0 || always).then(|| format!("{n} {word}"))
    });
    let worded: Vec<String> = worded.into_iter().flatten().collect();
    format!("{} of {}", worded.join(", "), count(judged.controls.len(), "control"))
}

/// What fails in each control; a check that answers several is told once.
fn failures(
    out: &mut String,
    audit: &Audit<'_>,
    found: &Failures,
    judged: &JudgedFramework<'_>,
    (detail, paint): (Detail, Paint),
) {
    let mut told: BTreeMap<&str, &str> = BTreeMap::new();
    for judged in judged.controls.iter().filter(|judged| judged.verdict == ControlVerdict::Fail) {
        let control = judged.control;
        let head = format!("{} {}", control.id, control.title);
        *out += &format!("\n{}", paint.entry("", &paint.paint(Style::Bold, &head)));
        for (check, _) in judged.checks.iter().filter(|(_, cells)| cells.fail > 0) {
            match told.get(check) {
                Some(earlier) => {
                    let _ = writeln!(out, "  {check}: see {earlier}");
                }
                None => {
                    told.insert(check, &control.id);
                    let mut text = String::new();
                    // What it says is put two blanks in.
                    let inner = Paint { width: paint.width.map(|width| width.saturating_sub(2)), ..paint };
                    audit
                        .meta(check)
                        .into_iter()
                        .for_each(|meta| failure(&mut text, audit, found, meta, (detail, inner)));
                    for line in text.trim_matches('\n').lines() {
                        let _ = writeln!(out, "  {line}");
                    }
                }
            }
        }
        for check in silent(judged) {
            let _ = writeln!(out, "  {check}: it has no verdict in this run");
        }
    }
    let quiet: BTreeSet<&str> = judged.controls.iter().flat_map(silent).collect();
    if !quiet.is_empty() {
        let list: Vec<&str> = quiet.into_iter().collect();
        let head = paint.paint(Style::Yellow, "Checks without a verdict");
        *out += &format!("\n{}", paint.entry("", &format!("{head}: {}", list.join(", "))));
    }
}

/// The checks of a control that gave no verdict at all.
fn silent<'a>(judged: &'a JudgedControl<'_>) -> impl Iterator<Item = &'a str> {
    judged.checks.iter().filter(|(_, cells)| *cells == Cells::default()).map(|(check, _)| *check)
}

/// What people answer for.
fn attested(out: &mut String, judged: &JudgedFramework<'_>, paint: Paint) {
    let attested: Vec<&JudgedControl<'_>> =
        judged.controls.iter().filter(|judged| judged.verdict == ControlVerdict::Attested).collect();
    if attested.is_empty() {
        return;
    }
    let _ = writeln!(out, "\n{}", paint.paint(Style::Cyan, "Attested by a person"));
    for judged in attested {
        *out += &paint.entry("  ", &format!("{} {}", judged.control.id, judged.control.title));
        if let Some(said) = &judged.attestation {
            let words = format!("{}, until {}; {}", plain(&said.owner), said.expires, plain(&given(said)));
            *out += &paint.entry("    ", &words);
        }
    }
}

/// What a person looked at, and when.
pub(super) fn given(attestation: &Attestation) -> String {
    format!("looked at on {}: {}", attestation.date, attestation.statement)
}

fn people(out: &mut String, judged: &JudgedFramework<'_>, paint: Paint) {
    let manual: Vec<&JudgedControl<'_>> =
        judged.controls.iter().filter(|judged| judged.verdict == ControlVerdict::Manual).collect();
    if manual.is_empty() {
        return;
    }
    let _ = writeln!(out, "\n{}", paint.paint(Style::Cyan, "A person has to look"));
    for judged in manual {
        let control = judged.control;
        *out += &paint.entry("  ", &format!("{} {}", control.id, control.title));
        match &control.answer {
            Answer::Checks { part: Some(part), .. } => {
                *out += &paint.entry("    ", &format!("proved: {}; left: {}", part.proves, part.manual));
            }
            Answer::Manual { manual } => *out += &paint.entry("    ", manual),
            Answer::Checks { part: None, .. } | Answer::NotCovered { .. } => {}
        }
        if let Some(Attestation { owner, date, expires, .. }) = &judged.attestation {
            let words = format!("open again: {} attested it from {date} until {expires}", plain(owner));
            *out += &paint.entry("    ", &words);
        }
    }
}

fn uncovered(out: &mut String, judged: &JudgedFramework<'_>, paint: Paint) {
    let mut services: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for judged in &judged.controls {
        if let Answer::NotCovered { not_covered } = &judged.control.answer {
            services.entry(not_covered).or_default().push(&judged.control.id);
        }
    }
    if services.is_empty() {
        return;
    }
    let _ = writeln!(out, "\n{}", paint.paint(Style::Dim, "Not covered by orgward"));
    for (service, ids) in services {
        *out += &paint.entry("  ", &format!("{service}: {}", ids.join(", ")));
    }
}
