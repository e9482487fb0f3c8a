//! How two audits differ, for people and for machines.
//!
//! Owns: the two forms. Must not: decide what became of a row, or keep more rows than it shows.

use super::row::fingerprint;
use super::rows_as_read::{self, Unread};
use super::table::{Align, table};
use super::text::{Paint, Style, count, moment, plain};
use super::{ReportError, audit_table};
use crate::model::AccountId;
use crate::model::finding::Target;
use crate::model::history::{Became, Changed, Changes};
use jiff::Timestamp;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write;

/// The version of the JSON form.
pub const VERSION: u32 = 1;

/// Rows of a class that a short report shows.
const SHOWN: usize = 10;

/// One of the two audits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Side<'a> {
    /// Its run.
    pub run: &'a str,
    /// Its moment.
    pub as_of: Timestamp,
    /// The orgward that made it.
    pub orgward: &'a str,
    /// Accounts in scope.
    pub accounts: usize,
    /// Checks that ran.
    pub checks: usize,
    /// Whether it came to its end.
    pub complete: bool,
}

/// Where differences come from: rows in account order, read in one pass.
pub trait Differences {
    /// The audit before, and the one after.
    fn sides(&self) -> (Side<'_>, Side<'_>);

    /// Hands every row that fails in one of them over, and gives the counts.
    ///
    /// # Errors
    /// If findings can't be read, or as `visit` fails.
    fn each(&self, visit: &mut dyn FnMut(&Changed<'_>) -> Result<(), ReportError>) -> Result<Changes, ReportError>;
}

/// The names of accounts.
pub type Names = BTreeMap<AccountId, String>;

/// `3 new, 5 fixed, 120 unchanged`: every class that is not empty; `no failure in either` if all are.
pub fn in_words(changes: &Changes) -> String {
    let told = Became::ALL.into_iter().filter_map(|became| {
        let n = changes.rows.get(&became).copied().filter(|n| *n > 0)?;
        Some(format!("{n} {}", words(became)))
    });
    let told: Vec<String> = told.collect();
    if told.is_empty() { "no failure in either".to_owned() } else { told.join(", ") }
}

/// A class in the words of a summary.
fn words(became: Became) -> &'static str {
    match became {
        Became::New => "new",
        Became::NewlyEvaluated => "newly evaluated",
        Became::Fixed => "fixed",
        Became::Unchanged => "unchanged",
        Became::NoLongerEvaluated => "no longer evaluated",
        Became::NowExempt => "now exempt",
        Became::CheckChanged => "by a check that changed",
        Became::AccountJoined => "in accounts that joined",
        Became::AccountLeft => "in accounts that left",
    }
}

/// What a class is, at the head of its rows.
fn heading(became: Became) -> &'static str {
    match became {
        Became::New => "New: fails, and did not before",
        Became::NewlyEvaluated => "Newly evaluated: fails, and was not looked at or could not be told before",
        Became::Fixed => "Fixed: failed, and passes or is gone",
        Became::Unchanged => "Unchanged: fails as before",
        Became::NoLongerEvaluated => "No longer evaluated: failed, and was not looked at or could not be told",
        Became::NowExempt => "Now exempt: failed, and someone answers for it",
        Became::CheckChanged => "Check changed: differs, and so does the check; nobody can say whether the account did",
        Became::AccountJoined => "Account joined: fails in an account that was not in scope before",
        Became::AccountLeft => "Account left: failed in an account that is not in scope any more",
    }
}

fn style(became: Became) -> Style {
    match became {
        Became::New | Became::AccountJoined | Became::NewlyEvaluated => Style::Red,
        Became::Fixed => Style::Green,
        Became::Unchanged => Style::Dim,
        Became::NoLongerEvaluated | Became::CheckChanged => Style::Yellow,
        Became::NowExempt | Became::AccountLeft => Style::Cyan,
    }
}

/// A row in a line.
fn line(row: &Changed<'_>, names: &Names, paint: Paint) -> String {
    let name = |id: &AccountId| match names.get(id) {
        Some(name) => format!("{id} {}", plain(name)),
        None => id.to_string(),
    };
    let at = match row.target {
        Target::Organization => "organization".to_owned(),
        Target::Account(id) => name(id),
        Target::AccountRegion(id, region) => format!("{} {region}", name(id)),
    };
    let severity = paint.paint(audit_table::severity_style(row.severity), row.severity.as_str());
    let resource = row.resource.map(|resource| format!("{}: ", plain(resource))).unwrap_or_default();
    format!("{} ({severity}) {at}: {resource}{}", paint.paint(Style::Bold, &plain(row.check)), plain(row.message))
}

/// Writes the differences for people: counts, a line for each check with any, and the first rows of each class; with `all`
/// every row, those that are unchanged too, as they come.
///
/// # Errors
/// If findings can't be read or the report can't be written.
pub fn write_text(
    of: &dyn Differences,
    names: &Names,
    (all, paint): (bool, Paint),
    visit: &mut dyn FnMut(&Changed<'_>),
    out: &mut dyn Write,
) -> Result<Changes, ReportError> {
    let (before, after) = of.sides();
    let mut text = String::new();
    for (word, side) in [("before", before), ("after ", after)] {
        let cut = if side.complete { "" } else { ", cut short: what it lacks is not evaluated" };
        let (accounts, checks) = (count(side.accounts, "account"), count(side.checks, "check"));
        let side = format!("{} as of {}: {accounts}, {checks}{cut}", side.run, moment(side.as_of));
        text += &paint.sentence(&format!("{word}  "), &side);
    }
    out.write_all(text.as_bytes())?;
    let mut shown: BTreeMap<Became, Vec<String>> = BTreeMap::new();
    let mut first = true;
    let changes = of.each(&mut |row| {
        visit(row);
        if all {
            let gap = if std::mem::take(&mut first) { "\n" } else { "" };
            let class = paint.paint(style(row.became), words(row.became));
            write!(out, "{gap}{}", paint.entry("", &format!("{class}: {}", line(row, names, paint))))?;
        } else if row.became != Became::Unchanged {
            let lines = shown.entry(row.became).or_default();
            if lines.len() < SHOWN {
                lines.push(line(row, names, paint));
            }
        }
        Ok(())
    })?;
    let mut text = String::from("\n");
    for became in Became::ALL {
        let Some(lines) = shown.get(&became) else { continue };
        text += &paint.entry("", &paint.paint(style(became), heading(became)));
        lines.iter().for_each(|line| text += &paint.entry("  ", line));
        let rest = changes.rows.get(&became).copied().unwrap_or(0).saturating_sub(lines.len());
        if rest > 0 {
            let _ = writeln!(text, "  ... and {rest} more (--verbose lists all)");
        }
        text.push('\n');
    }
    text.push_str(&by_check(&changes, paint));
    text += &paint.entry("", &in_words(&changes));
    out.write_all(text.as_bytes())?;
    Ok(changes)
}

/// A line for each check in which anything differs.
fn by_check(changes: &Changes, paint: Paint) -> String {
    let classes: Vec<Became> = Became::ALL.into_iter().filter(|became| changes.rows.contains_key(became)).collect();
    let differs = |rows: &BTreeMap<Became, usize>| rows.keys().any(|became| *became != Became::Unchanged);
    let checks: Vec<_> = changes.checks.iter().filter(|(_, rows)| differs(rows)).collect();
    if checks.is_empty() {
        return String::new();
    }
    let head = std::iter::once("CHECK".to_owned()).chain(classes.iter().map(|became| words(*became).to_uppercase()));
    let rows = checks.into_iter().map(|(check, counted)| {
        let mut row = vec![(plain(check), Some(Style::Bold))];
        row.extend(classes.iter().map(|became| match counted.get(became) {
            Some(n) => (n.to_string(), Some(style(*became))),
            None => ("-".to_owned(), Some(Style::Dim)),
        }));
        row
    });
    let mut aligns = vec![Align::Left];
    aligns.resize(classes.len() + 1, Align::Right);
    table(head, rows, &aligns, paint) + "\n"
}

/// A row as JSON.
#[derive(Serialize)]
struct RowJson<'a> {
    became: Became,
    check: &'a str,
    account: Option<&'a str>,
    region: Option<&'a str>,
    resource: Option<&'a str>,
    severity: &'a str,
    message: &'a str,
    fingerprint: String,
}

/// The whole as JSON: rows as they are read, then their counts.
struct Document<'a> {
    of: &'a dyn Differences,
    visit: RefCell<&'a mut dyn FnMut(&Changed<'_>)>,
    counted: RefCell<Changes>,
    unread: Unread,
}

struct RowsJson<'a, 'd>(&'d Document<'a>);

impl Serialize for RowsJson<'_, '_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let document = self.0;
        let (end, counted) = rows_as_read::sequence(to, &document.unread, |out| {
            document.of.each(&mut |row| {
                (*document.visit.borrow_mut())(row);
                out.put(&RowJson {
                    became: row.became,
                    check: row.check,
                    account: row.target.account().map(AccountId::as_str),
                    region: row.target.region().map(|region| region.as_str()),
                    resource: row.resource,
                    severity: row.severity.as_str(),
                    message: row.message,
                    fingerprint: fingerprint(row.check, row.target, row.resource),
                })
            })
        })?;
        *document.counted.borrow_mut() = counted;
        Ok(end)
    }
}

impl Serialize for Document<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let (before, after) = self.of.sides();
        let mut map = to.serialize_map(None)?;
        map.serialize_entry("format", "orgward.diff")?;
        map.serialize_entry("version", &VERSION)?;
        map.serialize_entry("before", &before)?;
        map.serialize_entry("after", &after)?;
        map.serialize_entry("rows", &RowsJson(self))?;
        let counted = self.counted.borrow();
        map.serialize_entry("counts", &counted.rows)?;
        map.serialize_entry("checks", &counted.checks)?;
        map.end()
    }
}

/// Writes the differences as pretty JSON: every row, then the counts.
///
/// # Errors
/// If findings can't be read or the report can't be written.
pub fn write_json(
    of: &dyn Differences,
    visit: &mut dyn FnMut(&Changed<'_>),
    out: &mut dyn Write,
) -> Result<Changes, ReportError> {
    let document = Document {
        of,
        visit: RefCell::new(visit),
        counted: RefCell::new(Changes::default()),
        unread: Unread::default(),
    };
    rows_as_read::pretty(&document, &document.unread, out)?;
    Ok(document.counted.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::check::Severity;

    #[test]
    fn a_run_of_a_stranger_s_steers_no_terminal() {
        let hostile = "root-mfa\u{1b}[2J\n\u{202e}";
        let account: AccountId = "111122223333".parse().unwrap();
        let names = Names::from([(account.clone(), hostile.to_owned())]);
        let target = Target::Account(account);
        let (became, check, resource, severity) = (Became::New, hostile, Some(hostile), Severity::High);
        let row =
            Changed { became, check, target: &target, resource, severity, message: hostile, fails: true, gone: false };
        let counted = BTreeMap::from([(Became::New, 1)]);
        let checks = BTreeMap::from([(hostile.to_owned(), counted.clone())]);
        let changes = Changes { rows: counted, checks, ..Changes::default() };
        let told = line(&row, &names, Paint::PLAIN) + &by_check(&changes, Paint::PLAIN).replace('\n', "");
        assert_eq!(told.matches("root-mfa\\u{1b}[2J\\u{a}\\u{202e}").count(), 5, "{told}");
        assert!(!told.contains(crate::model::hidden), "{told:?}");
    }
}
