//! The credential report's CSV, read by header into [`CredentialReport`].
//!
//! Owns: the text form. Must not: call anything, or guess a value that is not there.
//!
//! Source: IAM user guide, "Getting credential reports for your AWS account". AWS adds columns now and then, so order and
//! additional columns do not matter; a missing one does.

use crate::model::iam::{Cell, CertificateRow, CredentialReport, CredentialRow, KeyRow};
use jiff::Timestamp;
use std::collections::HashMap;

/// Why a credential report can't be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReportError {
    /// It is not text.
    #[error("the credential report is not UTF-8 text")]
    NotText,
    /// It has no header.
    #[error("the credential report is empty")]
    Empty,
    /// Columns orgward reads are missing.
    #[error("the credential report lacks the columns {}", .0.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "))]
    MissingColumns(Vec<String>),
    /// A column comes twice, so it can't be told which one counts.
    #[error("the credential report has the column `{0}` twice")]
    DuplicateColumn(String),
    /// The CSV is broken.
    #[error("the credential report is not CSV at line {line}: {message}")]
    NotCsv {
        /// The line, from 1.
        line: u64,
        /// What the CSV reader says.
        message: String,
    },
    /// A cell holds something else.
    #[error("line {line} of the credential report: `{value}` in column `{column}` is not {expected}")]
    BadValue {
        /// The line, from 1.
        line: u64,
        /// The column.
        column: String,
        /// The value, cut at 64 characters.
        value: String,
        /// What was expected, as a noun phrase.
        expected: &'static str,
    },
}

/// The columns that are read, by AWS's names.
const COLUMNS: [&str; 17] = [
    "user",
    "arn",
    "user_creation_time",
    "password_enabled",
    "password_last_used",
    "password_last_changed",
    "mfa_active",
    "access_key_1_active",
    "access_key_1_last_rotated",
    "access_key_1_last_used_date",
    "access_key_2_active",
    "access_key_2_last_rotated",
    "access_key_2_last_used_date",
    "cert_1_active",
    "cert_1_last_rotated",
    "cert_2_active",
    "cert_2_last_rotated",
];

/// Reads a report: a byte order mark, CRLF, reordered and additional columns are all right; booleans and markers in any
/// case.
///
/// # Errors
/// If it is not CSV, a column is missing (all of them are named), or a cell holds something unexpected.
pub fn parse(content: &[u8], generated_at: Timestamp) -> Result<CredentialReport, ReportError> {
    let text = std::str::from_utf8(content).map_err(|_| ReportError::NotText)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::Headers).from_reader(text.as_bytes());
    let header = reader.headers().map_err(not_csv)?.clone();
    if header.iter().all(str::is_empty) {
        return Err(ReportError::Empty);
    }
    let mut columns: HashMap<String, usize> = HashMap::new();
    for (index, name) in header.iter().enumerate() {
        let name = name.to_ascii_lowercase();
        if COLUMNS.contains(&name.as_str()) && columns.contains_key(&name) {
            return Err(ReportError::DuplicateColumn(name));
        }
        columns.insert(name, index);
    }
    let missing: Vec<String> =
        COLUMNS.iter().filter(|name| !columns.contains_key(**name)).map(|name| (*name).to_owned()).collect();
    if !missing.is_empty() {
        return Err(ReportError::MissingColumns(missing));
    }
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(not_csv)?;
        let line = record.position().map_or(0, csv::Position::line);
        rows.push(Line { record: &record, columns: &columns, line }.row()?);
    }
    Ok(CredentialReport { generated_at, rows })
}

fn not_csv(error: csv::Error) -> ReportError {
    let line = error.position().map_or(1, csv::Position::line);
    let message = match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("{len} cells where the header has {expected_len}")
        }
        _ => "it cannot be split into cells".to_owned(),
    };
    ReportError::NotCsv { line, message }
}

/// One line with the columns' places.
struct Line<'a> {
    record: &'a csv::StringRecord,
    columns: &'a HashMap<String, usize>,
    line: u64,
}

impl Line<'_> {
    fn row(&self) -> Result<CredentialRow, ReportError> {
        Ok(CredentialRow {
            user: self.text("user").to_owned(),
            arn: self.text("arn").to_owned(),
            created: self.cell("user_creation_time")?,
            password_enabled: self.maybe_bool("password_enabled")?,
            password_last_used: self.cell("password_last_used")?,
            password_last_changed: self.cell("password_last_changed")?,
            mfa_active: self.maybe_bool("mfa_active")?.ok_or_else(|| self.bad("mfa_active", "true or false"))?,
            keys: vec![self.key("1")?, self.key("2")?],
            certificates: vec![self.certificate("1")?, self.certificate("2")?],
        })
    }

    /// Whether a credential can be used. `N/A`: there is none. Any other marker tells nothing, and then it counts as usable:
    /// what is not known is never clean.
    fn active(&self, column: &str) -> Result<bool, ReportError> {
        let known = self.maybe_bool(column)?;
        Ok(known.unwrap_or(self.cell(column).ok() != Some(Cell::NotApplicable)))
    }

    fn key(&self, number: &str) -> Result<KeyRow, ReportError> {
        Ok(KeyRow {
            active: self.active(&format!("access_key_{number}_active"))?,
            last_rotated: self.cell(&format!("access_key_{number}_last_rotated"))?,
            last_used: self.cell(&format!("access_key_{number}_last_used_date"))?,
        })
    }

    fn certificate(&self, number: &str) -> Result<CertificateRow, ReportError> {
        Ok(CertificateRow {
            active: self.active(&format!("cert_{number}_active"))?,
            last_rotated: self.cell(&format!("cert_{number}_last_rotated"))?,
        })
    }

    fn text(&self, column: &str) -> &str {
        self.columns.get(column).and_then(|index| self.record.get(*index)).unwrap_or_default().trim()
    }

    fn bad(&self, column: &str, expected: &'static str) -> ReportError {
        let value = self.text(column).chars().take(64).collect();
        ReportError::BadValue { line: self.line, column: column.to_owned(), value, expected }
    }

    /// A marker, if the cell holds one.
    fn marker(&self, column: &str) -> Option<Cell> {
        let text = self.text(column);
        [("n/a", Cell::NotApplicable), ("no_information", Cell::NoInformation), ("not_supported", Cell::NotSupported)]
            .into_iter()
            .find(|(name, _)| text.eq_ignore_ascii_case(name))
            .map(|(_, cell)| cell)
    }

    fn cell(&self, column: &str) -> Result<Cell, ReportError> {
        if let Some(marker) = self.marker(column) {
            return Ok(marker);
        }
        let time = self.text(column).parse::<Timestamp>();
        time.map(Cell::At).map_err(|_| self.bad(column, "a time, N/A, no_information or not_supported"))
    }

    /// `None` for a marker.
    fn maybe_bool(&self, column: &str) -> Result<Option<bool>, ReportError> {
        let text = self.text(column);
        if text.eq_ignore_ascii_case("true") {
            Ok(Some(true))
        } else if text.eq_ignore_ascii_case("false") {
            Ok(Some(false))
        } else if self.marker(column).is_some() {
            Ok(None)
        } else {
            Err(self.bad(column, "true, false or not_supported"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HEADER: &str = "user,arn,user_creation_time,password_enabled,password_last_used,password_last_changed,\
password_next_rotation,mfa_active,access_key_1_active,access_key_1_last_rotated,access_key_1_last_used_date,\
access_key_1_last_used_region,access_key_1_last_used_service,access_key_2_active,access_key_2_last_rotated,\
access_key_2_last_used_date,access_key_2_last_used_region,access_key_2_last_used_service,cert_1_active,\
cert_1_last_rotated,cert_2_active,cert_2_last_rotated,additional_credentials_info";
    const ROOT: &str = "<root_account>,arn:aws:iam::111122223333:root,2019-03-01T08:00:00+00:00,not_supported,\
2026-10-30T12:00:00+00:00,not_supported,not_supported,TRUE,false,N/A,N/A,N/A,N/A,false,N/A,N/A,N/A,N/A,false,N/A,\
false,N/A,";
    const ANNA: &str = "anna,arn:aws:iam::111122223333:user/anna,2020-01-01T00:00:00Z,true,no_information,\
2020-01-01T00:00:00+00:00,N/A,False,TRUE,2020-01-02T00:00:00+00:00,n/a,N/A,N/A,false,N/A,N/A,N/A,N/A,true,\
2021-01-01T00:00:00+00:00,false,N/A,\"{\"\"x\"\": 1}\"";

    fn at() -> Timestamp {
        "2026-11-01T00:00:00Z".parse().unwrap()
    }

    fn time(text: &str) -> Cell {
        Cell::At(text.parse().unwrap())
    }

    #[test]
    fn a_key_of_which_nothing_is_known_counts_as_usable() {
        let with = |marker: &str| {
            let text = format!("{HEADER}\n{}", ROOT.replace(",TRUE,false,", &format!(",TRUE,{marker},")));
            parse(text.as_bytes(), at()).unwrap().rows[0].keys[0].active
        };
        assert!(with("no_information") && with("not_supported") && with("true"));
        assert!(!with("N/A") && !with("false"));
    }

    fn check(text: &str) {
        let report = parse(text.as_bytes(), at()).unwrap();
        assert_eq!(report.generated_at, at());
        assert_eq!(report.rows.len(), 2);
        let root = &report.rows[0];
        assert!(root.is_root() && root.mfa_active);
        assert_eq!(root.password_enabled, None);
        assert_eq!(root.password_last_used, time("2026-10-30T12:00:00Z"));
        assert_eq!(root.password_last_changed, Cell::NotSupported);
        let anna = &report.rows[1];
        assert_eq!(anna.password_enabled, Some(true));
        assert_eq!(anna.password_last_used, Cell::NoInformation);
        assert!(!anna.mfa_active);
        assert_eq!(
            anna.keys,
            [
                KeyRow { active: true, last_rotated: time("2020-01-02T00:00:00Z"), last_used: Cell::NotApplicable },
                KeyRow { active: false, last_rotated: Cell::NotApplicable, last_used: Cell::NotApplicable },
            ]
        );
        assert!(anna.certificates[0].active && !anna.certificates[1].active);
    }

    #[test]
    fn a_report_is_read_with_or_without_bom_and_crlf() {
        let text = format!("{HEADER}\n{ROOT}\n{ANNA}\n");
        check(&text);
        check(text.trim_end());
        check(&format!("\u{feff}{}", text.replace('\n', "\r\n")));
    }

    #[test]
    fn columns_may_come_in_any_order() {
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(HEADER.as_bytes());
        let count = reader.records().next().unwrap().unwrap().len();
        let text = format!("{HEADER}\n{ROOT}\n{ANNA}\n");
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
        let mut writer = csv::Writer::from_writer(Vec::new());
        for record in reader.records() {
            let record = record.unwrap();
            writer.write_record((0..count).rev().map(|index| record.get(index).unwrap())).unwrap();
        }
        check(&String::from_utf8(writer.into_inner().unwrap()).unwrap());
    }

    #[test]
    fn missing_columns_are_all_named() {
        let header = HEADER.replace("mfa_active,", "").replace("cert_2_active,", "");
        let error = parse(header.as_bytes(), at()).unwrap_err();
        assert_eq!(error, ReportError::MissingColumns(vec!["mfa_active".into(), "cert_2_active".into()]));
        assert_eq!(error.to_string(), "the credential report lacks the columns `mfa_active`, `cert_2_active`");
        assert_eq!(parse(b"", at()), Err(ReportError::Empty));
        assert!(matches!(parse(b"<html>no</html>", at()), Err(ReportError::MissingColumns(_))));
        assert_eq!(parse(&[0xff, 0xfe], at()), Err(ReportError::NotText));
        let twice = format!("{HEADER},mfa_active\n");
        assert_eq!(parse(twice.as_bytes(), at()), Err(ReportError::DuplicateColumn("mfa_active".into())));
    }

    #[test]
    fn a_bad_cell_is_named_by_line_and_column() {
        let text = format!("{HEADER}\n{ROOT}\n{}\n", ANNA.replace("2020-01-01T00:00:00Z", "yesterday"));
        let error = parse(text.as_bytes(), at()).unwrap_err().to_string();
        assert_eq!(
            error,
            "line 3 of the credential report: `yesterday` in column `user_creation_time` is not a time, N/A, \
             no_information or not_supported"
        );
        let text = format!("{HEADER}\n{}\n", ROOT.replace("TRUE", "not_supported"));
        assert!(parse(text.as_bytes(), at()).unwrap_err().to_string().contains("`mfa_active`"));
        let text = format!("{HEADER}\nanna,arn\n");
        assert!(matches!(parse(text.as_bytes(), at()), Err(ReportError::NotCsv { line: 2, .. })));
    }

    proptest! {
        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            let _ = parse(&bytes, at());
        }

        #[test]
        fn never_panics_on_mangled_reports(cut in 0usize..1200, insert in "\\PC{0,12}") {
            let mut text = format!("{HEADER}\n{ROOT}\n{ANNA}\n");
            let at_char = text.char_indices().map(|(index, _)| index).nth(cut % text.len()).unwrap_or(0);
            text.insert_str(at_char, &insert);
            let _ = parse(text.as_bytes(), at());
        }
    }
}
