//! The audit for people: one line for each check, worst first, then what fails where, then what could not be told.

use super::coverage::Coverage;
use super::failures::{Failures, Resources};
use super::row::mend;
use super::table::{Align, table};
use super::text::{Paint, Style, count, cut, moment, plain};
use super::{Audit, ReportError, diff, exemptions, framework_table};
use crate::model::check::{CheckMeta, Severity};
use crate::model::finding::Target;
use crate::model::framework::Cells;
use jiff::Timestamp;
use std::fmt::Write as _;
use std::io;

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

/// Writes the whole report.
///
/// # Errors
/// If the findings can't be read or the report can't be written.
pub fn write(audit: &Audit<'_>, detail: Detail, paint: Paint, out: &mut dyn io::Write) -> Result<(), ReportError> {
    let failures = Failures::read(audit.findings, detail)?;
    let mut section = String::new();
    let mut put = |section: &mut String| {
        out.write_all(section.as_bytes())?;
        section.clear();
        Ok::<(), ReportError>(())
    };
    if audit.frameworks.is_empty() {
        let rows = rows(audit);
        put(&mut summary(&rows, paint))?;
        for row in rows.iter().filter(|row| row.cells.fail > 0) {
            failure(&mut section, audit, &failures, row.meta, (detail, paint));
            put(&mut section)?;
        }
    }
    for framework in audit.frameworks {
        framework_table::write(&mut section, audit, &failures, framework, (detail, paint));
        put(&mut section)?;
    }
    put(&mut unknowns(audit, detail, paint))?;
    put(&mut exemptions::section(audit, paint))?;
    put(&mut closing(audit, paint))
}

/// The whole report as text, where it is known to be short.
///
/// # Errors
/// If the findings can't be read.
pub fn render(audit: &Audit<'_>, detail: Detail, paint: Paint) -> Result<String, ReportError> {
    let mut out = Vec::new();
    write(audit, detail, paint, &mut out)?;
    String::from_utf8(out).map_err(ReportError::source)
}

/// A check with its cells.
struct Row<'a> {
    meta: &'a CheckMeta,
    cells: Cells,
}

fn rows<'a>(audit: &Audit<'a>) -> Vec<Row<'a>> {
    let row = |meta: &&'a CheckMeta| Row { meta, cells: audit.tally.check(meta.id) };
    let mut rows: Vec<Row<'a>> = audit.checks.iter().map(row).filter(|row| row.cells.total() > 0).collect();
    // Stable: checks that tie stay in catalogue order.
    rows.sort_by_key(|Row { meta, cells }| {
        std::cmp::Reverse((cells.fail > 0, meta.severity, cells.fail, cells.unknown))
    });
    rows
}

pub(super) fn severity_style(severity: Severity) -> Style {
    match severity {
        Severity::Critical | Severity::High => Style::Red,
        Severity::Medium => Style::Yellow,
        Severity::Low | Severity::Info => Style::Cyan,
    }
}

/// Where the column of what is exempt stands.
const EXEMPT: usize = 5;

fn summary(checks: &[Row<'_>], paint: Paint) -> String {
    let mut head = vec!["VERDICT", "SEVERITY", "CHECK", "FAIL", "UNKNOWN", "PASS", "N/A", "WHAT IT ASKS FOR"];
    // A column of its own where anything is exempt.
    let exempt = checks.iter().any(|row| row.cells.exempt > 0);
    if exempt {
        head.insert(EXEMPT, "EXEMPT");
    }
    let mut rows = Vec::new();
    for Row { meta, cells } in checks {
        let (verdict, style) = match (cells.fail, cells.unknown) {
            (0, 0) if cells.pass > 0 => ("pass", Style::Green),
            (0, 0) if cells.exempt > 0 => ("exempt", Style::Cyan),
            (0, 0) => ("n/a", Style::Dim),
            (0, _) => ("unknown", Style::Yellow),
            _ => ("fail", Style::Red),
        };
        // A dash would be passed over by whoever has the row read out.
        let figure = |n: usize, style| (n.to_string(), if n == 0 { Some(Style::Dim) } else { style });
        let mut row = vec![
            (verdict.to_owned(), Some(style)),
            (meta.severity.as_str().to_owned(), (cells.fail > 0).then(|| severity_style(meta.severity))),
            (meta.id.to_owned(), Some(Style::Bold)),
            figure(cells.fail, Some(Style::Red)),
            figure(cells.unknown, Some(Style::Yellow)),
            figure(cells.pass, Some(Style::Green)),
            figure(cells.not_applicable, None),
            (meta.title.to_owned(), None),
        ];
        if exempt {
            row.insert(EXEMPT, figure(cells.exempt, Some(Style::Cyan)));
        }
        rows.push(row);
    }
    let mut aligns = vec![Align::Left; 3];
    aligns.resize(head.len() - 1, Align::Right);
    table(head, rows, &aligns, paint)
}

/// What fails of one check, and how to mend it.
pub(super) fn failure(
    out: &mut String,
    audit: &Audit<'_>,
    failures: &Failures,
    meta: &CheckMeta,
    (detail, paint): (Detail, Paint),
) {
    let severity = paint.paint(severity_style(meta.severity), meta.severity.as_str());
    let title = format!("{} ({severity}): {}", paint.paint(Style::Bold, meta.id), meta.title);
    *out += &format!("\n{}", paint.entry("", &title));
    if let Some(groups) = failures.of(meta.id) {
        for group in &groups.shown {
            let names: Vec<String> = group.targets.iter().map(|failing| target(audit, failing)).collect();
            let rest = group.count.saturating_sub(names.len());
            let tail = if rest > 0 { format!(" and {rest} more") } else { String::new() };
            *out += &paint.entry("  ", &format!("{}{tail}: {}", names.join(", "), plain(&group.message)));
            resources(out, &group.message, &group.resources, (detail, paint));
        }
        more(out, "  ", groups.count(), detail.targets, "target");
    }
    // A command, there to be copied.
    let _ = writeln!(out, "  {} {}", paint.paint(Style::Dim, "mend:"), mend(meta));
}

/// The failing resources, unless there is one and the finding's own message already says it.
fn resources(out: &mut String, message: &str, resources: &Resources, (detail, paint): (Detail, Paint)) {
    if let ([only], 1) = (resources.shown.as_slice(), resources.count)
        && message.contains(&only.message)
    {
        return;
    }
    for resource in &resources.shown {
        *out += &paint.entry("    ", &format!("{}: {}", plain(&resource.resource), plain(&resource.message)));
    }
    more(out, "    ", resources.count, detail.resources, "resource");
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
        Target::Organization => format!("organization {}", plain(&audit.org.organization.id)),
        Target::Account(id) => named(id),
        Target::AccountRegion(id, region) => format!("{} {region}", named(id)),
    }
}

fn unknowns(audit: &Audit<'_>, detail: Detail, paint: Paint) -> String {
    let causes = audit.tally.causes();
    let mut out = String::new();
    if causes.is_empty() {
        return out;
    }
    let _ = writeln!(out, "\n{}", paint.paint(Style::Yellow, "Could not be told"));
    for cause in causes {
        let mut ids = cause.accounts();
        let mut accounts: Vec<&str> = ids.by_ref().take(detail.targets).map(|id| id.as_str()).collect();
        if ids.next().is_some() {
            accounts.push("...");
        }
        if accounts.is_empty() {
            accounts.push("the organization");
        }
        let verdicts = count(cause.cells, "verdict");
        let (kind, operation) = (cause.kind.as_str(), plain(cause.operation));
        out += &paint.entry("  ", &format!("{kind} ({operation}): {verdicts} in {}", accounts.join(", ")));
        out += &paint.entry("    ", &plain(&cut(cause.example, 400)));
        out += &paint.sentence("    fix: ", cause.kind.fix());
    }
    out
}

fn closing(audit: &Audit<'_>, paint: Paint) -> String {
    let coverage = Coverage::of(audit.tally);
    let mut out = String::from("\n");
    for (reason, ids) in super::org_tree::left_out_by_reason(audit.scope) {
        out += &paint.entry("", &format!("Not audited, {}: {}", plain(&reason), ids.join(", ")));
    }
    if audit.interrupted {
        let cut_short = "Interrupted: what follows counts only what was collected";
        out += &paint.entry("", &paint.paint(Style::Red, cut_short));
    }
    let told = coverage.cells - coverage.unknown;
    let style = if coverage.complete() { Style::Green } else { Style::Yellow };
    let line = format!("Coverage {:.1}%: {told} of {} verdicts could be told", coverage.percent, coverage.asked());
    let aside = match coverage.not_asked {
        0 => String::new(),
        some => format!(", {some} were not asked for"),
    };
    out += &paint.entry("", &format!("{}{aside}", paint.paint(style, &line)));
    let exempt = if coverage.exempt > 0 { format!("{} exempt, ", coverage.exempt) } else { String::new() };
    let counts = format!(
        "{} fail, {} unknown, {exempt}{} pass, {} not applicable over {}",
        coverage.fail,
        coverage.unknown,
        coverage.pass,
        coverage.not_applicable,
        count(audit.scope.accounts.len(), "account")
    );
    out += &paint.entry("", &counts);
    if !audit.context.run.is_empty() {
        let (run, org) = (plain(&audit.context.run), plain(&audit.org.organization.id));
        let as_of = moment(audit.org.as_of);
        out += &paint.entry("", &format!("Run {run} of {org}, as of {as_of}"));
    }
    if let Some(changes) = &audit.context.changes {
        out += &paint.entry("", &format!("Since run {}: {}", changes.before, diff::in_words(changes)));
    }
    if let Some(oldest) = oldest(audit) {
        out += &paint.entry("", &oldest);
    }
    if let Some(earlier) = earlier(audit) {
        out += &paint.entry("", &paint.paint(Style::Yellow, &earlier));
    }
    out + &paint.entry("", &audit.stats.to_string())
}

/// The oldest fact that a verdict rests on, if it was made a minute or more before the run.
fn oldest(audit: &Audit<'_>) -> Option<String> {
    let oldest = audit.tally.oldest()?;
    let age = age(audit.org.as_of, oldest.made)?;
    let whose = oldest.target.account().map(|account| format!(" of account {account}")).unwrap_or_default();
    Some(format!("The oldest fact is {age} old: {}{whose}", oldest.operation))
}

/// How much rests on facts that an earlier run collected.
fn earlier(audit: &Audit<'_>) -> Option<String> {
    let earlier = audit.tally.earlier()?;
    let age = age(audit.org.as_of, earlier.oldest).unwrap_or_else(|| "less than a minute".to_owned());
    let verdicts = count(earlier.verdicts, "verdict");
    let rest = if earlier.verdicts == 1 { "rests" } else { "rest" };
    Some(format!("{verdicts} {rest} on facts of an earlier run, the oldest of them collected {age} before this one"))
}

/// `3 h 5 min`, from two days on whole days; `None` for less than a minute.
fn age(now: Timestamp, then: Timestamp) -> Option<String> {
    match now.as_second().saturating_sub(then.as_second()).max(0) / 60 {
        0 => None,
        minutes @ 1..60 => Some(format!("{minutes} min")),
        minutes @ 60..2_880 => Some(format!("{} h {} min", minutes / 60, minutes % 60)),
        minutes => Some(format!("{} days", minutes / 1_440)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_told_as_roughly_as_it_is_long() {
        let at =
            |minutes: i64| age(Timestamp::UNIX_EPOCH + jiff::SignedDuration::from_mins(minutes), Timestamp::UNIX_EPOCH);
        let told = [0, 59, 185, 2_879, 2_880, 228_618].map(|minutes| at(minutes).unwrap_or_default());
        assert_eq!(told, ["", "59 min", "3 h 5 min", "47 h 59 min", "2 days", "158 days"]);
    }
}
