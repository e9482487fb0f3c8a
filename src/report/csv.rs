//! Findings as CSV (RFC 4180) for spreadsheets: no cell is a formula, whoever named what it names.
//!
//! A cell that begins as a formula gets an apostrophe in front; control characters and marks that reorder text are shown as
//! `\u{..}`.

use super::row::{Row, mend, rows};
use super::text::plain;
use super::{Audit, ReportError};
use csv::{Terminator, WriterBuilder};
use std::io::Write;

/// The columns.
pub const HEADER: [&str; 23] = [
    "check",
    "title",
    "severity",
    "verdict",
    "account",
    "account_name",
    "ou_path",
    "region",
    "resource",
    "message",
    "cause",
    "fix",
    "exemption",
    "owner",
    "ticket",
    "expires",
    "mend",
    "evidence",
    "observed_at",
    "fingerprint",
    "organization",
    "run",
    "as_of",
];

/// Writes a header and a line for each row.
///
/// # Errors
/// If the findings can't be read or the report can't be written.
pub fn write(audit: &Audit<'_>, out: &mut dyn Write) -> Result<(), ReportError> {
    let mut csv = WriterBuilder::new().terminator(Terminator::CRLF).from_writer(out);
    csv.write_record(HEADER).map_err(unwritten)?;
    audit.findings.each(&mut |finding| {
        rows(finding).try_for_each(|row| {
            let cells = cells(&row, audit);
            csv.write_record(cells.iter().map(|cell| safe(cell))).map_err(unwritten)
        })
    })?;
    Ok(csv.flush()?)
}

fn cells(row: &Row<'_>, audit: &Audit<'_>) -> [String; HEADER.len()] {
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let finding = row.finding;
    let account = row.account().and_then(|id| audit.org.accounts.get(id));
    let answered = row.answered(&audit.context.exemptions.exemptions);
    let mut operations: Vec<&str> = finding.evidence.iter().map(|fact| fact.source.operation.as_str()).collect();
    operations.dedup();
    let seen = finding.evidence.iter().map(|fact| fact.source.observed_at).max();
    [
        finding.check.clone(),
        row.title(audit).to_owned(),
        finding.severity.as_str().to_owned(),
        row.verdict.as_str().to_owned(),
        text(row.account().map(|id| id.as_str())),
        text(account.map(|account| account.name.as_str())),
        account.map(|account| audit.org.path(&account.id.clone().into())).unwrap_or_default(),
        text(row.region()),
        text(row.resource),
        row.message.to_owned(),
        text(finding.cause.as_ref().map(|cause| cause.kind.as_str())),
        text(finding.cause.as_ref().map(|cause| cause.kind.fix())),
        text(answered.map(|answered| answered.id)),
        text(answered.and_then(|answered| answered.owner)),
        text(answered.and_then(|answered| answered.ticket)),
        answered.and_then(|answered| answered.expires).map(|day| day.to_string()).unwrap_or_default(),
        row.meta(audit).map(mend).unwrap_or_default(),
        operations.join(" "),
        seen.map(|moment| moment.to_string()).unwrap_or_default(),
        row.fingerprint(),
        audit.org.organization.id.clone(),
        audit.context.run.clone(),
        audit.org.as_of.to_string(),
    ]
}

/// A cell that no spreadsheet takes for a formula. Source: OWASP, "CSV Injection"; blanks in front don't help a formula hide.
fn safe(cell: &str) -> String {
    let begins = cell.trim_start_matches(' ').chars().next();
    let formula = matches!(begins, Some('=' | '+' | '-' | '@' | '\t' | '\r' | '\n' | '＝' | '＋' | '－' | '＠'));
    let shown = plain(cell);
    if formula { format!("'{shown}") } else { shown }
}

fn unwritten(error: csv::Error) -> ReportError {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => ReportError::Write(error),
        other => ReportError::Write(std::io::Error::other(format!("{other:?}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::safe;

    #[test]
    fn no_cell_is_a_formula() {
        for (cell, wanted) in [
            ("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=1", "'\\u{9}=1"),
            ("\r=1", "'\\u{d}=1"),
            ("  =1", "'  =1"),
            ("＝1", "'＝1"),
            ("a=1", "a=1"),
            ("a\nb", "a\\u{a}b"),
            ("", ""),
        ] {
            assert_eq!(safe(cell), wanted);
        }
    }
}
