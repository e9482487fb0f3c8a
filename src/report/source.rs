//! Where a report has its findings from: a source that is read in one pass.
//!
//! Must not: keep findings.

use crate::model::Finding;
use serde::Serialize;
use serde_json::Value;
use std::error::Error;
use std::io::{self, Write};

/// Findings in the order of reports ([`Finding::in_order`]): the organization's, then those of each account by id.
pub trait Findings {
    /// Hands every finding over, once and in order, until `visit` fails.
    ///
    /// # Errors
    /// If they can't be read, or as `visit` fails.
    fn each(&self, visit: &mut dyn FnMut(&Finding) -> Result<(), ReportError>) -> Result<(), ReportError>;
}

impl Findings for Vec<Finding> {
    fn each(&self, visit: &mut dyn FnMut(&Finding) -> Result<(), ReportError>) -> Result<(), ReportError> {
        self.iter().try_for_each(visit)
    }
}

/// Why a report was not made to its end.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// Its findings can't be read.
    #[error("{0}")]
    Source(Box<dyn Error + Send + Sync>),
    /// It can't be written. Who opened what it is written to knows better words.
    #[error("can't write the report: {0}")]
    Write(#[from] io::Error),
    /// A value has no form as JSON, which no value orgward makes is known to do.
    #[error("the report has no form as JSON: {0}")]
    Json(serde_json::Error),
}

impl ReportError {
    /// Findings that can't be read, and why.
    pub fn source(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Source(error.into())
    }

    /// JSON that was not written to its end, and why.
    pub(super) fn unwritten(error: serde_json::Error) -> Self {
        if error.is_io() { Self::Write(error.into()) } else { Self::Json(error) }
    }
}

/// Writes a value as JSON in one line, without a line feed.
///
/// # Errors
/// If it can't be written.
pub(super) fn json(value: &impl Serialize, out: &mut dyn Write) -> Result<(), ReportError> {
    serde_json::to_writer(out, value).map_err(ReportError::unwritten)
}

/// `value` without members that are null: the formats of others leave out what is not known.
pub(super) fn known(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            Value::Object(members.into_iter().filter(|(_, v)| !v.is_null()).map(|(k, v)| (k, known(v))).collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(known).collect()),
        other => other,
    }
}
