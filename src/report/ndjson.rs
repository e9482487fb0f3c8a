//! Findings as newline-delimited JSON: each line a row of the JSON report that says by itself what it is and where from.

use super::audit_json::FindingRow;
use super::row::rows;
use super::source::json;
use super::{Audit, ReportError};
use schemars::JsonSchema;
use serde::Serialize;
use std::io::Write;

/// The version of a line.
pub const VERSION: u32 = 1;
/// Its name.
const FORMAT: &str = "orgward.finding";

/// A line: a row of the JSON report that stands for itself.
#[derive(Serialize, JsonSchema)]
pub struct Line<'a> {
    #[schemars(extend("const" = FORMAT))]
    format: &'static str,
    #[schemars(extend("const" = VERSION))]
    version: u32,
    as_of: jiff::Timestamp,
    /// The run that keeps it; empty where none does.
    run: &'a str,
    organization: &'a str,
    account_name: Option<&'a str>,
    title: &'a str,
    #[serde(flatten)]
    row: FindingRow<'a>,
}

/// Writes a line for each row.
///
/// # Errors
/// If the findings can't be read or the report can't be written.
pub fn write(audit: &Audit<'_>, out: &mut dyn Write) -> Result<(), ReportError> {
    audit.findings.each(&mut |finding| {
        rows(finding).try_for_each(|row| {
            let line = Line {
                format: FORMAT,
                version: VERSION,
                as_of: audit.org.as_of,
                run: &audit.context.run,
                organization: &audit.org.organization.id,
                account_name: row.account().and_then(|id| audit.org.accounts.get(id)).map(|a| a.name.as_str()),
                title: row.title(audit),
                row: FindingRow::of(&row, audit),
            };
            json(&line, out)?;
            Ok(out.write_all(b"\n")?)
        })
    })
}
