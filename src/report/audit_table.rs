//! The audit for people: one line for each check, worst first, then what fails where, then what could not be told.

use super::coverage::Coverage;
use super::text::{Align, Paint, Style, columns, count, cut, plain};
use super::{Audit, framework_table};
use crate::model::check::{CheckMeta, Severity};
use crate::model::finding::Target;
use crate::model::{Finding, Verdict};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// How much detail to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Detail {
    /// Failing targets listed for each check; the rest is counted.
    pub targets: usize,
    /// Failing resources listed for each target.
    pub resources: usize,
}

impl Detail {
    /// A screenful.
    pub const SHORT: Self = Self { targets: 5, resources: 2 };
    /// Everything.
    pub const ALL: Self = Self { targets: usize::MAX, resources: usize::MAX };
}

/// Verdict counts of one check.
struct Tally<'a> {
    meta: &'a CheckMeta,
    pass: usize,
    fail: usize,
    unknown: usize,
    other: usize,
}

/// The whole report.
pub fn render(audit: &Audit<'_>, detail: Detail, paint: Paint) -> String {
    let mut out = String::new();
    let tallies = tallies(audit);
    if audit.frameworks.is_empty() {
        out.push_str(&summary(&tallies, paint));
        tallies.iter().filter(|t| t.fail > 0).for_each(|t| failure(&mut out, audit, t.meta, detail, paint));
    }
    for framework in audit.frameworks {
        framework_table::write(&mut out, audit, framework, detail, paint);
    }
    out.push_str(&unknowns(audit, detail, paint));
    out.push_str(&closing(audit, paint));
    out
}

fn tallies<'a>(audit: &Audit<'a>) -> Vec<Tally<'a>> {
    let mut counts: BTreeMap<(&str, Verdict), usize> = BTreeMap::new();
    for finding in audit.findings {
        *counts.entry((&finding.check, finding.verdict)).or_default() += 1;
    }
    let mut tallies: Vec<Tally<'a>> = audit
        .checks
        .iter()
        .map(|meta| {
            let n = |verdict| counts.get(&(meta.id, verdict)).copied().unwrap_or_default();
            let other = n(Verdict::NotApplicable) + n(Verdict::Exempt);
            Tally { meta, pass: n(Verdict::Pass), fail: n(Verdict::Fail), unknown: n(Verdict::Unknown), other }
        })
        .filter(|t| t.pass + t.fail + t.unknown + t.other > 0)
        .collect();
    // Stable: checks that tie stay in catalogue order.
    tallies.sort_by_key(|t| std::cmp::Reverse((t.fail > 0, t.meta.severity, t.fail, t.unknown)));
    tallies
}

fn severity_style(severity: Severity) -> Style {
    match severity {
        Severity::Critical | Severity::High => Style::Red,
        Severity::Medium => Style::Yellow,
        Severity::Low | Severity::Info => Style::Cyan,
    }
}

fn summary(tallies: &[Tally<'_>], paint: Paint) -> String {
    let head = ["", "SEVERITY", "CHECK", "FAIL", "UNKNOWN", "PASS", "N/A", "WHAT IT ASKS FOR"];
    let mut rows = vec![head.iter().map(|text| ((*text).to_owned(), Some(Style::Dim))).collect::<Vec<_>>()];
    for t in tallies {
        let (mark, style) = match (t.fail, t.unknown) {
            (0, 0) => ("ok", Style::Green),
            (0, _) => ("??", Style::Yellow),
            _ => ("!!", Style::Red),
        };
        let figure = |n: usize, style| if n == 0 { ("-".to_owned(), Some(Style::Dim)) } else { (n.to_string(), style) };
        rows.push(vec![
            (mark.to_owned(), Some(style)),
            (t.meta.severity.as_str().to_owned(), (t.fail > 0).then(|| severity_style(t.meta.severity))),
            (t.meta.id.to_owned(), Some(Style::Bold)),
            figure(t.fail, Some(Style::Red)),
            figure(t.unknown, Some(Style::Yellow)),
            figure(t.pass, Some(Style::Green)),
            figure(t.other, None),
            (cut(t.meta.title, 72), None),
        ]);
    }
    let aligns = [Align::Left, Align::Left, Align::Left, Align::Right, Align::Right, Align::Right, Align::Right];
    columns(&rows, &aligns, paint)
}

/// What fails of one check, and how to mend it.
pub(super) fn failure(out: &mut String, audit: &Audit<'_>, meta: &CheckMeta, detail: Detail, paint: Paint) {
    let failing: Vec<&Finding> =
        audit.findings.iter().filter(|f| f.check == meta.id && f.verdict == Verdict::Fail).collect();
    let severity = paint.paint(severity_style(meta.severity), meta.severity.as_str());
    let _ = writeln!(out, "\n{} ({severity}): {}", paint.paint(Style::Bold, meta.id), meta.title);
    let groups = by_message(&failing);
    for (message, findings) in groups.iter().take(detail.targets) {
        let names: Vec<String> =
            findings.iter().take(detail.targets).map(|finding| target(audit, &finding.target)).collect();
        let rest = findings.len().saturating_sub(names.len());
        let tail = if rest > 0 { format!(" and {rest} more") } else { String::new() };
        let _ = writeln!(out, "  {}{tail}: {}", names.join(", "), plain(message));
        if let [finding] = findings.as_slice() {
            resources(out, finding, detail);
        }
    }
    more(out, "  ", groups.len(), detail.targets, "target");
    let mend = match meta.remediation.playbook {
        Some(playbook) => format!("orgward plan {playbook}"),
        None => format!("orgward checks explain {}", meta.id),
    };
    let _ = writeln!(out, "  {} {mend}", paint.paint(Style::Dim, "mend:"));
}

/// Findings that say the same, worded once: an organization trail without an alarm fails every member alike.
fn by_message<'a>(failing: &[&'a Finding]) -> Vec<(&'a str, Vec<&'a Finding>)> {
    let mut groups: Vec<(&str, Vec<&Finding>)> = Vec::new();
    for finding in failing {
        match groups.iter_mut().find(|(message, _)| *message == finding.message) {
            Some((_, group)) => group.push(finding),
            None => groups.push((&finding.message, vec![finding])),
        }
    }
    groups
}

/// The failing resources, unless there is one and the finding's own message already says it.
fn resources(out: &mut String, finding: &Finding, detail: Detail) {
    if let [only] = finding.resources.as_slice()
        && finding.message.contains(&only.message)
    {
        return;
    }
    for resource in finding.resources.iter().take(detail.resources) {
        let _ = writeln!(out, "    {}: {}", plain(&resource.resource), plain(&resource.message));
    }
    more(out, "    ", finding.resources.len(), detail.resources, "resource");
}

/// `... and 3 more resources (--verbose lists all)`, if any were left out.
fn more(out: &mut String, indent: &str, all: usize, shown: usize, noun: &str) {
    if let Some(rest) = all.checked_sub(shown).filter(|rest| *rest > 0) {
        let _ = writeln!(out, "{indent}... and {} (--verbose lists all)", count(rest, &format!("more {noun}")));
    }
}

fn target(audit: &Audit<'_>, target: &Target) -> String {
    let named = |id: &crate::model::AccountId| {
        let name = audit.org.accounts.get(id).map_or("", |account| account.name.as_str());
        format!("{id} {}", plain(name))
    };
    match target {
        Target::Organization => format!("organization {}", audit.org.organization.id),
        Target::Account(id) => named(id),
        Target::AccountRegion(id, region) => format!("{} {region}", named(id)),
    }
}

fn unknowns(audit: &Audit<'_>, detail: Detail, paint: Paint) -> String {
    let coverage = Coverage::of(audit.findings);
    let mut out = String::new();
    if coverage.causes.is_empty() {
        return out;
    }
    let _ = writeln!(out, "\n{}", paint.paint(Style::Yellow, "Could not be told"));
    for cause in &coverage.causes {
        let mut accounts: Vec<&str> = cause.accounts.iter().map(String::as_str).take(detail.targets).collect();
        if cause.accounts.len() > accounts.len() {
            accounts.push("...");
        }
        if accounts.is_empty() {
            accounts.push("the organization");
        }
        let verdicts = count(cause.cells, "verdict");
        let (kind, operation) = (cause.kind.as_str(), plain(&cause.operation));
        let _ = writeln!(out, "  {kind} ({operation}): {verdicts} in {}", accounts.join(", "));
        let _ = writeln!(out, "    {}", plain(&cut(&cause.example, 200)));
        let _ = writeln!(out, "    fix: {}", cause.fix);
    }
    out
}

fn closing(audit: &Audit<'_>, paint: Paint) -> String {
    let coverage = Coverage::of(audit.findings);
    let mut out = String::from("\n");
    for (reason, ids) in super::org_tree::left_out_by_reason(audit.scope) {
        let _ = writeln!(out, "Not audited, {}: {}", plain(&reason), ids.join(", "));
    }
    if audit.interrupted {
        let _ =
            writeln!(out, "{}", paint.paint(Style::Red, "Interrupted: what follows counts only what was collected"));
    }
    let told = coverage.cells - coverage.unknown;
    let style = if coverage.complete() { Style::Green } else { Style::Yellow };
    let line = format!("Coverage {:.1}%: {told} of {} verdicts could be told", coverage.percent, coverage.cells);
    let _ = writeln!(out, "{}", paint.paint(style, &line));
    let _ = writeln!(
        out,
        "{} fail, {} unknown, {} pass, {} not applicable over {}",
        coverage.fail,
        coverage.unknown,
        coverage.pass,
        coverage.not_applicable,
        count(audit.scope.accounts.len(), "account")
    );
    if let Some(oldest) = oldest(audit) {
        let _ = writeln!(out, "{oldest}");
    }
    let _ = writeln!(out, "{}", audit.stats);
    out
}

/// The oldest fact that a verdict rests on, if it was made a minute or more before the run.
fn oldest(audit: &Audit<'_>) -> Option<String> {
    let now = audit.org.as_of;
    let aged =
        audit.findings.iter().flat_map(|finding| finding.evidence.iter().map(move |evidence| (evidence, finding)));
    let (evidence, finding) = aged.max_by_key(|(evidence, _)| evidence.source.age_seconds(now))?;
    let minutes = evidence.source.age_seconds(now) / 60;
    let age = match minutes {
        0 => return None,
        1..60 => format!("{minutes} min"),
        _ => format!("{} h {} min", minutes / 60, minutes % 60),
    };
    let whose = finding.target.account().map(|account| format!(" of account {account}")).unwrap_or_default();
    Some(format!("The oldest fact is {age} old: {}{whose}", evidence.source.operation))
}
